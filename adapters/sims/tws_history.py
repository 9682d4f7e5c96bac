"""The history desk: daily bars, how far back they go, and why there are none."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from adapters.sims import tws_messages as messages
from adapters.sims.bars import Bar
from adapters.sims.tws_codes import Answer, Code, Request
from adapters.sims.tws_contracts import Instrument, read_query
from adapters.sims.tws_market import ADJUSTED, TRADES
from adapters.sims.tws_quotes import QuoteDesk
from adapters.sims.tws_session import Answering, Session
from adapters.sims.tws_wire import Fields
from adapters.sims.tws_world import World

DAILY = "1 day"
SEEN = frozenset({TRADES, ADJUSTED})
LONGEST_IN_DAYS = 365
DAYS_OF = {"W": 7, "M": 31, "Y": 366}
AS_EPOCH = "2"
_DURATION = re.compile(r"(\d+) ([SDWMY])")
NO_DATA = "HMDS query returned no data: {}@{} {}"
CANCELLED = "API historical data query cancelled: {}"


class HistoryDesk:
    """Answers what is asked of bars."""

    def __init__(self, world: World, quotes: QuoteDesk) -> None:
        self._world = world
        self._quotes = quotes

    @property
    def answers(self) -> Mapping[Request, Answering]:
        """What it can be asked."""
        return {
            Request.HISTORICAL_DATA: self._bars,
            Request.CANCEL_HISTORICAL_DATA: self._cancel,
            Request.HEAD_TIMESTAMP: self._head,
            Request.CANCEL_HEAD_TIMESTAMP: _nothing,
        }

    def _bars(self, session: Session, fields: list[str]) -> None:
        read = Fields(fields)
        request_id, query = read.count(), read_query(read)
        read.skip(1)
        end, size, duration = read.text(), read.text(), read.text()
        read.skip(1)
        what = read.text()
        remark = _refusal(end, size, duration, what)
        if remark:
            session.say(request_id, Code.VALIDATING, remark)
            return
        instrument = self._quotes.only(session, request_id, query)
        if instrument is None:
            return
        until = _day(end) or self._world.today
        known = [bar for bar in self._all(instrument, what) if bar.day <= until]
        bars = _within(known, duration, until)
        if bars:
            session.tell(messages.historical_data(request_id, bars))
        else:
            remark = NO_DATA.format(instrument.symbol, instrument.routed, what)
            session.say(request_id, Code.HISTORY, remark)

    def _cancel(self, session: Session, fields: list[str]) -> None:
        request_id = Fields(fields[1:]).count()
        if request_id in session.interests.histories:
            session.interests.histories.discard(request_id)
            session.say(request_id, Code.HISTORY, CANCELLED.format(request_id))
        else:
            session.say(request_id, Code.UNKNOWN_HISTORY, request_id)

    def _head(self, session: Session, fields: list[str]) -> None:
        read = Fields(fields)
        request_id, query = read.count(), read_query(read)
        read.skip(2)
        what, written = read.text(), read.text()
        instrument = self._quotes.only(session, request_id, query)
        if instrument is None:
            return
        bars = self._all(instrument, what)
        if not bars:
            remark = NO_DATA.format(instrument.symbol, instrument.routed, what)
            session.say(request_id, Code.HISTORY, remark)
            return
        first = bars[0].day
        told = f"{_epoch(first)}" if written == AS_EPOCH else f"{first:%Y%m%d}-14:30:00"
        session.tell((Answer.HEAD_TIMESTAMP, request_id, told))

    def _all(self, instrument: Instrument, what: str) -> tuple[Bar, ...]:
        return self._world.market.history(instrument, what, self._world.today)


def _nothing(_session: Session, _fields: list[str]) -> None:
    """It was answered at once."""


def _refusal(end: str, size: str, duration: str, what: str) -> str:
    """Return what is wrong with a request; nothing where it can be answered."""
    asked = _DURATION.fullmatch(duration)
    if size != DAILY:
        return f"Bar size {size!r}: this gateway has daily bars only"
    if what not in SEEN:
        return f"Historical data type {what!r}: this gateway has {' and '.join(sorted(SEEN))} only"
    if not asked or asked[2] == "S":
        return f"Historical data query duration {duration!r} is not valid"
    if asked[2] == "D" and int(asked[1]) > LONGEST_IN_DAYS:
        return "Historical data requests for durations longer than 365 days must be made in years."
    if what == ADJUSTED and end:
        return "End Date/Time: Historical data requests for ADJUSTED_LAST take none"
    return "" if not end or _day(end) else f"End Date/Time {end!r} is not valid"


def _within(bars: Sequence[Bar], duration: str, until: date) -> Sequence[Bar]:
    how_many, unit = duration.split()
    if unit == "D":
        return bars[-int(how_many) :]
    first = until - timedelta(days=int(how_many) * DAYS_OF[unit])
    return [bar for bar in bars if bar.day > first]


def _day(text: str) -> date | None:
    """Return the day a time was written with, None where none can be made out."""
    try:
        return datetime.strptime(text[:8], "%Y%m%d").date()  # noqa: DTZ007 - only its day is looked at
    except ValueError:
        return None


def _epoch(day: date) -> int:
    return (day - date(1970, 1, 1)).days * 86_400
