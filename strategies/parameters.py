"""Parameters of a profile as a person wrote them, fitted into its dataclass or refused by name."""

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from bot.domain.errors import SettingsError

T = TypeVar("T")


def fitted(profile: str, kind: Callable[..., T], params: Mapping[str, object]) -> T:
    """Make a strategy from its parameters by name; lists become tuples, whole numbers floats.

    `kind` is the dataclass whose fields are the parameters. Raises SettingsError
    `unknown_parameter` for a name it does not have and `bad_parameter` for a value
    of another type or out of its bounds.
    """
    hints = get_type_hints(kind)
    for name in params:
        if name not in hints:
            known = ", ".join(hints)
            raise SettingsError("unknown_parameter", profile=profile, name=name, known=known)
    return kind(**{name: _typed(name, hints[name], value) for name, value in params.items()})


def bounded(name: str, value: float, low: float, high: float = math.inf) -> None:
    """Refuse a number outside of its bounds, both included; NaN is outside of all."""
    if not low <= value <= high:
        raise SettingsError("bad_parameter", name=name, value=value, bounds=f"{low} to {high}")


def named(name: str, symbols: Collection[str], least: int) -> None:
    """Refuse fewer than `least` symbols, and a symbol that is blank or has blanks around it."""
    if len(symbols) < least or any(not symbol or symbol != symbol.strip() for symbol in symbols):
        raise SettingsError(
            "bad_parameter", name=name, value=symbols, bounds=f"symbols, at least {least}"
        )


def _typed(name: str, hint: Any, value: object) -> object:
    if get_origin(hint) is tuple and isinstance(value, list | tuple):
        return tuple(_typed(name, get_args(hint)[0], item) for item in value)
    if hint is float and type(value) is int and math.isfinite(_as_float(value)):
        return float(value)
    if type(value) is hint and not (isinstance(value, float) and not math.isfinite(value)):
        return value
    wanted = hint.__name__ if isinstance(hint, type) else str(hint)
    raise SettingsError("bad_parameter", name=name, value=value, bounds=wanted)


def _as_float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf
