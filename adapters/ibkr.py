"""Interactive Brokers: one gateway, its prices, and the accounts its login manages."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import date

from adapters.ibkr_account import IbkrAccount
from adapters.ibkr_gateway import Gateway, Pace, Window
from adapters.ibkr_link import Link
from adapters.ibkr_market import Prices
from bot.domain.calendar import Calendar
from bot.domain.errors import BrokerUnavailable
from bot.domain.model import Note, Quotes, Symbol
from bot.domain.strategy import Facts, Needs
from bot.ports import Adjustment, Clock

__all__ = ["Gateway", "Ibkr", "IbkrAccount", "Pace", "Window"]


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

    async def keep(self) -> None:
        """Keep the connection until cancelled: a source of the daemon."""
        await self._link.keep()

    def notes(self) -> Sequence[Note]:
        """Its login is the gateway's: there is nothing to be done ahead of time."""
        return ()

    async def prove(self) -> str:
        """What the gateway says of itself: its place, its accounts, its time.

        Raises BrokerUnavailable naming what is in the way of trading over it.
        """
        session = await self._link.session()
        at = await session.time()
        session.wire.require()
        if session.read_only:
            raise BrokerUnavailable("ibkr_read_only")
        accounts = ", ".join(session.wire.accounts)
        return f"{self._gateway.host}:{self._gateway.port}, {accounts}, {at:%Y-%m-%d %H:%M:%S} UTC"

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
