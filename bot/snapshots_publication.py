"""Files published together: whoever reads sees all of one release or all of another.

A release is a folder of its own below `releases`, whole before anybody can see it.
`latest` is a link to one of them and the only thing that moves: one rename. The
names readers know are links through it, made once, so no two of them are ever of
different releases.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final

from bot.domain.errors import Blocked

RELEASES: Final = "releases"
LATEST: Final = "latest"
SKIPPED: Final = "SKIPPED_MONTHLY_SNAPSHOT_PUBLISH.txt"
_PART: Final = ".part"


def _unwatched() -> None:
    """Nobody waits between two steps."""


def publish(
    out: Path,
    release: str,
    files: Mapping[str, bytes],
    step: Callable[[], None] = _unwatched,
) -> list[Path]:
    """Publish files under their names in `out`, all at once, and say where they lie.

    `release` names their folder and is never used twice; older ones are kept. `step`
    is called after each change another process could see. A process that dies at
    any of them leaves the release before, whole. A file of the same name that was
    put there by other hands is withdrawn before the new ones appear, in the order
    of `files`. Raises Blocked `publication_locked` while another
    publication into `out` is at work.
    """
    out.mkdir(parents=True, exist_ok=True)
    with _alone(out):
        shelf = out / RELEASES
        shelf.mkdir(exist_ok=True)
        for left in shelf.glob(f"*{_PART}"):
            shutil.rmtree(left)
        _shelve(shelf, release, files, step)
        for name in files:
            _point(out / name, Path(LATEST, name))
            step()
        _sync(out)
        _point(out / LATEST, Path(RELEASES, release))
        _sync(out)
        step()
        (out / SKIPPED).unlink(missing_ok=True)
    return [out / name for name in files]


def released(out: Path, day: date) -> bool:
    """Whether there is a release of a day."""
    return any((out / RELEASES).glob(f"{day.isoformat()}-*Z"))


def skip(out: Path, lines: Sequence[str]) -> Path:
    """Say in a file of its own why nothing was published; what was published stays."""
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / SKIPPED, "".join(f"{line}\n" for line in lines).encode())
    return out / SKIPPED


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is seen whole or as it was before."""
    beside = path.with_name(f".{path.name}{_PART}")
    _write(beside, content)
    beside.replace(path)
    _sync(path.parent)


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    lock = out / f".{RELEASES}.lock"
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Blocked("publication_locked", path=lock) from error
        yield


def _shelve(
    shelf: Path, release: str, files: Mapping[str, bytes], step: Callable[[], None]
) -> None:
    part = shelf / f"{release}{_PART}"
    part.mkdir()
    for name, content in files.items():
        _write(part / name, content)
        step()
    _sync(part)
    part.rename(shelf / release)
    _sync(shelf)
    step()


def _point(path: Path, target: Path) -> None:
    """Have a link lead to the target; it leads somewhere at every moment."""
    if path.is_symlink() and path.readlink() == target:
        return
    beside = path.with_name(f".{path.name}{_PART}")
    beside.unlink(missing_ok=True)
    beside.symlink_to(target)
    beside.replace(path)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Make names last: they are entries of the folder, not of the files."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
