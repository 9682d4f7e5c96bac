from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain.gates import Finding
from bot.domain.model import Action, Note, Plan, Proceeds, Role, TradingRules
from bot.domain.planning import plan_buys
from bot.domain.situation import Situation
from tests.builders import (
    AT_QUOTE,
    a_portfolio,
    a_quote,
    a_run,
    a_situation,
    codes,
    quotes,
    targets,
    traded_shares,
    usd_targets,
)

HAVENS = {"BOXX": Role.SAFE_HAVEN, "BIL": Role.SAFE_HAVEN}
MARKET = quotes(VOO=100, QQQ=100, SPYI=50, BOXX=100, BIL=100)


def buys(wanted, at: Situation, rules: TradingRules = AT_QUOTE) -> Plan:
    return plan_buys(a_run(), wanted, at, rules)


def test_buys_come_in_target_order_while_the_cash_lasts():
    at = a_situation(a_portfolio(500), MARKET)

    plan = buys(usd_targets(1000, VOO=400, QQQ=300), at)

    assert list(traded_shares(plan).items()) == [("VOO", 4), ("QQQ", 1)]
    assert codes(plan) == {"QQQ": "cash_below_one_share"}


def test_the_gap_is_divided_by_the_ask_and_the_cash_by_the_limit():
    at = a_situation(a_portfolio(1000), MARKET)

    plan = buys(usd_targets(1000, VOO=700), at, TradingRules(buy_premium=Decimal("0.015")))

    assert [(o.action, o.shares, o.limit) for o in plan.orders] == [
        (Action.BUY, 7, Decimal("101.50"))
    ]


@pytest.mark.parametrize(("cash", "left"), [(450, 50), (-10, 0)], ids=["some", "a debt"])
def test_a_plan_says_what_money_it_left_over(cash, left):
    at = a_situation(a_portfolio(cash), MARKET)

    plan = buys(usd_targets(1000, VOO=400), at)

    assert plan.left == left


def test_an_ask_below_the_last_price_does_not_overshoot():
    quote = replace(a_quote("VOO", 100), bid=Decimal(89), ask=Decimal(90))
    at = a_situation(a_portfolio(10000), {"VOO": quote})

    plan = buys(usd_targets(10000, VOO=9000), at)

    assert traded_shares(plan) == {"VOO": 90}


def test_an_ask_that_leaves_a_share_unpaid_is_noted():
    quote = replace(a_quote("VOO", 100), ask=Decimal(103))
    at = a_situation(a_portfolio(10000), {"VOO": quote})

    plan = buys(usd_targets(10000, VOO=10000), at)

    assert (traded_shares(plan), codes(plan)) == ({"VOO": 97}, {"VOO": "cash_below_one_share"})


@pytest.mark.parametrize(
    ("value", "expected"), [(250, 3), (249, 2)], ids=["half a share", "less than half"]
)
def test_half_a_share_is_rounded_up_with_left_over_cash(value, expected):
    at = a_situation(a_portfolio(1000), MARKET)

    plan = buys(usd_targets(1000, VOO=value), at)

    assert (traded_shares(plan), plan.notes) == ({"VOO": expected}, ())


def test_the_largest_remaining_gap_is_rounded_up_first():
    at = a_situation(a_portfolio(500), MARKET)

    plan = buys(usd_targets(1000, VOO=260, QQQ=280), at)

    assert traded_shares(plan) == {"VOO": 2, "QQQ": 3}


def test_equal_remaining_gaps_are_rounded_up_in_target_order():
    at = a_situation(a_portfolio(500), MARKET)

    plan = buys(usd_targets(1000, VOO=260, QQQ=260), at)

    assert traded_shares(plan) == {"VOO": 3, "QQQ": 2}


def test_a_gap_below_one_share_is_noted_with_the_gap():
    at = a_situation(a_portfolio(1000, VOO=5), MARKET)

    plan = buys(usd_targets(1500, VOO=540), at)

    assert plan == Plan((), (Note("gap_below_one_share", "VOO", {"gap": Decimal(40)}),))


def test_a_gap_as_wide_as_the_band_buys_nothing():
    at = a_situation(a_portfolio(10000, VOO=100), MARKET)

    plan = buys(usd_targets(20000, VOO=10200), at, replace(AT_QUOTE, idle_cash=Decimal(1)))

    assert (plan.orders, codes(plan)) == ((), {"VOO": "inside_band"})


def test_idle_cash_fills_the_largest_gap_inside_its_band():
    at = a_situation(a_portfolio(800, VOO=100, QQQ=90), MARKET)

    plan = buys(usd_targets(19800, VOO=10160, QQQ=9190), at)

    assert (traded_shares(plan), codes(plan)) == ({"QQQ": 2, "VOO": 2}, {})


def test_idle_cash_stops_two_percent_above_the_reserve():
    at = a_situation(a_portfolio(1000, VOO=90), MARKET)

    plan = buys(usd_targets(10000, reserve=700, VOO=9095), at)

    assert traded_shares(plan) == {"VOO": 1}


def test_idle_cash_buys_nothing_a_finding_forbids():
    at = a_situation(a_portfolio(5000, VOO=90), MARKET, {"VOO": (Finding.FOREIGN_ORDER,)})

    plan = buys(usd_targets(14000, VOO=9100), at)

    assert (plan.orders, codes(plan)) == ((), {"VOO": "foreign_order"})


def test_idle_cash_passes_over_a_holding_without_a_quote():
    at = a_situation(a_portfolio(5000, VOO=90), MARKET)

    plan = buys(usd_targets(14000, VOO=9000), replace(at, quotes={}))

    assert plan == Plan()


def test_what_was_sold_in_this_run_is_not_bought_back():
    at = a_situation(a_portfolio(1000, VOO=1), MARKET, sold={"VOO"})

    plan = buys(usd_targets(1100, VOO=900), at)

    assert plan == Plan((), (Note("not_bought_back", "VOO"),))


@pytest.mark.parametrize(
    ("value", "recent", "bought", "code"),
    [
        (90, False, {"VOO": 1}, "took_one_share"),
        (89, False, {}, "target_below_one_share"),
        (90, True, {}, "changed_recently"),
    ],
)
def test_a_target_just_below_a_share_takes_one(value, recent, bought, code):
    at = a_situation(a_portfolio(1000), MARKET, recent={"VOO"} if recent else ())

    plan = buys(usd_targets(1000, VOO=value), at)

    assert (traded_shares(plan), codes(plan)) == (bought, {"VOO": code})


def test_a_target_of_exactly_one_share_is_an_ordinary_buy():
    at = a_situation(a_portfolio(1000), MARKET, recent={"VOO"})

    plan = buys(usd_targets(1000, VOO=100), at)

    assert (traded_shares(plan), plan.notes) == ({"VOO": 1}, ())


def test_a_held_part_of_a_share_is_not_doubled():
    at = a_situation(a_portfolio(1000, VOO="0.5"), MARKET)

    plan = buys(usd_targets(1050, VOO=95), at)

    assert (plan.orders, codes(plan)) == ((), {"VOO": "target_below_one_share"})


def test_a_share_that_can_not_be_paid_is_not_taken():
    at = a_situation(a_portfolio(99), MARKET)

    plan = buys(usd_targets(100, VOO=95), at)

    assert (plan.orders, codes(plan)) == ((), {"VOO": "cash_below_one_share"})


@pytest.mark.parametrize(
    ("haven", "risk", "held", "parked"),
    [
        (900, 80, 0, False),
        (1000, 80, 0, True),
        (900, 90, 0, True),
        (900, 100, 0, True),
        (900, 80, 1, True),
        (900, 80, "0.5", False),
        (900, 0, 0, True),
    ],
    ids=["cash", "at the minimum", "risk taken", "risk bought", "risk held", "a part", "no risk"],
)
def test_a_small_safe_haven_stays_cash_beside_a_risk_target_no_share_fits_into(
    haven, risk, held, parked
):
    at = a_situation(a_portfolio(2000, VOO=held), MARKET)

    plan = buys(usd_targets(2000, HAVENS, VOO=risk, BOXX=haven), at)

    assert ("BOXX" in traded_shares(plan)) == parked
    assert (codes(plan).get("BOXX") == "safe_haven_as_cash") == (not parked)


def test_another_small_safe_haven_is_no_reason_to_keep_cash():
    at = a_situation(a_portfolio(2000), MARKET)

    plan = buys(usd_targets(2000, HAVENS, BIL=80, BOXX=900), at)

    assert traded_shares(plan) == {"BOXX": 9}


def test_an_order_below_the_minimum_is_not_bought():
    at = a_situation(a_portfolio(1000), quotes(F=10))

    plan = buys(usd_targets(1000, F=44), at)

    assert (plan.orders, codes(plan)) == ((), {"F": "below_minimum"})


def test_half_a_share_more_lifts_an_order_to_the_minimum():
    at = a_situation(a_portfolio(1000), quotes(F=10))

    plan = buys(usd_targets(1000, F=45), at)

    assert (traded_shares(plan), codes(plan)) == ({"F": 5}, {})


def test_cash_below_the_minimum_buys_nothing():
    at = a_situation(a_portfolio(49), quotes(F=10))

    plan = buys(usd_targets(1000, F=500), at)

    assert (plan.orders, codes(plan)) == ((), {"F": "cash_below_one_share"})


def test_cash_of_exactly_the_minimum_buys():
    at = a_situation(a_portfolio(50), quotes(F=10))

    plan = buys(usd_targets(1000, F=500), at)

    assert traded_shares(plan) == {"F": 5}


def test_without_a_minimum_a_single_cheap_share_is_bought():
    at = a_situation(a_portfolio(1000, F=20), quotes(F=10))

    plan = buys(usd_targets(1200, F=207), at, replace(AT_QUOTE, min_notional=Decimal(0)))

    assert traded_shares(plan) == {"F": 1}


def test_each_order_sets_a_fee_aside_once():
    at = a_situation(a_portfolio(403), MARKET)
    rules = replace(AT_QUOTE, fee_allowance=Decimal("1.5"))

    plan = buys(usd_targets(1000, VOO=260, QQQ=140), at, rules)

    assert traded_shares(plan) == {"VOO": 3, "QQQ": 1}


def test_a_fee_that_is_not_covered_costs_a_share():
    at = a_situation(a_portfolio(402), MARKET)
    rules = replace(AT_QUOTE, fee_allowance=Decimal("1.5"))

    plan = buys(usd_targets(1000, VOO=260, QQQ=140), at, rules)

    assert traded_shares(plan) == {"VOO": 2, "QQQ": 1}


def test_a_fee_is_set_aside_before_the_shares_are_counted():
    at = a_situation(a_portfolio(301), MARKET)

    plan = buys(usd_targets(1000, VOO=300), at, replace(AT_QUOTE, fee_allowance=Decimal("1.5")))

    assert traded_shares(plan) == {"VOO": 2}


def test_a_gap_of_cents_is_noted():
    at = a_situation(a_portfolio(10, VOO=10), MARKET)

    plan = buys(usd_targets(1010, VOO="1000.50"), at)

    assert codes(plan) == {"VOO": "inside_band"}


def test_a_target_of_a_dollar_is_noted():
    plan = buys(usd_targets(1000, VOO=1), a_situation(a_portfolio(1000), MARKET))

    assert codes(plan) == {"VOO": "target_below_one_share"}


def test_a_short_is_no_gap_to_buy():
    at = a_situation(a_portfolio(1000, VOO=-2), MARKET)

    plan = buys(usd_targets(800, VOO=0), at)

    assert plan == Plan()


def test_an_open_question_does_not_hide_what_is_on_its_way():
    at = a_situation(a_portfolio(500, settled=300), MARKET, pledged=Decimal(150))

    plan = buys(
        usd_targets(500, reserve=50, VOO=450), at, replace(AT_QUOTE, proceeds=Proceeds.SETTLED)
    )

    (note,) = plan.notes
    assert traded_shares(plan) == {"VOO": 1}
    assert (note.code, note.values["amount"]) == ("awaiting_settlement", 200)


def test_even_cents_on_their_way_are_waited_for():
    at = a_situation(a_portfolio(400, settled="399.50"), MARKET)

    plan = buys(usd_targets(500, VOO=400), at, replace(AT_QUOTE, proceeds=Proceeds.SETTLED))

    assert (traded_shares(plan), codes(plan)) == ({"VOO": 3}, {"VOO": "awaiting_settlement"})


def test_a_share_left_over_by_a_high_ask_waits_for_money_on_its_way():
    quote = replace(a_quote("VOO", 100), ask=Decimal(125))
    at = a_situation(a_portfolio(625, settled=500), {"VOO": quote})

    plan = buys(usd_targets(1000, VOO=500), at, replace(AT_QUOTE, proceeds=Proceeds.SETTLED))

    assert (traded_shares(plan), codes(plan)) == ({"VOO": 4}, {"VOO": "awaiting_settlement"})


def test_a_share_left_over_by_a_high_ask_lacks_cash_where_the_cap_has_room():
    quote = replace(a_quote("VOO", 100), ask=Decimal(125))
    at = a_situation(a_portfolio(500), {"VOO": quote})

    plan = buys(usd_targets(1000, VOO=500), at, replace(AT_QUOTE, max_notional=Decimal(625)))

    assert (traded_shares(plan), codes(plan)) == ({"VOO": 4}, {"VOO": "cash_below_one_share"})


def test_rounding_up_may_reach_the_notional_cap():
    at = a_situation(a_portfolio(1000), MARKET)

    plan = buys(usd_targets(1000, VOO=260), at, replace(AT_QUOTE, max_notional=Decimal(300)))

    assert traded_shares(plan) == {"VOO": 3}


def test_rounding_up_makes_no_order_below_the_minimum():
    at = a_situation(a_portfolio(40), quotes(F=30))

    plan = buys(usd_targets(1000, F=59), at)

    assert (plan.orders, codes(plan)) == ((), {"F": "below_minimum"})


def test_a_gap_filled_to_a_whole_share_keeps_its_note():
    at = a_situation(a_portfolio(350, VOO=90), MARKET)

    plan = buys(usd_targets(10000, VOO=9200), at, replace(AT_QUOTE, band=Decimal("0.05")))

    assert (traded_shares(plan), codes(plan)) == ({"VOO": 1}, {"VOO": "inside_band"})


def test_money_an_open_question_may_have_taken_buys_nothing():
    at = a_situation(a_portfolio(500), MARKET, pledged=Decimal(300))

    plan = buys(usd_targets(1000, VOO=500), at)

    assert traded_shares(plan) == {"VOO": 2}


@pytest.mark.parametrize(
    ("settled", "shares", "code"),
    [(300, 3, "awaiting_settlement"), (0, 0, "awaiting_settlement"), (500, 5, None)],
)
def test_money_on_its_way_is_waited_for(settled, shares, code):
    at = a_situation(a_portfolio(500, settled=settled), MARKET)

    plan = buys(usd_targets(500, VOO=500), at, replace(AT_QUOTE, proceeds=Proceeds.SETTLED))

    assert traded_shares(plan).get("VOO", 0) == shares
    assert codes(plan) == ({"VOO": code} if code else {})


@pytest.mark.parametrize(
    ("cash", "code"), [(400, "awaiting_settlement"), (399, "cash_below_one_share")]
)
def test_money_on_its_way_is_waited_for_only_where_it_makes_a_share_possible(cash, code):
    at = a_situation(a_portfolio(cash, settled=350), MARKET)

    plan = buys(usd_targets(500, VOO=500), at, replace(AT_QUOTE, proceeds=Proceeds.SETTLED))

    assert (traded_shares(plan), codes(plan)) == ({"VOO": 3}, {"VOO": code})


@pytest.mark.parametrize(
    ("rules", "shares"),
    [
        (replace(AT_QUOTE, max_notional=Decimal(299)), 2),
        (replace(AT_QUOTE, max_notional=Decimal(100)), 1),
        (replace(AT_QUOTE, max_turnover=Decimal("0.5")), 3),
        (replace(AT_QUOTE, max_turnover=Decimal("0.2")), 0),
        (replace(AT_QUOTE, max_orders=2), 0),
        (replace(AT_QUOTE, max_orders=3), 5),
    ],
    ids=["notional", "one share", "turnover", "turnover used up", "orders used up", "orders"],
)
def test_a_cap_bounds_a_buy_and_says_so(rules, shares):
    at = a_situation(a_portfolio(1000), MARKET, orders=2, turnover=Decimal(200))

    plan = buys(usd_targets(1000, VOO=500), at, rules)

    assert traded_shares(plan).get("VOO", 0) == shares
    assert codes(plan) == ({} if shares == 5 else {"VOO": "capped"})


def test_the_turnover_of_one_buy_counts_for_the_next():
    at = a_situation(a_portfolio(1000), MARKET)

    plan = buys(
        usd_targets(1000, VOO=300, QQQ=300), at, replace(AT_QUOTE, max_turnover=Decimal("0.4"))
    )

    assert traded_shares(plan) == {"VOO": 3, "QQQ": 1}


def test_the_notional_cap_counts_what_is_rounded_up():
    at = a_situation(a_portfolio(1000), MARKET)

    plan = buys(usd_targets(1000, VOO=260), at, replace(AT_QUOTE, max_notional=Decimal(250)))

    assert traded_shares(plan) == {"VOO": 2}


def test_a_share_a_cap_withholds_at_the_end_is_noted():
    quote = replace(a_quote("VOO", 100), ask=Decimal(104))
    at = a_situation(a_portfolio(10000), {"VOO": quote})

    plan = buys(usd_targets(10000, VOO=5000), at, replace(AT_QUOTE, max_notional=Decimal(5010)))

    assert (traded_shares(plan), codes(plan)) == ({"VOO": 48}, {"VOO": "capped"})


def test_a_reserve_already_touched_buys_nothing():
    at = a_situation(a_portfolio(100), MARKET)

    plan = buys(usd_targets(1000, reserve=300, VOO=700), at)

    assert (plan.orders, codes(plan)) == ((), {"VOO": "cash_below_one_share"})


def test_a_debt_only_notes_what_it_would_buy():
    plan = buys(usd_targets(1000, VOO=700), a_situation(a_portfolio(-1), MARKET))

    assert plan == Plan((), (Note("negative_cash", "VOO"),))


def test_a_finding_of_the_book_stops_every_buy():
    at = a_situation(a_portfolio(1000), MARKET, book_findings=(Finding.UNEXPLAINED_EQUITY,))

    plan = buys(targets({"VOO": 0.5, "QQQ": 0.5}, at), at)

    assert codes(plan) == {"VOO": "unexplained_equity", "QQQ": "unexplained_equity"}


def test_a_symbols_own_finding_is_named_before_the_books():
    at = a_situation(
        a_portfolio(1000),
        MARKET,
        {"VOO": (Finding.FOREIGN_ORDER,)},
        book_findings=(Finding.UNEXPLAINED_EQUITY,),
    )

    plan = buys(usd_targets(1000, VOO=500), at)

    assert codes(plan) == {"VOO": "foreign_order"}
