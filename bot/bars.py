"""Prices of the past as the live line would have met them: quotes, marks, what is missing."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from math import isnan
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot.domain.calendar import Calendar
from bot.domain.distributions import Distribution, Raw
from bot.domain.errors import DataError
from bot.domain.gates import PRICE_LIMIT, SIGMA_SESSIONS, volatility
from bot.domain.memory import Mark
from bot.domain.model import Quote, Quotes, Session, Symbol
from bot.domain.strategy import Needs
from bot.gather import refuse_history

Floats: TypeAlias = npt.NDArray[np.float64]
Marks: TypeAlias = npt.NDArray[np.bool_]

NO_BAR = -1

# Beyond these a price may look like a split of two or more, nearer to one it can not.
FALLEN_FAR, RISEN_FAR = 0.6, 1.7


class Bars:
    """The closes a strategy needs, and where there are any its opens: sessions × symbols.

    A row is a session of the calendar that has prices. Everything asked about a
    session is answered from its own row and those before it. Where there are `raw`
    prices what is quoted and what something is worth is raw; what looks like a split is
    judged by the adjusted ones, and how far a price moved in the shares of its day.
    """

    def __init__(
        self,
        closes: pd.DataFrame,
        opens: pd.DataFrame | None,
        needs: Needs,
        calendar: Calendar,
        raw: Raw | None = None,
    ) -> None:
        self.closes = closes
        self._needs, self._calendar = needs, calendar
        self._days: list[date] = pd.DatetimeIndex(closes.index).date.tolist()
        self._row = {day: row for row, day in enumerate(self._days)}
        symbols = [str(symbol) for symbol in closes.columns]
        opened = pd.DataFrame() if opens is None else opens
        opened = opened.reindex(index=closes.index, columns=closes.columns)
        self._closes = {symbol: closes[symbol].to_numpy(dtype=float) for symbol in symbols}
        self._opens = {symbol: opened[symbol].to_numpy(dtype=float) for symbol in symbols}
        # What is printed; and what of it was given to holders before a session.
        self._printed = self._closes
        self._given = {} if raw is None else raw.distributions
        if raw is not None:
            self._printed = {s: raw.closes[s].to_numpy(dtype=float) for s in symbols}
            for symbol in symbols:
                scale = self._printed[symbol] / self._closes[symbol]
                self._opens[symbol] = self._opens[symbol] * scale
        known = {symbol: ~np.isnan(values) for symbol, values in self._closes.items()}
        self._never_opened = {
            symbol
            for symbol, values in self._opens.items()
            if known[symbol].any() and np.isnan(values).all()
        }
        rows = np.arange(len(closes))
        self._newest = {
            symbol: np.maximum.accumulate(np.where(bars, rows, NO_BAR))
            for symbol, bars in known.items()
        }
        self._whole = self._history_is_whole(known)
        self._ordinary = self._nothing_odd(known)
        self._suspects = self._moved_far()

    def _history_is_whole(self, known: Mapping[Symbol, Marks]) -> Marks:
        """Whether before row `end` every vital symbol has all the bars it needs; by `end`."""
        length = len(self._days)
        whole = np.zeros(length + 1, dtype=np.bool_)
        whole[self._needs.sessions :] = True
        begins = max(length + 1 - self._needs.sessions, 0)
        for symbol in self._needs.vital:
            count = np.concatenate([[0], np.cumsum(known[symbol])])
            enough = count[self._needs.sessions :] - count[:begins]
            whole[self._needs.sessions :] &= enough >= self._needs.sessions
        return whole

    def _nothing_odd(self, known: Mapping[Symbol, Marks]) -> Marks:
        """Rows after a whole history whose vital closes are there, and near those before."""
        ordinary = self._whole[:-1].copy()
        ordinary[:1] = False
        if len(self._days) > 1:
            sessions = self._calendar.index(self._days[0], self._days[-1], 0)
            places = sessions.searchsorted(self.closes.index)
            ordinary[1:] &= np.diff(places) == 1
        for symbol in self._needs.vital:
            bars, values = known[symbol], self._printed[symbol]
            with np.errstate(invalid="ignore"):
                near = np.abs(values[1:] / values[:-1] - 1) <= PRICE_LIMIT
            ordinary[1:] &= bars[1:] & bars[:-1] & near
        return ordinary

    def ordinary(self, day: date) -> bool:
        """Whether nothing about a session's prices could block a run or look like a split."""
        row = self._row.get(day)
        odd = day in self._suspects or day in self._given
        return row is not None and bool(self._ordinary[row]) and not odd

    def end(self, day: date) -> int:
        """How many rows lie before a session."""
        row = self._row.get(day)
        return int(self.closes.index.searchsorted(pd.Timestamp(day))) if row is None else row

    def refuse_history(self, day: date) -> None:
        """Raise Blocked where history before a session would block it live."""
        end = self.end(day)
        yesterday = self._calendar.before(day).date
        if end and self._whole[end] and self._days[end - 1] == yesterday:
            return
        window = self.closes.iloc[max(0, end - self._needs.sessions) : end]
        refuse_history(window, self._needs, yesterday)

    @property
    def newest(self) -> date:
        """The last session there are prices of."""
        return self._days[-1]

    def earliest(self) -> date | None:
        """The first session before which every vital symbol has all its bars."""
        ends = np.flatnonzero(self._whole[:-1])
        return self._days[int(ends[0])] if len(ends) else None

    def all_priced(self, since: date) -> date:
        """The first session from `since` on before which every symbol that ever has a bar had one.

        On the day of its first bar nothing can be bought: there is no close to judge it by.
        What only a feed names may begin whenever it does.
        """
        named = [self._newest[symbol] for symbol in self._needs.symbols if symbol in self._newest]
        firsts = [int((bars != NO_BAR).argmax()) for bars in named]
        return max(since, self._days[min(max(firsts) + 1, len(self._days) - 1)])

    def quotes(self, symbols: Collection[Symbol], session: Session, *, opening: bool) -> Quotes:
        """The prices at a session's opening or close, without a spread.

        A symbol without one is quoted at its last close, with the time of that; a
        symbol that never had a bar is left out. Raises DataError `missing_opens` for
        symbols that have closes and no opening at all.
        """
        if opening and (lacking := [s for s in symbols if s in self._never_opened]):
            raise DataError("missing_opens", symbols=", ".join(lacking))
        moment = session.opens if opening else session.closes
        row, end = self._row.get(session.date), self.end(session.date)
        quoted = {}
        for symbol in symbols:
            prices = self._opens if opening else self._printed
            price = prices[symbol][row] if row is not None else np.nan
            at = moment
            if isnan(price):
                newest = self._newest[symbol][end - 1] if end else NO_BAR
                if newest == NO_BAR:
                    continue
                price, at = self._printed[symbol][newest], self._closed(newest)
            exact = Decimal(repr(float(price)))
            quoted[symbol] = Quote(symbol, exact, exact, exact, at)
        return quoted

    def _closed(self, row: int) -> datetime:
        session = self._calendar.on(self._days[row])
        assert session is not None, "every row is a session"
        return session.closes

    def mark(self, symbol: Symbol, day: date, price: Decimal) -> Mark | None:
        """What a price of a session is measured against.

        Sigma is looked at only where a price moved far: elsewhere it is left zero.
        """
        end = self.end(day)
        newest = int(self._newest[symbol][end - 1]) if end else NO_BAR
        if newest == NO_BAR:
            return None
        close = float(self._printed[symbol][newest])
        for given in self.given(day):
            # In the shares of today: a split is no fall.
            close = close / float(given.shares) if given.symbol == symbol else close
        far = abs(float(price) / close - 1) > PRICE_LIMIT
        sigma = self._sigma(symbol, end) if far else 0.0
        change = self._change(symbol, newest) if symbol in self._needs.shorts else 0.0
        fresh = self._days[newest] == self._calendar.before(day).date
        return Mark(close, sigma, fresh, change)

    def _change(self, symbol: Symbol, row: int) -> float:
        """The return of a bar over the one before; only short sales ask for it."""
        before = int(self._newest[symbol][row - 1]) if row else NO_BAR
        closes = self._closes[symbol]
        return 0.0 if before == NO_BAR else float(closes[row] / closes[before] - 1)

    def _sigma(self, symbol: Symbol, end: int) -> float:
        window = self.closes[symbol].iloc[max(0, end - self._needs.sessions) : end]
        return volatility(window.dropna().iloc[-SIGMA_SESSIONS - 1 :])

    def last_closes(self, symbol: Symbol, days: Sequence[date]) -> Floats:
        """The closes of sessions, or the last ones before. Raises DataError `never_priced`."""
        ends = np.array([self.end(day) + (day in self._row) for day in days])
        newest = np.where(ends, self._newest[symbol][ends - 1], NO_BAR)
        if (newest == NO_BAR).any():
            raise DataError("never_priced", symbol=symbol, day=days[int(newest.argmin())])
        return self._printed[symbol][newest]

    def given(self, day: date) -> Sequence[Distribution]:
        """What holders were given on a session that raw prices leave out."""
        return self._given.get(day, ())

    def suspects(self, day: date) -> Sequence[Symbol]:
        """Symbols whose close of a session moved so far that it may be a split."""
        return self._suspects.get(day, ())

    def _moved_far(self) -> dict[date, list[Symbol]]:
        found: dict[date, list[Symbol]] = {}
        for symbol, values in self._closes.items():
            bars = np.flatnonzero(~np.isnan(values))
            ratios = values[bars[1:]] / values[bars[:-1]]
            for at in bars[1:][(ratios < FALLEN_FAR) | (ratios > RISEN_FAR)].tolist():
                found.setdefault(self._days[at], []).append(symbol)
        return found
