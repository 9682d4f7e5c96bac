"""A broker that reads a real account and can not submit to it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeAlias

from bot.domain.calendar import exchange_date
from bot.domain.model import OrderIntent, OrderReport, Portfolio
from bot.ports import Broker, Capabilities, Clock

# Opens the simulated account of a date: what was simulated on it before goes on,
# without that it begins with the account given.
Simulate: TypeAlias = Callable[[date, Portfolio], Broker]


@dataclass(frozen=True, slots=True)
class _Preview:
    date: date
    real: Portfolio
    simulated: Broker
    begun: bool


class DryRun:
    """A preview: the real account until an order is simulated, from then the simulated one.

    Orders go to the simulation alone, so that simulated proceeds pay for the
    simulated buys. The next date at the exchange begins with the real account
    again. Nothing is ever sent to `real`, nor cancelled there.
    """

    def __init__(self, real: Broker, simulate: Simulate, clock: Clock) -> None:
        self._real, self._simulate, self._clock = real, simulate, clock
        self._preview: _Preview | None = None
        # A chat command may read while a run submits: one preview is opened at a time.
        self._turn = asyncio.Lock()

    @property
    def capabilities(self) -> Capabilities:
        """The real broker's, but that nothing we trade stays."""
        return replace(self._real.capabilities, keeps_fills=False)

    async def portfolio(self) -> Portfolio:
        """The account with what was simulated today; what is never traded is the real one's."""
        async with self._turn:
            preview = await self._today()
            simulated = await preview.simulated.portfolio()
        return replace(
            simulated,
            hands_off=preview.real.hands_off,
            others=preview.real.others,
            foreign_cash=preview.real.foreign_cash,
        )

    async def submit(self, order: OrderIntent) -> OrderReport:
        """Simulate an order; OrderRefused as the simulation says."""
        async with self._turn:
            preview = await self._today()
            return await preview.simulated.submit(order)

    async def orders_today(self) -> Sequence[OrderReport]:
        """The real account's orders, which others sent, and the simulated ones."""
        real = await self._real.orders_today()
        async with self._turn:
            preview = await self._today()
            return [*real, *await preview.simulated.orders_today()]

    async def cancel(self, order: OrderIntent) -> None:
        """End a simulated order; a real one is out of reach."""
        async with self._turn:
            preview = await self._today()
            await preview.simulated.cancel(order)

    async def _today(self) -> _Preview:
        """Today's preview. While nothing is simulated it begins with the account as it now is."""
        today = exchange_date(self._clock.now())
        if self._preview is None or self._preview.date != today or not self._preview.begun:
            real = await self._real.portfolio()
            simulated = self._simulate(today, real)
            begun = bool(await simulated.orders_today())
            self._preview = _Preview(today, real, simulated, begun)
        return self._preview
