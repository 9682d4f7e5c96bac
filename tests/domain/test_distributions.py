from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.distributions import Distribution, raw_of

DAYS = pd.DatetimeIndex(["2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05"])
TUESDAY, WEDNESDAY = date(2026, 3, 3), date(2026, 3, 4)


def closes(**columns):
    return pd.DataFrame(columns, DAYS, dtype=float)


def test_prices_that_move_alike_leave_nothing_out():
    told = raw_of(closes(VOO=[50, 51, 52, 53]), closes(VOO=[100, 102, 104, 106]))

    assert told.distributions == {}
    assert told.closes["VOO"].tolist() == [100.0, 102.0, 104.0, 106.0]


def test_what_the_adjusted_price_grew_more_was_paid():
    told = raw_of(closes(VOO=[100, 102, 102, 102]), closes(VOO=[100, 100, 100, 100]))

    assert told.distributions == {TUESDAY: (Distribution("VOO", Decimal(1), Decimal(2)),)}


@pytest.mark.parametrize(("after", "shares"), [(50, Decimal(2)), (1000, Decimal("0.1"))])
def test_a_price_that_leaps_by_a_ratio_has_split(after, shares):
    told = raw_of(closes(VOO=[100] * 4), closes(VOO=[100, 100, after, after]))

    assert told.distributions == {WEDNESDAY: (Distribution("VOO", shares, Decimal(0)),)}


def test_a_split_and_a_dividend_may_fall_on_one_day():
    told = raw_of(closes(VOO=[100, 100, 102, 102]), closes(VOO=[100, 100, 50, 50]))

    (both,) = told.distributions[WEDNESDAY]
    assert (both.shares, both.money) == (2, Decimal(1))


def test_what_cents_make_of_a_price_is_no_dividend():
    adjusted, printed = [33.333, 33.412, 33.398, 33.4], [33.33, 33.41, 33.4, 33.4]

    told = raw_of(closes(VOO=adjusted), closes(VOO=printed))

    assert told.distributions == {}


def test_a_symbol_without_raw_prices_keeps_its_adjusted_ones():
    told = raw_of(closes(VOO=[100, 102, 104, 106]), closes(BIL=[91] * 4))

    assert told.distributions == {}
    assert told.closes["VOO"].tolist() == [100.0, 102.0, 104.0, 106.0]


def test_a_hole_is_bridged_by_the_ratio_before_it():
    nothing = np.nan
    told = raw_of(closes(VOO=[10, 11, nothing, 12]), closes(VOO=[20, nothing, nothing, 24]))

    np.testing.assert_array_equal(told.closes["VOO"], [20.0, 22.0, nothing, 24.0])
    assert told.distributions == {}


@given(
    st.lists(st.floats(0.9, 1.1), min_size=3, max_size=3),
    st.lists(st.sampled_from([0.0, 0.01, 0.03]), min_size=3, max_size=3),
    st.sampled_from([1, 2, 10]),
)
def test_with_what_was_given_a_raw_day_returns_what_the_adjusted_one_did(moves, paid, split):
    raw, adjusted = [100.0], [40.0]
    for row, (move, part) in enumerate(zip(moves, paid, strict=True)):
        ratio = split if row == 1 else 1
        raw.append(raw[-1] * move / ratio)
        adjusted.append(adjusted[-1] * move * (1 + part))

    told = raw_of(closes(VOO=adjusted), closes(VOO=raw))

    for row in range(1, 4):
        given = told.distributions.get(DAYS[row].date(), (Distribution("", 1, 0),))[0]
        worth = float(given.shares) * (raw[row] + float(given.money))
        assert worth / raw[row - 1] == pytest.approx(adjusted[row] / adjusted[row - 1], abs=1e-5)
