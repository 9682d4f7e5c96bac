"""What a backtest costs beside `bt` and `backtrader` on the same prices and the same targets.

`python -m tests.benchmarks.peers` prints the ratios as a table; it needs the extra
`bench`. Before anything is measured each engine's trades are compared with a plain
ledger: dates, symbols, shares. Every engine trades at the close of the decision,
whole shares, without costs.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache, partial
from math import floor
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import numpy as np
import pandas as pd

from adapters.synthetic import synthetic_prices
from bot.backtest import Experiment, backtest
from bot.domain.account import Opening
from bot.domain.model import Proceeds, TradingRules
from bot.domain.strategy import (
    Book,
    Decision,
    Facts,
    Hold,
    Needs,
    Rebalance,
    Strategy,
    View,
    rotate,
)
from bot.sessions import nyse
from bot.track_record import TrackRecord
from strategies.global_etf_rotation import GlobalEtfRotation
from tests.benchmarks.cost import RUNS, cpu, peak_memory
from tests.benchmarks.table import Measured, tell

CALENDAR = nyse(date(2002, 1, 2), date(2027, 12, 31))
SEED = 7
SESSIONS, CASH = 5000, 1_000_000
SPARE = 0.02  # cash nobody spends, so that nobody needs credit
AVERAGED = 200  # sessions
LAST = date(2026, 7, 31)
ROTATION, SWITCH = "quarterly rotation", "trend switch"
SWITCHED = {True: {"QQQ": 0.7, "BIL": 0.28}, False: {"BIL": 0.98}}

HALF = Decimal("0.5")
Trade = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Course:
    """What everybody is given: closes in cents, and target weights on the days they change."""

    name: str
    closes: pd.DataFrame
    targets: pd.DataFrame

    def keep(self, folder: Path) -> None:
        """Write both tables."""
        self.closes.to_csv(folder / "closes.csv")
        self.targets.to_csv(folder / "targets.csv")

    @classmethod
    def kept(cls, name: str, folder: Path) -> "Course":
        """Read both tables."""
        closes, targets = (
            pd.read_csv(folder / f"{table}.csv", index_col=0, parse_dates=True)
            for table in ("closes", "targets")
        )
        return cls(name, closes, targets)


class FromTable:
    """A strategy that wants what a table says on the days it says anything."""

    def __init__(self, course: Course) -> None:
        symbols = tuple(str(symbol) for symbol in course.closes.columns)
        self.needs = Needs(symbols, symbols, (), 1)
        self._targets = course.targets
        rows = course.targets.to_numpy().tolist()
        self._weights = {
            day.date(): {s: weight for s, weight in zip(symbols, row, strict=True) if weight}
            for day, row in zip(course.targets.index, rows, strict=True)
        }

    def features(self, facts: Facts) -> pd.DataFrame:
        """The rows of the table."""
        return self._targets.loc[self._targets.index.intersection(facts.closes.index)]

    def decide(self, view: View) -> Decision:
        """Leave what is held for the session's row."""
        return rotate(out_of=view.holdings, into=self._weights[view.session], reason="table")


class Rotation(GlobalEtfRotation):
    """The quarterly rotation as a plain ledger can follow it.

    Its safe haven is a fund like others, and its weights leave the spare cash alone.
    """

    def decide(self, view: View) -> Decision:
        """What the profile says, in these terms."""
        said = super().decide(view)
        if isinstance(said, Hold):
            return said
        spent = {symbol: weight * (1 - SPARE) for symbol, weight in said.targets.items()}
        return Rebalance(spent, said.reason, said.flags, lapses=said.lapses)


def play(strategy: Strategy, closes: pd.DataFrame, first: date) -> TrackRecord:
    """Our backtest: the daemon's planner, whole shares at the close, no distance, no band."""
    rules = TradingRules(
        reserve=Decimal(0),
        band=Decimal(0),
        min_notional=Decimal(0),
        buy_premium=Decimal(0),
        sell_discount=Decimal(0),
        dwell=0,
        max_turnover=Decimal(10),
        safe_haven_minimum=Decimal(0),
        proceeds=Proceeds.MARGIN,
    )
    book = Book("bench", "bench", "PAPER", strategy, rules, timedelta(minutes=15))
    index = CALENDAR.index(closes.index[0].date(), closes.index[-1].date())
    experiment = Experiment(book, Opening("PAPER", Decimal(CASH)), first)
    return backtest(experiment, Facts(closes, index), CALENDAR)


def trades_of(record: TrackRecord) -> list[Trade]:
    """Dates, symbols, signed shares."""
    return sorted(
        (str(t.session), t.symbol, t.shares if t.action.takes_shares else -t.shares)
        for t in record.trades
    )


def ours(course: Course) -> list[Trade]:
    """The targets through the planner."""
    return trades_of(play(FromTable(course), course.closes, course.closes.index[1].date()))


def bt(course: Course) -> list[Trade]:
    """The targets through `bt`: its own algorithms, whole shares."""
    import bt as library

    algorithms = [library.algos.WeighTarget(course.targets.fillna(0.0)), library.algos.Rebalance()]
    test = library.Backtest(
        library.Strategy("peer", algorithms),
        course.closes,
        initial_capital=CASH,
        integer_positions=True,
        progress_bar=False,
    )
    test.run()
    made = test.strategy.get_transactions()
    return sorted(
        (str(day.date()), str(symbol), int(shares))
        for (day, symbol), shares in made["quantity"].items()
        if shares
    )


def backtrader(course: Course) -> list[Trade]:
    """The targets through `backtrader`: market orders at the close of the decision."""
    import backtrader as library

    wanted = {day.date(): row.fillna(0.0).to_dict() for day, row in course.targets.iterrows()}
    made: list[Trade] = []

    class Peer(library.Strategy):  # type: ignore[misc, name-defined] - it has no types
        def next(self) -> None:
            today = self.datas[0].datetime.date(0)
            row = wanted.get(today)
            if row is None:
                return
            equity = self.broker.getvalue()
            gaps = {
                data: int(row[data._name] * equity / data[0] - self.getposition(data).size)
                for data in self.datas
            }
            for data, shares in sorted(gaps.items(), key=lambda gap: gap[1]):
                if shares > 0:
                    self.buy(data, size=shares)
                elif shares < 0:
                    self.sell(data, size=-shares)

        def notify_order(self, order: Any) -> None:
            if order.status == order.Completed:
                day = library.num2date(order.created.dt).date()
                made.append((str(day), order.data._name, int(order.executed.size)))

    cerebro = library.Cerebro(stdstats=False)
    for symbol in course.closes.columns:
        bars = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), course.closes[symbol]))
        cerebro.adddata(library.feeds.PandasData(dataname=bars.assign(volume=0.0)), name=symbol)
    cerebro.addstrategy(Peer)
    cerebro.broker.setcash(float(CASH))
    cerebro.broker.set_coc(True)
    cerebro.broker.set_checksubmit(False)
    cerebro.run()
    return sorted(made)


def ledger(course: Course, engine: str) -> list[Trade]:
    """The plain ledger an engine is held against: whole shares of each gap, by its own rounding.

    `backtrader` is told gaps cut to whole shares; `bt` rounds a sale up. We cut,
    buy nothing on credit, and give left-over cash share by share to the largest gap
    of at least half a share.
    """
    up = engine == "ours"
    cash, held, made = Decimal(CASH), dict.fromkeys(course.closes.columns, 0), []
    for day, row in course.targets.iterrows():
        price = {s: Decimal(repr(float(p))) for s, p in course.closes.loc[day].items()}
        wanted = {s: Decimal(repr(float(w))) for s, w in row.fillna(0.0).items()}
        equity = cash + sum(held[s] * price[s] for s in held)
        gap = {s: wanted[s] * equity - held[s] * price[s] for s in held}
        rounded = floor if engine == "bt" else int
        moved = {s: rounded(gap[s] / price[s]) for s in held}
        cash -= sum(n * price[s] for s, n in moved.items() if n < 0)
        for s in [s for s, n in moved.items() if n > 0]:
            moved[s] = min(moved[s], int(cash / price[s])) if up else moved[s]
            cash -= moved[s] * price[s]
        while up:
            open_to_one = {
                s: gap[s] - moved[s] * price[s]
                for s in held
                if gap[s] > 0
                and gap[s] - moved[s] * price[s] >= HALF * price[s]
                and cash >= price[s]
            }
            if not open_to_one:
                break
            largest = max(open_to_one, key=open_to_one.__getitem__)
            moved[largest] += 1
            cash -= price[largest]
        for s, n in moved.items():
            held[s] += n
        made += [(str(day.date()), s, n) for s, n in moved.items() if n]
    return sorted(made)


def with_its_numbers() -> TrackRecord:
    """Twenty years of the quarterly rotation with its daily canaries, decided by itself."""
    strategy = Rotation()
    closes = history()
    return play(strategy, closes, closes.index[-SESSIONS].date())


@cache
def history() -> pd.DataFrame:
    """The closes of the rotation, with those its first decision needs."""
    needs = Rotation().needs
    return invented(needs.symbols, SESSIONS + needs.sessions + 1)


def rotation() -> Course:
    """The same as a table: when it wanted what."""
    closes, wanted = history(), with_its_numbers().wanted
    targets = wanted.reindex(columns=closes.columns).fillna(0.0)
    return Course(ROTATION, closes.iloc[-SESSIONS - 1 :], targets)


def changes() -> Course:
    """The same without what is wanted again: an emergency is, on every day it lasts."""
    every = rotation()
    again = (every.targets == every.targets.shift()).all(axis=1)
    lasts = np.diff(every.closes.index.searchsorted(every.targets.index), prepend=0) == 1
    return replace(every, targets=every.targets[~(again & lasts)])


def switch() -> Course:
    """Twenty years of a switch between a fund and bills, asked daily, by a moving average."""
    closes = invented(("QQQ", "IWM", "BIL"), SESSIONS + AVERAGED + 1)
    above = (closes["QQQ"] > closes["QQQ"].rolling(AVERAGED).mean()).iloc[-SESSIONS:]
    turned = above[above != above.shift()]
    rows = {day: SWITCHED[bool(up)] for day, up in turned.items()}
    targets = pd.DataFrame.from_dict(rows, orient="index").reindex(columns=closes.columns)
    return Course(SWITCH, closes.iloc[-SESSIONS - 1 :], targets.fillna(0.0))


def invented(symbols: tuple[str, ...], rows: int) -> pd.DataFrame:
    """Closes in cents up to the last session."""
    days = CALENDAR.index(CALENDAR.before(LAST, rows - 1).date, LAST, 0)
    return synthetic_prices(symbols, days, SEED).round(2)


ENGINES: dict[str, Callable[[Course], list[Trade]]] = {
    "ours": ours,
    "bt": bt,
    "backtrader": backtrader,
}


def prove(course: Course) -> None:
    """Each engine's trades are those of the plain ledger. Raises AssertionError."""
    for name, engine in ENGINES.items():
        assert engine(course) == ledger(course, name), f"{name}: {course.name}"


def whole(name: str, folder: Path) -> tuple[float, float]:
    """CPU seconds and peak MiB of a process that reads the tables and plays them."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.benchmarks.peers", name, str(folder)]
    told = [json.loads(subprocess.check_output(command)) for _ in range(RUNS)]
    return median(seconds for seconds, _ in told), median(memory for _, memory in told)


def alone(name: str, folder: Path) -> None:
    """Be such a process."""
    ENGINES[name](Course.kept(name, folder))
    sys.stdout.write(json.dumps([process_time(), peak_memory()]))


def measure() -> Iterator[Measured]:
    """Prove, then measure everything once."""
    rotates = {"bt": 0.5, "backtrader": 0.1}
    for course, limits in ((rotation(), rotates), (changes(), rotates), (switch(), {"bt": 1.0})):
        prove(course)
        mine, *others = cpu(*(partial(ENGINES[name], course) for name in ("ours", *limits)))
        size = f"{course.name}, {len(course.closes)} sessions × {course.closes.shape[1]}"
        name = f"{size}, {len(course.targets)} targets"
        for (peer, most), other in zip(limits.items(), others, strict=True):
            yield Measured(name, mine, "CPU s", most, peer, other)
    yield from with_features(rotation(), changes())
    yield from of_the_whole(rotation())


def with_features(course: Course, fewer: Course) -> Iterator[Measured]:
    """The rotation with its numbers beside `bt` with the targets it decides.

    How `bt` fares that is told of changes only is stated too: it then has a fifth of
    the decisions, and keeps to no weight while an emergency lasts.
    """
    assert trades_of(with_its_numbers()) == ledger(course, "ours"), f"{course.name}, its numbers"
    tables = (course, 0.7), (fewer, None)
    mine, *others = cpu(with_its_numbers, *(partial(bt, table) for table, _ in tables))
    for (table, most), other in zip(tables, others, strict=True):
        peer = f"bt, {len(table.targets)} targets"
        yield Measured(f"{course.name}, features included", mine, "CPU s", most, peer, other)


def of_the_whole(course: Course) -> Iterator[Measured]:
    """The rotation as processes that read their tables."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        course.keep(folder)
        (seconds, memory), (theirs, their_memory) = whole("ours", folder), whole("bt", folder)
    size = f"{course.name}, whole process"
    yield Measured(size, seconds, "CPU s", 0.5, "bt", theirs)
    yield Measured(size, memory, "peak MiB", 0.7, "bt", their_memory)


def main(arguments: list[str]) -> None:
    """Measure; or with an engine and a folder, be one measured process."""
    match arguments:
        case [engine, folder]:
            alone(engine, Path(folder))
        case _:
            tell(measure(), arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
