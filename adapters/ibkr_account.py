"""One account at a gateway: a broker like any other."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from adapters.ibkr_link import Link
from adapters.ibkr_orders import BUY, PLAIN, accepted, coherent, of_day, reports, ticket
from adapters.ibkr_refusals import REFUSAL_CODES, refusal, refuses, remark
from adapters.ibkr_session import Session
from adapters.ibkr_statement import disagreements, portfolio_of
from adapters.ibkr_values import Denied, Listed, Lists, Placed, Ticket, Told, Written
from bot.domain.calendar import exchange_date
from bot.domain.errors import (
    BellwetherError,
    BrokerUnavailable,
    Halted,
    OrderRefused,
    OrderUnanswered,
)
from bot.domain.model import (
    NOTHING,
    AccountKind,
    OrderIntent,
    OrderReport,
    OrderStatus,
    Portfolio,
    Proceeds,
    Symbol,
)
from bot.ports import Capabilities, Clock, MarketData

LOOKS = 3  # at lists that contradict each other, or do not tell what they should


class IbkrAccount:
    """The Broker of one account number; what it reads and sends is of that account alone."""

    def __init__(self, link: Link, number: str, market: MarketData, clock: Clock) -> None:
        self._link, self._number = link, number
        self._market, self._clock = market, clock

    @property
    def capabilities(self) -> Capabilities:
        """Our name of an order comes back with it, everywhere and for ever."""
        return Capabilities(shorting=True, live_quotes=not self._link.gateway.allow_delayed)

    async def portfolio(self) -> Portfolio:
        """Read the account. Raises BrokerUnavailable, Halted `account_identity`."""
        session = await self._session()
        for look in range(LOOKS):
            if look:
                await asyncio.sleep(self._link.gateway.pace.again)
            lists = await session.lists()
            statement = await session.statement(self._number)
            positions = [p for p in await session.positions() if p.account == self._number]
            odd = disagreements(statement, positions)
            if not odd:
                symbols = list({p.instrument.symbol for p in positions if p.instrument.ours})
                numbers = await asyncio.gather(*map(session.tape.number, symbols))
                traded_as = dict(zip(symbols, numbers, strict=True))
                return portfolio_of(statement, positions, lists, traded_as)
        raise BrokerUnavailable("ibkr_positions_unclear", symbols=", ".join(sorted(odd)))

    async def orders_today(self) -> Sequence[OrderReport]:
        """Every order of the day in the account, whoever entered it. Raises BrokerUnavailable."""
        session = await self._session()
        return [self._told(each) for each in reports(await self._lists(session), self._number)]

    async def submit(self, order: OrderIntent) -> OrderReport:
        """Place an order, once, and report it as the gateway took it.

        Raises OrderRefused only where it certainly was not booked: it was never written,
        or a code refused it and the lists do not know it. Whatever else happens is
        OrderUnanswered.
        """
        placed = await self._written(order)
        if placed.told or placed.status not in PLAIN:
            return await self._looked_up(order, placed)
        if not placed.permanent_id:
            raise OrderUnanswered("ibkr_order_unanswered", order=order.id, symbol=order.symbol)
        return accepted(order, placed)

    async def cancel(self, order: OrderIntent) -> None:
        """Ask for the end of an order; one that is final stays as it is.

        It is known by its name, or by the broker's number where somebody took the name
        off it. Raises OrderRefused `unknown_order` where it is in no list,
        `ibkr_other_client` where another client owns it: here its number may be that of
        another order.
        """
        known = self._link.written.get(order.id, Written())
        session = await self._session()
        for look in range(LOOKS):
            if look:
                await asyncio.sleep(self._link.gateway.pace.again)
            lists = await session.lists()
            mine = [o for o in lists.open if o.account == self._number and _is(o, order, known)]
            for listed in mine:
                if listed.client_id != self._link.gateway.client_id:
                    raise OrderRefused("ibkr_other_client", order=order.id, client=listed.client_id)
                await session.cancel(listed)
            if mine or _of(order, reports(lists, self._number)):
                return
        raise OrderRefused("unknown_order", symbol=order.symbol, order=order.id)

    async def proceeds(self, symbol: Symbol) -> Proceeds | None:
        """When the broker lets today's proceeds buy, asked with an order that is not placed.

        None while all money is settled, or where less than a share's price is not: there
        is nothing to ask with. Raises BrokerUnavailable, BellwetherError.
        """
        portfolio = await self.portfolio()
        if portfolio.kind is AccountKind.MARGIN:
            return Proceeds.MARGIN
        quote = (await self._market.quotes([symbol])).get(symbol)
        if quote is None:
            raise BrokerUnavailable("vital_quote_missing", symbol=symbol)
        shares = int(max(portfolio.settled, NOTHING) / quote.ask) + 1
        if shares * quote.ask > portfolio.cash:
            return None
        session = await self._session()
        limit = quote.ask.quantize(Decimal("0.01"))
        try:
            await session.what_if(symbol, Ticket(self._number, "", BUY, shares, limit))
        except Denied as denied:
            if denied.number not in REFUSAL_CODES:
                values = {"what": "what-if", "number": denied.number, "reason": denied.reason}
                raise BrokerUnavailable("ibkr_denied", **values) from denied
            return Proceeds.SETTLED
        return Proceeds.SAME_DAY

    async def _session(self) -> Session:
        """The open session, if the account is one of those its login manages."""
        session = await self._link.session()
        managed = session.wire.accounts
        if self._number not in managed:
            raise Halted("account_identity", expected=self._number, reported=", ".join(managed))
        return session

    async def _written(self, order: OrderIntent) -> Placed:
        """Write an order. Raises OrderRefused while nothing of it has left."""
        gateway = self._link.gateway
        if order.id in self._link.written:
            raise OrderUnanswered("ibkr_sent_before", order=order.id, symbol=order.symbol)
        if gateway.restart.covers(self._clock.now()):
            window = gateway.restart
            raise OrderRefused("ibkr_restart", begins=window.begins, ends=window.ends)
        if order.symbol in gateway.indices:
            raise OrderRefused("ibkr_not_traded", symbol=order.symbol)
        self._link.written[order.id] = Written()
        try:
            session = await self._session()
            if session.read_only:
                raise BrokerUnavailable("ibkr_read_only")
            placed = await session.place(order.symbol, ticket(order, self._number))
        except BellwetherError as before:
            del self._link.written[order.id]
            raise OrderRefused(before.code, **before.values) from before
        self._link.written[order.id] = Written(placed.permanent_id, placed.told)
        return placed

    async def _looked_up(self, order: OrderIntent, placed: Placed) -> OrderReport:
        """What became of an order of which something unusual was told: the lists know it."""
        told = next(iter(placed.told), Told(0, placed.status))
        values = {"symbol": order.symbol, "number": told.number, "reason": told.reason}
        try:
            found = await self._sought(order)
        except BrokerUnavailable as trouble:
            raise OrderUnanswered("ibkr_order_unclear", order=order.id, **values) from trouble
        if found is None and not any(map(refuses, placed.told)):
            raise OrderUnanswered("ibkr_order_unclear", order=order.id, **values)
        if found is None or found.status is OrderStatus.REFUSED:
            raise refusal(order.symbol, next(filter(refuses, placed.told), told))
        return found

    async def _sought(self, order: OrderIntent) -> OrderReport | None:
        """An order by its name, looked for more than once before it is said not to be there."""
        for look in range(LOOKS):
            if look:
                await asyncio.sleep(self._link.gateway.pace.again)
            found = _of(order, await self.orders_today())
            if found:
                return found
        return None

    def _told(self, report: OrderReport) -> OrderReport:
        """A report with why its order waits or was refused, as far as this process heard it."""
        told = self._link.written.get(report.client_id, Written()).told
        because = next(filter(refuses, told), None)
        if report.status is OrderStatus.REFUSED and because:
            return replace(report, reason=str(refusal(report.symbol, because)))
        if report.status is OrderStatus.WORKING:
            return replace(report, reason=remark(report.symbol, told))
        return report

    async def _lists(self, session: Session) -> Lists:
        """Today's lists, read again while one has what it should not have without another."""
        for look in range(LOOKS):
            if look:
                await asyncio.sleep(self._link.gateway.pace.again)
            lists = of_day(await session.lists(), exchange_date(self._clock.now()))
            if coherent(lists, self._number):
                break
        return lists


def _is(listed: Listed, order: OrderIntent, known: Written) -> bool:
    """Whether an open order is the one meant: by its name, or by the number it was taken with."""
    return listed.reference == order.id or 0 < known.permanent_id == listed.permanent_id


def _of(order: OrderIntent, listed: Sequence[OrderReport]) -> OrderReport | None:
    return next((report for report in listed if report.client_id == order.id), None)
