"""An account at a simulated gateway, over the real library: read, ordered in, and in trouble."""

import asyncio
from dataclasses import replace
from datetime import time, timedelta
from decimal import Decimal

import pytest

from adapters.ibkr import Window
from adapters.sims.tws_account import AccountKind as SimKind
from adapters.sims.tws_account import Proceeds as SimProceeds
from adapters.sims.tws_codes import Request
from adapters.sims.tws_contracts import INDEX, OPTION, Instrument
from adapters.sims.tws_courses import Cancelling, Course, Rule
from adapters.sims.tws_faults import Fault, FaultKind, Lost
from adapters.sims.tws_record import Kind
from bot.domain.errors import BrokerUnavailable, Halted, OrderRefused, OrderUnanswered
from bot.domain.model import AccountKind, Action, OrderStatus, Proceeds
from bot.schedule import JumpingClock
from tests.adapters.ibkr_world import US, at_last, at_work, by_hand, connected, giving_up
from tests.adapters.sims.tws_clients import (
    ACCOUNT,
    OTHER,
    a_client,
    a_sim,
    an_account,
    an_order,
    holding,
    placed,
    the_order,
)
from tests.builders import NOW, an_intent

BUY = an_intent("VOO", Action.BUY, 10, 510)
RESTING = an_intent("VOO", Action.BUY, 10, 490)
SELL = an_intent("VOO", Action.SELL, 4, 490)
CALL = Instrument(
    "VOO",
    kind=OPTION,
    expiry="20261218",
    strike=Decimal(510),
    right="C",
    multiplier="100",
    local_symbol="VOO   261218C00510000",
)


A_WHILE = 0.2  # for what nobody answers


def code_of(raised) -> str:
    return raised.value.code


def booked(sim) -> list[tuple[str, str]]:
    return [(order.reference, order.status) for order in sim.control.orders()]


def asked(sim) -> list[str]:
    return [entry.what for entry in sim.control.record() if entry.kind is Kind.ASKED]


async def report_of(broker, order):
    return next(r for r in await broker.orders_today() if r.client_id == order.id)


async def test_an_account_is_its_dollars_and_stocks():
    account = an_account(
        10_000, holdings={CALL.local_symbol: holding(2, 5), "VOO": holding(2.5)}, swept=Decimal(400)
    )

    async with at_work(account, instruments=(Instrument("VOO"), CALL)) as (_, _, broker):
        portfolio = await broker.portfolio()

    assert (portfolio.account, portfolio.kind) == (ACCOUNT, AccountKind.CASH)
    assert (portfolio.cash, portfolio.settled, portfolio.spendable) == (10_000, 10_000, 10_000)
    assert portfolio.shares == {"VOO": Decimal("2.5")}
    assert portfolio.others == ["2 VOO 261218C00510000 OPT USD"]


async def test_a_margin_account_says_so_by_what_it_may_buy():
    account = an_account(400, kind=SimKind.MARGIN, holdings={"VOO": holding(10)})

    async with at_work(account) as (_, _, broker):
        portfolio = await broker.portfolio()

    assert (portfolio.kind, portfolio.cash, portfolio.spendable) == (AccountKind.MARGIN, 400, 2900)


async def test_each_account_of_a_login_is_read_by_itself():
    second = an_account(2000, name="DU2", holdings={"VOO": holding(2)})

    async with at_work(an_account(1000), second) as (_, line, broker):
        portfolio = await line.account("DU2").portfolio()

        assert (portfolio.account, portfolio.cash, portfolio.shares) == ("DU2", 2000, {"VOO": 2})
        assert (await broker.portfolio()).cash == 1000


async def test_an_account_the_login_does_not_manage_is_nobodys():
    async with at_work() as (sim, line, _):
        stranger = line.account("U9")

        with pytest.raises(Halted) as raised:
            await stranger.portfolio()
        with pytest.raises(OrderRefused, match="account_identity"):
            await stranger.submit(BUY)

        assert code_of(raised) == "account_identity"
        assert raised.value.values == {"expected": "U9", "reported": ACCOUNT}
        assert sim.control.orders() == ()


async def test_positions_left_out_of_a_list_are_no_empty_account():
    async with at_work(an_account(holdings={"VOO": holding(5)})) as (sim, _, broker):
        sim.control.fail(Fault(FaultKind.EMPTY, Request.POSITIONS, times=9))

        with pytest.raises(BrokerUnavailable) as raised:
            await broker.portfolio()

    assert (code_of(raised), raised.value.values) == ("ibkr_positions_unclear", {"symbols": "VOO"})


async def test_a_list_that_was_empty_once_is_read_again():
    async with at_work(an_account(holdings={"VOO": holding(5)})) as (sim, _, broker):
        sim.control.fail(Fault(FaultKind.EMPTY, Request.POSITIONS))

        assert (await broker.portfolio()).shares == {"VOO": 5}


async def test_a_stock_held_under_the_symbol_of_another_we_trade_is_not_ours():
    elsewhere, traded = (Instrument("BOXX", primary=at) for at in ("LSEETF", "BATS"))
    mine, line = an_account(holdings={"BOXX": holding(5)}), {"listings": {"BOXX": "BATS"}}

    async with at_work(mine, instruments=(elsewhere, traded), line=line) as (_, _, broker):
        portfolio = await broker.portfolio()

    assert (portfolio.shares, portfolio.others) == ({}, ["5 BOXX"])


async def test_a_holding_whose_symbol_means_several_things_is_held_all_the_same():
    listed = (Instrument("BOXX", primary="BATS"), Instrument("BOXX", primary="LSEETF"))

    async with at_work(an_account(holdings={"BOXX": holding(5)}), instruments=listed) as (_, _, it):
        assert (await it.portfolio()).shares == {"BOXX": 5}


@pytest.mark.parametrize(
    "request_",
    [
        Request.POSITIONS,
        Request.ACCOUNT_UPDATES,
        Request.ALL_OPEN_ORDERS,
        Request.COMPLETED_ORDERS,
        Request.EXECUTIONS,
    ],
)
async def test_a_read_that_is_not_answered_raises_and_is_answered_on_another_line(request_):
    mine, pace = an_account(holdings={"VOO": holding(5)}), giving_up(answer=A_WHILE)
    async with at_work(mine, line={"pace": pace}) as (sim, line, broker):
        await at_last(line.prove)
        sim.control.fail(Fault(FaultKind.IGNORE, request_))

        with pytest.raises(BrokerUnavailable) as raised:
            await broker.portfolio()

        assert code_of(raised) == "ibkr_no_answer"
        assert (await at_last(broker.portfolio)).shares == {"VOO": 5}


@pytest.mark.parametrize("text", [None, "nonsense"])
async def test_a_balance_that_is_not_told_is_no_zero(text):
    async with at_work() as (sim, _, broker):
        sim.control.tell("TotalCashBalance", text)

        with pytest.raises(BrokerUnavailable, match="ibkr_statement_odd"):
            await broker.portfolio()


async def test_a_balance_told_once_is_not_remembered_when_it_is_told_no_more():
    async with at_work() as (sim, _, broker):
        await broker.portfolio()
        sim.control.tell("SettledCash", None)

        with pytest.raises(BrokerUnavailable, match="ibkr_statement_odd"):
            await broker.portfolio()


async def test_numbers_that_are_not_ready_are_not_read():
    async with at_work() as (sim, _, broker):
        sim.control.ready(ready=False)

        with pytest.raises(BrokerUnavailable, match="ibkr_not_ready"):
            await broker.portfolio()


async def test_an_order_says_everything_a_preset_could_say_otherwise():
    async with at_work(preset_tif="GTC") as (sim, _, broker):
        report = await broker.submit(BUY)

        order = the_order(sim)
        assert (order.reference, order.account, order.tif) == (BUY.id, ACCOUNT, "DAY")
        assert (order.action, order.shares, order.kind, order.limit) == ("BUY", 10, "LMT", 510)
        assert (order.client_id, report.broker_id) == (US, str(order.permanent_id))
        assert (report.status, report.filled) == (OrderStatus.FILLED, 10)
        assert (report.average_price, report.commission) == (Decimal("500.01"), Decimal("0.35"))


async def test_an_order_at_the_market_has_no_limit():
    async with at_work(an_account(holdings={"VOO": holding(5)})) as (sim, _, broker):
        await broker.submit(an_intent("VOO", Action.SELL, 4, None))

        assert (the_order(sim).kind, the_order(sim).limit) == ("MKT", None)


async def test_a_short_sale_and_its_cover_are_a_sale_and_a_purchase():
    async with at_work(an_account(kind=SimKind.MARGIN)) as (sim, _, broker):
        await broker.submit(an_intent("VOO", Action.SELL_SHORT, 4, 490))
        portfolio = await broker.portfolio()
        await broker.submit(an_intent("VOO", Action.BUY_TO_COVER, 4, 510))

        assert (portfolio.shares, portfolio.sellable) == ({"VOO": -4}, {"VOO": 0})
        assert [order.action for order in sim.control.orders()] == ["SELL", "BUY"]


async def test_orders_go_to_the_account_they_are_for():
    async with at_work(an_account(), an_account(name="DU2")) as (sim, line, broker):
        await line.account("DU2").submit(BUY)

        assert the_order(sim).account == "DU2"
        assert list(await broker.orders_today()) == []


REFUSED = [
    (an_intent(limit=Decimal("490.001")), 110, "ibkr_off_tick"),
    (an_intent(shares=1_000_000), 201, "ibkr_no_money"),
    (an_intent(action=Action.SELL), 201, "ibkr_no_shorts"),
]


@pytest.mark.parametrize(("order", "number", "code"), REFUSED)
async def test_what_the_broker_refuses_is_refused_with_its_reason(order, number, code):
    async with at_work() as (sim, _, broker):
        with pytest.raises(OrderRefused) as raised:
            await broker.submit(order)

        assert (code_of(raised), raised.value.values["number"]) == (code, number)
        assert raised.value.values["told"]
        assert all(not order.works for order in sim.control.orders())


@pytest.mark.parametrize("number", [103, 201, 435, 460, 10243])
async def test_a_code_of_refusal_is_believed_when_no_list_knows_the_order(number):
    async with at_work() as (sim, _, broker):
        sim.control.fail(Fault(FaultKind.REFUSE, code=number))

        with pytest.raises(OrderRefused, match=f"number={number}"):
            await broker.submit(BUY)

        # Asked more than once before it is said not to be there, besides once at the start.
        assert asked(sim).count(Request.COMPLETED_ORDERS) >= 2


@pytest.mark.parametrize("number", [504, 322, 104, 10349, 9999])
async def test_a_code_that_says_nothing_of_an_order_leaves_it_unknown(number):
    async with at_work() as (sim, _, broker):
        sim.control.fail(Fault(FaultKind.REFUSE, code=number))

        with pytest.raises(OrderUnanswered) as raised:
            await broker.submit(BUY)

    assert (code_of(raised), raised.value.values["number"]) == ("ibkr_order_unclear", number)


async def test_a_code_of_refusal_is_not_believed_where_the_lists_can_not_be_read():
    async with at_work(line={"pace": giving_up(answer=A_WHILE)}) as (sim, line, broker):
        await at_last(line.prove)
        await at_last(lambda: line.quotes(["VOO"]))
        sim.control.fail(Fault(FaultKind.REFUSE, code=201))
        sim.control.fail(Fault(FaultKind.IGNORE, Request.ALL_OPEN_ORDERS, times=9))

        with pytest.raises(OrderUnanswered, match="ibkr_order_unclear"):
            await broker.submit(BUY)


@pytest.mark.parametrize("number", [399, 404, 2109, 10349, 201, 110, 434, 202])
async def test_an_order_that_lives_is_reported_alive_whatever_code_was_told_of_it(number):
    async with at_work() as (sim, _, broker):
        sim.listen(lambda e: e.kind is Kind.BOOKED and tell_soon(sim, number))

        report = await broker.submit(RESTING)

        assert (report.status, report.filled) == (OrderStatus.WORKING, 0)
        assert the_order(sim).works


def tell_soon(sim, number) -> None:
    """Tell a code of the latest order as soon as it stands in the book."""
    loop = asyncio.get_running_loop()
    loop.call_soon(lambda: sim.control.notice(number, "a notice", the_order(sim).permanent_id))


@pytest.mark.parametrize("course", [Course.PARK, Course.LOCATE])
async def test_an_inactive_order_that_is_still_listed_works(course):
    async with at_work(an_account(kind=SimKind.MARGIN)) as (sim, _, broker):
        sim.control.rule(Rule(course))

        report = await broker.submit(an_intent("VOO", Action.SELL_SHORT, 4, 490))

        assert (report.status, the_order(sim).status) == (OrderStatus.WORKING, "Inactive")


async def test_an_order_held_until_the_exchange_opens_works():
    async with at_work() as (sim, _, broker):
        sim.control.close_market()

        report = await broker.submit(BUY)

        assert (report.status, the_order(sim).works) == (OrderStatus.WORKING, True)


@pytest.mark.parametrize(
    "news", [FaultKind.LOSE_STATUSES, FaultKind.LOSE_FILLED, FaultKind.REVERSE]
)
async def test_a_fill_is_known_by_its_executions_however_it_is_told(news):
    async with at_work() as (sim, _, broker):
        sim.control.fail(Fault(news))

        report = await broker.submit(BUY)

        assert (report.status, report.filled) == (OrderStatus.FILLED, 10)


async def test_a_fill_whose_executions_are_not_told_is_found_by_asking():
    async with at_work() as (sim, _, broker):
        sim.control.fail(Fault(FaultKind.LOSE_EXECUTIONS))

        report = await broker.submit(BUY)

        assert report.filled == 0
        assert (await report_of(broker, BUY)).filled == 10


async def test_an_order_that_is_refused_late_is_so_in_the_list_with_its_reason():
    async with at_work() as (sim, _, broker):
        await broker.submit(RESTING)

        sim.control.refuse(the_order(sim).permanent_id, reason="No Trading Permission")

        report = await report_of(broker, RESTING)
        assert report.status is OrderStatus.REFUSED
        assert report.reason.startswith("ibkr_no_permission (symbol=VOO, number=201")


async def test_an_order_that_another_process_saw_refused_was_put_aside():
    async with at_work() as (sim, _, broker):
        await broker.submit(RESTING)
        sim.control.refuse(the_order(sim).permanent_id)

        async with connected(sim, client_id=OTHER) as (_, other):
            report = await report_of(other, RESTING)

    assert (report.status, report.reason) == (OrderStatus.REFUSED, "ibkr_inactive")


@pytest.mark.parametrize(
    ("number", "code"),
    [(399, "ibkr_held"), (404, "ibkr_locating"), (10349, "ibkr_preset"), (2109, "")],
)
async def test_why_an_order_that_lives_waits_is_kept_beside_it(number, code):
    async with at_work() as (sim, _, broker):
        await broker.submit(RESTING)
        sim.control.notice(number, "a notice", the_order(sim).permanent_id)

        report = await report_of(broker, RESTING)

    assert (report.status, report.reason.split(" ")[0]) == (OrderStatus.WORKING, code)


@pytest.mark.parametrize("swallowed", [FaultKind.IGNORE, FaultKind.UNANSWERED])
async def test_an_order_nobody_answers_is_unknown(swallowed):
    async with at_work(line={"pace": giving_up(order=A_WHILE)}) as (sim, _, broker):
        sim.control.fail(Fault(swallowed))

        with pytest.raises(OrderUnanswered, match="ibkr_order_unanswered"):
            await broker.submit(BUY)

        assert len(sim.control.orders()) == (swallowed is FaultKind.UNANSWERED)


@pytest.mark.parametrize("fault", [FaultKind.DROP, FaultKind.DROP_AFTER])
async def test_a_line_lost_with_an_order_on_it_leaves_it_unknown_and_is_opened_again(fault):
    async with at_work() as (sim, _, broker):
        sim.control.fail(Fault(fault))

        with pytest.raises(OrderUnanswered):
            await broker.submit(BUY)

        reports = [report.client_id for report in await broker.orders_today()]
        assert reports == [BUY.id] * len(sim.control.orders())


async def test_the_same_order_is_never_written_twice_by_one_process():
    async with at_work() as (sim, _, broker):
        await broker.submit(BUY)

        with pytest.raises(OrderUnanswered, match="ibkr_sent_before"):
            await broker.submit(BUY)

        assert len(sim.control.orders()) == 1


async def test_an_order_refused_before_it_was_written_may_be_tried_again():
    async with at_work() as (sim, _, broker):
        sim.control.close()
        with pytest.raises(OrderRefused, match="ibkr_gateway_down"):
            await broker.submit(BUY)

        sim.control.open()

        assert (await broker.submit(BUY)).status is OrderStatus.FILLED


UNHEARD = Fault(FaultKind.IGNORE, Request.CONTRACT_DETAILS)
NEVER_WRITTEN = [
    (lambda c: c.lose_link(), "ibkr_link_lost", {}),
    (lambda c: c.read_only(read_only=True), "ibkr_read_only", {}),
    (lambda c: c.silence(), "ibkr_gateway_silent", {"connect": A_WHILE}),
    (lambda c: c.occupy(US, 999), "ibkr_client_id_taken", {"connect": A_WHILE}),
    (lambda c: c.fail(UNHEARD), "ibkr_no_answer", {"answer": A_WHILE}),
]


@pytest.mark.parametrize(("trouble", "code", "waits"), NEVER_WRITTEN)
async def test_an_order_that_can_not_be_written_is_certainly_refused(trouble, code, waits):
    async with at_work(line={"pace": giving_up(**waits)}) as (sim, _, broker):
        trouble(sim.control)

        with pytest.raises(OrderRefused) as raised:
            await broker.submit(BUY)

        assert code_of(raised) == code
        assert Request.PLACE_ORDER not in asked(sim)


async def test_an_unknown_symbol_is_refused_unwritten():
    async with at_work() as (sim, _, broker):
        with pytest.raises(OrderRefused, match="ibkr_unknown_symbol"):
            await broker.submit(an_intent("NOSUCH"))

        assert Request.PLACE_ORDER not in asked(sim)


async def test_an_index_is_no_thing_to_trade():
    index = Instrument("VIX", kind=INDEX, primary="CBOE")

    async with at_work(instruments=(index,)) as (sim, _, broker):
        with pytest.raises(OrderRefused, match="ibkr_not_traded"):
            await broker.submit(an_intent("VIX"))

        assert Request.PLACE_ORDER not in asked(sim)


async def test_nothing_is_sent_while_the_gateway_is_about_to_restart():
    window = Window(time(15, 40), time(15, 50))

    async with at_work(line={"restart": window}) as (sim, _, broker):
        with pytest.raises(OrderRefused, match="ibkr_restart"):
            await broker.submit(BUY)
        await broker.portfolio()

        assert Request.PLACE_ORDER not in asked(sim)


async def test_a_cancel_ends_an_order_and_its_fills_stay():
    async with at_work() as (sim, _, broker):
        sim.control.rule(Rule(Course.PART, shares=4))
        await broker.submit(BUY)

        await broker.cancel(BUY)

        report = await report_of(broker, BUY)
        assert (report.status, report.filled) == (OrderStatus.CANCELLED, 4)


async def test_an_order_missing_from_one_list_only_is_asked_for_again():
    async with at_work() as (sim, _, broker):
        sim.control.rule(Rule(Course.PART, shares=4))
        await broker.submit(BUY)
        await broker.cancel(BUY)
        sim.control.fail(Fault(FaultKind.EMPTY, Request.COMPLETED_ORDERS))

        report = await report_of(broker, BUY)

    assert (report.status, report.shares, report.filled) == (OrderStatus.CANCELLED, 10, 4)


async def test_an_order_that_filled_before_its_cancel_is_filled_and_not_cancelled():
    async with at_work() as (sim, _, broker):
        sim.control.rule(Rule(Course.NEVER, cancelling=Cancelling.LOSE))
        await broker.submit(RESTING)

        await broker.cancel(RESTING)

        assert (await report_of(broker, RESTING)).status is OrderStatus.FILLED


@pytest.mark.parametrize("how", [Cancelling.REFUSE, Cancelling.LINGER, Cancelling.SILENT])
async def test_an_order_whose_cancel_is_not_confirmed_still_works(how):
    async with at_work() as (sim, _, broker):
        sim.control.rule(Rule(cancelling=how))
        await broker.submit(RESTING)

        await broker.cancel(RESTING)

        assert (await report_of(broker, RESTING)).status is OrderStatus.WORKING


async def test_an_order_whose_name_somebody_took_off_is_cancelled_by_its_number():
    async with at_work() as (sim, _, broker):
        await broker.submit(RESTING)
        booked_order = next(iter(sim.world.book))
        booked_order.ticket = replace(booked_order.ticket, reference="")

        await broker.cancel(RESTING)

        assert the_order(sim).status == "Cancelled"


async def test_an_order_of_another_client_is_shown_and_not_touched():
    async with at_work() as (sim, _, broker):
        await broker.submit(RESTING)
        number = the_order(sim).order_id
        async with a_client(sim, OTHER) as other:
            await placed(other, an_order(limit=480, orderRef=SELL.id, orderId=number))

        with pytest.raises(OrderRefused, match="ibkr_other_client"):
            await broker.cancel(SELL)

        assert [order.works for order in sim.control.orders()] == [True, True]
        assert len(await broker.orders_today()) == 2


async def test_an_order_of_a_person_is_shown_and_has_no_name_of_ours():
    async with at_work() as (sim, _, broker):
        sim.control.enter(by_hand(RESTING))

        (report,) = await broker.orders_today()

        assert (report.client_id, report.status) == ("", OrderStatus.WORKING)
        with pytest.raises(OrderRefused, match="unknown_order"):
            await broker.cancel(RESTING)
        assert the_order(sim).works


async def test_an_order_is_found_by_another_process_and_cancelled_by_its_number():
    async with a_sim(rates=False) as sim:
        async with connected(sim) as (_, broker):
            await broker.submit(RESTING)

        async with connected(sim) as (_, broker):
            await broker.cancel(RESTING)

            assert (await report_of(broker, RESTING)).status is OrderStatus.CANCELLED


@pytest.mark.parametrize("keeps", [True, False])
async def test_a_filled_order_is_found_after_a_restart_that_may_forget_it(keeps):
    async with at_work(keeps_completed=keeps) as (sim, _, broker):
        await broker.submit(BUY)
        sim.control.restart()
        await sim.until(lambda c: c.clients() == ())

        report = await at_last(lambda: report_of(broker, BUY))

        assert (report.status, report.shares, report.filled) == (OrderStatus.FILLED, 10, 10)


async def test_a_gateway_that_tells_the_trades_of_a_week_is_believed_for_today():
    tomorrow = JumpingClock(NOW + timedelta(days=1))

    async with at_work(keeps_completed=False) as (sim, _, broker):
        await broker.submit(BUY)
        sim.control.restart()
        await sim.until(lambda c: c.clients() == ())
        async with connected(sim, tomorrow) as (_, then):
            assert await at_last(then.orders_today) == []


async def test_a_corrected_execution_is_counted_once_at_its_last_price():
    async with at_work() as (sim, _, broker):
        await broker.submit(BUY)
        sim.control.correct(the_order(sim).trades[0].execution_id, Decimal(499))

        report = await report_of(broker, BUY)

        assert (report.filled, report.average_price) == (10, 499)


async def test_a_commission_that_comes_late_is_waited_for():
    async with at_work() as (sim, line, broker):
        await line.quotes(["VOO"])  # so that the order itself takes no time
        sim.control.fail(Fault(FaultKind.LATE_COMMISSION))
        await broker.submit(BUY)

        assert (await report_of(broker, BUY)).commission == Decimal("0.35")


async def test_commissions_are_known_though_the_executions_are_asked_for_again():
    async with at_work() as (_, _, broker):
        await broker.submit(BUY)
        await broker.orders_today()

        assert (await report_of(broker, BUY)).commission == Decimal("0.35")


async def test_without_a_link_to_the_broker_the_lists_say_nothing():
    async with at_work() as (sim, _, broker):
        await broker.submit(RESTING)
        sim.control.lose_link()

        with pytest.raises(BrokerUnavailable, match="ibkr_link_lost"):
            await broker.orders_today()

        sim.control.price("VOO", Decimal(480))
        sim.control.restore_link(delivers=False)
        report = await at_last(lambda: report_of(broker, RESTING))
        assert report.status is OrderStatus.FILLED


@pytest.mark.parametrize("lost", [Lost.SILENT, Lost.REFUSE, Lost.QUEUE])
async def test_an_order_caught_by_a_lost_link_is_unknown_until_it_is_asked_for(lost):
    async with at_work(line={"pace": giving_up(order=A_WHILE)}) as (sim, line, broker):
        await line.prove()
        sim.control.fail(Fault(FaultKind.DELAY, seconds=0.05))
        sending = asyncio.ensure_future(broker.submit(BUY))
        await sim.until(lambda c: c.record()[-1].kind is Kind.FAULT)
        sim.control.lose_link(lost)

        with pytest.raises(OrderUnanswered):
            await sending

        sim.control.restore_link()
        found = [report.client_id for report in await at_last(broker.orders_today)]
        assert found == [BUY.id] * len(sim.control.orders())


async def test_a_read_only_gateway_is_named_when_orders_or_the_account_are_read():
    async with at_work(read_only=True) as (sim, line, broker):
        for read in (broker.portfolio, broker.orders_today, line.prove):
            with pytest.raises(BrokerUnavailable) as raised:
                await read()
            assert code_of(raised) == "ibkr_read_only"

        assert (await line.quotes(["VOO"]))["VOO"].last == 500
        assert sim.control.clients() == (US,)


async def test_accounts_of_one_login_ask_in_turns():
    accounts = [an_account(1000 * n, name=f"DU{n}") for n in range(1, 5)]

    async with at_work(*accounts) as (_, line, _):
        read = await asyncio.gather(*(line.account(a.name).portfolio() for a in accounts * 3))

    assert [portfolio.account for portfolio in read] == [a.name for a in accounts * 3]
    assert [portfolio.cash for portfolio in read] == [1000, 2000, 3000, 4000] * 3


async def test_an_order_of_another_account_of_ours_is_not_cancelled():
    async with at_work(an_account(), an_account(name="DU2")) as (sim, line, broker):
        await line.account("DU2").submit(RESTING)

        with pytest.raises(OrderRefused, match="unknown_order"):
            await broker.cancel(RESTING)

        assert the_order(sim).works


async def test_books_on_one_line_may_ask_at_the_same_time():
    holdings = {"VOO": holding(5)}
    accounts = an_account(holdings=holdings), an_account(2000, name="DU2", holdings=holdings)

    async with at_work(*accounts) as (_, line, broker):
        other = line.account("DU2")
        first, second, orders, quotes, more = await asyncio.gather(
            broker.portfolio(),
            other.portfolio(),
            other.orders_today(),
            line.quotes(["VOO"]),
            line.quotes(["VOO", "BIL"]),
        )

    assert (first.cash, second.cash, orders) == (100_000, 2000, [])
    assert (set(quotes), set(more)) == ({"VOO"}, {"VOO", "BIL"})


@pytest.mark.parametrize(
    ("account", "sold", "says"),
    [
        ({}, 0, None),
        ({"proceeds": SimProceeds.SETTLED}, 4, Proceeds.SETTLED),
        ({"proceeds": SimProceeds.SAME_DAY}, 4, Proceeds.SAME_DAY),
        ({"kind": SimKind.MARGIN}, 4, Proceeds.MARGIN),
    ],
)
async def test_when_proceeds_may_buy_is_asked_with_an_order_that_is_not_placed(account, sold, says):
    mine = an_account(5000, holdings={"VOO": holding(10)}, **account)

    async with at_work(mine) as (sim, _, broker):
        if sold:
            await broker.submit(SELL)

        assert await broker.proceeds("BIL") is says
        assert len(sim.control.orders()) == bool(sold)


async def test_a_debt_of_settled_money_is_no_number_of_shares_to_ask_with():
    mine = an_account(0, holdings={"VOO": holding(10)}, proceeds=SimProceeds.SAME_DAY)

    async with at_work(mine) as (sim, _, broker):
        await broker.submit(SELL)
        sim.control.pay_in(Decimal(-500))

        assert (await broker.portfolio()).settled < -400
        assert await broker.proceeds("BIL") is Proceeds.SAME_DAY


async def test_a_what_if_that_is_not_answered_says_nothing():
    async with at_work(an_account(5000, holdings={"VOO": holding(10)})) as (sim, _, broker):
        await broker.submit(SELL)
        sim.control.fail(Fault(FaultKind.IGNORE))
        async with connected(sim, client_id=OTHER, pace=giving_up(answer=A_WHILE)) as (_, hasty):
            await at_last(hasty.portfolio)

            with pytest.raises(BrokerUnavailable, match="ibkr_no_answer"):
                await hasty.proceeds("BIL")


async def test_a_what_if_refused_for_another_reason_says_nothing():
    async with at_work(an_account(5000, holdings={"VOO": holding(10)})) as (sim, _, broker):
        await broker.submit(SELL)
        sim.control.fail(Fault(FaultKind.REFUSE, code=322))

        with pytest.raises(BrokerUnavailable, match="ibkr_denied"):
            await broker.proceeds("BIL")


async def test_an_account_can_do_what_its_line_can():
    async with at_work(line={"allow_delayed": True}) as (_, _, broker):
        able = broker.capabilities

    assert (able.echoes_client_id, able.live_quotes, able.keeps_fills) == (True, False, True)
