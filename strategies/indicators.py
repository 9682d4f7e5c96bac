"""Numbers per session from prices: vectorised, causal, and the same from every long enough window.

Each symbol is read by its own bars: gaps are dropped, and a session on which a symbol has no bar
shows what its newest bar says. What comes out is sessions × symbols, as the prices were. Windows
are added up term by term in the same order wherever they lie: a running sum remembers where it
began, and its last digits decide strict comparisons.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

Table: TypeAlias = npt.NDArray[np.float64]
Places: TypeAlias = npt.NDArray[np.intp]

# W. J. Keller and J. W. Keuning, "Breadth Momentum and Vigilant Asset Allocation" (2017): months
# back and the weight of the return since, so that each of the four is worth a year of it.
_MONTHS_BACK = {1: 12.0, 3: 4.0, 6: 2.0, 12: 1.0}
_MONTHS_WEIGHT = 19.0
_MONTHS_NEEDED = 13
# A year of bars and one to compare it with.
_BARS_NEEDED = 253

_MONTHS_A_YEAR = 12

_BLOCK = 1024  # rows

# Ten years of sessions: a parameter that asks for more bars than that is a slip of the pen.
LONGEST_WINDOW = 2520


@dataclass(frozen=True, slots=True)
class OwnBars:
    """Each symbol's bars without its gaps, and for every session which of them count.

    `prices` and `months` are bars × symbols, oldest first, padded at the end.
    `newest` and `oldest` are sessions × symbols: the places of the newest bar and
    of the first within the lookback; there are newest - oldest + 1 of them.
    """

    sessions: pd.DatetimeIndex
    symbols: pd.Index
    prices: Table
    months: Places
    newest: Places
    oldest: Places


def own_bars(closes: pd.DataFrame, lookback: int) -> OwnBars:
    """The bars of a table of prices: sessions × symbols, NaN where a symbol has none.

    `lookback` is how many sessions, the newest included, a number may depend on;
    older bars do not exist for it.
    """
    sessions = pd.DatetimeIndex(closes.index)
    values = closes.to_numpy(dtype=np.float64)
    known = ~np.isnan(values)
    newest = np.cumsum(known, axis=0) - 1
    oldest = np.zeros_like(newest)
    oldest[lookback:] = newest[:-lookback] + 1
    numbers = _month_numbers(sessions)
    prices, months = values.copy(), np.repeat(numbers[:, np.newaxis], values.shape[1], axis=1)
    for column in np.flatnonzero(~known.all(axis=0)):
        own = known[:, column]
        bars = np.count_nonzero(own)
        prices[:bars, column], prices[bars:, column] = values[own, column], np.nan
        months[:bars, column], months[bars:, column] = numbers[own], 0
    return OwnBars(sessions, closes.columns, prices, months, newest, oldest)


def latest_close(bars: OwnBars) -> pd.DataFrame:
    """The close of the newest bar; NaN where there is none within the lookback."""
    return _by_session(bars, bars.prices, enough=1)


def moving_average(bars: OwnBars, length: int) -> pd.DataFrame:
    """The mean of the last `length` bars, the newest included; NaN where there are fewer.

    It is taken as the newest close plus the mean distance from it, so the average
    of an unmoved price is that price to the last digit and nobody is above it.
    """
    newest = bars.prices[length - 1 :]
    distance = np.zeros_like(newest)
    for rows in _blocks(newest):
        for price in _terms(bars.prices, length):
            distance[rows] += price[rows] - newest[rows]
    average = _at_the_end(newest + distance / length, bars.prices)
    return _by_session(bars, average, enough=length)


def hull_average(bars: OwnBars, length: int) -> pd.DataFrame:
    """The Hull moving average: WMA(2·WMA(n/2) - WMA(n), √n), half and root rounded, halves up.

    A WMA weighs the oldest of its values once and the newest n times. NaN with
    fewer than `hull_bars` values. A. Hull, "How to reduce lag in a moving
    average" (2005).
    """
    half, root = _rounded(length / 2.0), _rounded(math.sqrt(length))
    short = _weighted_average(bars.prices, half)[length - half :]
    hull = _weighted_average(2.0 * short - _weighted_average(bars.prices, length), root)
    return _by_session(bars, _at_the_end(hull, bars.prices), enough=hull_bars(length))


def hull_bars(length: int) -> int:
    """How many values one Hull moving average of a length is made of."""
    return length + _rounded(math.sqrt(length)) - 1


def average_slope(bars: OwnBars, length: int) -> pd.DataFrame:
    """How far the newest bar moved the average of `length`; NaN with fewer than length + 1.

    That is (C - C of `length` bars before) / length: all between are in both averages.
    """
    moved = (bars.prices[length:] - bars.prices[:-length]) / length
    return _by_session(bars, _at_the_end(moved, bars.prices), enough=length + 1)


def trailing_return(bars: OwnBars, length: int) -> pd.DataFrame:
    """C₀ / C of `length` bars before − 1; NaN with fewer than length + 1 bars, or after a zero."""
    earlier = bars.prices[:-length]
    grown = bars.prices[length:] / np.where(earlier == 0.0, np.nan, earlier) - 1.0
    return _by_session(bars, _at_the_end(grown, bars.prices), enough=length + 1)


def trailing_low(bars: OwnBars, length: int) -> pd.DataFrame:
    """The lowest of the last `length` closes, the newest included; NaN where there are fewer."""
    low = np.array(bars.prices[length - 1 :])
    for price in _terms(bars.prices, length):
        np.minimum(low, price, out=low)
    return _by_session(bars, _at_the_end(low, bars.prices), enough=length)


def volatility(bars: OwnBars, length: int) -> pd.DataFrame:
    """The sample deviation of the last `length` daily returns, a day's and not a year's.

    NaN with fewer than length + 1 bars, and of a single return.
    """
    earlier = bars.prices[:-1]
    returns = bars.prices[1:] / np.where(earlier == 0.0, np.nan, earlier) - 1.0
    mean = np.zeros_like(returns[length - 1 :])
    for change in _terms(returns, length):
        mean += change
    mean /= length
    squares = np.zeros_like(mean)
    for change in _terms(returns, length):
        squares += (change - mean) ** 2
    deviation = np.sqrt(squares / (length - 1)) if length > 1 else np.full_like(mean, np.nan)
    return _by_session(bars, _at_the_end(deviation, bars.prices), enough=length + 1)


def weighted_momentum(bars: OwnBars) -> pd.DataFrame:
    """The momentum 13612W: (12·R1 + 4·R3 + 2·R6 + 1·R12) / 19 over monthly closes.

    A month's close is that of its last bar; the unfinished month counts with its
    newest bar, a month without bars does not count at all. NaN with fewer than
    253 bars or 13 monthly closes, or where one of the four earlier closes is zero.
    """
    opens_month = np.ones(bars.prices.shape, dtype=bool)
    opens_month[1:] = bars.months[1:] != bars.months[:-1]
    month = np.cumsum(opens_month, axis=0) - 1
    month_close = _month_closes(bars.prices, opens_month, month)

    score = np.zeros_like(bars.prices)
    for back, weight in _MONTHS_BACK.items():
        earlier = np.take_along_axis(month_close, np.maximum(month - back, 0), axis=0)
        score += weight * (bars.prices / earlier - 1.0)

    months_seen = _at(month, bars.newest) - _at(month, bars.oldest) + 1
    momentum = _by_session(bars, score / _MONTHS_WEIGHT, enough=_BARS_NEEDED)
    return momentum.where(months_seen >= _MONTHS_NEEDED)


def month_ends(sessions: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The sessions after which another month follows; of the newest one nobody knows yet."""
    month = _month_numbers(sessions)
    return pd.DatetimeIndex(sessions[:-1][month[1:] != month[:-1]])


def month_starts(sessions: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The sessions before which another month lies; of the oldest one nobody knows."""
    month = _month_numbers(sessions)
    return pd.DatetimeIndex(sessions[1:][month[1:] != month[:-1]])


def _terms(table: Table, length: int) -> Iterator[Table]:
    """Of every window of `length` rows the first entries, then the second, to the newest."""
    windows = max(len(table) - length + 1, 0)
    return (table[start : start + windows] for start in range(length))


def _blocks(table: Table) -> Iterator[slice]:
    """The rows of a table, so many at a time that they stay near the processor."""
    return (slice(start, start + _BLOCK) for start in range(0, len(table), _BLOCK))


def _weighted_average(table: Table, length: int) -> Table:
    """Of every window of `length` rows the mean that weighs the oldest once, the newest n times."""
    total = np.zeros_like(table[length - 1 :])
    for weight, values in enumerate(_terms(table, length), start=1):
        total += weight * values
    return total / (length * (length + 1) / 2)


def _rounded(number: float) -> int:
    """To the nearest whole number, a half upwards."""
    return math.floor(number + 0.5)


def _at_the_end(newest: Table, table: Table) -> Table:
    """Numbers of the last rows of a table in its shape, NaN for the rows before."""
    whole = np.full_like(table, np.nan)
    whole[len(table) - len(newest) :] = newest
    return whole


def _month_numbers(days: pd.DatetimeIndex) -> Places:
    return np.asarray(days.year * _MONTHS_A_YEAR + days.month, dtype=np.intp)


def _month_closes(prices: Table, opens_month: npt.NDArray[np.bool_], month: Places) -> Table:
    """The last close of each finished month: months × symbols, counted as `month` counts.

    NaN for a close of zero: nothing can be divided by it.
    """
    closes = np.full_like(prices, np.nan)
    last, columns = np.nonzero(opens_month[1:])
    closes[month[last, columns], columns] = prices[last, columns]
    return np.where(closes == 0.0, np.nan, closes)


def _at(table: Places, places: Places) -> Places:
    """The entries of a bars × symbols table at the places of sessions, clipped to its ends."""
    within = np.clip(places, 0, max(len(table) - 1, 0))
    return np.take_along_axis(table, within, axis=0)


def _by_session(bars: OwnBars, table: Table, enough: int) -> pd.DataFrame:
    """A bars × symbols table as the sessions see it; NaN where fewer than `enough` bars count."""
    seen = table.copy()
    for column in np.flatnonzero((bars.newest[-1:] != len(table) - 1).any(axis=0)):
        seen[:, column] = table[np.maximum(bars.newest[:, column], 0), column]
    whole = bars.newest - bars.oldest + 1 >= enough
    return pd.DataFrame(np.where(whole, seen, np.nan), bars.sessions, bars.symbols)
