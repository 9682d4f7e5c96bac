"""What the vendor's library is asked and what it answers, as values and as lines of JSON.

Both ends of the pipe read this module, one of them in an interpreter that may have
nothing but the library: it stands on the standard library alone.
"""

import json
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from types import NoneType
from typing import Any, TypeAlias, get_args, get_origin, get_type_hints


class Half(StrEnum):
    """The two things the library does; each gets a process of its own."""

    TRADE = "trade"
    QUOTE = "quote"


@dataclass(frozen=True, slots=True)
class Open:
    """Connect one half with these keys to these addresses."""

    half: Half
    app_key: str
    app_secret: str
    token: str
    http_url: str
    quote_url: str
    trade_url: str


@dataclass(frozen=True, slots=True)
class Opened:
    """It is connected; `level` is what quotes the account pays for, empty while trading."""

    library: str
    level: str = ""


@dataclass(frozen=True, slots=True)
class Refresh:
    """Give a new token; it ends the old one."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Fresh:
    """A new token."""

    token: str


@dataclass(frozen=True, slots=True)
class Balance:
    """What money is there, its sums in one currency."""

    currency: str


@dataclass(frozen=True, slots=True)
class Cash:
    """The money of one currency: free, set aside for open purchases, still to come or to go."""

    currency: str
    available: Decimal
    frozen: Decimal
    settling: Decimal


@dataclass(frozen=True, slots=True)
class Money:
    """The money by currency; `total`, `net` and `finance` are converted sums of everything."""

    lines: tuple[Cash, ...]
    total: Decimal
    net: Decimal
    finance: Decimal


@dataclass(frozen=True, slots=True)
class Holdings:
    """What stocks are held."""


@dataclass(frozen=True, slots=True)
class Held:
    """A stock, an option, anything with a symbol."""

    symbol: str
    quantity: Decimal
    available: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Positions:
    """Everything held with a symbol; an account that holds nothing still has a channel."""

    held: tuple[Held, ...]
    channels: int


@dataclass(frozen=True, slots=True)
class Funds:
    """What mutual funds are held."""


@dataclass(frozen=True, slots=True)
class FundNames:
    """Their names."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Today:
    """The orders of the broker's present day, or the one of an id."""

    order_id: str = ""


@dataclass(frozen=True, slots=True)
class Past:
    """The orders since a moment, as far as the broker calls them past."""

    since: datetime


@dataclass(frozen=True, slots=True)
class Order:
    """An order as the broker lists it; `status` and `side` are the library's names."""

    id: str
    symbol: str
    side: str
    status: str
    quantity: Decimal
    executed: Decimal
    price: Decimal | None
    average: Decimal | None
    at: datetime
    remark: str
    message: str


@dataclass(frozen=True, slots=True)
class Orders:
    """Orders, in the broker's order."""

    listed: tuple[Order, ...]


@dataclass(frozen=True, slots=True)
class Submit:
    """Place a day's order for regular hours; without a limit it is one at the market."""

    symbol: str
    side: str
    shares: int
    limit: Decimal | None
    name: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """The broker took an order and calls it by this id."""

    order_id: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """Ask for the end of an order."""

    order_id: str


@dataclass(frozen=True, slots=True)
class Asked:
    """It was asked for."""


@dataclass(frozen=True, slots=True)
class Describe:
    """What securities these are."""

    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Security:
    """A security and how many of it are the least one may trade."""

    symbol: str
    lot: int


@dataclass(frozen=True, slots=True)
class Securities:
    """Those of the asked that exist."""

    known: tuple[Security, ...]


@dataclass(frozen=True, slots=True)
class Quote:
    """What these last traded at."""

    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Price:
    """The last trade of a symbol and its time; a price of zero is none."""

    symbol: str
    last: Decimal
    status: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Prices:
    """Those of the asked that exist."""

    known: tuple[Price, ...]


@dataclass(frozen=True, slots=True)
class Depth:
    """The order book of a symbol."""

    symbol: str


@dataclass(frozen=True, slots=True)
class Book:
    """The best price of each side."""

    bid: Decimal | None
    ask: Decimal | None


@dataclass(frozen=True, slots=True)
class Candles:
    """The newest daily bars of a symbol, as traded or adjusted for what it paid since."""

    symbol: str
    count: int
    adjusted: bool


@dataclass(frozen=True, slots=True)
class Bar:
    """A day's prices; `at` is midnight where it was traded."""

    at: datetime
    high: Decimal
    low: Decimal
    close: Decimal


@dataclass(frozen=True, slots=True)
class Bars:
    """Daily bars, the oldest first."""

    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """The broker said no with a code; no code is a line that broke before or after it heard."""

    code: int
    message: str


@dataclass(frozen=True, slots=True)
class Absent:
    """The library is not installed."""


Question: TypeAlias = (
    Open
    | Refresh
    | Balance
    | Holdings
    | Funds
    | Today
    | Past
    | Submit
    | Cancel
    | Describe
    | Quote
    | Depth
    | Candles
)
Answer: TypeAlias = (
    Opened
    | Fresh
    | Money
    | Positions
    | FundNames
    | Orders
    | Accepted
    | Asked
    | Securities
    | Prices
    | Book
    | Bars
    | Refusal
    | Absent
)
_KINDS = {kind.__name__: kind for kind in (*get_args(Question), *get_args(Answer))}


def question_line(question: Question, seconds: float) -> bytes:
    """A question and how long its answer may take."""
    return _line({"seconds": seconds, **_told(question)})


def answer_line(answer: Answer) -> bytes:
    """An answer."""
    return _line(_told(answer))


def read_question(line: bytes) -> tuple[float, Question]:
    """How long an answer may take, and the question."""
    told = json.loads(line)
    question: Question = _understood(told)
    return float(told["seconds"]), question


def read_answer(line: bytes) -> Answer:
    """The answer of a line. Raises ValueError, KeyError or TypeError for what is none."""
    answer: Answer = _understood(json.loads(line))
    return answer


def _line(told: dict[str, Any]) -> bytes:
    return json.dumps(told, default=str).encode() + b"\n"


def _told(value: Question | Answer) -> dict[str, Any]:
    return {"kind": type(value).__name__, "with": asdict(value)}


def _understood(told: Any) -> Any:
    return _read(_KINDS[told["kind"]], told["with"])


def _read(hint: Any, value: Any) -> Any:
    """JSON as what a type hint asks for."""
    if NoneType in get_args(hint):
        hint = next(each for each in get_args(hint) if each is not NoneType)
        return None if value is None else _read(hint, value)
    if get_origin(hint) is tuple:
        return tuple(_read(get_args(hint)[0], each) for each in value)
    if issubclass(hint, date):
        return datetime.fromisoformat(value)
    if hint in _LEAVES:
        return hint(value)
    hints = get_type_hints(hint)
    return hint(**{each.name: _read(hints[each.name], value[each.name]) for each in fields(hint)})


_LEAVES = {str, int, bool, Decimal, Half}
