"""One listening port: it can be cut, joined again, and closed at once."""

import asyncio
import socket

from aiohttp import web

from adapters.sims.sockets import LOOPBACK, reserve, reset

_FAREWELL = 0.1


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
        self._kept = reserve(LOOPBACK, self.port)
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
