"""Ledgers of earlier versions: each opens, and keeps what it knew."""

import sqlite3
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from bot.domain.errors import LedgerError
from bot.domain.memory import Outcome, Switch
from bot.domain.model import RunKey
from bot.ledger import SqlLedger
from bot.ledger_backup import folder_of
from bot.ledger_migration import STEPS
from bot.ledger_schema import VERSION

DATA = Path(__file__).parents[1] / "data"
EARLIER = range(1, VERSION)
BOOK, DAY = "rotation", date(2026, 9, 30)


def of_version(version: int, path: Path) -> Path:
    """A ledger as that version wrote it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((DATA / f"ledger-{version}.sql").read_text("utf-8"))
        connection.execute("PRAGMA journal_mode = WAL")
    return path


def schema(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {name: " ".join(sql.split()).replace(" )", ")") for name, sql in rows}


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


@pytest.mark.parametrize("version", EARLIER)
def test_an_earlier_ledger_opens_and_knows_what_it_knew(tmp_path, version):
    path = of_version(version, tmp_path / "ledger.sqlite")

    with closing(SqlLedger.open(path)) as ledger:
        report = ledger.report(RunKey(BOOK, DAY))
        switch = ledger.switch(BOOK)

    assert (version_of(path), report.outcome) == (VERSION, Outcome.COMPLETE)
    assert {s.intent.symbol: s.filled for s in report.orders} == {"SMH": 53, "INDA": 211}
    assert report.decided.equity == Decimal(25_000)
    assert (switch.switch, switch.reason) == (Switch.PAUSED, "lunch")


@pytest.mark.parametrize("version", EARLIER)
def test_a_ledger_brought_up_is_like_one_made_anew(tmp_path, version):
    path, anew = of_version(version, tmp_path / "ledger.sqlite"), tmp_path / "new.sqlite"

    SqlLedger.open(path).close()
    SqlLedger.open(anew).close()

    assert schema(path) == schema(anew)


@pytest.mark.parametrize("version", EARLIER)
def test_before_a_migration_there_is_a_whole_backup_of_the_earlier_version(tmp_path, version):
    path = of_version(version, tmp_path / "ledger.sqlite")

    SqlLedger.open(path).close()
    SqlLedger.open(path).close()

    (kept,) = folder_of(path).iterdir()
    assert kept.name.startswith(f"ledger-v{version}-")
    assert (version_of(kept), kept.stat().st_mode & 0o777) == (version, 0o600)


@pytest.mark.parametrize("version", EARLIER)
def test_whoever_only_reads_leaves_an_earlier_ledger_as_it_is(tmp_path, version):
    path = of_version(version, tmp_path / "ledger.sqlite")

    with closing(SqlLedger.open(path, read_only=True)) as ledger:
        run = ledger.runs(BOOK)[-1]

    assert (run.session, version_of(path)) == (DAY, version)
    assert not (tmp_path / "backups").exists()


def test_without_room_for_the_backup_nothing_is_migrated(tmp_path):
    path = of_version(1, tmp_path / "ledger.sqlite")
    (tmp_path / "backups").write_text("in the way")

    with pytest.raises(LedgerError, match="backup_failed"):
        SqlLedger.open(path)

    assert version_of(path) == 1


def test_a_migration_that_finds_no_room_changes_nothing(tmp_path):
    path = of_version(1, tmp_path / "ledger.sqlite")
    before = schema(path)
    with closing(sqlite3.connect(path)) as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()

    with pytest.raises(LedgerError, match="ledger_full"):
        SqlLedger.open(path, max_pages=pages)

    assert (version_of(path), schema(path)) == (1, before)
    SqlLedger.open(path).close()


def test_every_version_has_its_step_and_its_ledger():
    assert list(STEPS) == list(range(2, VERSION + 1))
    assert all((DATA / f"ledger-{version}.sql").exists() for version in EARLIER)


def test_a_database_that_only_has_our_number_is_not_ours(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
        other.execute(f"PRAGMA user_version = {VERSION}")

    with pytest.raises(LedgerError, match="no ledger"):
        SqlLedger.open(path)
