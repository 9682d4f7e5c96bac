"""SOXL and SOXX by trend: semiconductors, threefold well above it, and an income ratchet."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, TypeAlias

import pandas as pd

from bot.domain.errors import BellwetherError, SettingsError
from bot.domain.model import Role, Symbol
from bot.domain.strategy import Decision, Facts, Needs, View, rotate
from strategies.indicators import (
    LONGEST_WINDOW,
    average_slope,
    latest_close,
    moving_average,
    own_bars,
)
from strategies.parameters import Allowed, Portion, Share, check

SOXL, SOXX, BOXX, QQQI, SPYI = "SOXL", "SOXX", "BOXX", "QQQI", "SPYI"
ROLES: Mapping[Symbol, Role] = {BOXX: Role.SAFE_HAVEN, QQQI: Role.INCOME, SPYI: Role.INCOME}

SHORT_AVERAGE = 20
# Room for bars a feed lost: the average's own are found in so many sessions.
_LOOKBACK, _SPARE = 220, 20
# What is left of one after subtracting decimals is zero where it should be, not 1e-17 of equity.
_DIGITS = 12

Buffer: TypeAlias = Annotated[float, Allowed(0.0, 0.25, clamped=True)]


@dataclass(frozen=True, slots=True)
class SoxlSoxxTrendIncome:
    """Three tiers by the distance of a price from its average: full, mid, defensive.

    Above the entry line the tier is full; above the mid line, or above the exit
    line with SOXL held, it is mid; else defensive. The mid line is never above
    the entry line, the mid weight never above the full one. With more equity than
    `income_layer_start_usd` money is added to the income funds up to their share,
    and what they once hold is never sold. SOXL counts as held from a whole share,
    or from more value than the largest of `min_trade_floor` and `min_trade_ratio`
    of equity.
    """

    trend_ma_window: Annotated[int, Allowed(1, LONGEST_WINDOW)] = 140
    trend_entry_buffer: Buffer = 0.08
    trend_mid_buffer: Buffer = 0.06
    trend_exit_buffer: Buffer = 0.02
    blend_gate_soxl_weight: Share = 0.70
    blend_gate_mid_soxl_weight: Share = 0.65
    blend_gate_active_soxx_weight: Share = 0.20
    blend_gate_defensive_soxx_weight: Share = 0.15
    blend_gate_trend_source: Annotated[str, Allowed(choices=(SOXX, SOXL))] = SOXX
    attack_allocation_mode: Annotated[str, Allowed(choices=("soxx_gate_tiered_blend",))] = (
        "soxx_gate_tiered_blend"
    )
    income_layer_start_usd: Annotated[float, Allowed(low=0.0)] = 150_000.0
    income_layer_max_ratio: Portion = 0.15
    income_layer_qqqi_weight: Portion = 0.70
    income_layer_spyi_weight: Portion = 0.30
    cash_reserve_ratio: Share = 0.03
    min_trade_ratio: Portion = 0.01
    min_trade_floor: Annotated[float, Allowed(low=0.0)] = 100.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "blend_gate_trend_source", self.blend_gate_trend_source.upper())
        check(self)
        if round(self.income_layer_qqqi_weight + self.income_layer_spyi_weight, _DIGITS) > 1.0:
            raise SettingsError(
                "bad_parameter",
                name="income_layer_spyi_weight",
                value=self.income_layer_spyi_weight,
                bounds="at most 1 together with income_layer_qqqi_weight",
            )

    @property
    def needs(self) -> Needs:
        """SOXL and SOXX over the average's window and some room; neither can be done without."""
        return Needs(
            symbols=(SOXL, SOXX, *ROLES),
            holds=(SOXL, SOXX, *ROLES),
            vital=(SOXX, SOXL),
            sessions=max(_LOOKBACK, self.trend_ma_window + _SPARE),
        )

    def features(self, facts: Facts) -> pd.DataFrame:
        """A row per session: price and average of both funds, and the trend's lines.

        The short average and its slope are there to be read; nothing depends on them.
        """
        closes = facts.closes.reindex(columns=[SOXL, SOXX])
        bars, source = own_bars(closes, self.needs.sessions), self.blend_gate_trend_source
        prices = latest_close(bars)
        averages = moving_average(bars, self.trend_ma_window)
        trend = averages[source]
        columns = {
            "trend_price": prices[source],
            "trend_ma": trend,
            "trend_ma20": moving_average(bars, SHORT_AVERAGE)[source],
            "trend_ma20_slope": average_slope(bars, SHORT_AVERAGE)[source],
            "trend_entry_line": trend * (1.0 + self.trend_entry_buffer),
            "trend_mid_line": trend * (1.0 + min(self.trend_mid_buffer, self.trend_entry_buffer)),
            "trend_exit_line": trend * (1.0 - self.trend_exit_buffer),
            f"price.{SOXL}": prices[SOXL],
            f"ma.{SOXL}": averages[SOXL],
            f"price.{SOXX}": prices[SOXX],
            f"ma.{SOXX}": averages[SOXX],
        }
        return pd.DataFrame(columns, closes.index)

    def decide(self, view: View) -> Decision:
        """The same five targets every session; income funds keep at least what they hold.

        Where equity is unknown or not positive no income is added, and the
        holdings themselves are what weights are shares of. Raises BellwetherError
        `too_few_bars` where either fund has fewer than its average needs.
        """
        numbers = view.features.numbers
        for symbol in (SOXX, SOXL):
            if math.isnan(numbers[f"ma.{symbol}"]):
                raise BellwetherError("too_few_bars", symbol=symbol, needed=self.trend_ma_window)
        code = self._tier(numbers, held=self._held(view))
        levered, unlevered = self._weights(code)
        locked = _income_held(view)
        present = sum(locked.values())
        added = max(0.0, self._income_ratio(view.equity) - present)
        core = max(0.0, round(1.0 - present - added, _DIGITS))
        # More income than equity, on borrowed money: targets never exceed it, locks keep it.
        most = max(1.0, present)
        targets = {
            SOXL: core * levered,
            SOXX: core * unlevered,
            QQQI: (locked.get(QQQI, 0.0) + added * self.income_layer_qqqi_weight) / most,
            SPYI: (locked.get(SPYI, 0.0) + added * self.income_layer_spyi_weight) / most,
            BOXX: core * max(0.0, round(1.0 - levered - unlevered, _DIGITS)),
        }
        # Every session decides by itself, so a missed one leaves nothing to make up for.
        move = rotate(out_of=view.holdings, into=targets, reason=code, roles=ROLES, lapses=True)
        return replace(move, reserve=self.cash_reserve_ratio, locked=locked)

    def _tier(self, numbers: Mapping[str, float], *, held: bool) -> str:
        price = numbers["trend_price"]
        if price > numbers["trend_entry_line"]:
            code = "tier_full"
        elif price > numbers["trend_mid_line"] or (held and price > numbers["trend_exit_line"]):
            code = "tier_mid"
        else:
            code = "tier_defensive"
        return code

    def _held(self, view: View) -> bool:
        if SOXL not in view.holdings:
            return False
        holding = view.holdings[SOXL]
        trade = max(self.min_trade_floor, self.min_trade_ratio * (view.equity or 0.0))
        return holding.shares >= 1 or holding.value > trade

    def _weights(self, tier: str) -> tuple[float, float]:
        """Shares of the core for SOXL and SOXX, together never more than the core."""
        full = self.blend_gate_soxl_weight
        levered, unlevered = {
            "tier_full": (full, self.blend_gate_active_soxx_weight),
            "tier_mid": (
                min(self.blend_gate_mid_soxl_weight, full),
                self.blend_gate_active_soxx_weight,
            ),
            "tier_defensive": (0.0, self.blend_gate_defensive_soxx_weight),
        }[tier]
        both = max(1.0, levered + unlevered)
        return levered / both, unlevered / both

    def _income_ratio(self, equity: float | None) -> float:
        """The income funds' share of equity: a ramp from the start to its double, then level."""
        start, most = self.income_layer_start_usd, self.income_layer_max_ratio
        if equity is None or equity <= start or equity <= 0.0:
            return 0.0
        return most if equity > 2.0 * start else most * (equity - start) / start


def _income_held(view: View) -> dict[Symbol, float]:
    """Present weights of the income funds; of the holdings alone where equity gives no measure."""
    measure = view.equity
    if measure is None or measure <= 0.0:
        measure = sum(holding.value for holding in view.holdings.values())
    return {
        symbol: view.holdings[symbol].value / measure
        for symbol in (QQQI, SPYI)
        if symbol in view.holdings and measure > 0.0
    }
