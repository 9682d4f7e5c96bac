"""A world whose broker is the real library at a simulated LongPort in another process."""

import atexit
import functools
import itertools
import os
import signal
import sys
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from adapters.longport import Limits, LongPort, Told, Waits
from adapters.longport_process import MODULE
from adapters.sims.longport_account import Holding
from adapters.sims.longport_orders import Side, Ticket
from adapters.sims.longport_remote import RemoteControl, Started, started
from adapters.sims.longport_securities import Security, quoted
from adapters.sims.longport_world import ACCOUNT, Setup
from bot.domain.model import OrderIntent, Symbol
from bot.ports import Broker, Clock
from bot.schedule import JumpingClock, SystemClock
from tests.adapters.worlds import World
from tests.bot.five_symbols import CALENDAR
from tests.builders import NOW, Money
from tests.fakes import Otherwise

# Another interpreter has another library: this suite is run with both.
PYTHON = os.environ.get("LONGPORT_PYTHON", sys.executable)
NUMBER = str(ACCOUNT)
UNLIMITED = Limits(calls=10_000, seconds=0.001, gap=0, apart=0)
# Patient with a loaded host: who tests what is late says how late.
QUICK = Waits(open=60, read=60, order=60, sending=3600, again=0.001, look=60)
APPS = itertools.count(1)
LOOKS = 30.0  # seconds from one look at an order to the next
SIDES = {True: Side.BUY, False: Side.SELL}


def us(symbol: Symbol) -> str:
    return f"{symbol}.US"


def a_setup(*symbols: Symbol, cash: Money = 1000, **held: int) -> Setup:
    return Setup(
        start=NOW,
        cash={"USD": Decimal(cash)},
        holdings=tuple(Holding(us(s), Decimal(n), Decimal(100)) for s, n in held.items()),
        securities=tuple(Security(us(s), s) for s in symbols),
        rates=None,
    )


ORDINARY = a_setup("VOO", "BIL", VOO=10)


@functools.cache
def a_broker() -> Started:
    """One simulator for all tests of a process: each begins a world of its own in it."""
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(started())


def end(number: int) -> None:
    """Kill a process and wait until it is gone, leaving its end to be noticed by its parent."""
    os.kill(number, signal.SIGKILL)
    os.waitid(os.P_PID, number, os.WEXITED | os.WNOWAIT)


def end_libraries() -> None:
    """End what lines of earlier tests left: cut off, it would call at the new world at once."""
    for task in Path("/proc/self/task").glob("*/children"):
        for child in task.read_text("ascii").split():
            # Its line may end it, too.
            with suppress(OSError):
                if MODULE.encode() in Path(f"/proc/{child}/cmdline").read_bytes():
                    end(int(child))


def begun(setup: Setup, **prices: Money) -> RemoteControl:
    """A world with an app of its own: what is still on its way to another is not let in."""
    end_libraries()
    control = a_broker().control
    control.begin(replace(setup, app_key=f"{setup.app_key}-{next(APPS)}"))
    control.restore()
    control.limit(setup.rates)
    for symbol, price in prices.items():
        control.quote(quoted(us(symbol), Decimal(price), Decimal(price)))
    return control


def renew(control: RemoteControl, folder: Path) -> None:
    """Let the owner put another token into the file; what the app had is known no more."""
    app = control.access().app_key
    control.begin(replace(ORDINARY, app_key=app, start=NOW + timedelta(seconds=1)))
    told_of(control, folder)


def told_of(control: RemoteControl, folder: Path, **differing: object) -> Told:
    """What a line to the simulated broker must be told; its token is put into a file."""
    access = control.access()
    token = folder / "token"
    token.write_text(access.access_token)
    token.chmod(0o600)
    told = Told(
        access.app_key,
        access.app_secret,
        token,
        http_url=access.http_url,
        quote_url=access.quote_ws_url,
        trade_url=access.trade_ws_url,
        waits=QUICK,
        limits=UNLIMITED,
        python=PYTHON,
    )
    return replace(told, **differing)


class LongPortWorld(World):
    """An account of 1000 and ten VOO, in a world of its own."""

    broker: Broker

    def __init__(self, folder: Path, setup: Setup = ORDINARY, **differing: object) -> None:
        self.control = begun(setup, VOO=100, BIL=50)
        self.clock = JumpingClock(NOW)
        self.told = told_of(self.control, folder, **differing)
        self.line = LongPort(self.told, CALENDAR, self.clock)
        self.broker = self.line.account(NUMBER)

    def restart(self) -> None:
        self.line = LongPort(self.told, CALENDAR, self.clock)
        self.broker = self.line.account(NUMBER)

    async def by_hand(self, order: OrderIntent) -> None:
        self.control.book(
            Ticket(
                us(order.symbol),
                SIDES[order.action.takes_shares],
                Decimal(order.shares),
                order.limit,
            )
        )

    def quote(self, symbol: Symbol, price: Money) -> None:
        self.control.quote(quoted(us(symbol), Decimal(price), Decimal(price)))

    def cut(self) -> None:
        self.control.cut()


class RunningClock(SystemClock):
    """The host's clock, from another time on: what is limited over there is limited in its time."""

    def __init__(self, start: datetime) -> None:
        self._ahead = start - super().now()

    def now(self) -> datetime:
        return super().now() + self._ahead


class CoarseClock(JumpingClock):
    """A clock of a run that looks at its orders more seldom than it would."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(max(seconds, LOOKS))


class AtItsTime(Otherwise):
    """A broker brought to the run's time before each call, its days ended on the way."""

    def __init__(self, broker: Broker, clock: Clock, control: RemoteControl) -> None:
        super().__init__(broker)
        self._clock, self._control = clock, control

    async def portfolio(self):
        return await self._now().portfolio()

    async def submit(self, order):
        return await self._now().submit(order)

    async def orders_today(self):
        return await self._now().orders_today()

    async def cancel(self, order):
        await self._now().cancel(order)

    def _now(self) -> Broker:
        before, now = self._control.now(), self._clock.now()
        closed = [s for s in CALENDAR.sessions if before < s.closes <= now]
        if now > before:
            self._control.move_clock((now - before).total_seconds())
        if closed:
            self._control.close_day()
        return self._thing
