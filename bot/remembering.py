"""What is remembered of a book, as everybody asks for it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

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


class Ledger(Protocol):
    """The memory: each row a sentence that stays true, each once kept by a primary key."""

    def decision(self, run: RunKey) -> Decided | None:
        """What a run decided, None while it has not."""
        ...

    def decide(self, decided: Decided) -> None:
        """Keep a run's decision. A second one is refused by the database."""
        ...

    def plan(self, run: RunKey, side: Side) -> Plan | None:
        """The plan of one side, None while it is not planned."""
        ...

    def inputs(self, run: RunKey, side: Side) -> Mapping[str, object]:
        """What the plan of one side was made from; nothing while it is not planned."""
        ...

    def intend(self, run: RunKey, side: Side, plan: Plan, inputs: Mapping[str, object]) -> None:
        """Keep a side's plan and all its intents, or nothing."""
        ...

    def intend_again(self, intent: OrderIntent, side: Side) -> None:
        """Keep one further attempt."""
        ...

    def mark_sent(self, intent: OrderIntent, at: datetime) -> None:
        """Keep that an order is about to be asked for; on disk when this returns."""
        ...

    def mark_cancelled(self, intent: OrderIntent, at: datetime) -> None:
        """Keep that the end of an order is about to be asked for."""
        ...

    def record(self, order_id: str, report: OrderReport, at: datetime) -> None:
        """Append what the broker said of an order; the latest report is its standing."""
        ...

    def resolve(
        self, order_id: str, *, filled: int, price: Decimal | None, at: datetime, who: str
    ) -> None:
        """End an open question with what a person found out; no shares: never booked."""
        ...

    def standings(self, run: RunKey) -> Sequence[Standing]:
        """Every intent of a run in the order meant, and how far it came."""
        ...

    def questions(self, book: str) -> Sequence[Standing]:
        """Orders of a book asked for and not answered, of any session."""
        ...

    def finish(self, report: RunReport) -> None:
        """Keep how a run ended, what it owes and the account it left."""
        ...

    def outcome(self, run: RunKey) -> Outcome | None:
        """How a run ended last, None while it has not."""
        ...

    def owed(self, book: str) -> Owed | None:
        """What the latest finished run of a book left undone, expired or not."""
        ...

    def baseline(self, book: str) -> Baseline | None:
        """The account as the last finished run left it."""
        ...

    def bought(self, book: str) -> Mapping[Symbol, int]:
        """Shares this book bought and has not sold, by symbol, from confirmed fills."""
        ...

    def traded_since(self, book: str, session: date) -> Collection[Symbol]:
        """Symbols in which the book had fills in `session` or later."""
        ...

    def last_rebalance(self, book: str) -> date | None:
        """The session of the last complete rebalance."""
        ...

    def runs(self, book: str, limit: int = 10) -> Sequence[RunKey]:
        """The latest runs of a book with a decision or an outcome, newest first."""
        ...

    def switch(self, book: str) -> SwitchState:
        """What a person has allowed."""
        ...

    def set_switch(self, book: str, switch: Switch, reason: str, at: datetime) -> None:
        """Keep what a person allows from now on."""
        ...

    def report(self, run: RunKey) -> RunReport | None:
        """Everything known of a run, put together again for `why` and `status`."""
        ...

    def post(self, message: Message) -> bool:
        """Put a message into the outbox; False where its key is there already."""
        ...

    def undelivered(self) -> Sequence[Message]:
        """Messages nobody received yet, oldest first."""
        ...

    def delivered(self, message: Message, at: datetime) -> None:
        """Keep that a message was received."""
        ...

    def check(self) -> None:
        """Read the whole file. Raises LedgerError where it is damaged."""
        ...

    def tally(self, book: str) -> Tally:
        """How often a book's runs came to what, and its orders."""
        ...

    def ping(self, ping: Ping) -> None:
        """Keep that a watcher outside received that a session was handled, once for each."""
        ...

    def last_ping(self) -> Ping | None:
        """The latest session of which a watcher outside received that it was handled."""
        ...

    def read_anew(self) -> None:
        """Read the file as if nothing were remembered of it. Raises LedgerError."""
        ...

    def prove(self) -> None:
        """Read the file anew and write without adding anything. Raises LedgerError."""
        ...

    def copy(self) -> "Ledger":
        """The same memory, apart: what is written to it is gone with it."""
        ...
