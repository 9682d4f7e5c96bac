"""What a series of equity at session closes says: return, risk, drawdown, turnover."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot.domain.errors import BellwetherError

Floats: TypeAlias = npt.NDArray[np.float64]
Marks: TypeAlias = npt.NDArray[np.bool_]

SESSIONS_PER_YEAR: Final = 252
MONTHS_PER_YEAR: Final = 12
DAYS_PER_YEAR: Final = 365.25
# A sample standard deviation takes two returns, two returns take three closes.
FEWEST_SESSIONS: Final = 3
# What rounding leaves of the spread of returns that are all the same.
_NO_SPREAD: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Performance:
    """How a series of equity fared, from the close of `first` to the close of `last`.

    Returns, volatility and drawdown are fractions: 0.1 is ten percent. `sharpe` is
    None where the returns do not vary, `recovery` where the old high was not
    reached again, `turnover_per_year` where nobody said what was traded. A series
    that never fell has a `max_drawdown` of zero, on its first day.
    """

    first: date
    last: date
    sessions: int
    start: Decimal
    final: Decimal
    total_return: float
    annual_return: float
    volatility: float
    sharpe: float | None
    max_drawdown: float
    peak: date
    trough: date
    recovery: date | None
    worst_session: date
    worst_return: float
    turnover_per_year: float | None = None


def performance(
    equity: pd.Series, turnover: pd.Series | None = None, risk_free: pd.Series | None = None
) -> Performance:
    """Measure a series of equity, positive numbers indexed by ascending days, at least three.

    With equity V₀ … Vₙ, daily returns rₜ = Vₜ/Vₜ₋₁ − 1 and Y calendar years of
    365.25 days between the first and the last day:

    - total return Vₙ/V₀ − 1; annual return (Vₙ/V₀)^(1/Y) − 1, the geometric mean;
    - volatility s(r)·√252, s the sample standard deviation (n − 1 below the line);
    - Sharpe ratio d̄/s(d)·√252 with d = r − f the differential return (Sharpe,
      "The Sharpe Ratio", Journal of Portfolio Management, 1994); f are the daily
      returns of `risk_free`, a series of prices with one for every day of
      `equity`, or nothing;
    - drawdown: see `drawdowns`; the peak is the last high before the deepest
      trough, the recovery the first day on which that high was reached again;
    - turnover per year Σ ½·(boughtₜ + soldₜ)/Vₜ / Y. `turnover` is the money
      bought plus sold on a day, in the unit of equity; a day it leaves out had none.

    Raises BellwetherError `series_short`, `series_unordered`, `series_wrong` or
    `series_strays`, each with the name of the series and the day.
    """
    values = _checked("equity", equity, FEWEST_SESSIONS)
    days, closes = _days(values), values.to_numpy()
    returns = _returns(values)
    excess = returns if risk_free is None else returns - _returns(_beside(values, risk_free))
    growth, years = closes[-1] / closes[0], (days[-1] - days[0]).days / DAYS_PER_YEAR
    falls = _falls(values).to_numpy()
    trough = int(falls.argmin())
    peak = int(np.flatnonzero(falls[: trough + 1] == 0)[-1])
    recovered = np.flatnonzero(closes[trough:] >= closes[peak]) + trough
    worst = int(returns.argmin())
    return Performance(
        first=days[0].date(),
        last=days[-1].date(),
        sessions=len(days),
        start=Decimal(str(equity.iloc[0])),
        final=Decimal(str(equity.iloc[-1])),
        total_return=float(growth - 1),
        annual_return=_annual(growth, years),
        volatility=float(returns.std(ddof=1) * np.sqrt(SESSIONS_PER_YEAR)),
        sharpe=_sharpe(excess),
        max_drawdown=float(falls[trough]),
        peak=days[peak].date(),
        trough=days[trough].date(),
        recovery=days[recovered[0]].date() if len(recovered) else None,
        worst_session=days[worst + 1].date(),
        worst_return=float(returns[worst]),
        turnover_per_year=None if turnover is None else _half_traded(values, turnover) / years,
    )


def drawdowns(equity: pd.Series) -> pd.Series:
    """How far each close lies below the highest one so far: Vₜ / max(V₀ … Vₜ) − 1, never positive.

    Raises BellwetherError as `performance` does, for a series without a row too.
    """
    return _falls(_checked("equity", equity, 1))


def rolling_returns(equity: pd.Series, sessions: int = SESSIONS_PER_YEAR) -> pd.Series:
    """What so many sessions brought, by their last one: Vₜ / Vₜ₋ₙ − 1; empty for a shorter series.

    Raises BellwetherError as `drawdowns` does.
    """
    values = _checked("equity", equity, 1)
    rolled: pd.Series = (values / values.shift(sessions) - 1).iloc[sessions:]
    return rolled


def monthly_returns(equity: pd.Series) -> pd.DataFrame:
    """What each month brought: years × the months 1 to 12, NaN where the series has none.

    A month counts from the last close before it, the first from the first close;
    one the series begins or ends in is as long as it is there. Raises
    BellwetherError as `drawdowns` does, and for a single row.
    """
    values = _checked("equity", equity, 2)
    days = _days(values)[1:]
    months = _between_closes(values, [days.year, days.month])
    by_year = months.unstack()  # noqa: PD010 - what is unfolded is a series, no table
    return by_year.reindex(columns=range(1, MONTHS_PER_YEAR + 1))


def yearly_returns(equity: pd.Series) -> pd.Series:
    """What each calendar year brought, by its number; as `monthly_returns` for years."""
    values = _checked("equity", equity, 2)
    return _between_closes(values, [_days(values)[1:].year])


def _between_closes(values: pd.Series, spans: Sequence[pd.Index]) -> pd.Series:
    """From the last close before each span to its own last; the first row is a close only."""
    lasts = values.iloc[1:].groupby([*spans]).last()
    before = lasts.shift(1)
    before.iloc[0] = values.iloc[0]
    spanned: pd.Series = lasts / before - 1
    return spanned


def win_rate(equity: pd.Series) -> float:
    """The share of months that gained; raises as `monthly_returns`."""
    months = monthly_returns(equity).to_numpy()
    return float((months[~np.isnan(months)] > 0.0).mean())


def buy_and_hold(closes: pd.Series, cash: Decimal) -> pd.Series:
    """The equity of whoever spends `cash` on whole shares at the first close and keeps them.

    What does not pay for a share stays cash; with closes that are adjusted for
    dividends, these are reinvested in the shares. No commission. Raises
    BellwetherError `series_wrong` for a close or a cash that is not positive, and
    as `drawdowns` does.
    """
    prices = _checked("closes", closes, 1)
    if not (cash.is_finite() and cash > 0):
        raise BellwetherError(
            "series_wrong", series="cash", date=_days(prices)[0].date(), value=cash
        )
    price = Decimal(str(prices.iloc[0]))
    shares = int(cash // price)
    return prices * shares + float(cash - shares * price)


def _checked(name: str, series: pd.Series, fewest: int) -> pd.Series:
    """The series as positive finite floats by ascending day, or the reason why it is none."""
    if len(series) < fewest:
        raise BellwetherError("series_short", series=name, sessions=len(series), fewest=fewest)
    values = _ordered(name, series)
    return _refuse(name, values, values.to_numpy() > 0)


def _ordered(name: str, series: pd.Series) -> pd.Series:
    days = series.index
    if len(series) and not isinstance(days, pd.DatetimeIndex):
        raise BellwetherError("series_unordered", series=name)
    late = np.flatnonzero(~(days[1:] > days[:-1]))
    if len(late):
        raise BellwetherError("series_unordered", series=name, date=days[late[0] + 1].date())
    return series.astype(float)


def _refuse(name: str, values: pd.Series, right: Marks) -> pd.Series:
    wrong = np.flatnonzero(~(right & np.isfinite(values.to_numpy())))
    if len(wrong):
        day, value = _days(values)[wrong[0]].date(), values.iloc[wrong[0]]
        raise BellwetherError("series_wrong", series=name, date=day, value=float(value))
    return values


def _days(values: pd.Series) -> pd.DatetimeIndex:
    assert isinstance(values.index, pd.DatetimeIndex), "a checked series has days"
    return values.index


def _beside(equity: pd.Series, prices: pd.Series) -> pd.Series:
    known = _checked("risk_free", prices, FEWEST_SESSIONS)
    return _checked("risk_free", known.reindex(equity.index), FEWEST_SESSIONS)


def _falls(values: pd.Series) -> pd.Series:
    return values / values.cummax() - 1


def _returns(values: pd.Series) -> Floats:
    closes = values.to_numpy()
    returns: Floats = closes[1:] / closes[:-1] - 1
    return returns


def _annual(growth: np.float64, years: float) -> float:
    # Of a few days' growth the yearly one may be beyond any number.
    with np.errstate(over="ignore"):
        return float(growth ** (1 / years) - 1)


def _sharpe(excess: Floats) -> float | None:
    spread = float(excess.std(ddof=1))
    if spread < _NO_SPREAD:
        return None
    return float(excess.mean() / spread * np.sqrt(SESSIONS_PER_YEAR))


def _half_traded(equity: pd.Series, turnover: pd.Series) -> float:
    """One-sided turnover of the whole series: half of what was bought and sold, over equity."""
    traded = _ordered("turnover", turnover)
    strays = pd.DatetimeIndex(traded.index.difference(equity.index))
    if len(strays):
        raise BellwetherError("series_strays", series="turnover", date=strays[0].date())
    traded = traded.reindex(equity.index, fill_value=0.0)
    _refuse("turnover", traded, traded.to_numpy() >= 0)
    return float((traded / equity).sum() / 2)
