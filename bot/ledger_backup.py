"""Whole copies of a ledger, made while it is written, proven, and put in its place again."""

import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot.domain.errors import LedgerError
from bot.ledger_file import LedgerFile, LedgerLock

FOLDER = "backups"  # beside the ledger
OWNER_ONLY = 0o600
LEFT_OVER_SECONDS = 3600  # after which a draft is nobody's any more
_STAMP = "%Y%m%dT%H%M%SZ"
_STAMPED = "[0-9]" * 8 + "T" + "[0-9]" * 6 + "Z"


@dataclass(frozen=True, slots=True)
class Backup:
    """A whole ledger beside the one in use: where, how many bytes, which schema."""

    path: Path
    size: int
    version: int


@dataclass(frozen=True, slots=True)
class Restored:
    """A ledger put in the place of another: what it came from, where the other is kept."""

    source: Path
    replaced: Path | None


def back_up(path: Path, target: Path, at: datetime, keep: int) -> Backup:
    """Copy a ledger into a folder, of whose stamped copies the newest `keep` stay, or to a file.

    It may be written meanwhile: the copy is of one moment. What comes into place was
    read again and found whole, and only its owner may read it. Raises LedgerError,
    `backup_failed` where the copy could not be made.
    """
    if not target.is_dir():
        return _copied(path, target)
    made = _copied(path, target / f"{path.stem}-{_stamp(at)}{path.suffix}")
    for old in sorted(target.glob(f"{path.stem}-{_STAMPED}{path.suffix}"))[:-keep]:
        old.unlink(missing_ok=True)
    return made


def back_up_before(file: LedgerFile, version: int) -> Backup:
    """Copy a ledger that is about to be brought from a version to the next."""
    assert file.path is not None  # what is in memory has no earlier version
    name = f"{file.path.stem}-v{version}-{_stamp(datetime.now(UTC))}{file.path.suffix}"
    return _copied(file.path, folder_of(file.path) / name)


def restore(path: Path, source: Path, at: datetime, settle: Callable[[Path], None]) -> Restored:
    """Put a copy of a backup in the place of a ledger, which is kept.

    `settle` gets the copy, of the present version, before it comes into place. Raises
    LedgerError, and then nothing was changed: `ledger_locked` where a process may write,
    `backup_failed`, or what is wrong with the backup.
    """
    with LedgerLock(path):
        draft = path.with_name(f".{path.name}.restoring")
        with _refusing(path), _draft(draft):
            _copy(source, draft)
            _bring_up(draft, source)
            settle(draft)
            _single(draft)
            kept = _set_aside(path, at) if path.exists() else None
            draft.replace(path)
            _sync(path.parent)
    return Restored(source, kept)


def folder_of(path: Path) -> Path:
    """Where a ledger's backups lie, made where it is missing."""
    folder = path.parent / FOLDER
    with _refusing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def _copied(path: Path, target: Path) -> Backup:
    draft = target.with_name(f".{path.name}.{os.getpid()}.part")
    with _refusing(target):
        for left in target.parent.glob(f".{path.name}.*.part*"):
            if time.time() - left.stat().st_mtime > LEFT_OVER_SECONDS:
                left.unlink(missing_ok=True)
        with _draft(draft):
            _copy(path, draft)
            version = _prove(draft, path)
            size = draft.stat().st_size
            draft.replace(target)
            _sync(target.parent)
    return Backup(target, size, version)


def _copy(path: Path, draft: Path) -> None:
    """Every row of a ledger in a file of its own, on disk."""
    with closing(LedgerFile(path, read_only=True, max_pages=None)) as source:
        source.check()
        with closing(sqlite3.connect(draft)) as target:
            try:
                source.copy_to(target)
            except LedgerError as error:
                # The ledger was just read: what fails now is the place it is written to.
                reason = error.values["reason"]
                raise LedgerError("backup_failed", path=draft.parent, reason=reason) from error
    _single(draft)


def _prove(draft: Path, source: Path) -> int:
    """The version of a copy that is whole to its last row."""
    with _naming(source), closing(LedgerFile(draft, read_only=True, max_pages=None)) as copied:
        return copied.check(thoroughly=True)


def _bring_up(draft: Path, source: Path) -> None:
    """Make a whole copy one of the present version: what it was made of is still there."""
    with _naming(source), closing(LedgerFile(draft, read_only=False, max_pages=None)) as copied:
        copied.migrate(copied.check(thoroughly=True))


@contextmanager
def _naming(source: Path) -> Iterator[None]:
    """Errors of a copy as errors of what it was made of: the copy will be gone."""
    try:
        yield
    except LedgerError as error:
        raise LedgerError(error.code, **{**error.values, "path": str(source)}) from error


def _single(path: Path) -> None:
    """Have a database in one file, everything on disk and nothing beside it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _set_aside(path: Path, at: datetime) -> Path:
    """Keep what is to be replaced, whatever state it is in, in one file; returns where."""
    kept = folder_of(path) / f"{path.stem}-replaced-{_stamp(at)}{path.suffix}"
    try:
        _copied(path, kept)
    except LedgerError as error:
        if error.code == "backup_failed":
            raise
        _keep_bytes(path, kept)
    with suppress(sqlite3.Error):
        _single(path)
    # No journal of what is replaced may meet what replaces it.
    for end in ("-wal", "-shm"):
        Path(f"{path}{end}").unlink(missing_ok=True)
    return kept


def _keep_bytes(path: Path, kept: Path) -> None:
    """What no ledger can be read from is kept as it is, for somebody who knows better."""
    for end in ("", "-wal"):
        with suppress(FileNotFoundError):
            shutil.copyfile(f"{path}{end}", f"{kept}{end}")
            Path(f"{kept}{end}").chmod(OWNER_ONLY)


@contextmanager
def _draft(path: Path) -> Iterator[None]:
    """An empty file for its owner only, gone in the end unless it got another name."""
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY))
    try:
        yield
    finally:
        for end in ("", "-journal", "-wal", "-shm"):
            Path(f"{path}{end}").unlink(missing_ok=True)


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise LedgerError("backup_failed", path=str(path), reason=reason) from error


def _sync(folder: Path) -> None:
    there = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(there)  # the name of a new file is kept by its folder
    finally:
        os.close(there)


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):{_STAMP}}"
