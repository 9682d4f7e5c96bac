"""A broker with one login in it: everything but its wires."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from adapters.sims.schwab_accounts import Account, AccountKind, Accounts
from adapters.sims.schwab_answers import Json
from adapters.sims.schwab_book import Book
from adapters.sims.schwab_clock import Clock
from adapters.sims.schwab_faults import Faults, Operation
from adapters.sims.schwab_limits import Limits, Meter
from adapters.sims.schwab_market import Market, Quote
from adapters.sims.schwab_tokens import App, Tokens

# The account the app trades is not the first one the broker lists.
OTHER = Account("10001000", AccountKind.MARGIN, Decimal(500))
MAIN = Account("20002000", AccountKind.CASH, Decimal(10_000))


@dataclass(frozen=True, slots=True)
class Setup:
    """How a simulated broker begins; the last account is the one meant where none is named.

    Without `at` the clock is the system's; without limits, nobody asks too often.
    """

    app: App = field(default_factory=App)
    accounts: tuple[Account, ...] = (OTHER, MAIN)
    quotes: tuple[Quote, ...] = ()
    limits: Limits | None = field(default_factory=Limits)
    at: datetime | None = None
    running: bool = True

    def __post_init__(self) -> None:
        numbers = [account.number for account in self.accounts]
        if not numbers or len(set(numbers)) < len(numbers):
            raise ValueError(f"accounts are {numbers}: give one or more, each once")
        for number in numbers:
            if not number.isdigit():
                raise ValueError(f"account is {number}: give digits only")


@dataclass(frozen=True, slots=True)
class Call:
    """One request and how it was answered; status 0 where it was not."""

    number: int
    at: datetime
    operation: Operation
    method: str
    path: str
    status: int = 0


class World:
    """The parts of a simulated broker, put together."""

    def __init__(self, setup: Setup) -> None:
        self.main = setup.accounts[-1].number
        self.clock = Clock(setup.at, running=setup.running)
        self.faults = Faults()
        self.meter = Meter(self.clock, setup.limits)
        self.tokens = Tokens(setup.app, self.clock)
        self.accounts = Accounts(setup.accounts, self.clock)
        self.market = Market(self.clock, setup.quotes)
        self.book = Book(self.clock, self.accounts, self.market)
        self.list_lag = 0.0
        self.strange: dict[str, list[Json]] = {each.number: [] for each in setup.accounts}
        self.calls: list[Call] = []
        self._under_way: set[asyncio.Task[object]] = set()

    def account(self, number: str | None) -> str:
        """Return an account's number, the main one's if not named. Raises LookupError."""
        return self.accounts.now(number or self.main).number

    def keep(self, task: "asyncio.Task[object]") -> None:
        """Let something go on that nobody may be waiting for."""
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    def close(self) -> None:
        """Leave off what is under way."""
        for task in self._under_way:
            task.cancel()
