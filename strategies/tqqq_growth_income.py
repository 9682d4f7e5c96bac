"""TQQQ growth and income: the Nasdaq, half of it threefold, while its long trend holds."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
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
    trailing_low,
    volatility,
)
from strategies.parameters import Allowed, Share, check

TQQQ, BOXX, SPYI, QQQI = "TQQQ", "BOXX", "SPYI", "QQQI"
ROLES: Mapping[Symbol, Role] = {BOXX: Role.SAFE_HAVEN, SPYI: Role.INCOME, QQQI: Role.INCOME}

LONG_AVERAGE, SHORT_AVERAGE = 200, 20
# A year: the 200 bars of the long average are found in it though a feed lost some.
_LOOKBACK = 252
# The income sleeve's share of equity at twice its threshold, and beyond, where it jumps.
INCOME_AT_TWICE, INCOME_BEYOND = 0.40, 0.60
# What is left of one after subtracting decimals is zero where it should be, not 1e-17 of equity.
_DIGITS = 12
_VOLATILITY_SCALED = "volatility_scaled"


@dataclass(frozen=True, slots=True)
class TqqqGrowthIncome:
    """Holds an unlevered and a threefold Nasdaq fund above the 200-day average, else T-bills.

    Entering needs a rising 20-day average, too; staying does not. Below the long
    average a rebound from the recent low may be held: the pullback, whose gate is
    so many daily deviations or a fixed share of the low. With more equity than
    `income_threshold_usd` part of it moves into funds that pay income. The closes
    of `benchmark_symbol` decide; `dual_drive_unlevered_symbol` is what is bought.
    """

    benchmark_symbol: Symbol = "QQQ"
    attack_allocation_mode: Annotated[str, Allowed(choices=("fixed_qqq_tqqq_pullback",))] = (
        "fixed_qqq_tqqq_pullback"
    )
    dual_drive_qqq_weight: Share = 0.45
    dual_drive_tqqq_weight: Share = 0.45
    dual_drive_unlevered_symbol: Symbol = "QQQ"
    dual_drive_cash_reserve_ratio: Share = 0.02
    cash_reserve_ratio: Share = 0.02
    dual_drive_allow_pullback: bool = True
    dual_drive_require_ma20_slope: bool = True
    dual_drive_pullback_rebound_window: Annotated[int, Allowed(1, LONGEST_WINDOW, clamped=True)] = (
        20
    )
    dual_drive_pullback_rebound_threshold_mode: Annotated[
        str, Allowed(choices=(_VOLATILITY_SCALED, "fixed"))
    ] = _VOLATILITY_SCALED
    dual_drive_pullback_rebound_volatility_multiplier: Annotated[
        float, Allowed(low=0.0, clamped=True)
    ] = 2.0
    dual_drive_pullback_rebound_threshold: Annotated[float, Allowed(low=0.0, clamped=True)] = 0.0
    income_threshold_usd: Annotated[float, Allowed(low=0.0)] = 1_000_000_000.0
    qqqi_income_ratio: Annotated[float, Allowed(0.0, 1.0)] = 0.5

    def __post_init__(self) -> None:
        check(self)
        if self.dual_drive_unlevered_symbol in {TQQQ, *ROLES}:
            raise SettingsError(
                "bad_parameter",
                name="dual_drive_unlevered_symbol",
                value=self.dual_drive_unlevered_symbol,
                bounds=f"a symbol other than {', '.join((TQQQ, *ROLES))}",
            )

    @property
    def needs(self) -> Needs:
        """A year of the benchmark; the closes of what is held are only priced by."""
        holds = (TQQQ, self.dual_drive_unlevered_symbol, *ROLES)
        return Needs(
            symbols=tuple(dict.fromkeys((self.benchmark_symbol, *holds))),
            holds=holds,
            vital=(self.benchmark_symbol,),
            sessions=max(_LOOKBACK, self.dual_drive_pullback_rebound_window + 1),
        )

    def features(self, facts: Facts) -> pd.DataFrame:
        """A row per session of the benchmark's numbers; above, rising and pullback are 1 or 0.

        `low` is the lowest close of the rebound window and `rebound` the way up
        from it; `volatility` is known in the mode that scales by it, and without
        it the fixed threshold is the gate. What is unknown is not above, not
        rising and no pullback.
        """
        closes = facts.closes.reindex(columns=[self.benchmark_symbol])
        bars = own_bars(closes, self.needs.sessions)
        window = self.dual_drive_pullback_rebound_window
        price = latest_close(bars)
        long = moving_average(bars, LONG_AVERAGE)
        short = moving_average(bars, SHORT_AVERAGE)
        slope = average_slope(bars, SHORT_AVERAGE)
        low = trailing_low(bars, window)
        rebound = price / low - 1.0
        spread = volatility(bars, window)
        if self.dual_drive_pullback_rebound_threshold_mode != _VOLATILITY_SCALED:
            spread[:] = np.nan
        gate = (spread * self.dual_drive_pullback_rebound_volatility_multiplier).fillna(
            self.dual_drive_pullback_rebound_threshold
        )
        above, rising = price > long, slope > 0.0
        pullback = ~above & (price > short) & rising & ((gate <= 0.0) | (rebound > gate))
        columns = {
            "price": price,
            "ma200": long,
            "ma20": short,
            "ma20_slope": slope,
            "low": low,
            "rebound": rebound,
            "volatility": spread,
            "gate": gate,
            "above": above,
            "rising": rising,
            "pullback": pullback & self.dual_drive_allow_pullback,
        }
        numbers = np.column_stack(list(columns.values())).astype(float)
        return pd.DataFrame(numbers, closes.index, list(columns))

    def decide(self, view: View) -> Decision:
        """The same five targets every session: both funds or none, income, the rest T-bills.

        Without known and positive equity there is no income sleeve. Raises
        BellwetherError `too_few_bars` where the benchmark has no close at all.
        """
        numbers = view.features.numbers
        if math.isnan(numbers["price"]):
            raise BellwetherError("too_few_bars", symbol=self.benchmark_symbol, needed=1)
        code = self._state(numbers, held=self._held(view))
        income = self._income_ratio(view.equity)
        core, on = 1.0 - income, code.startswith("risk_on")
        reserve = self.dual_drive_cash_reserve_ratio if on else self.cash_reserve_ratio
        levered, unlevered = self._risk_weights() if on else (0.0, 0.0)
        targets = {
            TQQQ: core * levered,
            self.dual_drive_unlevered_symbol: core * unlevered,
            SPYI: income * (1.0 - self.qqqi_income_ratio),
            QQQI: income * self.qqqi_income_ratio,
            BOXX: core * max(0.0, round(1.0 - reserve - levered - unlevered, _DIGITS)),
        }
        # Every session decides by itself, so a missed one leaves nothing to make up for.
        move = rotate(out_of=view.holdings, into=targets, reason=code, roles=ROLES, lapses=True)
        return replace(move, reserve=core * reserve)

    def _state(self, numbers: Mapping[str, float], *, held: bool) -> str:
        """Why risk is on or off: entering above the long average wants more than staying."""
        enters = numbers["rising"] or not self.dual_drive_require_ma20_slope
        if numbers["pullback"]:
            code = "risk_on_pullback"
        elif numbers["above"] and (held or enters):
            code = "risk_on_hold" if held else "risk_on_entry"
        else:
            code = "risk_off_exit" if held else "risk_off_idle"
        return code

    def _held(self, view: View) -> bool:
        """Whether a whole share of either risk fund is held: a fraction is not a position."""
        funds = (TQQQ, self.dual_drive_unlevered_symbol)
        return any(view.holdings[fund].shares >= 1 for fund in funds if fund in view.holdings)

    def _risk_weights(self) -> tuple[float, float]:
        """Shares of the core for the levered and the unlevered fund, beside the cash they leave."""
        levered, unlevered = self.dual_drive_tqqq_weight, self.dual_drive_qqq_weight
        most = 1.0 - self.dual_drive_cash_reserve_ratio
        both = levered + unlevered
        scale = most / both if both > most else 1.0
        return levered * scale, unlevered * scale

    def _income_ratio(self, equity: float | None) -> float:
        """The income sleeve's share of equity: a ramp from the threshold to its double, a jump."""
        threshold = self.income_threshold_usd
        if equity is None or equity <= 0.0 or equity < threshold:
            return 0.0
        if equity > 2.0 * threshold:
            return INCOME_BEYOND
        return INCOME_AT_TWICE * (equity - threshold) / threshold
