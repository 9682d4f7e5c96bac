"""One inbox per book, one event at a time: what an event leads to."""

import asyncio
import logging
from asyncio import Queue
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import assert_never
from uuid import uuid4

from bot.domain.admission import Issue
from bot.domain.calendar import exchange_date
from bot.domain.errors import (
    BellwetherError,
    Blocked,
    BrokerUnavailable,
    Halted,
    LedgerError,
    SettingsError,
)
from bot.domain.memory import Message, Outcome, RunReport
from bot.domain.model import Mode, Note, RunKey, Session
from bot.domain.strategy import Book
from bot.events import Event, FeedArrived, RunDue, SessionClosed, Stopped, Wakes
from bot.execution import LINE_ERRORS, reconcile
from bot.ladder import LAST_CALL
from bot.logs import about
from bot.outbox import Outbox
from bot.ports import BrokerLine, Desk, Feed
from bot.report import Title, render_error, render_note, render_run
from bot.run import run_session
from bot.schedule import wakes as wakes_of
from bot.words import Language, Words

RETRY_SECONDS = 60.0
HEED_EVERY_SECONDS = 60.0
ARMED_AHEAD = 20  # sessions
ARMED_DAYS = timedelta(days=60)  # in which that many sessions surely lie
MISSED_ONE_BY_ONE = 3  # sessions, the newest; those before are told together
TOLD_WHOLE = frozenset({Outcome.HELD, Outcome.COMPLETE, Outcome.OWED})

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Seat:
    """A book at its desk: everything one consumer of one inbox works with.

    `last` is the last session it is woken for, None for as long as the calendar
    knows. `standing` says how the login and the line to its broker are. The inbox is
    its only way in.
    """

    book: Book
    desk: Desk
    wakes: Wakes
    outbox: Outbox
    mode: Mode
    language: Language
    last: date | None = None
    standing: Callable[[], Sequence[Note]] = tuple
    inbox: "Queue[Event]" = field(default_factory=Queue)

    @property
    def title(self) -> Title:
        """Whose messages these are."""
        return Title(self.mode, self.book.name, self.book.account, self.book.profile)

    def tell(self, kind: str, key: str, text: str) -> None:
        """Put a message into the outbox; the same key is told once."""
        at = self.desk.clock.now()
        self.outbox.post(Message(f"{self.book.name}/{key}", kind, self.book.name, at, text))


def seat_of(seats: Sequence[Seat], name: str | None) -> Seat:
    """The seat of a book, of the only one where no name is given."""
    by_name = {seat.book.name: seat for seat in seats}
    if name is None and len(by_name) == 1:
        return seats[0]
    if name is None or name not in by_name:
        raise SettingsError("unknown_book", name=name or "–", known=", ".join(by_name))
    return by_name[name]


async def serve(
    seats: Sequence[Seat], stop: asyncio.Event, sources: Sequence[Callable[[], Awaitable[None]]]
) -> None:
    """Run books until told to stop, or until every one of them has nothing more to come.

    `sources` run beside: deliveries, the control socket, a clock that jumps. One
    that dies ends everything, for the supervisor to start it again; stopping in the
    middle of a run is safe at any call.
    """
    async with asyncio.TaskGroup() as group:
        beside = [group.create_task(_run(source)) for source in sources]
        for seat in seats:
            catch_up(seat)
        books = {group.create_task(attend(seat)) for seat in seats}
        stopping = group.create_task(_wait(stop))
        while books and not stopping.done():
            done, _ = await asyncio.wait({*books, stopping}, return_when=asyncio.FIRST_COMPLETED)
            books -= done
        for task in (*beside, *books, stopping):
            task.cancel()


async def _run(source: Callable[[], Awaitable[None]]) -> None:
    await source()


async def _wait(stop: asyncio.Event) -> None:
    await stop.wait()


def catch_up(seat: Seat) -> None:
    """Compare calendar and ledger: arm what comes, and put what was left into the inbox.

    Inside the window the book is woken at once; a session whose window has passed
    is woken too, to be reported as missed or to be brought to its end.
    """
    now, sessions = seat.desk.clock.now(), seat.desk.sessions
    today = exchange_date(now)
    past = seat.desk.ledger.runs(seat.book.name, 1)
    # A clock that was wrong may have left runs of days that are still to come.
    since = min(max(past[0].session, sessions.first), today) if past else today
    passed = [s for s in sessions.between(since, today) if s.decides_at(seat.book.lead) <= now]
    asleep = passed[1 : -1 - MISSED_ONE_BY_ONE]
    for session in passed:
        if session not in asleep:
            seat.inbox.put_nowait(RunDue(session.date))
    if asleep:
        values = {"count": len(asleep), "first": asleep[0].date, "last": asleep[-1].date}
        text = render_note(Note("missed_many", "", values), seat.title, seat.language)
        seat.tell("missed", f"missed/{asleep[0].date}/{asleep[-1].date}", text)
    arm(seat)


def arm(seat: Seat) -> None:
    """Have the wakes of the coming sessions arrive; arming again changes nothing."""
    now, sessions = seat.desk.clock.now(), seat.desk.sessions
    today = exchange_date(now)
    end = min(seat.last or sessions.last, sessions.last, today + ARMED_DAYS)
    coming = [s for s in sessions.between(today, end) if s.decides_at(seat.book.lead) > now]
    coming = coming[:ARMED_AHEAD]
    # From today, whose end comes still when its decision is past: somebody may have restarted.
    due = wakes_of(sessions, today, coming[-1].date if coming else end, seat.book.lead)
    seat.wakes.arm([wake for wake in due if wake.at > now], seat.inbox)
    if len(coming) < ARMED_AHEAD and end == sessions.last:
        error = Blocked("calendar_ends", last=sessions.last)
        text = render_error(error, seat.title, seat.language)
        seat.tell("error", f"calendar_ends/{sessions.last}", text)


async def attend(seat: Seat) -> None:
    """Deal with a book's events, one after the other, until Stopped."""
    while True:
        event = await seat.inbox.get()
        try:
            match event:
                case RunDue(day):
                    await trade(seat, day)
                case FeedArrived(issue):
                    with about(seat.book.name, seat.book.account):
                        await arrived(seat, issue)
                case SessionClosed(day):
                    with about(seat.book.name, seat.book.account, day):
                        await close(seat, day)
                case Stopped():
                    return
                case _:
                    assert_never(event)
        finally:
            seat.inbox.task_done()


async def heed(line: BrokerLine, seat: Seat) -> None:
    """Tell an owner what should be heard of a line when it is new and when it is over.

    The same news is told at most once a day.
    """
    known: Sequence[Note] = ()
    while True:
        notes = line.notes()
        day = exchange_date(seat.desk.clock.now())
        for note in _news(known, notes, seat.language):
            text = render_note(note, seat.title, seat.language)
            seat.tell("error", _key(note, day), text)
        known = notes
        await seat.desk.clock.sleep(HEED_EVERY_SECONDS)


def _news(known: Sequence[Note], notes: Sequence[Note], language: Language) -> Iterator[Note]:
    """What was not known yet; where nothing is new, what is over.

    A note that makes way for another has not ended: the matter goes on in other words.
    """
    fresh = [note for note in notes if note not in known]
    yield from fresh
    still = {note.code for note in notes}
    for note in () if fresh else known:
        if note.code not in still:
            trouble = Words(language).say(note.code, note.values)
            yield Note("line_well", "", {"trouble": trouble})


def _key(note: Note, day: date) -> str:
    """What makes news of a line the same news.

    What ends at a moment is told once for all, also by a daemon that was started again;
    what has ended is also what a run of the day is blocked by, and told by either.
    """
    if "ends" in note.values:
        return f"line/{note.code}/{note.values}"
    return (
        f"{day}/{note.code}" if "ended" in note.values else f"line/{day}/{note.code}/{note.values}"
    )


async def watch(seat: Seat) -> None:
    """Bring what arrives in a book's feeds into its inbox, and tell what was refused."""
    async with asyncio.TaskGroup() as group:
        for feed in seat.desk.feeds.values():
            group.create_task(_watch(seat, feed))


async def _watch(seat: Seat, feed: Feed) -> None:
    async for came in feed.arrivals():
        if isinstance(came, Blocked):
            tell_trouble(seat, exchange_date(seat.desk.clock.now()), came, during="feed/")
        else:
            await seat.inbox.put(FeedArrived(came))


async def arrived(seat: Seat, issue: Issue) -> None:
    """Tell of new data; inside a session's window take the run up at once."""
    values = {"feed": issue.profile, "day": issue.as_of, "rows": issue.rows, "from": issue.known_on}
    note = Note("feed_arrived", "", values)
    text = render_note(note, seat.title, seat.language)
    seat.tell("no_trade", f"feed/{issue.sha256}", text)
    now = seat.desk.clock.now()
    session = seat.desk.sessions.on(exchange_date(now))
    if session and session.decides_at(seat.book.lead) <= now < session.closes - LAST_CALL:
        await trade(seat, session.date)


async def trade(seat: Seat, day: date) -> None:
    """Run a session to its outcome, trying again while it is blocked and there is time.

    The first trouble is told at once, and what came of it at the end.
    """
    with about(seat.book.name, seat.book.account, day):
        await _trade(seat, day)


async def _trade(seat: Seat, day: date) -> None:
    run = RunKey(seat.book.name, day)
    try:
        session = _unfinished(seat, run)
    except BellwetherError as error:
        tell_trouble(seat, day, error)
        return
    if session is None:
        _tell_again(seat, run)
        return
    cause: BellwetherError | None = None
    while True:
        late = seat.desk.clock.now() >= session.closes - LAST_CALL
        came = await _attempt(seat, session)
        if isinstance(came, RunReport):
            _tell_run(seat, came)
            return
        over = came.code == "window_over"
        if isinstance(came, Halted) or late:
            _end(seat, run, cause if over and cause else came, missed=over and not cause)
            return
        tell_trouble(seat, day, came)
        if came.code == "window_ahead":
            return  # the wake of the window comes by itself
        cause = came
        await seat.desk.clock.sleep(RETRY_SECONDS)


def _unfinished(seat: Seat, run: RunKey) -> Session | None:
    """The session of a run that still can come to something, None where it has ended."""
    session = seat.desk.sessions.on(run.session)
    ended = seat.desk.ledger.outcome(run)
    if session is None or ended is None:
        return session
    over = seat.desk.clock.now() >= session.closes - LAST_CALL
    told = over and seat.desk.ledger.decision(run) is None
    return None if ended.final or told else session


async def close(seat: Seat, day: date) -> None:
    """After a session: finish what was interrupted, ask open questions, arm what comes."""
    await trade(seat, day)
    arm(seat)
    before = seat.desk.ledger.questions(seat.book.name)
    if not before:
        return
    try:
        open_still = await reconcile(seat.book, seat.desk, over=day)
    except (BellwetherError, *LINE_ERRORS) as error:
        tell_trouble(seat, day, _named(error), during="closed/")
        return
    still = {question.intent.id for question in open_still}
    for order in (question.intent for question in before):
        code = "open_question" if order.id in still else "question_answered"
        news = Note(code, order.symbol, {"order": order.id})
        text = render_note(news, seat.title, seat.language)
        seat.tell("error", f"{day}/{code}/{order.id}", text)


async def _attempt(seat: Seat, session: Session) -> RunReport | BellwetherError:
    try:
        return await run_session(seat.book, session, seat.desk)
    except (BellwetherError, *LINE_ERRORS) as error:
        return _named(error)
    except Exception as error:  # the one broad except: a run that dies leaves the daemon alive
        reference = uuid4().hex[:8]
        log.exception("run of %s died, reference %s", seat.book.name, reference)
        return BellwetherError("unforeseen", error=type(error).__name__, reference=reference)


def _named(error: Exception) -> BellwetherError:
    if isinstance(error, BellwetherError):
        return error
    return BrokerUnavailable("broker_unavailable", reason=f"{type(error).__name__}: {error}")


def _tell_run(seat: Seat, report: RunReport) -> None:
    kind = "run" if report.orders or _alarming(report) else "no_trade"
    key = f"{report.run.session}/{report.outcome}"
    text = render_run(report, seat.title, seat.language, next_wake(seat))
    seat.tell(kind, key, text)


def _alarming(report: RunReport) -> bool:
    """Whether a run without orders is more than a session on which nothing was to be done."""
    quiet = report.outcome in {Outcome.HELD, Outcome.COMPLETE}
    return not quiet or any(note.code == "owed_expired" for note in report.notes)


def _tell_again(seat: Seat, run: RunKey) -> None:
    """Tell how a run ended, in case the process died before it could; who was told is not."""
    report = seat.desk.ledger.report(run)
    if report is not None and report.outcome in TOLD_WHOLE:
        _tell_run(seat, report)


def tell_trouble(seat: Seat, day: date, error: BellwetherError, during: str = "") -> None:
    """Tell of an error, once for each session, code and time of day it came `during`."""
    orders = seat.desk.ledger.standings(RunKey(seat.book.name, day))
    text = render_error(error, seat.title, seat.language, orders)
    kind = "blocked" if isinstance(error, Blocked) else "error"
    seat.tell(kind, f"{day}/{during}{error.code}", text)


def _end(seat: Seat, run: RunKey, error: BellwetherError, *, missed: bool) -> None:
    """Keep and tell that a run came to nothing, and why."""
    if missed:
        outcome = Outcome.MISSED
    else:
        outcome = Outcome.HALTED if isinstance(error, Halted) else Outcome.BLOCKED
    note = Note("missed" if missed else error.code, "", error.values)
    report = RunReport(
        run=run,
        outcome=outcome,
        at=seat.desk.clock.now(),
        decided=seat.desk.ledger.decision(run),
        orders=seat.desk.ledger.standings(run),
        notes=(note,),
    )
    # Told before it is kept: what has ended is not taken up again, and so never told.
    text = render_run(report, seat.title, seat.language, next_wake(seat))
    seat.tell(outcome.value, f"{run.session}/{outcome}/{error.code}", text)
    try:
        seat.desk.ledger.finish(report)
    except LedgerError as lost:
        log.critical("the outcome of %s could not be kept: %s", run, lost)


def next_wake(seat: Seat) -> datetime | None:
    """When a book wakes next, None where the calendar or the show ends before."""
    now, sessions = seat.desk.clock.now(), seat.desk.sessions
    try:
        session = sessions.on(exchange_date(now))
        if session is None or session.decides_at(seat.book.lead) <= now:
            session = sessions.after(exchange_date(now))
    except Blocked:
        return None
    return session.decides_at(seat.book.lead)
