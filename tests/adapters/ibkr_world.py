"""The adapter at a simulated gateway, in this process or another, and a world for all brokers."""

import asyncio
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from adapters.ibkr import Gateway, Ibkr, IbkrAccount, Pace
from adapters.sims.tws_control import ForeignOrder
from adapters.sims.tws_market import Quote
from adapters.sims.tws_remote import Started, started
from bot.domain.errors import BrokerUnavailable
from bot.domain.model import OrderIntent, Symbol
from bot.ports import Clock
from bot.schedule import JumpingClock
from bot.sessions import nyse
from tests.adapters.sims.tws_clients import ACCOUNT, SOON, a_sim
from tests.adapters.worlds import World
from tests.builders import NOW, Money

CALENDAR = nyse(date(2020, 1, 2), date(2026, 12, 31))
US = 17
# Whatever is answered at all may take its time on a busy machine; what is tried again is so at
# once. Where a time-out is what a test is about it says so, with `giving_up`.
PATIENT = Pace(
    connect=SOON,
    answer=SOON,
    order=SOON,
    commission=SOON,
    history=SOON,
    quote=SOON,
    heartbeat=0.01,
    again=0.005,
    retry=0.01,
    longest=0.02,
)
UNPACED = 10_000  # messages a second


def a_gateway(sim: Any, **different: Any) -> Gateway:
    told = {"client_id": US, "messages_per_second": UNPACED, "pace": PATIENT} | different
    return Gateway(sim.host, sim.port, **told)


def giving_up(**seconds: float) -> Pace:
    """A pace that waits so long for what is named, which a test lets nobody answer."""
    return replace(PATIENT, **seconds)


async def at_last(asking: Callable[[], Awaitable[Any]]) -> Any:
    """The answer, asked for again while the line is on its way back."""
    async with asyncio.timeout(SOON):
        while True:
            try:
                return await asking()
            except BrokerUnavailable:
                await asyncio.sleep(0.002)


def a_line(sim: Any, clock: Clock | None = None, **different: Any) -> Ibkr:
    return Ibkr(a_gateway(sim, **different), CALENDAR, clock or JumpingClock(NOW))


@asynccontextmanager
async def connected(
    sim: Any, clock: Clock | None = None, **different: Any
) -> AsyncIterator[tuple[Ibkr, IbkrAccount]]:
    """A line that is not kept: it connects when it is needed."""
    line = a_line(sim, clock, **different)
    try:
        yield line, line.account(ACCOUNT)
    finally:
        await line.close()


@asynccontextmanager
async def kept(line: Ibkr) -> AsyncIterator["asyncio.Task[None]"]:
    keeping = asyncio.create_task(line.keep())
    try:
        yield keeping
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
        await line.close()


@asynccontextmanager
async def at_work(*accounts: Any, line: dict[str, Any] | None = None, **setup: Any) -> Any:
    """A gateway, a line to it and the first account's broker."""
    async with (
        a_sim(*accounts, **{"rates": False} | setup) as sim,
        connected(sim, **(line or {})) as (ibkr, broker),
    ):
        if "clock" not in setup:
            sim.control.travel(NOW)
        yield sim, ibkr, broker


def at(price: Money) -> Quote:
    """A market whose two sides meet."""
    value = Decimal(price)
    return Quote(value, value, value, value)


def by_hand(order: OrderIntent) -> ForeignOrder:
    action = "BUY" if order.action.takes_shares else "SELL"
    return ForeignOrder(order.symbol, action, order.shares, order.limit)


class IbkrWorld(World):
    """A cash account at a gateway in another process, over the real library."""

    def __init__(self, _folder: Path) -> None:
        stack = ExitStack()
        weakref.finalize(self, stack.close)
        self.sim: Started = stack.enter_context(started("--cash", "1000", "--no-rates"))
        for symbol, price in {"VOO": 100, "BIL": 50}.items():
            self.sim.control.price(symbol, Decimal(price))
            self.quote(symbol, price)
        self.sim.control.travel(NOW)
        self.sim.control.hold("VOO", Decimal(10), Decimal(90))
        self.restart()

    @property
    def broker(self) -> IbkrAccount:
        """The broker; its connection is kept from when it is first needed until the test ends."""
        if self._keeping is None:
            self._keeping = asyncio.get_running_loop().create_task(self._line.keep())
        return self._account

    def restart(self) -> None:
        if getattr(self, "_keeping", None):
            self._keeping.cancel()
        self._line = a_line(self.sim, pace=replace(PATIENT, heartbeat=5.0))
        self._account, self._keeping = self._line.account(ACCOUNT), None

    async def by_hand(self, order: OrderIntent) -> None:
        self.sim.control.enter(by_hand(order))

    def quote(self, symbol: Symbol, price: Money) -> None:
        self.sim.control.quote(symbol, at(price))

    def cut(self) -> None:
        self.sim.control.close()
