"""An account at a simulated Schwab: what is sent, what became of it, and what nobody knows."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from adapters.sims.schwab_accounts import Account
from adapters.sims.schwab_answers import Form
from adapters.sims.schwab_fates import Address, CancelKind, Fate, FateKind
from adapters.sims.schwab_faults import Fault, FaultKind, Operation, Outage
from adapters.sims.schwab_orders import Who
from bot.domain.errors import BrokerUnavailable, OrderRefused, OrderUnanswered
from bot.domain.matching import find
from bot.domain.memory import Standing
from bot.domain.model import Action, OrderStatus, Side
from tests.adapters.schwab_world import (
    NUMBER,
    PACE,
    Bench,
    a_ticket,
    drilling,
)
from tests.builders import NOW, an_intent

BUY = an_intent("VOO", Action.BUY, 2, "90.50")
SELL = an_intent("VOO", Action.SELL, 4, "110")
MARKETABLE = an_intent("VOO", Action.SELL, 4, "99")
WEEK = timedelta(days=7)


@pytest.fixture
def bench(tmp_path):
    with drilling(tmp_path) as drill:
        yield Bench(tmp_path, drill)


def by_api(bench):
    return [order for order in bench.control.orders() if order.who is Who.API]


def sent(bench):
    """How many orders left, whatever came of them."""
    return len(bench.control.calls(Operation.PLACE))


def placing(kind, **more):
    return Fault(kind, Operation.PLACE, **more)


async def listed(bench, order=BUY):
    asked = Standing(order, Side.BUY, sent_at=NOW)
    return find(asked, await bench.broker.orders_today(), echoes=False)


async def test_the_account_meant_is_traded_and_not_the_first_one_listed(bench):
    portfolio = await bench.broker.portfolio()
    await bench.broker.submit(BUY)

    assert portfolio.account == NUMBER
    assert [order.account for order in bench.control.orders()] == [NUMBER]


async def test_an_account_the_login_does_not_have_is_named(bench):
    with pytest.raises(BrokerUnavailable) as caught:
        await bench.line.account("5").portfolio()

    assert (caught.value.code, caught.value.values["account"]) == ("schwab_account_missing", "…5")


PRICES = [("90.5", "90.50"), ("100", "100.00"), ("0.1234", "0.1234"), (None, "")]


@pytest.mark.parametrize(("limit", "written"), PRICES)
async def test_a_limit_is_written_to_the_tick(bench, limit, written):
    await bench.broker.submit(an_intent("VOO", Action.BUY, 1, limit))

    assert bench.control.orders()[0].ticket.price == written


WRONG = [
    (an_intent("VOO", Action.BUY, 1, "90.505"), "bad_limit"),
    (an_intent("VOO", Action.BUY, 0, "90"), "bad_shares"),
    (an_intent("VOO", Action.SELL_SHORT, 1, "90"), "shorting_not_allowed"),
]


@pytest.mark.parametrize(("order", "code"), WRONG)
async def test_what_schwab_would_not_take_is_not_sent(bench, order, code):
    with pytest.raises(OrderRefused, match=code):
        await bench.broker.submit(order)

    assert sent(bench) == 0


async def test_an_order_that_was_taken_and_rejected_afterwards_is_refused(bench):
    bench.control.destine(Fate(FateKind.REJECT, seconds=3, reason="Limit price is too far off."))

    with pytest.raises(OrderRefused) as caught:
        await bench.broker.submit(BUY)

    assert caught.value.code == "schwab_price_far"
    assert caught.value.values["told"] == "Limit price is too far off."
    assert (await listed(bench)).status is OrderStatus.REFUSED


async def test_a_refusal_in_schwabs_own_words_is_certain(bench):
    bench.control.destine(Fate(FateKind.REFUSE, reason="Closing only."))

    with pytest.raises(OrderRefused, match="schwab_closing_only"):
        await bench.broker.submit(BUY)

    assert (sent(bench), bench.control.orders()) == (1, [])


@pytest.mark.parametrize("status", ["AWAITING_MANUAL_REVIEW", "UNKNOWN", "NEVER_HEARD_OF"])
async def test_an_order_nobody_accepted_is_unanswered_and_works_until_proven_final(bench, status):
    bench.control.destine(Fate(FateKind.STICK, status=status))

    with pytest.raises(OrderUnanswered):
        await bench.broker.submit(BUY)

    assert bench.clock.now() - NOW < timedelta(seconds=PACE.listed)
    assert (await listed(bench)).status is OrderStatus.WORKING
    assert sent(bench) == 1


async def test_an_order_outside_hours_is_accepted(bench):
    bench.control.session("closed")

    assert (await bench.broker.submit(BUY)).status is OrderStatus.WORKING


@pytest.mark.parametrize("address", [Address.MISSING, Address.FOREIGN])
async def test_an_order_is_found_where_the_answer_does_not_name_it(bench, address):
    foreign = bench.by_hand(an_intent("VOO", Action.BUY, 1, 80))
    bench.control.destine(Fate(address=address))

    report = await bench.broker.submit(BUY)

    [mine] = by_api(bench)
    assert int(report.broker_id) == mine.order_id != foreign
    assert sent(bench) == 1


HEARD = [
    placing(FaultKind.LOSE),
    placing(FaultKind.MASK, status=502),
    placing(FaultKind.MASK, status=200),
    placing(FaultKind.MASK, status=400),
    placing(FaultKind.MASK, status=429, form=Form.MARKET_DATA),
    placing(FaultKind.DELAY, seconds=0.3),
]


@pytest.mark.parametrize("fault", HEARD, ids=lambda f: f"{f.kind} {f.status}")
async def test_an_order_whose_answer_was_lost_is_found_in_the_list(bench, fault):
    bench.restart(pace=replace(PACE, answer=0.2))
    bench.control.fail(fault)

    report = await bench.broker.submit(BUY)

    assert (report.symbol, report.shares, report.limit) == ("VOO", 2, Decimal("90.50"))
    assert (sent(bench), len(by_api(bench))) == (1, 1)


UNHEARD = [
    placing(FaultKind.RESET),
    placing(FaultKind.HANG, seconds=0.3),
    placing(FaultKind.REFUSE, status=503),
    placing(FaultKind.REFUSE, status=400),
    placing(FaultKind.REFUSE, status=429, form=Form.GATEWAY),
]


@pytest.mark.parametrize("fault", UNHEARD, ids=lambda f: f"{f.kind} {f.status}")
async def test_what_nobody_answered_is_looked_for_a_minute_and_never_sent_again(bench, fault):
    bench.restart(pace=replace(PACE, answer=0.2))
    bench.control.fail(fault)

    with pytest.raises(OrderUnanswered):
        await bench.broker.submit(BUY)

    assert bench.clock.now() - NOW >= timedelta(seconds=PACE.listed)
    assert (sent(bench), bench.control.orders()) == (1, [])


async def test_an_order_that_is_listed_late_is_found(bench):
    bench.control.lag(orders=40)
    bench.control.fail(placing(FaultKind.LOSE))

    report = await bench.broker.submit(BUY)

    assert int(report.broker_id) == by_api(bench)[0].order_id


async def test_an_order_that_is_listed_too_late_is_left_to_be_reconciled(bench):
    bench.control.lag(orders=90)
    bench.control.fail(placing(FaultKind.LOSE))
    with pytest.raises(OrderUnanswered):
        await bench.broker.submit(BUY)
    bench.clock.jump(NOW + timedelta(seconds=91))

    assert (await listed(bench)).status is OrderStatus.WORKING
    assert sent(bench) == 1


class WaitingClock:
    """A clock whose first sleep lasts until an order is booked."""

    def __init__(self, bench):
        self._bench = bench
        self.now = bench.clock.now

    async def sleep(self, seconds):
        self._bench.control.wait(orders=1)
        await self._bench.clock.sleep(seconds)


async def test_an_order_that_is_booked_when_nobody_waits_any_more_is_found(bench):
    bench.restart(pace=replace(PACE, answer=0.1))
    bench.broker._clock = WaitingClock(bench)
    bench.control.fail(placing(FaultKind.LATE, seconds=0.3))

    report = await bench.broker.submit(BUY)

    assert int(report.broker_id) == by_api(bench)[0].order_id
    assert sent(bench) == 1


async def test_of_two_orders_that_fit_neither_is_taken_for_ours(bench):
    bench.by_hand(BUY, ago=timedelta(seconds=1))
    bench.control.fail(placing(FaultKind.LOSE))

    with pytest.raises(OrderUnanswered):
        await bench.broker.submit(BUY)


async def test_slices_of_one_symbol_are_told_apart(bench):
    first = await bench.broker.submit(MARKETABLE)
    bench.control.fail(placing(FaultKind.LOSE))

    second = await bench.broker.submit(replace(MARKETABLE, attempt=2))

    assert [int(first.broker_id), int(second.broker_id)] == [o.order_id for o in by_api(bench)]


@pytest.mark.parametrize("outage", [Outage.REFUSED, Outage.NO_TUNNEL])
async def test_an_order_that_could_not_leave_is_refused_for_certain(bench, outage):
    await bench.broker.portfolio()
    bench.control.cut(outage)

    with pytest.raises(OrderRefused, match="schwab_not_sent"):
        await bench.broker.submit(BUY)

    assert sent(bench) == 0


async def test_an_account_that_can_not_be_looked_up_is_no_open_question(bench):
    bench.control.cut(Outage.BAD_GATEWAY)

    with pytest.raises(OrderRefused, match="schwab_not_sent"):
        await bench.broker.submit(BUY)

    assert sent(bench) == 0


@pytest.mark.parametrize("broken", [True, False], ids=["server down", "login over"])
async def test_an_order_without_a_token_is_not_sent_and_says_why(bench, broken):
    await bench.broker.portfolio()
    bench.age_token()
    bench.control.expire_login()
    if broken:
        bench.control.fail(Fault(FaultKind.REFUSE, Operation.TOKEN, status=503))

    with pytest.raises(OrderRefused, match="schwab_not_sent") as caught:
        await bench.broker.submit(BUY)

    reason = "schwab_refresh_failed" if broken else "schwab_login_expired"
    assert reason in caught.value.values["reason"]
    assert sent(bench) == 0


async def test_an_early_401_refuses_an_order_and_the_next_read_renews_the_token(bench):
    await bench.broker.portfolio()
    bench.control.expire_access()

    with pytest.raises(OrderRefused, match="schwab_unauthorized"):
        await bench.broker.submit(BUY)
    await bench.broker.orders_today()

    assert (sent(bench), bench.control.orders()) == (1, [])
    assert len(bench.control.calls(Operation.TOKEN)) == 1


async def test_an_order_that_would_leave_too_late_does_not_leave(bench):
    bench.restart(pace=replace(PACE, orders=1))
    await bench.broker.submit(BUY)

    with pytest.raises(OrderRefused, match="schwab_sent_late"):
        await bench.broker.submit(replace(BUY, attempt=2))

    assert sent(bench) == 1


async def test_time_spent_on_finding_the_account_counts_for_an_order_too(bench):
    bench.restart(pace=replace(PACE, wait=PACE.sending / 2))
    bench.control.fail(Fault(FaultKind.REFUSE, Operation.ACCOUNT_NUMBERS, status=503, times=2))

    with pytest.raises(OrderRefused, match="schwab_sent_late"):
        await bench.broker.submit(BUY)

    assert sent(bench) == 0


async def test_fills_are_averaged_over_all_executions(bench):
    bench.control.destine(Fate(FateKind.REST))
    number = int((await bench.broker.submit(MARKETABLE)).broker_id)
    bench.control.fill(number, Decimal(1), Decimal("99.5"))
    bench.control.fill(number, Decimal(3), Decimal("100.5"))

    [report] = await bench.broker.orders_today()

    assert (report.filled, report.average_price) == (4, Decimal("100.25"))
    assert report.status is OrderStatus.FILLED


async def test_a_cancelled_order_keeps_its_fills(bench):
    bench.control.destine(Fate(FateKind.PARTIAL, shares=Decimal(1)))
    await bench.broker.submit(MARKETABLE)

    await bench.broker.cancel(MARKETABLE)

    [report] = await bench.broker.orders_today()
    assert (report.status, report.filled) == (OrderStatus.CANCELLED, 1)


async def test_a_cancel_that_is_only_pending_is_no_end(bench):
    bench.control.destine(Fate(FateKind.REST, cancel=CancelKind.PENDING))
    await bench.broker.submit(BUY)

    await bench.broker.cancel(BUY)

    assert (await listed(bench)).status is OrderStatus.WORKING


async def test_a_cancel_that_is_refused_says_so(bench):
    bench.control.destine(Fate(FateKind.REST, cancel=CancelKind.REFUSED))
    await bench.broker.submit(BUY)

    with pytest.raises(OrderRefused, match="schwab_cancel_refused"):
        await bench.broker.cancel(BUY)


async def test_a_lost_cancel_is_not_repeated(bench):
    await bench.broker.submit(BUY)
    bench.control.fail(Fault(FaultKind.RESET, Operation.CANCEL))

    with pytest.raises(OrderUnanswered):
        await bench.broker.cancel(BUY)

    assert len(bench.control.calls(Operation.CANCEL)) == 1


async def test_after_a_restart_an_order_like_somebody_elses_is_not_cancelled(bench):
    await bench.broker.submit(SELL)
    bench.by_hand(SELL)
    bench.restart()

    with pytest.raises(OrderRefused, match="schwab_ambiguous"):
        await bench.broker.cancel(SELL)

    assert bench.control.calls(Operation.CANCEL) == []


async def test_before_a_restart_the_right_one_is(bench):
    hand = bench.by_hand(SELL)
    mine = int((await bench.broker.submit(SELL)).broker_id)

    await bench.broker.cancel(SELL)

    ends = {order.order_id: order.status for order in bench.control.orders()}
    assert (ends[mine], ends[hand]) == ("CANCELED", "WORKING")


async def test_an_owners_replacement_ends_our_order(bench):
    number = int((await bench.broker.submit(BUY)).broker_id)
    bench.control.put_status(number, "REPLACED")

    assert (await listed(bench)).status is OrderStatus.CANCELLED


async def test_an_open_order_of_last_week_is_listed_and_holds_its_shares(bench):
    ticket = replace(a_ticket(SELL), duration="GOOD_TILL_CANCEL")
    bench.control.set_time(NOW - WEEK, running=False)
    bench.control.by_hand(ticket)
    bench.control.set_time(NOW, running=False)

    [report] = await bench.broker.orders_today()

    assert (report.symbol, report.status) == ("VOO", OrderStatus.WORKING)
    assert (await bench.broker.portfolio()).sellable == {"VOO": 6}


async def test_an_order_that_ended_yesterday_is_not_listed(bench):
    bench.by_hand(MARKETABLE, ago=timedelta(days=1))

    assert await bench.broker.orders_today() == []


async def test_a_market_order_on_close_is_not_taken_for_one_of_ours(bench):
    ticket = replace(a_ticket(MARKETABLE), price="", order_type="MARKET_ON_CLOSE")
    bench.control.by_hand(ticket)

    found = await listed(bench, replace(MARKETABLE, limit=None))

    assert found is None
    assert [r.symbol for r in await bench.broker.orders_today()] == ["VOO"]


async def test_the_orders_within_a_bracket_are_listed(bench):
    leg = {"instrument": {"assetType": "EQUITY", "symbol": "BIL"}, "instruction": "SELL"}
    child = {
        "orderStrategyType": "SINGLE",
        "orderType": "STOP",
        "orderId": 8,
        "status": "AWAITING_PARENT_ORDER",
        "filledQuantity": 0,
        "enteredTime": "2026-03-31T14:00:00+0000",
        "orderLegCollection": [leg | {"quantity": 1.5}],
    }
    bench.control.show_order({"orderStrategyType": "OCO", "childOrderStrategies": [child]})

    [report] = await bench.broker.orders_today()

    assert (report.symbol, report.shares, report.limit) == ("BIL", 2, 0)


async def test_options_in_the_list_are_nobodys_business(bench):
    leg = {"instrument": {"assetType": "OPTION", "symbol": "X"}, "instruction": "SELL_TO_OPEN"}
    bench.control.show_order({"orderId": 7, "orderLegCollection": [leg]})

    assert await bench.broker.orders_today() == []


async def test_a_stock_order_that_can_not_be_read_fails_the_list(bench):
    leg = {"instrument": {"assetType": "EQUITY", "symbol": "VOO"}, "instruction": "BUY"}
    bench.control.show_order({"orderId": 7, "orderLegCollection": [leg]})

    with pytest.raises(BrokerUnavailable, match="status"):
        await bench.broker.orders_today()


async def test_a_list_that_ends_at_its_longest_is_no_whole_list(bench):
    bench.drill.show_orders(3000)

    with pytest.raises(BrokerUnavailable, match="orders"):
        await bench.broker.orders_today()


async def test_another_accounts_money_is_not_ours(bench):
    bench.control.set_account(Account("10001000", cash=Decimal(7)))

    assert (await bench.broker.portfolio()).cash == 1000


async def test_money_promised_to_an_open_buy_is_not_spendable(bench):
    await bench.broker.submit(BUY)

    portfolio = await bench.broker.portfolio()

    assert (portfolio.cash, portfolio.spendable) == (1000, 819)
