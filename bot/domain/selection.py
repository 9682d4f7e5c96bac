"""What the best of many trials owes to having been chosen: the deflated Sharpe ratio."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import e, sqrt
from statistics import NormalDist, variance
from typing import Final

import numpy as np
import pandas as pd

from bot.domain.performance import performance

# Euler's and Mascheroni's constant.
GAMMA: Final = 0.5772156649015329
# A variance takes two.
FEWEST_TRIALS: Final = 2
# Below it returns are two values only and the formula has no spread left.
_SMALLEST: Final = 1e-12

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Sample:
    """What is known of a trial's returns: how many, and their shape, per session.

    `sharpe` is mean over deviation of one session's return, not of a year's;
    `kurtosis` is 3 for normal returns.
    """

    returns: int
    sharpe: float
    skew: float
    kurtosis: float


@dataclass(frozen=True, slots=True)
class Deflated:
    """How much of a chosen Sharpe ratio is left once the choice is taken into account.

    `hurdle` is the Sharpe ratio per session to be expected of the best of so many
    `trials` without any skill; `probability` that the true one of the chosen trial
    lies above it.
    """

    trials: int
    hurdle: float
    probability: float


def sample(equity: pd.Series) -> Sample | None:
    """The shape of a series' returns, None where they do not vary.

    Skew and kurtosis are the third and fourth standardised moments of the returns
    r: mean(z³) and mean(z⁴) with z = (r − r̄)/σ, σ with n below the line. Raises
    BellwetherError as `performance` does.
    """
    if performance(equity).sharpe is None:
        return None
    closes = equity.to_numpy(dtype=float)
    returns = closes[1:] / closes[:-1] - 1
    apart = returns - returns.mean()
    standard = apart / returns.std()
    return Sample(
        returns=len(returns),
        sharpe=float(returns.mean() / returns.std(ddof=1)),
        skew=float(np.mean(standard**3)),
        kurtosis=float(np.mean(standard**4)),
    )


def hurdle(sharpes: Sequence[float]) -> float:
    """The highest Sharpe ratio to be expected of so many trials none of which has any skill.

    SR₀ = √V·((1 − γ)·Φ⁻¹(1 − 1/N) + γ·Φ⁻¹(1 − 1/(N·e))): N the number of trials,
    V the sample variance of their Sharpe ratios, γ the constant of Euler and
    Mascheroni. Of one trial nothing was chosen, its hurdle is zero. Trials that are
    alike count as if they were not: the hurdle is rather too high than too low.
    """
    trials = len(sharpes)
    if trials < FEWEST_TRIALS:
        return 0.0
    high = (1 - GAMMA) * _NORMAL.inv_cdf(1 - 1 / trials)
    higher = GAMMA * _NORMAL.inv_cdf(1 - 1 / (trials * e))
    return sqrt(variance(sharpes)) * (high + higher)


def deflated(chosen: Sample, sharpes: Sequence[float]) -> Deflated:
    """The deflated Sharpe ratio of a trial chosen among all of these, per session.

    DSR = Φ((SR − SR₀)·√(T − 1) / √(1 − γ₃·SR + (γ₄ − 1)/4·SR²)) with T returns of
    skew γ₃ and kurtosis γ₄, and SR₀ of `hurdle`. Source: D. H. Bailey and M. López
    de Prado, "The Deflated Sharpe Ratio: Correcting for Selection Bias, Backtest
    Overfitting and Non-Normality", Journal of Portfolio Management 40 (5), 2014.
    """
    expected, sharpe = hurdle(sharpes), chosen.sharpe
    spread = 1 - chosen.skew * sharpe + (chosen.kurtosis - 1) / 4 * sharpe**2
    score = (sharpe - expected) * sqrt(chosen.returns - 1) / sqrt(max(spread, _SMALLEST))
    return Deflated(len(sharpes), expected, _NORMAL.cdf(score))
