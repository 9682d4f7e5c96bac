"""The ledger put aside and put back, from the command line."""

from contextlib import closing

import pytest

from bot import app
from bot.domain.errors import SettingsError
from bot.domain.memory import Switch
from bot.ledger import SqlLedger
from tests.bot.scratch import BOOK, QUARTER_END, Scratch, near_close
from tests.bot.test_process import run_at

NOW = near_close(QUARTER_END)


@pytest.fixture
def here(tmp_path):
    """A folder in which a book has traded."""
    there = Scratch(tmp_path).write(books={BOOK: "practice", "other": "second"})
    with app.keeping(there.settings()) as ledger:
        ledger.set_switch("other", Switch.HALTED, "by hand", NOW)
        ledger.set_switch(BOOK, Switch.ACTIVE, "", NOW)
    return there


def backups(here):
    return sorted((here.folder / "state" / "backups").glob("*.sqlite"))


def test_a_backup_says_where_it_is_and_that_it_was_proven(here):
    told = here.call("backup")

    (made,) = backups(here)
    assert told.exit_code == 0
    assert told.stdout.startswith(f"backed up and proven: {made}, ")


def test_a_backup_goes_where_it_is_told(here):
    file = here.folder / "elsewhere.sqlite"

    told = here.call("backup", str(file))

    assert (told.exit_code, file.exists(), backups(here)) == (0, True, [])


def test_as_many_backups_stay_as_the_settings_say(here):
    here.write(books={BOOK: "practice", "other": "second"}, more="[backup]\nkeep = 1\n")
    (here.folder / "state" / "backups").mkdir()
    (here.folder / "state" / "backups" / "ledger-paper-20200101T000000Z.sqlite").touch()

    here.call("backup")

    assert ["2020" in each.name for each in backups(here)] == [False]


def test_a_backup_never_takes_the_place_of_the_ledger_itself(here):
    told = here.call("backup", str(app.ledger_path(here.settings())))

    assert (told.exit_code, "is the ledger itself" in told.stderr) == (1, True)


def test_without_a_ledger_there_is_nothing_to_back_up(tmp_path):
    there = Scratch(tmp_path).write()

    told = there.call("backup")

    assert (told.exit_code, "can not be read" in told.stderr) == (1, True)


def test_a_restored_book_trades_when_its_owner_says_so(here):
    here.call("backup")
    (made,) = backups(here)

    told = here.call("restore", str(made))
    status = here.call("status", "--book", BOOK)

    assert told.exit_code == 0
    assert f"restored from {made}; what it replaced is kept as " in told.stdout
    assert "Every book is paused" in told.stdout
    assert f"PAUSED, nothing trades – restored from {made.name}" in status.stdout


def test_a_halted_book_stays_halted(here):
    here.call("backup")
    (made,) = backups(here)

    here.call("restore", str(made))

    with closing(SqlLedger.open(app.ledger_path(here.settings()), read_only=True)) as ledger:
        assert ledger.switch("other").reason == "by hand"


def test_a_restored_book_sends_nothing_until_then(tmp_path):
    there = Scratch(tmp_path).write()
    with app.keeping(there.settings()):
        pass
    there.call("backup")

    there.call("restore", str(backups(there)[0]))
    ended = run_at(there, NOW)

    assert ended.text == f"{BOOK}: Wed 2026-09-30: BLOCKED"
    assert not (there.folder / "state" / "paper" / "practice.jsonl").exists()


def test_nothing_is_restored_while_somebody_writes(here):
    here.call("backup")
    (made,) = backups(here)

    with app.keeping(here.settings()):
        told = here.call("restore", str(made))

    assert (told.exit_code, "is in use by another process" in told.stderr) == (75, True)


def test_a_backup_of_play_money_is_not_restored_into_another_mode(here):
    here.call("backup")
    (made,) = backups(here)
    dry = here.write(mode="dry")

    with pytest.raises(SettingsError, match="backup_of_another_mode"):
        app.restore(dry.settings(), made, NOW)


def test_on_a_new_host_a_backup_is_all_it_takes(here, tmp_path):
    here.call("backup", str(tmp_path / "moved.sqlite"))
    folder = tmp_path / "new"
    folder.mkdir()
    there = Scratch(folder).write()

    told = there.call("restore", str(tmp_path / "moved.sqlite"))

    assert (told.exit_code, "kept as" in told.stdout) == (0, False)
    assert "PAUSED" in there.call("status").stdout


def test_a_damaged_ledger_is_never_traded_on_and_says_how_it_is_mended(here):
    here.call("backup")
    path = app.ledger_path(here.settings())
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 40_000)

    told = here.call("run", "--book", BOOK)
    here.call("restore", str(backups(here)[0]))

    assert told.exit_code == 1
    assert f"the ledger {path} is damaged" in told.stderr
    assert "bellwether restore FILE" in told.stderr
    assert here.call("status", "--book", BOOK).exit_code == 0
