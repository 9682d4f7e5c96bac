"""The exchange calendar: dates to sessions with their real hours, half days and extra closures."""

import warnings
from bisect import bisect_left, bisect_right
from calendar import SUNDAY
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache

import exchange_calendars

from bot.domain.calendar import EXCHANGE, Calendar
from bot.domain.errors import Blocked, SettingsError
from bot.domain.model import Session

# Until then trading began at 10:00, which the schedule does not know.
EARLIEST = date(1985, 9, 30)
# The exchange publishes its holidays about three years ahead; what is later is its present
# rules carried forward, good enough to name a session and too weak to go on for ever.
LATEST = date(2069, 12, 31)


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the exchange announced and the installed schedule does not know yet.

    `early_closes` are times of day at the exchange.
    """

    extra_closures: frozenset[date] = frozenset()
    early_closes: Mapping[date, time] = field(default_factory=dict)


AS_SCHEDULED = Overrides()


def nyse(first: date, last: date, overrides: Overrides = AS_SCHEDULED) -> Calendar:
    """The sessions of the New York Stock Exchange from `first` to `last`, opens and closes in UTC.

    Raises Blocked `calendar_unknown` for a span that ends before it begins or
    leaves EARLIEST to LATEST, and SettingsError naming the date where an override
    contradicts the schedule, whether or not the date is inside the span.
    """
    _known(first, since=EARLIEST)
    _known(last, since=first)
    sessions = _overridden(_scheduled(), overrides)
    start = bisect_left(sessions, first, key=_date)
    return Calendar(
        sessions[start : bisect_right(sessions, last, key=_date)],
        first,
        last,
        unsettled=_unsettled(range(first.year, last.year + 1)),
        earlier=start,
    )


def _known(day: date, since: date) -> None:
    if not since <= day <= LATEST:
        raise Blocked("calendar_unknown", day=day, first=since, last=LATEST)


def _date(session: Session) -> date:
    return session.date


@cache
def _scheduled() -> Sequence[Session]:
    """Every session the schedule knows, built once: a span of it costs a slice."""
    with warnings.catch_warnings():
        # The library reads its own columns in a way pandas has announced to change.
        warnings.filterwarnings("ignore", message=r"Series\.values", category=DeprecationWarning)
        schedule = exchange_calendars.get_calendar("XNYS", start=EARLIEST, end=LATEST).schedule
    hours = zip(
        schedule.index.date,
        schedule["open"].dt.tz_convert(UTC).dt.to_pydatetime(),
        schedule["close"].dt.tz_convert(UTC).dt.to_pydatetime(),
        strict=True,
    )
    return tuple(Session(day, opens, closes) for day, opens, closes in hours)


def _overridden(sessions: Sequence[Session], overrides: Overrides) -> Sequence[Session]:
    if overrides == AS_SCHEDULED:
        return sessions
    kept = {session.date: session for session in sessions}
    for day in sorted(overrides.extra_closures):
        if kept.pop(day, None) is None:
            raise SettingsError("closure_without_session", day=day)
    for day, closes in sorted(overrides.early_closes.items()):
        if day not in kept:
            raise SettingsError("early_close_without_session", day=day)
        kept[day] = _shortened(kept[day], closes)
    return tuple(kept.values())


def _shortened(session: Session, at: time) -> Session:
    closes = datetime.combine(session.date, at, EXCHANGE).astimezone(UTC)
    if at.tzinfo is not None or not session.opens < closes <= session.closes:
        raise SettingsError("early_close_outside_hours", day=session.date, at=at)
    return replace(session, closes=closes)


def _unsettled(years: Iterable[int]) -> frozenset[date]:
    """The days on which the exchange is open and the banks that settle are not."""
    return frozenset(day for year in years for day in (_columbus_day(year), _veterans_day(year)))


def _columbus_day(year: int) -> date:
    """The second Monday of October."""
    eighth = date(year, 10, 8)
    return eighth + timedelta(days=-eighth.weekday() % 7)


def _veterans_day(year: int) -> date:
    """November 11; a Sunday's is kept on Monday, a Saturday's by no Federal Reserve bank."""
    day = date(year, 11, 11)
    return day + timedelta(days=1) if day.weekday() == SUNDAY else day
