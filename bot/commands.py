"""What a person may ask of a house: to an answer, or to an event in a book's inbox."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal, TypeAlias, assert_never

from bot import __version__, lines
from bot.daemon import Seat, next_wake, seat_of
from bot.domain.calendar import exchange_date
from bot.domain.errors import BellwetherError, Blocked, SettingsError
from bot.domain.memory import RunReport, Switch
from bot.domain.model import Mode, RunKey, Symbol
from bot.ladder import LAST_CALL
from bot.ports import RunDue
from bot.preview import preview
from bot.report import (
    Status,
    UnderWay,
    render_plan,
    render_positions,
    render_status,
    render_why,
)
from bot.words import Language, Words


@dataclass(frozen=True, slots=True)
class Look:
    """How a book stands, or what it holds."""

    book: str | None = None
    do: Literal["status", "positions"] = "status"


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


Command: TypeAlias = Look | Why | PlanNow | RunNow | Turn | Resolve


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person reads, and what a program may: the same as a value, where there is one."""

    text: str
    data: Status | RunReport | None = None


async def obey(command: Command, seats: Sequence[Seat], language: Language) -> Answer:
    """Do what was asked. Raises BellwetherError, whose words the asker gets."""
    match command:
        case Look(book, what):
            status = status_of(which(seats, book))
            render = render_positions if what == "positions" else render_status
            return Answer(render(status, language), status)
        case Why(book, symbol):
            return _why(which(seats, book), symbol, language)
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
    )


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
