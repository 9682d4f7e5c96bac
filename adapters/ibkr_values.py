"""What a gateway says, as values of ours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from math import isnan

from bot.domain.model import NOTHING, Symbol

CURRENCY = "USD"
UNSET = 1e300  # a gateway's own number for none is larger
STOCK = "STK"


class Denied(Exception):  # noqa: N818 - what happened, not what it is
    """The gateway answered a request with a code."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"{number}: {reason}")
        self.number, self.reason = number, reason


@dataclass(frozen=True, slots=True)
class Instrument:
    """What an order or a position is about."""

    con_id: int
    symbol: Symbol
    kind: str
    currency: str
    local: str = ""

    @property
    def ours(self) -> bool:
        """Whether it is a stock or fund of the trading currency."""
        return self.kind == STOCK and self.currency == CURRENCY

    @property
    def name(self) -> str:
        """The symbol where that is enough; else with what tells it from the stock of that name."""
        if self.ours:
            return self.symbol
        return f"{self.local or self.symbol} {self.kind} {self.currency}"


@dataclass(frozen=True, slots=True)
class Held:
    """A position; `shares` may have fractions and are below nothing where it is short."""

    account: str
    instrument: Instrument
    shares: Decimal


@dataclass(frozen=True, slots=True)
class Statement:
    """One account as one download tells it: values by tag and currency, and what is held."""

    account: str
    values: Mapping[tuple[str, str], str]
    held: Sequence[Held]


@dataclass(frozen=True, slots=True)
class Listed:
    """An order of the list of open ones, or of those completed; `status` only of the latter."""

    permanent_id: int
    client_id: int
    order_id: int
    reference: str
    account: str
    instrument: Instrument
    action: str
    shares: Decimal
    limit: Decimal | None
    status: str = ""
    filled: Decimal = NOTHING


@dataclass(frozen=True, slots=True)
class Executed:
    """Shares that changed hands. A correction has the same id but for its last part."""

    execution_id: str
    at: datetime
    permanent_id: int
    reference: str
    account: str
    instrument: Instrument
    buys: bool
    shares: Decimal
    price: Decimal
    commission: Decimal = NOTHING


@dataclass(frozen=True, slots=True)
class Lists:
    """The orders of the day, read in the order in which orders move."""

    open: Sequence[Listed] = ()
    completed: Sequence[Listed] = ()
    executed: Sequence[Executed] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """A code the gateway told of an order, and its words."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """An order to write; a limit of None is the market's price."""

    account: str
    reference: str
    action: str
    shares: int
    limit: Decimal | None


@dataclass(frozen=True, slots=True)
class Placed:
    """What the gateway said of an order that was written: no permanent id, no word of the book.

    What is told of it later joins `told` for as long as the connection lasts.
    """

    permanent_id: int
    status: str
    told: Sequence[Told]
    executed: Sequence[Executed]


@dataclass(slots=True)
class Written:
    """An order this process wrote: the number it was taken with, and what was told of it."""

    permanent_id: int = 0
    told: Sequence[Told] = ()


@dataclass(frozen=True, slots=True)
class Bar:
    """One day of an instrument, as its source adjusts it."""

    day: date
    high: float
    low: float
    close: float

    @property
    def known(self) -> bool:
        """Whether its numbers are prices."""
        return all(map(is_price, (self.high, self.low, self.close)))


@dataclass(frozen=True, slots=True)
class Coming:
    """The next dividend: when it goes ex, and the money per share."""

    ex_date: date
    amount: float


@dataclass(slots=True)
class Ticks:
    """What was said of an instrument since it was asked for; NaN where nothing was.

    `denied` is the code that was told in place of quotes.
    """

    bid: float
    ask: float
    last: float
    halted: float
    delayed: bool = False
    dividend: Coming | None = field(default=None)
    denied: Told | None = None

    @property
    def whole(self) -> bool:
        """Whether nothing is missing for a quote."""
        return not any(map(isnan, (self.bid, self.ask, self.last, self.halted)))


def is_price(number: float) -> bool:
    """Whether a number is a price: what is not known is told as a number, too."""
    return 0 < number < UNSET


def exact(number: float) -> Decimal:
    """A number of the library as it was written."""
    return Decimal(repr(number))
