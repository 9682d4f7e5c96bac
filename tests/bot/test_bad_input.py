"""What can be wrong, how a user meets it, and that nothing is sent and nothing lost meanwhile."""

import asyncio
import gzip
import os
import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest

from bot import app, sources
from bot.daemon import trade
from bot.ledger_file import LedgerLock
from tests.bot.scratch import BOOK, QUARTER_END, Scratch, closes, near_close, written

PLAN = "plan --as-of 2026-09-30"
RETIRED = "hybrid_growth_income"
SAID_BY_USAGE = 2
NOBODY = 65534


class Case(NamedTuple):
    """What is wrong, the command a user gives, its exit code, words that must appear."""

    wrong: Callable[[Scratch], object]
    command: str
    code: int
    words: str


def nothing(here):
    """Nothing is wrong but the command itself."""


def settings(more="", *, instead_of="", by=""):
    """A settings file with something added, or a part of it replaced."""

    def change(here):
        text = here.config.read_text("utf-8")
        assert instead_of in text
        here.config.write_text(text.replace(instead_of, by, 1) + more, "utf-8")

    return change


def params(line):
    return settings(f"\n[books.{BOOK}.params]\n{line}\n")


def no_settings(here):
    here.config.unlink()


def settings_a_folder(here):
    here.config.unlink()
    here.config.mkdir()


def settings_a_picture(here):
    here.config.write_bytes(b"\x89PNG\r\n\x1a\n\xff")


def state_dir_under_a_file(here):
    (here.folder / "file").touch()
    settings(instead_of="[markets", by='state_dir = "file/state"\n[markets')(here)


def ledger_a_text(here):
    path = app.ledger_path(here.settings())
    path.parent.mkdir()
    path.write_text("These are my trades. " * 1000, "utf-8")


def ledger_a_folder(here):
    app.ledger_path(here.settings()).mkdir(parents=True)


def prices(change):
    """Prices of the user's own, with something wrong in them."""

    def changed(here):
        table = change(closes())
        path = written(table, here.folder / "mine.csv")
        here.write(prices=path)

    return changed


def cell(symbol, text):
    def change(table):
        table[symbol] = table[symbol].astype(object)
        table.loc[table.index[-30], symbol] = text
        return table

    return prices(change)


def jump(symbol, ratio):
    def change(table):
        table.loc[table.index[-100] :, symbol] *= ratio
        return table

    return prices(change)


def twice_a_day(table):
    return pd.concat([table, table.tail(1)])


def american_dates(table):
    table["date"] = pd.to_datetime(table["date"]).dt.strftime("%m/%d/%Y")
    return table


def price_file(content):
    def write(here):
        path = here.folder / "mine.csv"
        path.write_bytes(content)
        here.write(prices=path)

    return write


def absent_price_file(here):
    here.write(prices=here.folder / "absent.csv")


WRONG_SETTINGS = [
    Case(no_settings, "status", 78, "there is no settings file bot.toml"),
    Case(no_settings, "serve", 78, "there is no settings file bot.toml"),
    Case(settings_a_folder, "status", 78, "bot.toml can not be read: Is a directory"),
    Case(settings_a_picture, "status", 78, "bot.toml can not be read"),
    Case(settings("\n[books\n"), "status", 78, "no valid TOML"),
    Case(settings(instead_of='"paper"', by="paper"), "status", 78, "line 1, column 8"),
    Case(settings(instead_of='"paper"', by='"demo"'), "status", 78, "mode = 'demo' is not allowed"),
    Case(settings(instead_of="mode", by="moed"), "status", 78, "did you mean mode?"),
    Case(settings(instead_of="25_000", by='"lots"'), "status", 78, "cash = 'lots' is not allowed"),
    Case(settings(instead_of="25_000", by="nan"), "status", 78, "cash = nan is not allowed"),
    Case(settings(instead_of="25_000", by="-1"), "status", 78, "cash = -1 is not allowed"),
    Case(settings(instead_of="prices]", by="price]"), "status", 78, "names the market prices"),
    Case(settings("\nenabled = false"), "status", 78, "no book is enabled"),
    Case(settings(instead_of='"global', by='"local'), "run", 78, "no profile called local_etf"),
    Case(settings(instead_of="global_etf_rotation", by=RETIRED), "serve", 78, "is retired"),
    Case(params("top_m = 3"), "run", 78, "no parameter called top_m"),
    Case(params("top_n = -1"), "run", 78, "top_n = -1 is not allowed"),
    Case(params('ranking_pool = "VOO"'), "serve", 78, "ranking_pool"),
    Case(settings("\n[calendar]\nextra_closures = [2026-07-04]"), "next", 78, "Sat 2026-07-04"),
    Case(state_dir_under_a_file, "pause", 78, "file/state can not be made: Not a directory"),
]  # fmt: skip

WRONG_LEDGERS = [
    Case(ledger_a_text, "status", 1, "ledger-paper.sqlite can not be read"),
    Case(ledger_a_text, "pause", 1, "ledger-paper.sqlite can not be read"),
    Case(ledger_a_text, "serve", 1, "ledger-paper.sqlite can not be read"),
    Case(ledger_a_folder, "status", 1, "ledger-paper.sqlite can not be read"),
    Case(ledger_a_folder, "run", 1, "ledger-paper.sqlite can not be read"),
]

WRONG_PRICES = [
    Case(cell("SPY", "NaN"), PLAN, 1, "SPY Thu 2026-09-03 has a price that is none: NaN"),
    Case(cell("SPY", "-3.5"), PLAN, 1, "SPY Thu 2026-09-03 has a price that is none: -3.5"),
    Case(cell("VOO", "0"), PLAN, 1, "VOO Thu 2026-09-03 has a price that is none: 0"),
    Case(cell("VOO", "12,50"), PLAN, 1, "VOO Thu 2026-09-03 has a price that is none: 12,50"),
    Case(cell("VOO", "inf"), PLAN, 1, "VOO Thu 2026-09-03 has a price that is none: inf"),
    Case(cell("SPY", ""), PLAN, 75, "history of SPY is too short or has holes"),
    Case(jump("VOO", 100), PLAN, 75, "prices of VOO can not be believed"),
    Case(jump("SPY", 0.01), PLAN, 75, "prices of SPY can not be believed"),
    Case(prices(twice_a_day), PLAN, 1, "Thu 2026-10-15 stands in more than one row"),
    Case(prices(american_dates), PLAN, 1, "line 2 has no date: 06/03/2024"),
    Case(prices(lambda t: t.drop(columns="SPY")), PLAN, 78, "prices of SPY are missing"),
    Case(prices(lambda t: t.drop(columns="date")), PLAN, 1, "columns are missing: date"),
    Case(prices(lambda t: t.rename(columns={"EWY": "VOO"})), PLAN, 1, "stands there twice: VOO"),
    Case(prices(lambda t: t.head(300)), PLAN, 75, "history of SPY ends on Wed 2025-08-13"),
    Case(prices(lambda t: t.tail(300)), PLAN, 75, "too short or has holes: 288 of 504 sessions"),
    Case(nothing, "plan --as-of 2026-11-20", 75, "before the last session (Thu 2026-11-19)"),
    Case(nothing, "plan --as-of 2026-10-16", 75, "the quote of SPY is too old to decide on"),
    Case(absent_price_file, PLAN, 1, "absent.csv can not be read: No such file or directory"),
    Case(price_file(b""), PLAN, 1, "mine.csv holds no prices"),
    Case(price_file(b"date,SPY\n"), PLAN, 1, "mine.csv holds no prices"),
    Case(price_file(b"\x89PNG\r\n\x1a\n\xff\x00"), PLAN, 1, "mine.csv can not be read"),
    Case(price_file(b"PAR1 and no more"), PLAN, 1, "mine.csv can not be read"),
    Case(price_file(gzip.compress(b"date,SPY\n" * 99)[:-9]), PLAN, 1, "mine.csv can not be read"),
]  # fmt: skip

WRONG_COMMANDS = [
    Case(nothing, "trade", 2, "No such command"),
    Case(nothing, "status --josn", 2, "--josn"),
    Case(nothing, "status --book other", 78, "no book called other; there is rotation"),
    Case(nothing, "next 0", 2, "count"),
    Case(nothing, "next many", 2, "count"),
    Case(nothing, "plan --as-of yesterday", 2, "yesterday"),
    Case(nothing, "plan --as-of 2026-10-04", 2, "2026-10-04 is no session of the exchange"),
    Case(nothing, "plan --as-of 2099-01-05", 75, "the exchange calendar does not know"),
    Case(nothing, "why", 75, "book rotation has not decided anything yet"),
    Case(nothing, "why ABC", 75, "book rotation has not decided anything yet"),
    Case(nothing, "decide", 2, "profile"),
    Case(nothing, "decide magic", 78, "no profile called magic; known: global_etf_rotation"),
    Case(nothing, "decide tech_pullback_cash_buffer", 78, "is retired and no longer trades"),
    Case(nothing, "decide global_etf_rotation", 78, "the price store"),
    Case(nothing, "decide global_etf_rotation --prices no.csv", 1, "no.csv can not be read"),
    Case(nothing, "resolve ABC", 2, "--never-sent"),
    Case(nothing, "resolve ABC --never-sent --filled 1@2", 2, "either"),
    Case(nothing, "resolve ABC --filled 12", 2, "12 is not SHARES@PRICE"),
    Case(nothing, "resolve ABC --filled 0@5", 2, "0@5 is not SHARES@PRICE"),
    Case(nothing, "resolve ABC --filled 1.5@5", 2, "1.5@5 is not SHARES@PRICE"),
    Case(nothing, "resolve ABC --filled -1@5", 2, "is not SHARES@PRICE"),
    Case(nothing, "resolve ABC --filled 12@1e3", 2, "12@1e3 is not SHARES@PRICE"),
    Case(nothing, "resolve ABC --filled ²@5", 2, "²@5 is not SHARES@PRICE"),
    Case(nothing, "resolve ABC --filled 12@5", 1, "the order is not known: ABC"),
    Case(nothing, "data update", 2, "--from"),
    Case(nothing, "data update --from absent.csv", 1, "absent.csv can not be read: No such file"),
    Case(nothing, "data update --from .", 1, ". can not be read: Is a directory"),
    Case(nothing, "conform absent.json --out r.jsonl", 1, "absent.json"),
    Case(nothing, "conform bot.toml --out r.jsonl", 1, "bot.toml"),
    Case(nothing, "conform bot.toml", 2, "--out"),
    Case(nothing, "conform bot.toml --out .", 1, ". can not be used: Is a directory"),
    Case(nothing, "demo --language fr", 2, "fr"),
]  # fmt: skip

TABLE = [*WRONG_SETTINGS, *WRONG_LEDGERS, *WRONG_PRICES, *WRONG_COMMANDS]


@pytest.mark.parametrize(
    "case", TABLE, ids=[f"{case.command} -> {case.words[:40]}" for case in TABLE]
)
def test_a_clear_error_names_the_input_and_the_remedy(tmp_path, case):
    here = Scratch(tmp_path).write()
    case.wrong(here)

    told = here.call(*case.command.split())

    assert told.exit_code == case.code, told.output
    assert case.words in " ".join(told.stderr.replace("│", " ").split()), told.stderr
    assert case.code == SAID_BY_USAGE or "→ " in told.stderr
    assert isinstance(told.exception, SystemExit)
    assert list(tmp_path.rglob("*.jsonl")) in ([], [tmp_path / "r.jsonl"])


def test_an_unknown_symbol_plays_no_part(tmp_path):
    here = Scratch(tmp_path).write()
    with app.keeping(here.settings()) as ledger:
        house = here.house(near_close(QUARTER_END), ledger)
        asyncio.run(trade(house.seats[0], QUARTER_END))

    told = here.call("why", "nosuch")

    assert told.exit_code == 0
    assert told.stdout.endswith("NOSUCH plays no part in this run\n")


# --- whom the ledger belongs to ---


@pytest.mark.parametrize(
    "command", ["pause", "resume", "halt", "run", "serve", "resolve A --never-sent"]
)
def test_what_writes_is_refused_while_another_process_has_the_ledger(tmp_path, command):
    here = Scratch(tmp_path).write()
    (here.folder / "state").mkdir()

    with LedgerLock(app.ledger_path(here.settings())):
        told = here.call(*command.split())

    assert told.exit_code == 75
    assert f"is in use by another process ({os.getpid()})" in told.stderr


def test_what_only_looks_is_let_in_while_another_process_has_the_ledger(tmp_path):
    here = Scratch(tmp_path).write()
    here.call("pause")

    with LedgerLock(app.ledger_path(here.settings())):
        told = here.call("status")

    assert told.exit_code == 0
    assert "PAUSED" in told.stdout


@pytest.fixture
def folder_of_nobody(tmp_path):
    """A folder of a user without rights, as whom the test goes on: root may open everything."""
    if os.geteuid() != 0:
        yield tmp_path
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
        try:
            yield folder
        finally:
            os.seteuid(0)


@contextmanager
def closed(path):
    """A path its owner shut."""
    mode = path.stat().st_mode
    path.chmod(0)
    try:
        yield
    finally:
        path.chmod(mode)


@pytest.mark.parametrize(("name", "command"), [
    ("bot.toml", "status"), ("state", "status"), ("state", "pause"),
    ("state/ledger-paper.sqlite", "status"), ("state/ledger-paper.sqlite", "pause"),
])  # fmt: skip
def test_what_this_user_may_not_open_is_said(folder_of_nobody, name, command):
    here = Scratch(folder_of_nobody).write()
    here.call("pause")

    with closed(here.folder / name):
        told = here.call(command)

    assert told.exit_code == (78 if name == "bot.toml" else 77)
    assert name in told.stderr


# --- the price store ---


BAD_UPDATES = [
    (twice_a_day, 1, "stands in more than one row"),
    (american_dates, 1, "has no date"),
    (lambda table: table.assign(date="2020-01-02").head(1), 1, "does not reach back"),
    (lambda table: table[["date"]], 1, "columns are missing"),
]


@pytest.mark.parametrize(("change", "code", "words"), BAD_UPDATES)
def test_an_update_that_fails_leaves_the_store_as_it_was(tmp_path, change, code, words):
    here = Scratch(tmp_path).write(prices=None)
    here.call("data", "update", "--from", str(written(closes(), tmp_path / "good.csv")))
    before = sources.price_store(here.settings()).path.read_bytes()

    told = here.call(
        "data", "update", "--from", str(written(change(closes()), tmp_path / "bad.csv"))
    )

    assert (told.exit_code, told.stdout) == (code, "")
    assert words in told.stderr
    assert sources.price_store(here.settings()).path.read_bytes() == before


def test_two_updates_at_once_are_one(tmp_path):
    here = Scratch(tmp_path).write(prices=None)
    good = str(written(closes(), tmp_path / "good.csv"))

    with sources.price_store(here.settings())._alone():
        told = here.call("data", "update", "--from", good)

    assert told.exit_code == 75
    assert "is being written by somebody else" in told.stderr
