"""How clients of the real library come to a gateway, and how the line ends."""

import asyncio
import contextlib
import time

import pytest

from adapters.sims.tws_codes import Request
from adapters.sims.tws_faults import Fault, FaultKind
from adapters.sims.tws_gateway import MOST_CLIENTS
from adapters.sims.tws_record import Kind
from adapters.sims.tws_wire import frame
from tests.adapters.sims.tws_clients import (
    ACCOUNT,
    CLIENT,
    OTHER,
    Heard,
    a_client,
    a_raw_client,
    a_sim,
    an_account,
    an_order,
    arrived,
    either,
    eventually,
    holding,
    ib,
    in_vain,
    leave,
    placed,
    reopened,
    stock,
    the_order,
    trading,
)


async def test_the_newest_version_both_speak_is_spoken():
    async with trading() as (_, client):
        assert client.client.serverVersion() == either(176, 178)


async def test_a_client_is_told_its_accounts_and_the_state_of_the_farms():
    async with a_sim(an_account(), an_account(name="DU2")) as sim, a_client(sim) as client:
        await arrived(client)

        assert client.managedAccounts() == [ACCOUNT, "DU2"]
        assert [code for _, code, _ in client.heard.errors] == [2104, 2106, 2158]


async def test_the_time_is_that_of_the_gateway():
    async with trading() as (sim, client):
        told = await client.reqCurrentTimeAsync()

        assert abs((told - sim.world.now()).total_seconds()) <= 1


async def test_a_number_in_use_is_told_by_its_code_and_then_only_a_timeout():
    async with trading() as (sim, _):
        second = ib.IB()
        heard = Heard(second)
        remarks: list[str] = []
        second.client.apiError += remarks.append

        with pytest.raises(TimeoutError):
            await second.connectAsync(sim.host, sim.port, clientId=CLIENT, timeout=0.05)

        assert heard.codes == [326]
        assert any("already in use" in remark for remark in remarks)
        assert sim.control.record()[-2].kind is Kind.TURNED_AWAY


async def test_a_number_may_still_be_in_use_after_its_client_has_gone():
    async with a_sim() as sim:
        sim.control.occupy(CLIENT, times=1)

        with pytest.raises(TimeoutError):
            await ib.IB().connectAsync(sim.host, sim.port, clientId=CLIENT, timeout=0.05)

        async with a_client(sim):
            assert sim.control.clients() == (CLIENT,)


async def test_a_line_that_is_cut_ends_what_is_awaited():
    async with trading() as (sim, client):
        sim.control.fail(Fault(FaultKind.IGNORE, Request.CURRENT_TIME))
        gone = asyncio.Event()
        client.disconnectedEvent += gone.set
        asked = asyncio.ensure_future(client.reqCurrentTimeAsync())
        await asyncio.sleep(0)

        sim.control.cut()

        with pytest.raises(ConnectionError, match="Socket disconnect"):
            await asked
        assert gone.is_set()
        assert not client.isConnected()


async def test_leaving_by_oneself_leaves_what_is_awaited_hanging():
    async with trading() as (sim, client):
        sim.control.fail(Fault(FaultKind.IGNORE, Request.CURRENT_TIME))
        asked = asyncio.ensure_future(client.reqCurrentTimeAsync())
        await asyncio.sleep(0)

        await leave(client)

        assert await in_vain(asked)


async def test_a_silent_gateway_looks_connected():
    async with trading() as (sim, client):
        sim.control.silence()

        assert await in_vain(client.reqCurrentTimeAsync())
        assert client.isConnected()
        assert await in_vain(ib.IB().connectAsync(sim.host, sim.port, clientId=OTHER, timeout=0))

        sim.control.speak()
        await arrived(client)


async def test_a_slow_gateway_answers_late_and_in_order():
    async with trading() as (sim, client):
        sim.control.slow(0.03)
        begun = time.monotonic()

        trade = await placed(client, an_order())

        assert time.monotonic() - begun >= 0.03
        assert [entry.status for entry in trade.log if not entry.message][-1] == "Filled"


async def test_a_restarted_gateway_refuses_for_a_while_and_keeps_orders():
    async with trading() as (sim, client):
        await placed(client, an_order(limit=400))

        sim.control.restart(seconds=0.5)
        await eventually(lambda: not client.isConnected())
        with pytest.raises(ConnectionRefusedError):
            await ib.IB().connectAsync(sim.host, sim.port, clientId=CLIENT, timeout=1)
        await reopened(sim)

        async with a_client(sim) as again:
            assert [t.order.orderRef for t in again.openTrades()] == ["ref-1"]


async def test_what_was_never_transmitted_is_gone_after_a_restart_and_its_number_is_free():
    async with trading() as (sim, client):
        trade = await placed(client, an_order(transmit=False))
        assert await client.reqAllOpenOrdersAsync() == []
        number = trade.order.orderId

        sim.control.restart()
        await eventually(lambda: not client.isConnected())

        assert sim.control.orders() == ()
        async with a_client(sim) as again:
            assert again.client._reqIdSeq <= number


async def test_garbage_is_skipped_by_the_library():
    async with trading() as (sim, client):
        sim.control.garbage()

        await arrived(client)
        assert client.isConnected()


async def test_what_is_no_client_is_hung_up_on():
    async with a_sim() as sim:
        reader, writer = await asyncio.open_connection(sim.host, sim.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")

        assert await reader.read() == b""
        await sim.until(lambda control: control.record()[-1].kind is Kind.DISCONNECTED)
        assert "greeting" in sim.control.record()[-2].text
        writer.close()


@pytest.mark.parametrize("offer", ["v100..156", "v179..200", "hello"])
async def test_versions_nobody_here_speaks_are_not_spoken(offer):
    async with a_sim() as sim:
        reader, writer = await asyncio.open_connection(sim.host, sim.port)
        writer.write(b"API\0" + len(offer).to_bytes(4) + offer.encode())

        assert await reader.read() == b""
        assert "versions are" in sim.control.record()[0].text
        writer.close()


async def test_before_a_client_says_who_it_is_nothing_is_answered():
    async with a_sim() as sim:
        reader, writer = await asyncio.open_connection(sim.host, sim.port)
        writer.write(b"API\0" + frame(("v157..176",)) + frame((61, 1)))

        assert b"504" in await reader.readuntil(b"Not connected")
        writer.close()


async def test_too_many_messages_in_a_second_end_the_connection():
    async with trading() as (sim, client):
        client.client.MaxRequests = 0
        for _ in range(60):
            client.client.reqIds(1)

        await eventually(lambda: not client.isConnected())

        assert 100 in client.heard.codes
        assert sim.control.clients() == ()


async def test_the_library_holds_back_as_much_as_is_allowed():
    async with trading() as (_, client):
        for _ in range(60):
            client.client.reqIds(1)

        await asyncio.wait_for(client.reqCurrentTimeAsync(), 2)
        assert client.isConnected()


async def test_a_read_only_gateway_answers_no_list_of_orders_at_connect():
    async with a_sim(read_only=True) as sim:
        async with a_client(sim, readonly=True) as client:
            assert client.heard.codes == []

        async with a_client(sim, patience=0.05) as client:
            # Both libraries only write down that their lists were never answered.
            assert client.heard.codes.count(321) == 2
            assert client.isConnected()


async def test_a_read_only_gateway_refuses_orders():
    async with a_sim(read_only=True) as sim, a_client(sim, readonly=True) as client:
        trade = await placed(client, an_order())

        assert client.heard.codes == [321]
        assert trade.orderStatus.status == either("Cancelled", "ValidationError")
        assert sim.control.orders() == ()


async def test_positions_that_are_never_answered_at_connect_look_like_none():
    async with a_sim(an_account(holdings={"VOO": holding(5)})) as sim:
        sim.control.fail(Fault(FaultKind.IGNORE, Request.POSITIONS))

        async with a_client(sim, patience=0.05) as client:
            assert client.positions() == []
            assert len(await client.reqPositionsAsync()) == 1


async def test_a_list_may_be_empty_right_after_the_connect():
    async with a_sim(an_account(holdings={"VOO": holding(5)})) as sim:
        sim.control.fail(Fault(FaultKind.EMPTY, Request.POSITIONS))

        async with a_client(sim) as client:
            assert client.positions() == []
            assert len(await client.reqPositionsAsync()) == 1


async def test_executions_never_answered_fail_the_connect_of_one_library():
    async with a_sim() as sim:
        sim.control.fail(Fault(FaultKind.IGNORE, Request.EXECUTIONS))

        fails = either(pytest.raises(TimeoutError), contextlib.nullcontext())
        with fails:
            async with a_client(sim, patience=0.05) as client:
                assert client.isConnected()


async def test_two_lists_of_orders_at_once_leave_the_first_unanswered():
    async with trading() as (_, client):
        first = client.reqAllOpenOrdersAsync()
        second = client.reqOpenOrdersAsync()

        assert await second == []
        assert await in_vain(first)


async def test_a_position_closed_between_two_connects_is_still_told_by_one_library():
    async with a_sim(an_account(holdings={"VOO": holding(5)})) as sim:
        async with a_client(sim) as client:
            assert len(client.positions()) == 1
        sim.control.hold("VOO", 0, 0)

        await client.connectAsync(sim.host, sim.port, clientId=CLIENT, timeout=1)

        assert len(client.positions()) == either(1, 0)
        await leave(client)


async def test_connectivity_lost_is_only_told():
    async with trading() as (sim, client):
        sim.control.lose_link()
        await arrived(client)

        assert client.heard.codes == [1100]
        assert client.isConnected()
        assert await in_vain(client.reqContractDetailsAsync(stock()))


async def test_everything_asked_is_on_record():
    async with trading() as (sim, client):
        await placed(client, an_order())

        asked = [e.what for e in sim.control.record() if e.kind is Kind.ASKED]
        assert asked[0] == Request.START
        assert asked[-2:] == [Request.PLACE_ORDER, Request.CURRENT_TIME]
        assert the_order(sim).client_id == CLIENT


async def test_an_unknown_request_is_told_and_harmless():
    async with trading() as (_, client):
        client.client.send(80)
        await arrived(client)

        assert client.heard.codes == [505]


async def test_an_order_nobody_can_read_is_told_and_on_record():
    async with a_sim() as sim, a_raw_client(sim) as raw:
        await raw.read(9)
        raw.write(3, 1, 0, "VOO")

        while (told := await raw.read(4))[2] == "-1":
            pass
        assert told[2:4] == ["1", "320"]
        assert sim.control.record()[-1].kind is Kind.UNREADABLE
        assert sim.control.orders() == ()


async def test_an_absurd_price_is_no_end_of_the_gateway():
    async with trading() as (sim, client):
        await placed(client, an_order(limit=1e60))

        assert client.heard.codes == [320]
        assert sim.control.orders() == ()


async def test_an_answer_that_is_garbage_is_no_answer():
    async with trading() as (sim, client):
        sim.control.fail(Fault(FaultKind.GARBAGE, Request.POSITIONS))

        assert await in_vain(client.reqPositionsAsync())


async def test_an_empty_list_may_be_that_of_a_request():
    async with trading() as (sim, client):
        await placed(client, an_order())
        sim.control.fail(Fault(FaultKind.EMPTY, Request.EXECUTIONS))

        assert await client.reqExecutionsAsync() == []
        assert len(await client.reqExecutionsAsync()) == 1


async def test_there_is_room_for_so_many_clients():
    async with a_sim() as sim, contextlib.AsyncExitStack() as stack:
        for client_id in range(MOST_CLIENTS):
            raw = await stack.enter_async_context(a_raw_client(sim, client_id))
            await raw.read(9)
        late = await stack.enter_async_context(a_raw_client(sim, 99))

        assert (await late.read(4))[3] == "326"


async def test_who_comes_while_the_link_is_lost_is_told():
    async with a_sim() as sim:
        sim.control.lose_link()

        async with a_client(sim) as client:
            await arrived(client)
            assert client.heard.codes == [1100]


async def test_it_stops_at_once_with_clients_connected():
    async with a_sim() as sim:
        client = ib.IB()
        await client.connectAsync(sim.host, sim.port, clientId=CLIENT, timeout=1)
        sim.control.silence()
        begun = time.monotonic()
    ended = time.monotonic()

    assert ended - begun < 1
    await eventually(lambda: not client.isConnected())
