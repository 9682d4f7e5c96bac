from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from pydantic import TypeAdapter

from bot.commands import (
    Answer,
    Coming,
    Look,
    Orders,
    PlanNow,
    Resolve,
    RunNow,
    Runs,
    Turn,
    Why,
    idle_today,
    obey,
    status_of,
)
from bot.decide import decide
from bot.domain.errors import BellwetherError, Blocked, SettingsError
from bot.domain.memory import Outcome, Owed, RunReport, Switch
from bot.domain.model import Action, OrderIntent, Plan, RunKey, Side
from bot.domain.strategy import Rebalance
from bot.events import RunDue
from bot.run import run_session
from bot.words import Language
from tests.bot.scratch import BOOK, ORDINARY, QUARTER_END, SUNDAY, Scratch, near_close

EN = Language.EN
RUN = RunKey(BOOK, QUARTER_END)
ORDER = OrderIntent(RUN, "VOO", Action.BUY, 12, Decimal(500))


@pytest.fixture
def here(tmp_path):
    return Scratch(tmp_path).write()


@pytest.fixture
def house(here):
    return here.house(near_close(QUARTER_END))


def asked_and_unanswered(house):
    """The house after an order went out and nobody heard what became of it."""
    house.ledger.intend(RUN, Side.BUY, Plan((ORDER,)), {})
    house.ledger.mark_sent(ORDER, near_close(QUARTER_END))
    return house


async def told(house, command, language=EN):
    return (await obey(command, house.seats, language)).text


async def test_a_book_that_never_ran_has_a_status_and_no_reason(house):
    assert "last run: none yet" in await told(house, Look())
    assert "the account has not been read yet" in await told(house, Look(do="positions"))
    with pytest.raises(BellwetherError, match="no_run_yet"):
        await obey(Why(), house.seats, EN)


async def test_the_book_is_named_where_there_are_several(here):
    house = here.write(books={"one": "A", "two": "B"}).house(near_close(QUARTER_END))

    with pytest.raises(SettingsError, match="which_book"):
        await obey(Look(), house.seats, EN)
    with pytest.raises(SettingsError, match="unknown_book"):
        await obey(Look("three"), house.seats, EN)
    assert "two" in await told(house, Look("two"))


async def test_a_stop_reaches_every_book_and_going_on_one(here):
    house = here.write(books={"one": "A", "two": "B"}).house(near_close(QUARTER_END))

    await obey(Turn(Switch.PAUSED, reason="lunch"), house.seats, EN)
    await obey(Turn(Switch.ACTIVE, "two"), house.seats, EN)

    now = {name: house.ledger.switch(name).switch for name in ("one", "two")}
    assert now == {"one": Switch.PAUSED, "two": Switch.ACTIVE}


async def test_a_run_is_put_into_the_inbox_once_asked(house):
    assert "its message follows" in await told(house, RunNow())
    assert house.seats[0].inbox.get_nowait() == RunDue(QUARTER_END)


async def test_a_run_that_has_ended_is_told_and_not_asked_again(house):
    house.ledger.finish(RunReport(RUN, Outcome.HELD, near_close(QUARTER_END)))

    assert await told(house, RunNow()) == "rotation: Wed 2026-09-30: nothing to do"
    assert house.seats[0].inbox.empty()


def test_a_blocked_run_may_be_taken_up_again(house):
    house.ledger.finish(RunReport(RUN, Outcome.BLOCKED, near_close(QUARTER_END)))

    assert idle_today(house.seats[0], EN) is None


def test_a_day_without_a_session_is_idle(here):
    seat = here.house(near_close(SUNDAY)).seats[0]

    assert "Sun 2026-10-04 is no session" in (idle_today(seat, EN) or "")


def test_before_its_window_a_book_is_not_idle_but_too_early(here):
    seat = here.house(near_close(QUARTER_END) - timedelta(hours=1)).seats[0]

    with pytest.raises(Blocked, match="window_ahead"):
        idle_today(seat, EN)


async def test_a_plan_leaves_the_ledger_as_it_was(house):
    text = await told(house, PlanNow())

    assert "buy 53 SMH at 235.47: preview, not sent" in text
    assert house.ledger.runs(BOOK) == ()
    assert house.ledger.standings(RUN) == ()


async def test_a_plan_after_the_close_is_about_the_next_session(here):
    house = here.house(near_close(QUARTER_END) + timedelta(hours=5))

    assert "Wed 2026-09-30: a preview" in await told(house, PlanNow())


async def test_a_plan_on_a_sunday_is_about_monday(here):
    house = here.house(near_close(SUNDAY))

    with pytest.raises(Blocked, match="vital_quote_stale"):
        await obey(PlanNow(), house.seats, EN)


@pytest.mark.parametrize("switch", [Switch.PAUSED, Switch.HALTED])
async def test_a_stopped_book_is_planned_and_stays_stopped(house, switch):
    house.ledger.set_switch(BOOK, switch, "lunch", near_close(QUARTER_END))

    text = await told(house, PlanNow())

    assert "lunch" in text
    assert "preview, not sent" in text
    assert house.ledger.switch(BOOK).switch is switch


async def test_exits_only_is_planned_as_exits_only(house):
    house.ledger.set_switch(BOOK, Switch.EXITS_ONLY, "", near_close(QUARTER_END))

    text = await told(house, PlanNow())

    assert "the switch allows exits only" in text
    assert "no orders" in text


async def test_sells_of_a_plan_pay_for_its_buys(here):
    house = here.write(shares={"VOO": 40}).house(near_close(QUARTER_END))

    report = (await obey(PlanNow(), house.seats, EN)).data

    bought = sum(s.intent.shares * s.intent.limit for s in report.orders if s.side is Side.BUY)
    assert {s.intent.symbol for s in report.orders if s.side is Side.SELL} == {"VOO"}
    assert bought > 30_000


async def test_an_open_question_is_shown_and_ended_by_what_a_person_found(house):
    asked_and_unanswered(house)

    shown = await told(house, Look())
    ended = await told(house, Resolve(ORDER.id, 12, Decimal("499.5")))

    assert f"open question {ORDER.id}: buy 12 VOO" in shown
    assert ended == "rotation: the question is answered; the book goes on with its next run."
    assert house.ledger.bought(BOOK) == {"VOO": 12}


async def test_a_question_is_answered_once(house):
    asked_and_unanswered(house)
    await obey(Resolve(ORDER.id), house.seats, EN)

    with pytest.raises(BellwetherError, match="not_open"):
        await obey(Resolve(ORDER.id), house.seats, EN)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (Resolve("NOSUCH"), "unknown_order"),
        (Resolve(ORDER.id, 13, Decimal(500)), "bad_fill"),
        (Resolve(ORDER.id, 12), "bad_fill"),
    ],
)
async def test_what_does_not_fit_the_question_is_refused_and_it_stays_open(house, command, code):
    asked_and_unanswered(house)

    with pytest.raises(BellwetherError, match=code):
        await obey(command, house.seats, EN)

    assert [question.intent for question in house.ledger.questions(BOOK)] == [ORDER]


def test_a_status_is_of_the_ledger_alone(house):
    seat = house.seats[0]
    house.ledger.finish(RunReport(RUN, Outcome.HELD, near_close(QUARTER_END)))

    status = status_of(replace(seat, desk=replace(seat.desk, broker=None, market=None)))

    assert status.last is not None
    assert status.next_wake is not None
    assert status.next_wake.date() == ORDINARY


async def test_a_run_that_has_decided_and_not_ended_is_under_way(house):
    seat = house.seats[0]
    decided = await decide(seat.book, seat.desk.sessions.on(QUARTER_END), seat.desk)

    begun = await told(house, Look())
    house.ledger.finish(RunReport(RUN, Outcome.COMPLETE, near_close(QUARTER_END)))

    assert "under way: the run of Wed 2026-09-30, decided at 15:50 New York" in begun
    assert "Nothing was sent to the broker." in begun
    assert "under way" not in await told(house, Look())
    assert status_of(seat).last.decided == decided


async def traded(house):
    """The house after its quarter end was traded, and a session after it blocked."""
    seat = house.seats[0]
    await run_session(seat.book, seat.desk.sessions.on(QUARTER_END), seat.desk)
    after = RunReport(RunKey(BOOK, ORDINARY), Outcome.BLOCKED, near_close(ORDINARY))
    house.ledger.finish(after)
    return house


async def test_the_latest_runs_come_first_and_as_many_as_asked_for(house):
    await traded(house)

    everything = (await obey(Runs(), house.seats, EN)).data
    last = (await obey(Runs(count=1), house.seats, EN)).data

    assert [(past.run.session, past.ended) for past in everything] == [
        (ORDINARY, Outcome.BLOCKED),
        (QUARTER_END, Outcome.COMPLETE),
    ]
    assert last == everything[:1]
    assert len(everything[1].orders) == 2


async def test_a_run_under_way_is_among_the_runs_with_its_orders(house):
    seat = house.seats[0]
    await decide(seat.book, seat.desk.sessions.on(QUARTER_END), seat.desk)
    asked_and_unanswered(house)

    (past,) = (await obey(Runs(), house.seats, EN)).data
    shown = await told(house, Orders())

    assert (past.ended, past.reason) == (None, "rotation")
    assert "under way: the run of Wed 2026-09-30, decided at 15:50 New York" in shown
    assert "buy 12 VOO at 500.00: UNCONFIRMED, asked and not answered" in shown


async def test_orders_are_those_of_the_last_run_or_of_a_session(house):
    await traded(house)

    last = await told(house, Orders())
    named = await told(house, Orders(day=QUARTER_END))

    assert "Thu 2026-10-01: BLOCKED" in last
    assert "no orders" in last
    assert "buy 53 SMH at 235.47: filled 53 of 53 @ 234.77" in named
    assert "At the broker: 2 sent, 2 with fills, 0 unconfirmed." in named


async def test_what_a_run_owes_is_told_with_its_orders(house):
    targets = Rebalance({"VOO": 0.5}, "rotation")
    owed = Owed(RUN, targets, QUARTER_END, ORDINARY, {"VOO": 7})
    house.ledger.finish(RunReport(RUN, Outcome.OWED, near_close(QUARTER_END), owed=owed))

    (past,) = (await obey(Runs(), house.seats, EN)).data

    assert past.unfinished == {"VOO": 7}
    assert "still to do: buy 7 VOO" in await told(house, Orders())


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (Orders(), "no_run_yet"),
        (Orders(day=QUARTER_END), "no_run_on"),
        (Orders(day=SUNDAY), "no_session"),
        (Orders(day=date(1900, 1, 1)), "calendar_unknown"),
    ],
)
async def test_orders_of_a_session_without_a_run_are_refused_by_name(house, command, code):
    with pytest.raises(BellwetherError) as refused:
        await obey(command, house.seats, EN)

    assert refused.value.code == code


async def test_wakes_end_where_the_calendar_does(house):
    sessions = house.seats[0].desk.sessions

    some = (await obey(Coming(count=3), house.seats, EN)).data
    everything = (await obey(Coming(count=10**6), house.seats, EN)).data

    assert [wake.date() for wake in some] == [ORDINARY, date(2026, 10, 2), date(2026, 10, 5)]
    assert everything[-1].date() == sessions.sessions[-1].date


@pytest.mark.parametrize(
    "command", [Look(), Why(), Coming(), Runs(), Orders(), Orders(day=QUARTER_END)]
)
async def test_what_is_told_is_the_same_on_the_other_side_of_a_socket(house, command):
    answer = await obey(command, (await traded(house)).seats, EN)
    crossing = TypeAdapter(Answer)

    arrived = crossing.validate_json(sent := crossing.dump_json(answer))

    assert crossing.dump_json(arrived) == sent
    assert type(arrived.data) is type(answer.data)


@pytest.mark.parametrize("command", [Look(), Why(), Coming(), Runs(), Orders()])
async def test_what_only_looks_asks_no_broker_and_no_market(house, command):
    seat = (await traded(house)).seats[0]
    blind = replace(seat, desk=replace(seat.desk, broker=None, market=None))

    assert (await obey(command, [blind], EN)).text
