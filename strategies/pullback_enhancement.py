"""Pullback enhancement: technology and communication stocks in an uptrend, bought on a dip."""

import math
from dataclasses import dataclass, replace
from typing import Annotated

import pandas as pd

from bot.domain.errors import BellwetherError
from bot.domain.model import Symbol
from bot.domain.strategy import Decision, Facts, Hold, Needs, View
from strategies.indicators import month_starts
from strategies.monthly import (
    SESSIONS_TO_ACT,
    Bonus,
    Cap,
    Count,
    Defence,
    Dollars,
    Selection,
    StockColumns,
    Window,
    already_traded,
    apart_from,
    by_sector,
    by_symbol,
    equal_shares,
    move,
    outlook,
    snapshot_needs,
    stocks,
)
from strategies.parameters import Allowed, Portion, Share, Texts, check
from strategies.scores import PULLBACK, pullback_factors, scored

FEED = "tech_communication_pullback_enhancement"
FACTORS = (
    *("mom_6_1", "mom_12_1", "sma20_gap", "sma50_gap", "sma200_gap", "ma50_over_ma200"),
    *("vol_63", "maxdd_126", "breakout_252", "dist_63_high", "dist_126_high", "rebound_20"),
)
_COLUMNS = StockColumns(
    ("adv20_usd", *FACTORS),
    flags=("base_eligible", "eligible"),
    missing=False,
    required=("sector", "close", "history_days"),
)
# Momentum is measured against this fund, whatever the trend is measured by.
MARKET = "QQQ"
_BY_SECTOR = "sector"


@dataclass(frozen=True, slots=True)
class Limits:
    """How many names an account can follow, and how much of it a name and a sector may be."""

    names: int
    single: float
    sector: float


@dataclass(frozen=True, slots=True)
class PullbackEnhancement:
    """Equal weights of strong stocks a little below their high, monthly.

    An account too small for `holdings_count` positions of `min_position_value_usd`
    holds fewer, larger ones: the caps then grow up to the dynamic ones. `sector_cap`
    limits how many names a sector has. `sector_whitelist` are the sectors wanted, in
    the snapshot's own words; none means all.
    """

    benchmark_symbol: Symbol = "QQQ"
    safe_haven: Symbol = "BOXX"
    holdings_count: Count = 8
    single_name_cap: Cap = 0.10
    sector_cap: Cap = 0.40
    min_position_value_usd: Dollars = 3000.0
    max_dynamic_single_name_cap: Cap = 0.40
    max_dynamic_sector_cap: Cap = 0.60
    hold_bonus: Bonus = 0.10
    risk_on_exposure: Share = 0.80
    soft_defense_exposure: Share = 0.60
    hard_defense_exposure: Share = 0.00
    soft_breadth_threshold: Portion = 0.55
    hard_breadth_threshold: Portion = 0.35
    min_adv20_usd: Dollars = 50_000_000.0
    sector_whitelist: Texts = (
        "Information Technology",
        "Communication",
    )
    normalization: Annotated[
        str, Allowed(choices=("universe_cross_sectional", "universe", _BY_SECTOR))
    ] = "universe_cross_sectional"
    score_template: Annotated[str, Allowed(choices=("balanced_pullback",))] = "balanced_pullback"
    runtime_execution_window_trading_days: Window = SESSIONS_TO_ACT
    execution_cash_reserve_ratio: Share = 0.0

    def __post_init__(self) -> None:
        check(self)

    @property
    def needs(self) -> Needs:
        """The snapshots, and prices of the safe haven and of the stocks they name."""
        return snapshot_needs(FEED, self.safe_haven, self.benchmark_symbol, MARKET)

    def due(self, facts: Facts) -> pd.DatetimeIndex:
        """Each month's first session: the earliest a snapshot of the month's end is known."""
        return month_starts(facts.sessions)

    def features(self, facts: Facts) -> pd.DataFrame:
        """The newest snapshot's rows on the first sessions that may act on it.

        Columns are the twelve factors, volume in money, the sector, `eligible`
        (`base_eligible` or, where there is none, `eligible`; a missing value is no)
        and `known_on`. Errors are those of `stocks`.
        """
        return stocks(facts, FEED, _COLUMNS, self.runtime_execution_window_trading_days)

    def limits(self, exposure: float, equity: float | None) -> Limits:
        """How many names so much exposure pays for; fewer of them may be larger.

        An equity that is unknown or not positive limits nothing.
        """
        usual = Limits(self.holdings_count, self.single_name_cap, self.sector_cap)
        money = (equity or 0.0) * exposure
        if money <= 0.0 or self.min_position_value_usd <= 0.0:
            return usual
        names = max(1, math.floor(money / self.min_position_value_usd))
        if names >= self.holdings_count:
            return usual
        single = min(self.max_dynamic_single_name_cap, exposure / names)
        return Limits(
            names,
            max(self.single_name_cap, single),
            max(self.sector_cap, self.max_dynamic_sector_cap),
        )

    def select(self, view: View) -> Selection:
        """What the session's snapshot comes to for a book that holds what the view says.

        Raises BellwetherError `benchmark_row_needed` where stocks are to be ranked
        and the fund their momentum is measured against has no row.
        """
        rows = view.features.table
        stock = apart_from(rows, self.benchmark_symbol, self.safe_haven)
        wanted = rows["sector"].isin(self.sector_whitelist) | (not self.sector_whitelist)
        traded = rows["adv20_usd"] >= self.min_adv20_usd
        candidates = by_symbol(rows, stock & traded.to_numpy() & wanted.to_numpy())
        seen = outlook(rows, candidates, self.benchmark_symbol, self._defence)
        limits = self.limits(seen.exposure, view.equity)
        idle = candidates.empty or seen.exposure <= 0.0
        market = rows[rows.index.get_level_values("symbol") == MARKET]
        if market.empty and not idle:
            raise BellwetherError("benchmark_row_needed", symbol=MARKET)
        ranked = candidates.iloc[:0] if market.empty else self._ranked(candidates, market, view)
        if idle:
            return Selection(seen, len(candidates), ranked, limits.names)
        return by_sector(seen, len(candidates), ranked, limits.names, limits.sector)

    def decide(self, view: View) -> Decision:
        """The chosen in equal weights, once for each snapshot."""
        if already_traded(view):
            return Hold("already_traded")
        found = self.select(view)
        moved = move(view, found, self.weights(found, view.equity), self.safe_haven)
        return replace(moved, reserve=self.execution_cash_reserve_ratio)

    def weights(self, found: Selection, equity: float | None = None) -> dict[Symbol, float]:
        """What a selection wants of an account."""
        exposure = found.outlook.exposure
        cap = self.limits(exposure, equity).single
        return equal_shares(found.chosen, exposure, cap, self.safe_haven)

    def _ranked(self, candidates: pd.DataFrame, market: pd.DataFrame, view: View) -> pd.DataFrame:
        measured = pullback_factors(
            candidates, float(market["mom_6_1"].iloc[0]), float(market["mom_12_1"].iloc[0])
        )
        sectors = candidates["sector"].tolist()
        groups = sectors if self.normalization == _BY_SECTOR else None
        return scored(PULLBACK, measured, view.holdings, self.hold_bonus, groups)

    @property
    def _defence(self) -> Defence:
        return Defence(
            soft_below=self.soft_breadth_threshold,
            hard_below=self.hard_breadth_threshold,
            risk_on=self.risk_on_exposure,
            soft=self.soft_defense_exposure,
            hard=self.hard_defense_exposure,
        )
