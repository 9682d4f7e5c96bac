"""Domain values as rows of the ledger's tables, and back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import Row

from bot.domain.memory import (
    Baseline,
    Decided,
    Message,
    Owed,
    RunReport,
    Standing,
    Switch,
    SwitchState,
)
from bot.domain.model import Action, OrderIntent, OrderReport, OrderStatus, RunKey, Side
from bot.ledger_json import (
    read_amounts,
    read_counts,
    read_decision,
    read_marks,
    read_notes,
    read_numbers,
    read_portfolio,
    read_rebalance,
    write_amounts,
    write_counts,
    write_decision,
    write_marks,
    write_notes,
    write_numbers,
    write_portfolio,
)
from bot.ledger_orders import Fill

Values: TypeAlias = Mapping[str, object]
AnyRow: TypeAlias = "Row[*tuple[Any, ...]]"


def run_key(run: RunKey) -> Values:
    """What finds the rows of a run."""
    return {"book": run.book, "session": run.session}


def side_key(run: RunKey, side: Side) -> Values:
    """What finds the rows of one side of a run."""
    return {"book": run.book, "session": run.session, "side": side.value}


def decided_row(decided: Decided) -> Values:
    """A row of `decisions`."""
    following = decided.following
    return {
        "book": decided.run.book,
        "session": decided.run.session,
        "at": decided.at,
        "decision": write_decision(decided.decision),
        "following": None if following is None else write_decision(following),
        "since": decided.since,
        "late": decided.late,
        "equity": decided.equity,
        "prices": write_amounts(decided.prices),
        "portfolio": write_portfolio(decided.portfolio),
        "marks": write_marks(decided.marks),
        "numbers": write_numbers(decided.numbers),
        "notes": write_notes(decided.notes),
    }


def decided_of(row: AnyRow) -> Decided:
    """The decision of a run."""
    return Decided(
        run=RunKey(row.book, row.session),
        at=row.at,
        decision=read_decision(row.decision),
        following=None if row.following is None else read_rebalance(row.following),
        since=row.since,
        late=row.late,
        equity=row.equity,
        prices=read_amounts(row.prices),
        portfolio=read_portfolio(row.portfolio),
        marks=read_marks(row.marks),
        numbers=read_numbers(row.numbers),
        notes=read_notes(row.notes),
    )


def intent_row(intent: OrderIntent, side: Side, seq: int, *, again: bool) -> Values:
    """A row of `intents`."""
    return {
        "id": intent.id,
        "seq": seq,
        "book": intent.run.book,
        "session": intent.run.session,
        "side": side.value,
        "symbol": intent.symbol,
        "action": intent.action.value,
        "shares": intent.shares,
        "limit": intent.limit,
        "attempt": intent.attempt,
        "again": again,
    }


def intent_of(row: AnyRow) -> OrderIntent:
    """An order meant."""
    return OrderIntent(
        run=RunKey(row.book, row.session),
        symbol=row.symbol,
        action=Action(row.action),
        shares=row.shares,
        limit=row.limit,
        attempt=row.attempt,
    )


def standing_of(row: AnyRow, report: OrderReport | None) -> Standing:
    """An order meant, when it was sent and called off by its row, and what is known of it."""
    return Standing(
        intent=intent_of(row),
        side=Side(row.side),
        sent_at=row.sent_at,
        report=report,
        again=row.again,
        cancel_asked_at=row.cancel_asked_at,
    )


def sent_row(intent: OrderIntent, seq: int, at: datetime) -> Values:
    """A row of `sent`."""
    return {"id": intent.id, "seq": seq, "book": intent.run.book, "at": at}


def report_row(order_id: str, report: OrderReport, at: datetime) -> Values:
    """A row of `reports`."""
    return {
        "id": order_id,
        "at": at,
        "symbol": report.symbol,
        "action": report.action.value,
        "shares": report.shares,
        "limit": report.limit,
        "status": report.status.value,
        "filled": report.filled,
        "average_price": report.average_price,
        "commission": report.commission,
        "entered_at": report.entered_at,
        "reason": report.reason,
        "broker_id": report.broker_id,
        "client_id": report.client_id,
    }


def report_of(row: AnyRow) -> OrderReport:
    """What the broker said once."""
    return OrderReport(
        symbol=row.symbol,
        action=Action(row.action),
        shares=row.shares,
        limit=row.limit,
        status=OrderStatus(row.status),
        filled=row.filled,
        average_price=row.average_price,
        commission=row.commission,
        entered_at=row.entered_at,
        reason=row.reason,
        broker_id=row.broker_id,
        client_id=row.client_id,
    )


def fill_row(intent: OrderIntent, report: OrderReport, fill: Fill, at: datetime) -> Values:
    """A row of `fills`, but for its number; an order's fills are told apart by what they reach."""
    return {
        "execution": f"{intent.id}#{report.filled}",
        "id": intent.id,
        "book": intent.run.book,
        "session": intent.run.session,
        "symbol": intent.symbol,
        "action": intent.action.value,
        "shares": fill.shares,
        "price": fill.price,
        "at": at,
    }


def outcome_row(report: RunReport) -> Values:
    """A row of `outcomes`, but for its number and what it counts."""
    portfolio = report.portfolio
    return {
        "book": report.run.book,
        "session": report.run.session,
        "outcome": report.outcome.value,
        "at": report.at,
        "notes": write_notes(report.notes),
        "prices": write_amounts(report.prices),
        "portfolio": None if portfolio is None else write_portfolio(portfolio),
    }


def baseline_of(row: AnyRow) -> Baseline:
    """The account a run left."""
    return Baseline(row.session, read_portfolio(row.portfolio))


def owed_row(owed: Owed) -> Values:
    """A row of `owed`, but for the outcome it belongs to."""
    return {
        "book": owed.run.book,
        "session": owed.run.session,
        "targets": write_decision(owed.targets),
        "since": owed.since,
        "expires": owed.expires,
        "unfinished": write_counts(owed.unfinished),
    }


def paid_row(run: RunKey) -> Values:
    """A row of `owed` that says: nothing any more."""
    return run_key(run)


def owed_of(row: AnyRow) -> Owed | None:
    """What is owed; None where the row says that nothing is."""
    if row.targets is None:
        return None
    return Owed(
        run=RunKey(row.book, row.session),
        targets=read_rebalance(row.targets),
        since=row.since,
        expires=row.expires,
        unfinished=read_counts(row.unfinished),
    )


def switch_of(row: AnyRow) -> SwitchState:
    """A switch as it was set."""
    return SwitchState(Switch(row.switch), row.reason, row.at)


def message_row(message: Message, seq: int) -> Values:
    """A row of `outbox`."""
    return {
        "key": message.key,
        "seq": seq,
        "kind": message.kind,
        "book": message.book,
        "at": message.at,
        "text": message.text,
    }


def message_of(row: AnyRow) -> Message:
    """A message of the outbox."""
    return Message(row.key, row.kind, row.book, row.at, row.text)
