"""A login or a token that ends under a daemon: told once, nothing traded, taken up when new."""

import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adapters.sims.telegram_record import Kind
from adapters.sims.telegram_remote import started
from bot.__main__ import cli
from bot.domain.memory import Outcome
from tests.bot.broker_houses import (
    DAY,
    NEXT,
    LongPortHouse,
    SchwabHouse,
    at_longport,
    at_schwab,
    new_york,
    span,
)

pytestmark = pytest.mark.slow

BEFORE, END = span(DAY)
GIVEN_UP = END + timedelta(minutes=20)  # a final read is tried for half an hour
WAKE, LATER = (BEFORE + timedelta(minutes=n) for n in (1, 8))
COMPLETE = f"{DAY}: complete"
ENDED = "the login to Schwab has ended"
REFUSED = "LongPort does not accept the access token"
SOON, STARTS = 20.0, 60.0


@pytest.fixture
def folder():
    """A folder whose path is short enough for a socket in it."""
    with tempfile.TemporaryDirectory(prefix="bw-") as short:
        yield Path(short)


@pytest.fixture
def schwab(folder, monkeypatch) -> Iterator[SchwabHouse]:
    with at_schwab(folder, monkeypatch.setenv) as house:
        yield house


@pytest.fixture
def longport(folder, monkeypatch) -> Iterator[LongPortHouse]:
    with at_longport(folder, monkeypatch.setenv) as house:
        yield house


def alerts(said: str, about: str = ENDED) -> int:
    """How often it was told, apart from the news that it is over."""
    return said.count(about) - said.count(f"over: {about}")


def end_login(house: SchwabHouse) -> None:
    house.control.expire_login()
    house.control.expire_access()


def auth(house: SchwabHouse, *more: str, told: str = "") -> str:
    """The command of a person on the host, beside the daemon."""
    arguments = ["auth", "schwab", *more, "--config", str(house.config)]
    done = CliRunner().invoke(cli, arguments, input=told)
    assert done.exit_code == 0, done.output
    return done.output


def address_in(text: str) -> str:
    [address] = [line for line in text.splitlines() if line.startswith("https://")]
    return address


def log_in_again(house: SchwabHouse) -> None:
    address = address_in(auth(house, "--begin"))
    assert "is kept" in auth(house, "--finish", told=house.control.allow(address) + "\n")


def test_a_login_that_has_ended_blocks_a_run_until_there_is_a_new_one(schwab):
    with schwab.daemon(BEFORE, BEFORE + timedelta(seconds=30)) as running:
        running.wait_for("started, version")
        end_login(schwab)
        running.go_on(WAKE, LATER)
        running.wait_for("BLOCKED")
        schwab.waits_for(LATER)
        log_in_again(schwab)
        running.go_on(LATER, END)
        said = running.wait_for(COMPLETE)

    assert (alerts(said), said.count(f"over: {ENDED}")) == (1, 1)
    assert (schwab.asked(), len(schwab.booked())) == (3, 3)


def test_a_login_that_ends_between_decision_and_orders_leaves_them_owed(schwab):
    with schwab.daemon(BEFORE, WAKE + timedelta(seconds=30)) as running:
        schwab.decides()
        end_login(schwab)
        running.go_on(WAKE, GIVEN_UP)
        running.wait_for(f"{DAY}: not complete")
        asked = schwab.asked()
        log_in_again(schwab)
        schwab.open_on(NEXT)
        running.go_on(*span(NEXT))
        said = running.wait_for(f"{NEXT}: complete")

    assert (alerts(said), said.count(f"over: {ENDED}")) == (1, 1)
    assert schwab.report(DAY).outcome is Outcome.OWED
    assert asked == 0
    assert schwab.traded(NEXT)


def test_a_login_is_renewed_in_the_chat_and_what_was_pasted_is_gone(schwab, monkeypatch):
    with started("--no-rates", patience=STARTS) as telegram:
        monkeypatch.setenv("BELLWETHER_TELEGRAM_TOKEN", telegram.token)
        schwab.write(
            f"[telegram]\nchat = {telegram.owner_id}\nusers = [{telegram.owner_id}]\n"
            f'api = "{telegram.base_url}"\n'
        )
        chat = telegram.control
        with schwab.daemon(BEFORE, BEFORE + timedelta(seconds=30)) as running:
            chat.wait("started, version", seconds=STARTS)
            end_login(schwab)
            running.go_on(WAKE, LATER)
            chat.wait(ENDED, seconds=SOON)
            schwab.waits_for(LATER)
            chat.say("/login")
            asked = chat.wait("https://", seconds=SOON)
            typed = chat.say(schwab.control.allow(address_in(asked.plain)))
            done = chat.wait("The login is kept", seconds=SOON)
            chat.say("/status")
            status = chat.wait("switch: active", after=done.number, seconds=SOON)
            running.go_on(LATER, END)
            chat.wait(COMPLETE, seconds=SOON)
            logged = running.log.read_text("utf-8")
        record = chat.record()

    assert [e.message_id for e in record if e.kind is Kind.DELETED] == [typed.message_id]
    assert alerts("".join(entry.plain for entry in record if entry.by_bot)) == 1
    assert "login to Schwab: 0 d 0 h old, holds until" in status.plain
    assert "code=" not in logged
    assert len(schwab.booked()) == 3


def test_a_token_the_broker_ends_blocks_a_run_until_there_is_a_new_one(longport):
    with longport.daemon(BEFORE, BEFORE + timedelta(seconds=30)) as running:
        running.wait_for("started, version")
        longport.control.revoke_token()
        running.go_on(WAKE, LATER)
        running.wait_for("BLOCKED")
        longport.control.issue_token()
        longport.keep_token()
        running.go_on(LATER, END)
        said = running.wait_for(COMPLETE)

    assert alerts(said, REFUSED) == 1
    assert (longport.asked(), len(longport.booked())) == (3, 3)


def test_a_token_is_exchanged_in_the_night_and_the_old_one_kept_until_the_new_one_holds(longport):
    night = new_york(DAY, 15, 44) + timedelta(days=62, hours=8)
    before = longport.token_file.read_text("ascii")
    with longport.daemon(night, night) as running:
        for minute in range(1, 60):
            running.go_on(night, night + timedelta(minutes=minute))
            longport.waits_for(night + timedelta(minutes=minute))
            if longport.token_file.read_text("ascii") != before:
                break

    assert longport.token_file.read_text("ascii") == longport.control.access().access_token
    assert longport.token_file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in longport.folder.glob("token.*")] == []
