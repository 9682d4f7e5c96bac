"""An account and the processes that come and go at it, and the verdict on what they did."""

from asyncio import CancelledError
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from uuid import uuid4

from bot.domain.memory import Message, Outcome
from bot.domain.model import OrderReport, OrderStatus
from bot.domain.strategy import Book
from bot.ledger import SqlLedger
from bot.ports import Desk
from tests.bot.exchange_process import Line
from tests.bot.five_symbols import (
    BOOK,
    HELD,
    MORNING,
    ORDERED,
    RESTART,
    RUN,
    RUN_NEXT,
    a_desk,
    a_ledger_file,
    life,
)
from tests.fakes import Died, EventfulClock, Fuse, Phone

NEVER_THERE = {OrderStatus.NOT_BOOKED}


class House:
    """An account at the exchange, a ledger file and a phone: what outlives a process."""

    def __init__(self, socket: Path, folder: Path) -> None:
        self.socket, self.account = socket, uuid4().hex
        self.path = folder / "ledger.sqlite"
        self.phone = Phone()
        self.path.write_bytes(a_ledger_file())

    async def live(
        self,
        fuse: Fuse | None = None,
        at: datetime = MORNING,
        build: Callable[[Desk], Desk] = lambda desk: desk,
        book: Book = BOOK,
    ) -> None:
        """One process from its start until its fuse burns or nothing more comes.

        It starts at a time, or when a supervisor has started it again. `build` is
        another build of the house than ours.
        """
        clock = EventfulClock(at)
        line = Line(self.socket, self.account, clock)
        clock.jump(await line.heard() + RESTART)
        with closing(SqlLedger.open(self.path)) as ledger:
            desk = build(a_desk(line, ledger, clock))
            try:
                await life((fuse or Fuse()).wire(desk), self.phone, book)
            except* (Died, CancelledError):
                assert fuse is not None  # nobody dies of himself

    @property
    def line(self) -> Line:
        return Line(self.socket, self.account, EventfulClock(MORNING))

    def reading(self) -> closing[SqlLedger]:
        return closing(SqlLedger.open(self.path, read_only=True))

    def outcomes(self) -> tuple[Outcome | None, Outcome | None]:
        with self.reading() as ledger:
            return ledger.outcome(RUN), ledger.outcome(RUN_NEXT)

    def never_booked(self) -> list[str]:
        """Symbols whose lost order the positions said was never there."""
        with self.reading() as ledger:
            said = [(s.intent.symbol, s.report) for s in ledger.standings(RUN)]
        return [symbol for symbol, report in said if report and report.status in NEVER_THERE]

    def told(self, day: date) -> list[Message]:
        """What the owner was told of a session's run; after a crash perhaps more than once."""
        runs = {m.key: m for m in self.phone.told if m.kind == "run"}
        return [m for key, m in runs.items() if f"/{day}/" in key]


def traded(booked: Sequence[OrderReport]) -> Counter[tuple[str, str]]:
    """Shares asked for at the exchange, by symbol and action, the refused ones too."""
    asked: Counter[tuple[str, str]] = Counter()
    for order in booked:
        asked[order.symbol, order.action] += order.shares
    return asked


def assert_nothing_twice(booked: Sequence[OrderReport]) -> None:
    """The verdict: no order by its name twice, and in no symbol more than was wanted."""
    names = Counter(order.client_id for order in booked)
    assert [name for name, times in names.items() if times > 1] == []
    assert traded(booked) <= Counter(ORDERED)


async def assert_ended_well(house: House) -> Sequence[OrderReport]:
    """Nothing twice, all that was wanted, and the ledger knows what the exchange knows."""
    booked = await house.line.record()
    assert_nothing_twice(booked)
    assert traded(booked) == ORDERED
    assert {order.status for order in booked} == {OrderStatus.FILLED}
    assert (await house.line.portfolio()).shares == HELD
    with house.reading() as ledger:
        told = [s for run in (RUN, RUN_NEXT) for s in ledger.standings(run) if s.filled]
        assert {s.intent.id: s.filled for s in told} == {o.client_id: o.filled for o in booked}
        assert ledger.questions("main") == ()
    return booked
