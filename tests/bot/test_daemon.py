import asyncio
import logging
from asyncio import Queue
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import pytest

from adapters.unreached import Unreached
from bot import daemon
from bot.daemon import ARMED_AHEAD, Seat, arm, attend, catch_up, close, next_wake, seat_of, serve
from bot.decide import decide
from bot.domain.admission import Issue
from bot.domain.errors import Blocked, BrokerUnavailable, LedgerError, SettingsError
from bot.domain.memory import Message, Outcome, RunReport, Switch
from bot.domain.model import Mode, Note, Portfolio, Side
from bot.domain.strategy import Decision, View
from bot.events import Event, FeedArrived, RunDue, SessionClosed, Stopped
from bot.ledger import SqlLedger
from bot.outbox import Outbox
from bot.report import Language
from bot.schedule import JumpingWakes
from bot.sessions import nyse
from tests.bot.floor import LEAD, Floor, days_after, days_before
from tests.builders import NOW, TODAY
from tests.fakes import FakeBroker, Phone, Pool, Wants

VOO = Wants({"VOO": 0.9})
INTO_VOO = Wants({"VOO": 0.9}, others=("QQQ",))
SATURDAY = date(2026, 4, 4)


def a_seat(floor: Floor, last: date | None = None) -> Seat:
    return Seat(
        floor.book,
        floor.desk,
        JumpingWakes(floor.clock),
        Outbox(floor.ledger, Phone(), floor.clock),
        Mode.PAPER,
        Language.EN,
        last,
    )


def messages(floor: Floor) -> list[Message]:
    return list(floor.ledger.undelivered())


def kinds(floor: Floor) -> list[str]:
    return [message.kind for message in messages(floor)]


async def trade(floor: Floor, day: date | None = None) -> None:
    await daemon.trade(a_seat(floor), day or floor.day)


def outcome(floor: Floor, day: date | None = None) -> Outcome | None:
    return floor.ledger.outcome(floor.run_key(day))


def drained(inbox: "Queue[Event]") -> list[Event]:
    return [inbox.get_nowait() for _ in range(inbox.qsize())]


def unreachable(floor: Floor, until: datetime) -> None:
    floor.broker.outage = (floor.session.opens, until)


@dataclass(frozen=True, slots=True)
class Breaks(Wants):
    """A strategy with a mistake in it."""

    def decide(self, view: View) -> Decision:
        raise ZeroDivisionError(view.session)


class Stumbling(FakeBroker):
    """A broker whose adapter has a mistake: it dies of one of the reads of the account."""

    reads = 0
    dies_at = 2

    async def portfolio(self) -> Portfolio:
        self.reads += 1
        if self.reads == self.dies_at:
            raise KeyError("CashBalance")
        return await super().portfolio()


class FullLedger(SqlLedger):
    """A ledger in which no outcome can be kept."""

    def finish(self, report: RunReport) -> None:
        raise LedgerError("ledger_full", path=report.run.book)


async def test_a_run_is_told():
    floor = Floor(VOO, 10_000)

    await trade(floor)

    (message,) = messages(floor)
    assert (message.kind, message.book) == ("run", "main")
    assert message.key == f"main/{TODAY}/complete"
    assert "VOO" in message.text


async def test_what_is_given_up_is_no_quiet_session():
    floor = Floor(Wants({"VOO": 0.9}, {TODAY}), 10_000)
    floor.broker.resting.add("VOO")
    await trade(floor)
    floor.wake(days_after(TODAY, 4))

    await trade(floor)

    assert kinds(floor) == ["run", "run"]
    assert "expired" in messages(floor)[-1].text


async def test_a_session_without_a_trade_is_told_apart():
    floor = Floor(Wants({"VOO": 0.9}, ()), 10_000)

    await trade(floor)

    assert kinds(floor) == ["no_trade"]


async def test_a_blocked_run_is_tried_until_its_last_call_and_told_twice():
    floor = Floor(VOO, 10_000)
    unreachable(floor, floor.session.closes)

    await trade(floor)

    assert floor.clock.now() == floor.before_close(minutes=2)
    assert [(m.kind, m.key) for m in messages(floor)] == [
        ("blocked", f"main/{TODAY}/broker_unavailable"),
        ("blocked", f"main/{TODAY}/blocked/broker_unavailable"),
    ]
    assert outcome(floor) is Outcome.BLOCKED


async def test_a_blocked_run_is_tried_every_minute_and_trades_when_it_can():
    floor = Floor(VOO, 10_000)
    unreachable(floor, floor.before_close(minutes=12, seconds=30))

    await trade(floor)

    decided = floor.ledger.decision(floor.run_key())
    assert decided is not None
    assert decided.at == floor.before_close(minutes=12)
    assert kinds(floor) == ["blocked", "run"]
    assert outcome(floor) is Outcome.COMPLETE


async def test_the_last_attempt_tells_the_cause_and_not_that_time_is_over():
    floor = Floor(VOO, 10_000)
    floor.switch(Switch.PAUSED)

    await trade(floor)

    report = floor.ledger.report(floor.run_key())
    assert report is not None
    assert [note.code for note in report.notes] == ["paused"]


async def test_a_session_that_was_slept_through_is_missed():
    floor = Floor(VOO, 10_000)
    floor.clock.jump(floor.before_close(minutes=2))

    await trade(floor)

    assert kinds(floor) == ["missed"]
    assert (outcome(floor), floor.broker.asked) == (Outcome.MISSED, [])


async def test_what_was_missed_is_told_once():
    floor = Floor(VOO, 10_000)
    floor.clock.jump(floor.session.closes)
    await trade(floor)

    await trade(floor)

    assert kinds(floor) == ["missed"]


async def test_what_was_blocked_to_the_end_is_told_once():
    floor = Floor(VOO, 10_000)
    floor.switch(Switch.PAUSED)
    await trade(floor)
    floor.clock.jump(floor.session.closes)

    await trade(floor)

    assert kinds(floor) == ["blocked", "blocked"]


async def test_a_halted_run_is_not_tried_again_by_itself():
    floor = Floor(VOO, 10_000)
    floor.switch(Switch.HALTED)

    await trade(floor)

    assert kinds(floor) == ["halted"]
    assert floor.clock.now() == floor.before_close(minutes=15)
    assert outcome(floor) is Outcome.HALTED


async def test_a_person_who_mended_a_halt_may_have_the_run_tried_again():
    floor = Floor(VOO, 10_000)
    floor.switch(Switch.HALTED)
    await trade(floor)
    floor.switch(Switch.ACTIVE)

    await trade(floor)

    assert outcome(floor) is Outcome.COMPLETE


async def test_a_run_asked_for_too_early_waits_for_its_wake():
    floor = Floor(VOO, 10_000, day=days_before(TODAY, 1))

    await trade(floor, TODAY)

    assert (kinds(floor), outcome(floor, TODAY)) == (["blocked"], None)
    assert floor.clock.now() == floor.before_close(minutes=15)


async def test_a_day_without_a_session_is_no_event():
    floor = Floor(VOO, 10_000)

    await trade(floor, SATURDAY)

    assert messages(floor) == []


async def test_a_day_the_calendar_does_not_know_is_told():
    floor = Floor(VOO, 10_000)

    await trade(floor, date(2030, 1, 2))

    assert [m.key for m in messages(floor)] == ["main/2030-01-02/calendar_unknown"]


async def test_a_session_cut_off_after_its_decision_is_brought_to_its_end():
    floor = Floor(VOO, 10_000)
    await decide(floor.book, floor.session, floor.desk)
    floor.clock.jump(floor.session.closes + timedelta(hours=1))

    await trade(floor)

    assert (kinds(floor), outcome(floor)) == (["run"], Outcome.OWED)


async def test_two_wakes_for_one_session_trade_once():
    floor = Floor(VOO, 10_000)
    seat = a_seat(floor)
    for event in (RunDue(TODAY), RunDue(TODAY), Stopped()):
        seat.inbox.put_nowait(event)

    await attend(seat)

    assert len(floor.broker.asked) == 1
    assert kinds(floor) == ["run"]


async def test_after_stopped_nothing_is_attended_to():
    floor = Floor(VOO, 10_000)
    seat = a_seat(floor)
    seat.inbox.put_nowait(Stopped())
    seat.inbox.put_nowait(RunDue(TODAY))

    await attend(seat)

    assert seat.inbox.qsize() == 1


async def test_a_mistake_in_a_strategy_becomes_a_message_with_a_reference(caplog):
    floor = Floor(Breaks({"VOO": 0.9}), 10_000)
    seat = a_seat(floor)
    for event in (RunDue(TODAY), SessionClosed(TODAY), Stopped()):
        seat.inbox.put_nowait(event)

    await attend(seat)

    first, last = messages(floor)
    assert (first.kind, first.key) == ("error", f"main/{TODAY}/unforeseen")
    assert outcome(floor) is Outcome.BLOCKED
    reference = caplog.records[0].args[1]
    assert reference in first.text
    assert last.kind == "blocked"


async def test_a_mistake_is_logged_with_its_traceback(caplog):
    await trade(Floor(Breaks({"VOO": 0.9}), 10_000))

    assert all(record.levelno == logging.ERROR for record in caplog.records)
    assert caplog.records[0].exc_info[0] is ZeroDivisionError


@pytest.mark.parametrize("read", [1, 2, 3])
async def test_a_run_that_died_is_finished_by_the_next_attempt(read: int):
    floor = Floor(INTO_VOO, 0, QQQ=50)
    broker = Stumbling(floor.broker.account, floor.market, floor.clock)
    broker.dies_at = read
    floor.broker, floor.desk = broker, replace(floor.desk, broker=broker)

    await trade(floor)

    assert outcome(floor) is Outcome.COMPLETE
    assert [(o.symbol, o.shares) for o in broker.asked] == [("QQQ", 50), ("VOO", 90)]
    assert kinds(floor) == ["error", "run"]


async def test_an_outcome_that_can_not_be_kept_is_told_all_the_same(caplog):
    floor = Floor(VOO, 10_000)
    full = FullLedger.open(None)
    floor.ledger, floor.desk = full, replace(floor.desk, ledger=full)
    floor.clock.jump(floor.session.closes)

    await trade(floor)

    assert kinds(floor) == ["missed"]
    assert caplog.records[-1].levelno == logging.CRITICAL


async def asked_in_vain(floor: Floor) -> None:
    """Let the run of the day have ended with an order nobody could be asked about."""
    floor.broker.lost.add("VOO")
    floor.broker.outage = (
        floor.before_close(minutes=13),
        floor.session.closes + timedelta(hours=1),
    )
    await trade(floor)


def news(floor: Floor) -> list[str]:
    return [message.key for message in messages(floor) if message.kind == "error"]


async def test_after_its_session_an_open_question_is_answered():
    floor = Floor(VOO, 10_000)
    await asked_in_vain(floor)
    floor.clock.jump(floor.session.closes + timedelta(hours=2))

    await close(a_seat(floor), TODAY)

    assert floor.ledger.questions("main") == ()
    order = floor.broker.asked[0].id
    assert news(floor) == [f"main/{TODAY}/question_answered/{order}"]


async def test_a_question_nobody_can_be_asked_is_told_and_stays():
    floor = Floor(VOO, 10_000)
    await asked_in_vain(floor)

    await close(a_seat(floor), TODAY)

    assert len(floor.ledger.questions("main")) == 1
    assert messages(floor)[-1].key == f"main/{TODAY}/closed/broker_unavailable"


async def test_the_same_trouble_is_told_again_when_it_comes_after_the_close():
    floor = Floor(VOO, 10_000)
    floor.broker.lost.add("VOO")
    unreachable(floor, floor.before_close(minutes=14, seconds=30))
    evening = floor.session.closes + timedelta(hours=1)
    floor.clock.at(floor.before_close(minutes=13), lambda: unreachable(floor, evening))
    await trade(floor)

    await close(a_seat(floor), TODAY)

    troubles = [m.key for m in messages(floor) if "unavailable" in m.key]
    assert troubles == [
        f"main/{TODAY}/broker_unavailable",
        f"main/{TODAY}/closed/broker_unavailable",
    ]


async def test_a_question_of_a_session_that_is_not_over_stays_open():
    floor = Floor(Wants({"VOO": 0.9}), 10_000, day=days_before(TODAY, 1))
    await floor.run()
    floor.wake(TODAY)
    floor.want({"QQQ": 0.9})
    floor.broker.lost.add("QQQ")
    floor.broker.outage = (
        floor.before_close(minutes=13),
        floor.session.closes + timedelta(hours=1),
    )
    await floor.run()
    floor.clock.jump(floor.session.closes + timedelta(hours=2))

    await close(a_seat(floor), days_before(TODAY, 1))

    (question,) = floor.ledger.questions("main")
    assert messages(floor)[-1].key.endswith(f"open_question/{question.intent.id}")


async def test_positions_that_no_order_explains_are_told_after_the_close():
    floor = Floor(VOO, 10_000)
    await asked_in_vain(floor)
    floor.clock.jump(floor.session.closes + timedelta(hours=2))
    floor.broker.account = replace(floor.broker.account, shares={"VOO": 7})

    await close(a_seat(floor), TODAY)

    assert news(floor) == [f"main/{TODAY}/closed/positions_unexplained"]


async def test_a_session_that_ended_well_closes_without_a_word():
    floor = Floor(VOO, 10_000)
    await trade(floor)

    await close(a_seat(floor), TODAY)

    assert kinds(floor) == ["run"]


def due(seat: Seat) -> list[date]:
    return [event.session for event in drained(seat.inbox) if isinstance(event, RunDue)]


def test_a_daemon_that_starts_inside_the_window_wakes_at_once():
    seat = a_seat(Floor(VOO, 10_000))

    catch_up(seat)

    assert due(seat) == [TODAY]


def test_a_daemon_that_starts_before_the_window_waits():
    floor = Floor(VOO, 10_000, day=days_before(TODAY, 1))
    floor.clock.jump(floor.session.closes + timedelta(hours=15))
    seat = a_seat(floor)

    catch_up(seat)

    assert due(seat) == []


def test_a_daemon_that_starts_on_a_weekend_waits():
    floor = Floor(VOO, 10_000)
    floor.clock.jump(datetime.combine(SATURDAY, floor.clock.now().timetz()))
    seat = a_seat(floor)

    catch_up(seat)

    assert due(seat) == []


async def test_sessions_that_were_slept_through_are_caught_up_on():
    floor = Floor(VOO, 10_000, day=days_before(TODAY, 3))
    await floor.run()
    floor.wake(TODAY)
    seat = a_seat(floor)

    catch_up(seat)

    assert due(seat) == [days_before(TODAY, n) for n in (3, 2, 1, 0)]


def test_a_ledger_from_the_future_keeps_nobody_from_todays_run():
    floor = Floor(VOO, 10_000)
    key = floor.run_key(date(2199, 1, 2))
    floor.ledger.finish(RunReport(key, Outcome.MISSED, floor.clock.now()))
    seat = a_seat(floor)

    catch_up(seat)

    assert due(seat) == [TODAY]


def test_a_long_silence_is_told_in_one_message_and_its_end_session_by_session():
    floor = Floor(VOO, 10_000, day=days_before(TODAY, 100))
    floor.ledger.finish(RunReport(floor.run_key(), Outcome.HELD, floor.clock.now()))
    floor.wake(TODAY)
    seat = a_seat(floor)

    catch_up(seat)

    assert due(seat) == [days_before(TODAY, n) for n in (100, 3, 2, 1, 0)]
    (message,) = messages(floor)
    assert (message.kind, "96 sessions were missed" in message.text) == ("missed", True)


async def test_a_quarter_end_slept_through_is_traded_late():
    quarter_end = days_before(TODAY, 2)
    strategy = Wants({"VOO": 0.9}, [quarter_end])
    floor = Floor(strategy, 10_000, day=days_before(TODAY, 3))
    await trade(floor)
    floor.wake(TODAY)
    seat = a_seat(floor)
    catch_up(seat)
    seat.inbox.put_nowait(Stopped())

    await attend(seat)

    missed = [outcome(floor, days_before(TODAY, n)) for n in (2, 1)]
    assert missed == [Outcome.MISSED, Outcome.MISSED]
    decided = floor.ledger.decision(floor.run_key(TODAY))
    assert decided is not None
    assert (decided.since, decided.late) == (quarter_end, True)
    assert floor.bought == {"VOO": 90}
    assert kinds(floor) == ["no_trade", "missed", "missed", "run"]


class Armed:
    """Wakes that only write down what is armed."""

    def __init__(self) -> None:
        self.wakes: list[tuple[datetime, Event]] = []

    def arm(self, wakes, inbox) -> None:  # noqa: ARG002 - the port's
        self.wakes += [(wake.at, wake.event) for wake in wakes]


def armed(floor: Floor, last: date | None = None) -> list[tuple[datetime, Event]]:
    wakes = Armed()
    arm(replace(a_seat(floor, last), wakes=wakes))
    return wakes.wakes


def test_the_coming_sessions_are_armed_with_their_ends():
    floor = Floor(VOO, 10_000)

    wakes = armed(floor)

    assert len(wakes) == 1 + 2 * ARMED_AHEAD
    first = floor.next_day()
    floor.day = first
    assert wakes[1] == (floor.session.decides_at(LEAD), RunDue(first))
    assert wakes[2] == (floor.session.closes + timedelta(minutes=6), SessionClosed(first))


def test_a_session_whose_decision_has_passed_is_still_closed():
    floor = Floor(VOO, 10_000)

    wakes = armed(floor)

    assert wakes[0] == (floor.session.closes + timedelta(minutes=6), SessionClosed(TODAY))


def test_a_show_ends_with_its_last_session():
    floor = Floor(VOO, 10_000)

    wakes = armed(floor, last=days_after(TODAY, 2))

    assert [event.session for _, event in wakes if isinstance(event, RunDue)] == [
        days_after(TODAY, 1),
        days_after(TODAY, 2),
    ]
    assert messages(floor) == []


def test_after_the_last_session_nothing_is_armed():
    floor = Floor(VOO, 10_000)
    floor.clock.jump(floor.session.closes + timedelta(minutes=6))

    assert armed(floor, last=TODAY) == []


def test_a_calendar_that_ends_soon_is_told_once():
    floor = Floor(VOO, 10_000)
    short = nyse(date(2025, 10, 1), days_after(TODAY, ARMED_AHEAD - 1))
    floor.desk = replace(floor.desk, sessions=short)

    armed(floor)
    armed(floor)

    assert [m.key for m in messages(floor)] == [f"main/calendar_ends/{short.last}"]


def test_a_calendar_that_goes_on_is_not_told_of():
    floor = Floor(VOO, 10_000)
    enough = nyse(date(2025, 10, 1), days_after(TODAY, ARMED_AHEAD))
    floor.desk = replace(floor.desk, sessions=enough)

    armed(floor)

    assert messages(floor) == []


def test_the_next_wake_is_todays_until_it_has_come():
    floor = Floor(VOO, 10_000, day=days_before(TODAY, 1))
    floor.clock.jump(floor.session.closes + timedelta(hours=15))

    assert next_wake(a_seat(floor)) == Floor(VOO, day=TODAY).session.decides_at(LEAD)


def test_the_next_wake_of_a_day_that_has_had_its_own_is_the_next_sessions():
    floor = Floor(VOO, 10_000)

    wake = next_wake(a_seat(floor))

    assert wake == Floor(VOO, day=floor.next_day()).session.decides_at(LEAD)


def test_beyond_the_calendar_nothing_wakes():
    floor = Floor(VOO, 10_000)
    floor.desk = replace(floor.desk, sessions=nyse(date(2025, 10, 1), TODAY))

    assert next_wake(a_seat(floor)) is None


def test_a_seat_is_found_by_its_book():
    one, other = (a_seat(Floor(VOO)) for _ in range(2))
    other = replace(other, book=replace(other.book, name="other"))

    assert seat_of([one, other], "other") is other


def test_the_only_seat_needs_no_name():
    seat = a_seat(Floor(VOO))

    assert seat_of([seat], None) is seat


@pytest.mark.parametrize("name", [None, "nobody"])
def test_a_seat_nobody_can_tell_is_an_error(name: str | None):
    one, other = (a_seat(Floor(VOO)) for _ in range(2))
    other = replace(other, book=replace(other.book, name="other"))

    with pytest.raises(SettingsError, match="unknown_book"):
        seat_of([one, other], name)


async def forever() -> None:
    await asyncio.Event().wait()


async def served(*floors: Floor) -> tuple[Outcome | None, ...]:
    """Serve each floor by its own clock through the next two sessions; how the last ended."""
    seats = [a_seat(floor, last=floor.next_day(2)) for floor in floors]
    for floor in floors:
        floor.clock.jump(floor.session.closes + timedelta(hours=15))
    wakes = [seat.wakes.run for seat in seats if isinstance(seat.wakes, JumpingWakes)]
    await serve(seats, asyncio.Event(), wakes)
    return tuple(outcome(floor, floor.next_day(2)) for floor in floors)


async def test_books_are_served_until_nothing_more_can_come():
    floor = Floor(VOO, 10_000)

    last = await served(floor)

    assert last == (Outcome.COMPLETE,)
    assert kinds(floor) == ["run", "no_trade"]


async def test_two_books_on_their_own_clocks_do_not_disturb_each_other():
    calm, other = Floor(VOO, 10_000), Floor(VOO, 5000, day=days_before(TODAY, 40))
    unreachable(other, other.session.closes + timedelta(days=1))

    last = await served(calm, other)

    assert last == (Outcome.COMPLETE, Outcome.COMPLETE)
    assert kinds(calm) == ["run", "no_trade"]
    assert kinds(other) == ["blocked", "blocked", "run"]
    assert (calm.bought, other.bought) == ({"VOO": 90}, {"VOO": 45})


async def test_serving_ends_when_it_is_told_to_stop():
    stop = asyncio.Event()
    floor = Floor(VOO, 10_000)
    seat = replace(a_seat(floor), wakes=Armed())

    async def stopping() -> None:
        await seat.inbox.join()
        stop.set()

    async with asyncio.timeout(5):
        await serve([seat], stop, [stopping, forever])

    assert outcome(floor) is Outcome.COMPLETE


async def test_a_source_that_dies_ends_everything():
    seat = replace(a_seat(Floor(VOO, 10_000)), wakes=Armed())

    async def dying() -> None:
        await seat.inbox.join()
        raise ValueError("the socket is gone")

    async with asyncio.timeout(5):
        with pytest.raises(ExceptionGroup) as died:
            await serve([seat], asyncio.Event(), [dying, forever])

    assert [type(error) for error in died.value.exceptions] == [ValueError]


async def test_a_source_that_ends_by_itself_ends_nothing():
    floor = Floor(VOO, 10_000)
    seat = replace(a_seat(floor), wakes=Armed())
    stop = asyncio.Event()

    async def brief() -> None:
        await asyncio.sleep(0)

    async def stopping() -> None:
        await seat.inbox.join()
        stop.set()

    await serve([seat], stop, [brief, stopping])

    assert outcome(floor) is Outcome.COMPLETE


async def test_a_halted_run_that_had_sent_tells_what_reached_the_broker():
    floor = Floor(Wants({"VOO": 0.4, "QQQ": 0.4}), 10_000)
    floor.broker.lost.update({"VOO", "QQQ"})

    await trade(floor)

    assert outcome(floor) is Outcome.HALTED
    standings = floor.ledger.standings(floor.run_key())
    assert [s.side for s in standings] == [Side.BUY, Side.BUY]
    assert all(s.intent.symbol in messages(floor)[-1].text for s in standings)


class Arriving(Pool):
    """A feed of which these things come, one after the other."""

    def __init__(self, *came: Issue | Blocked) -> None:
        super().__init__("VOO", known=TODAY)
        self.came = came

    async def arrivals(self):
        for each in self.came:
            yield each


AN_ISSUE = Issue("test", "snapshot.csv", TODAY, days_after(TODAY, 1), 12, "abc", "def")


async def watched(floor: Floor, *came: Issue | Blocked) -> list[Event]:
    floor.desk = replace(floor.desk, feeds={"pool": Arriving(*came)})
    seat = a_seat(floor)
    await daemon.watch(seat)
    return drained(seat.inbox)


async def test_what_arrives_in_a_feed_is_an_event():
    floor = Floor(VOO, 10_000)

    assert await watched(floor, AN_ISSUE) == [FeedArrived(AN_ISSUE)]


async def test_what_is_refused_of_a_feed_is_told_and_is_no_event():
    floor = Floor(VOO, 10_000)

    events = await watched(floor, Blocked("feature_snapshot_empty", path="snapshot.csv"))

    assert events == []
    assert kinds(floor) == ["blocked"]


async def test_a_snapshot_that_arrives_in_the_window_is_acted_on_at_once():
    floor = Floor(VOO, 10_000)

    await daemon.arrived(a_seat(floor), AN_ISSUE)

    assert kinds(floor) == ["no_trade", "run"]
    assert outcome(floor) is Outcome.COMPLETE


@pytest.mark.parametrize("hours", [-3, 3])
async def test_outside_the_window_a_snapshot_is_told_only(hours):
    floor = Floor(VOO, 10_000)
    floor.clock._now += timedelta(hours=hours)

    await daemon.arrived(a_seat(floor), AN_ISSUE)

    assert kinds(floor) == ["no_trade"]
    assert "12 rows" in messages(floor)[0].text
    assert outcome(floor) is None


class Speaking(Unreached):
    """A line that has these notes, one look after the other, and ends with them."""

    def __init__(self, *looks: Sequence[Note]) -> None:
        super().__init__("real")
        self.looks = list(looks)

    def notes(self) -> Sequence[Note]:
        if not self.looks:
            raise EOFError
        return self.looks.pop(0)


ENDS = Note("schwab_login_ends", "", {"hours": 48})
ENDED = Note("schwab_login_expired")


async def heard(*looks: Sequence[Note], apart: timedelta = timedelta()) -> list[str]:
    floor = Floor(VOO, 10_000)
    floor.clock.sleep = lambda _: floor.clock.__class__.sleep(floor.clock, apart.total_seconds())
    with pytest.raises(EOFError):
        await daemon.heed(Speaking(*looks), a_seat(floor))
    return [message.text for message in messages(floor)]


async def test_what_an_owner_should_hear_of_a_line_is_told_once_with_what_to_do():
    first, second = await heard([ENDS], [ENDS], [ENDED], [ENDED])

    assert "ends in less than 48 hours" in first
    assert "bellwether auth schwab" in second


WARNED = Note("schwab_login_ends", "", {"hours": 48, "ends": NOW + timedelta(hours=40)})


async def test_a_warning_of_what_ends_is_told_once_also_by_a_daemon_started_again():
    floor = Floor(VOO, 10_000)
    for _ in range(2):
        with pytest.raises(EOFError):
            await daemon.heed(Speaking([WARNED]), a_seat(floor))
        floor.clock.jump(floor.clock.now() + timedelta(days=1))

    assert len(messages(floor)) == 1


async def test_what_a_run_was_blocked_by_is_not_told_again_of_the_line():
    floor, ended = Floor(VOO, 10_000), {"ended": NOW}
    seat = a_seat(floor)
    daemon.tell_trouble(seat, floor.day, BrokerUnavailable("schwab_login_expired", **ended))

    with pytest.raises(EOFError):
        await daemon.heed(Speaking([Note("schwab_login_expired", "", ended)]), seat)

    assert kinds(floor) == ["blocked"]


async def test_a_line_that_is_well_is_not_talked_about():
    assert await heard([], []) == []


async def test_what_is_over_is_told_too_in_the_words_it_was_told_with():
    _, told = await heard([ENDED], [ENDED], [], [])

    assert "over: the login to Schwab has ended: nothing is traded there" in told


async def test_of_two_troubles_each_ends_for_itself():
    taken = Note("ibkr_client_id_taken", "", {"client_id": 17})

    *_, told = await heard([ENDED, taken], [ENDED], [ENDED])

    assert "over: client id 17 is connected to the gateway already" in told


@pytest.mark.parametrize(("apart", "times"), [(timedelta(hours=1), 1), (timedelta(days=1), 2)])
async def test_what_comes_back_is_told_again_on_another_day(apart, times):
    told = await heard([ENDED], [], [ENDED], apart=apart)

    assert len([text for text in told if "bellwether auth schwab" in text]) == times


async def test_a_feed_event_reaches_the_book():
    floor = Floor(VOO, 10_000)
    seat = a_seat(floor)
    seat.inbox.put_nowait(FeedArrived(AN_ISSUE))
    seat.inbox.put_nowait(Stopped())

    await daemon.attend(seat)

    assert kinds(floor) == ["no_trade", "run"]
