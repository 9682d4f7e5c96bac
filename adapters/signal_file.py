"""Signals of others in a file: a row each, in the order in which they were given."""

import asyncio
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pandas as pd

from adapters.signal_feeds import Unreachable
from bot.domain.cells import absent, table_of
from bot.domain.errors import Blocked
from bot.domain.received import Received, received

COLUMNS = ("known_on", "updated", "signal")
# A header stands before the rows of a CSV; in other files the count is off by a line, not lost.
_FIRST_ROW = 1


class SignalFile:
    """A CSV, JSON or JSON-lines file with `known_on` and `signal`, and where given `updated`.

    It is believed or refused as a whole. A file that is not there can not be reached.
    """

    def __init__(self, path: Path, feed: str) -> None:
        self._path, self._feed = path, feed

    @property
    def place(self) -> str:
        """Its path."""
        return str(self._path)

    async def told(self, session: date) -> Sequence[Received]:
        """Return all its rows; raises as `Source` says."""
        return await asyncio.to_thread(self._read, session)

    def _read(self, session: date) -> Sequence[Received]:
        try:
            rows = table_of(self._path.read_bytes(), self._path.suffix.lower(), COLUMNS)
        except OSError as error:
            raise Unreachable(
                "signal_unreachable", feed=self._feed, place=self.place, reason=error.strerror
            ) from error
        except ValueError as error:
            raise self._unreadable(self.place, str(error)) from error
        if "signal" not in rows or "known_on" not in rows:
            raise self._unreadable(self.place, "no columns known_on and signal")
        return [
            received(self._feed, _cells(row), session, f"{self.place}, row {number}")
            for number, (_, row) in enumerate(rows.iterrows(), start=_FIRST_ROW)
        ]

    def _unreadable(self, place: str, what: str) -> Blocked:
        return Blocked("signal_unreadable", feed=self._feed, place=place, what=what)


def _cells(row: pd.Series) -> dict[str, object]:
    return {str(name): None if absent(cell) else cell for name, cell in row.items()}
