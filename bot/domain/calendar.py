"""The days of the exchange as a value: which are sessions, their hours, when money settles."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pandas as pd

from bot.domain.errors import BellwetherError, Blocked
from bot.domain.model import Session

EXCHANGE = ZoneInfo("America/New_York")


def exchange_date(moment: datetime) -> date:
    """The date at the exchange."""
    return aware(moment).astimezone(EXCHANGE).date()


def aware(moment: datetime) -> datetime:
    """The moment itself; BellwetherError `naive_time` where it names no zone.

    Python reads a naive time in the zone of the host, which is nobody's intention.
    """
    if moment.utcoffset() is None:
        raise BellwetherError("naive_time", moment=moment)
    return moment


class Calendar:
    """The sessions from `first` to `last`, both known completely.

    A date outside raises Blocked `calendar_unknown`: a day the calendar does not
    know is no trading day, and somebody must hear of it. `unsettled` are sessions
    on which the exchange is open and money does not settle. `earlier` is how many
    sessions there were before `first`, as whoever built the calendar counts.
    """

    def __init__(
        self,
        sessions: Sequence[Session],
        first: date,
        last: date,
        unsettled: Collection[date] = (),
        earlier: int = 0,
    ) -> None:
        self.sessions = tuple(sessions)
        self.first, self.last = first, last
        self._earlier = earlier
        self._dates = [session.date for session in self.sessions]
        self._unsettled = frozenset(unsettled)
        self._index = pd.DatetimeIndex(self._dates)

    def on(self, day: date) -> Session | None:
        """The session of a day, None on a day the exchange is closed."""
        self._known(day)
        at = bisect_left(self._dates, day)
        return self.sessions[at] if self._dates[at : at + 1] == [day] else None

    def after(self, day: date, count: int = 1) -> Session:
        """The `count`-th session after a day."""
        at = bisect_right(self._dates, day) + count - 1
        self._known(day)
        if at >= len(self.sessions):
            raise Blocked("calendar_unknown", day=day, first=self.first, last=self.last)
        return self.sessions[at]

    def before(self, day: date, count: int = 1) -> Session:
        """The `count`-th session before a day."""
        at = bisect_left(self._dates, day) - count
        self._known(day)
        if at < 0:
            raise Blocked("calendar_unknown", day=day, first=self.first, last=self.last)
        return self.sessions[at]

    def between(self, first: date, last: date) -> Sequence[Session]:
        """The sessions of a span of days, both ends included."""
        self._known(first)
        self._known(last)
        return self.sessions[bisect_left(self._dates, first) : bisect_right(self._dates, last)]

    def distance(self, earlier: date, later: date) -> int:
        """How many sessions lie after `earlier` up to and including `later`."""
        return len(self.between(earlier, later)) - (self.on(earlier) is not None)

    def number(self, day: date) -> int:
        """How many sessions the exchange had before a day: the same whatever span is known."""
        self._known(day)
        return self._earlier + bisect_left(self._dates, day)

    def index(self, first: date, last: date, ahead: int = 40) -> pd.DatetimeIndex:
        """The sessions of a span and `ahead` more: what a strategy may know of the calendar."""
        end = self.after(last, ahead)
        start = bisect_left(self._dates, first)
        return self._index[start : bisect_right(self._dates, end.date)]

    def settles(self, day: date) -> date:
        """The date on which a trade of a session settles: one settlement day later."""
        session = self.after(day)
        while session.date in self._unsettled:
            session = self.after(session.date)
        return session.date

    def _known(self, day: date) -> None:
        if not self.first <= day <= self.last:
            raise Blocked("calendar_unknown", day=day, first=self.first, last=self.last)
