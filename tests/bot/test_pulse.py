"""A supervisor hears a daemon while loop, ledger and scheduler are proven, no beat longer."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot import app
from bot.app import House
from bot.events import RunDue, Wake
from bot.pulse import keep_pulse
from bot.schedule import ScheduledWakes
from tests.bot.ailing import Ailment, damage
from tests.bot.scratch import ORDINARY, Scratch, near_close
from tests.bot.test_process import ANSWERS_WITHIN, ROOT, STARTS_WITHIN, closed_today

WAITS = 0.4  # seconds a supervisor waits for a sign of life
SILENCE = 4 * WAITS
LONGEST = 4096
SOME_DAY = Wake(datetime(2069, 1, 2, 20, 45, tzinfo=UTC), RunDue(ORDINARY))
WELL = "beat: [PAPER] next: Thu 2026-10-01, 15:45 New York"


# --- what is told, in this process ---


@dataclass
class Listener:
    """A supervisor that keeps what it was told."""

    every: float = 1.0
    told: "asyncio.Queue[str]" = field(default_factory=asyncio.Queue)

    def beat(self, status: str) -> None:
        self.told.put_nowait(f"beat: {status}")

    def doubt(self, status: str) -> None:
        self.told.put_nowait(f"doubt: {status}")

    def ending(self) -> None:
        self.told.put_nowait("ending")


@pytest.fixture
def house(tmp_path) -> Iterator[House]:
    here = Scratch(tmp_path).write()
    with app.keeping(here.settings()) as ledger:
        yield here.house(near_close(ORDINARY).replace(hour=15), ledger)


async def next_sign(house: House, *armed: Wake, started: bool = True) -> str:
    """What a supervisor hears first of a house whose scheduler has these wakes."""
    listener, scheduler = Listener(), ScheduledWakes()
    scheduler.arm(armed, house.seats[0].inbox)
    if started:
        scheduler.start()
    pulse = asyncio.create_task(keep_pulse(listener, house.seats, scheduler))
    told = await listener.told.get()
    pulse.cancel()
    with suppress(asyncio.CancelledError):
        await pulse
    scheduler.stop()
    return told


async def test_a_beat_tells_the_mode_and_the_next_wake(house):
    assert await next_sign(house, SOME_DAY) == WELL


async def test_a_scheduler_that_does_not_run_is_in_doubt(house):
    told = await next_sign(house, SOME_DAY, started=False)

    assert told.startswith("doubt: the scheduler delivers nothing more; the next wake was due")


async def test_a_daemon_that_nothing_will_wake_is_in_doubt(house):
    assert await next_sign(house) == "doubt: the scheduler delivers nothing more"


async def test_a_ledger_is_in_doubt_while_it_is_missing(house):
    file = app.ledger_path(house.settings)
    away = file.rename(file.with_name("away"))
    missing = await next_sign(house, SOME_DAY)
    away.rename(file)

    back = await next_sign(house, SOME_DAY)

    assert missing.startswith(f"doubt: the ledger {file} can not be read")
    assert back == WELL


async def test_a_damaged_ledger_is_in_doubt(house):
    damage(app.ledger_path(house.settings))

    told = await next_sign(house, SOME_DAY)

    assert told.startswith("doubt: the ledger")


# --- a daemon in a process of its own, and what stops its beats ---


@dataclass
class Watching:
    """A daemon and the socket on which its supervisor hears it."""

    process: "subprocess.Popen[str]"
    line: socket.socket

    def hear(self) -> bytes:
        return self.line.recv(LONGEST)

    def hear_out(self) -> set[bytes]:
        """Everything it still says, as long as a supervisor would wait several times."""
        heard = set()
        until = time.monotonic() + SILENCE
        while (left := until - time.monotonic()) > 0:
            self.line.settimeout(left)
            with suppress(TimeoutError):
                heard.add(self.hear())
        return heard

    def falls_ill(self) -> None:
        """Wait until it has, and forget what it said before."""
        assert self.process.stdout
        while self.process.stdout.readline() not in {"ill\n", ""}:
            pass
        self.line.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                self.hear()


@contextmanager
def watched(folder: Path, *program: str) -> Iterator[Watching]:
    """A daemon whose supervisor listens in a folder."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(folder / "notify"))
        line.settimeout(STARTS_WITHIN)
        told = {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": f"{WAITS * 1e6:.0f}"}
        child = subprocess.Popen(
            [sys.executable, "-m", *program],
            cwd=ROOT,
            env={**os.environ, **told},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            yield Watching(child, line)
        finally:
            child.kill()
            child.communicate()


@pytest.fixture
def here(tmp_path) -> Scratch:
    return Scratch(tmp_path).write(more=closed_today())


@pytest.mark.slow
def test_a_daemon_says_when_it_is_armed_that_it_lives_and_that_it_ends(here):
    with watched(here.folder, "bot", "serve", "--config", str(here.config)) as daemon:
        heard = [daemon.hear() for _ in range(3)]
        daemon.process.send_signal(signal.SIGTERM)
        while (last := daemon.hear()) == heard[0]:
            pass
        code = daemon.process.wait(ANSWERS_WITHIN)

    assert heard[0].startswith(b"READY=1\nWATCHDOG=1\nSTATUS=[PAPER] next: ")
    assert heard[1] == heard[2] == heard[0]
    assert (last, code) == (b"STOPPING=1", 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ailment", "said"),
    [
        (Ailment.BLOCKED_LOOP, ""),
        (Ailment.DEAD_SCHEDULER, "the scheduler delivers nothing more"),
        (Ailment.DAMAGED_LEDGER, "the ledger {ledger} can not be read"),
    ],
)
def test_a_daemon_that_can_not_do_its_work_gives_no_sign_of_life(here, ailment, said):
    with watched(here.folder, "tests.bot.ailing", str(here.config), ailment) as daemon:
        before = daemon.hear()
        daemon.falls_ill()

        after = daemon.hear_out()

        assert daemon.process.poll() is None
    doubt = f"STATUS={said}".format(ledger=app.ledger_path(here.settings())).encode()
    assert b"WATCHDOG=1" in before
    assert [line[: len(doubt)] for line in after] == ([doubt] if said else [])
