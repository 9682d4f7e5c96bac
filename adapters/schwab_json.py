"""Schwab's JSON, read once at the border: what is missing or odd raises, and is never a zero."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NoReturn, TypeAlias

import httpx

from bot.domain.calendar import exchange_date
from bot.domain.errors import BellwetherError, BrokerUnavailable

Json: TypeAlias = Mapping[str, Any]

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
FIGURES = 15  # before the point: more has no account, no price and no time
LONGEST_QUOTE = 160  # characters of what somebody else wrote


def decoded(response: httpx.Response) -> Any:
    """The value in a body, its numbers exact. Raises BrokerUnavailable where it is none."""
    try:
        return json.loads(response.content, parse_float=Decimal, parse_constant=_no_number)
    except ValueError:
        kind = response.headers.get("Content-Type", "")
        raise odd("body", f"{response.status_code} {kind}") from None


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)


def odd(field: str, value: object) -> BrokerUnavailable:
    """An answer that can not be believed, by the place where it is not as documented."""
    shown = "–" if value is None else str(value)[:LONGEST_QUOTE]
    return BrokerUnavailable("schwab_answer_odd", field=field, value=shown)


def entries(value: object, field: str) -> Sequence[Json]:
    """A list of objects."""
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        raise odd(field, value)
    return value


def entry(parent: object, field: str) -> Json:
    """An object within another."""
    value = parent.get(field) if isinstance(parent, Mapping) else None
    if not isinstance(value, Mapping):
        raise odd(field, value)
    return value


def text(parent: Json, field: str) -> str:
    """A text that says something; a number is taken for one."""
    value = parent.get(field)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise odd(field, value)
    return str(value)


def number(parent: Json, field: str) -> Decimal:
    """A number that can be one of an account or a market."""
    value = parent.get(field)
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        raise odd(field, value)
    exact = Decimal(value)
    if exact.adjusted() >= FIGURES:
        raise odd(field, value)
    return exact


def price(parent: Json, field: str) -> Decimal:
    """A number above zero."""
    value = number(parent, field)
    if value <= 0:
        raise odd(field, value)
    return value


def stamp(parent: Json, field: str) -> datetime:
    """A time as orders carry it, in UTC."""
    value = parent.get(field)
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        if moment is not None:
            exchange_date(moment)  # refuses a time without a zone
            return moment.astimezone(UTC)
    except (ValueError, BellwetherError):
        pass
    raise odd(field, value)


def milliseconds(parent: Json, field: str) -> datetime:
    """A time as market data carries it, in UTC."""
    value = price(parent, field)
    try:
        return BEGINNING + timedelta(milliseconds=int(value))
    except OverflowError:
        raise odd(field, value) from None


def remark(response: httpx.Response) -> str:
    """What an error says, in its own words; nothing where it is no JSON of a known shape."""
    try:
        body = json.loads(response.content)
    except ValueError:
        return ""
    if not isinstance(body, Mapping):
        return ""
    listed = body.get("errors")
    details = listed if isinstance(listed, list) else []
    said = [body.get("message"), *(_detail(each) for each in details)]
    return " ".join(part for part in said if isinstance(part, str) and part)[:LONGEST_QUOTE]


def _detail(error: object) -> object:
    if isinstance(error, Mapping):
        return error.get("detail") or error.get("title") or error.get("message")
    return error
