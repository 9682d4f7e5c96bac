"""The prices of many stocks, and the features of each on any day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot.domain.errors import DataError
from bot.domain.model import Note, Symbol
from strategies.factors import ADV_ROWS, LONGEST, Factor, Windows
from strategies.tables import Days, Floats, Places, days_of, numbers_of, require, symbols_of

PRICES = "prices"

# Of each row whose symbol it belongs to, its day, its close, its volume.
_Rows: TypeAlias = tuple[Places, Days, Floats, Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Rows of prices, one contiguous run for each symbol, oldest first.

    `symbols` are sorted; those of place i have the rows from `starts[i]` to
    `starts[i + 1]`. Rows count, not days: a stock that did not trade has no row.
    `closes` are positive, `volumes` in shares, NaN where unknown. `notes` tell of
    rows that were left out or stand there twice. `earlier` counts the rows of each
    symbol that are older than these and were not read, where any were not.
    """

    symbols: tuple[Symbol, ...]
    starts: Places
    days: Days
    closes: Floats
    volumes: Floats
    notes: tuple[Note, ...] = ()
    earlier: Places | None = None
    _keys: npt.NDArray[np.signedinteger[Any]] = field(init=False, repr=False)
    _span: int = field(init=False, repr=False)
    _first: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Number the rows by symbol, then day, so that all symbols are searched at once."""
        days = self.days.astype(np.int64)
        first, last = (int(days.min()), int(days.max())) if len(days) else (0, 0)
        owners = np.repeat(np.arange(len(self.symbols)), np.diff(self.starts))
        object.__setattr__(self, "_first", first)
        object.__setattr__(self, "_span", last - first + 2)
        keys = owners * self._span + days - first
        # Half the memory to search through, where numbers of that size fit.
        small = len(self.symbols) * self._span <= np.iinfo(np.int32).max
        object.__setattr__(self, "_keys", keys.astype(np.int32 if small else np.int64, copy=False))

    @classmethod
    def of_rows(
        cls, table: pd.DataFrame, *, keeps_doubles: bool = False, wants_volume: bool = True
    ) -> "Panel":
        """A panel of a long table with the columns symbol, as_of, close, volume, in any order.

        Of several rows of a symbol and day the last counts, or, where the panel
        `keeps_doubles`, each. Rows without a close are left out. Raises DataError
        `table_columns`, `table_empty`, `bad_date`, or `bad_price` where a close is
        not positive.
        """
        require(table, ("symbol", "as_of", "close", *(["volume"] * wants_volume)), PRICES)
        owners, symbols = symbols_of(table["symbol"])
        days = days_of(table["as_of"], PRICES)
        closes = numbers_of(table["close"])
        volumes = np.full(len(table), np.nan)
        if "volume" in table.columns:
            volumes = numbers_of(table["volume"])
        usable = (owners >= 0) & ~np.isnan(closes) & ~np.isnat(days)
        notes = _left_out(symbols, owners, usable)
        rows = _in_order((owners, days, closes, volumes), usable)
        twice = _doubles(rows)
        if not twice.any():
            return _of_runs(symbols, rows, notes)
        notes += _told_twice(symbols, rows[0][twice], keeps_doubles=keeps_doubles)
        return _of_runs(symbols, rows if keeps_doubles else _picked(rows, ~twice), notes)

    @classmethod
    def of_frames(cls, closes: pd.DataFrame, volumes: pd.DataFrame | None = None) -> "Panel":
        """A panel of sessions × symbols, NaN where a symbol has no row.

        `volumes` has the sessions of `closes`; what it lacks is unknown. Raises
        DataError `bad_price` where a close is not positive.
        """
        ordered = closes.sort_index().sort_index(axis=1)
        traded = ordered * np.nan
        if volumes is not None:
            traded = volumes.reindex(index=ordered.index, columns=ordered.columns)
        prices = ordered.to_numpy(dtype=np.float64).T
        owners, sessions = np.nonzero(~np.isnan(prices))
        days = pd.DatetimeIndex(ordered.index).to_numpy().astype("datetime64[D]")[sessions]
        shares = traded.to_numpy(dtype=np.float64).T[owners, sessions]
        symbols = [str(symbol) for symbol in ordered.columns]
        return _of_runs(symbols, (owners, days, prices[owners, sessions], shares), ())

    @property
    def newest(self) -> date | None:
        """The day of the newest row, None of a panel without rows."""
        return self.days.max().item() if len(self.days) else None

    def since(self, day: date) -> "Panel":
        """The same panel as if there were no rows before a day."""
        assert self.earlier is None, "rows were not read that may be of that day"
        kept = self.days >= np.datetime64(day, "D")
        before = np.concatenate([[0], np.cumsum(kept)])
        rows = (self.days[kept], self.closes[kept], self.volumes[kept])
        return Panel(self.symbols, before[self.starts], *rows, self.notes)

    def places(self, symbols: Sequence[Symbol]) -> Places:
        """Where the symbols stand, -1 for those without any row."""
        place = {symbol: at for at, symbol in enumerate(self.symbols)}
        return np.array([place.get(symbol, -1) for symbol in symbols], dtype=np.intp)

    def ends(self, places: Places, day: date) -> Places:
        """Of each place the row after the last one that is not later than `day`.

        The start of its run where all rows are later.
        """
        number = int(np.datetime64(day, "D").astype(np.int64)) - self._first + 1
        wanted = places * self._span + min(max(number, 0), self._span - 1)
        return np.searchsorted(self._keys, wanted.astype(self._keys.dtype, copy=False))

    def reaches(self, day: date) -> bool:
        """Whether all rows are here that the windows of a day look at."""
        if self.earlier is None:
            return True
        here = self.ends(np.arange(len(self.symbols)), day) - self.starts[:-1]
        return bool(((here >= LONGEST) | (self.earlier == 0)).all())

    def windows(self, places: Places, day: date) -> Windows:
        """The newest rows of the symbols at `places` that are not later than `day`.

        A place of -1 is a symbol without rows. The panel reaches the day.
        """
        assert self.reaches(day), "rows the windows look at were not read"
        known = places >= 0
        ends, starts = np.zeros_like(places), np.zeros_like(places)
        ends[known] = self.ends(places[known], day)
        starts[known] = self.starts[places[known]]
        rows = ends - starts
        counts = rows.astype(np.float64)
        if self.earlier is not None:
            counts[known] += self.earlier[places[known]]
        newest = np.full(len(places), np.datetime64("NaT", "D"))
        newest[rows > 0] = self.days[ends[rows > 0] - 1]
        return Windows(
            closes=_newest(self.closes, starts, ends, LONGEST),
            volumes=_newest(self.volumes, starts, ends, ADV_ROWS),
            rows=counts,
            newest=newest,
        )


def features(panel: Panel, factors: Mapping[str, Factor], days: Sequence[date]) -> pd.DataFrame:
    """The factors of every symbol of the panel on each of the days: one row per day and symbol.

    The index is (as_of, symbol). A row is made of rows of prices up to its day,
    and is the same whatever other days are asked for.
    """
    places = np.arange(len(panel.symbols))
    columns: dict[str, list[Floats]] = {name: [] for name in factors}
    for day in days:
        windows = panel.windows(places, day)
        for name, factor in factors.items():
            columns[name].append(factor(windows))
    index = pd.MultiIndex.from_arrays(
        [
            np.repeat(np.array(days, dtype="datetime64[s]"), len(places)),
            np.tile(np.array(panel.symbols, dtype=object), len(days)),
        ],
        names=["as_of", "symbol"],
    )
    return pd.DataFrame(
        {name: np.concatenate(parts or [np.empty(0)]) for name, parts in columns.items()}, index
    )


def _picked(rows: _Rows, which: npt.NDArray[np.bool_] | Places) -> _Rows:
    owners, days, closes, volumes = rows
    return owners[which], days[which], closes[which], volumes[which]


def _in_order(rows: _Rows, usable: npt.NDArray[np.bool_]) -> _Rows:
    """The usable rows by symbol, then day; of a day they stay in the order they came in."""
    if not usable.all():
        rows = _picked(rows, usable)
    days = rows[1].astype(np.int64)
    if not len(days):
        return rows
    keys = rows[0] * (days.max() - days.min() + 1) + days
    if (keys[1:] >= keys[:-1]).all():
        return rows
    return _picked(rows, np.argsort(keys, kind="stable"))


def _doubles(rows: _Rows) -> npt.NDArray[np.bool_]:
    """Which of the ordered rows another of the same symbol and day follows."""
    owners, days = rows[0], rows[1]
    twice = np.zeros(len(days), dtype=bool)
    twice[:-1] = (owners[1:] == owners[:-1]) & (days[1:] == days[:-1])
    return twice


def _of_runs(symbols: Sequence[Symbol], rows: _Rows, notes: tuple[Note, ...]) -> Panel:
    owners, days, closes, volumes = rows
    wrong = np.flatnonzero(~((closes > 0.0) & np.isfinite(closes)))
    if len(wrong):
        at = wrong[0]
        raise DataError(
            "bad_price",
            path=PRICES,
            symbol=symbols[owners[at]],
            date=days[at].item(),
            value=float(closes[at]),
        )
    starts = np.searchsorted(owners, np.arange(len(symbols) + 1))
    return Panel(tuple(symbols), starts, days, closes, volumes, notes)


def _left_out(
    symbols: Sequence[Symbol], owners: Places, usable: npt.NDArray[np.bool_]
) -> tuple[Note, ...]:
    nameless = int((owners < 0).sum())
    counts = np.bincount(owners[~usable & (owners >= 0)], minlength=len(symbols)).tolist()
    told = [Note("rows_nameless", "", {"table": PRICES, "rows": nameless})] * (nameless > 0)
    told += [
        Note("rows_unpriced", symbol, {"rows": rows})
        for symbol, rows in zip(symbols, counts, strict=True)
        if rows
    ]
    return tuple(told)


def _told_twice(
    symbols: Sequence[Symbol], owners: Places, *, keeps_doubles: bool
) -> tuple[Note, ...]:
    code = "rows_counted_twice" if keeps_doubles else "rows_replaced"
    counts = np.bincount(owners, minlength=len(symbols)).tolist()
    return tuple(
        Note(code, symbol, {"rows": rows})
        for symbol, rows in zip(symbols, counts, strict=True)
        if rows
    )


def _newest(values: Floats, starts: Places, ends: Places, length: int) -> Floats:
    """The `length` values before each end, the newest last, NaN before the start."""
    whole = ends - starts >= length
    runs = np.empty((0, length))
    if whole.any():
        runs = np.lib.stride_tricks.sliding_window_view(values, length)
    if whole.all():
        return runs[ends - length]
    windows = np.full((len(ends), length), np.nan)
    windows[whole] = runs[ends[whole] - length]
    (short,) = np.nonzero(~whole & (ends > starts))
    at = ends[short, None] + np.arange(-length, 0)
    inside = at >= starts[short, None]
    windows[short] = np.where(inside, values[np.where(inside, at, 0)], np.nan)
    return windows
