"""Snapshots as files: each with a manifest, replaced as a whole when the next one is made."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, Protocol

import pandas as pd

from adapters.arrivals import Stamp, arrivals, stamp_of
from bot.domain.admission import Admitted, Document, Expected, Issue, Offered, admit
from bot.domain.calendar import Calendar, exchange_date
from bot.domain.errors import Blocked
from bot.domain.snapshot_rows import believe
from bot.ports import Clock

_MANIFEST_SUFFIX: Final = ".manifest.json"
# Seconds: how often files are looked at, and how long a publication of two files may take.
LOOK_EVERY: Final = 30.0
MOMENT: Final = 0.5


@dataclass(frozen=True, slots=True)
class SnapshotFiles:
    """Where a snapshot, its manifest and the configuration it must be made with lie.

    The manifest lies beside the snapshot, named after it, where nothing else is
    said. Without a configuration the manifest's word for it is taken.
    """

    snapshot: Path | None
    manifest: Path | None = None
    config: Path | None = None

    @property
    def manifest_path(self) -> Path:
        """Where the manifest lies."""
        return self.manifest or Path(f"{self.snapshot or ''}{_MANIFEST_SUFFIX}")

    def on(self, _session: date) -> "SnapshotFiles":
        """The files that lie there on a session: these."""
        return self

    @property
    def newest(self) -> "SnapshotFiles":
        """The files that lie there now: these."""
        return self

    def offered(self) -> Offered:
        """The files as they are now."""
        named = self.snapshot is not None and self.snapshot != Path()
        return Offered(
            _document(self.snapshot) if self.snapshot and named else Document(""),
            _document(self.manifest_path),
            None if self.config is None else _document(self.config),
        )

    def stamp(self) -> Stamp:
        """What tells the files from those that replace them."""
        return stamp_of(*(p for p in (self.snapshot, self.manifest_path, self.config) if p))


def _document(path: Path) -> Document:
    try:
        return Document(str(path), path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return Document(str(path))
    except OSError as error:
        return Document(str(path), reason=error.strerror or type(error).__name__)


class Shelf(Protocol):
    """Where snapshots lie, one after the other."""

    def on(self, session: date) -> SnapshotFiles:
        """The files a session would be decided on."""
        ...

    @property
    def newest(self) -> SnapshotFiles:
        """The files that came last."""
        ...

    def stamp(self) -> Stamp:
        """What tells what lies there from what comes next."""
        ...


class SnapshotFeed:
    """The newest snapshot of a profile, admitted or refused as a whole whenever it is asked for.

    The files are read anew each time, so what is decided on is what lies there. They
    are looked at every `look_every` seconds for arrivals. A refusal is looked into a
    second time after a `moment` of seconds: a publication may have been half done.
    """

    def __init__(
        self,
        files: Shelf,
        expected: Expected,
        calendar: Calendar,
        clock: Clock,
        look_every: float = LOOK_EVERY,
        moment: float = MOMENT,
    ) -> None:
        self._files, self._expected = files, expected
        self._calendar, self._clock = calendar, clock
        self._look_every, self._moment = look_every, moment

    async def table(self, session: date) -> pd.DataFrame:
        """Return the snapshot's rows with `as_of` and `known_on`, one row for each symbol.

        A snapshot of the session itself is admitted and first acted on the session
        after. Raises Blocked with what `admit` and `believe` refuse.
        """
        admitted, rows = await self._read(session)
        return rows.assign(
            as_of=pd.Timestamp(admitted.as_of), known_on=pd.Timestamp(self._known_on(admitted))
        )

    async def prove(self, session: date) -> Issue:
        """Return what the snapshot is that a session would be decided on; raises as `table`."""
        admitted, _ = await self._read(session)
        return self._issue(admitted, self._files.on(session))

    async def arrivals(self) -> AsyncIterator[Issue | Blocked]:
        """Tell of every snapshot that comes from now on, or why it was refused; never ends.

        Files are judged once they lay still from one look to the next. The same
        snapshot written again is not told.
        """
        clock, every = self._clock, self._look_every
        async for came in arrivals(self._files.stamp, self._judged, clock, every):
            yield came

    async def _read(self, session: date) -> tuple[Admitted, pd.DataFrame]:
        try:
            return self._believed(self._files.on(session), session)
        except Blocked:
            await self._clock.sleep(self._moment)
            return self._believed(self._files.on(session), session)

    def _believed(self, files: SnapshotFiles, day: date) -> tuple[Admitted, pd.DataFrame]:
        offered = files.offered()
        admitted = admit(offered, self._expected, day)
        return admitted, believe(admitted, self._expected, offered.snapshot.path)

    def _judged(self) -> Issue | Blocked:
        files, today = self._files.newest, exchange_date(self._clock.now())
        try:
            return self._issue(self._believed(files, today)[0], files)
        except Blocked as refused:
            return refused

    def _issue(self, admitted: Admitted, files: SnapshotFiles) -> Issue:
        return Issue(
            profile=self._expected.profile,
            path=str(files.snapshot),
            as_of=admitted.as_of,
            known_on=self._known_on(admitted),
            rows=len(admitted.rows),
            sha256=admitted.sha256,
            config_sha256=admitted.config_sha256,
        )

    def _known_on(self, admitted: Admitted) -> date:
        return self._calendar.after(admitted.as_of).date
