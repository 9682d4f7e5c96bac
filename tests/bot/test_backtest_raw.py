"""Shares counted at the prices that were printed: dividends in cash, splits in shares."""

from datetime import timedelta
from decimal import Decimal

import pytest

from bot.backtest import Experiment, FillAt, backtest
from bot.domain.account import Opening
from bot.domain.distributions import raw_of
from bot.domain.strategy import Book, Facts
from tests.bot.floor import CALENDAR
from tests.bot.test_backtest import DAYS, FIRST, RULES, closes, day, tried
from tests.fakes import Wants


def played(wanted, adjusted, printed, *, opens=None, fill=FillAt.CLOSE, cash=1000, **opening):
    book = Book("main", "test", "PAPER", Wants(wanted, history=1), RULES, timedelta(minutes=15))
    account = Opening("PAPER", Decimal(cash), {s: Decimal(n) for s, n in opening.items()})
    experiment = Experiment(book, account, FIRST, day(4), fill=fill)
    facts = Facts(adjusted, CALENDAR.index(DAYS[0].date(), DAYS[-1].date()))
    raw = raw_of(adjusted, printed)
    return backtest(experiment, facts, CALENDAR, opens, raw=raw)


def test_shares_are_counted_at_raw_prices():
    record = played({"VOO": 0.5}, closes(VOO=40), closes(VOO=100))

    assert [(t.shares, t.price) for t in record.trades] == [(5, 100)]
    assert record.equity.tolist() == [1000.0] * 5


def test_a_dividend_comes_in_cash_and_the_return_is_that_of_adjusted_prices():
    adjusted, printed = closes(VOO=[50, 50, 51]), closes(VOO=[100, 100, 100])

    record = played({"VOO": 1.0}, adjusted, printed)

    assert record.received == 20
    assert record.equity.tolist() == [1000.0, 1000.0, 1020.0, 1020.0, 1020.0]
    assert record.equity.tolist() == tried({"VOO": 1.0}, adjusted).equity.tolist()


def test_a_split_changes_the_shares_and_nothing_else():
    record = played({"VOO": 0.5}, closes(VOO=50), closes(VOO=[100, 100, 50]))

    assert record.splits == 1
    assert len(record.trades) == 1
    assert record.equity.tolist() == [1000.0] * 5
    assert record.blocked == {}


def test_a_reverse_split_pays_for_what_is_left_of_a_share():
    record = played({"VOO": 0.55}, closes(VOO=10), closes(VOO=[10, 10, 100]))

    assert (record.trades[0].shares, record.received) == (55, 50)
    assert record.equity.tolist() == pytest.approx([1000.0] * 5)


def test_whole_shares_of_a_high_price_leave_more_cash():
    low = played({"VOO": 1.0}, closes(VOO=30), closes(VOO=30), cash=1000)
    high = played({"VOO": 1.0}, closes(VOO=30), closes(VOO=300), cash=1000)

    assert low.cash.iloc[-1] == 10
    assert high.cash.iloc[-1] == 100


def test_an_opening_is_on_the_raw_scale():
    opens = closes(VOO=[40, 41, 41])

    record = played(
        {"VOO": 0.5}, closes(VOO=40), closes(VOO=100), opens=opens, fill=FillAt.NEXT_OPEN
    )

    assert record.trades[0].price == Decimal("102.5")


def test_what_the_owner_holds_earns_its_dividends_too():
    adjusted, printed = closes(VOO=[50, 50, 51], BIL=91), closes(VOO=100, BIL=91)

    record = played({"VOO": 1.0}, adjusted, printed, cash=0, VOO=10)

    assert record.received == 20
