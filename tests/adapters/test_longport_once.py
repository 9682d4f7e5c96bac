"""Orders go wrong at a simulated LongPort, the daemon dies or not: nothing is there twice."""

import asyncio
import time
from asyncio import CancelledError
from collections import Counter
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from adapters.longport import LongPort
from adapters.sims.longport_account import Holding
from adapters.sims.longport_faults import Fault, FaultKind, plain_429
from adapters.sims.longport_remote import RemoteControl
from adapters.sims.longport_rules import Fills, Rule
from adapters.sims.longport_securities import Security
from adapters.sims.longport_world import Setup
from bot.domain.model import Action
from bot.ledger import SqlLedger
from bot.ports import Broker, Desk
from tests.adapters.longport_world import (
    NUMBER,
    QUICK,
    AtItsTime,
    CoarseClock,
    begun,
    told_of,
    us,
)
from tests.bot.five_symbols import (
    BOOK,
    CALENDAR,
    HELD,
    MORNING,
    OPENING,
    ORDERED,
    PRICES,
    RESTART,
    RUN,
    RUN_NEXT,
    a_desk,
    a_ledger_file,
    life,
)
from tests.fakes import Died, Fuse, Otherwise, Phone, When

SUBMIT = "POST /v1/trade/order"
SYMBOLS = [symbol for symbol, _ in ORDERED]
PATIENCE = 0.2  # with an answer; what hangs is killed then
PARTLY = Rule(Fills.PARTLY, shares=Decimal(3))


def at_order(kind: FaultKind, *, after: bool, **more) -> Fault:
    return Fault(kind, SUBMIT, after=after, **more)


TROUBLES = {
    "line lost before booking": at_order(FaultKind.RESET, after=False),
    "line lost after booking": at_order(FaultKind.RESET, after=True),
    "answer lost to a bad gateway": at_order(FaultKind.ANSWER, after=True, status=502),
    "answer of no order": at_order(FaultKind.ANSWER, after=True, status=200, body="{}"),
    "internal error before": at_order(FaultKind.REFUSE, after=False),
    "internal error after": at_order(FaultKind.REFUSE, after=True),
    "called a duplicate": at_order(FaultKind.REFUSE, after=True, code=403202),
    "too often, booked": at_order(FaultKind.REFUSE, after=True, code=429002),
    "asked again by the library": plain_429(SUBMIT, after=True, times=2),
    "asked again, booked late": plain_429(SUBMIT, times=2),
    "slow": at_order(FaultKind.SLOW, after=True, seconds=PATIENCE / 4),
    "too slow": at_order(FaultKind.SLOW, after=True, seconds=2 * PATIENCE),
    "silent before booking": at_order(FaultKind.HANG, after=False),
    "silent after booking": at_order(FaultKind.HANG, after=True),
    "refused with what it did": at_order(FaultKind.REFUSE, after=True, code=602001),
}


# Those a dying daemon leaves something behind of.
DEADLY = {
    name: fault
    for name, fault in TROUBLES.items()
    if name.startswith(("line lost", "silent", "too slow", "asked again"))
}


class House:
    """An account at the simulated broker, a ledger file: what outlives a daemon."""

    def __init__(self, folder: Path) -> None:
        held = {us(symbol): n for symbol, n in OPENING.shares.items()}
        setup = Setup(
            start=MORNING,
            cash={"USD": OPENING.cash},
            holdings=tuple(Holding(s, n, Decimal(1)) for s, n in held.items()),
            securities=tuple(Security(us(symbol)) for symbol in PRICES),
            rates=None,
        )
        self.control = begun(setup, **{s: Decimal(p) for s, p in PRICES.items()})
        self.told = told_of(self.control, folder, waits=replace(QUICK, order=PATIENCE))
        self.path = folder / "ledger.sqlite"
        self.path.write_bytes(a_ledger_file())
        self.phone = Phone()

    async def live(self, fuse: Fuse | None = None, build=lambda desk: desk) -> None:
        """One daemon from its start until its fuse burns or nothing more comes."""
        clock = CoarseClock(max(MORNING, self.control.now() + RESTART))
        line = LongPort(self.told, CALENDAR, clock)
        broker = AtItsTime(line.account(NUMBER), clock, self.control)
        with closing(SqlLedger.open(self.path)) as ledger:
            desk = build(a_desk(broker, ledger, clock))
            book = replace(BOOK, account=NUMBER)
            try:
                await life((fuse or Fuse()).wire(desk), self.phone, book)
            except* (Died, CancelledError):
                assert fuse is not None  # nobody dies of himself
            finally:
                await line.close()

    def names(self) -> Counter[str]:
        """How often each of our orders is in the broker's own record."""
        return Counter(order.ticket.remark for order in self.control.orders())

    def traded(self) -> Counter[tuple[str, Action]]:
        """Shares traded at the broker, by its own record."""
        done: Counter[tuple[str, Action]] = Counter()
        for each in self.control.executions():
            action = Action.BUY if each.shares > 0 else Action.SELL
            done[each.symbol.removesuffix(".US"), action] += int(each.quantity)
        return done

    def assert_nothing_twice(self) -> None:
        assert set(self.names().values()) <= {1}
        assert self.traded() <= Counter(ORDERED)

    def assert_ended_well(self) -> None:
        """Nothing twice, all that was wanted, and the ledger knows what the broker knows."""
        self.assert_nothing_twice()
        assert self.traded() == ORDERED
        held = {p.symbol: p.quantity for p in self.control.statement().positions}
        assert held == {us(symbol): n for symbol, n in HELD.items()}
        self.assert_known()

    def assert_known(self) -> None:
        """Nothing rests, nothing is asked still, and every fill is in the ledger."""
        assert [o for o in self.control.orders() if not o.status.final] == []
        with closing(SqlLedger.open(self.path, read_only=True)) as ledger:
            told = [s for run in (RUN, RUN_NEXT) for s in ledger.standings(run) if s.filled]
            assert ledger.questions("main") == ()
        booked = {o.ticket.remark: int(o.executed) for o in self.control.orders() if o.executed}
        assert {s.intent.id: s.filled for s in told} == booked


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def dies_after(symbol: str) -> Fuse:
    """The daemon dies before it asks what became of the order."""
    fuse = Fuse(lambda _, call: call == "orders_today" and f"submit {symbol}" in fuse.calls)
    return fuse


def meets(house: House, fault: Fault, symbol: str) -> None:
    house.control.fail(replace(fault, spared=SYMBOLS.index(symbol)))


async def test_an_undisturbed_run_completes(house):
    await house.live()

    house.assert_ended_well()
    assert len(house.names()) == 5


@pytest.mark.parametrize("fault", TROUBLES.values(), ids=TROUBLES)
async def test_no_trouble_of_an_order_repeats_it(house, fault):
    meets(house, fault, "SPY")

    await house.live()

    house.assert_ended_well()
    assert house.control.calls(SUBMIT)[2:]  # the third order met it


@pytest.mark.slow
@pytest.mark.parametrize("fault", DEADLY.values(), ids=DEADLY)
async def test_no_death_after_a_troubled_order_repeats_it(house, fault):
    meets(house, fault, "EFA")
    fuse = dies_after("EFA")

    await house.live(fuse)
    await house.live()

    house.assert_ended_well()
    assert fuse.dead


@pytest.mark.parametrize("kind", [FaultKind.RESET, FaultKind.HANG])
@pytest.mark.parametrize("symbol", ["EFA", "SPY"])
async def test_no_order_that_filled_in_part_and_was_not_answered_is_repeated(house, symbol, kind):
    house.control.rule(PARTLY, us(symbol))
    meets(house, at_order(kind, after=True), symbol)

    await house.live(dies_after(symbol))
    await house.live()

    house.assert_nothing_twice()
    house.assert_known()


@pytest.mark.parametrize("when", list(When))
@pytest.mark.parametrize("symbol", ["EFA", "SPY", "GLD"])
async def test_no_death_at_an_order_repeats_it(house, symbol, when):
    fuse = Fuse(lambda _, call: call == f"submit {symbol}", when)

    await house.live(fuse)
    await house.live()

    house.assert_ended_well()
    assert fuse.dead


async def test_a_daemon_stopped_while_an_order_hangs_does_not_repeat_it(house):
    house.control.fail(at_order(FaultKind.HANG, after=True))
    house.told = replace(house.told, waits=QUICK)
    daemon = asyncio.create_task(house.live(Fuse()))
    while not house.control.orders():  # noqa: ASYNC110 - the broker is another process
        await asyncio.sleep(0.005)

    begun = time.monotonic()
    daemon.cancel()
    await asyncio.gather(daemon, return_exceptions=True)
    stopped = time.monotonic() - begun
    await house.live()

    house.assert_ended_well()
    assert stopped < 2


class Away(Otherwise):
    """A broker that goes away as it books an order, and comes back later as it was."""

    def __init__(self, broker: Broker, control: RemoteControl, symbol: str, looks: int) -> None:
        super().__init__(broker)
        self._control, self._symbol, self._left = control, symbol, looks
        self.gone = False

    async def submit(self, order):
        if order.symbol != self._symbol:
            return await self._thing.submit(order)
        self._control.fail(at_order(FaultKind.RESET, after=True))
        try:
            return await self._thing.submit(order)
        finally:
            self.gone = True
            self._control.cut()

    async def orders_today(self):
        self._left -= self.gone
        if not self._left:
            self._control.restore()
        return await self._thing.orders_today()


@pytest.mark.parametrize("symbol", ["EFA", "SPY"])
async def test_a_broker_that_goes_away_with_an_order_and_comes_back_has_it_once(house, symbol):
    brokers = []

    def build(desk: Desk) -> Desk:
        brokers.append(Away(desk.broker, house.control, symbol, looks=3))
        return replace(desk, broker=brokers[0])

    await house.live(build=build)

    house.assert_ended_well()
    assert brokers[0].gone


class AskedAgain(Otherwise):
    """A broker that takes silence for a no, and asks under another name."""

    async def submit(self, order):
        await self._thing.submit(order)
        return await self._thing.submit(replace(order, attempt=order.attempt + 1))


def asked_again(desk: Desk) -> Desk:
    return replace(desk, broker=AskedAgain(desk.broker))


async def test_a_build_that_sends_again_does_not_pass(house):
    await house.live(build=asked_again)

    with pytest.raises(AssertionError):
        house.assert_nothing_twice()


async def test_the_verdict_sees_a_name_that_is_there_twice(house):
    await house.live()
    first = house.control.orders()[0]
    house.control.book(first.ticket)

    with pytest.raises(AssertionError):
        house.assert_nothing_twice()
