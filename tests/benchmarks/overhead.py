"""What a backtest, a run and a command add to what they can not do without.

`python -m tests.benchmarks.overhead` prints it as a table.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from statistics import median

import pandas as pd

from adapters.console import Console
from adapters.synthetic import synthetic_prices
from bot.backtest import Experiment, backtest
from bot.demo import Show, play
from bot.domain.account import Opening
from bot.domain.calendar import Calendar
from bot.domain.features import Features
from bot.domain.model import Proceeds, TradingRules
from bot.domain.strategy import Book, Facts
from bot.sessions import nyse
from bot.sources import BUNDLED_PRICES
from strategies import PROFILES, profile
from strategies.global_etf_rotation import GlobalEtfRotation
from tests.benchmarks.cost import RUNS, cpu
from tests.benchmarks.table import Measured, tell

SEED, DECADE, CASH = 7, 2520, Decimal(25_000)
SAME_DAY = TradingRules(proceeds=Proceeds.SAME_DAY)
FIRST, LAST = date(2026, 6, 15), date(2026, 10, 6)


def child_cpu(*arguments: str) -> float:
    """The median CPU time of a whole process: user and system, as the kernel counts it."""
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, "
        "stdout=subprocess.DEVNULL); r = resource.getrusage(resource.RUSAGE_CHILDREN); "
        "print(r.ru_utime + r.ru_stime)"
    )
    command = [sys.executable, "-c", code, sys.executable, *arguments]
    times = [float(subprocess.check_output(command)) for _ in range(RUNS + 1)]
    return median(times[1:])


def serve_a_quarter() -> None:
    """Run the daemon on paper through the sessions of the bundled prices around a quarter end."""
    with tempfile.TemporaryDirectory() as state:
        show = Show(BUNDLED_PRICES, FIRST, LAST)
        play(show, Path(state), Console(lambda _: None), lambda _: None)


def ask_the_strategy_alone(closes: pd.DataFrame) -> None:
    """Compute and decide the same sessions, each from the history a run would gather."""
    calendar = nyse(date(2024, 1, 1), date(2027, 12, 31))
    strategy = GlobalEtfRotation()
    for session in calendar.between(FIRST, LAST):
        known = closes.loc[: pd.Timestamp(session.date)].iloc[-strategy.needs.sessions :]
        index = calendar.index(known.index[0].date(), session.date)
        Features(strategy, Facts(known, index)).decide(session.date, {})


@dataclass(frozen=True, slots=True)
class Decade:
    """Ten years of invented prices and a profile to be played over them."""

    name: str
    closes: pd.DataFrame
    calendar: Calendar

    @classmethod
    def of(cls, name: str) -> "Decade":
        """The prices a profile needs, the same for everybody who measures."""
        calendar = nyse(date(2012, 1, 3), date(2027, 12, 31))
        days = calendar.index(date(2014, 1, 2), date(2026, 7, 31), 0)
        symbols = profile(name).strategy().needs.symbols
        return cls(name, synthetic_prices(symbols, days, SEED), calendar)

    @property
    def facts(self) -> Facts:
        """Everything known."""
        days = [self.closes.index[0].date(), self.closes.index[-1].date()]
        return Facts(self.closes, self.calendar.index(*days))

    def replay(self) -> None:
        """Play the newest ten years through the backtest."""
        book = Book("bench", self.name, "PAPER", profile(self.name).strategy(), SAME_DAY)
        first = self.calendar.before(self.closes.index[-1].date(), DECADE).date
        backtest(Experiment(book, Opening("PAPER", CASH), first), self.facts, self.calendar)

    def ask(self) -> None:
        """Compute and decide the same sessions, as a book that holds nothing."""
        features = Features(profile(self.name).strategy(), self.facts)
        for day in self.closes.index[-DECADE - 1 :]:
            features.decide(day.date(), {}, float(CASH))


def beside(
    name: str, work: Callable[[], object], against: str, bare: Callable[[], object]
) -> Measured:
    """A piece of work beside what it can not do without."""
    whole, part = cpu(work, bare)
    return Measured(name, whole, "CPU s", against=against, other=part)


def measure() -> list[Measured]:
    """Measure everything once."""
    closes = pd.read_csv(BUNDLED_PRICES, index_col=0, parse_dates=True)
    sessions = nyse(FIRST, LAST).sessions
    decades = [Decade.of(name) for name in PROFILES if not profile(name).strategy().needs.feeds]
    return [
        *(
            beside(
                f"backtest {DECADE} sessions of {decade.name}",
                decade.replay,
                "its numbers and decisions alone",
                decade.ask,
            )
            for decade in decades
        ),
        beside(
            f"serve {len(sessions)} sessions on paper",
            serve_a_quarter,
            "the strategy alone on the same sessions",
            lambda: ask_the_strategy_alone(closes),
        ),
        Measured(
            "bellwether --version",
            child_cpu("-m", "bot", "--version"),
            "CPU s",
            against='python -c "import pandas"',
            other=child_cpu("-c", "import pandas"),
        ),
    ]


if __name__ == "__main__":
    tell(measure(), sys.argv)
