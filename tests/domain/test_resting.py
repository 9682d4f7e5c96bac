"""Where a book is at rest to the cent; that nothing is ordered there: test_invariants."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain.model import Role, TradingRules
from bot.domain.resting import at_rest
from tests.builders import a_portfolio, usd_targets

EQUITY, IDLE = 10_000, 500
PRICES = {"VOO": Decimal(100), "QQQ": Decimal(100), "BOXX": Decimal(25)}
HAVEN = {"BOXX": Role.SAFE_HAVEN}


def rules(band: int) -> TradingRules:
    """Of 10,000 USD `band` are no gap, and 500 are not idle."""
    return TradingRules(band=Decimal(band) / EQUITY, idle_cash=Decimal("0.05"))


def rests(*, band: int = 100, cash: object = 0, held: object = 50, reserve: int = 0, **values: str):
    """Fifty shares of VOO at 100, unless said otherwise."""
    shares = held if isinstance(held, dict) else {"VOO": held}
    wanted = usd_targets(EQUITY, HAVEN, reserve=reserve, **values)
    return at_rest(wanted, a_portfolio(cash, **shares), PRICES, rules(band))


@pytest.mark.parametrize(
    ("band", "value", "cash", "rest"),
    [
        (100, "5000", 0, True),
        (100, "5100", IDLE, True),  # inside the band
        (100, "5100.01", IDLE, False),
        (100, "5050", IDLE + 1, False),  # idle cash fills a gap of half a share
        (100, "5049.99", IDLE + 1, True),
        (0, "5049.99", 0, True),  # outside the band, and nothing for less than half a share
        (0, "5050", 0, False),
        (100, "4900", 0, True),
        (100, "4899.99", 0, False),
        (0, "4900.01", 0, True),  # of less than a share nothing is sold
        (0, "4900", 0, False),
        (20, "4919.99", 0, True),
    ],
)
def test_a_gap_that_is_worth_no_order_is_rest(band, value, cash, rest):
    assert rests(band=band, cash=cash, VOO=value) is rest


def test_cash_beyond_the_reserve_is_idle():
    assert rests(cash=IDLE + 200, reserve=200, VOO="5060")
    assert not rests(cash=IDLE + 201, reserve=200, VOO="5060")


def test_a_debt_is_no_rest():
    assert rests(cash=0, VOO="5000")
    assert not rests(cash="-0.01", VOO="5000")


@pytest.mark.parametrize(("value", "rest"), [("100", True), ("99.99", False)])
def test_a_whole_share_fits_into_the_target(value, rest):
    assert rests(held=1, VOO=value) is rest


@pytest.mark.parametrize(
    ("held", "values"),
    [
        ({}, {"VOO": "5000"}),
        ({"VOO": 50, "QQQ": 1}, {"VOO": "5000"}),
        ({"VOO": 50, "QQQ": 1}, {"VOO": "5000", "QQQ": "0"}),
        ({"VOO": -50}, {"VOO": "5000"}),
        ({"VOO": -50}, {"VOO": "-5000"}),
        ({"XLK": 50}, {"XLK": "5000"}),
    ],
    ids=["not yet held", "not wanted", "to go", "short", "wanted short", "without a price"],
)
def test_what_is_held_is_what_is_wanted_long_and_priced(held, values):
    assert not rests(held=held, **values)


def test_a_written_zero_of_what_is_not_held_disturbs_nobody():
    assert rests(VOO="5000", QQQ="0")


def test_what_is_locked_is_left_to_the_plan():
    wanted = replace(usd_targets(EQUITY, VOO=5000), locked={"VOO": Decimal(1)})

    assert not at_rest(wanted, a_portfolio(0, VOO=50), PRICES, rules(100))


@pytest.mark.parametrize(
    ("band", "value", "rest"),
    [(30, "4970", True), (20, "4995.01", True), (20, "4980", True), (20, "4979.99", False)],
)
def test_a_safe_haven_is_sold_to_the_far_side_of_its_band(band, value, rest):
    assert rests(band=band, held={"BOXX": 200}, BOXX=value) is rest


def test_of_a_safe_haven_less_than_a_share_beyond_the_band_is_not_sold():
    assert rests(band=10, held={"BOXX": 200}, BOXX="4985.01")
    assert not rests(band=10, held={"BOXX": 200}, BOXX="4985")


@pytest.mark.parametrize(
    ("voo", "boxx", "rest"),
    [
        ("5030", "4995", False),
        ("5030", "4995.01", True),
        ("5020", "4990", True),
        ("5030", "5000", True),
    ],
)
def test_a_safe_haven_with_a_share_to_spare_pays_for_a_gap_of_others(voo, boxx, rest):
    assert rests(band=20, held={"VOO": 50, "BOXX": 200}, VOO=voo, BOXX=boxx) is rest


def test_a_gap_of_a_safe_haven_itself_is_paid_by_none():
    assert rests(band=20, held={"BOXX": 200}, BOXX="5012")
