"""The daily rule of twofold products, chosen at each week's end from closes alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd

from bot.domain.features import Features
from bot.domain.model import Symbol
from bot.domain.strategy import Facts
from bot.original import (
    Choice,
    Markets,
    Study,
    Terms,
    chosen_of,
    members_of,
    month_ends,
    reckoned,
    week_ends,
)
from strategies.cross_section import held_first
from strategies.leveraged_pullback import (
    FEED,
    Candidate,
    LeveragedPullback,
    market_state,
    ranked_products,
    sized,
)
from strategies.monthly import rest
from strategies.panel import Panel
from strategies.tables import numbers_of
from strategies.universe import RANK, SIZES, Universe

POOL, TWICE = "equal_weight_dynamic_pool", "equal_weight_dynamic_pool_2x"
SOFT_DEFENSE, WARM_UP = "soft_defense", "warm_up"
_SESSIONS_A_YEAR = 252
# Between the lines a book that waits is called defensive where the quarter fell this far.
_QUARTER, _FALLEN = 63, -0.05
_YEAR = 252


@dataclass(frozen=True, slots=True)
class ProductRule:
    """The rule, what its products return of a stock's day, and how often it chooses.

    A product returns `leverage` times its stock less `expense` a year, and never
    more than everything is lost. `soft` and `hard` are the exposures while defensive.
    """

    strategy: LeveragedPullback
    leverage: float = 2.0
    expense: float = 0.01
    weekly: bool = True
    soft: float = 0.0
    hard: float = 0.0
    broad: Symbol = "SPY"

    @staticmethod
    def panel(prices: pd.DataFrame) -> Panel:
        """The prices of a long table as the study reads them."""
        return Panel.of_rows(prices, wants_volume=False)

    def times(self, returns: pd.DataFrame) -> pd.DataFrame:
        """What the products return where their stocks return this."""
        leveraged = self.leverage * returns - self.expense / _SESSIONS_A_YEAR
        return leveraged.clip(lower=-1.0)

    def exposure(self, code: str) -> float:
        """The share of equity for products in a state of the market."""
        match code:
            case "risk_on_hold_band" | "risk_on_entry":
                return self.strategy.max_product_exposure
            case "soft_defense":
                return self.soft
            case "hard_defense":
                return self.hard
        return 0.0


def study_products(rule: ProductRule, panel: Panel, universe: Universe, terms: Terms) -> Study:
    """Choose at the end of each week, or month; what is known before the span counts.

    Weights and returns are under the names of the stocks. Raises DataError where the
    span is empty.
    """
    markets = Markets.of(panel)
    days = markets.within(terms.first, terms.last)
    ends = week_ends(days) if rule.weekly else month_ends(days)
    pools = _Pools(universe, rule.strategy.candidate_universe_size)
    chooser = _Chooser(rule, markets.closes, _frame(rule, markets, pools, ends))
    choices = tuple(chooser.choose(end) for end in ends)
    haven, benchmark = rule.strategy.safe_haven, rule.strategy.benchmark_symbol
    stocks = markets.returns(sorted(set(chosen_of(choices, haven)) - {haven}), days)
    products = rule.times(stocks).assign(**markets.returns([haven], days))
    pool = pools.returns(markets.returns(members_of(universe), days))
    references = markets.returns([benchmark, rule.broad], days)
    twice = rule.leverage * pool - rule.expense / _SESSIONS_A_YEAR
    return Study(
        choices=choices,
        reckoning=reckoned(choices, products, {haven: 1.0}, terms.cost),
        references=references.assign(**{POOL: pool, TWICE: twice}),
        safe_haven=haven,
    )


def _frame(
    rule: ProductRule, markets: Markets, pools: "_Pools", ends: pd.DatetimeIndex
) -> Features:
    """The rule's own numbers, every stock of a pool being its own product."""
    parts = [
        pd.DataFrame(
            {
                "symbol": pool,
                "underlying_symbol": pool,
                "sector": "",
                "candidate_rank": np.arange(1, len(pool) + 1),
                "as_of": end,
                "known_on": end,
            }
        )
        for end in ends
        if (pool := pools.on(end.date()))
    ]
    feed = pd.concat(parts, ignore_index=True)
    closes = markets.closes
    return Features(rule.strategy, Facts(closes, pd.DatetimeIndex(closes.index), {FEED: feed}))


@dataclass(slots=True)
class _Chooser:
    """Asks the rule at each end; it remembers what it held and whether it was in."""

    rule: ProductRule
    closes: pd.DataFrame
    features: Features
    active: bool = False
    weights: Mapping[Symbol, float] = field(default_factory=dict)

    def choose(self, end: pd.Timestamp) -> Choice:
        """What is held after an end, and why."""
        strategy = self.rule.strategy
        row = int(self.closes.index.get_indexer(pd.DatetimeIndex([end]))[0])
        rows = self.features.rows(end.date()).table
        products = rows[(rows["place"] > 0).to_numpy()]
        code = self._state(rows, row)
        exposure = self.rule.exposure(code)
        held = {symbol for symbol in self.weights if symbol != strategy.safe_haven}
        ranked = ranked_products(products, held, strategy.hold_bonus) if row >= _YEAR else ()
        chosen = self._chosen(ranked, held) if exposure > 0.0 else []
        weights = sized(chosen, exposure, strategy.single_name_cap)
        total = sum(weights.values())
        self.active = exposure > 0.0 and total > 0.0
        self.weights = {**weights, **rest(total, strategy.safe_haven)}
        return Choice(end.date(), code, total, _scores(ranked), self.weights)

    def _chosen(self, ranked: Sequence[Candidate], held: set[Symbol]) -> list[Candidate]:
        strategy = self.rule.strategy
        order = [one.product for one in ranked]
        wanted = held_first(order, held, strategy.holdings_count, strategy.hold_buffer)
        return [one for one in ranked if one.product in wanted]

    def _state(self, rows: pd.DataFrame, row: int) -> str:
        strategy = self.rule.strategy
        benchmark = rows[(rows["place"] == 0).to_numpy()].iloc[0]
        if row < strategy.sma_period or np.isnan(benchmark["entry_line"]):
            return WARM_UP
        lines = {name: float(benchmark[name]) for name in ("price", "entry_line", "exit_line")}
        code = market_state(lines, active=self.active)
        closes = self.closes[strategy.benchmark_symbol]
        fallen = closes.iloc[row] / closes.iloc[row - _QUARTER] - 1.0 < _FALLEN
        below = benchmark["price"] < benchmark["average"]
        return SOFT_DEFENSE if code == "entry_wait" and (fallen or below) else code


def _scores(ranked: Sequence[Candidate]) -> pd.DataFrame:
    columns = ["score", "size", "quality", "mom_126"]
    table = [[getattr(one, name) for name in columns] for one in ranked]
    return pd.DataFrame(table, [one.product for one in ranked], columns, dtype=float)


class _Pools:
    """The largest of a universe on each day."""

    def __init__(self, universe: Universe, size: int) -> None:
        self._universe, self._size = universe, size
        self._known: dict[int, list[Symbol]] = {}

    def on(self, day: date) -> list[Symbol]:
        """The largest on a day, best first: by rank, then size, then name."""
        spell = self._universe.spell(day)
        if spell not in self._known:
            rows = self._universe.on(day).rows
            keys = [rows["symbol"].to_numpy(dtype=str)]
            size = next((column for column in SIZES if column in rows), None)
            if size is not None:
                keys.append(-numbers_of(rows[size]))
            if RANK in rows:
                keys.append(numbers_of(rows[RANK]))
            order = rows["symbol"].iloc[np.lexsort(keys)].drop_duplicates()
            self._known[spell] = order.head(self._size).tolist()
        return self._known[spell]

    def returns(self, returns: pd.DataFrame) -> pd.Series:
        """The mean return of the largest of each day, on that day."""
        place = {symbol: at for at, symbol in enumerate(returns.columns)}
        member = np.zeros(returns.shape, dtype=bool)
        for row, day in enumerate(pd.DatetimeIndex(returns.index)):
            member[row, [place[symbol] for symbol in self.on(day.date()) if symbol in place]] = True
        total = np.where(member, returns.to_numpy(), 0.0).sum(axis=1)
        return pd.Series(total / np.maximum(member.sum(axis=1), 1), returns.index)
