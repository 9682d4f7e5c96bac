"""MarketData of two sources: what happened from one, what the market says now from another."""

from collections.abc import Collection
from datetime import date

from bot.domain.model import Quotes, Symbol
from bot.domain.strategy import Facts, Needs
from bot.ports import Adjustment, MarketData


class Joined:
    """History of a source that adjusts it as a strategy needs, quotes of the broker that trades."""

    def __init__(self, history: MarketData, present: MarketData) -> None:
        self._history, self._present = history, present

    @property
    def adjustment(self) -> Adjustment:
        """What the history is adjusted for."""
        return self._history.adjustment

    async def facts(self, needs: Needs, session: date) -> Facts:
        """Return the history."""
        return await self._history.facts(needs, session)

    async def quotes(self, symbols: Collection[Symbol]) -> Quotes:
        """Return the present quotes."""
        return await self._present.quotes(symbols)
