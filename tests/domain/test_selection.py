from math import sqrt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.selection import Sample, deflated, hurdle, sample

YEAR = 250  # sessions, as the paper's example counts them
SKEWED = Sample(returns=1250, sharpe=2.5 / sqrt(YEAR), skew=-3.0, kurtosis=10.0)


def trials(count, variance):
    """Sharpe ratios per session, half of them above and half below, of a given variance."""
    apart = sqrt(variance * (count - 1) / count)
    return [apart if n % 2 else -apart for n in range(count)]


def test_the_example_of_the_paper_comes_out():
    told = deflated(SKEWED, trials(100, 0.5 / YEAR))

    # Bailey and Lopez de Prado, section "A numerical example": SR0 = 0.1132, DSR = 0.9004.
    assert told.trials == 100
    assert told.hurdle == pytest.approx(0.1132, abs=5e-5)
    assert told.probability == pytest.approx(0.9004, abs=5e-5)


def test_the_same_with_fewer_trials_is_the_figure_the_paper_compares_it_with():
    told = deflated(SKEWED, trials(46, 0.5 / YEAR))

    # "had the strategist made his discovery after running only N = 46 trials": 0.9505.
    assert told.probability == pytest.approx(0.9505, abs=5e-5)


def test_two_trials_by_hand():
    # Phi^-1(1/2) = 0 and Phi^-1(1 - 1/2e) = Phi^-1(0.81606) = 0.90046; the deviation of 0.1 and
    # 0.3 is sqrt(0.02) = 0.141421; the hurdle 0.141421 x 0.577216 x 0.90046 = 0.073504.
    assert hurdle([0.1, 0.3]) == pytest.approx(0.073504, abs=1e-5)


def test_of_one_trial_nothing_was_chosen():
    normal = Sample(returns=101, sharpe=0.1, skew=0.0, kurtosis=3.0)

    told = deflated(normal, [0.1])

    # (0.1 - 0) x 10 / sqrt(1 + 0.005) = 0.997509, of which the normal distribution makes 0.84074.
    assert (told.trials, told.hurdle) == (1, 0.0)
    assert told.probability == pytest.approx(0.84074, abs=1e-5)


@given(st.integers(2, 500), st.floats(1e-6, 0.01))
def test_the_more_trials_the_higher_the_hurdle(count, variance):
    assert hurdle(trials(2 * count, variance)) > hurdle(trials(2 * count - 2, variance)) > 0


def test_fat_tails_and_falls_make_a_ratio_less_believable():
    normal = Sample(returns=250, sharpe=0.1, skew=0.0, kurtosis=3.0)
    fat = Sample(returns=250, sharpe=0.1, skew=-1.0, kurtosis=9.0)

    assert deflated(fat, [0.1]).probability < deflated(normal, [0.1]).probability


def test_returns_of_two_values_leave_no_spread_and_no_error():
    # Kurtosis is skew squared plus one for these, and the ratio 2 / skew leaves nothing.
    told = deflated(Sample(returns=10, sharpe=2.0, skew=1.0, kurtosis=2.0), [2.0])

    assert told.probability == 1.0


def test_a_sample_tells_the_shape_of_returns():
    closes = 100 * np.cumprod([1, 1.1, 1.1, 1.1, 0.9])
    told = sample(pd.Series(closes, pd.bdate_range("2026-01-05", periods=5)))

    # Returns 0.1 three times and -0.1: mean 0.05, deviations 0.1 (n - 1) and 0.0866 (n);
    # standardised 0.57735 thrice and -1.73205.
    assert told.returns == 4
    assert told.sharpe == pytest.approx(0.5)
    assert told.skew == pytest.approx((3 * 0.57735**3 - 1.73205**3) / 4, abs=1e-4)
    assert told.kurtosis == pytest.approx((3 * 0.57735**4 + 1.73205**4) / 4, abs=1e-4)


def test_returns_that_never_vary_have_no_shape():
    assert sample(pd.Series([100.0] * 5, pd.bdate_range("2026-01-05", periods=5))) is None
