"""Accounts of a simulated broker as the real library reads them."""

from dataclasses import replace
from decimal import Decimal

import pytest

from adapters.sims.schwab import SchwabSim
from adapters.sims.schwab_accounts import Account, AccountKind, Asset, Position
from adapters.sims.schwab_fates import Fate, FateKind
from adapters.sims.schwab_orders import Instruction, Ticket
from adapters.sims.schwab_world import Setup
from tests.adapters.sims.schwab_clients import (
    a_client,
    a_setup,
    an_account,
    an_option,
    equity_buy_limit,
    equity_buy_market,
    equity_sell_market,
    placed,
    securities,
)


@pytest.fixture
async def broker(tmp_path):
    async with SchwabSim(tmp_path / "ca.pem", a_setup(an_account(VOO=4))) as it:
        yield it


@pytest.fixture
async def client(broker):
    async with a_client(broker) as it:
        yield it


async def balances(client, broker: SchwabSim) -> dict[str, float]:
    return (await securities(client, broker))["currentBalances"]


async def positions(client, broker: SchwabSim) -> dict[str, dict[str, float]]:
    shown = (await securities(client, broker)).get("positions", [])
    return {each["instrument"]["symbol"]: each for each in shown}


async def test_the_first_account_listed_is_not_the_one_meant(broker, client):
    listed = (await client.get_account_numbers()).json()

    assert listed[0]["accountNumber"] != broker.account
    assert listed[1] == {"accountNumber": broker.account, "hashValue": broker.account_hash}


async def test_a_number_does_not_stand_for_its_hash(broker, client):
    answer = await client.get_account(broker.account)

    assert answer.json() == {"message": "Invalid account number"}
    assert answer.is_error


async def test_all_accounts_come_without_their_hashes(broker, client):
    shown = (await client.get_accounts()).json()

    numbers = [each["securitiesAccount"]["accountNumber"] for each in shown]
    assert numbers == ["10001000", broker.account]
    assert broker.account_hash not in str(shown)


async def test_positions_are_shown_only_when_asked_for(broker, client):
    answer = await client.get_account(broker.account_hash)

    assert "positions" not in answer.json()["securitiesAccount"]


async def test_a_flat_account_has_no_positions_at_all(broker, client):
    broker.control.set_account(an_account())

    assert "positions" not in await securities(client, broker)


async def test_a_fund_is_no_equity(broker, client):
    held = (await positions(client, broker))["VOO"]

    assert held["instrument"]["assetType"] == "COLLECTIVE_INVESTMENT"
    assert (held["longQuantity"], held["settledLongQuantity"]) == (4, 4)
    assert held["marketValue"] == 2000


async def test_other_instruments_lie_between_the_shares(broker, client):
    sweep = Position("MMDA1", Decimal(900), Decimal(1), Asset.SWEEP)
    broker.control.set_account(an_account(positions=(an_option(-2), sweep), VOO=4))

    shown = await positions(client, broker)

    option = shown["QQQ   260620P00500000"]
    assert option["instrument"]["putCall"] == "PUT"
    assert option["instrument"]["underlyingSymbol"] == "QQQ"
    assert (option["shortQuantity"], option["marketValue"]) == (2, -800)
    assert shown["MMDA1"]["instrument"]["assetType"] == "CASH_EQUIVALENT"


async def test_a_short_is_a_positive_short_quantity(broker, client):
    broker.control.set_account(an_account(kind=AccountKind.MARGIN, VOO=-3))

    held = (await positions(client, broker))["VOO"]

    assert (held["longQuantity"], held["shortQuantity"]) == (0, 3)
    assert held["marketValue"] == -1500
    assert held["settledShortQuantity"] == -3


async def test_fractions_of_reinvested_dividends_are_shown(broker, client):
    broker.control.set_account(an_account(VOO="4.125"))

    assert (await positions(client, broker))["VOO"]["longQuantity"] == 4.125


async def test_a_cash_account_says_what_is_settled(broker, client):
    await placed(client, broker, equity_sell_market("VOO", 2))

    money = await balances(client, broker)

    assert money["totalCash"] == money["cashAvailableForTrading"] == 10_999.8
    assert money["unsettledCash"] == 999.8
    assert money["cashAvailableForWithdrawal"] == 10_000
    assert "buyingPower" not in money


async def test_settlement_comes_when_it_is_told_to(broker, client):
    await placed(client, broker, equity_sell_market("VOO", 2))
    await placed(client, broker, equity_buy_market("VOO", 1))
    before = (await positions(client, broker))["VOO"]
    broker.control.settle()

    after = (await positions(client, broker))["VOO"]

    assert (before["longQuantity"], before["settledLongQuantity"]) == (3, 2)
    assert (after["longQuantity"], after["settledLongQuantity"]) == (3, 3)
    assert (await balances(client, broker))["unsettledCash"] == 0


async def test_a_margin_account_calls_available_what_it_would_lend(broker, client):
    broker.control.set_account(an_account(400, AccountKind.MARGIN, VOO=4))

    money = await balances(client, broker)

    assert money["cashBalance"] == 400
    assert money["availableFundsNonMarginableTrade"] == 1400
    assert money["buyingPower"] == 2800
    assert "cashAvailableForTrading" not in money


async def test_a_debit_is_not_in_the_cash_balance(broker, client):
    broker.control.set_account(an_account(-284, AccountKind.MARGIN, VOO=4))

    money = await balances(client, broker)

    assert (money["cashBalance"], money["marginBalance"]) == (0, -284)
    assert money["availableFundsNonMarginableTrade"] > 0


async def test_open_buys_reserve_money(broker, client):
    await placed(client, broker, equity_buy_limit("VOO", 2, "450.00"))

    money = await balances(client, broker)

    assert (money["totalCash"], money["cashAvailableForTrading"]) == (10_000, 9_100)


async def test_initial_balances_are_those_of_the_start(broker, client):
    await placed(client, broker, equity_sell_market("VOO", 4))

    shown = await securities(client, broker)

    assert shown["initialBalances"]["totalCash"] == 10_000
    assert shown["currentBalances"]["totalCash"] == 11_999.6


async def test_an_account_may_lag_behind_its_fills(broker, client):
    broker.control.lag(accounts=5)
    await placed(client, broker, equity_sell_market("VOO", 4))
    at_once = await securities(client, broker)
    broker.control.move(5)

    later = await securities(client, broker)

    assert at_once["currentBalances"]["totalCash"] == 10_000
    assert at_once["positions"][0]["longQuantity"] == 4
    assert later["currentBalances"]["totalCash"] == 11_999.6
    assert "positions" not in later


async def test_a_balance_may_be_missing_or_odd(broker, client):
    broker.control.tell_balance("cashAvailableForTrading")
    broker.control.tell_balance("cashBalance", Decimal("7.77"))

    money = await balances(client, broker)

    assert "cashAvailableForTrading" not in money
    assert money["cashBalance"] == 7.77


async def test_a_stock_bought_is_held_as_equity(broker, client):
    stock = replace(broker._world.market.quote("VOO"), symbol="AAPL", listing="COE")
    broker.control.quote(stock)
    await placed(client, broker, equity_buy_market("AAPL", 1))

    assert (await positions(client, broker))["AAPL"]["instrument"]["assetType"] == "EQUITY"


TRADES = [
    pytest.param(4, Instruction.BUY, 4, 8, "450", id="the price paid is an average"),
    pytest.param(4, Instruction.SELL, 2, 2, "400", id="a sale keeps the price paid"),
    pytest.param(
        0, Instruction.SELL_SHORT, 2, -2, "500", id="a short has the price it was sold at"
    ),
    pytest.param(-4, Instruction.BUY_TO_COVER, 1, -3, "400", id="a cover keeps it"),
]


@pytest.mark.parametrize(("held", "instruction", "shares", "left", "price"), TRADES)
def test_a_trade_changes_what_is_held(broker, held, instruction, shares, left, price):
    broker.control.set_account(an_account(kind=AccountKind.MARGIN, VOO=held))
    ticket = Ticket("VOO", instruction, Decimal(shares))
    order = broker.control.by_hand(ticket, fate=Fate(FateKind.REST))
    broker.control.fill(order.order_id, Decimal(shares), Decimal(500))

    (position,) = broker.control.account().positions
    assert (position.shares, position.price) == (left, Decimal(price))


@pytest.mark.parametrize("accounts", [(), (Account("1"), Account("1")), (Account("A1"),)])
def test_an_odd_setup_is_named(accounts):
    with pytest.raises(ValueError, match="account"):
        Setup(accounts=accounts)


def test_an_unknown_account_is_named(broker):
    with pytest.raises(LookupError, match="account is 5: give one of 10001000, 20002000"):
        broker.control.account("5")
