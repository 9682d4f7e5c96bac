"""What compares the stocks of one date: order, breadth and regime, and who is picked.

What each family's score is made of stands in `scores`.
"""

import math
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot.domain.model import Symbol

Floats: TypeAlias = npt.NDArray[np.float64]
Places: TypeAlias = npt.NDArray[np.intp]

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
    return _standardised(x, _Groups.of(groups, len(x)))


@dataclass(frozen=True, slots=True)
class _Groups:
    """The group of each entry as a number from 0, and the entries sorted by it.

    `starts` are where each of the groups `there` begins among the sorted entries.
    """

    codes: Places
    order: Places
    starts: Places
    there: Places

    @classmethod
    def of(cls, groups: Sequence[Hashable] | None, count: int) -> "_Groups":
        """The groups as somebody names them, one of all where nobody does."""
        if groups is None:
            return cls.coded(np.zeros(count, dtype=np.intp))
        named = np.array(groups, dtype=object)
        return cls.coded(pd.factorize(named, use_na_sentinel=False)[0])

    @classmethod
    def coded(cls, codes: Places) -> "_Groups":
        """The groups of some codes."""
        order = np.argsort(codes, kind="stable")
        starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
        return cls(codes, order, starts, codes[order][starts])

    def highest(self, values: Floats, count: int) -> Floats:
        """The highest value of each of so many groups, zero of an empty one."""
        top = np.zeros(count)
        if len(self.starts):
            top[self.there] = np.maximum.reduceat(values[self.order], self.starts)
        return top


def _standardised(x: Floats, groups: _Groups) -> Floats:
    known = ~np.isnan(x)
    count = int(groups.codes.max()) + 1 if len(x) else 0
    result = np.zeros(len(x))
    if not known.all():
        groups = _Groups.coded(groups.codes[known])
    of, values = groups.codes, x[known]
    with np.errstate(invalid="ignore", divide="ignore"):
        # Measured from the group's top, equal values are exactly equal to their mean.
        below = values - groups.highest(values, count)[of]
        size = np.bincount(of, minlength=count)
        mean = np.bincount(of, below, count) / size
        away = below - mean[of]
        spread = np.sqrt(np.bincount(of, away**2, count) / size)
        scores = away / spread[of]
    largest = groups.highest(np.abs(values), count)
    # NaN compares false: a group with an infinite value has no spread either.
    result[known] = np.where(spread[of] > _ROUNDING * largest[of], scores, 0.0)
    return result


def weighted_score(
    columns: Mapping[str, npt.ArrayLike],
    weights: Mapping[str, float],
    groups: Sequence[Hashable] | None = None,
) -> Floats:
    """The sum of weight times z-score over the named columns, in the order of `weights`.

    The columns are of one length, as are the groups.
    """
    told = {name: np.asarray(columns[name], dtype=float) for name in weights}
    count = len(next(iter(told.values())))
    total, parted = np.zeros(count), _Groups.of(groups, count)
    for name, weight in weights.items():
        total += weight * _standardised(told[name], parted)
    return total


def ordered(frame: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """The rows by each key from high to low, missing last, then by symbol.

    The symbol is the index, or its last level; symbols compare by code point.
    """
    symbols = frame.index.get_level_values(-1).tolist()
    columns = [-frame[key].to_numpy(dtype=float) for key in reversed(keys)]
    # The sort is stable: what stands by symbol already needs not be told to.
    if symbols != sorted(symbols):
        columns = [np.array(symbols, dtype=str), *columns]
    return frame.iloc[np.lexsort(columns)]


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
    free = dict.fromkeys(sectors.values(), slots)
    picked: list[Symbol] = []
    most = min(most, slots * len(free))
    for symbol in order:
        if len(picked) >= most:
            break
        if free[sectors[symbol]] > 0:
            free[sectors[symbol]] -= 1
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
