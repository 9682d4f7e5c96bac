"""The dated tables a house reads and makes: those of its books, of experiments, of candles."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from adapters.table_feeds import TableFeed, TableHistory, read_table
from bot.domain.calendar import Calendar
from bot.domain.dated_tables import AS_OF
from bot.domain.errors import Blocked, SettingsError
from bot.ports import Clock, Feed, FeedHistory
from config.settings import Settings
from config.sources import TableFeed as TableSettings
from strategies import strategy
from strategies.expectations import layout_of


@dataclass(frozen=True, slots=True)
class Made:
    """What a table of patterns was made of: rows by stock and day, their span, bars left out."""

    path: Path
    symbols: int
    rows: int
    first: date | None
    last: date | None
    left_out: int


def table_feeds(
    name: str, settings: Settings, clock: Clock, calendar: Calendar
) -> Mapping[str, Feed]:
    """The dated tables a book reads, under the names its strategy knows them by.

    Raises SettingsError `feed_unread` for one its profile does not read,
    `feed_without_table` and `feed_is_no_table` for what is none.
    """
    book = settings.books[name]
    needs = {need.name: need for need in strategy(book.profile, book.params).needs.feeds}
    told: dict[str, Feed] = {}
    for read, feed in book.tables.items():
        _refuse_unread(read, book.profile, needs)
        entry, layout = settings.feeds[feed], layout_of(read)
        if not isinstance(entry, TableSettings):
            raise SettingsError("feed_is_no_table", feed=feed)
        every = entry.look_every
        told[read] = TableFeed(entry.path, layout, needs[read], calendar, clock, every)
    return told


def tables(
    profile: str, params: Mapping[str, object], files: Mapping[str, Path]
) -> dict[str, pd.DataFrame]:
    """The dated tables a profile reads, from files by the names it knows them by.

    Raises what `table_feeds` does, and Blocked `feed_missing` for one that is not given
    and all that `read_table` refuses.
    """
    reads = [need.name for need in strategy(profile, params).needs.feeds]
    for name in files:
        _refuse_unread(name, profile, reads)
    for name in reads:
        if name not in files:
            raise Blocked("feed_missing", feed=name)
    return {name: read_table(files[name], layout_of(name)).rows for name in reads}


def table_histories(
    profile: str, params: Mapping[str, object], files: Mapping[str, Path], calendar: Calendar
) -> dict[str, FeedHistory]:
    """What dated tables of a profile told in the past, by the names it knows them by.

    Raises SettingsError `feed_without_table` for what is none.
    """
    needs = {need.name: need for need in strategy(profile, params).needs.feeds}
    return {
        name: TableHistory(path, layout_of(name), needs[name], calendar)
        for name, path in files.items()
    }


def make_patterns(bars: Path, out: Path, calendar: Calendar) -> Made:
    """Recognise the candlestick patterns of a long file of bars and keep them as a table.

    Raises SettingsError `extra_missing` where TA-Lib is not installed, and what reading
    and recognising refuse.
    """
    try:
        # Only who makes patterns needs the library.
        from adapters.patterns import BARS, recognise, write_table
    except ModuleNotFoundError as missing:
        raise SettingsError("extra_missing", extra="patterns", module=missing.name) from None
    found = recognise(read_table(bars, BARS).rows, calendar, str(bars))
    write_table(found.table, out)
    days = pd.DatetimeIndex(found.table[AS_OF])
    return Made(
        path=out,
        symbols=found.table["symbol"].nunique(),
        rows=len(found.table),
        first=days.min().date() if len(days) else None,
        last=days.max().date() if len(days) else None,
        left_out=found.left_out,
    )


def _refuse_unread(name: str, profile: str, reads: Collection[str]) -> None:
    if name not in reads:
        known = ", ".join(reads) or "–"
        raise SettingsError("feed_unread", feed=name, profile=profile, reads=known)
