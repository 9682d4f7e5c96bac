"""What a person may ask of a house: to an answer, or to an event in a book's inbox."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, TypeAlias, assert_never

from bot import __version__, lines
from bot.daemon import Seat, next_wake, seat_of
from bot.domain.calendar import exchange_date
from bot.domain.errors import BellwetherError, Blocked, SettingsError
from bot.domain.memory import RunReport, Switch
from bot.domain.model import Mode, RunKey, Symbol
from bot.events import RunDue
from bot.ladder import LAST_CALL
from bot.preview import preview
from bot.proofs import Checkup
from bot.remembering import Ledger
from bot.report import (
    Status,
    UnderWay,
    render_plan,
    render_positions,
    render_status,
    render_why,
)
from bot.review import PastRun, render_orders, render_runs, render_wakes
from bot.words import Language, Words

MOST_TOLD = 250  # wakes or runs in one answer


@dataclass(frozen=True, slots=True)
class Look:
    """How a book stands, or what it holds."""

    book: str | None = None
    do: Literal["status", "positions"] = "status"


@dataclass(frozen=True, slots=True)
class Coming:
    """When a book wakes next, so many times."""

    book: str | None = None
    count: int = 5
    do: Literal["next"] = "next"


@dataclass(frozen=True, slots=True)
class Runs:
    """The latest runs of a book, newest first."""

    book: str | None = None
    count: int = 10
    do: Literal["runs"] = "runs"


@dataclass(frozen=True, slots=True)
class Orders:
    """What became of the orders of a book's last run, or of that of a day."""

    book: str | None = None
    day: date | None = None
    do: Literal["orders"] = "orders"


@dataclass(frozen=True, slots=True)
class Why:
    """Why the last run of a book did what it did, in one symbol or in all."""

    book: str | None = None
    symbol: Symbol | None = None
    do: Literal["why"] = "why"


@dataclass(frozen=True, slots=True)
class PlanNow:
    """What a run would do if it were due now."""

    book: str | None = None
    do: Literal["plan"] = "plan"


@dataclass(frozen=True, slots=True)
class RunNow:
    """Take up today's run, if it is due and has not ended."""

    book: str | None = None
    do: Literal["run"] = "run"


@dataclass(frozen=True, slots=True)
class Turn:
    """Set a book's switch: what it may do from now on; without a name, every book's.

    Only going on again is said book by book: whoever stops means everything.
    """

    to: Switch
    book: str | None = None
    reason: str = ""
    do: Literal["turn"] = "turn"


@dataclass(frozen=True, slots=True)
class Resolve:
    """End an open question with what the person found out at the broker."""

    order: str
    filled: int = 0
    price: Decimal | None = None
    do: Literal["resolve"] = "resolve"


# What the ledger alone can answer: it disturbs nobody.
Glance: TypeAlias = Look | Coming | Runs | Orders | Why
Command: TypeAlias = Glance | PlanNow | RunNow | Turn | Resolve


Data: TypeAlias = (
    Status | RunReport | PastRun | tuple[PastRun, ...] | tuple[datetime, ...] | Checkup | None
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person reads, and what a program may: the same as a value, where there is one."""

    text: str
    data: Data = None


async def obey(command: Command, seats: Sequence[Seat], language: Language) -> Answer:
    """Do what was asked. Raises BellwetherError, whose words the asker gets."""
    match command:
        case Look() | Coming() | Runs() | Orders() | Why():
            return _glance(command, which(seats, command.book), language)
        case PlanNow(book):
            return await _plan(which(seats, book), language)
        case RunNow(book):
            return _run(which(seats, book), language)
        case Turn(to, book, reason):
            everyone = book is None and to is not Switch.ACTIVE
            turned = seats if everyone else [which(seats, book)]
            return Answer("\n".join(_turn(seat, to, reason, language) for seat in turned))
        case Resolve(order, filled, price):
            return _resolve(seats, order, filled, price, language)
        case _:
            assert_never(command)


def _glance(command: Glance, seat: Seat, language: Language) -> Answer:
    ledger, book = seat.desk.ledger, seat.book.name
    match command:
        case Look(_, what):
            status = status_of(seat)
            render = render_positions if what == "positions" else render_status
            return Answer(render(status, language), status)
        case Coming(_, count):
            wakes = _wakes(seat, count)
            return Answer(render_wakes(wakes, language), wakes)
        case Runs(_, count):
            runs = tuple(_past(ledger, run) for run in ledger.runs(book, count))
            return Answer(render_runs(runs, seat.title, language), runs)
        case Orders(_, day):
            past = _past(ledger, _run_of(seat, day))
            return Answer(render_orders(past, seat.title, language), past)
        case Why(_, symbol):
            return _why(seat, symbol, language)
        case _:
            assert_never(command)


def which(seats: Sequence[Seat], name: str | None) -> Seat:
    """The seat a person means; SettingsError `which_book` where it is one of several."""
    if name is None and len(seats) > 1:
        raise SettingsError("which_book", known=", ".join(seat.book.name for seat in seats))
    return seat_of(seats, name)


def idle_today(seat: Seat, language: Language) -> str | None:
    """Why a book has nothing to take up today, in words; None where it has.

    Raises Blocked `window_ahead` before its time.
    """
    words, now = Words(language), seat.desk.clock.now()
    today = exchange_date(now)
    session = seat.desk.sessions.on(today)
    if session is None:
        return words.phrase("no_session_today", {"session": today, "book": seat.book.name})
    report = seat.desk.ledger.report(RunKey(seat.book.name, today))
    if report is not None and report.outcome.final:
        line = lines.ended(report, words)
        return words.phrase("run_ended", {"book": seat.book.name, "line": line})
    opens = session.decides_at(seat.book.lead)
    if now < opens:
        raise Blocked("window_ahead", opens=opens, ends=session.closes - LAST_CALL)
    return None


def status_of(seat: Seat) -> Status:
    """A book as its ledger knows it."""
    book, ledger = seat.book, seat.desk.ledger
    last = next((r for run in ledger.runs(book.name) if (r := ledger.report(run))), None)
    seen = ledger.baseline(book.name)
    return Status(
        title=seat.title,
        version=__version__,
        switch=ledger.switch(book.name),
        next_wake=next_wake(seat),
        last=last,
        under_way=_under_way(seat),
        questions=ledger.questions(book.name),
        portfolio=seen.portfolio if seen else None,
        prices=last.decided.prices if last and last.decided else {},
        line=seat.standing(),
    )


def _wakes(seat: Seat, count: int) -> tuple[datetime, ...]:
    """The next wakes, as far as the calendar knows."""
    first = next_wake(seat)
    if first is None:
        return ()
    sessions = seat.desk.sessions
    coming = sessions.between(exchange_date(first), sessions.last)[:count]
    return tuple(session.decides_at(seat.book.lead) for session in coming)


def _run_of(seat: Seat, day: date | None) -> RunKey:
    """The run of a day, else the last one; BellwetherError where there was none."""
    if day is None:
        latest = seat.desk.ledger.runs(seat.book.name, 1)
        if not latest:
            raise BellwetherError("no_run_yet", book=seat.book.name)
        return latest[0]
    if seat.desk.sessions.on(day) is None:
        raise BellwetherError("no_session", day=day)
    return RunKey(seat.book.name, day)


def _past(ledger: Ledger, run: RunKey) -> PastRun:
    """A run that has ended or is under way; BellwetherError `no_run_on` where neither."""
    report = ledger.report(run)
    decided = report.decided if report else ledger.decision(run)
    reason = decided.decision.reason if decided else ""
    if report is not None:
        unfinished = report.owed.unfinished if report.owed else {}
        return PastRun(run, report.outcome, report.at, reason, report.orders, unfinished)
    if decided is None:
        raise BellwetherError("no_run_on", book=run.book, day=run.session)
    return PastRun(run, None, decided.at, reason, ledger.standings(run))


def _under_way(seat: Seat) -> UnderWay | None:
    ledger = seat.desk.ledger
    for run in ledger.runs(seat.book.name, 1):
        decided = ledger.decision(run)
        if decided is not None and ledger.outcome(run) is None:
            return UnderWay(run.session, decided.at, ledger.standings(run))
    return None


def _why(seat: Seat, symbol: Symbol | None, language: Language) -> Answer:
    ledger = seat.desk.ledger
    for run in ledger.runs(seat.book.name):
        report = ledger.report(run)
        if report is not None and report.decided is not None:
            return Answer(render_why(report, symbol, language, seat.mode), report)
    raise BellwetherError("no_run_yet", book=seat.book.name)


def _run(seat: Seat, language: Language) -> Answer:
    if (why_not := idle_today(seat, language)) is not None:
        return Answer(why_not)
    seat.inbox.put_nowait(RunDue(exchange_date(seat.desk.clock.now())))
    return Answer(Words(language).phrase("run_asked", {"book": seat.book.name}))


async def _plan(seat: Seat, language: Language) -> Answer:
    desk = replace(seat.desk, ledger=seat.desk.ledger.copy())
    report = await preview(seat.book, desk)
    title = replace(seat.title, mode=Mode.DRY)
    return Answer(render_plan(report, title, language), report)


def _turn(seat: Seat, to: Switch, reason: str, language: Language) -> str:
    seat.desk.ledger.set_switch(seat.book.name, to, reason, seat.desk.clock.now())
    line = Words(language).phrase(f"switch_{to.value}", {"reason": reason})
    return f"{seat.book.name}: {line}"


def _resolve(
    seats: Sequence[Seat], order: str, filled: int, price: Decimal | None, language: Language
) -> Answer:
    """One ledger serves every seat and says itself which orders it knows and which are open."""
    books = {q.intent.id: s for s in seats for q in s.desk.ledger.questions(s.book.name)}
    seat = books.get(order, seats[0])
    now = seat.desk.clock.now()
    seat.desk.ledger.resolve(order, filled=filled, price=price, at=now, who="owner")
    return Answer(Words(language).phrase("resolved", {"book": seat.book.name}))
