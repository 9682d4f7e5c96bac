"""A grid of parameters as somebody writes it, refused by name before anything runs."""

from collections.abc import Callable, Mapping, Sequence
from itertools import product

from bot.domain.errors import SettingsError
from strategies import profile
from strategies.parameters import Parameter, parameters_of


def grid(profile_name: str, told: Sequence[str]) -> list[dict[str, object]]:
    """Every combination of `NAME=VALUE,VALUE,…`, the last name's values changing fastest.

    The parts of a value that is a list are joined by `+`. Raises SettingsError
    `grid_empty` for no values, `grid_twice` for a name or value told twice,
    `unknown_parameter`, and `bad_parameter` for a value of another type or out of
    its bounds. What only a combination makes wrong is not seen here.
    """
    chosen = profile(profile_name)
    known = {parameter.name: parameter for parameter in parameters_of(chosen.strategy)}
    if not told:
        raise SettingsError("grid_empty", name="")
    axes: dict[str, list[object]] = {}
    for axis in told:
        name, _, values = (part.strip() for part in axis.partition("="))
        if name not in known:
            names = ", ".join(known)
            raise SettingsError("unknown_parameter", profile=chosen.name, name=name, known=names)
        if name in axes:
            raise SettingsError("grid_twice", name=name, value=values)
        axes[name] = _values(known[name], values)
    return [dict(zip(axes, point, strict=True)) for point in product(*axes.values())]


def _values(parameter: Parameter, told: str) -> list[object]:
    if not told:
        raise SettingsError("grid_empty", name=parameter.name)
    values: list[object] = []
    for text in told.split(","):
        value = _value(parameter, text.strip())
        if value in values:
            raise SettingsError("grid_twice", name=parameter.name, value=text.strip())
        values.append(value)
    return values


def _value(parameter: Parameter, text: str) -> object:
    bounds = parameter.bounds
    try:
        value = _READ[parameter.kind](text)
    except (ValueError, KeyError):
        raise SettingsError(
            "bad_parameter", name=parameter.name, value=text, bounds=bounds
        ) from None
    if not parameter.allows(value):
        raise SettingsError("bad_parameter", name=parameter.name, value=text, bounds=bounds)
    return value


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split("+")]


# How a value of each kind is read; ValueError or KeyError says that it is none.
_READ: Mapping[str, Callable[[str], object]] = {
    "number": float,
    "integer": int,
    "switch": lambda text: {"true": True, "false": False}[text.lower()],
    "symbol": str.upper,
    "choice": str,
    "symbols": lambda text: tuple(part.upper() for part in _parts(text)),
    "integers": lambda text: tuple(int(part) for part in _parts(text)),
    "texts": lambda text: tuple(_parts(text)),
}


def written(params: Mapping[str, object]) -> dict[str, str]:
    """A point of a grid as it would be told again."""
    return {name: _text(value) for name, value in params.items()}


def _text(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case tuple():
            return "+".join(map(_text, value))
        case _:
            return str(value)
