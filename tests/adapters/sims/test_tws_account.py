"""What the real library reads of accounts and positions."""

from decimal import Decimal

import pytest

from adapters.sims.tws_account import AccountKind, AccountSetup, Proceeds
from adapters.sims.tws_contracts import CASH, OPTION, Instrument
from tests.adapters.sims.tws_clients import (
    ACCOUNT,
    a_client,
    a_raw_client,
    a_setup,
    a_sim,
    an_account,
    an_order,
    arrived,
    eventually,
    holding,
    placed,
    the_order,
    trading,
)

CALL = Instrument(
    "VOO",
    kind=OPTION,
    primary="CBOE",
    expiry="20261218",
    strike=Decimal(510),
    right="C",
    multiplier="100",
    local_symbol="VOO   261218C00510000",
)
EUROS = Instrument("EUR", kind=CASH, primary="IDEALPRO", local_symbol="EUR.USD")


def values(client, account=ACCOUNT) -> dict[tuple[str, str], str]:
    return {(v.tag, v.currency): v.value for v in client.accountValues(account) if not v.modelCode}


async def test_a_cash_account_is_told_line_by_line():
    account = AccountSetup(
        cash={"USD": Decimal(10_000), "EUR": Decimal(1000)},
        holdings={"VOO": holding(2)},
        rates={"EUR": Decimal("1.1")},
    )

    async with trading(account) as (_, client):
        told = values(client)

    assert told["TotalCashBalance", "USD"] == "10000.00"
    assert told["TotalCashBalance", "EUR"] == "1000.00"
    assert told["TotalCashBalance", "BASE"] == "11100.00"
    assert told["StockMarketValue", "USD"] == "1000.00"
    assert told["NetLiquidation", "USD"] == "12100.00"
    assert told["SettledCash", "USD"] == told["AvailableFunds", "USD"] == "11100.00"
    assert told["BuyingPower", "USD"] == "11100.00"
    assert told["AccountType", ""] == "INDIVIDUAL"
    assert told["TradingType-S", ""] == "STKNOPT"


async def test_swept_money_is_told_twice_by_one_line_only():
    async with trading(an_account(10_000, swept=Decimal(4000))) as (_, client):
        told = values(client)

    assert told["CashBalance", "USD"] == "14000.00"
    assert told["TotalCashBalance", "USD"] == "10000.00"


async def test_the_funds_a_margin_account_has_available_are_no_cash():
    account = an_account(400, kind=AccountKind.MARGIN, holdings={"VOO": holding(10)})

    async with trading(account) as (_, client):
        told = values(client)

    assert told["TotalCashBalance", "USD"] == "400.00"
    assert told["AvailableFunds", "USD"] == "2900.00"
    assert told["BuyingPower", "USD"] == "11600.00"


async def test_proceeds_of_a_sale_are_cash_at_once_and_settled_later():
    async with trading(an_account(1000, holdings={"VOO": holding(10)})) as (sim, client):
        await placed(client, an_order("SELL"))
        told = values(client)
        assert told["TotalCashBalance", "USD"] == "5999.55"
        assert told["SettledCash", "USD"] == "999.65"

        sim.control.settle()
        await arrived(client)

        assert values(client)["SettledCash", "USD"] == "5999.55"


@pytest.mark.parametrize(
    ("proceeds", "funds"), [(Proceeds.SETTLED, "999.65"), (Proceeds.SAME_DAY, "5999.55")]
)
async def test_what_a_cash_account_may_spend_is_what_its_broker_says(proceeds, funds):
    account = an_account(1000, holdings={"VOO": holding(10)}, proceeds=proceeds)

    async with trading(account) as (_, client):
        await placed(client, an_order("SELL"))

        assert values(client)["BuyingPower", "USD"] == funds


async def test_a_fill_moves_cash_position_and_portfolio():
    async with trading() as (sim, client):
        await placed(client, an_order(shares=10))

        (held,), (item,) = client.positions(), client.portfolio()
        assert (held.position, held.avgCost) == (10, 500.01)
        assert (item.marketPrice, item.marketValue) == (500, 5000)
        assert sim.control.balance().cash == {"USD": Decimal("94999.55")}


async def test_a_position_is_told_with_the_exchange_it_is_listed_at():
    async with trading(an_account(holdings={"VOO": holding(3)})) as (_, client):
        (held,) = await client.reqPositionsAsync()

    assert (held.contract.exchange, held.contract.primaryExchange) == ("ARCA", "")


async def test_a_position_that_is_gone_is_told_once_with_no_shares():
    async with trading(an_account(holdings={"VOO": holding(3)})) as (_, client):
        gone: list[float] = []
        client.positionEvent += lambda held: gone.append(held.position)

        await placed(client, an_order("SELL", 3))

        assert gone == [0]
        assert client.positions() == []
        assert await client.reqPositionsAsync() == []


async def test_options_and_currencies_stand_beside_shares_of_the_same_symbol():
    account = an_account(
        holdings={
            CALL.local_symbol: holding(2, 5),
            "VOO": holding(7),
            EUROS.local_symbol: holding(500, 1.1),
        }
    )
    voo = Instrument("VOO")

    async with a_sim(account, instruments=(voo, CALL, EUROS)) as sim, a_client(sim) as client:
        told = {p.contract.secType: (p.contract.symbol, p.position) for p in client.positions()}
        call = next(p for p in client.positions() if p.contract.secType == OPTION)

    assert told == {OPTION: ("VOO", 2), "STK": ("VOO", 7), CASH: ("EUR", 500)}
    assert call.avgCost == 500


async def test_each_account_has_its_own_values_and_positions():
    first = an_account(1000, holdings={"VOO": holding(1)})
    second = an_account(2000, name="DU2", holdings={"VOO": holding(2)})

    async with trading(first, second) as (_, client):
        assert [p.position for p in client.positions("DU2")] == [2]
        assert values(client, "DU2")["TotalCashBalance", "USD"] == "2000.00"
        assert values(client)["TotalCashBalance", "USD"] == "1000.00"


async def test_numbers_of_an_account_may_not_be_ready():
    async with trading() as (sim, client):
        assert values(client)["AccountReady", ""] == "true"

        sim.control.ready(ready=False)
        await arrived(client)

        assert values(client)["AccountReady", ""] == "false"


async def test_a_line_may_be_missing_or_say_something_else():
    async with a_sim() as sim:
        sim.control.tell("TotalCashBalance", None)
        sim.control.tell("NetLiquidation", "nonsense")

        async with a_client(sim) as client:
            told = values(client)

    assert ("TotalCashBalance", "USD") not in told
    assert told["NetLiquidation", "USD"] == "nonsense"


async def test_a_summary_has_what_was_asked_for():
    async with trading(an_account(10_000)) as (_, client):
        told = {(v.tag, v.currency): v.value for v in await client.accountSummaryAsync()}

    assert told["TotalCashValue", "USD"] == told["TotalCashBalance", "USD"] == "10000.00"
    assert ("AccountReady", "") not in told


async def test_a_third_summary_is_one_too_many():
    async with trading() as (_, client):
        await client.reqAccountSummaryAsync()
        await client.reqAccountSummaryAsync()
        await client.reqAccountSummaryAsync()

        assert client.heard.codes == [322]


async def test_each_time_the_link_is_back_the_library_asks_for_one_more_summary():
    async with trading() as (sim, client):
        for _ in range(3):
            sim.control.lose_link()
            sim.control.restore_link()
        await eventually(lambda: 322 in client.heard.codes)

        assert client.heard.codes.count(1102) == 3


async def test_money_paid_in_is_told():
    async with trading(an_account(1000)) as (sim, client):
        sim.control.pay_in(Decimal(500))
        await arrived(client)

        assert values(client)["TotalCashBalance", "USD"] == "1500.00"


async def test_a_trade_by_hand_moves_the_account_and_belongs_to_nobody():
    async with trading() as (sim, client):
        sim.control.trade("VOO", "BUY", 4, Decimal(499))
        await arrived(client)

        assert [p.position for p in client.positions()] == [4]
        assert (the_order(sim).client_id, the_order(sim).order_id) == (0, 0)
        assert client.trades() == []


async def test_profit_of_what_is_closed_is_told_with_the_commission():
    async with trading(an_account(holdings={"VOO": holding(10)})) as (_, client):
        bought = await placed(client, an_order("BUY", 1))
        sold = await placed(client, an_order("SELL", 1))

    assert bought.fills[0].commissionReport.realizedPNL == 0
    assert sold.fills[0].commissionReport.realizedPNL == pytest.approx(
        499.99 - 409.0918 - 0.35, 1e-4
    )


def test_two_accounts_of_one_name_are_refused():
    with pytest.raises(ValueError, match="each with a name of its own"):
        a_setup(an_account(), an_account())


@pytest.mark.parametrize(
    ("act", "remark"),
    [
        (lambda c: c.balance("DU9"), "account is DU9: there are DU1000001"),
        (lambda c: c.hold("NONE", Decimal(1), Decimal(1)), "symbol is NONE: list it first"),
    ],
)
async def test_what_does_not_exist_is_named(act, remark):
    async with a_sim() as sim:
        with pytest.raises(LookupError, match=remark):
            act(sim.control)


async def test_positions_of_one_account_are_told_by_the_number_of_the_request():
    accounts = (an_account(holdings={"VOO": holding(1)}), an_account(name="DU2"))

    async with a_sim(*accounts) as sim, a_raw_client(sim) as raw:
        raw.write(74, 1, 5, ACCOUNT, "")
        raw.write(75, 1, 5)

        assert (await raw.read(71))[2:4] == ["5", ACCOUNT]
        assert await raw.read(72) == ["72", "1", "5"]


async def test_an_account_nobody_has_is_told_as_such():
    async with trading() as (_, client):
        client.client.reqAccountUpdates(True, "DU9")
        await arrived(client)

        assert client.heard.codes == [321]


async def test_who_subscribed_no_longer_is_told_no_more():
    async with a_sim() as sim, a_raw_client(sim) as raw:
        raw.write(6, 2, True, ACCOUNT)
        raw.write(76, 1, 5, ACCOUNT, "", False)
        raw.write(61, 1)
        raw.write(6, 2, False, ACCOUNT)
        raw.write(77, 1, 5)
        raw.write(64, 1)
        raw.write(49, 1)
        await raw.read(49)

        sim.control.hold("VOO", Decimal(1), Decimal(1))
        raw.write(17, 1)

        assert await raw.next() == ["15", "1", ACCOUNT]


async def test_a_summary_that_is_cancelled_makes_room_for_another():
    async with trading() as (_, client):
        for request_id in (901, 902, 903):
            client.client.reqAccountSummary(request_id, "All", "NetLiquidation")
            client.client.cancelAccountSummary(request_id)
        await arrived(client)

        assert client.heard.codes == []


async def test_what_an_account_and_a_position_made_is_told():
    async with trading(an_account(holdings={"VOO": holding(10)})) as (_, client):
        of_all = client.reqPnL(ACCOUNT)
        held = client.positions()[0].contract
        of_one = client.reqPnLSingle(ACCOUNT, "", held.conId)
        await arrived(client)

        assert (of_all.unrealizedPnL, of_one.unrealizedPnL, of_one.value) == (1000, 1000, 5000)
        client.cancelPnL(ACCOUNT)
        client.cancelPnLSingle(ACCOUNT, "", held.conId)


async def test_a_short_position_may_be_covered_without_money_to_spend():
    account = an_account(0, holdings={"VOO": holding(-5)})

    async with trading(account) as (sim, client):
        trade = await placed(client, an_order("BUY", 5))

        assert trade.orderStatus.status == "Filled"
        assert sim.control.balance().holdings == {}
