"""What holders were given: splits and dividends, told by adjusted prices beside raw ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

import numpy as np
import pandas as pd

from bot.domain.gates import split_ratio
from bot.domain.model import Symbol

# What two prices printed in cents may differ by that are the same; a dividend is more.
ROUNDING: Final = 5e-4
_CENTS: Final = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Distribution:
    """What the holder of a share of yesterday has today: `shares` of today's, and money for each.

    `money` is USD for a share as it is today.
    """

    symbol: Symbol
    shares: Decimal
    money: Decimal


@dataclass(frozen=True, slots=True, eq=False)
class Raw:
    """Closes as they were printed: days × symbols, and what they leave out, by day.

    A symbol without raw closes has its adjusted ones: its holder then earns what was
    paid through the price.
    """

    closes: pd.DataFrame
    distributions: Mapping[date, tuple[Distribution, ...]]


def raw_of(adjusted: pd.DataFrame, printed: pd.DataFrame) -> Raw:
    """Put raw closes beside adjusted ones, and find what was given from one bar to the next.

    Between two bars of which the adjusted price grew by a and the raw one by r, the
    holder got a/r: a split where that is near a ratio splits have, and for the rest
    money. With it the day's return on the raw price is the adjusted one. Days of which
    one of them has no bar are bridged by the ratio of the bar before.
    """
    beside = printed.reindex(index=adjusted.index, columns=adjusted.columns)
    ratio = (beside / adjusted).ffill().bfill().fillna(1.0)
    closes = adjusted * ratio
    found: dict[date, list[Distribution]] = {}
    for symbol in adjusted.columns:
        for day, given in _given(str(symbol), adjusted[symbol], closes[symbol]):
            found.setdefault(day, []).append(given)
    return Raw(closes, {day: tuple(each) for day, each in found.items()})


def _given(
    symbol: Symbol, adjusted: pd.Series, closes: pd.Series
) -> list[tuple[date, Distribution]]:
    bars = adjusted.notna().to_numpy()
    days = pd.DatetimeIndex(adjusted.index[bars])
    one, other = adjusted.to_numpy()[bars], closes.to_numpy()[bars]
    grown = (one[1:] / one[:-1]) / (other[1:] / other[:-1])
    told = []
    for at in np.flatnonzero(np.abs(grown - 1.0) > ROUNDING).tolist():
        shares = split_ratio(1.0 / grown[at]) or 1.0
        price = other[at + 1]
        money = Decimal(repr(float(price * (grown[at] / shares - 1.0)))).quantize(_CENTS)
        exact = Decimal(round(shares)) if shares >= 1.0 else 1 / Decimal(round(1.0 / shares))
        told.append((days[at + 1].date(), Distribution(symbol, exact, money)))
    return told
