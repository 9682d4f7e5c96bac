import asyncio
import json
import stat
from contextlib import asynccontextmanager

import pytest

from bot.commands import Look, PlanNow, Resolve, RunNow, Turn, Why
from bot.control import LONGEST_ADDRESS, HealthNow, ask, listening
from bot.domain.errors import BellwetherError, Blocked, BrokerUnavailable, SettingsError
from bot.domain.memory import Switch
from bot.events import RunDue
from bot.proofs import Checkup, Told
from bot.words import Language
from tests.bot.scratch import BOOK, QUARTER_END, Scratch, near_close

A_MOMENT = 0.05  # seconds


@pytest.fixture
def house(tmp_path):
    return Scratch(tmp_path).write().house(near_close(QUARTER_END))


@pytest.fixture
def address(tmp_path):
    return tmp_path / "control.sock"


WELL = Checkup(near_close(QUARTER_END), True, (Told(BOOK, "data", True, "all", None, None, None),))
ILL = Checkup(
    near_close(QUARTER_END), False, (Told(BOOK, "data", False, "", "stale", "it is old", "renew"),)
)


def at(address, house, found=WELL):
    async def look():
        await asyncio.sleep(0)
        return found

    return listening(address, house.seats, Language.EN, look)


@asynccontextmanager
async def somebody_else(address, answer):
    """A process that holds the address and says what it will."""

    lines = []

    async def hear(reader, writer):
        lines.append(writer)
        await reader.readline()
        if answer is not None:
            writer.write(answer)
            writer.close()

    server = await asyncio.start_unix_server(hear, address)
    try:
        yield
    finally:
        server.close()
        for writer in lines:
            writer.close()
            await writer.wait_closed()


async def said_to(address, line):
    """What comes back for bytes that no command line of ours would send."""
    reader, writer = await asyncio.open_unix_connection(address)
    writer.write(line)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


async def test_a_command_is_obeyed_and_its_answer_comes_back_whole(house, address):
    async with at(address, house):
        answer = await ask(address, Turn(Switch.PAUSED, BOOK, "lunch"))
        seen = await ask(address, Look())

    assert answer.text == "rotation: switch: PAUSED, nothing trades – lunch"
    assert "PAUSED" in seen.text
    assert seen.data.switch.reason == "lunch"
    assert seen.data.title.book == BOOK


async def test_a_plan_crosses_the_socket_with_its_orders(house, address):
    async with at(address, house):
        answer = await ask(address, PlanNow())

    assert {order.intent.symbol for order in answer.data.orders} == {"SMH", "INDA"}


async def test_a_run_asked_for_is_an_event_in_the_books_inbox(house, address):
    async with at(address, house):
        answer = await ask(address, RunNow())

    assert "its message follows" in answer.text
    assert house.seats[0].inbox.get_nowait() == RunDue(QUARTER_END)


@pytest.mark.parametrize(
    ("command", "kind", "code"),
    [
        (Look("other"), SettingsError, "unknown_book"),
        (Why(), BellwetherError, "no_run_yet"),
        (Resolve("ABC"), BellwetherError, "unknown_order"),
    ],
)
async def test_a_refusal_is_the_same_error_on_this_side(house, address, command, kind, code):
    async with at(address, house):
        with pytest.raises(kind) as refused:
            await ask(address, command)

    assert refused.value.code == code


async def test_what_is_too_early_is_still_blocked_on_this_side(tmp_path, address):
    house = Scratch(tmp_path).write().house(near_close(QUARTER_END).replace(hour=15))

    async with at(address, house):
        with pytest.raises(Blocked, match="window_ahead"):
            await ask(address, RunNow())


async def test_where_nobody_listens_there_is_no_daemon(address):
    with pytest.raises(BellwetherError, match="no_daemon"):
        await ask(address, Look())


@pytest.mark.parametrize("answer", [None, b"", b"{}\n", b"half an ans"])
async def test_a_daemon_without_a_proper_answer_is_silent(address, answer):
    async with somebody_else(address, answer):
        with pytest.raises(BrokerUnavailable, match="daemon_silent"):
            await ask(address, Look(), patience=A_MOMENT)


@pytest.mark.parametrize("line", [b"", b"hello\n", b'{"do": "sell everything"}\n', b"\xff\n"])
async def test_what_is_no_command_is_refused_and_the_next_one_heard(house, address, line):
    async with at(address, house):
        refused = json.loads(await said_to(address, line))
        heard = await ask(address, Look())

    assert refused["code"] == "unknown_command"
    assert heard.data is not None


async def test_a_line_without_end_is_not_read_for_ever(house, address):
    async with at(address, house):
        answer = await said_to(address, b"x" * 100_000)
        heard = await ask(address, Look())

    assert answer == b""
    assert heard.data is not None


async def test_only_the_owner_may_connect(house, address):
    async with at(address, house):
        assert stat.S_IMODE(address.stat().st_mode) == 0o600

    assert not address.exists()


async def test_what_a_dead_daemon_left_at_the_address_is_replaced(house, address):
    address.write_text("dead")

    async with at(address, house):
        assert (await ask(address, Look())).data is not None


async def test_an_address_no_socket_can_have_is_a_setting_to_change(house, tmp_path):
    with pytest.raises(SettingsError, match="state_dir_long"):
        async with at(tmp_path / ("x" * LONGEST_ADDRESS), house):
            pass


@pytest.mark.parametrize(
    ("found", "heading"), [(WELL, "healthy: everything"), (ILL, "NOT healthy: not proven are 1")]
)
async def test_how_everything_is_comes_back_whole_and_in_words(address, house, found, heading):
    async with at(address, house, found):
        answer = await ask(address, HealthNow())

    assert answer.data == found
    assert answer.text.startswith(heading)


async def test_what_is_not_proven_says_what_to_do(address, house):
    async with at(address, house, ILL):
        answer = await ask(address, HealthNow())

    assert answer.text.splitlines()[2:] == [
        "  ✗ data       it is old",
        "               → renew",
    ]
