from math import sqrt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.tracking import FEWEST_RETURNS, active_share, tracking_error


def weights(**by_symbol):
    return pd.Series(by_symbol, dtype=float)


def closes(**returns):
    """Closes of symbols from their daily returns."""
    table = pd.DataFrame(returns)
    days = pd.bdate_range("2026-01-05", periods=len(table) + 1)
    first = pd.DataFrame([[0.0] * table.shape[1]], columns=table.columns)
    return (1 + pd.concat([first, table])).cumprod().mul(100).set_axis(days)


UP_AND_DOWN = [0.01, -0.01] * 20

SHARES = [
    ([0.5, 0.5], [0.5, 0.5], 0.0),
    ([0.6, 0.4], [0.5, 0.5], 0.1),
    ([0.4, 0.5], [0.5, 0.5], 0.1),  # a tenth in cash instead
    ([0.4, 0.4], [0.5, 0.5], 0.2),
    ([0.0, 0.0], [0.5, 0.5], 1.0),
    ([0.3, -0.3], [0.0, 0.0], 0.3),
    ([[0.6, 0.4], [0.5, 0.3]], [0.5, 0.5], [0.1, 0.2]),
]


@pytest.mark.parametrize(("held", "wanted", "share"), SHARES)
def test_the_active_share_is_what_lies_elsewhere(held, wanted, share):
    assert active_share(np.array(held), np.array(wanted)) == pytest.approx(np.array(share))


@given(st.lists(st.floats(0, 0.2), min_size=5, max_size=5), st.permutations(range(5)))
def test_an_active_share_lies_between_nothing_and_everything(held, order):
    wanted = np.array([held[at] for at in order])

    assert 0 <= active_share(np.array(held), wanted) <= 1 + 1e-9


def test_holding_what_was_wanted_follows_it():
    same = weights(VOO=0.6, BIL=0.4)

    assert tracking_error(same, same, closes(VOO=UP_AND_DOWN, BIL=UP_AND_DOWN)) == 0


def test_one_active_weight_tracks_by_its_own_volatility():
    table = closes(VOO=UP_AND_DOWN, BIL=[0.0] * 40)

    told = tracking_error(weights(VOO=0.5, BIL=0.4), weights(VOO=0.6, BIL=0.4), table)

    # Forty returns of 0.01 and -0.01: sum of squares 0.004 over 39.
    assert told == pytest.approx(0.1 * sqrt(0.004 / 39 * 252))


def test_weights_of_funds_that_move_together_cancel():
    table = closes(VOO=UP_AND_DOWN, SPY=UP_AND_DOWN)

    told = tracking_error(weights(VOO=0.7, SPY=0.3), weights(VOO=0.5, SPY=0.5), table)

    assert told == pytest.approx(0, abs=1e-9)


def test_weights_of_funds_that_move_apart_add_up():
    table = closes(VOO=UP_AND_DOWN, SH=[-each for each in UP_AND_DOWN])

    told = tracking_error(weights(VOO=0.6, SH=0.4), weights(VOO=0.5, SH=0.5), table)

    assert told == pytest.approx(0.2 * sqrt(0.004 / 39 * 252))


def test_only_sessions_count_on_which_all_have_returns():
    returns = [0.3, *UP_AND_DOWN]
    table = closes(VOO=returns, NEW=returns)
    table.loc[table.index[:1], "NEW"] = float("nan")

    told = tracking_error(weights(VOO=0.4, NEW=0.4), weights(VOO=0.5, NEW=0.5), table)

    assert told == pytest.approx(0.2 * sqrt(0.004 / 39 * 252))


def test_a_symbol_without_history_has_no_expectation():
    table = closes(NEW=[0.01] * (FEWEST_RETURNS - 1))

    assert tracking_error(weights(NEW=0.4), weights(NEW=0.5), table) is None
