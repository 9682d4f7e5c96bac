"""The worlds brokers are tested in: an account, its market, its clock, and another hand in it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from adapters.dry_run import DryRun
from adapters.paper import PaperBroker
from bot.domain.account import Opening
from bot.domain.calendar import Calendar
from bot.domain.fills import FillRules
from bot.domain.model import OrderIntent, OrderReport, OrderStatus, Portfolio, Symbol
from bot.ports import Broker, Capabilities
from bot.schedule import JumpingClock
from tests.builders import NOW, Money, a_portfolio, a_quote, a_run, a_session, quotes
from tests.fakes import FixedMarket

FIRST, LAST = date(2026, 3, 2), date(2026, 4, 30)
DAYS = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
CALENDAR = Calendar([a_session(day) for day in DAYS if day.weekday() < 5], FIRST, LAST)
FREE = FillRules()


class World(ABC):
    """What the suite of all brokers needs; VOO begins at 100 and BIL at 50."""

    broker: Broker

    @abstractmethod
    def restart(self) -> None:
        """Have `broker` be a new adapter of the same account."""

    @abstractmethod
    async def by_hand(self, order: OrderIntent) -> None:
        """Let the owner enter an order in the broker's own application."""

    @abstractmethod
    def quote(self, symbol: Symbol, price: Money) -> None:
        """Move a price."""

    @abstractmethod
    def cut(self) -> None:
        """Let every further read fail."""


class SimulatedWorld(World):
    """A world whose market is a table and whose time stands."""

    def __init__(self) -> None:
        self.clock = JumpingClock(NOW)
        self.market = FixedMarket(quotes(VOO=100, BIL=50))

    def quote(self, symbol: Symbol, price: Money) -> None:
        self.market.table[symbol] = a_quote(symbol, price)

    def tomorrow(self) -> None:
        self.clock.jump(self.clock.now() + timedelta(days=1))

    def cut(self) -> None:
        self.market.down = True


class PaperWorld(SimulatedWorld):
    """A paper account."""

    broker: PaperBroker

    def __init__(
        self, path: Path, rules: FillRules = FREE, cash: Money = 1000, **shares: Money
    ) -> None:
        super().__init__()
        self.path, self.rules = path, rules
        self.opening = Opening.of(a_portfolio(cash, **shares))
        self.restart()

    def restarted(self) -> PaperBroker:
        return PaperBroker(self.opening, self.path, self.market, CALENDAR, self.clock, self.rules)

    def restart(self) -> None:
        self.broker = self.restarted()

    async def by_hand(self, order: OrderIntent) -> None:
        await self.broker.submit(replace(order, run=a_run("owner")))


class RealAccount:
    """A broker that may be read; to be asked for anything else is the failure it is here for."""

    def __init__(self, account: Portfolio) -> None:
        self.account = account
        self.orders: list[OrderReport] = []
        self.capabilities = Capabilities()
        self.down = False

    async def portfolio(self) -> Portfolio:
        if self.down:
            raise ConnectionError
        return self.account

    async def orders_today(self) -> Sequence[OrderReport]:
        if self.down:
            raise ConnectionError
        return list(self.orders)

    async def submit(self, order: OrderIntent) -> OrderReport:
        raise AssertionError(order)

    async def cancel(self, order: OrderIntent) -> None:
        raise AssertionError(order)


class DryWorld(SimulatedWorld):
    """A preview of a real account."""

    broker: DryRun

    def __init__(self, folder: Path, account: Portfolio) -> None:
        super().__init__()
        self.folder, self.real = folder, RealAccount(account)
        self.restart()

    def simulated(self, day: date, portfolio: Portfolio) -> PaperBroker:
        journal = self.folder / f"{day}.jsonl"
        opening = Opening.of(portfolio)
        return PaperBroker(opening, journal, self.market, CALENDAR, self.clock, FREE)

    def restart(self) -> None:
        self.broker = DryRun(self.real, self.simulated, self.clock)

    async def by_hand(self, order: OrderIntent) -> None:
        report = OrderReport.of(replace(order, run=a_run("owner")), OrderStatus.WORKING)
        self.real.orders.append(report)

    def cut(self) -> None:
        super().cut()
        self.real.down = True
