"""What the ledger remembers of a book: sentences that stay true."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from bot.domain.model import (
    Note,
    OrderIntent,
    OrderReport,
    OrderStatus,
    Portfolio,
    RunKey,
    Side,
    Symbol,
)
from bot.domain.strategy import Decision, Rebalance


class Outcome(StrEnum):
    """How a run ended."""

    HELD = "held"
    COMPLETE = "complete"
    OWED = "owed"
    BLOCKED = "blocked"
    HALTED = "halted"
    MISSED = "missed"

    @property
    def final(self) -> bool:
        """Whether the run needs no further call; a blocked or halted one may be tried again."""
        return self in {Outcome.HELD, Outcome.COMPLETE, Outcome.OWED, Outcome.MISSED}


@dataclass(frozen=True, slots=True)
class Mark:
    """What a price of today is measured against: the previous close and its daily sigma.

    `fresh` says that the close is the previous session's, not an older one, and
    `change` is its return over the close before, 0 where there is none.
    """

    close: float
    sigma: float
    fresh: bool = True
    change: float = 0.0


@dataclass(frozen=True, slots=True)
class Decided:
    """What a run decided, once, and the frozen numbers both its sides are planned from.

    `decision` is what the strategy said of the session; `following` the targets
    the run trades: the decision itself, the kept ones of an owed run, a missed
    session's, or None. `since` is the session those targets were decided for.
    """

    run: RunKey
    at: datetime
    decision: Decision
    following: Rebalance | None
    since: date
    late: bool
    equity: Decimal
    prices: Mapping[Symbol, Decimal]
    portfolio: Portfolio
    marks: Mapping[Symbol, Mark] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)
    notes: Sequence[Note] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """An intent and how far it came: asked at `sent_at`, last answered with `report`.

    `again` marks an attempt beyond the plan, `cancel_asked_at` when we last wanted
    the order gone.
    """

    intent: OrderIntent
    side: Side
    sent_at: datetime | None = None
    report: OrderReport | None = None
    again: bool = False
    cancel_asked_at: datetime | None = None

    @property
    def unanswered(self) -> bool:
        """Asked, and nobody knows what became of it."""
        return self.sent_at is not None and self.report is None

    @property
    def final(self) -> bool:
        """Answered, and nothing more can come of it."""
        return self.report is not None and self.report.status.final

    @property
    def filled(self) -> int:
        """Confirmed shares."""
        return self.report.filled if self.report else 0

    @property
    def moved(self) -> int:
        """Confirmed shares the holding grew by."""
        return self.filled if self.intent.action.takes_shares else -self.filled

    @property
    def working(self) -> bool:
        """Answered, and something may still come of it."""
        return self.report is not None and self.report.status is OrderStatus.WORKING


@dataclass(frozen=True, slots=True)
class Owed:
    """What a decision still wants after its session, until a session it expires on.

    `unfinished` are the shares still wanted, negative where they are still to go.
    """

    run: RunKey
    targets: Rebalance
    since: date
    expires: date
    unfinished: Mapping[Symbol, int]


@dataclass(frozen=True, slots=True)
class Baseline:
    """The account as the last finished run left it; what moved since must have a reason."""

    session: date
    portfolio: Portfolio


class Switch(StrEnum):
    """What a person has allowed a book to do."""

    ACTIVE = "active"
    EXITS_ONLY = "exits_only"
    PAUSED = "paused"
    HALTED = "halted"


@dataclass(frozen=True, slots=True)
class SwitchState:
    """A switch, who set it and why."""

    switch: Switch = Switch.ACTIVE
    reason: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run returns: everything its words are made of. Nobody sends from inside."""

    run: RunKey
    outcome: Outcome
    at: datetime
    decided: Decided | None = None
    orders: Sequence[Standing] = ()
    notes: Sequence[Note] = ()
    portfolio: Portfolio | None = None
    prices: Mapping[Symbol, Decimal] = field(default_factory=dict)
    owed: Owed | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """How often in the life of a book: runs by what came of them, orders that are final."""

    runs: Mapping[Outcome, int]
    orders: Mapping[tuple[Side, OrderStatus], int]


@dataclass(frozen=True, slots=True)
class Ping:
    """A watcher outside received that a session was handled, and whether all was well."""

    session: date
    at: datetime
    well: bool


@dataclass(frozen=True, slots=True)
class Message:
    """Something to be told, in words already: what was told is then what is on record.

    `key` is the same for the same event, so that telling twice is noticed; `kind`
    is what a person may want to hear or not.
    """

    key: str
    kind: str
    book: str
    at: datetime
    text: str
