"""A disk that fills up at every write of a run: nothing goes out that is not on it first."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

import pytest

from bot import app
from bot.app import House
from bot.daemon import trade
from bot.domain.errors import LedgerError
from bot.domain.memory import Outcome, Switch
from bot.domain.model import RunKey
from bot.ledger import SqlLedger
from bot.run import run_session
from tests.bot.scratch import BOOK, QUARTER_END, Scratch, near_close
from tests.fakes import Phone

RUN = RunKey(BOOK, QUARTER_END)
# The smallest pages there are: almost every row of a run needs a new one.
PAGE_BYTES = 512
ROOM = range(13)  # pages; with one more the run completes
HELD = {"VOO": 40}


@dataclass
class Disk:
    """A book on a disk, handed over by its owner, that has yet to trade its quarter end."""

    here: Scratch

    def __post_init__(self):
        self.here.write(shares=HELD)
        self.path.parent.mkdir()
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            connection.execute("VACUUM")
        with self.ledger() as ledger:
            ledger.set_switch(BOOK, Switch.ACTIVE, "", near_close(QUARTER_END))

    @property
    def path(self):
        return app.ledger_path(self.here.settings())

    def ledger(self, room: int | None = None):
        with closing(sqlite3.connect(self.path)) as connection:
            (used,) = connection.execute("PRAGMA page_count").fetchone()
        return closing(SqlLedger.open(self.path, max_pages=None if room is None else used + room))

    def house(self, ledger: SqlLedger, at: datetime, phone: Phone | None = None) -> House:
        return self.here.house(at, ledger, phone)


@pytest.fixture
def disk(tmp_path):
    return Disk(Scratch(tmp_path))


async def attempted(disk, room):
    """One try at the run with so many pages of room: when it ended, and with which error."""
    with disk.ledger(room) as ledger:
        house = disk.house(ledger, near_close(QUARTER_END))
        seat = house.seats[0]
        session = seat.desk.sessions.on(QUARTER_END)
        with pytest.raises(LedgerError) as stopped:
            await run_session(seat.book, session, seat.desk)
        return seat.desk.clock.now(), stopped.value


async def booked(house):
    """What the broker has on its books, by our names."""
    return [report.client_id for report in await house.seats[0].desk.broker.orders_today()]


async def brought_to_its_end(disk, at):
    """The run taken up with room again: the house as it then is."""
    with disk.ledger() as ledger:
        house = disk.house(ledger, at)
        await trade(house.seats[0], QUARTER_END)
        portfolio = await house.seats[0].desk.broker.portfolio()
        return ledger.outcome(RUN), portfolio.shares, await booked(house)


@pytest.mark.parametrize("room", ROOM)
async def test_the_run_stops_before_anything_goes_out_that_is_not_on_disk(disk, room):
    at, error = await attempted(disk, room)

    with disk.ledger() as ledger:
        sent = {standing.intent.id for standing in ledger.standings(RUN) if standing.sent_at}
        assert error.code == "ledger_full"
        assert set(await booked(disk.house(ledger, at))) <= sent


@pytest.mark.parametrize("room", ROOM)
async def test_with_room_again_the_run_completes_and_no_order_is_sent_twice(disk, room):
    at, _ = await attempted(disk, room)

    outcome, shares, orders = await brought_to_its_end(disk, at)

    assert outcome is Outcome.COMPLETE
    assert len(orders) == len(set(orders)) == 3
    assert set(shares) == {"SMH", "INDA"}


async def test_the_disk_fills_up_before_between_and_after_the_orders(tmp_path):
    counts = set()
    for room in ROOM:
        folder = tmp_path / str(room)
        folder.mkdir()
        disk = Disk(Scratch(folder))
        at, _ = await attempted(disk, room)
        with disk.ledger() as ledger:
            counts.add(len(await booked(disk.house(ledger, at))))

    assert {0, 1, 3} <= counts


@pytest.mark.parametrize("room", [0, 6, 12])
async def test_the_message_is_told_all_the_same(disk, room):
    with disk.ledger(room) as ledger:
        phone = Phone()
        house = disk.house(ledger, near_close(QUARTER_END), phone)

        await trade(house.seats[0], QUARTER_END)
        await house.outbox.flush()

    told = "\n".join(message.text for message in phone.told)
    assert "can not be written: the disk is full" in told
    assert "Make room on the disk" in told
