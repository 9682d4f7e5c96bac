"""The library's process: whatever hangs in it, the loop of the daemon goes on."""

import asyncio
import os
import socket
import subprocess
import sys
import time
import venv
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from adapters.longport_process import BELATED, LibraryRefused, NotAnswered, NotAsked, Process
from adapters.longport_wire import (
    Accepted,
    Balance,
    Half,
    Holdings,
    Money,
    Open,
    Positions,
    Submit,
    question_line,
)
from adapters.sims.longport_faults import Fault, FaultKind
from bot.domain.errors import SettingsError
from tests.adapters.longport_world import ORDINARY, PYTHON, begun, end

TREE = Path(__file__).parents[2]
ACCOUNT, STOCKS = "GET /v1/asset/account", "GET /v1/asset/stock"
SUBMIT = "POST /v1/trade/order"
SOON, LATE = 0.15, 5.0
AN_ORDER = Submit("VOO.US", "Buy", 1, None, "NAME")
HANG = Fault(FaultKind.HANG, ACCOUNT)

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="looks at processes as Linux shows them"
)


@pytest.fixture
def control():
    return begun(ORDINARY, VOO=100, BIL=50)


@pytest.fixture
def process(control):
    it = Process(partial(keys_of, control), LATE, PYTHON)
    yield it
    it.drop()


def keys_of(control, half: Half = Half.TRADE) -> Open:
    it = control.access()
    keys = it.app_key, it.app_secret, it.access_token
    return Open(half, *keys, it.http_url, it.quote_ws_url, it.trade_ws_url)


def lives(number: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(number, 0)
        return True
    return False


def shown(number: int) -> bytes:
    """What others can see of a process."""
    about = Path("/proc") / str(number)
    return (about / "cmdline").read_bytes() + (about / "environ").read_bytes()


async def longest_stall(during) -> float:
    """How long the loop stood still while something was waited for, in seconds."""
    longest, task = 0.0, asyncio.create_task(during)
    while not task.done():
        before = time.monotonic()
        await asyncio.sleep(0.001)
        longest = max(longest, time.monotonic() - before)
    with suppress(NotAnswered):
        await task
    return longest


async def test_an_answer_has_the_kind_that_was_asked_for(process):
    assert isinstance(await process.ask(Balance("USD"), Money, LATE), Money)


async def test_what_the_broker_says_no_to_has_its_code(process, control):
    control.fail(Fault(FaultKind.REFUSE, ACCOUNT, code=429002, message="limited"))

    with pytest.raises(LibraryRefused) as refused:
        await process.ask(Balance("USD"), Money, LATE)

    assert (refused.value.code, refused.value.message) == (429002, "limited")


@pytest.mark.parametrize("fault", [HANG, Fault(FaultKind.SLOW, ACCOUNT, seconds=SOON)])
async def test_the_loop_goes_on_while_the_library_waits(process, control, fault):
    await process.open()
    control.fail(fault)

    assert await longest_stall(process.ask(Balance("USD"), Money, 2 * SOON)) < SOON / 2


async def test_a_process_that_hangs_is_killed_at_its_time_and_another_goes_on(process, control):
    await process.open()
    hung = process.number
    control.fail(HANG)

    with pytest.raises(NotAnswered):
        await process.ask(Balance("USD"), Money, SOON)

    assert not lives(hung)
    assert await process.ask(Balance("USD"), Money, LATE)
    assert process.number != hung


async def test_who_is_cancelled_takes_the_process_with_him(process, control):
    await process.open()
    hung = process.number
    control.fail(Fault(FaultKind.HANG, SUBMIT, after=True))
    asked = asyncio.create_task(process.ask(AN_ORDER, Accepted, LATE))
    while not control.orders():  # noqa: ASYNC110 - the broker is another process
        await asyncio.sleep(0.001)

    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)

    assert not lives(hung)
    assert isinstance(await process.ask(Holdings(), Positions, LATE), Positions)


async def test_questions_of_several_are_asked_one_after_the_other(process):
    asked = [process.ask(Balance("USD"), Money, LATE), process.ask(Holdings(), Positions, LATE)]

    money, stocks = await asyncio.gather(*asked)

    assert (type(money), type(stocks)) == (Money, Positions)


async def test_who_waits_for_his_turn_gets_his_own_answer_from_another_process(process, control):
    await process.open()
    control.fail(HANG)
    asked = [process.ask(Balance("USD"), Money, SOON), process.ask(Holdings(), Positions, LATE)]

    hung, stocks = await asyncio.gather(*asked, return_exceptions=True)

    assert (type(hung), type(stocks)) == (NotAnswered, Positions)


async def test_a_process_that_died_meanwhile_is_started_anew(process):
    await process.open()
    end(process.number)

    assert await process.ask(Balance("USD"), Money, LATE)


async def test_dropping_tells_who_waits(process, control):
    await process.open()
    control.fail(HANG)
    asked = asyncio.create_task(process.ask(Balance("USD"), Money, LATE))
    await asyncio.sleep(0.02)

    process.drop()

    with pytest.raises(NotAnswered):
        await asked


async def test_what_can_not_connect_was_not_asked(process, control):
    control.expire_token()

    # One library connects before it asks, the other as it asks.
    with pytest.raises((NotAsked, LibraryRefused)) as refused:
        await process.ask(AN_ORDER, Accepted, LATE)

    assert "401003" in str(refused.value)
    assert control.orders() == ()


async def test_a_connection_that_hangs_was_not_asked(control):
    control.fail(Fault(FaultKind.HANG, "GET /v1/socket/token", times=9))
    process = Process(partial(keys_of, control, Half.QUOTE), SOON, PYTHON)

    with pytest.raises((NotAsked, NotAnswered)):
        await process.ask(Balance("USD"), Money, SOON)

    assert process.number is None


async def test_no_key_is_where_other_users_can_see_it(process, control):
    await process.open()

    seen = shown(process.number)

    access = control.access()
    secrets = (access.app_key, access.app_secret, access.access_token)
    assert [each for each in secrets if each.encode() in seen] == []


async def test_a_library_that_is_not_there_is_named(control, tmp_path):
    venv.create(tmp_path / "bare", symlinks=True)
    process = Process(partial(keys_of, control), LATE, str(tmp_path / "bare/bin/python"))

    with pytest.raises(SettingsError, match="extra_missing"):
        await process.open()

    process.drop()


DAEMON = """
import asyncio, sys
sys.path.insert(0, {tree!r})
from adapters.longport_process import Process
from adapters.longport_wire import Balance, Money, Open
process = Process(lambda: {keys!r}, 5.0, {python!r})
async def main():
    await process.open()
    print(process.number, flush=True)
    await process.ask(Balance("USD"), Money, {seconds})
asyncio.run(main())
"""


@pytest.mark.slow
def test_a_process_that_hangs_ends_by_itself_when_its_daemon_is_killed(control):
    keys = repr(keys_of(control)).replace("<Half.TRADE: 'trade'>", "'trade'")
    text = DAEMON.format(tree=str(TREE), keys=0, python=PYTHON, seconds=SOON)
    text = text.replace("lambda: 0", f"lambda: {keys}")
    control.fail(Fault(FaultKind.SLOW, ACCOUNT, seconds=60))
    with subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE) as daemon:
        number = int(daemon.stdout.readline())
        while not control.calls(ACCOUNT):
            time.sleep(0.001)
        daemon.kill()
        daemon.wait()
    hangs = lives(number)

    ends = time.monotonic() + BELATED + LATE
    while lives(number) and time.monotonic() < ends:
        time.sleep(0.01)
    assert hangs
    assert not lives(number)


def test_a_process_whose_daemon_is_gone_before_the_answer_ends_without_a_word():
    ours, given = socket.socketpair()
    with given:
        with ours:
            ours.sendall(question_line(Balance("USD"), LATE))

        command = [sys.executable, "-S", "-m", "adapters.longport_child"]
        ended = subprocess.run(command, cwd=TREE, stdin=given, capture_output=True, check=False)

    assert (ended.returncode, ended.stderr) == (0, b"")


async def test_a_new_world_begins_without_the_libraries_of_an_earlier_one(process):
    await process.open()

    begun(ORDINARY)

    assert not process._child.alive
