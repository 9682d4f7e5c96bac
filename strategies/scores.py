"""How the stocks of one date score: the factors of each family, and the ranking they give."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bot.domain.model import Symbol
from strategies.cross_section import ordered, weighted_score

# How deep below a high a pullback is bought best, and what a distance from that costs.
_PULLBACK_63, _PULLBACK_126 = 0.08, 0.12


@dataclass(frozen=True, slots=True)
class Scoring:
    """Weights of standardised columns, what decides between equal scores, what a ranking shows.

    `depth_126` among the weights is the size of `maxdd_126`, whatever its sign.
    """

    weights: Mapping[str, float]
    then: tuple[str, ...]
    columns: tuple[str, ...]


DEFENSIVE = Scoring(
    weights={
        "mom_6_1": 0.35,
        "mom_12_1": 0.30,
        "sma200_gap": 0.15,
        "vol_63": -0.10,
        "depth_126": -0.10,
    },
    then=("mom_12_1", "mom_6_1"),
    columns=(
        *("symbol", "sector", "score", "eligible", "close", "adv20_usd"),
        *("mom_12_1", "mom_6_1", "sma200_gap", "vol_63", "maxdd_126"),
    ),
)

PULLBACK = Scoring(
    weights={
        "excess_mom_12_1": 0.25,
        "excess_mom_6_1": 0.20,
        "trend_strength": 0.15,
        "controlled_pullback_score": 0.15,
        "recovery_confirmation": 0.10,
        "rel_strength_vs_group": 0.10,
        "vol_63": -0.03,
        "depth_126": -0.02,
    },
    then=("excess_mom_12_1", "trend_strength"),
    columns=(
        *("symbol", "sector", "score", "base_eligible", "close", "adv20_usd"),
        *("excess_mom_12_1", "excess_mom_6_1", "trend_strength", "controlled_pullback_score"),
        *("recovery_confirmation", "rel_strength_vs_group", "vol_63", "maxdd_126"),
    ),
)

LEADERS = Scoring(
    weights={
        "mom_6m": 0.25,
        "mom_3m": 0.20,
        "rel_mom_6m_vs_benchmark": 0.20,
        "rel_mom_6m_vs_broad_benchmark": 0.10,
        "high_252_gap": 0.10,
        "sma200_gap": 0.10,
        "vol_63": -0.025,
        "depth_126": -0.025,
    },
    then=("rel_mom_6m_vs_benchmark", "mom_6m"),
    columns=(
        *("symbol", "sector", "score", "eligible", "close", "adv20_usd", "mom_3m", "mom_6m"),
        *("mom_12_1", "rel_mom_6m_vs_benchmark", "rel_mom_6m_vs_broad_benchmark"),
        *("high_252_gap", "sma200_gap", "vol_63", "maxdd_126"),
    ),
)


def scored(
    scoring: Scoring,
    candidates: pd.DataFrame,
    held: Collection[Symbol] = (),
    bonus: float = 0.0,
    groups: Sequence[Hashable] | None = None,
) -> pd.DataFrame:
    """The candidates with a column `score`, best first.

    `candidates` has the symbol as its index, or the last level of it. Standardised
    within `groups`, one entry per row, or over all. What is held scores `bonus` more.
    """
    columns = {name: candidates[name].to_numpy() for name in scoring.weights if name in candidates}
    columns["depth_126"] = np.abs(candidates["maxdd_126"].to_numpy())
    score = weighted_score(columns, scoring.weights, groups)
    symbols = candidates.index.get_level_values(-1)
    score += np.where(symbols.isin(list(held)), bonus, 0.0)
    return ordered(candidates.assign(score=score), ("score", *scoring.then))


def pullback_factors(
    candidates: pd.DataFrame, benchmark_6_1: float, benchmark_12_1: float
) -> pd.DataFrame:
    """The candidates with the six columns the pullback score weighs beside risk.

    Momentum is in excess of the benchmark's; relative strength is in excess of the
    median of the candidate's sector. Unknown features leave unknown columns.
    """
    of = {column: candidates[column].to_numpy(dtype=float) for column in _READ}
    excess = pd.Series(of["mom_12_1"] - benchmark_12_1, candidates.index)
    sector = candidates["sector"].to_numpy()
    return candidates.assign(
        excess_mom_12_1=excess,
        excess_mom_6_1=of["mom_6_1"] - benchmark_6_1,
        trend_strength=0.45 * of["sma200_gap"]
        + 0.35 * of["breakout_252"]
        + 0.20 * of["ma50_over_ma200"],
        controlled_pullback_score=-0.55 * np.abs(of["dist_63_high"] + _PULLBACK_63)
        - 0.25 * np.abs(of["dist_126_high"] + _PULLBACK_126)
        - 0.10 * np.maximum(0.0, -of["sma50_gap"])
        - 0.10 * np.maximum(0.0, -of["sma200_gap"]),
        recovery_confirmation=0.40 * of["sma20_gap"]
        + 0.35 * of["sma50_gap"]
        + 0.25 * of["rebound_20"],
        rel_strength_vs_group=excess - excess.groupby(sector).transform("median"),
    )


_READ = (
    *("mom_6_1", "mom_12_1", "sma20_gap", "sma50_gap", "sma200_gap", "ma50_over_ma200"),
    *("breakout_252", "dist_63_high", "dist_126_high", "rebound_20"),
)


def ranking(scoring: Scoring, best_first: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """What a ranking shows of the scored candidates: their rank from 1, then its columns.

    What `best_first` lacks is taken from `rows`, the snapshot they are of, by its
    column `symbol`. A ranking of nobody has the columns, too.
    """
    symbols = best_first.index.get_level_values(-1)
    of = rows.set_index("symbol").reindex(symbols)
    shown = {
        name: (best_first if name in best_first else of)[name].to_numpy()
        for name in scoring.columns
        if name != "symbol"
    }
    ranks = np.arange(1, len(symbols) + 1)
    return pd.DataFrame({"rank": ranks, "symbol": symbols, **shown})
