import inspect
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from bot.domain.errors import BellwetherError, LedgerError
from bot.domain.memory import (
    Baseline,
    Decided,
    Message,
    Outcome,
    Owed,
    RunReport,
    Standing,
    Switch,
    SwitchState,
)
from bot.domain.model import Action, Note, OrderReport, OrderStatus, Plan, RunKey, Side
from bot.domain.strategy import Hold, Rebalance
from bot.ledger import SqlLedger
from bot.remembering import Ledger
from tests.builders import NOW, a_portfolio, a_run, an_intent

RUN = a_run()
DAY = RUN.session
REBALANCE = Rebalance({"VOO": 0.6, "BIL": 0.4}, "test")
VOO = an_intent("VOO", shares=10)


@pytest.fixture
def ledger():
    opened = SqlLedger.open(None)
    yield opened
    opened.close()


def on(days: int, book: str = "main") -> RunKey:
    return RunKey(book, DAY + timedelta(days=days))


def decided(run: RunKey = RUN, following: Rebalance | None = REBALANCE) -> Decided:
    return Decided(
        run=run,
        at=NOW,
        decision=following or Hold("band"),
        following=following,
        since=run.session,
        late=False,
        equity=Decimal(1000),
        prices={"VOO": Decimal(100)},
        portfolio=a_portfolio(cash=1000),
    )


def finished(outcome: Outcome, run: RunKey = RUN, **more: object) -> RunReport:
    return RunReport(run, outcome, NOW, **more)


def a_debt(run: RunKey = RUN) -> Owed:
    return Owed(run, REBALANCE, run.session, run.session + timedelta(days=5), {"VOO": 3})


def a_message(key: str) -> Message:
    return Message(key, "report", "main", NOW, f"told {key}")


def filled(intent, shares, price="100"):
    status = OrderStatus.FILLED if shares == intent.shares else OrderStatus.WORKING
    report = OrderReport.of(intent, status)
    return replace(report, filled=shares, average_price=Decimal(price))


def meant(ledger, *intents, side=Side.BUY, run=RUN):
    orders = tuple(replace(intent, run=run) for intent in intents)
    ledger.intend(run, side, Plan(orders), {})
    return orders


def asked(ledger, *intents, side=Side.BUY, run=RUN):
    orders = meant(ledger, *intents, side=side, run=run)
    for order in orders:
        ledger.mark_sent(order, NOW)
    return orders


def traded(ledger, run, action, shares, symbol="VOO"):
    intent = an_intent(symbol, action, shares)
    side = Side.BUY if action.takes_shares else Side.SELL
    (order,) = asked(ledger, intent, side=side, run=run)
    ledger.record(order.id, filled(order, shares), NOW)


def full_scenario(ledger):
    """Every way to write, once."""
    ledger.decide(decided())
    (order, lost) = asked(ledger, VOO, an_intent("BIL"))
    ledger.mark_cancelled(order, NOW)
    ledger.record(order.id, filled(order, 4), NOW)
    ledger.intend_again(replace(order, attempt=2), Side.BUY)
    ledger.resolve(lost.id, filled=0, price=None, at=NOW, who="me")
    ledger.finish(finished(Outcome.OWED, owed=a_debt()))
    ledger.finish(finished(Outcome.COMPLETE, on(1), portfolio=a_portfolio(cash=1)))
    ledger.set_switch("main", Switch.PAUSED, "holiday", NOW)
    ledger.post(a_message("one"))
    ledger.post(a_message("one"))
    ledger.delivered(a_message("one"), NOW)


def test_the_ledger_keeps_the_promise_of_its_port(ledger):
    port: Ledger = ledger
    verbs = [name for name in vars(Ledger) if not name.startswith("_")]

    for verb in verbs:
        promised, kept = (inspect.signature(getattr(c, verb)) for c in (Ledger, type(port)))
        assert kept.parameters == promised.parameters, verb
    assert len(verbs) > 20


def test_the_ledger_is_only_ever_added_to(ledger):
    told = []
    event.listen(
        ledger._file.engine, "before_cursor_execute", lambda *call: told.append(call[2].split()[0])
    )

    full_scenario(ledger)

    assert set(told) == {"BEGIN", "INSERT", "SELECT"}


def test_a_copy_knows_the_same_and_is_apart(tmp_path):
    kept = SqlLedger.open(tmp_path / "ledger.sqlite")
    full_scenario(kept)

    copied = kept.copy()
    copied.decide(decided(on(5)))

    assert copied.report(RUN) == kept.report(RUN)
    assert copied.runs("main") == (on(5), *kept.runs("main"))
    kept.close()


def test_a_copy_of_a_copy_can_be_written(ledger):
    copied = ledger.copy().copy()

    copied.set_switch("main", Switch.PAUSED, "", NOW)

    assert copied.switch("main").switch is Switch.PAUSED
    assert ledger.switch("main").switch is Switch.ACTIVE


def test_a_run_that_has_not_decided_has_no_decision(ledger):
    assert ledger.decision(RUN) is None


def test_a_run_decides_once(ledger):
    ledger.decide(decided())

    with pytest.raises(LedgerError) as refused:
        ledger.decide(decided(following=None))

    assert refused.value.code == "already_decided"
    assert refused.value.values == {"book": "main", "session": DAY}
    assert ledger.decision(RUN) == decided()


def test_books_decide_apart(ledger):
    ledger.decide(decided())

    assert ledger.decision(on(0, "other")) is None


def test_a_side_that_is_not_planned_has_no_plan(ledger):
    meant(ledger, VOO)

    assert ledger.plan(RUN, Side.SELL) is None
    assert ledger.inputs(RUN, Side.SELL) == {}


def test_an_empty_plan_is_a_plan(ledger):
    ledger.intend(RUN, Side.SELL, Plan(notes=(Note("within_band", "VOO"),)), {})

    assert ledger.plan(RUN, Side.SELL) == Plan((), (Note("within_band", "VOO"),))


def test_a_side_is_planned_once(ledger):
    meant(ledger, VOO)

    with pytest.raises(LedgerError) as refused:
        meant(ledger, an_intent("BIL"))

    assert refused.value.code == "already_planned"
    assert refused.value.values == {"book": "main", "session": DAY, "side": "buy"}
    assert ledger.plan(RUN, Side.BUY) == Plan((VOO,))


def test_a_plan_with_an_order_already_meant_is_refused_whole(ledger):
    meant(ledger, VOO)

    with pytest.raises(LedgerError, match="already_planned"):
        meant(ledger, an_intent("BIL"), VOO, side=Side.SELL)

    assert ledger.plan(RUN, Side.SELL) is None
    assert [s.intent for s in ledger.standings(RUN)] == [VOO]


def test_standings_are_in_the_order_meant(ledger):
    bil = an_intent("BIL", Action.SELL)
    again = replace(bil, attempt=2)
    meant(ledger, bil, side=Side.SELL)
    meant(ledger, VOO)
    ledger.intend_again(again, Side.SELL)

    assert ledger.standings(RUN) == (
        Standing(bil, Side.SELL),
        Standing(VOO, Side.BUY),
        Standing(again, Side.SELL, again=True),
    )


def test_a_further_attempt_is_no_part_of_the_plan(ledger):
    meant(ledger, VOO)
    ledger.intend_again(replace(VOO, attempt=2), Side.BUY)

    assert ledger.plan(RUN, Side.BUY) == Plan((VOO,))


def test_a_further_attempt_is_meant_once(ledger):
    meant(ledger, VOO)

    with pytest.raises(LedgerError, match="already_planned"):
        ledger.intend_again(VOO, Side.BUY)


def test_an_order_is_sent_once(ledger):
    asked(ledger, VOO)

    with pytest.raises(LedgerError) as refused:
        ledger.mark_sent(VOO, NOW + timedelta(seconds=1))

    assert refused.value.code == "already_sent"
    assert ledger.standings(RUN)[0].sent_at == NOW


@pytest.mark.parametrize("verb", [SqlLedger.mark_sent, SqlLedger.mark_cancelled])
def test_only_what_was_meant_is_asked_for(ledger, verb):
    with pytest.raises(LedgerError) as refused:
        verb(ledger, VOO, NOW)

    assert refused.value.code == "unknown_order"
    assert refused.value.values == {"order": VOO.id}


def test_the_last_cancel_asked_for_is_known(ledger):
    later = NOW + timedelta(seconds=15)
    asked(ledger, VOO)

    ledger.mark_cancelled(VOO, NOW)
    ledger.mark_cancelled(VOO, later)

    assert ledger.standings(RUN)[0].cancel_asked_at == later


def test_what_was_never_meant_has_no_report(ledger):
    with pytest.raises(BellwetherError, match="unknown_order"):
        ledger.record(VOO.id, filled(VOO, 1), NOW)


def test_the_same_report_said_again_adds_nothing(ledger):
    asked(ledger, VOO)

    for _ in range(3):
        ledger.record(VOO.id, filled(VOO, 4), NOW)

    assert len(rows(ledger, "reports")) == len(rows(ledger, "fills")) == 1


def rows(ledger, table):
    with ledger._file.reading() as connection:
        return connection.exec_driver_sql(f"SELECT * FROM {table}").all()  # noqa: S608 - a table's name


@st.composite
def executions(draw):
    """The reports of an order that fills in parts, in any order and some of them twice."""
    parts = draw(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 500)), min_size=1))
    shares = sum(count for count, _ in parts)
    order, reports, done, money = an_intent(shares=shares), [], 0, Decimal(0)
    for count, price in parts:
        done, money = done + count, money + count * price
        reports.append(filled(order, done, money / done))
    replayed = draw(st.permutations(reports + draw(st.lists(st.sampled_from(reports)))))
    return order, reports[-1], replayed


@given(executions())
@settings(max_examples=60)
def test_fills_are_the_same_in_whatever_order_they_are_told(told):
    order, last, replayed = told
    ledger = SqlLedger.open(None)
    asked(ledger, order)

    for report in replayed:
        ledger.record(order.id, report, NOW)

    assert [s.report for s in ledger.standings(RUN)] == [last]
    assert ledger.bought("main") == {"VOO": order.shares}
    assert sum(row.shares for row in rows(ledger, "fills")) == order.shares
    spent = sum(row.shares * Decimal(row.price) for row in rows(ledger, "fills"))
    assert abs(spent + last.proceeds) < Decimal("1e-15")


def test_an_order_asked_and_not_answered_is_a_question(ledger):
    asked(ledger, VOO, an_intent("BIL"), an_intent("QQQ"))
    ledger.record(an_intent("BIL").id, filled(an_intent("BIL"), 1), NOW)

    assert [q.intent.symbol for q in ledger.questions("main")] == ["VOO", "QQQ"]
    assert all(q.unanswered for q in ledger.questions("main"))
    assert ledger.questions("other") == ()


def test_what_was_only_meant_is_no_question(ledger):
    meant(ledger, VOO)

    assert ledger.questions("main") == ()


def test_a_question_stays_open_through_later_runs(ledger):
    asked(ledger, VOO)
    for days in range(1, 4):
        ledger.finish(finished(Outcome.HELD, on(days - 1)))
        traded(ledger, on(days), Action.BUY, 1, "BIL")

    assert [q.intent for q in ledger.questions("main")] == [VOO]


def test_a_question_after_a_finished_run_is_found(ledger):
    traded(ledger, RUN, Action.BUY, 10)
    ledger.finish(finished(Outcome.COMPLETE))
    (later,) = asked(ledger, VOO, run=on(1))

    assert [q.intent for q in ledger.questions("main")] == [later]


@pytest.mark.parametrize(
    ("shares", "price", "status"),
    [
        (10, Decimal(99), OrderStatus.FILLED),
        (4, Decimal(99), OrderStatus.CANCELLED),
        (0, None, OrderStatus.NOT_BOOKED),
    ],
)
def test_a_person_ends_a_question(ledger, shares, price, status):
    asked(ledger, VOO)

    ledger.resolve(VOO.id, filled=shares, price=price, at=NOW, who="owner")

    (standing,) = ledger.standings(RUN)
    assert standing.final
    assert standing.report == replace(
        OrderReport.of(VOO, status, "resolved"), filled=shares, average_price=price
    )
    assert ledger.questions("main") == ()
    assert ledger.bought("main") == ({"VOO": shares} if shares else {})
    assert [row.who for row in rows(ledger, "resolutions")] == ["owner"]


@pytest.mark.parametrize(
    ("shares", "price"),
    [
        (11, Decimal(99)),
        (-1, Decimal(99)),
        (4, None),
        (4, Decimal(0)),
        (4, Decimal("NaN")),
        (0, Decimal(99)),
    ],
)
def test_fills_an_order_can_not_have_are_refused(ledger, shares, price):
    asked(ledger, VOO)

    with pytest.raises(BellwetherError, match="bad_fill"):
        ledger.resolve(VOO.id, filled=shares, price=price, at=NOW, who="owner")

    assert [q.intent for q in ledger.questions("main")] == [VOO]


@pytest.mark.parametrize("answered", [False, True])
def test_only_an_open_question_is_ended(ledger, answered):
    meant(ledger, VOO)
    if answered:
        ledger.mark_sent(VOO, NOW)
        ledger.record(VOO.id, filled(VOO, 4), NOW)

    with pytest.raises(BellwetherError) as refused:
        ledger.resolve(VOO.id, filled=0, price=None, at=NOW, who="owner")

    assert refused.value.code == "not_open"


def test_an_order_nobody_meant_is_not_ended(ledger):
    with pytest.raises(BellwetherError, match="unknown_order"):
        ledger.resolve("NONE", filled=0, price=None, at=NOW, who="owner")


def test_a_run_that_has_not_ended_has_no_outcome(ledger):
    ledger.decide(decided())

    assert ledger.outcome(RUN) is None
    assert ledger.report(RUN) is None


def test_the_last_outcome_of_a_run_counts(ledger):
    ledger.finish(finished(Outcome.BLOCKED))
    ledger.finish(finished(Outcome.COMPLETE))

    assert ledger.outcome(RUN) is Outcome.COMPLETE


def test_a_debt_is_remembered(ledger):
    ledger.finish(finished(Outcome.OWED, owed=a_debt()))

    assert ledger.owed("main") == a_debt()
    assert ledger.owed("other") is None
    assert ledger.report(RUN).owed == a_debt()


EXPIRED = (Note("owed_expired"),)


@pytest.mark.parametrize(
    ("later", "stays"),
    [
        (finished(Outcome.HELD, on(1)), True),
        (finished(Outcome.BLOCKED, on(1)), True),
        (finished(Outcome.BLOCKED, on(1), notes=EXPIRED), True),
        (finished(Outcome.OWED, on(1)), True),
        (finished(Outcome.COMPLETE, on(1)), False),
        (finished(Outcome.COMPLETE), False),
        (finished(Outcome.HELD, on(1), notes=EXPIRED), False),
        (finished(Outcome.OWED, on(1), notes=EXPIRED), False),
        (finished(Outcome.COMPLETE, on(1, "other")), True),
    ],
    ids=lambda value: str(value) if isinstance(value, bool) else value.outcome.value,
)
def test_a_debt_stays_until_it_is_paid_or_given_up(ledger, later, stays):
    ledger.finish(finished(Outcome.OWED, owed=a_debt()))

    ledger.finish(later)

    assert ledger.owed("main") == (a_debt() if stays else None)


def test_a_later_debt_replaces_an_earlier_one(ledger):
    ledger.finish(finished(Outcome.OWED, owed=a_debt()))
    ledger.finish(finished(Outcome.OWED, on(1), owed=a_debt(on(1))))

    assert ledger.owed("main") == a_debt(on(1))


def test_a_book_without_debts_pays_nothing(ledger):
    ledger.finish(finished(Outcome.COMPLETE))

    assert rows(ledger, "owed") == []


def test_a_paid_run_owes_nothing_in_its_report(ledger):
    ledger.finish(finished(Outcome.OWED, owed=a_debt()))
    ledger.finish(finished(Outcome.COMPLETE))

    assert ledger.report(RUN).owed is None


@pytest.mark.parametrize(
    ("later", "stays"),
    [
        (decided(on(1)), False),
        (decided(on(1), None), True),
        (replace(decided(on(1)), since=DAY), True),
        (decided(on(1, "other")), True),
    ],
    ids=["new targets", "hold", "the debt itself", "another book"],
)
def test_new_targets_supersede_a_debt_even_if_their_run_dies(ledger, later, stays):
    ledger.finish(finished(Outcome.OWED, owed=a_debt()))

    ledger.decide(later)

    assert (ledger.owed("main") is not None) == stays


def test_the_baseline_is_what_the_last_finished_run_left(ledger):
    ledger.finish(finished(Outcome.COMPLETE, portfolio=a_portfolio(cash=1)))
    ledger.finish(finished(Outcome.HELD, on(1), portfolio=a_portfolio(cash=2)))
    ledger.finish(finished(Outcome.MISSED, on(2)))

    assert ledger.baseline("main") == Baseline(on(1).session, a_portfolio(cash=2))
    assert ledger.baseline("other") is None


@pytest.mark.parametrize("outcome", [Outcome.BLOCKED, Outcome.HALTED])
def test_what_stopped_a_run_does_not_become_the_baseline(ledger, outcome):
    ledger.finish(finished(Outcome.HELD, portfolio=a_portfolio(cash=1)))
    ledger.finish(finished(outcome, on(1), portfolio=a_portfolio(cash=2)))

    assert ledger.baseline("main") == Baseline(DAY, a_portfolio(cash=1))


@pytest.mark.parametrize("ended", [False, True])
def test_bought_is_what_was_bought_and_not_sold(ledger, ended):
    traded(ledger, on(0), Action.BUY, 10)
    traded(ledger, on(1), Action.BUY, 3, "BIL")
    if ended:
        ledger.finish(finished(Outcome.COMPLETE, on(1)))
    traded(ledger, on(2), Action.SELL, 4)
    traded(ledger, on(3), Action.SELL, 3, "BIL")
    traded(ledger, on(4), Action.SELL_SHORT, 5, "SPY")
    traded(ledger, on(4, "other"), Action.BUY, 7)

    assert ledger.bought("main") == {"VOO": 6}
    assert ledger.bought("other") == {"VOO": 7}


def test_bought_is_the_same_however_many_runs_counted_it(ledger):
    for day in range(5):
        traded(ledger, on(day), Action.BUY, 2)
        ledger.finish(finished(Outcome.COMPLETE, on(day)))
        ledger.finish(finished(Outcome.COMPLETE, on(day)))

    assert ledger.bought("main") == {"VOO": 10}


def test_traded_since_counts_fills_of_that_session_and_later(ledger):
    traded(ledger, on(0), Action.BUY, 1, "OLD")
    traded(ledger, on(1), Action.BUY, 1, "NEW")
    asked(ledger, an_intent("OPEN"), run=on(2))
    traded(ledger, on(2, "other"), Action.BUY, 1, "OTHER")

    assert ledger.traded_since("main", on(1).session) == {"NEW"}


def test_the_last_rebalance_is_the_session_that_completed(ledger):
    ledger.decide(decided(on(0)))
    ledger.finish(finished(Outcome.OWED, on(0)))
    ledger.decide(decided(on(1)))
    ledger.finish(finished(Outcome.COMPLETE, on(1)))
    ledger.decide(decided(on(2), None))
    ledger.finish(finished(Outcome.HELD, on(2)))

    assert ledger.last_rebalance("main") == on(1).session
    assert ledger.last_rebalance("other") is None


@pytest.mark.parametrize(
    ("following", "outcomes"),
    [
        (None, [Outcome.COMPLETE]),
        (REBALANCE, [Outcome.OWED]),
        (REBALANCE, [Outcome.COMPLETE, Outcome.OWED]),
    ],
    ids=["without targets", "unfinished", "found unfinished later"],
)
def test_what_did_not_complete_is_no_rebalance(ledger, following, outcomes):
    ledger.decide(decided(following=following))

    for outcome in outcomes:
        ledger.finish(finished(outcome))

    assert ledger.last_rebalance("main") is None


def test_runs_are_those_decided_or_ended_newest_first(ledger):
    ledger.decide(decided(on(0)))
    ledger.finish(finished(Outcome.COMPLETE, on(0)))
    ledger.finish(finished(Outcome.MISSED, on(1)))
    ledger.decide(decided(on(2)))
    ledger.decide(decided(on(3, "other")))

    assert ledger.runs("main") == (on(2), on(1), on(0))
    assert ledger.runs("main", limit=2) == (on(2), on(1))


def test_a_report_is_put_together_from_all_that_is_known(ledger):
    ledger.decide(decided())
    planned, told = Note("within_band", "BIL"), Note("unfilled", "VOO")
    ledger.intend(RUN, Side.BUY, Plan((VOO,), (planned,)), {})
    ended = finished(
        Outcome.OWED,
        notes=(told,),
        portfolio=a_portfolio(cash=5),
        prices={"VOO": Decimal("100.01")},
        owed=a_debt(),
    )

    ledger.finish(ended)

    assert ledger.report(RUN) == replace(
        ended, decided=decided(), orders=(Standing(VOO, Side.BUY),), notes=(planned, told)
    )


def test_a_note_told_by_plan_and_run_is_told_once(ledger):
    note = Note("within_band", "BIL", {"gap": Decimal(3)})
    ledger.intend(RUN, Side.SELL, Plan((), (note,)), {})

    ledger.finish(finished(Outcome.HELD, notes=(note,)))

    assert ledger.report(RUN).notes == (note,)


def test_a_book_is_active_until_somebody_says_otherwise(ledger):
    assert ledger.switch("main") == SwitchState()


def test_the_last_switch_counts(ledger):
    ledger.set_switch("main", Switch.HALTED, "fire", NOW)
    ledger.set_switch("main", Switch.PAUSED, "holiday", NOW)
    ledger.set_switch("other", Switch.HALTED, "", NOW)

    assert ledger.switch("main") == SwitchState(Switch.PAUSED, "holiday", NOW)


def test_a_message_is_posted_once(ledger):
    first, second = (
        ledger.post(a_message("one")),
        ledger.post(replace(a_message("one"), text="different")),
    )

    assert (first, second) == (True, False)
    assert ledger.undelivered() == (a_message("one"),)


def test_messages_wait_in_their_order_until_delivered(ledger):
    one, two, three = (a_message(key) for key in ("c", "b", "a"))
    for message in (one, two, three):
        ledger.post(message)

    ledger.delivered(two, NOW)

    assert ledger.undelivered() == (one, three)
    ledger.delivered(one, NOW)
    ledger.delivered(one, NOW)
    assert ledger.undelivered() == (three,)
    ledger.delivered(three, NOW)
    assert ledger.undelivered() == ()


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 7))))
@settings(max_examples=40)
def test_undelivered_is_what_was_posted_and_not_delivered(steps):
    ledger, posted, told = SqlLedger.open(None), [], set()

    for delivers, at in steps:
        message = a_message(str(at))
        if delivers and message in posted:
            ledger.delivered(message, NOW)
            told.add(message.key)
        elif not delivers and ledger.post(message):
            posted.append(message)

    assert ledger.undelivered() == tuple(m for m in posted if m.key not in told)


def test_a_delivery_of_what_was_never_posted_is_refused(ledger):
    with pytest.raises(LedgerError):
        ledger.delivered(a_message("never"), NOW)


@given(st.lists(st.sampled_from(["ask", "answer", "finish"]), max_size=12))
@settings(max_examples=40)
def test_questions_are_what_was_asked_and_not_answered(steps):
    ledger, opened = SqlLedger.open(None), []

    for number, step in enumerate(steps):
        if step == "ask":
            opened += asked(ledger, an_intent(f"S{number}"), run=on(number))
        elif step == "answer" and opened:
            # The middle one: what is answered is not always what was asked first.
            order = opened.pop(len(opened) // 2)
            ledger.record(order.id, filled(order, 1), NOW)
        elif step == "finish":
            ledger.finish(finished(Outcome.COMPLETE, on(number)))

    assert [q.intent for q in ledger.questions("main")] == opened
