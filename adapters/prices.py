"""What a file of prices says once it is believed: tables of closes, and what is suspicious."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot.domain.errors import DataError
from bot.domain.model import Symbol

Floats: TypeAlias = npt.NDArray[np.float64]
Positions: TypeAlias = npt.NDArray[np.intp]

REMEDIES: Mapping[str, str] = {
    "unreadable_file": "give a CSV or Parquet file, plain or gzipped",
    "empty_file": "give a file with at least one row of prices",
    "missing_columns": "name the columns date,symbol,close or date and one column per symbol",
    "duplicate_columns": "keep one column of each name",
    "bad_date": "write dates as YYYY-MM-DD",
    "bad_symbol": "name a symbol in every row",
    "bad_price": "correct the price, or leave the cell empty where there was no trade",
    "bad_number": "correct the number, or leave the cell empty",
    "missing_raw": "give the unadjusted close of every row that has a close",
    "duplicate_rows": "keep one row per date and symbol",
    "symbols_missing": "add the symbols to the file, or take them off the book",
    "dirty_prices": "correct the prices of the symbol, or take it from another source",
    "splice_unknown": "add the symbol to the file, or take the pair out of `splice`",
    "splice_itself": "name another symbol as the stand-in",
    "splice_gap": "name a stand-in that traded on that day, or take the pair out of `splice`",
}

# The steepest true day among 480 large stocks in 22 years was a fall to 0.36 (MTG,
# 2012-08-02), of a threefold fund a fall to 0.61. A factor of three is worth a look;
# a factor of five is a wrong row until a person has looked.
SUSPICIOUS_JUMP = 3.0
IMPOSSIBLE_JUMP = 5.0
ZERO_VOLUME_RUN = 5
# The published levels of VIX lack single sessions, never more than this.
LATE_AT_MOST = 3
# Bill funds stood still for 19 bars while the rate was zero.
STALE_RUN = 30


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Why the prices of a symbol may be wrong, and from which date on.

    `value` is what was found: a ratio of two closes for `jump` and
    `impossible_jump`; a number of sessions for `hole`, `off_session`,
    `zero_volume` and `stale_price`; the text itself for what can not be read.
    """

    symbol: Symbol
    date: date
    code: str
    value: float | str


@dataclass(frozen=True, slots=True)
class Splice:
    """The bars of `symbol` from `since` up to, not including, `until` are those of `by`.

    `until` is the own first bar of `symbol`. The bars before it are chained on
    returns: from day to day they move as `by` did.
    """

    symbol: Symbol
    by: Symbol
    since: date
    until: date


@dataclass(frozen=True, slots=True, eq=False)
class PriceTable:
    """The prices of a file, all frames days × symbols, days naive, ascending, without gaps of ours.

    `closes` are positive floats, NaN where a symbol has no bar. `opens` are on
    the scale of `closes`, NaN too where a bar has none. `raw` are closes before
    the adjustment for dividends, `dividends` the money per share that went ex on
    the day, in units of `raw`; `volumes` are shares. Symbols whose rows can not
    be believed are no part of the frames: `defects` says why. `splices` say which
    bars are another symbol's.
    """

    closes: pd.DataFrame
    source: Path
    opens: pd.DataFrame | None = None
    raw: pd.DataFrame | None = None
    dividends: pd.DataFrame | None = None
    volumes: pd.DataFrame | None = None
    splices: tuple[Splice, ...] = ()
    defects: Mapping[Symbol, Suspicion] = field(default_factory=dict)

    def known(self, symbols: Collection[Symbol]) -> list[Symbol]:
        """The symbols of which the file has rows, believed or not."""
        return [s for s in symbols if s in self.closes.columns or s in self.defects]

    def require(self, symbols: Collection[Symbol], *, since: date | None = None) -> "PriceTable":
        """The same table with these symbols only, in their order, none of them dubious.

        Raises DataError for a symbol that is absent, defective, or has an
        impossible jump (on or after `since`, where that is given).
        """
        missing = sorted(set(symbols).difference(self.known(symbols)))
        if missing:
            raise self.refusal("symbols_missing", symbols=", ".join(missing))
        for symbol in symbols:
            self.refuse_defect(symbol)
            for jump in _all_jumps(self, symbol, IMPOSSIBLE_JUMP):
                if since is None or jump.date >= since:
                    raise self.refusal(
                        "dirty_prices", symbol=symbol, date=jump.date, value=jump.value
                    )
        return self.of(symbols)

    def of(self, symbols: Collection[Symbol]) -> "PriceTable":
        """The same table with these symbols only, in their order, as they are."""
        columns = list(symbols)
        return replace(
            self,
            closes=self.closes[columns],
            opens=None if self.opens is None else self.opens[columns],
            raw=None if self.raw is None else self.raw[columns],
            dividends=None if self.dividends is None else self.dividends[columns],
            volumes=None if self.volumes is None else self.volumes[columns],
            splices=tuple(splice for splice in self.splices if splice.symbol in columns),
            defects={},
        )

    def adjusted(self) -> "PriceTable":
        """The same closes as if they were what the market shows.

        For replays: a holding then earns its dividends by its price, as it does
        in a backtest on adjusted closes.
        """
        return replace(self, raw=None, dividends=None)

    def spliced(self, by: Mapping[Symbol, Symbol]) -> "PriceTable":
        """The same table with longer histories: before its own first bar a symbol is its stand-in.

        `by` names the stand-in of each symbol; the pairs are taken in their order,
        so that a stand-in may have been lengthened by a pair before its own.
        Closes and opens are chained by the ratio of the closes on the symbol's
        first day, raw closes and dividends (up to that day) by that of the raw
        ones; volumes stay absent. A stand-in that begins no earlier than its
        symbol changes nothing.

        Raises DataError `splice_unknown` for a symbol the file does not have,
        `splice_itself`, `splice_gap` where the stand-in has no bar on the symbol's
        first day, and for a stand-in whose prices can not be believed or lack the
        raw closes the symbol has.
        """
        table = self
        for symbol, stand_in in by.items():
            table = _spliced(table, symbol, stand_in)
        return table

    def late(self, indices: Collection[Symbol]) -> "PriceTable":
        """The same table as sessions know it at their close, of some indices the close before.

        These are computed beyond the close of the exchange. Of days without a level
        the one before stands, for as many days as `LATE_AT_MOST` says; those that the
        file does not have are no concern.
        """
        known = [symbol for symbol in indices if symbol in self.closes.columns]
        before = self.closes[known].ffill(limit=LATE_AT_MOST).shift(1)
        return replace(self, closes=self.closes.assign(**{s: before[s] for s in known}))

    def refuse_defect(self, symbol: Symbol) -> None:
        """Raise the DataError of a symbol whose rows can not be believed."""
        if (defect := self.defects.get(symbol)) is not None:
            raise self.refusal(defect.code, symbol=symbol, date=defect.date, value=defect.value)

    def refusal(self, code: str, **place: object) -> DataError:
        """An error that names this file, the place in it and the remedy."""
        return DataError(code, path=self.source, **place, remedy=REMEDIES[code])


def suspicions(table: PriceTable, sessions: pd.DatetimeIndex | None = None) -> list[Suspicion]:
    """Everything in a table that looks wrong, symbol by symbol.

    `sessions` is the exchange calendar; without it holes and bars on other days
    are not looked for. A hole lies between a symbol's first and last bar.
    """
    found = list(table.defects.values())
    for symbol, closes in table.closes.items():
        bars = closes.dropna()
        found += _all_jumps(table, str(symbol), SUSPICIOUS_JUMP)
        found += _runs_of(str(symbol), "stale_price", _unchanged(bars), bars.index, STALE_RUN - 1)
        if table.volumes is not None:
            idle = table.volumes[symbol].loc[bars.index].to_numpy() == 0
            found += _runs_of(str(symbol), "zero_volume", idle, bars.index, ZERO_VOLUME_RUN)
        if sessions is not None and len(sessions) and len(bars):
            found += _against_calendar(str(symbol), bars.index, sessions)
    return found


def jumps(symbol: Symbol, bars: pd.Series, bound: float) -> list[Suspicion]:
    """The bars of a series without gaps that are `bound` times the one before, or one bound-th."""
    values = bars.to_numpy()
    at = jump_positions(values, bound)
    return _beyond(symbol, bars.index[at], values[at] / values[at - 1])


def _all_jumps(table: PriceTable, symbol: Symbol, bound: float) -> list[Suspicion]:
    """The jumps from close to close, and those from an open to the close of its day."""
    bars = table.closes[symbol].dropna()
    found = jumps(symbol, bars, bound)
    if table.opens is not None:
        ratios = (table.opens[symbol] / table.closes[symbol]).dropna()
        wide = ratios[(ratios >= bound) | (ratios <= 1 / bound)]
        found += _beyond(symbol, wide.index, wide.to_numpy())
    return found


def _beyond(symbol: Symbol, days: pd.Index, ratios: Floats) -> list[Suspicion]:
    return [
        Suspicion(symbol, day.date(), "impossible_jump" if impossible else "jump", ratio)
        for day, ratio in zip(days, ratios.tolist(), strict=True)
        for impossible in [ratio >= IMPOSSIBLE_JUMP or ratio <= 1 / IMPOSSIBLE_JUMP]
    ]


def jump_positions(values: Floats, bound: float) -> Positions:
    """Where a row of prices without gaps is beyond `bound` times, or one bound-th of, the last."""
    ratios = values[1:] / values[:-1]
    return np.flatnonzero((ratios >= bound) | (ratios <= 1 / bound)) + 1


def _unchanged(bars: pd.Series) -> npt.NDArray[np.bool_]:
    values = bars.to_numpy()
    same = np.zeros(len(values), dtype=np.bool_)
    same[1:] = values[1:] == values[:-1]
    return same


def _runs(marks: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """The first position and the length of each run of true marks."""
    edges = np.flatnonzero(np.diff(marks.astype(np.int8), prepend=0, append=0))
    for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        yield first, end - first


def _runs_of(
    symbol: Symbol, code: str, marks: npt.NDArray[np.bool_], days: pd.Index, least: int
) -> Iterator[Suspicion]:
    for first, length in _runs(marks):
        if length >= least:
            yield Suspicion(symbol, days[first].date(), code, float(length))


def _against_calendar(
    symbol: Symbol, days: pd.Index, sessions: pd.DatetimeIndex
) -> Iterator[Suspicion]:
    expected = sessions[(sessions >= days[0]) & (sessions <= days[-1])]
    yield from _runs_of(symbol, "hole", ~expected.isin(days), expected, 1)
    covered = days[(days >= sessions[0]) & (days <= sessions[-1])]
    strangers = covered[~covered.isin(sessions)]
    if len(strangers):
        yield Suspicion(symbol, strangers[0].date(), "off_session", float(len(strangers)))


def _spliced(table: PriceTable, symbol: Symbol, by: Symbol) -> PriceTable:
    if symbol == by:
        raise table.refusal("splice_itself", symbol=symbol)
    own, others = _bars(table, symbol), _bars(table, by)
    first = own.index[0]
    if others.index[0] >= first:
        return table
    if first not in others.index:
        raise table.refusal("splice_gap", symbol=symbol, by=by, date=first.date())
    for jump in _all_jumps(table, by, IMPOSSIBLE_JUMP):
        if jump.date <= first.date():
            raise table.refusal("dirty_prices", symbol=by, date=jump.date, value=jump.value)
    chain = _Chain(symbol, by, first)
    raw, paid = table.raw, table.closes
    if raw is not None and raw[symbol].notna().any():
        needed = others.loc[:first].index
        bare = needed[raw[by].loc[needed].isna()]
        if len(bare):
            raise table.refusal("missing_raw", symbol=by, date=bare[0].date())
        raw, paid = chain.longer(raw, raw), raw
    return replace(
        table,
        closes=chain.longer(table.closes, table.closes),
        opens=None if table.opens is None else chain.longer(table.opens, table.closes),
        raw=raw,
        dividends=None if table.dividends is None else chain.earned(table.dividends, paid),
        splices=(*table.splices, Splice(symbol, by, others.index[0].date(), first.date())),
    )


def _bars(table: PriceTable, symbol: Symbol) -> pd.Series:
    """The bars of a symbol that is to be spliced, at least one."""
    table.refuse_defect(symbol)
    bars = table.closes.get(symbol, pd.Series(dtype=float)).dropna()
    if bars.empty:
        raise table.refusal("splice_unknown", symbol=symbol)
    return bars


@dataclass(frozen=True, slots=True)
class _Chain:
    """A symbol, its stand-in, and the day on which both have a bar."""

    symbol: Symbol
    by: Symbol
    first: pd.Timestamp

    def longer(self, frame: pd.DataFrame, scale: pd.DataFrame) -> pd.DataFrame:
        """A frame of prices with the stand-in's before the day, on the symbol's own scale."""
        return self._replaced(frame, scale, np.asarray(frame.index < self.first))

    def earned(self, dividends: pd.DataFrame, scale: pd.DataFrame) -> pd.DataFrame:
        """The dividends with the stand-in's up to the day itself.

        Who held the stand-in on the day before earns what went ex on the day.
        """
        return self._replaced(dividends, scale, np.asarray(dividends.index <= self.first))

    def _replaced(
        self, frame: pd.DataFrame, scale: pd.DataFrame, rows: npt.NDArray[np.bool_]
    ) -> pd.DataFrame:
        own, other = scale.loc[self.first, [self.symbol, self.by]].to_numpy()
        longer = frame[self.symbol].where(~rows, frame[self.by] * (own / other))
        return frame.assign(**{self.symbol: longer})
