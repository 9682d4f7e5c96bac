"""The whole daemon in a process of its own, at a clock that leaps, on a simulated broker's time.

Run as a program: a settings file, the simulator's kind and its control. Each line of standard
input says what time it is, and until when time goes on by itself.
"""

import asyncio
import logging
import os
import signal
import subprocess
import sys
from asyncio import Future, Queue, Task
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from inspect import iscoroutinefunction
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from adapters.sims import longport_remote, schwab_remote, tws_remote
from adapters.sims.longport_securities import quoted
from bot import app, outside, process
from bot.app import Time
from bot.daemon import Seat
from bot.domain.calendar import EXCHANGE
from bot.events import Event, Wake
from config.settings import load
from tests.fakes import Otherwise

ROOT = Path(__file__).parents[2]
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
OPENS, CLOSES, SATURDAY = time(9, 30), time(16), 5
TURNS = 20  # of the event loop, after which whoever could go on has done so
STEP_SECONDS = 0.001  # real ones, in which lines get to speak
STILL_STEPS = 200  # after which nobody has anything left to do until time is to go on
ANSWERS_WITHIN = 180.0  # seconds, at most: a loaded host takes six times as long as an idle one
LOOK_AGAIN = 0.02

# Who looks at a line from time to time, and who wakes a book: no answer waits for these.
LOOKERS = frozenset({"keep", "heed", "_wake"})

Told = Callable[[datetime], None]


@dataclass(frozen=True, slots=True)
class Sleeper:
    due: datetime
    woken: "Future[None]"
    looks: bool


class LeapingClock:
    """A clock that leaps to whoever wakes next, once no book waits for an answer of the world.

    Somebody who sleeps on the way to an answer lets time go on, a looker does not.
    """

    def __init__(self, told: Told) -> None:
        self._now = self._until = BEGINNING
        self._told = told
        self._sleepers: list[Sleeper] = []
        self._calls = 0

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        looks = sys._getframe(1).f_code.co_name in LOOKERS
        woken = asyncio.get_running_loop().create_future()
        self._sleepers.append(Sleeper(self._now + timedelta(seconds=seconds), woken, looks))
        await woken

    def go_on(self, now: datetime, until: datetime) -> None:
        """Let it be a time at once, as after a night's sleep of the host, and go on from there."""
        self._leap(now)
        self._until = until

    @contextmanager
    def call(self) -> Iterator[None]:
        """Something of the world is asked meanwhile."""
        self._calls += 1
        try:
            yield
        finally:
            self._calls -= 1

    async def run(self) -> None:
        still = 0
        while True:
            await asyncio.sleep(STEP_SECONDS)
            for _ in range(TURNS):
                await asyncio.sleep(0)
            self._sleepers = [each for each in self._sleepers if not each.woken.done()]
            ready = [s.due for s in self._sleepers if not (s.looks and self._calls)]
            next_one = min(ready, default=None)
            if next_one is not None and next_one <= self._until:
                self._leap(next_one)
                still = 0
            elif not self._calls and (still := still + 1) > STILL_STEPS:
                self._leap(self._until)

    def _leap(self, to: datetime) -> None:
        if to > self._now:
            self._now = to
            self._told(to)
        for each in self._sleepers:
            if each.due <= self._now and not each.woken.done():
                each.woken.set_result(None)


class LeapingWakes:
    """Events at their time, by a clock that leaps."""

    def __init__(self, clock: LeapingClock) -> None:
        self._clock = clock
        self._armed: dict[tuple[Event, int], Task[None]] = {}

    def arm(self, wakes: Iterable[Wake], inbox: "Queue[Event]") -> None:
        for wake in wakes:
            key = wake.event, id(inbox)
            if key not in self._armed:
                self._armed[key] = asyncio.create_task(self._wake(wake, inbox))

    def start(self) -> None:
        """Time has begun."""

    def stop(self) -> None:
        for task in self._armed.values():
            task.cancel()

    async def _wake(self, wake: Wake, inbox: "Queue[Event]") -> None:
        await self._clock.sleep((wake.at - self._clock.now()).total_seconds())
        await inbox.put(wake.event)


class AtWork(Otherwise):
    """A broker or a market; while it is asked something, time stands."""

    def __init__(self, thing: object, clock: LeapingClock) -> None:
        super().__init__(thing)
        self._clock = clock

    def __getattr__(self, name: str) -> Any:
        reached = getattr(self._thing, name)
        if not iscoroutinefunction(reached):
            return reached

        async def call(*args: Any) -> Any:
            with self._clock.call():
                return await reached(*args)

        return call


def seated(seat: Seat, clock: LeapingClock) -> Seat:
    desk = seat.desk
    wired = replace(desk, broker=AtWork(desk.broker, clock), market=AtWork(desk.market, clock))
    return replace(seat, desk=wired)


def teller(kind: str, control_url: str) -> Told:
    """How a simulator hears what time it is."""
    match kind:
        case "schwab":
            schwab = schwab_remote.RemoteControl(control_url)
            return lambda at: schwab.set_time(at, running=False)
        case "longport":
            longport = longport_remote.RemoteControl(control_url)

            def tell(at: datetime) -> None:
                longport.move_clock(max((at - longport.now()).total_seconds(), 0.0))
                # A market that stands still would be taken for one that is told late.
                longport.quote(quoted("SPY.US", Decimal(600), Decimal(600)))

            return tell
        case "ibkr":
            return GatewayTime(tws_remote.RemoteControl(control_url)).tell
        case _:
            return lambda _: None


class GatewayTime:
    """The time of a gateway, whose market opens and closes by it."""

    def __init__(self, control: tws_remote.RemoteControl) -> None:
        self._control = control
        self._open: bool | None = None

    def tell(self, at: datetime) -> None:
        there = at.astimezone(EXCHANGE)
        opened = there.weekday() < SATURDAY and OPENS <= there.time() < CLOSES
        if self._open and not opened:
            self._control.close_market()
        self._control.travel(at)
        if opened and not self._open:
            self._control.open_market()
        self._open = opened


async def serve(config: Path, told: Told) -> None:
    """What `bellwether serve` does, but for the time."""
    settings = load(config)
    clock = LeapingClock(told)
    wakes = LeapingWakes(clock)
    orders = await _orders()
    clock.go_on(*_times(await orders.readline()))
    line = outside.line(settings)
    with app.keeping(settings) as ledger:
        house = app.house(settings, ledger, lambda _: Time(clock, wakes), line)
        house = replace(house, seats=tuple(seated(seat, clock) for seat in house.seats))
        beside = [asyncio.create_task(clock.run()), asyncio.create_task(_obey(orders, clock))]
        try:
            await process._serve(house, wakes, app.socket_path(settings), line)
        finally:
            for task in beside:
                task.cancel()


async def _orders() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    return reader


async def _obey(orders: asyncio.StreamReader, clock: LeapingClock) -> None:
    while line := await orders.readline():
        clock.go_on(*_times(line))


def _times(line: bytes) -> tuple[datetime, datetime]:
    now, until = (datetime.fromisoformat(word) for word in line.decode().split())
    return now, until


@dataclass
class Daemon:
    """The daemon, from outside: what it said, how it is told the time, how it ends."""

    process: "subprocess.Popen[bytes]"
    said: Path
    log: Path

    def go_on(self, now: datetime, until: datetime) -> None:
        assert self.process.stdin is not None  # as it was started
        self.process.stdin.write(f"{now.isoformat()} {until.isoformat()}\n".encode())
        self.process.stdin.flush()

    def wait_for(self, words: str, times: int = 1) -> str:
        """Everything it said, once that has `words` in it so often."""
        return self.wait_until(lambda said: said.count(words) >= times)

    def wait_until(self, is_so: Callable[[str], bool]) -> str:
        deadline = monotonic() + ANSWERS_WITHIN
        while not is_so(said := self.said.read_text("utf-8")):
            told = f"{said}\n{self.log.read_text('utf-8')}"
            assert self.process.poll() is None, f"it ended: {told}"
            assert monotonic() < deadline, f"it only said: {told}"
            sleep(LOOK_AGAIN)
        return said

    def children(self) -> list[int]:
        """The numbers of the processes it has started."""
        of = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(number) for number in of.read_text("ascii").split()]

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(ANSWERS_WITHIN)


@contextmanager
def daemon(
    config: Path, kind: str, control_url: str, times: tuple[datetime, datetime]
) -> Iterator[Daemon]:
    """A daemon that was told the time; killed, should it still live."""
    said, log = config.parent / "said.txt", config.parent / "log.txt"
    with said.open("wb") as out, log.open("ab") as errors:
        child = subprocess.Popen(
            [sys.executable, "-m", __name__, str(config), kind, control_url],
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=errors,
        )
        try:
            one = Daemon(child, said, log)
            one.go_on(*times)
            yield one
        finally:
            child.kill()
            child.wait()
            assert child.stdin is not None  # as it was started
            with suppress(OSError):
                child.stdin.close()


def main(arguments: Collection[str]) -> None:
    config, kind, control_url = arguments
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    asyncio.run(serve(Path(config), teller(kind, control_url)))


if __name__ == "__main__":
    main(sys.argv[1:])
