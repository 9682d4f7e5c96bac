"""Global ETF rotation: the world's strongest ETFs each quarter, canaries watched every day."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot.domain.model import Role, Symbol
from bot.domain.strategy import Decision, Facts, Hold, Needs, Rebalance, View, rotate
from strategies.indicators import (
    LONGEST_WINDOW,
    latest_close,
    month_ends,
    moving_average,
    own_bars,
    weighted_momentum,
)
from strategies.parameters import Allowed, check

# Two years, the history the rule was made for: a young or gappy ETF finds its 253 bars and 13
# monthly closes in it even after most of a year without trading. A symbol that does not is unknown.
_LOOKBACK = 504
_BONUS_LIMIT = 10.0
_MOST_SLOTS = 1000
_DECEMBER = 12


@dataclass(frozen=True, slots=True)
class GlobalEtfRotation:
    """Ranks ETFs by 13612W momentum among those above their moving average.

    `hold_bonus` is added to the score of what is held. `canary_bad_threshold` bad
    canaries, those with negative or unknown momentum, send everything into the
    safe haven on any day; with more than there are canaries that never happens.
    """

    ranking_pool: Annotated[tuple[Symbol, ...], Allowed(low=1)] = (
        *("EWY", "EWT", "INDA", "FXI", "EWJ", "VGK", "VOO", "XLK", "SMH", "GLD", "SLV"),
        *("USO", "DBA", "XLE", "XLF", "ITA", "XLP", "XLU", "XLV", "IHI", "VNQ", "KRE"),
    )
    canary_assets: tuple[Symbol, ...] = ("SPY", "EFA", "EEM", "AGG")
    safe_haven: Symbol = "BIL"
    top_n: Annotated[int, Allowed(0, _MOST_SLOTS)] = 2
    hold_bonus: Annotated[float, Allowed(-_BONUS_LIMIT, _BONUS_LIMIT)] = 0.02
    canary_bad_threshold: Annotated[int, Allowed(low=0)] = 4
    rebalance_months: Annotated[tuple[int, ...], Allowed(1, _DECEMBER)] = (3, 6, 9, 12)
    sma_period: Annotated[int, Allowed(1, LONGEST_WINDOW)] = 200

    def __post_init__(self) -> None:
        check(self)

    @property
    def needs(self) -> Needs:
        """Two years of every symbol's total return; the canaries are never held."""
        return Needs(
            symbols=_once((*self.ranking_pool, *self.canary_assets, self.safe_haven)),
            holds=_once((*self.ranking_pool, self.safe_haven)),
            vital=_once(self.canary_assets),
            sessions=max(_LOOKBACK, self.sma_period),
        )

    def features(self, facts: Facts) -> pd.DataFrame:
        """A row per session: momentum and above_sma of each symbol, the bad canaries, whether due.

        A session is due when it is the exchange's last of a rebalance month. What
        has no closes has no momentum and is above nothing.
        """
        symbols = _once((*self.ranking_pool, *self.canary_assets))
        closes = facts.closes.reindex(columns=list(symbols))
        bars = own_bars(closes, self.needs.sessions)
        momentum = weighted_momentum(bars)
        average = moving_average(bars, self.sma_period)
        above = latest_close(bars) > average
        good = momentum[list(self.canary_assets)] >= 0.0
        days = pd.DatetimeIndex(closes.index)
        due = days.isin(self.due(facts))
        bad = len(self.canary_assets) - good.sum(axis=1)
        columns = [
            *(f"momentum.{symbol}" for symbol in symbols),
            *(f"above_sma.{symbol}" for symbol in symbols),
            "canary.bad",
            "session.due",
        ]
        numbers = np.column_stack([momentum, above, bad, due]).astype(float)
        return pd.DataFrame(numbers, closes.index, columns)

    def waits(self, features: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """Neither due nor an emergency."""
        bad, due = features.to_numpy()[:, -2:].T
        waiting: npt.NDArray[np.bool_] = (bad < self.canary_bad_threshold) & (due == 0.0)
        return waiting

    def due(self, facts: Facts) -> pd.DatetimeIndex:
        """The exchange's last sessions of the rebalance months."""
        ends = month_ends(facts.sessions)
        return ends[ends.month.isin(self.rebalance_months)]

    def decide(self, view: View) -> Decision:
        """The safe haven in an emergency, the strongest when due, otherwise nothing new."""
        numbers = view.features.numbers
        if numbers["canary.bad"] >= self.canary_bad_threshold:
            return self._move(view, {self.safe_haven: 1.0}, "emergency")
        if not numbers["session.due"]:
            return Hold("not_due")
        held = {symbol for symbol, holding in view.holdings.items() if holding.shares > 0}
        selected = self._ranked(numbers, held)[: self.top_n]
        if not selected:
            return self._move(view, {self.safe_haven: 1.0}, "none_eligible")
        slot = 1.0 / self.top_n
        targets = dict.fromkeys(selected, slot)
        unused = self.top_n - len(selected)
        if unused:
            targets[self.safe_haven] = targets.get(self.safe_haven, 0.0) + unused * slot
        return self._move(view, targets, "rotation")

    def _ranked(self, numbers: Mapping[str, float], held: Collection[Symbol]) -> list[Symbol]:
        """The eligible of the pool, best score first; equal scores keep the pool's order."""
        scores = {
            symbol: numbers[f"momentum.{symbol}"] + (self.hold_bonus if symbol in held else 0.0)
            for symbol in _once(self.ranking_pool)
            if numbers[f"above_sma.{symbol}"] and not math.isnan(numbers[f"momentum.{symbol}"])
        }
        return sorted(scores, key=scores.__getitem__, reverse=True)

    def _move(self, view: View, targets: dict[Symbol, float], reason: str) -> Rebalance:
        # An emergency is about today's canaries: one that was missed is not made up for.
        emergency = reason == "emergency"
        return rotate(
            out_of=view.holdings,
            into=targets,
            reason=reason,
            flags=("emergency",) if emergency else (),
            roles={self.safe_haven: Role.SAFE_HAVEN},
            lapses=emergency,
        )


def _once(symbols: Collection[Symbol]) -> tuple[Symbol, ...]:
    return tuple(dict.fromkeys(symbols))
