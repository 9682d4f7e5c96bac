from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from bot.domain.model import Action, OrderReport, OrderStatus, TradingRules
from tests.builders import a_portfolio, a_run, a_session, an_intent


def test_a_book_wakes_its_lead_before_the_close():
    session = a_session()

    assert session.decides_at(timedelta(minutes=15)) == session.closes - timedelta(minutes=15)


@pytest.mark.parametrize(
    ("action", "takes"),
    [
        (Action.BUY, True),
        (Action.BUY_TO_COVER, True),
        (Action.SELL, False),
        (Action.SELL_SHORT, False),
    ],
)
def test_buys_and_covers_take_shares(action, takes):
    assert action.takes_shares is takes


def test_an_order_id_is_26_characters_a_broker_takes():
    name = an_intent().id

    assert len(name) == 26
    assert name.isascii()
    assert name.isalnum()


def test_the_same_purpose_has_the_same_id_whatever_its_size():
    order = an_intent()

    assert order.id == replace(order, shares=99, limit=None).id


@pytest.mark.parametrize(
    "differing",
    [
        {"run": a_run("other")},
        {"run": a_run(day=date(2026, 4, 1))},
        {"symbol": "QQQ"},
        {"action": Action.SELL},
        {"attempt": 2},
    ],
    ids=str,
)
def test_another_purpose_has_another_id(differing):
    assert replace(an_intent(), **differing).id != an_intent().id


def test_an_order_id_never_changes_between_releases():
    assert an_intent("VOO", Action.BUY).id == "HZBVMABRREK3G6JAIUQXHXTPJZ"


def test_managed_shares_are_the_books_and_the_rest_is_hands_off():
    account = a_portfolio(100, VOO=5, TSLA=7)

    mine = account.managing({"VOO"}, {})

    assert mine.shares == {"VOO": 5}
    assert mine.sellable == {"VOO": 5}
    assert mine.hands_off == {"TSLA": 7}


def test_kept_shares_of_a_managed_symbol_are_hands_off():
    mine = a_portfolio(100, QQQ=25).managing({"QQQ"}, {"QQQ": 20})

    assert (mine.shares, mine.sellable, mine.hands_off) == ({"QQQ": 5}, {"QQQ": 5}, {"QQQ": 20})


def test_a_holding_kept_whole_is_not_managed():
    mine = a_portfolio(100, QQQ=15).managing({"QQQ"}, {"QQQ": 20})

    assert (mine.shares, mine.sellable, mine.hands_off) == ({}, {}, {"QQQ": 15})


@pytest.mark.parametrize(("sellable", "left"), [(30, 10), (24, 4), (20, 0), (5, 0)])
def test_an_open_sell_is_taken_from_the_managed_shares(sellable, left):
    account = replace(a_portfolio(0, QQQ=30), sellable={"QQQ": Decimal(sellable)})

    assert account.managing({"QQQ"}, {"QQQ": 20}).sellable == {"QQQ": left}


def test_a_holding_nothing_is_known_to_be_sellable_of_is_not_sold():
    account = replace(a_portfolio(0, QQQ=30), sellable={})

    assert account.managing({"QQQ"}, {}).sellable == {"QQQ": 0}


def test_hands_off_holdings_add_up():
    account = replace(a_portfolio(0, QQQ=30), hands_off={"QQQ": Decimal(5)})

    assert account.managing(set(), {}).hands_off == {"QQQ": 35}


def test_equity_is_cash_and_holdings_at_their_prices():
    account = a_portfolio(100, VOO="1.5", QQQ=2)

    assert account.equity({"VOO": Decimal(10), "QQQ": Decimal(20)}) == 155


def test_a_holding_without_a_price_has_no_equity():
    with pytest.raises(KeyError, match="VOO"):
        a_portfolio(100, VOO=1).equity({})


def test_what_is_not_held_is_zero():
    assert a_portfolio(100).held("VOO") == 0


@pytest.mark.parametrize("status", OrderStatus)
def test_only_a_working_order_may_still_change(status):
    assert status.final is (status is not OrderStatus.WORKING)


def test_a_report_of_our_own_carries_the_order():
    order = an_intent("VOO", Action.SELL, 3, None)

    report = OrderReport.of(order, OrderStatus.REFUSED, "closed")

    assert (report.symbol, report.action, report.shares, report.limit) == (
        "VOO",
        Action.SELL,
        3,
        None,
    )
    assert (report.status, report.reason, report.client_id) == ("refused", "closed", order.id)


@pytest.mark.parametrize(
    ("action", "filled", "price", "money"),
    [
        (Action.SELL, 3, "10", 29),
        (Action.SELL_SHORT, 3, "10", 29),
        (Action.BUY, 3, "10", -31),
        (Action.BUY_TO_COVER, 3, "10", -31),
        (Action.SELL, 0, "10", 0),
        (Action.SELL, 3, None, 0),
    ],
)
def test_proceeds_are_confirmed_money_less_commission(action, filled, price, money):
    report = replace(
        OrderReport.of(an_intent("VOO", action, 5), OrderStatus.FILLED),
        filled=filled,
        average_price=None if price is None else Decimal(price),
        commission=Decimal(1),
    )

    assert report.proceeds == money


def test_a_symbols_own_distance_serves_both_sides():
    rules = TradingRules(premiums={"SOXL": Decimal("0.008")})

    assert rules.premium("SOXL") == rules.discount("SOXL") == Decimal("0.008")
    assert rules.premium("VOO") == rules.buy_premium
    assert rules.discount("VOO") == rules.sell_discount
