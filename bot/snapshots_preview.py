"""What a profile makes of a snapshot: its ranking, its targets, and what led to them."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeAlias

import pandas as pd

from bot.domain.calendar import Calendar
from bot.domain.errors import SettingsError
from bot.domain.features import Features
from bot.domain.model import Symbol
from bot.domain.strategy import Facts, Holding, Rebalance, Strategy, View
from strategies.mega_cap_leaders import MegaCapLeaders
from strategies.monthly import REGIME_CODES, Selection, equal_shares
from strategies.multi_factor_defensive import MultiFactorDefensive
from strategies.pullback_enhancement import PullbackEnhancement
from strategies.scores import DEFENSIVE, LEADERS, PULLBACK, Scoring, ranking

Monthly: TypeAlias = MultiFactorDefensive | PullbackEnhancement | MegaCapLeaders

_BLEND = "fixed_weighted_sleeves"
_WINDOW = "runtime_execution_window_trading_days"


@dataclass(frozen=True, slots=True, eq=False)
class Preview:
    """What a book that holds some symbols would be told on the first session that may act.

    `selections` has one entry for each sleeve, `ranking` the candidates best first
    as the profile's family shows them. The equity of the book is not known.
    """

    strategy: Monthly
    session: date
    selections: tuple[Selection, ...]
    decision: Rebalance
    ranking: pd.DataFrame

    @property
    def targets(self) -> Mapping[Symbol, float]:
        """The shares of equity that are not zero."""
        return {symbol: weight for symbol, weight in self.decision.targets.items() if weight}


def preview(
    strategy: Monthly, rows: pd.DataFrame, day: date, held: Collection[Symbol], calendar: Calendar
) -> Preview:
    """Ask a profile about the rows of a snapshot of a day, by the rule that runs live.

    Raises SettingsError `bad_parameter` for a profile that may act on no session,
    and what the profile itself raises.
    """
    session = calendar.after(day).date
    known = pd.Timestamp(session)
    facts = Facts(
        pd.DataFrame(index=pd.DatetimeIndex([known])),
        calendar.index(session, session),
        feeds={strategy.needs.universe: rows.assign(known_on=known)},
    )
    features = Features(strategy, facts)
    if session not in features:
        raise SettingsError("bad_parameter", name=_WINDOW, value=0, bounds="1 … 20")
    # How much of a symbol is held changes no monthly rule.
    holdings = {symbol: Holding(Decimal(1), 0.0) for symbol in held}
    found = strategy.select(View(session, features.rows(session), holdings))
    selections = found if isinstance(found, tuple) else (found,)
    decision = features.decide(session, holdings)
    assert isinstance(decision, Rebalance), "nothing was traded before the first session"
    ranked = ranking(_scoring(strategy), selections[0].ranked, rows)
    return Preview(strategy, session, selections, decision, ranked)


def is_monthly(strategy: Strategy) -> bool:
    """Whether a snapshot alone tells what the strategy wants."""
    return isinstance(strategy, Monthly)


def _scoring(strategy: Monthly) -> Scoring:
    match strategy:
        case MultiFactorDefensive():
            return DEFENSIVE
        case PullbackEnhancement():
            return PULLBACK
        case MegaCapLeaders():
            return LEADERS


def diagnostics(told: Preview, symbols: Collection[Symbol], as_of: date) -> dict[str, object]:
    """What led to the targets, for programs that read it; `symbols` are those of the snapshot."""
    strategy, first = told.strategy, told.selections[0]
    haven = strategy.safe_haven
    in_stocks = {symbol: weight for symbol, weight in told.targets.items() if symbol != haven}
    references = {strategy.benchmark_symbol, getattr(strategy, "broad_benchmark_symbol", "")}
    chosen = [
        symbol
        for symbol in first.ranked.index.tolist()
        if any(symbol in sleeve.chosen for sleeve in told.selections)
    ]
    return {
        "benchmark_symbol": strategy.benchmark_symbol,
        "benchmark_trend_positive": first.outlook.trend,
        "breadth_ratio": first.outlook.breadth,
        "regime": REGIME_CODES[first.outlook.regime],
        "reason": told.decision.reason,
        "flags": list(told.decision.flags),
        "candidate_count": first.candidates,
        "selected_symbols": chosen,
        "selected_count": len(chosen),
        "realized_stock_weight": sum(in_stocks.values()),
        "safe_haven_weight": told.targets.get(haven, 0.0),
        "target_weights": dict(told.targets),
        "managed_symbols": list(
            dict.fromkeys([*(s for s in symbols if s not in references), haven])
        ),
        "snapshot_as_of": as_of.isoformat(),
        **dict(_of_family(told, len(chosen))),
    }


def _of_family(told: Preview, chosen: int) -> Iterator[tuple[str, object]]:
    first = told.selections[0]
    exposure = first.outlook.exposure if first.candidates else 0.0
    if first.slots is not None:
        yield "sector_slot_cap", first.slots
    match told.strategy:
        case MultiFactorDefensive():
            yield "stock_exposure", exposure
        case PullbackEnhancement() as rule:
            limits = rule.limits(first.outlook.exposure, None)
            yield "target_stock_weight", exposure
            yield "requested_holdings_count", rule.holdings_count
            yield "effective_holdings_count", limits.names
            yield "effective_single_name_cap", limits.single
            yield "effective_sector_cap", limits.sector
            yield "min_position_value_usd", rule.min_position_value_usd
        case MegaCapLeaders() as rule:
            yield "target_stock_weight", exposure
            yield "broad_benchmark_symbol", rule.broad_benchmark_symbol
            yield "requested_holdings_count", max(sleeve.names for sleeve in rule.sleeves)
            yield "effective_holdings_count", max(chosen, *(s.most for s in told.selections))
            yield "single_name_cap", max(sleeve.cap for sleeve in rule.sleeves)
            yield "min_position_value_usd", rule.min_position_value_usd
            if rule.blend_sleeves:
                yield "blend_mode", _BLEND
                yield "blend_sleeves", [*_sleeves(rule, told)]


def _sleeves(rule: MegaCapLeaders, told: Preview) -> Iterator[dict[str, object]]:
    for sleeve, part in zip(rule.sleeves, told.selections, strict=True):
        shares = equal_shares(part.chosen, part.outlook.exposure, sleeve.cap, rule.safe_haven)
        safe = shares.get(rule.safe_haven, 0.0)
        yield {
            "name": f"top{sleeve.names}_cap{sleeve.cap * 100:g}",
            "weight": sleeve.weight,
            "holdings_count": sleeve.names,
            "single_name_cap": sleeve.cap,
            "selected_symbols": list(part.chosen),
            "realized_stock_weight": 1.0 - safe,
            "safe_haven_weight": safe,
        }
