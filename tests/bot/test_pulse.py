"""A supervisor hears a daemon while loop, ledger and scheduler are proven, no beat longer."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace

import pytest

from bot import app, daemon
from bot.app import House
from bot.pulse import keep_pulse
from bot.schedule import ScheduledWakes
from tests.bot.ailing import Ailment, damage
from tests.bot.scratch import Scratch, near_close
from tests.bot.test_process import closed_today
from tests.bot.test_vitals import BEFORE, DAY
from tests.supervised import BEAT, STOPPING, supervised

WAITS = 0.4  # seconds a supervisor waits for a sign of life
SILENCE = 4 * WAITS
WELL = "beat: [PAPER] next: Thu 2060-09-30, 15:45 New York"


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
    here = Scratch(tmp_path).write(books={"one": "A", "two": "B"})
    with app.keeping(here.settings()) as ledger:
        yield here.house(near_close(DAY) - BEFORE, ledger)


async def next_sign(house: House, *armed: str, started: bool = True) -> str:
    """What a supervisor hears first of a house whose scheduler has the wakes of these books."""
    listener, scheduler = Listener(), ScheduledWakes()
    for seat in house.seats:
        if seat.book.name in armed:
            daemon.arm(replace(seat, wakes=scheduler))
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
    assert await next_sign(house, "one", "two") == WELL


async def test_a_scheduler_that_does_not_run_is_in_doubt(house):
    told = await next_sign(house, "one", "two", started=False)

    assert told == "doubt: the scheduler does no jobs"


async def test_a_book_that_nothing_will_wake_is_in_doubt_beside_one_that_is_armed(house):
    told = await next_sign(house, "one")

    assert told.startswith("doubt: two should be woken Thu 2060-09-30, 15:45 New York")


async def test_a_ledger_is_in_doubt_while_it_is_missing(house):
    file = app.ledger_path(house.settings)
    away = file.rename(file.with_name("away"))
    missing = await next_sign(house, "one", "two")
    away.rename(file)

    back = await next_sign(house, "one", "two")

    assert missing.startswith(f"doubt: the ledger {file} can not be read")
    assert back == WELL


async def test_a_damaged_ledger_is_in_doubt(house):
    damage(app.ledger_path(house.settings))

    told = await next_sign(house, "one", "two")

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
        (Ailment.DEAD_SCHEDULER, "rotation should be woken"),
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
