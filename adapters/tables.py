"""MarketData from a table of prices: what demo, tests, replays and stored histories use."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import numpy as np
import pandas as pd

from adapters.price_files import load
from adapters.prices import (
    IMPOSSIBLE_JUMP,
    REMEDIES,
    Floats,
    Positions,
    PriceTable,
    Suspicion,
    jump_positions,
    suspicions,
)
from bot.domain.calendar import Calendar, exchange_date
from bot.domain.errors import Blocked
from bot.domain.model import NOTHING, Quote, Quotes, Symbol
from bot.domain.strategy import Facts, Needs
from bot.ports import Adjustment, Clock

__all__ = ["PriceTable", "Suspicion", "TableMarket", "load", "suspicions"]

_AHEAD = 40
# A session missed by up to three is decided on its own row, with all rows it needs.
_EARLIER_ROWS = 5
# A price is quoted again when a year of sessions has followed an impossible jump.
_DISBELIEF = 252


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
    """One symbol by row: what is shown of it, where its bars are and where they jump."""

    shown: Floats
    bars: Positions
    jumps: Positions
    raw: Floats | None
    dividends: Floats | None

    def last_bar(self, end: int) -> int | None:
        """The row of the last bar before row `end`."""
        at = int(self.bars.searchsorted(end))
        return int(self.bars[at - 1]) if at else None

    def jump_within(self, first: int, end: int) -> int | None:
        """The row of the first impossible jump after row `first` and before row `end`."""
        at = int(self.jumps.searchsorted(first, side="right"))
        return int(self.jumps[at]) if at < len(self.jumps) and self.jumps[at] < end else None


class TableMarket:
    """The MarketData of a table of prices, at the time of a clock.

    Rows on days that are no session of the calendar are left out. Where the table
    has raw closes of a symbol, its quotes are raw and the facts carry what turns
    them into provisional closes; `PriceTable.adjusted()` is quoted as it is.
    `spread` is the distance of bid and ask as a fraction of the price.
    """

    def __init__(
        self,
        table: PriceTable,
        clock: Clock,
        calendar: Calendar,
        *,
        spread: Decimal = NOTHING,
        adjustment: Adjustment = Adjustment.TOTAL_RETURN,
    ) -> None:
        sessions = calendar.index(calendar.first, calendar.last, 0)
        self._table = table
        self._kept = np.flatnonzero(table.closes.index.isin(sessions))
        self._closes = table.closes.iloc[self._kept]
        self._days = self._closes.index
        self._clock, self._calendar = clock, calendar
        self._half = spread / 2
        self._adjustment = adjustment
        self._columns: dict[Symbol, _Column] = {}
        self._selections: dict[tuple[Symbol, ...], pd.DataFrame] = {}

    @property
    def adjustment(self) -> Adjustment:
        """What the closes of the table are adjusted for."""
        return self._adjustment

    async def facts(self, needs: Needs, session: date) -> Facts:
        """Return the rows before `session`: `needs.sessions` and a few more, where there are.

        Raises Blocked `symbols_missing` for a symbol the table does not know,
        DataError for one whose rows can not be believed, and Blocked
        `dirty_prices` where the needed rows have an impossible jump.
        """
        end = int(self._days.searchsorted(pd.Timestamp(session)))
        needed = end - needs.sessions
        closes = self._select(needs.symbols).iloc[max(0, needed - _EARLIER_ROWS) : end]
        raw: dict[Symbol, float] = {}
        dividends: dict[Symbol, float] = {}
        goes_ex = end < len(self._days) and self._days[end].date() == session
        for symbol in needs.symbols:
            column = self._column(symbol)
            if (jump := column.jump_within(needed, end)) is not None:
                raise self._dirty(symbol, column, jump)
            if column.raw is not None and end and not np.isnan(column.raw[end - 1]):
                raw[symbol] = float(column.raw[end - 1])
            if column.dividends is not None and goes_ex and column.dividends[end]:
                dividends[symbol] = float(column.dividends[end])
        first = closes.index[0].date() if len(closes) else session
        known = self._calendar.index(first, session, _AHEAD)
        return Facts(closes, known, raw_closes=raw, dividends=dividends)

    async def quotes(self, symbols: Collection[Symbol]) -> Quotes:
        """Return the prices of the clock's session, as if read near its close.

        A symbol without a bar in it, or before its opening, is quoted at its last
        bar's price with the time of that session's close. Left out are symbols
        that never had a bar and those with an impossible jump in the last year.
        """
        now = self._clock.now()
        today = exchange_date(now)
        session = self._calendar.on(today)
        open_yet = session is not None and now >= session.opens
        end = int(
            self._days.searchsorted(pd.Timestamp(today), side="right" if open_yet else "left")
        )
        quoted: dict[Symbol, Quote] = {}
        for symbol in symbols:
            if symbol not in self._closes.columns:
                continue
            column = self._column(symbol)
            at = column.last_bar(end)
            if at is not None and column.jump_within(end - _DISBELIEF, end) is None:
                traded = self._calendar.on(self._days[at].date())
                assert traded is not None, "rows that are no session were left out"
                seen = now if traded == session else traded.closes
                quoted[symbol] = self._quote(symbol, float(column.shown[at]), seen)
        return quoted

    def _quote(self, symbol: Symbol, price: float, at: datetime) -> Quote:
        last = Decimal(repr(price))
        return Quote(symbol, last * (1 - self._half), last * (1 + self._half), last, at)

    def _select(self, symbols: tuple[Symbol, ...]) -> pd.DataFrame:
        if symbols not in self._selections:
            missing = sorted(set(symbols).difference(self._table.known(symbols)))
            if missing:
                raise self._blocked("symbols_missing", symbols=", ".join(missing))
            for symbol in symbols:
                self._table.refuse_defect(symbol)
            self._selections[symbols] = self._closes[list(symbols)]
        return self._selections[symbols]

    def _column(self, symbol: Symbol) -> _Column:
        if symbol not in self._columns:
            closes = self._closes[symbol].to_numpy()
            bars = np.flatnonzero(~np.isnan(closes))
            raw = self._beside(self._table.raw, symbol)
            if raw is not None and np.isnan(raw).all():
                raw = None
            self._columns[symbol] = _Column(
                shown=closes if raw is None else raw,
                bars=bars,
                jumps=bars[jump_positions(closes[bars], IMPOSSIBLE_JUMP)],
                raw=raw,
                dividends=None if raw is None else self._beside(self._table.dividends, symbol),
            )
        return self._columns[symbol]

    def _beside(self, frame: pd.DataFrame | None, symbol: Symbol) -> Floats | None:
        return None if frame is None else frame[symbol].to_numpy()[self._kept]

    def _dirty(self, symbol: Symbol, column: _Column, row: int) -> Blocked:
        closes, before = self._closes[symbol].to_numpy(), column.last_bar(row)
        assert before is not None, "a jump has a bar before it"
        ratio = float(closes[row] / closes[before])
        return self._blocked(
            "dirty_prices", symbol=symbol, date=self._days[row].date(), value=ratio
        )

    def _blocked(self, code: str, **place: object) -> Blocked:
        return Blocked(code, **place, path=self._table.source, remedy=REMEDIES[code])
