import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.errors import OrderRefused
from bot.domain.model import Action, OrderReport, OrderStatus
from bot.ports import Capabilities
from tests.adapters.worlds import DryWorld
from tests.builders import NOW, a_portfolio, an_intent


async def test_simulated_proceeds_pay_for_simulated_buys(tmp_path):
    world = DryWorld(tmp_path, a_portfolio(0, VOO=5))

    await world.broker.submit(an_intent("VOO", Action.SELL, 5, 99))
    await world.broker.submit(an_intent("BIL", Action.BUY, 10, 50))

    portfolio = await world.broker.portfolio()
    assert (portfolio.cash, portfolio.settled, portfolio.shares) == (0, -500, {"BIL": 10})


async def test_nothing_reaches_the_real_broker(tmp_path):
    world = DryWorld(tmp_path, a_portfolio(1000))
    order = an_intent("VOO", Action.BUY, 1, 99)

    await world.broker.submit(order)
    await world.broker.cancel(order)

    assert await world.real.portfolio() == a_portfolio(1000)
    assert await world.real.orders_today() == []


async def test_a_real_order_can_not_be_cancelled_through_a_preview(tmp_path):
    world = DryWorld(tmp_path, a_portfolio(1000))
    order = an_intent("VOO")
    world.real.orders.append(OrderReport.of(order, OrderStatus.WORKING))

    with pytest.raises(OrderRefused, match="unknown_order"):
        await world.broker.cancel(order)


async def test_until_an_order_is_simulated_the_account_is_the_real_one(tmp_path):
    world = DryWorld(tmp_path, a_portfolio(1000))
    await world.broker.portfolio()

    world.real.account = a_portfolio(400, VOO=6)

    assert (await world.broker.portfolio()).shares == {"VOO": 6}


async def test_from_the_first_order_on_the_account_is_the_simulated_one(tmp_path):
    world = DryWorld(tmp_path, a_portfolio(1000))
    await world.broker.submit(an_intent("VOO", Action.BUY, 1, 101))

    world.real.account = a_portfolio(400, VOO=6)

    assert (await world.broker.portfolio()).shares == {"VOO": 1}


async def test_a_preview_that_has_begun_reads_the_real_account_no_more(tmp_path):
    world = DryWorld(tmp_path, a_portfolio(1000))
    await world.broker.submit(an_intent("VOO", Action.BUY, 1, 101))
    await world.broker.portfolio()

    world.real.down = True

    assert (await world.broker.portfolio()).cash == 900


async def test_orders_at_the_same_time_are_in_one_preview(tmp_path):
    world = DryWorld(tmp_path, a_portfolio(1000))
    orders = [an_intent("VOO", Action.BUY, 1, 101, attempt) for attempt in (1, 2, 3)]

    await asyncio.gather(*(world.broker.submit(order) for order in orders))

    assert (await world.broker.portfolio()).shares == {"VOO": 3}


async def test_the_next_session_begins_with_the_real_account_again(tmp_path):
    world = DryWorld(tmp_path, a_portfolio(1000))
    await world.broker.submit(an_intent("VOO", Action.BUY, 1, 101))
    await world.broker.portfolio()

    world.clock.jump(NOW + timedelta(days=1))

    assert (await world.broker.portfolio()).shares == {}
    assert await world.broker.orders_today() == []


async def test_a_restart_in_the_session_goes_on_with_the_preview(tmp_path):
    world = DryWorld(tmp_path, a_portfolio(1000))
    await world.broker.submit(an_intent("VOO", Action.BUY, 1, 101))
    world.real.account = a_portfolio(400, VOO=6)

    world.restart()

    assert (await world.broker.portfolio()).shares == {"VOO": 1}
    assert [order.filled for order in await world.broker.orders_today()] == [1]


async def test_what_is_never_traded_is_shown_as_the_real_account_has_it(tmp_path):
    real = replace(
        a_portfolio(1000, VOO=1),
        hands_off={"QQQ": Decimal(20)},
        others=("ES future",),
        foreign_cash={"EUR": Decimal(70)},
    )

    assert await DryWorld(tmp_path, real).broker.portfolio() == real


async def test_unsettled_money_and_promised_shares_stay_so(tmp_path):
    real = replace(
        a_portfolio(1000, settled=700, VOO=5), spendable=Decimal(600), sellable={"VOO": Decimal(2)}
    )
    world = DryWorld(tmp_path, real)

    assert await world.broker.portfolio() == real
    with pytest.raises(OrderRefused, match="not_enough_shares"):
        await world.broker.submit(an_intent("VOO", Action.SELL, 3))
    with pytest.raises(OrderRefused, match="insufficient_cash"):
        await world.broker.submit(an_intent("VOO", Action.BUY, 7))


async def test_orders_are_the_real_ones_and_the_simulated(tmp_path):
    world = DryWorld(tmp_path, a_portfolio(1000))
    by_hand = OrderReport.of(an_intent("QQQ"), OrderStatus.FILLED)
    world.real.orders.append(by_hand)

    ours = await world.broker.submit(an_intent("VOO"))

    assert await world.broker.orders_today() == [by_hand, ours]


async def test_a_preview_keeps_no_fills_and_else_can_what_the_real_one_can(tmp_path):
    world = DryWorld(tmp_path, a_portfolio(1000))
    world.real.capabilities = Capabilities(echoes_client_id=False, market_on_close=True)

    can = world.broker.capabilities

    assert can == Capabilities(echoes_client_id=False, market_on_close=True, keeps_fills=False)


async def test_a_real_account_that_can_not_be_read_is_an_error(tmp_path):
    world = DryWorld(tmp_path, a_portfolio(1000))
    world.real.down = True

    with pytest.raises(ConnectionError):
        await world.broker.portfolio()
    with pytest.raises(ConnectionError):
        await world.broker.orders_today()
