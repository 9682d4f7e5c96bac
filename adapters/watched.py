"""Tables read again whenever their file was replaced: the prices of a daemon that stays up."""

from collections.abc import Callable, Collection
from datetime import date
from pathlib import Path

from adapters.prices import PriceTable
from adapters.tables import TableMarket
from bot.domain.calendar import Calendar
from bot.domain.model import Quotes, Symbol
from bot.domain.strategy import Facts, Needs
from bot.ports import Adjustment, Clock


class WatchedTables:
    """The market of a price file as it is now.

    `read` loads the table of `path`; it is called at the first question and after
    every change of the file. What it raises rises from the question.
    """

    def __init__(
        self,
        path: Path,
        read: Callable[[], PriceTable],
        clock: Clock,
        calendar: Calendar,
        adjustment: Adjustment,
    ) -> None:
        self._path, self._read = path, read
        self._clock, self._calendar = clock, calendar
        self._adjustment = adjustment
        self._seen: int | None = None
        self._market: TableMarket | None = None

    @property
    def adjustment(self) -> Adjustment:
        """What the closes are adjusted for."""
        return self._adjustment

    async def facts(self, needs: Needs, session: date) -> Facts:
        """Return the rows before `session`, as the file now has them."""
        return await self._now().facts(needs, session)

    async def quotes(self, symbols: Collection[Symbol]) -> Quotes:
        """Return the prices of the clock's session, as the file now has them."""
        return await self._now().quotes(symbols)

    def _now(self) -> TableMarket:
        written = self._path.stat().st_mtime_ns if self._path.exists() else None
        if self._market is None or written != self._seen:
            self._market = TableMarket(
                self._read(), self._clock, self._calendar, adjustment=self._adjustment
            )
            self._seen = written
        return self._market
