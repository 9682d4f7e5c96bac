"""Dated tables as files: constituents, reports, patterns, replaced whole when they grow."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

import pandas as pd

from adapters.arrivals import Stamp, arrivals, stamp_of
from bot.domain.admission import Issue
from bot.domain.calendar import Calendar, exchange_date
from bot.domain.cells import table_of
from bot.domain.dated_tables import AS_OF, KNOWN_ON, Layout, believed
from bot.domain.errors import Blocked
from bot.domain.strategy import FeedNeed
from bot.ports import Clock

# Seconds a file that was being written may take to be whole.
MOMENT = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class DatedTable:
    """The rows of a file, and what the file was by its fingerprint."""

    rows: pd.DataFrame
    sha256: str


def read_table(path: Path, layout: Layout) -> DatedTable:
    """Read a dated table from a CSV, JSON, JSON-lines or Parquet file.

    Raises Blocked `table_missing`, `table_unreadable`, and what `believed` refuses.
    """
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Blocked("table_missing", path=path) from error
    except OSError as error:
        raise Blocked("table_unreadable", path=path, reason=error.strerror) from error
    try:
        rows = table_of(content, path.suffix.lower(), layout.literal)
    except ValueError as error:
        raise Blocked("table_unreadable", path=path, reason=str(error)) from error
    return DatedTable(believed(rows, layout, str(path)), hashlib.sha256(content).hexdigest())


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a table lies, and how old its newest row may be."""

    path: Path
    need: FeedNeed
    calendar: Calendar

    def refuse(self, known_on: pd.Series, session: date) -> None:
        """Raise Blocked `table_unknown_yet` or `table_stale` for rows known on some days."""
        days = known_on[known_on <= pd.Timestamp(session)]
        if days.empty:
            first = known_on.min().date()
            raise Blocked("table_unknown_yet", path=self.path, first=first, session=session)
        newest, most = days.max().date(), self.need.max_age
        if (age := self.calendar.distance(newest, session)) > most:
            raise Blocked("table_stale", path=self.path, newest=newest, age=age, most=most)


class TableHistory:
    """What a feed on a dated table would have told on every session."""

    def __init__(self, path: Path, layout: Layout, need: FeedNeed, calendar: Calendar) -> None:
        self._path, self._layout = path, layout
        self._place = _Place(path, need, calendar)

    @cached_property
    def rows(self) -> pd.DataFrame:
        """Every row of the table. Raises what `read_table` refuses."""
        return read_table(self._path, self._layout).rows

    def refuse(self, session: date) -> None:
        """Raise Blocked where nothing was known on a session yet, or what was is too old."""
        self._place.refuse(self.rows[KNOWN_ON], session)


class TableFeed:
    """A dated table as it lies there, believed or refused as a whole whenever it is asked for.

    It is read anew when the file is another one. The newest row known on a session
    may be as many sessions old as the need says. A refusal is looked into a second
    time after a `moment` of seconds: the file may have been half written.
    """

    def __init__(
        self,
        path: Path,
        layout: Layout,
        need: FeedNeed,
        calendar: Calendar,
        clock: Clock,
        look_every: float,
    ) -> None:
        self._path, self._layout, self._need = path, layout, need
        self._place = _Place(path, need, calendar)
        self._clock, self._look_every = clock, look_every
        self._read: tuple[Stamp, DatedTable] | None = None

    async def table(self, session: date) -> pd.DataFrame:
        """Return the rows known on a session.

        Raises Blocked with what `read_table` refuses, `table_unknown_yet` where no row
        was known and `table_stale` where the newest is too old.
        """
        return self._known((await self._table()).rows, session)

    async def prove(self, session: date) -> Issue:
        """Return what a session would be decided on; raises as `table`."""
        return self._issue(await self._table(), session)

    async def arrivals(self) -> AsyncIterator[Issue | Blocked]:
        """Tell of every table that comes from now on, or why it was refused; never ends."""
        async for came in arrivals(self._stamp, self._judged, self._clock, self._look_every):
            yield came

    async def _table(self) -> DatedTable:
        try:
            return self._kept()
        except Blocked:
            await self._clock.sleep(MOMENT)
            return self._kept()

    def _kept(self) -> DatedTable:
        stamp = self._stamp()
        if self._read is None or self._read[0] != stamp:
            self._read = stamp, read_table(self._path, self._layout)
        return self._read[1]

    def _stamp(self) -> Stamp:
        return stamp_of(self._path)

    def _judged(self) -> Issue | Blocked:
        try:
            return self._issue(self._kept(), exchange_date(self._clock.now()))
        except Blocked as refused:
            return refused

    def _known(self, rows: pd.DataFrame, session: date) -> pd.DataFrame:
        self._place.refuse(rows[KNOWN_ON], session)
        known: pd.DataFrame = rows[rows[KNOWN_ON] <= pd.Timestamp(session)]
        return known

    def _issue(self, table: DatedTable, session: date) -> Issue:
        known = self._known(table.rows, session)
        newest = known[known[KNOWN_ON] == known[KNOWN_ON].max()]
        return Issue(
            profile=self._need.name,
            path=str(self._path),
            as_of=newest[AS_OF].max().date(),
            known_on=newest[KNOWN_ON].iloc[0].date(),
            rows=len(known),
            sha256=table.sha256,
            config_sha256="",
        )
