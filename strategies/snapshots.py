"""Snapshots of many stocks as a dated feed: which is in force when, its columns as read."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd

from bot.domain.errors import BellwetherError, Blocked
from bot.domain.strategy import Facts
from strategies.tables import UNKNOWN_SECTOR, Places, numbers_of, texts_of, truth

# A snapshot of a month's first session is good to the last of the next month: two long months.
LONGEST_IN_FORCE = 44
_MONTHS_IN_FORCE = 1
_MONTHS_A_YEAR = 12
_KEYS = ["known_on", "as_of", "symbol"]


def snapshots_of(
    facts: Facts,
    feed: str,
    required: Collection[str],
    aliases: Mapping[str, str] = MappingProxyType({}),
) -> pd.DataFrame:
    """The rows of a feed of snapshots, symbols in capitals without blanks around them.

    `aliases` name the column that stands in for one that is not there.
    Raises Blocked `feed_missing` where there is none of that name, and
    BellwetherError `feed_columns_missing` where it lacks what the rule reads.
    """
    if feed not in facts.feeds:
        raise Blocked("feed_missing", feed=feed)
    rows = facts.feeds[feed]
    for column, other in aliases.items():
        if column not in rows and other in rows:
            rows = rows.assign(**{column: rows[other]})
    lacking = [column for column in (*_KEYS, *required) if column not in rows]
    if lacking:
        raise BellwetherError("feed_columns_missing", feed=feed, columns=", ".join(lacking))
    return rows.assign(symbol=symbols(rows["symbol"])).reset_index(drop=True)


def symbols(column: pd.Series) -> pd.Series:
    """Symbols in capitals; empty where there is none."""
    return pd.Series([text.upper() for text in texts_of(column, "")], column.index, dtype=str)


def words(column: pd.Series) -> pd.Series:
    """Text without blanks around it; `unknown` where there is none."""
    return pd.Series(texts_of(column, UNKNOWN_SECTOR), column.index, dtype=str)


def numbers(column: pd.Series) -> pd.Series:
    """Numbers; what is no finite number is missing."""
    told = numbers_of(column)
    return pd.Series(np.where(np.isfinite(told), told, np.nan), column.index)


def truths(rows: pd.DataFrame, columns: Sequence[str], *, missing: bool) -> pd.Series:
    """The first of the columns that is there as true or false; all true where none is.

    A missing value is `missing`, blank text is no.
    """
    for column in columns:
        if column in rows:
            if pd.api.types.is_bool_dtype(rows[column].dtype):
                return rows[column].astype(bool)
            said = [_truth(value, missing=missing) for value in rows[column].tolist()]
            return pd.Series(said, rows.index, dtype=bool)
    return pd.Series(data=True, index=rows.index, dtype=bool)


def _truth(value: Hashable, *, missing: bool) -> bool:
    return truth(value, missing=missing and not isinstance(value, str))


def on_first_sessions(facts: Facts, rows: pd.DataFrame, count: int) -> pd.DataFrame:
    """Each snapshot on the first `count` sessions that could act on it, while it is the newest.

    `rows` are as `snapshots_of` gives them; the result is indexed by session and
    symbol, both ascending. A snapshot from before the first known session has no
    place to count from and is not acted on. Raises BellwetherError for a row
    without a symbol, or a second row of one.
    """
    dated, issues, days, newest = _newest_known(facts, rows)
    known = pd.DatetimeIndex(issues["known_on"])[newest]
    age = facts.sessions.searchsorted(days) - facts.sessions.searchsorted(known)
    kept = (known >= facts.sessions.min()) & (age < count)
    return _spread(dated, issues, days[kept], newest[kept])


def while_in_force(facts: Facts, rows: pd.DataFrame) -> pd.DataFrame:
    """The newest snapshot on every session to the end of the month after its own.

    `rows`, the result and the errors are as in `on_first_sessions`.
    """
    dated, issues, days, newest = _newest_known(facts, rows)
    made = pd.DatetimeIndex(issues["as_of"])[newest]
    months = (days.year - made.year) * _MONTHS_A_YEAR + days.month - made.month
    kept = np.asarray(months <= _MONTHS_IN_FORCE)
    return _spread(dated, issues, days[kept], newest[kept])


def _newest_known(
    facts: Facts, rows: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DatetimeIndex, Places]:
    """The rows by snapshot and symbol, the snapshots, the days one is known, and the newest then.

    Of snapshots known from the same session on the one of the later date counts.
    """
    dated = rows.sort_values(_KEYS, kind="stable", ignore_index=True)
    _refuse_nameless(dated)
    issues = dated[_KEYS[:2]].drop_duplicates()
    days = pd.DatetimeIndex(facts.closes.index)
    days = days[days.isin(facts.sessions)]
    newest = pd.DatetimeIndex(issues["known_on"]).searchsorted(days, side="right") - 1
    return dated, issues, days[newest >= 0], newest[newest >= 0]


def _refuse_nameless(dated: pd.DataFrame) -> None:
    blank = dated[dated["symbol"] == ""]
    if len(blank):
        raise BellwetherError("snapshot_symbol_blank", snapshot=blank["as_of"].iloc[0].date())
    twice = dated[dated.duplicated(_KEYS)]
    if len(twice):
        symbol, snapshot = twice["symbol"].iloc[0], twice["as_of"].iloc[0].date()
        raise BellwetherError("snapshot_symbol_twice", symbol=symbol, snapshot=snapshot)


def _spread(
    dated: pd.DataFrame, issues: pd.DataFrame, days: pd.DatetimeIndex, which: Places
) -> pd.DataFrame:
    """The rows of one snapshot per day, indexed by day and symbol."""
    starts = issues.index.to_numpy()
    sizes = np.diff([*starts, len(dated)])
    spans = [np.arange(starts[issue], starts[issue] + sizes[issue]) for issue in which]
    places = np.concatenate(spans) if spans else np.empty(0, dtype=np.intp)
    spread = dated.take(places)
    repeated = days.repeat(sizes[which])
    index = pd.MultiIndex.from_arrays([repeated, spread["symbol"]], names=["session", "symbol"])
    return spread.set_index(index)
