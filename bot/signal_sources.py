"""The signals of others a house receives, put together from its settings."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import TypeAlias, assert_never

from adapters.journal import Journal
from adapters.signal_feeds import KEPT, SignalFeed, SignalHistory, Source, kept_in
from adapters.signal_file import SignalFile
from bot.domain.calendar import Calendar
from bot.domain.errors import Blocked, SettingsError
from bot.domain.received import VOCABULARY, Received
from bot.domain.strategy import FeedNeed
from bot.ports import Clock, Feed, FeedHistory
from config import sources as entries
from config.problems import SettingsProblem
from config.secrets import of_feed, secret
from config.settings import Settings
from strategies import strategy

SignalEntry: TypeAlias = entries.SignalFile | entries.SignalAddress


def signal_feeds(
    name: str, settings: Settings, clock: Clock, calendar: Calendar
) -> Mapping[str, Feed]:
    """The signals a book reads, under the names its strategy knows them by.

    Raises SettingsError `signal_not_read` for one its profile does not read and
    `feed_is_no_signal` for what is none.
    """
    told: dict[str, Feed] = {}
    for need, feed, entry in _read_by(name, settings):
        source, journal = _source(feed, entry, need.name), _journal(feed, need, settings)
        told[need.name] = SignalFeed(source, need, journal, calendar, clock, entry.look_every)
    return told


def signal_histories(
    name: str, settings: Settings, calendar: Calendar, given: Mapping[str, Path]
) -> dict[str, FeedHistory]:
    """What the signals of a book were in the past: of files `given` by name, else as received.

    A file that nobody has received anything of yet is read as it lies there. Raises
    what `signal_feeds` does, and Blocked for what can not be understood.
    """
    told: dict[str, FeedHistory] = {}
    for need, feed, entry in _read_by(name, settings):
        kept: Sequence[Received] = kept_in(Journal(_journal(feed, need, settings), KEPT))
        if not kept and isinstance(entry, entries.SignalFile):
            kept = _lying_in(entry.path, need)
        if kept:
            told[need.name] = SignalHistory(kept, need, calendar)
    book = settings.books[name]
    for need in strategy(book.profile, book.params).needs.feeds:
        if need.name in given and need.name in VOCABULARY:
            told[need.name] = SignalHistory(_lying_in(given[need.name], need), need, calendar)
    return told


def _lying_in(path: Path, need: FeedNeed) -> Sequence[Received]:
    """All that a file of signals says, each with its own day."""
    return asyncio.run(SignalFile(path, need.name).told(date.min))


def _journal(feed: str, need: FeedNeed, settings: Settings) -> Path:
    return settings.state_dir / "signals" / f"{feed}.{need.name}.jsonl"


def _read_by(name: str, settings: Settings) -> Iterator[tuple[FeedNeed, str, SignalEntry]]:
    """The signals a book reads, with the name and the entry of the feed each comes from."""
    book = settings.books[name]
    needs = {need.name: need for need in strategy(book.profile, book.params).needs.feeds}
    for read, feed in book.signals.items():
        if read not in needs:
            known = ", ".join(needs) or "–"
            raise SettingsError("signal_not_read", name=read, profile=book.profile, known=known)
        entry = settings.feeds[feed]
        if not isinstance(entry, entries.SignalFile | entries.SignalAddress):
            raise SettingsError("feed_is_no_signal", feed=feed)
        yield needs[read], feed, entry


def _source(feed: str, entry: SignalEntry, read: str) -> Source:
    match entry:
        case entries.SignalFile():
            return SignalFile(entry.path, read)
        case entries.SignalAddress():
            # Who fetches no signal does not wait for what fetches them.
            from adapters.signal_address import SignalAddress

            token = partial(_token, feed) if entry.token else lambda: None
            return SignalAddress(entry.address, read, token, entry.answer_seconds)
        case _:
            assert_never(entry)


def _token(feed: str) -> str:
    """The token of a feed, looked for when it is needed: who only looks at a ledger needs none."""
    name = of_feed(feed)
    try:
        token = secret(name).value
    except SettingsProblem as problem:
        raise Blocked("signal_token", feed=feed, secret=name, reason=str(problem)) from None
    # What sends it would tell it, or die of it.
    if not (token.isascii() and token.isprintable()):
        raise Blocked("signal_token", feed=feed, secret=name, reason="not one line of ASCII")
    return token
