"""A file that is only added to: one JSON object a line, on disk before anybody goes on."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import TypeAdapter

from bot.domain.errors import LedgerError

Entry = TypeVar("Entry")


class Journal(Generic[Entry]):
    """Entries as a kind of value writes and reads them; whole when `append` returns.

    Reading never changes the file. A last line without its end is what a crash
    in the middle of a write leaves: it is not read, and the next append cuts it off.
    """

    def __init__(self, path: Path, kind: TypeAdapter[Entry]) -> None:
        self.path, self._kind = path, kind
        self._whole = self._seen = 0

    def read(self) -> Iterator[bytes]:
        """The whole lines."""
        content = self.path.read_bytes() if self.path.exists() else b""
        self._seen = len(content)
        self._whole = content.rfind(b"\n") + 1
        yield from content[: self._whole].splitlines()

    def changed(self) -> bool:
        """Whether somebody else wrote since the last look.

        Raises LedgerError `journal_changed` if whole lines are gone.
        """
        size = self._size()
        if size < self._whole:
            raise self._contested()
        return size != self._seen

    def append(self, entries: Sequence[Entry]) -> None:
        """Write all entries or, where the disk refuses, none.

        Raises LedgerError `journal_changed` if somebody else wrote since the last look.
        """
        written = b"".join(self._kind.dump_json(entry) + b"\n" for entry in entries)
        if not self.path.exists():
            self._create()
        if self._size() != self._seen:
            raise self._contested()
        try:
            with self.path.open("r+b") as file:
                file.truncate(self._whole)
                file.seek(self._whole)
                file.write(written)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            # The first lines of several may be whole: they have not happened either.
            os.truncate(self.path, self._whole)
            raise
        finally:
            self._seen = self._size()
        self._whole += len(written)

    def _size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def _contested(self) -> LedgerError:
        return LedgerError(
            "journal_changed", path=self.path, remedy="let one process trade this account"
        )

    def _create(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch(mode=0o600)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the name of a new file is kept by its folder
        finally:
            os.close(folder)
