"""Reading a file of prices: CSV or Parquet, long or wide, plain or gzipped."""

from pathlib import Path

from adapters.prices import PriceTable


def load(path: Path) -> PriceTable:
    """Read the prices of a file; what it is, its contents say.

    Long: `date,symbol` and `close` or `adj_close`, and where present
    `unadj_close`, `open` or `adj_open`, `dividend`, `volume`. An `open` is adjusted
    as the column `close` is, or, where there is none, as `unadj_close` is, and put
    on the scale of the adjusted closes by the ratio of its row. Wide: `date` and
    one column of closes per symbol. Rows in any order; an empty cell is no bar.

    Raises DataError where the file as a whole can not be read, with the line or
    the column. A symbol with a wrong row is set apart in `PriceTable.defects`
    and refused when it is asked for; if that leaves no symbol at all, at once.
    """
    # What reads cells takes more memory than all of an idle daemon's own, which reads none.
    from adapters.price_cells import read

    return read(path)
