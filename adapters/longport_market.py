"""The market as LongPort tells it: total-return bars, last prices, bids and asks."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd

from adapters.longport_line import Line
from adapters.longport_symbols import INDICES, ours, theirs
from adapters.longport_wire import (
    Bar,
    Bars,
    Book,
    Candles,
    Depth,
    Describe,
    Price,
    Prices,
    Securities,
)
from adapters.longport_wire import Quote as AskPrices
from bot.domain.calendar import Calendar, exchange_date
from bot.domain.errors import Blocked
from bot.domain.model import Quote, Quotes, Symbol
from bot.domain.strategy import Facts, Needs
from bot.ports import Adjustment, Clock

AHEAD = 40
# A session missed by up to three is decided on its own row, with all rows it needs.
EARLIER_ROWS = 5
MOST_BARS = 1000  # of one answer
UNKNOWN_SYMBOL = 301600
# Its last trade is never old while the exchange is open, unless all quotes are.
WITNESS = "SPY"
MOST_LAG = timedelta(minutes=2)
TRADED = frozenset({"Normal", "ToBeOpened"})
# Adjusted and raw closes of a day differ by what went ex since; beyond this it was a split.
DIVIDEND = 0.2


class Market:
    """The MarketData of a line. Bars are adjusted forward: what they paid since is in them."""

    adjustment = Adjustment.TOTAL_RETURN

    def __init__(self, line: Line, calendar: Calendar, clock: Clock) -> None:
        self._line, self._calendar, self._clock = line, calendar, clock

    async def facts(self, needs: Needs, session: date) -> Facts:
        """Return the bars before `session`: `needs.sessions` and a few more, where there are.

        Raises Blocked `longport_symbol` for a symbol the broker does not know.
        """
        last = self._calendar.before(session).date
        later = self._since(last)
        bars: dict[Symbol, Mapping[date, Bar]] = {}
        raw: dict[Symbol, float] = {}
        for symbol in needs.symbols:
            count = needs.sessions + EARLIER_ROWS + later
            bars[symbol] = await self._bars(symbol, count, last, adjusted=True)
            shown = await self._bars(symbol, 1 + later, last, adjusted=False)
            raw |= _raw_close(symbol, bars[symbol], shown)
        days = pd.DatetimeIndex(sorted({day for dated in bars.values() for day in dated}))
        first = days[0].date() if len(days) else session
        ranges = {symbol: bars[symbol] for symbol in needs.ranges}
        return Facts(
            closes=_table(bars, days, lambda bar: bar.close),
            sessions=self._calendar.index(first, session, AHEAD),
            raw_closes=raw,
            highs=_table(ranges, days, lambda bar: bar.high) if ranges else None,
            lows=_table(ranges, days, lambda bar: bar.low) if ranges else None,
        )

    async def quotes(self, symbols: Collection[Symbol]) -> Quotes:
        """Return the present quotes; a symbol that lacks a bid, an ask or a trade is left out.

        Raises Blocked `longport_delayed` where none of them is of the moment.
        """
        if not symbols:
            return {}
        wanted = tuple(theirs(symbol) for symbol in dict.fromkeys((*symbols, WITNESS)))
        await self._describe(symbols)
        told = await self._line.read(AskPrices(wanted), Prices)
        self._refuse_delayed(told.known)
        quoted: dict[Symbol, Quote] = {}
        for price in told.known:
            symbol = ours(price.symbol)
            if symbol in INDICES and symbol in symbols and price.last > 0:
                quoted[symbol] = Quote(symbol, price.last, price.last, price.last, price.at)
            elif symbol in symbols and price.last > 0:
                book = await self._line.read(Depth(price.symbol), Book)
                quoted |= self._quote(symbol, price, book)
        return quoted

    def _quote(self, symbol: Symbol, price: Price, book: Book) -> Mapping[Symbol, Quote]:
        if not book.bid or not book.ask:
            return {}
        halted = price.status not in TRADED
        # The book is of the moment it is asked for; only of a closed exchange it is as old as
        # its last trade.
        at = self._clock.now() if self._is_open() else price.at
        return {symbol: Quote(symbol, book.bid, book.ask, price.last, at, halted)}

    async def _describe(self, symbols: Collection[Symbol]) -> None:
        """Learn the lots of symbols met for the first time."""
        new = tuple(theirs(symbol) for symbol in symbols if symbol not in self._line.lots)
        if new:
            told = await self._line.read(Describe(new), Securities)
            self._line.lots |= {ours(each.symbol): max(each.lot, 1) for each in told.known}

    def _refuse_delayed(self, prices: Sequence[Price]) -> None:
        newest = max((p.at for p in prices if p.last > 0 and p.status in TRADED), default=None)
        if newest is None or not self._is_open() or self._line.told.delayed_quotes:
            return
        lag = self._clock.now() - newest
        if lag > MOST_LAG:
            raise Blocked("longport_delayed", seconds=round(lag.total_seconds()))

    def _is_open(self) -> bool:
        now = self._clock.now()
        session = self._calendar.on(exchange_date(now))
        return session is not None and session.opens + MOST_LAG <= now < session.closes

    def _since(self, last: date) -> int:
        """How many sessions there are after a day up to the present one."""
        today = exchange_date(self._clock.now())
        return self._calendar.distance(last, today) if today > last else 0

    async def _bars(
        self, symbol: Symbol, count: int, last: date, *, adjusted: bool
    ) -> Mapping[date, Bar]:
        """The bars of sessions up to a day, by their dates at the exchange."""
        count = min(max(count, 1), MOST_BARS)
        try:
            told = await self._line.read(Candles(theirs(symbol), count, adjusted), Bars)
        except Blocked as refused:
            if refused.values.get("number") == UNKNOWN_SYMBOL:
                raise Blocked("longport_symbol", symbol=symbol) from None
            raise
        dated = {exchange_date(bar.at): bar for bar in told.bars}
        first = max(min(dated, default=last), self._calendar.first)
        sessions = {session.date for session in self._calendar.between(first, last)}
        return {day: bar for day, bar in sorted(dated.items()) if day in sessions}


def _table(
    bars: Mapping[Symbol, Mapping[date, Bar]],
    days: pd.DatetimeIndex,
    price_of: Callable[[Bar], Decimal],
) -> pd.DataFrame:
    """Prices as floats, sessions × symbols; what is no price is no bar."""
    columns = {
        symbol: [
            float(price_of(dated[day])) if day in dated and price_of(dated[day]) > 0 else np.nan
            for day in (each.date() for each in days)
        ]
        for symbol, dated in bars.items()
    }
    return pd.DataFrame(columns, index=days, dtype=float)


def _raw_close(
    symbol: Symbol, adjusted: Mapping[date, Bar], raw: Mapping[date, Bar]
) -> Mapping[Symbol, float]:
    """The last close as it was traded, where it tells of a split.

    Where history was re-based for today's dividend already, a price of today stands
    on its scale as it is.
    """
    last = max(adjusted, default=None)
    if last is None or last not in raw or adjusted[last].close <= 0:
        return {}
    ratio = float(raw[last].close / adjusted[last].close)
    return {symbol: float(raw[last].close)} if abs(ratio - 1) > DIVIDEND else {}
