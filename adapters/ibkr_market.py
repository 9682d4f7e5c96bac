"""Prices of a gateway: total-return history once a session, quotes whenever they are asked for."""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import nan
from operator import attrgetter

import numpy as np
import pandas as pd

from adapters.ibkr_link import Link
from adapters.ibkr_session import Session
from adapters.ibkr_tape import DIVIDENDS
from adapters.ibkr_values import Bar, Denied, Ticks, exact, is_price
from bot.domain.calendar import Calendar, exchange_date
from bot.domain.errors import Blocked
from bot.domain.model import Quote, Quotes, Symbol
from bot.domain.strategy import Facts, Needs
from bot.ports import Clock

ADJUSTED, TRADED = "ADJUSTED_LAST", "TRADES"
AHEAD = 40
# A session missed by up to three is decided on its own row, with all rows it needs.
EARLIER_ROWS = 5
TOO_FAST = "pacing"
TOO_FAST_AGAIN = 3
# What a delayed quote is behind by: by its age no order is ever priced from it.
DELAYED_BY = timedelta(minutes=15)
A_FEW = 5

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Past:
    """A symbol's bars up to the session before, and the dividend it goes ex of in the session."""

    asked_at: datetime
    sessions: int
    bars: Sequence[Bar]
    dividend: float = 0.0


class Prices:
    """The market as a gateway shows it, at the time of a clock."""

    def __init__(self, link: Link, calendar: Calendar, clock: Clock) -> None:
        self._link, self._calendar, self._clock = link, calendar, clock
        self._kept: dict[Symbol, _Past] = {}
        self._asking = asyncio.Lock()

    async def facts(self, needs: Needs, session: date) -> Facts:
        """Return `needs.sessions` rows before `session`, and a few more where there are.

        The unfinished bar of the session is left out: the quote of the moment takes its
        place. Of a dividend that goes ex in the session that quote has to know, unless
        the history is on the scale of the session already. Raises Blocked.
        """
        rows = self._rows(session, needs.sessions + EARLIER_ROWS)
        async with self._asking:
            past = await self._past(needs, rows, session)
        places = {at.date(): place for place, at in enumerate(rows)}

        def table(what: Callable[[Bar], float], symbols: Sequence[Symbol]) -> pd.DataFrame:
            found = np.full((len(rows), len(symbols)), nan)
            for column, symbol in enumerate(symbols):
                for bar in past[symbol].bars:
                    if bar.day in places:
                        found[places[bar.day], column] = what(bar)
            return pd.DataFrame(found, rows, list(symbols))

        first = rows[0].date() if len(rows) else session
        return Facts(
            table(attrgetter("close"), needs.symbols),
            self._calendar.index(first, session, AHEAD),
            dividends={s: kept.dividend for s, kept in past.items() if kept.dividend},
            highs=table(attrgetter("high"), needs.ranges) if needs.ranges else None,
            lows=table(attrgetter("low"), needs.ranges) if needs.ranges else None,
        )

    async def quotes(self, symbols: Collection[Symbol]) -> Quotes:
        """The present quotes, as old as the question; delayed ones by what they are behind."""
        asked_at = self._clock.now()
        wanted = list(dict.fromkeys(symbols))
        told = await (await self._link.session()).tape.ticks(wanted)
        self._link.troubles.look_at(told)
        indices = self._link.gateway.indices
        quotes = (_quote(s, ticks, asked_at, index=s in indices) for s, ticks in told.items())
        return {quote.symbol: quote for quote in quotes if quote}

    def _rows(self, session: date, count: int) -> pd.DatetimeIndex:
        """The last sessions before a day, as many as asked for or as the calendar knows."""
        before = self._calendar.between(self._calendar.first, session - timedelta(days=1))
        if not before:
            return pd.DatetimeIndex([])
        first = before[-count:][0].date
        return self._calendar.index(first, before[-1].date, 0)

    async def _past(
        self, needs: Needs, rows: pd.DatetimeIndex, session: date
    ) -> Mapping[Symbol, _Past]:
        """The history of each symbol, asked for where what is kept does not serve any more."""
        symbols = tuple(dict.fromkeys((*needs.symbols, *needs.ranges)))
        missing = [s for s in symbols if not self._serves(s, rows, session)]
        past = {s: self._kept[s] for s in symbols if s not in missing}
        if missing:
            gateway = await self._link.session()
            asked_at = self._clock.now()
            bars = await asyncio.gather(
                *(self._bars(gateway, symbol, len(rows), needs) for symbol in missing)
            )
            until = {
                s: [b for b in told if b.day < session and b.known]
                for s, told in zip(missing, bars, strict=True)
            }
            paying = await self._dividends(gateway, until, session)
            for symbol in missing:
                kept = _Past(asked_at, len(rows), until[symbol], paying.get(symbol, 0.0))
                self._kept[symbol] = past[symbol] = kept
        return past

    def _serves(self, symbol: Symbol, rows: pd.DatetimeIndex, session: date) -> bool:
        """Whether what is kept of a symbol is what would be told now.

        A history is put on another scale over night: one from before the opening is
        asked for again after it, and one without the newest session is no history yet.
        """
        kept, now = self._kept.get(symbol), self._clock.now()
        if kept is None or kept.sessions < len(rows) or not kept.bars or not len(rows):
            return False
        opened = self._calendar.on(session)
        same_day = exchange_date(kept.asked_at) == exchange_date(now)
        before_open = opened is not None and kept.asked_at < opened.opens <= now
        whole = kept.bars[-1].day == rows[-1].date()
        return same_day and whole and not before_open

    async def _bars(
        self, gateway: Session, symbol: Symbol, sessions: int, needs: Needs
    ) -> Sequence[Bar]:
        """Daily bars; of a symbol that has none an empty list, unless nothing goes without it."""
        what = TRADED if symbol in self._link.gateway.indices else ADJUSTED
        for again in range(TOO_FAST_AGAIN):
            try:
                return await gateway.tape.bars(symbol, what, sessions + 1)
            except Denied as denied:
                if TOO_FAST in denied.reason and again + 1 < TOO_FAST_AGAIN:
                    await asyncio.sleep(self._link.gateway.pace.retry)
                    continue
                if symbol in needs.vital:
                    values = {"symbol": symbol, "number": denied.number, "reason": denied.reason}
                    raise Blocked("ibkr_no_history", **values) from denied
                log.warning("no history of %s: %s", symbol, denied)
        return []

    async def _dividends(
        self, gateway: Session, past: Mapping[Symbol, Sequence[Bar]], session: date
    ) -> Mapping[Symbol, float]:
        """The dividends that go ex in the session and are not in the history's scale yet.

        Where they are, its last close is by so much below the one that was traded.
        """
        stocks = [s for s, bars in past.items() if bars and s not in self._link.gateway.indices]
        told = await gateway.tape.ticks(stocks, DIVIDENDS)
        found: dict[Symbol, float] = {}
        for symbol, ticks in told.items():
            coming = ticks.dividend
            if coming is None or coming.ex_date != session or not is_price(coming.amount):
                continue
            last = past[symbol][-1]
            traded = await gateway.tape.bars(symbol, TRADED, A_FEW)
            raw = {bar.day: bar.close for bar in traded}.get(last.day, last.close)
            if raw - last.close < coming.amount / 2:
                found[symbol] = coming.amount
        return found


def _quote(symbol: Symbol, ticks: Ticks, asked_at: datetime, *, index: bool) -> Quote | None:
    """A quote, None where part of it is missing. Nobody bids for an index: it is its value."""
    sides = (ticks.last,) * 3 if index else (ticks.bid, ticks.ask, ticks.last)
    if not all(map(is_price, sides)):
        return None
    bid, ask, last = map(exact, sides)
    at = asked_at - DELAYED_BY if ticks.delayed else asked_at
    return Quote(symbol, bid, ask, last, at, halted=ticks.halted > 0)
