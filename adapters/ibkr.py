"""Interactive Brokers: one gateway, its prices, and the accounts its login manages."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import date, datetime

from adapters.ibkr_account import IbkrAccount
from adapters.ibkr_gateway import Gateway, Pace, Window
from adapters.ibkr_link import Link
from adapters.ibkr_market import Prices
from bot.domain.calendar import Calendar
from bot.domain.errors import BrokerUnavailable
from bot.domain.model import Note, Proceeds, Quotes, Symbol
from bot.domain.strategy import Facts, Needs
from bot.ports import Adjustment, Clock, Reading

__all__ = ["Gateway", "Ibkr", "IbkrAccount", "Pace", "Window"]

SHOWN = 4  # characters of an account's number


class Ibkr:
    """The line to one gateway: MarketData, and a Broker for each account."""

    def __init__(self, gateway: Gateway, calendar: Calendar, clock: Clock) -> None:
        self._gateway, self._clock = gateway, clock
        self._link = Link(gateway, clock)
        self._prices = Prices(self._link, calendar, clock)

    @property
    def adjustment(self) -> Adjustment:
        """Its daily history includes dividends."""
        return Adjustment.TOTAL_RETURN

    def account(self, number: str) -> IbkrAccount:
        """The Broker of one account; that the login manages it is proven when it is asked."""
        return IbkrAccount(self._link, number, self, self._clock)

    async def proceeds(self, account: str, symbol: Symbol) -> Proceeds | None:
        """When today's proceeds may buy, asked with an order that is not placed.

        None while there is nothing unsettled to ask with. Raises BellwetherError.
        """
        return await self.account(account).proceeds(symbol)

    async def keep(self) -> None:
        """Keep the connection until cancelled: a source of the daemon."""
        await self._link.keep()

    def notes(self) -> Sequence[Note]:
        """What is wrong with the gateway or its quotes; its login is nothing to renew ahead."""
        return self._link.troubles.notes()

    async def prove(self) -> str:
        """Return the accounts the login manages, the gateway's time, and where it is.

        Raises BrokerUnavailable naming what is in the way of trading over it.
        """
        session = await self._link.session()
        at = await session.time()
        session.wire.require()
        if session.read_only:
            raise BrokerUnavailable("ibkr_read_only")
        known = ", ".join(f"…{number[-SHOWN:]}" for number in sorted(session.wire.accounts))
        place = f"{self._gateway.host}:{self._gateway.port}"
        return f"{known} · {at:%Y-%m-%d %H:%M:%S}Z · {place}"

    async def clock(self) -> Reading:
        """Compare our clock with the gateway's. Raises BrokerUnavailable."""
        session = await self._link.session()
        asked = self._clock.now()
        theirs = await session.time()
        return Reading.of(theirs, asked, self._clock.now())

    def ends(self) -> datetime | None:
        """Its login is the gateway's."""
        return None

    async def facts(self, needs: Needs, session: date) -> Facts:
        """Return the total-return closes a strategy needs, up to the session before `session`.

        Raises Blocked for a symbol nobody knows, or a vital one nobody has bars of.
        """
        return await self._prices.facts(needs, session)

    async def quotes(self, symbols: Collection[Symbol]) -> Quotes:
        """Return the present quotes; a symbol that has none is left out."""
        return await self._prices.quotes(symbols)

    async def close(self) -> None:
        """Hang up."""
        self._link.close()
        # The socket closes in the next turns of the loop.
        await asyncio.sleep(0)
