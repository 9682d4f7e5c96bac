"""The cells of a file of prices, plain or gzipped, CSV or Parquet, and what they mean."""

import csv
import gzip
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from adapters.prices import REMEDIES, Floats, Positions, PriceTable, Suspicion
from bot.domain.errors import DataError
from bot.domain.model import Symbol

_GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"
_DATES = ("date", "as_of")
_SYMBOLS = ("symbol", "ticker")
_CLOSES = ("adj_close", "close")
_RAWS = ("unadj_close", "close")
_OPENS = ("adj_open", "open")
# A plain open is a price like the plain close beside it; alone with an adjusted one it is raw.
_OPENED_WITH = ("close", "unadj_close", "adj_close")
_HEADER_LINES = 1

_A_DATE = r"^\d{4}-\d{2}-\d{2}([T ].*)?$|^\d{8}$"
_A_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"

Marks = npt.NDArray[np.bool_]


def read(path: Path) -> PriceTable:
    """Read a file as `price_files.load` promises."""
    try:
        table = _table(path, _rows(path, _named(path, _read(path))))
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, pa.ArrowException) as error:
        told = error.strerror if isinstance(error, OSError) else None
        reason = told or str(error).partition("\n")[0]
        raise _refusal("unreadable_file", path, reason=reason) from error
    if not len(table.closes.columns):
        for symbol in table.defects:
            table.refuse_defect(symbol)
        raise _refusal("empty_file", path)
    return table


def _refusal(code: str, path: Path, **place: object) -> DataError:
    return DataError(code, path=path, **place, remedy=REMEDIES[code])


def _read(path: Path) -> pa.Table:
    content = path.read_bytes()
    if content.startswith(_GZIP):
        content = gzip.decompress(content)
    if content.startswith(_PARQUET):
        return parquet.read_table(pa.BufferReader(content))
    return _read_csv(path, content.lstrip())


def _read_csv(path: Path, content: bytes) -> pa.Table:
    """All cells as text: only text tells an empty cell from one that says NaN."""
    header = content.partition(b"\n")[0].decode("utf-8-sig")
    if not header:
        raise _refusal("empty_file", path)
    names = next(csv.reader([header]))
    positions = [str(at) for at in range(len(names))]
    cells = arrow_csv.read_csv(
        pa.BufferReader(content),
        read_options=arrow_csv.ReadOptions(column_names=positions, skip_rows=_HEADER_LINES),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(positions, pa.string()), strings_can_be_null=False
        ),
    )
    return cells.rename_columns(names)


@dataclass(frozen=True, slots=True)
class _Named:
    """The columns of a file by their lower-case names; the symbols of a wide one as written."""

    cells: pa.Table
    names: Sequence[str]
    written: Sequence[str]

    def find(self, *wanted: str) -> pa.ChunkedArray | None:
        """The first column there is of these names."""
        for name in wanted:
            if name in self.names:
                return self.cells.column(self.names.index(name))
        return None


def _named(path: Path, cells: pa.Table) -> _Named:
    written = [name.strip() for name in cells.column_names]
    twice = [name for name, count in Counter(written).items() if count > 1]
    if twice:
        raise _refusal("duplicate_columns", path, columns=", ".join(twice))
    if not cells.num_rows:
        raise _refusal("empty_file", path)
    return _Named(cells, [name.lower().replace(" ", "_") for name in written], written)


@dataclass(frozen=True, slots=True)
class _Numbers:
    """A column of numbers: NaN where a cell is empty or wrong; `wrong` tells which."""

    floats: Floats
    wrong: Marks
    cells: pa.ChunkedArray

    def written(self, row: int) -> str:
        """The cell as the file has it."""
        return str(self.cells[row].as_py())


@dataclass(frozen=True, slots=True)
class _Rows:
    """One bar per row: positions into `days` and `symbols`, and its numbers."""

    days: pd.DatetimeIndex
    day: Positions
    symbols: Sequence[Symbol]
    symbol: Positions
    closes: _Numbers
    opens: "_Opens | None" = None
    raw: _Numbers | None = None
    dividends: _Numbers | None = None
    volumes: _Numbers | None = None


@dataclass(frozen=True, slots=True)
class _Opens:
    """Opens as written, and the closes that are on their scale."""

    written: _Numbers
    beside: _Numbers


def _rows(path: Path, columns: _Named) -> _Rows:
    dates = columns.find(*_DATES)
    if dates is None:
        raise _refusal("missing_columns", path, columns="date")
    days, day = _days(path, dates)
    symbols = columns.find(*_SYMBOLS)
    closes = columns.find(*_CLOSES)
    if symbols is None and closes is None:
        return _wide(path, columns, days, day)
    if symbols is None or closes is None:
        absent = "symbol" if symbols is None else "close"
        raise _refusal("missing_columns", path, columns=absent)
    names, symbol = _symbols(path, symbols)
    # Beside adjusted closes a plain `close` is the unadjusted one.
    raw = columns.find(*(_RAWS if "adj_close" in columns.names else _RAWS[:1]))
    dividends, volumes = columns.find("dividend"), columns.find("volume")
    return _Rows(
        days,
        day,
        names,
        symbol,
        _numbers(closes),
        _opens(columns),
        None if raw is None else _numbers(raw),
        None if dividends is None else _numbers(dividends, zero=True),
        None if volumes is None else _numbers(volumes, zero=True),
    )


def _opens(columns: _Named) -> _Opens | None:
    opens = columns.find(*_OPENS)
    beside = columns.find(*(_CLOSES if _OPENS[0] in columns.names else _OPENED_WITH))
    if opens is None or beside is None:
        return None
    return _Opens(_numbers(opens), _numbers(beside))


def _wide(path: Path, columns: _Named, days: pd.DatetimeIndex, day: Positions) -> _Rows:
    at = [i for i, name in enumerate(columns.names) if name not in _DATES]
    symbols = [columns.written[i] for i in at]
    if not symbols:
        raise _refusal("missing_columns", path, columns="symbol, close")
    if not all(symbols):
        raise _refusal("bad_symbol", path, line=_HEADER_LINES)
    repeated = np.flatnonzero(np.bincount(day) > 1)
    if len(repeated):
        raise _refusal("duplicate_rows", path, date=days[repeated[0]].date())
    cells = columns.cells.select(at)
    kind = pa.string() if any(map(_is_text, cells.schema.types)) else pa.float64()
    closes = pa.chunked_array([chunk for c in cells.columns for chunk in c.cast(kind).chunks], kind)
    symbol = np.repeat(np.arange(len(symbols), dtype=np.intp), len(day))
    return _Rows(days, np.tile(day, len(symbols)), symbols, symbol, _numbers(closes))


def _days(path: Path, dates: pa.ChunkedArray) -> tuple[pd.DatetimeIndex, Positions]:
    """The distinct days of a column in order, and the position of each row's day."""
    coded = pc.dictionary_encode(dates, null_encoding="encode").combine_chunks()
    parsed = _parse_days(coded.dictionary)
    day = coded.indices.to_numpy()
    if parsed.isna().any():
        row = int(np.flatnonzero(parsed.isna()[day])[0])
        text = dates[row].as_py()
        raise _refusal("bad_date", path, line=row + 1 + _HEADER_LINES, value=text)
    days, position = np.unique(parsed.to_numpy(), return_inverse=True)
    return pd.DatetimeIndex(days), position[day].astype(np.intp)


def _parse_days(distinct: pa.Array) -> pd.DatetimeIndex:
    """Naive days, NaT where one can not be read; a time of day is left out as it stands."""
    if pa.types.is_temporal(distinct.type):
        zoned = getattr(distinct.type, "tz", None)
        local = pc.local_timestamp(distinct) if zoned else distinct
        days = local.cast(pa.date32(), safe=False).to_numpy(zero_copy_only=False)
        return pd.DatetimeIndex(days).as_unit("s")
    text = pc.utf8_trim_whitespace(distinct.cast(pa.string()))
    digits = pc.replace_substring(pc.utf8_slice_codeunits(text, 0, 10), "-", "")
    told = pc.if_else(pc.match_substring_regex(text, _A_DATE), digits, None).to_pylist()
    parsed = pd.to_datetime(pd.Series(told, dtype=object), format="%Y%m%d", errors="coerce")
    return pd.DatetimeIndex(parsed).as_unit("s")


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _symbols(path: Path, names: pa.ChunkedArray) -> tuple[list[Symbol], Positions]:
    """The distinct symbols in order, and the position of each row's symbol."""
    text = pc.utf8_trim_whitespace(pc.fill_null(names.cast(pa.string()), ""))
    coded = pc.dictionary_encode(text).combine_chunks()
    distinct = np.array(coded.dictionary.to_pylist(), dtype=object)
    symbols, position = np.unique(distinct, return_inverse=True)
    rows = position[coded.indices.to_numpy()].astype(np.intp)
    if "" in symbols:
        nameless = int(np.flatnonzero(rows == 0)[0])
        raise _refusal("bad_symbol", path, line=nameless + 1 + _HEADER_LINES)
    return symbols.tolist(), rows


def _numbers(cells: pa.ChunkedArray, *, zero: bool = False) -> _Numbers:
    """Read numbers: finite and positive, or zero where `zero` allows it."""
    if _is_text(cells.type):
        text = pc.fill_null(pc.utf8_trim_whitespace(cells), "")
        numeric = pc.match_substring_regex(text, _A_NUMBER)
        values = pc.if_else(numeric, text, None).cast(pa.float64())
        wrong = pc.and_(pc.invert(numeric), pc.not_equal(text, "")).to_numpy()
    else:
        values = cells.cast(pa.float64())
        wrong = np.zeros(len(cells), dtype=np.bool_)
    numbers = np.array(values.to_numpy(), dtype=np.float64)
    wrong = wrong | np.isinf(numbers) | (numbers < 0) | ((numbers == 0) & (not zero))
    numbers[wrong] = np.nan
    return _Numbers(numbers, wrong, cells)


def _table(path: Path, rows: _Rows) -> PriceTable:
    defects: dict[Symbol, Suspicion] = {}
    for code, marks, numbers in _complaints(rows):
        at = np.flatnonzero(marks)
        _, first = np.unique(rows.symbol[at], return_index=True)
        for row in at[first].tolist():
            symbol, day = rows.symbols[rows.symbol[row]], rows.days[rows.day[row]].date()
            defects.setdefault(symbol, Suspicion(symbol, day, code, numbers.written(row)))
    closes = _frame(rows, rows.closes, defects).dropna(axis=0, how="all").dropna(axis=1, how="all")

    def beside(numbers: _Numbers | None) -> pd.DataFrame | None:
        if numbers is None:
            return None
        return _frame(rows, numbers, defects).reindex(index=closes.index, columns=closes.columns)

    dividends = beside(rows.dividends)
    return PriceTable(
        closes,
        path,
        opens=beside(_adjusted_opens(rows)),
        raw=beside(rows.raw),
        dividends=None if dividends is None else dividends.fillna(0.0),
        volumes=beside(rows.volumes),
        defects=defects,
    )


def _complaints(rows: _Rows) -> Iterator[tuple[str, Marks, _Numbers]]:
    """Rows that can not be believed: the reason, which rows, and where their text stands."""
    yield "duplicate_rows", _repeated(rows), rows.closes
    yield "bad_price", rows.closes.wrong, rows.closes
    if rows.raw is not None:
        yield "bad_price", rows.raw.wrong, rows.raw
        bare = ~np.isnan(rows.closes.floats) & np.isnan(rows.raw.floats)
        yield "missing_raw", bare & _given(rows, rows.raw), rows.closes
    if rows.opens is not None:
        for prices in (rows.opens.written, rows.opens.beside):
            yield "bad_price", prices.wrong, prices
    for numbers in (rows.dividends, rows.volumes):
        if numbers is not None:
            yield "bad_number", numbers.wrong, numbers


def _given(rows: _Rows, numbers: _Numbers) -> Marks:
    """The rows of symbols that have any of these numbers."""
    given: Marks = (np.bincount(rows.symbol, ~np.isnan(numbers.floats)) > 0)[rows.symbol]
    return given


def _adjusted_opens(rows: _Rows) -> _Numbers | None:
    """The opens on the scale of the closes; a symbol with one kind of close has them on it."""
    if rows.opens is None:
        return None
    closes, beside = rows.closes.floats, rows.opens.beside
    scale = np.where(_given(rows, beside), beside.floats, closes)
    return replace(rows.opens.written, floats=rows.opens.written.floats * (closes / scale))


def _repeated(rows: _Rows) -> Marks:
    cell = rows.day * len(rows.symbols) + rows.symbol
    repeated: Marks = np.bincount(cell)[cell] > 1
    return repeated


def _frame(rows: _Rows, numbers: _Numbers, defects: dict[Symbol, Suspicion]) -> pd.DataFrame:
    grid = np.full((len(rows.days), len(rows.symbols)), np.nan)
    grid[rows.day, rows.symbol] = numbers.floats
    frame = pd.DataFrame(grid, index=rows.days, columns=list(rows.symbols))
    return frame.drop(columns=list(defects)) if defects else frame
