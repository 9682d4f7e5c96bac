"""The suite every broker must pass: each world begins with 1000 in cash and ten VOO at 100."""

from decimal import Decimal

import pytest

from bot.domain.errors import BellwetherError, OrderRefused
from bot.domain.matching import find, foreign
from bot.domain.memory import Standing
from bot.domain.model import Action, OrderStatus, Side
from tests.adapters.ibkr_world import IbkrWorld
from tests.adapters.longport_world import LongPortWorld
from tests.adapters.schwab_world import SchwabWorld
from tests.adapters.worlds import DryWorld, PaperWorld
from tests.builders import NOW, a_portfolio, an_intent

RESTING_BUY = an_intent("VOO", Action.BUY, 2, 90)
RESTING_SELL = an_intent("VOO", Action.SELL, 4, 110)


def paper(folder):
    return PaperWorld(folder / "paper.jsonl", cash=1000, VOO=10)


def dry_run(folder):
    return DryWorld(folder, a_portfolio(1000, VOO=10))


def ibkr(folder):
    return IbkrWorld(folder)


def schwab(folder):
    return SchwabWorld(folder)


def longport(folder):
    return LongPortWorld(folder)


@pytest.fixture(params=[paper, dry_run, ibkr, schwab, longport], ids=lambda opened: opened.__name__)
def world(request, tmp_path):
    return request.param(tmp_path)


async def report_of(world, order):
    """Our order in the broker's list, as a run would find it again."""
    side = Side.BUY if order.action.takes_shares else Side.SELL
    asked = Standing(order, side, sent_at=NOW)
    echoes = world.broker.capabilities.echoes_client_id
    return find(asked, await world.broker.orders_today(), echoes=echoes)


async def test_the_account_is_what_it_is(world):
    portfolio = await world.broker.portfolio()

    assert (portfolio.cash, portfolio.settled, portfolio.spendable) == (1000, 1000, 1000)
    assert portfolio.shares == portfolio.sellable == {"VOO": 10}


async def test_an_account_without_orders_lists_none(world):
    assert list(await world.broker.orders_today()) == []


async def test_a_failed_read_raises_and_is_no_empty_account(world):
    await world.broker.submit(RESTING_BUY)
    world.cut()

    with pytest.raises((OSError, BellwetherError)):
        await world.broker.portfolio()
    with pytest.raises((OSError, BellwetherError)):
        await world.broker.orders_today()


async def test_an_accepted_order_is_reported_as_asked(world):
    report = await world.broker.submit(RESTING_SELL)

    asked = (report.symbol, report.action, report.shares, report.limit)
    assert asked == ("VOO", Action.SELL, 4, Decimal(110))
    assert (report.status, report.filled) == (OrderStatus.WORKING, 0)


async def test_our_order_is_found_in_the_list(world):
    await world.broker.submit(RESTING_SELL)

    report = await report_of(world, RESTING_SELL)

    assert (report.status, report.shares) == (OrderStatus.WORKING, 4)


@pytest.mark.parametrize(
    "order",
    [an_intent("VOO", Action.BUY, 100, 100), an_intent("VOO", Action.SELL, 11, 100)],
    ids=["more than the cash", "more than the shares"],
)
async def test_a_refused_order_raises_and_moves_nothing(world, order):
    before = await world.broker.portfolio()

    with pytest.raises(OrderRefused):
        await world.broker.submit(order)

    assert await world.broker.portfolio() == before
    listed = await report_of(world, order)
    assert listed is None or listed.status is OrderStatus.REFUSED


@pytest.mark.parametrize(
    "order",
    [
        an_intent("VOO", Action.SELL, 4, 99),
        an_intent("VOO", Action.BUY, 4, 101),
        an_intent("BIL", Action.BUY, 3, None),
    ],
    ids=["sale", "purchase", "purchase at the market"],
)
async def test_cash_and_shares_move_by_exactly_the_fill(world, order):
    before = await world.broker.portfolio()

    await world.broker.submit(order)

    after, report = await world.broker.portfolio(), await report_of(world, order)
    signed = report.filled if order.action.takes_shares else -report.filled
    assert report.status is OrderStatus.FILLED
    assert after.cash == before.cash + report.proceeds
    assert after.held(order.symbol) == before.held(order.symbol) + signed


async def test_what_an_open_sale_promises_is_not_sellable(world):
    await world.broker.submit(RESTING_SELL)

    portfolio = await world.broker.portfolio()

    assert (portfolio.held("VOO"), portfolio.sellable["VOO"]) == (10, 6)


async def test_what_an_open_purchase_needs_is_not_spendable(world):
    await world.broker.submit(RESTING_BUY)

    portfolio = await world.broker.portfolio()

    assert portfolio.cash == 1000
    assert portfolio.spendable <= 820


async def test_a_resting_order_fills_when_the_price_comes(world):
    await world.broker.submit(RESTING_BUY)
    world.quote("VOO", 89)

    report = await report_of(world, RESTING_BUY)

    assert (report.status, report.filled, report.average_price) == (OrderStatus.FILLED, 2, 89)


async def test_a_cancelled_order_is_final_and_ties_up_nothing(world):
    await world.broker.submit(RESTING_SELL)

    await world.broker.cancel(RESTING_SELL)
    world.quote("VOO", 120)

    assert (await report_of(world, RESTING_SELL)).status is OrderStatus.CANCELLED
    assert (await world.broker.portfolio()).sellable == {"VOO": 10}


async def test_cancelling_what_is_final_changes_nothing(world):
    order = an_intent("VOO", Action.SELL, 4, 99)
    filled = await world.broker.submit(order)

    await world.broker.cancel(order)

    assert (await report_of(world, order)).status is filled.status is OrderStatus.FILLED


async def test_cancelling_what_was_never_entered_is_refused(world):
    with pytest.raises(OrderRefused):
        await world.broker.cancel(RESTING_BUY)


async def test_orders_and_account_survive_a_restart(world):
    await world.broker.submit(RESTING_BUY)
    await world.broker.submit(an_intent("VOO", Action.SELL, 4, 99))
    orders, portfolio = await world.broker.orders_today(), await world.broker.portfolio()

    world.restart()

    assert await world.broker.orders_today() == orders
    assert await world.broker.portfolio() == portfolio


async def test_an_order_can_be_cancelled_after_a_restart(world):
    await world.broker.submit(RESTING_BUY)

    world.restart()
    await world.broker.cancel(RESTING_BUY)

    assert (await report_of(world, RESTING_BUY)).status is OrderStatus.CANCELLED


async def test_another_hands_order_is_listed_and_is_not_ours(world):
    await world.by_hand(RESTING_SELL)

    orders = await world.broker.orders_today()

    assert await report_of(world, RESTING_SELL) is None
    assert foreign(orders, [], echoes=world.broker.capabilities.echoes_client_id) == {"VOO"}


async def test_another_hands_order_is_not_touched_by_our_cancel(world):
    await world.by_hand(RESTING_SELL)
    await world.broker.submit(RESTING_BUY)

    await world.broker.cancel(RESTING_BUY)

    states = {order.action: order.status for order in await world.broker.orders_today()}
    assert states == {Action.SELL: OrderStatus.WORKING, Action.BUY: OrderStatus.CANCELLED}
