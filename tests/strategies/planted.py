"""Panels in which a factor says of the returns that follow exactly as much as was planted."""

import math
from datetime import date
from itertools import pairwise

import numpy as np
import pandas as pd

from tests.strategies.builders import CALENDAR, sessions

# What a session moves every fund by, at random.
DAILY = 0.01
FIRST = date(1999, 1, 4)


def share_of(rank_correlation: float) -> float:
    """The correlation of ranks with a normal variable whose own ranks correlate by so much.

    The ranks of a normal variable correlate with it by √(3/π).
    """
    return rank_correlation * math.sqrt(math.pi / 3.0)


def month_ends_of(days: pd.DatetimeIndex) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(days[:-1][days.month[1:] != days.month[:-1]])


def standard_ranks(scores: pd.DataFrame) -> pd.DataFrame:
    """The ranks of each day with a mean of zero and a deviation of one; zero where none is."""
    ranks = scores.rank(axis=1)
    away = ranks.sub(ranks.mean(axis=1), axis=0)
    return away.div(ranks.std(axis=1, ddof=0), axis=0).fillna(0.0)


def closes_after(
    scores: pd.DataFrame, days: pd.DatetimeIndex, correlation: float, seed: int
) -> pd.DataFrame:
    """Closes of funds whose return from a score's next session to that of the next follows it.

    The part the score has in that return is `correlation`, all the rest is chance.
    """
    chance = np.random.default_rng(seed)
    noise = chance.normal(0.0, DAILY, (len(days), scores.shape[1]))
    starts = [*(days.get_indexer(scores.index) + 1), len(days) - 1]
    told = standard_ranks(scores).to_numpy()
    for row, (start, end) in enumerate(pairwise(starts)):
        length = end - start
        if length > 0:
            own = noise[start + 1 : end + 1]
            beside = math.sqrt(1.0 - correlation**2)
            drift = correlation * DAILY * math.sqrt(length) * told[row] / length
            noise[start + 1 : end + 1] = beside * own + drift
    prices = 100.0 * np.exp(noise.cumsum(axis=0))
    return pd.DataFrame(prices, days, scores.columns)


def a_panel(
    rank_correlation: float, months: int, funds: int, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores of some months by chance, and closes in which they are planted."""
    days = sessions(months * 21 + 45, FIRST)
    ends = month_ends_of(days)[: months + 1]
    chance = np.random.default_rng(seed)
    names = [f"F{number:02}" for number in range(funds)]
    scores = pd.DataFrame(chance.normal(size=(len(ends), funds)), ends, names)
    last = CALENDAR.after(ends[-1].date(), 1).date
    days = days[days <= pd.Timestamp(last)]
    return scores, closes_after(scores, days, share_of(rank_correlation), seed + 1)


def shuffled(scores: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The same scores, each day's dealt out anew."""
    chance = np.random.default_rng(seed)
    rows = [chance.permutation(row) for row in scores.to_numpy()]
    return pd.DataFrame(rows, scores.index, scores.columns)
