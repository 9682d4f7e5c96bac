"""What whole shares make of a profile's weights in an account of some size."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final

import pandas as pd

from bot.bars import Bars
from bot.decide import small
from bot.domain.errors import Blocked, DataError
from bot.domain.features import Features
from bot.domain.model import Note, Portfolio, Quotes, RunKey, Session, Symbol
from bot.domain.money import TargetValues, value_targets
from bot.domain.performance import SESSIONS_PER_YEAR
from bot.domain.planning import sides
from bot.domain.situation import Situation
from bot.domain.strategy import Book, Rebalance
from bot.domain.tracking import active_share, tracking_error
from bot.run import PLANNERS
from bot.trial import Stage

# The part of equity that may lie elsewhere than wanted before an account is called small.
MOST_ERROR: Final = 0.02
# How many sessions back a profile that rests today is asked for its latest targets.
LOOK_BACK: Final = 130

# The accounts that are looked at, in USD: from the least on, each larger by the step.
LEAST, MOST, STEP = Decimal(100), Decimal(1_000_000), Decimal("1.02")


@dataclass(frozen=True, slots=True)
class Fit:
    """A symbol as it was wanted and as whole shares have it; weights are parts of equity."""

    symbol: Symbol
    wanted: float
    held: float
    shares: int
    price: Decimal | None


@dataclass(frozen=True, slots=True)
class Scan:
    """Accounts looked at, each 2 % larger than the one before, and what was found.

    From `smallest` on every one has a weight error of at most `most_error`; None
    where even the largest has not.
    """

    first: Decimal
    last: Decimal
    count: int
    most_error: float
    smallest: Decimal | None


@dataclass(frozen=True, slots=True)
class Sizing:
    """An account of nothing but cash after its first run, beside the weights it wanted.

    The wanted weights are those of `decided`, the latest session with targets,
    less the reserve; prices are those of `priced`. `weight_error` is the part of
    equity that lies elsewhere than wanted, cash being a position, too;
    `tracking_error` the expected deviation of returns in a year that comes of it,
    from the last year's covariance, None where history is too short to say.
    `untradable` are wanted symbols of which not one share is held, `notes` what
    the planner says of each that is not traded as wanted.
    """

    profile: str
    equity: Decimal
    decided: date
    priced: date
    fits: tuple[Fit, ...]
    weight_error: float
    tracking_error: float | None
    untradable: tuple[Symbol, ...]
    notes: tuple[Note, ...]
    scan: Scan


def size_up(stage: Stage, equity: Decimal) -> Sizing:
    """Plan the first run of an account at the last closes of a stage.

    Raises Blocked `no_equity`, DataError `too_few_sessions`, and `no_targets` where
    the profile wanted nothing lately.
    """
    if equity <= 0:
        raise Blocked("no_equity", cash=equity)
    fitting = _Fitting(stage)
    fits, notes = fitting.fitted(equity)
    wanted, held = _weights(fits)
    return Sizing(
        profile=stage.book.profile,
        equity=equity,
        decided=fitting.decided,
        priced=fitting.session.date,
        fits=fits,
        weight_error=_error(fits),
        tracking_error=tracking_error(held, wanted, fitting.closes.iloc[-SESSIONS_PER_YEAR:]),
        untradable=tuple(fit.symbol for fit in fits if fit.wanted and not fit.shares),
        notes=(*small(stage.book, equity), *notes),
        scan=_scan(fitting),
    )


def _scan(fitting: "_Fitting") -> Scan:
    """The error falls with equity, but not steadily: a share more fits where another did not.

    So the smallest account is not the first that fits, but the one after the last
    that does not.
    """
    accounts = [LEAST]
    while (larger := (accounts[-1] * STEP).to_integral_value()) <= MOST:
        accounts.append(larger)
    fitting_from = len(accounts)
    while fitting_from and _error(fitting.fitted(accounts[fitting_from - 1])[0]) <= MOST_ERROR:
        fitting_from -= 1
    smallest = accounts[fitting_from] if fitting_from < len(accounts) else None
    return Scan(accounts[0], accounts[-1], len(accounts), MOST_ERROR, smallest)


def _weights(fits: tuple[Fit, ...]) -> tuple[pd.Series, pd.Series]:
    symbols = [fit.symbol for fit in fits]
    wanted = pd.Series([fit.wanted for fit in fits], symbols, dtype=float)
    return wanted, pd.Series([fit.held for fit in fits], symbols, dtype=float)


def _error(fits: tuple[Fit, ...]) -> float:
    wanted, held = _weights(fits)
    return float(active_share(held.to_numpy(), wanted.to_numpy()))


class _Fitting:
    """The latest targets of a book, and a first run planned towards them."""

    def __init__(self, stage: Stage) -> None:
        self.book: Book = stage.book
        needs, facts = self.book.strategy.needs, stage.facts
        closes = facts.closes.iloc[-needs.sessions - LOOK_BACK :]
        if len(closes) < needs.sessions:
            raise DataError("too_few_sessions", found=len(closes), needed=needs.sessions)
        self.closes = closes
        self.session = _session(stage, closes.index[-1].date())
        bars = Bars(closes, None, needs, stage.calendar)
        holds = stage.reach.on(self.session.date).holds
        self.quotes: Quotes = bars.quotes(holds, self.session, opening=False)
        self.features = Features(self.book.strategy, replace(facts, closes=closes))
        self.decided = self._latest(stage.opening.cash)

    def _latest(self, equity: Decimal) -> date:
        """The last session on which who holds nothing is told what to hold."""
        # Numbers of a session with less history before it than a strategy needs mean nothing.
        whole = self.closes.index[self.book.strategy.needs.sessions - 1].date()
        days: list[date] = [day for day in self.features if day >= whole]
        for day in reversed(days):
            if isinstance(self.features.decide(day, {}, float(equity)), Rebalance):
                return day
        raise DataError("no_targets", profile=self.book.profile, sessions=LOOK_BACK)

    def fitted(self, equity: Decimal) -> tuple[tuple[Fit, ...], tuple[Note, ...]]:
        """What an account of so much cash wants, and what a run makes of it."""
        decision = self.features.decide(self.decided, {}, float(equity))
        if not isinstance(decision, Rebalance):
            raise DataError("no_targets", profile=self.book.profile, sessions=LOOK_BACK)
        targets = value_targets(decision, equity, self.book.rules)
        shares, notes = self._planned(targets)
        fits = tuple(self._fit(symbol, targets, shares) for symbol in targets.values)  # noqa: PD011 - no table's
        return fits, notes

    def _planned(self, targets: TargetValues) -> tuple[Mapping[Symbol, int], tuple[Note, ...]]:
        cash, run = targets.equity, RunKey(self.book.name, self.session.date)
        prices = {symbol: quote.last for symbol, quote in self.quotes.items()}
        account = Portfolio(self.book.account, cash, cash, cash, {}, {})
        situation, plans = Situation(account, self.quotes, prices), []
        for side in sides(targets.values):
            plans.append(PLANNERS[side](run, targets, situation, self.book.rules))
            situation = situation.after(plans[-1])
        shares: dict[Symbol, int] = {}
        for order in (order for plan in plans for order in plan.orders):
            signed = order.shares if order.action.takes_shares else -order.shares
            shares[order.symbol] = shares.get(order.symbol, 0) + signed
        return shares, tuple(note for plan in plans for note in plan.notes)

    def _fit(self, symbol: Symbol, targets: TargetValues, shares: Mapping[Symbol, int]) -> Fit:
        count, quote = shares.get(symbol, 0), self.quotes.get(symbol)
        held = count * quote.last / targets.equity if quote else 0
        wanted = float(targets.values[symbol] / targets.equity)  # noqa: PD011 - the same
        return Fit(symbol, wanted, float(held), count, quote.last if quote else None)


def _session(stage: Stage, day: date) -> Session:
    session = stage.calendar.on(day)
    assert session is not None, "prices of the past are those of sessions"
    return session
