"""Whether all a run needs is proven now: looked at when somebody asks, and never too often."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from pathlib import Path

from bot import timekeeping
from bot.check import see_account, see_feed
from bot.daemon import ARMED_DAYS, Seat, next_wake
from bot.domain.calendar import exchange_date
from bot.domain.errors import BellwetherError, Blocked
from bot.domain.model import RunKey
from bot.gather import history
from bot.ports import BrokerLine
from bot.proofs import HOUSE, Checkup, Examined, proven, told
from bot.schedule import AFTER_FINAL_READ, ScheduledWakes, last_over
from bot.timekeeping import Witness, Witnessed
from bot.vitals import vitals
from bot.words import Words

PATIENCE_SECONDS = 8.0  # with a part that does not answer: whoever asks waits as long
# Prices are due so long before a decision: what is missing then can still be brought.
DUE_BEFORE = timedelta(hours=6)
# Nobody asks a broker for history so shortly before a decision, nor after it: the run does.
UNDISTURBED = timedelta(minutes=30)
HANDLED_WITHIN = timedelta(minutes=10)  # of a session's last read, or of the daemon's start
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Every:
    """How many seconds a proof holds, and how soon after a failure it is tried again."""

    well: float
    ill: float


AT_ONCE, OFTEN, SELDOM = Every(5, 5), Every(300, 60), Every(3600, 900)


@dataclass(slots=True)
class Measured:
    """Numbers found on the way, as far as they are known."""

    disk_free: int | None = None
    clock: Witnessed | None = None
    newest: dict[str, date] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Look:
    whose: str
    part: str
    every: Every
    see: Callable[[], Awaitable[str]]
    quietly: bool = False


class Health:
    """The health of one daemon: its seats, its lines, its scheduler, the host it lives on.

    Brokers are asked every few minutes at most and for history once an hour, however
    often somebody wants to know. `least_free` are bytes of the disk of `folder`.
    """

    def __init__(
        self,
        seats: Sequence[Seat],
        lines: Mapping[str, BrokerLine],
        wakes: ScheduledWakes,
        folder: Path,
        least_free: int,
        witnesses: Mapping[str, Witness] | None = None,
    ) -> None:
        self.seats, self.lines = seats, lines
        self.measured = Measured()
        self._wakes, self._folder, self._least = wakes, folder, least_free
        self._words = Words(seats[0].language)
        self._clock = seats[0].desk.clock
        self._began = self._clock.now()
        host = {"kernel": timekeeping.kernel, "timesyncd": timekeeping.time_service}
        said = host if witnesses is None else witnesses
        self._witnesses = {**said, **{name: line.clock for name, line in lines.items()}}
        self._looks = tuple(self._all_looks())
        self._seen: dict[_Look, tuple[float, Examined]] = {}
        self._asking = asyncio.Lock()

    async def checkup(self) -> Checkup:
        """Everything a run needs, each part as it was when it was last looked at."""
        async with self._asking:
            alive = await vitals(self.seats, self._wakes)
            await asyncio.gather(*(self._look(look) for look in self._looks if self._due(look)))
        whose = [HOUSE, *self.lines, *(seat.book.name for seat in self.seats)]
        parts = [*alive.parts, *(self._seen[look][1] for look in self._looks)]
        parts.sort(key=lambda part: whose.index(part.book))
        well = all(part.error is None for part in parts)
        return Checkup(self._clock.now(), well, told(parts, self._words))

    def _all_looks(self) -> Iterator[_Look]:
        yield _Look(HOUSE, "integrity", SELDOM, self._whole)
        yield _Look(HOUSE, "disk", AT_ONCE, self._room)
        yield _Look(HOUSE, "clock", OFTEN, self._time)
        for name, line in self.lines.items():
            yield _Look(name, "line", OFTEN, line.prove)
        for seat in self.seats:
            name = seat.book.name
            yield _Look(name, "calendar", AT_ONCE, partial(self._calendar, seat))
            yield _Look(name, "handled", AT_ONCE, partial(self._handled, seat))
            yield _Look(name, "account", OFTEN, partial(see_account, seat, self._words))
            yield _Look(name, "data", SELDOM, partial(self._data, seat), quietly=True)
            if seat.book.needs.feeds:
                yield _Look(name, "feed", SELDOM, partial(see_feed, seat, self._words))

    def _due(self, look: _Look) -> bool:
        if look not in self._seen:
            return True
        at, found = self._seen[look]
        if look.quietly and any(self._trades(seat) for seat in self.seats):
            return False
        holds = look.every.ill if found.error else look.every.well
        return asyncio.get_running_loop().time() - at >= holds

    def _trades(self, seat: Seat) -> bool:
        """Whether a decision is near, or the run after it may still go on."""
        now = self._clock.now()
        session = seat.desk.sessions.on(exchange_date(now))
        if session is None:
            return False
        begins = session.decides_at(seat.book.lead) - UNDISTURBED
        return begins <= now < session.closes + AFTER_FINAL_READ

    async def _look(self, look: _Look) -> None:
        found = await proven(look.whose, look.part, _in_time(look.see()))
        self._seen[look] = asyncio.get_running_loop().time(), found

    async def _whole(self) -> str:
        self.seats[0].desk.ledger.check()
        return self._words.phrase("seen_integrity")

    async def _room(self) -> str:
        self.measured.disk_free = free = shutil.disk_usage(self._folder).free
        values = {"free": free // MEBIBYTE, "least": self._least // MEBIBYTE, "path": self._folder}
        if free < self._least:
            raise BellwetherError("disk_low", **values)
        return self._words.phrase("seen_disk", values)

    async def _time(self) -> str:
        self.measured.clock = await timekeeping.heard(self._witnesses, PATIENCE_SECONDS / 2)
        verdict = self.measured.clock.verdict()
        return self._words.phrase("seen_clock", {"most": f"{verdict.most:.1f}"})

    async def _calendar(self, seat: Seat) -> str:
        last = seat.desk.sessions.last
        if exchange_date(self._clock.now()) + ARMED_DAYS > last:
            raise Blocked("calendar_ends", last=last)
        return self._words.phrase("seen_reach", {"last": last})

    async def _handled(self, seat: Seat) -> str:
        """The last session that is over came to something, be it to nothing."""
        ledger, now = seat.desk.ledger, self._clock.now()
        newest = ledger.runs(seat.book.name, 1)
        if not newest:
            return self._words.phrase("seen_no_run")
        over = last_over(seat.desk.sessions, now - HANDLED_WITHIN)
        begun = now - self._began < HANDLED_WITHIN
        if not begun and ledger.outcome(RunKey(seat.book.name, over.date)) is None:
            raise BellwetherError("session_unhandled", book=seat.book.name, session=over.date)
        return self._words.phrase("seen_handled", {"last": newest[0].session})

    async def _data(self, seat: Seat) -> str:
        """The closes the next decision needs, or as long as they are not due the last one's."""
        due, sessions = next_wake(seat), seat.desk.sessions
        if due is None:
            raise Blocked("calendar_ends", last=sessions.last)
        day = exchange_date(due)
        far = due - self._clock.now() > DUE_BEFORE
        session = sessions.before(day, 1 if far else 0)
        facts = await history(seat.book, session, seat.desk)
        newest = facts.closes.index[-1].date()
        self.measured.newest[seat.book.name] = newest
        return self._words.phrase("seen_newest", {"last": newest})


async def _in_time(seeing: Awaitable[str]) -> str:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await seeing
