"""Which stocks belong to a universe on a day, and which of them are the largest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd

from bot.domain.errors import DataError
from bot.domain.model import Note, Symbol
from strategies.tables import (
    UNKNOWN_SECTOR,
    days_of,
    numbers_of,
    require,
    symbols_of,
    texts_of,
)

UNIVERSE, HOLDINGS = "universe", "holdings"
RANK = "mega_rank"
# What a universe may be ranked by, the first column that is there.
SIZES = ("source_weight", "weight", "source_market_value", "market_value")
INTERVAL_COLUMNS = ("symbol", "sector", "start_date", "end_date")
HISTORY_COLUMNS = (
    *INTERVAL_COLUMNS,
    *(RANK, "source_weight", "source_market_value", "ranking_column"),
)

# Classes of shares of one issuer, under the name of one of them.
_CLASSES: Mapping[Symbol, Symbol] = {
    "GOOG": "GOOGL",
    "BRK.A": "BRK.B",
    "BRK-B": "BRK.B",
    "BRKB": "BRK.B",
    "FOX": "FOXA",
    "NWS": "NWSA",
}


def issuer(symbol: Symbol) -> Symbol:
    """One name for all classes of shares of a company."""
    return _CLASSES.get(symbol, symbol)


@dataclass(frozen=True, slots=True, eq=False)
class Universe:
    """Rows of symbols with their sector and, where given, validity, rank and size.

    The rows stand in the order of the file and may name a symbol several times:
    for other days, or because nobody looked. `notes` tell what was left out.
    """

    rows: pd.DataFrame
    notes: tuple[Note, ...] = ()

    @classmethod
    def of(cls, table: pd.DataFrame) -> "Universe":
        """A universe of a table with the columns symbol and sector.

        The optional columns start_date and end_date, both included and open where
        empty, say when a row is valid. Rows without a symbol are left out. Raises
        DataError `table_columns`, `table_empty` or `bad_date`.
        """
        require(table, ("symbol", "sector"), UNIVERSE)
        codes, symbols = symbols_of(table["symbol"])
        rows = table.assign(sector=texts_of(table["sector"], UNKNOWN_SECTOR))
        for column in {"start_date", "end_date"} & set(table.columns):
            rows[column] = days_of(table[column], UNIVERSE).astype("datetime64[s]")
        rows["symbol"] = np.array([*symbols, ""], dtype=object)[codes]
        nameless = int((codes < 0).sum())
        told = (Note("rows_nameless", "", {"table": UNIVERSE, "rows": nameless}),) * (nameless > 0)
        return cls(rows[codes >= 0].reset_index(drop=True), told)

    def on(self, day: date) -> "Universe":
        """The rows that are valid on a day: all of them where none says when."""
        valid, moment = np.ones(len(self.rows), dtype=bool), np.datetime64(day, "s")
        if "start_date" in self.rows:
            starts = self.rows["start_date"].to_numpy()
            valid &= np.isnat(starts) | (starts <= moment)
        if "end_date" in self.rows:
            ends = self.rows["end_date"].to_numpy()
            valid &= np.isnat(ends) | (ends >= moment)
        return replace(self, rows=self.rows[valid].reset_index(drop=True))

    def spell(self, day: date) -> int:
        """A number that is the same on days between which nobody comes or goes."""
        edges = [np.empty(0, dtype="datetime64[D]")]
        for column, after in (("start_date", 0), ("end_date", 1)):
            if column in self.rows:
                days = self.rows[column].dropna().to_numpy().astype("datetime64[D]")
                edges.append(days + np.timedelta64(after, "D"))
        return int((np.concatenate(edges) <= np.datetime64(day, "D")).sum())

    def once(self) -> "Universe":
        """Each symbol with its last row."""
        rows = self.rows.drop_duplicates("symbol", keep="last")
        return replace(self, rows=rows.reset_index(drop=True))

    @property
    def sectors(self) -> dict[Symbol, str]:
        """The sector of each symbol, of several rows the last."""
        names, sectors = (self.rows[column].to_numpy(object) for column in ("symbol", "sector"))
        return dict(zip(names.tolist(), sectors.tolist(), strict=True))


def largest(universe: Universe, size: int) -> Universe:
    """The `size` largest of a universe, the largest first.

    By `mega_rank` where any row has one; else by the first of SIZES that is a
    column, one symbol for each issuer; else all of them, if they are no more.
    Raises DataError `universe_unranked` where they are more and nothing ranks them.
    """
    for column, rising in _measures(universe.rows):
        numbers = numbers_of(universe.rows[column])
        known = ~np.isnan(numbers)
        if known.any():
            ranked = _by_size(universe.rows[known], numbers[known], rising=rising)
            if not rising:
                ranked = ranked[~ranked["symbol"].map(issuer).duplicated()]
            left = int((~known).sum())
            told = (Note("rank_missing", "", {"column": column, "rows": left}),) * (left > 0)
            rows = ranked.head(size).reset_index(drop=True)
            return Universe(rows, universe.notes + told)
    once = universe.once()
    if len(once.rows) > size:
        raise DataError("universe_unranked", found=len(once.rows), size=size)
    return once


def _measures(rows: pd.DataFrame) -> list[tuple[str, bool]]:
    """What ranks the rows, and whether small numbers come first."""
    sizes = [(column, False) for column in SIZES if column in rows.columns][:1]
    return [*([(RANK, True)] if RANK in rows.columns else []), *sizes]


def _by_size(rows: pd.DataFrame, numbers: np.ndarray, *, rising: bool) -> pd.DataFrame:
    symbols = rows["symbol"].to_numpy(dtype=str)
    return rows.iloc[np.lexsort([symbols, numbers if rising else -numbers])]


def membership(holdings: Mapping[date, pd.DataFrame], backfill: date | None = None) -> pd.DataFrame:
    """Who belonged to an index when, from its holdings on some days: INTERVAL_COLUMNS.

    A holding is valid from its day until the day before the next table's; those
    of the last table until further notice. A table's first row of a symbol
    counts. With `backfill` those of the first table are valid from then on.
    Sorted by symbol, then start. Raises DataError as `Universe.of` does.
    """
    parts = []
    for day, end in _spans(holdings):
        rows = Universe.of(holdings[day]).rows.drop_duplicates("symbol")
        first = min(day, backfill) if backfill and day == min(holdings) else day
        parts.append(_dated(rows[["symbol", "sector"]], first, end))
    if not parts:
        raise DataError("table_empty", table=HOLDINGS)
    return pd.concat(parts).sort_values(["symbol", "start_date"]).reset_index(drop=True)


def largest_over_time(
    holdings: Mapping[date, pd.DataFrame], size: int, measure: str = "weight"
) -> pd.DataFrame:
    """The `size` largest of each table of holdings, valid as in `membership`: HISTORY_COLUMNS.

    Ranked by `measure`, or where a table has no number of it by its weight, else
    by its market value; one symbol for each issuer. Sorted by start, rank, symbol.
    Raises DataError `holdings_unranked` naming the day of a table with neither.
    """
    parts = [
        _dated(_ranked(holdings[day], day, size, measure), day, end)
        for day, end in _spans(holdings)
    ]
    if not parts:
        raise DataError("table_empty", table=HOLDINGS)
    return pd.concat(parts, ignore_index=True)[list(HISTORY_COLUMNS)]


def _ranked(table: pd.DataFrame, day: date, size: int, measure: str) -> pd.DataFrame:
    rows = Universe.of(table).rows
    choices = dict.fromkeys((measure, "weight", "market_value"))
    numbers = {
        column: numbers_of(rows[column]) if column in rows else np.full(len(rows), np.nan)
        for column in choices
    }
    usable = [column for column in choices if not np.isnan(numbers[column]).all()]
    if not usable:
        raise DataError("holdings_unranked", day=day, columns=", ".join(choices))
    chosen = numbers[usable[0]]
    known = ~np.isnan(chosen)
    measured = rows.assign(
        source_weight=numbers["weight"],
        source_market_value=numbers["market_value"],
        ranking_column=usable[0],
    )
    ranked = _by_size(measured[known], chosen[known], rising=False)
    ranked = ranked[~ranked["symbol"].map(issuer).duplicated()].head(size)
    return ranked.assign(mega_rank=np.arange(1, len(ranked) + 1))


def _spans(days: Sequence[date] | Mapping[date, object]) -> list[tuple[date, date | None]]:
    """Each day and the last before the next one, None for the last."""
    ordered = sorted(days)
    ends = [later - timedelta(days=1) for _, later in pairwise(ordered)]
    return list(zip(ordered, [*ends, None][: len(ordered)], strict=True))


def _dated(rows: pd.DataFrame, first: date, last: date | None) -> pd.DataFrame:
    ends = np.full(len(rows), np.datetime64("NaT" if last is None else last, "s"))
    return rows.assign(start_date=np.datetime64(first, "s"), end_date=ends)
