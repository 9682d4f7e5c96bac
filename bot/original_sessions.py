"""Any profile by the first authors' accounting: its own decisions, weights set anew every day."""

from datetime import date
from decimal import Decimal

import pandas as pd

from bot.domain.errors import DataError
from bot.domain.features import Features
from bot.domain.model import Symbol
from bot.domain.strategy import Facts, Holding, Rebalance, Strategy
from bot.original import Choice, Markets, Study, Terms, reckoned

# USD the account begins with, for rules that ask what it can afford.
BEGINS_WITH = 100_000.0


def study_sessions(strategy: Strategy, facts: Facts, benchmark: pd.Series, terms: Terms) -> Study:
    """Ask the strategy on every session of the span; what it wants is held from the next day on.

    The span begins where the strategy has all it needs. The account begins in cash,
    which earns nothing, as does whatever the targets leave. Raises DataError
    `too_few_sessions`, `begins_too_early`, `no_sessions_played`, and what the strategy raises.
    """
    markets = Markets(facts.closes.ffill())
    needed, every = strategy.needs.sessions, pd.DatetimeIndex(facts.closes.index)
    if len(every) < needed:
        raise DataError("too_few_sessions", found=len(every), needed=needed)
    earliest = every[needed - 1].date()
    if terms.first is not None and terms.first < earliest:
        raise DataError("begins_too_early", first=terms.first, earliest=earliest, needed=needed)
    days = markets.within(terms.first or earliest, terms.last)
    returns = markets.returns([str(symbol) for symbol in facts.closes.columns], days)
    choices = _Book(Features(strategy, facts), markets, terms.cost).played(days)
    changed = (benchmark / benchmark.shift() - 1.0).reindex(days).fillna(0.0)
    return Study(
        choices=choices,
        reckoning=reckoned(choices, returns, {}, terms.cost),
        references=pd.DataFrame({str(benchmark.name): changed}),
        safe_haven="",
    )


class _Book:
    """An account whose weights are set anew every day, as a strategy is shown it."""

    def __init__(self, features: Features, markets: Markets, cost: float) -> None:
        self._features, self._markets, self._cost = features, markets, cost
        self._weights: dict[Symbol, float] = {}
        self._equity, self._since = BEGINS_WITH, -1
        self._last: date | None = None

    def played(self, days: pd.DatetimeIndex) -> tuple[Choice, ...]:
        """Every choice of new weights; the very last day is never traded."""
        closes = self._markets.closes.loc[days]
        choices = []
        for row, day in enumerate(days[:-1]):
            if day.date() not in self._features:
                continue
            self._grow(closes, row)
            choice = self._asked(day.date(), closes.iloc[row])
            if choice is not None:
                choices.append(choice)
        return tuple(choices)

    def _grow(self, closes: pd.DataFrame, row: int) -> None:
        """Let the weights earn what they did since the last look."""
        first = max(self._since, 0)
        if self._weights and row > first:
            held = closes[list(self._weights)].iloc[first : row + 1]
            changed = (held / held.shift() - 1.0).iloc[1:].fillna(0.0)
            daily = changed.to_numpy() @ [*self._weights.values()]
            self._equity *= float((1.0 + daily).prod())
        self._since = row

    def _asked(self, day: date, prices: pd.Series) -> Choice | None:
        held = {
            symbol: _holding(weight * self._equity, float(prices[symbol]))
            for symbol, weight in self._weights.items()
        }
        said = self._features.decide(day, held, self._equity, self._last)
        if not isinstance(said, Rebalance):
            return None
        self._last = day
        weights = {symbol: weight for symbol, weight in said.targets.items() if weight}
        traded = {*weights, *self._weights}
        moved = sum(abs(weights.get(s, 0.0) - self._weights.get(s, 0.0)) for s in traded) / 2
        self._equity *= 1.0 - moved * self._cost
        self._weights = weights
        return Choice(day, said.reason, sum(weights.values()), pd.DataFrame(), weights)


def _holding(value: float, price: float) -> Holding:
    """So much money of a symbol; one share of what has no price, as it has no value either."""
    shares = value / price if price == price else 1.0  # noqa: PLR0124 - NaN is unequal to itself
    return Holding(Decimal(repr(shares)), value)
