import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest

from bot import app, daemon
from bot.app import House, Time
from bot.daemon import Seat
from bot.domain.errors import LedgerError
from bot.ledger import SqlLedger
from bot.schedule import JumpingClock, ScheduledWakes
from bot.vitals import vitals
from tests.bot.scratch import Scratch, near_close
from tests.fakes import Phone

# Far ahead of any day a test is run on: the scheduler goes by the clock of the host.
DAY = date(2060, 9, 30)
BEFORE = timedelta(hours=5)  # a decision
PARTS = ["loop", "ledger", "scheduler"]


@contextmanager
def running(seats: Sequence[Seat], wakes: ScheduledWakes) -> Iterator[None]:
    """A scheduler that works, with the wakes of some seats in it."""
    wakes.start()
    try:
        for seat in seats:
            daemon.arm(seat)
        yield
    finally:
        wakes.stop()


@asynccontextmanager
async def armed(here: Scratch, ledger: SqlLedger | None = None) -> AsyncIterator[House]:
    """A house some hours before a decision, its scheduler running and its wakes armed."""
    clock, wakes = JumpingClock(near_close(DAY) - BEFORE), ScheduledWakes()
    memory = ledger or SqlLedger.open(None)
    house = app.house(here.settings(), memory, lambda _: Time(clock, wakes), Phone())
    with running(house.seats, wakes), closing(memory):
        yield house


@pytest.fixture
def here(tmp_path):
    return Scratch(tmp_path).write()


async def felt(house):
    return await vitals(house.seats, house.seats[0].wakes)


def failing(felt):
    return {part.part: part.error.code for part in felt.parts if part.error}


async def test_a_daemon_that_does_what_it_should_is_alive(here):
    async with armed(here) as house:
        found = await felt(house)

    assert (found.alive, [part.part for part in found.parts]) == (True, PARTS)
    assert found.parts[2].seen == "next wake Thu 2060-09-30, 15:45 New York"


async def test_a_book_that_is_not_armed_is_not_alive(here):
    async with armed(here.write(books={"one": "A", "two": "B"})) as house:
        wakes, forgotten = house.seats[0].wakes, house.seats[1]
        for job in wakes._scheduler.get_jobs():
            if job.id.endswith(str(id(forgotten.inbox))):
                job.remove()

        found = await felt(house)

    assert failing(found) == {"scheduler": "wake_not_armed"}
    assert found.parts[-1].book == "two"


async def test_a_scheduler_that_was_stopped_is_not_alive(here):
    async with armed(here) as house:
        house.seats[0].wakes.stop()

        assert failing(await felt(house)) == {"scheduler": "scheduler_silent"}


async def test_a_scheduler_that_does_no_jobs_any_more_is_not_alive(here):
    async with armed(here) as house:
        wakes = house.seats[0].wakes
        wakes._beaten -= 4 * wakes.look_every.total_seconds()

        assert failing(await felt(house)) == {"scheduler": "scheduler_silent"}


async def test_a_scheduler_proves_itself_by_doing_jobs():
    wakes = ScheduledWakes(look_every=timedelta(milliseconds=5))
    wakes.start()
    wakes._beaten -= 60

    async with asyncio.timeout(5):
        while wakes.silent_for() > timedelta(seconds=50):  # noqa: ASYNC110 - the scheduler's own time
            await asyncio.sleep(0.005)
    wakes.stop()

    assert wakes.silent_for() is None


async def test_a_wake_that_never_came_is_noticed(here):
    async with armed(here) as house:
        house.seats[0].desk.clock.jump(near_close(DAY))

        assert failing(await felt(house)) == {"scheduler": "wake_overdue"}


async def test_a_daemon_whose_calendar_ends_is_told_so(here):
    async with armed(here) as house:
        seat = house.seats[0]
        seat.desk.clock.jump(near_close(seat.desk.sessions.last) + BEFORE)
        for job in seat.wakes._scheduler.get_jobs():
            job.remove()

        assert failing(await felt(house)) == {"scheduler": "calendar_ends"}


async def test_a_ledger_that_can_not_be_written_is_not_alive(here, tmp_path):
    SqlLedger.open(tmp_path / "ledger.sqlite").close()
    reader = SqlLedger.open(tmp_path / "ledger.sqlite", read_only=True)

    async with armed(here, reader) as house:
        assert failing(await felt(house)) == {"ledger": "ledger_permission"}


async def test_a_loop_that_is_held_up_is_not_alive(here):
    async with armed(here) as house:
        asyncio.get_running_loop().call_soon(time.sleep, 0.02)

        found = await vitals(house.seats, house.seats[0].wakes, timedelta(milliseconds=10))

    assert failing(found) == {"loop": "loop_slow"}


def test_proving_a_ledger_writes_to_the_disk_and_adds_nothing(tmp_path):
    path = tmp_path / "ledger.sqlite"
    ledger = SqlLedger.open(path)
    before = Path(f"{path}-wal").stat().st_size

    ledger.prove()

    assert Path(f"{path}-wal").stat().st_size > before
    ledger.close()


def test_a_ledger_whose_file_is_gone_is_not_proven(tmp_path):
    path = tmp_path / "ledger.sqlite"
    ledger = SqlLedger.open(path)
    path.unlink()

    with pytest.raises(LedgerError, match="ledger_unreadable"):
        ledger.prove()

    ledger.close()
