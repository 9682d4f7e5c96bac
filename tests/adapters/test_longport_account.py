"""An account at a simulated LongPort, through the real library: orders in, everything out."""

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from adapters.longport_wire import Orders, Past, Today
from adapters.sims.longport_account import Fund, Holding
from adapters.sims.longport_faults import Fault, FaultKind
from adapters.sims.longport_orders import OrderStatus as Theirs
from adapters.sims.longport_orders import Side, Ticket
from adapters.sims.longport_rules import Cancels, Delays, Fills, Rule
from adapters.sims.longport_securities import Security
from bot.domain.errors import BrokerUnavailable, Halted, OrderRefused, OrderUnanswered
from bot.domain.model import AccountKind, Action, OrderStatus
from tests.adapters.longport_world import NUMBER, ORDINARY, LongPortWorld, us
from tests.adapters.sims.longport_library import a_library, an_order
from tests.builders import NOW, an_intent

SUBMIT = "POST /v1/trade/order"
STOCKS, CASH = "GET /v1/asset/stock", "GET /v1/asset/account"
TODAY, HISTORY = "GET /v1/trade/order/today", "GET /v1/trade/order/history"
BUY, SELL = an_intent("VOO", Action.BUY, 2, 90), an_intent("VOO", Action.SELL, 4, 110)
RESTS = Rule(Fills.NEVER)
OPTION, FOREIGN = "SPY261218C600000.US", "700.HK"


@pytest.fixture
def world(tmp_path):
    return LongPortWorld(tmp_path)


@pytest.fixture
def a_world(tmp_path):
    """A world that differs from the ordinary."""
    return lambda **differing: LongPortWorld(tmp_path, replace(ORDINARY, **differing))


def answers(world, call: str, data: str, times: int = 3) -> None:
    """Have the broker answer a call with other data than there is."""
    body = f'{{"code":0,"message":"success","data":{data}}}'
    world.control.fail(Fault(FaultKind.ANSWER, call, status=200, body=body, times=times))


async def test_the_account_has_the_number_its_token_was_issued_for(world):
    assert (await world.broker.portfolio()).account == NUMBER


async def test_a_token_of_another_account_reports_that_account(a_world):
    world = a_world(account=20_000_002)

    assert (await world.broker.portfolio()).account == "20000002"


async def test_no_order_goes_to_another_account_than_the_one_asked_for(a_world):
    world = a_world(account=20_000_002)

    with pytest.raises(OrderRefused, match="longport_other_account"):
        await world.broker.submit(BUY)

    assert world.control.orders() == ()


async def test_money_is_dollars_and_nothing_that_was_converted(a_world):
    world = a_world(cash={"USD": Decimal(1000), "HKD": Decimal(500_000)})

    portfolio = await world.broker.portfolio()

    assert (portfolio.cash, portfolio.settled, portfolio.spendable) == (1000, 1000, 1000)
    assert portfolio.foreign_cash == {"HKD": 500_000}


async def test_money_is_not_what_could_be_borrowed(a_world):
    world = a_world(margin=Decimal(2))

    portfolio = await world.broker.portfolio()

    assert (portfolio.cash, portfolio.spendable) == (1000, 1000)
    assert portfolio.kind is AccountKind.MARGIN


async def test_an_account_that_may_borrow_nothing_does_not_say_what_it_is(world):
    assert (await world.broker.portfolio()).kind is None


async def test_an_account_with_foreign_money_only_has_no_dollars(a_world):
    world = a_world(cash={"HKD": Decimal(500)})

    assert (await world.broker.portfolio()).cash == 0


async def test_the_money_of_a_sale_is_there_and_not_settled(world):
    await world.broker.submit(an_intent("VOO", Action.SELL, 4, 99))

    portfolio = await world.broker.portfolio()

    assert (portfolio.cash, portfolio.settled) == (1400, 1000)


async def test_the_money_of_a_purchase_is_gone_at_once(world):
    await world.broker.submit(an_intent("VOO", Action.BUY, 4, 101))

    portfolio = await world.broker.portfolio()

    assert (portfolio.cash, portfolio.settled, portfolio.spendable) == (600, 600, 600)


async def test_what_is_no_stock_of_the_us_is_named_and_not_held(a_world):
    securities = (*ORDINARY.securities, Security(OPTION), Security(FOREIGN))
    held = tuple(Holding(s, Decimal(1), Decimal(9)) for s in (us("VOO"), OPTION, FOREIGN))
    funds = (Fund("HK0000447943", "A money-market fund", Decimal(500)),)
    world = a_world(securities=securities, holdings=held, funds=funds)

    portfolio = await world.broker.portfolio()

    assert portfolio.shares == portfolio.sellable == {"VOO": 1}
    assert list(portfolio.others) == [OPTION, FOREIGN, "A money-market fund"]


async def test_a_symbol_with_a_class_is_a_stock(a_world):
    held = (Holding("BRK.B.US", Decimal("1.5"), Decimal(9)),)
    world = a_world(securities=(*ORDINARY.securities, Security("BRK.B.US")), holdings=held)

    assert (await world.broker.portfolio()).shares == {"BRK.B": Decimal("1.5")}


async def test_what_is_held_in_several_channels_is_held_together(world):
    stock = {"symbol": "VOO.US", "symbol_name": "", "currency": "USD", "market": "US"}
    numbers = {"quantity": "2", "available_quantity": "1", "cost_price": "9", "init_quantity": "2"}
    info = str(stock | numbers).replace("'", '"')
    channel = f'{{"account_channel":"lb","stock_info":[{info}]}}'
    answers(world, STOCKS, f'{{"list":[{channel},{channel}]}}')

    portfolio = await world.broker.portfolio()

    assert (portfolio.shares, portfolio.sellable) == ({"VOO": 4}, {"VOO": 2})


async def test_an_account_without_shares_is_one(a_world):
    portfolio = await a_world(holdings=()).broker.portfolio()

    assert (portfolio.cash, portfolio.shares) == (1000, {})


A_BALANCE = (
    '{"list":[{"total_cash":"0","max_finance_amount":"0","remaining_finance_amount":"0",'
    '"risk_level":"1","margin_call":"0","currency":"USD","cash_infos":[],"net_assets":"0",'
    '"init_margin":"0","maintenance_margin":"0","buy_power":"0","frozen_transaction_fees":[]}]}'
)
PARTS = [
    (CASH, '{"list":[]}', "cash"),
    (CASH, A_BALANCE, "cash"),
    (STOCKS, '{"list":[]}', "positions"),
    (STOCKS, '{"list":[{"account_channel":"lb","stock_info":[]}]}', "positions"),
]


@pytest.mark.parametrize(("call", "data", "part"), PARTS)
async def test_an_account_that_lacks_a_part_is_no_smaller_account(world, call, data, part):
    answers(world, call, data)

    with pytest.raises(BrokerUnavailable) as refused:
        await world.broker.portfolio()

    assert (refused.value.code, refused.value.values["part"]) == ("longport_partial", part)


@pytest.mark.parametrize("call", [CASH, STOCKS, "GET /v1/asset/fund"])
async def test_a_failed_read_is_no_account(world, call):
    world.control.fail(Fault(FaultKind.ANSWER, call, status=502, body="<html>", times=9))

    with pytest.raises(BrokerUnavailable, match="broker_unavailable"):
        await world.broker.portfolio()


async def test_an_order_is_for_the_day_and_regular_hours_and_has_our_name(world):
    await world.broker.submit(BUY)

    ticket = world.control.orders()[0].ticket
    assert (ticket.symbol, ticket.order_type, ticket.time_in_force) == ("VOO.US", "LO", "Day")
    assert (ticket.quantity, ticket.price, ticket.outside_rth) == (2, 90, "RTH_ONLY")
    assert ticket.remark == ticket.client_request_id == BUY.id
    assert BUY.id.isascii()
    assert len(BUY.id) <= 64


async def test_an_order_without_a_limit_is_one_at_the_market(world):
    await world.broker.submit(replace(BUY, limit=None))

    ticket = world.control.orders()[0].ticket
    assert (ticket.order_type, ticket.price) == ("MO", None)


@pytest.mark.parametrize("limit", [None, "90.5", "100", "0.1234"])
async def test_an_order_says_what_the_librarys_own_method_says_and_its_name(world, tmp_path, limit):
    order = an_intent("VOO", Action.BUY, 2, limit)
    with a_library(tmp_path) as library:
        library.use(world.control.access())
        own = [*an_order(2, None, "VOO.US")[:-1], order.limit]
        own[1] = "OrderType.MO" if limit is None else "OrderType.LO"
        more = {"outside_rth": "OutsideRTH.RTHOnly", "remark": order.id}
        library.ask("trade.submit_order", *own, **more)
    await world.broker.submit(order)

    theirs, ours = (said(call.body) for call in world.control.calls(SUBMIT))
    assert ours == theirs | {"client_request_id": order.id}


def said(body: str) -> dict:
    return {name: value for name, value in json.loads(body).items() if value is not None}


async def test_an_accepted_order_is_reported_as_it_stands(world):
    filled = await world.broker.submit(an_intent("VOO", Action.BUY, 2, 101))

    assert (filled.status, filled.filled, filled.average_price) == (OrderStatus.FILLED, 2, 100)
    assert filled.client_id
    assert filled.broker_id == world.control.orders()[0].id
    assert filled.entered_at >= NOW


async def test_an_accepted_order_that_is_in_no_list_yet_works(world):
    world.control.delay(Delays(listing=5))

    report = await world.broker.submit(BUY)

    assert (report.status, report.filled) == (OrderStatus.WORKING, 0)
    assert report.broker_id == world.control.orders()[0].id


async def test_an_accepted_order_nobody_can_read_works(world):
    world.control.fail(Fault(FaultKind.REFUSE, TODAY, times=9))

    assert (await world.broker.submit(BUY)).status is OrderStatus.WORKING


TAKEN_FOR = [(602001, "longport_malformed"), (603302, "longport_refused")]


async def test_a_rejected_order_is_refused_with_what_the_broker_said(world):
    world.control.rule(Rule(Fills.REJECTED, message="Insufficient  buying power"))

    with pytest.raises(OrderRefused) as refused:
        await world.broker.submit(BUY)

    assert refused.value.code == "longport_no_money"
    assert refused.value.values["told"] == "Insufficient buying power"
    (listed,) = await world.broker.orders_today()
    assert (listed.status, listed.reason) == (OrderStatus.REFUSED, str(refused.value))


@pytest.mark.parametrize(("number", "code"), TAKEN_FOR)
async def test_an_order_the_broker_does_not_take_is_refused_with_its_code(world, number, code):
    world.control.rule(Rule(Fills.REFUSED, code=number, message="not now"))

    with pytest.raises(OrderRefused) as refused:
        await world.broker.submit(BUY)

    assert refused.value.code == code
    assert refused.value.values == {"symbol": "VOO", "told": "not now", "number": number}
    assert world.control.orders() == ()


@pytest.mark.parametrize("code", [401003, 401004, 403201, 403203])
async def test_an_order_that_was_not_let_in_is_refused(world, code):
    world.control.fail(Fault(FaultKind.REFUSE, SUBMIT, code=code))

    with pytest.raises(OrderRefused):
        await world.broker.submit(BUY)


@pytest.mark.parametrize("action", [Action.SELL_SHORT, Action.BUY_TO_COVER])
async def test_a_short_is_refused_before_anybody_is_asked(world, action):
    with pytest.raises(OrderRefused, match="shorting_not_allowed"):
        await world.broker.submit(an_intent("VOO", action, 1, 100))

    assert world.control.calls() == ()


async def test_a_part_of_a_lot_is_refused_before_anybody_is_asked(a_world):
    world = a_world(securities=(Security("VOO.US", lot=10), Security("BIL.US")))
    await world.line.quotes(["VOO"])

    with pytest.raises(OrderRefused, match="longport_lot"):
        await world.broker.submit(BUY)

    assert world.control.calls(SUBMIT) == ()


UNKNOWN = {
    "reset before": Fault(FaultKind.RESET, SUBMIT),
    "reset after": Fault(FaultKind.RESET, SUBMIT, after=True),
    "no JSON": Fault(FaultKind.ANSWER, SUBMIT, after=True, status=502, body="<html>"),
    "no order": Fault(FaultKind.ANSWER, SUBMIT, after=True, status=200, body='{"code":0}'),
    "internal error": Fault(FaultKind.REFUSE, SUBMIT, after=True),
    "duplicate": Fault(FaultKind.REFUSE, SUBMIT, after=True, code=403202),
    "too often": Fault(FaultKind.REFUSE, SUBMIT, after=True, code=429002),
}


@pytest.mark.parametrize("fault", UNKNOWN.values(), ids=UNKNOWN)
async def test_everything_else_is_unanswered_and_asked_once(world, fault):
    world.control.fail(fault)

    with pytest.raises(OrderUnanswered):
        await world.broker.submit(BUY)

    assert len(world.control.calls(SUBMIT)) == 1


async def test_a_refusal_is_not_believed_while_the_order_is_in_the_list(world):
    world.control.fail(Fault(FaultKind.REFUSE, SUBMIT, after=True, code=602001))

    report = await world.broker.submit(BUY)

    assert (report.status, report.client_id) == (OrderStatus.WORKING, BUY.id)


async def test_a_refusal_is_unanswered_while_nobody_can_look(world):
    world.control.fail(Fault(FaultKind.REFUSE, SUBMIT, code=602001))
    world.control.fail(Fault(FaultKind.REFUSE, TODAY, times=9))

    with pytest.raises(OrderUnanswered):
        await world.broker.submit(BUY)


async def test_an_order_on_a_line_that_is_down_is_not_there(world):
    world.control.cut()

    # One library connects before it asks, the other as it asks: only the first is certain.
    with pytest.raises((OrderRefused, OrderUnanswered)):
        await world.broker.submit(BUY)

    assert world.control.orders() == ()


async def test_what_an_account_can_do_is_said(world):
    able = world.broker.capabilities

    assert (able.shorting, able.market_on_close) == (False, False)
    assert (able.echoes_client_id, able.live_quotes, able.keeps_fills) == (True, True, True)


STATUSES = [
    (Theirs.NOT_REPORTED, OrderStatus.WORKING),
    (Theirs.WAIT_TO_NEW, OrderStatus.WORKING),
    (Theirs.NEW, OrderStatus.WORKING),
    (Theirs.REPLACED, OrderStatus.WORKING),
    (Theirs.WAIT_TO_CANCEL, OrderStatus.WORKING),
    (Theirs.PENDING_CANCEL, OrderStatus.WORKING),
    (Theirs.UNHEARD_OF, OrderStatus.WORKING),
]
ENDS = [
    (Theirs.CANCELED, OrderStatus.CANCELLED),
    (Theirs.REJECTED, OrderStatus.REFUSED),
    (Theirs.EXPIRED, OrderStatus.EXPIRED),
]


@pytest.mark.parametrize(("theirs", "ours"), STATUSES)
async def test_what_is_not_known_to_be_final_works(world, theirs, ours):
    world.control.rule(Rule(Fills.NEVER, resting=theirs))

    await world.broker.submit(BUY)

    assert [each.status for each in await world.broker.orders_today()] == [ours]


@pytest.mark.parametrize(("theirs", "ours"), ENDS)
async def test_an_end_is_known_by_its_name(world, theirs, ours):
    await world.broker.submit(BUY)

    world.control.end(world.control.orders()[0].id, theirs)

    assert [each.status for each in await world.broker.orders_today()] == [ours]


async def test_a_cancelled_order_keeps_what_it_filled(world):
    world.control.rule(Rule(Fills.PARTLY, shares=Decimal(1)))
    order = an_intent("VOO", Action.BUY, 3, 101)
    await world.broker.submit(order)

    await world.broker.cancel(order)

    (report,) = await world.broker.orders_today()
    assert (report.status, report.filled) == (OrderStatus.CANCELLED, 1)


async def test_an_order_is_found_in_the_past_of_the_same_day(world):
    await world.broker.submit(BUY)
    world.control.move_clock(timedelta(hours=9).total_seconds())

    (report,) = await world.broker.orders_today()

    assert (report.client_id, world.control.now().date()) == (BUY.id, (NOW + timedelta(1)).date())


async def test_an_order_in_both_lists_is_one(a_world):
    world = a_world(history_has_today=True)
    await world.broker.submit(BUY)

    assert len(await world.broker.orders_today()) == 1
    listed = [await world.line._line.read(q, Orders) for q in (Today(), Past(NOW))]
    assert [len(each.listed) for each in listed] == [1, 1]


async def test_orders_of_days_before_are_not_todays(a_world):
    world = a_world(start=NOW - timedelta(days=1), history_has_today=True)
    world.control.book(Ticket("VOO.US", Side.BUY, Decimal(1), Decimal(101)))
    world.control.move_clock(timedelta(days=1).total_seconds())

    assert await world.broker.orders_today() == []


async def test_an_order_that_is_there_twice_halts_the_book(world):
    world.control.rule(RESTS)
    await world.broker.submit(BUY)
    world.control.book(replace(world.control.orders()[0].ticket, client_request_id=""))

    with pytest.raises(Halted) as halted:
        await world.broker.orders_today()

    both = ", ".join(order.id for order in world.control.orders())
    assert halted.value.code == "longport_order_doubled"
    assert sorted(halted.value.values["numbers"].split(", ")) == both.split(", ")


@pytest.mark.parametrize("end", [Theirs.REJECTED, Theirs.CANCELED])
async def test_a_second_one_that_never_traded_is_no_double(world, end):
    await world.broker.submit(BUY)
    second = world.control.book(replace(world.control.orders()[0].ticket, client_request_id=""))

    world.control.end(second.id, end)

    assert len(await world.broker.orders_today()) == 2


async def test_remarks_of_the_owner_may_repeat(world):
    ticket = Ticket("VOO.US", Side.BUY, Decimal(1), Decimal(50), remark="monthly")
    world.control.book(ticket)
    world.control.book(ticket)

    assert len(await world.broker.orders_today()) == 2


async def test_a_cancel_the_broker_does_not_take_is_refused(world):
    world.control.rule(Rule(Fills.NEVER, cancels=Cancels.REFUSED))
    await world.broker.submit(BUY)

    with pytest.raises(OrderRefused, match="can not be cancelled now"):
        await world.broker.cancel(BUY)


@pytest.mark.parametrize("code", [500000, 429002])
async def test_a_cancel_nobody_answered_is_no_refusal(world, code):
    await world.broker.submit(BUY)
    world.control.fail(Fault(FaultKind.REFUSE, "DELETE /v1/trade/order", code=code))

    with pytest.raises(BrokerUnavailable):
        await world.broker.cancel(BUY)


async def test_a_cancel_whose_answer_is_lost_is_read_from_the_list(world):
    await world.broker.submit(BUY)
    world.control.fail(Fault(FaultKind.RESET, "DELETE /v1/trade/order", after=True))

    with pytest.raises(BrokerUnavailable):
        await world.broker.cancel(BUY)

    assert [o.status for o in await world.broker.orders_today()] == [OrderStatus.CANCELLED]
