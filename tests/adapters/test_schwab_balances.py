"""Accounts of a simulated Schwab as portfolios: money by kind of account, holdings by kind."""

from dataclasses import replace
from decimal import Decimal

import pytest

from adapters.schwab_balances import portfolio
from adapters.sims.schwab_accounts import AccountKind, Asset, Position
from adapters.sims.schwab_faults import Fault, FaultKind, Operation
from bot.domain import model
from bot.domain.errors import BrokerUnavailable
from bot.domain.model import Action
from tests.adapters.schwab_world import NUMBER, Bench, an_account, drilling
from tests.builders import an_intent

CASH, MARGIN = AccountKind.CASH, AccountKind.MARGIN
OPTION = Position("VOO   260620P00500000", Decimal(2), Decimal(4), Asset.OPTION)
SWEEP = Position("MMDA1", Decimal(900), Decimal(1), Asset.SWEEP)
STOCK = Position("BRK/B", Decimal(3), Decimal(400), Asset.EQUITY)


@pytest.fixture
def bench(tmp_path):
    with drilling(tmp_path) as drill:
        yield Bench(tmp_path, drill)


async def read(bench, account):
    bench.control.set_account(account)
    return await bench.broker.portfolio()


async def test_an_account_says_of_itself_what_it_is(bench):
    cash = await read(bench, an_account(kind=CASH))
    margin = await read(bench, an_account(kind=MARGIN))

    assert (cash.account, cash.kind) == (NUMBER, model.AccountKind.CASH)
    assert margin.kind is model.AccountKind.MARGIN


async def test_the_proceeds_of_today_are_cash_and_not_settled(bench):
    await bench.broker.submit(an_intent("VOO", Action.SELL, 4, 99))

    account = await bench.broker.portfolio()

    assert (account.cash, account.settled) == (1400, 1000)
    assert account.spendable == 1400


async def test_a_margin_account_spends_its_own_cash_only(bench):
    account = await read(bench, an_account(400, MARGIN, VOO=10))

    assert (account.cash, account.settled, account.spendable) == (400, 400, 400)


async def test_a_margin_account_spends_no_more_than_schwab_calls_available(bench):
    bench.control.tell_balance("availableFundsNonMarginableTrade", Decimal("150.25"))

    account = await read(bench, an_account(400, MARGIN))

    assert (account.cash, account.spendable) == (400, Decimal("150.25"))


async def test_a_debt_is_negative_cash(bench):
    account = await read(bench, an_account(-284, MARGIN, VOO=4))

    assert (account.cash, account.spendable) == (-284, -284)


async def test_money_is_exact_to_the_cent(bench):
    account = await read(bench, an_account("1234567.89"))

    assert account.cash == Decimal("1234567.89")


MISSING = [
    (CASH, "unsettledCash"),
    (CASH, "cashAvailableForTrading"),
    (MARGIN, "cashBalance"),
    (MARGIN, "marginBalance"),
    (MARGIN, "availableFundsNonMarginableTrade"),
]


@pytest.mark.parametrize(("kind", "balance"), MISSING)
async def test_a_balance_that_is_missing_is_no_zero(bench, kind, balance):
    bench.control.tell_balance(balance)

    with pytest.raises(BrokerUnavailable, match=balance):
        await read(bench, an_account(kind=kind))


async def test_without_a_total_the_cash_balance_is_the_cash(bench):
    bench.control.tell_balance("totalCash")

    assert (await read(bench, an_account(1000))).cash == 1000


async def test_without_any_balance_of_cash_there_is_no_portfolio(bench):
    bench.control.tell_balance("totalCash")
    bench.control.tell_balance("cashBalance")

    with pytest.raises(BrokerUnavailable, match="cashBalance"):
        await bench.broker.portfolio()


async def test_funds_and_stocks_are_held_and_everything_else_is_named(bench):
    mixed = replace(an_account(), positions=(OPTION, STOCK, SWEEP))

    account = await read(bench, mixed)

    assert account.shares == {"BRK.B": 3}
    assert account.others == ("MMDA1", "VOO   260620P00500000")


async def test_a_fund_is_a_holding_with_its_fractions(bench):
    account = await read(bench, an_account(VOO="4.125"))

    assert account.shares == account.sellable == {"VOO": Decimal("4.125")}


async def test_a_short_is_a_negative_holding_of_which_nothing_is_sellable(bench):
    account = await read(bench, an_account(kind=MARGIN, VOO=-3))

    assert (account.shares, account.sellable) == ({"VOO": -3}, {"VOO": 0})


def test_an_account_of_an_unknown_kind_is_not_believed():
    with pytest.raises(BrokerUnavailable, match="IRA"):
        portfolio({"securitiesAccount": {"type": "IRA", "currentBalances": {}}}, [])


async def test_an_account_that_holds_nothing_is_flat(bench):
    assert (await read(bench, an_account())).shares == {}


@pytest.mark.parametrize("kind", [FaultKind.TRUNCATE, FaultKind.CUT_OFF, FaultKind.MASK])
async def test_half_an_answer_is_no_smaller_account(bench, kind):
    bench.control.fail(Fault(kind, Operation.ACCOUNT, times=9, status=200))

    with pytest.raises(BrokerUnavailable):
        await bench.broker.portfolio()
