from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from bot.domain.errors import SettingsError
from bot.domain.features import Features
from bot.domain.model import Role
from bot.domain.strategy import Hold, Rebalance, Rows, View
from strategies.global_etf_rotation import GlobalEtfRotation
from tests.strategies.builders import facts_of, holdings, random_closes, sessions

SMALL = GlobalEtfRotation(
    ranking_pool=("A", "B", "C"), canary_assets=("X", "Y"), safe_haven="S", canary_bad_threshold=2
)
UP = dict.fromkeys("ABC", 1.0)
QUARTER_END = date(2024, 3, 28)


def a_view(momentum, above=None, *, bad=0, due=1, held=None):
    told = SMALL.features(facts_of(random_closes(SMALL.needs.symbols, 3, seed=1)))
    row = pd.DataFrame(np.nan, told.index[-1:], told.columns)
    for symbol in "ABC":
        row[f"momentum.{symbol}"] = momentum.get(symbol, np.nan)
        row[f"above_sma.{symbol}"] = (above or UP).get(symbol, 0.0)
    row["canary.bad"], row["session.due"] = float(bad), float(due)
    return View(QUARTER_END, Rows(row), held or {})


def test_the_strongest_two_share_the_book():
    decision = SMALL.decide(a_view({"A": 0.1, "B": 0.3, "C": 0.2}))

    assert decision == Rebalance({"B": 0.5, "C": 0.5}, "rotation", roles={"S": Role.SAFE_HAVEN})


def test_strength_may_be_negative():
    decision = SMALL.decide(a_view({"A": -0.3, "B": -0.1, "C": -0.2}))

    assert decision.targets == {"B": 0.5, "C": 0.5}


def test_equal_scores_keep_the_order_of_the_pool():
    decision = SMALL.decide(a_view({"A": 0.1, "B": 0.1, "C": 0.1}))

    assert list(decision.targets) == ["A", "B"]


@pytest.mark.parametrize(("shares", "targets"), [(0.5, {"A", "B"}), (0.0, {"B", "C"})])
def test_what_is_held_has_a_bonus_and_zero_shares_are_not_held(shares, targets):
    view = a_view({"A": 0.11, "B": 0.3, "C": 0.12}, held=holdings(A=shares))

    decision = SMALL.decide(view)

    assert {symbol for symbol, weight in decision.targets.items() if weight} == targets
    assert "A" in decision.targets


def test_an_unused_slot_goes_to_the_safe_haven():
    decision = SMALL.decide(a_view({"A": 0.1, "B": 0.2}, {"A": 1.0, "B": 0.0, "C": 1.0}))

    assert decision.targets == {"A": 0.5, "S": 0.5}


def test_a_safe_haven_of_the_pool_adds_the_unused_slots_to_its_own():
    told = replace(SMALL, safe_haven="A")

    decision = told.decide(a_view({"A": 0.1}))

    assert decision.targets == {"A": 1.0}


def test_nobody_eligible_is_the_safe_haven_without_an_alarm():
    decision = SMALL.decide(a_view({}, held=holdings(B=2.0)))

    assert decision.targets == {"S": 1.0, "B": 0.0}
    assert (decision.reason, decision.flags, decision.lapses) == ("none_eligible", (), False)


@pytest.mark.parametrize("due", [0, 1])
def test_an_emergency_comes_before_the_calendar_and_lapses(due):
    view = a_view({"A": 0.1}, bad=2, due=due, held=holdings(A=2.0, S=1.0))

    decision = SMALL.decide(view)

    assert decision.targets == {"S": 1.0, "A": 0.0}
    assert (decision.reason, decision.flags, decision.lapses) == ("emergency", ("emergency",), True)


def test_an_ordinary_day_is_not_due():
    assert SMALL.decide(a_view({"A": 0.1}, bad=1, due=0)) == Hold("not_due")


def test_a_canary_of_exactly_zero_is_good_and_an_unknown_one_is_bad():
    closes = random_closes(SMALL.needs.symbols, 400, seed=1).assign(X=7.0, Y=np.nan)

    numbers = Features(SMALL, facts_of(closes)).numbers(closes.index[-1].date())

    assert numbers["momentum.X"] == 0.0
    assert numbers["canary.bad"] == 1.0


def test_symbols_without_a_column_are_unknown():
    closes = random_closes(SMALL.needs.symbols, 400, seed=1)[["A", "S"]]

    numbers = Features(SMALL, facts_of(closes)).numbers(closes.index[-1].date())

    assert numbers["canary.bad"] == 2.0
    assert numbers["above_sma.B"] == 0.0
    assert "momentum.A" in numbers
    assert "momentum.B" not in numbers


def test_due_is_the_exchanges_last_session_of_a_rebalance_month_not_the_last_row_seen():
    closes = random_closes(SMALL.needs.symbols, 500, seed=1)
    closes.index = sessions(500, date(2022, 6, 1))

    frame = SMALL.features(facts_of(closes))

    due = frame.index[frame["session.due"] == 1.0]
    assert [str(day.date()) for day in due] == [
        *("2022-06-30", "2022-09-30", "2022-12-30", "2023-03-31"),
        *("2023-06-30", "2023-09-29", "2023-12-29", "2024-03-28"),
    ]


def test_the_canaries_are_read_and_never_held():
    needs = GlobalEtfRotation().needs

    assert len(needs.symbols) == 27
    assert needs.holds == (*GlobalEtfRotation().ranking_pool, "BIL")
    assert needs.vital == ("SPY", "EFA", "EEM", "AGG")
    assert needs.total_return


def test_a_long_average_needs_as_many_sessions():
    assert GlobalEtfRotation(sma_period=900).needs.sessions == 900


@pytest.mark.parametrize("params", [{"ranking_pool": ("VOO", " ")}, {"canary_assets": ("SPY ",)}])
def test_a_symbol_with_blanks_is_refused_by_name(params):
    with pytest.raises(SettingsError) as refused:
        GlobalEtfRotation(**params)

    assert refused.value.code == "bad_parameter"
    assert dict(refused.value.values)["name"] in params
