"""What monthly books of stocks have in common: the market's outlook, equal shares, one move."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot.domain.model import Role, Symbol
from bot.domain.strategy import Facts, FeedNeed, Needs, Rebalance, View, rotate
from strategies.cross_section import TREND_GAP, Regime, breadth, regime, sector_slots, sector_walk
from strategies.parameters import Allowed
from strategies.snapshots import (
    LONGEST_IN_FORCE,
    numbers,
    on_first_sessions,
    snapshots_of,
    truths,
    words,
)

# The sessions on which a snapshot may be acted on, and the most anybody may choose.
SESSIONS_TO_ACT, MOST_SESSIONS_TO_ACT = 3, 20
# Signals come with the snapshot; a quarter of prices is what a surprising quote is judged by.
_PRICED_BY = 63
# Less than this of equity is what rounding leaves of nothing.
_NOTHING = 1e-12

# A cap may be as small as this share of equity; a bonus moves scores, which count deviations.
_LEAST_CAP, _MOST_BONUS, MOST_NAMES = 0.001, 10.0, 1000
Marks: TypeAlias = npt.NDArray[np.bool_]
Cap: TypeAlias = Annotated[float, Allowed(_LEAST_CAP, 1.0)]
Count: TypeAlias = Annotated[int, Allowed(1, MOST_NAMES)]
Bonus: TypeAlias = Annotated[float, Allowed(-_MOST_BONUS, _MOST_BONUS)]
Buffer: TypeAlias = Annotated[int, Allowed(0, MOST_NAMES, clamped=True)]
Smallest: TypeAlias = Annotated[float, Allowed(low=0.0, clamped=True)]
Dollars: TypeAlias = Annotated[float, Allowed(low=0.0)]
Window: TypeAlias = Annotated[int, Allowed(0, MOST_SESSIONS_TO_ACT, clamped=True)]

REGIME_CODES: Mapping[Regime, str] = {
    Regime.RISK_ON: "risk_on",
    Regime.SOFT_DEFENSE: "soft_defense",
    Regime.HARD_DEFENSE: "hard_defense",
}


@dataclass(frozen=True, slots=True)
class StockColumns:
    """What a family reads of each stock of a snapshot.

    Eligible is what the first of `flags` that is there says, `missing` where its
    value is missing, and every stock where none is there.
    """

    numbers: tuple[str, ...]
    flags: tuple[str, ...]
    missing: bool
    required: tuple[str, ...] = ("sector",)


@dataclass(frozen=True, slots=True)
class Defence:
    """Below which breadth a book steps back, and its share in stocks by regime."""

    soft_below: float
    hard_below: float
    risk_on: float
    soft: float
    hard: float

    def exposure(self, here: Regime) -> float:
        """The share of equity for stocks in a regime."""
        match here:
            case Regime.RISK_ON:
                return self.risk_on
            case Regime.SOFT_DEFENSE:
                return self.soft
        return self.hard


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a snapshot says of its market: the benchmark's trend, the candidates' breadth.

    `exposure` is the share of equity for stocks, `reason` and `flags` are codes.
    """

    trend: bool
    breadth: float
    regime: Regime
    exposure: float
    reason: str
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """What a snapshot comes to for a book.

    `ranked` are the candidates by symbol, best first, with their `score`. `most` is
    how many names are wanted, `slots` how many of them a sector may have, None where
    nothing limits it or nobody is to be chosen.
    """

    outlook: Outlook
    candidates: int
    ranked: pd.DataFrame
    most: int
    slots: int | None = None
    chosen: tuple[Symbol, ...] = ()


def by_sector(
    seen: Outlook, candidates: int, ranked: pd.DataFrame, names: int, sector_cap: float
) -> Selection:
    """The first so many of the ranked, each sector within its cap; the exposure is positive."""
    slots = sector_slots(sector_cap, seen.exposure, names)
    sectors = dict(zip(ranked.index, ranked["sector"], strict=True))
    chosen = sector_walk(list(ranked.index), sectors, slots, names)
    return Selection(seen, candidates, ranked, names, slots, tuple(chosen))


def outlook(
    rows: pd.DataFrame, candidates: pd.DataFrame, benchmark: Symbol, defence: Defence
) -> Outlook:
    """The outlook of one session's rows; a benchmark without a row or a gap has no trend."""
    there = np.asarray(rows.index.get_level_values("symbol") == benchmark)
    trend = bool((rows[TREND_GAP].to_numpy()[there] > 0.0).any())
    wide = breadth(candidates)
    here = regime(trend, wide, defence.soft_below, defence.hard_below)
    exposure = defence.exposure(here)
    code = REGIME_CODES[here]
    if here is not Regime.RISK_ON and exposure >= defence.risk_on:
        code = "stays_invested"
    flags = ("hard_defense",) if here is Regime.HARD_DEFENSE else ()
    if not there.any():
        flags = (*flags, "benchmark_row_missing")
    return Outlook(trend, wide, here, exposure, code, flags)


def snapshot_needs(feed: str, safe_haven: Symbol, *benchmarks: Symbol) -> Needs:
    """What a book wants to know that reads everything, `benchmarks` too, from its snapshots."""
    return Needs(
        symbols=(safe_haven,),
        holds=(safe_haven,),
        vital=(),
        sessions=_PRICED_BY,
        feeds=(FeedNeed(feed, LONGEST_IN_FORCE),),
        total_return=False,
        universe=feed,
        watches=benchmarks,
    )


def stocks(facts: Facts, feed: str, read: StockColumns, sessions: int) -> pd.DataFrame:
    """The newest snapshot's stocks on the first sessions that may act on it.

    Columns are `sector`, the numbers, `eligible` and `known_on`; the index is as
    `on_first_sessions` gives it. Raises what that and `snapshots_of` raise.
    """
    rows = snapshots_of(facts, feed, (*read.required, *read.numbers))
    columns = {
        **{column: rows[column] for column in ("symbol", "as_of", "known_on")},
        "sector": words(rows["sector"]),
        **{name: numbers(rows[name]) for name in read.numbers},
        "eligible": truths(rows, read.flags, missing=read.missing),
    }
    dated = on_first_sessions(facts, pd.DataFrame(columns), sessions)
    return dated.drop(columns=["symbol", "as_of"])


def apart_from(rows: pd.DataFrame, *references: Symbol) -> Marks:
    """Which rows are eligible, none of them of some symbols."""
    symbols = rows.index.get_level_values("symbol")
    marks: Marks = ~np.asarray(symbols.isin(references)) & rows["eligible"].to_numpy()
    return marks


def whole(rows: pd.DataFrame, columns: Sequence[str]) -> Marks:
    """Which rows know all of some numbers."""
    marks: Marks = np.logical_and.reduce([~np.isnan(rows[name].to_numpy()) for name in columns])
    return marks


def by_symbol(rows: pd.DataFrame, which: Marks) -> pd.DataFrame:
    """Some rows of one session, by symbol."""
    kept: pd.DataFrame = rows[which]
    return kept.set_axis(rows.index.get_level_values("symbol")[which], axis=0)


def already_traded(view: View) -> bool:
    """Whether the book was rebalanced since the snapshot could be acted on."""
    known_on: date = view.features.table["known_on"].iloc[0].date()
    return view.last_rebalance is not None and view.last_rebalance >= known_on


def equal_shares(
    names: Sequence[Symbol], exposure: float, cap: float, safe_haven: Symbol
) -> dict[Symbol, float]:
    """Equal weights of at most `cap` within the exposure; what is left is safe."""
    share = min(cap, exposure / len(names)) if names else 0.0
    return {**dict.fromkeys(names, share), **rest(share * len(names), safe_haven)}


def rest(taken: float, safe_haven: Symbol) -> dict[Symbol, float]:
    """The safe haven's weight beside what is taken; nothing where that is rounding."""
    return {safe_haven: 1.0 - taken} if 1.0 - taken > _NOTHING else {}


def move(
    view: View, found: Selection, targets: Mapping[Symbol, float], safe_haven: Symbol
) -> Rebalance:
    """Into the targets, saying why; a session that was missed is made up for."""
    code = found.outlook.reason
    if not found.candidates:
        code = "none_eligible"
    elif found.outlook.exposure > 0.0 and set(targets) == {safe_haven}:
        code = "none_affordable"
    return rotate(
        out_of=view.holdings,
        into=targets,
        reason=code,
        flags=found.outlook.flags,
        roles={safe_haven: Role.SAFE_HAVEN},
    )
