"""What came over the wire: one request, as the broker's offices read it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from adapters.sims.schwab_answers import Refused, error, refused
from adapters.sims.schwab_faults import Operation

# What the library writes; the other form carries milliseconds.
TIME_FORMATS = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True, slots=True)
class Request:
    """One request: what is asked, the words of its path, its query and its body."""

    operation: Operation
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes = b""
    form: Mapping[str, str] | None = None
    authorization: str = ""

    def names(self, parameter: str) -> list[str]:
        """Return a parameter that is a list with commas; empty where it is not there."""
        return [name for name in self.query.get(parameter, "").split(",") if name]

    def json(self) -> Any:
        """Return the body. Raises Refused where it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise refused(HTTPStatus.BAD_REQUEST, "The body is no JSON.") from None

    def moment(self, parameter: str) -> datetime:
        """Return a parameter that is a time in UTC. Raises Refused."""
        text = self.query.get(parameter, "")
        for form in TIME_FORMATS:
            try:
                return datetime.strptime(text, form).replace(tzinfo=UTC)
            except ValueError:
                continue
        raise refused(HTTPStatus.BAD_REQUEST, f"{parameter} is {text!r}: a time is required.")

    def number(self, parameter: str, otherwise: int) -> int:
        """Return a parameter that is a number. Raises Refused."""
        text = self.query.get(parameter, str(otherwise))
        if not text.lstrip("-").isdigit():
            raise Refused(error(HTTPStatus.BAD_REQUEST, f"{parameter} is {text!r}: give a number."))
        return int(text)
