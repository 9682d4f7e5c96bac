import math
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pandas as pd
import pytest

from bot.domain.errors import BellwetherError, SettingsError
from bot.domain.features import Features
from bot.domain.model import Role
from bot.domain.strategy import Holding, Rows, View
from strategies.soxl_soxx_trend_income import SoxlSoxxTrendIncome
from tests.strategies.builders import a_table, facts_of, holdings

TOLD = SoxlSoxxTrendIncome()
# An average of 100 whose lines lie at 108, 106 and 98.
LINES = {"trend_entry_line": 108.0, "trend_mid_line": 106.0, "trend_exit_line": 98.0}
FULL, MID, DEFENSIVE = 110.0, 107.0, 90.0


def a_view(price, held=None, equity=100_000.0, **numbers):
    row = {**LINES, "trend_price": price, "ma.SOXL": 30.0, "ma.SOXX": 100.0, **numbers}
    return View(date(2024, 3, 28), Rows(pd.DataFrame([row])), held or {}, equity)


def worth(**values):
    """Holdings of so many dollars, at a hundred a share."""
    return holdings(**{symbol: value / 100.0 for symbol, value in values.items()})


def newest(told, **closes):
    facts = facts_of(a_table(closes))
    return Features(told, facts).numbers(facts.closes.index[-1].date())


def weights(decision):
    return {symbol: pytest.approx(weight) for symbol, weight in decision.targets.items()}


TIERS = [
    # price, without SOXL, with SOXL
    (108.01, "tier_full", "tier_full"),
    (108.0, "tier_mid", "tier_mid"),
    (106.01, "tier_mid", "tier_mid"),
    (106.0, "tier_defensive", "tier_mid"),
    (98.01, "tier_defensive", "tier_mid"),
    (98.0, "tier_defensive", "tier_defensive"),
]


@pytest.mark.parametrize(("price", "flat", "holding"), TIERS)
def test_a_tier_ends_at_its_line_and_who_holds_stays_longer(price, flat, holding):
    without = TOLD.decide(a_view(price))
    with_soxl = TOLD.decide(a_view(price, holdings(SOXL=1)))

    assert (without.reason, with_soxl.reason) == (flat, holding)


@pytest.mark.parametrize(
    ("price", "soxl", "soxx", "boxx"),
    [(FULL, 0.70, 0.20, 0.10), (MID, 0.65, 0.20, 0.15), (DEFENSIVE, 0.0, 0.15, 0.85)],
)
def test_a_tier_is_so_much_of_both_funds_and_a_rest_in_the_safe_haven(price, soxl, soxx, boxx):
    decision = TOLD.decide(a_view(price))

    assert weights(decision) == {"SOXL": soxl, "SOXX": soxx, "QQQI": 0, "SPYI": 0, "BOXX": boxx}
    assert decision.reserve == 0.03
    assert decision.roles == {
        "BOXX": Role.SAFE_HAVEN,
        "QQQI": Role.INCOME,
        "SPYI": Role.INCOME,
    }
    assert decision.lapses


def test_a_stray_holding_gets_a_written_zero():
    assert TOLD.decide(a_view(FULL, holdings(GLD=3))).targets["GLD"] == 0.0


def test_the_middle_weight_is_never_above_the_full_one():
    told = replace(TOLD, blend_gate_mid_soxl_weight=0.9)

    assert told.decide(a_view(MID)).targets["SOXL"] == pytest.approx(0.70)


def test_weights_above_the_whole_shrink_together():
    told = replace(TOLD, blend_gate_soxl_weight=0.9, blend_gate_active_soxx_weight=0.3)

    decision = told.decide(a_view(FULL))

    assert weights(decision) == {"SOXL": 0.75, "SOXX": 0.25, "QQQI": 0, "SPYI": 0, "BOXX": 0}


@pytest.mark.parametrize(("soxl", "soxx"), [(0.7, 0.3), (0.0, 0.0)])
def test_nothing_left_is_nothing_and_a_weight_of_zero_is_zero(soxl, soxx):
    told = replace(TOLD, blend_gate_soxl_weight=soxl, blend_gate_active_soxx_weight=soxx)

    decision = told.decide(a_view(FULL))

    assert decision.targets["SOXL"] == soxl
    assert decision.targets["BOXX"] == (0.0 if soxl else 1.0)


@pytest.mark.parametrize(
    ("shares", "value", "equity", "reason"),
    [
        ("1", 40.0, 100_000.0, "tier_mid"),
        ("0.9", 100.01, 900.0, "tier_mid"),
        ("0.9", 100.0, 900.0, "tier_defensive"),
        ("0.9", 999.0, 100_000.0, "tier_defensive"),
        ("0.9", 1000.01, 100_000.0, "tier_mid"),
        ("0.9", 100.01, None, "tier_mid"),
        ("0.9", 100.01, -50.0, "tier_mid"),
    ],
)
def test_soxl_is_held_from_a_share_or_from_more_than_the_least_trade(shares, value, equity, reason):
    view = a_view(100.0, {"SOXL": Holding(Decimal(shares), value)}, equity)

    assert TOLD.decide(view).reason == reason


def test_the_least_trade_is_a_choice():
    told = replace(TOLD, min_trade_floor=10.0, min_trade_ratio=0.0)

    decision = told.decide(a_view(100.0, {"SOXL": Holding(Decimal("0.5"), 20.0)}))

    assert decision.reason == "tier_mid"


@pytest.mark.parametrize(
    ("equity", "income"),
    [
        (None, 0.0),
        (149_999.0, 0.0),
        (150_000.0, 0.0),
        (225_000.0, 0.075),
        (300_000.0, 0.15),
        (300_000.01, 0.15),
        (900_000.0, 0.15),
    ],
)
def test_income_grows_from_its_start_to_twice_of_it_and_stays(equity, income):
    decision = TOLD.decide(a_view(FULL, equity=equity))

    assert decision.targets["QQQI"] == pytest.approx(0.7 * income)
    assert decision.targets["SPYI"] == pytest.approx(0.3 * income)
    assert decision.targets["SOXL"] == pytest.approx(0.7 * (1 - income))
    assert sum(decision.targets.values()) == pytest.approx(1.0)


def test_income_held_above_its_share_is_kept_and_locked():
    decision = TOLD.decide(a_view(FULL, worth(QQQI=30_000, SPYI=10_000)))

    assert weights(decision) == {
        "SOXL": 0.42,
        "SOXX": 0.12,
        "QQQI": 0.3,
        "SPYI": 0.1,
        "BOXX": 0.06,
    }
    assert decision.locked == {"QQQI": 0.3, "SPYI": 0.1}


def test_income_below_its_share_is_added_to_without_being_balanced():
    decision = TOLD.decide(a_view(FULL, worth(SPYI=20_000), 400_000.0))

    # 15 % are wanted, 5 % are there: 7 and 3 points are added.
    assert decision.targets["QQQI"] == pytest.approx(0.07)
    assert decision.targets["SPYI"] == pytest.approx(0.08)
    assert decision.targets["SOXL"] == pytest.approx(0.7 * 0.85)
    assert decision.locked == {"SPYI": pytest.approx(0.05)}


def test_more_income_than_equity_is_locked_and_nothing_else_is_wanted():
    decision = TOLD.decide(a_view(FULL, worth(QQQI=90_000, SPYI=30_000), 100_000.0))

    assert weights(decision) == {"SOXL": 0, "SOXX": 0, "QQQI": 0.75, "SPYI": 0.25, "BOXX": 0}
    assert decision.locked == {"QQQI": pytest.approx(0.9), "SPYI": pytest.approx(0.3)}


@pytest.mark.parametrize("equity", [None, 0.0, -7_000.0])
def test_without_equity_to_measure_by_income_is_a_share_of_what_is_held(equity):
    decision = TOLD.decide(a_view(FULL, worth(SOXL=60_000, SPYI=40_000), equity))

    assert decision.locked == {"SPYI": 0.4}
    assert decision.targets["SPYI"] == 0.4
    assert decision.targets["SOXL"] == pytest.approx(0.42)


@pytest.mark.parametrize("equity", [None, 0.0, -7_000.0])
def test_with_neither_equity_nor_value_there_is_no_income(equity):
    held = {"SPYI": Holding(Decimal(1), 0.0)}

    decision = TOLD.decide(a_view(FULL, held, equity))

    assert weights(decision) == {"SOXL": 0.7, "SOXX": 0.2, "QQQI": 0, "SPYI": 0, "BOXX": 0.1}
    assert decision.locked == {}


@pytest.mark.parametrize(("equity", "income"), [(1.0, 0.15), (0.0, 0.0)])
def test_a_start_of_nothing_divides_by_nothing(equity, income):
    told = replace(TOLD, income_layer_start_usd=0.0)

    decision = told.decide(a_view(FULL, equity=equity))

    assert decision.targets["QQQI"] + decision.targets["SPYI"] == pytest.approx(income)


def test_income_weights_are_at_most_the_whole_together():
    with pytest.raises(SettingsError) as refused:
        SoxlSoxxTrendIncome(income_layer_qqqi_weight=0.8)

    assert dict(refused.value.values)["name"] == "income_layer_spyi_weight"


@pytest.mark.parametrize("unknown", ["ma.SOXL", "ma.SOXX"])
def test_a_fund_without_its_average_is_not_replaced_by_the_other(unknown):
    with pytest.raises(BellwetherError, match="too_few_bars") as refused:
        TOLD.decide(a_view(FULL, **{unknown: math.nan}))

    assert dict(refused.value.values)["symbol"] == unknown.removeprefix("ma.")


def test_the_lines_lie_around_the_average_of_the_source():
    numbers = newest(TOLD, SOXX=[100.0] * 150, SOXL=[20.0] * 150)

    lines = [numbers[f"trend_{line}_line"] for line in ("entry", "mid", "exit")]
    assert lines == pytest.approx([108.0, 106.0, 98.0])
    assert (numbers["trend_price"], numbers["trend_ma"]) == (100.0, 100.0)
    assert (numbers["trend_ma20"], numbers["trend_ma20_slope"]) == (100.0, 0.0)
    assert (numbers["price.SOXL"], numbers["ma.SOXL"]) == (20.0, 20.0)


def test_the_middle_line_is_never_above_the_entry_line():
    told = replace(TOLD, trend_entry_buffer=0.05, trend_mid_buffer=0.10)

    numbers = newest(told, SOXX=[100.0] * 150, SOXL=[20.0] * 150)

    assert numbers["trend_mid_line"] == numbers["trend_entry_line"] == pytest.approx(105.0)


@pytest.mark.parametrize("source", ["SOXL", "soxl"])
def test_the_threefold_fund_may_be_the_source_of_the_trend(source):
    told = replace(TOLD, blend_gate_trend_source=source)

    numbers = newest(told, SOXX=[100.0] * 150, SOXL=[20.0] * 149 + [30.0])

    assert numbers["trend_price"] == 30.0
    assert numbers["trend_ma"] == pytest.approx(20.0 + 10.0 / 140.0)
    assert numbers["price.SOXX"] == 100.0


@pytest.mark.parametrize("symbol", ["SOXL", "SOXX"])
@pytest.mark.parametrize(("bars", "known"), [(139, False), (140, True)])
def test_an_average_needs_all_its_bars_of_either_fund(symbol, bars, known):
    closes = {"SOXL": [20.0] * 150, "SOXX": [100.0] * 150}
    closes[symbol] = [math.nan] * (150 - bars) + closes[symbol][:bars]

    numbers = newest(TOLD, **closes)

    assert (f"ma.{symbol}" in numbers) == known


def test_both_funds_are_vital_and_a_long_average_needs_as_many_sessions():
    assert set(TOLD.needs.vital) == {"SOXL", "SOXX"}
    assert TOLD.needs.holds == ("SOXL", "SOXX", "BOXX", "QQQI", "SPYI")
    assert TOLD.needs.sessions == 220
    assert replace(TOLD, trend_ma_window=500).needs.sessions == 520
