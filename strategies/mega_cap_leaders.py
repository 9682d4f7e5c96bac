"""Mega-cap leaders: the few strongest of the largest companies, in one sleeve or several."""

import math
from dataclasses import dataclass, replace

import pandas as pd

from bot.domain.errors import SettingsError
from bot.domain.model import Symbol
from bot.domain.strategy import Decision, Facts, Hold, Needs, View
from strategies.cross_section import affordable_names, held_first
from strategies.indicators import month_starts
from strategies.monthly import (
    MOST_NAMES,
    SESSIONS_TO_ACT,
    Bonus,
    Buffer,
    Cap,
    Count,
    Defence,
    Dollars,
    Selection,
    Smallest,
    StockColumns,
    Window,
    already_traded,
    apart_from,
    by_symbol,
    equal_shares,
    move,
    outlook,
    snapshot_needs,
    stocks,
    whole,
)
from strategies.parameters import Portion, Share, Texts, check
from strategies.scores import LEADERS, scored

FACTORS = (
    *("mom_3m", "mom_6m", "mom_12_1", "rel_mom_6m_vs_benchmark", "rel_mom_6m_vs_broad_benchmark"),
    *("high_252_gap", "sma200_gap", "vol_63", "maxdd_126"),
)
_COLUMNS = StockColumns(
    ("adv20_usd", *FACTORS),
    flags=("eligible",),
    missing=False,
    required=("sector", "close", "history_days"),
)


@dataclass(frozen=True, slots=True)
class Sleeve:
    """A part of the money with its own number of names and cap; written `0.5 top2 cap0.5`."""

    weight: float
    names: int
    cap: float

    @classmethod
    def read(cls, text: str) -> "Sleeve":
        """The sleeve of its three words. Raises SettingsError `bad_parameter`."""
        try:
            weight, names, cap = text.split()
            sleeve = cls(
                weight=float(weight),
                names=int(names.removeprefix("top")),
                cap=float(cap.removeprefix("cap")),
            )
        except ValueError as error:
            raise _bad(text) from error
        whole = math.isfinite(sleeve.weight) and sleeve.weight > 0.0
        if not (whole and 1 <= sleeve.names <= MOST_NAMES and 0.0 < sleeve.cap <= 1.0):
            raise _bad(text)
        return sleeve

    def __str__(self) -> str:
        return f"{self.weight!r} top{self.names} cap{self.cap!r}"


def _bad(text: str) -> SettingsError:
    bounds = "sleeves like '0.5 top2 cap0.5': weight above 0, number of names, cap up to 1"
    return SettingsError("bad_parameter", name="blend_sleeves", value=text, bounds=bounds)


@dataclass(frozen=True, slots=True)
class MegaCapLeaders:
    """Equal weights of the highest scores, monthly; half of it while the benchmark's trend is down.

    What is held keeps its place down to `hold_buffer` ranks below the last name
    wanted. An account too small for that many positions of `min_position_value_usd`
    holds fewer; what a cap leaves goes to the safe haven. With `blend_sleeves` the
    money is parted by their weights, each part chosen by itself with its own number
    of names and cap instead of `holdings_count` and `single_name_cap`.
    """

    benchmark_symbol: Symbol = "QQQ"
    broad_benchmark_symbol: Symbol = "SPY"
    safe_haven: Symbol = "BOXX"
    holdings_count: Count = 4
    single_name_cap: Cap = 0.25
    blend_sleeves: Texts = ()
    risk_on_exposure: Share = 1.0
    soft_defense_exposure: Share = 0.5
    hard_defense_exposure: Share = 0.5
    soft_breadth_threshold: Portion = 0.0
    hard_breadth_threshold: Portion = 0.0
    min_position_value_usd: Smallest = 3000.0
    hold_buffer: Buffer = 2
    hold_bonus: Bonus = 0.10
    min_adv20_usd: Dollars = 20_000_000.0
    runtime_execution_window_trading_days: Window = SESSIONS_TO_ACT
    execution_cash_reserve_ratio: Share = 0.0

    # The feed of its snapshots; every profile of the family has its own.
    feed = "mega_cap_leader_rotation_dynamic_top20"

    def __post_init__(self) -> None:
        check(self)
        for text in self.blend_sleeves:
            Sleeve.read(text)

    @property
    def needs(self) -> Needs:
        """The snapshots, and prices of the safe haven and of the stocks they name."""
        benchmarks = (self.benchmark_symbol, self.broad_benchmark_symbol)
        return snapshot_needs(self.feed, self.safe_haven, *benchmarks)

    @property
    def sleeves(self) -> tuple[Sleeve, ...]:
        """The sleeves of the blend, or the only one; their weights are shares of one."""
        told = [Sleeve.read(text) for text in self.blend_sleeves]
        if not told:
            return (Sleeve(1.0, self.holdings_count, self.single_name_cap),)
        whole = sum(sleeve.weight for sleeve in told)
        return tuple(replace(sleeve, weight=sleeve.weight / whole) for sleeve in told)

    def due(self, facts: Facts) -> pd.DatetimeIndex:
        """Each month's first session: the earliest a snapshot of the month's end is known."""
        return month_starts(facts.sessions)

    def features(self, facts: Facts) -> pd.DataFrame:
        """The newest snapshot's rows on the first sessions that may act on it.

        Columns are the nine factors, volume in money, `eligible` (a missing value is
        no, a missing column yes) and `known_on`. Errors are those of `stocks`.
        """
        return stocks(facts, self.feed, _COLUMNS, self.runtime_execution_window_trading_days)

    def select(self, view: View) -> tuple[Selection, ...]:
        """What the session's snapshot comes to for each sleeve with its part of the equity."""
        rows = view.features.table
        references = (self.benchmark_symbol, self.broad_benchmark_symbol, self.safe_haven)
        stock = apart_from(rows, *references)
        traded = rows["adv20_usd"].to_numpy() >= self.min_adv20_usd
        candidates = by_symbol(rows, stock & traded & whole(rows, FACTORS))
        seen = outlook(rows, candidates, self.benchmark_symbol, self._defence)
        ranked = scored(LEADERS, candidates, view.holdings, self.hold_bonus)
        found = []
        for sleeve in self.sleeves:
            equity = None if view.equity is None else view.equity * sleeve.weight
            names = affordable_names(
                equity, seen.exposure, sleeve.names, self.min_position_value_usd
            )
            chosen = held_first(ranked.index.tolist(), view.holdings, names, self.hold_buffer)
            found.append(Selection(seen, len(ranked), ranked, names, chosen=tuple(chosen)))
        return tuple(found)

    def decide(self, view: View) -> Decision:
        """The chosen of all sleeves, once for each snapshot; with equity unknown none is small."""
        if already_traded(view):
            return Hold("already_traded")
        found = self.select(view)
        moved = move(view, found[0], self.weights(found), self.safe_haven)
        return replace(moved, reserve=self.execution_cash_reserve_ratio)

    def weights(self, found: tuple[Selection, ...]) -> dict[Symbol, float]:
        """What the selections of all sleeves want together, the safe haven last."""
        blend: dict[Symbol, float] = {}
        for sleeve, part in zip(self.sleeves, found, strict=True):
            exposure = part.outlook.exposure
            shares = equal_shares(part.chosen, exposure, sleeve.cap, self.safe_haven)
            for symbol, weight in shares.items():
                blend[symbol] = blend.get(symbol, 0.0) + sleeve.weight * weight
        safe_last = sorted(blend, key=lambda symbol: symbol == self.safe_haven)
        total = sum(blend.values())
        return {symbol: blend[symbol] / total for symbol in safe_last}

    @property
    def _defence(self) -> Defence:
        return Defence(
            soft_below=self.soft_breadth_threshold,
            hard_below=self.hard_breadth_threshold,
            risk_on=self.risk_on_exposure,
            soft=self.soft_defense_exposure,
            hard=self.hard_defense_exposure,
        )


@dataclass(frozen=True, slots=True)
class AggressiveLeaders(MegaCapLeaders):
    """Three leaders of fifty companies, fully invested in every market."""

    holdings_count: Count = 3
    single_name_cap: Cap = 0.35
    soft_defense_exposure: Share = 1.0
    hard_defense_exposure: Share = 1.0

    feed = "mega_cap_leader_rotation_aggressive"


@dataclass(frozen=True, slots=True)
class BalancedLeaders(MegaCapLeaders):
    """Two sleeves of the leaders of fifty companies, fully invested in every market."""

    blend_sleeves: Texts = (
        "0.5 top2 cap0.5",
        "0.5 top4 cap0.25",
    )
    soft_defense_exposure: Share = 1.0
    hard_defense_exposure: Share = 1.0

    feed = "mega_cap_leader_rotation_top50_balanced"
