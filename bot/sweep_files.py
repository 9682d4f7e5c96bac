"""A sweep as a file: each row as soon as it is known, in the end in the order of the grid."""

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from bot.domain.performance import Performance
from bot.grid import written
from bot.sweep import Row
from bot.words import Words

# What is told of a performance, by the names it has there.
MEASURES = (
    *("final", "total_return", "annual_return", "volatility", "sharpe", "max_drawdown"),
    *("worst_return", "turnover_per_year"),
)


@contextmanager
def keeping(path: Path, names: Sequence[str], words: Words) -> Iterator[Callable[[Row], None]]:
    """Begin a CSV file anew; each row is on disk before the next: whatever stops the sweep."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        _write(file, [_heading(names)])

        def keep(row: Row) -> None:
            _write(file, [_cells(row, words)])

        yield keep


def put_in_order(path: Path, names: Sequence[str], rows: Sequence[Row], words: Words) -> None:
    """Write the file again in the order of the grid, whole or not at all."""
    beside = path.with_name(f"{path.name}.part")
    with beside.open("w", encoding="utf-8", newline="") as file:
        _write(file, [_heading(names), *(_cells(row, words) for row in rows)])
    beside.replace(path)


def _write(file: TextIO, lines: Sequence[Sequence[object]]) -> None:
    csv.writer(file, lineterminator="\n").writerows(lines)
    file.flush()


def _heading(names: Sequence[str]) -> list[str]:
    return [*names, *MEASURES, "orders", "error"]


def _cells(row: Row, words: Words) -> list[object]:
    failed = row.failed
    error = words.say(failed.code, failed.values) if failed else ""
    return [*written(row.params).values(), *_measured(row.performance), row.orders, error]


def _measured(fared: Performance | None) -> list[object]:
    """The measures of a performance, empty where there is none; None is written as nothing."""
    return [None if fared is None else getattr(fared, name) for name in MEASURES]
