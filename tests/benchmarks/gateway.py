"""What a gateway adds to a day: from wake to the last order acknowledged, against in-memory fakes.

`python -m tests.benchmarks.gateway` prints it as a table. A simulated gateway runs in another
process and fills at once; nothing waits for a pace or a poll: the clock leaps, and the limit of
messages a second is taken off. The ledger is on the disk; its commits are counted and its time is
stated apart. What the simulator itself computes is stated, too: the wall has it, our CPU has not.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import mean, median
from time import perf_counter, process_time
from typing import Any

import pandas as pd

from adapters.ibkr import Gateway, Ibkr
from adapters.sims.tws_market import Bar, Quote
from adapters.sims.tws_remote import RemoteControl, Started, started
from adapters.synthetic import synthetic_prices
from bot.domain.memory import Outcome, Switch
from bot.domain.model import OrderIntent, OrderReport, Proceeds, Session, Symbol, TradingRules
from bot.domain.strategy import Book, Strategy
from bot.ledger import SqlLedger
from bot.ports import Broker, Desk, Feed, MarketData
from bot.run import run_session
from bot.schedule import JumpingClock
from bot.sessions import nyse
from strategies import profile
from tests.benchmarks.table import Measured, tell
from tests.builders import a_portfolio
from tests.fakes import FakeBroker, Fuse, TimedMarket
from tests.strategies.builders import a_stock

RUNS, SEED = 7, 7
DAY = date(2026, 10, 1)
CALENDAR = nyse(date(2024, 1, 2), date(2027, 12, 31))
SESSIONS = 420
CASH, SAFE = Decimal(200_000), ("BOXX", 1000)
ACCOUNT = "PAPER"
MARGIN = TradingRules(proceeds=Proceeds.MARGIN)
UNPACED = 1_000_000
LEAD = timedelta(minutes=15)
PATIENCE = 60.0
MOST = 3.0  # of the whole by the wall
TICKS = os.sysconf("SC_CLK_TCK")
SECTORS = ("Energy", "Financials", "Health Care", "Industrials", "Technology", "Utilities")
STOCKS = tuple(f"S{number:02}" for number in range(24))
RUSSELL = "russell_1000_multi_factor_defensive"


class Issued:
    """A feed with one snapshot that may be acted on from the day."""

    def __init__(self) -> None:
        named = [a_stock(s, sector=SECTORS[n % 6]) for n, s in enumerate(STOCKS)]
        rows = pd.DataFrame([*named, a_stock("SPY", eligible=False)])
        before = pd.Timestamp(CALENDAR.before(DAY).date)
        self.rows = rows.assign(as_of=before, known_on=pd.Timestamp(DAY))

    async def table(self, session: date) -> pd.DataFrame:
        assert session == DAY
        return self.rows


@dataclass(frozen=True, slots=True)
class Day:
    """A profile, the symbols it needs prices of, and what it reads beside them."""

    name: str
    symbols: tuple[Symbol, ...]
    feeds: Mapping[str, Feed]

    @property
    def strategy(self) -> Strategy:
        return profile(self.name).strategy()

    @property
    def closes(self) -> pd.DataFrame:
        days = CALENDAR.index(CALENDAR.before(DAY, SESSIONS).date, DAY, 0)
        return synthetic_prices(self.symbols, days, SEED).loc[: pd.Timestamp(DAY)].round(2)

    @property
    def prices(self) -> dict[Symbol, Decimal]:
        newest = self.closes.iloc[-1]
        return {s: Decimal(repr(float(newest[s]))) for s in self.symbols}


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds by the wall and of this process, so far."""

    wall: float = 0.0
    cpu: float = 0.0

    @classmethod
    def now(cls) -> "Spent":
        return cls(perf_counter(), process_time())

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.wall + other.wall, self.cpu + other.cpu)

    def __sub__(self, other: "Spent") -> "Spent":
        return Spent(self.wall - other.wall, self.cpu - other.cpu)


class Timed:
    """A ledger whose every call is timed, and whose writing calls are counted."""

    def __init__(self, ledger: SqlLedger) -> None:
        self._ledger = ledger
        self.spent, self.commits = Spent(), 0

    def __getattr__(self, name: str) -> Any:
        reached = getattr(self._ledger, name)

        def timed(*given: Any) -> Any:
            begun = Spent.now()
            try:
                return reached(*given)
            finally:
                self.spent += Spent.now() - begun
                self.commits += name in Fuse.LEDGER

        return timed


@dataclass(frozen=True, slots=True)
class Took:
    """What a run cost until its last order was acknowledged; `ledger` is a part of the `whole`."""

    orders: int
    whole: Spent
    ledger: Spent
    commits: int
    simulator: float = 0.0


class Acknowledged:
    """A broker that looks at the watch whenever it has taken an order."""

    def __init__(self, broker: Broker, ledger: Timed) -> None:
        self._broker, self._ledger = broker, ledger
        self.took, self._begun = Took(0, Spent(), Spent(), 0), Spent.now()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    async def submit(self, order: OrderIntent) -> OrderReport:
        report = await self._broker.submit(order)
        whole, ledger = Spent.now() - self._begun, self._ledger
        self.took = Took(self.took.orders + 1, whole, ledger.spent, ledger.commits)
        return report


def the_session() -> Session:
    session = CALENDAR.on(DAY)
    assert session is not None
    return session


async def live(day: Day, broker: Broker, market: MarketData, clock: JumpingClock) -> Took:
    """One run with a ledger of its own on the disk."""
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(SqlLedger.open(Path(folder) / "ledger.sqlite")) as kept,
    ):
        kept.set_switch("main", Switch.ACTIVE, "", clock.now())
        book = Book("main", day.name, ACCOUNT, day.strategy, MARGIN, LEAD)
        ledger: Any = Timed(kept)
        taking: Any = Acknowledged(broker, ledger)
        desk = Desk(taking, market, CALENDAR, ledger, clock, day.feeds)
        report = await run_session(book, the_session(), desk)
    assert report.outcome is Outcome.COMPLETE, report
    took: Took = taking.took
    return took


async def on_fakes(day: Day) -> Took:
    clock = JumpingClock(the_session().decides_at(LEAD))
    market = TimedMarket(day.closes, CALENDAR, clock)
    market.prices = day.prices
    account = a_portfolio(CASH, account=ACCOUNT, **{SAFE[0]: SAFE[1]})
    return await live(day, FakeBroker(account, market, clock), market, clock)


async def at_the_gateway(day: Day) -> Took:
    """The same over a line that is up and was asked nothing yet, as every morning."""
    options = ("--account", ACCOUNT, "--kind", "margin", "--cash", f"{CASH}", "--no-rates")
    with started(*options, patience=PATIENCE) as sim:
        furnish(sim.control, day)
        clock = JumpingClock(the_session().decides_at(LEAD))
        gateway = Gateway(sim.host, sim.port, messages_per_second=UNPACED)
        line = Ibkr(gateway, CALENDAR, clock)
        try:
            await line.prove()
            before = cpu_of(sim)
            took = await live(day, line.account(ACCOUNT), line, clock)
            return replace(took, simulator=cpu_of(sim) - before)
        finally:
            await line.close()


def cpu_of(sim: Started) -> float:
    """Seconds of CPU a simulator has used, as the kernel counts them."""
    fields = Path(f"/proc/{sim.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def furnish(control: RemoteControl, day: Day) -> None:
    """Let the market be what the fakes say it is."""
    control.travel(the_session().decides_at(LEAD))
    closes = day.closes
    for symbol, price in day.prices.items():
        control.price(symbol, price)
        past = closes[symbol].iloc[:-1].items()
        bars = ((at.date(), Decimal(repr(float(close)))) for at, close in past)
        control.history(symbol, tuple(Bar(on, close, close, close, close) for on, close in bars))
        control.quote(symbol, Quote(price, price, price, price))
    control.hold(SAFE[0], Decimal(SAFE[1]), Decimal(90))


def days() -> list[Day]:
    tqqq = profile("tqqq_growth_income").strategy().needs
    return [
        Day("tqqq_growth_income", tqqq.symbols, {}),
        Day(RUSSELL, (*STOCKS, "BOXX", "SPY"), {RUSSELL: Issued()}),
    ]


WHOLE = "the whole, by the wall"
ROWS: Mapping[str, Callable[[Took], float]] = {
    WHOLE: lambda took: took.whole.wall,
    "the whole, our CPU": lambda took: took.whole.cpu,
    "without the ledger, our CPU": lambda took: took.whole.cpu - took.ledger.cpu,
    "without the ledger, by the wall": lambda took: took.whole.wall - took.ledger.wall,
    "the ledger alone, by the wall": lambda took: took.ledger.wall,
}


def measure() -> Iterator[Measured]:
    """Measure every day: medians in milliseconds."""
    for day in days():
        fakes, gateway = [], []
        for _ in range(RUNS):
            fakes.append(asyncio.run(on_fakes(day)))
            gateway.append(asyncio.run(at_the_gateway(day)))
        first = gateway[0]
        assert {(t.orders, t.commits) for t in (*fakes, *gateway)} == {
            (first.orders, first.commits)
        }
        for name, of in ROWS.items():
            there, here = (1000 * median(map(of, took)) for took in (gateway, fakes))
            most = MOST if name == WHOLE else None
            yield Measured(f"{day.name}: {name}", there, "ms", most, "on fakes", here)
        computed = 1000 * mean(took.simulator for took in gateway)
        run = f"{first.orders} orders, {first.commits} commits"
        yield Measured(f"{day.name}: the simulator's CPU, {run}", computed, "ms")


if __name__ == "__main__":
    tell(measure(), sys.argv)
