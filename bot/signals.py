"""A profile's latest decision as a signal for others: what it wants, why, and how it fared."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

import pandas as pd

from bot import lines, profiles
from bot.domain.calendar import Calendar
from bot.domain.errors import BellwetherError, Blocked
from bot.domain.features import Features
from bot.domain.model import Symbol
from bot.domain.performance import performance, win_rate
from bot.domain.strategy import (
    Book,
    Decision,
    Facts,
    Hold,
    Holding,
    Needs,
    Rebalance,
    Scheduled,
    Strategy,
)
from bot.remembering import Ledger
from bot.words import Language, Words
from strategies import Profile, profile

# A quarter has 66 sessions at most: what a quarterly profile wants now was decided within them.
LOOK_BACK = 66
# A year and a few days, so that what happens once a year is seen ahead.
_ANNOUNCED = timedelta(days=370)
# Shares of a model: enough that a hundredth of equity is a whole one.
_SHARES = Decimal(1000)


@dataclass(frozen=True, slots=True)
class Period:
    """A span of sessions, both ends included."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Statistics:
    """How a profile fared on paper over past prices; no promise of anything.

    `win_rate` is the share of months that gained, `cagr` a year's return and
    `max_drawdown` the deepest fall below an earlier high, all fractions; `trades` are
    orders.
    """

    period: Period
    win_rate: float
    cagr: float
    max_drawdown: float
    trades: int


# USD of equity, where a rule asks what an account can afford and there is none.
ENOUGH = 100_000.0


@dataclass(frozen=True, slots=True)
class Signal:
    """What a profile says of a session, for others to read.

    `signal` is `rebalance` where something was decided in the session `updated`, else
    `hold`. `allocation` are the shares of equity wanted by symbol, nothing of any other,
    decided in the session `since`, which is None where nothing was decided yet; `flags`
    are codes of what is to be known of it. `indicators` are the numbers of the session.
    `next_rebalance` is when the profile may decide anew by the calendar; something
    extraordinary may happen before. `methodology` and `disclaimer` are in English
    whoever asks: they are for programs.
    """

    profile: str
    signal: str
    updated: date
    allocation: Mapping[Symbol, float]
    since: date | None
    reason: str
    flags: tuple[str, ...]
    indicators: Mapping[str, float]
    next_rebalance: date
    statistics: Statistics | None
    methodology: str
    disclaimer: str

    def text(self, words: Words) -> str:
        """The signal in words, numbers and all."""
        values = {
            "profile": self.profile,
            "session": self.updated,
            "reason": words.say(self.reason),
        }
        rebalances = self.signal == "rebalance"
        told = [words.phrase("signal_rebalance" if rebalances else "signal_hold", values)]
        if self.since and not rebalances:
            told.append(words.phrase("signal_since", {"since": self.since}))
        if self.flags:
            said = "; ".join(words.say(flag) for flag in self.flags)
            told.append(words.phrase("flags", {"flags": said}))
        told += [
            words.phrase("signal_weight", {"symbol": symbol, "weight": weight})
            for symbol, weight in self.allocation.items()
        ]
        told += lines.numbers(self.indicators, self.allocation, words)
        told.append(words.phrase("signal_next", {"session": self.next_rebalance}))
        if self.statistics:
            told.append(_fared(self.statistics, words))
        return "\n".join([*told, words.phrase("no_advice")])


def _fared(told: Statistics, words: Words) -> str:
    values = {
        "first": told.period.first,
        "last": told.period.last,
        "cagr": told.cagr,
        "drawdown": told.max_drawdown,
        "win_rate": told.win_rate,
        "trades": told.trades,
    }
    return words.phrase("signal_statistics", values)


def statistics_of(equity: pd.Series, trades: int) -> Statistics:
    """The figures of a backtest: its equity, the account before its first trade first."""
    fared = performance(equity)
    return Statistics(
        period=Period(pd.DatetimeIndex(equity.index)[1].date(), fared.last),
        win_rate=win_rate(equity),
        cagr=fared.annual_return,
        max_drawdown=fared.max_drawdown,
        trades=trades,
    )


def next_rebalance(strategy: Strategy, session: date, calendar: Calendar) -> date:
    """The next session on which a strategy rebalances as far as the calendar alone says it.

    Raises Blocked `calendar_unknown` where the calendar ends before.
    """
    tomorrow = calendar.after(session).date
    if not isinstance(strategy, Scheduled):
        return tomorrow
    ahead = calendar.index(session, min(session + _ANNOUNCED, calendar.last), 0)
    known = Facts(pd.DataFrame(), ahead, earlier=calendar.number(session))
    coming = [day.date() for day in strategy.due(known) if day.date() > session]
    if not coming:
        raise Blocked("calendar_unknown", day=session + _ANNOUNCED)
    return coming[0]


def signal_of(chosen: Profile, facts: Facts, session: date, calendar: Calendar) -> Signal:
    """Ask a profile with its default parameters.

    It answers as a book that held nothing `LOOK_BACK` sessions ago, or as long ago as
    the facts reach, and has followed it since. Raises Blocked `vital_history_stale`
    where a symbol it can not do without has no close of the session, and
    `vital_history_short` where too few lie before it.
    """
    strategy = chosen.strategy()
    _refuse_history(facts, strategy.needs, session)
    features = Features(strategy, facts)
    return _told(chosen.name, strategy, _followed(features, facts, session), calendar)


def signal_of_book(
    book: Book, ledger: Ledger, calendar: Calendar, statistics: Statistics | None = None
) -> Signal:
    """What a book decided last, from its ledger; `statistics` where somebody has them.

    Raises BellwetherError `no_run_yet` where it has not decided anything yet.
    """
    latest: _Latest | None = None
    for run in ledger.runs(book.name, LOOK_BACK):
        decided = ledger.decision(run)
        if decided is None:
            continue
        latest = latest or _Latest(run.session, decided.decision, decided.numbers)
        if decided.following is not None:
            latest = replace(latest, wanted=decided.following, since=decided.since)
            break
    if latest is None:
        raise BellwetherError("no_run_yet", book=book.name)
    return replace(_told(book.profile, book.strategy, latest, calendar), statistics=statistics)


@dataclass(frozen=True, slots=True)
class _Latest:
    """What was said of a session last, and what has been wanted since when."""

    session: date
    decision: Decision
    numbers: Mapping[str, float]
    wanted: Rebalance | None = None
    since: date | None = None


def _followed(features: Features, facts: Facts, session: date) -> _Latest:
    """What a model that follows every decision says in the end; it holds what was wanted last.

    A session of the past on which nothing could be decided is passed over.
    """
    needed = features.strategy.needs.sessions
    whole = [day.date() for day in pd.DatetimeIndex(facts.closes.index)[needed - 1 :]]
    wanted: Rebalance | None = None
    since: date | None = None
    for day in whole[-LOOK_BACK - 1 : -1]:
        try:
            said = _asked(features, day, wanted, since)
        except BellwetherError:
            continue
        if isinstance(said, Rebalance):
            wanted, since = said, day
    said = _asked(features, session, wanted, since)
    if isinstance(said, Rebalance):
        wanted, since = said, session
    return _Latest(session, said, features.numbers(session), wanted, since)


def _asked(features: Features, day: date, wanted: Rebalance | None, since: date | None) -> Decision:
    targets = wanted.targets if wanted else {}
    held = {s: Holding(_SHARES * Decimal(repr(w)), w) for s, w in targets.items() if w}
    equity = ENOUGH if features.strategy.needs.feeds else None
    return features.decide(day, held, equity, since)


def _told(name: str, strategy: Strategy, latest: _Latest, calendar: Calendar) -> Signal:
    english = Words(Language.EN)
    targets = latest.wanted.targets if latest.wanted else {}
    return Signal(
        profile=name,
        signal="hold" if isinstance(latest.decision, Hold) else "rebalance",
        updated=latest.session,
        allocation={symbol: weight for symbol, weight in targets.items() if weight},
        since=latest.since,
        reason=latest.decision.reason,
        flags=latest.wanted.flags if latest.wanted else (),
        indicators=latest.numbers,
        next_rebalance=next_rebalance(strategy, latest.session, calendar),
        statistics=None,
        methodology=profiles.about(profile(name), english),
        disclaimer=english.phrase("no_advice"),
    )


def _refuse_history(facts: Facts, needs: Needs, session: date) -> None:
    for symbol in needs.vital:
        bars = facts.closes[symbol].iloc[-needs.sessions :].dropna()
        newest = bars.index[-1].date() if len(bars) else None
        if newest != session:
            raise Blocked("vital_history_stale", symbol=symbol, newest=newest, wanted=session)
        if len(bars) < needs.sessions:
            found = len(bars)
            raise Blocked("vital_history_short", symbol=symbol, bars=found, needed=needs.sessions)
