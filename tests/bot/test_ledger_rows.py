from dataclasses import fields

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.memory import (
    Decided,
    Mark,
    Message,
    Outcome,
    Owed,
    RunReport,
    Standing,
    SwitchState,
)
from bot.domain.model import (
    Action,
    Note,
    OrderIntent,
    OrderReport,
    OrderStatus,
    Plan,
    Portfolio,
    RunKey,
    Side,
)
from bot.domain.strategy import Hold, Rebalance
from bot.ledger import SqlLedger
from tests.bot import test_ledger_json as plain

days = st.dates()
runs = st.builds(RunKey, plain.names, days)
money = st.decimals(allow_nan=False, allow_infinity=False)
counts = st.integers(0, 10**9)
decided = st.builds(
    Decided,
    run=runs,
    at=plain.moments,
    decision=plain.decisions,
    following=st.none() | plain.rebalances,
    since=days,
    late=st.booleans(),
    equity=money,
    prices=plain.amounts,
    portfolio=plain.portfolios,
    marks=plain.marks,
    numbers=st.dictionaries(plain.names, plain.floats, max_size=4),
    notes=plain.notes,
)
intents = st.builds(
    OrderIntent,
    run=runs,
    symbol=plain.names,
    action=st.sampled_from(Action),
    shares=counts,
    limit=st.none() | money,
    attempt=counts,
)
reports = st.builds(
    OrderReport,
    symbol=plain.names,
    action=st.sampled_from(Action),
    shares=counts,
    limit=st.none() | money,
    status=st.sampled_from(OrderStatus),
    filled=counts,
    average_price=st.none() | money,
    commission=money,
    entered_at=st.none() | plain.moments,
    reason=plain.names,
    broker_id=plain.names,
    client_id=plain.names,
)
owed = st.builds(
    Owed,
    run=runs,
    targets=plain.rebalances,
    since=days,
    expires=days,
    unfinished=st.dictionaries(plain.names, counts, max_size=3),
)
messages = st.builds(
    Message, plain.names, plain.names, plain.names, plain.moments, st.text(max_size=50)
)


def test_the_values_made_here_leave_no_field_to_its_default():
    # A new field with a default would else go unwritten, and nobody would notice.
    made = {
        Decided: "run at decision following since late equity prices portfolio marks numbers notes",
        OrderReport: "symbol action shares limit status filled average_price commission"
        " entered_at reason broker_id client_id",
        OrderIntent: "run symbol action shares limit attempt",
        Owed: "run targets since expires unfinished",
        RunReport: "run outcome at decided orders notes portfolio prices owed",
        Standing: "intent side sent_at report again cancel_asked_at",
        Mark: "close sigma fresh change",
        Note: "code symbol values",
        Rebalance: "targets reason flags roles reserve locked lapses blind",
        Hold: "reason",
        Portfolio: "account cash settled spendable shares sellable hands_off others foreign_cash"
        " kind",
        Message: "key kind book at text",
        SwitchState: "switch reason at",
    }

    assert {k: " ".join(f.name for f in fields(k)) for k in made} == made


@given(decided)
def test_what_was_decided_comes_back(told):
    ledger = SqlLedger.open(None)

    ledger.decide(told)

    assert ledger.decision(told.run) == told


@given(intents, st.sampled_from(Side), plain.named, plain.notes)
def test_a_plan_comes_back_with_what_it_was_made_from(intent, side, inputs, notes):
    ledger = SqlLedger.open(None)

    ledger.intend(intent.run, side, Plan((intent,), notes), inputs)

    assert ledger.plan(intent.run, side) == Plan((intent,), notes)
    assert ledger.inputs(intent.run, side) == inputs


@given(intents, reports, plain.moments)
def test_what_the_broker_said_comes_back(intent, report, at):
    ledger = SqlLedger.open(None)
    ledger.intend(intent.run, Side.BUY, Plan((intent,)), {})

    ledger.record(intent.id, report, at)

    assert [s.report for s in ledger.standings(intent.run)] == [report]


@given(decided, st.sampled_from(Outcome), plain.moments, st.none() | owed, plain.notes)
def test_the_report_of_a_run_comes_back(told, outcome, at, debt, notes):
    ledger = SqlLedger.open(None)
    ledger.decide(told)
    finished = RunReport(
        run=told.run,
        outcome=outcome,
        at=at,
        decided=told,
        notes=notes,
        portfolio=told.portfolio,
        prices=told.prices,
        owed=debt,
    )

    ledger.finish(finished)

    assert ledger.report(told.run) == finished


@given(messages)
def test_a_message_comes_back(message):
    ledger = SqlLedger.open(None)

    ledger.post(message)

    assert ledger.undelivered() == (message,)
