"""What a run would do if it were due now: nothing is kept and nothing is sent."""

from dataclasses import replace
from datetime import timedelta

from bot.conclude import told
from bot.decide import decide
from bot.domain.calendar import exchange_date
from bot.domain.errors import Blocked, Halted
from bot.domain.memory import Decided, Outcome, RunReport, Standing, Switch
from bot.domain.model import Note, RunKey, Session
from bot.domain.money import value_targets
from bot.domain.planning import sides
from bot.domain.strategy import Book
from bot.ladder import Trade
from bot.ports import Desk
from bot.run import PLANNERS, situate, usable_today

# What only a person's word is missing for: a preview is what the word is given on.
UNSAID = frozenset({"paused", "halt_switch", "needs_confirmation"})


async def preview(book: Book, desk: Desk) -> RunReport:
    """Decide and plan every side now, what comes before one counted as filled at the quote.

    The desk's ledger is written to: hand over a copy. Today's session, or the
    next one where today's is decided, is taken as if its decision time were now.
    What a person stopped or has not confirmed yet is planned all the same, with a
    note of it. Raises what else `decide` raises.
    """
    session = _as_if_due(book, desk)
    run = RunKey(book.name, session.date)
    decided, unsaid = await _decided(book, session, desk)
    if decided.following is None:
        report = told(decided, Outcome.HELD, desk)
        return replace(report, notes=(*unsaid, *report.notes))
    trade = Trade(run, session, book.rules, ())
    targets = value_targets(decided.following, decided.equity, book.rules)
    now = await situate(book, trade, decided, desk)
    usable = usable_today(book.rules, session, desk.sessions)
    orders: list[Standing] = []
    for side in sides(decided.following.targets):
        plan = PLANNERS[side](run, targets, now, book.rules)
        desk.ledger.intend(run, side, plan, {})
        orders += [Standing(intent, side) for intent in plan.orders]
        now = now.after(plan, usable=usable)
    report = told(decided, Outcome.COMPLETE, desk)
    return replace(report, orders=orders, notes=(*unsaid, *report.notes))


async def _decided(book: Book, session: Session, desk: Desk) -> tuple[Decided, list[Note]]:
    """What is or would be decided, and what a person would have to say before."""
    try:
        return await decide(book, session, desk), []
    except (Blocked, Halted) as error:
        if error.code not in UNSAID:
            raise
        desk.ledger.set_switch(book.name, Switch.ACTIVE, "", desk.clock.now())
        note = Note(error.code, "", error.values)
        return await decide(book, session, desk), [note]


def _as_if_due(book: Book, desk: Desk) -> Session:
    now = desk.clock.now()
    today = exchange_date(now)
    session = desk.sessions.on(today)
    if session is None or desk.ledger.decision(RunKey(book.name, today)) is not None:
        session = desk.sessions.after(today)
    return Session(session.date, now - timedelta(hours=1), now + book.lead)
