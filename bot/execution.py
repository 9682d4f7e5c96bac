"""Placing orders exactly once: submit, settle, reconcile."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from bot.domain.errors import BrokerUnavailable, Halted, OrderRefused, OrderUnanswered
from bot.domain.matching import find, witnessed
from bot.domain.memory import Standing, Switch
from bot.domain.model import (
    NOTHING,
    OrderIntent,
    OrderReport,
    OrderStatus,
    Portfolio,
    RunKey,
    Side,
    Symbol,
)
from bot.domain.strategy import Book
from bot.ladder import Trade, finished, impatient, lines, next_intent
from bot.ports import Desk

FINAL_READ = timedelta(minutes=5)  # after the close
POLL_SECONDS = 5.0
CANCEL_AGAIN = timedelta(seconds=15)
TOO_MANY_QUESTIONS = 2

# What a broker port may raise when the line is bad: nothing is known, all may be asked again.
LINE_ERRORS = (OrderUnanswered, BrokerUnavailable, TimeoutError, OSError)


async def settle(trade: Trade, side: Side, desk: Desk) -> None:
    """Bring a side's intents to an end: send, wait, reprice once, and stop in time.

    What still rests then is left to `call_off`.
    """
    end = trade.given_until(side)
    while True:
        reached = await refresh(trade.run, desk)
        if reached:
            await _advance(trade, desk)
            reached = await refresh(trade.run, desk)
        _halt_if_blind(trade.run.book, desk)
        _halt_if_told(trade.run.book, desk)
        standings = desk.ledger.standings(trade.run)
        open_lines = lines(standings, side)
        if reached and all(finished(trade, line, desk.clock.now()) for line in open_lines):
            return
        if desk.clock.now() >= end:
            return
        await desk.clock.sleep(POLL_SECONDS)


async def call_off(trade: Trade, desk: Desk) -> None:
    """Cancel what rests and wait until the broker says it is final, at most to the close."""
    while True:
        reached = await refresh(trade.run, desk)
        working = [s for s in desk.ledger.standings(trade.run) if s.working]
        if (reached and not working) or desk.clock.now() >= trade.session.closes:
            return
        for standing in working:
            await _cancel(standing, desk)
        await desk.clock.sleep(POLL_SECONDS)


async def refresh(run: RunKey, desk: Desk) -> bool:
    """Record what became of a run's orders; False where the broker could not be asked."""
    standings = desk.ledger.standings(run)
    if not any(s.unanswered or s.working for s in standings):
        return True
    try:
        orders = await desk.broker.orders_today()
    except LINE_ERRORS:
        return False
    _adopt(standings, orders, desk)
    return True


async def reconcile(book: Book, desk: Desk, over: date) -> Sequence[Standing]:
    """Ask what became of a book's unanswered orders and adopt what is found.

    Nothing is ever sent again. For orders of sessions up to `over`, which have
    ended, the account bears witness where the list is silent. Returns the
    questions that stay open. Raises Halted `several_questions` where two or more
    do, `positions_unexplained` where the account contradicts every answer, and
    the line's own error where the broker can not be asked.
    """
    questions = desk.ledger.questions(book.name)
    if questions:
        _adopt(questions, await desk.broker.orders_today(), desk)
        portfolio = (await desk.broker.portfolio()).managing(
            {q.intent.symbol for q in questions}, book.rules.keep
        )
        for question in desk.ledger.questions(book.name):
            if question.intent.run.session <= over:
                _bear_witness(question, desk, portfolio)
    return _halt_if_blind(book.name, desk)


def _bear_witness(question: Standing, desk: Desk, portfolio: Portfolio) -> None:
    """Let the account decide what the order list could not.

    A DAY order can not trade after its session: positions that moved by exactly
    its shares adopt it, positions that did not move say it never was booked.
    """
    intent = question.intent
    decided = desk.ledger.decision(intent.run)
    assert decided is not None  # an intent has a decision
    standings = desk.ledger.standings(intent.run)
    line = [s for s in standings if s.intent.symbol == intent.symbol]
    known = sum(s.moved for s in line)
    # The cash bears witness for this order alone: what the run's others moved is no sign of it.
    others = sum((s.report.proceeds for s in standings if s.report), NOTHING)
    before = replace(decided.portfolio, cash=decided.portfolio.cash + others)
    # What a dry run simulated is never in the account it reads.
    shares = 0
    if desk.broker.capabilities.keeps_fills:
        found = witnessed(question, before, portfolio, known)
        if found is None:
            raise Halted("positions_unexplained", symbol=intent.symbol, order=intent.id)
        shares = found
    report = _testimony(intent, shares, decided.prices)
    desk.ledger.record(intent.id, report, desk.clock.now())


def pledged(questions: Iterable[Standing], prices: Mapping[Symbol, Decimal]) -> Decimal:
    """What unanswered buys may have spent: their shares at their limits."""
    return sum(
        (
            q.intent.shares * (q.intent.limit or prices.get(q.intent.symbol, NOTHING))
            for q in questions
            if q.intent.action.takes_shares
        ),
        NOTHING,
    )


async def place(intent: OrderIntent, desk: Desk) -> None:
    """Send one order. The only function that submits.

    That it is asked for is on disk before the call. A report or a certain refusal
    is recorded; anything else leaves it asked and not answered, for `reconcile`.
    """
    desk.ledger.mark_sent(intent, desk.clock.now())
    try:
        report = await desk.broker.submit(intent)
    except OrderRefused as refusal:
        report = OrderReport.of(intent, OrderStatus.REFUSED, str(refusal))
    except LINE_ERRORS:
        return
    desk.ledger.record(intent.id, report, desk.clock.now())


async def _advance(trade: Trade, desk: Desk) -> None:
    """One step for every symbol that can go on, in the order meant."""
    standings = desk.ledger.standings(trade.run)
    for line in lines(standings):
        if any(s.unanswered for s in line):
            continue
        resting = next((s for s in line if s.working), None)
        if resting is not None:
            if impatient(trade, line, resting, desk.clock.now()):
                await _cancel(resting, desk)
            continue
        intent = await next_intent(trade, line, desk)
        if intent is None:
            continue
        if not _may_send(trade, intent, desk):
            continue
        await place(intent, desk)
        if not await refresh(trade.run, desk):
            return


def _may_send(trade: Trade, intent: OrderIntent, desk: Desk) -> bool:
    """Look at the switch: the one thing that jumps every queue."""
    switch = _halt_if_told(trade.run.book, desk)
    exits = switch is Switch.EXITS_ONLY and intent.symbol in trade.exits
    return switch is Switch.ACTIVE or (exits and intent.action.closes)


def _halt_if_told(book: str, desk: Desk) -> Switch:
    state = desk.ledger.switch(book)
    if state.switch is Switch.HALTED:
        raise Halted("halt_switch", book=book, reason=state.reason)
    return state.switch


async def _cancel(standing: Standing, desk: Desk) -> None:
    now = desk.clock.now()
    asked = standing.cancel_asked_at
    if asked is not None and now - asked < CANCEL_AGAIN:
        return
    desk.ledger.mark_cancelled(standing.intent, now)
    try:
        await desk.broker.cancel(standing.intent)
    except (OrderRefused, *LINE_ERRORS):
        return  # whether it ended is read from the list, never from this answer


def _adopt(standings: Sequence[Standing], orders: Sequence[OrderReport], desk: Desk) -> None:
    """Record what the broker's list says of our orders, where it says something new."""
    echoes = desk.broker.capabilities.echoes_client_id
    by_broker_id = {order.broker_id: order for order in orders if order.broker_id}
    # Every answered order of these runs: an equal one, a slice before, is not found twice.
    runs = {s.intent.run for s in standings}
    known = [s for run in runs for s in desk.ledger.standings(run)]
    taken = {s.report.broker_id for s in known if s.report}
    for standing in standings:
        if standing.unanswered:
            found = find(standing, orders, echoes=echoes, taken=taken)
            if found is not None:
                taken.add(found.broker_id)
        elif standing.working and standing.report is not None:
            found = by_broker_id.get(standing.report.broker_id)
        else:
            continue
        if found is not None and found != standing.report:
            desk.ledger.record(standing.intent.id, found, desk.clock.now())


def _halt_if_blind(book: str, desk: Desk) -> Sequence[Standing]:
    questions = desk.ledger.questions(book)
    if len(questions) >= TOO_MANY_QUESTIONS:
        raise Halted("several_questions", orders=", ".join(q.intent.id for q in questions))
    return questions


def _testimony(intent: OrderIntent, shares: int, prices: Mapping[Symbol, Decimal]) -> OrderReport:
    if not shares:
        return OrderReport.of(intent, OrderStatus.NOT_BOOKED, "positions did not move")
    report = OrderReport.of(intent, OrderStatus.FILLED, "adopted from the positions")
    price = intent.limit or prices.get(intent.symbol)
    return replace(report, filled=shares, average_price=price)
