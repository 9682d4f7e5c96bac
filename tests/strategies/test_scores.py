import math

import numpy as np
import pandas as pd
import pytest

from strategies.cross_section import standardise
from strategies.scores import DEFENSIVE, LEADERS, PULLBACK, pullback_factors, ranking, scored

SECTORS = ["Tech", "Tech", "Tech", "Media", "Media", "Media"]
SYMBOLS = list("ABCDEF")


def some_candidates(columns, seed=1):
    numbers = np.random.default_rng(seed).normal(0.0, 0.2, (len(SYMBOLS), len(columns)))
    table = pd.DataFrame(numbers, index=pd.Index(SYMBOLS, name="symbol"), columns=list(columns))
    return table.assign(sector=SECTORS)


OF_DEFENSIVE = ("mom_6_1", "mom_12_1", "sma200_gap", "vol_63", "maxdd_126")
OF_LEADERS = (
    *("mom_3m", "mom_6m", "rel_mom_6m_vs_benchmark", "rel_mom_6m_vs_broad_benchmark"),
    *("high_252_gap", "sma200_gap", "vol_63", "maxdd_126"),
)
OF_PULLBACK = (
    *("mom_6_1", "mom_12_1", "sma20_gap", "sma50_gap", "sma200_gap", "ma50_over_ma200", "vol_63"),
    *("maxdd_126", "breakout_252", "dist_63_high", "dist_126_high", "rebound_20"),
)


def z(frame, column):
    return standardise(frame[column].to_numpy(float))


def test_the_defensive_score_is_standardised_within_sectors():
    frame = some_candidates(OF_DEFENSIVE)

    told = scored(DEFENSIVE, frame, groups=SECTORS)["score"]

    for sector in ("Tech", "Media"):
        part = frame[frame["sector"] == sector]
        expected = (
            0.35 * z(part, "mom_6_1")
            + 0.30 * z(part, "mom_12_1")
            + 0.15 * z(part, "sma200_gap")
            - 0.10 * z(part, "vol_63")
            - 0.10 * standardise(part["maxdd_126"].abs().to_numpy())
        )
        np.testing.assert_allclose(told[part.index], expected, atol=1e-14)


def test_the_leaders_score_is_standardised_over_all():
    frame = some_candidates(OF_LEADERS)

    told = scored(LEADERS, frame)["score"]

    expected = (
        0.25 * z(frame, "mom_6m")
        + 0.20 * z(frame, "mom_3m")
        + 0.20 * z(frame, "rel_mom_6m_vs_benchmark")
        + 0.10 * z(frame, "rel_mom_6m_vs_broad_benchmark")
        + 0.10 * z(frame, "high_252_gap")
        + 0.10 * z(frame, "sma200_gap")
        - 0.025 * z(frame, "vol_63")
        - 0.025 * standardise(frame["maxdd_126"].abs().to_numpy())
    )
    np.testing.assert_allclose(told[frame.index], expected, atol=1e-14)


def test_the_pullback_score_weighs_six_made_columns_and_risk():
    frame = pullback_factors(some_candidates(OF_PULLBACK), 0.1, 0.2)

    told = scored(PULLBACK, frame)["score"]

    expected = (
        0.25 * z(frame, "excess_mom_12_1")
        + 0.20 * z(frame, "excess_mom_6_1")
        + 0.15 * z(frame, "trend_strength")
        + 0.15 * z(frame, "controlled_pullback_score")
        + 0.10 * z(frame, "recovery_confirmation")
        + 0.10 * z(frame, "rel_strength_vs_group")
        - 0.03 * z(frame, "vol_63")
        - 0.02 * standardise(frame["maxdd_126"].abs().to_numpy())
    )
    np.testing.assert_allclose(told[frame.index], expected, atol=1e-14)


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_the_columns_of_a_pullback_are_their_formulas(symbol):
    frame = some_candidates(OF_PULLBACK)

    row = pullback_factors(frame, benchmark_6_1=0.1, benchmark_12_1=0.2).loc[symbol]

    group = frame[frame["sector"] == row["sector"]]
    assert row["excess_mom_6_1"] == row["mom_6_1"] - 0.1
    assert row["excess_mom_12_1"] == row["mom_12_1"] - 0.2
    assert row["trend_strength"] == pytest.approx(
        0.45 * row["sma200_gap"] + 0.35 * row["breakout_252"] + 0.20 * row["ma50_over_ma200"]
    )
    assert row["controlled_pullback_score"] == pytest.approx(
        -0.55 * abs(row["dist_63_high"] + 0.08)
        - 0.25 * abs(row["dist_126_high"] + 0.12)
        - 0.10 * max(0.0, -row["sma50_gap"])
        - 0.10 * max(0.0, -row["sma200_gap"])
    )
    assert row["recovery_confirmation"] == pytest.approx(
        0.40 * row["sma20_gap"] + 0.35 * row["sma50_gap"] + 0.25 * row["rebound_20"]
    )
    assert row["rel_strength_vs_group"] == pytest.approx(
        row["mom_12_1"] - group["mom_12_1"].median()
    )


def test_an_unknown_feature_leaves_its_columns_unknown_and_the_score_known():
    frame = some_candidates(OF_PULLBACK)
    frame.loc["A", ["sma50_gap", "mom_12_1"]] = math.nan

    told = pullback_factors(frame, 0.1, 0.2)

    unknown = ["controlled_pullback_score", "recovery_confirmation", "rel_strength_vs_group"]
    assert told.loc["A", unknown].isna().all()
    assert told.drop("A").notna().all(axis=None)
    assert scored(PULLBACK, told)["score"].notna().all()


def test_the_best_comes_first_and_what_is_held_is_worth_its_bonus():
    frame = some_candidates(OF_LEADERS)
    plain = scored(LEADERS, frame)

    told = scored(LEADERS, frame, {"F", "Z"}, bonus=5.0)

    assert plain["score"].is_monotonic_decreasing
    assert told.index[0] == "F"
    assert told["score"]["F"] == plain["score"]["F"] + 5.0
    np.testing.assert_array_equal(told["score"].drop("F"), plain["score"].drop("F"))


def test_equal_scores_are_ordered_by_momentum_then_symbol():
    frame = some_candidates(OF_DEFENSIVE).assign(mom_12_1=0.5, mom_6_1=0.5)
    alone = list(range(len(SYMBOLS)))

    told = scored(DEFENSIVE, frame.iloc[::-1], groups=alone)

    assert list(told.index) == SYMBOLS


def a_snapshot(frame, flag):
    return frame.reset_index().assign(**{flag: True, "close": 20.0, "adv20_usd": 1e8})


@pytest.mark.parametrize(
    ("scoring", "columns", "flag"),
    [(DEFENSIVE, OF_DEFENSIVE, "eligible"), (LEADERS, (*OF_LEADERS, "mom_12_1"), "eligible")],
)
def test_a_ranking_shows_the_rank_and_what_the_snapshot_knows(scoring, columns, flag):
    frame = some_candidates(columns)
    rows = a_snapshot(frame, flag)
    best_first = scored(scoring, frame)

    told = ranking(scoring, best_first, rows)

    assert list(told.columns) == ["rank", *scoring.columns]
    assert told["rank"].tolist() == [1, 2, 3, 4, 5, 6]
    assert told["symbol"].tolist() == list(best_first.index)
    assert told["score"].tolist() == best_first["score"].tolist()
    assert told["close"].tolist() == [20.0] * 6


def test_a_ranking_of_pullbacks_shows_its_made_columns():
    frame = pullback_factors(some_candidates(OF_PULLBACK), 0.1, 0.2)

    told = ranking(PULLBACK, scored(PULLBACK, frame), a_snapshot(frame, "base_eligible"))

    made = told.set_index("symbol")["trend_strength"]
    np.testing.assert_array_equal(made[SYMBOLS], frame["trend_strength"])
    assert told["base_eligible"].all()


def test_a_ranking_of_nobody_has_its_columns():
    frame = some_candidates(OF_DEFENSIVE)

    told = ranking(DEFENSIVE, scored(DEFENSIVE, frame[:0]), a_snapshot(frame, "eligible"))

    assert told.empty
    assert list(told.columns) == ["rank", *DEFENSIVE.columns]
