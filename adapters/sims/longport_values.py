"""Values of a few plain types as JSON and back, by their type hints."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from types import NoneType, UnionType
from typing import Any, TypeAlias, get_args, get_origin, get_type_hints

Json: TypeAlias = dict[str, Any]


def told(value: Any) -> Any:
    """A value as JSON: dataclasses as objects, sequences as lists, the rest as texts."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: told(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {key: told(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [told(each) for each in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if isinstance(value, date) else value


def read(name: str, hint: Any, value: Any) -> Any:
    """JSON as what a type hint asks for. Raises ValueError naming what does not fit."""
    if isinstance(hint, UnionType):
        if value is None and NoneType in get_args(hint):
            return None
        return read(name, next(h for h in get_args(hint) if h is not NoneType), value)
    if get_origin(hint) is tuple:
        return _read_items(name, get_args(hint)[0], value)
    if get_origin(hint) in (Mapping, dict):
        return _read_entries(name, get_args(hint)[1], value)
    if is_dataclass(hint):
        return _read_fields(name, hint, value)
    return _read_plain(name, hint, value)


def read_arguments(name: str, hints: Mapping[str, Any], given: Json) -> Json:
    """JSON as the arguments of something. Raises ValueError for one that does not exist."""
    for each in given:
        if each not in hints:
            raise ValueError(f"{name} has no {each}: give some of {', '.join(hints)}")
    return {each: read(each, hints[each], value) for each, value in given.items()}


def _read_items(name: str, hint: Any, value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"{name} is {value!r}: give a list")  # noqa: TRY004 - told in one way
    return tuple(read(name, hint, each) for each in value)


def _read_entries(name: str, hint: Any, value: Any) -> Json:
    if not isinstance(value, dict):
        raise ValueError(f"{name} is {value!r}: give an object")  # noqa: TRY004 - as above
    return {key: read(f"{name}.{key}", hint, each) for key, each in value.items()}


def _read_fields(name: str, kind: Any, value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{name} is {value!r}: give an object")  # noqa: TRY004 - as above
    try:
        return kind(**read_arguments(name, get_type_hints(kind), value))
    except TypeError as wrong:
        raise ValueError(f"{name}: {wrong}") from None


def _read_plain(name: str, kind: Any, value: Any) -> Any:
    try:
        if kind is Decimal and isinstance(value, str | int) and not isinstance(value, bool):
            return Decimal(value)
        if kind in (date, datetime) and isinstance(value, str):
            return kind.fromisoformat(value)
        if issubclass(kind, Enum):
            return kind(value)
    except (ValueError, InvalidOperation):
        raise ValueError(f"{name} is {value!r}: give {kind.__name__}") from None
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is kind:
        return value
    raise ValueError(f"{name} is {value!r}: give {kind.__name__}")
