"""The line between bot and API: a listening port that can be cut and joined again."""

import asyncio
import socket

from aiohttp import web

from adapters.sims.sockets import reserve, reset
from adapters.sims.telegram_faults import OutageKind


class Line:
    """One port of a server. While it is cut, the port stays reserved."""

    def __init__(self, app: web.Application, host: str, port: int) -> None:
        self.outage: OutageKind | None = None
        self.host = host
        self.port = port
        # A client that goes away takes its call with it.
        self._runner = web.AppRunner(
            app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1
        )
        self._reserved: socket.socket | None = None
        self._site: web.TCPSite | None = None
        self._timer: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    async def open(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        self._reserved = reserve(self.host, self.port)
        self.port = self._reserved.getsockname()[1]
        await self._runner.setup()
        await self._listen()

    async def close(self) -> None:
        """Stop at once, whoever still waits for an answer."""
        self._stop_timer()
        self._hang_up()
        await self._runner.cleanup()
        if self._reserved:
            self._reserved.close()

    async def cut(self, kind: OutageKind, seconds: float | None, after: float) -> None:
        """Begin an outage, now or later; it takes the place of one that is or was to come."""
        self._stop_timer()
        if after > 0:
            steps = self._cut_later(kind, seconds, after)
        else:
            await self._leave_off(kind)
            steps = self._join_later(seconds)
        self._timer = asyncio.get_running_loop().create_task(steps)

    async def restore(self) -> None:
        """End the outage that is, or was to come."""
        self._stop_timer()
        await self._join()

    async def _cut_later(self, kind: OutageKind, seconds: float | None, after: float) -> None:
        await asyncio.sleep(after)
        await self._leave_off(kind)
        await self._join_later(seconds)

    async def _join_later(self, seconds: float | None) -> None:
        if seconds is not None:
            await asyncio.sleep(seconds)
            await self._join()

    async def _join(self) -> None:
        self.outage = None
        if not self._site:
            await self._listen()

    async def _leave_off(self, kind: OutageKind) -> None:
        self.outage = kind
        if kind is OutageKind.REFUSED and self._site:
            await self._site.stop()
            self._site = None
        elif kind is OutageKind.BAD_GATEWAY and not self._site:
            await self._listen()
        self._hang_up()
        # An aborted connection closes in the next turn of the loop.
        await asyncio.sleep(0)

    async def _listen(self) -> None:
        self._site = web.TCPSite(self._runner, self.host, self.port, reuse_port=True)
        await self._site.start()

    def _hang_up(self) -> None:
        server = self._runner.server
        for connection in server.connections if server else ():
            reset(connection.transport)

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
