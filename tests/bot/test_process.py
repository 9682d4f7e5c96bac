import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot import app, process
from bot.commands import RunNow
from bot.domain.calendar import exchange_date
from bot.domain.errors import Blocked
from bot.domain.memory import Switch
from bot.exits import FAULT, OK, TEMPORARY
from bot.ledger import SqlLedger
from bot.schedule import JumpingClock, SystemClock
from bot.sessions import EARLIEST, LATEST, nyse
from tests.bot.scratch import BOOK, QUARTER_END, SUNDAY, Scratch, closes, near_close, written

ROOT = Path(__file__).parents[2]
ODD_ZONE = "Pacific/Chatham"  # a quarter of an hour off every other clock
STARTS_WITHIN = 60.0  # seconds, as the following
STOPS_WITHIN = 2.0
ANSWERS_WITHIN = 60.0
LOOK_AGAIN = 0.02
OLD_ROWS = 300


# --- a run in this process, by a clock that jumps ---


@pytest.fixture
def here(tmp_path):
    return Scratch(tmp_path).write()


def run_at(here, moment):
    return process.run_today(here.settings(), RunNow(), JumpingClock(moment))


def orders_of(here):
    journal = here.folder / "state" / "paper" / "practice.jsonl"
    return journal.read_text("utf-8").splitlines() if journal.exists() else []


def test_a_run_in_its_window_trades_and_ends_well(here, capsys):
    ended = run_at(here, near_close(QUARTER_END))

    assert (ended.code, ended.text) == (OK, f"{BOOK}: Wed 2026-09-30: complete")
    assert "buy 53 SMH at 235.47: filled 53 of 53" in capsys.readouterr().out


def test_a_run_that_has_ended_is_not_taken_up_again(here):
    first = run_at(here, near_close(QUARTER_END))
    traded = orders_of(here)

    again = run_at(here, near_close(QUARTER_END))

    assert again == first
    assert orders_of(here) == traded


def test_a_run_before_its_window_is_to_be_tried_again(here):
    with pytest.raises(Blocked, match="window_ahead"):
        run_at(here, datetime(2026, 9, 30, 15, tzinfo=UTC))

    assert orders_of(here) == []


def test_a_run_after_its_window_is_reported_as_missed(here, capsys):
    ended = run_at(here, datetime(2026, 9, 30, 21, tzinfo=UTC))

    assert (ended.code, ended.text) == (TEMPORARY, f"{BOOK}: Wed 2026-09-30: MISSED")
    assert "MISSED" in capsys.readouterr().out
    assert orders_of(here) == []


def test_on_a_day_without_a_session_there_is_nothing_to_run(here):
    ended = run_at(here, near_close(SUNDAY))

    assert ended.code == OK
    assert "Sun 2026-10-04 is no session of the exchange" in ended.text


def test_a_run_on_old_prices_stays_blocked_until_its_deadline(here, capsys):
    ended = run_at(here, datetime(2026, 10, 30, 19, 50, tzinfo=UTC))

    assert (ended.code, ended.text) == (TEMPORARY, f"{BOOK}: Fri 2026-10-30: BLOCKED")
    assert "history of SPY ends on Thu 2026-10-15" in capsys.readouterr().out
    assert orders_of(here) == []


def test_a_halted_book_ends_its_run_with_a_fault_each_time(here):
    with app.keeping(here.settings()) as ledger:
        ledger.set_switch(BOOK, Switch.HALTED, "", near_close(QUARTER_END))

    ends = [run_at(here, near_close(QUARTER_END)) for _ in range(2)]

    assert [ended.code for ended in ends] == [FAULT, FAULT]
    assert all("HALTED, a person is needed" in ended.text for ended in ends)


def test_every_part_is_well_where_the_prices_are(here):
    examined = process.check(here.settings(), JumpingClock(near_close(QUARTER_END)))

    assert [each.error for each in examined] == [None] * 6
    assert "27 of 27 symbols" in examined[4].seen


CHAT = '[telegram]\nchat = 1\napi = "http://127.0.0.1:1/bot"\n'
TOKEN, FRESH = "111111:stale-token-of-a-test", "111111:fresh-token-of-a-test"


def test_check_says_where_each_secret_comes_from_and_never_what_it_is(here, monkeypatch):
    fresh = here.folder / "token"
    fresh.touch(0o600)
    fresh.write_text(FRESH)
    monkeypatch.setenv("BELLWETHER_TELEGRAM_TOKEN", TOKEN)
    alone = here.write(more=CHAT).call("check")
    monkeypatch.setenv("BELLWETHER_TELEGRAM_TOKEN_FILE", str(fresh))
    doubled = here.call("check")

    assert "telegram_token from BELLWETHER_TELEGRAM_TOKEN\n" in alone.stdout
    assert f"from BELLWETHER_TELEGRAM_TOKEN; {fresh} has another and is ignored" in doubled.stdout
    assert "token-of-a-test" not in alone.output + doubled.output


def test_check_without_a_secret_tells_of_it_alone_and_how_it_is_mended(here, monkeypatch):
    open_to_all = here.folder / "token"
    open_to_all.write_text(TOKEN)
    open_to_all.chmod(0o644)
    monkeypatch.setenv("BELLWETHER_TELEGRAM_TOKEN_FILE", str(open_to_all))

    told = here.write(more=CHAT).call("check")

    assert told.exit_code == 78
    assert f"Run chmod 600 {open_to_all};" in told.stdout
    assert "calendar" not in told.stdout


def test_a_daemon_that_dies_tells_every_owner_before_it_ends(here):
    house = here.write(books={"one": "A", "two": "B"}).house(near_close(QUARTER_END))
    deep = ExceptionGroup("serving", [ExceptionGroup("a source", [OSError("no such device")])])

    named = process._died(deep, house.seats)

    told = [message.text for message in house.ledger.undelivered()]
    assert named.code == "daemon_died"
    assert [text.split()[1] for text in told] == ["one", "two"]
    assert all("a part of it died: OSError: no such device" in text for text in told)


def test_two_starts_within_a_second_are_told_both(here):
    ledger = SqlLedger.open(None)
    for after in (0.1, 0.9):
        house = here.house(near_close(QUARTER_END) + timedelta(seconds=after), ledger)
        process._tell_start(house.seats[0])

    assert ["started" in told.text for told in ledger.undelivered()] == [True, True]


# --- a daemon in a process of its own ---


def closed_today() -> str:
    """Settings that make today no session, whatever day a test is run on."""
    today = exchange_date(SystemClock().now())
    session = nyse(EARLIEST, LATEST).on(today)
    return f"[calendar]\nextra_closures = [{today}]\n" if session else ""


@pytest.fixture
def quiet(tmp_path):
    """A folder whose daemon finds no session today, and prices that are too old to plan on."""
    prices = written(closes().head(OLD_ROWS), tmp_path / "prices.csv")
    return Scratch(tmp_path).write(prices=prices, more=closed_today())


@dataclass
class Daemon:
    process: "subprocess.Popen[bytes]"
    said: Path

    def wait_for(self, words: str) -> str:
        """Everything it said, once that has `words` in it."""
        deadline = time.monotonic() + STARTS_WITHIN
        while words not in (said := self.said.read_text("utf-8")):
            assert self.process.poll() is None, f"it ended: {said}"
            assert time.monotonic() < deadline, f"it only said: {said}"
            time.sleep(LOOK_AGAIN)
        return said

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(ANSWERS_WITHIN)


def command(here: Scratch, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "bot", *arguments, "--config", str(here.config)]


def has_said_so(daemon: Daemon) -> None:
    daemon.wait_for("started, version")


@contextmanager
def serving(here: Scratch, started: Callable[[Daemon], object] = has_said_so) -> Iterator[Daemon]:
    """A daemon that has `started`, where it says so; killed, should it still live."""
    said = here.folder / "said.txt"
    with said.open("wb") as out, (here.folder / "log.txt").open("ab") as log:
        child = subprocess.Popen(
            command(here, "serve"),
            cwd=ROOT,
            env={**os.environ, "TZ": ODD_ZONE},
            stdout=out,
            stderr=log,
        )
        try:
            daemon = Daemon(child, said)
            started(daemon)
            yield daemon
        finally:
            child.kill()
            child.wait()


@pytest.mark.slow
def test_a_daemon_is_asked_through_its_socket(quiet):
    with serving(quiet) as daemon:
        paused = quiet.call("pause", "--reason", "lunch")
        seen_paused = quiet.call("status")
        resumed = quiet.call("resume")
        planned = quiet.call("plan")
        ran = quiet.call("run")
        unknown = quiet.call("resolve", "NOSUCHORDER", "--never-sent")
        halted = quiet.call("halt")
        seen_halted = json.loads(quiet.call("status", "--json").stdout)
        said = daemon.wait_for("[PAPER] rotation practice")

    assert "paper: orders go to a paper account" in said
    assert paused.stdout == "rotation: switch: PAUSED, nothing trades – lunch\n"
    assert "switch: PAUSED, nothing trades – lunch" in seen_paused.stdout
    assert resumed.stdout == "rotation: switch: active\n"
    assert (planned.exit_code, "history of SPY" in planned.stderr) == (TEMPORARY, True)
    assert (ran.exit_code, "is no session of the exchange" in ran.stdout) == (OK, True)
    assert (unknown.exit_code, "NOSUCHORDER" in unknown.stderr) == (FAULT, True)
    assert halted.exit_code == OK
    assert seen_halted["switch"]["switch"] == "halted"


@pytest.mark.slow
def test_a_second_daemon_on_the_same_ledger_is_refused_and_told_who_has_it(quiet):
    with serving(quiet) as daemon:
        second = subprocess.run(
            command(quiet, "serve"),
            cwd=ROOT,
            capture_output=True,
            check=False,
            timeout=STARTS_WITHIN,
        )

        assert daemon.process.poll() is None

    told = second.stderr.decode()
    assert second.returncode == TEMPORARY
    assert f"is in use by another process ({daemon.process.pid})" in told
    assert "Let one daemon run only" in told


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_daemon_told_to_stop_ends_at_once_and_well(quiet, number):
    with serving(quiet) as daemon:
        began = time.monotonic()
        code = daemon.end(number)
        took = time.monotonic() - began

    assert (code, took < STOPS_WITHIN) == (OK, True)
    assert not app.socket_path(quiet.settings()).exists()
    assert quiet.call("status").exit_code == OK
    assert quiet.call("pause").exit_code == OK


@pytest.mark.slow
def test_the_socket_of_a_killed_daemon_disturbs_nobody(quiet):
    with serving(quiet) as daemon:
        daemon.end(signal.SIGKILL)
    left = app.socket_path(quiet.settings())
    assert left.is_socket()

    alone = quiet.call("pause")
    with serving(quiet) as daemon:
        resumed = quiet.call("resume")
        code = daemon.end(signal.SIGTERM)

    assert (alone.exit_code, resumed.exit_code, code) == (OK, OK, OK)
    assert not left.exists()


@pytest.mark.slow
def test_a_daemon_that_can_not_listen_says_why(quiet):
    folder = quiet.folder / ("long" * 30)
    folder.mkdir()
    there = Scratch(folder).write(more=closed_today())

    told = subprocess.run(
        command(there, "serve"), cwd=ROOT, capture_output=True, check=False, timeout=STARTS_WITHIN
    )

    assert told.returncode == 78
    assert "is too long for a socket" in told.stderr.decode()
    assert "Traceback" not in told.stderr.decode()


def test_run_on_a_day_without_a_session_ends_well(quiet):
    told = quiet.call("run")

    assert told.exit_code == OK
    assert "is no session of the exchange, there is nothing to run." in told.stdout


def test_what_a_run_kept_can_be_read_afterwards(here):
    run_at(here, near_close(QUARTER_END))

    ledger = SqlLedger.open(app.ledger_path(here.settings()), read_only=True)

    assert ledger.runs(BOOK)[0].session == QUARTER_END
    ledger.close()
