"""Protocol buffers for dataclasses: a field's number is its place, or what `numbered` says."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from enum import IntEnum
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

_MORE = 0x80
_SEVEN_BITS = 0x7F
_KIND_BITS = 3
_KIND_MASK = 0b111
_LONGEST_VARINT = 10
_TWO_TO_63 = 1 << 63
_TWO_TO_64 = 1 << 64
_NUMBER = "number"

T = TypeVar("T")


class Malformed(Exception):  # noqa: N818 - the state of a message, not of a program
    """Bytes that are no such message."""


class _Wire(IntEnum):
    VARINT = 0
    FIXED_64 = 1
    LENGTH = 2
    FIXED_32 = 5


_FIXED_BYTES = {_Wire.FIXED_64: 8, _Wire.FIXED_32: 4}


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    number: int
    kind: type[Any]
    repeated: bool


# Reading type hints takes longer than everything else here.
_LAYOUTS: dict[type[Any], tuple[_Field, ...]] = {}


def numbered(number: int, default: Any) -> Any:
    """A field whose number is not its place."""
    return field(default=default, metadata={_NUMBER: number})


def encode(message: Any) -> bytes:
    """A dataclass as bytes; what equals its type's nothing is left out."""
    out = bytearray()
    for each in _layout(type(message)):
        value = getattr(message, each.name)
        if not each.repeated:
            if value not in (None, 0, "", b""):
                out += _entry(each, value)
        elif each.kind is int:
            out += _packed(each, value)
        else:
            for one in value:
                out += _entry(each, one)
    return bytes(out)


def decode(kind: type[T], data: bytes) -> T:
    """Bytes as a dataclass; unknown fields are passed over. Raises Malformed."""
    known = {each.number: each for each in _layout(kind)}
    found: dict[str, Any] = {}
    for number, raw in _entries(data):
        each = known.get(number)
        if each is None:
            continue
        values = list(_values(each.kind, raw))
        if each.repeated:
            found[each.name] = (*found.get(each.name, ()), *values)
        elif values:
            found[each.name] = values[-1]
    return kind(**found)


def _layout(kind: type[Any]) -> tuple[_Field, ...]:
    if kind not in _LAYOUTS:
        hints = get_type_hints(kind)
        _LAYOUTS[kind] = tuple(
            _Field(each.name, each.metadata.get(_NUMBER, place), *_kind(hints[each.name]))
            for place, each in enumerate(fields(kind), start=1)
        )
    return _LAYOUTS[kind]


def _kind(hint: Any) -> tuple[type[Any], bool]:
    if get_origin(hint) is tuple:
        return get_args(hint)[0], True
    if isinstance(hint, UnionType):
        return get_args(hint)[0], False
    return hint, False


def _entry(each: _Field, value: Any) -> bytes:
    if isinstance(value, int):
        return _key(each, _Wire.VARINT) + _varint(value)
    if isinstance(value, str):
        value = value.encode()
    elif not isinstance(value, bytes):
        value = encode(value)
    return _lengthy(each, value)


def _packed(each: _Field, values: tuple[int, ...]) -> bytes:
    return _lengthy(each, b"".join(map(_varint, values))) if values else b""


def _lengthy(each: _Field, data: bytes) -> bytes:
    return _key(each, _Wire.LENGTH) + _varint(len(data)) + data


def _key(each: _Field, wire: _Wire) -> bytes:
    return _varint(each.number << _KIND_BITS | wire)


def _varint(value: int) -> bytes:
    left = value % _TWO_TO_64
    out = bytearray()
    while left > _SEVEN_BITS:
        out.append(left & _SEVEN_BITS | _MORE)
        left >>= 7
    return bytes((*out, left))


def _entries(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    place = 0
    while place < len(data):
        key, place = _read_varint(data, place)
        wire = key & _KIND_MASK
        if wire == _Wire.VARINT:
            value, place = _read_varint(data, place)
            yield key >> _KIND_BITS, value
            continue
        if wire == _Wire.LENGTH:
            size, place = _read_varint(data, place)
        elif wire in _FIXED_BYTES:
            size = _FIXED_BYTES[_Wire(wire)]
        else:
            raise Malformed(f"a field of wire type {wire}")
        if place + size > len(data):
            raise Malformed("a field longer than its message")
        yield key >> _KIND_BITS, data[place : place + size]
        place += size


def _read_varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for count in range(_LONGEST_VARINT):
        if place + count >= len(data):
            break
        byte = data[place + count]
        value |= (byte & _SEVEN_BITS) << 7 * count
        if not byte & _MORE:
            return value, place + count + 1
    raise Malformed("a number without end")


def _values(kind: type[Any], raw: int | bytes) -> Iterator[Any]:
    """Return what an entry holds: one value, or several where numbers are packed."""
    if kind in (int, bool):
        for number in [raw] if isinstance(raw, int) else _numbers(raw):
            yield kind(number - _TWO_TO_64 if number >= _TWO_TO_63 else number)
    elif isinstance(raw, int):
        raise Malformed(f"a number in place of {kind.__name__}")
    elif kind is str:
        try:
            yield raw.decode()
        except UnicodeDecodeError:
            raise Malformed("a text that is no UTF-8") from None
    else:
        yield raw if kind is bytes else decode(kind, raw)


def _numbers(data: bytes) -> Iterator[int]:
    place = 0
    while place < len(data):
        number, place = _read_varint(data, place)
        yield number
