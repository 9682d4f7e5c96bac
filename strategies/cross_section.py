"""What compares the stocks of one date: order, breadth and regime, and who is picked.

What each family's score is made of stands in `scores`.
"""

import math
from collections.abc import Collection, Hashable, Mapping, Sequence
from enum import StrEnum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot.domain.model import Symbol

Floats: TypeAlias = npt.NDArray[np.float64]

TREND_GAP = "sma200_gap"
# Below this share of a group's largest value a deviation is rounding, not difference.
_ROUNDING = 1e-15


class Regime(StrEnum):
    """How much risk the market's breadth and trend allow."""

    RISK_ON = "risk_on"
    SOFT_DEFENSE = "soft_defense"
    HARD_DEFENSE = "hard_defense"


def standardise(values: npt.ArrayLike, groups: Sequence[Hashable] | None = None) -> Floats:
    """The z-score of each value within its group, or within all: population deviation.

    `values` and `groups` are of one length, one entry per stock. A missing value
    scores zero, and so does every member of a group without spread: of one value,
    of equal values, of none.
    """
    x = np.asarray(values, dtype=float)
    codes = np.zeros(len(x), dtype=np.intp)
    if groups is not None:
        codes = pd.factorize(pd.Series(list(groups)), use_na_sentinel=False)[0]
    known = ~np.isnan(x)
    of, count = codes[known], int(codes.max()) + 1 if len(x) else 0
    top = np.full(count, -np.inf)
    largest = np.zeros(count)
    np.maximum.at(top, of, x[known])
    np.maximum.at(largest, of, np.abs(x[known]))
    with np.errstate(invalid="ignore", divide="ignore"):
        # Measured from the group's top, equal values are exactly equal to their mean.
        below = x[known] - top[of]
        size = np.bincount(of, minlength=count)
        mean = np.bincount(of, below, count) / size
        away = below - mean[of]
        spread = np.sqrt(np.bincount(of, away**2, count) / size)
        scores = away / spread[of]
    result = np.zeros(len(x))
    # NaN compares false: a group with an infinite value has no spread either.
    result[known] = np.where(spread[of] > _ROUNDING * largest[of], scores, 0.0)
    return result


def weighted_score(
    frame: pd.DataFrame,
    weights: Mapping[str, float],
    groups: Sequence[Hashable] | None = None,
) -> Floats:
    """The sum of weight times z-score over the named columns, in the order of `weights`."""
    total = np.zeros(len(frame))
    for column, weight in weights.items():
        total += weight * standardise(frame[column].to_numpy(dtype=float), groups)
    return total


def ordered(frame: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """The rows by each key from high to low, missing last, then by symbol.

    The symbol is the index, or its last level; symbols compare by code point.
    """
    symbols = frame.index.get_level_values(-1).to_numpy(dtype=str)
    columns = [-frame[key].to_numpy(dtype=float) for key in keys]
    return frame.iloc[np.lexsort([symbols, *reversed(columns)])]


def breadth(frame: pd.DataFrame) -> float:
    """The share of candidates above their 200-day average; none is above where there are none.

    A candidate whose gap is unknown counts as one that is not above.
    """
    if frame.empty:
        return 0.0
    return int((frame[TREND_GAP].to_numpy(dtype=float) > 0.0).sum()) / len(frame)


def regime(trend: bool, breadth: float, soft: float, hard: float) -> Regime:  # noqa: FBT001 - the rule's own variable, always a comparison's name
    """The regime of a trend and a breadth; a breadth equal to a threshold is not below it."""
    if not trend and breadth < hard:
        return Regime.HARD_DEFENSE
    if not trend or breadth < soft:
        return Regime.SOFT_DEFENSE
    return Regime.RISK_ON


def sector_slots(sector_cap: float, exposure: float, names: int) -> int:
    """How many names a sector may have: its cap in equal shares of the exposure, at least one.

    `exposure` and `names` are positive. Rounded down in binary fractions, so a cap
    of 0.6 over shares of 0.2 is two.
    """
    return max(1, math.floor(sector_cap / (exposure / names)))


def sector_walk(
    order: Sequence[Symbol], sectors: Mapping[Symbol, str], slots: int, most: int
) -> list[Symbol]:
    """The first `most` symbols of the order with at most `slots` of a sector."""
    taken: dict[str, int] = {}
    picked: list[Symbol] = []
    for symbol in order:
        if len(picked) >= most:
            break
        sector = sectors[symbol]
        if taken.get(sector, 0) < slots:
            taken[sector] = taken.get(sector, 0) + 1
            picked.append(symbol)
    return picked


def held_first(
    order: Sequence[Symbol], held: Collection[Symbol], most: int, buffer: int
) -> list[Symbol]:
    """Those held among the first `most` + `buffer`, then the best of the rest, cut to `most`.

    Several held names of low rank may so keep the best unheld name out.
    """
    kept = [symbol for symbol in order[: most + max(0, buffer)] if symbol in held]
    rest = [symbol for symbol in order if symbol not in held]
    return (kept + rest)[:most]


def affordable_names(equity: float | None, exposure: float, most: int, smallest: float) -> int:
    """How many positions of at least `smallest` USD the exposure pays for: 1 to `most`.

    Zero where nothing may be held. An unknown equity, or no smallest position,
    limits nothing.
    """
    if exposure <= 0.0:
        return 0
    if equity is None or smallest <= 0.0:
        return most
    money = equity * exposure
    return max(1, min(most, math.floor(money / smallest))) if money > 0.0 else 0
