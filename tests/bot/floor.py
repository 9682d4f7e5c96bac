"""A trading floor: one book at its desk with a clock that jumps and a world that obeys."""

import weakref
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

import pandas as pd

from bot.domain.memory import RunReport, Switch
from bot.domain.model import Proceeds, RunKey, Session, Symbol, TradingRules
from bot.domain.strategy import Book, Strategy
from bot.ladder import Trade
from bot.ledger import SqlLedger
from bot.ports import Desk
from bot.run import run_session
from bot.sessions import nyse
from tests.builders import TODAY, Money, a_portfolio
from tests.fakes import EventfulClock, FakeBroker, TimedMarket, Wants

CALENDAR = nyse(date(2025, 10, 1), date(2026, 12, 31))
PRICES = {"VOO": 100.0, "BIL": 50.0, "QQQ": 200.0, "IWM": 80.0}
MARGIN = TradingRules(proceeds=Proceeds.MARGIN)
LEAD = timedelta(minutes=15)


def days_after(day: date, count: int) -> date:
    return CALENDAR.after(day, count).date


def days_before(day: date, count: int) -> date:
    return CALENDAR.before(day, count).date


class Floor:
    """The account holds `cash` and `shares`, handed over by its owner; closes never move."""

    def __init__(
        self,
        strategy: Strategy | Mapping[Symbol, float],
        cash: Money = 0,
        *,
        rules: TradingRules = MARGIN,
        day: date = TODAY,
        handed_over: bool = True,
        **shares: Money,
    ) -> None:
        if isinstance(strategy, Mapping):
            strategy = Wants(strategy)
        self.day = day
        self.clock = EventfulClock(self.session.decides_at(LEAD))
        index = CALENDAR.index(CALENDAR.first, date(2026, 11, 30), 0)
        closes = pd.DataFrame(PRICES, index)
        self.market = TimedMarket(closes, CALENDAR, self.clock)
        account = a_portfolio(cash, **shares)
        self.broker = FakeBroker(account, self.market, self.clock)
        self.ledger = SqlLedger.open(None)
        weakref.finalize(self.ledger, self.ledger._file.close)
        self.book = Book("main", "test", "PAPER", strategy, rules, LEAD)
        self.desk = Desk(self.broker, self.market, CALENDAR, self.ledger, self.clock)
        if handed_over:
            self.switch(Switch.ACTIVE)

    @property
    def session(self) -> Session:
        session = CALENDAR.on(self.day)
        assert session is not None
        return session

    @property
    def trade(self) -> Trade:
        return Trade(self.run_key(), self.session, self.book.rules, ())

    def run_key(self, day: date | None = None) -> RunKey:
        return RunKey(self.book.name, day or self.day)

    async def run(self, day: date | None = None) -> RunReport:
        """Wake the book for a session, by default the one it is at, and run it."""
        self.wake(day or self.day)
        return await run_session(self.book, self.session, self.desk)

    def wake(self, day: date) -> None:
        self.day = day
        self.clock.jump(self.session.decides_at(LEAD))

    def next_day(self, count: int = 1) -> date:
        return days_after(self.day, count)

    def want(self, strategy: Strategy | Mapping[Symbol, float]) -> None:
        wanted = Wants(strategy) if isinstance(strategy, Mapping) else strategy
        self.book = replace(self.book, strategy=wanted)

    def switch(self, to: Switch) -> None:
        self.ledger.set_switch(self.book.name, to, "owner", self.clock.now())

    def before_close(self, **ago: float) -> datetime:
        return self.session.closes - timedelta(**ago)

    @property
    def bought(self) -> dict[Symbol, int]:
        return {o.symbol: o.shares for o in self.broker.asked if o.action.takes_shares}

    @property
    def sold(self) -> dict[Symbol, int]:
        return {o.symbol: o.shares for o in self.broker.asked if not o.action.takes_shares}


def noted(report: RunReport) -> set[tuple[str, Symbol]]:
    return {(note.code, note.symbol) for note in report.notes}
