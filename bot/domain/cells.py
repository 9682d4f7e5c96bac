"""A file of rows as a table: CSV, JSON, JSON lines or Parquet, its cells as written."""

import csv
import io
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import pandas as pd

# What people and programs write where they have no value.
_ABSENT = frozenset({"", "na", "n/a", "nan", "null", "none", "<na>"})
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
# The libraries below name a broken file by any of these.
_BROKEN = (ValueError, TypeError, LookupError, RuntimeError, OSError, MemoryError, csv.Error)


def table_of(content: bytes, suffix: str, literal: Collection[str] = ()) -> pd.DataFrame:
    """The rows of a file, its format being what the suffix says, numbered from 0.

    In CSV a column of which every cell is a number or absent is one of floats, any
    other one of texts with None where a cell is absent. Cells of `literal` columns
    stay as they are: a stock may be called NA. Raises ValueError saying why the file
    can not be read.
    """
    read = _READERS.get(suffix)
    if read is None:
        raise ValueError(f"{suffix or 'no suffix'}: not {', '.join(_READERS)}")
    try:
        table = read(content, literal)
    except _BROKEN as error:
        raise ValueError(str(error).partition("\n")[0] or type(error).__name__) from error
    table.columns = pd.Index([str(column) for column in table.columns])
    twice = [name for name, count in Counter(table.columns).items() if count > 1]
    if twice:
        raise ValueError(f"{', '.join(twice)}: more than one column")
    return table.reset_index(drop=True)


def number_of(cell: object) -> float | None:
    """The number of a cell: NaN where it is absent, None where it is anything but a number."""
    if absent(cell):
        return math.nan
    if isinstance(cell, str):
        return float(cell) if _NUMBER.fullmatch(cell.strip()) else None
    try:
        return float(cell)  # type: ignore[arg-type] # what is no number raises
    except (TypeError, ValueError, OverflowError):
        return None


def absent(cell: object) -> bool:
    """Whether a cell says that there is no value."""
    if isinstance(cell, str):
        return cell.strip().lower() in _ABSENT
    return cell is None or cell is pd.NA or cell is pd.NaT or _is_nan(cell)


def _is_nan(cell: object) -> bool:
    return isinstance(cell, float) and math.isnan(cell)


def _csv(content: bytes, literal: Collection[str]) -> pd.DataFrame:
    lines = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
    header, rows = next(lines, []), []
    if not header:
        raise ValueError("no header")
    for row in lines:
        if row and len(row) != len(header):
            raise ValueError(f"line {lines.line_num}: {len(row)} cells under {len(header)} names")
        if row:
            rows.append(row)
    columns = zip(*rows, strict=True) if rows else [()] * len(header)
    cells = [
        pd.Series(list(column) if name in literal else _typed(column), dtype=object).infer_objects()
        for name, column in zip(header, columns, strict=True)
    ]
    return pd.concat(cells, axis=1, keys=range(len(header))).set_axis(header, axis=1)


def _typed(cells: Sequence[str]) -> list[float] | list[str | None]:
    numbers = [number_of(cell) for cell in cells]
    known = [number for number in numbers if number is not None]
    if len(known) == len(numbers):
        return known
    return [None if absent(cell) else cell for cell in cells]


def _json(content: bytes, _literal: Collection[str]) -> pd.DataFrame:
    """A list of rows, or an object of columns."""
    told = json.loads(content)
    if isinstance(told, dict) and all(isinstance(column, dict | list) for column in told.values()):
        return pd.DataFrame(told)
    if not isinstance(told, list):
        raise TypeError("neither a list of rows nor columns by name")
    return _of_rows(told)


def _json_lines(content: bytes, _literal: Collection[str]) -> pd.DataFrame:
    lines = content.decode("utf-8-sig").split("\n")
    return _of_rows([json.loads(line) for line in lines if line.strip()])


def _of_rows(rows: Sequence[Any]) -> pd.DataFrame:
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise TypeError(f"row {number} names no columns")
    return pd.DataFrame(rows)


def _parquet(content: bytes, _literal: Collection[str]) -> pd.DataFrame:
    return pd.read_parquet(io.BytesIO(content))


_READERS: Mapping[str, Callable[[bytes, Collection[str]], pd.DataFrame]] = {
    ".csv": _csv,
    ".json": _json,
    ".jsonl": _json_lines,
    ".parquet": _parquet,
}
