"""The control over HTTP: `POST /control/VERB` with a JSON object of arguments, GET without any."""

import asyncio
import inspect
import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, get_type_hints

from adapters.sims.tws_control import VERBS, Control
from adapters.sims.tws_json import Json, from_json, to_json

LARGEST_BODY = 64 * 1024 * 1024
PATH = "/control/"


class Switchboard:
    """Takes calls of the control from other processes, one request per connection."""

    def __init__(self, control: Control) -> None:
        self._control = control

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one call."""
        try:
            verb, body = await _request(reader)
            status, told = HTTPStatus.OK, {"result": self._act(verb, body)}
        except (LookupError, ValueError) as wrong:
            status, told = HTTPStatus.BAD_REQUEST, {"error": str(wrong.args[0])}
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            return
        writer.write(_response(status, told))
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    def _act(self, verb: str, body: Json) -> Json:
        if verb not in VERBS:
            raise LookupError(f"there is no {verb}: give one of {', '.join(sorted(VERBS))}")
        act: Callable[..., Any] = getattr(self._control, verb)
        try:
            inspect.signature(act).bind(**body)
        except TypeError as wrong:
            raise ValueError(f"{verb}: {wrong}") from None
        hints = get_type_hints(act)
        given = {name: from_json(name, hints[name], value) for name, value in body.items()}
        return to_json(act(**given))


async def _request(reader: asyncio.StreamReader) -> tuple[str, Json]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    asked, *lines = head.split("\r\n")
    parts = asked.split(" ")
    if len(parts) != 3 or not parts[1].startswith(PATH):  # noqa: PLR2004 - method, path, version
        raise LookupError(f"{asked!r} is not known here: ask POST {PATH}VERB")
    length = 0
    for line in lines:
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            length = min(int(value), LARGEST_BODY)
    body = json.loads(await reader.readexactly(length)) if length else {}
    if not isinstance(body, dict):
        raise ValueError(  # noqa: TRY004 - wrong arguments are told in one way
            "the body is no JSON object: give one with the arguments by name"
        )
    return parts[1].removeprefix(PATH), body


def _response(status: HTTPStatus, told: Json) -> bytes:
    body = json.dumps(told).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + body
