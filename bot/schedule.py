"""When to wake: the calendar's times become events in inboxes, by the clock or by leaps."""

import asyncio
from asyncio import Queue
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.domain.calendar import Calendar, aware, exchange_date
from bot.domain.model import Session
from bot.events import Event, RunDue, SessionClosed, Stopped, Wake

# A run reads its orders a last time five minutes after the close; then the session is over.
AFTER_FINAL_READ = timedelta(minutes=6)

# A timer of the event loop stands still while the host is suspended: the wall clock is asked again.
LOOK_EVERY = timedelta(seconds=30)

BEAT = "beat"  # a job of the scheduler that does nothing but prove that jobs are done


def wakes(calendar: Calendar, first: date, last: date, lead: timedelta) -> Iterator[Wake]:
    """Each session's decision, `lead` before its close, and its end, in order of time."""
    for session in calendar.between(first, last):
        yield Wake(session.decides_at(lead), RunDue(session.date))
        yield Wake(session.closes + AFTER_FINAL_READ, SessionClosed(session.date))


def last_over(calendar: Calendar, by: datetime) -> Session:
    """The last session whose orders had been read a last time at a moment."""
    day = exchange_date(by)
    session = calendar.on(day)
    if session is not None and session.closes + AFTER_FINAL_READ <= by:
        return session
    return calendar.before(day)


class SystemClock:
    """The time of the host."""

    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class JumpingClock:
    """A clock that stands until it is told otherwise, and never goes back."""

    def __init__(self, start: datetime) -> None:
        self._now = aware(start).astimezone(UTC)

    def now(self) -> datetime:
        """The time it was brought to, in UTC."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Let the time pass at once, and everybody else have a turn."""
        self.jump(self._now + timedelta(seconds=seconds))
        await asyncio.sleep(0)

    def jump(self, to: datetime) -> None:
        """Go on to a moment; one that has passed changes nothing."""
        self._now = max(self._now, aware(to).astimezone(UTC))


class ScheduledWakes:
    """Events at their time, by APScheduler. To be started inside the running event loop."""

    def __init__(self, look_every: timedelta = LOOK_EVERY) -> None:
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self.look_every = look_every
        self._look: asyncio.TimerHandle | None = None
        self._beaten: float | None = None

    def arm(self, wakes: Iterable[Wake], inbox: Queue[Event]) -> None:
        """Have these events arrive, each once however often it is armed before its time.

        A wake whose time has passed arrives at once, however late: whether it is
        too late to trade is for the daemon to say, and a dropped one says nothing.
        """
        for wake in wakes:
            self._scheduler.add_job(
                inbox.put,
                "date",
                run_date=wake.at,
                args=[wake.event],
                id=f"{wake.event} {id(inbox)}",
                replace_existing=True,
                coalesce=True,
                # The default of one second would lose a wake that meets a busy loop.
                misfire_grace_time=None,
            )

    def start(self) -> None:
        """Begin to deliver."""
        self._scheduler.add_job(
            self._beat,
            "interval",
            seconds=self.look_every.total_seconds(),
            id=BEAT,
            coalesce=True,
            misfire_grace_time=None,
        )
        self._scheduler.start()
        self._beaten = asyncio.get_running_loop().time()
        self._look_again()

    def stop(self) -> None:
        """Deliver nothing more; stopping what does not run is no error."""
        if self._look is not None:
            self._look.cancel()
            self._look = None
            self._beaten = None
            self._scheduler.shutdown(wait=False)

    def silent_for(self) -> timedelta | None:
        """How long ago the scheduler did its last job of any kind; None where it does not run."""
        if self._beaten is None:
            return None
        return timedelta(seconds=asyncio.get_running_loop().time() - self._beaten)

    def next_at(self, inbox: Queue[Event] | None = None) -> datetime | None:
        """The time of the next wake, in UTC, of an inbox or of any; None where nothing is armed."""
        return min((due for due, _ in self.armed(inbox)), default=None)

    def armed(self, inbox: Queue[Event] | None = None) -> Iterator[tuple[datetime, Event]]:
        """What has not been delivered yet, to an inbox or to any, in no order."""
        # Before the start the scheduler lists what was armed twice twice, the valid one last.
        jobs = {job.id: job for job in self._scheduler.get_jobs() if job.id != BEAT}
        for job in jobs.values():
            if inbox is None or job.func.__self__ is inbox:
                yield job.trigger.run_date, job.args[0]

    def _look_again(self) -> None:
        self._scheduler.wakeup()
        again = self.look_every.total_seconds()
        self._look = asyncio.get_running_loop().call_later(again, self._look_again)

    async def _beat(self) -> None:
        self._beaten = asyncio.get_running_loop().time()


@dataclass(frozen=True, slots=True)
class _Armed:
    wake: Wake
    inbox: Queue[Event]


class JumpingWakes:
    """Events in order of time, as fast as they are dealt with: the clock leaps to each."""

    def __init__(self, clock: JumpingClock) -> None:
        self._clock = clock
        self._armed: list[_Armed] = []
        self._inboxes: list[Queue[Event]] = []

    def arm(self, wakes: Iterable[Wake], inbox: Queue[Event]) -> None:
        """Have these events arrive, each once however often it is armed before its time."""
        if inbox not in self._inboxes:
            self._inboxes.append(inbox)
        new = {wake.event: _Armed(wake, inbox) for wake in wakes}
        kept = [a for a in self._armed if a.inbox is not inbox or a.wake.event not in new]
        self._armed = sorted([*kept, *new.values()], key=lambda armed: armed.wake.at)

    async def run(self) -> None:
        """Deliver all, each after its inbox's consumer has said `task_done` of the one before.

        What is in an inbox already comes first. A run may sleep beyond the next
        wake: it is delivered all the same, late. In the end every inbox is told
        Stopped.
        """
        for inbox in self._inboxes:
            await inbox.join()
        while self._armed:
            armed = self._armed.pop(0)
            self._clock.jump(armed.wake.at)
            await armed.inbox.put(armed.wake.event)
            await armed.inbox.join()
        for inbox in self._inboxes:
            await inbox.put(Stopped())
