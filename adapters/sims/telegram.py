"""A Bot API on loopback: the real library talks to it by `base_url` alone."""

import argparse
import asyncio
import json
import re
from collections.abc import Sequence
from http import HTTPStatus
from types import TracebackType
from typing import Self

from aiohttp import web

from adapters.sims.program import show, stop_signal, typed_lines, until_stopped
from adapters.sims.sockets import ANY_PORT, LOOPBACK, open_both, reset
from adapters.sims.telegram_chats import Person
from adapters.sims.telegram_control import Control, routes
from adapters.sims.telegram_faults import Fault, FaultKind, OutageKind
from adapters.sims.telegram_line import Line
from adapters.sims.telegram_parameters import Parameters, read_parameters
from adapters.sims.telegram_rates import Rates
from adapters.sims.telegram_refusals import ApiError, not_found, on_demand, too_large, unauthorized
from adapters.sims.telegram_terminal import HELP, Phone
from adapters.sims.telegram_world import OWNER, TOKEN, Setup, World

LARGEST_REQUEST = 64 * 1024 * 1024
BAD_GATEWAY = "<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>"
_TOKEN = re.compile(r"\d+:[\w-]{3,}")


class TelegramSim:
    """A Bot API with one bot, listening while the `async with` block lasts.

    Two ports: one for the bot, one for the control, which stays reachable while the
    first is cut. `control` is the same control for callers in this process.
    """

    def __init__(
        self,
        setup: Setup | None = None,
        host: str = LOOPBACK,
        port: int = ANY_PORT,
        control_port: int = ANY_PORT,
    ) -> None:
        self._world = World(setup or Setup())
        app = web.Application(client_max_size=LARGEST_REQUEST)
        app.router.add_route("*", "/bot{token}/{method}", self._answer)
        app.router.add_route("*", "/{rest:.*}", self._nowhere)
        self._line = Line(app, host, port)
        self.control = Control(self._world, self._line)
        self._control_line = Line(routes(self.control), LOOPBACK, control_port)

    async def __aenter__(self) -> Self:
        """Listen on both ports. Raises OSError when one is taken."""
        await open_both(self._line, self._control_line)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop at once, open polls or not."""
        await self._line.close()
        await self._control_line.close()

    @property
    def token(self) -> str:
        """The only token it knows."""
        return self._world.token

    @property
    def owner(self) -> Person:
        """Who types and presses where nobody else is named; also the private chat's id."""
        return self._world.chats.owner

    @property
    def base_url(self) -> str:
        """What the library is given as `base_url`; the token follows."""
        return f"{self._line.url}/bot"

    @property
    def base_file_url(self) -> str:
        """What the library is given as `base_file_url`."""
        return f"{self._line.url}/file/bot"

    @property
    def control_url(self) -> str:
        """Where a RemoteControl finds it."""
        return self._control_line.url

    async def _nowhere(self, _request: web.Request) -> web.Response:
        return self._refusal_of(not_found())

    async def _answer(self, request: web.Request) -> web.Response:
        try:
            self._admit(request.match_info["token"])
            given = await read_parameters(request)
            return web.json_response({"ok": True, "result": await self._call(request, given)})
        except ApiError as refused:
            return self._refusal_of(refused)
        except web.HTTPRequestEntityTooLarge:
            return self._refusal_of(too_large())

    def _refusal_of(self, refused: ApiError) -> web.Response:
        if self._line.outage is OutageKind.BAD_GATEWAY:
            status = HTTPStatus.BAD_GATEWAY
            return web.Response(text=BAD_GATEWAY, status=status, content_type="text/html")
        return web.json_response(refused.as_json(), status=refused.status)

    def _admit(self, token: str) -> None:
        if self._line.outage is OutageKind.BAD_GATEWAY:
            raise ApiError(HTTPStatus.BAD_GATEWAY, "Bad Gateway")
        if not _TOKEN.fullmatch(token):
            raise not_found()
        if token != self._world.token:
            raise unauthorized()

    async def _call(self, request: web.Request, given: Parameters) -> object:
        method = request.match_info["method"]
        fault = self._world.faults.meet(method)
        if fault:
            await _before(fault, request)
        result: object = await self._world.methods.call(method, given)
        if fault:
            await _after(fault, request)
        return result


async def _before(fault: Fault, request: web.Request) -> None:
    match fault.kind:
        case FaultKind.REFUSE:
            raise on_demand(fault.status, fault.description, fault.retry_after)
        case FaultKind.RESET:
            await _gone(request)
        case FaultKind.HANG:
            await asyncio.sleep(fault.seconds)


async def _after(fault: Fault, request: web.Request) -> None:
    match fault.kind:
        case FaultKind.LOSE:
            await _gone(request)
        case FaultKind.DELAY:
            await asyncio.sleep(fault.seconds)


async def _gone(request: web.Request) -> None:
    """Reset the connection; the end of it cancels this call."""
    reset(request.transport)
    await asyncio.Event().wait()


async def serve(sim: TelegramSim, *, attached: bool = False) -> None:
    """Run until told to stop: by SIGINT, SIGTERM, or `quit` in the terminal.

    Attached to another program: write the addresses as one line of JSON, end when
    standard input does. Else show the owner's phone; at the end of standard input
    go on without it.
    """
    async with sim:
        stop = stop_signal()
        if attached:
            show(json.dumps(_addresses(sim)))
            await until_stopped(stop, attached=True)
        else:
            show(_welcome(sim))
            await until_stopped(stop, unless=_until_quit(sim.control))


async def _until_quit(control: Control) -> None:
    if not await Phone(control, show).converse(typed_lines()):
        await asyncio.Event().wait()


def _addresses(sim: TelegramSim) -> dict[str, str | int]:
    return {
        "base_url": sim.base_url,
        "base_file_url": sim.base_file_url,
        "control_url": sim.control_url,
        "token": sim.token,
        "owner_id": sim.owner.id,
    }


def _welcome(sim: TelegramSim) -> str:
    listed = "\n".join(f"  {name:<14} {value}" for name, value in _addresses(sim).items())
    return f"A Telegram for drills. Point the bot at it:\n{listed}\n\n{HELP}\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run it as a program."""
    parser = argparse.ArgumentParser("telegram", description=__doc__)
    parser.add_argument("--host", default=LOOPBACK)
    parser.add_argument("--port", type=int, default=ANY_PORT)
    parser.add_argument("--control-port", type=int, default=ANY_PORT)
    parser.add_argument("--token", default=TOKEN)
    parser.add_argument("--owner-id", type=int, default=OWNER.id)
    parser.add_argument("--owner-name", default=OWNER.name)
    parser.add_argument("--no-rates", action="store_true", help="send without limits")
    parser.add_argument("--attached", action="store_true", help="for programs: addresses as JSON")
    given = parser.parse_args(arguments)
    owner = Person(given.owner_id, given.owner_name)
    rates = None if given.no_rates else Rates()
    try:
        setup = Setup(given.token, owner, rates=rates)
        sim = TelegramSim(setup, given.host, given.port, given.control_port)
        asyncio.run(serve(sim, attached=given.attached))
    except (ValueError, OSError) as wrong:
        parser.error(str(wrong))


if __name__ == "__main__":
    main()
