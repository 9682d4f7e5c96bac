import math
from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from bot.domain.errors import BellwetherError, SettingsError
from bot.domain.features import Features
from bot.domain.model import Role
from bot.domain.strategy import Rows, View
from strategies.tqqq_growth_income import TqqqGrowthIncome
from tests.strategies.builders import a_table, facts_of, holdings

TOLD = TqqqGrowthIncome()
PROXY = TqqqGrowthIncome(dual_drive_unlevered_symbol="qqqm")
RISING = replace(TOLD, income_threshold_usd=100_000.0)
# Twenty closes of 100 and one of 125: a rebound of a quarter, to above a rising short average.
REBOUND = [100.0] * 20 + [125.0]


def a_view(held=None, equity=100_000.0, **numbers):
    """A session on which the benchmark is above its long average, which rises."""
    row = {"price": 100.0, "above": 1.0, "rising": 1.0, "pullback": 0.0, **numbers}
    return View(date(2024, 3, 28), Rows(pd.DataFrame([row])), holdings(**(held or {})), equity)


def newest(closes, **params):
    """The newest session's numbers where the benchmark alone has closes."""
    facts = facts_of(a_table({"QQQ": closes}))
    features = Features(replace(TOLD, **params), facts)
    return features.numbers(facts.closes.index[-1].date())


def weights(decision):
    return {symbol: pytest.approx(weight) for symbol, weight in decision.targets.items()}


STATES = [
    # held, above, rising, pullback: on or off, and why
    (True, 1, 1, 0, "risk_on_hold"),
    (True, 1, 0, 0, "risk_on_hold"),
    (True, 0, 1, 0, "risk_off_exit"),
    (True, 0, 0, 0, "risk_off_exit"),
    (True, 0, 1, 1, "risk_on_pullback"),
    (False, 1, 1, 0, "risk_on_entry"),
    (False, 1, 0, 0, "risk_off_idle"),
    (False, 0, 1, 0, "risk_off_idle"),
    (False, 0, 0, 0, "risk_off_idle"),
    (False, 0, 1, 1, "risk_on_pullback"),
]


@pytest.mark.parametrize(("held", "above", "rising", "pullback", "reason"), STATES)
def test_staying_above_the_average_asks_less_than_entering(held, above, rising, pullback, reason):
    view = a_view({"TQQQ": 10} if held else {}, above=above, rising=rising, pullback=pullback)

    decision = TOLD.decide(view)

    assert decision.reason == reason
    assert (decision.targets["TQQQ"] > 0.0) == reason.startswith("risk_on")


def test_risk_on_is_half_levered_and_half_not_with_a_rest_in_the_safe_haven():
    decision = TOLD.decide(a_view())

    assert weights(decision) == {"TQQQ": 0.45, "QQQ": 0.45, "SPYI": 0, "QQQI": 0, "BOXX": 0.08}
    assert decision.reserve == pytest.approx(0.02)
    assert decision.roles == {
        "BOXX": Role.SAFE_HAVEN,
        "SPYI": Role.INCOME,
        "QQQI": Role.INCOME,
    }


def test_risk_off_is_the_safe_haven_and_its_own_reserve():
    told = replace(TOLD, cash_reserve_ratio=0.1)

    decision = told.decide(a_view(above=0.0))

    assert weights(decision) == {"TQQQ": 0, "QQQ": 0, "SPYI": 0, "QQQI": 0, "BOXX": 0.9}
    assert decision.reserve == pytest.approx(0.1)


def test_a_missed_session_is_not_made_up_for():
    assert TOLD.decide(a_view()).lapses


def test_entering_may_do_without_the_slope():
    told = replace(TOLD, dual_drive_require_ma20_slope=False)

    assert told.decide(a_view(rising=0.0)).reason == "risk_on_entry"


@pytest.mark.parametrize(
    ("held", "reason"),
    [
        ({"TQQQ": 1.0}, "risk_on_hold"),
        ({"QQQ": 1.0}, "risk_on_hold"),
        ({"TQQQ": 0.9, "QQQ": 0.9}, "risk_off_idle"),
        ({"BOXX": 50.0}, "risk_off_idle"),
    ],
)
def test_a_whole_share_of_either_risk_fund_is_a_position(held, reason):
    assert TOLD.decide(a_view(held, rising=0.0)).reason == reason


def test_a_stray_holding_gets_a_written_zero():
    decision = TOLD.decide(a_view({"GLD": 3.0}))

    assert decision.targets["GLD"] == 0.0


def test_the_proxy_is_bought_while_the_benchmark_decides():
    decision = PROXY.decide(a_view({"QQQM": 2.0}, rising=0.0))

    assert decision.reason == "risk_on_hold"
    assert decision.targets["QQQM"] == pytest.approx(0.45)
    assert "QQQ" not in decision.targets
    assert PROXY.needs.holds == ("TQQQ", "QQQM", "BOXX", "SPYI", "QQQI")
    assert PROXY.needs.vital == ("QQQ",)
    assert "QQQ" in PROXY.needs.symbols


def test_with_a_proxy_the_benchmarks_own_fund_is_no_position():
    decision = PROXY.decide(a_view({"QQQ": 100.0}, rising=0.0))

    assert (decision.reason, decision.targets["QQQ"]) == ("risk_off_idle", 0.0)


@pytest.mark.parametrize("symbol", ["TQQQ", "boxx", "SPYI", "QQQI"])
def test_a_symbol_with_another_part_is_no_proxy(symbol):
    with pytest.raises(SettingsError) as refused:
        TqqqGrowthIncome(dual_drive_unlevered_symbol=symbol)

    assert dict(refused.value.values)["name"] == "dual_drive_unlevered_symbol"


def test_weights_that_leave_no_room_for_the_reserve_shrink_together():
    told = replace(TOLD, dual_drive_qqq_weight=0.9, dual_drive_tqqq_weight=0.3)

    decision = told.decide(a_view())

    assert weights(decision) == {"TQQQ": 0.245, "QQQ": 0.735, "SPYI": 0, "QQQI": 0, "BOXX": 0}
    assert decision.targets["BOXX"] == 0.0


def test_a_weight_of_zero_is_zero():
    told = replace(TOLD, dual_drive_tqqq_weight=0.0)

    decision = told.decide(a_view())

    assert weights(decision) == {"TQQQ": 0, "QQQ": 0.45, "SPYI": 0, "QQQI": 0, "BOXX": 0.53}


def test_all_in_cash_is_nothing_in_anything():
    told = replace(TOLD, dual_drive_cash_reserve_ratio=1.0)

    decision = told.decide(a_view())

    assert set(decision.targets.values()) == {0.0}
    assert decision.reserve == 1.0


@pytest.mark.parametrize(
    ("equity", "income"),
    [
        (None, 0.0),
        (99_999.0, 0.0),
        (100_000.0, 0.0),
        (150_000.0, 0.2),
        (200_000.0, 0.4),
        (200_000.01, 0.6),
        (0.0, 0.0),
        (-5_000.0, 0.0),
    ],
)
def test_income_grows_from_its_threshold_to_twice_of_it_and_jumps(equity, income):
    decision = RISING.decide(a_view({"TQQQ": 2.0}, equity=equity))

    assert decision.targets["SPYI"] + decision.targets["QQQI"] == pytest.approx(income)
    assert decision.targets["TQQQ"] == pytest.approx(0.45 * (1 - income))
    assert decision.targets["BOXX"] == pytest.approx(0.08 * (1 - income))
    assert decision.reserve == pytest.approx(0.02 * (1 - income))


def test_income_is_shared_as_asked():
    told = replace(RISING, qqqi_income_ratio=0.25)

    decision = told.decide(a_view(equity=200_000.0))

    assert decision.targets["QQQI"] == pytest.approx(0.1)
    assert decision.targets["SPYI"] == pytest.approx(0.3)


@pytest.mark.parametrize(("equity", "income"), [(1.0, 0.6), (0.0, 0.0)])
def test_a_threshold_of_nothing_divides_by_nothing(equity, income):
    told = replace(TOLD, income_threshold_usd=0.0)

    decision = told.decide(a_view(equity=equity))

    assert decision.targets["SPYI"] + decision.targets["QQQI"] == pytest.approx(income)


def test_income_below_its_threshold_is_sold():
    decision = TOLD.decide(a_view({"SPYI": 10.0, "QQQI": 10.0}))

    assert decision.targets["SPYI"] == decision.targets["QQQI"] == 0.0
    assert decision.locked == {}


def test_without_a_close_of_the_benchmark_nothing_is_decided():
    with pytest.raises(BellwetherError, match="too_few_bars"):
        TOLD.decide(a_view(price=math.nan))


@pytest.mark.parametrize(
    ("threshold", "pullback"), [(0.24, 1.0), (0.25, 0.0), (0.26, 0.0), (0.0, 1.0)]
)
def test_a_rebound_must_be_more_than_its_gate_and_a_gate_of_zero_is_open(threshold, pullback):
    numbers = newest(
        REBOUND,
        dual_drive_pullback_rebound_threshold_mode="fixed",
        dual_drive_pullback_rebound_threshold=threshold,
    )

    assert (numbers["rebound"], numbers["gate"]) == (0.25, threshold)
    assert numbers["pullback"] == pullback
    assert "volatility" not in numbers


def test_a_gate_of_volatility_is_so_many_daily_deviations():
    numbers = newest(REBOUND, dual_drive_pullback_rebound_volatility_multiplier=3.0)

    # One return of a quarter among twenty: its deviation is a quarter over the root of twenty.
    assert numbers["volatility"] == pytest.approx(0.25 / math.sqrt(20.0))
    assert numbers["gate"] == pytest.approx(0.75 / math.sqrt(20.0))
    assert numbers["pullback"] == 1.0


def test_without_volatility_the_fixed_threshold_is_the_gate():
    numbers = newest(
        REBOUND,
        dual_drive_pullback_rebound_window=1,
        dual_drive_pullback_rebound_threshold=0.1,
    )

    assert "volatility" not in numbers
    assert (numbers["rebound"], numbers["gate"], numbers["pullback"]) == (0.0, 0.1, 0.0)


@pytest.mark.parametrize(("bars", "pullback"), [(20, 0.0), (21, 1.0)])
def test_a_pullback_is_possible_from_the_first_slope(bars, pullback):
    assert newest(REBOUND[-bars:])["pullback"] == pullback


def test_no_pullback_where_none_is_allowed():
    assert newest(REBOUND, dual_drive_allow_pullback=False)["pullback"] == 0.0


@pytest.mark.parametrize(
    "closes",
    [
        pytest.param([100.0] * 10 + [90.0] * 10 + [94.0], id="below the short average"),
        pytest.param([130.0] + [100.0] * 19 + [125.0], id="the short average falls"),
    ],
)
def test_a_pullback_wants_a_price_above_a_rising_short_average(closes):
    numbers = newest(closes, dual_drive_pullback_rebound_threshold_mode="fixed")

    assert numbers["rebound"] > numbers["gate"] == 0.0
    assert numbers["pullback"] == 0.0


def test_a_price_at_its_average_is_not_above_it():
    numbers = newest([77.1] * 230)

    assert numbers["ma200"] == numbers["price"]
    assert numbers["above"] == numbers["rising"] == 0.0


def test_above_the_long_average_there_is_no_pullback():
    numbers = newest([100.0] * 200 + REBOUND)

    assert numbers["ma200"] == pytest.approx(100.125)
    assert (numbers["above"], numbers["rising"], numbers["pullback"]) == (1.0, 1.0, 0.0)


@pytest.mark.parametrize(("bars", "above"), [(199, False), (200, True)])
def test_without_the_long_average_nothing_is_above_it(bars, above):
    numbers = newest([100.0] * (bars - 1) + [120.0])

    assert ("ma200" in numbers) == above
    assert numbers["above"] == float(above)


def test_a_long_rebound_window_is_read_whole():
    needs = replace(TOLD, dual_drive_pullback_rebound_window=600).needs

    assert needs.sessions == 601
    assert needs.total_return
