"""What was measured beside what it is held against, and how both are shown."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

LINES = "--lines"
WIDTH = 180


@dataclass(frozen=True, slots=True)
class Measured:
    """A thing and what it is held against, in one unit.

    `most` is the ratio it is to keep to; of what is measured alone the value. None
    says that it is stated only.
    """

    name: str
    value: float
    unit: str
    most: float | None = None
    against: str = ""
    other: float | None = None

    @property
    def ratio(self) -> float | None:
        return None if self.other is None else self.value / self.other

    @property
    def kept(self) -> bool:
        """Whether it is what it is to be."""
        ratio = self.ratio
        return self.most is None or (self.value if ratio is None else ratio) <= self.most


def tell(rows: Iterable[Measured], arguments: Sequence[str]) -> None:
    """Show them as a table; with `--lines` as a JSON object each, for whoever collects them."""
    if LINES in arguments:
        for row in rows:
            sys.stdout.write(f"{json.dumps(asdict(row))}\n")
    else:
        show(rows)


def show(rows: Iterable[Measured]) -> None:
    """Print one table; what is more than it is to be is marked."""
    table = Table("what", "", "against", "", "unit", "ratio", "at most", "")
    for row in rows:
        table.add_row(
            row.name,
            f"{row.value:.3f}",
            row.against,
            _written(row.other, ".3f"),
            row.unit,
            _written(row.ratio, ".2f"),
            _written(row.most, "g"),
            "" if row.kept else "over",
        )
    Console(width=WIDTH).print(table)


def _written(number: float | None, how: str) -> str:
    return "" if number is None else format(number, how)
