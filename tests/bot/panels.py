"""A market of invented stocks, and the releases a pipeline published of it month after month."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from adapters.synthetic import synthetic_prices
from bot.sessions import nyse
from bot.snapshots import month_end
from bot.snapshots_release import Recipe, build_and_publish
from config.settings import Settings, checked
from strategies import PROFILES

CALENDAR = nyse(date(2005, 1, 1), date(2027, 12, 31))
LAST = date(2026, 7, 31)
WITH_SNAPSHOTS = [name for name, told in PROFILES.items() if told.strategy().needs.universe]
PRODUCTS = "dynamic_mega_leveraged_pullback"

STOCKS = tuple(f"S{number:02}" for number in range(36))
FUNDS = tuple(f"X{number:02}" for number in range(12))
REFERENCES = ("SPY", "QQQ", "BOXX")
SECTORS = ("Information Technology", "Communication", "Energy", "Financials", "Health Care")
# Rows before the first month's end: two years, which the rule of products looks back.
WARM_UP = 540
MILLIONS = 6_000_000


@dataclass(frozen=True)
class Panel:
    """A folder with a wide file of prices to trade on and a long one to make snapshots of."""

    folder: Path
    ends: tuple[date, ...]

    @property
    def prices(self) -> Path:
        return self.folder / "prices.csv"

    def releases(self, name: str) -> Path:
        """The folder of a profile's releases, made of the long file at each month's end."""
        out = self.folder / name
        if not out.exists():
            for end in self.ends:
                self.publish(name, end)
        return out

    def publish(self, name: str, end: date) -> None:
        session = CALENDAR.on(end)
        recipe = Recipe(
            profile=name,
            prices=self.folder / "rows.csv",
            universe=self.folder / "universe.csv",
            out=self.folder / name,
            product_map=self.folder / "products.csv" if name == PRODUCTS else None,
            day=end,
        )
        build_and_publish(recipe, CALENDAR, session.closes + timedelta(hours=5))

    def book(self, name: str, prices: Path | None = None, **different: object) -> Settings:
        """The settings of one book on paper that reads the releases."""
        tables = {"kind": "tables", "path": prices or self.prices}
        paper = {"kind": "paper", "market": "prices", "cash": 60_000}
        feed = {"profile": name, "snapshot": "file", "path": self.releases(name)}
        book = {"profile": name, "broker": "paper", "feed": "monthly"}
        return checked(
            {
                "mode": "paper",
                "markets": {"prices": tables},
                "brokers": {"paper": {**paper, **different.pop("broker", {})}},
                "feeds": {"monthly": feed},
                "books": {"main": {**book, **different}},
            }
        )


def a_panel(folder: Path, months: int, seed: int) -> Panel:
    """A panel whose last snapshot is a month before the end of its prices."""
    ends = tuple(reversed(_ends(months + 1)[1:]))
    days = CALENDAR.index(CALENDAR.before(ends[0], WARM_UP).date, LAST, 0)
    symbols = (*STOCKS, *FUNDS, *REFERENCES)
    closes = synthetic_prices(symbols, days, seed)
    closes.rename_axis("date").to_csv(folder / "prices.csv")
    rows = closes[[*STOCKS, *REFERENCES]].rename_axis("as_of").reset_index()
    rows = rows.melt("as_of", var_name="symbol", value_name="close").assign(volume=MILLIONS)
    rows.to_csv(folder / "rows.csv", index=False)
    _universe(ends, seed).to_csv(folder / "universe.csv", index=False)
    pd.DataFrame({"underlying": STOCKS[: len(FUNDS)], "product": FUNDS}).rename(
        columns={"product": "trade_symbol"}
    ).to_csv(folder / "products.csv", index=False)
    return Panel(folder, ends)


def _ends(count: int) -> list[date]:
    """The last sessions of the newest months, the newest first."""
    found, day = [], LAST
    for _ in range(count):
        found.append(month_end(day, CALENDAR))
        day = day.replace(day=1) - timedelta(days=1)
    return found


def _universe(ends: tuple[date, ...], seed: int) -> pd.DataFrame:
    """Most belong to it all the time, some come and some go; each has a rank."""
    rng = np.random.default_rng(seed)
    middle = ends[len(ends) // 2]
    rows = []
    for number, symbol in enumerate(rng.permutation(STOCKS)):
        start = middle + timedelta(days=1) if number % 9 == 4 else None
        end = middle if number % 9 == 7 else None
        rows.append((symbol, SECTORS[number % len(SECTORS)], start, end, number + 1))
    return pd.DataFrame(rows, columns=["symbol", "sector", "start_date", "end_date", "mega_rank"])
