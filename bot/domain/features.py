"""A strategy's numbers, computed once, and what it decides from them."""

import math
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import pairwise

import numpy as np
import pandas as pd

from bot.domain.errors import BellwetherError, UnnamedHoldings
from bot.domain.model import Symbol
from bot.domain.strategy import (
    Decision,
    Facts,
    Hold,
    Holding,
    Needs,
    Patient,
    Rebalance,
    Rows,
    Strategy,
    View,
    numbers_of,
)

_ROUNDING = 1e-6


class Features:
    """A strategy's numbers over facts, computed once, and its decisions read from them."""

    def __init__(self, strategy: Strategy, facts: Facts) -> None:
        self.strategy, self._needs = strategy, strategy.needs
        self.frame = strategy.features(facts)
        whole = all(kind == np.float64 for kind in self.frame.dtypes)
        self._numbers = numbers_of(self.frame) if whole else None
        days = pd.DatetimeIndex(self.frame.index.get_level_values(0))
        starts = np.flatnonzero(days[1:] != days[:-1]) + 1
        bounds = [0, *starts.tolist(), len(days)] if len(days) else []
        dates = days[bounds[:-1]].date
        self._rows = {day: slice(a, b) for day, (a, b) in zip(dates, pairwise(bounds), strict=True)}
        waiting = strategy.waits(self.frame) if isinstance(strategy, Patient) else ()
        self._waiting = frozenset(dates[np.flatnonzero(waiting)]) if len(waiting) else frozenset()

    def __iter__(self) -> Iterator[date]:
        """The sessions the strategy may act on, in order."""
        return iter(self._rows)

    def __contains__(self, session: date) -> bool:
        return session in self._rows

    def waits(self, session: date) -> bool:
        """Whether the strategy changes nothing on a session, whatever is held."""
        return session in self._waiting or session not in self._rows

    def rows(self, session: date) -> Rows:
        """The rows of one session; none where the strategy is not to act."""
        return Rows(self.frame, self._rows.get(session, slice(0)), self._numbers)

    def numbers(self, session: date) -> dict[str, float]:
        """The finite numbers of a session under flat names, for the memory and `why`."""
        told: dict[str, float] = {}
        for index, row in self.rows(session).table.iterrows():
            prefix = f"{index[1]}." if isinstance(index, tuple) else ""
            for column, value in row.items():
                name = ".".join(map(str, column)) if isinstance(column, tuple) else str(column)
                if isinstance(value, int | float | np.number | np.bool_) and math.isfinite(value):
                    told[prefix + name] = float(value)
        return told

    def decide(
        self,
        session: date,
        holdings: Mapping[Symbol, Holding],
        equity: float | None = None,
        last_rebalance: date | None = None,
    ) -> Decision:
        """Ask the strategy about a session, and refuse an answer that is not whole.

        Raises UnnamedHoldings where a holding is left out, BellwetherError
        `bad_weights` where a weight is not finite or the sum is above the declared
        gross exposure, and `undeclared_short` where a weight is negative of a symbol
        the strategy does not short.
        """
        if self.waits(session):
            return Hold("not_due")
        decision = self.strategy.decide(
            View(session, self.rows(session), holdings, equity, last_rebalance)
        )
        if isinstance(decision, Rebalance):
            _check(decision, holdings, self._needs)
        return decision


def _check(decision: Rebalance, holdings: Mapping[Symbol, Holding], needs: Needs) -> None:
    unnamed = [symbol for symbol in holdings if symbol not in decision.targets]
    if unnamed:
        raise UnnamedHoldings("unnamed_holdings", symbols=", ".join(unnamed))
    total = sum(abs(weight) for weight in decision.targets.values())
    if not math.isfinite(total) or total > needs.gross + _ROUNDING:
        raise BellwetherError("bad_weights", total=total, gross=needs.gross)
    for symbol, weight in decision.targets.items():
        if weight < 0 and symbol not in needs.shorts:
            raise BellwetherError("undeclared_short", symbol=symbol)
