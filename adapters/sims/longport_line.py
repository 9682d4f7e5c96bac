"""One listening port: it can be cut, joined again, and closed at once."""

import asyncio
import socket
import struct

from aiohttp import web

LOOPBACK = "127.0.0.1"
ANY_PORT = 0
# Lingering for no time makes the end of a connection a reset.
_NO_LINGER = struct.pack("ii", 1, 0)
_FAREWELL = 0.1


def reset(transport: asyncio.BaseTransport | None) -> None:
    """End a connection by a reset; what was written and not sent is lost."""
    if not isinstance(transport, asyncio.Transport) or transport.is_closing():
        return
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()


class Line:
    """A port of loopback; while it is cut, connections are refused and the port is kept."""

    def __init__(self, app: web.Application, port: int) -> None:
        self.port = port
        # A client that goes away takes its call with it.
        self._runner = web.AppRunner(
            app, handler_cancellation=True, access_log=None, shutdown_timeout=_FAREWELL
        )
        self._kept: socket.socket | None = None
        self._site: web.TCPSite | None = None

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{LOOPBACK}:{self.port}"

    async def open(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        if self.port:
            _claim(self.port)
        self._kept = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._kept.bind((LOOPBACK, self.port))
        self.port = self._kept.getsockname()[1]
        await self._runner.setup()
        await self.join()

    async def join(self) -> None:
        """Listen again."""
        if not self._site:
            self._site = web.TCPSite(self._runner, LOOPBACK, self.port, reuse_port=True)
            await self._site.start()

    async def cut(self) -> None:
        """Refuse connections and reset those there are."""
        if self._site:
            await self._site.stop()
            self._site = None
        self.hang_up()
        # An aborted connection closes in the next turn of the loop.
        await asyncio.sleep(0)

    def hang_up(self) -> None:
        """Reset every connection."""
        server = self._runner.server
        for connection in server.connections if server else ():
            reset(connection.transport)

    async def close(self) -> None:
        """Stop at once, whoever still waits for an answer."""
        # First of all deaf: a client that is cut off calls again at once.
        await self.cut()
        await self._runner.cleanup()
        if self._kept:
            self._kept.close()


def _claim(port: int) -> None:
    """Refuse a port that is in use: sharing it, as the one kept does, would not."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as alone:
        alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        alone.bind((LOOPBACK, port))
