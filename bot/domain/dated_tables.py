"""A dated table somebody keeps: every cell of it is believed, or the table is refused."""

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot.domain.admission import day_of
from bot.domain.cells import absent, number_of
from bot.domain.errors import Blocked

KNOWN_ON, AS_OF = "known_on", "as_of"
DATES = (KNOWN_ON, AS_OF)


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a dated table beside the day a row is about.

    `day` says when a row was known; `names` hold symbols, which together with the
    dates tell a row from every other. Cells of `numbers` are finite numbers of at
    least `least`; those of `readings` are finite numbers or absent.
    """

    names: tuple[str, ...]
    numbers: tuple[str, ...] = ()
    readings: tuple[str, ...] = ()
    least: float = -math.inf
    day: str = KNOWN_ON

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that must be there; `as_of` need not."""
        return (self.day, *self.names, *self.numbers, *self.readings)

    @property
    def literal(self) -> frozenset[str]:
        """Whose cells are taken as written: a stock may be called NA, 20260331 is a day."""
        return frozenset({*DATES, self.day, *self.names})


def believed(rows: pd.DataFrame, layout: Layout, path: str) -> pd.DataFrame:
    """The dates and columns of a layout: timestamps, symbols in capitals, floats.

    `as_of`, the day a row is about, is `known_on`, the day it was known, where the
    table does not say it. Raises Blocked `table_columns_missing`,
    `table_without_rows`, `table_cell_bad` with the row (from 1), `table_row_ahead` for
    what was known before its day, and `table_row_twice`.
    """
    lacking = [name for name in layout.columns if name not in rows]
    if lacking:
        columns, found = ", ".join(lacking), ", ".join(map(str, rows.columns))
        raise Blocked("table_columns_missing", path=path, columns=columns, found=found)
    if rows.empty:
        raise Blocked("table_without_rows", path=path)
    known = _days(rows[layout.day], path)
    told = {
        AS_OF: _days(rows[AS_OF], path) if AS_OF in rows else known,
        KNOWN_ON: known,
        **{name: _symbols(rows[name], path) for name in layout.names},
        **{name: _numbers(rows[name], path, layout.least) for name in layout.numbers},
        **{name: _numbers(rows[name], path, None) for name in layout.readings},
    }
    table = pd.DataFrame(told)
    _refuse_ahead(table, layout, path)
    _refuse_twice(table, layout, path)
    return table


def _days(column: pd.Series, path: str) -> npt.NDArray[np.datetime64]:
    codes, told = _told(column, day_of, path)
    return np.array(told[:-1], dtype="datetime64[D]").astype("datetime64[us]")[codes]


def _symbols(column: pd.Series, path: str) -> npt.NDArray[np.object_]:
    codes, told = _told(column, lambda cell: str(cell).strip().upper() or None, path)
    return np.array(told[:-1], dtype=object)[codes]


def _numbers(column: pd.Series, path: str, least: float | None) -> npt.NDArray[np.float64]:
    """The column as floats, where `least` is None with holes."""
    if pd.api.types.is_float_dtype(column) or pd.api.types.is_integer_dtype(column):
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        codes, told = _told(column, number_of, path, missing=math.nan)
        numbers = np.array(told, dtype=np.float64)[codes]
    right = ~np.isinf(numbers) if least is None else np.isfinite(numbers) & (numbers >= least)
    if not right.all():
        raise _bad(column, int(right.argmin()), path)
    return numbers


def _told(
    column: pd.Series,
    read: Callable[[object], object],
    path: str,
    *,
    missing: object = None,
) -> tuple[npt.NDArray[np.intp], list[object]]:
    """Which of the values each cell is, and the values as read, that of missing cells last.

    Equal cells are read once: a column of a million rows has few days and symbols.
    What reads as None is refused, and a cell that holds others.
    """
    try:
        codes, cells = pd.factorize(column)
    except TypeError:
        nested = next(at for at, cell in enumerate(column) if not isinstance(cell, Hashable))
        raise _bad(column, nested, path) from None
    told = [*(read(cell) for cell in cells), missing]
    refused = [at if at < len(cells) else -1 for at, value in enumerate(told) if value is None]
    wrong = np.isin(codes, refused)
    if wrong.any():
        raise _bad(column, int(wrong.argmax()), path)
    return codes, told


def _bad(column: pd.Series, at: int, path: str) -> Blocked:
    cell = column.iloc[at]
    value = "" if absent(cell) else str(cell)
    return Blocked("table_cell_bad", path=path, row=at + 1, column=str(column.name), value=value)


def _refuse_ahead(table: pd.DataFrame, layout: Layout, path: str) -> None:
    """Nobody knows a day before it is over: somebody mistook one date for the other."""
    ahead = np.flatnonzero((table[AS_OF] > table[KNOWN_ON]).to_numpy())
    if len(ahead):
        row = table.iloc[ahead[0]]
        raise Blocked(
            "table_row_ahead",
            path=path,
            row=int(ahead[0]) + 1,
            symbol=row[layout.names[-1]],
            as_of=row[AS_OF].date(),
            known_on=row[KNOWN_ON].date(),
        )


def _refuse_twice(table: pd.DataFrame, layout: Layout, path: str) -> None:
    twice = np.flatnonzero(table.duplicated([*DATES, *layout.names]).to_numpy())
    if len(twice):
        row = table.iloc[twice[0]]
        names = " ".join(str(row[name]) for name in layout.names)
        raise Blocked(
            "table_row_twice",
            path=path,
            row=int(twice[0]) + 1,
            symbols=names,
            known_on=row[KNOWN_ON].date(),
        )
