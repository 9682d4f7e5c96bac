"""What goes back over the wire: answers, refusals, and bodies that are no JSON."""

import html
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from http import HTTPStatus
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

JSON = "application/json"
HTML = "text/html"
PAGE = (
    "<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
)
REQUEST_ID = "00000000-0000-4000-8000-000000000000"


class Form(StrEnum):
    """How an error looks.

    `trader`: a JSON message, as the trading side writes it. `market_data`: a JSON list of
    errors. `gateway`: the fault of the gateway before both. `html`: a page. `empty`: nothing.
    """

    TRADER = "trader"
    MARKET_DATA = "market_data"
    GATEWAY = "gateway"
    HTML = "html"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer."""

    status: int = HTTPStatus.OK
    body: bytes = b""
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):  # noqa: N818 - a refusal is an answer, too
    """A request is refused with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer)
        self.answer = answer


def told(value: object, status: int = HTTPStatus.OK) -> Answer:
    """Return an answer in JSON; Decimals become numbers, whole ones without a point."""
    return Answer(status, json.dumps(value, default=_number).encode())


def page(title: str, status: int) -> Answer:
    """Return an HTML page that says one thing."""
    return Answer(status, PAGE.format(title=html.escape(title)).encode(), HTML)


def error(status: int, message: str = "", form: Form = Form.TRADER) -> Answer:
    """Return an error in the given form; without a message, HTTP's own words."""
    words = message or HTTPStatus(status).phrase
    match form:
        case Form.TRADER:
            return told({"message": words}, status)
        case Form.MARKET_DATA:
            return told({"errors": [listed(status, HTTPStatus(status).phrase, words)]}, status)
        case Form.GATEWAY:
            detail = {"errorcode": "gateway.failure"}
            return told({"fault": {"faultstring": words, "detail": detail}}, status)
        case Form.HTML:
            return page(f"{status} {words}", status)
        case Form.EMPTY:
            return Answer(status)


def listed(status: int, title: str, detail: str) -> Json:
    """Return one entry of a list of errors; its status is text on some answers, as here."""
    return {"id": REQUEST_ID, "status": str(status), "title": title, "detail": detail}


def refused(status: int, message: str = "", *details: str) -> Refused:
    """Return a refusal by the trading side."""
    if not details:
        return Refused(error(status, message))
    return Refused(told({"message": message, "errors": list(details)}, status))


def unauthorized() -> Refused:
    """Return what a missing, unknown or expired access token is answered with."""
    status = HTTPStatus.UNAUTHORIZED
    entry = listed(status, "Unauthorized", "Client not authorized") | {"status": int(status)}
    return Refused(told({"errors": [entry]}, status))


def too_many() -> Refused:
    """Return what is answered over a limit; nothing says when to come back."""
    return Refused(error(HTTPStatus.TOO_MANY_REQUESTS, form=Form.MARKET_DATA))


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)
