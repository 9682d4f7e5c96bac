"""What the bot asks of the world, and the Desk on which a run finds it."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

import pandas as pd

from bot.domain.admission import Issue
from bot.domain.calendar import Calendar
from bot.domain.errors import Blocked
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
from bot.domain.model import (
    Note,
    OrderIntent,
    OrderReport,
    Plan,
    Portfolio,
    Proceeds,
    Quotes,
    RunKey,
    Side,
    Symbol,
)
from bot.domain.strategy import Facts, Needs


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a broker can do, as one value that `check` prints.

    `echoes_client_id`: its order list carries our order's name. `keeps_fills`:
    what we trade stays in the account (a dry run's does not).
    """

    shorting: bool = False
    market_on_close: bool = False
    echoes_client_id: bool = True
    live_quotes: bool = True
    keeps_fills: bool = True


class Broker(Protocol):
    """One account at a broker. Errors other than the named ones mean: unknown."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        ...

    async def portfolio(self) -> Portfolio:
        """Read the account. A failed read raises; it never is an empty portfolio."""
        ...

    async def submit(self, order: OrderIntent) -> OrderReport:
        """Place an order: returns if accepted, OrderRefused if certainly not, else unknown."""
        ...

    async def orders_today(self) -> Sequence[OrderReport]:
        """List every order of the session, whoever sent it, as it now stands."""
        ...

    async def cancel(self, order: OrderIntent) -> None:
        """Ask for the end of an order; whether it ended is read from the list."""
        ...


class Adjustment(StrEnum):
    """What a price history is adjusted for."""

    TOTAL_RETURN = "total_return"
    SPLITS = "splits"


class MarketData(Protocol):
    """Prices: history before today, and what the market says now."""

    @property
    def adjustment(self) -> Adjustment:
        """What its history is adjusted for."""
        ...

    async def facts(self, needs: Needs, session: date) -> Facts:
        """Return the closes a strategy needs, up to the session before `session`.

        Raises DataError or Blocked where a symbol is not known at all.
        """
        ...

    async def quotes(self, symbols: Collection[Symbol]) -> Quotes:
        """Return the present quotes; a symbol that has none is left out."""
        ...


class BrokerLine(MarketData, Protocol):
    """The connection to a real broker that every book on it shares, and its market data."""

    def account(self, number: str) -> Broker:
        """The broker of one account."""
        ...

    async def proceeds(self, account: str, symbol: Symbol) -> Proceeds | None:
        """When the broker lets an account spend what it sold today; None where it does not say.

        `symbol` is what is asked with: an order that is checked and not placed. Raises
        BellwetherError.
        """
        ...

    async def keep(self) -> None:
        """Connect and stay connected, until cancelled; no trouble of the broker ends it."""
        ...

    def notes(self) -> Sequence[Note]:
        """What its owner should hear of it now, from memory; an equal note is the same news."""
        ...

    async def prove(self) -> str:
        """Return what was proven of it; BellwetherError where it could not trade."""
        ...

    async def close(self) -> None:
        """Let go of it."""
        ...


class Feed(Protocol):
    """A dated table a strategy reads beside prices: snapshots, factors, signals of others."""

    async def table(self, session: date) -> pd.DataFrame:
        """Return the rows known on a session, admitted or refused as a whole.

        Columns of the feed's own, and `as_of` and `known_on` as timestamps: what a
        row is about, and the first session that could act on it. Raises Blocked
        with the reason where the newest is missing, stale or can not be believed.
        """
        ...

    async def prove(self, session: date) -> Issue:
        """Return what a session would be decided on; raises as `table`."""
        ...

    def arrivals(self) -> AsyncIterator[Issue | Blocked]:
        """Tell of what comes from now on, or why it was refused; never ends."""
        ...


class Clock(Protocol):
    """The system's, or one that jumps."""

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class NotDelivered(Exception):  # noqa: N818 - what happened, not what it is
    """A notifier could not deliver a message; it is worth trying again.

    `wait` is how many seconds it was told to be silent, 0 where nobody said.
    """

    def __init__(self, reason: str = "", wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class Notifier(Protocol):
    """Someone who is told: a chat, the log."""

    async def tell(self, message: Message, *, again: bool = False) -> None:
        """Deliver a message, one that may have been delivered before marked so.

        NotDelivered, OSError and TimeoutError mean that it was not, or that nobody
        knows; the same message is then told again.
        """
        ...


@dataclass(frozen=True, slots=True)
class Choice:
    """A button under a reply: what it says, and what pressing it sends back (64 bytes at most)."""

    label: str
    data: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What a person gets for an answer: plain text, and what may be pressed under it.

    Where the person said a secret, `secret` is what to add should it stay readable: it
    is to be removed from the chat.
    """

    text: str
    choices: tuple[Choice, ...] = ()
    secret: str = ""


class Chat(Protocol):
    """Who answers in a chat. Whoever asks has been let in already."""

    async def said(self, user: int, text: str) -> Reply:
        """Answer what a person wrote."""
        ...

    async def pressed(self, user: int, data: str) -> Reply:
        """Answer a button; the reply takes the place of the text it stood under."""
        ...


class ChatLine(Notifier, Protocol):
    """A notifier that listens, too."""

    async def listen(self, chat: Chat, menus: Mapping[str, Sequence[tuple[str, str]]]) -> None:
        """Bring a chat what is said and pressed, until cancelled; it never gives up by itself.

        `menus` are the commands with their descriptions by language, "" for any other.
        """
        ...

    async def prove(self) -> str:
        """Return its name, once it is proven that it may write; BellwetherError where not."""
        ...

    async def close(self) -> None:
        """Let go of its connections."""
        ...


class Supervisor(Protocol):
    """Who started the daemon, and starts it again when it gives no sign of life."""

    @property
    def every(self) -> float:
        """Seconds from one sign of life to the next."""
        ...

    def beat(self, status: str) -> None:
        """The daemon is armed and lives; a line that says what it waits for."""
        ...

    def doubt(self, status: str) -> None:
        """It runs, and can not prove that it does its work; a line that says why."""
        ...

    def ending(self) -> None:
        """It is about to end, as it was told to."""
        ...


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

    def read_anew(self) -> None:
        """Read the file as if nothing were remembered of it. Raises LedgerError."""
        ...

    def copy(self) -> "Ledger":
        """The same memory, apart: what is written to it is gone with it."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """What a run has at hand."""

    broker: Broker
    market: MarketData
    sessions: Calendar
    ledger: Ledger
    clock: Clock
    feeds: Mapping[str, Feed] = field(default_factory=dict)
