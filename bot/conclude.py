"""How a run ends: the final read, complete or owed, what is told of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.domain.calendar import Calendar
from bot.domain.errors import Blocked
from bot.domain.memory import Decided, Outcome, Owed, RunReport, Standing
from bot.domain.model import Note, OrderStatus, Plan, Portfolio, RunKey, Side, Symbol
from bot.domain.money import value_targets
from bot.domain.planning import residuals
from bot.domain.strategy import Book
from bot.execution import LINE_ERRORS, reconcile, refresh
from bot.gather import account, managed
from bot.ladder import Trade, unfilled
from bot.ports import Desk

OWED_FOR = 3  # sessions
READ_AGAIN_SECONDS = 60.0
READS = 30  # of an account that can not be read after the close


async def conclude(book: Book, trade: Trade, decided: Decided, desk: Desk) -> RunReport:
    """The final read: orders and positions as they are, and whether anything is owed."""
    report = told(decided, Outcome.OWED, desk)
    portfolio = await _final_read(book, trade, desk)
    if portfolio is None:
        return finish(_unread(report, decided, desk), desk)
    await reconcile(book, desk, over=trade.session.date)
    standings = desk.ledger.standings(trade.run)
    notes = (*decided.notes, *_planned_notes(trade.run, desk), *order_notes(standings))
    assert decided.following is not None  # a run that follows nothing is held
    targets = value_targets(decided.following, decided.equity, book.rules)
    left = residuals(targets, portfolio, decided.prices, notes, book.rules, [*unfilled(standings)])
    owed = debt(left, decided, desk.ledger.owed(book.name), desk.sessions) if left else None
    return finish(
        replace(
            report,
            outcome=Outcome.OWED if left else Outcome.COMPLETE,
            orders=standings,
            notes=notes,
            portfolio=portfolio,
            owed=owed,
        ),
        desk,
    )


def _unread(report: RunReport, decided: Decided, desk: Desk) -> RunReport:
    """An account nobody could read proves nothing: the targets are looked at again."""
    selling = {s.intent.symbol for s in report.orders if not s.intent.action.takes_shares}
    missing = {
        symbol: -left if symbol in selling else left
        for symbol, (left, _) in unfilled(report.orders).items()
    }
    return replace(
        report,
        notes=(*report.notes, *order_notes(report.orders), Note("final_read_failed")),
        portfolio=None,
        owed=debt(missing, decided, desk.ledger.owed(decided.run.book), desk.sessions),
    )


async def _final_read(book: Book, trade: Trade, desk: Desk) -> Portfolio | None:
    for _ in range(READS):
        try:
            if await refresh(trade.run, desk):
                return await account(book, desk, managed(book, desk))
        except (Blocked, *LINE_ERRORS):
            pass  # asked again below: the account does not run away
        await desk.clock.sleep(READ_AGAIN_SECONDS)
    return None


def debt(
    left: Mapping[Symbol, int], decided: Decided, before: Owed | None, sessions: Calendar
) -> Owed:
    """What the targets still want; carried over, it expires when it would have."""
    assert decided.following is not None  # a run that follows nothing is held
    if before is not None and before.since == decided.since:
        expires = before.expires
    else:
        expires = sessions.after(decided.run.session, OWED_FOR).date
    return Owed(decided.run, decided.following, decided.since, expires, left)


def told(decided: Decided, outcome: Outcome, desk: Desk) -> RunReport:
    """What can be said of a run from its decision, plans and orders alone."""
    return RunReport(
        run=decided.run,
        outcome=outcome,
        at=desk.clock.now(),
        decided=decided,
        orders=desk.ledger.standings(decided.run),
        notes=(*decided.notes, *_planned_notes(decided.run, desk)),
        portfolio=decided.portfolio,
        prices=decided.prices,
    )


def _planned_notes(run: RunKey, desk: Desk) -> tuple[Note, ...]:
    """The remarks of both plans; of a symbol both remark on, the later one counts."""
    plans: Sequence[Plan] = [p for side in Side if (p := desk.ledger.plan(run, side)) is not None]
    latest = {(note.symbol, note.code): note for plan in plans for note in plan.notes}
    return tuple(latest.values())


def order_notes(standings: Sequence[Standing]) -> tuple[Note, ...]:
    """What became of orders that did not simply fill, one remark for each symbol."""
    notes = {}
    short = unfilled(standings)
    for standing in standings:
        symbol, report = standing.intent.symbol, standing.report
        if standing.unanswered:
            notes[symbol] = Note("open_question", symbol, {"order": standing.intent.id})
        elif report is not None and report.status is OrderStatus.REFUSED:
            notes[symbol] = Note("order_refused", symbol, {"reason": report.reason})
        elif report is not None and report.status is OrderStatus.NOT_BOOKED:
            notes[symbol] = Note("not_booked", symbol, {"order": standing.intent.id})
        elif symbol in short and symbol not in notes:
            left, wanted = short[symbol]
            code = "unfilled" if left == wanted else "partly_filled"
            notes[symbol] = Note(code, symbol, {"filled": wanted - left, "shares": wanted})
    return tuple(notes.values())


def finish(report: RunReport, desk: Desk) -> RunReport:
    """Keep a report as the run's outcome, and return it."""
    desk.ledger.finish(report)
    return report
