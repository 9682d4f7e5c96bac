"""What a person may choose of a profile: parameters as data, fitted or refused by name."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, TypeAlias, TypeVar, get_args, get_origin, get_type_hints

from bot.domain.errors import SettingsError
from bot.domain.model import Symbol

T = TypeVar("T")

_KINDS: Mapping[object, str] = {
    float: "number",
    int: "integer",
    bool: "switch",
    Symbol: "symbol",
    tuple[Symbol, ...]: "symbols",
    tuple[int, ...]: "integers",
}


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a field of a strategy may be, said in its annotation; both bounds are allowed.

    They bound a number, each of several integers, or how many symbols there are.
    `choices` are the only words; a list that is `free` has words of its own instead
    of symbols. Where the rule was first written a number that
    is `clamped` was silently moved to its bound; whoever chooses it here is told.
    """

    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    clamped: bool = False
    free: bool = False


Share: TypeAlias = Annotated[float, Allowed(0.0, 1.0, clamped=True)]
Portion: TypeAlias = Annotated[float, Allowed(0.0, 1.0)]
Texts: TypeAlias = Annotated[tuple[str, ...], Allowed(free=True)]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a strategy as a person reads of it.

    `kind` is number, integer, switch, symbol, symbols, texts, integers or choice. `low`
    and `high` are as in `Allowed`; None is no bound.
    """

    name: str
    kind: str
    default: object
    low: float | None
    high: float | None
    choices: tuple[str, ...]

    @property
    def bounds(self) -> str:
        """What it may be, for the message that refuses it."""
        match self.kind:
            case "choice":
                return " or ".join(self.choices)
            case "symbol":
                return "a symbol"
            case "texts":
                return "texts"
            case "symbols":
                return f"symbols, {self._span}" if self._span else "symbols"
        return self._span or self.kind

    def allows(self, value: Any) -> bool:
        """Whether a value of the parameter's type is one a strategy may have."""
        match self.kind:
            case "choice":
                return value in self.choices
            case "symbol":
                return _is_symbol(value)
            case "symbols":
                return all(map(_is_symbol, value)) and self._spans(len(value))
            case "texts":
                return all(text.strip() for text in value)
            case "integers":
                return all(map(self._spans, value))
        return self._spans(value)

    @property
    def _span(self) -> str:
        if self.low is None:
            return "" if self.high is None else f"at most {self.high:g}"
        return f"at least {self.low:g}" if self.high is None else f"{self.low:g} to {self.high:g}"

    def _spans(self, value: float) -> bool:
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        return math.isfinite(value) and low <= value <= high


def parameters_of(strategy: type) -> tuple[Parameter, ...]:
    """The parameters of a strategy, in the order in which its dataclass names them."""
    told = []
    for name, (hint, allowed) in _annotations(strategy).items():
        listed = "texts" if allowed.free else _KINDS[hint]
        kind = "choice" if allowed.choices else listed
        default = next(field.default for field in fields(strategy) if field.name == name)
        told.append(Parameter(name, kind, default, allowed.low, allowed.high, allowed.choices))
    return tuple(told)


def check(strategy: Any) -> None:
    """Refuse a strategy one of whose fields is not as its annotation allows.

    A symbol is spelt in capitals, however it was written. Raises SettingsError
    `bad_parameter` naming the field and what it may be.
    """
    for parameter in parameters_of(type(strategy)):
        value = getattr(strategy, parameter.name)
        if parameter.kind == "symbol" and isinstance(value, str):
            value = value.upper()
            object.__setattr__(strategy, parameter.name, value)
        if not parameter.allows(value):
            bounds = parameter.bounds
            raise SettingsError("bad_parameter", name=parameter.name, value=value, bounds=bounds)


def fitted(profile: str, kind: type[T], params: Mapping[str, object]) -> T:
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


def clamped(kind: type, params: Mapping[str, object]) -> dict[str, object]:
    """The parameters as the rule's first authors read them, to be fitted then.

    A clamped number beyond a bound becomes the bound. A blank choice, nothing in
    place of a clamped number and a window of no length are the default.
    """
    limits = {name: allowed for name, (_, allowed) in _annotations(kind).items()}
    return {
        name: _clamped(allowed, value)
        for name, value in params.items()
        for allowed in [limits.get(name, Allowed())]
        if not _left_out(allowed, value)
    }


def _left_out(allowed: Allowed, value: object) -> bool:
    """Whether the first authors read a value as none given: they asked whether it was true."""
    if allowed.choices:
        return value == ""
    counts = allowed.low is not None and allowed.low >= 1
    return allowed.clamped and (value is None or (counts and value == 0))


def _annotations(strategy: type) -> dict[str, tuple[object, Allowed]]:
    """Each field's type, and what its annotation allows of it."""
    plain = get_type_hints(strategy)
    told = get_type_hints(strategy, include_extras=True)
    return {
        field.name: (
            plain[field.name],
            next((a for a in get_args(told[field.name]) if isinstance(a, Allowed)), Allowed()),
        )
        for field in fields(strategy)
    }


def _clamped(allowed: Allowed, value: object) -> object:
    if not allowed.clamped or isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if allowed.low is not None and value < allowed.low:
        return type(value)(allowed.low)
    if allowed.high is not None and value > allowed.high:
        return type(value)(allowed.high)
    return value


def _is_symbol(value: str) -> bool:
    return bool(value) and value == value.strip()


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
