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
}

# The steepest true day among 480 large stocks in 22 years was a fall to 0.36 (MTG,
# 2012-08-02), of a threefold fund a fall to 0.61. A factor of three is worth a look;
# a factor of five is a wrong row until a person has looked.
SUSPICIOUS_JUMP = 3.0
IMPOSSIBLE_JUMP = 5.0
ZERO_VOLUME_RUN = 5
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


@dataclass(frozen=True, slots=True, eq=False)
class PriceTable:
    """The prices of a file, all frames days × symbols, days naive, ascending, without gaps of ours.

    `closes` are positive floats, NaN where a symbol has no bar. `raw` are closes
    before the adjustment for dividends, `dividends` the money per share that went
    ex on the day, in units of `raw`; `volumes` are shares. Symbols whose rows can
    not be believed are no part of the frames: `defects` says why.
    """

    closes: pd.DataFrame
    source: Path
    raw: pd.DataFrame | None = None
    dividends: pd.DataFrame | None = None
    volumes: pd.DataFrame | None = None
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
            for jump in jumps(symbol, self.closes[symbol].dropna(), IMPOSSIBLE_JUMP):
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
            raw=None if self.raw is None else self.raw[columns],
            dividends=None if self.dividends is None else self.dividends[columns],
            volumes=None if self.volumes is None else self.volumes[columns],
            defects={},
        )

    def adjusted(self) -> "PriceTable":
        """The same closes as if they were what the market shows.

        For replays: a holding then earns its dividends by its price, as it does
        in a backtest on adjusted closes.
        """
        return replace(self, raw=None, dividends=None)

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
        found += jumps(str(symbol), bars, SUSPICIOUS_JUMP)
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
    return [
        Suspicion(
            symbol,
            bars.index[at].date(),
            "impossible_jump" if _beyond(ratio, IMPOSSIBLE_JUMP) else "jump",
            ratio,
        )
        for at in jump_positions(values, bound).tolist()
        for ratio in [float(values[at] / values[at - 1])]
    ]


def jump_positions(values: Floats, bound: float) -> Positions:
    """Where a row of prices without gaps is beyond `bound` times, or one bound-th of, the last."""
    ratios = values[1:] / values[:-1]
    return np.flatnonzero((ratios >= bound) | (ratios <= 1 / bound)) + 1


def _beyond(ratio: float, bound: float) -> bool:
    return ratio >= bound or ratio <= 1 / bound


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
