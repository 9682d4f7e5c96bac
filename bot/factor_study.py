"""A profile's factor put to the test of the past: what it said each time, and what came after."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path

import pandas as pd

from bot import sources
from bot.dated_sources import tables
from bot.domain.calendar import Calendar
from bot.domain.errors import BellwetherError, Blocked, SettingsError
from bot.domain.factor_evaluation import (
    Correlations,
    FactorEvaluation,
    Following,
    Ranking,
    evaluate,
)
from bot.domain.features import Features
from bot.domain.model import Note, Symbol
from bot.domain.strategy import Facts, Holding, Rebalance, Strategy
from bot.gather import numbered
from bot.sources import Past
from config.settings import Settings
from config.sources import TableFeed, TablesMarket
from strategies import PROFILES, profile, strategy

# Of the market of somebody who names a price file only.
NAMELESS = "study"


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What somebody asks about: a profile by its defaults, or a book as the settings have it.

    `prices` is a file instead of the store, or of the book's market; `tables` are
    files by the names the profile reads them by, before those of the book.
    """

    profile: str | None = None
    book: str | None = None
    prices: Path | None = None
    tables: Mapping[str, Path] = field(default_factory=dict)
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a factor did, beside what its source says of it: figures by the same names.

    `notes` are what whoever believes the figures has to know.
    """

    profile: str
    factor: str
    funds: int
    source: Path
    correlations: Correlations
    following: Following
    claims: Mapping[str, float]
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """A verdict, and the series behind it."""

    verdict: Verdict
    evaluation: FactorEvaluation


def study(inquiry: Inquiry, settings: Settings) -> Study:
    """Ask a profile on every session of the past it may act on, and measure what it said.

    Its decisions are followed at the close of the session after each, without costs.
    How old a table was is not looked at. Raises SettingsError
    `profile_without_factor`, BellwetherError `too_few_periods`, and what prices and
    tables raise.
    """
    subject = _subject(inquiry, settings)
    asked = strategy(subject.profile, subject.params)
    if not isinstance(asked, Ranking):
        known = ", ".join(n for n, p in PROFILES.items() if isinstance(p.strategy(), Ranking))
        raise SettingsError("profile_without_factor", profile=subject.profile, known=known)
    feeds = tables(subject.profile, subject.params, subject.tables)
    calendar = sources.exchange(settings)
    past = sources.past(subject.market, subject.settings, asked.needs.symbols, calendar)
    answers = _asked(asked, asked.ranked_by, _facts(past, feeds, calendar), inquiry)
    evaluation = evaluate(answers.scores, answers.weights, past.closes)
    verdict = Verdict(
        profile=subject.profile,
        factor=asked.ranked_by,
        funds=answers.scores.shape[1],
        source=past.source,
        correlations=evaluation.correlations,
        following=evaluation.following,
        claims=dict(asked.claims),
        notes=(*past.splices, *_blocked(answers.blocked)),
    )
    return Study(verdict, evaluation)


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is looked at: a profile with its parameters, its tables, and a market of settings."""

    profile: str
    params: Mapping[str, object]
    tables: Mapping[str, Path]
    market: str
    settings: Settings


def _subject(inquiry: Inquiry, settings: Settings) -> _Subject:
    if inquiry.book is None:
        named = profile(inquiry.profile or "").name
        return _Subject(named, {}, inquiry.tables, *_priced(inquiry.prices, None, settings))
    if inquiry.book not in settings.books:
        known = ", ".join(settings.books) or "–"
        raise SettingsError("unknown_book", name=inquiry.book, known=known)
    book = settings.books[inquiry.book]
    entries = {read: settings.feeds[feed] for read, feed in book.tables.items()}
    paths = {read: each.path for read, each in entries.items() if isinstance(each, TableFeed)}
    market = _priced(inquiry.prices, settings.market_of(inquiry.book), settings)
    named = profile(book.profile).name
    return _Subject(named, book.params, {**paths, **inquiry.tables}, *market)


def _priced(prices: Path | None, market: str | None, settings: Settings) -> tuple[str, Settings]:
    """The name of a market, and the settings that have it: a file's, a book's, the store's."""
    if prices is None and market is not None:
        return market, settings
    told = TablesMarket(kind="tables", path=prices)
    markets = {**settings.markets, NAMELESS: told}
    return NAMELESS, settings.model_copy(update={"markets": markets})


def _facts(past: Past, feeds: Mapping[str, pd.DataFrame], calendar: Calendar) -> Facts:
    days = past.closes.index
    known = calendar.index(days[0].date(), days[-1].date())
    return numbered(Facts(past.closes, known, feeds=feeds), calendar)


@dataclass(frozen=True, slots=True, eq=False)
class _Answers:
    """Scores and wanted weights by session, a row of NaN where nothing was changed."""

    scores: pd.DataFrame
    weights: pd.DataFrame
    blocked: Mapping[date, Blocked]


def _asked(asked: Strategy, factor: str, facts: Facts, span: Inquiry) -> _Answers:
    """What a strategy says from the first session on which it wants anything.

    Raises BellwetherError `too_few_periods` where it never does.
    """
    features = Features(asked, facts)
    blocked: dict[date, Blocked] = {}
    rows = dict(_decisions(features, span, blocked))
    if not rows:
        raise BellwetherError("too_few_periods", found=0, needed=1)
    days = pd.DatetimeIndex(list(rows))
    weights = pd.DataFrame([*rows.values()], days).rename_axis("session")
    # A target that is not named beside others is none; a row without any is no decision.
    named = weights.notna().any(axis=1)
    weights.loc[named] = weights.loc[named].fillna(0.0)
    scores = features.frame[factor].unstack("symbol").reindex(days)  # noqa: PD010 - nothing is summed
    return _Answers(scores, weights, blocked)


def _decisions(
    features: Features, span: Inquiry, blocked: dict[date, Blocked]
) -> Iterator[tuple[date, Mapping[Symbol, float]]]:
    """The targets of each session from the first there are; none where nothing is changed."""
    held: dict[Symbol, Holding] = {}
    for session in features:
        if (span.first and session < span.first) or (span.last and session > span.last):
            continue
        try:
            said = features.decide(session, held)
        except Blocked as reason:
            # Before the tables begin nothing could be said.
            blocked |= {session: reason} if held else {}
            continue
        if isinstance(said, Rebalance):
            wanted = {symbol: weight for symbol, weight in said.targets.items() if weight}
            held = {symbol: Holding(Decimal(repr(w)), w) for symbol, w in wanted.items()}
            yield session, wanted
        elif held:
            yield session, {}


def _blocked(blocked: Mapping[date, Blocked]) -> Iterator[Note]:
    if blocked:
        days = sorted(blocked)
        values = {"count": len(days), "first": days[0], "last": days[-1]}
        yield Note("sessions_blocked", "", {**values, "reason": blocked[days[0]].code})
