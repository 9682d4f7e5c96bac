"""The book whose run is cut at every call: two sells, three buys, and a session to catch up in."""

import asyncio
import tempfile
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

import pandas as pd

from bot.daemon import Seat, serve
from bot.domain.account import Opening, PaperAccount
from bot.domain.calendar import Calendar
from bot.domain.memory import Outcome, RunReport
from bot.domain.model import Action, Mode, Proceeds, RunKey, TradingRules
from bot.domain.strategy import Book
from bot.ledger import SqlLedger
from bot.outbox import Outbox
from bot.ports import Broker, Clock, Desk, MarketData
from bot.remembering import Ledger
from bot.schedule import JumpingClock, JumpingWakes
from bot.words import Language
from tests.builders import a_session
from tests.fakes import Phone, TimedMarket, Wants

BEFORE, DAY, NEXT = date(2026, 3, 30), date(2026, 3, 31), date(2026, 4, 1)
MORNING = datetime(2026, 3, 31, 12, tzinfo=UTC)
TOMORROW = MORNING + timedelta(days=1)
RUN, RUN_NEXT = RunKey("main", DAY), RunKey("main", NEXT)
RESTART = timedelta(seconds=20)  # what a supervisor needs

FIRST, LAST = date(2026, 3, 2), date(2026, 7, 31)
DAYS = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
# A plain year's weekdays: the real schedule takes a child of the suite as long as its life.
CALENDAR = Calendar([a_session(day) for day in DAYS if day.weekday() < 5], FIRST, LAST)

PRICES = {"EFA": 50.0, "IWM": 100.0, "SPY": 200.0, "TLT": 80.0, "GLD": 40.0}
WEIGHTS = {"EFA": 0.0, "IWM": 0.2, "SPY": 0.3, "TLT": 0.2, "GLD": 0.2}
OPENING = Opening("PAPER", Decimal(10_000), {"EFA": Decimal(400), "IWM": Decimal(700)})
ORDERED: Mapping[tuple[str, Action], int] = {
    ("EFA", Action.SELL): 400,
    ("IWM", Action.SELL): 500,
    ("SPY", Action.BUY): 150,
    ("TLT", Action.BUY): 250,
    ("GLD", Action.BUY): 500,
}
HELD = {"IWM": 200, "SPY": 150, "TLT": 250, "GLD": 500}
BOOK = Book("main", "test", "PAPER", Wants(WEIGHTS, {DAY}), TradingRules(proceeds=Proceeds.MARGIN))


def a_market(clock: Clock, prices: Mapping[str, float] = PRICES) -> TimedMarket:
    days = CALENDAR.index(CALENDAR.first, DAY, 2)
    return TimedMarket(pd.DataFrame(prices, days), CALENDAR, clock)


def a_desk(broker: Broker, ledger: Ledger, clock: Clock, market: MarketData | None = None) -> Desk:
    return Desk(broker, market or a_market(clock), CALENDAR, ledger, clock)


def a_ledger(path: Path | None = None) -> SqlLedger:
    """A memory that knows the account from the session before, on which the book held still."""
    ledger = SqlLedger.open(path)
    account = PaperAccount.opened(OPENING, DAY).portfolio()
    held = RunReport(RunKey("main", BEFORE), Outcome.HELD, MORNING, portfolio=account)
    ledger.finish(held)
    return ledger


@cache
def a_ledger_file() -> bytes:
    """The same memory as the bytes of its file: a copy of it costs no schema."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.sqlite"
        a_ledger(path).close()
        return path.read_bytes()


def a_seat(desk: Desk, phone: Phone, book: Book = BOOK) -> Seat:
    """The book at its desk, woken by the desk's own clock."""
    assert isinstance(desk.clock, JumpingClock)  # the show's time
    outbox = Outbox(desk.ledger, phone, desk.clock)
    return Seat(book, desk, JumpingWakes(desk.clock), outbox, Mode.PAPER, Language.EN, NEXT)


async def life(desk: Desk, phone: Phone, book: Book = BOOK) -> None:
    """The daemon from its start to the end of the show; what was left comes before what comes."""
    seat = a_seat(desk, phone, book)
    assert isinstance(seat.wakes, JumpingWakes)  # as made above
    await serve([seat], asyncio.Event(), [seat.wakes.run])
    await seat.outbox.flush()


def before_close(minutes: float, day: date = DAY) -> datetime:
    return a_session(day).closes - timedelta(minutes=minutes)
