"""A folder of snapshots published month after month: the one of each session, and all of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Final

import pandas as pd

from adapters.arrivals import Stamp
from adapters.feeds import SnapshotFiles
from bot.domain.admission import Examined, Expected, examine
from bot.domain.calendar import Calendar
from bot.domain.errors import Blocked
from bot.domain.snapshot_rows import believe

RELEASES: Final = "releases"
# A release is named by the day its snapshot is of, and by the moment it was made.
_NAMED = re.compile(r"(\d{4}-\d{2}-\d{2})-\d{8}T\d{12}Z")


@dataclass(frozen=True, slots=True)
class Releases:
    """The releases of a profile in a folder, or in `releases` below it; files are called `name`.

    A session is decided on the newest release of a day before it: that of its own day is
    made when the session is over. Of two of a day the one made last counts.
    """

    folder: Path
    name: str
    config: Path | None = None

    @classmethod
    def lie_in(cls, folder: Path) -> bool:
        """Whether there are releases in a folder."""
        return any(True for _ in _found(folder))

    @property
    def days(self) -> Sequence[tuple[date, Path]]:
        """The day of each release and its folder, the oldest first, one of each day."""
        found = dict(sorted(_found(self.folder)))
        days = {date.fromisoformat(name[: len("2026-01-31")]): path for name, path in found.items()}
        return tuple(days.items())

    def on(self, session: date) -> SnapshotFiles:
        """The files a session is decided on; those of a day without any do not exist."""
        return self.files_in(next((p for d, p in reversed(self.days) if d < session), None))

    @property
    def newest(self) -> SnapshotFiles:
        """The files of the newest release."""
        return self.files_in(next((path for _, path in reversed(self.days)), None))

    def stamp(self) -> Stamp:
        """What tells the newest release from the next."""
        return self.newest.stamp()

    def files_in(self, release: Path | None) -> SnapshotFiles:
        """The files of a release; of none, where they would be looked for."""
        return SnapshotFiles((release or self.folder / RELEASES) / self.name, None, self.config)


def _found(folder: Path) -> list[tuple[str, Path]]:
    shelf = folder / RELEASES if (folder / RELEASES).is_dir() else folder
    paths = shelf.iterdir() if shelf.is_dir() else ()
    return [(path.name, path) for path in paths if _NAMED.fullmatch(path.name) and path.is_dir()]


class ReleaseHistory:
    """What a feed would have told on every session, of snapshots after each other.

    Each of `issues` is the day of a snapshot, or any day before, and its files, the
    oldest first; it is read once. `place` is where they lie, for whoever misses one.
    """

    def __init__(
        self,
        issues: Sequence[tuple[date, SnapshotFiles]],
        place: Path,
        expected: Expected,
        calendar: Calendar,
    ) -> None:
        self._issues, self._place = issues, place
        self._expected, self._calendar = expected, calendar

    @classmethod
    def of(cls, releases: Releases, expected: Expected, calendar: Calendar) -> "ReleaseHistory":
        """The history of a folder of releases."""
        issues = [(day, releases.files_in(path)) for day, path in releases.days]
        return cls(issues, releases.folder, expected, calendar)

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The rows of every snapshot that can be believed, with `as_of` and `known_on`.

        Where that is none of them, raises Blocked with the reason of the newest.
        """
        parts = [rows for _, rows in self._judged if isinstance(rows, pd.DataFrame)]
        if parts:
            return pd.concat(parts, ignore_index=True)
        reasons = [rows for _, rows in self._judged if isinstance(rows, Blocked)]
        raise reasons[-1] if reasons else self._missing()

    def refuse(self, session: date) -> None:
        """Raise Blocked where the snapshot a session would be decided on can not be."""
        at = sum(day < session for day, _ in self._issues) - 1
        if at < 0:
            raise self._missing()
        examined, rows = self._judged[at]
        if isinstance(examined, Blocked):
            raise examined
        examined.on(session)
        if isinstance(rows, Blocked):
            raise rows

    def _missing(self) -> Blocked:
        return Blocked("feature_snapshot_missing", path=str(self._place))

    @cached_property
    def _judged(self) -> list[tuple[Examined | Blocked, pd.DataFrame | Blocked]]:
        return [self._judge(files) for _, files in self._issues]

    def _judge(self, files: SnapshotFiles) -> tuple[Examined | Blocked, pd.DataFrame | Blocked]:
        offered = files.offered()
        try:
            examined = examine(offered, self._expected)
        except Blocked as refused:
            return refused, refused
        if isinstance(examined.found, Blocked):
            return examined, examined.found
        try:
            rows = believe(examined.found, self._expected, offered.snapshot.path)
        except Blocked as refused:
            return examined, refused
        known_on = pd.Timestamp(self._calendar.after(examined.as_of).date)
        return examined, rows.assign(as_of=pd.Timestamp(examined.as_of), known_on=known_on)
