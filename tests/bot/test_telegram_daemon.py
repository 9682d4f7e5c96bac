"""The daemon and a Telegram in another process: told, asked, broken and stopped."""

import asyncio
import json
import logging
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from adapters.sims.telegram_faults import Fault, FaultKind, OutageKind
from adapters.sims.telegram_record import Entry, Kind
from adapters.sims.telegram_remote import Started, started
from bot import app, outside, process
from bot.app import House, Time
from bot.daemon import serve
from bot.domain.memory import Switch
from bot.ports import ChatLine
from bot.schedule import JumpingClock, JumpingWakes
from bot.words import Language
from tests.bot.scratch import BOOK, QUARTER_END, Scratch
from tests.bot.test_process import OK, STOPS_WITHIN, Daemon, closed_today, serving

FIRST, LAST = date(2026, 9, 28), date(2026, 10, 2)
SESSIONS = 5
MORNING = datetime(2026, 9, 28, 12, tzinfo=UTC)
STRANGER = 6666
SOON, STARTS = 10.0, 60.0
MARK = "(perhaps told before) "


@pytest.fixture
def telegram() -> Iterator[Started]:
    with started("--no-rates", patience=STARTS) as running:
        yield running


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for a socket in it."""
    with tempfile.TemporaryDirectory(prefix="bw-") as short:
        yield Path(short)


def a_house(tmp_path, telegram: Started, monkeypatch, *, token: str = "", more: str = ""):
    monkeypatch.setenv("BELLWETHER_TELEGRAM_TOKEN", token or telegram.token)
    return Scratch(tmp_path).write(
        more=f"[telegram]\nchat = {telegram.owner_id}\nusers = [{telegram.owner_id}]\n"
        f'api = "{telegram.base_url}"\n{more}'
    )


def played(here: Scratch) -> tuple[list[str], list[str]]:
    """A week through the real daemon, by a clock that jumps: its journal, what waits."""
    settings = here.settings()
    clock = JumpingClock(MORNING)
    wakes = JumpingWakes(clock)
    line = outside.line(settings)
    with app.keeping(settings) as ledger:
        ledger.set_switch(BOOK, Switch.ACTIVE, "", clock.now())
        house = app.house(settings, ledger, lambda _: Time(clock, wakes, LAST), line)
        asyncio.run(_play(house, wakes, line))
        waiting = [message.text for message in ledger.undelivered()]
    journal = here.folder / "state/paper/practice.jsonl"
    return journal.read_text("utf-8").splitlines(), waiting


async def _play(house: House, wakes: JumpingWakes, line: ChatLine | None) -> None:
    beside = [process._listening(house, line)] if line else []
    await serve(house.seats, asyncio.Event(), [house.outbox.deliver, wakes.run, *beside])
    await process._last_words(house, line)


def told(telegram: Started) -> list[Entry]:
    return [entry for entry in telegram.control.record() if entry.by_bot]


def trades(journal: list[str]) -> list[tuple[str, str, int]]:
    booked = [entry for entry in map(json.loads, journal) if entry["kind"] == "booked"]
    return [(entry["symbol"], entry["action"], entry["shares"]) for entry in booked]


@pytest.mark.slow
def test_a_week_is_told_one_message_a_session(tmp_path, telegram, monkeypatch):
    journal, waiting = played(a_house(tmp_path, telegram, monkeypatch))

    assert waiting == []
    # The end of the show may come in the middle of a delivery, whose repeat is marked.
    messages = {message.plain.removeprefix(MARK): message for message in told(telegram)}
    assert len(messages) == SESSIONS
    assert all(text.startswith("[PAPER] rotation practice") for text in messages)
    assert [message.silent for message in messages.values()] == [True, True, False, True, True]
    assert trades(journal)


@pytest.mark.slow
def test_an_outage_of_all_days_leaves_trading_alone_and_is_told_of_afterwards(
    tmp_path, telegram, monkeypatch
):
    well = Scratch(tmp_path / "well")
    well.folder.mkdir()
    undisturbed, _ = played(well.write())
    telegram.control.cut(OutageKind.REFUSED)
    here = a_house(tmp_path, telegram, monkeypatch)

    journal, waiting = played(here)
    during = told(telegram)
    telegram.control.restore()
    with app.keeping(here.settings()) as ledger:
        line = outside.line(here.settings())
        clock = JumpingClock(datetime(2026, 10, 3, tzinfo=UTC))
        house = app.house(here.settings(), ledger, lambda _: Time(clock, JumpingWakes(clock)), line)
        asyncio.run(process._last_words(house, line))
        left = ledger.undelivered()

    assert trades(journal) == trades(undisturbed)
    assert (during, len(waiting), list(left)) == ([], SESSIONS, [])
    arrived = [message.plain for message in told(telegram)]
    assert len(arrived) == SESSIONS
    for text, kept in zip(arrived, waiting, strict=True):
        assert text.endswith(kept)
        assert text.startswith(MARK)


@pytest.mark.slow
def test_answers_that_are_lost_lose_no_message_and_mark_its_repeat(tmp_path, telegram, monkeypatch):
    telegram.control.fail(Fault(FaultKind.LOSE, "sendMessage", times=1))

    _, waiting = played(a_house(tmp_path, telegram, monkeypatch))

    texts = [message.plain for message in told(telegram)]
    assert waiting == []
    assert len(texts) == SESSIONS + 1
    assert texts[1] == f"{MARK}{texts[0]}"


@pytest.mark.slow
def test_a_wrong_token_leaves_trading_alone_and_is_named_without_being_shown(
    tmp_path, telegram, monkeypatch, caplog
):
    wrong = "987654:wrong-token-of-nobody"
    caplog.set_level(logging.DEBUG)

    journal, waiting = played(a_house(tmp_path, telegram, monkeypatch, token=wrong))

    assert trades(journal)
    assert (told(telegram), len(waiting)) == ([], SESSIONS)
    assert "wrong-token-of-nobody" not in caplog.text
    assert any(
        record.levelno >= logging.ERROR and "Unauthorized" in record.getMessage()
        for record in caplog.records
    )


def a_quiet_daemon(folder: Path, telegram: Started, monkeypatch) -> Scratch:
    return a_house(folder, telegram, monkeypatch, more=closed_today())


def eventually(telegram: Started, text: str, after: int = 0) -> Entry:
    return telegram.control.wait(text, after=after, seconds=SOON)


@contextmanager
def awake(here: Scratch, telegram: Started) -> Iterator[Daemon]:
    """A daemon that said in the chat that it started, and listens there."""
    before = len(telegram.control.record())

    def has_said_so(_: Daemon) -> None:
        telegram.control.wait("started, version", before, STARTS)

    with serving(here, has_said_so) as one:
        listening(telegram)
        yield one


def listening(telegram: Started) -> None:
    deadline = time.monotonic() + SOON
    while not telegram.control.listening():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_a_command_is_answered_and_a_change_is_made_by_one_press(folder, telegram, monkeypatch):
    here = a_quiet_daemon(folder, telegram, monkeypatch)
    with awake(here, telegram):
        telegram.control.say("/status")
        status = eventually(telegram, "switch: active")
        telegram.control.say("/pause lunch")
        question = eventually(telegram, "Confirm within 60 s?")
        confirm = question.keyboard[0][0]
        for _ in range(2):
            telegram.control.press(confirm.data, message_id=question.message_id)
        done = eventually(telegram, "PAUSED", after=question.number)
        paused = json.loads(here.call("status", "--json").stdout)

    assert status.plain.startswith("[PAPER] rotation practice")
    assert done.kind is Kind.EDIT
    assert paused["switch"]["switch"] == "paused"
    assert paused["switch"]["reason"] == "lunch"
    with app.reading(here.settings()) as ledger:
        assert ledger.switch(BOOK).reason == "lunch"
        with ledger._file.reading() as connection:
            rows = connection.exec_driver_sql("select count(*) from switches").scalar_one()
    assert rows == 1


@pytest.mark.slow
def test_a_stranger_hears_nothing(folder, telegram, monkeypatch):
    with awake(a_quiet_daemon(folder, telegram, monkeypatch), telegram):
        telegram.control.meet(STRANGER, "Mallory")
        telegram.control.say("/status", chat_id=STRANGER, user_id=STRANGER)
        telegram.control.say("/halt", chat_id=STRANGER, user_id=STRANGER)
        telegram.control.say("/help")
        eventually(telegram, "/positions")

        heard = [entry for entry in told(telegram) if entry.chat_id == STRANGER]

    assert heard == []


@pytest.mark.slow
def test_what_was_typed_while_the_daemon_was_down_is_never_done(folder, telegram, monkeypatch):
    here = a_quiet_daemon(folder, telegram, monkeypatch)
    telegram.control.say("/halt")
    telegram.control.say("/status")
    with awake(here, telegram):
        telegram.control.say("/next")
        eventually(telegram, "New York")

        answers = [entry.plain for entry in told(telegram)]

    assert not any("Confirm" in answer for answer in answers)
    assert not any("last:" in answer for answer in answers[1:])
    assert json.loads(here.call("status", "--json").stdout)["switch"]["switch"] == "active"


@pytest.mark.slow
def test_two_daemons_with_one_token_go_on_telling(folder, telegram, monkeypatch):
    first = a_quiet_daemon(folder, telegram, monkeypatch)
    (folder / "b").mkdir()
    second = a_quiet_daemon(folder / "b", telegram, monkeypatch)
    with awake(first, telegram) as one:
        with awake(second, telegram) as other:
            log = first.folder / "log.txt"
            deadline = time.monotonic() + SOON
            while "Conflict" not in log.read_text("utf-8"):
                assert time.monotonic() < deadline, log.read_text("utf-8")
                time.sleep(0.05)
            assert (one.process.poll(), other.process.poll()) == (None, None)

        started_twice = [entry for entry in told(telegram) if "started, version" in entry.plain]
    assert len(started_twice) == 2


@pytest.mark.slow
def test_a_daemon_in_a_long_poll_ends_at_once(folder, telegram, monkeypatch):
    with awake(a_quiet_daemon(folder, telegram, monkeypatch), telegram) as daemon:
        began = time.monotonic()
        code = daemon.end(signal.SIGTERM)
        took = time.monotonic() - began

    assert (code, took < STOPS_WITHIN) == (OK, True)


def test_check_asks_the_chat_too(tmp_path, telegram, monkeypatch):
    here = a_house(tmp_path, telegram, monkeypatch)

    well = here.call("check")
    wrong = a_house(tmp_path, telegram, monkeypatch, token="987654:wrong").call("check")  # noqa: S106 - it opens nothing

    assert "may write there" in well.stdout
    assert "✗ chat" in wrong.stdout
    assert "987654:wrong" not in wrong.stdout + wrong.stderr


def test_without_its_secret_a_chat_is_a_matter_of_configuration(tmp_path, telegram, monkeypatch):
    here = a_house(tmp_path, telegram, monkeypatch)
    monkeypatch.delenv("BELLWETHER_TELEGRAM_TOKEN")

    refused = here.call("serve")
    looked = here.call("status")

    assert refused.exit_code == 78
    assert "BELLWETHER_TELEGRAM_TOKEN" in refused.stderr
    assert looked.exit_code == OK


def test_a_rebalance_day_is_told_in_both_languages(tmp_path, telegram, monkeypatch):
    texts = {}
    for language in Language:
        folder = tmp_path / language.value
        folder.mkdir()
        here = a_house(folder, telegram, monkeypatch)
        here.config.write_text(
            here.config.read_text("utf-8").replace('"en"', f'"{language.value}"'), "utf-8"
        )
        before = len(telegram.control.record())
        played(here)
        day = [e.plain for e in told(telegram) if e.number > before and "@" in e.plain]
        texts[language] = day[0]

    for text in texts.values():
        assert "[PAPER] rotation practice" in text
        assert f"{QUARTER_END}" in text
        assert text.count("@") >= 2
    assert "decision: rebalance" in texts[Language.EN]
    assert "决定：调仓" in texts[Language.ZH]
