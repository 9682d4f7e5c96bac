"""The door of the HTTP API: admits or refuses, meets faults, keeps a record of every call."""

import asyncio
import json
from dataclasses import replace
from http import HTTPStatus

from aiohttp import web

from adapters.sims.longport_api import Api, Asked, Query, envelope
from adapters.sims.longport_faults import Fault, FaultKind
from adapters.sims.longport_refusals import Refusal, app_key_illegal, bad_parameter
from adapters.sims.longport_signature import Signed
from adapters.sims.longport_values import Json
from adapters.sims.longport_world import Call, World
from adapters.sims.sockets import reset


class Gateway:
    """Answers every request of one world."""

    def __init__(self, world: World, api: Api) -> None:
        self._world = world
        self._api = api

    async def answer(self, request: web.Request) -> web.Response:
        """Carry a request out, or do to it what a fault says."""
        body = await request.read()
        if request.headers.get("X-Api-Key") != self._world.keys.app_key:
            # Another app's call is none of this world's: neither recorded nor met by its faults.
            return _refusal(app_key_illegal())
        call = f"{request.method} {request.path}"
        number = self._note(request, call, body)
        fault = self._world.faults.meet(call)
        harm = await _harm(fault, request) if fault and not fault.after else None
        if harm is not None:
            return self._refused(harm, number) if isinstance(harm, Refusal) else harm
        try:
            self._admit(request, body)
            query = Query(request.query.items())
            answer = envelope(self._api.answer(call, Asked(query, _read(body))))
        except Refusal as refusal:
            return self._refused(refusal, number)
        harm = await _harm(fault, request) if fault and fault.after else None
        if harm is not None:
            return self._refused(harm, number) if isinstance(harm, Refusal) else harm
        self._answered(number, 0)
        return web.json_response(answer)

    def _admit(self, request: web.Request, body: bytes) -> None:
        signed = Signed(
            method=request.method,
            path=request.rel_url.raw_path,
            query=request.rel_url.raw_query_string,
            authorization=request.headers.get("Authorization", ""),
            app_key=request.headers.get("X-Api-Key", ""),
            timestamp=request.headers.get("X-Timestamp", ""),
            body=body,
        )
        self._world.keys.admit(signed, request.headers.get("X-Api-Signature", ""))

    def _note(self, request: web.Request, call: str, body: bytes) -> int:
        number = len(self._world.calls)
        text = body.decode(errors="replace")
        now = self._world.clock.now()
        self._world.calls.append(Call(number, call, request.query_string, text, now))
        return number

    def _answered(self, number: int, code: int) -> None:
        self._world.calls[number] = replace(self._world.calls[number], answer=code)

    def _refused(self, refusal: Refusal, number: int) -> web.Response:
        self._answered(number, refusal.code)
        return _refusal(refusal)


def _refusal(refusal: Refusal) -> web.Response:
    body = {"code": refusal.code, "message": refusal.message}
    return web.json_response(body, status=refusal.http)


async def _harm(fault: Fault, request: web.Request) -> web.Response | Refusal | None:
    """What a fault answers with, None where it only takes time."""
    match fault.kind:
        case FaultKind.SLOW:
            await asyncio.sleep(fault.seconds)
        case FaultKind.HANG:
            await asyncio.Event().wait()
        case FaultKind.RESET:
            reset(request.transport)
            # The end of the connection cancels this call.
            await asyncio.Event().wait()
        case FaultKind.REFUSE:
            return Refusal(fault.code, fault.message, fault.status)
        case FaultKind.ANSWER:
            return web.Response(text=fault.body, status=fault.status)
    return None


def _read(body: bytes) -> Json:
    if not body:
        return {}
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise bad_parameter("the body is no JSON object")
    return value


def no_socket() -> web.Response:
    """What a socket answers to a handshake that is none of its own."""
    return web.Response(text="bad handshake", status=HTTPStatus.BAD_REQUEST)
