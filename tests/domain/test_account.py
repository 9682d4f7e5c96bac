from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.account import Opening, OpenOrder, PaperAccount, admit, kept_back
from bot.domain.errors import OrderRefused
from bot.domain.fills import Fill, FillRules, Refuse
from bot.domain.model import Action, OrderReport, OrderStatus, Portfolio
from tests.builders import a_portfolio, a_quote, an_intent

TUESDAY, WEDNESDAY = date(2026, 3, 31), date(2026, 4, 1)
FREE = FillRules()


def an_account(cash=1000, unsettled=0, **shares):
    held = {symbol: Decimal(n) for symbol, n in shares.items()}
    opening = Opening("PAPER", Decimal(cash), held, unsettled=Decimal(unsettled))
    return PaperAccount.opened(opening, settles_on=WEDNESDAY)


def a_fill(action=Action.BUY, shares=2, price=100, commission=0, symbol="VOO"):
    return Fill(symbol, action, shares, Decimal(price), Decimal(commission))


def test_a_purchase_takes_settled_money_at_once():
    account = an_account(1000).apply(a_fill(Action.BUY, 2, 100, 1), settles_on=WEDNESDAY)

    assert (account.cash, account.settled) == (799, 799)
    assert account.shares == {"VOO": 2}


def test_a_sale_is_cash_at_once_and_settles_on_its_date():
    account = an_account(0, VOO=2).apply(a_fill(Action.SELL, 2, 100, 1), settles_on=WEDNESDAY)

    assert (account.cash, account.settled) == (199, 0)
    assert account.settle(TUESDAY).settled == 0
    assert account.settle(WEDNESDAY).settled == 199


def test_money_spent_before_it_settled_is_missing_from_the_settled():
    sold = an_account(0, VOO=2).apply(a_fill(Action.SELL, 2), settles_on=WEDNESDAY)

    bought = sold.apply(a_fill(Action.BUY, 1, symbol="BIL"), settles_on=WEDNESDAY)

    assert (bought.cash, bought.settled) == (100, -100)
    assert bought.settle(WEDNESDAY).settled == 100


def test_a_commission_above_the_proceeds_is_paid_at_once():
    account = an_account(10, VOO=1).apply(a_fill(Action.SELL, 1, 1, 3), settles_on=WEDNESDAY)

    assert (account.cash, account.settled) == (8, 8)


def test_a_symbol_sold_out_is_no_longer_held():
    account = an_account(0, VOO=2).apply(a_fill(Action.SELL, 2), settles_on=WEDNESDAY)

    assert account.shares == {}


def test_a_fraction_stays_when_the_whole_shares_are_sold():
    account = an_account(0, VOO="2.5").apply(a_fill(Action.SELL, 2), settles_on=WEDNESDAY)

    assert account.shares == {"VOO": Decimal("0.5")}


def test_only_a_short_sale_makes_a_short():
    with pytest.raises(OrderRefused, match="not_enough_shares"):
        an_account(0, VOO=1).apply(a_fill(Action.SELL, 2), settles_on=WEDNESDAY)

    assert an_account(0).apply(a_fill(Action.SELL_SHORT, 2), WEDNESDAY).shares == {"VOO": -2}


def test_a_cover_ends_a_short():
    short = an_account(0).apply(a_fill(Action.SELL_SHORT, 2, 100), settles_on=WEDNESDAY)

    flat = short.apply(a_fill(Action.BUY_TO_COVER, 2, 90), settles_on=WEDNESDAY)

    assert (flat.shares, flat.cash) == ({}, 20)


def test_an_opening_keeps_what_has_not_settled_apart():
    account = an_account(1000, unsettled=300, VOO=2, BIL=0)

    assert (account.cash, account.settled, account.shares) == (1000, 700, {"VOO": 2})
    assert account.settle(WEDNESDAY).settled == 1000


def test_an_account_goes_on_from_what_a_broker_reports():
    real = Portfolio(
        account="U1",
        cash=Decimal(1000),
        settled=Decimal(700),
        spendable=Decimal(600),
        shares={"VOO": Decimal("5.5"), "SH": Decimal(-3)},
        sellable={"VOO": Decimal(2)},
    )

    opened = PaperAccount.opened(Opening.of(real), settles_on=WEDNESDAY).portfolio()

    assert (opened.account, opened.cash, opened.settled) == ("U1", 1000, 700)
    assert (opened.spendable, opened.shares) == (600, real.shares)
    assert opened.sellable == {"VOO": 2, "SH": 0}
    assert Opening.of(real).promised == {"VOO": Decimal("3.5")}


def test_borrowed_money_is_not_spendable():
    margin = Portfolio("U1", Decimal(1000), Decimal(1000), Decimal(2000), {}, {})

    assert PaperAccount.opened(Opening.of(margin), WEDNESDAY).portfolio().spendable == 1000


def test_open_orders_tie_up_money_and_shares():
    working = [
        OpenOrder("BIL", Action.BUY, 3, kept=Decimal(301)),
        OpenOrder("VOO", Action.SELL, 4),
        OpenOrder("VOO", Action.SELL, 1),
    ]

    portfolio = an_account(1000, VOO=6).portfolio(working)

    assert (portfolio.cash, portfolio.spendable) == (1000, 699)
    assert (portfolio.shares, portfolio.sellable) == ({"VOO": 6}, {"VOO": 1})


def test_the_rest_of_a_purchase_keeps_its_price_and_its_commission():
    rules = FillRules(minimum_commission=Decimal(1), commission_per_share=Decimal("0.25"))
    order = OrderReport.of(an_intent("VOO", Action.BUY, 10, 100), OrderStatus.WORKING)

    assert kept_back(order, Decimal(100), rules) == Decimal("1002.50")


@pytest.mark.parametrize(
    ("code", "action", "shares", "limit"),
    [
        ("insufficient_cash", Action.BUY, 10, "100.00"),
        ("insufficient_cash", Action.BUY, 11, None),
        ("not_enough_shares", Action.SELL, 6, "1.00"),
        ("not_enough_shares", Action.BUY_TO_COVER, 1, "1.00"),
        ("shorting_not_allowed", Action.SELL_SHORT, 1, "1.00"),
        ("bad_shares", Action.BUY, 0, "1.00"),
        ("bad_shares", Action.SELL, -1, "1.00"),
        ("bad_shares", Action.BUY, 1.5, "1.00"),
        ("bad_limit", Action.BUY, 1, "0"),
        ("bad_limit", Action.SELL, 1, "-1"),
    ],
)
def test_what_a_broker_does_not_take(code, action, shares, limit):
    rules = FillRules(commission_per_order=Decimal(1))
    order = an_intent("VOO", action, shares, limit)

    with pytest.raises(OrderRefused, match=code):
        admit(order, a_quote("VOO", 100), a_portfolio(1000, VOO=5), rules)


@pytest.mark.parametrize(
    ("action", "shares", "limit", "kept_at"),
    [
        (Action.BUY, 10, "99.90", "99.90"),
        (Action.BUY, 9, None, "101.0000"),
        (Action.SELL, 5, "100.00", "0"),
        (Action.SELL, 5, None, "0"),
    ],
)
def test_what_a_broker_takes_and_at_which_price_it_keeps_cash_back(action, shares, limit, kept_at):
    rules = FillRules(commission_per_order=Decimal(1), slippage=Decimal("0.01"))
    order = an_intent("VOO", action, shares, limit)

    price = admit(order, a_quote("VOO", 100), a_portfolio(1000, VOO=5), rules)

    assert price == Decimal(kept_at)


def test_a_market_purchase_of_what_nobody_quotes_is_refused():
    with pytest.raises(OrderRefused, match="no_quote"):
        admit(an_intent("VOO", Action.BUY, 1, None), None, a_portfolio(1000), FREE)


def test_an_exit_of_what_nobody_quotes_is_taken():
    order = an_intent("VOO", Action.SELL, 1, None)

    assert admit(order, None, a_portfolio(VOO=1), FREE) == 0


def test_a_short_is_opened_where_the_rules_allow_it_and_nothing_is_held():
    rules, short = FillRules(shorting=True), an_intent("VOO", Action.SELL_SHORT, 1)

    assert admit(short, None, a_portfolio(), rules) == 0
    with pytest.raises(OrderRefused, match="long_position"):
        admit(short, None, a_portfolio(VOO=1), rules)


def test_a_cover_is_taken_without_cash():
    order = an_intent("VOO", Action.BUY_TO_COVER, 2)

    assert admit(order, None, a_portfolio(-500, VOO=-2), FREE) == 0


def test_a_drill_refuses_with_its_own_reason():
    rules = FillRules(drills={"VOO": Refuse("no_locate")})

    with pytest.raises(OrderRefused, match="no_locate"):
        admit(an_intent("VOO"), a_quote("VOO", 100), a_portfolio(1000), rules)


FILLS = st.builds(
    Fill,
    st.sampled_from(["VOO", "BIL"]),
    st.sampled_from(Action),
    st.integers(1, 50),
    st.decimals("0.5", 500, places=4),
    st.decimals(0, 3, places=2),
)
DAYS = st.lists(st.lists(FILLS, max_size=4), max_size=8)


@given(st.decimals(-5000, 5000, places=2), DAYS)
def test_money_and_shares_are_conserved(cash, days):
    account, taken = an_account(cash), []

    for number, fills in enumerate(days):
        today = TUESDAY + timedelta(days=number)
        account = account.settle(today)
        for fill in fills:
            if fill.action is Action.SELL and account.held(fill.symbol) < fill.shares:
                continue
            account = account.apply(fill, settles_on=today + timedelta(days=1))
            taken.append(fill)
        assert account.settled <= account.cash

    later = account.settle(date.max)
    assert account.cash == later.cash == later.settled == cash + sum(f.money for f in taken)
    for symbol in ("VOO", "BIL"):
        assert account.held(symbol) == sum(f.moved for f in taken if f.symbol == symbol)


@given(DAYS)
def test_without_short_sales_nothing_is_ever_short(days):
    account = an_account()

    for fill in (fill for fills in days for fill in fills):
        if fill.action is Action.SELL_SHORT:
            continue
        try:
            account = account.apply(fill, settles_on=WEDNESDAY)
        except OrderRefused:
            assert fill.action is Action.SELL

    assert all(shares > 0 for shares in account.shares.values())


def test_a_dividend_is_settled_money_at_once_and_who_is_short_pays():
    held = an_account(0, VOO=3).given("VOO", Decimal(1), Decimal("1.5"), Decimal(100))
    short = an_account(100, VOO=-3).given("VOO", Decimal(1), Decimal("1.5"), Decimal(100))

    assert (held.settled, held.held("VOO")) == (Decimal("4.5"), 3)
    assert (short.settled, short.held("VOO")) == (Decimal("95.5"), -3)


def test_a_split_makes_more_shares_and_pays_what_is_left_of_one():
    doubled = an_account(0, VOO=3).given("VOO", Decimal(2), Decimal(0), Decimal(50))
    merged = an_account(0, VOO=13).given("VOO", Decimal("0.1"), Decimal(0), Decimal(1000))

    assert (doubled.held("VOO"), doubled.cash) == (6, 0)
    assert (merged.held("VOO"), merged.cash) == (1, 300)


def test_fractions_of_the_owner_are_left_alone_by_a_dividend():
    account = an_account(0, VOO="2.5").given("VOO", Decimal(1), Decimal(2), Decimal(100))

    assert (account.held("VOO"), account.cash) == (Decimal("2.5"), 5)


def test_a_split_that_leaves_no_share_leaves_no_holding():
    account = an_account(0, VOO=3).given("VOO", Decimal("0.1"), Decimal(0), Decimal(1000))

    assert account.shares == {}
    assert account.cash == 300
