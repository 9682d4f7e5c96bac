"""The watcher outside: told of sessions that were handled, and of nothing else."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest

from bot import app
from bot.app import Time
from bot.daemon import serve, trade
from bot.deadman import _tell_end, handled, keep_watched
from bot.domain.memory import Outcome, Ping, RunReport, Switch
from bot.domain.model import Note, RunKey
from bot.ledger import SqlLedger
from bot.ports import NotDelivered, Sign
from bot.schedule import JumpingClock, JumpingWakes
from tests.bot.scratch import BOOK, QUARTER_END, Scratch, near_close
from tests.fakes import Phone

AFTER = timedelta(minutes=20)  # near the close: the session is over
BOTH = {"one": "A", "two": "B"}


class Watch:
    """A watcher that keeps its signs, after failing the first few times."""

    def __init__(self, failures: int = 0) -> None:
        self.signs: list[tuple[Sign, str]] = []
        self.failures = failures

    async def tell(self, sign: Sign, text: str) -> None:
        if self.failures:
            self.failures -= 1
            raise NotDelivered("HTTP 500")
        self.signs.append((sign, text))


@pytest.fixture
def ledger():
    memory = SqlLedger.open(None)
    yield memory
    memory.close()


@pytest.fixture
def here(tmp_path):
    return Scratch(tmp_path).write()


def ended(ledger, outcome, *notes, book=BOOK, day=QUARTER_END):
    ledger.finish(RunReport(RunKey(book, day), outcome, near_close(day), notes=notes))


def after(day):
    return near_close(day) + AFTER


async def watched(house, watch, moment):
    """What a watcher hears until some minutes after a moment."""
    clock = house.seats[0].desk.clock
    clock.jump(moment)
    task = asyncio.ensure_future(keep_watched(house.seats, watch))
    while clock.now() < moment + timedelta(minutes=15):  # noqa: ASYNC110 - time jumps
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return [sign for sign, _ in watch.signs]


@pytest.mark.parametrize(
    ("outcome", "notes", "sign"),
    [
        (Outcome.HELD, (), Sign.WELL),
        (Outcome.COMPLETE, (), Sign.WELL),
        (Outcome.OWED, (), Sign.WELL),
        (Outcome.BLOCKED, (Note("paused"),), Sign.WELL),
        (Outcome.BLOCKED, (Note("no_prices"),), Sign.ILL),
        (Outcome.HALTED, (), Sign.ILL),
        (Outcome.MISSED, (), Sign.ILL),
    ],
)
async def test_what_a_session_came_to_decides_the_sign(here, ledger, outcome, notes, sign):
    ended(ledger, outcome, *notes)

    assert await watched(
        here.house(near_close(QUARTER_END), ledger), Watch(), after(QUARTER_END)
    ) == [sign]


async def test_a_session_is_told_of_once_also_after_a_restart(here, ledger):
    ended(ledger, Outcome.HELD)
    watch = Watch()

    for _ in range(2):
        await watched(here.house(near_close(QUARTER_END), ledger), watch, after(QUARTER_END))

    assert [sign for sign, _ in watch.signs] == [Sign.WELL]
    assert ledger.last_ping().session == QUARTER_END


async def test_before_the_session_is_over_nothing_is_told(here, ledger):
    ended(ledger, Outcome.HELD)
    house = here.house(near_close(QUARTER_END), ledger)

    assert handled(house.seats) is None


async def test_a_book_without_an_end_keeps_all_silent(here, ledger):
    here.write(books=BOTH)
    ended(ledger, Outcome.HELD, book="one")

    silent = await watched(here.house(near_close(QUARTER_END), ledger), Watch(), after(QUARTER_END))
    ended(ledger, Outcome.MISSED, book="two")
    watch = Watch()
    told = await watched(here.house(near_close(QUARTER_END), ledger), watch, after(QUARTER_END))

    assert (silent, told) == ([], [Sign.ILL])
    assert watch.signs[0][1] == "one: Wed 2026-09-30: nothing to do\ntwo: Wed 2026-09-30: MISSED"


async def test_a_daemon_that_has_never_run_has_nothing_to_tell(here, ledger):
    house = here.house(near_close(QUARTER_END), ledger)

    assert await watched(house, Watch(), after(QUARTER_END)) == []


async def test_what_could_not_be_told_is_told_later(here, ledger):
    ended(ledger, Outcome.HELD)
    house = here.house(near_close(QUARTER_END), ledger)

    assert await watched(house, Watch(failures=3), after(QUARTER_END)) == [Sign.WELL]


async def test_a_ledger_that_can_not_be_written_ends_nothing(here, tmp_path):
    path = tmp_path / "ledger.sqlite"
    writer = SqlLedger.open(path)
    ended(writer, Outcome.HELD)
    writer.close()
    reader = SqlLedger.open(path, read_only=True)

    signs = await watched(here.house(near_close(QUARTER_END), reader), Watch(), after(QUARTER_END))

    assert set(signs) == {Sign.WELL}
    reader.close()


async def test_the_beginning_of_a_session_is_told_once_it_was_decided(here, ledger):
    house = here.house(near_close(QUARTER_END), ledger)
    ledger.set_switch(BOOK, Switch.ACTIVE, "", near_close(QUARTER_END))
    await trade(house.seats[0], QUARTER_END)

    # By a clock of its own, which has not come to the end of the session yet.
    early = here.house(near_close(QUARTER_END), ledger)
    signs = await watched(early, Watch(), near_close(QUARTER_END))

    assert signs[:1] == [Sign.BEGUN]
    assert signs.count(Sign.BEGUN) == 1


async def test_the_beginning_of_a_session_that_was_told_of_is_not_told(here, ledger):
    house = here.house(near_close(QUARTER_END), ledger)
    ledger.set_switch(BOOK, Switch.ACTIVE, "", near_close(QUARTER_END))
    await trade(house.seats[0], QUARTER_END)
    ledger.ping(Ping(QUARTER_END, near_close(QUARTER_END), well=True))

    early = here.house(near_close(QUARTER_END), ledger)

    assert await watched(early, Watch(), near_close(QUARTER_END)) == []


class Stopping(JumpingWakes):
    """A scheduler that does nothing any more from a day on."""

    def __init__(self, clock, last):
        super().__init__(clock)
        self.last_day = last

    def arm(self, wakes, inbox):
        super().arm([wake for wake in wakes if wake.event.session <= self.last_day], inbox)


def played(here, last: date = date(2026, 10, 2)):
    """The sessions a watcher hears of while a daemon lives a week, its scheduler until a day."""
    clock = JumpingClock(datetime(2026, 9, 28, 12, tzinfo=UTC))
    wakes, watch = Stopping(clock, last), Watch()

    async def play(house):
        sources = [house.outbox.deliver, wakes.run]
        serving = asyncio.ensure_future(serve(house.seats, asyncio.Event(), sources))
        while not serving.done():
            await _tell_end(house.seats, watch)
            await asyncio.sleep(0)
        clock.jump(datetime(2026, 10, 5, tzinfo=UTC))
        await _tell_end(house.seats, watch)

    with app.keeping(here.settings()) as ledger:
        ledger.set_switch(BOOK, Switch.ACTIVE, "", clock.now())
        time = Time(clock, wakes, date(2026, 10, 2))
        house = app.house(here.settings(), ledger, lambda _: time, Phone())
        asyncio.run(play(house))
    return [text.split(":")[1].strip() for sign, text in watch.signs if sign is not Sign.BEGUN]


def test_each_session_of_a_week_is_told_of(here):
    assert played(here) == [
        *("Mon 2026-09-28", "Tue 2026-09-29", "Wed 2026-09-30", "Thu 2026-10-01", "Fri 2026-10-02"),
    ]


def test_with_a_scheduler_that_stopped_the_signs_stop(here):
    assert played(here, date(2026, 9, 29)) == [
        "Mon 2026-09-28",
        "Tue 2026-09-29",
    ]
