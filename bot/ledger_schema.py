"""The tables of the ledger: each row a sentence that stays true, each once a primary key.

Rows are only added; triggers refuse anything else. `seq` counts the rows of a
table in the order they were written.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

from bot.ledger_json import read_moment, write_moment

VERSION = 2
"""The number of this schema, kept in the file as its user_version; `ledger_migration` counts."""


class Moment(TypeDecorator[datetime]):
    """An aware time, stored as UTC text with microseconds."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> str | None:
        """The text."""
        return None if value is None else write_moment(value)

    def process_result_value(self, value: Any | None, _dialect: Dialect) -> datetime | None:
        """The time."""
        return None if value is None else read_moment(value)


class Money(TypeDecorator[Decimal]):
    """A Decimal, stored as text to its last digit."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, _dialect: Dialect) -> str | None:
        """The text."""
        return None if value is None else str(value)

    def process_result_value(self, value: Any | None, _dialect: Dialect) -> Decimal | None:
        """The Decimal."""
        return None if value is None else Decimal(value)


metadata = MetaData()

# What a run wants, frozen at its first decision; `following` is empty where it trades no targets.
decisions = Table(
    "decisions",
    metadata,
    Column("book", String, primary_key=True),
    Column("session", Date, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("decision", Text, nullable=False),
    Column("following", Text),
    Column("since", Date, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("equity", Money, nullable=False),
    Column("prices", Text, nullable=False),
    Column("portfolio", Text, nullable=False),
    Column("marks", Text, nullable=False),
    Column("numbers", Text, nullable=False),
    Column("notes", Text, nullable=False),
)

# One side of a run as planned, also where it is empty.
plans = Table(
    "plans",
    metadata,
    Column("book", String, primary_key=True),
    Column("session", Date, primary_key=True),
    Column("side", String, primary_key=True),
    Column("inputs", Text, nullable=False),
    Column("notes", Text, nullable=False),
)

# We mean to ask. `again` is true for an attempt beyond the plan.
intents = Table(
    "intents",
    metadata,
    Column("id", String, primary_key=True),
    Column("seq", Integer, nullable=False, unique=True),
    Column("book", String, nullable=False),
    Column("session", Date, nullable=False),
    Column("side", String, nullable=False),
    Column("symbol", String, nullable=False),
    Column("action", String, nullable=False),
    Column("shares", Integer, nullable=False),
    Column("limit", Money),
    Column("attempt", Integer, nullable=False),
    Column("again", Boolean, nullable=False),
    Index("intents_of_run", "book", "session", "seq"),
)

# We asked.
sent = Table(
    "sent",
    metadata,
    Column("id", ForeignKey(intents.c.id), primary_key=True),
    Column("seq", Integer, nullable=False, unique=True),
    Column("book", String, nullable=False),
    Column("at", Moment, nullable=False),
    Index("sent_by_book", "book", "seq"),
)

# We asked for its end.
cancels = Table(
    "cancels",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("id", ForeignKey(intents.c.id), nullable=False),
    Column("at", Moment, nullable=False),
    Index("cancels_of_order", "id", "seq"),
)

# The broker said.
reports = Table(
    "reports",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("id", ForeignKey(intents.c.id), nullable=False),
    Column("at", Moment, nullable=False),
    Column("symbol", String, nullable=False),
    Column("action", String, nullable=False),
    Column("shares", Integer, nullable=False),
    Column("limit", Money),
    Column("status", String, nullable=False),
    Column("filled", Integer, nullable=False),
    Column("average_price", Money),
    Column("commission", Money, nullable=False),
    Column("entered_at", Moment),
    Column("reason", Text, nullable=False),
    Column("broker_id", String, nullable=False),
    Column("client_id", String, nullable=False),
    Index("reports_of_order", "id", "seq"),
)

# Shares changed hands: one row for each growth of what an order has filled.
fills = Table(
    "fills",
    metadata,
    Column("execution", String, primary_key=True),
    Column("seq", Integer, nullable=False, unique=True),
    Column("id", ForeignKey(intents.c.id), nullable=False),
    Column("book", String, nullable=False),
    Column("session", Date, nullable=False),
    Column("symbol", String, nullable=False),
    Column("action", String, nullable=False),
    Column("shares", Integer, nullable=False),
    Column("price", Money),
    Column("at", Moment, nullable=False),
    Index("fills_by_book", "book", "seq"),
    Index("fills_by_session", "book", "session", "symbol"),
)

# A run ended so. `asked` and `filled` are rows of `sent` and `fills`: every order of the book sent
# up to the first was answered, and `bought` is what all fills up to the second come to. A question
# about the book is thus about its latest rows only, however long its life.
outcomes = Table(
    "outcomes",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("book", String, nullable=False),
    Column("session", Date, nullable=False),
    Column("outcome", String, nullable=False),
    Column("at", Moment, nullable=False),
    Column("notes", Text, nullable=False),
    Column("prices", Text, nullable=False),
    Column("portfolio", Text),
    Column("asked", Integer, nullable=False),
    Column("filled", Integer, nullable=False),
    Column("bought", Text, nullable=False),
    Index("outcomes_of_book", "book", "seq"),
    Index("outcomes_of_run", "book", "session", "seq"),
    Index("outcomes_by_kind", "book", "outcome", "session"),
)

# As of a run's end the book owes this, or nothing where `targets` is empty.
owed = Table(
    "owed",
    metadata,
    Column("outcome", ForeignKey(outcomes.c.seq), primary_key=True),
    Column("book", String, nullable=False),
    Column("session", Date, nullable=False),
    Column("targets", Text),
    Column("since", Date),
    Column("expires", Date),
    Column("unfinished", Text),
    Index("owed_by_book", "book", "outcome"),
)

# A person said what became of an order nobody answered for; without fills it was never booked.
resolutions = Table(
    "resolutions",
    metadata,
    Column("id", ForeignKey(sent.c.id), primary_key=True),
    Column("at", Moment, nullable=False),
    Column("who", String, nullable=False),
    Column("filled", Integer, nullable=False),
    Column("price", Money),
)

# A person allowed this from now on.
switches = Table(
    "switches",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("book", String, nullable=False),
    Column("switch", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Index("switches_by_book", "book", "seq"),
)

# There is something to tell.
outbox = Table(
    "outbox",
    metadata,
    Column("key", String, primary_key=True),
    Column("seq", Integer, nullable=False, unique=True),
    Column("kind", String, nullable=False),
    Column("book", String, nullable=False),
    Column("at", Moment, nullable=False),
    Column("text", Text, nullable=False),
)

# It was told; and so was every message of the outbox up to row `told`.
deliveries = Table(
    "deliveries",
    metadata,
    Column("key", ForeignKey(outbox.c.key), primary_key=True),
    Column("seq", Integer, nullable=False, unique=True),
    Column("at", Moment, nullable=False),
    Column("told", Integer, nullable=False),
)

# Whoever watches from outside received that a session was handled, and whether all was well.
pings = Table(
    "pings",
    metadata,
    Column("session", Date, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("well", Boolean, nullable=False),
)


def refusals(table: str) -> tuple[str, ...]:
    """What makes the database itself refuse to change or lose a row of a table."""
    return tuple(
        f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table}"
        " BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END"
        for change in ("UPDATE", "DELETE")
    )
