from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.decide import decide
from bot.domain.errors import Halted
from bot.domain.memory import Standing, Switch
from bot.domain.model import Action, OrderIntent, OrderReport, OrderStatus, Plan, Side, Symbol
from bot.execution import (
    call_off,
    place,
    pledged,
    reconcile,
    refresh,
    settle,
)
from bot.ladder import LEFT, unfilled
from tests.bot.floor import Floor, days_before
from tests.builders import TODAY, Money, an_intent
from tests.fakes import Wants

BOTH = Wants({"VOO": 0.5, "QQQ": 0.4})


async def meaning(
    floor: Floor, *orders: tuple[Symbol, Action, int], limit: Money | None = None
) -> list[OrderIntent]:
    """Let today's run have decided, and mean these orders."""
    await decide(floor.book, floor.session, floor.desk)
    intents = [
        OrderIntent(floor.run_key(), *order, None if limit is None else Decimal(limit))
        for order in orders
    ]
    for side, action in ((Side.SELL, Action.SELL), (Side.BUY, Action.BUY)):
        plan = Plan([intent for intent in intents if intent.action is action])
        floor.ledger.intend(floor.run_key(), side, plan, {})
    return intents


async def meaning_one(floor: Floor, action: Action = Action.BUY, shares: int = 10) -> OrderIntent:
    (intent,) = await meaning(floor, ("VOO", action, shares), limit=100)
    return intent


async def asked_in_vain(floor: Floor, **moved: int) -> OrderIntent:
    """An order nobody answered, after which the account holds `moved` more."""
    intent = await meaning_one(floor)
    floor.broker.lost.add("VOO")
    await place(intent, floor.desk)
    account = floor.broker.account
    for symbol, shares in moved.items():
        held = {**account.shares, symbol: account.held(symbol) + shares}
        account = replace(account, shares=held, cash=account.cash - 100 * shares)
    floor.broker.account = account
    return intent


def standing(floor: Floor) -> Standing:
    return floor.ledger.standings(floor.run_key())[0]


def status(floor: Floor) -> OrderStatus | None:
    report = standing(floor).report
    return report.status if report else None


async def test_an_order_is_marked_as_sent_and_its_answer_kept():
    floor = Floor(BOTH, 10_000)
    intent = await meaning_one(floor)

    await place(intent, floor.desk)

    assert (standing(floor).sent_at, status(floor)) == (floor.clock.now(), OrderStatus.FILLED)


async def test_a_refusal_is_an_answer():
    floor = Floor(BOTH, 10_000)
    floor.broker.refusing["VOO"] = "no_margin"
    intent = await meaning_one(floor)

    await place(intent, floor.desk)

    assert status(floor) is OrderStatus.REFUSED


async def test_silence_is_no_answer():
    floor = Floor(BOTH, 10_000)
    floor.broker.silent.add("VOO")
    intent = await meaning_one(floor)

    await place(intent, floor.desk)

    assert standing(floor).unanswered


async def test_orders_that_are_final_are_not_asked_about():
    floor = Floor(BOTH, 10_000)
    await place(await meaning_one(floor), floor.desk)
    floor.broker.outage = (floor.before_close(hours=1), floor.session.closes)

    assert await refresh(floor.run_key(), floor.desk)


async def test_a_broker_that_can_not_be_asked_is_not_reached():
    floor = Floor(BOTH, 10_000)
    floor.broker.resting.add("VOO")
    await place(await meaning_one(floor), floor.desk)
    floor.broker.outage = (floor.before_close(hours=1), floor.session.closes)

    assert not await refresh(floor.run_key(), floor.desk)


async def test_an_order_without_an_answer_is_found_in_the_list():
    floor = Floor(BOTH, 10_000)
    floor.broker.silent.add("VOO")
    await place(await meaning_one(floor), floor.desk)

    await refresh(floor.run_key(), floor.desk)

    assert status(floor) is OrderStatus.FILLED


async def test_an_order_the_list_does_not_know_stays_a_question_during_its_session():
    floor = Floor(BOTH, 10_000)
    intent = await asked_in_vain(floor)

    still = await reconcile(floor.book, floor.desk, over=days_before(TODAY, 1))

    assert [question.intent for question in still] == [intent]


async def test_after_its_session_an_order_that_moved_nothing_was_never_booked():
    floor = Floor(BOTH, 10_000)
    await asked_in_vain(floor)

    still = await reconcile(floor.book, floor.desk, over=TODAY)

    assert (still, status(floor)) == ((), OrderStatus.NOT_BOOKED)


async def test_after_its_session_positions_that_moved_by_its_shares_adopt_an_order():
    floor = Floor(BOTH, 10_000)
    await asked_in_vain(floor, VOO=10)

    await reconcile(floor.book, floor.desk, over=TODAY)

    report = standing(floor).report
    assert report is not None
    assert (report.status, report.filled, report.average_price) == (OrderStatus.FILLED, 10, 100)


async def test_positions_that_no_order_explains_halt_the_book():
    floor = Floor(BOTH, 10_000)
    await asked_in_vain(floor, VOO=7)

    with pytest.raises(Halted, match="positions_unexplained"):
        await reconcile(floor.book, floor.desk, over=TODAY)


async def test_what_a_preview_simulated_is_never_in_the_account():
    floor = Floor(BOTH, 10_000)
    await asked_in_vain(floor, VOO=10)
    floor.broker.capabilities = replace(floor.broker.capabilities, keeps_fills=False)

    await reconcile(floor.book, floor.desk, over=TODAY)

    assert status(floor) is OrderStatus.NOT_BOOKED


async def test_two_questions_halt_the_book():
    floor = Floor(BOTH, 10_000)
    floor.broker.lost.update({"VOO", "QQQ"})
    intents = await meaning(floor, ("VOO", Action.BUY, 1), ("QQQ", Action.BUY, 1), limit=300)
    for intent in intents:
        await place(intent, floor.desk)

    with pytest.raises(Halted, match="several_questions"):
        await reconcile(floor.book, floor.desk, over=days_before(TODAY, 1))


async def test_a_book_without_questions_asks_nothing():
    floor = Floor(BOTH, 10_000)
    floor.broker.outage = (floor.before_close(hours=1), floor.session.closes)

    assert await reconcile(floor.book, floor.desk, over=TODAY) == ()


async def test_without_an_echo_an_order_is_found_by_its_shape():
    floor = Floor(BOTH, 10_000)
    floor.broker.capabilities = replace(floor.broker.capabilities, echoes_client_id=False)
    floor.broker.silent.add("VOO")
    await place(await meaning_one(floor), floor.desk)
    floor.broker.orders = [replace(order, client_id="") for order in floor.broker.orders]

    await refresh(floor.run_key(), floor.desk)

    assert status(floor) is OrderStatus.FILLED


async def test_the_order_of_an_equal_slice_answers_no_question():
    floor = Floor(BOTH, 0, VOO=10)
    floor.broker.capabilities = replace(floor.broker.capabilities, echoes_client_id=False)
    await decide(floor.book, floor.session, floor.desk)
    slices = [an_intent("VOO", Action.SELL, 5, 100, attempt) for attempt in (1, 2)]
    floor.ledger.intend(floor.run_key(), Side.SELL, Plan(slices), {})
    await place(slices[0], floor.desk)
    floor.broker.lost.add("VOO")
    await place(slices[1], floor.desk)

    still = await reconcile(floor.book, floor.desk, over=days_before(TODAY, 1))

    assert [question.intent for question in still] == [slices[1]]


@pytest.mark.parametrize(
    ("intent", "money"),
    [
        (an_intent("VOO", Action.BUY, 3, 100), 300),
        (an_intent("VOO", Action.BUY, 3, None), 330),
        (an_intent("QQQ", Action.BUY, 3, None), 0),
        (an_intent("VOO", Action.BUY_TO_COVER, 3, 100), 300),
        (an_intent("VOO", Action.SELL, 3, 100), 0),
    ],
)
def test_what_an_unanswered_order_may_have_spent(intent: OrderIntent, money: int):
    assert pledged([Standing(intent, Side.BUY)], {"VOO": Decimal(110)}) == money


def told(intent: OrderIntent, filled: int, *, again: bool = False) -> Standing:
    report = OrderReport.of(intent, OrderStatus.CANCELLED)
    return Standing(intent, Side.BUY, report=replace(report, filled=filled), again=again)


def test_attempts_of_a_symbol_count_together():
    first = told(an_intent(shares=10), 4)
    second = told(an_intent(shares=6, attempt=2), 5, again=True)

    assert unfilled([first, second]) == {"VOO": (1, 10)}


def test_a_symbol_that_filled_is_not_unfilled():
    assert unfilled([told(an_intent(shares=10), 10)]) == {}


async def test_while_only_exits_are_allowed_a_meant_buy_is_not_sent():
    floor = Floor(BOTH, 10_000, VOO=5)
    await meaning(floor, ("VOO", Action.SELL, 5), ("QQQ", Action.BUY, 1), limit=1)
    floor.switch(Switch.EXITS_ONLY)

    await settle(replace(floor.trade, exits={"VOO"}), Side.BUY, floor.desk)

    assert [order.symbol for order in floor.broker.asked] == ["VOO"]


async def test_nothing_is_sent_after_the_last_call():
    floor = Floor(BOTH, 10_000)
    await meaning_one(floor)
    floor.clock.jump(floor.trade.last_call)

    await settle(floor.trade, Side.BUY, floor.desk)

    assert floor.broker.asked == []


async def test_no_order_is_sent_while_what_rests_can_not_be_read():
    floor = Floor(BOTH, 10_000)
    floor.broker.resting.add("VOO")
    first, _ = await meaning(floor, ("VOO", Action.BUY, 1), ("QQQ", Action.BUY, 1), limit=300)
    await place(first, floor.desk)
    floor.broker.outage = (floor.clock.now(), floor.trade.last_call)

    await settle(floor.trade, Side.BUY, floor.desk)

    assert [order.symbol for order in floor.broker.asked] == ["VOO"]


async def test_no_further_order_is_sent_after_one_whose_fate_can_not_be_read():
    floor = Floor(BOTH, 10_000)
    floor.broker.resting.update({"VOO", "QQQ"})
    await meaning(floor, ("VOO", Action.BUY, 1), ("QQQ", Action.BUY, 1), limit=300)
    floor.broker.outage = (floor.clock.now(), floor.trade.last_call)

    await settle(floor.trade, Side.BUY, floor.desk)

    assert [order.symbol for order in floor.broker.asked] == ["VOO"]


async def test_an_order_the_owner_cancelled_is_not_tried_again():
    floor = Floor(BOTH, 10_000)
    floor.broker.resting.add("VOO")
    intent = await meaning_one(floor)
    await place(intent, floor.desk)
    await floor.broker.cancel(intent)

    await settle(floor.trade, Side.BUY, floor.desk)

    assert len(floor.broker.asked) == 1


async def test_a_further_attempt_needs_a_quote():
    floor = Floor(BOTH, 10_000)
    floor.broker.resting.add("VOO")
    await meaning_one(floor)
    floor.market.unquoted.add("VOO")

    await settle(floor.trade, Side.BUY, floor.desk)

    assert len(floor.broker.asked) == 1


@pytest.mark.parametrize("ask", [50, 121, 1_000_000_000])
async def test_a_further_attempt_believes_no_quote_far_from_the_order_before(ask):
    floor = Floor(BOTH, 10_000)
    floor.broker.resting.add("VOO")
    await meaning_one(floor)
    floor.market.prices["VOO"] = Decimal(ask)

    await settle(floor.trade, Side.BUY, floor.desk)

    assert len(floor.broker.asked) == 1


async def test_a_further_attempt_spends_no_more_than_was_set_aside():
    floor = Floor(BOTH, 10_000)
    floor.broker.resting.add("VOO")
    await meaning_one(floor)

    await settle(floor.trade, Side.BUY, floor.desk)

    again = floor.broker.asked[1]
    assert (again.shares, again.limit, again.attempt) == (9, Decimal("100.90"), 2)


async def test_a_further_attempt_of_one_share_that_would_cost_more_is_not_made():
    floor = Floor(BOTH, 10_000)
    floor.broker.resting.add("VOO")
    await meaning_one(floor, shares=1)

    await settle(floor.trade, Side.BUY, floor.desk)

    assert len(floor.broker.asked) == 1


async def test_a_further_attempt_may_spend_what_the_plan_left_over():
    floor = Floor(BOTH, 10_000)
    floor.broker.resting.add("VOO")
    intent = OrderIntent(floor.run_key(), "VOO", Action.BUY, 1, Decimal(100))
    floor.ledger.intend(floor.run_key(), Side.SELL, Plan(), {})
    floor.ledger.intend(floor.run_key(), Side.BUY, Plan((intent,)), {LEFT: Decimal("0.90")})

    await settle(floor.trade, Side.BUY, floor.desk)

    again = floor.broker.asked[-1]
    assert (again.attempt, again.shares, again.limit) == (2, 1, Decimal("100.90"))


async def test_what_rests_is_called_off():
    floor = Floor(BOTH, 10_000)
    floor.broker.resting.add("VOO")
    await place(await meaning_one(floor), floor.desk)

    await call_off(floor.trade, floor.desk)

    assert status(floor) is OrderStatus.CANCELLED


async def test_calling_off_ends_with_the_session():
    floor = Floor(BOTH, 10_000)
    floor.broker.resting.add("VOO")
    await place(await meaning_one(floor), floor.desk)
    floor.broker.outage = (floor.clock.now(), floor.session.closes + timedelta(hours=1))

    await call_off(floor.trade, floor.desk)

    assert (floor.clock.now(), status(floor)) == (floor.session.closes, OrderStatus.WORKING)
