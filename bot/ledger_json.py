"""Values of the domain as JSON text, and back without loss."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from bot.domain.errors import LedgerError
from bot.domain.memory import Mark
from bot.domain.model import AccountKind, Note, Portfolio, Role, Symbol
from bot.domain.strategy import Decision, Hold, Rebalance


def write_moment(at: datetime) -> str:
    """An aware time as UTC text whose order is the order of time; LedgerError `naive_time` else."""
    if at.utcoffset() is None:
        raise LedgerError("naive_time", at=at.isoformat())
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def read_moment(text: str) -> datetime:
    """The aware time, in UTC."""
    return datetime.fromisoformat(text)


def write_values(values: Mapping[str, object]) -> str:
    """Named values as text that keeps int, float, bool, Decimal, date and datetime apart.

    Values may be lists and mappings of such; a list comes back as a tuple.
    Raises LedgerError `not_storable` for any other type.
    """
    return _dump({name: _plain(value) for name, value in values.items()})


def read_values(text: str) -> dict[str, object]:
    """The named values."""
    return {name: _value(plain) for name, plain in json.loads(text).items()}


def write_amounts(amounts: Mapping[Symbol, Decimal]) -> str:
    """Shares or prices by symbol, to the last digit."""
    return _dump(_amounts(amounts))


def read_amounts(text: str) -> dict[Symbol, Decimal]:
    """The shares or prices by symbol."""
    return _decimals(json.loads(text))


def write_counts(counts: Mapping[Symbol, int]) -> str:
    """Whole shares by symbol."""
    return _dump(dict(counts))


def read_counts(text: str) -> dict[Symbol, int]:
    """The whole shares by symbol."""
    return dict(json.loads(text))


def write_numbers(numbers: Mapping[str, float]) -> str:
    """Indicators by name, each float to the last bit."""
    return _dump({name: _plain(float(number)) for name, number in numbers.items()})


def read_numbers(text: str) -> dict[str, float]:
    """The indicators by name."""
    return {name: float(_value(plain)) for name, plain in json.loads(text).items()}


def write_marks(marks: Mapping[Symbol, Mark]) -> str:
    """What prices are measured against, by symbol."""
    return _dump(
        {
            symbol: [*(_plain(float(n)) for n in (mark.close, mark.sigma, mark.change)), mark.fresh]
            for symbol, mark in marks.items()
        }
    )


def read_marks(text: str) -> dict[Symbol, Mark]:
    """The marks by symbol."""
    return {
        symbol: Mark(float(close), float(sigma), bool(fresh), float(change[0]) if change else 0.0)
        for symbol, plain in json.loads(text).items()
        for close, sigma, *change, fresh in [_value(plain)]
    }


def write_notes(notes: Sequence[Note]) -> str:
    """Notes with their values; one of another type is kept as its text.

    Notes are for people, and how a run ended is kept whatever an error has to tell.
    """
    return _dump([[note.code, note.symbol, write_values(_told(note.values))] for note in notes])


def read_notes(text: str) -> tuple[Note, ...]:
    """The notes, in the order given."""
    return tuple(
        Note(code, symbol, read_values(values)) for code, symbol, values in json.loads(text)
    )


def write_portfolio(portfolio: Portfolio) -> str:
    """An account, money and shares to the last digit."""
    return _dump(
        {
            "account": portfolio.account,
            "cash": str(portfolio.cash),
            "settled": str(portfolio.settled),
            "spendable": str(portfolio.spendable),
            "shares": _amounts(portfolio.shares),
            "sellable": _amounts(portfolio.sellable),
            "hands_off": _amounts(portfolio.hands_off),
            "others": list(portfolio.others),
            "foreign_cash": _amounts(portfolio.foreign_cash),
            "kind": portfolio.kind,
        }
    )


def read_portfolio(text: str) -> Portfolio:
    """The account."""
    plain = json.loads(text)
    return Portfolio(
        account=plain["account"],
        cash=Decimal(plain["cash"]),
        settled=Decimal(plain["settled"]),
        spendable=Decimal(plain["spendable"]),
        shares=_decimals(plain["shares"]),
        sellable=_decimals(plain["sellable"]),
        hands_off=_decimals(plain["hands_off"]),
        others=tuple(plain["others"]),
        foreign_cash=_decimals(plain["foreign_cash"]),
        kind=AccountKind(plain["kind"]) if plain.get("kind") else None,
    )


def write_decision(decision: Decision) -> str:
    """What a strategy said; the order of the targets is kept, for buys follow it."""
    if isinstance(decision, Hold):
        return _dump({"hold": decision.reason})
    return _dump(
        {
            "targets": {symbol: float(weight) for symbol, weight in decision.targets.items()},
            "reason": decision.reason,
            "flags": list(decision.flags),
            "roles": {symbol: role.value for symbol, role in decision.roles.items()},
            "reserve": float(decision.reserve),
            "locked": {symbol: float(weight) for symbol, weight in decision.locked.items()},
            "lapses": decision.lapses,
            "blind": decision.blind,
        }
    )


def read_decision(text: str) -> Decision:
    """What a strategy said."""
    plain = json.loads(text)
    return Hold(plain["hold"]) if "hold" in plain else _rebalance(plain)


def read_rebalance(text: str) -> Rebalance:
    """The targets, where the text is known to be of some."""
    return _rebalance(json.loads(text))


def _rebalance(plain: Mapping[str, Any]) -> Rebalance:
    return Rebalance(
        targets=plain["targets"],
        reason=plain["reason"],
        flags=tuple(plain["flags"]),
        roles={symbol: Role(role) for symbol, role in plain["roles"].items()},
        reserve=plain["reserve"],
        locked=plain.get("locked", {}),
        lapses=plain["lapses"],
        blind=plain.get("blind", False),
    )


def _told(values: Mapping[str, object]) -> dict[str, object]:
    return {name: value if _storable(value) else str(value) for name, value in values.items()}


def _storable(value: object) -> bool:
    try:
        _plain(value)
    except LedgerError:
        return False
    return True


def _amounts(amounts: Mapping[Symbol, Decimal]) -> dict[Symbol, str]:
    return {symbol: str(amount) for symbol, amount in amounts.items()}


def _decimals(plain: Mapping[Symbol, str]) -> dict[Symbol, Decimal]:
    return {symbol: Decimal(text) for symbol, text in plain.items()}


def _dump(plain: object) -> str:
    return json.dumps(plain, separators=(",", ":"))


def _plain(value: object) -> object:
    match value:
        case None | bool() | int() | str():
            return value
        case float() if math.isfinite(value):
            return float(value)
        case list() | tuple():
            return [_plain(each) for each in value]
    for kind, (tag, write) in _TAGS.items():
        if isinstance(value, kind):
            return {tag: write(value)}
    raise LedgerError("not_storable", type=type(value).__name__)


def _value(plain: Any) -> Any:
    match plain:
        case list():
            return tuple(_value(each) for each in plain)
        case dict():
            ((tag, text),) = plain.items()
            return _READERS[tag](text)
    return plain


# What JSON has no type for, told by a tag. A datetime is a date too, so it is asked for first.
_TAGS: Mapping[type, tuple[str, Callable[[Any], str]]] = {
    float: ("float", str),
    Decimal: ("decimal", str),
    datetime: ("datetime", write_moment),
    date: ("date", date.isoformat),
    Mapping: ("values", write_values),
}
_READERS: Mapping[str, Callable[[str], object]] = {
    "float": float,
    "decimal": Decimal,
    "datetime": read_moment,
    "date": date.fromisoformat,
    "values": read_values,
}
