"""Whether a factor says who fares better: how it ranks what follows, what following it brings."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot.domain.errors import BellwetherError
from bot.domain.performance import SESSIONS_PER_YEAR, performance

Floats: TypeAlias = npt.NDArray[np.float64]
Marks: TypeAlias = npt.NDArray[np.bool_]

# Sessions from a score to the trade that follows it: a close can not be traded on its own.
LAG: Final = 1
PARTS: Final = 5
FIFTHS: Final = tuple(f"fifth_{number}" for number in range(1, PARTS + 1))
FEWEST_PERIODS: Final = 3
# Of two funds the ranks always agree or disagree whole.
_FEWEST_RANKED: Final = 3
# What rounding leaves of numbers that are all the same.
_NO_SPREAD: Final = 1e-12


@runtime_checkable
class Ranking(Protocol):
    """A strategy that ranks by one of its features, and what its source says it achieves.

    The names of `claims` are those of `Correlations` and `Following`.
    """

    @property
    def ranked_by(self) -> str:
        """The feature, the higher the better."""
        ...

    @property
    def claims(self) -> Mapping[str, float]:
        """The source's own figures, where it gives some."""
        ...


@dataclass(frozen=True, slots=True)
class Correlations:
    """The information coefficient over `periods` of them: how scores rank what follows.

    It is the rank correlation of the scores and the returns until the next scores are
    traded. With its mean m and sample deviation s over N periods: `risk_adjusted` is
    m/s and `t` is m/s·√N, None where it does not vary. `long_short` is the mean of
    what the fifth of the highest scores returned more than that of the lowest, in one
    period; None where there were never five funds.
    """

    periods: int
    mean: float
    deviation: float
    lowest: float
    highest: float
    risk_adjusted: float | None
    t: float | None
    latest: float
    long_short: float | None


@dataclass(frozen=True, slots=True)
class Following:
    """How whoever followed the strategy fared beside the pool in equal weights.

    Returns and volatility are a year's. `sharpe` is return / volatility without a
    risk-free rate; `excess` is the yearly growth of the strategy's worth in units of
    the pool's, `tracking_error` the yearly deviation of the daily differences,
    `information_ratio` excess / tracking error: None where nothing varies. Drawdowns
    are negative. `turnover` is the part of the portfolio that was exchanged, on
    average of the rebalances after the first.
    """

    first: date
    last: date
    annual_return: float
    volatility: float
    sharpe: float | None
    max_drawdown: float
    turnover: float
    excess: float
    tracking_error: float
    information_ratio: float | None
    excess_drawdown: float


@dataclass(frozen=True, slots=True, eq=False)
class FactorEvaluation:
    """The two tables, and the series behind them.

    `periods` has a row per score day: `ic`, `long_short` and the return of each fifth,
    the lowest scores first. `curves` has a row per session, all beginning with one:
    `strategy`, `pool`, their quotient `excess`, and the fifths.
    """

    correlations: Correlations
    following: Following
    periods: pd.DataFrame
    curves: pd.DataFrame


@dataclass(frozen=True, slots=True)
class _Span:
    """A row of scores, and the places of the closes between which it is followed."""

    row: int
    start: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class _Market:
    """Closes by place: as they were, and carried over the days without one."""

    known: Floats
    carried: Floats

    def returned(self, span: _Span) -> Floats:
        """What each symbol returned over a span, NaN where it could not be bought."""
        returned: Floats = self.carried[span.end] / self.known[span.start] - 1.0
        return returned


def evaluate(
    scores: pd.DataFrame, weights: pd.DataFrame, closes: pd.DataFrame, lag: int = LAG
) -> FactorEvaluation:
    """Measure scores against what came after them, and the portfolio made of them.

    `scores` are days × funds, NaN where a fund has none; `weights` have the same days,
    a row of NaN where nothing is to be changed; `closes` are sessions × symbols,
    adjusted for dividends. Everything is traded `lag` sessions after the score, at the
    close. Equal scores are told apart by name. Raises BellwetherError
    `too_few_periods`.
    """
    symbols = [str(symbol) for symbol in closes.columns]
    known = closes.to_numpy(dtype=np.float64)
    market = _Market(known, closes.ffill().to_numpy(dtype=np.float64))
    ranked = scores.reindex(columns=symbols).to_numpy(dtype=np.float64)
    wanted = weights.reindex(index=scores.index, columns=symbols).to_numpy(dtype=np.float64)
    sessions = pd.DatetimeIndex(closes.index)
    spans = list(_spans(pd.DatetimeIndex(scores.index), sessions, lag))
    told = [_period(ranked[span.row], market.returned(span)) for span in spans]
    days = pd.DatetimeIndex(scores.index)[[span.row for span in spans]]
    periods = pd.DataFrame(told, days, ["ic", "long_short", *FIFTHS]).rename_axis("period")
    correlations = _correlations(periods)
    pool = np.array([symbol in scores.columns for symbol in symbols])
    fifths = np.array([_parts_of(row) for row in ranked])
    members = {"pool": np.broadcast_to(pool, ranked.shape)}
    members |= {name: fifths[:, number] for number, name in enumerate(FIFTHS)}
    strategy, moved = _grown(_given(wanted, market, spans), market, spans)
    paths = {
        name: _grown(_equal(of, market, spans), market, spans)[0] for name, of in members.items()
    }
    played = sessions[spans[0].start : spans[-1].end + 1]
    curves = pd.DataFrame({"strategy": strategy, **paths}, played).rename_axis("session")
    curves.insert(2, "excess", curves["strategy"] / curves["pool"])
    return FactorEvaluation(correlations, _following(curves, moved), periods, curves)


def _spans(days: pd.DatetimeIndex, sessions: pd.DatetimeIndex, lag: int) -> Iterator[_Span]:
    """The spans between the trades that follow one row of scores and the next.

    Raises BellwetherError `too_few_periods`.
    """
    starts = sessions.searchsorted(days) + lag
    traded = [(row, start) for row, start in enumerate(starts.tolist()) if start < len(sessions)]
    if len(traded) <= FEWEST_PERIODS:
        found = max(len(traded) - 1, 0)
        raise BellwetherError("too_few_periods", found=found, needed=FEWEST_PERIODS)
    for (row, start), (_, end) in pairwise(traded):
        yield _Span(row, start, end)


def _period(scores: Floats, returned: Floats) -> list[float]:
    """The rank correlation of one period, the long-short return, and each fifth's."""
    both = ~np.isnan(scores) & ~np.isnan(returned)
    fifths = [_mean(returned[both & part]) for part in _parts_of(np.where(both, scores, np.nan))]
    return [rank_correlation(scores[both], returned[both]), fifths[-1] - fifths[0], *fifths]


def rank_correlation(one: Floats, other: Floats) -> float:
    """Spearman's: the correlation of the ranks, equal values sharing theirs.

    NaN of fewer than three, and where either does not vary.
    """
    if len(one) < _FEWEST_RANKED:
        return np.nan
    ranks = [pd.Series(values).rank().to_numpy() for values in (one, other)]
    first, second = (rank - rank.mean() for rank in ranks)
    spread = np.sqrt((first**2).sum() * (second**2).sum())
    return float((first * second).sum() / spread) if spread else np.nan


def _parts_of(scores: Floats) -> Marks:
    """Who belongs to which fifth, lowest first: fifths × funds; nobody where there are no five.

    Where the number does not divide, the higher fifths are the larger by one.
    """
    members = np.zeros((PARTS, len(scores)), dtype=bool)
    order = np.argsort(-scores, kind="stable")
    order = order[: np.count_nonzero(~np.isnan(scores))]
    if len(order) >= PARTS:
        for number, part in enumerate(np.array_split(order, PARTS)):
            members[PARTS - 1 - number, part] = True
    return members


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else np.nan


def _correlations(periods: pd.DataFrame) -> Correlations:
    known = periods["ic"].dropna().to_numpy()
    if len(known) < FEWEST_PERIODS:
        raise BellwetherError("too_few_periods", found=len(known), needed=FEWEST_PERIODS)
    mean, deviation = float(known.mean()), float(known.std(ddof=1))
    long_short = float(periods["long_short"].mean())
    adjusted = _ratio(mean, deviation)
    return Correlations(
        periods=len(known),
        mean=mean,
        deviation=deviation,
        lowest=float(known.min()),
        highest=float(known.max()),
        risk_adjusted=adjusted,
        t=None if adjusted is None else adjusted * float(np.sqrt(len(known))),
        latest=float(known[-1]),
        long_short=None if np.isnan(long_short) else long_short,
    )


def _following(curves: pd.DataFrame, moved: Sequence[float]) -> Following:
    fared, beyond = performance(curves["strategy"]), performance(curves["excess"])
    daily = curves[["strategy", "pool"]].pct_change().iloc[1:]
    apart = (daily["strategy"] - daily["pool"]).std(ddof=1) * np.sqrt(SESSIONS_PER_YEAR)
    return Following(
        first=fared.first,
        last=fared.last,
        annual_return=fared.annual_return,
        volatility=fared.volatility,
        sharpe=_ratio(fared.annual_return, fared.volatility),
        max_drawdown=fared.max_drawdown,
        turnover=float(np.mean(moved)) if moved else 0.0,
        excess=beyond.annual_return,
        tracking_error=float(apart),
        information_ratio=_ratio(beyond.annual_return, float(apart)),
        excess_drawdown=beyond.max_drawdown,
    )


def _ratio(above: float, spread: float) -> float | None:
    return above / spread if spread > _NO_SPREAD else None


def _given(weights: Floats, market: _Market, spans: Sequence[_Span]) -> Iterator[Floats | None]:
    """The weights of each span, None where nothing is to be changed; what has no close is cash."""
    for span in spans:
        row = weights[span.row]
        priced = ~np.isnan(market.known[span.start])
        yield None if np.isnan(row).all() else np.where(priced, np.nan_to_num(row), 0.0)


def _equal(members: Marks, market: _Market, spans: Sequence[_Span]) -> Iterator[Floats]:
    """Equal weights of the members of each span that have a close; all cash where none has."""
    for span in spans:
        bought = members[span.row] & ~np.isnan(market.known[span.start])
        yield bought / max(np.count_nonzero(bought), 1)


def _grown(
    wanted: Iterable[Floats | None], market: _Market, spans: Sequence[_Span]
) -> tuple[Floats, list[float]]:
    """What one becomes session by session, and what part each rebalance after the first moved."""
    path, moved = [np.ones(1)], []
    held, worth = np.zeros(market.known.shape[1]), 1.0
    for span, weights in zip(spans, wanted, strict=True):
        if weights is not None:
            moved.append(float(np.abs(weights - held).sum() / 2.0))
            held = weights
        carried = market.carried[span.start : span.end + 1]
        values = held * np.where(held, carried / carried[0], 1.0)
        grown = values.sum(axis=1) + (1.0 - held.sum())
        path.append(worth * grown[1:])
        held, worth = values[-1] / grown[-1], worth * grown[-1]
    return np.concatenate(path), moved[1:]
