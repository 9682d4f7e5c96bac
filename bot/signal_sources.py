"""The signals of others a house receives, put together from its settings."""

from collections.abc import Mapping
from functools import partial
from typing import assert_never

from adapters.signal_feeds import SignalFeed, Source
from adapters.signal_file import SignalFile
from bot.domain.calendar import Calendar
from bot.domain.errors import Blocked, SettingsError
from bot.ports import Clock, Feed
from config import sources as entries
from config.problems import SettingsProblem
from config.secrets import of_feed, secret
from config.settings import Settings
from strategies import strategy


def signal_feeds(
    name: str, settings: Settings, clock: Clock, calendar: Calendar
) -> Mapping[str, Feed]:
    """The signals a book reads, under the names its strategy knows them by.

    Raises SettingsError `signal_not_read` for one its profile does not read and
    `feed_is_no_signal` for what is none.
    """
    book = settings.books[name]
    needs = {need.name: need for need in strategy(book.profile, book.params).needs.feeds}
    told: dict[str, Feed] = {}
    for read, feed in book.signals.items():
        if read not in needs:
            known = ", ".join(needs) or "–"
            raise SettingsError("signal_not_read", name=read, profile=book.profile, known=known)
        entry = settings.feeds[feed]
        if not isinstance(entry, entries.SignalFile | entries.SignalAddress):
            raise SettingsError("feed_is_no_signal", feed=feed)
        journal = settings.state_dir / "signals" / f"{feed}.{read}.jsonl"
        source = _source(feed, entry, read)
        told[read] = SignalFeed(source, needs[read], journal, calendar, clock, entry.look_every)
    return told


def _source(feed: str, entry: entries.SignalFile | entries.SignalAddress, read: str) -> Source:
    match entry:
        case entries.SignalFile():
            return SignalFile(entry.path, read)
        case entries.SignalAddress():
            # Who fetches no signal does not wait for what fetches them.

            # Who reads no address does not wait for its library.
            from adapters.signal_address import SignalAddress

            token = partial(_token, feed) if entry.token else lambda: None
            return SignalAddress(entry.address, read, token, entry.answer_seconds)
        case _:
            assert_never(entry)


def _token(feed: str) -> str:
    """The token of a feed, looked for when it is needed: who only looks at a ledger needs none."""
    name = of_feed(feed)
    try:
        return secret(name).value
    except SettingsProblem as problem:
        raise Blocked("signal_token", feed=feed, secret=name, reason=str(problem)) from None
