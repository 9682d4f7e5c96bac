from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain.gates import Finding
from bot.domain.model import Action, Note, Plan, Role, TradingRules
from bot.domain.planning import plan_sells
from bot.domain.situation import Situation
from tests.builders import (
    AT_QUOTE,
    a_portfolio,
    a_run,
    a_situation,
    codes,
    quotes,
    traded_shares,
    usd_targets,
)

HAVENS = {"BOXX": Role.SAFE_HAVEN, "BIL": Role.SAFE_HAVEN}
MARKET = quotes(VOO=100, QQQ=100, SPYI=50, BOXX=100, BIL=100)


def sells(wanted, at: Situation, rules: TradingRules = AT_QUOTE) -> Plan:
    return plan_sells(a_run(), wanted, at, rules)


def test_risk_is_sold_first_then_income_then_the_safe_haven_ties_by_symbol():
    at = a_situation(a_portfolio(0, BOXX=1, SPYI=1, VOO=1, QQQ=1), MARKET)
    roles = {**HAVENS, "SPYI": Role.INCOME}

    plan = sells(usd_targets(350, roles, BOXX=0, SPYI=0, VOO=0, QQQ=0), at)

    assert list(traded_shares(plan)) == ["QQQ", "VOO", "SPYI", "BOXX"]


def test_an_exit_is_limited_below_the_bid():
    at = a_situation(a_portfolio(0, VOO=2), MARKET)

    plan = sells(usd_targets(200, VOO=0), at, TradingRules(sell_discount=Decimal("0.01")))

    assert [(o.action, o.shares, o.limit) for o in plan.orders] == [
        (Action.SELL, 2, Decimal("99.00"))
    ]


def test_an_exit_without_a_quote_goes_at_the_market():
    at = a_situation(a_portfolio(0, VOO=2), MARKET)

    plan = sells(usd_targets(200, VOO=0), replace(at, quotes={}))

    assert [(o.shares, o.limit) for o in plan.orders] == [(2, None)]


def test_an_exit_without_a_price_goes_too():
    at = a_situation(a_portfolio(0, VOO=2), {})

    plan = sells(usd_targets(200, VOO=0), at, replace(AT_QUOTE, max_notional=Decimal(10)))

    assert traded_shares(plan) == {"VOO": 2}


def test_a_split_hint_keeps_even_an_exit_back():
    at = a_situation(a_portfolio(0, VOO=2), MARKET, {"VOO": (Finding.SPLIT_HINT,)})

    plan = sells(usd_targets(200, VOO=0), at)

    assert plan == Plan((), (Note("split_hint", "VOO", {"gap": Decimal(-200)}),))


def test_an_exit_above_the_notional_cap_goes_in_slices():
    at = a_situation(a_portfolio(0, VOO=7), MARKET)

    plan = sells(usd_targets(700, VOO=0), at, replace(AT_QUOTE, max_notional=Decimal(300)))

    assert [(o.shares, o.attempt) for o in plan.orders] == [(3, 1), (3, 2), (1, 3)]


def test_the_notional_cap_is_never_rounded_up():
    at = a_situation(a_portfolio(0, VOO=5), MARKET)

    plan = sells(usd_targets(500, VOO=0), at, replace(AT_QUOTE, max_notional=Decimal(399)))

    assert [o.shares for o in plan.orders] == [3, 2]


def test_a_share_dearer_than_the_notional_cap_still_leaves():
    at = a_situation(a_portfolio(0, VOO=2), MARKET)

    plan = sells(usd_targets(200, VOO=0), at, replace(AT_QUOTE, max_notional=Decimal(60)))

    assert [o.shares for o in plan.orders] == [1, 1]


def test_shares_promised_to_an_open_sell_are_not_sold_again():
    account = replace(a_portfolio(0, VOO=5), sellable={"VOO": Decimal(2)})

    plan = sells(usd_targets(500, VOO=0), a_situation(account, MARKET))

    assert traded_shares(plan) == {"VOO": 2}
    assert plan.notes == (Note("not_sellable", "VOO", {"held": 5, "sellable": 2}),)


@pytest.mark.parametrize(("sellable", "sold"), [("2.9", 2), ("9", 5)])
def test_only_whole_held_shares_are_sold(sellable, sold):
    account = replace(a_portfolio(0, VOO="5.5"), sellable={"VOO": Decimal(sellable)})

    plan = sells(usd_targets(550, VOO=0), a_situation(account, MARKET))

    assert traded_shares(plan) == {"VOO": sold}


def test_an_exit_of_which_nothing_is_sellable_is_noted():
    account = replace(a_portfolio(0, VOO=5), sellable={})

    plan = sells(usd_targets(500, VOO=0), a_situation(account, MARKET))

    assert (plan.orders, codes(plan)) == ((), {"VOO": "not_sellable"})


def test_a_left_over_fraction_is_noted_and_stays():
    at = a_situation(a_portfolio(0, VOO="0.7"), MARKET)

    plan = sells(usd_targets(70, VOO=0), at)

    assert plan == Plan((), (Note("rounded", "VOO", {"held": Decimal("0.7")}),))


def test_an_exit_of_nothing_is_nothing():
    plan = sells(usd_targets(100, VOO=0), a_situation(a_portfolio(100), MARKET))

    assert plan == Plan()


@pytest.mark.parametrize("symbol", ["VOO", "BOXX"])
def test_a_fraction_above_its_target_is_noted_and_stays(symbol):
    at = a_situation(a_portfolio(0, **{symbol: "0.7"}), MARKET)

    plan = sells(usd_targets(70, HAVENS, **{symbol: 10}), at)

    assert (plan.orders, codes(plan)) == ((), {symbol: "rounded"})


@pytest.mark.parametrize("symbol", ["VOO", "BOXX"])
def test_a_fraction_at_its_target_needs_no_note(symbol):
    at = a_situation(a_portfolio(0, **{symbol: "0.7"}), MARKET)

    plan = sells(usd_targets(70, HAVENS, **{symbol: 70}), at)

    assert plan == Plan()


def test_a_reduction_sells_the_whole_shares_of_the_gap():
    at = a_situation(a_portfolio(0, VOO=10), MARKET)

    plan = sells(usd_targets(1000, VOO=740), at)

    assert [(o.symbol, o.shares, o.attempt) for o in plan.orders] == [("VOO", 2, 1)]


def test_a_holding_at_its_target_is_left_without_a_note():
    plan = sells(usd_targets(1000, VOO=1000), a_situation(a_portfolio(0, VOO=10), MARKET))

    assert plan == Plan()


@pytest.mark.parametrize(
    ("value", "expected"),
    [(9800, {}), (9799, {"VOO": 2})],
    ids=["at the band", "beyond the band"],
)
def test_a_gap_as_wide_as_the_band_is_left_alone(value, expected):
    at = a_situation(a_portfolio(10000, VOO=100), MARKET)

    plan = sells(usd_targets(20000, VOO=value), at)

    assert traded_shares(plan) == expected
    assert codes(plan) == ({} if expected else {"VOO": "inside_band"})


@pytest.mark.parametrize(
    ("finding", "value", "expected"),
    [
        (Finding.QUOTE_STALE, 500, "quote_stale"),
        (Finding.TRADING_HALTED, 500, "trading_halted"),
        (Finding.FOREIGN_ORDER, 500, None),
        (Finding.NEGATIVE_CASH, 500, None),
    ],
)
def test_a_reduction_asks_for_its_permit(finding, value, expected):
    at = a_situation(a_portfolio(0, VOO=10), MARKET, {"VOO": (finding,)})

    plan = sells(usd_targets(1000, VOO=value), at)

    assert codes(plan) == ({"VOO": expected} if expected else {})
    assert traded_shares(plan) == ({} if expected else {"VOO": 5})


def test_a_reduction_sells_no_more_than_one_order_may_hold():
    at = a_situation(a_portfolio(0, VOO=10), MARKET)

    plan = sells(usd_targets(1000, VOO=200), at, replace(AT_QUOTE, max_notional=Decimal(300)))

    assert traded_shares(plan) == {"VOO": 3}


def test_a_reduction_of_which_nothing_is_sellable_is_noted():
    account = replace(a_portfolio(0, VOO=10), sellable={})

    plan = sells(usd_targets(1000, VOO=500), a_situation(account, MARKET))

    assert plan.notes == (Note("not_sellable", "VOO", {"held": 10, "sellable": 0}),)


@pytest.mark.parametrize("band", ["0.01", "0"])
def test_what_is_only_just_below_its_target_is_no_matter_of_sells(band):
    at = a_situation(a_portfolio(0, VOO=10), MARKET)

    plan = sells(usd_targets(1000, VOO="1000.5"), at, replace(AT_QUOTE, band=Decimal(band)))

    assert plan == Plan()


def test_a_reduction_below_the_minimum_is_noted():
    at = a_situation(a_portfolio(0, VOO=10), MARKET)

    plan = sells(usd_targets(1000, VOO=880), at, replace(AT_QUOTE, min_notional=Decimal(101)))

    assert (plan.orders, codes(plan)) == ((), {"VOO": "below_minimum"})


def test_a_reduction_of_exactly_the_minimum_goes():
    at = a_situation(a_portfolio(0, VOO=10), MARKET)

    plan = sells(usd_targets(1000, VOO=880), at, replace(AT_QUOTE, min_notional=Decimal(100)))

    assert traded_shares(plan) == {"VOO": 1}


@pytest.mark.parametrize(
    ("value", "held", "recent", "sold", "code"),
    [
        (85, 1, False, {}, "kept_one_share"),
        (84, 1, False, {"VOO": 1}, "target_below_one_share"),
        ("0.5", 1, False, {"VOO": 1}, "target_below_one_share"),
        (84, 1, True, {}, "changed_recently"),
        (99, 3, False, {"VOO": 2}, "kept_one_share"),
        (99, 2, False, {"VOO": 1}, "kept_one_share"),
        (84, 3, False, {"VOO": 3}, "target_below_one_share"),
        (84, 3, True, {"VOO": 2}, "changed_recently"),
    ],
)
def test_a_target_below_one_share_keeps_one_or_none(value, held, recent, sold, code):
    at = a_situation(a_portfolio(0, VOO=held), MARKET, recent={"VOO"} if recent else ())

    plan = sells(usd_targets(1000, VOO=value), at)

    assert (traded_shares(plan), codes(plan)) == (sold, {"VOO": code})


def test_a_target_too_small_for_a_share_leaves_whatever_the_minimum():
    at = a_situation(a_portfolio(0, VOO=1), MARKET)

    plan = sells(usd_targets(1000, VOO=10), at, replace(AT_QUOTE, min_notional=Decimal(500)))

    assert traded_shares(plan) == {"VOO": 1}


def test_a_safe_haven_nobody_needs_the_money_of_is_kept_with_a_note():
    at = a_situation(a_portfolio(0, BOXX=10), MARKET)

    plan = sells(usd_targets(1000, HAVENS, BOXX=500), at)

    assert plan == Plan((), (Note("safe_haven_kept", "BOXX", {"gap": Decimal(-500)}),))


def test_a_safe_haven_inside_its_band_says_so():
    at = a_situation(a_portfolio(0, BOXX=10), MARKET)

    plan = sells(usd_targets(1000, HAVENS, BOXX="999.5"), at)

    assert plan == Plan((), (Note("inside_band", "BOXX", {"gap": Decimal("-0.5")}),))


def test_a_safe_haven_that_may_not_be_reduced_says_why():
    at = a_situation(a_portfolio(0, BOXX=10), MARKET, {"BOXX": (Finding.QUOTE_STALE,)})

    plan = sells(usd_targets(1000, HAVENS, VOO=500, BOXX=500), at)

    assert codes(plan) == {"BOXX": "quote_stale"}


def test_two_safe_havens_share_what_is_needed_in_order_of_their_names():
    at = a_situation(a_portfolio(0, BOXX=10, BIL=3), MARKET)

    plan = sells(usd_targets(1300, HAVENS, BOXX=500, BIL=100, VOO=700), at)

    assert traded_shares(plan) == {"BIL": 2, "BOXX": 5}


def test_a_second_safe_haven_is_left_once_the_need_is_met():
    at = a_situation(a_portfolio(0, BOXX=10, BIL=5), MARKET)

    plan = sells(usd_targets(1500, HAVENS, BOXX=500, BIL=100, VOO=200), at)

    assert traded_shares(plan) == {"BIL": 2}
    assert plan.notes == (
        Note("safe_haven_kept", "BIL", {"gap": Decimal(-400)}),
        Note("safe_haven_kept", "BOXX", {"gap": Decimal(-500)}),
    )


def test_the_cash_there_is_and_the_sells_before_it_spare_the_safe_haven():
    at = a_situation(a_portfolio(100, BOXX=10, QQQ=2), MARKET)

    plan = sells(usd_targets(1300, HAVENS, BOXX=700, QQQ=0, VOO=500), at)

    assert traded_shares(plan) == {"QQQ": 2, "BOXX": 2}


@pytest.mark.parametrize(("priced", "boxx"), [(True, 2), (False, 3)])
def test_an_exit_at_the_market_is_counted_on_at_its_price_or_not_at_all(priced, boxx):
    at = a_situation(a_portfolio(100, BOXX=10, QQQ=2), MARKET)
    quoted = {symbol: quote for symbol, quote in at.quotes.items() if symbol != "QQQ"}
    prices = at.prices if priced else {s: p for s, p in at.prices.items() if s != "QQQ"}

    plan = sells(
        usd_targets(1300, HAVENS, BOXX=700, QQQ=0, VOO=500),
        replace(at, quotes=quoted, prices=prices),
    )

    assert traded_shares(plan) == {"QQQ": 2, "BOXX": boxx}


def test_money_an_open_question_may_have_taken_is_not_counted_on():
    at = a_situation(a_portfolio(300, BOXX=10), MARKET, pledged=Decimal(200))

    plan = sells(usd_targets(1300, HAVENS, BOXX=700, VOO=300), at)

    assert traded_shares(plan) == {"BOXX": 2}


def test_a_safe_haven_on_target_gives_what_its_band_allows_for_a_share():
    at = a_situation(a_portfolio(0, BOXX=200), MARKET)

    plan = sells(usd_targets(20000, HAVENS, BOXX=20000, VOO=300), at)

    assert traded_shares(plan) == {"BOXX": 2}
    assert codes(plan) == {"BOXX": "sold_for_cash"}


def test_a_safe_haven_inside_its_band_is_not_sold_for_the_reserve():
    at = a_situation(a_portfolio(0, BOXX=200), MARKET)

    plan = sells(usd_targets(20000, HAVENS, reserve=150, BOXX=19850), at)

    assert (plan.orders, codes(plan)) == ((), {"BOXX": "inside_band"})


def test_a_safe_haven_above_its_band_restores_the_reserve():
    at = a_situation(a_portfolio(0, BOXX=200), MARKET)

    plan = sells(usd_targets(20000, HAVENS, reserve=600, BOXX=19400), at)

    assert traded_shares(plan) == {"BOXX": 6}


def test_one_order_of_a_safe_haven_stays_below_the_notional_cap():
    at = a_situation(a_portfolio(0, BOXX=10), MARKET)

    plan = sells(
        usd_targets(1000, HAVENS, BOXX=100, VOO=900),
        at,
        replace(AT_QUOTE, max_notional=Decimal(400)),
    )

    assert traded_shares(plan) == {"BOXX": 4}
    assert codes(plan) == {"BOXX": "safe_haven_kept"}


@pytest.mark.parametrize("findings", [{}, {"BOXX": (Finding.QUOTE_STALE,)}])
def test_a_safe_haven_exactly_at_its_band_is_inside_it(findings):
    at = a_situation(a_portfolio(0, BOXX=200), MARKET, findings)

    plan = sells(usd_targets(20000, HAVENS, reserve=600, BOXX=19800), at)

    assert (plan.orders, codes(plan)) == ((), {"BOXX": "inside_band"})


def test_a_safe_haven_exactly_at_its_band_is_sold_for_cash_alone():
    at = a_situation(a_portfolio(0, BOXX=200), MARKET)

    plan = sells(usd_targets(20000, HAVENS, BOXX=19800, VOO=100), at)

    assert (traded_shares(plan), codes(plan)) == ({"BOXX": 1}, {"BOXX": "sold_for_cash"})


def test_a_safe_haven_sold_to_its_last_whole_share_needs_no_note():
    at = a_situation(a_portfolio(0, BOXX=10), MARKET)

    plan = sells(usd_targets(1000, HAVENS, BOXX=450, VOO=500), at)

    assert (traded_shares(plan), plan.notes) == ({"BOXX": 5}, ())


def test_a_last_share_of_the_safe_haven_pays_for_exactly_one_of_risk():
    at = a_situation(a_portfolio(0, BOXX=1), MARKET)

    plan = sells(usd_targets(100, HAVENS, BOXX=1, VOO=100), at)

    assert traded_shares(plan) == {"BOXX": 1}


def test_a_need_of_cents_sells_a_share_of_the_safe_haven():
    at = a_situation(a_portfolio("99.50", BOXX=10), MARKET)

    plan = sells(usd_targets(1000, HAVENS, BOXX=900, VOO=100), at)

    assert traded_shares(plan) == {"BOXX": 1}


def test_the_safe_haven_is_sold_for_the_cheapest_share_it_can_pay():
    at = a_situation(a_portfolio(0, BOXX=2), {**MARKET, **quotes(SPY=1000)})

    plan = sells(usd_targets(2000, HAVENS, BOXX=1, SPY=1000, VOO=300), at)

    assert traded_shares(plan) == {"BOXX": 2}


def test_a_fee_is_funded_too():
    at = a_situation(a_portfolio(0, BOXX=10), MARKET)

    plan = sells(
        usd_targets(1000, HAVENS, BOXX=800, VOO=100),
        at,
        replace(AT_QUOTE, fee_allowance=Decimal(1)),
    )

    assert traded_shares(plan) == {"BOXX": 2}


def test_the_safe_haven_pays_for_the_cover_of_a_short():
    at = a_situation(a_portfolio(0, BOXX=10, VOO=-2), MARKET)

    plan = sells(usd_targets(800, HAVENS, BOXX=500, VOO=0), at)

    assert [(o.symbol, o.action.value, o.shares) for o in plan.orders] == [
        ("VOO", "buy_to_cover", 2),
        ("BOXX", "sell", 2),
    ]


def test_another_safe_haven_is_no_reason_to_sell_one():
    at = a_situation(a_portfolio(0, BOXX=10), MARKET)

    plan = sells(usd_targets(1000, HAVENS, BOXX=500, BIL=500), at)

    assert plan.orders == ()


def test_fees_are_part_of_what_a_share_costs():
    at = a_situation(a_portfolio(0, BOXX=1), MARKET)
    rules = replace(AT_QUOTE, fee_allowance=Decimal(1))

    plan = sells(usd_targets(101, HAVENS, BOXX=1, VOO=100), at, rules)

    assert (plan.orders, codes(plan)) == ((), {"BOXX": "safe_haven_kept"})


def test_a_debt_is_repaid_by_the_safe_haven_first_then_by_the_largest_overweight():
    at = a_situation(a_portfolio(-450, VOO=5, QQQ=5, BOXX=2), MARKET)

    plan = sells(usd_targets(750, HAVENS, VOO=400, QQQ=250, BOXX=100), at)

    assert [(o.symbol, o.shares) for o in plan.orders] == [("BOXX", 2), ("QQQ", 3)]
    assert codes(plan) == {
        "BOXX": "negative_cash",
        "QQQ": "negative_cash",
        "VOO": "negative_cash",
    }


def test_an_exit_that_repays_the_debt_spares_the_rest():
    at = a_situation(a_portfolio(-200, VOO=5, QQQ=2), MARKET)

    plan = sells(usd_targets(500, VOO=500, QQQ=0), at)

    assert (traded_shares(plan), plan.notes) == ({"QQQ": 2}, ())


def test_a_debt_passes_over_what_may_not_be_sold():
    at = a_situation(a_portfolio(-100, VOO=5, QQQ=2), MARKET, {"VOO": (Finding.TRADING_HALTED,)})

    plan = sells(usd_targets(600, VOO=300, QQQ=200), at)

    assert traded_shares(plan) == {"QQQ": 1}
    assert codes(plan) == {"VOO": "trading_halted", "QQQ": "negative_cash"}


def test_a_debt_of_cents_sells_a_last_share():
    at = a_situation(a_portfolio("-0.50", VOO=1), MARKET)

    plan = sells(usd_targets("99.50", VOO="99.50"), at)

    assert traded_shares(plan) == {"VOO": 1}


def test_a_debt_is_repaid_in_slices_below_the_cap():
    at = a_situation(a_portfolio(-500, VOO=9), MARKET)

    plan = sells(usd_targets(400, VOO=400), at, replace(AT_QUOTE, max_notional=Decimal(300)))

    assert [o.shares for o in plan.orders] == [3, 2]


def test_what_is_promised_to_an_open_sell_repays_no_debt():
    account = replace(a_portfolio(-100, VOO=5), sellable={})

    plan = sells(usd_targets(400, VOO=400), a_situation(account, MARKET))

    assert (plan.orders, codes(plan)) == ((), {"VOO": "negative_cash"})


def test_only_the_unlocked_part_of_an_income_holding_is_sold():
    at = a_situation(a_portfolio(0, SPYI=100, VOO=55), MARKET)
    wanted = usd_targets(10500, {"SPYI": Role.INCOME}, SPYI=4000, VOO=5000)

    plan = sells(replace(wanted, locked={"SPYI": Decimal(4500)}), at)

    assert traded_shares(plan) == {"VOO": 5, "SPYI": 10}


def test_a_holding_that_is_locked_whole_is_kept_through_every_scaling():
    at = a_situation(a_portfolio(0, SPYI=100, VOO=50), MARKET)
    wanted = usd_targets(10000, {"SPYI": Role.INCOME}, reserve=2000, SPYI=4000, VOO=4000)

    plan = sells(replace(wanted, locked={"SPYI": Decimal(5000)}), at)

    assert traded_shares(plan) == {"VOO": 10}
