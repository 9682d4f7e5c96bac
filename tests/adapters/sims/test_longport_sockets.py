"""The simulated sockets, spoken to frame by frame, and the end of it all."""

import asyncio
import gzip
import struct
import time
from contextlib import asynccontextmanager

import aiohttp
import pytest

from adapters.sims.longport import LongPortSim, a_little_world
from adapters.sims.longport_faults import Fault, FaultKind
from adapters.sims.longport_frames import Command, QuoteCommand, Status, TradeCommand
from adapters.sims.longport_keys import PASSWORD_LIFE, SESSION_LIFE
from adapters.sims.longport_messages import (
    AuthRequest,
    Failure,
    Heartbeat,
    ReconnectRequest,
    SecuritiesRequest,
    SecurityRequest,
    SessionResponse,
    StaticInfoResponse,
    TopicsRequest,
    TopicsResponse,
)
from adapters.sims.longport_protobuf import decode, encode

HANDSHAKE = {"version": "1", "codec": "1", "platform": "9"}
PATIENCE = 30.0  # seconds, at most: nothing waits for it to pass
PASSWORD = "otp-2"  # noqa: S105 - the first of every world


@pytest.fixture
async def sim():
    async with LongPortSim() as it:
        yield it


class Spoken:
    """A socket to speak frames on."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def ask(self, command: int, message: object, flags: int = 0) -> tuple[Status, bytes]:
        body = encode(message)
        body = gzip.compress(body) if flags else body
        head = struct.pack(">BBIH", 1 | flags << 4, command, 7, 0)
        await self.socket.send_bytes(head + len(body).to_bytes(3) + body)
        answer = await self.socket.receive_bytes(timeout=PATIENCE)
        kind, echoed, number, status = struct.unpack_from(">BBIB", answer)
        assert (kind, echoed, number) == (2, command, 7)
        assert int.from_bytes(answer[7:10]) == len(answer[10:])
        return Status(status), answer[10:]

    async def auth(self, password: str = PASSWORD) -> SessionResponse:
        status, body = await self.ask(Command.AUTH, AuthRequest(password))
        assert status is Status.SUCCESS
        return decode(SessionResponse, body)


@asynccontextmanager
async def a_socket(url: str):
    async with aiohttp.ClientSession() as session, session.ws_connect(url, params=HANDSHAKE) as ws:
        yield Spoken(ws)


async def eventually(fact) -> None:
    async with asyncio.timeout(PATIENCE):
        while not fact():  # noqa: ASYNC110 - the simulator has no event for it
            await asyncio.sleep(0)


def a_password(sim: LongPortSim) -> str:
    return sim.control._stage.world.keys.one_time_password()


async def test_a_handshake_without_its_parameters_is_none(sim):
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(sim.access.quote_ws_url)


async def test_who_has_no_session_is_refused_whatever_he_asks(sim):
    async with a_socket(sim.access.quote_ws_url) as socket:
        status, body = await socket.ask(QuoteCommand.DEPTH, SecurityRequest("QQQ.US"))

    assert status is Status.UNAUTHENTICATED
    assert decode(Failure, body).code == 401004


async def test_a_password_opens_one_session_once(sim):
    password = a_password(sim)
    async with a_socket(sim.access.trade_ws_url) as socket:
        opened = await socket.auth(password)
        again, _ = await socket.ask(Command.AUTH, AuthRequest(password))

    assert opened.online == 1
    assert again is Status.UNAUTHENTICATED


async def test_a_password_ends_soon(sim):
    password = a_password(sim)
    sim.control.move_clock(PASSWORD_LIFE.total_seconds())
    async with a_socket(sim.access.trade_ws_url) as socket:
        status, _ = await socket.ask(Command.AUTH, AuthRequest(password))

    assert status is Status.UNAUTHENTICATED


async def test_a_session_is_resumed_on_another_socket(sim):
    password = a_password(sim)
    async with a_socket(sim.access.quote_ws_url) as socket:
        first = await socket.auth(password)
    async with a_socket(sim.access.quote_ws_url) as socket:
        status, body = await socket.ask(Command.RECONNECT, ReconnectRequest(first.session_id))

    assert status is Status.SUCCESS
    assert decode(SessionResponse, body).session_id != first.session_id


@pytest.mark.parametrize(
    "harm",
    [
        lambda control: control.forget_sessions(),
        lambda control: control.move_clock(SESSION_LIFE.total_seconds()),
    ],
)
async def test_a_session_that_is_over_or_forgotten_is_not_resumed(sim, harm):
    password = a_password(sim)
    async with a_socket(sim.access.quote_ws_url) as socket:
        first = await socket.auth(password)
        harm(sim.control)
        status, _ = await socket.ask(Command.RECONNECT, ReconnectRequest(first.session_id))

    assert status is Status.UNAUTHENTICATED


async def test_a_heartbeat_comes_back_as_it_went(sim):
    async with a_socket(sim.access.quote_ws_url) as socket:
        status, body = await socket.ask(Command.HEARTBEAT, Heartbeat(5, 6))

    assert (status, decode(Heartbeat, body)) == (Status.SUCCESS, Heartbeat(5, 6))


async def test_a_zipped_request_is_read(sim):
    password = a_password(sim)
    async with a_socket(sim.access.quote_ws_url) as socket:
        await socket.auth(password)
        asked = SecuritiesRequest(("QQQ.US",))
        _, body = await socket.ask(QuoteCommand.STATIC_INFO, asked, flags=2)

    assert [info.symbol for info in decode(StaticInfoResponse, body).infos] == ["QQQ.US"]


async def test_a_command_nobody_knows_is_a_bad_request(sim):
    password = a_password(sim)
    async with a_socket(sim.access.trade_ws_url) as socket:
        await socket.auth(password)
        status, _ = await socket.ask(99, SecurityRequest("QQQ.US"))

    assert status is Status.BAD_REQUEST


async def test_a_topic_nobody_knows_is_told_as_failed(sim):
    password = a_password(sim)
    async with a_socket(sim.access.trade_ws_url) as socket:
        await socket.auth(password)
        _, body = await socket.ask(TradeCommand.SUBSCRIBE, TopicsRequest(("private", "odd")))

    told = decode(TopicsResponse, body)
    assert (told.success, told.current) == (("private",), ("private",))
    assert [each.topic for each in told.fail] == ["odd"]


@pytest.mark.parametrize(
    "frame", [b"", b"\x02abc", b"\x01\x02\x00\x00\x00\x01\x00\x00\x00\x00\x09"]
)
async def test_what_is_no_frame_ends_the_socket(sim, frame):
    async with a_socket(sim.access.quote_ws_url) as socket:
        await socket.socket.send_bytes(frame)
        ended = await socket.socket.receive(timeout=2)

    assert ended.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}


async def test_a_question_that_hangs_does_not_hold_up_the_next_one(sim):
    password = a_password(sim)
    sim.control.fail(Fault(FaultKind.HANG, "quote/depth"))
    async with a_socket(sim.access.quote_ws_url) as socket:
        await socket.auth(password)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await socket.ask(QuoteCommand.DEPTH, SecurityRequest("QQQ.US"))
        status, _ = await socket.ask(QuoteCommand.STATIC_INFO, SecuritiesRequest(("QQQ.US",)))

    assert status is Status.SUCCESS


async def test_a_socket_may_be_cut_in_place_of_an_answer(sim):
    password = a_password(sim)
    sim.control.fail(Fault(FaultKind.RESET, "quote/depth"))
    async with a_socket(sim.access.quote_ws_url) as socket:
        await socket.auth(password)
        with pytest.raises(aiohttp.WSMessageTypeError):
            await socket.ask(QuoteCommand.DEPTH, SecurityRequest("QQQ.US"))


async def test_it_ends_at_once_with_open_sockets_and_hanging_calls():
    async with aiohttp.ClientSession() as session:
        async with LongPortSim() as sim:
            sim.control.fail(Fault(FaultKind.HANG))
            host, port = sim.access.http_url.removeprefix("http://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            head = f"GET /v1/asset/account HTTP/1.1\r\nHost: x\r\nX-Api-Key: {sim.access.app_key}"
            writer.write(f"{head}\r\n\r\n".encode())
            quote = await session.ws_connect(sim.access.quote_ws_url, params=HANDSHAKE)
            trade = await session.ws_connect(sim.access.trade_ws_url, params=HANDSHAKE)
            await eventually(sim.control.calls)
            begun = time.monotonic()

        assert time.monotonic() - begun < 0.5
        assert [(await each.receive()).type for each in (quote, trade)] == [
            aiohttp.WSMsgType.CLOSED,
            aiohttp.WSMsgType.CLOSED,
        ]
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()


async def test_a_taken_port_is_an_error(sim):
    port = int(sim.access.http_url.rpartition(":")[2])

    with pytest.raises(OSError, match="in use"):
        async with LongPortSim(port=port):
            pass


def test_the_little_market_is_the_same_for_the_same_seed():
    one, same, other = a_little_world(1), a_little_world(1), a_little_world(2)

    assert one.securities == same.securities
    assert one.securities[0].bars != other.securities[0].bars
    assert all(bar.low <= bar.close <= bar.high for bar in one.securities[0].bars)
