"""Snapshots of many days in one table that nobody vouches for: what research has of the past."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

import pandas as pd

from bot.domain.admission import DATES, SYMBOLS, Admitted, Examined, Expected, day_of
from bot.domain.calendar import Calendar
from bot.domain.cells import table_of
from bot.domain.errors import Blocked
from bot.domain.snapshot_rows import believe

_KNOWN_ON = "known_on"
_LITERAL = frozenset({*DATES, *SYMBOLS, _KNOWN_ON})


@dataclass(frozen=True)
class SnapshotTable:
    """What a feed would have told on every session that was handed this table bit by bit.

    The rows of a day are a snapshot. It is known from the day in their column
    `known_on`, or else from the session after its own. Nothing vouches for it: there
    is no manifest. All is believed, or the table is refused as a whole.
    """

    path: Path
    expected: Expected
    calendar: Calendar

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The rows of all days, the oldest first.

        Raises Blocked with what `admit` and `believe` refuse of a file, and
        `snapshot_known_early` for what was known before its own day was over.
        """
        table = self._read()
        column = next((name for name in DATES if name in table), None)
        if column is None:
            names = " / ".join(DATES)
            raise Blocked("feature_snapshot_missing_date_column", path=self.path, columns=names)
        days = [self._day(cell, column) for cell in table[column]]
        parts = [
            self._believed(table[[day == each for each in days]].reset_index(drop=True), day)
            for day in sorted(set(days))
        ]
        return pd.concat(parts, ignore_index=True)

    def refuse(self, session: date) -> None:
        """Raise Blocked where nothing was known on a session yet, or what was is too old."""
        known = self.rows[self.rows[_KNOWN_ON] <= pd.Timestamp(session)]
        if known.empty:
            raise Blocked("feature_snapshot_missing", path=str(self.path))
        newest = known["as_of"].max().date()
        Examined(str(self.path), newest, Admitted(known, newest, "")).on(session)

    def _read(self) -> pd.DataFrame:
        try:
            content = self.path.read_bytes()
        except OSError as error:
            code = (
                "feature_snapshot_missing"
                if not self.path.exists()
                else "feature_snapshot_parse_failed"
            )
            raise Blocked(code, path=str(self.path), reason=error.strerror) from error
        try:
            table = table_of(content, self.path.suffix.lower(), _LITERAL)
        except ValueError as error:
            reason = str(error)
            raise Blocked(
                "feature_snapshot_parse_failed", path=str(self.path), reason=reason
            ) from error
        if table.empty:
            raise Blocked("feature_snapshot_empty", path=str(self.path))
        lacking = sorted(set(self.expected.columns) - set(table.columns))
        if lacking:
            raise Blocked(
                "feature_snapshot_missing_columns",
                path=str(self.path),
                columns=",".join(lacking),
                found=",".join(table.columns),
            )
        return table

    def _day(self, cell: object, column: str) -> date:
        day = day_of(cell)
        if day is None:
            raise Blocked(
                "feature_snapshot_invalid_date_column",
                path=str(self.path),
                column=column,
                value=str(cell),
            )
        return day

    def _believed(self, rows: pd.DataFrame, day: date) -> pd.DataFrame:
        believed = believe(Admitted(rows, day, ""), self.expected, str(self.path))
        known_on = self.calendar.after(day).date
        if _KNOWN_ON in rows:
            told = max(self._day(cell, _KNOWN_ON) for cell in rows[_KNOWN_ON])
            if told <= day:
                raise Blocked("snapshot_known_early", path=self.path, snapshot=day, known_on=told)
            known_on = told
        return believed.assign(as_of=pd.Timestamp(day), known_on=pd.Timestamp(known_on))
