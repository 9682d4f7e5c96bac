"""Small tables somebody gives as a file: a universe, the holdings of some days, products."""

import csv
import gzip
import re
import zlib
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final

import pandas as pd

from bot.domain import cells
from bot.domain.errors import DataError

_GZIP: Final = b"\x1f\x8b"
_DAYS = ("as_of", "date", "snapshot_date", "holdings_date")
_A_DAY = re.compile(r"(?<!\d)(\d{4})-?(\d{2})-?(\d{2})(?!\d)")
_TICKER, _SYMBOL = "ticker", "symbol"


def content_of(path: Path) -> bytes:
    """The bytes of a file, those of a gzipped one unpacked. Raises DataError `unreadable_file`."""
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content.startswith(_GZIP) else content
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> DataError:
    """The refusal of a file that can not be read at all, with the first line of the reason."""
    told = error.strerror if isinstance(error, OSError) else None
    return DataError("unreadable_file", path=path, reason=told or str(error).partition("\n")[0])


def table_of(path: Path) -> pd.DataFrame:
    """The rows of a file of .csv, .json, .jsonl or .parquet, perhaps with .gz behind.

    Cells of a CSV are text as written: a stock called NA stays one. Names of
    columns lose the blanks around them. Raises DataError `unreadable_file` or
    `duplicate_columns`.
    """
    content = content_of(path)
    suffix = next((s.lower() for s in reversed(path.suffixes) if s.lower() != ".gz"), "")
    header = content.partition(b"\n")[0].decode("utf-8-sig", "replace").rstrip("\r")
    try:
        rows = cells.table_of(content, suffix, next(csv.reader([header]), []))
    except (ValueError, csv.Error) as error:
        raise unreadable(path, error) from error
    names = [name.strip() for name in rows.columns]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError("duplicate_columns", path=path, columns=", ".join(twice))
    rows = rows.set_axis(names, axis=1)
    _refuse_nested(rows, path)
    return rows


def _refuse_nested(rows: pd.DataFrame, path: Path) -> None:
    for name, column in rows.items():
        for row, cell in enumerate(column, start=1):
            if not isinstance(cell, Hashable):
                raise unreadable(path, TypeError(f"row {row}, {name}: a cell with cells in it"))


def holdings_of(paths: Sequence[Path]) -> Mapping[date, pd.DataFrame]:
    """The holdings of some days, one table a file.

    A table's day is the only one in its column as_of, date, snapshot_date or
    holdings_date, or else the last in the file's name. Raises DataError
    `holdings_undated` and `holdings_twice`, and what `table_of` raises.
    """
    found: dict[date, Path] = {}
    tables: dict[date, pd.DataFrame] = {}
    for path in paths:
        table = table_of(path)
        day = _day_of(table, path)
        if day in found:
            raise DataError("holdings_twice", day=day, path=path, other=found[day])
        found[day] = path
        if _SYMBOL not in table and _TICKER in table:
            table = table.rename(columns={_TICKER: _SYMBOL})
        tables[day] = table
    return tables


def _day_of(table: pd.DataFrame, path: Path) -> date:
    column = next((name for name in _DAYS if name in table), None)
    texts = [path.name] if column is None else table[column].astype(str).str.strip()
    told = set(texts) - {""}
    days = [_day_in(text) for text in told]
    if len(days) != 1 or days[0] is None:
        raise DataError("holdings_undated", path=path, column=column, found=len(days))
    return days[0]


def _day_in(text: str) -> date | None:
    """The last day a text names, None where it names none."""
    for told in reversed(_A_DAY.findall(text)):
        try:
            return date(*map(int, told))
        except ValueError:
            continue
    return None
