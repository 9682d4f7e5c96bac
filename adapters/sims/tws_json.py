"""Values to JSON and back: what the control takes and gives, in another process as in this one."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import Enum
from types import NoneType, UnionType
from typing import Any, TypeAlias, get_args, get_origin, get_type_hints

Json: TypeAlias = Any


def to_json(value: object) -> Json:
    """Return a value as JSON knows it: numbers of money and times as text."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: to_json(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(each) for each in value]
    return _single(value)


def from_json(name: str, kind: Any, value: Json) -> Any:
    """Return what JSON holds as a value of a type. Raises ValueError naming what is odd."""
    if isinstance(kind, UnionType):
        return _of_one(name, kind, value)
    if get_origin(kind) is tuple and isinstance(value, list):
        return _tuple(name, get_args(kind), value)
    if isinstance(get_origin(kind), type) and issubclass(get_origin(kind), Mapping):
        inner = get_args(kind)[1]
        return {key: from_json(f"{name}.{key}", inner, each) for key, each in value.items()}
    if isinstance(kind, type):
        return _of_type(name, kind, value)
    raise _odd(name, kind, value)


def _single(value: object) -> Json:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def dataclass_from(name: str, kind: type, value: Mapping[str, Json]) -> Any:
    """Return a dataclass from its fields by name; those left out keep their default."""
    hints = get_type_hints(kind)
    unknown = sorted(set(value) - {each.name for each in fields(kind)})
    if unknown:
        raise ValueError(f"{name}: there is no {unknown[0]} in {kind.__name__}")
    given = {key: from_json(f"{name}.{key}", hints[key], each) for key, each in value.items()}
    try:
        return kind(**given)
    except TypeError as wrong:
        raise ValueError(f"{name}: {wrong}") from None


def _of_one(name: str, kind: UnionType, value: Json) -> Any:
    if value is None and NoneType in get_args(kind):
        return None
    first = next(each for each in get_args(kind) if each is not NoneType)
    return from_json(name, first, value)


def _tuple(name: str, kinds: tuple[Any, ...], value: list[Json]) -> tuple[Any, ...]:
    if kinds[-1] is Ellipsis:
        return tuple(from_json(name, kinds[0], each) for each in value)
    return tuple(from_json(name, k, each) for k, each in zip(kinds, value, strict=True))


def _of_type(name: str, kind: type, value: Json) -> Any:
    try:
        if is_dataclass(kind) and isinstance(value, dict):
            return dataclass_from(name, kind, value)
        if issubclass(kind, Enum):
            return kind(value)
        if issubclass(kind, Decimal) and not isinstance(value, bool):
            return _finite(name, Decimal(str(value)))
        if issubclass(kind, date):
            return kind.fromisoformat(value)
    except (InvalidOperation, TypeError):
        raise _odd(name, kind, value) from None
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is kind:
        return value
    raise _odd(name, kind, value)


def _finite(name: str, value: Decimal) -> Decimal:
    if not value.is_finite():
        raise ValueError(f"{name} is {value}: give a number")
    return value


def _odd(name: str, kind: Any, value: Json) -> ValueError:
    return ValueError(f"{name} is {value!r}: give {getattr(kind, '__name__', kind)}")
