"""Columns of a table somebody gave, as the types we reckon with."""

from collections.abc import Collection
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot.domain.errors import DataError

Floats: TypeAlias = npt.NDArray[np.float64]
Places: TypeAlias = npt.NDArray[np.intp]
Days: TypeAlias = npt.NDArray[np.datetime64]

UNKNOWN_SECTOR = "unknown"
_TRUE, _FALSE = {"1", "true", "yes", "y"}, {"0", "false", "no", "n"}
# A person counts the lines of a file from one, and the first names the columns.
_FIRST_LINE = 2


def require(table: pd.DataFrame, columns: Collection[str], name: str) -> None:
    """Refuse a table, called `name` when told, that has no rows or lacks a column.

    Raises DataError `table_empty` or `table_columns`.
    """
    lacking = [column for column in columns if column not in table.columns]
    if lacking:
        found = ", ".join(map(str, table.columns))
        raise DataError("table_columns", table=name, columns=", ".join(lacking), found=found)
    if table.empty:
        raise DataError("table_empty", table=name)


def symbols_of(column: pd.Series) -> tuple[Places, list[str]]:
    """Which of the sorted symbols each row names, -1 where it names none.

    Symbols are trimmed and in capitals.
    """
    codes, found = pd.factorize(column)
    named = [str(value).strip().upper() for value in found]
    symbols = sorted(set(named) - {""})
    place = {symbol: at for at, symbol in enumerate(symbols)}
    # The last entry is what a missing value, coded -1, points at.
    places = np.array([*(place.get(symbol, -1) for symbol in named), -1], dtype=np.intp)
    return places[codes], symbols


def texts_of(column: pd.Series, missing: str) -> list[str]:
    """Trimmed texts, `missing` where there is none or it is blank."""
    codes, found = pd.factorize(column)
    texts = [str(value).strip() or missing for value in found]
    # The last entry is what a missing value, coded -1, points at.
    told: list[str] = np.array([*texts, missing], dtype=object)[codes].tolist()
    return told


def numbers_of(column: pd.Series) -> Floats:
    """The column as floats, NaN where there is no number."""
    numbers = pd.to_numeric(column, errors="coerce")
    return numbers.to_numpy(dtype=np.float64, na_value=np.nan)


def strict_numbers_of(column: pd.Series, name: str) -> Floats:
    """The column as floats, NaN where a cell is empty.

    Raises DataError `bad_number` with the line and the text where a cell of the
    table called `name` holds what is no number.
    """
    numbers = numbers_of(column)
    texts = texts_of(column, "")
    for at in np.flatnonzero(np.isnan(numbers)).tolist():
        if texts[at]:
            line = at + _FIRST_LINE
            raise DataError("bad_number", path=name, line=line, column=column.name, value=texts[at])
    return numbers


def days_of(column: pd.Series, name: str) -> Days:
    """The column as days, NaT where a cell is empty; time of day and zone are dropped.

    Raises DataError `bad_date` with the line and the text where a cell of the
    table called `name` holds what is no ISO date.
    """
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_localize(None)
    if pd.api.types.is_datetime64_dtype(column.dtype):
        return column.to_numpy().astype("datetime64[D]")
    codes, found = pd.factorize(column)
    texts = [str(value).strip() for value in found]
    parsed = pd.to_datetime(pd.Series(texts, dtype=str), format="ISO8601", errors="coerce")
    if isinstance(parsed.dtype, pd.DatetimeTZDtype):
        parsed = parsed.dt.tz_localize(None)
    wrong = [at for at, text in enumerate(texts) if text and parsed.isna().iloc[at]]
    if wrong:
        line = int(np.flatnonzero(codes == wrong[0])[0]) + _FIRST_LINE
        raise DataError("bad_date", path=name, line=line, value=texts[wrong[0]])
    days = parsed.to_numpy().astype("datetime64[D]")
    return np.append(days, np.datetime64("NaT", "D"))[codes]


def truth(value: object, *, missing: bool) -> bool:
    """What a cell says of yes and no: any other text than a no is a yes.

    A cell that is empty says `missing`.
    """
    if value is None or value is pd.NA or value != value:  # noqa: PLR0124 - NaN is unequal to itself
        return missing
    if not isinstance(value, str):
        return bool(value)
    text = value.strip().lower()
    if text in _TRUE | _FALSE:
        return text in _TRUE
    return bool(text) or missing
