"""The ledger's file: opened, checked, locked, and written all or none."""

import fcntl
import os
import sqlite3
import weakref
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, cast
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool, StaticPool

from bot.domain.errors import LedgerError
from bot.ledger_migration import create, lacking, migrate
from bot.ledger_schema import VERSION

BUSY_SECONDS = 5.0
_PRIMARY_CODE = 0xFF  # SQLite's extended error codes carry the plain one in their last byte
_TROUBLES: Mapping[int, str] = {
    sqlite3.SQLITE_FULL: "ledger_full",
    sqlite3.SQLITE_CORRUPT: "ledger_damaged",
    sqlite3.SQLITE_READONLY: "ledger_permission",
    sqlite3.SQLITE_BUSY: "ledger_locked",
}


class LedgerFile:
    """A SQLite file in WAL mode whose every commit is on disk when it returns.

    None as path is a database in memory. Everything that can go wrong with it
    rises as a LedgerError that names the path and the reason.
    """

    def __init__(self, path: Path | None, *, read_only: bool, max_pages: int | None) -> None:
        self.path = path
        self.name = str(path or ":memory:")
        self.read_only = read_only
        self.engine = create_engine(
            "sqlite://",
            creator=partial(_connect, path, read_only=read_only, max_pages=max_pages),
            poolclass=StaticPool if path is None else QueuePool,
        )
        event.listen(self.engine, "begin", _begin)
        # A copy made for a preview is dropped by its user, not closed.
        self._closing = weakref.finalize(self, self.engine.dispose)
        self._writer: Engine = self.engine.execution_options(writes=True)

    def check(self, *, thoroughly: bool = False) -> int:
        """The version of a ledger, 0 of an empty file that can become one.

        Refuses what is damaged, newer or not ours. `thoroughly` compares the indexes
        with their tables, too, and every row with those it is about.
        """
        with self.reading() as connection:
            version: int = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            look = "integrity_check" if thoroughly else "quick_check"
            found = connection.exec_driver_sql(f"PRAGMA {look}(1)").scalar_one()
            if thoroughly and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                found = "a row is about something that is not there"
            tables = inspect(connection).get_table_names()
        if found != "ok":
            raise LedgerError("ledger_damaged", path=self.name, reason=found)
        if version > VERSION:
            raise LedgerError("ledger_newer", path=self.name, found=version, known=VERSION)
        foreign = tables or self.read_only if version == 0 else lacking(tables, version)
        if foreign:
            raise LedgerError("ledger_unreadable", path=self.name, reason="no ledger")
        return version

    def check_anew(self) -> None:
        """Have a stranger read the whole file: an open connection may know it by heart."""
        if self.path is None:
            self.check()
            return
        with closing(LedgerFile(self.path, read_only=True, max_pages=None)) as stranger:
            stranger.check()

    def create(self) -> None:
        """Make the tables of a new file."""
        with self.writing() as connection:
            create(connection)

    def migrate(self, found: int) -> None:
        """Bring a ledger of an earlier version to the present one, or leave it as it is."""
        with self.writing() as connection:
            migrate(connection, found)

    def pragmas(self) -> Mapping[str, str | int]:
        """What a live connection says of how it writes."""
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "user_version")
        with self.reading() as connection:
            return {n: connection.exec_driver_sql(f"PRAGMA {n}").scalar_one() for n in names}

    def read_anew(self) -> None:
        """Read the file as a stranger would: an open connection may know it by heart."""
        if self.path is None:
            return
        with self._border({}), closing(_connect(self.path, read_only=True)) as stranger:
            stranger.execute("SELECT count(*) FROM switches").fetchone()

    def prove(self) -> None:
        """Read the file anew, and have a commit reach it that changes no row."""
        self.read_anew()
        with self.writing() as connection:
            connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")

    def close(self) -> None:
        """Let go of the file."""
        self._closing()

    def copy(self) -> "LedgerFile":
        """The same rows in memory."""
        copied = LedgerFile(None, read_only=False, max_pages=None)
        with copied.reading() as target:
            self.copy_to(_driver(target))
        return copied

    def copy_to(self, target: sqlite3.Connection) -> None:
        """Put every row of one moment into another database; whoever writes here does not wait."""
        with self.reading() as source:
            _driver(source).backup(target)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the file."""
        with self._border({}), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(
        self, twice: LedgerError | None = None, unknown: LedgerError | None = None
    ) -> Iterator[Connection]:
        """A connection whose rows are all kept, on disk, or none of them.

        `twice` is raised where the database refuses a row it already has,
        `unknown` where a row is about something it does not have.
        """
        refusals = {
            sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY: twice,
            sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY: unknown,
        }
        with self._border(refusals), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def _border(self, refusals: Mapping[int, LedgerError | None]) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, sqlite3.Error) as error:
            cause = getattr(error, "orig", error)
            code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
            raise refusals.get(code) or self._trouble(code, cause) from error

    def _trouble(self, code: int, cause: object) -> LedgerError:
        plain = code & _PRIMARY_CODE
        if plain == sqlite3.SQLITE_CANTOPEN and self._forbidden():
            plain = sqlite3.SQLITE_READONLY
        told = _TROUBLES.get(plain, "ledger_unreadable")
        return LedgerError(told, path=self.name, reason=str(cause))

    def _forbidden(self) -> bool:
        assert self.path is not None  # a database in memory needs nobody's leave
        place = self.path if os.access(self.path, os.F_OK) else self.path.parent
        wanted = os.R_OK if self.read_only else os.R_OK | os.W_OK
        there = os.access(place, os.F_OK)
        return there and not os.access(place, wanted, effective_ids=True)


def _connect(
    path: Path | None, *, read_only: bool, max_pages: int | None = None
) -> sqlite3.Connection:
    mode = "ro" if read_only else "rwc"
    # No isolation level: the driver would else open and end transactions by its own rules.
    connection = sqlite3.connect(
        ":memory:" if path is None else f"file:{quote(str(path))}?mode={mode}",
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        uri=path is not None,
    )
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        if not read_only:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
        if max_pages is not None:
            connection.execute(f"PRAGMA max_page_count = {max_pages}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _driver(connection: Connection) -> sqlite3.Connection:
    return cast("sqlite3.Connection", connection.connection.dbapi_connection)


def _begin(connection: Connection) -> None:
    # A writer takes its turn at once: upgrading a read half-way may fail where waiting would not.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


class LedgerLock:
    """The right of one process to write a ledger, given back when it ends in whatever way.

    Entering raises LedgerError `ledger_locked` with the holder's process id.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(f"{path}.lock")

    def __enter__(self) -> Self:
        try:
            self._file = self.path.open("a+", encoding="ascii")
        except OSError as error:
            forbidden = isinstance(error, PermissionError)
            code = "ledger_permission" if forbidden else "ledger_unreadable"
            raise LedgerError(code, path=str(self.path), reason=error.strerror) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.seek(0)
            holder = self._file.read().strip()
            self._file.close()
            raise LedgerError("ledger_locked", path=str(self.path), pid=holder) from error
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
