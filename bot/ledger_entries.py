"""What one event adds to several tables of the ledger."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, Table, insert

from bot import ledger_answers as answers
from bot import ledger_queries as queries
from bot import ledger_rows as rows
from bot.domain.errors import BellwetherError
from bot.domain.memory import Outcome, RunReport
from bot.domain.model import OrderIntent, OrderReport, OrderStatus
from bot.ledger_json import write_counts
from bot.ledger_orders import growth
from bot.ledger_schema import fills, outcomes, owed, reports, sent

OWED_EXPIRED = "owed_expired"
"""The note of a run that gives up what was owed."""


def last(connection: Connection, table: Table) -> int:
    """The number of a table's newest row, 0 before the first."""
    return connection.execute(queries.LAST[table]).scalar_one()


def add_report(connection: Connection, order_id: str, report: OrderReport, at: datetime) -> None:
    """Add what the broker said of an order, unless it just said the same, and its fill."""
    known = answers.standing_of(connection, order_id)
    said = answers.reports_of(connection, order_id)
    if said and said[-1] == report:
        return
    connection.execute(insert(reports), rows.report_row(order_id, report, at))
    fill = growth(known.report, report)
    if fill is not None:
        number = last(connection, fills) + 1
        row = rows.fill_row(known.intent, report, fill, at)
        connection.execute(insert(fills), {**row, "seq": number})


def found_out(intent: OrderIntent, filled: int, price: Decimal | None) -> OrderReport:
    """The report of an order whose fills a person found out; BellwetherError `bad_fill`."""
    priced = price is not None and price.is_finite() and price > 0
    if not 0 <= filled <= intent.shares or priced != (filled > 0):
        raise BellwetherError(
            "bad_fill", order=intent.id, filled=filled, price=price, shares=intent.shares
        )
    status = OrderStatus.FILLED if filled == intent.shares else OrderStatus.CANCELLED
    if not filled:
        status = OrderStatus.NOT_BOOKED
    told = OrderReport.of(intent, status, "resolved")
    return replace(told, filled=filled, average_price=price)


def add_outcome(connection: Connection, report: RunReport) -> None:
    """Add how a run ended, and what its book owes from now on."""
    seq = last(connection, outcomes) + 1
    row = {**rows.outcome_row(report), **_counts(connection, report.run.book), "seq": seq}
    connection.execute(insert(outcomes), row)
    debt = _debt(connection, report)
    if debt is not None:
        connection.execute(insert(owed), {**debt, "outcome": seq})


def _counts(connection: Connection, book: str) -> rows.Values:
    question = connection.scalar(queries.FIRST_QUESTION, {"book": book})
    return {
        "asked": last(connection, sent) if question is None else question - 1,
        "filled": last(connection, fills),
        "bought": write_counts(answers.net_bought(connection, book)),
    }


def _debt(connection: Connection, report: RunReport) -> rows.Values | None:
    if report.owed is not None:
        return rows.owed_row(report.owed)
    if _pays(report) and answers.owed(connection, report.run.book) is not None:
        return rows.paid_row(report.run)
    return None


def _pays(report: RunReport) -> bool:
    given_up = any(note.code == OWED_EXPIRED for note in report.notes)
    return report.outcome is Outcome.COMPLETE or (report.outcome.final and given_up)
