"""Signals of others as a dated feed: which one is in force, how old it is, what it says."""

from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot.domain.errors import BellwetherError, Blocked
from bot.domain.received import VOCABULARY, understood
from bot.domain.strategy import Facts

# Beyond this a signal is old, and how old depends on how much of the calendar is known.
OLD = 21
_COLUMNS = ("as_of", "known_on", "signal")
_NEVER = -1


def signals_of(facts: Facts, feed: str, days: pd.DatetimeIndex) -> pd.DataFrame:
    """A row per day of the signal in force: `FEED` as 1, 0 or NaN, its `_age` and its `_word`.

    In force is the one about the latest day of those known, of several about the same
    the one received last. The age counts sessions, none on the day it is about, to
    `OLD` at most. Before the first is known all are NaN. Raises Blocked `feed_missing`
    and BellwetherError `feed_columns_missing`.
    """
    if feed not in facts.feeds:
        raise Blocked("feed_missing", feed=feed)
    rows = facts.feeds[feed]
    lacking = [column for column in _COLUMNS if column not in rows]
    if lacking:
        raise BellwetherError("feed_columns_missing", feed=feed, columns=", ".join(lacking))
    rows = rows.sort_values("known_on", kind="stable", ignore_index=True)
    about = pd.DatetimeIndex(rows["as_of"])
    newest = pd.DatetimeIndex(rows["known_on"]).searchsorted(days, side="right") - 1
    place = np.where(newest == _NEVER, _NEVER, _latest(about)[newest] if len(rows) else _NEVER)
    known = place != _NEVER
    words = np.full(len(days), None, dtype=object)
    words[known] = rows["signal"].to_numpy(dtype=object)[place[known]]
    age = np.full(len(days), np.nan)
    age[known] = _sessions_between(about[place[known]], days[known], facts.sessions)
    said = dict(zip(VOCABULARY[feed], (1.0, 0.0), strict=True))
    numbers = [said.get(f"{word}".strip().upper(), np.nan) for word in words]
    return pd.DataFrame({feed: numbers, f"{feed}_age": age, f"{feed}_word": words}, days)


def heard(row: pd.Series, feed: str, session: date, max_age: int) -> bool:
    """Whether the signal of a row says the first of its two words.

    Raises Blocked `signal_missing` where none is known, `signal_stale` where it is older
    than `max_age` sessions, and `signal_unknown` where its word is not understood.
    """
    age = row[f"{feed}_age"]
    if np.isnan(age):
        raise Blocked("signal_missing", feed=feed, day=session)
    if age > max_age:
        raise Blocked("signal_stale", feed=feed, age=int(age), max_age=max_age)
    return understood(feed, row[f"{feed}_word"], session)


def _latest(about: pd.DatetimeIndex) -> npt.NDArray[np.intp]:
    """Of each row the place of the latest day so far, the later of equals."""
    days = about.to_numpy()
    best = np.maximum.accumulate(days) if len(days) else days
    rows = np.arange(len(days))
    return np.maximum.accumulate(np.where(days == best, rows, _NEVER))


def _sessions_between(
    earlier: pd.DatetimeIndex, later: pd.DatetimeIndex, sessions: pd.DatetimeIndex
) -> npt.NDArray[np.intp]:
    passed = sessions.searchsorted(later, side="right") - sessions.searchsorted(
        earlier, side="right"
    )
    ages: npt.NDArray[np.intp] = np.clip(passed, 0, OLD)
    return ages
