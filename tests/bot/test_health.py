import os
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from bot import app
from bot.app import Time
from bot.domain.errors import BellwetherError, BrokerUnavailable
from bot.domain.memory import Outcome, RunReport
from bot.domain.model import Note, RunKey
from bot.domain.strategy import Facts
from bot.health import Health
from bot.ledger import SqlLedger
from bot.ports import Reading
from bot.schedule import JumpingClock, ScheduledWakes
from tests.bot.scratch import BOOK, Scratch, near_close
from tests.bot.test_vitals import running
from tests.fakes import Otherwise, Phone

# Far ahead of any day a test is run on: the scheduler goes by the clock of the host.
DAY = date(2060, 9, 30)
MORNING = near_close(DAY) - timedelta(hours=10)
PARTS = ["loop", "ledger", "integrity", "disk", "clock"]
PARTS += ["scheduler", "calendar", "handled", "account", "data"]


async def right():
    return Reading(0.0, 0.1)


class Line:
    """A broker's line of which a test says how it is."""

    def __init__(self):
        self.asked = 0
        self.trouble = None

    async def prove(self):
        self.asked += 1
        if self.trouble:
            raise self.trouble
        return "…4567"

    async def clock(self):
        return Reading(0.2, 0.5)

    def ends(self):
        return datetime(2060, 10, 5, tzinfo=UTC)


class Fresh(Otherwise):
    """A market whose closes go up to the session before the one that is asked for."""

    def __init__(self, market, calendar):
        super().__init__(market)
        self.asked = []
        self._calendar = calendar

    async def facts(self, needs, session):
        self.asked.append(session)
        last = self._calendar.before(session).date
        days = self._calendar.index(date(2058, 1, 3), last, 0)
        return Facts(pd.DataFrame(100.0, days, list(needs.symbols)), days)


@contextmanager
def healthy(here: Scratch, at=MORNING, *, ledger=None, lines=None, least=1, witnesses=None):
    """A daemon that has everything, save what differs."""
    clock, wakes = JumpingClock(at), ScheduledWakes()
    memory = ledger or SqlLedger.open(None)
    house = app.house(here.settings(), memory, lambda _: Time(clock, wakes), Phone())
    market = Fresh(house.seats[0].desk.market, house.seats[0].desk.sessions)
    seats = [replace(seat, desk=replace(seat.desk, market=market)) for seat in house.seats]
    said = {"host": right} if witnesses is None else witnesses
    with running(seats, wakes), closing(memory):
        yield Health(seats, lines or {}, wakes, here.folder, least, said)


@pytest.fixture
def here(tmp_path):
    return Scratch(tmp_path).write()


def aged(health, seconds):
    """Let everything have been looked at so much earlier."""
    health._seen = {look: (at - seconds, found) for look, (at, found) in health._seen.items()}


def ill(checkup):
    return {part.part: part.code for part in checkup.parts if not part.ok}


async def test_where_everything_is_proven_all_is_well(here):
    with healthy(here) as health:
        found = await health.checkup()

    assert (found.well, ill(found)) == (True, {})
    assert [part.part for part in found.parts] == PARTS
    assert all(part.seen for part in found.parts)


async def test_a_disk_that_is_nearly_full_is_not_well(here):
    with healthy(here, least=10**18) as health:
        found = await health.checkup()

    assert (found.well, ill(found)) == (False, {"disk": "disk_low"})
    assert health.measured.disk_free > 0


async def test_a_clock_nobody_vouches_for_is_not_well(here):
    async def silent():
        raise BellwetherError("clock_unknown", reason="forbidden")

    with healthy(here, witnesses={"kernel": silent}) as health:
        found = await health.checkup()

    assert ill(found) == {"clock": "clock_unproven"}
    assert "forbidden" in next(part.error for part in found.parts if part.error)


async def test_a_broker_vouches_for_the_clock_too(here):
    with healthy(here, witnesses={}, lines={"real": Line()}) as health:
        assert (await health.checkup()).well

    assert health.measured.clock.readings == {"real": Reading(0.2, 0.5)}


async def test_a_broker_that_is_down_is_named_with_what_to_do(here):
    line = Line()
    line.trouble = BrokerUnavailable("not_connected", broker="real")

    with healthy(here, lines={"real": line}) as health:
        found = await health.checkup()

    (part,) = [part for part in found.parts if not part.ok]
    assert (part.book, part.part, part.code) == ("real", "line", "not_connected")
    assert part.remedy


async def test_a_broker_is_asked_once_however_often_somebody_looks(here):
    line = Line()

    with healthy(here, lines={"real": line}) as health:
        for _ in range(5):
            await health.checkup()

    assert line.asked == 1


async def test_a_failure_is_looked_at_again_sooner(here):
    line = Line()
    line.trouble = TimeoutError()
    with healthy(here, lines={"real": line}) as health:
        first = await health.checkup()
        line.trouble = None
        aged(health, 61)
        second = await health.checkup()

    assert (first.well, second.well, line.asked) == (False, True, 2)


async def test_an_account_that_is_not_the_books_is_not_well(here):
    with healthy(here) as health:
        seat = health.seats[0]
        theirs = replace(seat, book=replace(seat.book, account="other"))
        found = await Health([theirs], {}, health._wakes, here.folder, 1, {}).checkup()

    assert ill(found)["account"] == "account_identity"


async def test_prices_are_due_some_hours_before_the_decision_that_needs_them(here):
    asked = []
    for ahead in (10, 5):
        with healthy(here, at=near_close(DAY) - timedelta(hours=ahead)) as health:
            await health.checkup()
            asked += health.seats[0].desk.market.asked

    assert asked == [date(2060, 9, 29), DAY]


async def test_nobody_asks_for_history_while_a_run_is_near(here):
    with healthy(here) as health:
        await health.checkup()
        clock = health.seats[0].desk.clock
        aged(health, 7200)
        clock.jump(near_close(DAY))
        await health.checkup()

        assert len(health.seats[0].desk.market.asked) == 1


async def test_a_history_that_has_not_come_is_not_well(here):
    with healthy(here) as health:
        health.seats[0].desk.market._calendar = Late(health.seats[0].desk.sessions)

        assert ill(await health.checkup()) == {"data": "vital_history_stale"}


class Late(Otherwise):
    """A calendar by which every session lies one earlier."""

    def before(self, day, count=1):
        return self._thing.before(day, count + 1)


async def test_a_calendar_that_ends_soon_is_not_well(here):
    with healthy(here) as health:
        seat = health.seats[0]
        seat.desk.clock.jump(near_close(seat.desk.sessions.last) - timedelta(days=30))

        assert ill(await health.checkup())["calendar"] == "calendar_ends"


@pytest.mark.parametrize(
    ("session", "running_for", "code"),
    [
        (date(2060, 9, 29), timedelta(hours=1), None),
        (date(2060, 9, 28), timedelta(hours=1), "session_unhandled"),
        (date(2060, 9, 28), timedelta(minutes=1), None),
    ],
)
async def test_a_session_that_came_to_nothing_is_noticed(here, session, running_for, code):
    with healthy(here, at=MORNING - running_for) as health:
        ledger, key = health.seats[0].desk.ledger, RunKey(BOOK, session)
        ledger.finish(RunReport(key, Outcome.MISSED, near_close(session), notes=(Note("missed"),)))
        health.seats[0].desk.clock.jump(MORNING)

        assert ill(await health.checkup()).get("handled") == code


async def test_a_ledger_that_is_damaged_is_not_well(here, tmp_path):
    path = tmp_path / "ledger.sqlite"
    SqlLedger.open(path).close()
    with healthy(here, ledger=SqlLedger.open(path)) as health:
        await health.checkup()
        aged(health, 3600)
        os.truncate(path, 8192)

        assert ill(await health.checkup())["integrity"] == "ledger_damaged"


async def test_a_feed_is_looked_at_where_a_profile_reads_one(tmp_path):
    told = f"""[feeds.f]
snapshot = "file"
profile = "mega_cap_leader_rotation_top50_balanced"
path = "{tmp_path}/nothing.csv"
"""
    here = Scratch(tmp_path).write(more=told)
    text = here.config.read_text("utf-8")
    reads = "mega_cap_leader_rotation_top50_balanced"
    here.config.write_text(
        text.replace('profile = "global_etf_rotation"', f'profile = "{reads}"\nfeed = "f"')
    )
    with healthy(here) as health:
        found = ill(await health.checkup())

    assert found["feed"].startswith("feature_snapshot")
