"""Files somebody replaces: what tells one from the next, and what came of it."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeAlias

from bot.domain.admission import Issue
from bot.domain.errors import Blocked
from bot.ports import Clock

Stamp: TypeAlias = tuple[tuple[int, int, int] | None, ...]


def stamp_of(*files: Path) -> Stamp:
    """What tells files from those that replace them: identity, time and size of each."""
    return tuple(map(_stamp, files))


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


async def arrivals(
    stamp: Callable[[], Stamp], judge: Callable[[], Issue | Blocked], clock: Clock, every: float
) -> AsyncIterator[Issue | Blocked]:
    """Tell of all that comes from now on, or why it was refused; never ends.

    Files are looked at `every` so many seconds and judged once they lay still from
    one look to the next. The same contents written again are not told.
    """
    judged = before = stamp()
    known = judge()
    while True:
        await clock.sleep(every)
        now = stamp()
        if now == before and now != judged:
            judged, came = now, judge()
            if isinstance(came, Blocked) or came != known:
                yield came
            known = came
        before = now
