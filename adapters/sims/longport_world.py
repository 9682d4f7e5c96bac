"""One account at one broker with its market: everything but the wires."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from adapters.sims.longport_account import Account, Fund, Holding
from adapters.sims.longport_calendar import Calendar
from adapters.sims.longport_clock import Clock
from adapters.sims.longport_exchange import Exchange
from adapters.sims.longport_faults import Faults
from adapters.sims.longport_keys import Keys
from adapters.sims.longport_market import Market
from adapters.sims.longport_orders import NOTHING
from adapters.sims.longport_rates import Meter, Rates
from adapters.sims.longport_securities import Security

APP_KEY = "simulated-app-key"
APP_SECRET = "simulated-app-secret"  # noqa: S105 - it opens nothing
ACCOUNT = 10_000_001
TOKEN_DAYS = 90
NO_CASH = Decimal(0)


def _cash() -> dict[str, Decimal]:
    return {"HKD": Decimal(5000), "USD": Decimal(100_000)}


def _worth() -> dict[str, Decimal]:
    return {
        "CNH": Decimal("0.14"),
        "HKD": Decimal("0.128"),
        "SGD": Decimal("0.75"),
        "USD": Decimal(1),
    }


@dataclass(frozen=True, slots=True)
class Setup:
    """What a world begins with.

    `account` is the number a token is issued for. `worth` is a unit of each currency
    in USD, `margin` the multiple of free cash that buys, `connections` how many sockets
    may be open, `history_symbols` of how many symbols history may be asked in a month,
    `history_orders` how many orders a query returns. `history_has_today` and
    `refuses_repeats` are for what the venue does not document: history that contains the
    present day, the same signature refused twice.
    """

    app_key: str = APP_KEY
    app_secret: str = APP_SECRET
    account: int = ACCOUNT
    start: datetime | None = None
    token_days: int = TOKEN_DAYS
    cash: dict[str, Decimal] = field(default_factory=_cash)
    worth: dict[str, Decimal] = field(default_factory=_worth)
    base: str = "HKD"
    margin: Decimal = Decimal(1)
    fee: Decimal = NOTHING
    holdings: tuple[Holding, ...] = ()
    funds: tuple[Fund, ...] = ()
    securities: tuple[Security, ...] = ()
    calendar: Calendar = field(default_factory=Calendar)
    rates: Rates | None = field(default_factory=Rates)
    ping_seconds: float = 10
    connections: int = 10
    history_symbols: int = 100
    history_orders: int = 1000
    history_has_today: bool = False
    refuses_repeats: bool = False

    def __post_init__(self) -> None:
        if self.start is not None and self.start.tzinfo is None:
            raise ValueError("start has no time zone: give one")
        if self.ping_seconds <= 0 or self.margin < 1:
            raise ValueError("ping_seconds are above 0, margin is at least 1")
        unpriced = {*self.cash, self.base} - {*self.worth}
        if unpriced:
            raise ValueError(f"worth lacks {', '.join(sorted(unpriced))}")
        unlisted = {each.symbol for each in self.holdings} - {s.symbol for s in self.securities}
        if unlisted:
            raise ValueError(f"securities lack {', '.join(sorted(unlisted))}, which are held")


@dataclass(frozen=True, slots=True)
class Call:
    """A request of the app's that came over HTTP, carried out or not; `answer` is the code it got.

    No code is an answer that was not given, or not as the API gives one.
    """

    number: int
    call: str
    query: str
    body: str
    at: datetime
    answer: int | None = None


class World:
    """The parts of a simulated broker, put together."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.clock = Clock(setup.start)
        self.keys = Keys(
            setup.app_key,
            setup.app_secret,
            self.clock,
            timedelta(days=setup.token_days),
            setup.account,
        )
        self.keys.refuses_repeats = setup.refuses_repeats
        self.faults = Faults()
        self.meter = Meter(setup.rates)
        self.market = Market(setup.securities, self.clock)
        holdings = {each.symbol: each for each in setup.holdings}
        self.account = Account(dict(setup.cash), holdings, setup.fee)
        self.exchange = Exchange(self.market, self.account, self.clock, setup.margin)
        self.calls: list[Call] = []
