"""What a call brings: query, JSON, form or multipart, read into one kind of parameters."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, hdrs, web

from adapters.sims.telegram_html import Json
from adapters.sims.telegram_record import Button, Keyboard, Upload
from adapters.sims.telegram_refusals import bad_request

LONGEST_DATA = 64
MOST_BUTTONS = 100
ATTACHED = "attach://"
_WHOLE = re.compile(r"-?\d+")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


@dataclass(frozen=True, slots=True)
class Sent:
    """A file as it came: its description and its bytes."""

    upload: Upload
    content: bytes


@dataclass(frozen=True, slots=True)
class Parameters:
    """The named values of one call, read as the API reads them. Raises ApiError 400."""

    values: Mapping[str, Any]
    files: Mapping[str, Sent] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Whether it was given."""
        return self.values.get(name) is not None

    def text(self, name: str) -> str:
        """A text, empty if not given."""
        value = self.values.get(name)
        return "" if value is None else str(value)

    def whole(self, name: str, otherwise: int = 0) -> int:
        """A whole number."""
        given = self.text(name).strip()
        if not given:
            return otherwise
        if not _WHOLE.fullmatch(given):
            raise bad_request(f'invalid {name} "{given}" specified: a whole number is expected')
        return int(given)

    def seconds(self, name: str) -> float:
        """A length of time, 0 if not given."""
        given = self.text(name).strip()
        return float(given) if _NUMBER.fullmatch(given) else 0.0

    def flag(self, name: str) -> bool:
        """Whether it was given as true."""
        return self.text(name).strip().lower() in {"true", "yes", "1"}

    def structure(self, name: str) -> Any:
        """A value of JSON, sent as such or as its text; None if not given."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value.strip() else None
        except ValueError:
            raise bad_request(f"can't parse {name} JSON object") from None

    def chat_id(self) -> int:
        """The chat the call is about; names of channels are known to nobody here."""
        if not self.text("chat_id").strip():
            raise bad_request("chat_id is empty")
        if not _WHOLE.fullmatch(self.text("chat_id").strip()):
            raise bad_request("chat not found")
        return self.whole("chat_id")

    def file(self, name: str) -> Sent:
        """The file of that name, sent in its own part or attached to the call."""
        part = self.text(name).removeprefix(ATTACHED) or name
        if part not in self.files:
            if self.has(name):
                raise bad_request("wrong remote file identifier specified")
            raise bad_request(f"there is no {name} in the request")
        return self.files[part]

    def keyboard(self) -> Keyboard:
        """The inline keyboard of `reply_markup`, empty if none was given."""
        markup = self.structure("reply_markup")
        if markup is None:
            return ()
        if not isinstance(markup, dict):
            raise bad_request("object expected as reply markup")
        rows = markup.get("inline_keyboard", [])
        if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
            raise bad_request('field "inline_keyboard" must be an Array of Arrays')
        keyboard = tuple(tuple(_button(told) for told in row) for row in rows if row)
        if sum(len(row) for row in keyboard) > MOST_BUTTONS:
            raise bad_request("REPLY_MARKUP_TOO_LONG")
        return keyboard


def _button(told: Any) -> Button:
    if not isinstance(told, dict) or not str(told.get("text", "")).strip():
        raise bad_request("inline keyboard button text must be non-empty")
    if told.get("url"):
        return Button(told["text"], url=str(told["url"]))
    data = told.get("callback_data")
    if data is None:
        raise bad_request("text buttons are unallowed in the inline keyboard")
    if not 0 < len(str(data).encode()) <= LONGEST_DATA:
        raise bad_request("BUTTON_DATA_INVALID")
    return Button(told["text"], str(data))


async def read_parameters(request: web.Request) -> Parameters:
    """Read a call; what its body says goes before what its query says."""
    values: Json = dict(request.query)
    files: dict[str, Sent] = {}
    if request.content_type == "application/json":
        values |= await _json(request)
    elif request.content_type == "multipart/form-data":
        async for part in await request.multipart():
            if isinstance(part, BodyPartReader):
                await _take(part, values, files)
    elif request.body_exists:
        values |= {name: str(value) for name, value in (await request.post()).items()}
    return Parameters(values, files)


async def _json(request: web.Request) -> Json:
    try:
        told = await request.json()
    except ValueError:
        raise bad_request("can't parse request JSON object") from None
    if not isinstance(told, dict):
        raise bad_request("can't parse request JSON object")
    return told


async def _take(part: BodyPartReader, values: Json, files: dict[str, Sent]) -> None:
    content = bytes(await part.read())
    name = part.name or ""
    if part.filename is None:
        try:
            values[name] = content.decode()
        except UnicodeDecodeError:
            raise bad_request("strings must be encoded in UTF-8") from None
        return
    media_type = part.headers.get(hdrs.CONTENT_TYPE, "application/octet-stream")
    digest = hashlib.sha256(content).hexdigest()
    files[name] = Sent(Upload(part.filename, len(content), digest, media_type), content)
