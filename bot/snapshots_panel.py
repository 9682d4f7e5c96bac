"""Prices that can be believed: what a snapshot is computed from, and who was set apart."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd

from bot.domain.calendar import Calendar
from bot.domain.errors import DataError
from bot.domain.model import Note, Symbol
from strategies.factors import LONGEST
from strategies.panel import PRICES, Panel
from strategies.tables import Places

# From one row to the next: no large stock ever rose so far in a day, nor fell to so little.
IMPOSSIBLE_MOVE = 5.0


@dataclass(frozen=True, slots=True)
class Reading:
    """How prices are read, and whose must be right: without those nothing is computed."""

    read: Callable[[pd.DataFrame], Panel]
    vital: tuple[Symbol, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Priced:
    """A panel and the day that is looked at; `notes` tell of each stock that was set apart."""

    panel: Panel
    day: date
    notes: tuple[Note, ...] = ()

    @property
    def apart(self) -> frozenset[Symbol]:
        """The stocks that were set apart: they have no prices here."""
        return frozenset(note.symbol for note in self.notes)

    def lags(self, symbol: Symbol | None, calendar: Calendar) -> tuple[date | None, date] | None:
        """The newest price of a symbol, or of any, and the session it should be of.

        None where it is of that session: the last that is not after the day.
        """
        session = calendar.on(self.day) or calendar.before(self.day)
        places = np.arange(len(self.panel.symbols))
        if symbol is not None:
            places = self.panel.places([symbol])
        newest = np.fmax.reduce(self.panel.windows(places, self.day).newest)
        found = None if np.isnat(newest) else newest.item()
        return None if found and found >= session.date else (found, session.date)


def priced(prices: pd.DataFrame, reading: Reading, day: date | None = None) -> Priced:
    """The panel of long rows as of a day, by default that of the newest row.

    Set apart is a stock with a close that is none, on any day, or with an
    impossible move within the rows its features may look at. Raises DataError
    `bad_price` or `dirty_prices` where that is a vital symbol, `no_rows_until`
    where nothing is left, and what the panel raises.
    """
    told: dict[Symbol, dict[str, object]] = {}
    panel = as_they_stand(prices)
    if panel is None:
        told = _unpriceable(prices)
        _refuse_vital("bad_price", told, reading.vital)
        panel = reading.read(_without(prices, told))
    asked = day or panel.newest
    if asked is None:
        raise DataError("empty_file", path=PRICES)
    notes = [Note("price_apart", symbol, values) for symbol, values in told.items()]
    moved = _impossible(panel, asked)
    if moved:
        _refuse_vital("dirty_prices", moved, reading.vital)
        panel = reading.read(_without(prices, {**told, **moved}))
        notes += [Note("move_apart", symbol, values) for symbol, values in moved.items()]
    return Priced(panel, asked, tuple(notes))


def newest_priced(newest: pd.DataFrame, earlier: Places, day: date | None = None) -> Priced | None:
    """What `priced` gives of all rows, from the newest of every symbol alone.

    `earlier` counts how many more each has, believable ones of earlier days. None
    where these rows do not tell it: the day is too far back, or a stock is to be set apart.
    """
    panel = as_they_stand(newest)
    if panel is None:
        return None
    panel = replace(panel, earlier=earlier)
    asked = day or panel.newest
    if asked is None or not panel.reaches(asked) or _impossible(panel, asked):
        return None
    return Priced(panel, asked)


def as_they_stand(prices: pd.DataFrame) -> Panel | None:
    """The panel of rows that need no looking after, which is most of the time; None of others.

    They stand by symbol and then day, each day of a symbol once, with a price.
    """
    symbols = prices["symbol"]
    if not isinstance(symbols.dtype, pd.CategoricalDtype) or "volume" not in prices:
        return None
    names = symbols.cat.categories.tolist()
    codes = symbols.cat.codes.to_numpy()
    days = prices["as_of"].to_numpy().astype("datetime64[D]")
    closes = prices["close"].to_numpy()
    same = codes[1:] == codes[:-1]
    whole = (
        sorted({name.strip().upper() for name in names} - {""}) == names
        and (codes[1:] >= codes[:-1]).all()
        and ((days[1:] > days[:-1]) | ~same).all()
        and ((closes > 0.0) & np.isfinite(closes)).all()
        and not np.isnat(days).any()
        and (codes[:1] >= 0).all()
    )
    if not whole:
        return None
    starts = np.searchsorted(codes, np.arange(len(names) + 1))
    return Panel(tuple(names), starts, days, closes, prices["volume"].to_numpy())


def _unpriceable(prices: pd.DataFrame) -> dict[Symbol, dict[str, object]]:
    """The first close of each stock that is no price, by symbol."""
    closes = prices["close"].to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = ~(np.isnan(closes) | ((closes > 0.0) & np.isfinite(closes)))
    if not wrong.any():
        return {}
    rows = prices[wrong].drop_duplicates("symbol")
    named = zip(rows["symbol"], rows["as_of"], rows["close"], strict=True)
    return {
        str(symbol).strip().upper(): {"date": pd.Timestamp(day).date(), "value": float(close)}
        for symbol, day, close in named
    }


def _impossible(panel: Panel, day: date) -> dict[Symbol, dict[str, object]]:
    """The newest impossible move of each stock that has one in the rows features look at."""
    places = np.arange(len(panel.symbols))
    closes = panel.windows(places, day).closes
    ratios = closes[:, 1:] / closes[:, :-1]
    # NaN compares false: before a stock's first row nothing moved.
    beyond = (ratios >= IMPOSSIBLE_MOVE) | (ratios <= 1.0 / IMPOSSIBLE_MOVE)
    ends = panel.ends(places, day)
    moves: dict[Symbol, dict[str, object]] = {}
    for place, move in np.argwhere(beyond).tolist():
        when = panel.days[ends[place] - LONGEST + 1 + move].item()
        moves[panel.symbols[place]] = {"date": when, "value": float(ratios[place, move])}
    return moves


def _refuse_vital(
    code: str, told: Mapping[Symbol, Mapping[str, object]], vital: Collection[Symbol]
) -> None:
    for symbol in vital:
        if symbol in told:
            raise DataError(code, symbol=symbol, path=PRICES, **told[symbol])


def _without(prices: pd.DataFrame, apart: Collection[Symbol]) -> pd.DataFrame:
    if not apart:
        return prices
    named = prices["symbol"].astype(str).str.strip().str.upper()
    return prices[~named.isin(list(apart)).to_numpy()]
