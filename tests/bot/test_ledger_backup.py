"""Copies of a ledger: whole or not there, whatever happens while they are made."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.errors import LedgerError
from bot.domain.memory import Switch
from bot.ledger import SqlLedger
from bot.ledger_backup import _copy, back_up, folder_of, restore
from bot.ledger_file import LedgerLock
from bot.ledger_schema import VERSION
from tests.bot.test_ledger_migration import of_version, version_of
from tests.builders import NOW

ROWS = 300
KEEP = 3

# The kernel ends this process in the middle of the write that goes beyond so many bytes.
DOOMED = """
import resource, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from bot.ledger import SqlLedger
from bot.ledger_backup import back_up, restore

what, path, other, most = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
match what:
    case "back_up":
        back_up(path, other, datetime.now(UTC), 3)
    case "migrate":
        SqlLedger.open(path).close()
    case "restore":
        restore(path, other, datetime.now(UTC), lambda _: None)
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "ledger.sqlite"
    write(path, ROWS)
    return path


def write(path, count, reason="x" * 500):
    with closing(SqlLedger.open(path)) as ledger:
        for _ in range(count):
            ledger.set_switch("main", Switch.PAUSED, reason, NOW)


def rows(path):
    with (
        closing(SqlLedger.open(path, read_only=True)) as ledger,
        ledger._file.reading() as connection,
    ):
        return connection.exec_driver_sql("SELECT count(*) FROM switches").scalar_one()


def dies(what, path, other, most):
    """What a process comes to whose files may not grow beyond so many bytes."""
    command = [sys.executable, "-Bc", DOOMED, what, str(path), str(other), str(most)]
    return subprocess.run(command, capture_output=True, check=False).returncode


@contextmanager
def a_small_disk(folder):
    """A folder with four megabytes of room, a file system of its own."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(folder)]
    if shutil.which("mount") is None:
        pytest.skip("needs the tool mount")
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("nothing may be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)  # noqa: S607 - where it lies is the host's


def fill(folder, but):
    """Leave so many bytes of room."""
    (folder / "ballast").write_bytes(bytes(shutil.disk_usage(folder).free - but))


def test_a_backup_is_the_ledger_in_one_file_for_its_owner_only(path, tmp_path):
    made = back_up(path, tmp_path / "copy.sqlite", NOW, KEEP)

    assert (rows(made.path), made.version, made.size) == (ROWS, VERSION, made.path.stat().st_size)
    assert made.path.stat().st_mode & 0o777 == 0o600
    assert {file.name for file in tmp_path.glob("*copy*")} == {"copy.sqlite"}


def test_a_backup_has_what_an_open_writer_wrote_and_does_not_stop_it(path, tmp_path):
    with closing(SqlLedger.open(path)) as writer:
        writer.set_switch("main", Switch.HALTED, "", NOW)
        with writer._file.writing() as connection:
            connection.exec_driver_sql("DELETE FROM switches WHERE 0")

            made = back_up(path, tmp_path / "copy.sqlite", NOW, KEEP)

        writer.set_switch("main", Switch.PAUSED, "", NOW)

    assert rows(made.path) == ROWS + 1


def test_of_the_backups_in_a_folder_the_newest_stay(path):
    folder = folder_of(path)
    mine = folder / "ledger-v1-20200101T000000Z.sqlite"
    mine.touch()

    for days in range(KEEP + 2):
        back_up(path, folder, NOW + timedelta(days=days), KEEP)

    names = sorted(file.name for file in folder.iterdir())
    assert names == [*(f"ledger-2026040{n}T194500Z.sqlite" for n in (2, 3, 4)), mine.name]


def test_a_draft_that_a_dead_process_left_is_removed_when_it_is_old(path):
    folder = folder_of(path)
    old, young = folder / ".ledger.sqlite.1.part", folder / ".ledger.sqlite.2.part"
    foreign = folder / ".somebody-elses.part"
    for draft in (old, young, foreign):
        draft.touch()
    os.utime(old, (0, 0))
    os.utime(foreign, (0, 0))

    back_up(path, folder, NOW, KEEP)

    assert [file.exists() for file in (old, young, foreign)] == [False, True, True]


def test_a_damaged_ledger_is_not_backed_up(path, tmp_path):
    damage(path)

    with pytest.raises(LedgerError, match="ledger_damaged"):
        back_up(path, tmp_path / "copy.sqlite", NOW, KEEP)

    assert not (tmp_path / "copy.sqlite").exists()


def damage(path):
    with path.open("r+b") as file:
        file.seek(9 * 4096)
        file.write(b"\xff" * 4096 * 20)


def test_a_place_that_can_not_be_written_is_told_of(path, tmp_path):
    with pytest.raises(LedgerError, match="backup_failed") as refused:
        back_up(path, tmp_path / "nowhere" / "copy.sqlite", NOW, KEEP)

    assert refused.value.values["reason"] == "No such file or directory"


def test_a_place_without_room_is_not_taken_for_the_ledger(path):
    with pytest.raises(LedgerError, match=r"backup_failed .path=/dev, .*full"):
        _copy(path, Path("/dev/full"))


def test_a_full_disk_leaves_the_earlier_backup_and_no_draft(path, tmp_path):
    with a_small_disk(tmp_path / "small") as folder:
        first = back_up(path, folder, NOW, KEEP)
        fill(folder, first.size // 2)

        with pytest.raises(LedgerError, match=r"backup_failed.*full"):
            back_up(path, folder, NOW + timedelta(days=1), KEEP)

        assert {file.name for file in folder.iterdir()} == {first.path.name, "ballast"}
        assert rows(first.path) == ROWS


@pytest.mark.slow
@pytest.mark.parametrize("part", [0.0, 0.3, 0.6, 0.95])
def test_a_process_that_dies_in_the_middle_of_a_backup_leaves_none_that_is_not_whole(path, part):
    folder = folder_of(path)
    whole = back_up(path, folder, datetime(2026, 1, 1, tzinfo=UTC), KEEP)

    code = dies("back_up", path, folder, int(path.stat().st_size * part))

    assert code == -signal.SIGXFSZ
    assert [file.name for file in folder.glob("*.sqlite")] == [whole.path.name]
    assert rows(path) == rows(back_up(path, folder, NOW, KEEP).path) == ROWS


@pytest.mark.slow
def test_a_process_that_dies_anywhere_in_a_migration_leaves_a_ledger_that_opens(tmp_path):
    ends = []
    for most in (4096, 16_384, 32_768, 49_152, 65_536, 81_920, 98_304, 131_072, 196_608):
        folder = tmp_path / str(most)
        folder.mkdir()
        path = of_version(1, folder / "ledger.sqlite")
        ends.append(dies("migrate", path, path, most))
        found = version_of(path)

        SqlLedger.open(path).close()

        assert (found in {1, VERSION}, version_of(path)) == (True, VERSION)
    assert set(ends) == {-signal.SIGXFSZ, 0}


def paused(draft):
    with closing(SqlLedger.open(draft)) as ledger:
        ledger.set_switch("main", Switch.PAUSED, "restored", NOW)


def test_a_restored_ledger_takes_the_place_of_the_other_which_is_kept(path, tmp_path):
    made = back_up(path, tmp_path / "copy.sqlite", NOW, KEEP)
    write(path, 5, "since")

    done = restore(path, made.path, NOW, paused)

    assert (rows(path), rows(done.replaced), rows(made.path)) == (ROWS + 1, ROWS + 5, ROWS)
    with closing(SqlLedger.open(path)) as ledger:
        assert ledger.switch("main").reason == "restored"
    assert not list(tmp_path.glob("*restoring*"))


def test_what_a_dead_writer_left_in_its_journal_is_kept_and_meets_nothing_new(path, tmp_path):
    made = back_up(path, tmp_path / "copy.sqlite", NOW, KEEP)
    left = {end: Path(f"{path}{end}") for end in ("-wal", "-shm")}
    writer = SqlLedger.open(path)
    writer.set_switch("main", Switch.HALTED, "since", NOW)
    contents = {end: file.read_bytes() for end, file in left.items()}
    # Written back after an orderly end: as if there had been none.
    snapshot = path.read_bytes()
    writer.close()
    path.write_bytes(snapshot)
    for end, file in left.items():
        file.write_bytes(contents[end])

    done = restore(path, made.path, NOW, lambda _: None)

    assert (rows(path), rows(done.replaced)) == (ROWS, ROWS + 1)


def test_a_damaged_ledger_can_be_replaced_and_is_kept_as_it_is(path, tmp_path):
    made = back_up(path, tmp_path / "copy.sqlite", NOW, KEEP)
    damage(path)
    damaged = path.read_bytes()

    done = restore(path, made.path, NOW, paused)

    assert (rows(path), done.replaced.read_bytes()) == (ROWS + 1, damaged)
    assert done.replaced.stat().st_mode & 0o777 == 0o600


def test_what_is_no_database_at_all_can_be_replaced_too(path, tmp_path):
    made = back_up(path, tmp_path / "copy.sqlite", NOW, KEEP)
    path.write_text("a letter to a friend\n" * 500)
    Path(f"{path}-wal").write_text("and its envelope")

    done = restore(path, made.path, NOW, paused)

    assert rows(path) == ROWS + 1
    assert done.replaced.read_text().startswith("a letter")
    assert Path(f"{done.replaced}-wal").read_text() == "and its envelope"


def test_on_a_new_host_there_is_nothing_to_keep(path, tmp_path):
    made = back_up(path, tmp_path / "copy.sqlite", NOW, KEEP)
    there = tmp_path / "new" / "ledger.sqlite"
    there.parent.mkdir()

    done = restore(there, made.path, NOW, paused)

    assert (rows(there), done.replaced) == (ROWS + 1, None)


def test_a_backup_of_an_earlier_version_is_brought_up_on_its_way(path, tmp_path):
    earlier = of_version(1, tmp_path / "earlier.sqlite")

    restore(path, earlier, NOW, paused)

    assert (version_of(path), version_of(earlier)) == (VERSION, 1)


def test_nothing_is_restored_under_a_daemon(path, tmp_path):
    made = back_up(path, tmp_path / "copy.sqlite", NOW, KEEP)

    with LedgerLock(path), pytest.raises(LedgerError, match="ledger_locked"):
        restore(path, made.path, NOW, paused)


@pytest.mark.parametrize("kind", ["nothing", "empty", "letter", "recipes", "half", "newer"])
def test_what_is_no_whole_ledger_is_not_restored(path, tmp_path, kind):
    file = tmp_path / "copy.sqlite"
    spoil(path, file, kind)
    before = rows(path)

    with pytest.raises(LedgerError) as refused:
        restore(path, file, NOW, paused)

    assert refused.value.code in {"ledger_unreadable", "ledger_damaged", "ledger_newer"}
    assert refused.value.values["path"] == str(file)
    assert (rows(path), (tmp_path / "backups").exists()) == (before, False)


def spoil(path, file, kind):
    match kind:
        case "empty":
            file.touch()
        case "letter":
            file.write_text("a letter to a friend\n" * 100)
        case "recipes":
            with closing(sqlite3.connect(file)) as other:
                other.execute("CREATE TABLE recipes (name TEXT)")
        case "half":
            back_up(path, file, NOW, KEEP)
            os.truncate(file, file.stat().st_size // 2)
        case "newer":
            back_up(path, file, NOW, KEEP)
            with closing(sqlite3.connect(file)) as newer:
                newer.execute(f"PRAGMA user_version = {VERSION + 1}")


def test_where_the_old_one_can_not_be_kept_nothing_is_replaced(path, tmp_path):
    made = back_up(path, tmp_path / "copy.sqlite", NOW, KEEP)
    write(path, 1)
    (folder_of(path) / "ledger-replaced-20260331T194500Z.sqlite").mkdir()

    with pytest.raises(LedgerError, match="backup_failed"):
        restore(path, made.path, NOW, paused)

    assert rows(path) == ROWS + 1


def test_a_copy_whose_rows_are_about_nothing_is_not_whole(path, tmp_path):
    made = back_up(path, tmp_path / "copy.sqlite", NOW, KEEP)
    with closing(sqlite3.connect(made.path)) as connection, connection:
        connection.execute("INSERT INTO sent VALUES ('nobody', 1, 'main', '2026-01-01')")

    with pytest.raises(LedgerError, match="not there") as refused:
        restore(path, made.path, NOW, paused)

    assert refused.value.values["path"] == str(made.path)


def test_without_room_to_keep_the_old_one_nothing_is_replaced(tmp_path):
    with a_small_disk(tmp_path / "small") as folder:
        path, copy = folder / "ledger.sqlite", tmp_path / "copy.sqlite"
        write(path, 100)
        size = back_up(path, copy, NOW, KEEP).size
        fill(folder, size + size // 2)

        with pytest.raises(LedgerError, match="backup_failed"):
            restore(path, copy, NOW, lambda _: None)

        assert rows(path) == 100


@pytest.mark.slow
def test_a_process_that_dies_anywhere_in_a_restore_leaves_the_old_or_the_new(tmp_path):
    made = tmp_path / "copy.sqlite"
    source = tmp_path / "source.sqlite"
    write(source, ROWS)
    back_up(source, made, NOW, KEEP)
    ends = []
    for most in (4096, 40_000, 120_000, 180_000, 240_000, 300_000, 360_000, 420_000, 10**7):
        folder = tmp_path / str(most)
        folder.mkdir()
        path = folder / "ledger.sqlite"
        write(path, 2 * ROWS)
        ends.append(dies("restore", path, made, most))

        assert rows(path) == (ROWS if ends[-1] == 0 else 2 * ROWS)
    assert set(ends) == {-signal.SIGXFSZ, 0}
