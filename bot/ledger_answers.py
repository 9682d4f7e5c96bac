"""What the ledger's rows say, as values of the domain."""

from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from bot import ledger_queries as queries
from bot import ledger_rows as rows
from bot.domain.errors import BellwetherError
from bot.domain.memory import Decided, Outcome, Owed, Ping, RunReport, Standing, Tally
from bot.domain.model import Action, Note, OrderReport, OrderStatus, Plan, RunKey, Side, Symbol
from bot.ledger_json import (
    read_amounts,
    read_counts,
    read_notes,
    read_portfolio,
)
from bot.ledger_orders import standing


def decision(connection: Connection, run: RunKey) -> Decided | None:
    """What a run decided."""
    row = connection.execute(queries.DECISION, rows.run_key(run)).one_or_none()
    return None if row is None else rows.decided_of(row)


def plan(connection: Connection, run: RunKey, side: Side) -> Plan | None:
    """The plan of one side, without further attempts."""
    asked = rows.side_key(run, side)
    row = connection.execute(queries.PLAN, asked).one_or_none()
    if row is None:
        return None
    orders = tuple(rows.intent_of(each) for each in connection.execute(queries.PLANNED, asked))
    return Plan(orders, read_notes(row.notes))


def standing_of(connection: Connection, order_id: str) -> Standing:
    """One order and how far it came; BellwetherError `unknown_order` where none was meant."""
    asked = {"order": order_id}
    row = connection.execute(queries.INTENT, asked).one_or_none()
    if row is None:
        raise BellwetherError("unknown_order", order=order_id)
    return rows.standing_of(row, standing(reports_of(connection, order_id)))


def reports_of(connection: Connection, order_id: str) -> Sequence[OrderReport]:
    """All that the broker said of an order, in the order it was said."""
    said = connection.execute(queries.REPORTS, {"order": order_id})
    return [rows.report_of(row) for row in said]


def standings(connection: Connection, run: RunKey) -> Sequence[Standing]:
    """Every order of a run and how far it came, in the order meant."""
    asked = rows.run_key(run)
    said: dict[str, list[OrderReport]] = {}
    for row in connection.execute(queries.REPORTS_OF_RUN, asked):
        said.setdefault(row.id, []).append(rows.report_of(row))
    return tuple(
        rows.standing_of(row, standing(said.get(row.id, ())))
        for row in connection.execute(queries.INTENTS, asked)
    )


def owed(connection: Connection, book: str) -> Owed | None:
    """What a book owes by its newest row, unless a later run decided to follow other targets."""
    row = connection.execute(queries.OWED, {"book": book}).one_or_none()
    debt = None if row is None else rows.owed_of(row)
    if debt is None:
        return None
    asked = {**rows.run_key(debt.run), "since": debt.since}
    superseded = connection.execute(queries.FOLLOWS_OTHER, asked).one_or_none()
    return None if superseded else debt


def net_bought(connection: Connection, book: str) -> Mapping[Symbol, int]:
    """Shares bought minus shares sold, by symbol: the last run's count and the fills since."""
    counted = connection.scalar(queries.BOUGHT_BEFORE, {"book": book})
    net = Counter(read_counts(counted) if counted else {})
    for fill in connection.execute(queries.FILLS_SINCE, {"book": book}):
        net[fill.symbol] += fill.shares if Action(fill.action).takes_shares else -fill.shares
    return {symbol: shares for symbol, shares in net.items() if shares}


def tally(connection: Connection, book: str) -> Tally:
    """How often a book's runs came to what, and those of its orders that are final."""
    asked = {"book": book}
    ended = connection.execute(queries.RUNS_BY_OUTCOME, asked)
    ordered = connection.execute(queries.ORDERS_BY_STATUS, asked)
    orders = {(Side(row.side), OrderStatus(row.status)): row.times for row in ordered}
    return Tally(
        runs={Outcome(row.outcome): row.times for row in ended},
        orders={(side, status): n for (side, status), n in orders.items() if status.final},
    )


def last_ping(connection: Connection) -> Ping | None:
    """The latest session a watcher outside received of."""
    row = connection.execute(queries.LAST_PING).one_or_none()
    return None if row is None else Ping(row.session, row.at, row.well)


def report(connection: Connection, run: RunKey) -> RunReport | None:
    """A run as it last ended, put together from all its rows."""
    row = connection.execute(queries.OUTCOME, rows.run_key(run)).one_or_none()
    if row is None:
        return None
    debt = connection.execute(queries.OWED_AT, {"outcome": row.seq}).one_or_none()
    return RunReport(
        run=run,
        outcome=Outcome(row.outcome),
        at=row.at,
        decided=decision(connection, run),
        orders=standings(connection, run),
        notes=_all_notes(connection, run, read_notes(row.notes)),
        portfolio=None if row.portfolio is None else read_portfolio(row.portfolio),
        prices=read_amounts(row.prices),
        owed=None if debt is None else rows.owed_of(debt),
    )


def _all_notes(connection: Connection, run: RunKey, told: Sequence[Note]) -> Sequence[Note]:
    planned = [plan(connection, run, side) for side in Side]
    untold = [note for side in planned if side for note in side.notes if note not in told]
    return (*untold, *told)
