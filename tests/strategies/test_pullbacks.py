import numpy as np
import pandas as pd
import pytest

from strategies.pullbacks import position_sizes, pullback_numbers
from tests.strategies.builders import a_table

GOOD = {"mom_20": 0.0, "gap_50": 0.0, "gap_200": 0.1, "mom_126": 0.1, "relative_126": 0.0}


def size(**different):
    numbers = {**GOOD, "depth": 0.10, **different}
    return position_sizes({name: np.array([number]) for name, number in numbers.items()})[0]


@pytest.mark.parametrize(
    ("depth", "part"),
    [
        *((0.0, 0.45), (0.0199, 0.45), (0.02, 0.85), (0.0599, 0.85), (0.06, 1.25)),
        *((0.1599, 1.25), (0.16, 0.75), (0.2799, 0.75), (0.28, 0.0), (0.9, 0.0)),
    ],
)
def test_the_size_follows_the_depth(depth, part):
    assert size(depth=depth) == part


@pytest.mark.parametrize(
    ("different", "part"),
    [
        ({"mom_20": 0.19}, 0.625),
        ({"mom_20": 0.18}, 1.25),
        ({"gap_50": 0.17}, 0.625),
        ({"mom_20": 0.19, "gap_50": 0.17}, 0.625),
        ({"gap_200": 0.029}, 0.75),
        ({"gap_200": 0.03}, 1.25),
        ({"relative_126": -0.09}, 0.625),
        ({"relative_126": -0.08}, 1.25),
        ({"relative_126": np.nan}, 1.25),
        ({"mom_20": 0.19, "gap_200": 0.01, "relative_126": -0.09}, 1.25 * 0.5 * 0.6 * 0.5),
    ],
)
def test_a_burst_a_young_trend_and_falling_behind_make_it_smaller(different, part):
    assert size(**different) == pytest.approx(part)


@pytest.mark.parametrize("name", ["gap_200", "mom_126"])
@pytest.mark.parametrize("number", [0.0, -0.1, np.nan])
def test_without_an_uptrend_there_is_no_size(name, number):
    assert size(**{name: number}) == 0.0


def newest(closes, bars=300, lookback=504):
    table = a_table({"A": closes, "QQQ": np.full(bars, 100.0)})
    told = pullback_numbers(table, "QQQ", lookback)
    return {name: number["A"].iloc[-1] for name, number in told.items()}


def test_the_numbers_are_those_of_the_definitions():
    chance = np.random.default_rng(3)
    closes = 100.0 * np.exp(np.cumsum(chance.normal(0.001, 0.02, 300)))

    told = newest(closes)

    returns = pd.Series(closes).pct_change().iloc[-63:]
    depth = 1.0 - closes[-1] / closes[-63:].max()
    wanted = {
        **{f"mom_{bars}": closes[-1] / closes[-1 - bars] - 1.0 for bars in (20, 126, 252)},
        **{f"gap_{bars}": closes[-1] / closes[-bars:].mean() - 1.0 for bars in (50, 200)},
        "vol_63": returns.std(ddof=0) * np.sqrt(252),
        "relative_126": closes[-1] / closes[-127] - 1.0,
        "depth": depth,
        "quality": max(-1.0, 1.0 - abs(depth - 0.10) / 0.10),
    }
    assert told == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize(("bars", "known"), [(252, False), (253, True)])
def test_all_is_unknown_with_less_than_a_year_of_bars(bars, known):
    closes = np.full(300, np.nan)
    closes[-bars:] = np.linspace(50.0, 60.0, bars)

    told = newest(closes)

    assert set(np.isfinite(list(told.values()))) == {known}


def test_a_price_that_never_moved_has_no_momentum_at_all():
    told = newest(np.full(300, 77.1))

    assert told["mom_126"] == told["mom_252"] == told["gap_200"] == told["depth"] == 0.0
    assert told["quality"] == 0.0
