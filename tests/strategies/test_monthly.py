from dataclasses import replace
from datetime import date, timedelta

import pandas as pd
import pytest

from bot.domain.model import Role
from bot.domain.strategy import Hold, Rebalance
from strategies import PROFILES
from strategies.monthly import Defence, equal_shares, outlook, rest
from tests.strategies.builders import SNAPSHOT_KNOWN, a_stock, a_view

MONTHLY = [name for name, told in PROFILES.items() if told.cadence == "monthly"]
WORLD = [
    *(a_stock(name) for name in ("A", "B", "C")),
    *(a_stock(name, eligible=False) for name in ("QQQ", "SPY")),
]
DEFENCE = Defence(soft_below=0.5, hard_below=0.3, risk_on=1.0, soft=0.5, hard=0.1)

every_month = pytest.mark.parametrize("name", MONTHLY)


def of(name):
    return PROFILES[name].strategy()


def test_five_profiles_are_monthly():
    assert len(MONTHLY) == 5


@every_month
def test_a_snapshot_is_traded_once(name):
    told = of(name)
    before = SNAPSHOT_KNOWN - timedelta(days=1)

    new = told.decide(a_view(told, WORLD, last_rebalance=before))
    done = told.decide(a_view(told, WORLD, last_rebalance=SNAPSHOT_KNOWN))

    assert isinstance(new, Rebalance)
    assert done == Hold("already_traded")


@every_month
def test_a_missed_session_is_made_up_for(name):
    told = of(name)

    assert not told.decide(a_view(told, WORLD)).lapses


@every_month
def test_what_left_the_snapshot_is_an_exit_and_the_rest_is_safe(name):
    told = of(name)

    decision = told.decide(a_view(told, WORLD, "GONE", "QQQ"))

    assert decision.targets["GONE"] == decision.targets["QQQ"] == 0.0
    assert sum(decision.targets.values()) == pytest.approx(1.0)
    assert decision.roles == {"BOXX": Role.SAFE_HAVEN}


@every_month
def test_without_candidates_all_is_safe_and_it_says_so(name):
    told = of(name)

    decision = told.decide(a_view(told, [{**stock, "eligible": False} for stock in WORLD], "A"))

    assert decision.reason == "none_eligible"
    assert decision.targets == {"BOXX": 1.0, "A": 0.0}


@every_month
def test_it_reads_no_prices_but_those_it_trades_at(name):
    needs = of(name).needs

    assert needs.symbols == needs.holds == ("BOXX",)
    assert [feed.name for feed in needs.feeds] == [needs.universe] == [name]
    assert not needs.vital
    assert not needs.total_return


def rows(**gaps):
    index = pd.MultiIndex.from_product([[date(2015, 2, 2)], gaps], names=["session", "symbol"])
    return pd.DataFrame({"sma200_gap": gaps.values()}, index, dtype=float)


@pytest.mark.parametrize(
    ("benchmark", "stocks", "regime", "reason", "exposure"),
    [
        (0.1, (1, 1, 0, 0), "risk_on", "risk_on", 1.0),
        (0.1, (1, 0, 0, 0), "soft_defense", "soft_defense", 0.5),
        (-0.1, (1, 1, 1, 1), "soft_defense", "soft_defense", 0.5),
        (0.0, (1, 1, 1, 1), "soft_defense", "soft_defense", 0.5),
        (float("nan"), (1, 0, 0, 0), "hard_defense", "hard_defense", 0.1),
    ],
)
def test_the_outlook_is_the_trend_and_the_breadth(benchmark, stocks, regime, reason, exposure):
    names = [f"S{place}" for place in range(4)]
    frame = rows(SPY=benchmark, **dict(zip(names, stocks, strict=True)))

    seen = outlook(frame, frame.iloc[1:], "SPY", DEFENCE)

    assert (seen.regime, seen.reason, seen.exposure) == (regime, reason, exposure)
    assert seen.trend == (benchmark > 0.0)
    assert seen.flags == (("hard_defense",) if regime == "hard_defense" else ())


def test_a_benchmark_without_a_row_has_no_trend_and_a_flag():
    frame = rows(A=0.1)

    seen = outlook(frame, frame, "SPY", DEFENCE)

    assert (seen.trend, seen.regime) == (False, "soft_defense")
    assert seen.flags == ("benchmark_row_missing",)


def test_who_does_not_step_back_is_not_said_to():
    stays = replace(DEFENCE, soft=1.0)
    frame = rows(SPY=-0.1, A=0.1)

    seen = outlook(frame, frame.iloc[1:], "SPY", stays)

    assert (seen.regime, seen.reason) == ("soft_defense", "stays_invested")


@pytest.mark.parametrize(
    ("names", "exposure", "cap", "targets"),
    [
        ("AB", 1.0, 0.25, {"A": 0.25, "B": 0.25, "BOXX": 0.5}),
        ("AB", 0.4, 0.25, {"A": 0.2, "B": 0.2, "BOXX": 0.6}),
        ("ABCD", 1.0, 0.25, {"A": 0.25, "B": 0.25, "C": 0.25, "D": 0.25}),
        ("", 1.0, 0.25, {"BOXX": 1.0}),
    ],
)
def test_shares_are_equal_and_what_a_cap_leaves_is_safe(names, exposure, cap, targets):
    assert equal_shares(names, exposure, cap, "BOXX") == targets


def test_what_rounding_leaves_is_nothing():
    assert rest(0.1 + 0.2 + 0.7, "BOXX") == rest(1.0 - 1e-15, "BOXX") == {}
