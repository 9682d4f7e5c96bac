"""Multi-factor defensive: two dozen large stocks by momentum and calm, fewer in weak markets."""

from dataclasses import dataclass

import pandas as pd

from bot.domain.model import Symbol
from bot.domain.strategy import Decision, Facts, Hold, Needs, View
from strategies.indicators import month_starts
from strategies.monthly import (
    SESSIONS_TO_ACT,
    Bonus,
    Cap,
    Count,
    Defence,
    Selection,
    StockColumns,
    already_traded,
    apart_from,
    by_sector,
    by_symbol,
    equal_shares,
    move,
    outlook,
    snapshot_needs,
    stocks,
    whole,
)
from strategies.parameters import Portion, Share, check
from strategies.scores import DEFENSIVE, scored

FEED = "russell_1000_multi_factor_defensive"
FACTORS = ("mom_6_1", "mom_12_1", "sma200_gap", "vol_63", "maxdd_126")
_COLUMNS = StockColumns(FACTORS, flags=("eligible",), missing=True)


@dataclass(frozen=True, slots=True)
class MultiFactorDefensive:
    """Equal weights of the best by five factors within their sector, monthly.

    `hold_bonus` is added to the score of what is held. `sector_cap` limits how many
    names a sector has, in equal shares of all `holdings_count`; with fewer names to
    be had a sector may weigh more. What the caps leave goes to the safe haven.
    """

    benchmark_symbol: Symbol = "SPY"
    safe_haven: Symbol = "BOXX"
    holdings_count: Count = 24
    single_name_cap: Cap = 0.06
    sector_cap: Cap = 0.20
    hold_bonus: Bonus = 0.15
    soft_defense_exposure: Share = 0.50
    hard_defense_exposure: Share = 0.10
    soft_breadth_threshold: Portion = 0.55
    hard_breadth_threshold: Portion = 0.35

    def __post_init__(self) -> None:
        check(self)

    @property
    def needs(self) -> Needs:
        """The snapshots, and prices of the safe haven and of the stocks they name."""
        return snapshot_needs(FEED, self.safe_haven, self.benchmark_symbol)

    def due(self, facts: Facts) -> pd.DatetimeIndex:
        """Each month's first session: the earliest a snapshot of the month's end is known."""
        return month_starts(facts.sessions)

    def features(self, facts: Facts) -> pd.DataFrame:
        """The newest snapshot's rows on the three sessions that may act on it.

        Columns are the five factors, the sector, `eligible` (true where nothing is
        said) and `known_on`. Raises what `stocks` does.
        """
        return stocks(facts, FEED, _COLUMNS, SESSIONS_TO_ACT)

    def select(self, view: View) -> Selection:
        """What the session's snapshot comes to for a book that holds what the view says."""
        rows = view.features.table
        stock = apart_from(rows, self.benchmark_symbol, self.safe_haven)
        candidates = by_symbol(rows, stock & whole(rows, FACTORS))
        seen = outlook(rows, candidates, self.benchmark_symbol, self._defence)
        sector = candidates["sector"].tolist()
        ranked = scored(DEFENSIVE, candidates, view.holdings, self.hold_bonus, sector)
        if ranked.empty or seen.exposure <= 0.0:
            return Selection(seen, len(candidates), ranked, self.holdings_count)
        return by_sector(seen, len(ranked), ranked, self.holdings_count, self.sector_cap)

    def decide(self, view: View) -> Decision:
        """The chosen in equal weights, once for each snapshot; equity changes nothing."""
        if already_traded(view):
            return Hold("already_traded")
        found = self.select(view)
        return move(view, found, self.weights(found), self.safe_haven)

    def weights(self, found: Selection) -> dict[Symbol, float]:
        """What a selection wants."""
        exposure = found.outlook.exposure
        return equal_shares(found.chosen, exposure, self.single_name_cap, self.safe_haven)

    @property
    def _defence(self) -> Defence:
        return Defence(
            soft_below=self.soft_breadth_threshold,
            hard_below=self.hard_breadth_threshold,
            risk_on=1.0,
            soft=self.soft_defense_exposure,
            hard=self.hard_defense_exposure,
        )
