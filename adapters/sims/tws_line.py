"""The line of a gateway: a listening port that can be closed and opened again."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import TypeAlias

Caller: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
WAITING = 64


class Line:
    """One port. Closed, it refuses connections; it stays reserved meanwhile."""

    def __init__(self, host: str, port: int, caller: Caller) -> None:
        self.host = host
        self.port = port
        self._caller = caller
        self._reserved: socket.socket | None = None
        self._socket: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._calls: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        if self._accepting:
            return
        if not self._reserved:
            self._reserve()
        self._socket = self._bound(socket.SO_REUSEPORT)
        self._socket.listen(WAITING)
        self._accepting = asyncio.get_running_loop().create_task(self._accept(self._socket))

    def close(self) -> None:
        """Refuse further connections; those there are stay."""
        self._forget_timer()
        if self._accepting:
            self._accepting.cancel()
            self._accepting = None
        if self._socket:
            self._socket.close()
            self._socket = None

    def close_for(self, seconds: float | None) -> None:
        """Refuse connections for so long; None is until opened again."""
        self.close()
        if seconds is not None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self.open)

    async def end(self) -> None:
        """Close for good, whoever still talks."""
        self.close()
        if self._reserved:
            self._reserved.close()
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    def _reserve(self) -> None:
        """Keep the port for as long as the gateway lives, also while it is down.

        Else a client that tries again and again might get it, as its own end.
        """
        if self.port:
            # Sharing a port, as a reservation does, would not notice that it is in use.
            self._bound(socket.SO_REUSEADDR).close()
        self._reserved = self._bound(socket.SO_REUSEPORT)
        self.port = self._reserved.getsockname()[1]

    def _bound(self, sharing: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM)
        try:
            bound.setsockopt(socket.SOL_SOCKET, sharing, 1)
            bound.bind((self.host, self.port))
        except OSError:
            bound.close()
            raise
        bound.setblocking(False)
        return bound

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(listening)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            call = loop.create_task(self._take(connection))
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)

    async def _take(self, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=connection)
        try:
            await self._caller(reader, writer)
        finally:
            writer.transport.abort()

    def _forget_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
