"""One run as a line: decide, sell, buy, report."""

from datetime import datetime

from bot.conclude import conclude, finish, told
from bot.decide import decide
from bot.domain.calendar import Calendar
from bot.domain.errors import Halted
from bot.domain.gates import decision_findings
from bot.domain.memory import Decided, Outcome, RunReport
from bot.domain.model import (
    NOTHING,
    Plan,
    Proceeds,
    RunKey,
    Session,
    Side,
    TradingRules,
)
from bot.domain.money import value_targets
from bot.domain.planning import leaving, plan_buys, plan_sells, plan_shorts, sides
from bot.domain.situation import Progress, Situation
from bot.domain.strategy import Book
from bot.execution import FINAL_READ, call_off, pledged, settle
from bot.gather import survey
from bot.ladder import LEFT, SELLS_AT, Trade
from bot.ports import Clock, Desk

PLANNERS = {Side.SELL: plan_sells, Side.SHORT: plan_shorts, Side.BUY: plan_buys}


async def run_session(book: Book, session: Session, desk: Desk) -> RunReport:
    """Trade one session of one book: decide, sell, buy, report.

    Safe to call again after any interruption: a run decides once, plans each side
    once and sends each order once, and the ledger knows how far it came. Raises
    Blocked where nothing was sent and the run may be tried again, Halted where
    the book needs a person.
    """
    run = RunKey(book.name, session.date)
    decided = desk.ledger.decision(run) or await decide(book, session, desk)
    if decided.following is None:
        return finish(told(decided, Outcome.HELD, desk), desk)
    book = book.reaching(decided.following.targets)
    targets = decided.following.targets
    trade = Trade(run, session, book.rules, leaving(targets, decided.portfolio))
    try:
        for side in sides(targets):
            await _trade(side, trade, book, decided, desk)
    except Halted:
        await call_off(trade, desk)
        raise
    await call_off(trade, desk)
    await until(session.closes + FINAL_READ, desk.clock)
    return await conclude(book, trade, decided, desk)


async def until(moment: datetime, clock: Clock) -> None:
    """Wait for a moment; one that has passed is not waited for."""
    wait = (moment - clock.now()).total_seconds()
    if wait > 0:
        await clock.sleep(wait)


async def _trade(side: Side, trade: Trade, book: Book, decided: Decided, desk: Desk) -> None:
    """Plan a side once, then send and settle what the ledger says is meant.

    After the last call there is nothing to settle: open questions are the
    conclusion's, which has the account as witness.
    """
    await until(trade.session.closes - SELLS_AT, desk.clock)
    if desk.clock.now() >= trade.last_call_of(side):
        return
    if desk.ledger.plan(trade.run, side) is None:
        situation = await situate(book, trade, decided, desk)
        assert decided.following is not None  # a run that follows nothing is held
        targets = value_targets(decided.following, decided.equity, book.rules)
        plan = PLANNERS[side](trade.run, targets, situation, book.rules)
        desk.ledger.intend(trade.run, side, plan, _inputs(situation, plan))
    await settle(trade, side, desk)


async def situate(book: Book, trade: Trade, decided: Decided, desk: Desk) -> Situation:
    """What a planner of this run sees now: account, market, and what the run did before."""
    seen = await survey(book, trade.session, desk, decided.marks, decided)
    questions = desk.ledger.questions(book.name)
    done = Progress.of(desk.ledger.standings(trade.run), seen.prices)
    usable = usable_today(book.rules, trade.session, desk.sessions)
    dwell = desk.sessions.before(trade.session.date, book.rules.dwell).date
    return Situation(
        portfolio=seen.portfolio,
        quotes=seen.quotes,
        prices={**decided.prices, **seen.prices},
        findings=seen.findings,
        book_findings=(*seen.book_findings, *decision_findings(decided.following)),
        proceeds=done.proceeds if usable else NOTHING,
        pledged=pledged(questions, seen.prices),
        sold=done.sold,
        turnover=done.turnover,
        orders=done.orders,
        recent=desk.ledger.traded_since(book.name, dwell),
        settles=desk.sessions.settles(trade.session.date),
    )


def usable_today(rules: TradingRules, session: Session, sessions: Calendar) -> bool:
    """Whether today's proceeds may buy today without making tomorrow's exit a violation."""
    return rules.proceeds is Proceeds.SAME_DAY and (
        sessions.after(session.date).date >= sessions.settles(session.date)
    )


def _inputs(situation: Situation, plan: Plan) -> dict[str, object]:
    """What a plan was made from, for the person who asks why."""
    return {
        "cash": situation.portfolio.cash,
        "settled": situation.portfolio.settled,
        "proceeds": situation.proceeds,
        "pledged": situation.pledged,
        LEFT: plan.left,
        **{f"price.{symbol}": price for symbol, price in situation.prices.items()},
        **{f"held.{symbol}": held for symbol, held in situation.portfolio.shares.items()},
    }
