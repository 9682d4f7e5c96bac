from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.matching import find, foreign, witnessed
from bot.domain.memory import Standing
from bot.domain.model import Action, OrderIntent, OrderReport, OrderStatus, Side
from tests.builders import NOW, a_portfolio, an_intent

ASKED = Standing(an_intent("VOO", Action.BUY, 3, 100), Side.BUY, sent_at=NOW)


def listed(order: OrderIntent = ASKED.intent, **differing: object) -> OrderReport:
    """The order as a broker lists it that knows nothing of our id."""
    report = OrderReport.of(order, OrderStatus.WORKING)
    as_listed = {"client_id": "", "broker_id": "7", "entered_at": NOW} | differing
    return replace(report, **as_listed)


def answered(order: OrderIntent, broker_id: str) -> Standing:
    report = replace(OrderReport.of(order, OrderStatus.WORKING), broker_id=broker_id)
    return Standing(order, Side.BUY, sent_at=NOW, report=report)


def test_where_the_broker_echoes_only_the_id_counts():
    ours = listed(client_id=ASKED.intent.id, shares=99, entered_at=None)

    assert find(ASKED, [listed(), ours], echoes=True) is ours


def test_an_echo_seen_twice_is_not_certain():
    ours = listed(client_id=ASKED.intent.id)

    assert find(ASKED, [ours, ours], echoes=True) is None


def test_without_an_echo_the_one_order_with_our_content_is_ours():
    ours = listed()

    assert find(ASKED, [listed(symbol="QQQ"), ours], echoes=False) is ours


@pytest.mark.parametrize(
    "differing",
    [
        {"symbol": "QQQ"},
        {"action": Action.SELL},
        {"shares": 4},
        {"limit": Decimal("100.01")},
        {"limit": None},
        {"entered_at": None},
        {"entered_at": NOW - timedelta(seconds=3)},
        {"entered_at": NOW + timedelta(seconds=61)},
    ],
    ids=lambda differing: f"{differing}",
)
def test_an_order_that_differs_is_not_ours(differing):
    order = replace(listed(), **differing)

    assert find(ASKED, [order], echoes=False) is None


@pytest.mark.parametrize("seconds", [-2, 0, 60])
def test_an_order_entered_when_we_asked_is_ours(seconds):
    order = replace(listed(), entered_at=NOW + timedelta(seconds=seconds))

    assert find(ASKED, [order], echoes=False) is order


def test_an_order_bound_to_another_of_ours_is_not_this_one():
    assert find(ASKED, [listed()], echoes=False, taken={"7"}) is None


def test_a_taken_twin_leaves_the_other_one():
    twin, ours = listed(), replace(listed(), broker_id="8")

    assert find(ASKED, [twin, ours], echoes=False, taken={"7"}) is ours


def test_two_orders_that_fit_are_not_certain():
    twins = [listed(), replace(listed(), broker_id="8")]

    assert find(ASKED, twins, echoes=False) is None


def test_an_order_never_asked_for_is_not_found_by_its_content():
    meant = replace(ASKED, sent_at=None)

    assert find(meant, [listed()], echoes=False) is None


def test_an_order_that_echoes_no_id_of_ours_is_foreign():
    ours = listed(client_id=ASKED.intent.id)
    other = listed(symbol="QQQ", client_id="somebody")

    assert foreign([ours, other], [ASKED], echoes=True) == {"QQQ"}


def test_without_an_echo_an_order_bound_to_none_of_ours_is_foreign():
    bound = answered(an_intent("VOO"), "7")
    other = replace(listed(an_intent("VOO", shares=9)), broker_id="8")

    assert foreign([listed(), other], [bound], echoes=False) == {"VOO"}
    assert foreign([listed()], [bound], echoes=False) == set()


def test_an_order_that_may_be_our_unanswered_one_is_not_foreign():
    assert foreign([listed()], [ASKED], echoes=False) == set()


def test_an_answered_order_of_ours_does_not_hide_an_unanswered_one():
    ours = [answered(an_intent("QQQ"), "6"), ASKED]

    assert foreign([listed()], ours, echoes=False) == set()


def test_an_order_like_an_answered_one_of_ours_is_foreign():
    twin = replace(listed(), broker_id="8")

    assert foreign([twin], [answered(ASKED.intent, "7")], echoes=False) == {"VOO"}


def test_a_refused_order_is_nobodys():
    assert foreign([listed(status=OrderStatus.REFUSED)], [], echoes=False) == set()


BUY = ASKED
SELL = Standing(an_intent("VOO", Action.SELL, 3, 100), Side.SELL, sent_at=NOW)
SHORT = Standing(an_intent("VOO", Action.SELL_SHORT, 3, 100), Side.SELL, sent_at=NOW)
COVER = Standing(an_intent("VOO", Action.BUY_TO_COVER, 3, 100), Side.BUY, sent_at=NOW)


@pytest.mark.parametrize(
    ("asked", "moved", "paid", "known", "filled"),
    [
        (BUY, 3, -300, 0, 3),
        (BUY, 5, -500, 2, 3),
        (BUY, 0, 0, 0, 0),
        (BUY, 2, -200, 2, 0),
        (BUY, 3, 0, 0, None),
        (BUY, 3, 300, 0, None),
        (BUY, 2, -200, 0, None),
        (BUY, -3, -300, 0, None),
        (SELL, -3, 300, 0, 3),
        (SELL, -3, 0, 0, None),
        (SELL, -3, -300, 0, None),
        (SELL, 3, 300, 0, None),
        (SHORT, -3, 300, 0, 3),
        (COVER, 3, -300, 0, 3),
    ],
)
def test_positions_and_cash_bear_witness(asked, moved, paid, known, filled):
    before, now = a_portfolio(1000, VOO=10), a_portfolio(1000 + paid, VOO=10 + moved)

    assert witnessed(asked, before, now, known) == filled
