import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bot.domain.errors import Blocked, OrderRefused
from bot.domain.fills import FillAtMost, FillRules, Refuse
from bot.domain.model import Action, OrderStatus
from bot.schedule import JumpingClock
from tests.adapters.worlds import PaperWorld
from tests.builders import a_quote, a_session, an_intent


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "paper.jsonl"


async def statuses(broker):
    return [report.status for report in await broker.orders_today()]


async def test_a_marketable_purchase_fills_at_once(path):
    world = PaperWorld(path, cash=1000)

    report = await world.broker.submit(an_intent("VOO", Action.BUY, 3, 101))

    assert (report.status, report.filled, report.average_price) == (OrderStatus.FILLED, 3, 100)
    assert (await world.broker.portfolio()).cash == 700
    assert (await world.broker.portfolio()).shares == {"VOO": 3}


async def test_slippage_and_commission_are_paid(path):
    rules = FillRules(slippage=Decimal("0.001"), commission_per_order=Decimal(1))
    world = PaperWorld(path, rules, VOO=3)

    report = await world.broker.submit(an_intent("VOO", Action.SELL, 3, 99))

    assert report.proceeds == Decimal("298.70")
    assert (await world.broker.portfolio()).cash == Decimal("1298.70")


async def test_what_is_not_marketable_rests_until_the_quote_comes(path):
    world = PaperWorld(path)
    await world.broker.submit(an_intent("VOO", Action.BUY, 3, 99))
    resting = await world.broker.portfolio()
    world.quote("VOO", "98.50")

    [report] = await world.broker.orders_today()

    assert (resting.cash, resting.spendable) == (1000, 703)
    assert (report.status, report.average_price) == (OrderStatus.FILLED, Decimal("98.50"))


async def test_a_resting_order_is_tried_when_the_account_is_read(path):
    world = PaperWorld(path, VOO=3)
    await world.broker.submit(an_intent("VOO", Action.SELL, 3, 101))
    world.quote("VOO", 102)

    assert (await world.broker.portfolio()).cash == 1306


async def test_a_resting_order_expires_with_its_session(path):
    world = PaperWorld(path)
    await world.broker.submit(an_intent("VOO", Action.BUY, 3, 99))
    world.clock.jump(a_session().closes)
    world.quote("VOO", 90)

    assert await statuses(world.broker) == [OrderStatus.EXPIRED]
    assert (await world.broker.portfolio()).spendable == 1000


async def test_an_order_left_open_by_a_crash_expires_too(path):
    world = PaperWorld(path)
    await world.broker.submit(an_intent("VOO", Action.BUY, 3, 99))
    world.tomorrow()
    world.quote("VOO", 90)

    portfolio = await world.restarted().portfolio()

    assert (portfolio.cash, portfolio.spendable) == (1000, 1000)


async def test_orders_today_begins_anew_each_day(path):
    world = PaperWorld(path)
    await world.broker.submit(an_intent("VOO"))
    world.tomorrow()

    assert await world.broker.orders_today() == []


@pytest.mark.parametrize(
    "at",
    [
        a_session().opens - timedelta(seconds=1),
        a_session().closes,
        datetime(2026, 3, 28, 15, 0, tzinfo=UTC),
    ],
)
async def test_nothing_is_taken_outside_trading_hours(path, at):
    world = PaperWorld(path)
    world.clock = JumpingClock(at)
    broker = world.restarted()

    with pytest.raises(OrderRefused, match="market_closed"):
        await broker.submit(an_intent("VOO"))

    assert await statuses(broker) == [OrderStatus.REFUSED]


async def test_the_first_second_of_a_session_is_trading(path):
    world = PaperWorld(path)
    world.clock = JumpingClock(a_session().opens)

    report = await world.restarted().submit(an_intent("VOO"))

    assert report.status is OrderStatus.FILLED


async def test_a_day_the_calendar_does_not_know_blocks(path):
    world = PaperWorld(path)
    world.clock.jump(datetime(2026, 7, 1, 15, 0, tzinfo=UTC))

    with pytest.raises(Blocked, match="calendar_unknown"):
        await world.broker.submit(an_intent("VOO"))


async def test_a_refusal_is_listed_with_its_reason_and_survives(path):
    world = PaperWorld(path, cash=99)

    with pytest.raises(OrderRefused, match="insufficient_cash"):
        await world.broker.submit(an_intent("VOO", Action.BUY, 1, 100))

    [report] = await world.restarted().orders_today()
    assert (report.status, report.reason) == (OrderStatus.REFUSED, "insufficient_cash")


async def test_open_purchases_count_against_the_cash(path):
    world = PaperWorld(path, cash=1000)
    await world.broker.submit(an_intent("VOO", Action.BUY, 6, 99))

    with pytest.raises(OrderRefused, match="insufficient_cash"):
        await world.broker.submit(an_intent("BIL", Action.BUY, 9, 50))


async def test_open_sales_count_against_the_shares(path):
    world = PaperWorld(path, VOO=5)
    await world.broker.submit(an_intent("VOO", Action.SELL, 3, 120))

    with pytest.raises(OrderRefused, match="not_enough_shares"):
        await world.broker.submit(an_intent("VOO", Action.SELL, 3, 120, attempt=2))


async def test_the_same_order_asked_for_twice_is_booked_twice(path):
    world = PaperWorld(path, cash=1000)

    for _ in range(2):
        await world.broker.submit(an_intent("VOO", Action.BUY, 2, 101))

    first, second = await world.broker.orders_today()
    assert first.client_id == second.client_id
    assert first.broker_id != second.broker_id
    assert (await world.broker.portfolio()).shares == {"VOO": 4}


async def test_a_sale_settles_on_the_next_settlement_day(path):
    world = PaperWorld(path, cash=0, VOO=1)
    await world.broker.submit(an_intent("VOO", Action.SELL, 1, 99))
    today = await world.broker.portfolio()
    world.tomorrow()

    assert (today.cash, today.spendable, today.settled) == (100, 100, 0)
    assert (await world.broker.portfolio()).settled == 100
    assert (await world.restarted().portfolio()).settled == 100


async def test_a_drill_fills_part_and_lets_the_rest_stand(path):
    world = PaperWorld(path, FillRules(drills={"VOO": FillAtMost(2)}))
    order = an_intent("VOO", Action.BUY, 5, 101)

    report = await world.broker.submit(order)
    await world.broker.cancel(order)

    assert (report.status, report.filled) == (OrderStatus.WORKING, 2)
    [ended] = await world.broker.orders_today()
    assert (ended.status, ended.filled) == (OrderStatus.CANCELLED, 2)


async def test_a_drill_refuses(path):
    world = PaperWorld(path, FillRules(drills={"VOO": Refuse("no_permission")}))

    with pytest.raises(OrderRefused, match="no_permission"):
        await world.broker.submit(an_intent("VOO"))


async def test_an_exit_of_a_halted_symbol_rests_until_it_trades(path):
    world = PaperWorld(path, VOO=1)
    world.market.table["VOO"] = replace(a_quote("VOO", 100), halted=True)

    report = await world.broker.submit(an_intent("VOO", Action.SELL, 1, None))
    world.quote("VOO", 80)

    assert report.status is OrderStatus.WORKING
    assert await statuses(world.broker) == [OrderStatus.FILLED]


async def test_a_cancel_needs_no_market(path):
    world = PaperWorld(path)
    order = an_intent("VOO", Action.BUY, 1, 99)
    await world.broker.submit(order)
    world.market.down = True

    await world.broker.cancel(order)

    assert await statuses(world.broker) == [OrderStatus.CANCELLED]


async def test_readers_at_the_same_time_fill_an_order_once(path):
    world = PaperWorld(path)
    await world.broker.submit(an_intent("VOO", Action.BUY, 1, 99))
    world.quote("VOO", 98)

    await asyncio.gather(*(world.broker.portfolio() for _ in range(5)))

    assert (await world.broker.portfolio()).shares == {"VOO": 1}


async def test_shorts_are_as_the_rules_say(path):
    world = PaperWorld(path, FillRules(shorting=True))
    await world.broker.submit(an_intent("VOO", Action.SELL_SHORT, 2, 99))
    world.quote("VOO", 90)
    await world.broker.submit(an_intent("VOO", Action.BUY_TO_COVER, 2, 91))

    assert world.broker.capabilities.shorting
    assert (await world.broker.portfolio()).cash == 1020
    assert not PaperWorld(path.with_suffix(".other")).broker.capabilities.shorting
