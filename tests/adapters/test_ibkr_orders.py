"""Orders of three lists as reports, without a gateway."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from adapters.ibkr_orders import accepted, coherent, of_day, reports, ticket, unique
from adapters.ibkr_values import Executed, Instrument, Listed, Lists, Placed
from bot.domain.model import Action, OrderStatus
from tests.builders import NOW, TODAY, an_intent

VOO = Instrument(1, "VOO", "STK", "USD", "VOO")
OPEN = Listed(7, 17, 3, "ref", "U1", VOO, "BUY", Decimal(10), Decimal("100.5"))
DONE = Executed(
    "0001.7.01.01", NOW, 7, "ref", "U1", VOO, True, Decimal(4), Decimal(100), Decimal("0.35")
)


def completed(status, filled=0, **different):
    return replace(
        OPEN, status=status, filled=Decimal(filled), order_id=0, client_id=0, **different
    )


def only(lists):
    (report,) = reports(lists, "U1")
    return report


def test_an_open_order_works_with_what_was_executed():
    report = only(Lists([OPEN], [], [DONE]))

    assert (report.symbol, report.action, report.shares) == ("VOO", Action.BUY, 10)
    assert (report.status, report.filled, report.average_price) == (OrderStatus.WORKING, 4, 100)
    assert (report.limit, report.commission) == (Decimal("100.5"), Decimal("0.35"))
    assert (report.client_id, report.broker_id) == ("ref", "7")


def test_an_open_order_whose_shares_were_all_executed_is_filled_whatever_its_status():
    more = replace(DONE, execution_id="0001.7.02.01", shares=Decimal(6), price=Decimal(99))

    report = only(Lists([OPEN], [], [DONE, more]))

    assert (report.status, report.filled) == (OrderStatus.FILLED, 10)
    assert (report.average_price, report.commission) == (Decimal("99.4"), Decimal("0.70"))


@pytest.mark.parametrize("suffixes", [("01", "02"), ("02", "01"), ("09", "10")])
def test_a_corrected_execution_counts_once_as_it_was_corrected_last(suffixes):
    told = [
        replace(DONE, execution_id=f"0001.7.01.{suffix}", price=Decimal(int(suffix)))
        for suffix in suffixes
    ]

    (kept,) = unique(told)

    assert kept.price == max(int(suffix) for suffix in suffixes)


def test_an_execution_without_a_revision_is_one():
    plain = [replace(DONE, execution_id="a"), replace(DONE, execution_id="b")]

    assert len(unique(plain)) == 2


@pytest.mark.parametrize(
    ("status", "filled", "meant"),
    [
        ("Filled", 10, OrderStatus.FILLED),
        ("Cancelled", 0, OrderStatus.CANCELLED),
        ("Cancelled", 4, OrderStatus.CANCELLED),
        ("ApiCancelled", 0, OrderStatus.CANCELLED),
        ("Inactive", 0, OrderStatus.REFUSED),
        ("Inactive", 4, OrderStatus.CANCELLED),
        ("ValidationError", 0, OrderStatus.WORKING),
        ("PendingCancel", 0, OrderStatus.WORKING),
        ("", 0, OrderStatus.WORKING),
        ("Cancelled", 10, OrderStatus.FILLED),
    ],
)
def test_only_the_brokers_own_words_for_an_end_are_one(status, filled, meant):
    report = only(Lists([], [completed(status, filled)], []))

    assert (report.status, report.filled) == (meant, filled)


def test_an_open_order_for_an_amount_of_money_is_not_filled_by_nothing():
    assert only(Lists([replace(OPEN, shares=Decimal(0))])).status is OrderStatus.WORKING


def test_an_order_that_ended_between_two_lists_has_ended():
    assert only(Lists([OPEN], [completed("Cancelled")], [])).status is OrderStatus.CANCELLED


def test_an_order_told_twice_is_one():
    assert len(reports(Lists([OPEN, OPEN], [], []), "U1")) == 1


def test_an_order_only_its_executions_tell_of_has_ended_with_them():
    report = only(Lists([], [], [DONE]))

    assert (report.status, report.shares, report.filled) == (OrderStatus.FILLED, 4, 4)
    assert (report.client_id, report.broker_id) == ("ref", "7")


def test_what_was_executed_on_an_earlier_day_is_of_another_session():
    before = replace(DONE, execution_id="0001.6.01.01", at=NOW - timedelta(days=1))

    assert of_day(Lists([OPEN], [], [before, DONE]), TODAY) == Lists([OPEN], [], [DONE])


@pytest.mark.parametrize(("told", "executed"), [(7, [DONE]), (3, [DONE]), (4, [])])
def test_as_much_was_filled_as_any_list_says(told, executed):
    report = only(Lists([], [completed("Cancelled", told)], executed))

    assert (report.status, report.filled) == (OrderStatus.CANCELLED, max(4, told))


def test_orders_of_another_account_are_not_told():
    other = replace(OPEN, account="U2"), replace(DONE, account="U2")

    assert reports(Lists([other[0]], [], [other[1]]), "U1") == []


def test_an_order_in_an_option_is_told_by_another_name():
    call = Instrument(3, "VOO", "OPT", "USD", "VOO 261218C00510000")

    assert only(Lists([replace(OPEN, instrument=call)])).symbol == "VOO 261218C00510000 OPT USD"


def test_a_sale_at_the_market_has_no_limit():
    report = only(Lists([replace(OPEN, action="SELL", limit=None)]))

    assert (report.action, report.limit) == (Action.SELL, None)


@pytest.mark.parametrize(
    ("lists", "one_story"),
    [
        (Lists(), True),
        (Lists([OPEN], [], [DONE]), True),
        (Lists([], [completed("Filled", 4, shares=Decimal(4))], [DONE]), True),
        (Lists([], [completed("Filled", 10)], [DONE]), False),
        (Lists([], [completed("Filled", 10)], []), False),
        (Lists([], [], [DONE]), False),
        (Lists([], [], [replace(DONE, account="U2")]), True),
        (Lists([], [completed("Filled", 10, account="U2")], []), True),
    ],
)
def test_lists_that_contradict_each_other_are_no_story(lists, one_story):
    assert coherent(lists, "U1") is one_story


@pytest.mark.parametrize(
    ("action", "written"),
    [
        (Action.BUY, "BUY"),
        (Action.BUY_TO_COVER, "BUY"),
        (Action.SELL, "SELL"),
        (Action.SELL_SHORT, "SELL"),
    ],
)
def test_an_order_is_written_with_its_name_and_account(action, written):
    order = an_intent("VOO", action, 3, "99.5")

    told = ticket(order, "U1")

    assert (told.account, told.reference, told.action) == ("U1", order.id, written)
    assert (told.shares, told.limit) == (3, Decimal("99.5"))


@pytest.mark.parametrize(("shares", "status"), [(4, OrderStatus.FILLED), (10, OrderStatus.WORKING)])
def test_an_accepted_order_is_filled_when_all_its_shares_are(shares, status):
    order = an_intent(shares=shares)

    report = accepted(order, Placed(7, "Submitted", (), [DONE, DONE]))

    assert (report.status, report.filled, report.average_price) == (status, 4, 100)
    assert (report.client_id, report.broker_id) == (order.id, "7")
