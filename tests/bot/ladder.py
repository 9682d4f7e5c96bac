"""A run whose orders meet other prices than its quotes: what rests climbs, or is called off."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from adapters.paper import PaperBroker
from bot.domain.calendar import Calendar
from bot.domain.fills import FillRules
from bot.domain.memory import RunReport, Standing, Switch
from bot.domain.model import Session, Symbol
from bot.domain.strategy import Book
from bot.ledger import SqlLedger
from bot.ports import Desk
from bot.run import run_session
from tests.bot.five_symbols import (
    BOOK,
    CALENDAR,
    DAY,
    OPENING,
    PRICES,
    RUN,
    a_ledger_file,
    a_market,
)
from tests.fakes import EventfulClock, Fuse

WAKE = timedelta(minutes=15)


@dataclass
class Ladder:
    """A run on quotes that are not what the orders meet: `meets` are the exchange's prices."""

    folder: Path
    meets: Mapping[Symbol, float] = field(default_factory=dict)
    drills: FillRules = field(default_factory=FillRules)
    calendar: Calendar = CALENDAR
    begins: timedelta = WAKE
    book: Book = BOOK

    def __post_init__(self) -> None:
        self.path.write_bytes(a_ledger_file())
        self.clock = EventfulClock(self.session.closes - self.begins)

    @property
    def path(self) -> Path:
        return self.folder / "ledger.sqlite"

    @property
    def journal(self) -> Path:
        return self.folder / "paper.jsonl"

    @property
    def session(self) -> Session:
        session = self.calendar.on(DAY)
        assert session is not None
        return session

    def broker(self) -> PaperBroker:
        met = a_market(self.clock, {**PRICES, **self.meets})
        return PaperBroker(OPENING, self.journal, met, self.calendar, self.clock, self.drills)

    async def run(self, fuse: Fuse | None = None) -> RunReport:
        """One life of the run; the time goes on where it stood."""
        with closing(SqlLedger.open(self.path)) as ledger:
            desk = Desk(self.broker(), a_market(self.clock), self.calendar, ledger, self.clock)
            return await run_session(self.book, self.session, (fuse or Fuse()).wire(desk))

    def turn(self, to: Switch, minutes: float) -> None:
        """Let the owner set the switch so many minutes before the close."""

        def say() -> None:
            with closing(SqlLedger.open(self.path)) as ledger:
                ledger.set_switch(self.book.name, to, "owner", self.clock.now())

        self.clock.at(self.session.closes - timedelta(minutes=minutes), say)

    def orders(self, symbol: Symbol) -> list[Standing]:
        with closing(SqlLedger.open(self.path, read_only=True)) as ledger:
            return [s for s in ledger.standings(RUN) if s.intent.symbol == symbol]

    def sent(self, symbol: Symbol) -> list[tuple[float, str, int]]:
        """Of each order sent: minutes before the close, limit, shares filled."""
        return [
            (self.minutes(s.sent_at), str(s.intent.limit), s.filled)
            for s in self.orders(symbol)
            if s.sent_at
        ]

    def minutes(self, moment: datetime) -> float:
        return round((self.session.closes - moment).total_seconds() / 60, 2)
