"""What programs of this host may ask over HTTP: health, measures; nothing leaves loopback."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from pydantic import TypeAdapter

from bot.domain.errors import SettingsError
from bot.gauges import exposition
from bot.health import Health
from bot.proofs import Checkup

LOOPBACK = "127.0.0.1"
# As Prometheus wants it told: the version of the text, not of anything of ours.
MEASURES = "text/plain; version=0.0.4; charset=utf-8"
END_SECONDS = 0.5  # for a question under way when the daemon is to end

_CHECKUP: TypeAdapter[Checkup] = TypeAdapter(Checkup)


@asynccontextmanager
async def shining(port: int, health: Health) -> AsyncIterator[None]:
    """Answer on a port of loopback meanwhile.

    Raises SettingsError `port_taken` where something else listens there.
    """
    runner = web.AppRunner(_answers(health), access_log=None, shutdown_timeout=END_SECONDS)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, LOOPBACK, port).start()
        except OSError as error:
            raise SettingsError("port_taken", port=port, reason=error.strerror) from error
        yield
    finally:
        await runner.cleanup()


def _answers(health: Health) -> web.Application:
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
    return answers
