"""Prices and stocks of which a person can reckon a snapshot by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd

from adapters.store import PriceStore
from bot.sessions import nyse
from bot.snapshots_release import Published, Recipe, Skipped, build_and_publish

RUSSELL = "russell_1000_multi_factor_defensive"
TECH = "tech_communication_pullback_enhancement"
TOP20 = "mega_cap_leader_rotation_dynamic_top20"
BALANCED = "mega_cap_leader_rotation_top50_balanced"
POOL = "dynamic_mega_leveraged_pullback"

CALENDAR = nyse(date(2020, 1, 2), date(2027, 12, 31))
# The last session of its month, and the moment such a snapshot is made.
LAST, AT = date(2024, 7, 31), datetime(2024, 8, 1, 0, 45, tzinfo=UTC)
ROWS = 300


@dataclass(frozen=True)
class Life:
    """A close that was `before` until it became `now`, `turned` rows ago."""

    now: float = 100.0
    before: float = 50.0
    turned: int = 120
    rows: int = ROWS
    volume: float | None = 300_000
    last: date = LAST

    def bars(self) -> pd.DataFrame:
        days = CALENDAR.index(CALENDAR.before(self.last, self.rows - 1).date, self.last, 0)
        first = self.rows - self.turned
        closes = [self.before if row < first else self.now for row in range(self.rows)]
        return pd.DataFrame(
            {"as_of": days.strftime("%Y-%m-%d"), "close": closes, "volume": self.volume}
        )


RISEN = Life()
FLAT = Life(40.0, 40.0, volume=600_000)
# Somebody risen, somebody who stood still, a penny, and two of whom too little is known.
STOCKS: Mapping[str, Life] = {
    "ALFA": RISEN,
    "BETA": FLAT,
    "PENNY": Life(5.0, 5.0, volume=9_000_000),
    "YOUNG": Life(30.0, 30.0, rows=100, volume=900_000),
    "SPY": RISEN,
    "QQQ": RISEN,
    "BOXX": Life(100.0, 100.0),
}
SECTORS = {
    "ALFA": "Energy",
    "BETA": "Energy",
    "PENNY": "Financials",
    "YOUNG": "Utilities",
    "NONE": "Utilities",
}


def prices(lives: Mapping[str, Life] = STOCKS) -> pd.DataFrame:
    """Long rows, a day after the other as data vendors send them."""
    parts = [life.bars().assign(symbol=symbol) for symbol, life in lives.items()]
    return pd.concat(parts).sort_values("as_of", kind="stable", ignore_index=True)


def universe(sectors: Mapping[str, str] = SECTORS, **columns: Sequence[object]) -> pd.DataFrame:
    return pd.DataFrame({"symbol": [*sectors], "sector": [*sectors.values()], **columns})


def written(table: pd.DataFrame, path: Path) -> Path:
    table.to_csv(path, index=False)
    return path


def stored(path: Path) -> Path:
    """The price store that was made of a file, beside it."""
    store = PriceStore(path.with_suffix(".store"))
    store.update(path)
    return store.path


def recipe(folder: Path, **different: object) -> Recipe:
    """The snapshot of a folder's prices and stocks, unless something is told to be different."""
    told = {
        "profile": RUSSELL,
        "prices": folder / "prices.csv",
        "universe": folder / "universe.csv",
        "out": folder / "out",
        **different,
    }
    for name, table in (("prices", prices()), ("universe", universe())):
        if not told[name].exists():
            written(table, told[name])
    return Recipe(**told)


def made(folder: Path, at: datetime = AT, **different: object) -> Published | Skipped:
    return build_and_publish(recipe(folder, **different), CALENDAR, at)


MANY = [f"S{number:02}" for number in range(12)]


def leaders(count: int = 12) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Prices of stocks each of which rose more than the next, and a ranked universe of them."""
    names = MANY[:count]
    lives = {
        name: Life(100.0, 50.0 + 3 * place, 40, volume=600_000) for place, name in enumerate(names)
    }
    lives |= {name: STOCKS[name] for name in ("SPY", "QQQ", "BOXX")}
    sectors = dict.fromkeys(names, "Information Technology")
    return prices(lives), universe(sectors, mega_rank=[*range(1, count + 1)])
