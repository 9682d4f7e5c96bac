"""A backtest as somebody asks for it: what is tried, on which prices, and how it fared."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from bot import app, sources
from bot.backtest import Experiment, FillAt, backtest
from bot.bars import Bars
from bot.domain.account import Opening
from bot.domain.calendar import Calendar
from bot.domain.errors import DataError
from bot.domain.fills import FillRules
from bot.domain.model import NOTHING, Note, Symbol
from bot.domain.performance import Performance, buy_and_hold, performance
from bot.domain.strategy import Book, Facts, Remarked, Strategy
from bot.gather import numbered
from bot.hindsight import Hindsight, look_into
from bot.ports import FeedHistory
from bot.reach import Reach
from bot.signals import Signal, Statistics, statistics_of
from bot.sources import Past
from bot.track_record import TrackRecord
from config.settings import Settings, checked
from strategies import profile, strategy

NAMELESS = "trial"  # of the market, broker and book of a profile nobody gave a book


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for: a profile by its defaults, or a book as the settings have it.

    `prices` is a file instead of the book's market. `account` are keys of the
    paper account with other values: cash, slippage, commissions. `splice` comes
    on top of the market's own, `params` on top of the profile's or the book's. `feeds`
    are where a feed lies by its name, instead of where the book's settings have it.
    `survivors` says that who went under is missing. `raw` is a file of unadjusted closes
    at which shares are counted.
    """

    profile: str | None = None
    book: str | None = None
    prices: Path | None = None
    first: date | None = None
    last: date | None = None
    fill: FillAt = FillAt.CLOSE
    account: Mapping[str, object] = field(default_factory=dict)
    splice: Mapping[Symbol, Symbol] = field(default_factory=dict)
    params: Mapping[str, object] = field(default_factory=dict)
    feeds: Mapping[str, Path] = field(default_factory=dict)
    survivors: bool = False
    raw: Path | None = None


@dataclass(frozen=True, slots=True)
class Scorecard:
    """How a trial fared beside its benchmark, bought on the first session and held.

    Both performances begin with the account before its first trade, a session
    before `first`: what the first day's trades cost is in them.
    `commission` and `slippage` are USD in all. `notes` are what whoever believes
    the figures has to know: splices, symbols that begin late, sessions on which a
    live book would not have decided, owed or small ones.
    """

    profile: str
    fill: FillAt
    source: Path
    first: date
    sessions: int
    performance: Performance
    benchmark: Symbol
    held: Performance
    orders: int
    commission: Decimal
    slippage: Decimal
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """What a wish is played on: a book, its account, its feeds, prices up to the last session."""

    book: Book
    opening: Opening
    costs: FillRules
    calendar: Calendar
    benchmark: Symbol
    past: Past
    feeds: Mapping[str, FeedHistory]

    @property
    def reach(self) -> Reach:
        """What its feeds would have told it on each session."""
        return Reach(self.book.strategy.needs, self.feeds, frozenset(self.past.closes.columns))

    @property
    def facts(self) -> Facts:
        """The closes of everything it might ever read, and all its feeds ever told."""
        reach, closes = self.reach, self.past.closes
        read = [symbol for symbol in reach.every.symbols if symbol in closes]
        known = self.calendar.index(closes.index[0].date(), closes.index[-1].date())
        return numbered(Facts(closes[read], known, feeds=reach.tables), self.calendar)


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """A scorecard and the record behind it; `held` is the benchmark's equity in USD.

    Its strategy was played on `facts`.
    """

    scorecard: Scorecard
    record: TrackRecord
    held: pd.Series
    stage: Stage
    facts: Facts

    @property
    def equity(self) -> pd.Series:
        """The equity at every close, from the account before its first trade on."""
        return self._opened(self.record.equity)

    @property
    def benchmark(self) -> pd.Series:
        """The same of its benchmark, bought on the first session and held."""
        return self._opened(self.held)

    def _opened(self, equity: pd.Series) -> pd.Series:
        return opened(equity, self.record.opened, self.scorecard.performance.first)


def staged(wish: Wish, settings: Settings) -> Stage:
    """Put a wish on its stage. Raises what prices, feeds and settings raise."""
    settings = _granted(wish, settings)
    name = wish.book or NAMELESS
    book = app.book(name, settings)
    calendar = sources.exchange(settings)
    benchmark = profile(book.profile).benchmark
    needs = book.strategy.needs
    market = settings.market_of(name)
    assert market is not None  # what is played has the prices of a file
    feeds = sources.histories(name, settings, calendar, wish.feeds)
    wanted = dict.fromkeys((*needs.symbols, benchmark))
    perhaps = Reach(needs, feeds).every.symbols
    past = sources.past(market, settings, [*wanted], calendar, perhaps)
    return Stage(
        book=book,
        opening=app.opening_of(name, settings),
        costs=app.costs(name, settings),
        calendar=calendar,
        benchmark=benchmark,
        past=replace(past, closes=_up_to(wish.last, past, calendar, needs.sessions)),
        feeds=feeds,
    )


def first_session(wish: Wish, stage: Stage) -> date:
    """The session a wish begins with, or may begin with: one named too early is moved.

    Raises DataError `too_few_sessions` where history is shorter than a strategy needs.
    """
    needs, closes = stage.book.strategy.needs, stage.past.closes
    bars = Bars(closes[[*needs.symbols]], None, needs, stage.calendar)
    earliest = bars.earliest()
    if earliest is None:
        raise DataError("too_few_sessions", found=len(closes), needed=needs.sessions)
    if wish.first is not None:
        return max(wish.first, earliest)
    return max(bars.all_priced(earliest), stage.reach.begins or earliest)


def looked_into(
    wish: Wish, seed: int, settings: Settings, watch: Callable[[int, int], None]
) -> Hindsight:
    """Cut the history a wish is played on. Raises what prices, feeds and `look_into` raise."""
    stage = staged(wish, settings)
    return look_into(stage.book.strategy, stage.facts, seed, watch=watch)


def attempt(wish: Wish, settings: Settings, watch: Callable[[int, int], None]) -> Trial:
    """Play a wish through. Raises what prices, settings and `backtest` raise."""
    stage = staged(wish, settings)
    book, calendar, past = stage.book, stage.calendar, stage.past
    benchmark, closes = stage.benchmark, past.closes
    experiment = Experiment(
        book=book,
        opening=stage.opening,
        first=wish.first,
        last=wish.last,
        costs=stage.costs,
        fill=wish.fill,
        feeds=stage.feeds,
    )
    opens = past.opens if wish.fill is FillAt.NEXT_OPEN else None
    facts = stage.facts
    raw = sources.printed(wish.raw, facts.closes) if wish.raw else None
    record = backtest(experiment, facts, calendar, opens, watch, raw)
    first = record.equity.index[0].date()
    held = _held(benchmark, closes, record)
    before = calendar.before(first).date
    scorecard = Scorecard(
        profile=book.profile,
        fill=wish.fill,
        source=past.source,
        first=first,
        sessions=len(record.equity),
        performance=performance(
            opened(record.equity, record.opened, before), turnover=record.traded
        ),
        benchmark=benchmark,
        held=performance(opened(held, record.opened, before)),
        orders=len(record.trades),
        commission=sum((trade.commission for trade in record.trades), NOTHING),
        slippage=sum((trade.cost for trade in record.trades), NOTHING),
        notes=(
            *_said_of(book.strategy),
            *_survivors(wish),
            *_received(wish, record),
            *past.splices,
            *_late(closes[[*dict.fromkeys((*book.strategy.needs.symbols, benchmark))]], first),
            *_remarks(record),
        ),
    )
    return Trial(scorecard, record, held, stage, facts)


def opened(equity: pd.Series, money: float, day: date) -> pd.Series:
    """A series of equity with what it began as, on the session before its first trade."""
    whole: pd.Series = pd.concat([pd.Series([money], pd.DatetimeIndex([day])), equity])
    return whole


def statistics(
    signal: Signal,
    prices: Path | None,
    settings: Settings,
    feeds: Mapping[str, Path] = MappingProxyType({}),
) -> Statistics:
    """How a signal's profile by its defaults fared over all the past there is, up to its session.

    Raises what `attempt` raises: DataError where there is too little of it.
    """
    wish = Wish(profile=signal.profile, prices=prices, last=signal.updated, feeds=feeds)
    played = attempt(wish, settings, lambda _done, _of: None)
    return statistics_of(played.equity, len(played.record.trades))


def _granted(wish: Wish, settings: Settings) -> Settings:
    """The settings with the book that is tried, as somebody would have written them."""
    plain = settings.model_dump() | {"mode": "paper"}
    name = wish.book or NAMELESS
    if wish.profile is not None:
        plain["markets"] = {NAMELESS: {"kind": "tables"}}
        plain["brokers"] = {NAMELESS: {"kind": "paper", "market": NAMELESS}}
        plain["books"] = {NAMELESS: {"profile": profile(wish.profile).name, "broker": NAMELESS}}
    elif name in settings.books:
        # What the other books trade is no matter of this one.
        plain["books"] = {name: plain["books"][name]}
        _play(settings.books[name].broker, plain)
    known = checked(plain)
    app.refuse_unknown_book(name, known)
    market = plain["markets"][known.market_of(name)]
    if wish.prices is not None:
        market["path"] = wish.prices
    market["splice"] = {**market.get("splice", {}), **wish.splice}
    plain["brokers"][known.books[name].broker] |= wish.account
    entry = plain["books"][name]
    entry["params"] = {**entry.get("params", {}), **wish.params}
    if wish.profile is not None and strategy(wish.profile, entry["params"]).needs.shorts:
        # Whoever names a mode that shorts means an account that may.
        entry["rules"] = {"shorting": True}
        plain["brokers"][NAMELESS] |= {"account_kind": "margin", "shorting": True}
    return checked(plain)


def _play(broker: str, plain: dict[str, Any]) -> None:
    """Put the built-in broker in the place of a real one: its account is nobody's past."""
    entry = plain["brokers"][broker]
    if entry["kind"] == "paper":
        return
    told = {key: entry[key] for key in ("account", "account_kind", "proceeds")}
    market = entry["market"] or NAMELESS
    plain["markets"].setdefault(NAMELESS, {"kind": "tables"})
    plain["brokers"][broker] = {"kind": "paper", "market": market, **told}


def _up_to(last: date | None, past: Past, calendar: Calendar, needed: int) -> pd.DataFrame:
    """The closes up to a last session. Raises DataError where there are none, or not so many."""
    closes = past.closes.loc[: pd.Timestamp(last)] if last else past.closes
    if closes.empty:
        raise DataError("too_few_sessions", path=past.source, found=0, needed=needed)
    newest = closes.index[-1].date()
    if last and last > newest and calendar.distance(newest, last):
        raise DataError("ends_too_late", path=past.source, last=last, newest=newest)
    return closes


def _held(symbol: Symbol, closes: pd.DataFrame, record: TrackRecord) -> pd.Series:
    """The equity of whoever bought a symbol instead, on the first session and for as much."""
    days = record.equity.index
    bars = closes[symbol].ffill().reindex(days, method="ffill")
    if pd.isna(bars.iloc[0]):
        raise DataError("benchmark_unpriced", symbol=symbol, day=days[0].date())
    return buy_and_hold(bars, Decimal(repr(record.opened)))


def _said_of(strategy: Strategy) -> list[Note]:
    """What a strategy wants everybody to know who reads of its decisions."""
    return [Note(code) for code in strategy.remarks] if isinstance(strategy, Remarked) else []


def _received(wish: Wish, record: TrackRecord) -> list[Note]:
    values = {"path": wish.raw, "money": record.received, "splits": record.splits}
    return [Note("counted_raw", "", values)] if wish.raw else []


def _survivors(wish: Wish) -> list[Note]:
    return [Note("survivors_only")] if wish.survivors else []


def _late(closes: pd.DataFrame, first: date) -> list[Note]:
    """Symbols that have no price on the first session."""
    begins = {str(symbol): closes[symbol].dropna().index for symbol in closes.columns}
    days = {
        s: pd.DatetimeIndex(bars)[0].date() if len(bars) else None for s, bars in begins.items()
    }
    return [
        Note("begins_late", symbol, {"day": day})
        for symbol, day in days.items()
        if day is None or day > first
    ]


def _remarks(record: TrackRecord) -> list[Note]:
    alike: dict[tuple[str, Symbol], list[date]] = {}
    for day, reason in record.blocked.items():
        symbol = str(reason.values.get("symbol", ""))  # noqa: PD011 - an error's, no table's
        alike.setdefault((reason.code, symbol), []).append(day)
    blocked = [
        Note("sessions_blocked", symbol, {**_span_of(days), "reason": code})
        for (code, symbol), days in alike.items()
    ]
    owed = [Note("sessions_owed", "", _span_of(record.owed))] if record.owed else []
    small = [Note("sessions_small", "", _span_of(record.small))] if record.small else []
    last = [Note("never_traded", "", {"day": record.pending})] if record.pending else []
    return [*blocked, *owed, *small, *last]


def _span_of(days: Sequence[date]) -> dict[str, object]:
    return {"count": len(days), "first": days[0], "last": days[-1]}
