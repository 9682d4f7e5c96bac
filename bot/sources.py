"""The days and prices a house reads, put together from its settings."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from adapters.feeds import Shelf, SnapshotFeed, SnapshotFiles
from adapters.price_files import load
from adapters.prices import PriceTable
from adapters.releases import ReleaseHistory, Releases
from adapters.snapshot_tables import SnapshotTable
from adapters.store import PriceStore
from adapters.synthetic import BUNDLED
from adapters.tables import TableMarket
from adapters.watched import WatchedTables
from bot.dated_sources import table_feeds, table_histories
from bot.domain.admission import Expected
from bot.domain.calendar import Calendar, exchange_date
from bot.domain.distributions import Raw, raw_of
from bot.domain.errors import BellwetherError, SettingsError
from bot.domain.features import Features
from bot.domain.model import Note, Symbol
from bot.domain.received import VOCABULARY
from bot.domain.strategy import Facts, Rebalance
from bot.gather import numbered
from bot.ports import Adjustment, Clock, Feed, FeedHistory, MarketData
from bot.reach import Reach
from bot.schedule import JumpingClock
from bot.sessions import EARLIEST, LATEST, Overrides, nyse
from bot.signal_sources import signal_feeds, signal_histories
from bot.signals import LOOK_BACK, Signal, signal_of
from bot.snapshots_artifacts import snapshot_name
from bot.snapshots_release import Recipe
from config.settings import Settings
from config.sources import BuiltFeed, SnapshotFeedSettings, TableFeed, TablesMarket
from strategies import profile, strategy
from strategies.expectations import expected_of

BUNDLED_PRICES = BUNDLED


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """Prices of the past: sessions × symbols, as if the market had shown them adjusted.

    `opens` are on the scale of the closes, None where the source has none.
    `splices` say whose prices stand in for which symbol until when.
    """

    closes: pd.DataFrame
    opens: pd.DataFrame | None
    splices: tuple[Note, ...]
    source: Path


@dataclass(frozen=True, slots=True)
class Stored:
    """What taking prices did to a symbol: days added and dropped, its span afterwards."""

    symbol: Symbol
    added: int
    replaced: bool
    dropped: int
    first: date | None
    last: date | None


@dataclass(frozen=True, slots=True)
class Updated:
    """What taking a file of prices did, and what is suspicious in it."""

    source: Path
    symbols: tuple[Stored, ...]
    odd: tuple[Note, ...]


def exchange(settings: Settings) -> Calendar:
    """The calendar with the operator's overrides, as far as it is known."""
    overrides = Overrides(
        frozenset(settings.calendar.extra_closures), dict(settings.calendar.early_closes)
    )
    return nyse(EARLIEST, LATEST, overrides)


def market(name: str, settings: Settings, clock: Clock, calendar: Calendar) -> MarketData:
    """A source of prices, adjusted throughout: a paper account gets its dividends that way."""
    return _watched(name, settings, clock, calendar, adjusted=True)


def history(name: str, settings: Settings, clock: Clock, calendar: Calendar) -> MarketData:
    """A source of the past beside a broker's quotes: it says what turns these into closes."""
    return _watched(name, settings, clock, calendar, adjusted=False)


def _watched(
    name: str, settings: Settings, clock: Clock, calendar: Calendar, *, adjusted: bool
) -> MarketData:
    entry = settings.markets[name]
    path = entry.path or price_store(settings).path
    read = partial(_table, name, settings, adjusted=adjusted)
    return WatchedTables(path, read, clock, calendar, Adjustment(entry.adjustment))


def _table(name: str, settings: Settings, *, adjusted: bool = True) -> PriceTable:
    """What a source of prices has, its splices made."""
    entry = settings.markets[name]
    table = load(entry.path) if entry.path else price_store(settings).table()
    spliced = table.spliced(entry.splice)
    return spliced.adjusted().late(entry.late) if adjusted else spliced


def feeds(name: str, settings: Settings, clock: Clock, calendar: Calendar) -> Mapping[str, Feed]:
    """The snapshots, tables and signals a book reads, as its strategy calls them.

    Raises SettingsError `feed_of_another` for the snapshots of another profile,
    `feed_is_no_snapshot` for what is none, and what `table_feeds` and `signal_feeds`
    refuse.
    """
    return {
        **_snapshots(name, settings, clock, calendar),
        **table_feeds(name, settings, clock, calendar),
        **signal_feeds(name, settings, clock, calendar),
    }


def _snapshots(name: str, settings: Settings, clock: Clock, calendar: Calendar) -> dict[str, Feed]:
    book = settings.books[name]
    if book.feed is None:
        return {}
    entry, reads = settings.feeds[book.feed], profile(book.profile).name
    if not isinstance(entry, SnapshotFeedSettings):
        raise SettingsError("feed_is_no_snapshot", feed=book.feed)
    if profile(entry.profile).name != reads:
        raise SettingsError("feed_of_another", feed=book.feed, profile=entry.profile, reads=reads)
    expected = expected_of(
        reads, strategy(book.profile, book.params).needs.watches, entry.config_name
    )
    files = _shelf(entry, settings)
    return {reads: SnapshotFeed(files, expected, calendar, clock, entry.look_every)}


def histories(
    name: str, settings: Settings, calendar: Calendar, given: Mapping[str, Path]
) -> Mapping[str, FeedHistory]:
    """What the feeds of a book told in the past: those `given` by name, else those of the settings.

    Raises SettingsError `feed_unread` for one the book does not read, and what `feeds` does.
    """
    book = settings.books[name]
    entries = {read: settings.feeds[feed] for read, feed in book.tables.items()}
    tables = {read: each.path for read, each in entries.items() if isinstance(each, TableFeed)}
    told = {
        **_given(book.profile, book.params, calendar, {**tables, **given}),
        **signal_histories(name, settings, calendar, given),
    }
    if book.feed is None:
        return told
    entry, reads = settings.feeds[book.feed], profile(book.profile).name
    if not isinstance(entry, SnapshotFeedSettings):
        raise SettingsError("feed_is_no_snapshot", feed=book.feed)
    watches = strategy(book.profile, book.params).needs.watches
    expected = expected_of(reads, watches, entry.config_name)
    return {reads: _history(_files_of(entry, settings), expected, calendar), **told}


def _given(
    name: str, params: Mapping[str, object], calendar: Calendar, given: Mapping[str, Path]
) -> dict[str, FeedHistory]:
    """The past of snapshots and tables somebody named."""
    needs, canonical = strategy(name, params).needs, profile(name).name
    read = [need.name for need in needs.feeds]
    for feed in given:
        if feed not in read:
            reads = ", ".join(read) or "–"
            raise SettingsError("feed_unread", feed=feed, profile=canonical, reads=reads)
    others = {canonical, *VOCABULARY}
    tables = {feed: path for feed, path in given.items() if feed not in others}
    told = table_histories(name, params, tables, calendar)
    if canonical in given:
        expected = expected_of(canonical, needs.watches)
        told[canonical] = _history(SnapshotFiles(given[canonical]), expected, calendar)
    return told


def _history(files: SnapshotFiles, expected: Expected, calendar: Calendar) -> FeedHistory:
    """The past of a place: a folder of releases, one of their files, a snapshot, a dated table."""
    path = files.snapshot or Path()
    for folder in (path, path.parent):
        if Releases.lie_in(folder):
            releases = Releases(folder, snapshot_name(expected.profile), files.config)
            return ReleaseHistory.of(releases, expected, calendar)
    if path.is_dir() or files.manifest_path.exists() or not path.exists():
        return ReleaseHistory([(date.min, files)], path, expected, calendar)
    return SnapshotTable(path, replace(expected, manifest=False), calendar)


def recipe(name: str, settings: Settings) -> Recipe | None:
    """What the daemon builds a book's snapshot of, None where it waits for a file."""
    book = settings.books[name]
    entry = settings.feeds[book.feed] if book.feed is not None else None
    if not isinstance(entry, BuiltFeed):
        return None
    return Recipe(
        profile=profile(entry.profile).name,
        prices=price_store(settings).path,
        universe=entry.universe,
        out=_built_in(entry, settings),
        product_map=entry.product_map,
        config_file=entry.config,
        params=book.params,
    )


def _files_of(entry: SnapshotFeedSettings, settings: Settings) -> SnapshotFiles:
    """Where a feed's snapshot, manifest and configuration lie."""
    if isinstance(entry, BuiltFeed):
        made = snapshot_name(profile(entry.profile).name)
        return SnapshotFiles(_built_in(entry, settings) / made, None, entry.config)
    return SnapshotFiles(entry.path, entry.manifest, entry.config)


def _shelf(entry: SnapshotFeedSettings, settings: Settings) -> Shelf:
    """Where a feed's snapshots lie: in files that are replaced, or in a folder of releases."""
    files = _files_of(entry, settings)
    folder = files.snapshot
    if folder is None or not folder.is_dir():
        return files
    return Releases(folder, snapshot_name(profile(entry.profile).name), files.config)


def _built_in(entry: BuiltFeed, settings: Settings) -> Path:
    return settings.state_dir / "snapshots" / profile(entry.profile).name


def past(
    name: str,
    settings: Settings,
    wanted: Collection[Symbol],
    calendar: Calendar,
    perhaps: Collection[Symbol] = (),
) -> Past:
    """The sessions a source has of some symbols; of all `wanted` it has to know.

    Raises DataError naming the symbol that is missing or can not be believed.
    """
    table = _table(name, settings)
    symbols = dict.fromkeys((*wanted, *table.known(perhaps)))
    table = table.require([*symbols])
    days = table.closes.index
    kept = days.isin(calendar.index(calendar.first, calendar.last, 0))
    splices = tuple(
        Note("spliced", splice.symbol, {"by": splice.by, "until": splice.until})
        for splice in table.splices
        if splice.symbol in symbols
    )
    opens = None if table.opens is None else table.opens.loc[kept]
    return Past(table.closes.loc[kept], opens, splices, table.source)


def printed(path: Path, adjusted: pd.DataFrame) -> Raw:
    """The raw closes of a file beside adjusted ones, and what holders were given.

    Of a file with both kinds the unadjusted ones are read. Raises DataError naming the
    symbol that can not be believed; one the file lacks stays as it is.
    """
    table = load(path)
    known = table.known([str(symbol) for symbol in adjusted.columns])
    for symbol in known:
        table.refuse_defect(symbol)
    closes = table.closes if table.raw is None else table.raw.combine_first(table.closes)
    return raw_of(adjusted, closes)


def signal(
    profile_name: str,
    settings: Settings,
    prices: Path | None,
    day: date | None,
    feeds: Mapping[str, Path] = MappingProxyType({}),
) -> Signal:
    """A profile's signal from a price file, or the price store; of its last session by default.

    `feeds` are where the feeds it reads lie, by name. Raises Blocked as a live run
    would where one is missing or refused on the session.
    """
    about = profile(profile_name)
    table = load(prices) if prices else price_store(settings).table()
    calendar = exchange(settings)
    asked = day or table.closes.index[-1].date()
    session = calendar.on(asked)
    if session is None:
        raise BellwetherError("no_session", day=asked)
    clock = JumpingClock(session.closes)
    needs = about.strategy().needs
    told = _given(about.name, {}, calendar, feeds)
    reach = Reach(needs, told, table.known([*table.closes.columns]))
    known = table.adjusted().late(TablesMarket(kind="tables").late)
    market = TableMarket(known, clock, calendar)
    facts = numbered(asyncio.run(_known(market, reach, session.date)), calendar)
    return signal_of(about, facts, session.date, calendar)


def latest_signal(profile_name: str, settings: Settings) -> Signal:
    """A profile's signal of the last session in the price store."""
    return signal(profile_name, settings, None, None)


async def _known(market: MarketData, reach: Reach, day: date) -> Facts:
    """What is known at the close of a day, and long enough before to have followed a while."""
    needs = reach.on(day)
    longer = replace(needs, sessions=needs.sessions + LOOK_BACK)
    facts = replace(await market.facts(longer, day), feeds=reach.known(day))
    quotes = await market.quotes(needs.symbols)
    fresh = {s: quote for s, quote in quotes.items() if exchange_date(quote.at) == day}
    return facts.with_today(day, fresh)


def closes_of(prices: Path, profile_name: str) -> pd.DataFrame:
    """The closes a profile needs from a price file, sessions × symbols.

    Raises DataError naming the symbol that is missing or can not be believed.
    """
    needs = profile(profile_name).strategy().needs
    return load(prices).adjusted().require(needs.symbols).closes


def needed_sessions(profile_name: str) -> int:
    """How much history a profile needs before it may act."""
    return profile(profile_name).strategy().needs.sessions


def wanted_at_the_end(profile_name: str, closes: pd.DataFrame) -> Mapping[Symbol, float]:
    """What a profile wants on the last session of some closes; nothing where it holds still."""
    day = closes.index[-1].date()
    known = exchange(Settings()).index(closes.index[0].date(), day)
    decision = Features(profile(profile_name).strategy(), Facts(closes, known)).decide(day, {})
    return decision.targets if isinstance(decision, Rebalance) else {}


def update_prices(settings: Settings, source: Path) -> Updated:
    """Take a file of prices into the store, looked at with the exchange calendar."""
    calendar = exchange(settings)
    sessions = calendar.index(calendar.first, calendar.last, 0)
    told = price_store(settings).update(source, sessions)
    return Updated(
        source,
        tuple(
            Stored(s.symbol, s.added, s.replaced, s.dropped, s.first, s.last) for s in told.symbols
        ),
        tuple(
            Note(odd.code, odd.symbol, {"date": odd.date, "value": odd.value})
            for symbol in told.symbols
            for odd in symbol.suspicions
        ),
    )


def price_store(settings: Settings) -> PriceStore:
    """The prices a bot keeps, written by `data update` only."""
    return PriceStore(settings.state_dir / "prices")
