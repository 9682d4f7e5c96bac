"""Signals of others: what their words mean, and when what was first known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import MappingProxyType

import pandas as pd

from bot.domain.calendar import exchange_date
from bot.domain.errors import Blocked

# What a signal may say, the word that is true first. Case and blanks do not matter.
VOCABULARY: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"rotation": ("LONG", "SHORT"), "forecast": ("BUY", "SELL")}
)


@dataclass(frozen=True, slots=True)
class Received:
    """A signal as somebody said it: about which day, and the first session that could act on it."""

    as_of: date
    known_on: date
    word: str


def understood(feed: str, word: object, as_of: object) -> bool:
    """Whether a word of a feed is the true one of its two.

    Raises Blocked `signal_unknown` for any other: what is not understood is no answer.
    """
    yes, no = VOCABULARY[feed]
    said = word.strip().upper() if isinstance(word, str) else ""
    if said not in {yes, no}:
        known = f"{yes}, {no}"
        raise Blocked("signal_unknown", feed=feed, word=word, day=as_of, known=known)
    return said == yes


def news(kept: Sequence[Received], told: Sequence[Received], session: date) -> list[Received]:
    """What is said that was not known yet; it is known from `session` on, or from later.

    The first of all tellings is believed as it is: it brings its own history. Of a
    day that was told already another word is a correction, known from now on; the
    word as it was is kept, for it was acted on. What is told of a day before the word
    that is known is older than that.
    """
    newest = {each.as_of: each.word for each in kept}
    known = {
        each.as_of: place for place, each in enumerate(told) if newest.get(each.as_of) == each.word
    }
    new = []
    for place, each in enumerate(told):
        if place > known.get(each.as_of, -1) and newest.get(each.as_of) != each.word:
            newest[each.as_of] = each.word
            new.append(replace(each, known_on=max(each.known_on, session)) if kept else each)
    return new


def table(kept: Sequence[Received]) -> pd.DataFrame:
    """The signals as a feed: `as_of`, `known_on` and `signal`, in the order they were received."""
    return pd.DataFrame(
        {
            "as_of": pd.DatetimeIndex([each.as_of for each in kept]),
            "known_on": pd.DatetimeIndex([each.known_on for each in kept]),
            "signal": [each.word for each in kept],
        }
    )


def received(feed: str, cells: Mapping[str, object], today: date, place: str) -> Received:
    """A signal as a file's row or an answer writes it: `signal`, `known_on`, `updated`.

    Without `known_on` it is known from the session `today` on, without `updated` it is
    about the day it was known. Raises Blocked `signal_unknown` for its word, and
    `signal_unreadable` naming the place and what is wrong there: both days left out, no
    day, or one that came before what it is about.
    """
    told = {name: cells.get(name) for name in ("known_on", "updated")}
    if not any(told.values()):
        raise _unreadable(feed, place, "neither known_on nor updated")
    known_on = _day(feed, place, told["known_on"]) if told["known_on"] else today
    as_of = _day(feed, place, told["updated"]) if told["updated"] else known_on
    if as_of > known_on:
        raise _unreadable(feed, place, f"updated {as_of} after it was known on {known_on}")
    understood(feed, cells.get("signal"), as_of)
    return Received(as_of, known_on, str(cells["signal"]).strip().upper())


def _day(feed: str, place: str, told: object) -> date:
    """The day at the exchange of a date or a time."""
    try:
        moment = datetime.fromisoformat(f"{told}".strip())
        return moment.date() if moment.utcoffset() is None else exchange_date(moment)
    except (ValueError, OverflowError):
        raise _unreadable(feed, place, f"{told} is no day") from None


def _unreadable(feed: str, place: str, what: str) -> Blocked:
    return Blocked("signal_unreadable", feed=feed, place=place, what=what)
