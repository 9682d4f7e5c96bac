from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain.model import Note, Role
from bot.domain.planning import EXCUSES, residuals
from tests.builders import (
    AT_QUOTE,
    a_portfolio,
    quotes,
    usd_targets,
)

HAVENS = {"BOXX": Role.SAFE_HAVEN, "BIL": Role.SAFE_HAVEN}
MARKET = quotes(VOO=100, QQQ=100, SPYI=50, BOXX=100, BIL=100)


@pytest.mark.parametrize(
    ("value", "held", "left"),
    [
        (500, 3, {"VOO": 2}),
        (500, "3.01", {"VOO": 1}),
        (300, 5, {"VOO": -2}),
        (500, "4.1", {}),
        (10000, 99, {}),
        (10000, 98, {"VOO": 2}),
        (0, 3, {"VOO": -3}),
        (0, "0.9", {}),
        (0, "1.9", {"VOO": -1}),
    ],
)
def test_a_residual_counts_whole_shares_beyond_the_band(value, held, left):
    wanted = usd_targets(10000, VOO=value)

    found = residuals(wanted, a_portfolio(0, VOO=held), {"VOO": Decimal(100)}, (), AT_QUOTE)

    assert found == left


def test_the_band_of_a_residual_is_the_larger_position_s():
    wanted, prices = usd_targets(10000, VOO=400), {"VOO": Decimal(10)}

    assert residuals(wanted, a_portfolio(0, VOO="44.2"), prices, (), AT_QUOTE) == {}
    assert residuals(wanted, a_portfolio(0, VOO="44.6"), prices, (), AT_QUOTE) == {"VOO": -4}


def test_a_residual_of_a_penny_share_counts_too():
    wanted, prices = usd_targets(10000, F=1), {"F": Decimal("0.5")}

    assert residuals(wanted, a_portfolio(0), prices, (), AT_QUOTE) == {"F": 2}


@pytest.mark.parametrize(
    ("value", "held", "left"),
    [(500, 0, {"VOO": 1}), (500, 2, {}), (0, 2, {"VOO": -2}), (0, "0.5", {})],
)
def test_without_a_price_only_being_held_is_measured(value, held, left):
    wanted = usd_targets(10000, VOO=value)

    found = residuals(wanted, a_portfolio(0, VOO=held), {}, (), AT_QUOTE)

    assert found == left


@pytest.mark.parametrize("code", sorted(EXCUSES))
def test_an_excuse_makes_a_run_complete(code):
    wanted, prices = usd_targets(10000, VOO=500), {"VOO": Decimal(100)}

    found = residuals(wanted, a_portfolio(0), prices, [Note(code, "VOO")], AT_QUOTE)

    assert found == {}


@pytest.mark.parametrize("code", ["awaiting_settlement", "capped", "quote_stale", "negative_cash"])
def test_what_only_waits_is_owed(code):
    wanted, prices = usd_targets(10000, VOO=500), {"VOO": Decimal(100)}

    found = residuals(wanted, a_portfolio(0), prices, [Note(code, "VOO")], AT_QUOTE)

    assert found == {"VOO": 5}


def test_no_note_excuses_an_exit_that_did_not_happen():
    wanted, prices = usd_targets(10000, VOO=0), {"VOO": Decimal(100)}

    found = residuals(wanted, a_portfolio(0, VOO=2), prices, [Note("rounded", "VOO")], AT_QUOTE)

    assert found == {"VOO": -2}


def test_no_note_excuses_an_order_that_stayed_unfilled():
    wanted, prices = usd_targets(10000, VOO=500), {"VOO": Decimal(100)}
    notes = [Note("cash_below_one_share", "VOO")]

    found = residuals(wanted, a_portfolio(0), prices, notes, AT_QUOTE, unfilled={"VOO"})

    assert found == {"VOO": 5}


def test_while_an_order_stays_unfilled_want_of_cash_is_no_excuse():
    wanted = usd_targets(1000, VOO=500, QQQ=0)
    portfolio, prices = a_portfolio(10, QQQ=5), {"VOO": Decimal(100), "QQQ": Decimal(100)}
    notes = [Note("cash_below_one_share", "VOO")]

    left = residuals(wanted, portfolio, prices, notes, AT_QUOTE, ["QQQ"])

    assert left == {"VOO": 5, "QQQ": -5}


def test_a_locked_holding_is_where_it_should_be():
    wanted = replace(usd_targets(10000, SPYI=4850), locked={"SPYI": Decimal(5000)})
    prices = {"SPYI": Decimal(50)}

    assert residuals(wanted, a_portfolio(0, SPYI=100), prices, (), AT_QUOTE) == {}
    assert residuals(wanted, a_portfolio(0, SPYI=110), prices, (), AT_QUOTE) == {"SPYI": -10}
