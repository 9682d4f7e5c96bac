"""The first authors' accounting: weights set anew each day for nothing, moves paid for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pandas as pd

from bot.domain.model import Symbol
from bot.domain.performance import DAYS_PER_YEAR, SESSIONS_PER_YEAR

BASIS_POINT: Final = 1e-4
# What rounding leaves of weights that did not change.
_UNCHANGED: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Move:
    """New target weights, chosen at the close of the day at `row`, those of zero left out."""

    row: int
    weights: Mapping[Symbol, float]


@dataclass(frozen=True, slots=True, eq=False)
class Reckoning:
    """What an account did by this accounting, day by day.

    `returns` are fractions of the day's equity after costs, zero on the first day.
    `weights` are days × symbols ever held, in the order of their names: the row of a
    day has the weights chosen at its close. `turnover` stands on the day it costs.
    """

    returns: pd.Series
    weights: pd.DataFrame
    turnover: pd.Series

    @property
    def changes(self) -> pd.Series:
        """Half of what the weights of each day differ from those of the day before.

        What is chosen on the first day has no day before to differ from.
        """
        changed = self.turnover.shift(-1, fill_value=0.0).rename("changes")
        changed.iloc[0] = 0.0
        return changed


def reckon(
    returns: pd.DataFrame, begins: Mapping[Symbol, float], moves: Sequence[Move], cost: float
) -> Reckoning:
    """Hold what `begins`, and after each move its weights from the next day on.

    `returns` are days × symbols without gaps; a symbol it lacks returns nothing. The
    rows of `moves` ascend and are none of the last day. `cost` is a fraction of
    the turnover, half of what the new targets differ from the old ones, taken from
    the return of the day after.
    """
    held = sorted(
        {symbol for weights in (begins, *(m.weights for m in moves)) for symbol in weights}
    )
    table = returns.reindex(columns=held, fill_value=0.0).to_numpy()
    days = returns.index
    earned, traded = np.zeros(len(days)), np.zeros(len(days))
    weights = np.empty((len(days), len(held)))
    now, since = _row(begins, held), 0
    for move in moves:
        then = _row(move.weights, held)
        earned[since + 1 : move.row + 1] = table[since + 1 : move.row + 1] @ now
        weights[since : move.row] = now
        traded[move.row + 1] = np.abs(then - now).sum() / 2
        now, since = then, move.row
    earned[since + 1 :] = table[since + 1 :] @ now
    weights[since:] = now
    return Reckoning(
        returns=pd.Series(earned - traded * cost, days, name="portfolio_return"),
        weights=pd.DataFrame(weights, days, held),
        turnover=pd.Series(traded, days, name="turnover"),
    )


def _row(weights: Mapping[Symbol, float], held: Sequence[Symbol]) -> np.ndarray:
    return np.array([weights.get(symbol, 0.0) for symbol in held])


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a series of daily returns says, each as the first authors computed it.

    Deviations are of the population, NaN stands where a ratio has nothing below the
    line. Rates per year are zero of a series that nobody traded.
    """

    first: date
    last: date
    total_return: float
    annual_return: float
    max_drawdown: float
    volatility: float
    sharpe: float
    calmar: float
    final_equity: float
    rebalances_per_year: float = 0.0
    turnover_per_year: float = 0.0


def statistics(returns: pd.Series, changes: pd.Series | None = None) -> Statistics:
    """Measure all of the returns, the first day's too; `changes` are those of a reckoning.

    With n returns r over Y calendar years of 365.25 days: the final equity is
    Π(1 + r), the annual return its Y-th root, drawdown that of the equity against its
    highest so far, volatility σ(r)·√252, Sharpe mean(r)/σ(r)·√252, Calmar the annual
    return over the size of the deepest drawdown.
    """
    days = pd.DatetimeIndex(returns.index)
    years = max((days[-1] - days[0]).days / DAYS_PER_YEAR, 1.0 / DAYS_PER_YEAR)
    values = returns.to_numpy()
    equity = np.cumprod(1.0 + values)
    annual = float(equity[-1] ** (1.0 / years) - 1.0)
    deepest = float((equity / np.maximum.accumulate(equity) - 1.0).min())
    spread = float(values.std())
    changed = np.zeros(len(days)) if changes is None else changes.to_numpy()
    return Statistics(
        first=days[0].date(),
        last=days[-1].date(),
        total_return=float(equity[-1] - 1.0),
        annual_return=annual,
        max_drawdown=deepest,
        volatility=spread * float(np.sqrt(SESSIONS_PER_YEAR)),
        sharpe=_ratio(float(values.mean()), spread) * float(np.sqrt(SESSIONS_PER_YEAR)),
        calmar=_ratio(annual, abs(deepest)),
        final_equity=float(equity[-1]),
        rebalances_per_year=float((changed > _UNCHANGED).sum() / years),
        turnover_per_year=float(changed.sum() / years),
    )


def _ratio(above: float, below: float) -> float:
    return above / below if below else float("nan")


def correlation(one: pd.Series, other: pd.Series) -> float:
    """Pearson's correlation of two series of the same days; NaN where one does not move."""
    a, b = one.to_numpy() - one.mean(), other.to_numpy() - other.mean()
    return _ratio(float(a @ b), float(np.sqrt((a @ a) * (b @ b))))
