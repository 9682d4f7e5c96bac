from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.fills import (
    Fill,
    FillAtMost,
    FillRules,
    commission,
    fill_of,
    fill_price,
    filled_with,
)
from bot.domain.model import Action, OrderReport, OrderStatus
from tests.builders import a_quote, an_intent

FREE = FillRules()
SPREAD = replace(a_quote("VOO", 100), bid=Decimal("99.95"), ask=Decimal("100.05"))
ACTIONS = st.sampled_from(Action)
PRICES = st.decimals("0.01", 5000, places=2)


def working(action=Action.BUY, shares=10, limit=101, **said):
    return replace(
        OrderReport.of(an_intent("VOO", action, shares, limit), OrderStatus.WORKING), **said
    )


@pytest.mark.parametrize(
    ("action", "limit", "slippage", "price"),
    [
        (Action.BUY, None, "0", "100.05"),
        (Action.BUY, "100.05", "0", "100.05"),
        (Action.BUY, "100.04", "0", None),
        (Action.BUY, None, "0.001", "100.15"),
        (Action.BUY, "100.15", "0.001", "100.15"),
        (Action.BUY, "100.14", "0.001", None),
        (Action.BUY_TO_COVER, "100.05", "0", "100.05"),
        (Action.SELL, None, "0", "99.95"),
        (Action.SELL, "99.95", "0", "99.95"),
        (Action.SELL, "99.96", "0", None),
        (Action.SELL, "99.85", "0.001", "99.85"),
        (Action.SELL, "99.86", "0.001", None),
        (Action.SELL_SHORT, "99.96", "0", None),
    ],
)
def test_an_order_fills_at_the_far_side_of_the_quote_within_its_limit(
    action, limit, slippage, price
):
    order = an_intent("VOO", action, 1, limit)

    got = fill_price(order, SPREAD, FillRules(slippage=Decimal(slippage)))

    assert got == (price and Decimal(price))


@given(ACTIONS, PRICES, PRICES, st.decimals(0, "0.05", places=5))
def test_no_fill_is_beyond_its_limit(action, limit, price, slippage):
    order = an_intent("VOO", action, 1, limit)

    got = fill_price(order, a_quote("VOO", price), FillRules(slippage=slippage))

    assert got is None or (got <= limit if action.takes_shares else got >= limit)


@given(ACTIONS, PRICES, st.decimals(0, "0.05", places=5))
def test_slippage_never_helps_and_a_price_has_four_decimals(action, price, slippage):
    order = an_intent("VOO", action, 1, limit=None)

    got = fill_price(order, a_quote("VOO", price), FillRules(slippage=slippage))

    assert got is not None
    assert got == round(got, 4)
    assert got >= price if action.takes_shares else got <= price


@pytest.mark.parametrize("action", Action)
def test_a_halted_symbol_fills_nothing(action):
    order = an_intent("VOO", action, 1, limit=None)

    assert fill_price(order, replace(SPREAD, halted=True), FREE) is None


def test_a_side_nobody_quotes_fills_nothing():
    nobody = replace(SPREAD, bid=Decimal(0))

    assert fill_price(an_intent("VOO", Action.SELL, 1, limit=None), nobody, FREE) is None
    assert fill_price(an_intent("VOO", Action.BUY, 1, limit=None), nobody, FREE) is not None


@pytest.mark.parametrize(
    ("shares", "cost"), [(0, "0"), (1, "1.00"), (100, "1.00"), (200, "1.50"), (1000, "5.50")]
)
def test_a_commission_is_by_order_and_share_with_a_minimum(shares, cost):
    rules = FillRules(
        commission_per_order=Decimal("0.50"),
        commission_per_share=Decimal("0.005"),
        minimum_commission=Decimal("1.00"),
    )

    assert commission(shares, rules) == Decimal(cost)


def test_fills_of_one_order_pay_its_commission_once():
    rules = FillRules(
        minimum_commission=Decimal(1),
        commission_per_share=Decimal("0.10"),
        drills={"VOO": FillAtMost(4)},
    )
    order = working(shares=12)

    first = fill_of(order, SPREAD, rules)
    rest = fill_of(filled_with(order, first), SPREAD, replace(rules, drills={}))

    assert (first.shares, first.commission) == (4, Decimal(1))
    assert (rest.shares, rest.commission) == (8, Decimal("0.20"))


def test_a_drill_holds_the_rest_of_an_order_back():
    rules = FillRules(drills={"VOO": FillAtMost(4)})

    assert fill_of(working(shares=10, filled=4), SPREAD, rules) is None
    assert fill_of(working(shares=3), SPREAD, rules).shares == 3
    assert (
        fill_of(working(shares=10), SPREAD, FillRules(drills={"QQQ": FillAtMost(0)})).shares == 10
    )


def test_an_order_that_is_not_marketable_has_no_fill():
    assert fill_of(working(limit=90), SPREAD, FREE) is None


def test_the_average_price_weighs_the_fills_by_their_shares():
    first = Fill("VOO", Action.BUY, 4, Decimal(100), Decimal(1))
    second = Fill("VOO", Action.BUY, 6, Decimal(105), Decimal("0.5"))

    report = filled_with(filled_with(working(), first), second)

    assert (report.filled, report.average_price, report.commission) == (10, 103, Decimal("1.5"))
    assert report.proceeds == first.money + second.money


@pytest.mark.parametrize(
    ("action", "money", "moved"),
    [
        (Action.BUY, "-201", 2),
        (Action.BUY_TO_COVER, "-201", 2),
        (Action.SELL, "199", -2),
        (Action.SELL_SHORT, "199", -2),
    ],
)
def test_a_fill_moves_money_against_shares_and_pays_both_ways(action, money, moved):
    fill = Fill("VOO", action, 2, Decimal(100), Decimal(1))

    assert (fill.money, fill.moved) == (Decimal(money), moved)
