"""The two sockets: handshake, session, requests and answers, pings, pushes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any, TypeAlias

from aiohttp import WSMsgType, web

from adapters.sims.longport_faults import Fault, FaultKind
from adapters.sims.longport_frames import Command, Request, Status, read_request, response
from adapters.sims.longport_gateway import no_socket
from adapters.sims.longport_keys import Session
from adapters.sims.longport_messages import (
    AuthRequest,
    Failure,
    Heartbeat,
    ReconnectRequest,
    SessionResponse,
)
from adapters.sims.longport_protobuf import Malformed, decode, encode
from adapters.sims.longport_refusals import Refusal, bad_quote_request, token_invalid
from adapters.sims.longport_world import World
from adapters.sims.sockets import reset

HANDSHAKE = {"version": "1", "codec": "1", "platform": "9"}
MILLISECONDS = 1000


class Channel(StrEnum):
    """Which of the two sockets."""

    QUOTE = "quote"
    TRADE = "trade"


@dataclass(frozen=True, slots=True)
class SocketState:
    """A socket that is open, as a record."""

    channel: Channel
    session: str
    pongs: int
    subscribed: tuple[str, ...]


@dataclass(slots=True, eq=False)
class Connection:
    """A socket that is open; `wants` are symbols with what is pushed of them, or topics."""

    channel: Channel
    transport: asyncio.BaseTransport | None
    session: str = ""
    pongs: int = 0
    wants: dict[str, set[int]] = field(default_factory=dict)
    out: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)

    def state(self) -> SocketState:
        """What it is like now."""
        return SocketState(self.channel, self.session, self.pongs, tuple(sorted(self.wants)))


Answer: TypeAlias = Callable[[Connection, bytes], Any]


@dataclass(frozen=True, slots=True)
class Desk:
    """What a socket answers to once it is opened: by command."""

    commands: type[IntEnum]
    answers: dict[int, Answer]


class Sockets:
    """Every open socket of one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._open: list[Connection] = []
        self.desks: dict[Channel, Desk] = {}

    def online(self) -> int:
        """How many have a session."""
        return sum(1 for each in self._open if each.session)

    def states(self) -> list[SocketState]:
        """What every open socket is like."""
        return [each.state() for each in self._open]

    def on(self, channel: Channel) -> list[Connection]:
        """The open ones of a channel."""
        return [each for each in self._open if each.channel is channel]

    def hang_up(self, channel: Channel | None = None) -> None:
        """Cut the sockets of a channel, or all."""
        for each in list(self._open):
            if channel in (None, each.channel):
                reset(each.transport)

    async def serve(self, channel: Channel, request: web.Request) -> web.StreamResponse:
        """Keep a socket until it ends."""
        if {name: request.query.get(name) for name in HANDSHAKE} != HANDSHAKE:
            return no_socket()
        socket = web.WebSocketResponse(autoping=False, compress=False)
        await socket.prepare(request)
        connection = Connection(channel, request.transport)
        self._open.append(connection)
        try:
            async with self._beside(connection, socket) as tasks:
                await self._hear(connection, socket, tasks)
        finally:
            self._open.remove(connection)
        return socket

    @asynccontextmanager
    async def _beside(
        self, connection: Connection, socket: web.WebSocketResponse
    ) -> AsyncIterator[set[asyncio.Task[None]]]:
        """What a socket does besides hearing: pings, and says what is in its queue."""
        tasks = {
            asyncio.create_task(_say(connection, socket)),
            asyncio.create_task(_ping(socket, self._world.setup.ping_seconds)),
        }
        try:
            yield tasks
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _hear(
        self,
        connection: Connection,
        socket: web.WebSocketResponse,
        tasks: set[asyncio.Task[None]],
    ) -> None:
        async for message in socket:
            if message.type is WSMsgType.PING:
                await socket.pong(message.data)
            elif message.type is WSMsgType.PONG:
                connection.pongs += 1
            elif message.type is WSMsgType.BINARY:
                # One that is answered late does not hold up the others.
                task = asyncio.create_task(self._take(connection, message.data))
                tasks.add(task)
                task.add_done_callback(tasks.discard)

    async def _take(self, connection: Connection, data: bytes) -> None:
        try:
            request = read_request(data)
        except Malformed:
            reset(connection.transport)
            return
        fault = self._world.faults.meet(self._named(connection.channel, request.command))
        try:
            if fault and not fault.after:
                await _harm(fault, connection, request)
            body = encode(self._answer(connection, request))
            if fault and fault.after:
                await _harm(fault, connection, request)
        except Refusal as refusal:
            failure = encode(Failure(refusal.code, refusal.message))
            connection.out.put_nowait(response(request, refusal.frame, failure))
        except _Answered:
            return
        else:
            connection.out.put_nowait(response(request, Status.SUCCESS, body))

    def _answer(self, connection: Connection, request: Request) -> Any:
        try:
            match request.command:
                case Command.AUTH:
                    password = decode(AuthRequest, request.body).token
                    return self._let_in(connection, self._world.keys.open_session(password))
                case Command.RECONNECT:
                    before = decode(ReconnectRequest, request.body).session_id
                    return self._let_in(connection, self._world.keys.resume(before))
                case Command.HEARTBEAT:
                    return decode(Heartbeat, request.body)
            answers = self.desks[connection.channel].answers
            if not connection.session:
                raise token_invalid()
            if request.command not in answers:
                raise bad_quote_request(f"command {request.command} is not simulated")
            return answers[request.command](connection, request.body)
        except Malformed as wrong:
            raise bad_quote_request(str(wrong)) from None

    def _let_in(self, connection: Connection, session: Session) -> SessionResponse:
        connection.session = session.id
        expires = int(session.ends.timestamp() * MILLISECONDS)
        return SessionResponse(session.id, expires, self._world.setup.connections, self.online())

    def _named(self, channel: Channel, command: int) -> str:
        names = {int(each): each.name.lower() for each in (*Command, *self.desks[channel].commands)}
        return f"{channel}/{names.get(command, command)}"


class _Answered(Exception):  # noqa: N818 - the state of a request
    """Nothing more is to be said."""


async def _harm(fault: Fault, connection: Connection, request: Request) -> None:
    match fault.kind:
        case FaultKind.SLOW:
            await asyncio.sleep(fault.seconds)
        case FaultKind.HANG:
            raise _Answered
        case FaultKind.RESET:
            reset(connection.transport)
            raise _Answered
        case FaultKind.REFUSE:
            raise Refusal(fault.code, fault.message)
        case FaultKind.ANSWER:
            connection.out.put_nowait(response(request, Status.SUCCESS, fault.body.encode()))
            raise _Answered


async def _say(connection: Connection, socket: web.WebSocketResponse) -> None:
    while True:
        await socket.send_bytes(await connection.out.get())


async def _ping(socket: web.WebSocketResponse, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        await socket.ping()
