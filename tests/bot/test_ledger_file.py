import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.domain.errors import LedgerError
from bot.domain.memory import Switch
from bot.domain.model import Note, Plan, Side
from bot.ledger import SqlLedger
from bot.ledger_file import LedgerLock
from bot.ledger_schema import VERSION, metadata
from tests.builders import NOW, a_run, an_intent

NOBODY = 65534

HOLDER = """
import sys
from pathlib import Path
from bot.ledger_file import LedgerLock

with LedgerLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@contextmanager
def without_leave(folder: Path) -> Iterator[None]:
    """A world in which this process may not enter a folder, root or not."""
    root = os.geteuid() == 0
    folder.chmod(0o000)
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o700)


def write(path: Path, count: int = 1) -> None:
    with closing(SqlLedger.open(path)) as ledger:
        for _ in range(count):
            ledger.set_switch("main", Switch.PAUSED, "x" * 500, NOW)


def refusal(path: Path, *, read_only: bool = False) -> LedgerError:
    with pytest.raises(LedgerError) as refused:
        SqlLedger.open(path, read_only=read_only)
    return refused.value


def test_every_commit_waits_for_the_disk(path):
    with closing(SqlLedger.open(path)) as ledger:
        pragmas = ledger.pragmas()

    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 5000,
        "user_version": VERSION,
    }


def test_a_second_connection_keeps_the_same_promises(path):
    with (
        closing(SqlLedger.open(path)) as ledger,
        ledger._file.reading() as first,
        ledger._file.reading() as second,
    ):
        said = [c.exec_driver_sql("PRAGMA synchronous").scalar_one() for c in (first, second)]

        assert said == [2, 2]
        assert first.connection.dbapi_connection is not second.connection.dbapi_connection


def test_what_was_written_is_there_after_a_restart(path):
    write(path)

    with closing(SqlLedger.open(path)) as ledger:
        assert ledger.switch("main").switch is Switch.PAUSED


def test_a_reader_sees_what_the_open_writer_wrote(path):
    with closing(SqlLedger.open(path)) as writer:
        writer.set_switch("main", Switch.HALTED, "by hand", NOW)
        with closing(SqlLedger.open(path, read_only=True)) as reader:
            assert reader.switch("main").switch is Switch.HALTED


def test_a_reader_can_not_write(path):
    write(path)

    with (
        closing(SqlLedger.open(path, read_only=True)) as reader,
        pytest.raises(LedgerError, match="ledger_permission"),
    ):
        reader.set_switch("main", Switch.ACTIVE, "", NOW)


def test_a_reader_makes_no_ledger(path):
    refused = refusal(path, read_only=True)

    assert (refused.code, refused.values["path"]) == ("ledger_unreadable", str(path))
    assert not path.exists()


def test_a_name_that_looks_like_an_address_is_a_name(tmp_path):
    path = tmp_path / "led?ger#1 100%.sqlite"

    write(path)

    assert path.exists()


def test_an_empty_file_is_a_ledger_to_the_writer_only(path):
    path.touch()

    assert refusal(path, read_only=True).code == "ledger_unreadable"
    write(path)


def test_a_file_that_is_no_database_is_refused(path):
    path.write_text("a letter to a friend\n" * 100)

    assert refusal(path).code == "ledger_unreadable"
    assert path.read_text().startswith("a letter")


def test_a_database_of_somebody_else_is_refused(path):
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE recipes (name TEXT)")

    assert refusal(path).code == "ledger_unreadable"


def test_a_folder_is_no_ledger(tmp_path):
    assert refusal(tmp_path).code == "ledger_unreadable"


def test_a_ledger_of_a_newer_version_is_refused(path):
    write(path)
    with closing(sqlite3.connect(path)) as newer:
        newer.execute(f"PRAGMA user_version = {VERSION + 1}")

    refused = refusal(path)

    assert refused.code == "ledger_newer"
    assert refused.values == {"path": str(path), "found": VERSION + 1, "known": VERSION}


@pytest.mark.parametrize(
    ("first", "after"), [(1, 4), (9, 60)], ids=["where its tables are", "inside them"]
)
def test_a_damaged_ledger_is_refused(path, first, after):
    write(path, count=200)
    page = 4096
    with path.open("r+b") as file:
        file.seek(first * page)
        file.write(b"\xff" * page * (after - first))

    refused = refusal(path)

    assert (refused.code, refused.values["path"]) == ("ledger_damaged", str(path))


def test_a_ledger_one_may_not_open_is_told_so(tmp_path):
    folder = tmp_path / "state"
    folder.mkdir()
    write(folder / "ledger.sqlite")

    with without_leave(folder):
        refused = refusal(folder / "ledger.sqlite")

    assert refused.code == "ledger_permission"


def test_a_full_disk_leaves_nothing_half_written(path):
    run, note = a_run(), Note("wide", "VOO", {"text": "x" * 400_000})
    plan = Plan((an_intent("VOO"), an_intent("BIL")), (note,))

    with closing(SqlLedger.open(path, max_pages=90)) as ledger:
        with pytest.raises(LedgerError, match="ledger_full"):
            ledger.intend(run, Side.BUY, plan, {})

        assert ledger.plan(run, Side.BUY) is None
        assert ledger.standings(run) == ()
        ledger.intend(run, Side.BUY, Plan(plan.orders), {})


def test_trouble_told_by_the_driver_itself_is_translated(path):
    with (
        closing(SqlLedger.open(path)) as ledger,
        pytest.raises(LedgerError, match="ledger_unreadable"),
        ledger._file.reading() as connection,
    ):
        connection.connection.dbapi_connection.execute("no such thing")


def test_a_ledger_that_is_dropped_lets_go_of_its_file(path):
    dropped = SqlLedger.open(path)
    connection = dropped._file.engine.raw_connection()
    driver = connection.dbapi_connection
    connection.close()

    del dropped

    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        driver.execute("SELECT 1")


def test_a_writer_keeps_others_out_from_its_first_question_on(path):
    with closing(SqlLedger.open(path)) as ledger, closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA busy_timeout = 0")
        with ledger._file.writing() as connection:
            connection.exec_driver_sql("SELECT count(*) FROM sent")

            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")


def test_a_writer_that_does_not_get_its_turn_says_so(path):
    with closing(SqlLedger.open(path)) as ledger, closing(sqlite3.connect(path)) as other:
        with ledger._file.reading() as impatient:
            impatient.exec_driver_sql("PRAGMA busy_timeout = 0")
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(LedgerError, match="ledger_locked"):
            ledger.set_switch("main", Switch.ACTIVE, "", NOW)


@pytest.mark.parametrize("change", ["UPDATE {} SET rowid = rowid", "DELETE FROM {}"])
def test_the_database_itself_refuses_to_change_or_lose_a_row(change):
    with closing(SqlLedger.open(None)) as ledger:
        ledger.set_switch("main", Switch.PAUSED, "", NOW)

        with (
            pytest.raises(LedgerError, match="only added to"),
            ledger._file.writing() as connection,
        ):
            connection.execute(text(change.format("switches")))

        assert ledger.switch("main").switch is Switch.PAUSED


def test_every_table_is_guarded():
    with closing(SqlLedger.open(None)) as ledger, ledger._file.reading() as connection:
        guards = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        names = set(guards.scalars())

    assert names == {f"{t}_no_{change}" for t in metadata.tables for change in ("update", "delete")}


def test_a_second_process_is_kept_out_until_the_first_is_dead(path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout.readline() == "held\n"

        with pytest.raises(LedgerError) as refused, LedgerLock(path):
            pass

        assert refused.value.code == "ledger_locked"
        assert refused.value.values == {"path": f"{path}.lock", "pid": str(holder.pid)}
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with LedgerLock(path):
            assert Path(f"{path}.lock").read_text() == f"{os.getpid()}\n"


def test_a_lock_is_given_back_at_the_end(path):
    with LedgerLock(path):
        pass

    with LedgerLock(path) as lock:
        assert lock.path.exists()


def test_a_lock_in_no_folder_is_told_so(tmp_path):
    with (
        pytest.raises(LedgerError, match="ledger_unreadable"),
        LedgerLock(tmp_path / "nowhere" / "ledger.sqlite"),
    ):
        pass


def test_a_lock_one_may_not_write_is_told_so(tmp_path):
    folder = tmp_path / "state"
    folder.mkdir()

    with (
        without_leave(folder),
        pytest.raises(LedgerError, match="ledger_permission"),
        LedgerLock(folder / "ledger.sqlite"),
    ):
        pass
