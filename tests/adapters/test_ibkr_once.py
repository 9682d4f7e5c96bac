"""Trouble at an order's moment, and a death after it: the gateway's record has no order twice."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.ibkr import Gateway, Ibkr
from adapters.sims.tws_codes import Request
from adapters.sims.tws_faults import Fault, FaultKind, Lost
from adapters.sims.tws_remote import RemoteControl, Started, started
from bot.domain.errors import OrderUnanswered
from bot.domain.memory import Outcome
from bot.domain.model import OrderIntent, OrderReport
from bot.ledger import SqlLedger
from bot.ports import Broker
from tests.adapters.ibkr_world import UNPACED, US, at, at_last, giving_up
from tests.bot.five_symbols import (
    CALENDAR,
    DAY,
    HELD,
    MORNING,
    NEXT,
    OPENING,
    ORDERED,
    PRICES,
    RESTART,
    RUN,
    RUN_NEXT,
    TOMORROW,
    a_desk,
    a_ledger_file,
    life,
)
from tests.fakes import Died, EventfulClock, Fuse, Otherwise, Phone, When

# An order that nobody answers is left alone so soon; one whose answer is only late is found in the
# lists, with the same end. A gateway that says nothing at all is given up sooner, too.
UNANSWERED = giving_up(order=0.2, heartbeat=0.05)
UNHEARD = replace(UNANSWERED, connect=0.3, answer=0.3)
OPTIONS = ("--account", "PAPER", "--kind", "margin", "--cash", "10000", "--no-rates")
SYMBOLS = ("EFA", "SPY")  # what is sold first, and bought first

Trouble = Callable[[RemoteControl, str], object]
SOON = timedelta(seconds=20)
COARSE = timedelta(seconds=61)  # a clock over there need not be told more often


class SharedClock(EventfulClock):
    """Our clock, by which the gateway and its exchange go, too, while the process lives."""

    def __init__(
        self, start: datetime, since: datetime, control: RemoteControl, fuse: Fuse
    ) -> None:
        self._control, self._fuse = control, fuse
        super().__init__(start)
        self.heard = start
        self._tell(since)

    def jump(self, to: datetime) -> None:
        super().jump(to)
        if not self._fuse.dead:
            self.heard = self.now()
            if self.now() - self._told > COARSE:
                self._tell(self._told)

    def _tell(self, since: datetime) -> None:
        """Let it be that time there; what closed since then has closed."""
        now = self._told = self.now()
        if any(since < s.closes <= now for s in CALENDAR.between(DAY, NEXT)):
            self._control.close_market()
        self._control.travel(now)
        if any(s.opens <= now < s.closes for s in CALENDAR.between(DAY, NEXT)):
            self._control.open_market()


class Meanwhile(Otherwise):
    """A broker whose gateway is in trouble when the first order of a symbol is written."""

    _thing: Broker

    def __init__(self, broker: Broker, symbol: str, trouble: Callable[[], object]) -> None:
        super().__init__(broker)
        self._symbol, self._trouble = symbol, trouble

    async def submit(self, order: OrderIntent) -> OrderReport:
        if (order.symbol, order.run.session, order.attempt) == (self._symbol, DAY, 1):
            self._trouble()
        return await self._thing.submit(order)


class House:
    """An account at a gateway in another process, and a ledger: what outlives our processes."""

    def __init__(self, sim: Started, folder: Path) -> None:
        self.sim, self.path = sim, folder / "ledger.sqlite"
        self.path.write_bytes(a_ledger_file())
        self.phone = Phone()
        self.lived_until = MORNING
        for symbol, price in PRICES.items():
            sim.control.price(symbol, Decimal(str(price)))
            sim.control.quote(symbol, at(str(price)))
        for symbol, shares in OPENING.shares.items():
            sim.control.hold(symbol, shares, Decimal(40))

    async def live(
        self,
        symbol: str = "",
        trouble: Trouble = lambda _control, _symbol: None,
        fuse: Fuse | None = None,
        start: datetime = MORNING,
        build: Callable[[Broker], Broker] = lambda broker: broker,
    ) -> None:
        """One process from its start to its death, or until nothing more comes."""
        pace = UNHEARD if trouble is silence else UNANSWERED
        fuse = fuse or Fuse()
        start = max(start, self.lived_until + RESTART)
        clock = SharedClock(start, self.lived_until, self.sim.control, fuse)
        gateway = Gateway(self.sim.host, self.sim.port, US, messages_per_second=UNPACED, pace=pace)
        line = Ibkr(gateway, CALENDAR, clock)
        keeping = asyncio.create_task(line.keep())
        with closing(SqlLedger.open(self.path)) as ledger:
            broker = build(line.account(OPENING.account))
            broker = Meanwhile(broker, symbol, lambda: self._strike(trouble, symbol, clock))
            try:
                await at_last(lambda: line.quotes(list(PRICES)))
                await life(fuse.wire(a_desk(broker, ledger, clock)), self.phone)
            except* Died:
                assert fuse.dead
            finally:
                self.lived_until = clock.heard
                keeping.cancel()
                await line.close()
                self._calm()

    def _strike(self, trouble: Trouble, symbol: str, clock: EventfulClock) -> None:
        trouble(self.sim.control, symbol)
        clock.at(clock.now() + SOON, self._calm)

    def _calm(self) -> None:
        """Let the gateway be well again."""
        self.sim.control.clear_faults()
        self.sim.control.speak()
        self.sim.control.restore_link()

    def outcomes(self) -> tuple[Outcome | None, Outcome | None]:
        with closing(SqlLedger.open(self.path, read_only=True)) as ledger:
            return ledger.outcome(RUN), ledger.outcome(RUN_NEXT)

    def assert_nothing_twice(self) -> None:
        """The verdict: no name twice, and of no symbol more than was wanted."""
        booked = self.sim.control.orders()
        names = Counter(order.reference for order in booked)
        assert [name for name, times in names.items() if times > 1] == []
        traded: Counter[tuple[str, str]] = Counter()
        for order in booked:
            traded[order.symbol, order.action.lower()] += int(order.filled)
        wanted = Counter({(symbol, action.value): n for (symbol, action), n in ORDERED.items()})
        assert traded <= wanted

    def assert_ended_well(self) -> None:
        """Nothing twice, and what was wanted is held, but for a share that fees have cost."""
        self.assert_nothing_twice()
        holdings = self.sim.control.balance().holdings
        held = {symbol: int(holding.shares) for symbol, holding in holdings.items()}
        assert held.keys() == HELD.keys()
        assert all(0 <= HELD[symbol] - held[symbol] <= 1 for symbol in HELD)
        with closing(SqlLedger.open(self.path, read_only=True)) as ledger:
            assert ledger.questions("main") == ()
            told = [s for run in (RUN, RUN_NEXT) for s in ledger.standings(run) if s.filled]
            known = {s.intent.id: s.filled for s in told}
        booked = {o.reference: int(o.filled) for o in self.sim.control.orders() if o.filled}
        assert known == booked


@pytest.fixture
def house(tmp_path) -> Iterator[House]:
    with started(*OPTIONS) as sim:
        yield House(sim, tmp_path)


def fault(kind: FaultKind, **more: Any) -> Trouble:
    return lambda control, symbol: control.fail(Fault(kind, symbol=symbol, **more))


def restart(control: RemoteControl, symbol: str) -> None:
    """It is booked, and the gateway goes before it can say so, and comes back with all it knew."""
    control.fail(Fault(FaultKind.UNANSWERED, symbol=symbol))
    control.fail(Fault(FaultKind.DROP, Request.ALL_OPEN_ORDERS))
    control.fail(Fault(FaultKind.DROP, Request.START, times=3))


def silence(control: RemoteControl, _: str) -> None:
    control.silence()


IN_PART = "the line is lost after a part has filled"
BOOKED: dict[str, Trouble] = {
    "the line is lost after it is booked": fault(FaultKind.DROP_AFTER),
    IN_PART: fault(FaultKind.DROP_PARTIAL, shares=3),
    "the answer is lost": fault(FaultKind.UNANSWERED),
    "the gateway restarts": restart,
    "the gateway is slow": fault(FaultKind.DELAY, seconds=0.1),
    "the news is lost": fault(FaultKind.LOSE_STATUSES),
    "the gateway is silent": silence,
    "the link is lost and it is queued": lambda control, _: control.lose_link(Lost.QUEUE),
}
NEVER_BOOKED: dict[str, Trouble] = {
    "the line is lost before it is booked": fault(FaultKind.DROP),
    "it is swallowed": fault(FaultKind.IGNORE),
    "the link is lost and it is gone": lambda control, _: control.lose_link(Lost.SILENT),
}
TROUBLES = BOOKED | NEVER_BOOKED


def after_the_order(symbol: str) -> Fuse:
    """The process dies at the call after an order's, whatever became of that."""
    fuse = Fuse(lambda _, __: f"submit {symbol}" in fuse.calls[:-1])
    return fuse


async def test_an_undisturbed_run_trades_what_is_wanted(house):
    await house.live()

    house.assert_ended_well()
    assert house.outcomes() == (Outcome.COMPLETE, Outcome.HELD)
    assert len(house.sim.control.orders()) == len(ORDERED)


@pytest.mark.parametrize("trouble", BOOKED)
async def test_an_order_that_was_booked_is_found_and_the_run_completes(house, trouble):
    await house.live("EFA", BOOKED[trouble])

    house.assert_ended_well()
    assert house.outcomes() == (Outcome.COMPLETE, Outcome.HELD)


@pytest.mark.parametrize("symbol", SYMBOLS)
@pytest.mark.parametrize("trouble", NEVER_BOOKED)
async def test_an_order_that_never_was_is_owed_and_made_up_for(house, trouble, symbol):
    await house.live(symbol, NEVER_BOOKED[trouble])

    house.assert_ended_well()
    assert house.outcomes() == (Outcome.OWED, Outcome.COMPLETE)


@pytest.mark.parametrize("symbol", SYMBOLS)
@pytest.mark.parametrize("trouble", TROUBLES)
async def test_a_process_that_dies_with_the_order_repeats_nothing(house, trouble, symbol):
    fuse = after_the_order(symbol)

    await house.live(symbol, TROUBLES[trouble], fuse)
    await house.live()

    assert fuse.dead
    house.assert_ended_well()


@pytest.mark.parametrize("trouble", sorted(TROUBLES.keys() - {IN_PART}))
async def test_a_process_that_is_not_restarted_before_morning_repeats_nothing(house, trouble):
    await house.live("SPY", TROUBLES[trouble], after_the_order("SPY"))
    await house.live(start=TOMORROW)

    house.assert_ended_well()


@pytest.mark.parametrize("symbol", SYMBOLS)
async def test_a_part_of_an_order_that_nobody_explains_next_morning_halts_the_book(house, symbol):
    await house.live(symbol, TROUBLES[IN_PART], after_the_order(symbol))
    await house.live(start=TOMORROW)

    house.assert_nothing_twice()
    assert "positions_unexplained" in " ".join(message.key for message in house.phone.told)


@pytest.mark.parametrize("symbol", SYMBOLS)
@pytest.mark.parametrize("when", When)
async def test_a_process_that_dies_at_its_order_repeats_nothing(house, when, symbol):
    fuse = Fuse(lambda _, call: call == f"submit {symbol}", when)

    await house.live(fuse=fuse)
    await house.live()

    assert fuse.dead
    house.assert_ended_well()


class Naive(Otherwise):
    """A broker that takes silence for a no, as a naive adapter does, and asks again."""

    _thing: Broker

    async def submit(self, order: OrderIntent) -> OrderReport:
        try:
            return await self._thing.submit(order)
        except OrderUnanswered:
            again = replace(order, run=replace(order.run, book="again"))
            report = await self._thing.submit(again)
            return replace(report, client_id=order.id)


async def test_a_build_that_sends_again_does_not_pass(house):
    await house.live("EFA", fault(FaultKind.DROP_AFTER), build=Naive)

    with pytest.raises(AssertionError):
        house.assert_nothing_twice()
