"""What monthly snapshots cost, each against pandas on the same prices in the same run.

`python -m tests.benchmarks.snapshots` prints them as a table.
"""

import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from time import process_time

import numpy as np
import pandas as pd

from adapters.store import PriceStore
from bot.sessions import nyse
from bot.snapshots_prices import newest_of, rows_of
from bot.snapshots_release import Recipe, build_and_publish
from strategies.families import FAMILIES
from strategies.panel import Panel, features
from tests.benchmarks.cost import cpu, peak
from tests.benchmarks.table import Measured, tell

RUSSELL, TECH = (
    "russell_1000_multi_factor_defensive",
    "tech_communication_pullback_enhancement",
)
SEED = 11
STOCKS, ROWS, LAST = 1000, 1512, date(2026, 7, 31)
YEARS, MONTH_ENDS = 20, 241
SECTORS = ("Energy", "Financials", "Health Care", "Industrials", "Information Technology")
CALENDAR = nyse(date(2000, 1, 3), date(2027, 12, 31))
AT = datetime(2026, 8, 1, 0, 45, tzinfo=UTC)


def closes(stocks: int, days: pd.DatetimeIndex) -> pd.DataFrame:
    """Invented lives of some stocks and three references, sessions × symbols."""
    chance = np.random.default_rng(SEED)
    symbols = [*(f"S{number:04}" for number in range(stocks)), "BOXX", "QQQ", "SPY"]
    steps = chance.normal(0.0003, 0.015, (len(days), len(symbols)))
    prices = np.round(60.0 * np.exp(np.cumsum(steps, axis=0)), 4)
    return pd.DataFrame(prices, days, symbols)


def volumes(prices: pd.DataFrame) -> pd.DataFrame:
    traded = np.random.default_rng(SEED + 1).integers(300_000, 6_000_000, prices.shape)
    return pd.DataFrame(traded, prices.index, prices.columns)


def furnish(folder: Path, days: pd.DatetimeIndex) -> None:
    """Write a long file of prices, a row a day and symbol, and a universe of the stocks."""
    prices = closes(STOCKS, days)
    table = pd.DataFrame(
        {
            "symbol": np.tile(prices.columns, len(days)),
            "as_of": np.repeat(days.strftime("%Y-%m-%d"), prices.shape[1]),
            "close": prices.to_numpy().ravel(),
            "volume": volumes(prices).to_numpy().ravel(),
        }
    )
    table.to_csv(folder / "prices.csv", index=False)
    stocks = [name for name in prices.columns if name.startswith("S0")]
    sectors = [SECTORS[number % len(SECTORS)] for number in range(len(stocks))]
    universe = pd.DataFrame({"symbol": stocks, "sector": sectors})
    universe.to_csv(folder / "universe.csv", index=False)


@dataclass(frozen=True, slots=True)
class Bench:
    """A folder with a long price file, the price store made of it, and a universe."""

    folder: Path

    @classmethod
    def at(cls, folder: Path) -> "Bench":
        """A thousand stocks and three references over six years, a row a day and symbol."""
        days = CALENDAR.index(CALENDAR.before(LAST, ROWS - 1).date, LAST, 0)
        furnish(folder, days)
        PriceStore(folder / "store").update(folder / "prices.csv")
        return cls(folder)

    @property
    def csv(self) -> Path:
        return self.folder / "prices.csv"

    @property
    def store(self) -> Path:
        return PriceStore(self.folder / "store").path

    def snapshot(self, prices: Path) -> None:
        """Build and publish one, from the file of prices to the last artifact."""
        out, universe = self.folder / "out", self.folder / "universe.csv"
        build_and_publish(Recipe(RUSSELL, prices, universe, out), CALENDAR, datetime.now(UTC))


def month_ends(days: pd.DatetimeIndex) -> list[date]:
    """The last sessions of the newest months."""
    last = days[:-1][days.month[:-1] != days.month[1:]].append(days[-1:])
    return [day.date() for day in last[-MONTH_ENDS:]]


def rolled(table: pd.DataFrame, days: list[date]) -> pd.DataFrame:
    """The same features of the same days by pandas: every row of every stock, then the days."""
    by = table.groupby("symbol", sort=False)

    def rolling(column: str, length: int, how: str) -> pd.Series:
        windows = by[column].rolling(length)
        made = windows.std(ddof=0) if how == "std" else getattr(windows, how)()
        return made.droplevel(0)

    close = table["close"]
    table["traded"] = close * table["volume"]
    table["change"] = by["close"].pct_change()
    average = {n: rolling("close", n, "mean") for n in (20, 50, 200)}
    high = {n: rolling("close", n, "max") for n in (63, 126, 252)}
    table["below"] = close / high[126] - 1.0
    told = {
        "adv20_usd": rolling("traded", 20, "mean"),
        "history_days": by.cumcount() + 1,
        "mom_6_1": by["close"].shift(21) / by["close"].shift(147) - 1.0,
        "mom_12_1": by["close"].shift(21) / by["close"].shift(273) - 1.0,
        **{f"sma{n}_gap": close / average[n] - 1.0 for n in average},
        "ma50_over_ma200": average[50] / average[200] - 1.0,
        "vol_63": rolling("change", 63, "std") * np.sqrt(252),
        "maxdd_126": rolling("below", 126, "min"),
        "breakout_252": close / high[252] - 1.0,
        "dist_63_high": close / high[63] - 1.0,
        "dist_126_high": table["below"],
        "rebound_20": close / by["close"].shift(20) - 1.0,
    }
    wanted = table["as_of"].isin(pd.DatetimeIndex(days)).to_numpy()
    return pd.DataFrame({name: column[wanted] for name, column in told.items()})


def long_history() -> Measured:
    """Twenty years of a thousand stocks: the features of every month's end."""
    days = CALENDAR.index(CALENDAR.before(LAST, YEARS * 252 + 21).date, LAST, 0)
    prices = closes(STOCKS, days)
    panel = Panel.of_frames(prices, volumes(prices))
    ends = month_ends(days)
    measures = FAMILIES[TECH].measures
    table = pd.DataFrame(
        {
            "symbol": np.repeat(prices.columns, len(days)),
            "as_of": np.tile(days, prices.shape[1]),
            "close": prices.to_numpy().T.ravel(),
            "volume": volumes(prices).to_numpy().T.ravel(),
        }
    )
    begun = process_time()
    other = rolled(table, ends)
    slow = process_time() - begun
    begun = process_time()
    ours = features(panel, measures, ends)
    quick = process_time() - begun
    assert len(ours) == len(other) == MONTH_ENDS * prices.shape[1]
    _same(ours, other, table)
    name = f"features of {STOCKS} stocks × {YEARS} years at {MONTH_ENDS} month ends"
    return Measured(name, quick, "CPU s", 0.5, "pandas groupby-rolling", slow)


def _same(ours: pd.DataFrame, other: pd.DataFrame, table: pd.DataFrame) -> None:
    """Both computed the same: what is quick and wrong is not quick."""
    where = table.loc[other.index, ["as_of", "symbol"]]
    told = other.set_index(pd.MultiIndex.from_frame(where)).reindex(ours.index)
    np.testing.assert_allclose(ours[told.columns], told, rtol=1e-6, atol=1e-9)


def measure() -> list[Measured]:
    """Measure everything once."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench.at(Path(folder))
        parse, from_csv, from_store, read_csv, read_store = cpu(
            lambda: pd.read_csv(bench.csv),
            lambda: bench.snapshot(bench.csv),
            lambda: bench.snapshot(bench.store),
            lambda: rows_of(bench.csv),
            lambda: newest_of(bench.store),
        )
        plain = "import sys, pandas; pandas.read_csv(sys.argv[1])"
        whole = (
            "import sys; from pathlib import Path; from tests.benchmarks.snapshots import Bench; "
            "Bench(Path(sys.argv[1])).snapshot(Path(sys.argv[2]))"
        )
        most = peak(plain, str(bench.csv))
        ours = peak(whole, str(bench.folder), str(bench.csv))
        stored = peak(whole, str(bench.folder), str(bench.store))
    size = f"snapshot of {STOCKS + 3} symbols × {ROWS} rows"
    return [
        Measured(f"{size}, CSV", from_csv, "CPU s", 2, "pandas.read_csv alone", parse),
        Measured(f"{size}, store", from_store, "CPU s", 0.2, "the same from CSV", from_csv),
        Measured("newest prices, store", read_store, "CPU s", 0.2, "all from CSV", read_csv),
        Measured(f"{size}, CSV", ours, "peak MiB", 1.6, "pandas.read_csv alone", most),
        Measured(f"{size}, store", stored, "peak MiB", None, "pandas.read_csv alone", most),
        long_history(),
    ]


if __name__ == "__main__":
    tell(measure(), sys.argv)
