"""Whether a strategy looks ahead, or reaches back further than it says: history cut at random."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import TypeAlias

import numpy as np
import pandas as pd

from bot.domain.errors import BellwetherError, DataError
from bot.domain.features import Features
from bot.domain.model import Symbol
from bot.domain.strategy import Decision, Facts, Hold, Holding, Rebalance, Strategy

CUTS = 8  # of each kind
SEED = 1
# USD of equity of the book that is asked.
EQUITY = 100_000.0
# One of a kind is as good as many: whoever mends it asks again.
MOST_TOLD = 3

LOOKS_AHEAD, REACHES_BACK = "looks_ahead", "reaches_back"

Answer: TypeAlias = Decision | str


@dataclass(frozen=True, slots=True)
class Difference:
    """A session of which the whole history and one cut at `cut` do not say the same.

    `code` is `looks_ahead` where later sessions were cut off, `reaches_back` where
    earlier ones were that it says it does not need. `whole` and `part` are what was
    decided, both empty where only the numbers behind it differ.
    """

    code: str
    cut: date
    session: date
    whole: str
    part: str


@dataclass(frozen=True, slots=True)
class Hindsight:
    """What cutting the history showed.

    `declared` is how many sessions a decision says it needs, its own included;
    `measured` how many it was seen to depend on. `acts_from` is the first session with
    as many as declared, None of a profile that never acts after it.
    """

    seed: int
    cuts: tuple[date, ...]
    sessions: int
    compared: int
    declared: int
    measured: int
    acts_from: date | None
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A session as the book came to it, and what was said."""

    session: date
    held: Mapping[Symbol, Holding]
    last_rebalance: date | None
    answer: Answer


def look_into(
    strategy: Strategy,
    facts: Facts,
    seed: int = SEED,
    cuts: int = CUTS,
    watch: Callable[[int, int], None] = lambda _done, _of: None,
) -> Hindsight:
    """Ask a strategy about every session, and again with the history cut at random points.

    Every row of its numbers and every decision must be the same, to the last digit,
    without the later sessions, and from the declared number of sessions on without
    the earlier ones. Raises DataError `too_few_sessions` where there is nothing to cut.
    """
    needed, days = strategy.needs.sessions, pd.DatetimeIndex(facts.closes.index)
    if len(days) <= needed + 1:
        raise DataError("too_few_sessions", found=len(days), needed=needed + 1)
    whole = Features(strategy, facts)
    path = [*_path(whole)]
    ends, starts = _cuts(path, days, needed, np.random.default_rng(seed), cuts)
    different: list[Difference] = []
    reached = [1]
    for done, end in enumerate(ends, start=1):
        part = Features(strategy, facts.until(days[end].date()))
        different += islice(_ahead(path, whole, part, days[end]), MOST_TOLD)
        watch(done, 2 * cuts)
    for done, start in enumerate(starts, start=cuts + 1):
        part = Features(strategy, _since(facts, days[start]))
        reached.append(_reach(whole.frame, part.frame, days[start:]))
        different += islice(_back(path, whole, part, days[start:], needed), MOST_TOLD)
        watch(done, 2 * cuts)
    return Hindsight(
        seed=seed,
        cuts=tuple(days[row].date() for row in (*ends, *starts)),
        sessions=len(days),
        compared=len(path),
        declared=needed,
        measured=max(reached),
        acts_from=next((a.session for a in path if a.session >= days[needed - 1].date()), None),
        differences=tuple(different),
    )


def _cuts(
    path: Sequence[_Asked],
    days: pd.DatetimeIndex,
    needed: int,
    chance: np.random.Generator,
    cuts: int,
) -> tuple[list[int], list[int]]:
    """Rows after which, and before which, history is cut off: where a decision can notice."""
    acted = [row for row in _rows(path, days) if row >= needed] or [needed, len(days) - 1]
    ends = chance.integers(acted[0], max(acted[-1], acted[0] + 1), cuts)
    starts = chance.integers(1, max(acted[-1] - needed + 2, 2), cuts)
    return sorted(ends.tolist()), sorted(starts.tolist())


def _rows(path: Sequence[_Asked], days: pd.DatetimeIndex) -> list[int]:
    rows: list[int] = days.get_indexer(pd.DatetimeIndex([a.session for a in path])).tolist()
    return rows


def _path(features: Features) -> Iterator[_Asked]:
    """Every session of a book that gets what it wants at once."""
    held: dict[Symbol, Holding] = {}
    last: date | None = None
    for session in features:
        answer = _answer(features, session, held, last)
        yield _Asked(session, held, last, answer)
        if isinstance(answer, Rebalance):
            last = session
            held = {
                symbol: Holding(Decimal(1), weight * EQUITY)
                for symbol, weight in answer.targets.items()
                if weight
            }


def _answer(
    features: Features, session: date, held: Mapping[Symbol, Holding], last: date | None
) -> Answer:
    try:
        return features.decide(session, held, EQUITY, last)
    except BellwetherError as refusal:
        return refusal.code


def _since(facts: Facts, first: pd.Timestamp) -> Facts:
    cut = [None if t is None else t.loc[first:] for t in (facts.highs, facts.lows)]
    return replace(
        facts,
        closes=facts.closes.loc[first:],
        highs=cut[0],
        lows=cut[1],
        sessions=facts.sessions[facts.sessions >= first],
        earlier=facts.earlier + int((facts.sessions < first).sum()),
    )


def _ahead(
    path: Sequence[_Asked], whole: Features, part: Features, end: pd.Timestamp
) -> Iterator[Difference]:
    """What is said otherwise of sessions up to the end, when nothing after it is known."""
    differ = set(_differing(whole.frame, part.frame, end, None))
    for asked in path:
        if asked.session <= end.date():
            yield from _compared(LOOKS_AHEAD, asked, part, end, differ)


def _back(
    path: Sequence[_Asked],
    whole: Features,
    part: Features,
    days: pd.DatetimeIndex,
    needed: int,
) -> Iterator[Difference]:
    """What is said otherwise of sessions that have as many before them as they say they need."""
    warm = days[needed - 1]
    differ = set(_differing(whole.frame, part.frame, None, warm))
    for asked in path:
        if asked.session >= warm.date():
            yield from _compared(REACHES_BACK, asked, part, days[0], differ)


def _compared(
    code: str, asked: _Asked, part: Features, cut: pd.Timestamp, differ: set[date]
) -> Iterator[Difference]:
    answer = _answer(part, asked.session, asked.held, asked.last_rebalance)
    if answer != asked.answer:
        told = _said(asked.answer), _said(answer)
    elif asked.session in differ:
        told = "", ""
    else:
        return
    yield Difference(code, cut.date(), asked.session, *told)


def _said(answer: Answer) -> str:
    match answer:
        case Rebalance(targets=targets, reason=reason):
            wanted = ", ".join(f"{symbol} {weight:.4f}" for symbol, weight in targets.items())
            return f"{reason}: {wanted}"
        case Hold(reason=reason):
            return reason
    return str(answer)


def _differing(
    whole: pd.DataFrame,
    part: pd.DataFrame,
    last: pd.Timestamp | None,
    first: pd.Timestamp | None,
) -> list[date]:
    """The sessions of a span whose rows are not the same, in order."""
    one, other = (frame.loc[_session_of(frame, first, last)] for frame in (whole, part))
    if list(one.columns) != list(other.columns):
        both = one.index.append(other.index)
        return sorted({day.date() for day in pd.DatetimeIndex(both.get_level_values(0))})
    index = one.index.union(other.index)
    known = index.isin(one.index) & index.isin(other.index)
    left, right = one.reindex(index), other.reindex(index)
    same = ((left == right) | (left.isna() & right.isna())).all(axis=1).to_numpy()
    days = pd.DatetimeIndex(index[~(same & known)].get_level_values(0))
    return sorted({day.date() for day in days})


def _session_of(
    frame: pd.DataFrame, first: pd.Timestamp | None, last: pd.Timestamp | None
) -> np.ndarray:
    days = frame.index.get_level_values(0)
    inside = np.ones(len(days), dtype=bool)
    if first is not None:
        inside &= np.asarray(days >= first)
    if last is not None:
        inside &= np.asarray(days <= last)
    return inside


def _reach(whole: pd.DataFrame, part: pd.DataFrame, days: pd.DatetimeIndex) -> int:
    """How many sessions a row was seen to depend on, its own included."""
    differ = _differing(whole, part, None, days[0])
    if not differ:
        return 1
    return int(days.searchsorted(pd.Timestamp(differ[-1]))) + 2
