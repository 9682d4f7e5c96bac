"""A backtest as somebody asks for it: what is tried, on which prices, and how it fared."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from bot import app, sources
from bot.backtest import Experiment, FillAt, backtest
from bot.domain.calendar import Calendar
from bot.domain.errors import DataError
from bot.domain.model import NOTHING, Note, Symbol
from bot.domain.performance import Performance, buy_and_hold, performance
from bot.domain.strategy import Facts
from bot.sources import Past
from bot.track_record import TrackRecord
from config.settings import Settings, checked
from strategies import profile

NAMELESS = "trial"  # of the market, broker and book of a profile nobody gave a book


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for: a profile by its defaults, or a book as the settings have it.

    `prices` is a file instead of the book's market. `account` are keys of the
    paper account with other values: cash, slippage, commissions. `splice` comes
    on top of the market's own.
    """

    profile: str | None = None
    book: str | None = None
    prices: Path | None = None
    first: date | None = None
    last: date | None = None
    fill: FillAt = FillAt.CLOSE
    account: Mapping[str, object] = field(default_factory=dict)
    splice: Mapping[Symbol, Symbol] = field(default_factory=dict)


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
class Trial:
    """A scorecard and the record behind it; `held` is the benchmark's equity in USD."""

    scorecard: Scorecard
    record: TrackRecord
    held: pd.Series


def attempt(wish: Wish, settings: Settings, watch: Callable[[int, int], None]) -> Trial:
    """Play a wish through. Raises what prices, settings and `backtest` raise."""
    settings = _granted(wish, settings)
    name = wish.book or NAMELESS
    book = app.book(name, settings)
    calendar = sources.exchange(settings)
    benchmark = profile(book.profile).benchmark
    needs = book.strategy.needs
    wanted = dict.fromkeys((*needs.symbols, benchmark))
    market = settings.market_of(name)
    assert market is not None  # what is played has the prices of a file
    past = sources.past(market, settings, [*wanted], calendar)
    experiment = Experiment(
        book=book,
        opening=app.opening_of(name, settings),
        first=wish.first,
        last=wish.last,
        costs=app.costs(name, settings),
        fill=wish.fill,
    )
    closes = _up_to(wish.last, past, calendar, needs.sessions)
    known = calendar.index(closes.index[0].date(), closes.index[-1].date())
    opens = past.opens if wish.fill is FillAt.NEXT_OPEN else None
    record = backtest(experiment, Facts(closes[[*needs.symbols]], known), calendar, opens, watch)
    first = record.equity.index[0].date()
    held = _held(benchmark, closes, record)
    before = pd.DatetimeIndex([calendar.before(first).date])

    def opened(equity: pd.Series) -> pd.Series:
        whole: pd.Series = pd.concat([pd.Series([record.opened], before), equity])
        return whole

    scorecard = Scorecard(
        profile=book.profile,
        fill=wish.fill,
        source=past.source,
        first=first,
        sessions=len(record.equity),
        performance=performance(opened(record.equity), turnover=record.traded),
        benchmark=benchmark,
        held=performance(opened(held)),
        orders=len(record.trades),
        commission=sum((trade.commission for trade in record.trades), NOTHING),
        slippage=sum((trade.cost for trade in record.trades), NOTHING),
        notes=(*past.splices, *_late(closes, first), *_remarks(record)),
    )
    return Trial(scorecard, record, held)


def _granted(wish: Wish, settings: Settings) -> Settings:
    """The settings with the book that is tried, as somebody would have written them."""
    plain = settings.model_dump() | {"mode": "paper"}
    name = wish.book or NAMELESS
    if wish.profile is not None:
        plain["markets"] = {NAMELESS: {"kind": "tables"}}
        plain["brokers"] = {NAMELESS: {"kind": "paper", "market": NAMELESS}}
        plain["books"] = {NAMELESS: {"profile": profile(wish.profile).name, "broker": NAMELESS}}
    elif name in settings.books:
        _play(settings.books[name].broker, plain)
    known = checked(plain)
    app.refuse_unknown_book(name, known)
    market = plain["markets"][known.market_of(name)]
    if wish.prices is not None:
        market["path"] = wish.prices
    market["splice"] = {**market.get("splice", {}), **wish.splice}
    plain["brokers"][known.books[name].broker] |= wish.account
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
