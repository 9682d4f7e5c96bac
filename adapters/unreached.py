"""A broker nobody asks: what stands in its place where only the memory is looked at."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import NoReturn

from bot.domain.errors import BrokerUnavailable
from bot.domain.model import Note, OrderIntent, OrderReport, Portfolio, Proceeds, Quotes, Symbol
from bot.domain.strategy import Facts, Needs
from bot.ports import Adjustment, Capabilities, Reading


class Unreached:
    """A line and the broker of its every account, of which nothing is known or sent.

    Looking at a ledger needs neither a secret nor a broker's library. Every call
    raises BrokerUnavailable.
    """

    capabilities = Capabilities()
    adjustment = Adjustment.TOTAL_RETURN

    def __init__(self, broker: str) -> None:
        self._broker = broker

    def account(self, number: str) -> "Unreached":
        """The same for every account."""
        del number
        return self

    async def proceeds(self, account: str, symbol: Symbol) -> Proceeds | None:
        """Nothing is known."""
        del account, symbol
        self._refuse()

    async def keep(self) -> None:
        """There is nothing to be kept."""

    def notes(self) -> Sequence[Note]:
        """There is nothing to be heard."""
        return ()

    async def close(self) -> None:
        """There is nothing to let go of."""

    async def clock(self) -> Reading:
        """Nothing is known."""
        self._refuse()

    def ends(self) -> datetime | None:
        """There is no login."""

    async def prove(self) -> str:
        """Nothing can be proven."""
        self._refuse()

    async def portfolio(self) -> Portfolio:
        """Nothing is known."""
        self._refuse()

    async def submit(self, order: OrderIntent) -> OrderReport:
        """Nothing is sent."""
        del order
        self._refuse()

    async def orders_today(self) -> Sequence[OrderReport]:
        """Nothing is known."""
        self._refuse()

    async def cancel(self, order: OrderIntent) -> None:
        """Nothing is sent."""
        del order
        self._refuse()

    async def facts(self, needs: Needs, session: date) -> Facts:
        """Nothing is known."""
        del needs, session
        self._refuse()

    async def quotes(self, symbols: Collection[Symbol]) -> Quotes:
        """Nothing is known."""
        del symbols
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise BrokerUnavailable("not_connected", broker=self._broker)
