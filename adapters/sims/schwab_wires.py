"""The broker's wires: each request is counted, admitted, met by a fault, answered, recorded."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from email.utils import format_datetime
from http import HTTPStatus

from aiohttp import web

from adapters.sims.schwab_answers import Answer, Form, Refused, error
from adapters.sims.schwab_data import MarketData
from adapters.sims.schwab_faults import LOGIN, ORDERING, Fault, FaultKind, Operation, Outage
from adapters.sims.schwab_line import end
from adapters.sims.schwab_login import Login
from adapters.sims.schwab_requests import Request
from adapters.sims.schwab_trader import Trader
from adapters.sims.schwab_world import Call, World

ACCOUNTS = "/trader/v1/accounts"
ORDERS = ACCOUNTS + "/{account}/orders"
ORDER = ORDERS + "/{order}"
ROUTES = (
    ("GET", "/v1/oauth/authorize", Operation.AUTHORIZE),
    ("POST", "/v1/oauth/authorize", Operation.ALLOW),
    ("POST", "/v1/oauth/token", Operation.TOKEN),
    ("GET", ACCOUNTS, Operation.ACCOUNTS),
    ("GET", ACCOUNTS + "/accountNumbers", Operation.ACCOUNT_NUMBERS),
    ("GET", ACCOUNTS + "/{account}", Operation.ACCOUNT),
    ("GET", ORDERS, Operation.ORDERS),
    ("POST", ORDERS, Operation.PLACE),
    ("GET", ORDER, Operation.ORDER),
    ("PUT", ORDER, Operation.REPLACE),
    ("DELETE", ORDER, Operation.CANCEL),
    ("GET", "/trader/v1/orders", Operation.ALL_ORDERS),
    ("GET", "/marketdata/v1/quotes", Operation.QUOTES),
    ("GET", "/marketdata/v1/{symbol}/quotes", Operation.QUOTE),
    ("GET", "/marketdata/v1/pricehistory", Operation.HISTORY),
    ("GET", "/marketdata/v1/markets", Operation.HOURS),
    ("*", "/{rest:.*}", Operation.UNKNOWN),
)
MARKET_DATA = frozenset({Operation.QUOTES, Operation.QUOTE, Operation.HISTORY, Operation.HOURS})
NOT_CARRIED_OUT = frozenset({FaultKind.REFUSE, FaultKind.RESET, FaultKind.HANG})


class Wires:
    """The HTTP side of a world."""

    def __init__(self, world: World, outage: Callable[[], Outage | None]) -> None:
        self._world = world
        self._outage = outage
        self._login, self._trader, self._data = Login(world), Trader(world), MarketData(world)

    def application(self) -> web.Application:
        """Return what answers requests to the broker's host."""
        app = web.Application()
        for method, path, operation in ROUTES:
            app.router.add_route(method, path, self._answering(operation))
        return app

    def _answering(
        self, operation: Operation
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            call = self._note(operation, request)
            match self._outage():
                case Outage.SILENT:
                    await asyncio.Event().wait()
                case Outage.BAD_GATEWAY:
                    return self._sent(call, error(HTTPStatus.BAD_GATEWAY, form=Form.HTML))
            asked = await _read(operation, request)
            fault = self._world.faults.meet(operation)
            if fault is None:
                return self._sent(call, self._carried_out(asked))
            if fault.kind in NOT_CARRIED_OUT:
                return self._sent(call, await self._denied(fault, request))
            return await self._spoilt(fault, asked, request, call)

        return answer

    def _note(self, operation: Operation, request: web.Request) -> Call:
        at, number = self._world.clock.now(), len(self._world.calls) + 1
        call = Call(number, at, operation, request.method, request.path_qs)
        self._world.calls.append(call)
        return call

    def _sent(self, call: Call, answer: Answer) -> web.Response:
        self._world.calls[call.number - 1] = replace(call, status=answer.status)
        return web.Response(
            status=answer.status,
            body=answer.body,
            headers={
                "Content-Type": answer.media_type,
                "Date": format_datetime(self._world.clock.now(), usegmt=True),
                **answer.headers,
            },
        )

    def _carried_out(self, asked: Request) -> Answer:
        self._world.book.advance()
        try:
            if asked.operation in LOGIN:
                return self._login.answer(asked)
            self._world.meter.admit(ordering=asked.operation in ORDERING)
            self._world.tokens.admit(asked.authorization)
            office = self._data if asked.operation in MARKET_DATA else self._trader
            return office.answer(asked)
        except Refused as refusal:
            return refusal.answer

    async def _denied(self, fault: Fault, request: web.Request) -> Answer:
        if fault.kind is FaultKind.REFUSE:
            return error(fault.status, fault.message, fault.form)
        await asyncio.sleep(fault.seconds)
        return await _gone(fault, request)

    async def _spoilt(
        self, fault: Fault, asked: Request, request: web.Request, call: Call
    ) -> web.StreamResponse:
        if fault.kind is FaultKind.LATE:
            task = asyncio.create_task(self._later(fault.seconds, asked))
            self._world.keep(task)
            return self._sent(call, await asyncio.shield(task))
        answer = self._carried_out(asked)
        match fault.kind:
            case FaultKind.MASK:
                return self._sent(call, error(fault.status, fault.message, fault.form))
            case FaultKind.LOSE:
                await _gone(fault, request)
            case FaultKind.DELAY:
                await asyncio.sleep(fault.seconds)
            case FaultKind.TRUNCATE:
                return self._sent(call, replace(answer, body=_half(answer.body)))
            case FaultKind.CUT_OFF:
                await _cut_off(answer, fault, request)
        return self._sent(call, answer)

    async def _later(self, seconds: float, asked: Request) -> Answer:
        await asyncio.sleep(seconds)
        return self._carried_out(asked)


async def _read(operation: Operation, request: web.Request) -> Request:
    body = await request.read()
    form = None
    if request.content_type == "application/x-www-form-urlencoded":
        form = {name: str(value) for name, value in (await request.post()).items()}
    return Request(
        operation,
        dict(request.match_info),
        dict(request.query),
        body,
        form,
        request.headers.get("Authorization", ""),
    )


async def _gone(fault: Fault, request: web.Request) -> Answer:
    """End the connection; the end of it cancels this call."""
    end(request.transport, fault.ending)
    await asyncio.Event().wait()
    raise AssertionError(fault)


async def _cut_off(answer: Answer, fault: Fault, request: web.Request) -> None:
    """Announce the whole body, send half of it, end the connection."""
    response = web.StreamResponse(status=answer.status)
    response.content_type = answer.media_type
    response.content_length = len(answer.body)
    await response.prepare(request)
    await response.write(_half(answer.body))
    await _gone(fault, request)


def _half(body: bytes) -> bytes:
    return body[: len(body) // 2]
