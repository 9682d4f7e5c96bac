"""A backtest by the first authors' conventions: what it is made of, and what comes of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot.domain.errors import DataError
from bot.domain.model import Symbol
from bot.domain.reweighting import BASIS_POINT, Move, Reckoning, Statistics, reckon, statistics
from bot.domain.strategy import Holding
from strategies.panel import Panel
from strategies.universe import Universe

EQUAL_WEIGHT = "equal_weight_pool"
# No amount of a holding changes a rule that only asks what is held.
_SOME = Holding(Decimal(1), 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Markets:
    """The closes of a panel, sessions × symbols, each carried on where a day has none."""

    closes: pd.DataFrame

    @classmethod
    def of(cls, panel: Panel) -> "Markets":
        """All days on which the panel has any price. Raises DataError `empty_file`."""
        if not len(panel.days):
            raise DataError("empty_file", path="prices")
        numbers = panel.days.astype(np.int64)
        offsets = numbers - numbers.min()
        there = np.zeros(int(offsets.max()) + 1, dtype=bool)
        there[offsets] = True
        place = np.cumsum(there) - 1
        table = np.full((int(place[-1]) + 1, len(panel.symbols)), np.nan)
        owners = np.repeat(np.arange(len(panel.symbols)), np.diff(panel.starts))
        table[place[offsets], owners] = panel.closes
        days = (np.flatnonzero(there) + numbers.min()).astype("datetime64[D]")
        index = pd.DatetimeIndex(days.astype("datetime64[s]"), name="as_of")
        closes = pd.DataFrame(table, index, list(panel.symbols))
        return cls(closes.ffill() if np.isnan(table).any() else closes)

    def within(self, first: date | None, last: date | None) -> pd.DatetimeIndex:
        """The days of a span, two at least. Raises DataError `no_sessions_played`."""
        days = pd.DatetimeIndex(self.closes.loc[_stamp(first) : _stamp(last)].index)
        if len(days) <= 1:
            known = self.closes.index
            told = {"first": first or known[0].date(), "last": last or known[-1].date()}
            raise DataError("no_sessions_played", **told)
        return days

    def returns(self, symbols: Collection[Symbol], days: pd.DatetimeIndex) -> pd.DataFrame:
        """The daily returns of symbols, zero where there is none to be known."""
        known = [symbol for symbol in symbols if symbol in self.closes]
        closes = self.closes[known]
        changed = closes / closes.shift() - 1.0
        return changed.loc[days].fillna(0.0)


def _stamp(day: date | None) -> pd.Timestamp | None:
    return None if day is None else pd.Timestamp(day)


@dataclass(frozen=True, slots=True)
class Terms:
    """What the first authors let one choose: a span, and what turnover costs.

    `first` of a study of stocks cuts the days only where `warmed`: what is known before
    is then used, as it would have been. `cost_bps` are of the turnover.
    """

    first: date | None = None
    last: date | None = None
    cost_bps: float = 0.0
    warmed: bool = True

    @property
    def cost(self) -> float:
        """The cost as a fraction."""
        return self.cost_bps * BASIS_POINT


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """What was chosen on a day: why, how much of equity in stocks, of which candidates.

    `ranked` are the candidates by symbol, best first, with their `score`.
    """

    day: date
    code: str
    exposure: float
    ranked: pd.DataFrame
    weights: Mapping[Symbol, float]


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """A backtest by this accounting: each choice, the reckoning, and what else could be held.

    `references` are daily returns of the same days, by name. `safe_haven` is no stock.
    """

    choices: tuple[Choice, ...]
    reckoning: Reckoning
    references: pd.DataFrame
    safe_haven: Symbol

    @property
    def statistics(self) -> Statistics:
        """How it fared."""
        return statistics(self.reckoning.returns, self.reckoning.changes)

    def exposure(self, *, apart: Symbol) -> float:
        """The mean share of equity in anything but one symbol."""
        weights = self.reckoning.weights
        stocks = weights.columns != apart
        return float((weights.to_numpy() @ stocks.astype(float)).mean())


def held(weights: Mapping[Symbol, float], safe_haven: Symbol) -> dict[Symbol, Holding]:
    """What a book of these weights holds beside the safe haven."""
    return {symbol: _SOME for symbol, weight in weights.items() if weight and symbol != safe_haven}


def reckoned(
    choices: Sequence[Choice], returns: pd.DataFrame, begins: Mapping[Symbol, float], cost: float
) -> Reckoning:
    """Hold what `begins`, then what was chosen; `cost` is a fraction of the turnover."""
    rows = returns.index.get_indexer(pd.DatetimeIndex([choice.day for choice in choices]))
    moves = [Move(int(row), choice.weights) for row, choice in zip(rows, choices, strict=True)]
    return reckon(returns, begins, moves, cost)


def chosen_of(choices: Sequence[Choice], safe_haven: Symbol) -> list[Symbol]:
    """Every symbol that was ever held."""
    return list(dict.fromkeys([safe_haven, *(s for choice in choices for s in choice.weights)]))


def month_ends(days: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The last of the days of each month; the very last is never traded."""
    return _last_of(days, days.year * 12 + days.month)


def week_ends(days: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The last of the days of each week that ends on a Friday; the very last is never traded."""
    # The epoch was a Thursday: a week's number changes with its Saturday.
    numbers = days.to_numpy().astype("datetime64[D]").astype(np.int64)
    return _last_of(days, pd.Index((numbers + 5) // 7))


def _last_of(days: pd.DatetimeIndex, period: pd.Index) -> pd.DatetimeIndex:
    changes: npt.NDArray[np.bool_] = period[1:].to_numpy() != period[:-1].to_numpy()
    return pd.DatetimeIndex(days[:-1][changes])


def mean_return(returns: pd.DataFrame) -> pd.Series:
    """The return of all of them in equal parts."""
    mean: pd.Series = returns.mean(axis=1).fillna(0.0)
    return mean


def members_of(universe: Universe) -> list[Symbol]:
    """Every symbol that ever was in a universe."""
    return sorted(set(universe.rows["symbol"]))
