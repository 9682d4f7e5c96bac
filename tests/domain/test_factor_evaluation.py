import math

import numpy as np
import pandas as pd
import pytest

from bot.domain.errors import BellwetherError
from bot.domain.factor_evaluation import FIFTHS, evaluate, rank_correlation
from bot.domain.performance import performance
from tests.strategies.planted import a_panel, shuffled

NAN = float("nan")
PLANTED = 0.07


def equal_parts(scores: pd.DataFrame, count: int) -> pd.DataFrame:
    chosen = scores.rank(axis=1, ascending=False) <= count
    return chosen.astype(float) / count


def found(scores: pd.DataFrame, closes: pd.DataFrame, count: int = 3):
    return evaluate(scores, equal_parts(scores, count), closes)


# What was planted is found.


def measured(seed: int, *, deal: bool = False) -> tuple[float, float]:
    """The mean information coefficient of a panel, and its standard error."""
    scores, closes = a_panel(PLANTED, months=240, funds=20, seed=seed)
    told = found(shuffled(scores, seed) if deal else scores, closes).correlations
    return told.mean, told.deviation / math.sqrt(told.periods)


def test_a_planted_coefficient_is_found_within_its_standard_error():
    mean, error = measured(seed=2)

    assert error == pytest.approx(0.0148, abs=0.002)
    assert abs(mean - PLANTED) < error


def test_a_shuffled_factor_has_none():
    mean, error = measured(seed=2, deal=True)

    assert abs(mean) < 2 * error
    assert abs(mean - PLANTED) > 2 * error


@pytest.mark.slow
def test_of_many_panels_two_in_three_lie_within_one_standard_error():
    told = [measured(seed) for seed in range(30)]
    dealt = [measured(seed, deal=True) for seed in range(30)]

    assert 0.5 < np.mean([abs(mean - PLANTED) < error for mean, error in told]) < 0.85
    assert abs(np.mean([mean for mean, _ in told]) - PLANTED) < 0.0075
    assert abs(np.mean([mean for mean, _ in dealt])) < 0.0075


# The identities.


@pytest.fixture(scope="module")
def panel():
    return a_panel(0.3, months=60, funds=12, seed=4)


def test_the_coefficients_sum_up_as_they_are_named(panel):
    told = found(*panel)

    series, figures = told.periods["ic"], told.correlations
    assert figures.periods == len(series) == 60
    assert figures.mean == pytest.approx(series.mean())
    assert figures.deviation == pytest.approx(series.std(ddof=1))
    assert (figures.lowest, figures.highest) == (series.min(), series.max())
    assert figures.latest == series.iloc[-1]
    assert figures.risk_adjusted == pytest.approx(figures.mean / figures.deviation)
    assert figures.t == pytest.approx(figures.mean / figures.deviation * math.sqrt(60))
    fifths = told.periods["fifth_5"] - told.periods["fifth_1"]
    assert figures.long_short == pytest.approx(fifths.mean())


def test_the_figures_of_the_strategy_follow_from_its_curve(panel):
    told = found(*panel)

    curves, figures = told.curves, told.following
    fared, beyond = performance(curves["strategy"]), performance(curves["excess"])
    daily = curves.pct_change().iloc[1:]
    assert figures.annual_return == fared.annual_return
    assert figures.volatility == fared.volatility
    assert figures.max_drawdown == fared.max_drawdown
    assert figures.sharpe == pytest.approx(figures.annual_return / figures.volatility)
    assert figures.excess == beyond.annual_return
    assert figures.excess_drawdown == beyond.max_drawdown
    apart = (daily["strategy"] - daily["pool"]).std(ddof=1) * math.sqrt(252)
    assert figures.tracking_error == pytest.approx(apart)
    assert figures.information_ratio == pytest.approx(figures.excess / figures.tracking_error)
    assert (curves["excess"] == curves["strategy"] / curves["pool"]).all()
    assert (figures.first, figures.last) == (curves.index[0].date(), curves.index[-1].date())


def test_a_factor_that_says_something_parts_the_fifths(panel):
    ends = found(*panel).curves.iloc[-1]

    assert list(ends[list(FIFTHS)]) == sorted(ends[list(FIFTHS)])
    assert ends["strategy"] > ends["pool"]


# A small world, reckoned by hand.

DAYS = pd.bdate_range("2026-03-02", periods=9)
SCORED = DAYS[[0, 2, 4, 6]]
# Traded a session after each score: on DAYS 1, 3, 5 and 7, of which the last ends the last span.


def small(**prices: list[float]) -> pd.DataFrame:
    return pd.DataFrame({name: [told[0], *told] for name, told in prices.items()}, DAYS)


def scored(**scores: list[float]) -> pd.DataFrame:
    return pd.DataFrame(scores, SCORED)


RISING = [1.0, 1.0, 2.0, 2.0, 4.0, 4.0, 8.0, 8.0]
FLAT = [1.0] * 8
FALLING = [8.0, 8.0, 4.0, 4.0, 2.0, 2.0, 1.0, 1.0]
THREE = {"A": RISING, "B": FLAT, "C": FALLING}


def test_the_ranks_of_a_perfect_factor_agree_whole_and_those_of_its_opposite_not_at_all():
    right = scored(A=[3.0] * 4, B=[2.0] * 4, C=[1.0] * 4)

    assert found(right, small(**THREE)).periods["ic"].tolist() == [1.0] * 3
    assert found(-right, small(**THREE)).periods["ic"].tolist() == [-1.0] * 3


def test_a_factor_that_never_varies_has_no_ratio_and_one_that_is_the_same_has_no_coefficient():
    told = found(scored(A=[3.0] * 4, B=[2.0] * 4, C=[1.0] * 4), small(**THREE)).correlations

    assert (told.mean, told.deviation) == (1.0, 0.0)
    assert (told.risk_adjusted, told.t, told.long_short) == (None, None, None)
    with pytest.raises(BellwetherError, match="too_few_periods"):
        found(scored(A=[1.0] * 4, B=[1.0] * 4, C=[1.0] * 4), small(**THREE))


def test_a_score_is_traded_on_the_session_after():
    weights = scored(A=[1.0, 1.0, 1.0, 1.0], B=[0.0] * 4, C=[0.0] * 4)

    told = evaluate(scored(A=[3.0] * 4, B=[2.0] * 4, C=[1.0] * 4), weights, small(**THREE))

    assert told.curves.index.tolist() == DAYS[1:8].tolist()
    assert told.curves["strategy"].tolist() == [1.0, 1.0, 2.0, 2.0, 4.0, 4.0, 8.0]


def test_the_pool_is_rebalanced_to_equal_weights_with_every_score():
    told = found(scored(A=[3.0] * 4, B=[2.0] * 4, C=[1.0] * 4), small(**THREE))

    grows = (2.0 + 1.0 + 0.5) / 3
    expected = [1.0, 1.0, grows, grows, grows**2, grows**2, grows**3]
    assert told.curves["pool"].tolist() == pytest.approx(expected)


def test_turnover_is_half_of_what_the_drifted_weights_are_moved_by():
    half = [0.5, 0.5, 0.5, 0.5]

    told = evaluate(
        scored(A=[3.0] * 4, B=[2.0] * 4, C=[1.0] * 4),
        scored(A=half, B=half, C=[0.0] * 4),
        small(**THREE),
    )

    # A doubles beside B: 2/3 and 1/3 go back to halves, a sixth from one to the other.
    assert told.following.turnover == pytest.approx(1 / 6)


def test_a_day_on_which_nothing_is_changed_moves_nothing():
    weights = scored(A=[0.5, NAN, NAN, NAN], B=[0.5, NAN, NAN, NAN], C=[0.0, NAN, NAN, NAN])

    told = evaluate(scored(A=[3.0] * 4, B=[2.0] * 4, C=[1.0] * 4), weights, small(**THREE))

    assert told.following.turnover == 0.0
    assert told.curves["strategy"].iloc[-1] == pytest.approx((8.0 + 1.0) / 2)


def test_what_has_no_close_is_not_bought_and_what_lost_it_is_carried():
    gappy = {"A": [NAN, NAN, NAN, *RISING[3:]], "C": [*FALLING[:4], NAN, NAN, NAN, NAN]}
    prices = small(**gappy, B=FLAT, D=RISING, E=FALLING)
    scores = scored(**{name: [float(at)] * 4 for at, name in enumerate("ABCDE")})

    young = evaluate(scores, scored(A=[1.0] * 4), prices).curves["strategy"]
    dying = evaluate(scores, scored(C=[1.0] * 4), prices).curves["strategy"]

    assert young.tolist() == [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0]
    assert dying.tolist() == [1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.5]


def test_fewer_periods_than_three_say_nothing():
    scores = scored(A=[3.0] * 4, B=[2.0] * 4, C=[1.0] * 4).iloc[:3]

    with pytest.raises(BellwetherError) as refused:
        found(scores, small(**THREE))

    assert refused.value.args == ("too_few_periods", {"found": 2, "needed": 3})


def test_five_funds_are_five_fifths_and_of_seven_the_higher_are_larger():
    names = "ABCDEFG"
    grown = [[(1.0 + at / 10) ** power for power in range(4)] for at in range(7)]
    prices = {name: np.repeat(told, 2).tolist() for name, told in zip(names, grown, strict=True)}
    scores = scored(**{name: [float(at)] * 4 for at, name in enumerate(names)})

    told = found(scores, small(**prices)).periods.iloc[0]

    expected = [0.0, 0.1, 0.2, (0.3 + 0.4) / 2, (0.5 + 0.6) / 2]
    assert told[list(FIFTHS)].tolist() == pytest.approx(expected)
    assert told["long_short"] == pytest.approx(0.55)


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        ([1.0, 2.0, 3.0], [10.0, 20.0, 90.0], 1.0),
        ([1.0, 2.0, 3.0, 4.0], [2.0, 1.0, 4.0, 3.0], 0.6),
        ([1.0, 1.0, 2.0], [1.0, 2.0, 3.0], math.sqrt(3) / 2),
        ([1.0, 2.0], [1.0, 2.0], NAN),
        ([1.0, 1.0, 1.0], [1.0, 2.0, 3.0], NAN),
    ],
)
def test_a_rank_correlation_is_that_of_the_ranks(one, other, told):
    assert rank_correlation(np.array(one), np.array(other)) == pytest.approx(told, nan_ok=True)
