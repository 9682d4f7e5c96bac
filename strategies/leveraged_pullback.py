"""Leveraged pullback: twofold funds of mega caps below their high, while the Nasdaq rises."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot.domain.errors import BellwetherError
from bot.domain.model import Role, Symbol
from bot.domain.strategy import Decision, Facts, FeedNeed, Needs, View, rotate
from strategies.cross_section import affordable_names, held_first, standardise
from strategies.indicators import LONGEST_WINDOW, latest_close, moving_average, own_bars
from strategies.monthly import Bonus, Buffer, Cap, Count, Smallest, rest
from strategies.parameters import Allowed, Share, check
from strategies.product_pool import product_pool
from strategies.pullbacks import position_sizes, pullback_numbers
from strategies.snapshots import LONGEST_IN_FORCE, while_in_force

FEED = "dynamic_mega_leveraged_pullback"

# Two years of sessions: the bars a year of momentum needs are found in it though some were lost.
_LOOKBACK, _SPARE = 504, 20
_HALF_A_YEAR = 126
_WEIGHTS = {
    "mom_126": 0.35,
    "mom_252": 0.20,
    "relative_126": 0.20,
    "quality": 0.20,
    "vol_63": -0.05,
}
_LINES = ("price", "entry_line", "exit_line")

Scale: TypeAlias = Annotated[float, Allowed(0.0, 100.0)]
Line: TypeAlias = Annotated[float, Allowed(0.0, 10.0)]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A product that may be held: its score, and the part of an equal position it is worth."""

    product: Symbol
    underlying: Symbol
    score: float
    size: float
    quality: float
    mom_126: float


@dataclass(frozen=True, slots=True)
class Stance:
    """What a session comes to for a book: why, with how much of equity, candidates best first.

    `most` is how many positions the exposure pays for.
    """

    reason: str
    exposure: float
    ranked: tuple[Candidate, ...]
    most: int
    chosen: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class LeveragedPullback:
    """Up to three twofold funds sized by the depth of their pullback, decided daily.

    Above the entry line over the benchmark's average the book enters, below the exit
    line it leaves; between them it keeps what it holds of today's pool. Both lines
    lie a multiple of the average true range away, within their floor and cap, all
    in multiples of the average. The pool are the first `candidate_universe_size`
    companies of the newest snapshot.
    """

    benchmark_symbol: Symbol = "QQQ"
    safe_haven: Symbol = "BOXX"
    candidate_universe_size: Count = 15
    holdings_count: Count = 3
    single_name_cap: Cap = 0.25
    min_position_value_usd: Smallest = 3000.0
    hold_buffer: Buffer = 1
    hold_bonus: Bonus = 0.05
    max_product_exposure: Share = 0.8
    atr_period: Annotated[int, Allowed(1, LONGEST_WINDOW)] = 14
    sma_period: Annotated[int, Allowed(1, LONGEST_WINDOW)] = 200
    atr_entry_scale: Scale = 2.5
    entry_line_floor: Line = 1.04
    entry_line_cap: Line = 1.08
    atr_exit_scale: Scale = 0.0
    exit_line_floor: Line = 1.02
    exit_line_cap: Line = 1.02

    def __post_init__(self) -> None:
        check(self)

    @property
    def needs(self) -> Needs:
        """The snapshots, two years of what they name, and the benchmark's with its ranges."""
        return Needs(
            symbols=(self.benchmark_symbol, self.safe_haven),
            holds=(self.safe_haven,),
            vital=(self.benchmark_symbol,),
            sessions=max(_LOOKBACK, self._bars_needed + _SPARE),
            feeds=(FeedNeed(FEED, LONGEST_IN_FORCE),),
            ranges=(self.benchmark_symbol,),
            universe=FEED,
        )

    def features(self, facts: Facts) -> pd.DataFrame:
        """A row for the benchmark and each product of the pool on every session with a snapshot.

        `place` is a product's rank in the pool from 1, and 0 for the benchmark;
        `underlying` is whose closes its numbers are of. Only the benchmark's row has
        `price`, `average`, `atr` and the two lines: NaN where there are too few bars.
        `size` is the share of an equal position, 0 for what is no candidate.
        """
        pool = product_pool(facts, FEED, self.benchmark_symbol, self.candidate_universe_size)
        rows = while_in_force(facts, pool)
        read = list(dict.fromkeys((self.benchmark_symbol, *rows["underlying"])))
        closes = facts.closes.reindex(columns=read)
        tables = pullback_numbers(closes, self.benchmark_symbol, self.needs.sessions)
        day = closes.index.get_indexer(rows.index.get_level_values("session"))
        column = closes.columns.get_indexer(pd.Index(rows["underlying"]))
        told = {name: table.to_numpy()[day, column] for name, table in tables.items()}
        frame = rows[["underlying", "place"]].assign(**told)
        here = (frame["place"] == 0).to_numpy()
        for name, line in self._lines(facts).items():
            frame[name] = np.where(here, line.to_numpy()[day], np.nan)
        return frame.assign(size=np.where(here, 0.0, position_sizes(told)))

    def select(self, view: View) -> Stance:
        """What the session comes to for a book that holds what the view says.

        Raises BellwetherError `too_few_bars` where the benchmark has too few,
        `equity_unknown` without an equity and `no_products` where the snapshot has
        none that is available.
        """
        rows = view.features.table
        products = rows.index.get_level_values("symbol").tolist()
        pool = rows["place"].to_numpy() > 0
        lines = _benchmark_lines(rows, ~pool)
        if math.isnan(lines["entry_line"]):
            raise BellwetherError(
                "too_few_bars", symbol=self.benchmark_symbol, needed=self._bars_needed
            )
        if view.equity is None:
            raise BellwetherError("equity_unknown")
        if not pool.any():
            raise BellwetherError("no_products", feed=FEED)
        held = {product for product, of in zip(products, pool, strict=True) if of}
        held &= view.holdings.keys()
        code = market_state(lines, active=bool(held))
        exposure = self.max_product_exposure if code.startswith("risk_on") else 0.0
        ranked = ranked_products(rows, held, self.hold_bonus)
        most = affordable_names(
            view.equity, exposure, self.holdings_count, self.min_position_value_usd
        )
        wanted = held_first([one.product for one in ranked], held, most, self.hold_buffer)
        chosen = tuple(one for one in ranked if one.product in wanted)
        return Stance(code, exposure, ranked, most, chosen)

    def decide(self, view: View) -> Decision:
        """The chosen by their size, every session; what they leave is safe."""
        found = self.select(view)
        code = found.reason
        if found.exposure > 0.0 and not found.chosen:
            code = "none_affordable" if found.ranked else "none_eligible"
        weights = sized(found.chosen, found.exposure, self.single_name_cap)
        # Every session decides by itself, so a missed one leaves nothing to make up for.
        return rotate(
            out_of=view.holdings,
            into={**weights, **rest(sum(weights.values()), self.safe_haven)},
            reason=code,
            flags=("hard_defense",) if code == "hard_defense" else (),
            roles={self.safe_haven: Role.SAFE_HAVEN},
            lapses=True,
        )

    @property
    def _bars_needed(self) -> int:
        return max(self.sma_period, self.atr_period + 1, _HALF_A_YEAR)

    def _lines(self, facts: Facts) -> dict[str, pd.Series]:
        """The benchmark's price, average, true range and lines by session; NaN on few bars."""
        name, lookback = [self.benchmark_symbol], self.needs.sessions
        closes = facts.closes.reindex(columns=name)
        bars, ranges = own_bars(closes, lookback), own_bars(_true_ranges(facts, closes), lookback)
        enough = moving_average(bars, self._bars_needed).notna()
        price = latest_close(bars)
        average = moving_average(bars, self.sma_period)
        atr = moving_average(ranges, self.atr_period)
        away = atr / price
        entry = (1.0 + self.atr_entry_scale * away).clip(upper=self.entry_line_cap)
        leave = (1.0 - self.atr_exit_scale * away).clip(upper=self.exit_line_cap)
        told = {
            "price": price,
            "average": average,
            "atr": atr,
            "entry_line": average * entry.clip(lower=self.entry_line_floor),
            "exit_line": average * leave.clip(lower=self.exit_line_floor),
        }
        return {key: table.where(enough)[self.benchmark_symbol] for key, table in told.items()}


def _true_ranges(facts: Facts, closes: pd.DataFrame) -> pd.DataFrame:
    """Each bar's range with the gap to the bar before; a close stands in for a missing extreme."""
    high, low = (
        closes if table is None else table.reindex_like(closes).fillna(closes)
        for table in (facts.highs, facts.lows)
    )
    before = closes.apply(lambda bars: bars.dropna().shift(1).reindex(closes.index))
    up, down = (high - before).abs(), (low - before).abs()
    widest: pd.DataFrame = np.fmax(np.fmax(high - low, up), down)
    return widest.where(closes.notna())


def ranked_products(
    rows: pd.DataFrame, held: Collection[Symbol], bonus: float
) -> tuple[Candidate, ...]:
    """The candidates best first; equal scores go by quality, momentum and company.

    `rows` has the product as its index, or its last level, the company it is of as
    `underlying`, the `size` of a position, which candidates alone have, and the
    numbers of the score. What is `held` scores `bonus` more.
    """
    products = rows.index.get_level_values(-1).tolist()
    sizes = rows["size"].to_numpy()
    places = np.flatnonzero(sizes > 0.0)
    columns = {name: rows[name].to_numpy()[places] for name in _WEIGHTS}
    score = np.zeros(len(places))
    for name, weight in _WEIGHTS.items():
        score += weight * standardise(columns[name])
    companies = rows["underlying"].tolist()
    candidates = [
        Candidate(
            product=products[at],
            underlying=companies[at],
            score=float(score[place]) + (bonus if products[at] in held else 0.0),
            size=float(sizes[at]),
            quality=float(columns["quality"][place]),
            mom_126=float(columns["mom_126"][place]),
        )
        for place, at in enumerate(places.tolist())
    ]
    return tuple(sorted(candidates, key=_order))


def sized(chosen: Sequence[Candidate], exposure: float, cap: float) -> dict[Symbol, float]:
    """The weight of each of the chosen: its size of an equal part, no more than the cap.

    Together they are at most the exposure.
    """
    even = exposure / max(1, len(chosen))
    weights = {one.product: min(cap, even * one.size) for one in chosen}
    total = sum(weights.values())
    over = total / exposure if total > exposure else 1.0
    return {product: weight / over for product, weight in weights.items()}


def _order(candidate: Candidate) -> tuple[float, float, float, Symbol]:
    return -candidate.score, -candidate.quality, -candidate.mom_126, candidate.underlying


def _benchmark_lines(rows: pd.DataFrame, here: npt.NDArray[np.bool_]) -> dict[str, float]:
    return {name: float(rows[name].to_numpy()[here][0]) for name in _LINES}


def market_state(benchmark: Mapping[str, float], *, active: bool) -> str:
    """Why a book is in or out, by its benchmark's price and lines; leaving comes before keeping."""
    if benchmark["price"] < benchmark["exit_line"]:
        code = "hard_defense"
    elif active:
        code = "risk_on_hold_band"
    elif benchmark["price"] > benchmark["entry_line"]:
        code = "risk_on_entry"
    else:
        code = "entry_wait"
    return code
