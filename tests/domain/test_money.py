from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from bot.domain.model import Proceeds, Role, TradingRules
from bot.domain.money import TargetValues, buy_limit, sell_limit, spendable, to_tick, value_targets
from bot.domain.strategy import Rebalance
from tests.builders import RULES, a_portfolio, a_quote, usd_targets


def valued(weights, equity=10000, reserve=0.0, rules=RULES) -> TargetValues:
    return value_targets(Rebalance(weights, "test", reserve=reserve), Decimal(equity), rules)


def test_weights_that_leave_room_for_the_reserve_are_not_scaled():
    wanted = valued({"TQQQ": 0.45, "QQQ": 0.45, "BOXX": 0.08}, reserve=0.02)

    assert wanted == usd_targets(10000, reserve=200, TQQQ=4500, QQQ=4500, BOXX=800)


def test_weights_that_leave_no_room_shrink_together():
    wanted = valued({"SOXL": 0.7, "SOXX": 0.2, "BOXX": 0.1}, reserve=0.03)

    assert wanted == usd_targets(10000, reserve=300, SOXL=6790, SOXX=1940, BOXX=970)


@pytest.mark.parametrize(
    ("asked", "rule", "floor", "reserve"),
    [
        (0.05, "0.03", "100", 500),
        (0.02, "0.03", "100", 300),
        (0.02, "0.03", "400", 400),
        (0.0, "0", "20000", 10000),
    ],
    ids=["the strategy's", "the rule's", "the floor", "no more than there is"],
)
def test_the_reserve_is_the_largest_of_three(asked, rule, floor, reserve):
    rules = TradingRules(reserve=Decimal(rule), reserve_floor=Decimal(floor))

    wanted = valued({"VOO": 1.0}, reserve=asked, rules=rules)

    assert wanted == usd_targets(10000, reserve=reserve, VOO=10000 - reserve)


@pytest.mark.parametrize(
    ("held", "gap"),
    [(0, 485), (400, 85), (485, 0), (490, 0), (500, 0), (560, -60)],
    ids=["nothing", "below", "at target", "scaled", "all of it", "more than is locked"],
)
def test_what_is_locked_is_not_to_go(held, gap):
    asked = Rebalance({"SPYI": 0.5, "VOO": 0.5}, "test", reserve=0.03, locked={"SPYI": 0.5})

    wanted = value_targets(asked, Decimal(1000), RULES)

    assert wanted.gap("SPYI", Decimal(held)) == gap
    assert wanted.gap("VOO", Decimal(500)) == -15


def test_a_short_below_its_target_is_a_gap():
    wanted = usd_targets(10000, SQQQ=-700)

    assert wanted.gap("SQQQ", Decimal(-500)) == -200


def test_a_written_zero_stays_a_zero():
    assert valued({"VOO": 0.0, "QQQ": 0.0}) == usd_targets(10000, VOO=0, QQQ=0)


def test_a_negative_weight_makes_no_room_for_more():
    wanted = valued({"VOO": 1.25, "SQQQ": -0.5})

    assert wanted == usd_targets(10000, VOO=10000, SQQQ=-4000)


@pytest.mark.parametrize("equity", [0, -500])
def test_without_equity_every_target_is_zero(equity):
    rules = TradingRules(reserve_floor=Decimal(150))

    assert valued({"VOO": 0.6, "QQQ": 0.4}, equity, rules=rules) == usd_targets(
        equity, VOO=0, QQQ=0
    )


def test_numbers_of_numpy_are_taken_at_their_word():
    wanted = valued({"VOO": np.float64(0.5)}, reserve=np.float64(0.1))

    assert wanted == usd_targets(10000, reserve=1000, VOO=5000)


def test_a_symbol_without_a_role_is_risk():
    wanted = usd_targets(100, {"BOXX": Role.SAFE_HAVEN}, VOO=50, BOXX=50)

    assert (wanted.role("VOO"), wanted.role("BOXX")) == (Role.RISK, Role.SAFE_HAVEN)


@pytest.mark.parametrize(
    ("value", "held", "band"),
    [(5000, 0, 100), (400, 0, 40), (400, 900, 90), (400, 9000, 100), (0, 0, 0)],
)
def test_the_band_is_a_share_of_equity_or_of_the_position(value, held, band):
    assert usd_targets(10000, VOO=value).band("VOO", Decimal(held), RULES) == band


def test_without_equity_there_is_no_band():
    assert usd_targets(-100, VOO=500).band("VOO", Decimal(0), RULES) == 0


@pytest.mark.parametrize(
    ("proceeds", "cash", "settled", "available", "money"),
    [
        (Proceeds.MARGIN, 1000, 0, 5000, 900),
        (Proceeds.MARGIN, 1000, 0, 600, 500),
        (Proceeds.SAME_DAY, 1000, 300, 0, 600),
        (Proceeds.SAME_DAY, 500, 300, 0, 400),
        (Proceeds.SETTLED, 1000, 300, 5000, 200),
        (Proceeds.SETTLED, 200, 300, 5000, 100),
        (Proceeds.SETTLED, 1000, 50, 0, -50),
    ],
)
def test_what_buys_may_spend_is_the_accounts_kind(proceeds, cash, settled, available, money):
    account = replace(a_portfolio(cash, settled=settled), spendable=Decimal(available))

    found = spendable(account, TradingRules(proceeds=proceeds), Decimal(100), Decimal(400))

    assert found == money


@pytest.mark.parametrize(
    ("price", "tick"),
    [
        ("153.69465", "153.69"),
        ("608.025", "608.02"),
        ("608.035", "608.04"),
        ("1.005", "1.00"),
        ("1", "1.00"),
        ("0.99995", "1.0000"),
        ("0.12345", "0.1234"),
    ],
)
def test_limits_are_rounded_half_to_even_on_the_tick(price, tick):
    assert str(to_tick(Decimal(price))) == tick


def test_a_buy_is_limited_above_the_ask_and_a_sell_below_the_bid():
    quote = replace(a_quote("VOO", 100), bid=Decimal(99), ask=Decimal(101))
    rules = TradingRules(buy_premium=Decimal("0.01"), sell_discount=Decimal("0.02"))

    assert buy_limit(quote, rules) == Decimal("102.01")
    assert sell_limit(quote, rules) == Decimal("97.02")


def test_a_further_step_widens_the_distance():
    quote = a_quote("VOO", 100)

    assert buy_limit(quote, RULES, steps=3) == Decimal("100.90")
    assert sell_limit(quote, RULES, steps=3) == Decimal("99.10")


def test_a_symbol_may_have_its_own_distance():
    rules = TradingRules(premiums={"SOXL": Decimal("0.008")})

    assert buy_limit(a_quote("SOXL", 100), rules) == Decimal("100.80")
    assert sell_limit(a_quote("SOXL", 100), rules) == Decimal("99.20")


def test_a_sell_limit_is_never_zero():
    rules = TradingRules(sell_discount=Decimal(1))

    assert sell_limit(a_quote("DUST", "0.5"), rules) == Decimal("0.0001")
