"""Snapshots of real stocks, survivors all of them, and books that trade them."""

import json
from datetime import date, timedelta

import pandas as pd
import pytest

from bot.snapshots import month_end
from bot.snapshots_release import Recipe, build_and_publish
from tests.bot.panels import CALENDAR
from tests.bot.scratch import Scratch
from tests.real import real_prices

RUSSELL, TECH = (
    "russell_1000_multi_factor_defensive",
    "tech_communication_pullback_enhancement",
)
MONTHS = [date(2026, month, 28) for month in range(1, 7)]
SINCE, LAST = pd.Timestamp("2024-06-03"), "2026-07-31"
MOST_NAMES = {RUSSELL: 24, TECH: 8}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Long rows for snapshots, closes to trade at, and who belonged to the index when."""
    out = tmp_path_factory.mktemp("real")
    stocks = pd.read_parquet(real_prices("stocks_panel.parquet"))
    funds = pd.read_csv(real_prices("etf_ohlcv.csv.gz"), parse_dates=["date"])
    funds = funds[funds["symbol"].isin(["SPY", "QQQ"])]
    columns = ["date", "symbol", "close", "volume"]
    rows = pd.concat([stocks[columns], funds[columns]])
    rows["date"] = pd.to_datetime(rows["date"])
    rows = rows[rows["date"] >= SINCE]
    rows.rename(columns={"date": "as_of"}).to_csv(out / "rows.csv", index=False)
    closes = rows.pivot_table(index="date", columns="symbol", values="close")
    safe = pd.read_csv(real_prices("etf_adjclose.csv.gz"), parse_dates=["date"])
    safe = safe[safe["symbol"] == "BOXX"].set_index("date")["adj_close"]
    closes.assign(BOXX=safe.reindex(closes.index)).to_csv(out / "prices.csv")
    _universe(stocks).to_csv(out / "universe.csv", index=False)
    return out


def _universe(stocks: pd.DataFrame) -> pd.DataFrame:
    """The index's members that have prices, sectors in the words the pullback rule knows."""
    members = pd.read_csv(real_prices("sp500_membership.csv"))
    sectors = stocks.groupby("symbol")["sector"].last()
    sectors = sectors.replace({"Communication Services": "Communication"})
    members = members[members["symbol"].isin(sectors.index)]
    return members.assign(sector=members["symbol"].map(sectors))


@pytest.mark.slow
@pytest.mark.parametrize("name", MOST_NAMES)
def test_half_a_year_of_real_months_is_traded(folder, tmp_path, name):
    out = folder / name
    for month in MONTHS:
        end = month_end(month, CALENDAR)
        recipe = Recipe(name, folder / "rows.csv", folder / "universe.csv", out, day=end)
        build_and_publish(recipe, CALENDAR, CALENDAR.on(end).closes + timedelta(hours=9))
    here = Scratch(tmp_path)

    told = here.call(
        *("backtest", name, "--prices", f"{folder / 'prices.csv'}", "--feed", f"{name}={out}"),
        *("--last", LAST, "--out", f"{tmp_path / 'out'}", "--survivors", "--json"),
    )

    assert told.exit_code == 0, told.output
    card = json.loads(told.stdout)
    weights = pd.read_csv(tmp_path / "out" / "weights.csv", index_col=0)
    names = (weights.drop(columns="BOXX") > 0.002).sum(axis=1)
    assert {note["code"] for note in card["notes"]} == {"survivors_only"}
    assert 1 <= names.iloc[-1] <= MOST_NAMES[name]
    assert weights.sum(axis=1).between(0.97, 1.0).all()
    assert card["orders"] > names.iloc[-1]
