"""A little market out of a seed: the same securities and the same bars for the same number."""

import random
from datetime import date, timedelta
from decimal import Decimal

from adapters.sims.bars import Bar
from adapters.sims.longport_calendar import SATURDAY
from adapters.sims.longport_securities import Security

FIRST_PRICES = {
    "SPY.US": 600,
    "QQQ.US": 500,
    "TQQQ.US": 80,
    "SOXL.US": 30,
    "SOXX.US": 220,
    "BOXX.US": 110,
    "BIL.US": 91,
    "700.HK": 500,
}
LOTS = {"700.HK": 100}
BARS = 300
DAILY = 0.01
CENT = Decimal("0.01")


def seeded(seed: int, last: date, bars: int = BARS) -> tuple[Security, ...]:
    """A few US funds and a Hong Kong stock, with bars up to a last day."""
    days = _weekdays(last, bars)
    return tuple(
        Security(
            symbol, symbol.partition(".")[0], LOTS.get(symbol, 1), bars=_walk(seed, symbol, days)
        )
        for symbol in FIRST_PRICES
    )


def _weekdays(last: date, count: int) -> list[date]:
    days: list[date] = []
    day = last
    while len(days) < count:
        if day.weekday() < SATURDAY:
            days.append(day)
        day -= timedelta(days=1)
    return days[::-1]


def _walk(seed: int, symbol: str, days: list[date]) -> tuple[Bar, ...]:
    chance = random.Random(f"{seed} {symbol}")  # noqa: S311 - reproducible is what it must be
    price = float(FIRST_PRICES[symbol])
    bars = []
    for day in days:
        before, price = price, price * (1 + chance.gauss(0, DAILY))
        high, low = max(before, price) * (1 + DAILY / 2), min(before, price) * (1 - DAILY / 2)
        opened, highest, lowest, closed = (
            Decimal(p).quantize(CENT) for p in (before, high, low, price)
        )
        bars.append(Bar(day, opened, highest, lowest, closed, chance.randrange(10**6, 10**7)))
    return tuple(bars)
