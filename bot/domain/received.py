"""Signals of others: what their words mean, and when what was first known."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType

import pandas as pd

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


def news(kept: Sequence[Received], told: Iterable[Received], session: date) -> list[Received]:
    """What is said that was not known yet; it is known from `session` on, or from later.

    The first of all tellings is believed as it is: it brings its own history. Of a
    day that was told already another word is a correction, known from now on; the
    word as it was is kept, for it was acted on.
    """
    newest = {each.as_of: each.word for each in kept}
    new = []
    for each in told:
        if newest.get(each.as_of) != each.word:
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
