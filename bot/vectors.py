"""Fields of a conformance case, believed or refused, and the question they make."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from io import StringIO
from typing import Any

import pandas as pd

from bot.domain.calendar import Calendar
from bot.domain.errors import DataError
from bot.domain.features import Features
from bot.domain.model import Symbol
from bot.domain.strategy import Decision, Facts, Holding, Strategy, View
from bot.sessions import nyse

_FIRST, _LAST = date(1990, 1, 1), date(2040, 12, 31)

# No amount of money or shares; infinity, and whole numbers no float can hold, are beyond it.
_ABSURD = 1e18


@dataclass(frozen=True, slots=True)
class Question:
    """One question to a profile: who decides, what was known, and what was held."""

    strategy: Strategy
    as_of: date
    facts: Facts
    holdings: Mapping[Symbol, Holding]
    equity: float | None

    def features(self) -> Features:
        """The strategy's numbers over everything known on the day."""
        return Features(self.strategy, self.facts)

    def view(self) -> View:
        """What the strategy may look at on the day."""
        rows = self.features().rows(self.as_of)
        return View(self.as_of, rows, self.holdings, self.equity)

    def decide(self) -> Decision:
        """What the strategy says of the day."""
        return self.features().decide(self.as_of, self.holdings, self.equity)


@cache
def exchange() -> Calendar:
    """The sessions cases may be about. A day beyond them raises Blocked `calendar_unknown`."""
    return nyse(_FIRST, _LAST)


def mapping(field: str, value: Any) -> Mapping[str, Any]:
    """What a field says by name; nothing where it is null or left out."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise DataError("bad_case", field=field, value=value)
    return value


def number(field: str, value: Any) -> float:
    """A finite number of believable size."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _ABSURD:
        return float(value)
    raise DataError("bad_case", field=field, value=value)


def perhaps_number(field: str, value: Any) -> float | None:
    """A number, None where it is null or left out."""
    return None if value is None else number(field, value)


def day(field: str, value: Any) -> date:
    """A date written as ISO writes it."""
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise DataError("bad_case", field=field, value=value) from error


def frame_prices(frames: Mapping[str, str], told: Any) -> pd.DataFrame:
    """The prices a case names among the frames of its file, their cells as written."""
    text = frames.get(str(told))
    if not isinstance(text, str):
        raise DataError("bad_case", field="prices", value=told)
    # Read as text, a stock called NA is one.
    return pd.read_csv(StringIO(text), dtype=str, keep_default_na=False)


def frame_table(field: str, told: Any) -> pd.DataFrame:
    """A table as vectors have it: columns, and rows of as many cells."""
    given = mapping(field, told)
    columns, rows = given.get("columns"), given.get("rows")
    if not isinstance(columns, list) or not isinstance(rows, list):
        raise DataError("bad_case", field=field, value=told)
    if any(not isinstance(row, list) or len(row) != len(columns) for row in rows):
        raise DataError("bad_case", field=field, value="rows that do not fit the columns")
    return pd.DataFrame(rows, columns=[str(column) for column in columns])
