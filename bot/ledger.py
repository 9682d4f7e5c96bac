"""The memory of the bot: what was decided, meant, asked and told, only ever added to."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from sqlalchemy import insert
from sqlalchemy.dialects import sqlite

from bot import ledger_answers as answers
from bot import ledger_queries as queries
from bot import ledger_rows as rows
from bot.domain.errors import BellwetherError, LedgerError
from bot.domain.memory import (
    Baseline,
    Decided,
    Message,
    Outcome,
    Owed,
    Ping,
    RunReport,
    Standing,
    Switch,
    SwitchState,
    Tally,
)
from bot.domain.model import OrderIntent, OrderReport, Plan, RunKey, Side, Symbol
from bot.ledger_backup import back_up_before
from bot.ledger_entries import add_outcome, add_report, found_out, last
from bot.ledger_file import LedgerFile
from bot.ledger_json import read_values, write_notes, write_values
from bot.ledger_schema import (
    VERSION,
    cancels,
    decisions,
    deliveries,
    intents,
    outbox,
    pings,
    plans,
    resolutions,
    sent,
    switches,
)


class SqlLedger:
    """A Ledger in a SQLite file; every method that writes returns with its rows on disk.

    Trouble with the file rises as LedgerError from every method.
    """

    def __init__(self, file: LedgerFile) -> None:
        self._file = file

    @classmethod
    def open(
        cls, path: Path | None, *, read_only: bool = False, max_pages: int | None = None
    ) -> "SqlLedger":
        """The ledger of a file, made where there is none; of memory where path is None.

        One of an earlier version is backed up and brought to the present one; whoever
        only reads gets a copy that was. Raises LedgerError `ledger_unreadable`,
        `ledger_damaged`, `ledger_newer`, `ledger_permission`, `ledger_full`,
        `backup_failed`, each with the path.
        """
        file = LedgerFile(path, read_only=read_only, max_pages=max_pages)
        try:
            return cls(_brought_up(file))
        except LedgerError:
            file.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def read_anew(self) -> None:
        """Read the file as if nothing were remembered of it. Raises LedgerError."""
        self._file.read_anew()

    def copy(self) -> "SqlLedger":
        """The same memory, apart and in memory: what is written to it is gone with it."""
        return SqlLedger(self._file.copy())

    def pragmas(self) -> Mapping[str, str | int]:
        """How the file is written, as its live connection says."""
        return self._file.pragmas()

    def tally(self, book: str) -> Tally:
        """How often a book's runs came to what, and its final orders."""
        with self._file.reading() as connection:
            return answers.tally(connection, book)

    def ping(self, ping: Ping) -> None:
        """Keep that a watcher outside received of a session; said again, it adds nothing."""
        row = {"session": ping.session, "at": ping.at, "well": ping.well}
        with self._file.writing() as connection:
            connection.execute(_PING, row)

    def last_ping(self) -> Ping | None:
        """The latest session a watcher outside received of."""
        with self._file.reading() as connection:
            return answers.last_ping(connection)

    def check(self) -> None:
        """Read the whole file anew. Raises LedgerError where it is damaged."""
        self._file.check_anew()

    def prove(self) -> None:
        """Read the file anew and have a commit reach it that changes no row. Raises LedgerError."""
        self._file.prove()

    def decision(self, run: RunKey) -> Decided | None:
        """What a run decided, None while it has not."""
        with self._file.reading() as connection:
            return answers.decision(connection, run)

    def decide(self, decided: Decided) -> None:
        """Keep a run's decision; LedgerError `already_decided` for a second one."""
        run = decided.run
        twice = LedgerError("already_decided", book=run.book, session=run.session)
        with self._file.writing(twice) as connection:
            connection.execute(insert(decisions), rows.decided_row(decided))

    def plan(self, run: RunKey, side: Side) -> Plan | None:
        """The plan of one side without further attempts, None while it is not planned."""
        with self._file.reading() as connection:
            return answers.plan(connection, run, side)

    def inputs(self, run: RunKey, side: Side) -> Mapping[str, object]:
        """What a side was planned from; empty while it is not planned."""
        with self._file.reading() as connection:
            row = connection.execute(queries.PLAN, rows.side_key(run, side)).one_or_none()
        return {} if row is None else read_values(row.inputs)

    def intend(self, run: RunKey, side: Side, plan: Plan, inputs: Mapping[str, object]) -> None:
        """Keep a side's plan and all its intents; LedgerError `already_planned`, and nothing else.

        The values of `inputs` are numbers, text, times, and lists or mappings of such.
        """
        row = {
            **rows.side_key(run, side),
            "inputs": write_values(inputs),
            "notes": write_notes(plan.notes),
        }
        with self._file.writing(_planned(run, side)) as connection:
            connection.execute(insert(plans), row)
            first = last(connection, intents) + 1
            meant = [
                rows.intent_row(intent, side, seq, again=False)
                for seq, intent in enumerate(plan.orders, first)
            ]
            if meant:
                connection.execute(insert(intents), meant)

    def intend_again(self, intent: OrderIntent, side: Side) -> None:
        """Keep one further attempt; LedgerError `already_planned` where it is kept already."""
        with self._file.writing(_planned(intent.run, side)) as connection:
            row = rows.intent_row(intent, side, last(connection, intents) + 1, again=True)
            connection.execute(insert(intents), row)

    def mark_sent(self, intent: OrderIntent, at: datetime) -> None:
        """Keep that an order is about to be asked for; LedgerError `already_sent` the second time.

        LedgerError `unknown_order` for an order that was never meant.
        """
        twice = LedgerError("already_sent", order=intent.id)
        with self._file.writing(twice, _unknown(intent)) as connection:
            row = rows.sent_row(intent, last(connection, sent) + 1, at)
            connection.execute(insert(sent), row)

    def mark_cancelled(self, intent: OrderIntent, at: datetime) -> None:
        """Keep that the end of an order is about to be asked for, each time it is.

        LedgerError `unknown_order` for an order that was never meant.
        """
        with self._file.writing(unknown=_unknown(intent)) as connection:
            connection.execute(insert(cancels), {"id": intent.id, "at": at})

    def record(self, order_id: str, report: OrderReport, at: datetime) -> None:
        """Append what the broker said of an order, and the fill it tells of.

        A report that says less than an earlier one takes nothing back, and the
        latest one said again adds nothing. BellwetherError `unknown_order` for an
        order that was never meant.
        """
        with self._file.writing() as connection:
            add_report(connection, order_id, report, at)

    def resolve(
        self, order_id: str, *, filled: int, price: Decimal | None, at: datetime, who: str
    ) -> None:
        """End an open question with what a person found out; no shares: it was never booked.

        `price` is the average of the fills in USD. BellwetherError `unknown_order`,
        `not_open` where the order is no open question, `bad_fill` where the fills
        are none such an order can have.
        """
        with self._file.writing() as connection:
            asked = answers.standing_of(connection, order_id)
            if not asked.unanswered:
                raise BellwetherError("not_open", order=order_id)
            report = found_out(asked.intent, filled, price)
            row = {"id": order_id, "at": at, "who": who, "filled": filled, "price": price}
            connection.execute(insert(resolutions), row)
            add_report(connection, order_id, report, at)

    def standings(self, run: RunKey) -> Sequence[Standing]:
        """Every intent of a run in the order meant, and how far it came."""
        with self._file.reading() as connection:
            return answers.standings(connection, run)

    def questions(self, book: str) -> Sequence[Standing]:
        """Orders of a book asked for and not answered, of any session, in the order asked."""
        with self._file.reading() as connection:
            found = connection.execute(queries.QUESTIONS, {"book": book})
            return tuple(rows.standing_of(row, None) for row in found)

    def finish(self, report: RunReport) -> None:
        """Keep how a run ended, what it owes and the account it left.

        What it owes replaces what was owed before. A complete run pays it, a final
        one that notes `owed_expired` gives it up; any other leaves it standing.
        """
        with self._file.writing() as connection:
            add_outcome(connection, report)

    def outcome(self, run: RunKey) -> Outcome | None:
        """How a run ended last, None while it has not."""
        with self._file.reading() as connection:
            row = connection.execute(queries.OUTCOME, rows.run_key(run)).one_or_none()
        return None if row is None else Outcome(row.outcome)

    def owed(self, book: str) -> Owed | None:
        """What the latest finished run of a book left undone, expired or not.

        None as soon as a later run has decided to follow other targets, whatever
        became of that run: targets once superseded are never traded again.
        """
        with self._file.reading() as connection:
            return answers.owed(connection, book)

    def baseline(self, book: str) -> Baseline | None:
        """The account as the last finished run that saw it left it; a blocked one is not finished.

        Were it, what blocks a run would be gone at the next try.
        """
        with self._file.reading() as connection:
            row = connection.execute(queries.BASELINE, {"book": book}).one_or_none()
        return None if row is None else rows.baseline_of(row)

    def bought(self, book: str) -> Mapping[Symbol, int]:
        """Shares this book bought and has not sold, by symbol, from confirmed fills."""
        with self._file.reading() as connection:
            net = answers.net_bought(connection, book)
        return {symbol: shares for symbol, shares in net.items() if shares > 0}

    def traded_since(self, book: str, session: date) -> Collection[Symbol]:
        """Symbols in which the book had fills in `session` or later."""
        with self._file.reading() as connection:
            found = connection.scalars(queries.TRADED_SINCE, {"book": book, "session": session})
            return frozenset(found)

    def last_rebalance(self, book: str) -> date | None:
        """The session of the latest run that traded targets and completed."""
        with self._file.reading() as connection:
            found: date | None = connection.scalar(queries.LAST_REBALANCE, {"book": book})
        return found

    def runs(self, book: str, limit: int = 10) -> Sequence[RunKey]:
        """The latest runs of a book with a decision or an outcome, newest first."""
        asked = {"book": book, "limit": limit}
        with self._file.reading() as connection:
            sessions = {
                *connection.scalars(queries.DECIDED_SESSIONS, asked),
                *connection.scalars(queries.ENDED_SESSIONS, asked),
            }
        return tuple(RunKey(book, day) for day in sorted(sessions, reverse=True)[:limit])

    def report(self, run: RunKey) -> RunReport | None:
        """Everything known of a run as it last ended, None while it has not.

        Orders stand as they stand now; notes of a plan that the run's own report
        left out come first.
        """
        with self._file.reading() as connection:
            return answers.report(connection, run)

    def switch(self, book: str) -> SwitchState:
        """What a person has allowed; active where nobody said anything."""
        with self._file.reading() as connection:
            row = connection.execute(queries.SWITCH, {"book": book}).one_or_none()
        return SwitchState() if row is None else rows.switch_of(row)

    def set_switch(self, book: str, switch: Switch, reason: str, at: datetime) -> None:
        """Keep what a person allows from now on."""
        row = {"book": book, "switch": switch.value, "reason": reason, "at": at}
        with self._file.writing() as connection:
            connection.execute(insert(switches), row)

    def post(self, message: Message) -> bool:
        """Put a message into the outbox; False where its key is there already."""
        with self._file.writing() as connection:
            row = rows.message_row(message, last(connection, outbox) + 1)
            return connection.execute(_POST, row).rowcount == 1

    def undelivered(self) -> Sequence[Message]:
        """Messages nobody received yet, oldest first."""
        with self._file.reading() as connection:
            return tuple(rows.message_of(row) for row in connection.execute(queries.UNDELIVERED))

    def delivered(self, message: Message, at: datetime) -> None:
        """Keep that a message was received; said again, it adds nothing.

        LedgerError for a message that was never posted.
        """
        with self._file.writing() as connection:
            first = connection.scalar(queries.FIRST_UNDELIVERED)
            told = last(connection, outbox) if first is None else first - 1
            seq = last(connection, deliveries) + 1
            row = {"key": message.key, "seq": seq, "at": at, "told": told}
            connection.execute(_DELIVER, row)


def _brought_up(file: LedgerFile) -> LedgerFile:
    """A file of the present version, whatever it was before."""
    version = file.check()
    if version == VERSION:
        return file
    if version == 0:
        file.create()
        return file
    if file.read_only:
        there, file = file, file.copy()
        there.close()
    else:
        back_up_before(file, version)
    file.migrate(version)
    return file


_PING = sqlite.insert(pings).on_conflict_do_nothing()
_POST = sqlite.insert(outbox).on_conflict_do_nothing()
_DELIVER = sqlite.insert(deliveries).on_conflict_do_nothing()


def _planned(run: RunKey, side: Side) -> LedgerError:
    return LedgerError("already_planned", book=run.book, session=run.session, side=side.value)


def _unknown(intent: OrderIntent) -> LedgerError:
    return LedgerError("unknown_order", order=intent.id)
