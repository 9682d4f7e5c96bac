"""The contract between a strategy and everything that runs one."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot.domain.model import Quotes, Role, Symbol, TradingRules


@dataclass(frozen=True, slots=True)
class FeedNeed:
    """A dated table a strategy reads, and how many sessions old its newest row may be."""

    name: str
    max_age: int


@dataclass(frozen=True, slots=True)
class Needs:
    """What a strategy wants to know, and what it may hold.

    `symbols` are all whose closes it reads, `holds` those it may own, `vital`
    those without whose fresh and whole history no decision may be made live.
    `sessions` is how many rows of history its newest row depends on.
    `total_return` says that its numbers are wrong on prices without dividends.
    `gross` bounds the sum of the absolute weights it may ask for. `ranges` are the
    symbols whose highs and lows it reads, too. `universe` names the feed whose
    symbols it reads and may own beside those named here, save those it only
    `watches`: the benchmarks among them. Of `shorts`, symbols of `holds` too, it
    may ask negative weights; a book that does not allow shorting refuses such a
    profile. `indices` are no shares but levels somebody computes: they do not split,
    nobody holds them, and one may double in a day.
    """

    symbols: tuple[Symbol, ...]
    holds: tuple[Symbol, ...]
    vital: tuple[Symbol, ...]
    sessions: int
    feeds: tuple[FeedNeed, ...] = ()
    total_return: bool = True
    gross: float = 1.0
    ranges: tuple[Symbol, ...] = ()
    universe: str = ""
    watches: tuple[Symbol, ...] = ()
    shorts: tuple[Symbol, ...] = ()
    indices: tuple[Symbol, ...] = ()

    def widened(self, feeds: Mapping[str, pd.DataFrame], session: date) -> "Needs":
        """These needs with what the newest rows of the universe name, known by a session.

        A row's `symbol` may be owned; its `underlying_symbol`, where there is one,
        is only read.
        """
        if not self.universe:
            return self
        rows = feeds[self.universe]
        rows = rows[rows["known_on"] <= pd.Timestamp(session)]
        rows = rows[rows["as_of"] == rows["as_of"].max()]
        named = [symbol for symbol in rows["symbol"] if symbol and symbol not in self.watches]
        read = [symbol for symbol in rows.get("underlying_symbol", ()) if symbol]
        return replace(
            self,
            symbols=tuple(dict.fromkeys((*self.symbols, *named, *read))),
            holds=tuple(dict.fromkeys((*self.holds, *named))),
        )


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything known, and when.

    `closes` is sessions × symbols of positive floats, NaN where a symbol has no
    bar, adjusted as the market says it adjusts. `sessions` is the exchange
    calendar with its overrides, from the first row to at least 40 sessions past
    the last, `earlier` how many the exchange had before those. `feeds` are tables
    with a column `known_on`: the first session that could act on a row.
    `raw_closes` are the last unadjusted closes and `dividends` the money per share
    that goes ex on the next session; both serve `with_today` only. `highs` and
    `lows` have the rows of `closes`, on their scale, for the symbols that were
    asked for; None where nobody did.
    """

    closes: pd.DataFrame
    sessions: pd.DatetimeIndex
    feeds: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    raw_closes: Mapping[Symbol, float] = field(default_factory=dict)
    dividends: Mapping[Symbol, float] = field(default_factory=dict)
    highs: pd.DataFrame | None = None
    lows: pd.DataFrame | None = None
    earlier: int = 0

    def numbers(self, days: pd.DatetimeIndex) -> npt.NDArray[np.intp]:
        """The numbers of some sessions in the exchange's own count: no window moves them."""
        return self.earlier + self.sessions.searchsorted(days)

    def until(self, session: date) -> "Facts":
        """What was known when `session` closed: the only time travel in the code."""
        last = pd.Timestamp(session)
        return replace(
            self,
            closes=self.closes.loc[:last],
            highs=None if self.highs is None else self.highs.loc[:last],
            lows=None if self.lows is None else self.lows.loc[:last],
            feeds={name: feed[feed["known_on"] <= last] for name, feed in self.feeds.items()},
        )

    def with_today(self, session: date, quotes: Quotes) -> "Facts":
        """Append the quotes as the provisional closes of `session`.

        On an adjusted history the row is A₋₁ · (last + D) / raw₋₁; where the
        source delivered its own unfinished bar of the session, that one stands.
        A symbol without a quote gets no bar. Highs and lows of the unfinished day
        are the close itself: what the day has been so far is not asked.
        """
        today = pd.Timestamp(session)
        if today in self.closes.index:
            return self
        before = self.closes.iloc[-1] if len(self.closes) else pd.Series(dtype=float)
        row = {}
        for symbol in self.closes.columns:
            quote = quotes.get(symbol)
            if quote is None:
                row[symbol] = np.nan
                continue
            last = float(quote.last)
            raw = self.raw_closes.get(symbol)
            if raw is not None and raw != before[symbol]:
                last = before[symbol] * (last + self.dividends.get(symbol, 0.0)) / raw
            elif self.dividends.get(symbol):
                last += self.dividends[symbol]
            row[symbol] = last
        index = pd.DatetimeIndex([today])

        def appended(table: pd.DataFrame) -> pd.DataFrame:
            bar = {str(symbol): row.get(str(symbol), np.nan) for symbol in table.columns}
            return pd.concat([table, pd.DataFrame(bar, index=index)])

        return replace(
            self,
            closes=appended(self.closes),
            highs=None if self.highs is None else appended(self.highs),
            lows=None if self.lows is None else appended(self.lows),
        )


@dataclass(frozen=True, slots=True)
class Holding:
    """What a book holds of a symbol: shares with fractions, value in USD."""

    shares: Decimal
    value: float


Numbers: TypeAlias = tuple[Sequence[str], npt.NDArray[np.float64]]


def numbers_of(frame: pd.DataFrame) -> Numbers:
    """The names of the columns, and the values as floats: rows × columns."""
    return [str(column) for column in frame.columns], frame.to_numpy(dtype=float)


class Rows:
    """A session's rows of a strategy's own frame: one row, or one per symbol."""

    def __init__(
        self, frame: pd.DataFrame, places: slice = slice(None), numbers: Numbers | None = None
    ) -> None:
        self._frame, self._places, self._numbers = frame, places, numbers

    @property
    def table(self) -> pd.DataFrame:
        """The rows as a table."""
        return self._frame.iloc[self._places]

    @property
    def numbers(self) -> dict[str, float]:
        """The first row by column, where all of it can be floats."""
        if self._numbers is None:
            names, values = numbers_of(self.table)
        else:
            names, values = self._numbers[0], self._numbers[1][self._places]
        return dict(zip(names, values[0].tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class View:
    """All a strategy may look at when it decides one session.

    `equity` is in USD, None when no account is known. `last_rebalance` is the
    session of the last complete rebalance.
    """

    session: date
    features: Rows
    holdings: Mapping[Symbol, Holding] = field(default_factory=dict)
    equity: float | None = None
    last_rebalance: date | None = None


@dataclass(frozen=True, slots=True)
class Rebalance:
    """Target weights: shares of equity wanted, an exit being a written zero.

    `reserve` is the share of equity the strategy itself keeps in cash. Of a
    holding its `locked` share of equity is never sold to reach a target, be it
    scaled down for a reserve. A target that `lapses` is about its own session
    only: a later one does not catch up. What is `blind` was decided without something
    the strategy should have seen: what is to go goes, and nothing is bought.
    """

    targets: Mapping[Symbol, float]
    reason: str
    flags: tuple[str, ...] = ()
    roles: Mapping[Symbol, Role] = field(default_factory=dict)
    reserve: float = 0.0
    locked: Mapping[Symbol, float] = field(default_factory=dict)
    lapses: bool = False
    blind: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """No change of target: keep what is held, and say why."""

    reason: str


Decision: TypeAlias = Rebalance | Hold


class Strategy(Protocol):
    """Asked twice: once for numbers over all sessions, then per session for targets."""

    @property
    def needs(self) -> Needs:
        """What it wants to know."""
        ...

    def features(self, facts: Facts) -> pd.DataFrame:
        """Return one row (or one per symbol) for each session it may act on: causal."""
        ...

    def decide(self, view: View) -> Decision:
        """The target weights for one session: pure."""
        ...


@runtime_checkable
class Patient(Protocol):
    """A strategy that knows from its numbers alone on which sessions it changes nothing."""

    def waits(self, features: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """Rows, one for each session, on which it holds as not due whatever is held."""
        ...


@runtime_checkable
class Scheduled(Protocol):
    """A strategy whose rebalances the calendar announces; any other may act on every session."""

    def due(self, facts: Facts) -> pd.DatetimeIndex:
        """Those of the known sessions that the calendar alone makes rebalance sessions.

        Of the first and the last nobody may know: what lies around them says it.
        """
        ...


@runtime_checkable
class Remarked(Protocol):
    """A strategy of whose decisions something must be known by everybody who reads them."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """Codes of the catalogue; they stand in every report."""
        ...


@dataclass(frozen=True, slots=True)
class Book:
    """One strategy trading one account by its rules.

    `account` is the id the broker must report of itself. `lead` is how long
    before the close the book wakes. `minimum_equity` in USD is what its profile
    recommends; below it whole shares may not follow the weights. `reach` are its
    needs in one run, where a feed widens those of the strategy.
    """

    name: str
    profile: str
    account: str
    strategy: Strategy
    rules: TradingRules
    lead: timedelta = timedelta(minutes=15)
    minimum_equity: Decimal = Decimal(0)
    reach: Needs | None = None

    @property
    def needs(self) -> Needs:
        """What it wants to know and may hold."""
        return self.reach or self.strategy.needs

    def reaching(self, symbols: Collection[Symbol]) -> "Book":
        """The book in a run that has decided about these symbols, be they of a feed."""
        needs = self.needs
        if {*symbols} <= {*needs.symbols} & {*needs.holds}:
            return self
        return replace(
            self,
            reach=replace(
                needs,
                symbols=tuple(dict.fromkeys((*needs.symbols, *symbols))),
                holds=tuple(dict.fromkeys((*needs.holds, *symbols))),
            ),
        )


def rotate(
    *,
    out_of: Collection[Symbol],
    into: Mapping[Symbol, float],
    reason: str,
    flags: tuple[str, ...] = (),
    roles: Mapping[Symbol, Role] | None = None,
    lapses: bool = False,
) -> Rebalance:
    """Leave what is held for what is wanted: the wanted weights, then a zero for the rest."""
    exits = {symbol: 0.0 for symbol in out_of if symbol not in into}
    return Rebalance({**into, **exits}, reason, flags, roles or {}, lapses=lapses)
