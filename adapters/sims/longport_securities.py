"""What is traded and what the market says of it: securities, bars, quotes, order books."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import IntEnum
from zoneinfo import ZoneInfo

from adapters.sims.bars import Bar

REGIONS = {"US": "US", "HK": "HK", "SH": "CN", "SZ": "CN", "SG": "SG"}
CURRENCIES = {"US": "USD", "HK": "HKD", "CN": "CNH", "SG": "SGD"}
ZONES = {
    "US": ZoneInfo("America/New_York"),
    "HK": ZoneInfo("Asia/Hong_Kong"),
    "CN": ZoneInfo("Asia/Shanghai"),
    "SG": ZoneInfo("Asia/Singapore"),
}


class TradeStatus(IntEnum):
    """Whether a security is traded, as far as needed here."""

    NORMAL = 0
    HALTED = 1
    SUSPENDED = 10


class TradeSession(IntEnum):
    """Which part of the day a trade belongs to."""

    REGULAR = 0
    PRE_MARKET = 1
    POST_MARKET = 2
    OVERNIGHT = 3


@dataclass(frozen=True, slots=True)
class Security:
    """Something to trade: `bars` as traded, `adjusted` forward, or the same where none are given.

    The currency is its market's where none is given.
    """

    symbol: str
    name: str = ""
    lot: int = 1
    currency: str = ""
    exchange: str = ""
    board: str = ""
    bars: tuple[Bar, ...] = ()
    adjusted: tuple[Bar, ...] = ()

    def __post_init__(self) -> None:
        market_of(self.symbol)
        if self.lot < 1:
            raise ValueError(f"{self.symbol}: lot is {self.lot}: give 1 or more")

    @property
    def market(self) -> str:
        """US, HK, CN or SG."""
        return market_of(self.symbol)

    @property
    def money(self) -> str:
        """The currency it is traded in."""
        return self.currency or CURRENCIES[self.market]


@dataclass(frozen=True, slots=True)
class Level:
    """A price of one side of the order book; none is sent as the venue sends a missing one."""

    price: Decimal | None
    size: int = 100
    orders: int = 1


@dataclass(frozen=True, slots=True)
class Quote:
    """What the market says of a symbol now; a price that is missing is None.

    `bids` and `asks` are the order book, the best first. `at` is the moment it is set
    where none is given.
    """

    symbol: str
    last: Decimal | None
    prev_close: Decimal | None = None
    open: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    volume: int = 0
    at: datetime | None = None
    status: TradeStatus = TradeStatus.NORMAL
    session: TradeSession = TradeSession.REGULAR
    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()

    @property
    def bid(self) -> Decimal | None:
        """What a sale would bring."""
        return self.bids[0].price if self.bids else None

    @property
    def ask(self) -> Decimal | None:
        """What a purchase would cost."""
        return self.asks[0].price if self.asks else None


def quoted(symbol: str, bid: Decimal, ask: Decimal, last: Decimal | None = None) -> Quote:
    """A quote with one price on each side; the last trade was at the bid where none is given."""
    return Quote(symbol, last or bid, bids=(Level(bid),), asks=(Level(ask),))


def market_of(symbol: str) -> str:
    """The market a symbol's ending names. Raises ValueError."""
    code, _, region = symbol.rpartition(".")
    if not code or region not in REGIONS:
        raise ValueError(f"symbol is {symbol!r}: give it an ending of {', '.join(REGIONS)}")
    return REGIONS[region]


def local_day(symbol: str, at: datetime) -> date:
    """The date of a moment where a symbol is traded."""
    return at.astimezone(ZONES[market_of(symbol)]).date()


def midnight(symbol: str, day: date) -> datetime:
    """When a date begins where a symbol is traded."""
    return datetime.combine(day, time(), ZONES[market_of(symbol)]).astimezone(UTC)
