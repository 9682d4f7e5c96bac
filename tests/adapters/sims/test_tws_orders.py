"""What the real library makes of orders, and where it differs from the broker's truth."""

from decimal import Decimal

import pytest

from adapters.sims.tws_account import AccountKind, Proceeds
from adapters.sims.tws_codes import Request
from adapters.sims.tws_contracts import Instrument
from adapters.sims.tws_control import ForeignOrder
from adapters.sims.tws_courses import Cancelling, Course, Rule
from adapters.sims.tws_faults import Fault, FaultKind
from adapters.sims.tws_market import Quote
from tests.adapters.sims.tws_clients import (
    a_client,
    a_sim,
    an_account,
    an_order,
    arrived,
    either,
    eventually,
    holding,
    ib,
    in_vain,
    placed,
    stock,
    the_order,
    trading,
)


def statuses(trade) -> list[str]:
    """The statuses a trade went through, each once."""
    seen = [entry.status for entry in trade.log]
    return [status for place, status in enumerate(seen) if status not in seen[:place]]


async def test_a_market_order_fills_at_once_and_tells_its_way():
    async with trading() as (sim, client):
        trade = await placed(client, an_order(shares=10))

    assert statuses(trade) == ["PendingSubmit", "PreSubmitted", "Filled"]
    assert (trade.filled(), trade.orderStatus.avgFillPrice) == (10, 500.01)
    assert trade.fills[0].commissionReport.commission == 0.35
    assert trade.order.permId == the_order(sim).permanent_id


async def test_a_sale_gets_the_bid():
    async with trading(an_account(holdings={"VOO": holding(10)})) as (_, client):
        trade = await placed(client, an_order("SELL", 10))

    assert trade.orderStatus.avgFillPrice == 499.99


async def test_a_limit_rests_until_the_market_comes_to_it():
    async with trading() as (sim, client):
        trade = await placed(client, an_order(limit=490))
        assert statuses(trade) == ["PendingSubmit", "Submitted"]

        sim.control.price("VOO", Decimal("489.99"))
        await arrived(client)

        assert (trade.orderStatus.status, trade.orderStatus.avgFillPrice) == ("Filled", 490)


async def test_an_order_fills_in_part_and_then_by_hand():
    async with trading() as (sim, client):
        sim.control.rule(Rule(Course.PART, shares=4))
        trade = await placed(client, an_order(shares=10))
        assert (trade.orderStatus.status, trade.filled(), trade.remaining()) == ("Submitted", 4, 6)

        sim.control.fill(the_order(sim).permanent_id, 6, Decimal(501))
        await arrived(client)

        assert (trade.orderStatus.status, trade.filled()) == ("Filled", 10)


async def test_an_order_fills_in_pieces():
    async with trading() as (sim, client):
        sim.control.rule(Rule(pieces=3))

        trade = await placed(client, an_order(shares=10))

    assert [fill.execution.shares for fill in trade.fills] == [4, 3, 3]
    assert [fill.execution.cumQty for fill in trade.fills] == [4, 7, 10]


async def test_an_order_fills_later():
    async with trading() as (sim, client):
        sim.control.rule(Rule(Course.LATER, seconds=0.02))
        trade = await placed(client, an_order())
        assert trade.orderStatus.status == "Submitted"

        await eventually(trade.isDone)

    assert trade.filled() == 10


async def test_an_order_that_never_fills_rests_whatever_the_market_does():
    async with trading() as (sim, client):
        sim.control.rule(Rule(Course.NEVER, "VOO"))
        trade = await placed(client, an_order(limit=490))

        sim.control.price("VOO", Decimal(100))
        await arrived(client)

    assert trade.orderStatus.status == "Submitted"


async def test_a_rule_may_hold_for_some_orders_of_one_symbol_only():
    async with trading() as (sim, client):
        sim.control.rule(Rule(Course.NEVER, "VOO", times=1))

        trades = [await placed(client, an_order(shares=1), s) for s in ("BIL", "VOO", "VOO")]

    assert [t.orderStatus.status for t in trades] == ["Filled", "Submitted", "Filled"]


async def test_nothing_trades_while_it_is_halted():
    async with trading() as (sim, client):
        sim.control.halt("VOO", halted=True)
        trade = await placed(client, an_order())
        assert trade.orderStatus.status == "Submitted"

        sim.control.halt("VOO", halted=False)
        await arrived(client)

    assert trade.orderStatus.status == "Filled"


async def test_an_order_out_of_hours_is_held_and_lives():
    async with trading() as (sim, client):
        sim.control.close_market()
        trade = await placed(client, an_order())
        assert client.heard.codes == [399]
        # One library takes the notice for the end of it.
        assert trade.orderStatus.status == either("PreSubmitted", "ValidationError")
        assert the_order(sim).status == "PreSubmitted"

        sim.control.open_market()
        await arrived(client)

    assert trade.orderStatus.status == "Filled"


async def test_an_order_for_the_close_fills_in_the_auction_and_day_orders_end():
    async with trading() as (sim, client):
        closing = client.placeOrder(
            stock(), ib.Order(action="BUY", totalQuantity=3, orderType="MOC", tif="DAY")
        )
        resting = await placed(client, an_order(limit=400))

        sim.control.close_market()
        await arrived(client)

    assert (closing.orderStatus.status, closing.orderStatus.avgFillPrice) == ("Filled", 500)
    assert resting.orderStatus.status == "Cancelled"


@pytest.mark.parametrize(("limit", "status"), [(501, "Filled"), (499, "Cancelled")])
async def test_an_order_for_the_close_keeps_its_limit(limit, status):
    async with trading() as (sim, client):
        order = an_order(limit=limit)
        order.orderType = "LOC"
        trade = await placed(client, order)

        sim.control.close_market()
        await arrived(client)

    assert trade.orderStatus.status == status


async def test_an_order_no_quote_is_there_for_rests():
    async with trading() as (sim, client):
        sim.control.quote("VOO", Quote(bid=Decimal(499)))

        trade = await placed(client, an_order())

    assert trade.orderStatus.status == "Submitted"


async def test_an_order_that_may_not_rest_ends():
    async with trading() as (_, client):
        at_once = await placed(client, an_order(limit=400, tif="IOC"))
        all_at_once = await placed(client, an_order(limit=400, tif="FOK"))

    assert at_once.orderStatus.status == "Cancelled"
    assert all_at_once.orderStatus.status == "Inactive"


async def test_an_adaptive_order_keeps_its_algo():
    async with trading() as (sim, client):
        algo = [ib.TagValue("adaptivePriority", "Urgent")]
        order = an_order(limit=400, algoStrategy="Adaptive", algoParams=algo)
        await placed(client, order)

        async with a_client(sim, 9) as other:
            (seen,) = await other.reqAllOpenOrdersAsync()

    assert (seen.order.algoStrategy, seen.order.algoParams) == ("Adaptive", algo)


async def test_what_if_tells_margin_and_commission_and_books_nothing():
    async with trading() as (sim, client):
        state = await client.whatIfOrderAsync(stock(), an_order(shares=10))

        assert (state.initMarginChange, state.commission) == ("5000.1", 0.35)
        assert sim.control.orders() == ()


async def test_what_if_out_of_hours_knows_no_commission():
    async with trading() as (sim, client):
        sim.control.close_market()

        state = await client.whatIfOrderAsync(stock(), an_order(limit=490))

    assert state.commission > 1e300


async def test_a_notice_before_it_makes_what_if_an_empty_list():
    async with trading() as (_, client):
        assert await client.whatIfOrderAsync(stock(), an_order(tif="")) == []
        assert client.heard.codes == [10349]


async def test_a_preset_of_the_time_in_force_looks_like_the_end_of_an_order_that_lives():
    async with trading() as (sim, client):
        ended: list[object] = []
        client.orderStatusEvent += lambda t: ended.append(t.orderStatus.status)

        trade = await placed(client, an_order(tif=""))

        assert client.heard.codes == [10349]
        assert ended[0] == "Cancelled"
        assert trade.orderStatus.status == "Filled"
        assert (the_order(sim).tif, the_order(sim).filled) == ("DAY", 10)


async def test_a_preset_and_a_lost_status_leave_an_order_cancelled_that_filled():
    async with trading() as (sim, client):
        sim.control.fail(Fault(FaultKind.LOSE_STATUSES))

        trade = await placed(client, an_order(tif=""))

        assert trade.orderStatus.status == "Cancelled"
        assert the_order(sim).filled == 10


# The code, what makes the gateway tell it, and the status each library leaves behind.
REFUSALS = [
    (110, {"limit": 490.001}, "PendingSubmit", "Cancelled"),
    (434, {"shares": 0}, "PendingSubmit", "ValidationError"),
    (10243, {"shares": 1.5}, "Cancelled", "Cancelled"),
    (10244, {"cashQty": 500.0}, "Cancelled", "Cancelled"),
    (321, {"orderType": "FEELINGS"}, "Cancelled", "ValidationError"),
    (321, {"account": "DU999"}, "Cancelled", "ValidationError"),
    (321, {"tif": "SOON"}, "Cancelled", "ValidationError"),
    (113, {"orderType": "MOC", "tif": "GTC"}, "Cancelled", "Cancelled"),
]


@pytest.mark.parametrize(("code", "different", "by_insync", "by_async"), REFUSALS)
async def test_an_order_that_is_never_booked_ends_by_the_library(
    code, different, by_insync, by_async
):
    async with trading() as (sim, client):
        order = an_order(limit=different.pop("limit", None))
        for name, value in different.items():
            setattr(order, "totalQuantity" if name == "shares" else name, value)

        trade = await placed(client, order)

        assert client.heard.codes == [code]
        assert trade.orderStatus.status == either(by_insync, by_async)
        assert sim.control.orders() == ()


async def test_an_unknown_contract_ends_an_order():
    async with trading() as (sim, client):
        trade = await placed(client, an_order(), "NOSUCH")

        assert (client.heard.codes, trade.orderStatus.status) == ([200], "Cancelled")
        assert sim.control.orders() == ()


async def test_with_several_accounts_an_order_has_to_name_one():
    async with trading(an_account(), an_account(name="DU2")) as (sim, client):
        without = await placed(client, an_order(account=""))
        named = await placed(client, an_order(account="DU2"))

        assert (without.orderStatus.status, client.heard.codes) == ("Cancelled", [435])
        assert named.orderStatus.status == "Filled"
        assert [order.account for order in sim.control.orders()] == ["DU2"]


async def test_a_refusal_leaves_an_order_inactive_which_one_library_never_calls_done():
    async with trading() as (sim, client):
        sim.control.rule(Rule(Course.REFUSE, reason="the exchange said no"))

        trade = await placed(client, an_order())

        assert client.heard.errors[-1][1:] == (201, "Order rejected - reason:the exchange said no")
        assert (trade.orderStatus.status, trade.isDone()) == ("Inactive", either(False, True))
        assert not the_order(sim).works


@pytest.mark.parametrize("code", [460, 104, 322])
async def test_a_refusal_may_have_any_code(code):
    async with trading() as (sim, client):
        sim.control.fail(Fault(FaultKind.REFUSE, code=code))

        trade = await placed(client, an_order())

        assert (client.heard.codes, trade.orderStatus.status) == ([code], "Cancelled")
        assert sim.control.orders() == ()


async def test_a_purchase_that_is_not_covered_is_refused():
    async with trading(an_account(4000)) as (sim, client):
        trade = await placed(client, an_order(shares=10))

        assert (client.heard.codes, trade.orderStatus.status) == ([201], "Inactive")
        assert the_order(sim).filled == 0


async def test_what_is_on_the_way_is_spoken_for():
    async with trading(an_account(6000)) as (_, client):
        first = await placed(client, an_order(shares=10, limit=490))
        second = await placed(client, an_order(shares=10, limit=490))

    assert first.orderStatus.status == "Submitted"
    assert second.orderStatus.status == "Inactive"


@pytest.mark.parametrize(("proceeds", "status"), [("settled", "Inactive"), ("same_day", "Filled")])
async def test_proceeds_of_the_day_buy_only_where_the_account_may(proceeds, status):
    account = an_account(0, holdings={"VOO": holding(10)}, proceeds=Proceeds(proceeds))

    async with trading(account) as (_, client):
        await placed(client, an_order("SELL", 10))
        bought = await placed(client, an_order(shares=50), "BIL")

    assert bought.orderStatus.status == status


@pytest.mark.parametrize(("kind", "status"), [("cash", "Inactive"), ("margin", "Filled")])
async def test_only_a_margin_account_sells_what_it_does_not_hold(kind, status):
    async with trading(an_account(kind=AccountKind(kind))) as (_, client):
        trade = await placed(client, an_order("SELL", 10))

    assert trade.orderStatus.status == status


async def test_an_order_held_for_shares_to_borrow_is_inactive_and_lives():
    async with trading(an_account(kind=AccountKind.MARGIN)) as (sim, client):
        sim.control.rule(Rule(Course.LOCATE))
        trade = await placed(client, an_order("SELL", 10))
        assert client.heard.codes == [404]
        assert (trade.orderStatus.status, trade.orderStatus.whyHeld) == ("Inactive", "locate")

        sim.control.release(the_order(sim).permanent_id)
        await arrived(client)

    assert trade.orderStatus.status == "Filled"


async def test_a_precaution_parks_an_order_as_inactive():
    async with trading() as (sim, client):
        sim.control.rule(Rule(Course.PARK))

        trade = await placed(client, an_order())

        assert trade.orderStatus.status == "Inactive"
        assert the_order(sim).works


@pytest.mark.parametrize(
    ("code", "by_insync", "by_async"),
    [
        (399, "Submitted", "ValidationError"),
        (404, "Submitted", "ValidationError"),
        (2109, "Submitted", "ValidationError"),
        (10349, "Cancelled", "Cancelled"),
    ],
)
async def test_a_notice_changes_what_the_library_says_and_nothing_else(code, by_insync, by_async):
    async with trading() as (sim, client):
        trade = await placed(client, an_order(limit=490))

        sim.control.notice(code, "only a notice", the_order(sim).permanent_id)
        await arrived(client)

        assert trade.orderStatus.status == either(by_insync, by_async)
        assert the_order(sim).status == "Submitted"


async def test_a_cancel_is_told_by_status_and_code():
    async with trading() as (sim, client):
        trade = await placed(client, an_order(limit=490))

        client.cancelOrder(trade.order)
        assert trade.orderStatus.status == "PendingCancel"
        await arrived(client)

        assert (trade.orderStatus.status, client.heard.codes) == ("Cancelled", [202])
        assert the_order(sim).status == "Cancelled"


async def test_a_partly_filled_order_is_cancelled_with_what_it_filled():
    async with trading() as (sim, client):
        sim.control.rule(Rule(Course.PART, shares=4))
        trade = await placed(client, an_order(shares=10))

        client.cancelOrder(trade.order)
        await arrived(client)

    assert (trade.orderStatus.status, trade.orderStatus.filled) == ("Cancelled", 4)


async def test_an_order_that_fills_before_its_cancel_is_filled():
    async with trading() as (sim, client):
        sim.control.rule(Rule(Course.NEVER, cancelling=Cancelling.LOSE))
        trade = await placed(client, an_order(limit=490))

        client.cancelOrder(trade.order)
        await arrived(client)

        assert client.heard.codes == [10148]
        assert trade.orderStatus.status == "Filled"


async def test_a_cancel_of_a_filled_order_whose_status_was_lost_makes_it_cancelled():
    async with trading() as (sim, client):
        sim.control.fail(Fault(FaultKind.LOSE_STATUSES))
        trade = await placed(client, an_order())

        client.cancelOrder(trade.order)
        await arrived(client)

        assert (client.heard.codes, trade.orderStatus.status) == ([10148], "Cancelled")
        assert (trade.filled(), the_order(sim).filled) == (10, 10)


async def test_a_cancel_of_an_order_the_broker_never_had_makes_it_cancelled():
    async with trading() as (sim, client):
        sim.control.fail(Fault(FaultKind.IGNORE))
        trade = await placed(client, an_order(limit=490))

        client.cancelOrder(trade.order)
        await arrived(client)

        assert (client.heard.codes, trade.orderStatus.status) == ([10147], "Cancelled")


@pytest.mark.parametrize(
    ("cancelling", "codes", "by_library", "truth"),
    [
        (Cancelling.REFUSE, [161], "Cancelled", "Submitted"),
        (Cancelling.LINGER, [], "PendingCancel", "PendingCancel"),
        (Cancelling.SILENT, [], "PendingCancel", "Submitted"),
    ],
)
async def test_a_cancel_may_not_be_confirmed(cancelling, codes, by_library, truth):
    async with trading() as (sim, client):
        sim.control.rule(Rule(cancelling=cancelling))
        trade = await placed(client, an_order(limit=490))

        client.cancelOrder(trade.order)
        await arrived(client)

        assert (client.heard.codes, trade.orderStatus.status) == (codes, by_library)
        assert (the_order(sim).status, the_order(sim).works) == (truth, True)


async def test_everything_is_cancelled_at_once():
    async with trading() as (sim, client):
        await placed(client, an_order(limit=490))
        sim.control.enter(ForeignOrder("VOO", "BUY", 1, Decimal(490), client_id=9))

        client.reqGlobalCancel()
        await arrived(client)

    assert [order.status for order in sim.control.orders()] == ["Cancelled", "Cancelled"]


async def test_an_order_is_changed_by_placing_it_again():
    async with trading() as (sim, client):
        trade = await placed(client, an_order(limit=490))
        trade.order.lmtPrice = 501

        await placed(client, trade.order)

        assert trade.orderStatus.status == "Filled"
        assert (the_order(sim).limit, len(sim.control.orders())) == (501, 1)


async def test_a_filled_order_can_not_be_changed():
    async with trading() as (sim, client):
        trade = await placed(client, an_order())

        client.client.placeOrder(trade.order.orderId, stock(), trade.order)
        await arrived(client)

        assert client.heard.codes == [104]
        assert len(sim.control.orders()) == 1


async def test_a_change_may_not_make_another_order_of_it():
    async with trading() as (_, client):
        trade = await placed(client, an_order(limit=490))
        trade.order.action = "SELL"

        await placed(client, trade.order)

        assert client.heard.codes == [105]
        # One library now calls an order cancelled that lives.
        assert trade.orderStatus.status == either("Cancelled", "ValidationError")


async def test_a_number_used_before_is_refused():
    async with trading() as (sim, client):
        trade = await placed(client, an_order())
        lower = an_order(orderId=trade.order.orderId - 1)

        again = await placed(client, lower)

        assert (client.heard.codes, again.orderStatus.status) == ([103], "Cancelled")
        assert len(sim.control.orders()) == 1


async def test_a_number_seen_in_the_list_of_all_orders_is_used_too():
    async with trading() as (sim, client):
        for _ in range(30):
            sim.control.enter(ForeignOrder("VOO", "BUY", 1, Decimal(1), client_id=9))
        low = an_order(orderId=12)
        await client.reqAllOpenOrdersAsync()

        await placed(client, low)

        assert client.heard.codes == [103]
        assert client.client._reqIdSeq == 31


async def test_the_reference_of_an_order_may_be_used_twice():
    async with trading() as (sim, client):
        await placed(client, an_order(shares=1))
        await placed(client, an_order(shares=1))

    assert [order.reference for order in sim.control.orders()] == ["ref-1", "ref-1"]


@pytest.mark.parametrize(
    ("fault", "status"),
    [(FaultKind.LOSE_FILLED, "PreSubmitted"), (FaultKind.LOSE_STATUSES, "PendingSubmit")],
)
async def test_executions_alone_never_make_a_trade_done(fault, status):
    async with trading() as (sim, client):
        sim.control.fail(Fault(fault))

        trade = await placed(client, an_order())

        assert (trade.orderStatus.status, trade.isDone()) == (status, False)
        assert trade.filled() == 10


async def test_a_status_may_come_without_its_execution():
    async with trading() as (sim, client):
        sim.control.fail(Fault(FaultKind.LOSE_EXECUTIONS))

        trade = await placed(client, an_order())

        assert (trade.orderStatus.status, trade.filled(), client.fills()) == ("Filled", 0, [])
        assert len(await client.reqExecutionsAsync()) == 1


async def test_filled_may_be_told_before_the_execution():
    async with trading() as (sim, client):
        sim.control.fail(Fault(FaultKind.REVERSE))
        filled: list[float] = []
        trade = client.placeOrder(stock(), an_order())
        trade.filledEvent += lambda t: filled.append(t.filled())

        await arrived(client)

        assert (filled, trade.filled()) == ([0], 10)


async def test_a_status_told_twice_is_one():
    async with trading() as (sim, client):
        sim.control.fail(Fault(FaultKind.REPEAT))

        trade = await placed(client, an_order())

    assert statuses(trade) == ["PendingSubmit", "PreSubmitted", "Filled"]


async def test_a_commission_may_come_late():
    async with trading() as (sim, client):
        sim.control.fail(Fault(FaultKind.LATE_COMMISSION))
        trade = await placed(client, an_order())
        assert trade.fills[0].commissionReport.commission == 0

        await eventually(lambda: trade.fills[0].commissionReport.commission == 0.35)


async def test_a_corrected_execution_counts_twice_with_the_library():
    async with trading() as (sim, client):
        trade = await placed(client, an_order(shares=10))
        (told,) = trade.fills

        sim.control.correct(told.execution.execId, Decimal(499))
        await arrived(client)

        assert trade.filled() == 20
        assert len({f.execution.execId.rpartition(".")[0] for f in trade.fills}) == 1
        assert (the_order(sim).filled, the_order(sim).average) == (10, 499)


async def test_a_limit_that_can_trade_gets_the_better_price():
    async with trading() as (sim, client):
        sim.control.quote("VOO", Quote(bid=Decimal(499), ask=Decimal(500)))

        trade = await placed(client, an_order(limit=505))

    assert trade.orderStatus.avgFillPrice == 500


async def test_a_broker_may_cancel_or_refuse_late():
    async with trading() as (sim, client):
        first = await placed(client, an_order(limit=490))
        second = await placed(client, an_order(limit=490))

        sim.control.cancel(the_order(sim, 0).permanent_id, "by a person")
        sim.control.refuse(the_order(sim, 1).permanent_id)
        await arrived(client)

    assert first.orderStatus.status == "Cancelled"
    assert second.orderStatus.status == "Inactive"


async def test_an_order_slower_than_the_client_is_still_pending():
    async with trading() as (sim, client):
        sim.control.fail(Fault(FaultKind.DELAY, seconds=0.02))

        trade = await placed(client, an_order())
        assert (trade.orderStatus.status, sim.control.orders()) == ("PendingSubmit", ())

        await eventually(trade.isDone)
        assert the_order(sim).filled == 10


async def test_a_step_of_prices_is_that_of_the_contract():
    coarse = Instrument("BRK", primary="NYSE", min_tick=Decimal("0.05"))

    async with a_sim(instruments=(coarse,), prices={}) as sim, a_client(sim) as client:
        await placed(client, an_order(limit=400.02), "BRK")
        await placed(client, an_order(limit=400.05), "BRK")

        assert client.heard.codes == [110]
        assert [order.limit for order in sim.control.orders()] == [Decimal("400.05")]


async def test_a_refused_what_if_is_no_state():
    async with trading(an_account(100)) as (_, client):
        assert await client.whatIfOrderAsync(stock(), an_order()) == []
        assert client.heard.codes == [201]


async def test_a_what_if_never_answered_has_no_timeout_of_its_own():
    async with trading() as (sim, client):
        sim.control.fail(Fault(FaultKind.IGNORE, Request.PLACE_ORDER))

        assert await in_vain(client.whatIfOrderAsync(stock(), an_order()))


WRONG = [
    (lambda c: c.fill(1, 1, Decimal(1)), "permanent_id is 1: the book has no such order"),
    (lambda c: c.correct("none", Decimal(1)), "execution_id is none"),
    (lambda c: c.enter(ForeignOrder("NONE", "BUY", 1)), "symbol is NONE: list it first"),
    (lambda c: c.enter(ForeignOrder("VOO", "HOLD", 1)), "action is BUY or SELL"),
    (lambda _: Rule(times=-1), "times and seconds are at least 0"),
    (lambda _: Fault(FaultKind.DROP, times=0), "times is 0"),
    (lambda _: Fault(FaultKind.REVERSE, Request.POSITIONS), "only place_order meets reverse"),
]


@pytest.mark.parametrize(("act", "remark"), WRONG)
async def test_wrong_arguments_are_named(act, remark):
    async with a_sim() as sim:
        with pytest.raises((LookupError, ValueError), match=remark):
            act(sim.control)


async def test_what_has_ended_can_not_go_on():
    async with trading() as (sim, client):
        await placed(client, an_order())
        number = the_order(sim).permanent_id

        with pytest.raises(ValueError, match="nothing of it remains"):
            sim.control.fill(number, 1, Decimal(1))
        with pytest.raises(ValueError, match="the order is Filled"):
            sim.control.cancel(number)
