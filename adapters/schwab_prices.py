"""Prices as Schwab tells them: quotes of the moment, daily bars adjusted for splits alone."""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd

from adapters.schwab_json import Json, entries, entry, milliseconds, number, odd, price
from adapters.schwab_symbols import ours, theirs
from adapters.schwab_wire import Wire
from bot.domain.calendar import Calendar, exchange_date
from bot.domain.errors import Blocked
from bot.domain.model import Quote, Quotes, Symbol
from bot.domain.strategy import Facts, Needs
from bot.ports import Clock

# A session missed by up to three is decided on its own row, with all rows it needs.
EARLIER_ROWS = 5
DAY = timedelta(days=1)
AT_ONCE = 4  # histories asked for at the same time
QUOTES_A_REQUEST = 200
HALTED = "Halted"
SIDES = ("bidPrice", "askPrice", "quoteTime")


@dataclass(frozen=True, slots=True)
class Bar:
    """What a day of a symbol came to."""

    close: float
    high: float
    low: float


Bars = Mapping[date, Bar]


class Prices:
    """The market of one login. A day's history is asked for once that day, when it is whole."""

    def __init__(self, wire: Wire, calendar: Calendar, clock: Clock, *, delayed: bool) -> None:
        self._wire, self._calendar, self._clock = wire, calendar, clock
        self._delayed = delayed
        self._known: dict[tuple[Symbol, date], Bars] = {}
        self._known_of: tuple[date, date] | None = None  # the session, and the day it was asked on

    async def facts(self, needs: Needs, session: date) -> Facts:
        """Return the rows before `session`: `needs.sessions` and a few more, where there are.

        Raises Blocked `schwab_no_history` for symbols without a bar, BrokerUnavailable.
        """
        before = self._calendar.before(session).date
        first = self._calendar.before(session, needs.sessions + EARLIER_ROWS).date
        symbols = list(dict.fromkeys((*needs.symbols, *needs.ranges)))
        found = await self._histories(symbols, first, session)
        absent = [symbol for symbol in symbols if not found[symbol]]
        if absent:
            raise Blocked("schwab_no_history", symbols=", ".join(absent))
        days = self._calendar.index(first, before, 0)
        return Facts(
            closes=_table(found, needs.symbols, days, "close"),
            sessions=self._calendar.index(first, session),
            highs=_table(found, needs.ranges, days, "high") if needs.ranges else None,
            lows=_table(found, needs.ranges, days, "low") if needs.ranges else None,
        )

    async def quotes(self, symbols: Collection[Symbol]) -> Quotes:
        """Return the present quotes; a symbol Schwab does not know, or does not price, is left out.

        Raises Blocked `schwab_delayed_quotes` where one is not of the moment, unless
        that is allowed, and BrokerUnavailable.
        """
        quoted: dict[Symbol, Quote] = {}
        names = [theirs(symbol) for symbol in dict.fromkeys(symbols)]
        for at in range(0, len(names), QUOTES_A_REQUEST):
            batch = await self._batch(names[at : at + QUOTES_A_REQUEST])
            quoted |= {quote.symbol: quote for quote in batch}
        return quoted

    async def _batch(self, names: Sequence[str]) -> list[Quote]:
        answer = await self._wire.read(lambda client: client.get_quotes(names))
        if not isinstance(answer, Mapping):
            raise odd("quotes", answer)
        return list(self._quotes(answer, names))

    def _quotes(self, answer: Json, names: Sequence[str]) -> Iterator[Quote]:
        told = {name: entry(answer, name) for name in names if name in answer}
        late = [ours(name) for name, each in told.items() if each.get("realtime") is not True]
        if late and not self._delayed:
            raise Blocked("schwab_delayed_quotes", symbols=", ".join(late))
        for name, each in told.items():
            found = _quote(ours(name), each)
            if found is not None:
                yield found

    async def _histories(
        self, symbols: Sequence[Symbol], first: date, session: date
    ) -> Mapping[Symbol, Bars]:
        # What was told before a split is in other shares than what is told after it.
        known_of = session, exchange_date(self._clock.now())
        if known_of != self._known_of:
            self._known.clear()
            self._known_of = known_of
        turns = asyncio.Semaphore(AT_ONCE)
        try:
            async with asyncio.TaskGroup() as group:
                asked = [
                    group.create_task(self._history(each, first, session, turns))
                    for each in symbols
                ]
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        return {symbol: task.result() for symbol, task in zip(symbols, asked, strict=True)}

    async def _history(
        self, symbol: Symbol, first: date, session: date, turns: asyncio.Semaphore
    ) -> Bars:
        if (symbol, first) in self._known:
            return self._known[symbol, first]
        async with turns:
            answer = await self._wire.read(
                lambda client: client.get_price_history_every_day(
                    theirs(symbol),
                    start_datetime=datetime.combine(first, time(), UTC),
                    end_datetime=datetime.combine(session + DAY, time(), UTC),
                    need_extended_hours_data=False,
                )
            )
        bars = _bars(answer, session)
        # Yesterday's bar may come late: what is not whole is asked for again.
        if self._calendar.before(session).date in bars:
            self._known[symbol, first] = bars
        return bars


def _bars(answer: object, session: date) -> Bars:
    """The bars before a session by their own date; their place in the list says nothing."""
    candles = answer.get("candles") if isinstance(answer, Mapping) else None
    bars: dict[date, Bar] = {}
    for candle in entries(candles, "candles"):
        day = exchange_date(milliseconds(candle, "datetime"))
        if day < session:
            told = (price(candle, part) for part in ("close", "high", "low"))
            bars[day] = Bar(*(float(each) for each in told))
    return bars


def _table(
    found: Mapping[Symbol, Bars], symbols: Sequence[Symbol], days: pd.DatetimeIndex, part: str
) -> pd.DataFrame:
    """Sessions × symbols, without a number where a symbol has no bar."""
    dates = [day.date() for day in days]
    columns = {
        symbol: [
            getattr(found[symbol][day], part) if day in found[symbol] else np.nan for day in dates
        ]
        for symbol in symbols
    }
    return pd.DataFrame(columns, index=days, columns=list(symbols), dtype=float)


def _quote(symbol: Symbol, told: Json) -> Quote | None:
    """A quote of an answer, None where it has no price of both sides.

    An index has no sides: its last price stands for both, with its own time.
    """
    sides = entry(told, "quote")
    last = _last(told, sides)
    if told.get("assetMainType") == "INDEX":
        return Quote(symbol, last, last, last, milliseconds(sides, "tradeTime"))
    if not all(sides.get(part) for part in SIDES):
        return None
    return Quote(
        symbol,
        bid=number(sides, "bidPrice"),
        ask=number(sides, "askPrice"),
        last=last,
        at=milliseconds(sides, "quoteTime"),
        halted=sides.get("securityStatus") == HALTED,
    )


def _last(told: Json, sides: Json) -> Decimal:
    """The last price of regular hours; what trades after them is no price of a session."""
    regular = told.get("regular")
    if isinstance(regular, Mapping) and "regularMarketLastPrice" in regular:
        return number(regular, "regularMarketLastPrice")
    return number(sides, "lastPrice")
