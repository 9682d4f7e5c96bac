"""Fuguo ETF rotation: each month the funds whose constituents' reports improve most."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated

import numpy as np
import pandas as pd

from bot.domain.errors import Blocked
from bot.domain.model import Role, Symbol
from bot.domain.strategy import Decision, Facts, FeedNeed, Needs, View, rotate
from strategies import constituents, fundamentals
from strategies.constituents import SECTORS, Age, refuse_in_pool
from strategies.cross_section import ordered, standardise
from strategies.fundamentals import FACTORS, Summing, fund_factors
from strategies.indicators import month_ends
from strategies.monthly import Count, equal_shares
from strategies.parameters import Allowed, Portion, check
from strategies.tables import Floats

# Signals come with the feeds; a quarter of prices is what a surprising quote is judged by.
_PRICED_BY = 63
_LONGEST_REPORT = 24


@dataclass(frozen=True, slots=True)
class FuguoEtfRotation:
    """Equal parts of the funds with the best composite of six factors, on a month's last session.

    The source states the six factors, that they are standardised across funds and
    weighted equally. Our choice are the pool; `holdings`, `leaders` and
    `min_coverage`; scores cut at `winsor` deviations; a composite of at least
    `min_factors`; reports of the last `report_months`; tables of at most `max_age`
    sessions; and the safe haven for what is not placed.
    """

    pool: Annotated[tuple[Symbol, ...], Allowed(low=2)] = SECTORS
    holdings: Count = 5
    leaders: Count = 10
    min_coverage: Portion = 0.6
    min_factors: Annotated[int, Allowed(1, len(FACTORS))] = 4
    winsor: Annotated[float, Allowed(0.5, 10.0)] = 3.0
    report_months: Annotated[int, Allowed(1, _LONGEST_REPORT)] = 9
    max_age: Age = 66
    safe_haven: Symbol = "BIL"

    # The feature the funds are ranked by.
    ranked_by = "composite"
    # What the source says it achieved, net of nothing it names.
    claims = MappingProxyType(
        {
            "mean": 0.0680,
            "deviation": 0.3151,
            "risk_adjusted": 0.22,
            "t": 2.24,
            "annual_return": 0.0726,
            "volatility": 0.2192,
            "sharpe": 0.33,
            "max_drawdown": -0.4220,
            "turnover": 0.5321,
            "excess": 0.0549,
            "tracking_error": 0.0927,
            "information_ratio": 0.59,
            "excess_drawdown": -0.1523,
        }
    )

    def __post_init__(self) -> None:
        check(self)
        refuse_in_pool(self.safe_haven, self.pool)

    @property
    def needs(self) -> Needs:
        """Lists of constituents and their reports; prices only to trade at."""
        symbols = tuple(dict.fromkeys((*self.pool, self.safe_haven)))
        return Needs(
            symbols=symbols,
            holds=symbols,
            vital=(),
            sessions=_PRICED_BY,
            feeds=tuple(
                FeedNeed(name, self.max_age) for name in (constituents.FEED, fundamentals.FEED)
            ),
            total_return=False,
        )

    def due(self, facts: Facts) -> pd.DatetimeIndex:
        """The last sessions of their months; of the newest session nobody knows yet."""
        return month_ends(facts.sessions)

    def features(self, facts: Facts) -> pd.DataFrame:
        """Each fund on each month's last session: six factors, how many are known, the composite.

        A fund without enough of them has no composite. Raises Blocked `feed_missing`.
        """
        days = pd.DatetimeIndex(facts.closes.index)
        days = days[days.isin(self.due(facts))]
        pool = sorted(set(self.pool))
        how = Summing(self.leaders, self.min_coverage, self.report_months)
        factors = fund_factors(facts, days, pool, how)
        index = pd.MultiIndex.from_product([days, pool], names=["session", "symbol"])
        frame = pd.DataFrame({name: table.ravel() for name, table in factors.items()}, index)
        known = np.sum([~np.isnan(table) for table in factors.values()], axis=0)
        scores = np.sum([self._scores(table) for table in factors.values()], axis=0)
        told = np.where(known >= self.min_factors, scores / np.maximum(known, 1), np.nan)
        return frame.assign(known=known.ravel(), composite=told.ravel())

    def decide(self, view: View) -> Decision:
        """The funds of the highest composites in equal parts; what is not placed is safe.

        Raises Blocked `nothing_ranked` where no fund has a composite: data that is
        not there is no reason to sell.
        """
        best = ordered(view.features.table.dropna(subset=[self.ranked_by]), [self.ranked_by])
        chosen = best.index.get_level_values("symbol")[: self.holdings].tolist()
        if not chosen:
            raise Blocked("nothing_ranked", session=view.session)
        return rotate(
            out_of=view.holdings,
            into=equal_shares(chosen, 1.0, 1.0 / self.holdings, self.safe_haven),
            reason="rotation" if len(chosen) == self.holdings else "slots_unfilled",
            roles={self.safe_haven: Role.SAFE_HAVEN},
        )

    def _scores(self, table: Floats) -> Floats:
        """Every row standardised and cut; what is missing scores nothing."""
        rows = [np.clip(standardise(row), -self.winsor, self.winsor) for row in table]
        return np.array(rows).reshape(table.shape)
