"""What a run decides, once: gates, features, targets new, missed or owed."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from bot.domain.errors import BellwetherError, Blocked, Halted
from bot.domain.features import Features
from bot.domain.memory import Decided, Owed, Switch
from bot.domain.model import NOTHING, Note, Portfolio, RunKey, Session, Symbol
from bot.domain.strategy import Book, Decision, Holding, Rebalance
from bot.execution import reconcile
from bot.gather import (
    Survey,
    feeds,
    for_signals,
    history,
    holdings,
    managed,
    marks,
    survey,
)
from bot.ladder import LAST_CALL
from bot.ports import Desk

LATE_BY = 3  # sessions


async def decide(book: Book, session: Session, desk: Desk) -> Decided:
    """Look at everything once, ask the strategy, keep the answer. Nothing is sent here.

    Raises Blocked outside the window, while paused and for everything that is
    missing or stale; Halted for what only a person can mend.
    """
    _in_time(book, session, desk)
    _allowed(book, desk)
    _may_short(book, desk)
    await reconcile(book, desk, over=desk.sessions.before(session.date).date)
    known_tables = await feeds(book, session, desk)
    book = replace(book, reach=book.strategy.needs.widened(known_tables, session.date))
    facts = replace(await history(book, session, desk), feeds=known_tables)
    known = marks(facts, desk.sessions.before(session.date).date)
    seen = await survey(book, session, desk, known)
    _confirmed(book, seen.portfolio, desk)
    equity = seen.portfolio.equity(seen.prices)
    if equity <= 0 and not seen.portfolio.shares:
        raise Blocked("no_equity", cash=seen.portfolio.cash)
    owed = desk.ledger.owed(book.name)
    shown = holdings(seen, owed, equity)
    facts = for_signals(facts, session, seen, book.needs.vital)
    last = desk.ledger.last_rebalance(book.name)
    try:
        features = Features(book.strategy, facts)
        ask = Question(features, shown, float(equity), last)
        asked = ask.about(session.date)
    except (Blocked, Halted):
        raise
    except BellwetherError as error:
        if not known_tables:
            raise
        # What somebody published can not be decided on: fail closed, and try the next file.
        raise Blocked("feature_snapshot_compute_failed", reason=str(error)) from error
    undecided = _undecided(book, session, desk)
    following, since, notes = follow(asked, lambda: missed(ask, undecided), owed, session.date)
    decided = Decided(
        run=RunKey(book.name, session.date),
        at=desk.clock.now(),
        decision=asked,
        following=whole(following, owed, seen.portfolio, book),
        since=since,
        late=any(note.code == "late" for note in notes),
        equity=equity,
        prices=seen.prices,
        portfolio=seen.portfolio,
        marks={s: known[s] for s in managed(book, desk) if s in known},
        numbers=features.numbers(session.date),
        notes=(*notes, *seen.notes, *_moved(book, seen, desk), *small(book, equity)),
    )
    desk.ledger.decide(decided)
    return decided


def _in_time(book: Book, session: Session, desk: Desk) -> None:
    now, opens, ends = (
        desk.clock.now(),
        session.decides_at(book.lead),
        session.closes - LAST_CALL,
    )
    if not opens <= now < ends:
        raise Blocked("window_over" if now >= ends else "window_ahead", opens=opens, ends=ends)


def _allowed(book: Book, desk: Desk) -> None:
    state = desk.ledger.switch(book.name)
    if state.switch is Switch.HALTED:
        raise Halted("halt_switch", book=book.name, reason=state.reason)
    if state.switch is Switch.PAUSED:
        raise Blocked("paused", book=book.name, reason=state.reason)


def _may_short(book: Book, desk: Desk) -> None:
    """Raise Halted where a profile sells short and its account can not."""
    if book.strategy.needs.shorts and not desk.broker.capabilities.shorting:
        raise Halted("broker_shorts_nothing", book=book.name)


def _confirmed(book: Book, portfolio: Portfolio, desk: Desk) -> None:
    """What an account holds before the book ever traded is a person's to hand over."""
    held = [symbol for symbol, shares in portfolio.shares.items() if shares]
    new = desk.ledger.baseline(book.name) is None and desk.ledger.switch(book.name).at is None
    if held and new and desk.broker.capabilities.keeps_fills:
        raise Blocked("needs_confirmation", book=book.name, symbols=", ".join(held))


def _undecided(book: Book, session: Session, desk: Desk) -> Iterator[date]:
    """The sessions just before this one that nobody decided, the newest first.

    Only a book that was running before can have missed anything.
    """
    for back in range(1, LATE_BY + 1):
        day = desk.sessions.before(session.date, back).date
        if desk.ledger.decision(RunKey(book.name, day)) is not None:
            return
        if not any(run.session < day for run in desk.ledger.runs(book.name)):
            return
        yield day


@dataclass(frozen=True, slots=True)
class Question:
    """What a strategy is asked with: its numbers, and the book as it stands."""

    features: Features
    shown: Mapping[Symbol, Holding]
    equity: float
    last_rebalance: date | None

    def about(self, session: date) -> Decision:
        """What the strategy says of a session."""
        return self.features.decide(session, self.shown, self.equity, self.last_rebalance)


def missed(ask: Question, undecided: Iterable[date]) -> tuple[Rebalance, date] | None:
    """The targets of the first of some undecided sessions that was due, and that session.

    A target that lapses with its session is not caught up on.
    """
    for day in undecided:
        if day in ask.features:
            said = ask.about(day)
            if isinstance(said, Rebalance) and not said.lapses:
                return said, day
    return None


def follow(
    asked: Decision,
    missed: Callable[[], tuple[Rebalance, date] | None],
    owed: Owed | None,
    session: date,
) -> tuple[Rebalance | None, date, list[Note]]:
    """Which targets a session trades, the session they are of, and why.

    New ones come first, then those of a session that was `missed`, then owed ones.
    """
    if isinstance(asked, Rebalance):
        superseded = [Note("owed_superseded", "", {"since": owed.since})] if owed else []
        return asked, session, superseded
    if (late := missed()) is not None:
        return late[0], late[1], [Note("late", "", {"since": late[1]})]
    if owed is None:
        return None, session, []
    if session > owed.expires:
        return None, session, [Note("owed_expired", "", {"since": owed.since})]
    return owed.targets, owed.since, [Note("owed_carried", "", {"since": owed.since})]


def whole(
    following: Rebalance | None, owed: Owed | None, portfolio: Portfolio, book: Book
) -> Rebalance | None:
    """The targets with a written zero for every unfinished exit the strategy was not shown."""
    if following is None:
        return None
    hidden = [
        symbol
        for symbol in portfolio.shares
        if symbol not in following.targets and owed and symbol in owed.unfinished
    ]
    if any(weight < 0 for weight in following.targets.values()) and not book.rules.shorting:
        raise Halted("shorting_not_allowed", book=book.name)
    if not hidden:
        return following
    return replace(following, targets={**following.targets, **dict.fromkeys(hidden, 0.0)})


def _moved(book: Book, seen: Survey, desk: Desk) -> list[Note]:
    """Holdings that changed since the last finished run, and not by this book's orders."""
    baseline = desk.ledger.baseline(book.name)
    if baseline is None or not desk.broker.capabilities.keeps_fills:
        return []
    expected = dict(baseline.portfolio.shares)
    for run in desk.ledger.runs(book.name):
        for standing in desk.ledger.standings(run) if run.session > baseline.session else ():
            symbol, sign = standing.intent.symbol, 1 if standing.intent.action.takes_shares else -1
            expected[symbol] = expected.get(symbol, NOTHING) + sign * standing.filled
    split = {note.symbol for note in seen.notes if note.code == "split_accepted"}
    return [
        Note("position_moved", symbol, {"before": before, "after": after})
        for symbol in dict.fromkeys((*expected, *seen.portfolio.shares))
        if symbol not in split
        and (before := expected.get(symbol, NOTHING)) != (after := seen.portfolio.held(symbol))
    ]


def small(book: Book, equity: Decimal) -> list[Note]:
    """A remark where whole shares may not follow the weights; it never changes them."""
    if equity >= book.minimum_equity:
        return []
    return [Note("small_account", "", {"equity": equity, "recommended": book.minimum_equity})]
