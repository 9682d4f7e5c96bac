from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from bot.domain.gates import (
    PERMITS,
    Finding,
    Permit,
    Way,
    believable,
    decision_findings,
    permit,
    quote_finding,
    short_restricted,
    split_confirmed,
    split_ratio,
    switch_findings,
    unexplained_equity,
    volatility,
)
from bot.domain.memory import Baseline, Mark, Switch
from bot.domain.strategy import Rebalance
from tests.builders import NOW, TODAY, a_portfolio, a_quote

CALM, WILD = 0.01, 0.08

# What a finding leaves of an exit, a reduction, a buy, a short sale.
LEAVES = {
    Finding.QUOTE_MISSING: (Way.MARKET, False, False, False),
    Finding.QUOTE_STALE: (Way.MARKET, False, False, False),
    Finding.PRICE_LIMIT: (Way.MARKET, False, False, False),
    Finding.TRADING_HALTED: (Way.LIMIT, False, False, False),
    Finding.SPLIT_HINT: (Way.NOT, False, False, False),
    Finding.OPEN_ORDER: (Way.NOT, False, False, False),
    Finding.OPEN_QUESTION: (Way.NOT, False, False, False),
    Finding.FOREIGN_ORDER: (Way.LIMIT, True, False, False),
    Finding.HISTORY_STALE: (Way.LIMIT, True, False, False),
    Finding.NEGATIVE_CASH: (Way.LIMIT, True, False, False),
    Finding.UNEXPLAINED_EQUITY: (Way.LIMIT, True, False, False),
    Finding.EXITS_ONLY: (Way.LIMIT, False, False, False),
    Finding.UNEXPECTED_SHORT: (Way.NOT, False, False, False),
    Finding.SHORT_RESTRICTED: (Way.LIMIT, True, True, False),
    Finding.DECIDED_BLIND: (Way.LIMIT, True, False, False),
}


@pytest.mark.parametrize("finding", Finding)
def test_a_finding_stops_buys_first_and_exits_last(finding):
    allowed = permit([finding])

    assert (allowed.exit, allowed.reduce, allowed.buy, allowed.short) == LEAVES[finding]
    assert PERMITS[finding] == allowed


def test_without_a_finding_everything_goes():
    assert permit([]) == Permit(Way.LIMIT, reduce=True, buy=True, short=True)


@pytest.mark.parametrize(
    ("findings", "way"),
    [
        ((Finding.FOREIGN_ORDER, Finding.QUOTE_STALE), Way.MARKET),
        ((Finding.QUOTE_STALE, Finding.SPLIT_HINT), Way.NOT),
        ((Finding.SPLIT_HINT, Finding.QUOTE_STALE), Way.NOT),
        ((Finding.EXITS_ONLY, Finding.QUOTE_MISSING), Way.MARKET),
    ],
)
def test_findings_together_leave_the_stricter_of_each(findings, way):
    assert permit(findings) == Permit(way, reduce=False, buy=False, short=False)


def test_findings_that_stop_different_things_stop_both():
    both = Permit(Way.LIMIT, reduce=False, buy=True) & Permit(Way.LIMIT, reduce=True, buy=False)

    assert both == Permit(Way.LIMIT, reduce=False, buy=False)


def test_an_ordinary_quote_is_no_finding():
    assert quote_finding(a_quote("VOO", 101), NOW, 100.0, CALM) is None


def test_no_quote_is_missing():
    assert quote_finding(None, NOW, 100.0, CALM) is Finding.QUOTE_MISSING


@pytest.mark.parametrize(
    "broken",
    [
        *({"bid": 0}, {"ask": 0}, {"last": 0}, {"last": -1}, {"bid": 102, "ask": 101}),
        *({side: price} for side in ("bid", "ask", "last") for price in ("NaN", "Infinity")),
    ],
)
def test_a_quote_that_can_not_be_is_missing(broken):
    quote = replace(a_quote("VOO", 100), **{k: Decimal(v) for k, v in broken.items()})

    assert quote_finding(quote, NOW, 100.0, CALM) is Finding.QUOTE_MISSING


def test_a_cheap_quote_is_a_quote():
    assert quote_finding(a_quote("F", "0.5"), NOW, 0.5, CALM) is None


@pytest.mark.parametrize(
    ("age", "finding"),
    [(60, None), (61, Finding.QUOTE_STALE), (-60, None), (-61, Finding.QUOTE_STALE)],
)
def test_the_age_of_a_quote_counts_from_its_bid_and_ask(age, finding):
    quote = a_quote("VOO", 100, at=NOW - timedelta(seconds=age))

    assert quote_finding(quote, NOW, 100.0, CALM) is finding


@pytest.mark.parametrize(
    ("last", "sigma", "finding"),
    [
        ("120", CALM, None),
        ("120.5", CALM, Finding.PRICE_LIMIT),
        ("80", CALM, None),
        ("79.5", CALM, Finding.PRICE_LIMIT),
        # A threefold fund on a day like the ninth of March 2020: far down, and known to be wild.
        ("66", WILD, None),
        ("66", CALM, Finding.PRICE_LIMIT),
        # And one on a day like the ninth of April 2025, far up.
        ("156", WILD, None),
        ("165", WILD, Finding.PRICE_LIMIT),
    ],
)
def test_the_price_limit_widens_with_the_symbols_own_sigma(last, sigma, finding):
    assert quote_finding(a_quote("TQQQ", last), NOW, 100.0, sigma) is finding


@pytest.mark.parametrize(
    ("side", "price", "finding"),
    [
        ("ask", "120", None),
        ("ask", "120.5", Finding.PRICE_LIMIT),
        ("bid", "80", None),
        ("bid", "79.5", Finding.PRICE_LIMIT),
        ("last", "120.5", Finding.PRICE_LIMIT),
    ],
)
def test_each_price_of_a_quote_has_its_limit(side, price, finding):
    quote = replace(a_quote("VOO", 100), **{side: Decimal(price)})

    assert quote_finding(quote, NOW, 100.0, CALM) is finding


@pytest.mark.parametrize(
    ("price", "sigma", "believed"),
    [
        ("0.01", CALM, 80),
        ("81", CALM, 81),
        ("1e9", CALM, 120),
        ("165", WILD, 164),
        ("0.01", 0.2, "0.01"),
    ],
)
def test_a_price_is_believed_as_far_as_its_limit(price, sigma, believed):
    assert believable(Decimal(price), Mark(100.0, sigma)) == Decimal(believed)


def test_without_a_last_close_there_is_no_price_limit():
    assert quote_finding(a_quote("NEW", 500), NOW, None, CALM) is None


@pytest.mark.parametrize(("last", "close"), [("50", 100.0), ("10.4", 100.0), ("1000", 100.0)])
def test_a_price_at_a_split_ratio_is_a_split_hint(last, close):
    assert quote_finding(a_quote("TQQQ", last), NOW, close, WILD) is Finding.SPLIT_HINT


def test_a_halted_symbol_is_found():
    quote = replace(a_quote("VOO", 100), halted=True)

    assert quote_finding(quote, NOW, 100.0, CALM) is Finding.TRADING_HALTED


def test_a_stale_quote_is_worse_than_a_halt():
    quote = replace(a_quote("VOO", 100, at=NOW - timedelta(minutes=5)), halted=True)

    assert quote_finding(quote, NOW, 100.0, CALM) is Finding.QUOTE_STALE


@pytest.mark.parametrize("ratio", [2, 3, 4, 5, 8, 10, 15, 20, 25])
def test_a_split_is_read_from_the_price_both_ways(ratio):
    assert split_ratio(1 / ratio) == ratio
    assert split_ratio(ratio) == 1 / ratio


@pytest.mark.parametrize("price_ratio", [1.0, 0.7, 1.5, 0.56, 1.7, 6.4, 40.0])
def test_a_move_far_from_every_ratio_is_no_split(price_ratio):
    assert split_ratio(price_ratio) is None


@pytest.mark.parametrize(
    ("price_ratio", "before", "now", "confirmed"),
    [
        (0.5, "10", "20", True),
        (0.5, "10", "20.9", True),
        (0.5, "10", "21", False),
        (0.5, "10", "10", False),
        (10.0, "25", "2", True),
        (10.0, "25", "25", False),
        (0.7, "10", "14", False),
        (0.5, "0", "0", False),
        (0.5, "1", "2", True),
    ],
)
def test_a_split_is_confirmed_by_a_quantity_that_moved_inversely(
    price_ratio, before, now, confirmed
):
    assert split_confirmed(price_ratio, Decimal(before), Decimal(now)) is confirmed


def test_volatility_is_the_deviation_of_the_last_twenty_returns():
    returns = np.array([0.5, *([0.01, -0.01] * 10)])
    closes = pd.Series(100 * np.cumprod([1.0, *(1 + returns)]))

    assert volatility(closes) == pytest.approx(np.std(returns[1:], ddof=1))


def test_volatility_skips_days_without_a_bar():
    closes = pd.Series(100 * 1.01 ** np.arange(30.0) * np.tile([1.0, 1.02], 15))
    holed = closes.reindex(np.repeat(closes.index, 2)).reset_index(drop=True)
    holed[1::2] = np.nan

    assert volatility(holed) == volatility(closes)


@pytest.mark.parametrize(("bars", "defined"), [(20, False), (21, True)])
def test_volatility_needs_twenty_returns(bars, defined):
    closes = pd.Series(np.tile([100.0, 102.0], 20)[:bars])

    assert (volatility(closes) > 0) is defined


PRICES = {"VOO": Decimal(100)}


@pytest.mark.parametrize(
    ("before", "cash", "moved"),
    [
        (9000, 9204, None),
        (9000, 9205, 205),
        (9000, 8800, -200),
        (8800, 9000, None),
        (8799, 9000, 201),
        (9300, 9000, -300),
        (9200, 9000, None),
        (9000, 9000, None),
    ],
)
def test_money_without_a_reason_is_found_beyond_two_percent(before, cash, moved):
    baseline = Baseline(TODAY, a_portfolio(before, VOO=10))

    found = unexplained_equity(baseline, a_portfolio(cash, VOO=10), PRICES)

    assert found == moved


def test_a_trade_since_is_no_money_without_a_reason():
    baseline = Baseline(TODAY, a_portfolio(9000, VOO=10))

    assert unexplained_equity(baseline, a_portfolio(0, VOO=100), PRICES) is None


def test_the_last_account_is_valued_at_todays_prices():
    baseline = Baseline(TODAY, a_portfolio(0, VOO=10))

    found = unexplained_equity(baseline, a_portfolio(0, VOO=10), {"VOO": Decimal(500)})

    assert found is None


def test_without_a_last_account_nothing_is_unexplained():
    assert unexplained_equity(None, a_portfolio(1000), PRICES) is None


def test_a_holding_of_then_without_a_price_leaves_the_question_open():
    baseline = Baseline(TODAY, a_portfolio(0, GONE=10, VOO=1))

    assert unexplained_equity(baseline, a_portfolio(1000), PRICES) is None


@pytest.mark.parametrize("switch", Switch)
def test_only_exits_allowed_is_a_finding(switch):
    expected = {Finding.EXITS_ONLY} if switch is Switch.EXITS_ONLY else set()

    assert switch_findings(switch) == expected


@pytest.mark.parametrize(
    ("last", "change", "restricted"),
    [(90, 0.0, True), (91, 0.0, False), (100, -0.10, True), (120, -0.12, True), (100, 0.2, False)],
)
def test_a_fall_of_a_tenth_restricts_shorts_that_day_and_the_next(last, change, restricted):
    mark = Mark(100.0, 0.01, change=change)

    assert short_restricted(Decimal(last), mark) is restricted


def test_a_split_of_a_short_is_confirmed_by_its_quantity():
    assert split_confirmed(0.5, Decimal(-10), Decimal(-20))
    assert not split_confirmed(0.5, Decimal(-10), Decimal(-10))


@pytest.mark.parametrize(
    ("following", "found"),
    [
        (None, ()),
        (Rebalance({}, "rotation"), ()),
        (Rebalance({}, "rotation", blind=True), (Finding.DECIDED_BLIND,)),
    ],
)
def test_what_was_decided_blind_is_a_finding_of_the_book(following, found):
    assert decision_findings(following) == found
