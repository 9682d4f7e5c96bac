"""The same book over the same prices, once by the daemon and once by the backtest."""

import asyncio
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd

from adapters.synthetic import synthetic_prices
from bot import app
from bot.app import Time
from bot.daemon import serve
from bot.demo import MORNING
from bot.domain.memory import Switch
from bot.domain.model import Symbol
from bot.remembering import Ledger
from bot.schedule import UTC, JumpingClock, JumpingWakes
from bot.sessions import nyse
from bot.trial import Wish, attempt
from config.settings import Settings, checked
from strategies import PROFILES
from tests.fakes import Phone

# What an order that traded is: session, symbol, action, shares, average price, commission.
Trade: TypeAlias = tuple[str, str, str, int, str, str]

CALENDAR = nyse(date(2005, 1, 1), date(2027, 12, 31))
ALL_RUNS = 100_000


def a_book(
    name: str,
    prices: Path,
    rules: Mapping[str, object] | None = None,
    broker: Mapping[str, object] | None = None,
    market: Mapping[str, object] | None = None,
) -> Settings:
    """The settings of one book on paper; `rules`, `broker` and `market` are what differs."""
    paper = {"kind": "paper", "market": "prices", "cash": 25_000, **(broker or {})}
    book = {"profile": name, "broker": "paper", "rules": dict(rules or {})}
    return checked(
        {
            "mode": "paper",
            "markets": {"prices": {"kind": "tables", "path": prices, **(market or {})}},
            "brokers": {"paper": paper},
            "books": {"main": book},
        }
    )


def live(settings: Settings, first: date, last: date) -> list[Trade]:
    """What `serve` trades: jumping wakes, inbox, SQLite and the paper broker."""
    with tempfile.TemporaryDirectory() as state:
        kept = settings.model_copy(update={"state_dir": Path(state)})
        clock = JumpingClock(datetime.combine(first, MORNING, UTC))
        wakes = JumpingWakes(clock)
        with app.keeping(kept) as ledger:
            house = app.house(kept, ledger, lambda _: Time(clock, wakes, last), Phone())
            ledger.set_switch("main", Switch.ACTIVE, "", clock.now())
            asyncio.run(serve(house.seats, asyncio.Event(), [wakes.run]))
            return _kept(ledger)


def _kept(ledger: Ledger) -> list[Trade]:
    return [
        (
            run.session.isoformat(),
            s.report.symbol,
            s.report.action.value,
            s.filled,
            f"{s.report.average_price.normalize():f}",
            f"{s.report.commission.normalize():f}",
        )
        for run in reversed(ledger.runs("main", ALL_RUNS))
        for s in ledger.standings(run)
        if s.filled and s.report is not None and s.report.average_price is not None
    ]


def replayed(settings: Settings, first: date, last: date) -> list[Trade]:
    """What the backtest trades."""
    wish = Wish(book="main", first=first, last=last)
    trial = attempt(wish, settings, lambda _done, _of: None)
    return [
        (
            trade.session.isoformat(),
            trade.symbol,
            trade.action.value,
            trade.shares,
            f"{trade.price.normalize():f}",
            f"{trade.commission.normalize():f}",
        )
        for trade in trial.record.trades
    ]


def seeded(folder: Path, sessions: int, last: date, seed: int) -> Path:
    """A file of invented prices of every symbol of every profile."""
    days = CALENDAR.index(CALENDAR.before(last, sessions).date, last, 0)
    needs = [told.strategy().needs for told in PROFILES.values()]
    symbols = tuple(dict.fromkeys(symbol for need in needs for symbol in need.symbols))
    return written(synthetic_prices(symbols, days, seed), folder / f"seed-{seed}.csv")


def dirty(closes: pd.DataFrame, seed: int, spared: Sequence[Symbol]) -> pd.DataFrame:
    """The same prices as a bad source has them: bars lost, days lost, prices that leap."""
    rng = np.random.default_rng(seed)
    values = closes.to_numpy(copy=True)
    columns = [at for at, symbol in enumerate(closes.columns) if symbol not in spared]
    lost = rng.random(values.shape) < 0.01
    lost[:, [at for at in range(values.shape[1]) if at not in columns]] = False
    values[lost] = np.nan
    for row in rng.integers(len(values) // 2, len(values), 12):
        values[row, rng.choice(columns)] *= rng.choice([0.5, 0.72, 1.4, 2.0])
    kept = rng.random(len(values)) > 0.004
    return pd.DataFrame(values, closes.index, closes.columns).loc[kept]


def written(closes: pd.DataFrame, path: Path) -> Path:
    """Closes as a wide file."""
    closes.rename_axis("date").to_csv(path)
    return path


def main(name: str, prices: str, first: str, last: str) -> None:
    """Print what both trade."""
    settings = a_book(name, Path(prices))
    days = date.fromisoformat(first), date.fromisoformat(last)
    sys.stdout.write(json.dumps([live(settings, *days), replayed(settings, *days)]))


if __name__ == "__main__":
    main(*sys.argv[1:])
