"""Orders at a simulated broker, as the real library places, lists and cancels them."""

import warnings
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from zoneinfo import ZoneInfo

import pytest

from adapters.sims.schwab import SchwabSim
from adapters.sims.schwab_accounts import AccountKind
from adapters.sims.schwab_answers import Refused
from adapters.sims.schwab_fates import Address, CancelKind, Fate, FateKind
from adapters.sims.schwab_market import Session
from adapters.sims.schwab_orders import Instruction, OrderType, Status, Ticket, Who
from tests.adapters.sims.schwab_clients import (
    NOON,
    VOO,
    Utils,
    a_client,
    a_setup,
    an_account,
    equity_buy_limit,
    equity_buy_market,
    equity_sell_limit,
    equity_sell_market,
    listed,
    placed,
    securities,
    told,
)

RESTS = equity_buy_limit("VOO", 4, "499.00")
TWO = Decimal(2)


@pytest.fixture
async def broker(tmp_path):
    async with SchwabSim(tmp_path / "ca.pem", a_setup(an_account(VOO=4))) as it:
        yield it


@pytest.fixture
async def client(broker):
    async with a_client(broker) as it:
        yield it


def spec(order=RESTS, **changes):
    return order.build() | changes


def by_hand(broker, instruction=Instruction.BUY, shares=1, price="", **more):
    kind = OrderType.LIMIT if price else OrderType.MARKET
    ticket = Ticket("VOO", instruction, Decimal(shares), kind, price)
    return broker.control.by_hand(ticket, **more)


def statuses(broker) -> list[str]:
    return [order.status for order in broker.control.orders()]


FILLING = [
    pytest.param(equity_buy_market("VOO", 2), 500.1, id="a buy pays the ask"),
    pytest.param(equity_sell_market("VOO", 2), 499.9, id="a sale gets the bid"),
    pytest.param(equity_buy_limit("VOO", 2, "501.00"), 500.1, id="a limit is not the price"),
    pytest.param(equity_sell_limit("VOO", 2, "499.00"), 499.9, id="nor that of a sale"),
]


@pytest.mark.parametrize(("order", "price"), FILLING)
async def test_a_marketable_order_fills(broker, client, order, price):
    number = await placed(client, broker, order)

    shown = await told(client, broker, number)

    assert (shown["status"], shown["filledQuantity"], shown["remainingQuantity"]) == (
        "FILLED",
        2,
        0,
    )
    leg = shown["orderActivityCollection"][0]["executionLegs"][0]
    assert (leg["price"], leg["quantity"]) == (price, 2)
    assert shown["closeTime"] == leg["time"] == "2026-03-03T17:00:00+0000"


async def test_a_resting_order_fills_when_its_price_comes(broker, client):
    number = await placed(client, broker, RESTS)
    before = await told(client, broker, number)
    broker.control.quote(replace(VOO, ask=Decimal("498.50")))

    after = await told(client, broker, number)

    assert (before["status"], before["remainingQuantity"]) == ("WORKING", 4)
    assert "orderActivityCollection" not in before
    assert after["status"] == "FILLED"


async def test_an_order_is_written_as_the_broker_writes_it(broker, client):
    number = await placed(client, broker, RESTS)

    shown = await told(client, broker, number)

    assert shown["orderId"] == number
    assert shown["accountNumber"] == int(broker.account)
    assert shown["price"] == 499
    assert shown["orderLegCollection"][0]["instrument"]["assetType"] == "EQUITY"
    assert shown["tag"].startswith("TA_")
    assert "closeTime" not in shown


async def test_a_price_given_as_a_float_is_cut(broker, client):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        order = equity_buy_limit("VOO", 1, 19.99)
    await placed(client, broker, order)
    await placed(client, broker, equity_buy_limit("VOO", 1, "19.99"))

    assert [order.ticket.price for order in broker.control.orders()] == ["19.98", "19.99"]
    assert "deprecated" in str(caught[0].message)


REJECTED = [
    pytest.param(equity_buy_limit("VOO", 1, "499.001"), "no more than two decimals", id="tick"),
    pytest.param(equity_buy_limit("VOO", 21, "499.00"), "enough available cash", id="money"),
    pytest.param(equity_sell_market("VOO", 5), "oversold", id="more than held"),
]


@pytest.mark.parametrize(("order", "reason"), REJECTED)
async def test_what_is_wrong_is_taken_first_and_rejected_afterwards(broker, client, order, reason):
    answer = await client.place_order(broker.account_hash, order)
    (shown,) = await listed(client, broker)

    assert answer.status_code == HTTPStatus.CREATED
    assert (shown["status"], shown["remainingQuantity"]) == ("REJECTED", 0)
    assert reason in shown["statusDescription"]


async def test_below_a_dollar_the_tick_is_finer(broker, client):
    broker.control.quote(replace(VOO, symbol="PENY", ask=Decimal("0.9")))
    await placed(client, broker, equity_buy_limit("PENY", 1, "0.1234"))
    await placed(client, broker, equity_buy_limit("PENY", 1, "0.12345"))

    assert statuses(broker) == ["WORKING", "REJECTED"]


async def test_open_orders_count_against_what_is_held_and_had(broker, client):
    await placed(client, broker, equity_sell_limit("VOO", 3, "510.00"))
    await placed(client, broker, equity_sell_limit("VOO", 2, "510.00"))
    await placed(client, broker, equity_buy_limit("VOO", 20, "490.00"))
    await placed(client, broker, equity_buy_limit("VOO", 1, "490.00"))

    assert statuses(broker) == ["WORKING", "REJECTED", "WORKING", "REJECTED"]


async def test_a_rejection_may_take_its_time(broker, client):
    broker.control.destine(Fate(FateKind.REJECT, seconds=3, reason="Not today."))
    number = await placed(client, broker, equity_buy_market("VOO", 1))
    at_first = await told(client, broker, number)
    broker.control.move(3)

    at_last = await told(client, broker, number)

    assert (at_first["status"], at_last["status"]) == ("QUEUED", "REJECTED")
    assert at_last["statusDescription"] == "Not today."
    assert "statusDescription" not in at_first


WRONG = [
    pytest.param({"orderLegCollection": []}, "orderLegCollection", id="no leg"),
    pytest.param({"orderStrategyType": "OCO"}, "SINGLE", id="strategy"),
    pytest.param({"orderType": "STOP"}, "STOP", id="type"),
    pytest.param({"price": "cheap"}, "cheap", id="price"),
    pytest.param({"price": ""}, "a limit order has one", id="no price"),
    pytest.param({"session": None, "price": None}, "None", id="none"),
]


@pytest.mark.parametrize(("change", "remark"), WRONG)
async def test_a_malformed_order_is_refused_at_once(broker, client, change, remark):
    answer = await client.place_order(broker.account_hash, spec(**change))

    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert remark in answer.json()["errors"][0]
    assert statuses(broker) == []


LEGS = [
    ({"quantity": 1.5}, "whole"),
    ({"quantity": "many"}, "must be numbers"),
    ({"instruction": "HOLD"}, "HOLD"),
    ({"instrument": {"symbol": "VOO"}}, "assetType"),
]


@pytest.mark.parametrize(("change", "remark"), LEGS)
async def test_a_malformed_leg_is_refused_at_once(broker, client, change, remark):
    (leg,) = spec()["orderLegCollection"]

    answer = await client.place_order(broker.account_hash, spec(orderLegCollection=[leg | change]))

    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert remark in answer.json()["errors"][0]


async def test_an_unknown_symbol_is_refused_at_once(broker, client):
    answer = await client.place_order(broker.account_hash, equity_buy_market("NOPE", 1))

    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert statuses(broker) == []


async def test_a_refusal_says_why_and_books_nothing(broker, client):
    broker.control.destine(Fate(FateKind.REFUSE, "VOO", reason="Closing only."))

    answer = await client.place_order(broker.account_hash, RESTS)

    assert (answer.status_code, answer.json()) == (400, {"message": "Closing only."})
    assert statuses(broker) == []


async def test_an_order_for_a_foreign_hash_is_refused(client):
    answer = await client.place_order("F" * 64, RESTS)

    assert answer.json()["message"] == "Invalid account number"


async def test_an_answer_may_not_say_where_the_order_is(broker, client):
    broker.control.destine(Fate(address=Address.MISSING))

    answer = await client.place_order(broker.account_hash, RESTS)

    assert answer.status_code == HTTPStatus.CREATED
    assert Utils(client, broker.account_hash).extract_order_id(answer) is None
    assert statuses(broker) == ["WORKING"]


@pytest.mark.parametrize("others", [0, 1])
async def test_an_answer_may_name_another_order(broker, client, others):
    by_hand(broker, price="1.00")
    orders = [by_hand(broker, price="1.00").order_id for _ in range(others)]
    broker.control.destine(Fate(address=Address.FOREIGN))

    number = await placed(client, broker, RESTS)

    mine = broker.control.orders()[-1]
    assert mine.who is Who.API
    assert number != mine.order_id
    assert number in orders or not others


async def test_every_order_is_kept_with_who_entered_it_and_what_it_traded(broker, client):
    by_hand(broker, Instruction.SELL, 1)
    broker.control.move(2)
    await placed(client, broker, equity_buy_market("VOO", 1))

    hand, api = broker.control.orders()

    assert (hand.who, api.who) == (Who.HAND, Who.API)
    assert api.entered_at - hand.entered_at == timedelta(seconds=2)
    assert [(f.shares, f.price) for f in api.fills] == [(1, Decimal("500.10"))]


async def test_the_owners_order_has_another_tag(broker, client):
    order = by_hand(broker, Instruction.SELL, 1)

    assert not (await told(client, broker, order.order_id))["tag"].startswith("TA_")


async def test_the_owners_other_trades_are_in_the_list_as_they_are(broker, client):
    bracket = {"orderStrategyType": "OCO", "orderId": 7, "childOrderStrategies": [{}]}
    broker.control.show_order(bracket)
    await placed(client, broker, RESTS)

    shown = await listed(client, broker)

    assert shown[0] == bracket
    assert "orderLegCollection" in shown[1]


async def test_orders_of_another_account_are_not_listed_here(broker, client):
    by_hand(broker, account="10001000")
    window = {
        "from_entered_datetime": NOON - timedelta(days=1),
        "to_entered_datetime": NOON + timedelta(days=1),
    }

    everywhere = await client.get_orders_for_all_linked_accounts(**window)

    assert await listed(client, broker) == []
    assert [order["accountNumber"] for order in everywhere.json()] == [10001000]


async def test_the_newest_order_is_listed_first(broker, client):
    numbers = [await placed(client, broker, RESTS) for _ in range(3)]

    assert [order["orderId"] for order in await listed(client, broker)] == numbers[::-1]


async def test_a_list_can_be_short_and_of_one_status(broker, client):
    await placed(client, broker, RESTS)
    await placed(client, broker, equity_buy_market("VOO", 1))
    window = {"from_entered_datetime": NOON, "to_entered_datetime": NOON}

    one = await client.get_orders_for_account(broker.account_hash, max_results=1, **window)
    working = await client.get_orders_for_account(
        broker.account_hash, status=client.Order.Status.WORKING, **window
    )

    assert [order["status"] for order in one.json()] == ["FILLED"]
    assert [order["status"] for order in working.json()] == ["WORKING"]


async def test_an_order_may_be_listed_late_and_be_there_all_the_same(broker, client):
    broker.control.lag(orders=5)
    number = await placed(client, broker, RESTS)
    at_once = await listed(client, broker)
    alone = await told(client, broker, number)
    broker.control.move(5)

    later = await listed(client, broker)

    assert (at_once, alone["orderId"]) == ([], number)
    assert [order["orderId"] for order in later] == [number]


async def test_entered_times_have_whole_seconds(broker, client):
    broker.control.move(0.9)
    await placed(client, broker, RESTS)

    (shown,) = await listed(client, broker)

    assert shown["enteredTime"] == "2026-03-03T17:00:00+0000"


async def test_a_window_in_new_york_time_is_read_five_hours_off(broker, client):
    await placed(client, broker, RESTS)
    local = NOON.astimezone(ZoneInfo("America/New_York"))
    minute = timedelta(minutes=1)

    window = await client.get_orders_for_account(
        broker.account_hash,
        from_entered_datetime=local - minute,
        to_entered_datetime=local + minute,
    )

    assert window.json() == []
    assert window.request.url.params["fromEnteredTime"] == "2026-03-03T11:59:00Z"
    assert len(await listed(client, broker)) == 1


async def test_the_librarys_own_window_of_sixty_days_is_accepted(broker):
    broker.control.set_time(datetime.now(UTC))

    async with a_client(broker) as client:
        assert (await client.get_orders_for_account(broker.account_hash)).json() == []


@pytest.mark.parametrize("days", [61, -1])
async def test_a_window_too_long_ago_or_backwards_is_refused(broker, client, days):
    window = await client.get_orders_for_account(
        broker.account_hash,
        from_entered_datetime=NOON - timedelta(days=days),
        to_entered_datetime=NOON,
    )

    assert window.status_code == HTTPStatus.BAD_REQUEST


async def test_an_unknown_order_is_not_found(broker, client):
    hand = by_hand(broker, account="10001000")

    unknown = await client.get_order(1, broker.account_hash)
    elsewhere = await client.get_order(hand.order_id, broker.account_hash)

    assert (unknown.status_code, elsewhere.status_code) == (404, 404)


async def test_some_shares_may_fill_and_the_others_rest(broker, client):
    broker.control.destine(Fate(FateKind.PARTIAL, shares=TWO))
    number = await placed(client, broker, equity_buy_limit("VOO", 4, "501.00"))

    shown = await told(client, broker, number)

    assert (shown["status"], shown["filledQuantity"], shown["remainingQuantity"]) == (
        "WORKING",
        2,
        2,
    )
    assert shown["orderActivityCollection"][0]["orderRemainingQuantity"] == 2


async def test_a_cancelled_order_may_have_fills_and_nothing_remaining(broker, client):
    broker.control.destine(Fate(FateKind.PARTIAL, shares=TWO))
    number = await placed(client, broker, equity_buy_limit("VOO", 4, "501.00"))

    answer = await client.cancel_order(number, broker.account_hash)
    shown = await told(client, broker, number)

    assert (answer.status_code, answer.content) == (200, b"")
    assert (shown["status"], shown["filledQuantity"], shown["remainingQuantity"]) == (
        "CANCELED",
        2,
        0,
    )


async def test_the_average_is_of_all_executions(broker, client):
    broker.control.destine(Fate(FateKind.REST))
    number = await placed(client, broker, equity_buy_limit("VOO", 4, "501.00"))
    broker.control.fill(number, Decimal(1), Decimal("500.00"))
    broker.control.fill(number, Decimal(3), Decimal("500.40"))

    shown = await told(client, broker, number)

    legs = [leg for each in shown["orderActivityCollection"] for leg in each["executionLegs"]]
    assert [(leg["quantity"], leg["price"]) for leg in legs] == [(1, 500), (3, 500.4)]
    assert shown["status"] == "FILLED"
    assert (await securities(client, broker))["currentBalances"]["totalCash"] == 7998.8


async def test_a_final_order_can_not_be_cancelled(broker, client):
    number = await placed(client, broker, equity_buy_market("VOO", 1))

    answer = await client.cancel_order(number, broker.account_hash)

    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert "FILLED" in answer.json()["message"]


CANCELS = [
    (CancelKind.PENDING, 200, "PENDING_CANCEL"),
    (CancelKind.FILLED, 200, "FILLED"),
    (CancelKind.REFUSED, 400, "WORKING"),
]


@pytest.mark.parametrize(("kind", "code", "status"), CANCELS)
async def test_a_cancel_is_a_request(broker, client, kind, code, status):
    broker.control.destine(Fate(FateKind.REST, cancel=kind))
    number = await placed(client, broker, RESTS)

    answer = await client.cancel_order(number, broker.account_hash)

    assert answer.status_code == code
    assert (await told(client, broker, number))["status"] == status


async def test_a_pending_cancel_ends_when_it_is_told_to(broker, client):
    broker.control.destine(Fate(FateKind.REST, cancel=CancelKind.PENDING))
    number = await placed(client, broker, RESTS)
    await client.cancel_order(number, broker.account_hash)
    broker.control.put_status(number, Status.CANCELED)

    assert "closeTime" in await told(client, broker, number)


async def test_cancelling_an_unknown_order_is_not_found(broker, client):
    assert (await client.cancel_order(1, broker.account_hash)).status_code == HTTPStatus.NOT_FOUND


async def test_replacing_makes_another_order(broker, client):
    number = await placed(client, broker, RESTS)

    answer = await client.replace_order(
        broker.account_hash, number, equity_buy_limit("VOO", 4, "499.50")
    )

    assert answer.status_code == HTTPStatus.CREATED
    assert statuses(broker) == ["REPLACED", "WORKING"]
    again = await client.replace_order(broker.account_hash, number, RESTS)
    assert again.status_code == HTTPStatus.BAD_REQUEST


async def test_before_the_market_opens_an_order_waits(broker, client):
    broker.control.session(Session.CLOSED)
    number = await placed(client, broker, equity_buy_market("VOO", 1))
    before = await told(client, broker, number)
    broker.control.session(Session.OPEN)

    after = await told(client, broker, number)

    assert (before["status"], after["status"]) == ("PENDING_ACTIVATION", "FILLED")


async def test_the_clock_opens_the_market(broker, client):
    broker.control.session(Session.BY_HOURS)
    broker.control.set_time(datetime(2026, 3, 3, 14, 29, 59, tzinfo=UTC), running=False)
    await placed(client, broker, equity_buy_market("VOO", 1))
    before = statuses(broker)
    broker.control.move(1)

    assert (before, statuses(broker)) == (["PENDING_ACTIVATION"], ["FILLED"])


async def test_at_the_close_orders_of_the_day_expire_with_what_they_filled(broker, client):
    broker.control.destine(Fate(FateKind.PARTIAL, shares=TWO))
    number = await placed(client, broker, equity_buy_limit("VOO", 4, "501.00"))
    broker.control.end_session()

    shown = await told(client, broker, number)

    assert (shown["status"], shown["filledQuantity"]) == ("EXPIRED", 2)


async def test_an_order_at_the_close_trades_there(broker, client):
    body = spec(equity_sell_market("VOO", 1), orderType="MARKET_ON_CLOSE")
    number = await placed(client, broker, body)
    before = await told(client, broker, number)
    broker.control.end_session()

    after = await told(client, broker, number)

    assert (before["status"], after["status"]) == ("WORKING", "FILLED")
    assert after["orderActivityCollection"][0]["executionLegs"][0]["price"] == 500


@pytest.mark.parametrize("status", [*Status, "PENDING_SOMETHING_NEW"])
async def test_an_order_may_have_any_status(broker, client, status):
    broker.control.destine(Fate(FateKind.REST))
    number = await placed(client, broker, RESTS)
    broker.control.put_status(number, status, "Because.")
    broker.control.quote(VOO)

    shown = await told(client, broker, number)

    assert (shown["status"], shown["statusDescription"]) == (status, "Because.")


async def test_an_order_may_stick_in_a_status_from_the_start(broker, client):
    broker.control.destine(Fate(FateKind.STICK, status="AWAITING_MANUAL_REVIEW"))
    number = await placed(client, broker, equity_buy_market("VOO", 1))
    broker.control.move(600)

    assert (await told(client, broker, number))["status"] == "AWAITING_MANUAL_REVIEW"


async def test_a_fill_may_take_its_time(broker, client):
    broker.control.destine(Fate(seconds=10, status="NEW"))
    number = await placed(client, broker, equity_buy_market("VOO", 1))
    before = await told(client, broker, number)
    broker.control.move(10)

    after = await told(client, broker, number)

    assert (before["status"], after["status"]) == ("NEW", "FILLED")


async def test_fates_are_met_in_turn_and_by_symbol(broker, client):
    broker.control.destine(Fate(FateKind.REST, "BIL"))
    broker.control.destine(Fate(FateKind.REST, "VOO", times=2))
    for _ in range(3):
        await placed(client, broker, equity_sell_market("VOO", 1))

    assert statuses(broker) == ["WORKING", "WORKING", "FILLED"]


async def test_shorting_needs_margin(broker, client):
    short = spec(equity_sell_market("VOO", 2))
    short["orderLegCollection"][0]["instruction"] = "SELL_SHORT"
    await placed(client, broker, short)
    broker.control.set_account(an_account(kind=AccountKind.MARGIN))
    await placed(client, broker, short)

    assert statuses(broker) == ["REJECTED", "FILLED"]
    assert broker.control.account().held("VOO") == -2


async def test_a_cover_is_of_what_is_short(broker):
    broker.control.set_account(an_account(kind=AccountKind.MARGIN, VOO=-2))
    by_hand(broker, Instruction.BUY_TO_COVER, 3)
    by_hand(broker, Instruction.BUY_TO_COVER, 2)

    assert statuses(broker) == ["REJECTED", "FILLED"]
    assert broker.control.account().positions == ()


async def test_margin_lends(broker, client):
    broker.control.set_account(an_account(400, AccountKind.MARGIN, VOO=4))
    await placed(client, broker, equity_buy_market("VOO", 4))

    assert statuses(broker) == ["FILLED"]
    assert broker.control.account().cash < 0


async def test_only_open_shares_can_be_filled(broker, client):
    number = await placed(client, broker, equity_buy_market("VOO", 1))

    with pytest.raises(ValueError, match="it is FILLED, 0 shares are open"):
        broker.control.fill(number, Decimal(1))
    with pytest.raises(LookupError, match="order_id is 1"):
        broker.control.fill(1, Decimal(1))


ODD_FATES = [
    ({"times": 0}, "times is 0"),
    ({"kind": FateKind.PARTIAL}, "a partial fill has some"),
    ({"kind": FateKind.STICK, "status": "FILLED"}, "not final"),
]


@pytest.mark.parametrize(("given", "remark"), ODD_FATES)
def test_an_odd_fate_is_named(given, remark):
    with pytest.raises(ValueError, match=remark):
        Fate(**given)


def test_an_odd_ticket_is_named():
    with pytest.raises(ValueError, match="shares is 0"):
        Ticket("VOO", Instruction.BUY, Decimal(0))


def test_even_the_owners_order_may_be_refused(broker):
    with pytest.raises(Refused):
        by_hand(broker, fate=Fate(FateKind.REFUSE))


async def test_a_side_nobody_offers_is_not_traded_at(broker, client):
    broker.control.quote(replace(VOO, ask=None))
    await placed(client, broker, equity_buy_market("VOO", 1))
    await placed(client, broker, equity_sell_market("VOO", 1))
    broker.control.quote(replace(VOO, ask=None, bid=None))

    assert [order.fills[0].price for order in broker.control.orders()] == [500, Decimal("499.90")]


async def test_a_body_that_is_no_json_is_refused(broker, client):
    path = f"https://api.schwabapi.com/trader/v1/accounts/{broker.account_hash}/orders"
    answer = await client.session.post(path, content=b"{")

    assert answer.status_code == HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize(
    "query", ["", "fromEnteredTime=x", "maxResults=x", "toEnteredTime=2026-03-03T17:00:00.000Z"]
)
async def test_a_malformed_window_is_refused(broker, client, query):
    path = f"https://api.schwabapi.com/trader/v1/accounts/{broker.account_hash}/orders"
    ordinary = {
        "fromEnteredTime": "2026-03-03T16:00:00.000Z",
        "toEnteredTime": "2026-03-03T18:00:00Z",
    }
    given = dict([query.split("=")]) if query else {}
    params = ordinary | given if "maxResults" in query else given

    answer = await client.session.get(path, params=params)

    assert answer.status_code == HTTPStatus.BAD_REQUEST


async def test_news_of_orders_reach_who_listens(broker, client):
    heard = []
    broker.control.listen(lambda order: heard.append(order.status))
    await placed(client, broker, equity_buy_market("VOO", 1))

    assert heard == ["WORKING", "FILLED"]
