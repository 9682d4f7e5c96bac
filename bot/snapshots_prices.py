"""A file of prices of many stocks as long rows, the fast way: a row is a bar."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from bot.domain.errors import DataError
from bot.ports import EARLIER_ROWS
from bot.snapshots_tables import table_of, unreadable

# What a column may be called, the first that is there. Beside adjusted closes a plain one is raw.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "symbol": ("symbol", "ticker"),
    "as_of": ("as_of", "date"),
    "close": ("adj_close", "close"),
    "volume": ("volume",),
}
_NUMBERS = ("close", "volume")
_TEXT, _CODED = pa.string(), pa.dictionary(pa.int32(), pa.string())
_PARQUET, _GZIP, _JSON = b"PAR1", b"\x1f\x8b", (b"[", b"{")
_FIRST_LINE = 2
# Symbols that fit this are sorted by counting, which takes no longer than reading them once.
_COUNTABLE = np.iinfo(np.int16).max
# What else than an empty cell is no number and no fault either.
_NOTHING = ["", "nan", "NaN", "NA", "null"]
_DATE = r"^\d{4}-?\d{2}-?\d{2}([T ].*)?$"

Days: TypeAlias = npt.NDArray[np.datetime64]
# Whole numbers, small ones where they are few.
Codes: TypeAlias = npt.NDArray[np.signedinteger[Any]]
Placed: TypeAlias = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]


def rows_of(path: Path) -> pd.DataFrame:
    """The rows of a long file: symbol, as_of, close and, where present, volume.

    CSV (plain or gzipped), Parquet or JSON, which the contents say; other columns
    are not read. Rows come out symbol by symbol, those of one in the file's order.
    `symbol` is categorical, `as_of` days, numbers are floats, NaN where a cell is
    empty or no number. Raises DataError `unreadable_file`, `empty_file`,
    `missing_columns`, `duplicate_columns`, or `bad_date` with its line.
    """
    try:
        columns = _columns(path)
        if not len(columns["symbol"]):
            raise DataError("empty_file", path=path)
        return _by_symbol(columns, path)
    except (OSError, EOFError, UnicodeDecodeError, pa.ArrowException) as error:
        raise unreadable(path, error) from error


@dataclass(frozen=True, slots=True, eq=False)
class Newest:
    """The newest rows of every symbol, and how many earlier ones each has.

    `rows` are as `rows_of` gives them, `earlier` is in the order of their categories.
    """

    rows: pd.DataFrame
    earlier: npt.NDArray[np.intp]


def newest_of(path: Path) -> Newest | None:
    """The newest rows of a file that keeps them apart, as the price store does; None of others.

    The earlier rows are not read. Raises DataError as `rows_of` does.
    """
    try:
        return _apart(path) if _head(path).startswith(_PARQUET) else None
    except (OSError, EOFError, pa.ArrowException) as error:
        raise unreadable(path, error) from error


def _apart(path: Path) -> Newest | None:
    with closing(parquet.ParquetFile(path, read_dictionary=["symbol"], memory_map=True)) as file:
        told = (file.schema_arrow.metadata or {}).get(EARLIER_ROWS)
        if told is None:
            return None
        counts = json.loads(told)
        chosen, last = _chosen(file.schema_arrow.names, path), file.num_row_groups - 1
        newest = file.read_row_group(last, columns=list(chosen), use_threads=False)
        whole = file.metadata.num_rows
    # Written anew by other hands, a file may say so still and be cut elsewhere.
    if newest.num_rows + sum(counts.values()) != whole:
        return None
    rows = _by_symbol(_named(newest, path), path)
    names = rows["symbol"].cat.categories.tolist()
    return Newest(rows, np.array([counts.get(name, 0) for name in names], dtype=np.intp))


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(_PARQUET)).lstrip()


def _columns(path: Path) -> dict[str, pa.ChunkedArray]:
    head = _head(path)
    if head.startswith(_PARQUET):
        return _stored(path)
    if head.startswith(_JSON):
        return _named(pa.Table.from_pandas(table_of(path), preserve_index=False), path)
    return _parsed(path, gzipped=head.startswith(_GZIP))


def _chosen(written: Sequence[str], path: Path) -> dict[str, str]:
    """Our name of each column that is read, by the name it is written with."""
    plain = [name.strip().lower().replace(" ", "_") for name in written]
    twice = [name for name, count in Counter(plain).items() if count > 1]
    if twice:
        raise DataError("duplicate_columns", path=path, columns=", ".join(twice))
    found = {
        ours: next((written[plain.index(name)] for name in names if name in plain), None)
        for ours, names in _NAMES.items()
    }
    lacking = [ours for ours, name in found.items() if name is None and ours != "volume"]
    if lacking:
        raise DataError(
            "missing_columns", path=path, columns=", ".join(lacking), found=", ".join(plain)
        )
    return {name: ours for ours, name in found.items() if name is not None}


def _named(table: pa.Table, path: Path) -> dict[str, pa.ChunkedArray]:
    chosen = _chosen(table.column_names, path)
    return {ours: table.column(name) for name, ours in chosen.items()}


def _stored(path: Path) -> dict[str, pa.ChunkedArray]:
    with closing(parquet.ParquetFile(path)) as file:
        chosen = _chosen(file.schema_arrow.names, path)
    symbol = next(name for name, ours in chosen.items() if ours == "symbol")
    # Mapped, not copied; one thread: more would only wait for the same memory.
    table = parquet.read_table(
        path, columns=list(chosen), read_dictionary=[symbol], use_threads=False, memory_map=True
    )
    return _named(table, path)


def _parsed(path: Path, *, gzipped: bool) -> dict[str, pa.ChunkedArray]:
    """The columns of a CSV: days and numbers read as such, or as text where one is none."""
    for day, number in ((pa.date32(), pa.float64()), (_CODED, pa.float64())):
        try:
            columns = _cells(path, day, number, gzipped=gzipped)
        except pa.ArrowInvalid as error:
            if "conversion error" not in str(error):
                raise
            continue
        # A cell that says there is no day is told by its text: a blank one, or a wrong one.
        if day == _CODED or not columns["as_of"].null_count:
            return columns
    return _cells(path, _CODED, _TEXT, gzipped=gzipped)


def _cells(
    path: Path, day: pa.DataType, number: pa.DataType, *, gzipped: bool
) -> dict[str, pa.ChunkedArray]:
    packing = "gzip" if gzipped else None
    with pa.input_stream(str(path), compression=packing) as file:
        # No more than the header is looked at here.
        header = file.read(1 << 16).partition(b"\n")[0].decode("utf-8-sig").strip()
    if not header:
        raise DataError("empty_file", path=path)
    written = next(csv.reader([header]))
    chosen = _chosen(written, path)
    plain = {"as_of": day, **dict.fromkeys(_NUMBERS, number)}
    kinds = {name: plain.get(ours, _CODED) for name, ours in chosen.items()}
    with pa.input_stream(str(path), compression=packing) as file:
        table = arrow_csv.read_csv(
            file,
            read_options=arrow_csv.ReadOptions(
                use_threads=False, column_names=written, skip_rows=1
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=kinds,
                include_columns=list(chosen),
                null_values=_NOTHING,
                strings_can_be_null=False,
                check_utf8=False,
            ),
        )
    return _named(table, path)


def _by_symbol(columns: Mapping[str, pa.ChunkedArray], path: Path) -> pd.DataFrame:
    codes, written = _coded(columns["symbol"])
    names = np.array([str(name) for name in written.to_pylist()], dtype=object)
    # Whoever sorts symbols by name next finds them sorted; the last entry is no symbol.
    place: Codes = np.full(
        len(names) + 1, -1, dtype=np.int16 if len(names) <= _COUNTABLE else np.intp
    )
    place[np.argsort(names)] = np.arange(len(names))
    codes = place[codes]
    sorted_already = bool((codes[1:] >= codes[:-1]).all())
    order = np.arange(0) if sorted_already else np.argsort(codes, kind="stable")

    def placed(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return values if sorted_already else values.take(order)

    told = {
        "symbol": pd.Categorical.from_codes(placed(codes), pd.Index(np.sort(names), dtype=str)),
        "as_of": _days(columns["as_of"], path, placed),
        **{name: placed(_numbers(columns[name])) for name in _NUMBERS if name in columns},
    }
    return pd.DataFrame(told, copy=False)


def _coded(column: pa.ChunkedArray) -> tuple[Codes, pa.Array]:
    """Of each row which of the distinct values it has, -1 where it has none; and these."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    whole = column.unify_dictionaries().combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = whole.chunk(0)
    codes = whole.indices.fill_null(-1) if whole.null_count else whole.indices
    return codes.to_numpy(), whole.dictionary


def _days(column: pa.ChunkedArray, path: Path, placed: Placed) -> Days:
    """The day of each row, the rows placed; time of day and zone are left out as they stand."""
    if pa.types.is_temporal(column.type):
        local = pc.local_timestamp(column) if getattr(column.type, "tz", None) else column
        return placed(local.to_numpy().astype("datetime64[D]")).astype("datetime64[s]")
    codes, written = _coded(column)
    text = pc.utf8_trim_whitespace(written.cast(_TEXT))
    digits = pc.replace_substring(pc.utf8_slice_codeunits(text, 0, 10), "-", "")
    told = pc.if_else(pc.match_substring_regex(text, _DATE), digits, None).to_pylist()
    found = pd.to_datetime(pd.Series(told, dtype=object), format="%Y%m%d", errors="coerce")
    blank = np.array([not value for value in text.to_pylist()], dtype=bool)
    wrong = np.flatnonzero(found.isna().to_numpy() & ~blank)
    if len(wrong):
        line = int(np.flatnonzero(codes == wrong[0])[0]) + _FIRST_LINE
        raise DataError("bad_date", path=path, line=line, value=written[int(wrong[0])].as_py())
    # The last entry is the day of a row that names none.
    calendar = np.append(found.to_numpy().astype("datetime64[s]"), np.datetime64("NaT", "s"))
    return calendar[placed(codes)]


def _numbers(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
    told = pd.to_numeric(pd.Series(column.to_pylist(), dtype=object), errors="coerce")
    return told.to_numpy(dtype=np.float64, na_value=np.nan)
