from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.account import Opening
from bot.domain.blotter import Blotter, Booked, Ended, Filled, Opened
from bot.domain.fills import FillRules
from bot.domain.model import Action, OrderStatus
from tests.builders import NOW

TODAY, TOMORROW = NOW.date(), NOW.date() + timedelta(days=1)
OPENED = Opened(Opening("PAPER", Decimal(1000), {"BIL": Decimal(5)}), TOMORROW)


def a_booking(number="1", action=Action.BUY, shares=4, price=100, day=TODAY):
    later = day - TODAY
    return Booked(
        number=number,
        client_id=f"OURS{number}",
        session=day,
        closes=NOW + later,
        settles=TOMORROW + later,
        symbol="VOO" if action is Action.BUY else "BIL",
        action=action,
        shares=shares,
        limit=Decimal(100),
        price=Decimal(price),
        at=NOW + later,
    )


def a_fill(number="1", shares=4, price=99):
    return Filled(number, shares, Decimal(price), Decimal(0), NOW)


def a_blotter(*entries):
    blotter = Blotter(OPENED)
    for entry in entries:
        blotter.add(entry)
    return blotter


def test_a_booked_order_works_and_keeps_its_cash_back():
    blotter = a_blotter(a_booking(shares=4, price=100))

    assert blotter.report("1").status is OrderStatus.WORKING
    assert blotter.portfolio(FillRules()).spendable == 600


def test_a_part_filled_order_keeps_back_cash_for_the_rest():
    blotter = a_blotter(a_booking(shares=4, price=100), a_fill(shares=1, price=99))

    portfolio = blotter.portfolio(FillRules())

    assert blotter.report("1").status is OrderStatus.WORKING
    assert (portfolio.cash, portfolio.spendable) == (901, 601)


def test_an_order_filled_whole_is_final():
    blotter = a_blotter(a_booking(), a_fill(shares=1, price=99), a_fill(shares=3, price=100))

    assert blotter.report("1").status is OrderStatus.FILLED
    assert blotter.report("1").average_price == Decimal("99.75")
    assert blotter.account.shares == {"BIL": 5, "VOO": 4}


def test_an_order_ended_in_the_middle_keeps_its_fills():
    blotter = a_blotter(
        a_booking(), a_fill(shares=1), Ended("1", OrderStatus.CANCELLED, NOW, "by hand")
    )

    report = blotter.report("1")

    assert (report.status, report.filled, report.reason) == (OrderStatus.CANCELLED, 1, "by hand")
    assert blotter.portfolio(FillRules()).spendable == 901


def test_an_open_sale_keeps_its_shares_and_no_cash():
    portfolio = a_blotter(a_booking(action=Action.SELL, shares=3, price=0)).portfolio(
        FillRules(commission_per_order=Decimal(1))
    )

    assert (portfolio.spendable, portfolio.sellable) == (1000, {"BIL": 2})


def test_only_the_orders_of_the_latest_session_are_carried():
    blotter = a_blotter(
        a_booking("1"), a_fill("1"), a_booking("2", day=TOMORROW), a_booking("3", day=TOMORROW)
    )

    assert [r.broker_id for r in blotter.reports(TOMORROW)] == ["2", "3"]
    assert blotter.reports(TODAY) == []
    assert blotter.booked == 3


def test_an_order_nobody_ended_yet_is_carried_into_the_next_session():
    blotter = a_blotter(
        a_booking("1"), a_booking("2", day=TOMORROW), Ended("1", OrderStatus.EXPIRED, NOW)
    )

    assert blotter.report("1").status is OrderStatus.EXPIRED


def test_yesterdays_sale_is_settled_before_todays_fill():
    sold = a_booking("1", Action.SELL, shares=5, price=0)
    bought = a_booking("2", day=TOMORROW)

    blotter = a_blotter(sold, a_fill("1", 5, 90), bought, a_fill("2", 4, 100))

    assert blotter.account.unsettled == {}
    assert blotter.account.settled == 1000 + 450 - 400


@pytest.mark.parametrize(
    "entries",
    [
        (OPENED,),
        (a_fill("1"),),
        (a_booking(), a_booking()),
        (a_booking(), a_fill(shares=5)),
        (a_booking(), a_fill(shares=0)),
        (a_booking(), a_fill(), a_fill(shares=1)),
        (a_booking(), a_fill(), Ended("1", OrderStatus.CANCELLED, NOW)),
        (Ended("2", OrderStatus.EXPIRED, NOW),),
    ],
)
def test_what_can_not_have_happened_is_an_error(entries):
    with pytest.raises((ValueError, KeyError)):
        a_blotter(*entries)


def test_a_name_asked_for_twice_has_two_orders():
    first, second = (replace(a_booking(number), client_id="SAME") for number in ("1", "2"))

    assert len(a_blotter(first, second).named("SAME")) == 2
