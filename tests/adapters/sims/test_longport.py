"""The simulated API over HTTP, called by the bare library in another process."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from adapters.sims.longport_account import Holding
from adapters.sims.longport_faults import Fault, FaultKind, plain_429
from adapters.sims.longport_orders import OrderStatus, Origin, Side, Ticket
from adapters.sims.longport_rates import Rates
from adapters.sims.longport_remote import started
from adapters.sims.longport_rules import Cancels, Delays, Fills, Rule
from adapters.sims.longport_securities import Security, quoted
from adapters.sims.longport_world import Setup
from tests.adapters.sims.longport_library import LibraryError, a_library, an_order, eventually, utc

OPEN = utc(2026, 3, 2, 15)
SUBMIT = "POST /v1/trade/order"
REFRESH = "GET /v1/token/refresh"
ACCOUNT = "GET /v1/asset/account"
BID, ASK = Decimal(99), Decimal(100)
SECURITIES = (
    Security("QQQ.US", "Invesco QQQ"),
    Security("BIL.US", "SPDR Bills"),
    Security("700.HK", "Tencent", lot=100),
)
HELD = (Holding("BIL.US", Decimal(50), Decimal(90)), Holding("700.HK", Decimal(200), Decimal(400)))
CASH = {"USD": Decimal(10_000), "HKD": Decimal(100_000)}


def a_setup(**changes) -> Setup:
    usual = {"start": OPEN, "rates": None, "securities": SECURITIES, "holdings": HELD}
    return Setup(**(usual | {"cash": CASH} | changes))


@pytest.fixture(scope="module")
def process():
    with started() as it:
        yield it


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    with a_library(tmp_path_factory.mktemp("library")) as it:
        yield it


@pytest.fixture
def begin(process, worker):
    """A world of one's own, and the library in it."""

    def anew(**changes):
        worker.ask("drop")
        process.control.begin(a_setup(**changes))
        process.control.restore()
        for symbol in ("QQQ.US", "BIL.US", "700.HK"):
            process.control.quote(quoted(symbol, BID, ASK))
        worker.use(process.control.access())
        return process.control

    return anew


@pytest.fixture
def control(process):
    return process.control


@pytest.fixture
def library(begin, worker):
    begin()
    return worker


def today(library) -> list:
    return library.ask("trade.today_orders")


def usd(library):
    infos = library.ask("trade.account_balance", "USD")[0].cash_infos
    return next(each for each in infos if each.currency == "USD")


def held(library) -> dict:
    channels = library.ask("trade.stock_positions").channels
    return {each.symbol: each for channel in channels for each in channel.positions}


def test_an_order_within_its_limit_is_filled_at_the_quote(library, control):
    order_id = library.buy(3, limit=101, remark="OURS")

    (listed,) = today(library)
    assert (listed.order_id, listed.remark, listed.status) == (
        order_id,
        "OURS",
        "OrderStatus.Filled",
    )
    assert (listed.executed_quantity, listed.executed_price) == (3, ASK)
    (booked,) = control.orders()
    assert (booked.id, booked.ticket.remark, booked.origin) == (order_id, "OURS", Origin.API)


def test_cash_and_holdings_follow_what_was_traded(library):
    library.buy(3)
    library.sell(10, symbol="BIL.US")

    assert usd(library).available_cash == 10_000 - 3 * ASK + 10 * BID
    assert usd(library).settling_cash == 10 * BID - 3 * ASK
    assert {s: p.quantity for s, p in held(library).items()} == {
        "QQQ.US": 3,
        "BIL.US": 40,
        "700.HK": 200,
    }
    assert held(library)["BIL.US"].init_quantity == 50


def test_open_orders_hold_on_to_cash_and_shares(library, control):
    control.rule(Rule(Fills.NEVER))

    library.buy(3, limit=99)
    library.sell(10, limit=120, symbol="BIL.US")

    assert (usd(library).available_cash, usd(library).frozen_cash) == (10_000 - 297, 297)
    assert (held(library)["BIL.US"].quantity, held(library)["BIL.US"].available_quantity) == (
        50,
        40,
    )


def test_the_sums_of_a_balance_contain_converted_foreign_money(library):
    (hkd,) = library.ask("trade.account_balance")
    (in_usd,) = library.ask("trade.account_balance", "USD")

    assert hkd.currency == "HKD"
    assert in_usd.total_cash == 10_000 + Decimal("0.128") * 100_000
    assert in_usd.buy_power > usd(library).available_cash == 10_000


def test_the_purchase_that_cash_allows_is_estimated_apart_from_margin(begin, worker):
    begin(margin=Decimal(2))
    asked = ["QQQ.US", "OrderType.LO", "OrderSide.Buy", Decimal(99)]

    estimate = worker.ask("trade.estimate_max_purchase_quantity", *asked)

    assert (estimate.cash_max_qty, estimate.margin_max_qty) == (101, 202)


def test_the_sale_that_is_possible_is_what_is_held_and_not_promised(library, control):
    control.rule(Rule(Fills.NEVER))
    library.sell(20, symbol="BIL.US")
    asked = ["BIL.US", "OrderType.LO", "OrderSide.Sell", Decimal(99)]

    assert library.ask("trade.estimate_max_purchase_quantity", *asked).cash_max_qty == 30
    assert library.ask("trade.margin_ratio", "BIL.US").im_factor == 1


def test_a_limit_the_quote_does_not_reach_rests_until_it_does(library, control):
    library.buy(3, limit=95)
    waiting = today(library)[0].status
    control.quote(quoted("QQQ.US", Decimal(94), Decimal(95)))

    assert waiting == "OrderStatus.New"
    assert today(library)[0].status == "OrderStatus.Filled"


def test_a_later_fill_comes_by_itself_and_a_partial_one_rests(library, control):
    control.rule(Rule(Fills.LATER, seconds=0.01), "QQQ.US")
    control.rule(Rule(Fills.PARTLY, shares=Decimal(2)), "BIL.US")

    first, second = library.buy(3), library.buy(5, symbol="BIL.US")

    eventually(lambda: control.orders()[0].status is OrderStatus.FILLED)
    listed = {each.order_id: each for each in today(library)}
    assert listed[first].executed_quantity == 3
    assert (listed[second].status, listed[second].executed_quantity) == (
        "OrderStatus.PartialFilled",
        2,
    )


def test_an_accepted_order_may_be_rejected_afterwards(library, control):
    control.rule(Rule(Fills.REJECTED, message="Price out of range"))

    order_id = library.buy(3)

    (listed,) = today(library)
    assert (listed.order_id, listed.status, listed.msg) == (
        order_id,
        "OrderStatus.Rejected",
        "Price out of range",
    )


@pytest.mark.parametrize("order", [an_order(200, 100), an_order(51, 1, "BIL.US", "Sell")])
def test_what_the_account_can_not_pay_or_deliver_is_rejected(library, order):
    library.ask("trade.submit_order", *order)

    (listed,) = today(library)
    assert listed.status == "OrderStatus.Rejected"
    assert listed.msg.startswith("Insufficient")


REFUSED = [
    (an_order(150, 400, "700.HK"), {}, "lot 100"),
    ([*an_order(1, 100)[:3], Decimal("0.5"), *an_order(1, 100)[4:]], {}, "fractional"),
    (["QQQ.US", "OrderType.ELO", *an_order(1, 100)[2:]], {}, "order_type ELO"),
    (an_order(1, 100)[:-1], {}, "submitted_price is required"),
    (an_order(1, 100), {"remark": "x" * 65}, "longer than 64"),
]


@pytest.mark.parametrize(("order", "more", "remark"), REFUSED)
def test_what_is_no_order_is_refused_and_not_booked(library, control, order, more, remark):
    error = library.error("trade.submit_order", *order, **more)

    assert (error.kind, error.code) == ("ErrorKind.OpenApi", 602001)
    assert remark in error.message
    assert control.orders() == ()


def test_a_symbol_may_refuse_orders_with_a_code_of_its_own(library, control):
    control.rule(Rule(Fills.REFUSED, code=603302, message="closed for trading"), "QQQ.US")

    error = library.error("trade.submit_order", *an_order(1, 100))

    assert (error.code, error.message) == (603302, "closed for trading")
    assert control.orders() == ()


def test_an_order_at_the_market_has_no_price_and_is_filled_at_the_quote(library, control):
    library.buy(1, limit=None)

    (listed,) = today(library)
    assert (listed.order_type, listed.price, listed.executed_price) == ("OrderType.MO", None, ASK)
    assert control.executions()[0].price == ASK


def test_a_cancelled_order_with_trades_is_a_partial_withdrawal(library, control):
    control.rule(Rule(Fills.PARTLY, shares=Decimal(1)))
    order_id = library.buy(3)

    library.ask("trade.cancel_order", order_id)

    (listed,) = today(library)
    assert (listed.status, listed.executed_quantity) == ("OrderStatus.PartialWithdrawal", 1)
    assert library.error("trade.cancel_order", order_id).code == 602001


def test_an_order_may_still_trade_while_its_cancel_is_pending(library, control):
    control.rule(Rule(Fills.NEVER, cancels=Cancels.PENDING))
    order_id = library.buy(3)

    library.ask("trade.cancel_order", order_id)
    pending = today(library)[0].status
    control.fill(order_id, price=Decimal(98))

    assert pending == "OrderStatus.PendingCancel"
    assert today(library)[0].status == "OrderStatus.Filled"


def test_a_cancel_may_be_refused_and_the_order_goes_on(library, control):
    control.rule(Rule(Fills.NEVER, cancels=Cancels.REFUSED))
    order_id = library.buy(3)

    assert library.error("trade.cancel_order", order_id).code == 602001
    assert today(library)[0].status == "OrderStatus.New"


@pytest.mark.parametrize(
    ("status", "seen"),
    [
        (OrderStatus.UNHEARD_OF, "OrderStatus.Unknown"),
        (OrderStatus.NOT_REPORTED, "OrderStatus.NotReported"),
        (OrderStatus.WAIT_TO_CANCEL, "OrderStatus.WaitToCancel"),
    ],
)
def test_a_status_the_library_does_not_know_is_unknown_and_not_final(
    library, control, status, seen
):
    control.rule(Rule(Fills.NEVER, resting=status))
    order_id = library.buy(3)

    assert today(library)[0].status == seen
    assert control.fill(order_id).status is OrderStatus.FILLED


def test_a_changed_order_keeps_its_name(library, control):
    control.rule(Rule(Fills.NEVER))
    order_id = library.buy(3, limit=90)

    library.ask("trade.replace_order", order_id, Decimal(2), Decimal(91))

    (listed,) = today(library)
    assert (listed.order_id, listed.quantity, listed.price) == (order_id, 2, 91)


def test_a_remark_is_found_in_the_list_the_detail_and_the_past(library, control):
    order_id = library.buy(3, remark="OURS")
    detail = library.ask("trade.order_detail", order_id)
    control.move_clock(timedelta(days=1).total_seconds())

    assert detail.remark == "OURS"
    assert [step.status for step in detail.history] == ["OrderStatus.Filled", "OrderStatus.New"]
    assert today(library) == []
    (past,) = library.ask("trade.history_orders")
    assert (past.order_id, past.remark) == (order_id, "OURS")
    assert library.ask("trade.today_executions") == []
    assert len(library.ask("trade.history_executions")) == 1


def test_the_past_does_not_contain_today_unless_the_world_says_so(begin, worker):
    begin()
    worker.buy(1)
    apart = worker.ask("trade.history_orders")
    begin(history_has_today=True)
    worker.buy(1)

    assert apart == []
    assert len(worker.ask("trade.history_orders")) == 1


def test_the_library_does_not_say_that_there_are_more_orders(begin, worker):
    control = begin(history_orders=2, history_has_today=True)
    for _ in range(3):
        worker.buy(1)

    assert len(worker.ask("trade.history_orders")) == 2
    assert len(control.orders()) == 3


def test_a_window_of_the_past_is_at_most_ninety_days(library):
    window = {"start_at": OPEN - timedelta(days=100), "end_at": OPEN}

    assert library.error("trade.history_orders", **window).code == 602001


def test_the_library_reads_the_digits_of_a_time_as_utc(library, control):
    late = datetime.fromisoformat("2026-03-02T09:30:00-05:00")

    library.ask("trade.history_orders", start_at=late)

    asked = control.calls("GET /v1/trade/order/history")[-1].query
    assert f"start_at={int(utc(2026, 3, 2, 9, 30).timestamp())}" in asked


def test_the_library_tells_times_without_their_zone(process, begin, tmp_path):
    begin()
    with a_library(tmp_path, "America/New_York") as library:
        library.use(process.control.access())
        library.buy(1)
        (listed,) = today(library)

    assert listed.submitted_at.tzinfo is None
    assert listed.submitted_at.replace(tzinfo=UTC) == OPEN.replace(hour=10)


LOST = [False, True]


@pytest.mark.parametrize("booked", LOST)
def test_a_lost_answer_looks_alike_whether_the_order_was_booked(library, control, booked):
    control.fail(Fault(FaultKind.RESET, SUBMIT, after=booked))

    error = library.error("trade.submit_order", *an_order(3, 100), remark="OURS")

    assert (error.kind, error.code) == ("ErrorKind.Other", None)
    assert len(control.orders()) == int(booked)
    assert [each.remark for each in today(library)] == ["OURS"] * booked
    assert [each.answer for each in control.calls(SUBMIT)] == [None]


@pytest.mark.parametrize("booked", LOST)
def test_an_internal_error_may_hide_a_booked_order(library, control, booked):
    control.fail(Fault(FaultKind.REFUSE, SUBMIT, after=booked))

    error = library.error("trade.submit_order", *an_order(3, 100))

    assert (error.kind, error.code) == ("ErrorKind.OpenApi", 500000)
    assert len(control.orders()) == int(booked)


def test_a_plain_429_is_asked_again_by_the_library_and_doubles_an_order_that_was_booked(
    library, control
):
    control.fail(plain_429(SUBMIT, after=True))

    answered = library.buy(3, remark="OURS")

    first, second = control.orders()
    assert answered == second.id
    assert first.ticket == second.ticket


def test_a_plain_429_before_the_order_is_booked_does_no_harm(library, control):
    control.fail(plain_429(SUBMIT, times=2))

    library.buy(3)

    assert len(control.orders()) == 1
    assert len(control.calls(SUBMIT)) == 3


def test_an_idempotent_request_is_booked_once_in_ten_minutes(library, control):
    order = {
        "symbol": "QQQ.US",
        "order_type": "LO",
        "side": "Buy",
        "submitted_quantity": "1",
        "submitted_price": "100",
        "time_in_force": "Day",
        "client_request_id": "OURS",
    }
    control.fail(plain_429(SUBMIT, after=True))
    first = library.ask("http.request", "post", "/v1/trade/order", body=order)
    again = library.ask("http.request", "post", "/v1/trade/order", body=order)
    control.move_clock(601)
    later = library.ask("http.request", "post", "/v1/trade/order", body=order)

    assert first == again
    assert [each.id for each in control.orders()] == [first["order_id"], later["order_id"]]


def test_a_fault_may_spare_the_calls_before_it(library, control):
    control.fail(Fault(FaultKind.RESET, SUBMIT, after=True, spared=1))
    library.buy(1, remark="first")

    library.error("trade.submit_order", *an_order(1, 100), remark="second")

    assert [each.ticket.remark for each in control.orders()] == ["first", "second"]


def test_a_refused_call_is_not_asked_again(library, control):
    control.fail(Fault(FaultKind.REFUSE, SUBMIT, status=429, code=429002, message="limited"))

    assert library.error("trade.submit_order", *an_order(3, 100)).code == 429002
    assert len(control.calls(SUBMIT)) == 1


ODD = [
    Fault(FaultKind.ANSWER, ACCOUNT, status=502, body="<html>Bad Gateway</html>"),
    Fault(FaultKind.ANSWER, ACCOUNT, status=200, body="<html>Maintenance</html>"),
    Fault(FaultKind.ANSWER, ACCOUNT, status=200, body='{"code":0,"message":"","data":{"li'),
    Fault(FaultKind.ANSWER, ACCOUNT, status=200, body='{"code":0,"message":"","data":{}}'),
]


@pytest.mark.parametrize("fault", ODD)
def test_what_is_no_answer_of_the_api_has_no_code(library, control, fault):
    control.fail(fault)

    error = library.error("trade.account_balance")

    assert (error.kind, error.code) == ("ErrorKind.Other", None)


def test_an_empty_account_is_an_answer_like_any_other(library, control):
    empty = '{"code":0,"message":"success","data":{"list":[]}}'
    control.fail(Fault(FaultKind.ANSWER, "GET /v1/asset/stock", status=200, body=empty))

    assert library.ask("trade.stock_positions").channels == []
    assert len(held(library)) == 2


def test_an_order_shows_in_the_lists_late_where_it_is_told_to(library, control):
    control.delay(Delays(listing=5))
    order_id = library.buy(3)
    hidden = today(library), library.error("trade.order_detail", order_id).code
    control.move_clock(5)

    assert hidden == ([], 602001)
    assert [each.order_id for each in today(library)] == [order_id]


def test_the_account_shows_a_trade_late_where_it_is_told_to(library, control):
    control.delay(Delays(account=5))
    library.buy(3)
    before = usd(library).available_cash
    control.move_clock(5)

    assert before == 10_000
    assert usd(library).available_cash == 10_000 - 3 * ASK


def test_an_order_placed_elsewhere_is_in_the_list_and_has_no_remark(library, control):
    control.rule(Rule(Fills.NEVER))
    booked = control.book(Ticket("QQQ.US", Side.BUY, Decimal(2), Decimal(90)))

    (listed,) = today(library)
    assert (listed.order_id, listed.remark) == (booked.id, "")
    assert control.orders()[0].origin is Origin.ELSEWHERE


def test_a_trade_by_hand_changes_the_account_and_is_no_order(library, control):
    control.trade("QQQ.US", Side.BUY, Decimal("0.5"), Decimal(100))
    control.deposit("USD", Decimal(-1000))

    assert today(library) == []
    assert library.ask("trade.today_executions") == []
    assert held(library)["QQQ.US"].quantity == Decimal("0.5")
    assert usd(library).available_cash == 10_000 - 50 - 1000


def test_a_day_order_expires_with_its_day(library, control):
    library.buy(3, limit=90)

    (expired,) = control.close_day()

    assert today(library)[0].status == "OrderStatus.Expired"
    assert expired.left == 0


def test_a_token_ends_and_is_gone_with_a_code_of_its_own(library, control):
    library.ask("trade.account_balance")
    control.expire_token()
    expired = library.error("trade.account_balance")
    control.revoke_token()
    revoked = library.error("trade.account_balance")

    assert [expired.code, revoked.code] == [401003, 401004]
    assert [each.answer for each in control.calls(ACCOUNT)] == [0, 401003, 401004]


def test_a_token_ends_when_its_days_are_over(library, control):
    control.move_clock(timedelta(days=91).total_seconds())

    assert library.error("trade.today_orders").code == 401003


def test_a_refreshed_token_is_used_by_new_contexts_only_and_ends_the_old_one(library, control):
    library.ask("trade.account_balance")

    token = library.ask("config.refresh_access_token", OPEN + timedelta(days=365))

    assert token == control.access().access_token
    assert library.error("trade.account_balance").code == 401004
    library.use(control.access())
    assert library.ask("trade.account_balance")


def test_a_refresh_whose_answer_is_lost_leaves_no_token_that_holds(library, control):
    control.fail(Fault(FaultKind.RESET, REFRESH, after=True))

    library.error("config.refresh_access_token")

    assert library.error("config.refresh_access_token").code == 401004


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"app_secret": "another"}, 403201),
        ({"app_key": "another"}, 403203),
        ({"access_token": "another"}, 401004),
    ],
)
def test_who_is_not_known_is_refused(process, library, wrong, code):
    access = process.control.access()
    known = {"app_key", "app_secret", "access_token"}
    keys = {name: getattr(access, name) for name in known} | wrong
    urls = {n: getattr(access, n) for n in ("http_url", "quote_ws_url", "trade_ws_url")}

    library.ask("use", **keys, **urls)

    assert library.error("http.request", "get", "/v1/asset/account").code == code


def test_a_call_of_another_app_is_not_recorded_and_meets_no_fault(library, control):
    access, asked = control.access(), ("http.request", "get", "/v1/asset/account")
    control.fail(Fault(FaultKind.REFUSE, ACCOUNT))

    library.use(replace(access, app_key="another"))
    stranger, calls = library.error(*asked), control.calls()
    library.use(access)

    assert (stranger.code, calls) == (403203, ())
    assert library.error(*asked).code == 500000


def test_the_same_request_within_a_second_has_the_same_signature(library, control):
    library.ask("trade.account_balance")
    control.refuse_repeats()
    # A second may end between two of them, not between all.
    for _ in range(3):
        with suppress(LibraryError):
            library.ask("trade.stock_positions")

    answers = [each.answer for each in control.calls("GET /v1/asset/stock")]
    assert {*answers} == {0, 403202}


def test_calls_are_limited_in_number_and_kept_apart(library, control):
    control.limit(Rates(calls=2, seconds=30, gap=0))
    library.ask("trade.account_balance")
    library.ask("trade.today_orders")
    many = library.error("trade.today_orders").code
    control.limit(Rates(calls=100, seconds=30, gap=10))
    soon = library.error("trade.today_orders").code
    control.limit(None)

    assert [many, soon] == [429002, 429002]
    assert library.ask("trade.today_orders") == []


def test_no_socket_is_asked_for_where_the_connections_are_used_up(begin, worker):
    begin(connections=1)
    worker.ask("trade.subscribe", ["TopicType.Private"])

    assert "connections limitation is hit" in worker.error("quote.trading_session").message


@pytest.mark.parametrize("target", ["trade.account_balance", "trade.today_orders"])
def test_every_thread_of_the_process_stands_still_while_the_library_waits(library, control, target):
    library.ask("trade.account_balance")
    control.fail(Fault(FaultKind.SLOW, seconds=0.1))

    assert library.ask("stalled", target) > 0.08


def test_a_call_that_hangs_for_good_ends_with_its_process(process, begin, tmp_path):
    control = begin()
    with a_library(tmp_path) as library:
        library.use(process.control.access())
        library.ask("trade.today_orders")
        control.fail(Fault(FaultKind.HANG, SUBMIT, after=True))
        library.begin("trade.submit_order", *an_order(3, 100), remark="OURS")
        eventually(control.orders)
        with pytest.raises(TimeoutError):
            library.answer(patience=0.02)
        library.kill()

    assert [each.ticket.remark for each in control.orders()] == ["OURS"]


def test_changes_of_orders_are_pushed(library, control):
    control.rule(Rule(Fills.NEVER))
    library.ask("hear")
    library.ask("trade.subscribe", ["TopicType.Private"])
    order_id = library.buy(3, remark="OURS")
    control.fill(order_id, Decimal(1), Decimal(99))

    eventually(lambda: len(library.ask("heard")) == 2)
    new, partial = library.ask("heard")
    assert (new.status, new.remark, new.order_id) == ("OrderStatus.New", "OURS", order_id)
    assert (partial.status, partial.last_share, partial.last_price) == (
        "OrderStatus.PartialFilled",
        1,
        99,
    )


def test_setting_a_callback_while_one_runs_stops_the_process_for_good(process, begin, tmp_path):
    control = begin()
    with a_library(tmp_path) as library:
        library.use(process.control.access())
        library.begin("fumble")
        eventually(lambda: any(each.subscribed for each in control.sockets()))
        control.book(Ticket("QQQ.US", Side.BUY, Decimal(1), Decimal(100)))
        with pytest.raises(TimeoutError):
            library.answer(patience=0.3)
        library.kill()
