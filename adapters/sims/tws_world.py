"""A broker with its market behind a gateway: everything but the gateway's wires."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from adapters.sims.tws_account import Account, AccountSetup
from adapters.sims.tws_contracts import INDEX, Directory, Instrument, Query, ordinary
from adapters.sims.tws_courses import Courses
from adapters.sims.tws_faults import Faults
from adapters.sims.tws_market import Market, Quote, around
from adapters.sims.tws_order_messages import NEW_YORK
from adapters.sims.tws_orders import Book, Listener, News, Turn
from adapters.sims.tws_record import Clock, Kind, Record


def _utc() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Setup:
    """What there is at the beginning.

    `prices` by symbol, which are listed if `instruments` does not; `seeds_unknown` lists
    any stock a client names, and known indices, at a price drawn from the seed.
    `preset_tif` is what an order without a time in force gets, with a notice; empty gives
    DAY without one. `master_client_id` hears of every order. `rates` limits messages per
    second. `keeps_completed`: ended orders are still listed after a restart.
    """

    accounts: tuple[AccountSetup, ...] = (AccountSetup(),)
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    instruments: tuple[Instrument, ...] = ()
    seed: int = 1
    seeds_unknown: bool = False
    read_only: bool = False
    master_client_id: int | None = None
    preset_tif: str = "DAY"
    rates: bool = True
    keeps_completed: bool = True
    clock: Clock = _utc

    def __post_init__(self) -> None:
        names = [account.name for account in self.accounts]
        if not names or len(set(names)) < len(names):
            raise ValueError("accounts: give at least one, each with a name of its own")
        if any(price <= 0 for price in self.prices.values()):
            raise ValueError("prices: give prices above 0")


class World:
    """The parts of a simulated broker, put together."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self._shift = timedelta()
        self.record = Record(self.now)
        self.directory = Directory()
        self.market = Market(setup.seed)
        self.directory.enter(setup.instruments)
        for symbol, price in setup.prices.items():
            self.price(symbol, price)
        for account in setup.accounts:
            for symbol in account.holdings:
                self._list_if_new(symbol)
        self.accounts = {
            account.name: Account(account, self.directory, self.market)
            for account in setup.accounts
        }
        self.listeners: list[Listener] = []
        self.book = Book(self.now, self._spread)
        self.courses = Courses(self.book, self.market)
        self.market.listeners.append(self.courses.on_move)
        self.faults = Faults()

    def now(self) -> datetime:
        """The time here, in UTC."""
        return self.setup.clock() + self._shift

    @property
    def today(self) -> date:
        """The day at the exchange."""
        return self.now().astimezone(NEW_YORK).date()

    def travel(self, at: datetime) -> None:
        """Let it be that time; it goes on from there."""
        if at.tzinfo is None:
            raise ValueError(f"at is {at}: give a time with its zone")
        self._shift = at - self.setup.clock()

    def price(self, symbol: str, price: Decimal) -> None:
        """Let a symbol trade at a price, listed if it is not."""
        self._list_if_new(symbol)
        instrument = self.directory.named(symbol)
        quote = around(price, instrument.min_tick)
        if instrument.kind == INDEX:
            # Nobody bids for an index.
            quote = Quote(last=price, close=price)
        self.market.move(instrument.con_id, quote)

    def find(self, query: Query) -> tuple[Instrument, ...]:
        """Return what a client may mean, all of it."""
        found = self.directory.find(query)
        new = query.symbol.isalnum() and not self.directory.knows(query.symbol)
        fits = query.kind in {"", ordinary(query.symbol).kind}
        if not found and self.setup.seeds_unknown and new and fits:
            self.price(query.symbol, self.market.draw_price(query.symbol))
            found = self.directory.find(query)
        return found

    def account(self, name: str = "") -> Account:
        """Return an account, the first one if not named. Raises LookupError."""
        wanted = name or next(iter(self.accounts))
        if wanted not in self.accounts:
            raise LookupError(f"account is {wanted}: there are {', '.join(self.accounts)}")
        return self.accounts[wanted]

    def _list_if_new(self, symbol: str) -> None:
        if not self.directory.knows(symbol):
            self.directory.enter([ordinary(symbol)])

    def _spread(self, news: News) -> None:
        self._write_down(news)
        for listener in self.listeners:
            listener(news)

    def _write_down(self, news: News) -> None:
        order, kind = news.order, _KINDS.get(news.turn)
        if kind:
            done = news.execution
            text = f"{done.shares} @ {done.price}" if done else news.text
            what = f"{order.ticket.action} {order.instrument.symbol} {order.permanent_id}"
            self.record.add(kind, order.client_id, what, text)


_KINDS = {
    Turn.EXECUTED: Kind.EXECUTED,
    Turn.CORRECTED: Kind.EXECUTED,
    Turn.CANCELLED: Kind.CANCELLED,
    Turn.REFUSED: Kind.REFUSED,
}
