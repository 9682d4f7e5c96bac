import math
import statistics

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.cross_section import (
    Regime,
    affordable_names,
    breadth,
    held_first,
    ordered,
    regime,
    sector_slots,
    sector_walk,
    standardise,
    weighted_score,
)

NAN = math.nan
NUMBERS = st.floats(-1e6, 1e6, allow_subnormal=False)
SYMBOLS = [f"S{number}" for number in range(8)]
PERMUTED = st.permutations(SYMBOLS)


def plain_scores(values):
    known = [value for value in values if not math.isnan(value)]
    spread = statistics.pstdev(known) if known else 0.0
    if spread <= 1e-15 * max(map(abs, known), default=0.0):
        return [0.0] * len(values)
    mean = statistics.fmean(known)
    return [0.0 if math.isnan(value) else (value - mean) / spread for value in values]


@given(st.lists(st.one_of(st.integers(-1000, 1000).map(float), st.just(NAN)), max_size=30))
def test_a_score_is_the_distance_from_the_mean_in_population_deviations(values):
    np.testing.assert_allclose(standardise(values), plain_scores(values), atol=1e-12)


@given(
    st.lists(
        st.tuples(st.one_of(st.integers(-99, 99).map(float), st.just(NAN)), st.sampled_from("abc")),
        max_size=30,
    )
)
def test_scores_of_groups_are_those_of_each_group_alone(members):
    values = np.array([value for value, _ in members], dtype=float)
    groups = np.array([group for _, group in members], dtype=object)

    scores = standardise(values, groups.tolist())

    for group in set(groups.tolist()):
        np.testing.assert_allclose(
            scores[groups == group], plain_scores(values[groups == group].tolist()), atol=1e-12
        )


@given(NUMBERS, st.integers(1, 300))
def test_equal_values_score_nothing(value, count):
    assert standardise([value] * count).tolist() == [0.0] * count


@pytest.mark.parametrize(
    "values",
    [
        [],
        [3.0],
        [NAN, NAN],
        [0.1, 0.1 + 1e-17, 0.1],
        [1.0, math.inf, 2.0],
        [-math.inf, 0.0],
    ],
)
def test_a_group_without_a_spread_scores_nothing(values):
    assert standardise(values).tolist() == [0.0] * len(values)


def test_a_missing_value_scores_nothing_and_does_not_count():
    assert standardise([1.0, NAN, 3.0]).tolist() == [-1.0, 0.0, 1.0]


def test_a_member_whose_group_is_unknown_is_in_a_group_of_its_own_kind():
    assert standardise([1.0, 3.0, 5.0, 5.0], ["a", None, "a", None]).tolist() == [-1, -1, 1, 1]


def test_a_weighted_score_adds_weight_times_standing():
    frame = pd.DataFrame({"a": [1.0, 3.0], "b": [5.0, 5.0], "c": [9.0, 7.0]})

    assert weighted_score(frame, {"a": 0.5, "b": 3.0, "c": -0.25}).tolist() == [-0.75, 0.75]


def test_the_order_is_falling_by_each_key_then_rising_by_symbol():
    frame = pd.DataFrame(
        {"first": [1.0, 2.0, 1.0, NAN, 1.0], "then": [5.0, 0.0, 7.0, 9.0, 5.0]},
        index=["C", "B", "E", "A", "BRK.B"],
    )

    assert list(ordered(frame, ["first", "then"]).index) == ["B", "E", "BRK.B", "C", "A"]


@given(st.lists(st.sampled_from([NAN, 0.0, -0.0, 1.0, 2.0]), min_size=8, max_size=8), PERMUTED)
def test_the_order_does_not_depend_on_that_of_the_rows(values, symbols):
    frame = pd.DataFrame({"key": values}, index=SYMBOLS)

    shuffled = ordered(frame.loc[symbols], ["key"])

    key = frame["key"].fillna(-1.0)
    assert list(shuffled.index) == sorted(SYMBOLS, key=lambda symbol: (-key[symbol], symbol))


def test_symbols_are_ordered_by_code_point():
    frame = pd.DataFrame({"key": 0.0}, index=["a", "B", "BRK.B", "BRK-B"])

    assert list(ordered(frame, ["key"]).index) == ["B", "BRK-B", "BRK.B", "a"]


def test_of_an_index_of_days_and_symbols_the_symbol_counts():
    index = pd.MultiIndex.from_tuples([(1, "B"), (1, "A")])

    assert list(ordered(pd.DataFrame({"key": [0.0, 0.0]}, index), ["key"]).index) == [
        (1, "A"),
        (1, "B"),
    ]


@pytest.mark.parametrize(
    ("gaps", "share"),
    [([], 0.0), ([0.1, -0.1], 0.5), ([0.0, 0.1], 0.5), ([NAN, 0.1, 0.2, NAN], 0.5), ([NAN], 0.0)],
)
def test_breadth_is_the_share_known_to_be_above_their_average(gaps, share):
    assert breadth(pd.DataFrame({"sma200_gap": gaps}, dtype=float)) == share


@pytest.mark.parametrize(
    ("trend", "width", "expected"),
    [
        (True, 0.55, Regime.RISK_ON),
        (True, 0.54, Regime.SOFT_DEFENSE),
        (True, 0.0, Regime.SOFT_DEFENSE),
        (False, 1.0, Regime.SOFT_DEFENSE),
        (False, 0.35, Regime.SOFT_DEFENSE),
        (False, 0.34, Regime.HARD_DEFENSE),
    ],
)
def test_a_regime_falls_below_a_threshold_not_at_it(trend, width, expected):
    assert regime(trend, width, soft=0.55, hard=0.35) is expected


@pytest.mark.parametrize(
    ("cap", "exposure", "names", "slots"),
    [
        (0.20, 1.0, 24, 4),
        (0.20, 0.5, 24, 9),
        (0.20, 0.1, 24, 48),
        (0.60, 0.8, 4, 2),
        (0.05, 1.0, 10, 1),
        *((0.6, 0.8, names, most) for names, most in enumerate([1, 1, 2, 2, 3, 4, 5], start=1)),
        *((0.6, 0.6, names, names) for names in range(1, 8)),
        (0.4, 0.8, 8, 4),
        (0.4, 0.6, 8, 5),
    ],
)
def test_the_slots_of_a_sector_are_whole_shares_of_its_cap(cap, exposure, names, slots):
    assert sector_slots(cap, exposure, names) == slots


def test_a_walk_skips_the_names_of_a_full_sector():
    sectors = {"A": "x", "B": "x", "C": "x", "D": "y", "E": "z"}

    assert sector_walk(list("ABCDE"), sectors, slots=2, most=4) == ["A", "B", "D", "E"]


@given(PERMUTED, st.integers(1, 4), st.integers(0, 9))
def test_a_walk_takes_the_best_that_fit(order, slots, most):
    sectors = {symbol: "low" if symbol in SYMBOLS[:3] else "high" for symbol in SYMBOLS}

    picked = sector_walk(order, sectors, slots, most)

    counts = [sum(sectors[s] == name for s in picked) for name in ("low", "high")]
    assert picked == [symbol for symbol in order if symbol in picked]
    assert len(picked) == min(most, min(slots, 3) + min(slots, 5))
    assert max(counts) <= slots


def test_held_names_within_the_buffer_keep_better_ones_out():
    order = ["A", "B", "C", "D", "E", "F", "G"]

    assert held_first(order, {"C", "D", "E", "F"}, most=4, buffer=2) == ["C", "D", "E", "F"]
    assert held_first(order, {"G"}, most=4, buffer=2) == ["A", "B", "C", "D"]
    assert held_first(order, {"D", "Z"}, most=2, buffer=2) == ["D", "A"]


def test_a_buffer_below_zero_is_none():
    assert held_first(["A", "B"], {"B"}, most=1, buffer=-5) == ["A"]


@given(PERMUTED, st.sets(st.sampled_from(SYMBOLS)), st.integers(0, 9), st.integers(0, 4))
def test_a_selection_is_full_and_without_repeats(order, held, most, buffer):
    chosen = held_first(order, held, most, buffer)

    assert len(chosen) == len(set(chosen)) == min(most, len(order))
    kept = [symbol for symbol in order[: most + buffer] if symbol in held][:most]
    assert chosen[: len(kept)] == kept


@pytest.mark.parametrize(
    ("equity", "exposure", "smallest", "names"),
    [
        (None, 1.0, 3000.0, 4),
        (1e6, 1.0, 3000.0, 4),
        (11_999.0, 1.0, 3000.0, 3),
        (12_000.0, 1.0, 3000.0, 4),
        (12_000.0, 0.5, 3000.0, 2),
        (100.0, 1.0, 3000.0, 1),
        (0.0, 1.0, 3000.0, 0),
        (-5.0, 1.0, 3000.0, 0),
        (100.0, 1.0, 0.0, 4),
        (None, 0.0, 3000.0, 0),
        (1e6, 0.0, 3000.0, 0),
    ],
)
def test_equity_pays_for_whole_positions_at_least_for_one(equity, exposure, smallest, names):
    assert affordable_names(equity, exposure, most=4, smallest=smallest) == names
