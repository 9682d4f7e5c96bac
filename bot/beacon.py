"""What programs of this host may ask over HTTP: health, measures, signals; all on loopback."""

import asyncio
import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from aiohttp import web
from pydantic import TypeAdapter

from bot.domain.errors import BellwetherError, SettingsError
from bot.gauges import exposition
from bot.health import Health
from bot.proofs import Checkup
from bot.signals import Signal

LOOPBACK = "127.0.0.1"
# As Prometheus wants it told: the version of the text, not of anything of ours.
MEASURES = "text/plain; version=0.0.4; charset=utf-8"
END_SECONDS = 0.5  # for a question under way when the daemon is to end

REMEMBERED_SECONDS = 60.0  # a signal: it changes once a session, and computing it takes a while
ASKS_FOR = {"WWW-Authenticate": "Bearer"}

_CHECKUP: TypeAdapter[Checkup] = TypeAdapter(Checkup)
_SIGNAL: TypeAdapter[Signal] = TypeAdapter(Signal)


@dataclass(slots=True)
class Signals:
    """The latest signal of any profile, for whoever has the token; `find` may take its time."""

    token: str = field(repr=False)
    find: Callable[[str], Signal]
    _known: dict[str, tuple[float, Signal]] = field(default_factory=dict)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def admit(self, authorization: str) -> bool:
        """Whether a header names the token; how long that takes says nothing of it."""
        return hmac.compare_digest(authorization.encode(), f"Bearer {self.token}".encode())

    async def of(self, profile: str) -> Signal:
        """The signal of a profile, computed aside and one at a time. Raises BellwetherError."""
        async with self._turn:
            now = asyncio.get_running_loop().time()
            at, known = self._known.get(profile, (now - REMEMBERED_SECONDS, None))
            if known is None or now - at >= REMEMBERED_SECONDS:
                known = await asyncio.to_thread(self.find, profile)
                self._known[profile] = now, known
            return known


@asynccontextmanager
async def shining(port: int, health: Health, signals: Signals | None = None) -> AsyncIterator[None]:
    """Answer on a port of loopback meanwhile.

    Raises SettingsError `port_taken` where something else listens there.
    """
    runner = web.AppRunner(_answers(health, signals), access_log=None, shutdown_timeout=END_SECONDS)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, LOOPBACK, port).start()
        except OSError as error:
            raise SettingsError("port_taken", port=port, reason=error.strerror) from error
        yield
    finally:
        await runner.cleanup()


def _answers(health: Health, signals: Signals | None) -> web.Application:
    async def healthz(_: web.Request) -> web.Response:
        found = await health.checkup()
        body = _CHECKUP.dump_json(found)
        status = web.HTTPOk.status_code if found.well else web.HTTPServiceUnavailable.status_code
        return web.Response(body=body, status=status, content_type="application/json")

    async def metrics(_: web.Request) -> web.Response:
        text = exposition(health, await health.checkup())
        return web.Response(body=text.encode(), headers={"Content-Type": MEASURES})

    answers = web.Application()
    answers.add_routes([web.get("/healthz", healthz), web.get("/metrics", metrics)])
    if signals is not None:
        answers.add_routes([web.get("/api/signals/{profile}", partial(_signal, signals))])
    return answers


async def _signal(signals: Signals, request: web.Request) -> web.Response:
    if not signals.admit(request.headers.get("Authorization", "")):
        return web.Response(status=web.HTTPUnauthorized.status_code, headers=ASKS_FOR)
    try:
        found = await signals.of(request.match_info["profile"])
    except SettingsError as error:
        return web.Response(status=web.HTTPNotFound.status_code, text=error.code)
    except BellwetherError as error:
        return web.Response(status=web.HTTPServiceUnavailable.status_code, text=error.code)
    return web.Response(body=_SIGNAL.dump_json(found), content_type="application/json")
