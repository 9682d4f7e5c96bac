"""The line to the broker: a proxy port whose tunnels all end at the simulator."""

import asyncio
import contextlib
import socket
import ssl

from aiohttp import web

from adapters.sims.schwab_certificates import HOST
from adapters.sims.schwab_faults import Ending, Outage
from adapters.sims.sockets import reset

HTTPS_PORT = 443
DESTINATION = f"{HOST}:{HTTPS_PORT}"
END_OF_HEAD = b"\r\n\r\n"
LONGEST_HEAD = 64 * 1024
OPENED = b"HTTP/1.1 200 Connection established\r\n\r\n"
NO_TUNNEL = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
ELSEWHERE = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
NO_CONNECT = b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
SHUTDOWN_SECONDS = 0.1


def end(transport: asyncio.BaseTransport | None, ending: Ending = Ending.RESET) -> None:
    """End a connection; at a reset, what was written and not sent is lost."""
    if ending is Ending.RESET:
        reset(transport)
    elif transport is not None:
        transport.close()


class Line:
    """A proxy that opens tunnels to the broker's host alone, and answers there itself.

    A client is sent here by HTTPS_PROXY. While the line is cut its port stays reserved.
    """

    def __init__(self, app: web.Application, context: ssl.SSLContext, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self.outage: Outage | None = None
        # Whether a client that goes away takes its request with it is each fault's matter.
        self._runner = web.AppRunner(
            app, handler_cancellation=True, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS
        )
        self._context = context
        self._reserved: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Transport] = set()
        self._tunnels: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """What a client is given as its proxy."""
        return f"http://{self.host}:{self.port}"

    async def open(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        self._reserve()
        await self._runner.setup()
        await self._listen()

    async def close(self) -> None:
        """Stop at once, whoever still waits for an answer."""
        self._stop_listening()
        self._hang_up()
        for task in self._tunnels:
            task.cancel()
        await self._runner.cleanup()
        if self._reserved:
            self._reserved.close()

    async def cut(self, outage: Outage) -> None:
        """Begin an outage."""
        self.outage = outage
        if outage is Outage.REFUSED and self._server:
            self._stop_listening()
            self._reserve()
        elif outage is not Outage.REFUSED and not self._server:
            await self._listen()
        self._hang_up()
        # An aborted connection closes in the next turn of the loop.
        await asyncio.sleep(0)

    async def restore(self) -> None:
        """End the outage."""
        silent = self.outage is Outage.SILENT
        self.outage = None
        if not self._server:
            await self._listen()
        if silent:
            self._hang_up()

    def opened(self, transport: asyncio.Transport) -> None:
        """Remember a connection, and forget those that ended."""
        self._open = {each for each in self._open if not each.is_closing()} | {transport}

    def tunnel(self, transport: asyncio.Transport) -> None:
        """Answer a client that asked for the broker's host."""
        if self.outage is Outage.NO_TUNNEL:
            transport.write(NO_TUNNEL)
            transport.close()
            return
        # Nothing may be read between the promise and the handshake it allows.
        transport.pause_reading()
        transport.write(OPENED)
        task = asyncio.get_running_loop().create_task(self._secure(transport))
        self._tunnels.add(task)
        task.add_done_callback(self._tunnels.discard)

    async def _secure(self, transport: asyncio.Transport) -> None:
        early = _Early()
        loop = asyncio.get_running_loop()
        # A client that does not trust the certificate, or left, is none of ours.
        with contextlib.suppress(ssl.SSLError, OSError):
            secured = await loop.start_tls(transport, early, self._context, server_side=True)
            if secured is None or self._runner.server is None:
                return
            conversation = self._runner.server()
            secured.set_protocol(conversation)
            conversation.connection_made(secured)
            if early.data:
                conversation.data_received(bytes(early.data))

    def _reserve(self) -> None:
        reserved = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            reserved.bind((self.host, self.port))
        except OSError:
            reserved.close()
            raise
        self._reserved = reserved
        self.port = reserved.getsockname()[1]

    async def _listen(self) -> None:
        assert self._reserved
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Knock(self), sock=self._reserved)

    def _stop_listening(self) -> None:
        if self._server:
            self._server.close()
        self._server = None

    def _hang_up(self) -> None:
        for transport in list(self._open):
            end(transport)


class _Early(asyncio.Protocol):
    """Keeps what comes with the last message of a handshake."""

    def __init__(self) -> None:
        self.data = bytearray()

    def data_received(self, data: bytes) -> None:
        self.data += data


class _Knock(asyncio.Protocol):
    """A connection before it is a tunnel."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._head = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._line.opened(transport)

    def data_received(self, data: bytes) -> None:
        self._head += data
        assert self._transport
        if END_OF_HEAD in self._head:
            verb, where, *_ = [*self._head.split(b"\r\n", 1)[0].decode("latin-1").split(), "", ""]
            if verb == "CONNECT" and where == DESTINATION:
                self._line.tunnel(self._transport)
                return
            self._transport.write(ELSEWHERE if verb == "CONNECT" else NO_CONNECT)
            self._transport.close()
        elif len(self._head) > LONGEST_HEAD:
            self._transport.abort()
