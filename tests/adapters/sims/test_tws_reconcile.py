"""What the real library finds of orders after the line was lost, and what identifies them."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from adapters.sims.tws_codes import Request
from adapters.sims.tws_control import ForeignOrder
from adapters.sims.tws_courses import Course, Rule
from adapters.sims.tws_faults import Fault, FaultKind, Lost
from adapters.sims.tws_record import Kind
from tests.adapters.sims.tws_clients import (
    ACCOUNT,
    CLIENT,
    OTHER,
    SOON,
    a_client,
    a_sim,
    an_account,
    an_order,
    arrived,
    eventually,
    holding,
    ib,
    placed,
    reopened,
    stock,
    the_order,
    trading,
)

NOON = datetime(2026, 3, 6, 17, tzinfo=UTC)


async def found(sim, client_id: int = CLIENT) -> dict[str, list[str]]:
    """The references a fresh client finds in each list, asked for in the order orders move."""
    async with a_client(sim, client_id) as client:
        open_ = await client.reqAllOpenOrdersAsync()
        completed = await client.reqCompletedOrdersAsync(False)
        executions = await client.reqExecutionsAsync()
        return {
            "open": [t.order.orderRef for t in open_],
            "completed": [t.order.orderRef for t in completed],
            "executions": [f.execution.orderRef for f in executions],
        }


async def lost(sim, fault: FaultKind, order=None, **more):
    """Place an order that meets a fault of the line; return what the library thinks of it."""
    async with a_client(sim) as client:
        sim.control.fail(Fault(fault, **more))
        trade = client.placeOrder(stock(), order or an_order())
        await eventually(lambda: not client.isConnected())
        return trade


async def test_a_line_lost_before_an_order_is_booked_leaves_nothing():
    async with a_sim() as sim:
        trade = await lost(sim, FaultKind.DROP)

        assert sim.control.orders() == ()
        assert await found(sim) == {"open": [], "completed": [], "executions": []}
        assert (trade.orderStatus.status, trade.order.permId) == ("PendingSubmit", 0)


async def test_a_line_lost_after_it_is_booked_leaves_an_order_found_by_its_reference():
    async with a_sim() as sim:
        trade = await lost(sim, FaultKind.DROP_AFTER, an_order(limit=490))

        assert await found(sim) == {"open": ["ref-1"], "completed": [], "executions": []}
        assert (trade.orderStatus.status, trade.order.permId) == ("PendingSubmit", 0)


async def test_an_order_that_filled_while_its_answer_was_lost_is_completed_and_executed():
    async with a_sim() as sim:
        trade = await lost(sim, FaultKind.DROP_AFTER)

        assert await found(sim) == {"open": [], "completed": ["ref-1"], "executions": ["ref-1"]}
        assert (trade.orderStatus.status, trade.filled()) == ("PendingSubmit", 0)


async def test_a_line_lost_after_a_partial_fill_leaves_the_rest_working():
    async with a_sim() as sim:
        trade = await lost(sim, FaultKind.DROP_PARTIAL, shares=3)

        assert trade.filled() == 3
        assert await found(sim) == {"open": ["ref-1"], "completed": [], "executions": ["ref-1"]}
        assert (the_order(sim).filled, the_order(sim).works) == (3, True)


async def test_what_a_client_wrote_after_the_line_was_cut_is_not_booked():
    async with a_sim() as sim, a_client(sim) as client:
        sim.control.fail(Fault(FaultKind.DROP))
        client.placeOrder(stock(), an_order())
        client.placeOrder(stock(), an_order(orderRef="ref-2"))

        await eventually(lambda: not client.isConnected())

        assert sim.control.orders() == ()


async def test_an_order_swallowed_without_a_word_is_on_record_as_lost():
    async with trading() as (sim, client):
        sim.control.fail(Fault(FaultKind.IGNORE))

        await placed(client, an_order())

        assert Kind.LOST in [entry.kind for entry in sim.control.record()]
        assert sim.control.orders() == ()


async def test_an_answer_lost_on_a_line_that_holds_is_found_by_asking():
    async with trading() as (sim, client):
        sim.control.fail(Fault(FaultKind.UNANSWERED))
        trade = await placed(client, an_order())
        assert (trade.orderStatus.status, trade.filled()) == ("PendingSubmit", 0)

        (fill,) = await client.reqExecutionsAsync()

        # The executions are added to the trade; its status stays as it was.
        assert (fill.execution.orderRef, trade.filled()) == ("ref-1", 10)
        assert trade.orderStatus.status == "PendingSubmit"


async def test_the_same_client_gets_its_orders_back_with_their_numbers():
    async with a_sim() as sim:
        async with a_client(sim) as client:
            before = await placed(client, an_order(limit=490))

        async with a_client(sim) as client:
            (after,) = client.openTrades()
            number = (after.order.orderId, after.order.clientId, after.order.permId)
            assert number == (before.order.orderId, CLIENT, before.order.permId)

            sim.control.price("VOO", Decimal(480))
            await arrived(client)
            assert (after.orderStatus.status, after.filled()) == ("Filled", 10)


async def test_another_client_sees_them_in_the_list_of_all_only():
    async with trading() as (sim, client):
        await placed(client, an_order(limit=490))

        async with a_client(sim, OTHER) as other:
            assert await other.reqOpenOrdersAsync() == []
            (seen,) = await other.reqAllOpenOrdersAsync()
            assert (seen.order.orderRef, seen.order.clientId) == ("ref-1", CLIENT)

            sim.control.price("VOO", Decimal(480))
            await arrived(other)
            assert seen.filled() == 0


async def test_another_client_may_not_cancel():
    async with trading() as (sim, client):
        trade = await placed(client, an_order(limit=490))

        async with a_client(sim, OTHER) as other:
            await other.reqAllOpenOrdersAsync()
            other.cancelOrder(trade.order)
            await arrived(other)

            assert other.heard.codes == [10147]
            assert the_order(sim).works


async def test_a_completed_order_has_lost_its_numbers_but_not_its_reference():
    async with a_sim() as sim:
        async with a_client(sim) as client:
            await placed(client, an_order())

        async with a_client(sim) as client:
            (done,) = await client.reqCompletedOrdersAsync(False)

    assert (done.order.orderRef, done.order.permId) == ("ref-1", the_order(sim).permanent_id)
    assert (done.order.orderId, done.order.clientId) == (0, 0)
    assert (done.orderStatus.status, done.orderStatus.filled) == ("Filled", 0)
    assert done.order.filledQuantity == 10


async def test_an_execution_keeps_reference_and_all_numbers():
    async with a_sim() as sim:
        async with a_client(sim) as client:
            trade = await placed(client, an_order())

        async with a_client(sim, OTHER) as other:
            (fill,) = await other.reqExecutionsAsync()

    done = fill.execution
    assert (done.orderRef, done.permId) == ("ref-1", trade.order.permId)
    assert (done.clientId, done.orderId, done.side) == (CLIENT, trade.order.orderId, "BOT")


async def test_executions_asked_for_again_have_no_commission():
    async with trading() as (_, client):
        await placed(client, an_order())

        (fresh,) = await client.reqExecutionsAsync()

        assert fresh.commissionReport.commission == 0
        assert client.fills()[0].commissionReport.commission == 0.35


@pytest.mark.parametrize(
    "since",
    ["20260306-17:30:00", "20260306 12:30:00 US/Eastern", "20260306 12:30:00"],
)
async def test_executions_since_a_time_are_asked_for_in_three_ways(since):
    async with trading(clock=lambda: NOON) as (sim, client):
        await placed(client, an_order(orderRef="early"))
        sim.control.travel(NOON + timedelta(hours=1))
        await placed(client, an_order(orderRef="late"))

        fills = await client.reqExecutionsAsync(ib.ExecutionFilter(time=since))

    assert [fill.execution.orderRef for fill in fills] == ["late"]


@pytest.mark.parametrize(
    ("wanted", "references"),
    [
        ({"symbol": "BIL"}, ["b"]),
        ({"side": "SELL"}, ["s"]),
        ({"acctCode": "DU2"}, []),
        ({"clientId": CLIENT}, ["v", "b", "s"]),
        ({"secType": "OPT"}, []),
    ],
)
async def test_executions_are_filtered(wanted, references):
    async with trading() as (_, client):
        await placed(client, an_order(orderRef="v"))
        await placed(client, an_order(orderRef="b"), "BIL")
        await placed(client, an_order("SELL", orderRef="s"))

        fills = await client.reqExecutionsAsync(ib.ExecutionFilter(**wanted))

    assert [fill.execution.orderRef for fill in fills] == references


async def test_a_time_nobody_can_read_is_refused():
    async with trading() as (_, client):
        client.client.reqExecutions(99, ib.ExecutionFilter(time="noon"))
        await arrived(client)

        assert client.heard.codes == [321]


async def test_after_midnight_yesterday_is_in_none_of_the_lists():
    async with a_sim(clock=lambda: NOON) as sim:
        async with a_client(sim) as client:
            await placed(client, an_order())
        sim.control.close_market()

        sim.control.travel(NOON + timedelta(days=3))

        assert await found(sim) == {"open": [], "completed": [], "executions": []}
        assert sim.control.balance().holdings["VOO"].shares == 10


@pytest.mark.parametrize(("keeps", "completed"), [(True, ["ref-1"]), (False, [])])
async def test_a_restart_may_forget_completed_orders_and_never_executions(keeps, completed):
    async with a_sim(keeps_completed=keeps) as sim:
        async with a_client(sim) as client:
            await placed(client, an_order())

        sim.control.restart()
        await reopened(sim)

        assert await found(sim) == {
            "open": [],
            "completed": completed,
            "executions": ["ref-1"],
        }


async def test_a_number_that_never_reached_the_broker_is_given_again():
    async with a_sim() as sim:
        async with a_client(sim) as client:
            await placed(client, an_order())
        first = await lost(sim, FaultKind.DROP, an_order(orderRef="ref-2"))

        async with a_client(sim) as client:
            again = await placed(client, an_order(orderRef="ref-3", orderId=first.order.orderId))
            assert again.orderStatus.status == "Filled"

    assert [order.reference for order in sim.control.orders()] == ["ref-1", "ref-3"]


async def test_orders_of_a_person_have_no_number_and_are_seen_by_client_0():
    async with a_sim() as sim, a_client(sim, 0) as client:
        sim.control.enter(ForeignOrder("VOO", "BUY", 5, Decimal(490), reference="by hand"))
        await arrived(client)

        (seen,) = client.openTrades()
        assert (seen.order.orderId, seen.order.clientId) == (0, 0)
        assert seen.order.permId == the_order(sim).permanent_id


async def test_completed_orders_of_clients_only_leave_out_those_by_hand():
    async with trading() as (sim, client):
        sim.control.trade("VOO", "BUY", 1, Decimal(500))
        await placed(client, an_order())

        every = await client.reqCompletedOrdersAsync(False)
        of_clients = await client.reqCompletedOrdersAsync(True)

    assert (len(every), [t.order.orderRef for t in of_clients]) == (2, ["ref-1"])


async def test_the_master_client_hears_of_every_order():
    async with trading(master_client_id=OTHER) as (sim, client), a_client(sim, OTHER) as master:
        await placed(client, an_order())
        await arrived(master)

        assert [fill.execution.clientId for fill in master.fills()] == [CLIENT]
        assert master.fills()[0].commissionReport.commission == 0.35


async def test_a_foreign_order_moves_the_account_of_everybody():
    async with trading() as (sim, client):
        sim.control.enter(ForeignOrder("VOO", "BUY", 5, client_id=OTHER))
        await arrived(client)

        assert [held.position for held in client.positions()] == [5]
        assert client.trades() == []


@pytest.mark.parametrize(
    ("what", "status", "booked"),
    [(Lost.SILENT, "PendingSubmit", 0), (Lost.REFUSE, "Cancelled", 0), (Lost.QUEUE, "Filled", 1)],
)
async def test_an_order_placed_without_a_link_is_lost_refused_or_taken_in_later(
    what, status, booked
):
    async with trading() as (sim, client):
        sim.control.lose_link(what)
        trade = await placed(client, an_order())
        assert not trade.fills

        sim.control.restore_link()
        await arrived(client)

        assert trade.orderStatus.status == status
        assert len(sim.control.orders()) == booked


async def test_an_order_cancelled_before_it_left_the_gateway_is_cancelled_by_the_gateway():
    async with trading() as (sim, client):
        sim.control.lose_link(Lost.QUEUE)
        trade = await placed(client, an_order())

        client.cancelOrder(trade.order)
        await arrived(client)
        sim.control.restore_link()

        assert trade.orderStatus.status == "ApiCancelled"
        assert the_order(sim).filled == 0


async def test_a_queued_order_is_lost_when_the_gateway_restarts():
    async with trading() as (sim, client):
        sim.control.lose_link(Lost.QUEUE)
        await placed(client, an_order())

        sim.control.restart()
        sim.control.restore_link()

        assert sim.control.orders() == ()


@pytest.mark.parametrize(("delivers", "filled"), [(True, 10), (False, 0)])
async def test_what_filled_without_a_link_may_never_be_told_and_is_found_by_asking(
    delivers, filled
):
    async with trading() as (sim, client):
        trade = await placed(client, an_order(limit=490))
        sim.control.lose_link()
        sim.control.price("VOO", Decimal(480))
        await arrived(client)
        assert (trade.filled(), the_order(sim).filled) == (0, 10)

        sim.control.restore_link(delivers=delivers)
        await arrived(client)
        assert trade.filled() == filled

        assert len(await client.reqExecutionsAsync()) == 1
        assert trade.filled() == 10


async def test_a_cancel_without_a_link_goes_nowhere():
    async with trading() as (sim, client):
        trade = await placed(client, an_order(limit=490))
        sim.control.lose_link()

        client.cancelOrder(trade.order)
        await arrived(client)

        assert trade.orderStatus.status == "PendingCancel"
        assert the_order(sim).works


async def test_a_number_still_in_use_after_a_cut_is_free_at_the_next_try():
    async with a_sim() as sim:
        await lost(sim, FaultKind.DROP_AFTER)
        sim.control.occupy(CLIENT)

        with pytest.raises(TimeoutError):
            await ib.IB().connectAsync(sim.host, sim.port, clientId=CLIENT, timeout=0.03)

        assert (await found(sim))["executions"] == ["ref-1"]


@pytest.mark.parametrize(
    "request_", [Request.ALL_OPEN_ORDERS, Request.COMPLETED_ORDERS, Request.EXECUTIONS]
)
async def test_a_list_that_is_never_answered_is_noticed_by_a_timeout_only(request_):
    async with trading() as (sim, client):
        sim.control.fail(Fault(FaultKind.IGNORE, request_))
        asked = {
            Request.ALL_OPEN_ORDERS: client.reqAllOpenOrdersAsync,
            Request.COMPLETED_ORDERS: lambda: client.reqCompletedOrdersAsync(False),
            Request.EXECUTIONS: client.reqExecutionsAsync,
        }[request_]

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asked(), 0.02)
        assert await asyncio.wait_for(asked(), SOON) == []


async def test_an_order_is_booked_once_however_often_the_line_is_lost():
    async with a_sim(an_account(holdings={"VOO": holding(5)})) as sim:
        sim.control.rule(Rule(Course.PART, shares=2))
        await lost(sim, FaultKind.DROP_AFTER, an_order("SELL", 5))
        sim.control.cut()
        sim.control.restart()
        await reopened(sim)
        await found(sim)

        (order,) = sim.control.orders()
        assert (order.client_id, order.account, order.reference) == (CLIENT, ACCOUNT, "ref-1")
        assert [trade.shares for trade in order.trades] == [2]


async def test_a_late_commission_comes_after_the_executions_are_told():
    async with a_sim() as sim:
        async with a_client(sim) as client:
            sim.control.fail(Fault(FaultKind.LATE_COMMISSION))
            await placed(client, an_order())

        async with a_client(sim) as client:
            (fill,) = await client.reqExecutionsAsync()
            assert client.fills()[0].commissionReport.commission == 0

            await eventually(lambda: client.fills()[0].commissionReport.commission == 0.35)
            assert fill.execution.orderRef == "ref-1"
