"""A statement, positions and open orders read as one portfolio, without a gateway."""

from dataclasses import replace
from decimal import Decimal

import pytest

from adapters.ibkr_statement import disagreements, portfolio_of
from adapters.ibkr_values import Executed, Held, Instrument, Listed, Lists, Statement
from bot.domain.errors import BrokerUnavailable
from bot.domain.model import AccountKind
from tests.builders import NOW

VOO = Instrument(1, "VOO", "STK", "USD", "VOO")
BIL = Instrument(2, "BIL", "STK", "USD", "BIL")
CALL = Instrument(3, "VOO", "OPT", "USD", "VOO 261218C00510000")
LONDON = Instrument(4, "VOO", "STK", "GBP", "VOO")
TWIN = Instrument(5, "VOO", "STK", "USD", "VOO")

CASH = {
    ("AccountCode", ""): "U1",
    ("AccountReady", ""): "true",
    ("TotalCashBalance", "BASE"): "1000.00",
    ("TotalCashBalance", "USD"): "1000.00",
    ("ExchangeRate", "USD"): "1.00",
    ("SettledCash", "USD"): "1000.00",
    ("AvailableFunds", "USD"): "1000.00",
    ("BuyingPower", "USD"): "1000.00",
    ("NetLiquidation", "USD"): "9000.00",
}


NO_ORDERS = Lists()


def statement(*items, **different):
    """The lines of a cash account but for those said otherwise; None leaves one out."""
    told = CASH | {tuple(name.split("_")): text for name, text in different.items()}
    kept = {key: text for key, text in told.items() if text is not None}
    return Statement("U1", kept, items)


def held(instrument, shares):
    return Held("U1", instrument, Decimal(str(shares)))


def an_order(action, shares, limit, instrument=VOO, **different):
    price = None if limit is None else Decimal(limit)
    listed = Listed(7, 17, 3, "ref", "U1", instrument, action, Decimal(shares), price)
    return replace(listed, **different)


def read(told=None, *positions, lists=NO_ORDERS, known=None):
    return portfolio_of(told or statement(), positions, lists, known or {})


def test_a_cash_account_is_read_line_by_line():
    portfolio = read(None, held(VOO, 10), held(BIL, 2.5))

    assert (portfolio.account, portfolio.kind) == ("U1", AccountKind.CASH)
    assert (portfolio.cash, portfolio.settled, portfolio.spendable) == (1000, 1000, 1000)
    assert portfolio.shares == portfolio.sellable == {"VOO": 10, "BIL": Decimal("2.5")}


def test_unsettled_proceeds_are_cash_and_not_settled():
    portfolio = read(statement(SettledCash_USD="250.10"))

    assert (portfolio.cash, portfolio.settled) == (1000, Decimal("250.10"))


def test_foreign_money_is_shown_and_never_counted_as_settled_or_spendable():
    told = statement(
        TotalCashBalance_EUR="500",
        ExchangeRate_EUR="1.2",
        SettledCash_USD="1600",
        AvailableFunds_USD="1600",
        BuyingPower_USD="1600",
    )

    portfolio = read(told)

    assert portfolio.foreign_cash == {"EUR": 500}
    assert (portfolio.cash, portfolio.settled, portfolio.spendable) == (1000, 1000, 1000)


def test_foreign_debt_makes_nothing_more_spendable():
    told = statement(TotalCashBalance_EUR="-100", ExchangeRate_EUR="1.2", AvailableFunds_USD="880")

    assert read(told).spendable == 880


def test_sums_of_another_base_currency_are_dollars_rounded_down():
    told = statement(
        ExchangeRate_USD="7.8",
        SettledCash_USD=None,
        AvailableFunds_USD=None,
        BuyingPower_USD=None,
        NetLiquidation_USD=None,
        SettledCash_HKD="3900.05",
        AvailableFunds_HKD="3900.05",
        BuyingPower_HKD="3900.05",
        NetLiquidation_HKD="78000",
    )

    portfolio = read(told)

    assert (portfolio.settled, portfolio.spendable) == (Decimal("500.00"), Decimal("500.00"))


@pytest.mark.parametrize(
    ("different", "kind"),
    [
        ({}, AccountKind.CASH),
        ({"BuyingPower_USD": "4000"}, AccountKind.MARGIN),
        ({"BuyingPower_USD": "2000"}, AccountKind.MARGIN),
        ({"NetLiquidation_USD": "1999.99"}, None),
        ({"TradingType-S_": "STKMRGN"}, None),
        ({"TradingType-S_": "STKNOPT"}, AccountKind.CASH),
        ({"AvailableFunds_USD": "0", "BuyingPower_USD": "0"}, None),
        ({"AvailableFunds_USD": "-5", "BuyingPower_USD": "0"}, None),
    ],
)
def test_what_an_account_is_follows_from_what_it_may_buy_or_is_not_said(different, kind):
    assert read(statement(**different)).kind is kind


@pytest.mark.parametrize(
    "tag", ["TotalCashBalance", "SettledCash", "AvailableFunds", "ExchangeRate"]
)
@pytest.mark.parametrize("text", [None, "much", "NaN", ""])
def test_a_value_that_is_missing_or_no_number_is_an_error_and_no_zero(tag, text):
    with pytest.raises(BrokerUnavailable) as raised:
        read(statement(**{f"{tag}_USD": text}))

    assert (raised.value.code, raised.value.values["tag"]) == ("ibkr_statement_odd", tag)


def test_a_dollar_that_is_worth_nothing_is_an_error():
    with pytest.raises(BrokerUnavailable, match="ExchangeRate"):
        read(statement(ExchangeRate_USD="0"))


@pytest.mark.parametrize("ready", ["false", ""])
def test_numbers_the_gateway_does_not_believe_are_no_account(ready):
    with pytest.raises(BrokerUnavailable, match="ibkr_not_ready"):
        read(statement(AccountReady_=ready))


def test_options_and_foreign_stocks_stand_beside_the_shares_of_their_symbol():
    portfolio = read(None, held(CALL, 2), held(VOO, 7), held(LONDON, 3))

    assert portfolio.shares == {"VOO": 7}
    assert portfolio.others == ["2 VOO 261218C00510000 OPT USD", "3 VOO STK GBP"]


@pytest.mark.parametrize(("known", "shares"), [({}, {}), ({"VOO": 5}, {"VOO": 4})])
def test_two_stocks_of_one_symbol_are_told_apart_by_what_the_symbol_trades_as(known, shares):
    portfolio = read(None, held(VOO, 7), held(TWIN, 4), known=known)

    assert portfolio.shares == shares
    assert len(portfolio.others) == 2 - len(shares)


def test_a_stock_that_only_shares_the_symbol_is_not_ours():
    portfolio = read(None, held(TWIN, 4), known={"VOO": 1})

    assert (portfolio.shares, portfolio.others) == ({}, ["4 VOO"])


def test_what_open_sales_promise_is_not_sellable_and_what_filled_of_them_counts_once():
    done = Executed("a.01", NOW, 7, "ref", "U1", VOO, False, Decimal(1), Decimal(100))
    lists = Lists([an_order("SELL", 4, 110)], [], [done, replace(done, execution_id="a.02")])

    portfolio = read(None, held(VOO, 9), lists=lists)

    assert portfolio.sellable == {"VOO": 6}


def test_sales_of_more_than_is_held_leave_nothing_sellable():
    assert read(None, held(VOO, 3), lists=Lists([an_order("SELL", 4, 110)])).sellable == {"VOO": 0}


@pytest.mark.parametrize(("limit", "left"), [("90", 820), (None, 0)])
def test_what_open_purchases_may_cost_is_not_spendable(limit, left):
    assert read(None, lists=Lists([an_order("BUY", 2, limit)])).spendable == left


def test_orders_of_another_account_or_an_option_promise_nothing():
    lists = Lists([
        an_order("SELL", 4, 110, account="U2"),
        an_order("BUY", 4, 110, account="U2"),
        an_order("SELL", 1, 5, CALL),
    ])  # fmt: skip

    portfolio = read(None, held(VOO, 9), lists=lists)

    assert (portfolio.sellable, portfolio.spendable) == ({"VOO": 9}, 1000)


@pytest.mark.parametrize(
    ("items", "positions", "odd"),
    [
        ([held(VOO, 7)], [held(VOO, 7)], set()),
        ([held(VOO, 7), held(BIL, 0)], [held(VOO, 7)], set()),
        ([], [held(VOO, 7)], {"VOO"}),
        ([held(VOO, 7)], [], {"VOO"}),
        ([held(VOO, 7)], [held(VOO, 8)], {"VOO"}),
        ([held(VOO, 7)], [held(TWIN, 7)], {"VOO"}),
        ([], [held(CALL, 7)], set()),
        ([held(CALL, 7)], [], set()),
    ],
)
def test_positions_and_statement_have_to_tell_the_same_shares(items, positions, odd):
    assert disagreements(statement(*items), positions) == odd
