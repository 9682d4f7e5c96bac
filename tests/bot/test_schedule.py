"""Wakes at their time, by the clock and by leaps."""

import asyncio
from asyncio import Queue
from datetime import UTC, date, datetime, time, timedelta

import pytest

from bot.domain.calendar import EXCHANGE
from bot.domain.errors import BellwetherError
from bot.events import Event, RunDue, SessionClosed, Stopped, Wake
from bot.schedule import (
    JumpingClock,
    JumpingWakes,
    ScheduledWakes,
    SystemClock,
    wakes,
)
from bot.sessions import nyse

FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)
LEAD = timedelta(minutes=15)
YEAR = tuple(wakes(nyse(FIRST, LAST), FIRST, LAST, LEAD))

DAY = date(2026, 3, 6)
NOON = datetime(2026, 3, 6, 12, tzinfo=UTC)


def due(minutes: float, day: date = DAY) -> Wake:
    """A run due some minutes after noon."""
    return Wake(NOON + timedelta(minutes=minutes), RunDue(day))


def just_now(seconds: float) -> Wake:
    """A run due some seconds from the present."""
    return Wake(datetime.now(UTC) + timedelta(seconds=seconds), RunDue(DAY))


async def consume(
    inbox: Queue[Event], clock: JumpingClock, run: float = 0
) -> list[tuple[datetime, Event]]:
    """What came and when, by a consumer whose runs take `run` seconds."""
    seen: list[tuple[datetime, Event]] = []
    while (event := await inbox.get()) != Stopped():
        seen.append((clock.now(), event))
        await clock.sleep(run)
        inbox.task_done()
    return seen


async def leap(armed: tuple[Wake, ...], run: float = 0) -> list[tuple[datetime, Event]]:
    """What a jumping clock delivers of these wakes, and when."""
    clock, inbox = JumpingClock(NOON - timedelta(days=365)), Queue[Event]()
    jumping = JumpingWakes(clock)
    jumping.arm(armed, inbox)
    seen, _ = await asyncio.gather(consume(inbox, clock, run), jumping.run())
    return seen


def test_each_session_of_a_year_has_a_run_and_an_end_in_order_of_time():
    assert [wake.at for wake in YEAR] == sorted(wake.at for wake in YEAR)
    assert [type(wake.event) for wake in YEAR] == [RunDue, SessionClosed] * 251


@pytest.mark.parametrize(
    ("day", "decides", "over"),
    [
        (date(2026, 3, 6), time(15, 45), time(16, 6)),
        (date(2026, 3, 9), time(15, 45), time(16, 6)),
        (date(2026, 10, 30), time(15, 45), time(16, 6)),
        (date(2026, 11, 2), time(15, 45), time(16, 6)),
        (date(2026, 11, 27), time(12, 45), time(13, 6)),
        (date(2026, 12, 24), time(12, 45), time(13, 6)),
    ],
)
def test_wakes_follow_the_hours_of_new_york(day, decides, over):
    at = {wake.event: wake.at.astimezone(EXCHANGE).time() for wake in YEAR}

    assert (at[RunDue(day)], at[SessionClosed(day)]) == (decides, over)


def test_a_closed_day_wakes_nobody():
    assert RunDue(date(2026, 4, 3)) not in [wake.event for wake in YEAR]


async def test_the_scheduler_and_the_jumping_clock_agree_on_every_event_of_a_year():
    scheduled = ScheduledWakes()
    scheduled.arm(YEAR, Queue())

    leapt = await leap(YEAR)

    assert leapt == sorted(scheduled.armed(), key=lambda armed: armed[0])
    assert leapt == [(wake.at, wake.event) for wake in YEAR]


@pytest.mark.parametrize("ago", [30, 5 * 3600, 60 * 3600])
async def test_a_wake_that_met_a_stall_or_a_sleeping_host_still_arrives(ago):
    scheduled, inbox = ScheduledWakes(), Queue[Event]()
    scheduled.arm([just_now(-ago)], inbox)

    scheduled.start()
    event = await asyncio.wait_for(inbox.get(), timeout=5)
    scheduled.stop()

    assert event == RunDue(DAY)


async def test_a_wake_arrives_at_its_time_and_once():
    scheduled, inbox = ScheduledWakes(), Queue[Event]()
    scheduled.start()
    wake = just_now(0.02)
    scheduled.arm([wake], inbox)

    event = await asyncio.wait_for(inbox.get(), timeout=5)
    arrived = datetime.now(UTC)
    scheduled.stop()

    assert (event, inbox.empty(), scheduled.next_at()) == (wake.event, True, None)
    assert arrived >= wake.at


async def test_a_wake_arrives_though_the_timer_of_the_loop_stood_still():
    scheduled, inbox = ScheduledWakes(look_every=timedelta(milliseconds=5)), Queue[Event]()
    scheduled.arm([just_now(0.02)], inbox)
    scheduled.start()
    await asyncio.sleep(0)

    scheduled._scheduler._stop_timer()
    event = await asyncio.wait_for(inbox.get(), timeout=5)
    scheduled.stop()

    assert event == RunDue(DAY)


async def test_a_wake_armed_twice_before_the_start_arrives_once():
    scheduled, inbox = ScheduledWakes(), Queue[Event]()
    scheduled.arm([just_now(-30)], inbox)
    scheduled.arm([just_now(-30)], inbox)

    scheduled.start()
    await asyncio.wait_for(inbox.get(), timeout=5)
    await asyncio.sleep(0.01)
    scheduled.stop()

    assert inbox.empty()


async def test_a_wake_armed_again_has_its_new_time():
    scheduled, inbox = ScheduledWakes(), Queue[Event]()
    sooner, later = just_now(3600), just_now(7200)
    scheduled.start()

    scheduled.arm([sooner], inbox)
    scheduled.arm([later], inbox)
    armed = list(scheduled.armed())
    scheduled.stop()

    assert armed == [(later.at, later.event)]


async def test_each_inbox_has_its_own_wakes():
    scheduled, one, other = ScheduledWakes(), Queue[Event](), Queue[Event]()
    scheduled.arm([just_now(-30)], one)
    scheduled.arm([just_now(-30)], other)

    scheduled.start()
    events = await asyncio.wait_for(asyncio.gather(one.get(), other.get()), timeout=5)
    scheduled.stop()

    assert events == [RunDue(DAY), RunDue(DAY)]


async def test_the_next_wake_is_the_earliest():
    scheduled = ScheduledWakes()

    before = scheduled.next_at()
    scheduled.arm([due(5), due(3, FIRST), due(4, LAST)], Queue())

    assert (before, scheduled.next_at()) == (None, due(3).at)


async def test_before_the_start_too_a_wake_armed_again_has_its_new_time():
    scheduled, inbox = ScheduledWakes(), Queue[Event]()

    scheduled.arm([due(1)], inbox)
    scheduled.arm([due(2)], inbox)

    assert list(scheduled.armed()) == [(due(2).at, due(2).event)]


async def test_nothing_arrives_and_nothing_is_looked_at_after_the_stop():
    scheduled, inbox, errors = ScheduledWakes(timedelta(milliseconds=5)), Queue[Event](), []
    asyncio.get_running_loop().set_exception_handler(lambda _, error: errors.append(error))
    scheduled.arm([just_now(0.01)], inbox)

    scheduled.start()
    scheduled.stop()
    await asyncio.sleep(0.03)

    assert (inbox.empty(), errors) == (True, [])


async def test_stopping_what_never_started_is_no_error():
    scheduled = ScheduledWakes()

    scheduled.stop()

    assert scheduled.next_at() is None


async def test_the_jumping_clock_stands_at_each_wake():
    seen = await leap((due(5, LAST), due(3, FIRST)))

    assert seen == [
        (NOON + timedelta(minutes=3), RunDue(FIRST)),
        (NOON + timedelta(minutes=5), RunDue(LAST)),
    ]


async def test_a_run_that_slept_beyond_the_next_wake_has_it_late():
    seen = await leap((due(3, FIRST), due(5, LAST)), run=600)

    assert seen == [
        (NOON + timedelta(minutes=3), RunDue(FIRST)),
        (NOON + timedelta(minutes=13), RunDue(LAST)),
    ]


async def test_inboxes_take_turns_in_order_of_time():
    clock, one, other = JumpingClock(NOON), Queue[Event](), Queue[Event]()
    jumping = JumpingWakes(clock)
    jumping.arm([due(1, FIRST), due(3, LAST)], one)
    jumping.arm([due(2, FIRST)], other)

    seen, others, _ = await asyncio.gather(
        consume(one, clock), consume(other, clock), jumping.run()
    )

    assert [at for at, _ in seen] == [due(1).at, due(3).at]
    assert [at for at, _ in others] == [due(2).at]


async def test_the_clock_waits_for_the_run_it_woke():
    clock, inbox = JumpingClock(NOON), Queue[Event]()
    jumping = JumpingWakes(clock)
    jumping.arm([due(1, FIRST), due(3, LAST)], inbox)

    running = asyncio.create_task(jumping.run())
    await inbox.get()
    await asyncio.sleep(0.005)
    running.cancel()

    assert (clock.now(), inbox.empty()) == (due(1).at, True)


async def test_a_jumping_wake_armed_twice_arrives_once():
    clock, inbox = JumpingClock(NOON), Queue[Event]()
    jumping = JumpingWakes(clock)
    jumping.arm([due(1)], inbox)
    jumping.arm([due(2)], inbox)

    seen, _ = await asyncio.gather(consume(inbox, clock), jumping.run())

    assert seen == [(due(2).at, due(2).event)]


async def test_what_lies_in_an_inbox_comes_before_the_first_leap():
    clock, inbox = JumpingClock(NOON), Queue[Event]()
    jumping = JumpingWakes(clock)
    inbox.put_nowait(RunDue(FIRST))
    jumping.arm([due(1, LAST)], inbox)

    seen, _ = await asyncio.gather(consume(inbox, clock), jumping.run())

    assert seen == [(NOON, RunDue(FIRST)), (due(1).at, due(1, LAST).event)]


async def test_every_inbox_is_told_when_nothing_more_comes():
    one, other = Queue[Event](), Queue[Event]()
    jumping = JumpingWakes(JumpingClock(NOON))
    jumping.arm([], one)
    jumping.arm([], other)
    jumping.arm([], one)

    await jumping.run()

    assert [one.get_nowait(), other.get_nowait()] == [Stopped(), Stopped()]
    assert one.empty()


def test_a_jumping_clock_never_goes_back():
    clock = JumpingClock(NOON)

    clock.jump(NOON - timedelta(hours=1))

    assert clock.now() == NOON


async def test_a_jumping_clock_sleeps_without_waiting_and_lets_others_have_a_turn():
    clock, others = JumpingClock(NOON), []
    asyncio.get_running_loop().call_soon(others.append, "turn")

    await clock.sleep(90)

    assert clock.now() == NOON + timedelta(seconds=90)
    assert others == ["turn"]


async def test_a_sleep_of_less_than_nothing_takes_no_time_back():
    clock = JumpingClock(NOON)

    await clock.sleep(-90)

    assert clock.now() == NOON


def test_a_jumping_clock_tells_utc():
    clock = JumpingClock(NOON.astimezone(EXCHANGE))

    clock.jump((NOON + timedelta(minutes=1)).astimezone(EXCHANGE))

    assert (clock.now().tzinfo, clock.now()) == (UTC, NOON + timedelta(minutes=1))


def test_a_jumping_clock_takes_no_time_without_a_zone():
    with pytest.raises(BellwetherError, match="naive_time"):
        JumpingClock(NOON.replace(tzinfo=None))


async def test_the_system_clock_tells_utc_and_waits():
    clock = SystemClock()

    before = clock.now()
    await clock.sleep(0.002)

    assert before.tzinfo is UTC
    assert clock.now() - before >= timedelta(milliseconds=1)
