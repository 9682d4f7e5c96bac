"""The connection as a state: lost, silent, restarted, taken by another; over the real library."""

import asyncio
import gc
import logging
from dataclasses import replace
from datetime import time

import pytest

from adapters.ibkr import Window
from adapters.sims.tws_codes import Request
from adapters.sims.tws_faults import Fault, FaultKind
from adapters.sims.tws_record import Kind
from bot.domain.errors import BrokerUnavailable
from bot.domain.model import Action, OrderStatus
from tests.adapters.ibkr_world import QUICK, US, a_line, at_work, connected, kept
from tests.adapters.sims.tws_clients import (
    ACCOUNT,
    OTHER,
    a_client,
    a_sim,
    an_account,
    eventually,
    holding,
    the_order,
)
from tests.builders import an_intent

BUY = an_intent("VOO", Action.BUY, 10, 510)
NOW_IS = Window(time(15), time(16))
QUICK_TO_GIVE_UP = replace(QUICK, connect=0.03)


def connections(sim) -> int:
    return [entry.kind for entry in sim.control.record()].count(Kind.CONNECTED)


def asked(sim) -> list[str]:
    return [entry.what for entry in sim.control.record() if entry.kind is Kind.ASKED]


def alarms(caplog) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]


async def test_a_gateway_proves_its_accounts_and_its_time():
    async with at_work(an_account(), an_account(name="DU2")) as (sim, line, _):
        told = await line.prove()

        assert told.startswith(f"127.0.0.1:{sim.port}, {ACCOUNT}, DU2, ")
        assert told.endswith(f"{sim.world.now():%Y-%m-%d %H:%M}{told[-7:]}")


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


async def test_a_restart_of_the_gateway_is_lived_through():
    async with a_sim(an_account(holdings={"VOO": holding(5)}), rates=False) as sim:
        line = a_line(sim)
        broker = line.account(ACCOUNT)
        async with kept(line):
            await broker.submit(an_intent("VOO", Action.BUY, 10, 490))

            sim.control.restart(seconds=0.03)
            await eventually(lambda: sim.control.clients() == ())
            await eventually(lambda: sim.control.clients() == (US,))

            (report,) = await broker.orders_today()
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
    async with a_sim(rates=False) as sim:
        line = a_line(sim, pace=QUICK_TO_GIVE_UP)
        async with kept(line):
            await line.prove()
            sim.control.silence()
            await eventually(lambda: "ibkr_gateway_silent" in caplog.text)

            sim.control.speak()
            await eventually(lambda: connections(sim) >= 2)
            await line.prove()

    assert "ibkr_no_answer (what=time" in caplog.text


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
            async with asyncio.timeout(0.5):
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
    async with at_work(an_account(holdings={"VOO": holding(5)})) as (sim, line, broker):
        await line.prove()
        sim.control.fail(Fault(FaultKind.DELAY, Request.POSITIONS, seconds=0.3))

        with pytest.raises(BrokerUnavailable, match="ibkr_no_answer"):
            await broker.portfolio()

        await broker.portfolio()
        assert connections(sim) == 2


async def test_trouble_that_lasts_is_told_once_and_its_end_too(caplog):
    async with a_sim(rates=False) as sim:
        sim.control.close()
        line = a_line(sim)
        async with kept(line):
            await eventually(lambda: alarms(caplog) != [])
            await asyncio.sleep(0.1)
            sim.control.open()
            await eventually(lambda: "again" in caplog.text)

    assert len(alarms(caplog)) == 1
    assert "ibkr_gateway_down" in alarms(caplog)[0]


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (lambda c: c.read_only(read_only=True), "ibkr_read_only"),
        (lambda c: c.lose_link(), "ibkr_link_lost"),
        (lambda c: c.occupy(US, 9999), "ibkr_client_id_taken"),
    ],
)
async def test_an_open_line_that_is_no_use_is_told_too(caplog, trouble, code):
    async with a_sim(rates=False) as sim:
        trouble(sim.control)
        async with kept(a_line(sim, pace=QUICK_TO_GIVE_UP)):
            await eventually(lambda: alarms(caplog) != [])

    assert code in alarms(caplog)[0]


async def test_the_gateways_own_restart_alarms_nobody(caplog):
    async with a_sim(rates=False) as sim:
        sim.control.close()
        line = a_line(sim, restart=NOW_IS)
        async with kept(line):
            await asyncio.sleep(0.15)

    assert alarms(caplog) == []
    assert "ibkr_gateway_down" in caplog.text


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
        async with asyncio.timeout(0.1):
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
            await asyncio.wait_for(reading, 0.1)


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
    async with at_work() as (sim, line, _):
        sim.control.fail(Fault(FaultKind.IGNORE, Request.ALL_OPEN_ORDERS))

        with pytest.raises(BrokerUnavailable, match="ibkr_no_answer"):
            await line.prove()

        await line.prove()
        assert connections(sim) == 2
