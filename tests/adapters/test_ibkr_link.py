"""The connection as a state: lost, silent, restarted, taken by another; over the real library."""

import asyncio
import gc
import logging
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest

from adapters.ibkr import Ibkr
from adapters.ibkr_gateway import Gateway
from adapters.sims.tws_codes import Request
from adapters.sims.tws_faults import Fault, FaultKind
from adapters.sims.tws_record import Kind
from bot.domain.errors import BrokerUnavailable
from bot.domain.model import Action, Note, OrderStatus
from bot.schedule import JumpingClock
from tests.adapters.ibkr_world import (
    CALENDAR,
    US,
    a_line,
    at_last,
    at_work,
    connected,
    giving_up,
    kept,
)
from tests.adapters.sims.tws_clients import (
    ACCOUNT,
    OTHER,
    SOON,
    a_client,
    a_sim,
    an_account,
    eventually,
    holding,
    the_order,
)
from tests.builders import NOW, an_intent

BUY = an_intent("VOO", Action.BUY, 10, 510)
QUICK_TO_GIVE_UP = giving_up(connect=0.1, answer=0.2)


def connections(sim) -> int:
    return [entry.kind for entry in sim.control.record()].count(Kind.CONNECTED)


def asked(sim) -> list[str]:
    return [entry.what for entry in sim.control.record() if entry.kind is Kind.ASKED]


def alarms(caplog) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]


async def test_a_gateway_proves_its_accounts_and_its_time():
    async with at_work(an_account(), an_account(name="DU2")) as (sim, line, _):
        told = await line.prove()

        accounts, at, place = told.split(" · ")
        assert (accounts, place) == (f"…{ACCOUNT[-4:]}, …DU2", f"127.0.0.1:{sim.port}")
        assert abs(datetime.fromisoformat(at) - sim.world.now()) < timedelta(minutes=1)


async def test_a_kept_line_is_connected_once_and_asked_for_its_time():
    async with a_sim(rates=False) as sim:
        line = a_line(sim)
        async with kept(line):
            await eventually(lambda: asked(sim).count(Request.CURRENT_TIME) >= 3)
            await line.account(ACCOUNT).portfolio()

            assert (connections(sim), sim.control.clients()) == (1, (US,))


async def test_a_line_that_is_not_kept_connects_when_it_is_needed():
    async with at_work() as (sim, _, broker):
        assert connections(sim) == 0

        await broker.portfolio()
        await broker.portfolio()

        assert connections(sim) == 1


async def test_whoever_needs_the_line_at_once_gets_the_same_one():
    async with at_work() as (sim, line, broker):
        await asyncio.gather(broker.portfolio(), line.prove(), line.quotes(["VOO"]))

        assert connections(sim) == 1


async def test_a_gateway_that_is_down_at_the_start_is_found_when_it_comes_up():
    async with a_sim(rates=False) as sim:
        sim.control.close()
        line = a_line(sim)
        async with kept(line) as keeping:
            with pytest.raises(BrokerUnavailable) as raised:
                await line.prove()

            assert raised.value.code == "ibkr_gateway_down"
            assert raised.value.values["port"] == sim.port
            sim.control.open()
            await eventually(lambda: sim.control.clients() == (US,))
            assert not keeping.done()


async def test_a_host_that_can_be_nobodys_name_is_a_gateway_that_is_down():
    line = Ibkr(Gateway("g" * 64, 4002, client_id=US), CALENDAR, JumpingClock(NOW))

    with pytest.raises(BrokerUnavailable, match="ibkr_gateway_down"):
        await line.prove()


async def test_a_restart_of_the_gateway_is_lived_through():
    async with a_sim(an_account(holdings={"VOO": holding(5)}), rates=False) as sim:
        line = a_line(sim)
        broker = line.account(ACCOUNT)
        async with kept(line):
            await broker.submit(an_intent("VOO", Action.BUY, 10, 490))

            sim.control.restart(seconds=0.03)
            await eventually(lambda: connections(sim) == 2)

            (report,) = await at_last(broker.orders_today)
            assert report.status is OrderStatus.WORKING
            assert (await broker.portfolio()).shares == {"VOO": 5}


async def test_a_line_that_is_cut_is_opened_again_at_once_by_who_needs_it():
    async with at_work() as (sim, _, broker):
        await broker.portfolio()
        sim.control.cut()
        await eventually(lambda: sim.control.clients() == ())

        await broker.portfolio()

        assert connections(sim) == 2


async def test_a_position_closed_between_two_connections_is_not_held():
    async with at_work(an_account(holdings={"VOO": holding(5)})) as (sim, _, broker):
        await broker.portfolio()
        sim.control.cut()
        await eventually(lambda: sim.control.clients() == ())
        sim.control.hold("VOO", 0, 0)

        assert (await broker.portfolio()).shares == {}


async def test_a_silent_line_looks_connected_and_is_given_up(caplog):
    async with a_sim(rates=False) as sim, watched(sim, pace=QUICK_TO_GIVE_UP) as there:
        await eventually(lambda: asked(sim).count(Request.CURRENT_TIME) >= 3)
        sim.control.silence()
        await eventually(lambda: "ibkr_no_answer (what=time" in caplog.text)
        await there.after(ALERT, "ibkr_gateway_silent")

        sim.control.speak()

        await there.after(0)
        assert connections(sim) >= 2


async def test_a_silent_gateway_is_named():
    async with at_work(line={"pace": QUICK_TO_GIVE_UP}) as (sim, line, _):
        sim.control.silence()

        with pytest.raises(BrokerUnavailable) as raised:
            await line.prove()

        sim.control.speak()
        assert raised.value.code == "ibkr_gateway_silent"


async def test_what_hangs_up_in_the_handshake_is_not_waited_for():
    async with a_sim(rates=False) as sim:
        sim.control.fail(Fault(FaultKind.DROP, Request.START))
        async with connected(sim) as (line, _):
            with pytest.raises(BrokerUnavailable, match="ibkr_gateway_silent"):
                await line.prove()


async def test_a_number_that_another_client_keeps_is_named_and_never_changed():
    async with a_sim(rates=False) as sim, a_client(sim, US):
        async with connected(sim, pace=QUICK_TO_GIVE_UP) as (line, _):
            with pytest.raises(BrokerUnavailable) as raised:
                await line.prove()

        assert raised.value.code == "ibkr_client_id_taken"
        assert raised.value.values == {"client_id": US}
        turned = [e.client_id for e in sim.control.record() if e.kind is Kind.TURNED_AWAY]
        assert set(turned) == {US}


async def test_a_number_just_given_up_is_asked_for_again():
    async with at_work() as (sim, line, _):
        sim.control.occupy(US, times=2)

        await line.prove()

        assert connections(sim) == 1


async def test_a_lost_link_is_named_and_the_line_held():
    async with at_work() as (sim, line, _):
        await line.prove()
        sim.control.lose_link()

        with pytest.raises(BrokerUnavailable, match="ibkr_link_lost"):
            await line.prove()

        sim.control.restore_link()
        await line.prove()
        assert connections(sim) == 1


@pytest.mark.parametrize("keeps_data", [True, False])
async def test_a_link_that_came_back_thrice_costs_no_subscription(keeps_data):
    async with at_work() as (sim, line, _):
        for _ in range(3):
            await line.prove()
            sim.control.lose_link()
            sim.control.restore_link(keeps_data=keeps_data)

        await line.prove()

        assert Request.ACCOUNT_SUMMARY not in asked(sim)


async def test_a_gateway_that_was_without_a_link_when_we_came_says_so():
    async with at_work() as (sim, line, _):
        sim.control.lose_link()

        with pytest.raises(BrokerUnavailable, match="ibkr_link_lost"):
            await line.prove()


async def test_garbage_on_the_line_costs_nothing_but_its_answer():
    async with at_work() as (sim, line, _):
        await line.prove()
        sim.control.garbage()

        await line.prove()

        assert connections(sim) == 1


async def test_a_slow_gateway_is_waited_for():
    async with at_work() as (sim, _, broker):
        sim.control.slow(0.02)

        assert (await broker.submit(BUY)).status is OrderStatus.FILLED


async def test_a_late_answer_is_never_taken_for_the_next():
    mine, pace = an_account(holdings={"VOO": holding(5)}), giving_up(answer=0.2)
    async with at_work(mine, line={"pace": pace}) as (sim, line, broker):
        await at_last(line.prove)
        # Later than anybody waits for it, on however busy a machine: one loop tells both times.
        sim.control.fail(Fault(FaultKind.DELAY, Request.POSITIONS, seconds=0.5))

        with pytest.raises(BrokerUnavailable, match="ibkr_no_answer"):
            await broker.portfolio()

        # It would have been heard on the line it was asked on.
        await eventually(lambda: sim.control.clients() == ())
        assert (await at_last(broker.portfolio)).shares == {"VOO": 5}


class AskedClock(JumpingClock):
    """A clock that knows how often it was looked at: by every look at the line, too."""

    looks = 0

    def now(self) -> datetime:
        self.looks += 1
        return super().now()


class Watched:
    """A kept line whose time is a test's, and what its owner would hear of it."""

    def __init__(self, sim, start=NOW, **different) -> None:
        self.clock = AskedClock(start)
        self.line = a_line(sim, self.clock, **different)

    @property
    def codes(self) -> list[str]:
        return [note.code for note in self.line.notes()]

    async def after(self, seconds: float, *codes: str) -> tuple[Note, ...]:
        """What is told so much later, after a few looks at the line, once it is these codes."""
        self.clock.jump(self.clock.now() + timedelta(seconds=seconds))
        looks = self.clock.looks + 3
        await eventually(lambda: self.clock.looks > looks and self.codes == list(codes))
        return tuple(self.line.notes())


ALERT = 301.0


@asynccontextmanager
async def watched(sim, start=NOW, **different):
    there = Watched(sim, start, **different)
    async with kept(there.line):
        yield there


def missed(caplog) -> bool:
    return "not as it should be" in caplog.text


async def test_trouble_that_lasts_is_told_once_with_its_beginning_and_its_end_too(caplog):
    async with a_sim(rates=False) as sim:
        sim.control.close()
        async with watched(sim) as there:
            await eventually(lambda: missed(caplog))
            begun = there.clock.now()
            assert there.codes == []

            (note,) = await there.after(ALERT, "ibkr_gateway_down")
            again = await there.after(ALERT, "ibkr_gateway_down")
            sim.control.open()
            await there.after(1)

    assert (note.values["port"], note.values["since"]) == (sim.port, begun)
    assert again == (note,)
    assert len(alarms(caplog)) == 1
    assert "as it should be again" in caplog.text


async def test_trouble_that_passes_is_nobodys_news(caplog):
    async with a_sim(rates=False) as sim:
        sim.control.close()
        async with watched(sim) as there:
            await eventually(lambda: missed(caplog))
            sim.control.open()
            await eventually(lambda: "as it should be again" in caplog.text)

            assert await there.after(ALERT) == ()


async def test_a_trouble_that_changes_its_face_is_one_and_another_is_another(caplog):
    async with a_sim(rates=False) as sim, watched(sim, pace=QUICK_TO_GIVE_UP) as there:
        await at_last(there.line.prove)
        sim.control.close()
        await eventually(lambda: "ibkr_line_lost" in caplog.text)
        (down,) = await there.after(ALERT, "ibkr_gateway_down")
        sim.control.silence()
        sim.control.open()
        await eventually(lambda: sim._gateway.sessions != [])
        assert await there.after(ALERT, "ibkr_gateway_down") == (down,)

        sim.control.read_only(read_only=True)
        sim.control.speak()
        await there.after(1, "ibkr_read_only")


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (lambda c: c.lose_link(), "ibkr_link_lost"),
        (lambda c: c.occupy(US, 9999), "ibkr_client_id_taken"),
    ],
)
async def test_an_open_line_that_is_no_use_is_told_too(caplog, trouble, code):
    async with a_sim(rates=False) as sim:
        trouble(sim.control)
        async with watched(sim, pace=QUICK_TO_GIVE_UP) as there:
            await eventually(lambda: missed(caplog))

            await there.after(ALERT, code)

    assert code in alarms(caplog)[0]


async def test_a_gateway_that_may_only_be_read_is_told_of_at_once_and_seen_when_it_changes():
    async with a_sim(rates=False, read_only=True) as sim, watched(sim) as there:
        await there.after(0, "ibkr_read_only")

        sim.control.read_only(read_only=False)

        await there.after(0)
        assert await there.line.prove()


@pytest.mark.parametrize("state", ["speaking", "silent", "closed"])
async def test_a_kept_line_ends_at_once_when_it_is_told_to(state):
    async with a_sim(rates=False) as sim:
        line = a_line(sim)
        keeping = asyncio.create_task(line.keep())
        await eventually(lambda: sim.control.clients() == (US,))
        if state == "silent":
            sim.control.silence()
        elif state == "closed":
            sim.control.close()

        keeping.cancel()
        # Not the half minute that an answer may take.
        async with asyncio.timeout(SOON / 10):
            await asyncio.wait({keeping})
            await line.close()

        sim.control.speak()
        await eventually(lambda: sim.control.clients() == ())


async def test_what_was_awaited_when_the_line_was_closed_is_told():
    async with at_work() as (sim, line, broker):
        await line.prove()
        sim.control.fail(Fault(FaultKind.IGNORE, Request.POSITIONS))
        reading = asyncio.ensure_future(broker.portfolio())
        await sim.until(lambda c: c.record()[-1].what == Request.POSITIONS)

        await line.close()

        with pytest.raises(BrokerUnavailable, match="ibkr_line_lost"):
            await asyncio.wait_for(reading, SOON / 10)


async def test_many_connections_leave_no_client_behind():
    async with at_work() as (sim, line, _):
        for _ in range(5):
            await line.prove()
            sim.control.cut()
            await eventually(lambda: sim.control.clients() == ())
        gc.collect()

        left = [each for each in gc.get_objects() if type(each).__name__ == "IB"]
        assert len(left) <= 2


async def test_other_clients_of_the_gateway_are_left_alone():
    async with at_work() as (sim, _, broker), a_client(sim, OTHER):
        await broker.submit(BUY)

        assert set(sim.control.clients()) == {OTHER, US}
        assert the_order(sim).client_id == US


async def test_a_question_dropped_right_after_the_handshake_costs_one_attempt():
    async with at_work(line={"pace": giving_up(answer=0.2)}) as (sim, line, _):
        sim.control.fail(Fault(FaultKind.IGNORE, Request.ALL_OPEN_ORDERS))

        with pytest.raises(BrokerUnavailable, match="ibkr_no_answer"):
            await line.prove()

        assert await at_last(line.prove)
