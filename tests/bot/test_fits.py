from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from bot.domain.model import Note
from bot.fits import FIT_HEADINGS, fit_lines, fit_rows, fit_title
from bot.sizing import Fit, Scan, Sizing
from bot.words import Language, Words

EN = Words(Language.EN)
SCAN = Scan(Decimal(100), Decimal(999_867), 467, 0.02, Decimal(25_137))
SIZING = Sizing(
    profile="global_etf_rotation",
    equity=Decimal(3000),
    decided=date(2026, 6, 30),
    priced=date(2026, 7, 31),
    fits=(
        Fit("SMH", 0.5, 0.36, 2, Decimal("540.53")),
        Fit("EWY", 0.49, 0.524, 10, Decimal("157.1")),
        Fit("BIL", 0.0, 0.0, 0, Decimal(91)),
    ),
    weight_error=0.14,
    tracking_error=0.0443,
    untradable=("GLD",),
    notes=(Note("gap_below_one_share", "GLD"),),
    scan=SCAN,
)


def said(**differing):
    return "\n".join(fit_lines(replace(SIZING, **differing), EN))


def test_the_title_says_whose_and_how_much():
    assert fit_title(SIZING, EN) == (
        "global_etf_rotation with 3,000.00 USD in cash, its targets of Tue 2026-06-30 "
        "at the closes of Fri 2026-07-31"
    )


def test_a_row_for_each_symbol_that_matters_and_one_for_the_cash():
    assert [*fit_rows(SIZING, EN)] == [
        ("SMH", "2", "540.53", "50.0 %", "36.0 %", "-14.0"),
        ("EWY", "10", "157.10", "49.0 %", "52.4 %", "+3.4"),
        ("cash", "", "", "1.0 %", "11.6 %", "+10.6"),
    ]
    assert len(FIT_HEADINGS) == 6


def test_a_symbol_without_a_price_has_none():
    (row, _) = fit_rows(replace(SIZING, fits=(Fit("NEW", 0.5, 0.0, 0, None),)), EN)

    assert row[:3] == ("NEW", "0", "–")


LINES = [
    "weight error: 14.0 % of equity would lie elsewhere than wanted",
    "expected tracking error: 4.4 % a year",
    "can not be held, not even one share: GLD",
    "at or below 2.0 %: 25,137.00 USD (467 accounts from 100.00 to 999,867.00, 2 % apart)",
    "GLD: ",
]


@pytest.mark.parametrize("line", LINES)
def test_the_lines_say_how_far_off_it_is_and_why(line):
    assert line in said()


def test_what_is_not_known_is_said_to_be_unknown():
    assert "expected tracking error: unknown" in said(tracking_error=None)


def test_an_account_that_never_fits_is_told_how_far_was_looked():
    told = said(scan=replace(SCAN, smallest=None))

    assert "no equity up to 999,867.00 USD" in told


def test_nothing_untradable_is_not_mentioned():
    assert "can not be held" not in said(untradable=())
