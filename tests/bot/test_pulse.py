"""A supervisor hears a daemon while loop, ledger and scheduler are proven, no beat longer."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from bot import app
from bot.app import House
from bot.events import RunDue, Wake
from bot.pulse import keep_pulse
from bot.schedule import ScheduledWakes
from tests.bot.ailing import Ailment, damage
from tests.bot.scratch import ORDINARY, Scratch, near_close
from tests.bot.test_process import closed_today
from tests.supervised import BEAT, STOPPING, supervised

WAITS = 0.4  # seconds a supervisor waits for a sign of life
SILENCE = 4 * WAITS
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


@pytest.fixture
def here(tmp_path) -> Scratch:
    return Scratch(tmp_path).write(more=closed_today())


@pytest.mark.slow
def test_a_daemon_says_when_it_is_armed_that_it_lives_and_that_it_ends(here):
    serve = ("bot", "serve", "--config", str(here.config))
    with supervised(here.folder, *serve, waits=WAITS) as daemon:
        first, second = daemon.hear(), daemon.hear()
        code = daemon.end()
        last = daemon.hear_for(SILENCE) - {first}

    assert first == second
    assert first.startswith(b"READY=1\nWATCHDOG=1\nSTATUS=[PAPER] next: ")
    assert (last, code) == ({STOPPING}, 0)


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
    ailing = ("tests.bot.ailing", str(here.config), ailment)
    with supervised(here.folder, *ailing, waits=WAITS) as daemon:
        well = daemon.hear()
        daemon.prints("ill")
        daemon.forget()

        after = daemon.hear_for(SILENCE)

        assert daemon.process.poll() is None
    doubt = f"STATUS={said}".format(ledger=app.ledger_path(here.settings())).encode()
    assert BEAT in well
    assert [line[: len(doubt)] for line in after] == ([doubt] if said else [])
