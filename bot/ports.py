"""What the bot asks of the world, and the Desk on which a run finds it."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

import pandas as pd

from bot.domain.admission import Issue
from bot.domain.calendar import Calendar
from bot.domain.errors import Blocked
from bot.domain.memory import Message
from bot.domain.model import (
    Note,
    OrderIntent,
    OrderReport,
    Portfolio,
    Proceeds,
    Quotes,
    Symbol,
)
from bot.domain.strategy import Facts, Needs
from bot.remembering import Ledger

HALF_A_SECOND = 0.5  # what a time told in whole seconds may be short of
# Where a stored file of prices, whose last row group has the newest rows of each symbol, says
# how many others each has: a JSON object in its metadata.
EARLIER_ROWS = b"earlier_rows"


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


@dataclass(frozen=True, slots=True)
class Reading:
    """How many seconds our clock is ahead of another, give or take so many."""

    ahead: float
    give: float

    @property
    def most(self) -> float:
        """How many seconds it may be wrong at most, either way."""
        return abs(self.ahead) + self.give

    @property
    def least(self) -> float:
        """How many seconds it is wrong at least."""
        return max(abs(self.ahead) - self.give, 0.0)

    @classmethod
    def of(cls, theirs: datetime, asked: datetime, answered: datetime) -> "Reading":
        """Of a time that was told in whole seconds between two of ours."""
        way = (answered - asked).total_seconds() / 2
        ahead = (answered - theirs).total_seconds() - way - HALF_A_SECOND
        return cls(ahead, way + HALF_A_SECOND)


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

    async def clock(self) -> Reading:
        """Compare our clock with the broker's; BellwetherError where it can not be asked."""
        ...

    def ends(self) -> datetime | None:
        """When its login ends, None where that is not ours to know.

        Raises BrokerUnavailable where there is none.
        """
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


class FeedHistory(Protocol):
    """What a feed would have told on every session of the past: what backtests read."""

    @property
    def rows(self) -> pd.DataFrame:
        """Every row it ever had, as `Feed.table` would have returned it."""
        ...

    def refuse(self, session: date) -> None:
        """Raise Blocked where `Feed.table` would have on a session, with the same reason."""
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


class Sign(StrEnum):
    """What a watcher outside is told of a session."""

    BEGUN = "begun"
    WELL = "well"
    ILL = "ill"


class Watcher(Protocol):
    """Somebody outside who raises the alarm when no sign of life comes."""

    async def tell(self, sign: Sign, text: str) -> None:
        """Give a sign, with something to read for a person. Raises NotDelivered."""
        ...

    async def close(self) -> None:
        """Let go of its connections."""
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


@dataclass(frozen=True, slots=True)
class Desk:
    """What a run has at hand."""

    broker: Broker
    market: MarketData
    sessions: Calendar
    ledger: Ledger
    clock: Clock
    feeds: Mapping[str, Feed] = field(default_factory=dict)
