"""The frames of the two sockets: a head in big-endian numbers before each body."""

import gzip
import struct
from dataclasses import dataclass
from enum import IntEnum

from adapters.sims.longport_protobuf import Malformed

_REQUEST, _RESPONSE, _PUSH = 1, 2, 3
_TYPE_MASK = 0b1111
_SIGNED = 1 << 4
_ZIPPED = 1 << 5
_REQUEST_HEAD = struct.Struct(">BBIH")
_LENGTH_BYTES = 3


class Command(IntEnum):
    """What both sockets understand."""

    CLOSE = 0
    HEARTBEAT = 1
    AUTH = 2
    RECONNECT = 3


class QuoteCommand(IntEnum):
    """What the quote socket understands besides, and what it pushes."""

    PROFILE = 4
    SUBSCRIPTIONS = 5
    SUBSCRIBE = 6
    UNSUBSCRIBE = 7
    TRADING_SESSION = 8
    TRADING_DAYS = 9
    STATIC_INFO = 10
    QUOTE = 11
    DEPTH = 14
    CANDLESTICKS = 19
    HISTORY = 27
    PUSH_QUOTE = 101
    PUSH_DEPTH = 102


class TradeCommand(IntEnum):
    """What the trade socket understands besides, and what it pushes."""

    SUBSCRIBE = 16
    UNSUBSCRIBE = 17
    NOTIFY = 18


class Status(IntEnum):
    """How an answer begins."""

    SUCCESS = 0
    BAD_REQUEST = 3
    UNAUTHENTICATED = 5
    SERVER_ERROR = 7


@dataclass(frozen=True, slots=True)
class Request:
    """A question of the client."""

    command: int
    id: int
    body: bytes


def read_request(data: bytes) -> Request:
    """A request's frame. Raises Malformed."""
    head = _REQUEST_HEAD.size
    if len(data) < head + _LENGTH_BYTES or data[0] & _TYPE_MASK != _REQUEST:
        raise Malformed("no request")
    flags, command, number, _ = _REQUEST_HEAD.unpack_from(data)
    size = int.from_bytes(data[head : head + _LENGTH_BYTES])
    body = data[head + _LENGTH_BYTES :]
    if flags & _SIGNED or len(body) != size:
        raise Malformed("a request of another length than it says")
    try:
        return Request(command, number, gzip.decompress(body) if flags & _ZIPPED else body)
    except (gzip.BadGzipFile, EOFError):
        raise Malformed("a request that is not zipped as it says") from None


def response(request: Request, status: Status, body: bytes) -> bytes:
    """The frame that answers a request."""
    head = struct.pack(">BBIB", _RESPONSE, request.command, request.id, status)
    return head + len(body).to_bytes(_LENGTH_BYTES) + body


def push(command: int, body: bytes) -> bytes:
    """A frame nobody asked for."""
    return bytes((_PUSH, command)) + len(body).to_bytes(_LENGTH_BYTES) + body
