from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain.gates import Finding
from bot.domain.model import Action, Plan, Role, TradingRules
from bot.domain.planning import leaving, plan_buys, plan_sells, plan_shorts, residuals, sides
from bot.domain.shorting import carried, equity_lacking
from bot.domain.situation import Situation
from tests.builders import (
    AT_QUOTE,
    a_portfolio,
    a_quote,
    a_run,
    a_situation,
    codes,
    quotes,
    usd_targets,
)

MARKET = quotes(QQQ=100, IWM=50, BIL=100)
HAVEN = {"BIL": Role.SAFE_HAVEN}
HEDGE = usd_targets(10_000, QQQ=5000, IWM=-5000)


def shorts(wanted, at: Situation, rules: TradingRules = AT_QUOTE) -> Plan:
    return plan_shorts(a_run(), wanted, at, rules)


def sells(wanted, at: Situation) -> Plan:
    return plan_sells(a_run(), wanted, at, AT_QUOTE)


def buys(wanted, at: Situation) -> Plan:
    return plan_buys(a_run(), wanted, at, AT_QUOTE)


def orders(plan: Plan) -> list[tuple[str, str, int]]:
    return [(order.symbol, order.action.value, order.shares) for order in plan.orders]


def test_a_run_has_a_part_for_shorts_only_where_some_are_wanted():
    assert [side.value for side in sides({"QQQ": 0.5, "IWM": -0.5})] == ["sell", "short", "buy"]
    assert [side.value for side in sides({"QQQ": 0.5, "IWM": 0.0})] == ["sell", "buy"]


def test_what_is_missing_to_a_short_target_is_sold_short_at_the_bid_less_the_discount():
    rules = replace(AT_QUOTE, sell_discount=Decimal("0.01"))

    plan = shorts(HEDGE, a_situation(a_portfolio(10_000), MARKET), rules)

    assert (orders(plan), plan.notes) == ([("IWM", "sell_short", 100)], ())
    assert plan.orders[0].limit == Decimal("49.50")


def test_a_short_is_never_rounded_beyond_its_target():
    plan = shorts(usd_targets(10_000, IWM=-4999), a_situation(a_portfolio(10_000), MARKET))

    assert orders(plan) == [("IWM", "sell_short", 99)]


def test_a_short_grows_by_what_is_missing():
    plan = shorts(HEDGE, a_situation(a_portfolio(14_000, IWM=-80), MARKET))

    assert orders(plan) == [("IWM", "sell_short", 20)]


NOT_OPENED = {
    "what is held goes first": (HEDGE, {"IWM": 1}, {}, "closing_first"),
    "inside the band": (HEDGE, {"IWM": -99}, {}, "inside_band"),
    "no share fits": (usd_targets(10_000, IWM=-49), {}, {}, "gap_below_one_share"),
    "below the minimum": (
        usd_targets(10_000, IWM=-5000),
        {"IWM": -98},
        {"min_notional": Decimal(150), "band": Decimal("0.001")},
        "below_minimum",
    ),
    "too many orders": (HEDGE, {}, {"max_orders": 0}, "capped"),
}


@pytest.mark.parametrize(
    ("wanted", "held", "rules", "why"), NOT_OPENED.values(), ids=list(NOT_OPENED)
)
def test_a_short_that_is_not_opened_says_why(wanted, held, rules, why):
    at = a_situation(a_portfolio(10_000, **held), MARKET)

    plan = shorts(wanted, at, replace(AT_QUOTE, **rules))

    assert (orders(plan), codes(plan)["IWM"]) == ([], why)


def test_a_short_at_its_target_is_left_alone():
    plan = shorts(HEDGE, a_situation(a_portfolio(15_000, IWM=-100), MARKET))

    assert (plan.orders, plan.notes) == ((), ())


@pytest.mark.parametrize(
    "finding", [Finding.SHORT_RESTRICTED, Finding.QUOTE_STALE, Finding.UNEXPLAINED_EQUITY]
)
def test_a_finding_stops_an_opening(finding):
    at = a_situation(a_portfolio(10_000), MARKET, {"IWM": (finding,)})

    plan = shorts(HEDGE, at)

    assert (orders(plan), codes(plan)) == ([], {"IWM": finding})


@pytest.mark.parametrize(("most", "shares"), [(1000, 20), (50, 1)])
def test_a_cap_on_money_opens_a_part_and_says_so(most, shares):
    at = a_situation(a_portfolio(10_000), MARKET)

    plan = shorts(HEDGE, at, replace(AT_QUOTE, max_notional=Decimal(most)))

    assert (orders(plan), codes(plan)) == ([("IWM", "sell_short", shares)], {"IWM": "capped"})


def test_one_share_that_is_just_worth_an_order_is_sold_short():
    at = a_situation(a_portfolio(10_000), MARKET)

    plan = shorts(usd_targets(10_000, IWM=-50), at, replace(AT_QUOTE, min_notional=Decimal(50)))

    assert orders(plan) == [("IWM", "sell_short", 1)]


@pytest.mark.parametrize(
    ("caps", "second"),
    [({"max_turnover": Decimal("0.6")}, [("QQQ", "sell_short", 10)]), ({"max_orders": 1}, [])],
)
def test_what_was_sold_short_before_counts_towards_the_caps(caps, second):
    wanted = usd_targets(10_000, IWM=-5000, QQQ=-2000)

    plan = shorts(wanted, a_situation(a_portfolio(10_000), MARKET), replace(AT_QUOTE, **caps))

    assert orders(plan) == [("IWM", "sell_short", 100), *second]
    assert codes(plan) == {"QQQ": "capped"}


def test_without_the_equity_that_positions_ask_for_nothing_is_opened():
    wanted = usd_targets(10_000, QQQ=8000, IWM=-8000)

    plan = shorts(wanted, a_situation(a_portfolio(10_000), MARKET))

    (note,) = plan.notes
    assert (orders(plan), note.code) == ([], "margin_short")
    assert note.values["needed"] == Decimal("10400.00")


@pytest.mark.parametrize(("equity", "needed"), [(6500, None), ("6499.99", 6500)])
def test_the_equity_that_positions_ask_for_is_enough_to_the_cent(equity, needed):
    wanted = usd_targets(equity, QQQ=5000, IWM=-5000)

    assert equity_lacking(wanted, AT_QUOTE) == needed


@pytest.mark.parametrize(
    ("rates", "lacking"),
    [({}, None), ({"IWM": Decimal("0.90")}, None), ({"IWM": Decimal("1.20")}, Decimal(11050))],
)
def test_a_house_rate_of_a_symbol_counts_for_its_shorts(rates, lacking):
    rules = replace(AT_QUOTE, short_requirements=rates)

    assert equity_lacking(HEDGE, rules) == lacking


def test_a_house_rate_of_longs_is_another():
    rules = replace(AT_QUOTE, requirements={"IWM": Decimal(3), "QQQ": Decimal("0.75")})

    assert equity_lacking(HEDGE, rules) is None
    assert equity_lacking(HEDGE, replace(rules, requirements={"QQQ": Decimal("1.10")})) == 10_400


@pytest.mark.parametrize(
    ("held", "part"), [({}, 0), ({"IWM": -40}, "0.4"), ({"IWM": -130}, 1), ({"IWM": 7}, 0)]
)
def test_the_part_that_is_there_is_filled_over_wanted(held, part):
    at = a_situation(a_portfolio(10_000, **held), MARKET)

    assert carried(HEDGE, at) == Decimal(part)


def test_without_shorts_the_longs_are_whole():
    assert carried(usd_targets(10_000, QQQ=5000), a_situation(a_portfolio(1), MARKET)) == 1


def test_the_longs_are_sized_to_the_shorts_that_filled():
    plan = buys(HEDGE, a_situation(a_portfolio(12_000, IWM=-40), MARKET))

    assert orders(plan) == [("QQQ", "buy", 20)]
    assert codes(plan) == {"QQQ": "sized_to_shorts"}


def test_a_safe_haven_is_not_sized_to_shorts():
    wanted = usd_targets(10_000, HAVEN, BIL=5000, IWM=-5000)

    plan = buys(wanted, a_situation(a_portfolio(10_000), MARKET))

    assert orders(plan) == [("BIL", "buy", 50)]


def test_the_money_of_shorts_buys_nothing():
    plan = buys(
        usd_targets(10_000, QQQ=10_000, IWM=-5000),
        a_situation(a_portfolio(15_000, IWM=-100), MARKET),
    )

    assert orders(plan) == [("QQQ", "buy", 100)]


def test_the_money_of_shorts_is_not_awaited():
    plan = buys(
        usd_targets(10_000, QQQ=10_100, IWM=-5000),
        a_situation(a_portfolio(15_000, IWM=-100), MARKET),
    )

    assert (orders(plan), codes(plan)) == ([("QQQ", "buy", 100)], {"QQQ": "cash_below_one_share"})


def test_a_cover_is_an_exit_at_the_ask_and_the_premium():
    at = a_situation(a_portfolio(15_000, IWM=-100), MARKET)
    wanted = usd_targets(10_000, IWM=0)

    plan = plan_sells(a_run(), wanted, at, replace(AT_QUOTE, buy_premium=Decimal("0.01")))

    assert orders(plan) == [("IWM", "buy_to_cover", 100)]
    assert plan.orders[0].limit == Decimal("50.50")


def test_a_cover_without_a_quote_goes_at_the_market():
    at = Situation(a_portfolio(15_000, IWM=-100), {}, {"IWM": Decimal(50)})

    plan = sells(usd_targets(10_000, IWM=0), at)

    assert (orders(plan), plan.orders[0].limit) == ([("IWM", "buy_to_cover", 100)], None)


def test_a_part_of_a_short_that_is_no_share_stays_with_a_note():
    plan = sells(usd_targets(10_000, IWM=0), a_situation(a_portfolio(0, IWM="-0.5"), MARKET))

    assert (orders(plan), codes(plan)) == ([], {"IWM": "rounded"})


def test_a_short_beyond_its_target_is_bought_back_as_far_and_no_share_further():
    wanted = usd_targets(10_000, IWM=-5030)

    plan = sells(wanted, a_situation(a_portfolio(17_000, IWM=-140), MARKET))

    assert orders(plan) == [("IWM", "buy_to_cover", 39)]


@pytest.mark.parametrize(
    ("target", "cash", "why"),
    [
        (-5000, 15_000, {}),
        (-5000, -1, {}),
        ("-4999.5", 15_000, {"IWM": "inside_band"}),
        ("-4999.5", -1, {"IWM": "negative_cash"}),
    ],
)
def test_a_short_at_its_target_is_nothing_to_close(target, cash, why):
    at = a_situation(a_portfolio(cash, IWM=-100), MARKET)

    plan = sells(usd_targets(10_000, IWM=target), at)

    assert (orders(plan), codes(plan)) == ([], why)


def test_what_a_cover_costs_is_repaid_with_the_debt():
    at = a_situation(a_portfolio(-1000, IWM=-10, QQQ=50), MARKET)

    plan = sells(usd_targets(3500, QQQ=5000, IWM=0), at)

    assert orders(plan) == [("IWM", "buy_to_cover", 10), ("QQQ", "sell", 15)]


def test_a_short_a_little_beyond_its_target_stays():
    plan = sells(HEDGE, a_situation(a_portfolio(15_050, IWM=-101), MARKET))

    assert (orders(plan), codes(plan)) == ([], {"IWM": "inside_band"})


def test_a_short_below_its_target_is_nothing_to_close():
    plan = sells(HEDGE, a_situation(a_portfolio(12_000, IWM=-40), MARKET))

    assert (orders(plan), codes(plan)) == ([], {})


def test_crossing_zero_downward_sells_first_and_shorts_what_is_wanted_when_that_is_done():
    held = a_situation(a_portfolio(9500, IWM=10), MARKET)
    flat = a_situation(a_portfolio(10_000), MARKET)

    assert orders(sells(HEDGE, held)) == [("IWM", "sell", 10)]
    assert orders(shorts(HEDGE, flat)) == [("IWM", "sell_short", 100)]


def test_crossing_zero_upward_covers_first_and_buys_when_that_is_done():
    wanted = usd_targets(10_000, IWM=5000)
    short = a_situation(a_portfolio(10_500, IWM=-10), MARKET)
    flat = a_situation(a_portfolio(10_000), MARKET)

    assert orders(sells(wanted, short)) == [("IWM", "buy_to_cover", 10)]
    assert (orders(buys(wanted, short)), codes(buys(wanted, short))) == (
        [],
        {"IWM": "closing_first"},
    )
    assert orders(buys(wanted, flat)) == [("IWM", "buy", 100)]


def test_what_leaves_whole_is_a_zero_target_or_one_across_zero():
    account = a_portfolio(0, QQQ=5, IWM=-5, BIL=1)

    assert leaving({"QQQ": -0.1, "IWM": 0.2, "BIL": 0.1, "VOO": 0.0}, account) == {
        "QQQ",
        "IWM",
        "VOO",
    }


@pytest.mark.parametrize(
    ("target", "held"),
    [
        ({"QQQ": 0.5}, {"QQQ": 10}),
        ({"QQQ": -0.5}, {"QQQ": -10}),
        ({"QQQ": 5000}, {"QQQ": "0.5"}),
        ({"QQQ": -5000}, {"QQQ": 0}),
        ({"QQQ": 5000}, {"QQQ": 0}),
        ({}, {"QQQ": 10}),
        ({}, {"QQQ": -10}),
    ],
)
def test_what_is_on_the_side_of_its_target_or_has_none_does_not_leave(target, held):
    assert leaving(target, a_portfolio(0, **held)) == set()


def test_what_is_to_leave_is_no_short_to_be_opened():
    wanted = usd_targets(10_000, QQQ=0, IWM=-5000)

    plan = shorts(wanted, a_situation(a_portfolio(10_000, QQQ=5), MARKET))

    assert (orders(plan), codes(plan)) == ([("IWM", "sell_short", 100)], {})


def test_wanted_shares_are_not_paid_with_the_money_of_shorts():
    wanted = replace(HEDGE, values={**HEDGE.values, "BIL": Decimal(5000)}, roles=HAVEN)
    at = a_situation(a_portfolio(5000, IWM=-100, BIL=100), MARKET)

    assert orders(sells(wanted, at)) == [("BIL", "sell", 50)]


OWED = {
    "a short not opened": ({}, [], {"IWM": -100}),
    "a part of it": ({"IWM": -40}, [], {"IWM": -60}),
    "a short too large": ({"IWM": -160}, [], {"IWM": 60}),
    "the other side": ({"IWM": 20}, [], {"IWM": -120}),
    "nothing": ({"IWM": -100}, [], {}),
}


@pytest.mark.parametrize(("held", "notes", "left"), OWED.values(), ids=list(OWED))
def test_what_is_missing_to_a_short_is_owed(held, notes, left):
    prices = {"IWM": Decimal(50)}
    wanted = usd_targets(10_000, IWM=-5000)

    assert residuals(wanted, a_portfolio(0, **held), prices, notes, AT_QUOTE) == left


def test_a_short_that_should_be_gone_is_owed_as_shares_to_buy():
    wanted = usd_targets(10_000, IWM=0)

    assert residuals(wanted, a_portfolio(0, IWM=-3), {"IWM": Decimal(50)}, (), AT_QUOTE) == {
        "IWM": 3
    }


@pytest.mark.parametrize(
    ("value", "held", "left"), [(-5000, 0, -1), (0, -3, 3), (-5000, -3, None), ("0.5", 0, 1)]
)
def test_without_a_price_a_short_is_measured_by_whether_it_is_there(value, held, left):
    wanted = usd_targets(10_000, IWM=value)

    found = residuals(wanted, a_portfolio(0, IWM=held), {}, (), AT_QUOTE)

    assert found == ({} if left is None else {"IWM": left})


def test_longs_without_their_shorts_are_excused_only_while_every_order_was_filled():
    at = a_situation(a_portfolio(10_000), MARKET)
    notes = buys(HEDGE, at).notes

    wanted = usd_targets(10_000, QQQ=5000)
    assert residuals(wanted, at.portfolio, at.prices, notes, AT_QUOTE) == {}
    assert residuals(wanted, at.portfolio, at.prices, notes, AT_QUOTE, ["IWM"]) == {"QQQ": 50}


def test_only_a_sale_of_what_is_held_closes_it():
    assert {action for action in Action if action.closes} == {Action.SELL, Action.BUY_TO_COVER}


def test_a_quote_below_the_price_that_values_a_holding_does_not_overshoot():
    market = {**MARKET, "IWM": replace(a_quote("IWM", 50), bid=Decimal(40))}

    plan = shorts(HEDGE, a_situation(a_portfolio(10_000), market))

    assert orders(plan) == [("IWM", "sell_short", 100)]
