"""Values over HTTP: to JSON and back, by the types of what is asked for."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from enum import Enum
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from adapters.sims.schwab_answers import Json

READ: Mapping[type, Callable[[str], Any]] = {
    Decimal: Decimal,
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    time: time.fromisoformat,
}


def plain(value: Any) -> Any:
    """Return a value as JSON holds it: Decimals and times as text, types as objects."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if isinstance(value, datetime | date | time) else value


def arguments(act: Callable[..., Any], told: Json) -> Json:
    """Return the arguments of a call from JSON. Raises ValueError naming the wrong one."""
    try:
        inspect.signature(act).bind(**told)
    except TypeError as wrong:
        raise ValueError(f"{getattr(act, '__name__', act)}: {wrong}") from None
    hints = get_type_hints(act)
    return {name: fitted(name, hints[name], value) for name, value in told.items()}


def fitted(name: str, hint: Any, value: Any) -> Any:
    """Return a value of JSON as what is asked for. Raises ValueError naming it."""
    if isinstance(hint, UnionType):
        return _one_of(name, hint, value)
    origin = get_origin(hint)
    if origin in {list, tuple} and isinstance(value, list):
        return origin(fitted(name, get_args(hint)[0], each) for each in value)
    if hint is Any or (origin or hint) is type(value):
        return value
    if hint is type(None) and value is None:
        return None
    made = _made(name, hint, value)
    if made is None:
        raise ValueError(f"{name} is {value!r}: give {getattr(hint, '__name__', hint)}")
    return made


def _made(name: str, hint: type, value: Any) -> Any:
    """Return a value made into another type, None where there is no way."""
    if is_dataclass(hint) and isinstance(value, dict):
        return hint(**arguments(hint, value))
    if issubclass(hint, Enum):
        return hint(value)
    if hint in READ and isinstance(value, str):
        return _read(name, hint, value)
    return hint(value) if hint in {float, Decimal} and type(value) is int else None


def _one_of(name: str, hint: UnionType, value: Any) -> Any:
    kinds = [kind for kind in get_args(hint) if kind is not type(None)]
    if value is None:
        return None
    return fitted(name, kinds[0], value)


def _read(name: str, hint: type, value: str) -> Any:
    try:
        return READ[hint](value)
    except (ValueError, InvalidOperation):
        raise ValueError(f"{name} is {value!r}: give {hint.__name__}") from None
