"""Backtest and live make the same trades, order for order."""

import json
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from config.settings import checked
from strategies import PROFILES
from tests.bot.parity import CALENDAR, a_book, dirty, live, replayed, seeded, written
from tests.real import real_history

ROOT = Path(__file__).parents[2]
LAST = date(2026, 7, 31)
HALF_A_YEAR, YEAR, TEN_YEARS = 130, 260, 2520
WARM_UP = 520
SPARED = ("SPY", "EFA", "EEM", "AGG", "QQQ", "SOXX", "SOXL", "IWM")

# What reads a feed is played where there is one.
WITHOUT_FEEDS = [name for name, told in PROFILES.items() if not told.strategy().needs.feeds]


# Long replays measure trades, not lines: tracing them would double their time.
def long(test):
    return pytest.mark.slow(pytest.mark.no_cover(test))


every_profile = pytest.mark.parametrize("name", WITHOUT_FEEDS)


def begins(sessions: int) -> date:
    return CALENDAR.before(LAST, sessions - 1).date


@long
@every_profile
def test_a_year_of_real_prices(name, tmp_path):
    settings = a_book(name, real_history(tmp_path), market={"splice": {"SGOV": "BIL"}})

    traded = live(settings, begins(YEAR), LAST)

    assert traded
    assert replayed(settings, begins(YEAR), LAST) == traded


@long
@every_profile
def test_ten_years_of_seeded_prices(name, tmp_path):
    settings = a_book(name, seeded(tmp_path, TEN_YEARS + WARM_UP, LAST, seed=7))

    traded = live(settings, begins(TEN_YEARS), LAST)

    assert len({session for session, *_ in traded}) > 30
    assert replayed(settings, begins(TEN_YEARS), LAST) == traded


HELD = ("SPYI", "EWY", "SOXL", "QQQ", "IWM", "SPY")
NEVER_FILLED = "slippage beyond every limit but the market"
WAYS = {
    "slippage beyond the first limit": ({}, {"slippage": "0.005"}),
    NEVER_FILLED: (
        {},
        {"slippage": "0.012", "shares": dict.fromkeys(HELD, 40)},
    ),
    "commissions with a minimum": (
        {"fee_allowance": 1},
        {"commission_per_share": "0.005", "minimum_commission": 1},
    ),
    "money that buys when it is settled": ({}, {"proceeds": "settled"}),
    "a margin account": ({}, {"account_kind": "margin", "slippage": "0.001"}),
    "orders in slices": ({"max_notional": 2_000}, {}),
    "a small account": ({"min_notional": 10}, {"cash": 700}),
    "a reserve, a cap and shares of the owner": (
        {"reserve_floor": 2_000, "max_turnover": "0.3", "keep": {"BIL": 3, "BOXX": 3}},
        {"shares": {"BIL": 10, "BOXX": 10, "VOO": 5}},
    ),
    "drills": ({}, {"drills": {"TQQQ": 5, "SOXX": "refuse", "SMH": "refuse", "GLD": 2}}),
}


@long
@every_profile
@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_trading(name, way, tmp_path):
    rules, broker = WAYS[way]
    # Orders that never fill are polled for until the last call, session after session.
    first = begins(52 if way == NEVER_FILLED else HALF_A_YEAR)
    prices = seeded(tmp_path, YEAR + WARM_UP, LAST, seed=11)
    settings = a_book(name, prices, rules, broker)

    traded = live(settings, first, LAST)

    assert traded
    assert replayed(settings, first, LAST) == traded


@long
@every_profile
@pytest.mark.parametrize("seed", [3, 5])
def test_prices_with_holes_and_leaps(name, seed, tmp_path):
    clean = pd.read_csv(seeded(tmp_path, YEAR + WARM_UP, LAST, seed), index_col=0, parse_dates=True)
    prices = written(dirty(clean, seed, SPARED), tmp_path / "dirty.csv")
    settings = a_book(name, prices)

    traded = live(settings, begins(YEAR), LAST)

    assert traded
    assert replayed(settings, begins(YEAR), LAST) == traded


@long
@pytest.mark.parametrize("mode", ["hedged", "forecast"])
def test_a_book_that_is_short_at_times(mode, tmp_path):
    prices = seeded(tmp_path, YEAR + WARM_UP, LAST, seed=11)
    broker = {"account_kind": "margin", "shorting": True, "slippage": "0.001"}
    plain = a_book("qqq_iwm_rotation", prices, {"shorting": True}, broker).model_dump()
    plain["books"]["main"]["params"] = {"mode": mode}
    settings = checked(plain)

    traded = live(settings, begins(YEAR), LAST)

    assert {"sell_short", "buy_to_cover"} <= {action for _, _, action, *_ in traded}
    assert replayed(settings, begins(YEAR), LAST) == traded


def test_a_splice_is_the_same_for_both(tmp_path):
    closes = pd.read_csv(seeded(tmp_path, 400, LAST, seed=2), index_col=0, parse_dates=True)
    closes.loc[closes.index[:-40], "BOXX"] = float("nan")
    prices = written(closes, tmp_path / "young.csv")
    settings = a_book("tqqq_growth_income", prices, market={"splice": {"BOXX": "BIL"}})

    traded = live(settings, begins(80), LAST)

    assert "BOXX" in {symbol for _, symbol, *_ in traded}
    assert replayed(settings, begins(80), LAST) == traded


def both_in(tree: Path, name: str, prices: Path, first: date) -> list[list[object]]:
    """What a tree of the project trades, both ways, in a process of its own."""
    told = subprocess.run(
        [sys.executable, "-m", "tests.bot.parity", name, prices, f"{first}", f"{LAST}"],
        cwd=tree,
        env={"PYTHONPATH": str(tree)},
        check=True,
        capture_output=True,
    )
    live_trades, tested_trades = json.loads(told.stdout)
    return [live_trades, tested_trades]


@long
@pytest.mark.parametrize("name", ["tqqq_growth_income", "global_etf_rotation"])
def test_one_share_less_in_planning_changes_both_alike(name, tmp_path):
    prices = seeded(tmp_path, 80 + WARM_UP, LAST, seed=11)
    tree = tmp_path / "tree"
    for folder in ("bot", "adapters", "strategies", "config", "tests"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__"))
    before = both_in(tree, name, prices, begins(80))
    planning = tree / "bot/domain/buying.py"
    text = planning.read_text("utf-8")
    rule = "Action.BUY, shares, self._limit(symbol)"
    assert text.count(rule) == 1
    planning.write_text(text.replace("BUY, shares,", "BUY, shares - 1,"), "utf-8")

    after = both_in(tree, name, prices, begins(80))

    assert before[0] == before[1] != []
    assert after[0] == after[1] != []
    assert before[0] != after[0]
