"""A study as the first authors wrote it down: a summary, and the tables behind it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import pandas as pd

from bot.domain.model import Symbol
from bot.domain.reweighting import Statistics, correlation, statistics
from bot.original import EQUAL_WEIGHT, Choice, Study

Row: TypeAlias = dict[str, object]

UNKNOWN = float("nan")
# The first authors looked for this column by name, whatever their safe haven was called.
_SAFE = "BOXX"


@dataclass(frozen=True, slots=True)
class Labels:
    """What a summary says of a study beside its numbers."""

    strategy: str
    pool: str = ""
    benchmark: Symbol = ""
    broad: Symbol = ""


def stocks_summary(study: Study, benchmark: Symbol) -> list[Row]:
    """The one row of a study of many stocks."""
    told = study.statistics
    return [
        {
            **_span(told),
            "Total Return": told.total_return,
            "CAGR": told.annual_return,
            "Max Drawdown": told.max_drawdown,
            "Volatility": told.volatility,
            "Sharpe": told.sharpe,
            "Rebalances/Year": told.rebalances_per_year,
            "Turnover/Year": told.turnover_per_year,
            "Avg Stock Exposure": study.exposure(apart=_SAFE),
            "Final Equity": told.final_equity,
            "Benchmark Total Return": _total(study, benchmark),
            "Benchmark Corr": _together(study, benchmark),
        }
    ]


def leaders_summary(study: Study, labels: Labels) -> list[Row]:
    """The one row of a study of leaders: with what it is called, and more to compare with."""
    (row,) = stocks_summary(study, labels.benchmark)
    return [
        {
            "Strategy": labels.strategy,
            "Pool": labels.pool,
            **row,
            "Avg Stock Exposure": study.exposure(apart=study.safe_haven),
            "Calmar": study.statistics.calmar,
            "Benchmark Symbol": labels.benchmark,
            "Broad Benchmark Symbol": labels.broad,
            "Broad Benchmark Total Return": _total(study, labels.broad),
            "Equal Weight Pool Total Return": _total(study, EQUAL_WEIGHT),
        }
    ]


def products_summary(study: Study, strategy: str, mode: str, leverage: float) -> list[Row]:
    """A row for the study, and one for each reference."""
    told = study.statistics
    exposure = float(np.mean([choice.exposure for choice in study.choices] or [UNKNOWN]))
    own: Row = {
        "Leverage Multiple": leverage,
        "Avg Product Exposure": exposure,
        "Avg Underlying Exposure": exposure * leverage,
        "Rebalances/Year": told.rebalances_per_year,
        "Turnover/Year": told.turnover_per_year,
        "Final Equity": told.final_equity,
    }
    rows = [_products_row(strategy, mode, told, own)]
    for name, returns in study.references.items():
        measured = statistics(returns)
        twice = str(name).endswith("_2x")
        other = dict.fromkeys(own, UNKNOWN) | {"Final Equity": measured.final_equity}
        other |= {"Leverage Multiple": leverage} if twice else {}
        rows.append(_products_row(str(name), mode if twice else "", measured, other))
    return rows


def _products_row(strategy: str, mode: str, told: Statistics, rest: Mapping[str, object]) -> Row:
    return {
        "Strategy": strategy,
        "Return Mode": mode,
        **_span(told),
        "Total Return": told.total_return,
        "CAGR": told.annual_return,
        "Max Drawdown": told.max_drawdown,
        "Volatility": told.volatility,
        "Sharpe": told.sharpe,
        "Calmar": told.calmar,
        **rest,
    }


def _span(told: Statistics) -> Row:
    return {"Start": told.first.isoformat(), "End": told.last.isoformat()}


def _total(study: Study, name: str) -> float:
    if name not in study.references:
        return UNKNOWN
    return statistics(study.references[name]).total_return


def _together(study: Study, name: str) -> float:
    if name not in study.references:
        return UNKNOWN
    return correlation(study.reckoning.returns, study.references[name])


def tables(summary: Sequence[Row], study: Study) -> Iterator[tuple[str, pd.DataFrame]]:
    """The tables every study has: their names and what is in them."""
    reckoning = study.reckoning
    yield "summary", pd.DataFrame(summary)
    yield "portfolio_returns", reckoning.returns.reset_index()
    yield "weights_history", reckoning.weights.reset_index()
    yield "turnover_history", reckoning.turnover.reset_index()


def further_tables(study: Study) -> Iterator[tuple[str, pd.DataFrame]]:
    """The tables of leaders and products beside: who was ranked, what was traded, and why."""
    scores = [_scores(choice) for choice in study.choices]
    ranked = [part for part in scores if len(part)] or scores[:1]
    yield "candidate_scores", pd.concat(ranked) if ranked else pd.DataFrame()
    yield "trades", _trades(study)
    exposures = [
        {"as_of": choice.day, "regime": choice.code, "stock_exposure": choice.exposure}
        for choice in study.choices
    ]
    yield "exposure_history", pd.DataFrame(exposures)
    yield "reference_returns", study.references.reset_index()


def _scores(choice: Choice) -> pd.DataFrame:
    symbols = list(choice.ranked.index)
    head = {
        "as_of": choice.day,
        "rank": np.arange(1, len(symbols) + 1),
        "symbol": symbols,
        "selected": [symbol in choice.weights for symbol in symbols],
    }
    rest = choice.ranked.drop(columns="known_on", errors="ignore").reset_index(drop=True)
    return pd.concat([pd.DataFrame(head), rest], axis=1)


def _trades(study: Study) -> pd.DataFrame:
    """Every change of a target: chosen on one day, in force from the next."""
    days = pd.DatetimeIndex(study.reckoning.returns.index)
    after = dict(pairwise(days))
    rows = []
    before: Mapping[Symbol, float] = {study.safe_haven: 1.0}
    for choice in study.choices:
        for symbol in sorted({*before, *choice.weights}):
            old, new = before.get(symbol, 0.0), choice.weights.get(symbol, 0.0)
            if old != new:
                effective = after[pd.Timestamp(choice.day)].date()
                rows.append((choice.day, effective, symbol, old, new, new - old))
        before = choice.weights
    names = ("signal_date", "effective_date", "symbol", "old_weight", "new_weight", "delta_weight")
    return pd.DataFrame(rows, columns=list(names))
