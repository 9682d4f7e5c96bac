from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd

from bot.domain.strategy import Facts, Holding
from bot.sessions import nyse

CALENDAR = nyse(date(1998, 1, 1), date(2032, 12, 31))
FIRST = date(2015, 1, 2)


def sessions(count: int, first: date = FIRST) -> pd.DatetimeIndex:
    return CALENDAR.index(first, CALENDAR.after(first, count).date, ahead=0)[:count]


def a_table(columns: Mapping[str, Sequence[float]], first: date = FIRST) -> pd.DataFrame:
    length = max(map(len, columns.values()))
    return pd.DataFrame(dict(columns), sessions(length, first), dtype=float)


def facts_of(closes: pd.DataFrame) -> Facts:
    days = pd.DatetimeIndex(closes.index)
    return Facts(closes, CALENDAR.index(days[0].date(), days[-1].date()))


def random_closes(symbols: Sequence[str], count: int, seed: int) -> pd.DataFrame:
    """Ordinary lives: every symbol trades each session, some rise and some fall."""
    chance = np.random.default_rng(seed)
    drifts = chance.normal(0.0003, 0.0008, len(symbols))
    steps = chance.normal(drifts, 0.012, (count, len(symbols)))
    prices = np.round(80.0 * np.exp(np.cumsum(steps, axis=0)), 4)
    return pd.DataFrame(prices, sessions(count), list(symbols))


def gappy_closes(symbols: Sequence[str], count: int, seed: int) -> pd.DataFrame:
    """Lives with holes: lost bars, lost months, symbols young, dead or never born."""
    closes = random_closes(symbols, count, seed)
    chance = np.random.default_rng(seed + 1)
    fates = chance.permutation(len(symbols))
    values = closes.to_numpy(copy=True)
    values[:, fates[0::4]] = np.where(
        chance.random((count, len(fates[0::4]))) < 0.2, np.nan, values[:, fates[0::4]]
    )
    for column in fates[1::4]:
        born, silent = chance.integers(0, count, 2)
        values[:born, column] = np.nan
        values[silent : silent + 70, column] = np.nan
    values[int(chance.integers(0, count)) :, fates[2]] = np.nan
    values[:, fates[-1]] = np.nan
    return pd.DataFrame(values, closes.index, closes.columns)


def holdings(**shares: float) -> dict[str, Holding]:
    return {name: Holding(Decimal(repr(held)), 100.0 * held) for name, held in shares.items()}
