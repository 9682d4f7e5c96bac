"""The monthly rules over prices and members, chosen at each month's end by their own features."""

from dataclasses import dataclass, replace
from datetime import date
from typing import TypeAlias

import pandas as pd

from bot.domain.features import Features
from bot.domain.model import Symbol
from bot.domain.strategy import Facts, View
from bot.original import (
    EQUAL_WEIGHT,
    Choice,
    Markets,
    Study,
    Terms,
    chosen_of,
    held,
    mean_return,
    members_of,
    month_ends,
    reckoned,
)
from strategies.cross_section import held_first, sector_walk
from strategies.factors import ADV_ROWS, turnover
from strategies.families import ADV, RUSSELL, Family, snapshots
from strategies.mega_cap_leaders import MegaCapLeaders
from strategies.monthly import Selection, equal_shares
from strategies.multi_factor_defensive import MultiFactorDefensive
from strategies.panel import Panel
from strategies.pullback_enhancement import PullbackEnhancement
from strategies.universe import Universe

Monthly: TypeAlias = MultiFactorDefensive | PullbackEnhancement | MegaCapLeaders


@dataclass(frozen=True, slots=True, eq=False)
class StockRule:
    """A monthly rule and what its snapshots look like.

    `per_sector` limits how many names of a sector a leader's book may have.
    """

    strategy: Monthly
    family: Family
    per_sector: int | None = None

    @property
    def references(self) -> tuple[Symbol, ...]:
        """What it is compared with, the benchmark first."""
        broad = getattr(self.strategy, "broad_benchmark_symbol", None)
        own = self.strategy.benchmark_symbol
        return (own,) if broad in {None, own} else (own, broad)


def study_stocks(rule: StockRule, panel: Panel, universe: Universe, terms: Terms) -> Study:
    """Choose at each month's end of the span; what is known before counts where `terms` say so.

    Raises DataError where the span is empty, where nobody belongs to the universe on
    a month's end, and what the rule raises.
    """
    if not terms.warmed and terms.first is not None:
        panel = panel.since(terms.first)
    markets = Markets.of(panel)
    days = markets.within(terms.first, terms.last)
    choices = _choices(rule, panel, universe, month_ends(days))
    haven = rule.strategy.safe_haven
    returns = markets.returns(chosen_of(choices, haven), days)
    references = markets.returns(rule.references, days)
    if isinstance(rule.strategy, MegaCapLeaders):
        pool = mean_return(markets.returns(members_of(universe), days))
        references = references.assign(**{EQUAL_WEIGHT: pool})
    reckoning = reckoned(choices, returns, {haven: 1.0}, terms.cost)
    return Study(choices, reckoning, references, haven)


def _choices(
    rule: StockRule, panel: Panel, universe: Universe, ends: pd.DatetimeIndex
) -> tuple[Choice, ...]:
    rows = snapshots(rule.family, panel, universe, [day.date() for day in ends])
    feed = rows.assign(known_on=rows["as_of"])
    # Of each snapshot the rule sees the day it is of, and no other.
    facts = Facts(pd.DataFrame(index=ends), ends, feeds={rule.strategy.needs.universe: feed})
    features = Features(rule.strategy, facts)
    choices: list[Choice] = []
    weights: dict[Symbol, float] = {}
    for end in ends:
        choices.append(_choice(rule, features, end.date(), weights))
        weights = dict(choices[-1].weights)
    return tuple(choices)


def _choice(rule: StockRule, features: Features, day: date, before: dict[Symbol, float]) -> Choice:
    strategy = rule.strategy
    holdings = held(before, strategy.safe_haven)
    view = View(day, features.rows(day), holdings)
    match strategy:
        case MegaCapLeaders():
            parts = strategy.select(view)
            found, weights = parts[0], strategy.weights(parts)
            if rule.per_sector is not None:
                weights = _limited(rule, found, set(holdings))
        case MultiFactorDefensive() | PullbackEnhancement():
            found = strategy.select(view)
            weights = strategy.weights(found)
    chosen = {symbol: weight for symbol, weight in weights.items() if weight}
    return Choice(day, found.outlook.regime.value, found.outlook.exposure, found.ranked, chosen)


def _limited(rule: StockRule, found: Selection, holds: set[Symbol]) -> dict[Symbol, float]:
    """The leaders' weights with no more names of a sector than allowed."""
    leaders = rule.strategy
    assert isinstance(leaders, MegaCapLeaders), "only leaders have such a limit"
    assert rule.per_sector is not None, "asked for with a limit only"
    order = list(found.ranked.index)
    kept = held_first(order, holds, found.most, leaders.hold_buffer)
    kept = [symbol for symbol in kept if symbol in holds]
    wanted = [*kept, *(symbol for symbol in order if symbol not in holds)]
    sectors = dict(zip(order, found.ranked["sector"], strict=True))
    chosen = sector_walk(wanted, sectors, rule.per_sector, found.most)
    cap, exposure = leaders.single_name_cap, found.outlook.exposure
    return equal_shares(chosen, exposure, cap, leaders.safe_haven)


def defensive(strategy: MultiFactorDefensive) -> StockRule:
    """The defensive rule with snapshots as its study makes them.

    A stock whose volume was not known on one of the days has no mean turnover there.
    """
    family = replace(RUSSELL, measures={**RUSSELL.measures, ADV: turnover(ADV_ROWS)})
    return StockRule(strategy, unpooled(family).referring({"SPY": strategy.benchmark_symbol}))


def unpooled(family: Family) -> Family:
    """The family with everybody of a universe in it, whatever their number."""
    return replace(family, size=None, keeps_doubles=False)
