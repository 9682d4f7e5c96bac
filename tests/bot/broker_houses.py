"""A user's folder with a book at a simulated broker in another process, and the same on paper."""

import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TypeAlias

import pandas as pd

from adapters.sims import longport_faults, longport_remote, longport_securities, schwab_remote
from adapters.sims.longport_account import Holding
from adapters.sims.longport_world import ACCOUNT, Setup
from adapters.sims.schwab_accounts import Account, AccountKind, Position
from adapters.sims.schwab_faults import Fault, FaultKind, Operation
from adapters.sims.schwab_market import Listing, Quote
from adapters.synthetic import BUNDLED
from bot import app
from bot.domain.memory import Decided, RunReport, Switch
from bot.domain.model import RunKey, Symbol
from bot.ledger import SqlLedger
from config.settings import Settings, load
from tests.adapters.longport_world import us
from tests.adapters.schwab_world import NUMBER, log_in
from tests.bot.daemon_process import Daemon, daemon
from tests.bot.scratch import closes

BOOK, PROFILE = "main", "tqqq_growth_income"
FUNDS = ("QQQ", "TQQQ", "BOXX", "SPYI", "QQQI")
# All of it in the safe haven, so that a day has sells and buys.
CASH, SHARES = Decimal(5_000), {"BOXX": 160}
VIX = Decimal("18.42")
DAY, NEXT = date(2026, 9, 30), date(2026, 10, 1)
BARS = 270
PATIENCE = 60.0  # seconds a simulator is given to answer its hand
FOR_EVER = 60.0  # seconds: by then nobody waits any more
LOOK_AGAIN = 0.01
SUBMIT = "POST /v1/trade/order"

# What traded: symbol, buy or sell, shares, average price.
Trade: TypeAlias = tuple[Symbol, str, int, str]
Export: TypeAlias = Callable[[str, str], None]


def new_york(day: date, hour: int, minute: int = 0) -> datetime:
    """A time of a summer day at the exchange."""
    return datetime(day.year, day.month, day.day, hour + 4, minute, tzinfo=UTC)


def span(day: date) -> tuple[datetime, datetime]:
    """From shortly before the wake of a day until its session is over for the daemon, too."""
    return new_york(day, 15, 44), new_york(day, 16, 20)


def prices_of(day: date) -> dict[Symbol, Decimal]:
    row = closes().set_index("date").loc[f"{day}"]
    return {symbol: Decimal(repr(float(row[symbol]))) for symbol in FUNDS}


@dataclass
class House:
    """The folder: settings, ledger, what a run kept; `kind` is of the broker."""

    folder: Path
    kind: str = ""
    entry: str = ""
    control_url: str = ""
    account: str = "practice"
    mode: str = "live"

    @property
    def config(self) -> Path:
        return self.folder / "bot.toml"

    def write(self, more: str = "") -> None:
        confirm = f'confirm = "{self.account}"' if self.mode == "live" else ""
        text = f"""
mode = "{self.mode}"
{more}
[markets.prices]
kind = "tables"
path = "{BUNDLED}"
[brokers.real]
account = "{self.account}"
{self.entry}
[books.{BOOK}]
broker = "real"
profile = "{PROFILE}"
{confirm}
"""
        self.config.write_text(text, "utf-8")
        with app.keeping(self.settings()) as ledger:
            # The owner has handed over what the account holds.
            ledger.set_switch(BOOK, Switch.ACTIVE, "", new_york(DAY, 9))

    def settings(self) -> Settings:
        return load(self.config)

    def daemon(self, *times: datetime) -> AbstractContextManager[Daemon]:
        return daemon(self.config, self.kind, self.control_url, (times[0], times[1]))

    def report(self, day: date = DAY) -> RunReport | None:
        with closing(SqlLedger.open(app.ledger_path(self.settings()), read_only=True)) as ledger:
            return ledger.report(RunKey(BOOK, day))

    def decision(self, day: date = DAY) -> Decided | None:
        with closing(SqlLedger.open(app.ledger_path(self.settings()), read_only=True)) as ledger:
            return ledger.decision(RunKey(BOOK, day))

    def traded(self, day: date = DAY) -> list[Trade]:
        """What the book's ledger says that traded, in order."""
        report = self.report(day)
        assert report is not None
        return [
            (s.intent.symbol, s.intent.action.value, s.filled, f"{s.report.average_price:.4f}")
            for s in report.orders
            if s.filled and s.report is not None
        ]


class RealHouse(House, ABC):
    """The same with a broker in another process, and the hand that plays it.

    `processes` is how many the daemon has of its own while it trades, `unreached` what
    a blocked book says when nobody answers there.
    """

    processes = 0
    unreached = "can not be reached"

    @abstractmethod
    def open_on(self, day: date) -> None:
        """Let the market say what it says on a day."""

    @abstractmethod
    def booked(self) -> Counter[tuple[Symbol, str]]:
        """Shares that traded or still may, by the broker's own record."""

    @abstractmethod
    def asked(self) -> int:
        """How many orders were ever sent, heard or not."""

    @abstractmethod
    def hang(self, spared: int, *, heard: bool) -> None:
        """Let an order find no answer, after so many that do; booked or not."""

    @abstractmethod
    def settle(self) -> None:
        """Let the money of all trades be settled."""

    @abstractmethod
    def now(self) -> datetime:
        """What time it is over there."""

    def waits_for(self, at: datetime) -> None:
        """Look on until time has come to a moment, where it stands until it is told to go on."""
        _eventually(lambda: self.now() >= at)

    def decides(self, day: date = DAY) -> None:
        """Look on until a run has decided."""
        _eventually(lambda: self.decision(day) is not None)

    @abstractmethod
    def cut(self) -> None:
        """Begin an outage."""

    @abstractmethod
    def restore(self) -> None:
        """End it."""


@contextmanager
def on_paper(folder: Path) -> Iterator[House]:
    """The built-in broker with the same money, the same shares and the same prices."""
    folder.mkdir()
    held = ", ".join(f"{symbol} = {n}" for symbol, n in SHARES.items())
    entry = f'kind = "paper"\nmarket = "prices"\ncash = {CASH}\nshares = {{ {held} }}'
    house = House(folder, entry=entry, mode="paper")
    house.write()
    yield house


@dataclass
class SchwabHouse(RealHouse):
    """At Schwab, with the history of a file: Schwab's own knows no dividends."""

    sim: schwab_remote.Started = field(kw_only=True)

    @property
    def control(self) -> schwab_remote.RemoteControl:
        return self.sim.control

    def open_on(self, day: date) -> None:
        for symbol, price in prices_of(day).items():
            self.control.quote(Quote(symbol, price, price, price))
        self.control.quote(Quote("$VIX", VIX, listing=Listing.INDEX))

    def log_in(self, at: datetime, age: timedelta = timedelta()) -> None:
        log_in(self.folder / "login.json", self.control, at, age.total_seconds())

    def booked(self) -> Counter[tuple[Symbol, str]]:
        shares: Counter[tuple[Symbol, str]] = Counter()
        for order in self.control.orders(NUMBER):
            rest = 0 if order.final else order.rest
            key = order.ticket.symbol, order.ticket.instruction.value.lower()
            shares[key] += int(order.filled + rest)
        return shares

    def asked(self) -> int:
        return len(self.control.calls(Operation.PLACE))

    def hang(self, spared: int, *, heard: bool) -> None:
        kind = FaultKind.DELAY if heard else FaultKind.HANG
        self.control.fail(Fault(kind, Operation.PLACE, spared=spared, seconds=FOR_EVER))

    def settle(self) -> None:
        self.control.settle()

    def now(self) -> datetime:
        return self.control.now()

    def cut(self) -> None:
        self.control.cut()

    def restore(self) -> None:
        self.control.restore()


@contextmanager
def at_schwab(folder: Path, export: Export) -> Iterator[SchwabHouse]:
    """An account at Schwab shortly before the wake of the day; its secrets are exported."""
    begins = span(DAY)[0]
    options = ("--frozen", "--at", begins.isoformat())
    with schwab_remote.started(folder / "ca.pem", *options, patience=PATIENCE) as sim:
        held = tuple(Position(symbol, Decimal(n), Decimal(90)) for symbol, n in SHARES.items())
        sim.control.set_account(Account(NUMBER, AccountKind.CASH, CASH, positions=held))
        export("BELLWETHER_SCHWAB_APP_KEY", sim.app.key)
        export("BELLWETHER_SCHWAB_APP_SECRET", sim.app.secret)
        entry = f"""kind = "schwab"
market = "prices"
token_file = "login.json"
callback = "{sim.app.callback}"
proxy = "{sim.proxy_url}"
ca_file = "{sim.ca_file}"
answer_seconds = 5
"""
        house = SchwabHouse(folder, "schwab", entry, sim.control._url, NUMBER, sim=sim)
        house.open_on(DAY)
        house.log_in(begins)
        house.write()
        yield house


@dataclass
class LongPortHouse(RealHouse):
    """At LongBridge, with its own history."""

    processes = 2

    sim: longport_remote.Started = field(kw_only=True)

    @property
    def control(self) -> longport_remote.RemoteControl:
        return self.sim.control

    @property
    def token_file(self) -> Path:
        return self.folder / "token"

    def open_on(self, day: date) -> None:
        for security in _securities(FUNDS, day):
            self.control.list_security(security)
        for symbol, price in {**prices_of(day), "SPY": Decimal(600)}.items():
            self.control.quote(longport_securities.quoted(us(symbol), price, price))
        self.control.list_security(longport_securities.Security(".VIX.US"))
        self.control.quote(longport_securities.quoted(".VIX.US", VIX, VIX))

    def keep_token(self) -> None:
        """Put the newest token where it is looked for."""
        self.token_file.write_text(self.control.access().access_token, "ascii")
        self.token_file.chmod(0o600)

    def booked(self) -> Counter[tuple[Symbol, str]]:
        shares: Counter[tuple[Symbol, str]] = Counter()
        for order in self.control.orders():
            rest = Decimal(0) if order.status.final else order.ticket.quantity - order.executed
            key = order.ticket.symbol.removesuffix(".US"), order.ticket.side.name.lower()
            shares[key] += int(order.executed + rest)
        return shares

    def asked(self) -> int:
        return len(self.control.calls(SUBMIT))

    def hang(self, spared: int, *, heard: bool) -> None:
        self.control.fail(
            longport_faults.Fault(
                longport_faults.FaultKind.HANG, SUBMIT, after=heard, spared=spared
            )
        )

    def settle(self) -> None:
        """What it was paid for is settled at once."""

    def now(self) -> datetime:
        return self.control.now()

    def cut(self) -> None:
        self.control.cut()

    def restore(self) -> None:
        self.control.restore()


@contextmanager
def at_longport(folder: Path, export: Export) -> Iterator[LongPortHouse]:
    """An account at LongBridge shortly before the wake of the day; its secrets are exported."""
    begins = span(DAY)[0]
    held = tuple(Holding(us(symbol), Decimal(n), Decimal(90)) for symbol, n in SHARES.items())
    setup = Setup(
        start=begins,
        cash={"USD": CASH, "HKD": Decimal(5000)},
        holdings=held,
        securities=(*_securities(FUNDS, DAY), longport_securities.Security("SPY.US")),
        rates=None,
    )
    with longport_remote.started(setup, patience=PATIENCE) as sim:
        access = sim.control.access()
        export("BELLWETHER_LONGPORT_APP_KEY", access.app_key)
        export("BELLWETHER_LONGPORT_APP_SECRET", access.app_secret)
        entry = f"""kind = "longport"
token_file = "token"
http = "{access.http_url}"
quotes = "{access.quote_ws_url}"
trades = "{access.trade_ws_url}"
"""
        house = LongPortHouse(folder, "longport", entry, sim.control._url, str(ACCOUNT), sim=sim)
        house.open_on(DAY)
        house.keep_token()
        house.write()
        yield house


def _securities(symbols: Iterable[Symbol], today: date) -> Iterator[longport_securities.Security]:
    table = closes().set_index("date").loc[: f"{today - timedelta(days=1)}"].tail(BARS)
    for symbol in symbols:
        bars = tuple(_bar(day, price) for day, price in table[symbol].items())
        yield longport_securities.Security(us(symbol), bars=bars)


def _bar(day: object, price: float) -> longport_securities.Bar:
    value = Decimal(repr(float(price)))
    return longport_securities.Bar(pd.Timestamp(str(day)).date(), value, value, value, value)


def _eventually(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(LOOK_AGAIN)
