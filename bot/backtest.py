"""The same features, decisions and plans over history."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

import numpy as np
import pandas as pd

from bot.bars import Bars
from bot.conclude import debt, order_notes
from bot.crossing import Crossing
from bot.decide import LATE_BY, Question, follow, missed, small, whole
from bot.domain.account import Opening, PaperAccount
from bot.domain.blotter import Blotter, Opened
from bot.domain.calendar import Calendar
from bot.domain.distributions import Raw
from bot.domain.errors import BellwetherError, Blocked, DataError, Halted
from bot.domain.features import Features
from bot.domain.fills import FillRules
from bot.domain.gates import VALUED_BELOW, decision_findings
from bot.domain.memory import Decided, Owed, Standing
from bot.domain.model import (
    NOTHING,
    Note,
    Portfolio,
    RunKey,
    Session,
    Symbol,
)
from bot.domain.money import TargetValues, value_targets
from bot.domain.planning import leaving, residuals, sides
from bot.domain.resting import at_rest
from bot.domain.situation import Progress, Situation
from bot.domain.strategy import Book, Decision, Facts
from bot.gather import Survey, holdings, numbered, refuse_vital
from bot.ladder import Trade, unfilled
from bot.past_market import PastMarket
from bot.ports import FeedHistory
from bot.reach import Reach
from bot.run import PLANNERS, usable_today
from bot.track_record import Recorder, TrackRecord

FREE = FillRules()
VALUE_LEFT = float(VALUED_BELOW)


class FillAt(StrEnum):
    """Whose prices a session's decision is traded at."""

    CLOSE = "close"
    NEXT_OPEN = "next-open"
    NEXT_CLOSE = "next-close"


@dataclass(frozen=True, slots=True)
class Experiment:
    """What is to be tried: a book with an account, from a first to a last session.

    Left out, these are the earliest before which history suffices and every symbol
    has a price and every feed has told something, and the newest. `costs` are slippage
    and commission of every fill; `fill` says at whose prices. `feeds` are what the
    book's strategy reads beside prices.
    """

    book: Book
    opening: Opening
    first: date | None = None
    last: date | None = None
    costs: FillRules = FREE
    fill: FillAt = FillAt.CLOSE
    feeds: Mapping[str, FeedHistory] = field(default_factory=dict)


def backtest(
    experiment: Experiment,
    facts: Facts,
    calendar: Calendar,
    opens: pd.DataFrame | None = None,
    watch: Callable[[int, int], None] = lambda _done, _of: None,
    raw: Raw | None = None,
) -> TrackRecord:
    """Replay a book over its sessions; `facts` begin early enough before the first.

    `opens` are needed to fill at the next opening, on the scale of the closes. With `raw`
    prices shares are counted, bought and sold at these, and what is paid comes in cash.
    A session whose snapshot names a symbol without closes is blocked, as it is live.
    `watch` is told how many sessions are done, and of how many. Raises DataError
    `too_few_sessions` and `begins_too_early` where history is too short,
    `no_sessions_played` where there is nothing between first and last, and
    `missing_opens`.
    """
    bars = Bars(facts.closes, opens, experiment.book.strategy.needs, calendar, raw)
    replay = _Replay(experiment, facts, calendar, bars)
    done, of = 0, len(replay.sessions)
    while done < of:
        before, done = done, replay.go_on(done)
        for each in range(before, done):
            watch(each + 1, of)
    return replay.ended()


class _Replay:
    """A book, its account, and everything a ledger would remember of it."""

    def __init__(
        self, experiment: Experiment, facts: Facts, calendar: Calendar, bars: Bars
    ) -> None:
        self._experiment, self._calendar = experiment, calendar
        self._needs = experiment.book.strategy.needs
        self._book = replace(experiment.book, reach=self._needs)
        self._reach = Reach(self._needs, experiment.feeds, frozenset(facts.closes.columns))
        facts = replace(numbered(facts, calendar), feeds=self._reach.tables)
        self._facts = facts
        self._bars, self._market = bars, PastMarket(bars, self._needs)
        self.sessions = self._span()
        self._features = Features(self._book.strategy, facts)
        self._days = [session.date for session in self.sessions]
        self._busy = np.flatnonzero([not self._may_rest(day) for day in self._days])
        first = self._days[0]
        settles = calendar.settles(first)
        self._blotter = Blotter(Opened(experiment.opening, settles))
        self._owed: Owed | None = None
        self._last_rebalance: date | None = None
        self._decided: set[date] = set()
        self._traded: dict[date, set[Symbol]] = {}
        self._pending: Decided | None = None
        self._bought: Counter[Symbol] = Counter()
        self._seen: tuple[PaperAccount, Collection[Symbol], Portfolio] | None = None
        # What the book may own at this moment, and what it might ever own.
        self._holds = self._ever = self._reach.every.holds
        self._record = Recorder(self._portfolio(), first, self._bars)

    def _span(self) -> Sequence[Session]:
        """The sessions to be played. Raises DataError where history does not allow it."""
        earliest, needed = self._bars.earliest(), self._needs.sessions
        if earliest is None:
            raise DataError("too_few_sessions", found=len(self._facts.closes), needed=needed)
        first = self._experiment.first or max(
            self._bars.all_priced(earliest), self._reach.begins or earliest
        )
        last = self._experiment.last or self._bars.newest
        newest = self._bars.newest
        if last > newest and self._calendar.distance(newest, last):
            raise DataError("ends_too_late", last=last, newest=newest)
        if first < earliest:
            raise DataError("begins_too_early", first=first, earliest=earliest, needed=needed)
        span = self._calendar.between(first, last) if first <= last else ()
        if not span:
            raise DataError("no_sessions_played", first=first, last=last)
        return span

    def go_on(self, place: int) -> int:
        """Play the session at a place, or as many from there as nothing happens on; the next place.

        A session on which the strategy waits whatever is held, with nothing pending,
        owed or odd about its prices, ends with the account as it was.
        """
        end = self._quiet_until(place)
        if end == place:
            self.play(self.sessions[place])
            return place + 1
        days = self._days[place:end]
        self._decided.update(days)
        self._record.keep(days, self._portfolio())
        return end

    def _may_rest(self, day: date) -> bool:
        """Whether a book that has nothing to do has nothing to do on a session either."""
        return not self._reach.tables and self._features.waits(day) and self._bars.ordinary(day)

    def _quiet_until(self, place: int) -> int:
        undone = self._pending is not None or self._owed is not None
        if undone or (place and self._days[place - 1] not in self._decided):
            return place  # a session that was missed is made up for
        found = int(self._busy.searchsorted(place))
        end = int(self._busy[found]) if found < len(self._busy) else len(self._days)
        account = self._portfolio()
        if end == place or (account.cash <= 0 and not account.shares):
            return place
        least = float(self._book.minimum_equity)
        if not least:
            return end
        days = self._days[place:end]
        worth = [float(n) * self._bars.last_closes(s, days) for s, n in account.shares.items()]
        # What has no price that day is valued below its last: a small account looks closer.
        low = np.flatnonzero(float(account.cash) + VALUE_LEFT * sum(worth) < least)
        return place + int(low[0]) if len(low) else end

    def play(self, session: Session) -> None:
        """One session: trade what is pending, decide, trade at once or tomorrow."""
        self._blotter.settle(session.date)
        self._receive(session)
        if self._pending is not None:
            opening = self._experiment.fill is FillAt.NEXT_OPEN
            self._trade(self._pending, session, opening=opening)
            self._pending = None
        try:
            decided = self._decide(session)
        except Blocked as reason:
            self._record.blocked[session.date] = reason
        else:
            self._decided.add(session.date)
            if decided is None:
                self._owed = None
            elif self._experiment.fill is FillAt.CLOSE:
                self._trade(decided, session, opening=False)
            else:
                self._pending = decided
        self._holds = self._ever
        self._record.keep([session.date], self._portfolio())

    def _receive(self, session: Session) -> None:
        """What holders are given on a session, before anything is traded in it."""
        held = self._blotter.account.shares
        for given in self._bars.given(session.date):
            if given.symbol in held:
                (close,) = self._bars.last_closes(given.symbol, [session.date]).tolist()
                price = Decimal(repr(close))
                self._record.received(self._blotter.give(given, price), given)

    def ended(self) -> TrackRecord:
        """What came of it."""
        pending = self._pending.run.session if self._pending else None
        others = {*self._bought, *self._record.wanted}.difference(self._needs.holds)
        return self._record.ended((*self._needs.holds, *sorted(others)), pending)

    def _portfolio(self) -> Portfolio:
        """The account with what the book may own, or bought itself, apart from the rest."""
        account, open_orders = self._blotter.account, self._blotter.working()
        if self._seen is not None and not open_orders:
            of_account, of_holds, portfolio = self._seen
            if of_account is account and of_holds is self._holds:
                return portfolio
        portfolio, keep = self._blotter.portfolio(self._experiment.costs), self._book.rules.keep
        if keep or not all(symbol in self._holds for symbol in portfolio.shares):
            bought = [symbol for symbol, shares in self._bought.items() if shares]
            portfolio = portfolio.managing({*self._holds, *bought}, keep)
        self._seen = None if open_orders else (account, self._holds, portfolio)
        return portfolio

    def _decide(self, session: Session) -> Decided | None:
        """What a session trades, None where it holds still. Raises Blocked as a live run would."""
        owed, day = self._owed, session.date
        self._holds = self._reach.on(day).holds
        self._bars.refuse_history(day)
        portfolio = self._portfolio()
        vital = () if self._bars.ordinary(day) else self._needs.vital
        looked_at = (*portfolio.shares, *vital, *(owed.unfinished if owed else ()))
        seen = self._market.survey(portfolio, looked_at, session, opening=False)
        refuse_vital(seen.findings, vital)
        equity = portfolio.equity(seen.prices)
        if equity <= 0 and not portfolio.shares:
            raise Blocked("no_equity", cash=portfolio.cash)
        shown = holdings(seen, owed, equity)
        ask = Question(self._known(session), shown, float(equity), self._last_rebalance)
        asked = self._asked(ask, day)
        undecided = self._undecided(day)
        following, since, notes = follow(asked, lambda: missed(ask, undecided), owed, day)
        following = whole(following, owed, portfolio, self._book)
        warnings = small(self._book, equity)
        if warnings:
            self._record.small.append(day)
        if following is None:
            return None
        return Decided(
            run=RunKey(self._book.name, day),
            at=session.decides_at(self._book.lead),
            decision=asked,
            following=following,
            since=since,
            late=any(note.code == "late" for note in notes),
            equity=equity,
            prices=seen.prices,
            portfolio=portfolio,
            notes=(*notes, *warnings),
        )

    def _asked(self, ask: Question, day: date) -> Decision:
        """What the strategy says; Blocked where a feed tells what it can not decide on."""
        try:
            return ask.about(day)
        except (Blocked, Halted):
            raise
        except BellwetherError as error:
            if not self._reach.tables:
                raise
            raise Blocked("feature_snapshot_compute_failed", reason=str(error)) from error

    def _known(self, session: Session) -> Features:
        """The strategy's numbers; a price that looks like a split nobody confirmed is no bar."""
        splits = self._market.split_hints(session)
        if not splits:
            return self._features
        known = self._facts.until(session.date)
        closes = known.closes.copy()
        closes.loc[closes.index[-1], splits] = np.nan
        return Features(self._book.strategy, replace(known, closes=closes))

    def _undecided(self, day: date) -> Iterator[date]:
        """As the ledger of a book would know them, that began with the first session."""
        for back in range(1, LATE_BY + 1):
            before = self._calendar.before(day, back).date
            if before in self._decided or before <= self.sessions[0].date:
                return
            yield before

    def _trade(self, decided: Decided, session: Session, *, opening: bool) -> None:
        """Sell, buy, conclude: a run's two sides at one set of prices.

        Targets are shares of the equity at these prices: what is traded a session
        later is not chased with yesterday's money.
        """
        assert decided.following is not None  # what follows nothing is held
        book, costs = self._book, self._experiment.costs
        following = decided.following
        self._holds = book.reaching(following.targets).needs.holds
        portfolio = self._portfolio()
        # What is neither held nor wanted needs no price.
        wanted = (*portfolio.shares, *(s for s, weight in following.targets.items() if weight))
        seen = self._market.survey(portfolio, wanted, session, opening=opening)
        equity = portfolio.equity(seen.prices)
        decided = decided if decided.equity == equity else replace(decided, equity=equity)
        targets = value_targets(following, decided.equity, book.rules)
        if at_rest(targets, portfolio, seen.prices, book.rules):
            self._conclude(decided, targets, (), (), seen, session)
            return
        exits = leaving(following.targets, portfolio)
        trade = Trade(decided.run, session, book.rules, exits)
        market = self._market.quotes(wanted, session, opening=opening)
        quoted = session.opens if opening else session.closes
        crossing = Crossing(trade, market, quoted, self._blotter, costs)
        settles = self._calendar.settles(session.date)
        notes: dict[tuple[Symbol, str], Note] = {}
        situation = self._situation(seen, decided, (), session)
        for side in sides(following.targets):
            if crossing.standings:
                situation = self._situation(seen, decided, crossing.standings, session)
            plan = PLANNERS[side](decided.run, targets, situation, book.rules)
            notes |= {(note.symbol, note.code): note for note in plan.notes}
            crossing.work(side, plan, settles)
        crossing.call_off()
        told = (*decided.notes, *notes.values(), *order_notes(crossing.standings))
        fair = {symbol: quote.last for symbol, quote in market.items()}
        self._record.add([s for s in crossing.standings if s.filled], decided, session, fair)
        self._conclude(decided, targets, told, crossing.standings, seen, session)

    def _situation(
        self, seen: Survey, decided: Decided, standings: Sequence[Standing], session: Session
    ) -> Situation:
        done, rules = Progress.of(standings, seen.prices), self._book.rules
        usable = usable_today(rules, session, self._calendar)
        dwell = self._calendar.before(session.date, rules.dwell).date
        recent = {s for day, symbols in self._traded.items() if day >= dwell for s in symbols}
        return Situation(
            portfolio=self._portfolio(),
            quotes=seen.quotes,
            prices={**decided.prices, **seen.prices},
            findings=seen.findings,
            book_findings=decision_findings(decided.following),
            proceeds=done.proceeds if usable else NOTHING,
            sold=done.sold,
            turnover=done.turnover,
            orders=done.orders,
            recent=recent | {s.intent.symbol for s in standings if s.filled},
            settles=self._calendar.settles(session.date),
        )

    def _conclude(
        self,
        decided: Decided,
        targets: TargetValues,
        notes: Sequence[Note],
        standings: Sequence[Standing],
        seen: Survey,
        session: Session,
    ) -> None:
        """Complete or owed, and what is remembered of it."""
        rules = self._book.rules
        self._record.aim(session.date, targets)
        prices = {**decided.prices, **seen.prices}
        left = residuals(targets, self._portfolio(), prices, notes, rules, [*unfilled(standings)])
        self._owed = debt(left, decided, self._owed, self._calendar) if left else None
        if left:
            self._record.owed.append(session.date)
        else:
            self._last_rebalance = decided.run.session
        filled = [s for s in standings if s.filled]
        for standing in filled:
            symbol, sign = standing.intent.symbol, 1 if standing.intent.action.takes_shares else -1
            self._bought[symbol] += sign * standing.filled
            if symbol not in self._holds:
                self._seen = None
        if filled:
            dwell = self._calendar.before(session.date, rules.dwell).date
            self._traded = {day: s for day, s in self._traded.items() if day >= dwell}
            self._traded[session.date] = {s.intent.symbol for s in filled}
