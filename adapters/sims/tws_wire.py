"""Frames and fields: how a gateway and its clients write to each other."""

import struct
from asyncio import StreamReader
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import TypeAlias

Field: TypeAlias = str | int | float | Decimal | bool | None
Message: TypeAlias = tuple[Field, ...]

GREETING = b"API\0"
UNSET_NUMBER = "1.7976931348623157E308"
UNSET_COUNT = 2147483647
OLDEST_VERSION = 157
NEWEST_VERSION = 178
LARGEST_FRAME = 0xFFFFFF
_LENGTH = struct.Struct(">I")


class WireError(ValueError):
    """What arrived is no message of this protocol."""


def written(field: Field) -> str:
    """Return a field as it stands on the wire: flags are 1 and 0, what is unset is empty."""
    if field is None:
        return ""
    if isinstance(field, bool):
        return "1" if field else "0"
    if isinstance(field, Decimal):
        return format(field.normalize() if field else Decimal(0), "f")
    return str(field)


def frame(message: Message) -> bytes:
    """Return a message with its length before it, each field closed by a zero byte."""
    body = "".join(f"{written(field)}\0" for field in message).encode()
    return _LENGTH.pack(len(body)) + body


async def read_frame(reader: StreamReader) -> str:
    """Return the text of the next frame, its closing zero byte included.

    Raises WireError for a length no client sends, IncompleteReadError at the end.
    """
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    if length > LARGEST_FRAME:
        raise WireError(f"a frame of {length} bytes: the largest has {LARGEST_FRAME}")
    return (await reader.readexactly(length)).decode(errors="backslashreplace")


def negotiated(offer: str) -> int:
    """Return the version two sides speak, from an offer such as `v157..178 +PACEAPI`.

    Raises WireError when it is no offer, or one of versions older than are spoken here.
    """
    lowest, _, highest = offer.partition(" ")[0].removeprefix("v").partition("..")
    if not lowest.isdigit() or not (highest or lowest).isdigit():
        raise WireError(f"versions are {offer!r}: a client offers them as v157..178")
    version = min(int(highest or lowest), NEWEST_VERSION)
    if version < max(int(lowest), OLDEST_VERSION):
        raise WireError(f"versions are {offer!r}: spoken are {OLDEST_VERSION} to {NEWEST_VERSION}")
    return version


class Fields:
    """The fields of one message, read from the first to the last."""

    def __init__(self, fields: Sequence[str]) -> None:
        self._fields = fields
        self._next = 0

    def text(self) -> str:
        """Return the next field. Raises WireError when there is none."""
        if self._next >= len(self._fields):
            raise WireError(f"field {self._next} is missing")
        self._next += 1
        return self._fields[self._next - 1]

    def count(self) -> int:
        """Return the next field as a whole number; unset is 0."""
        text = self.text()
        try:
            return int(text or 0)
        except ValueError:
            raise WireError(f"field {self._next - 1} is {text!r}: no whole number") from None

    def number(self) -> Decimal | None:
        """Return the next field as a number, None where it is unset or infinite."""
        text = self.text()
        if text in {"", "Infinite"}:
            return None
        try:
            value = Decimal(text)
        except InvalidOperation:
            raise WireError(f"field {self._next - 1} is {text!r}: no number") from None
        return None if abs(value) >= Decimal(UNSET_NUMBER) else value

    def flag(self) -> bool:
        """Return the next field as a yes or no; unset is no."""
        return self.text() not in {"", "0"}

    def skip(self, how_many: int) -> None:
        """Pass over fields nobody here looks at. Raises WireError when there are fewer."""
        for _ in range(how_many):
            self.text()

    @property
    def rest(self) -> tuple[str, ...]:
        """What has not been read."""
        return tuple(self._fields[self._next :])
