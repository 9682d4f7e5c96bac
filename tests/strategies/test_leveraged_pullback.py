from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bot.domain.errors import BellwetherError
from bot.domain.features import Features
from bot.domain.model import Role
from bot.domain.strategy import Facts
from strategies.leveraged_pullback import FEED, LeveragedPullback
from tests.strategies.builders import CALENDAR, a_table, facts_of, holdings

TOLD = LeveragedPullback()
BARS = 300
RISING = np.linspace(70.0, 100.0, BARS)
# A rise, and at its end a fall of so much from the high.
DIPPED = np.concatenate([np.linspace(40.0, 100.0, BARS - 10), np.full(10, 100.0 * 0.9)])
COMPANIES = ("A", "B", "C", "D")


def facts(benchmark=RISING, companies=COMPANIES, ranges=None, **different):
    """Products AX, BX, … of companies A, B, … that all dipped alike, known since a month."""
    closes = a_table({"QQQ": benchmark, "BOXX": RISING, **dict.fromkeys(COMPANIES, DIPPED)})
    day = CALENDAR.before(closes.index[-1].date(), 15).date
    told = {
        "symbol": [f"{company}X" for company in companies],
        "underlying_symbol": list(companies),
        "sector": "Energy",
        "candidate_rank": range(1, len(companies) + 1),
        "product_leverage": 2.0,
        "product_available": True,
    }
    table = pd.DataFrame({**told, **different})
    made = pd.Timestamp(CALENDAR.before(day).date)
    feed = table.assign(as_of=made, known_on=pd.Timestamp(day))
    known = replace(facts_of(closes), feeds={FEED: feed})
    if ranges is None:
        return known
    bars = closes[["QQQ"]]
    return replace(known, highs=bars + ranges, lows=bars - ranges)


def newest(known: Facts, told=TOLD):
    features = Features(told, known)
    return features.rows(known.closes.index[-1].date()).table.droplevel("session")


def decided(known: Facts, *held, told=TOLD, equity=100_000.0):
    day = known.closes.index[-1].date()
    return Features(told, known).decide(day, holdings(**dict.fromkeys(held, 1.0)), equity)


def at(distance):
    """A benchmark so far above the average it ends with, quiet enough for the floor of 1.04."""
    last = (1.0 + distance) * 199 / (199 - distance)
    return np.array([100.0] * (BARS - 1) + [100.0 * last])


def test_above_the_entry_line_three_products_are_held_by_their_size():
    decision = decided(facts())

    assert (decision.reason, decision.flags) == ("risk_on_entry", ())
    assert decision.targets == {
        **dict.fromkeys(("AX", "BX", "CX"), 0.25),
        "BOXX": pytest.approx(0.25),
    }
    assert decision.roles == {"BOXX": Role.SAFE_HAVEN}


@pytest.mark.parametrize(
    ("distance", "held", "reason"),
    [
        (0.01, (), "hard_defense"),
        (0.01, ("AX",), "hard_defense"),
        (0.03, (), "entry_wait"),
        (0.03, ("AX",), "risk_on_hold_band"),
        (0.03, ("A",), "entry_wait"),
        (0.03, ("ZX",), "entry_wait"),
        (0.07, (), "risk_on_entry"),
        (0.07, ("AX",), "risk_on_hold_band"),
    ],
)
def test_leaving_comes_first_then_keeping_then_entering(distance, held, reason):
    decision = decided(facts(at(distance)), *held)

    assert decision.reason == reason
    assert ("hard_defense" in decision.flags) == (reason == "hard_defense")
    assert (decision.targets.get("AX", 0.0) > 0.0) == reason.startswith("risk_on")


def test_what_is_held_is_left_by_name():
    decision = decided(facts(at(0.01)), "AX", "OLD")

    assert decision.targets == {"BOXX": 1.0, "AX": 0.0, "OLD": 0.0}


def test_every_session_decides_by_itself():
    assert decided(facts()).lapses


def test_the_lines_lie_within_their_floor_and_cap():
    quiet, wild = newest(facts(at(0.05))).loc["QQQ"], newest(facts(at(0.05), ranges=9.0)).loc["QQQ"]

    assert quiet["entry_line"] / quiet["average"] == pytest.approx(1.04)
    assert wild["entry_line"] / wild["average"] == pytest.approx(1.08)
    assert quiet["exit_line"] / quiet["average"] == pytest.approx(1.02)


def test_the_true_range_reads_highs_and_lows_and_without_them_the_closes():
    with_ranges, without = newest(facts(ranges=1.5)), newest(facts())

    assert with_ranges.loc["QQQ", "atr"] == pytest.approx(3.0)
    assert without.loc["QQQ", "atr"] == pytest.approx(RISING[1] - RISING[0])


def test_a_gap_counts_into_the_true_range():
    jumped = np.array([100.0] * (BARS - 1) + [114.0])

    assert newest(facts(jumped)).loc["QQQ", "atr"] == pytest.approx(1.0)


def test_an_exit_line_may_move_with_the_range():
    told = LeveragedPullback(atr_exit_scale=2.5, exit_line_floor=0.9)
    row = newest(facts(ranges=1.5), told).loc["QQQ"]

    assert row["exit_line"] / row["average"] == pytest.approx(1.0 - 2.5 * 3.0 / 100.0)


def test_a_benchmark_with_too_few_bars_is_refused():
    young = np.concatenate([np.full(101, np.nan), RISING[101:]])

    with pytest.raises(BellwetherError, match=r"too_few_bars .*symbol=QQQ, needed=200"):
        decided(facts(young))


@pytest.mark.parametrize(("bars", "known"), [(125, False), (126, True)])
def test_a_shorter_average_needs_half_a_year_all_the_same(bars, known):
    told = LeveragedPullback(sma_period=50)
    young = np.concatenate([np.full(BARS - bars, np.nan), RISING[BARS - bars :]])

    row = newest(facts(young), told).loc["QQQ"]

    assert (
        np.isfinite(row[["price", "average", "atr", "entry_line", "exit_line"]].tolist()).all()
        == known
    )


def test_an_unknown_equity_is_refused():
    with pytest.raises(BellwetherError, match="equity_unknown"):
        decided(facts(), equity=None)


def test_a_snapshot_without_a_product_is_refused():
    with pytest.raises(BellwetherError, match="no_products"):
        decided(facts(product_available=False))


@pytest.mark.parametrize(
    ("equity", "names"), [(-1.0, 0), (0.0, 0), (1.0, 1), (7_499.0, 1), (9_999.0, 2), (11_251.0, 3)]
)
def test_a_small_account_holds_fewer(equity, names):
    targets = decided(facts(), equity=equity).targets

    assert len(set(targets) - {"BOXX"}) == names


@pytest.mark.parametrize(
    ("known", "equity", "reason"),
    [
        (facts(companies=("NEW",)), 1e5, "none_eligible"),
        (facts(), 0.0, "none_affordable"),
    ],
)
def test_why_nothing_is_held_while_risk_is_on_is_said(known, equity, reason):
    decision = decided(known, equity=equity)

    assert (decision.reason, decision.targets) == (reason, {"BOXX": 1.0})


def test_a_held_product_within_the_buffer_keeps_its_place():
    told = LeveragedPullback(hold_bonus=0.0)

    assert set(decided(facts(), "DX", told=told).targets) == {"AX", "BX", "DX", "BOXX"}


def test_more_than_the_exposure_is_scaled_down_to_it():
    told = LeveragedPullback(single_name_cap=1.0)

    assert decided(facts(), told=told).targets["BOXX"] == pytest.approx(0.2)


def test_a_snapshot_ends_with_the_month_after_its_own():
    known = facts()
    feed = known.feeds[FEED].assign(as_of=known.closes.index[-80])

    days = TOLD.features(replace(known, feeds={FEED: feed})).index

    assert len(days) == 0


def test_it_wants_the_ranges_and_the_whole_history_of_its_benchmark():
    needs = LeveragedPullback(sma_period=600, benchmark_symbol="spy").needs

    assert needs.vital == needs.ranges == ("SPY",)
    assert needs.sessions == 620
    assert needs.total_return
