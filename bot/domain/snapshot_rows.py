"""The rows of an admitted snapshot: each of them is believed, or the file is refused."""

import math
from collections.abc import Sequence

import pandas as pd

from bot.domain.admission import DATES, SYMBOLS, Admitted, Expected, day_of
from bot.domain.cells import absent, number_of
from bot.domain.errors import Blocked
from bot.domain.model import Symbol


def believe(admitted: Admitted, expected: Expected, path: str) -> pd.DataFrame:
    """The rows with symbols in capitals and numbers as floats, NaN where one is absent.

    Raises Blocked naming the row (from 1), the symbol or the column for a row of
    another date, a symbol that is missing or there twice, a number that is none, and
    a reference without a row or a number. The other columns are left as they are.
    """
    rows = admitted.rows
    _refuse_other_dates(admitted, path)
    symbols = [_symbol(cell) for cell in rows["symbol"]]
    _refuse_names(symbols, admitted, expected, path)
    numbers = {name: _numbers(rows[name], symbols, path) for name in expected.numbers}
    believed = rows.assign(**numbers)
    for reference in expected.references:
        _refuse_unknown(reference, symbols, believed[list(numbers)], path)
    names = {name: [_symbol(cell) for cell in rows[name]] for name in SYMBOLS if name in rows}
    return believed.assign(**names)


def _refuse_other_dates(admitted: Admitted, path: str) -> None:
    """Of a file with several dates nobody knows which rows count."""
    column = next(name for name in DATES if name in admitted.rows)
    for row, cell in enumerate(admitted.rows[column], start=1):
        if day_of(cell) != admitted.as_of:
            raise Blocked(
                "snapshot_dates_differ",
                path=path,
                row=row,
                snapshot=admitted.as_of,
                value=str(cell),
            )


def _symbol(cell: object) -> Symbol:
    """In capitals; empty where there is none. A text is always one: a stock may be called NA."""
    if not isinstance(cell, str) and absent(cell):
        return ""
    return str(cell).strip().upper()


def _refuse_names(
    symbols: Sequence[Symbol], admitted: Admitted, expected: Expected, path: str
) -> None:
    made, seen = admitted.as_of, set[Symbol]()
    for row, symbol in enumerate(symbols, start=1):
        if not symbol and not expected.nameless:
            raise Blocked("snapshot_symbol_blank", snapshot=made, path=path, row=row)
        if symbol and symbol in seen:
            raise Blocked("snapshot_symbol_twice", symbol=symbol, snapshot=made, path=path)
        seen.add(symbol)


def _numbers(column: pd.Series, symbols: Sequence[Symbol], path: str) -> list[float]:
    numbers = []
    for row, (cell, symbol) in enumerate(zip(column, symbols, strict=True), start=1):
        number = number_of(cell)
        if number is None or math.isinf(number):
            raise Blocked(
                "snapshot_number_bad",
                path=path,
                row=row,
                symbol=symbol,
                column=str(column.name),
                value=str(cell),
            )
        numbers.append(number)
    return numbers


def _refuse_unknown(
    reference: Symbol, symbols: Sequence[Symbol], numbers: pd.DataFrame, path: str
) -> None:
    if reference not in symbols:
        raise Blocked("snapshot_row_missing", path=path, symbol=reference)
    row = numbers.iloc[symbols.index(reference)]
    unknown = [str(name) for name in row.index[row.isna()]]
    if unknown:
        columns = ", ".join(unknown)
        raise Blocked("snapshot_row_unknown", path=path, symbol=reference, columns=columns)
