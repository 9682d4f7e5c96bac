from decimal import Decimal

import pytest

from bot.domain.model import Action, OrderReport, OrderStatus
from bot.ledger_orders import Fill, growth, standing
from tests.builders import NOW


def said(
    status: str = "working",
    filled: int = 0,
    price: str | None = None,
    *,
    commission: str = "0",
    **more: object,
) -> OrderReport:
    return OrderReport(
        symbol="VOO",
        action=Action.BUY,
        shares=10,
        limit=Decimal(100),
        status=OrderStatus(status),
        filled=filled,
        average_price=Decimal(price) if price else None,
        commission=Decimal(commission),
        **more,
    )


def test_nothing_said_is_no_standing():
    assert standing([]) is None


def test_the_latest_report_is_the_standing():
    assert standing([said(), said("filled", 10, "99")]) == said("filled", 10, "99")


def test_a_report_of_fewer_shares_takes_none_back():
    known = standing([said(filled=6, price="99", commission="1"), said("cancelled", 4, "98")])

    assert known == said("cancelled", 6, "99", commission="1")


def test_a_price_once_told_stays_while_no_shares_are_added():
    assert standing([said(filled=6, price="99"), said(filled=6)]) == said(filled=6, price="99")


def test_a_price_told_anew_replaces_the_old_one():
    corrected = said("filled", 10, "98", commission="2")

    assert standing([said("filled", 10, "99", commission="1"), corrected]) == corrected


def test_a_commission_once_told_stays_while_none_is_told():
    known = standing([said(filled=6, price="99", commission="1"), said(filled=8, price="99")])

    assert known == said(filled=8, price="99", commission="1")


def test_a_price_of_fewer_shares_is_no_price_of_more():
    assert standing([said(filled=6, price="99"), said(filled=8)]) == said(filled=8)


def test_what_names_the_order_is_not_forgotten():
    named = said(entered_at=NOW, broker_id="77", client_id="ours")

    assert standing([named, said("filled", 10, "99")]) == said(
        "filled", 10, "99", entered_at=NOW, broker_id="77", client_id="ours"
    )


@pytest.mark.parametrize(
    ("first", "later", "stands"),
    [
        (said("cancelled", reason="asked"), said(), said("cancelled", reason="asked")),
        (said("filled", 10, "99"), said("cancelled", 4, "99"), said("filled", 10, "99")),
        (said("cancelled"), said("filled", 10, "99"), said("filled", 10, "99")),
        (said("refused"), said("working", 3, "99"), said("refused", 3, "99")),
        (said("not_booked"), said("working", 3, "99"), said("working", 3, "99")),
    ],
    ids=["late list", "stale end", "later end", "refused", "the broker knows better"],
)
def test_an_end_the_broker_told_is_not_undone(first, later, stands):
    assert standing([first, later]) == stands


@pytest.mark.parametrize(
    ("known", "report", "fill"),
    [
        (None, said(), None),
        (None, said(filled=4, price="100"), Fill(4, Decimal(100))),
        (None, said(filled=4), Fill(4, None)),
        (said(), said(filled=4, price="100"), Fill(4, Decimal(100))),
        (said(filled=4, price="100"), said(filled=10, price="103"), Fill(6, Decimal(105))),
        (said(filled=4), said(filled=10, price="103"), Fill(6, Decimal(103))),
        (said(filled=4, price="100"), said(filled=10), Fill(6, None)),
        (said(filled=4, price="100"), said(filled=4, price="100"), None),
        (said(filled=4, price="100"), said(filled=3, price="99"), None),
    ],
)
def test_a_fill_is_what_a_report_adds(known, report, fill):
    assert growth(known, report) == fill
