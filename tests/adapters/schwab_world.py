"""A simulated Schwab on a thread of its own, what is sent there, and a world for all brokers."""

import asyncio
import json
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from adapters.schwab import Access, Pace, Schwab
from adapters.sims.schwab import SchwabSim
from adapters.sims.schwab_accounts import Account, AccountKind, Position
from adapters.sims.schwab_faults import Outage
from adapters.sims.schwab_market import Quote
from adapters.sims.schwab_orders import Instruction, OrderType, Ticket
from adapters.sims.schwab_remote import RemoteControl
from adapters.sims.schwab_tokens import App
from adapters.sims.schwab_world import OTHER, Setup
from bot.domain.model import OrderIntent, Symbol
from bot.schedule import JumpingClock
from bot.sessions import nyse
from tests.adapters.worlds import World
from tests.builders import NOW, Money

NUMBER = "20002000"
# No connection outlives its answer: a test's loop ends without asking anybody.
PACE = Pace(answer=2.0, idle=0)
CALENDAR = nyse(date(2025, 1, 2), date(2026, 12, 31))
THIS_MORNING = timedelta(hours=1)


def an_account(
    cash: Money = 1000, kind: AccountKind = AccountKind.CASH, **shares: Money
) -> Account:
    held = tuple(Position(s, Decimal(n), Decimal(90)) for s, n in shares.items())
    return Account(NUMBER, kind, Decimal(cash), positions=held)


def a_quote(symbol: Symbol, price: Money) -> Quote:
    value = Decimal(price)
    return Quote(symbol, value, bid=value, ask=value)


def a_setup(account: Account | None = None, **quotes: Money) -> Setup:
    prices = quotes or {"VOO": 100, "BIL": 50}
    return Setup(
        accounts=(OTHER, account or an_account(VOO=10)),
        quotes=tuple(a_quote(symbol, price) for symbol, price in prices.items()),
        at=NOW,
        running=False,
    )


class Hand(RemoteControl):
    """The hand that moves a simulator of this process; time is moved without a detour."""

    def __init__(self, sim: SchwabSim) -> None:
        super().__init__(sim.control_url)
        self._clock = sim._world.clock

    def set_time(self, at: datetime, *, running: bool = True) -> None:
        self._clock.set(at, running=running)


class Drill:
    """A simulated broker that listens until it is stopped, and the hand that moves it."""

    def __init__(self, folder: Path, setup: Setup) -> None:
        self._ready = threading.Event()
        self._sim = SchwabSim(folder / "ca.pem", setup)
        self._thread = threading.Thread(target=asyncio.run, args=(self._listen(),))
        self._thread.start()
        self._ready.wait()
        self.app = setup.app
        self.proxy_url, self.ca_file = self._sim.proxy_url, self._sim.ca_file
        self.control = Hand(self._sim)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def show_orders(self, count: int) -> None:
        """Let the account's list begin with so many orders for nothing."""
        self._sim._world.strange[NUMBER] += [{"orderId": number} for number in range(count)]

    async def _listen(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with self._sim:
            self._ready.set()
            await self._stop.wait()


@contextmanager
def drilling(folder: Path, setup: Setup | None = None) -> Iterator[Drill]:
    drill = Drill(folder, setup or a_setup())
    try:
        yield drill
    finally:
        drill.stop()


class SharedClock(JumpingClock):
    """Our clock, by which the simulator goes, too."""

    def __init__(self, start: datetime, control: RemoteControl) -> None:
        super().__init__(start)
        self._control = control
        control.set_time(self.now(), running=False)

    def jump(self, to: datetime) -> None:
        super().jump(to)
        self._control.set_time(self.now(), running=False)


def log_in(path: Path, control: RemoteControl, at: datetime = NOW, age: float = 0.0) -> None:
    """Store a login made `age` seconds before a time of ours; the library's own is the host's."""
    kept = control.log_in(age)
    kept["creation_timestamp"] = int((at - timedelta(seconds=age)).timestamp())
    path.touch(0o600)
    path.write_text(json.dumps(kept), "utf-8")


def an_access(
    folder: Path, proxy_url: str, ca_file: Path, app: App | None = None, pace: Pace = PACE
) -> Access:
    known = app or App()
    return Access(
        known.key,
        known.secret,
        folder / "token.json",
        known.callback,
        proxy=proxy_url,
        ca_file=ca_file,
        pace=pace,
    )


def a_ticket(order: OrderIntent) -> Ticket:
    """What an owner enters by hand for the same."""
    kind, price = OrderType.MARKET, ""
    if order.limit is not None:
        kind, price = OrderType.LIMIT, str(order.limit)
    instruction = Instruction(order.action.value.upper())
    return Ticket(order.symbol, instruction, Decimal(order.shares), kind, price)


class Bench:
    """One line to one simulator, at one clock: what tests of the adapter stand at."""

    def __init__(self, folder: Path, drill: Drill, pace: Pace = PACE) -> None:
        self.folder, self.drill, self.control = folder, drill, drill.control
        self.clock = SharedClock(NOW, drill.control)
        self.access = an_access(folder, drill.proxy_url, drill.ca_file, drill.app, pace)
        log_in(self.access.token_file, drill.control)
        self.restart()

    def restart(self, **changes: object) -> None:
        """Have a new line, as a new process has."""
        self.access = replace(self.access, **changes)
        self.line = Schwab(self.access, CALENDAR, self.clock)
        self.broker = self.line.account(NUMBER)

    def by_hand(self, order: OrderIntent, ago: timedelta = THIS_MORNING) -> int:
        """Let the owner enter an order a while ago; returns its number."""
        self.control.set_time(self.clock.now() - ago, running=False)
        entered = self.control.by_hand(a_ticket(order))
        self.control.set_time(self.clock.now(), running=False)
        return entered.order_id

    def age_token(self) -> None:
        """Let the library think that its access token is over."""
        kept = self.token()
        kept["token"]["expires_at"] = 1
        self.access.token_file.write_text(json.dumps(kept), "utf-8")

    def token(self) -> dict[str, Any]:
        """What the token file holds."""
        return json.loads(self.access.token_file.read_text("utf-8"))


class SchwabWorld(World):
    """A cash account at a simulated Schwab, reached by the real library over a real socket."""

    def __init__(self, folder: Path) -> None:
        drill = Drill(folder, a_setup())
        weakref.finalize(self, drill.stop)
        self._bench = Bench(folder, drill)
        self.broker = self._bench.broker

    def restart(self) -> None:
        self._bench.restart()
        self.broker = self._bench.broker

    async def by_hand(self, order: OrderIntent) -> None:
        self._bench.by_hand(order)

    def quote(self, symbol: Symbol, price: Money) -> None:
        self._bench.control.quote(a_quote(symbol, price))

    def cut(self) -> None:
        self._bench.control.cut(Outage.REFUSED)
