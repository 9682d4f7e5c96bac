"""A Telegram in another process, played from here."""

import inspect
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from telegram import Bot

from adapters.sims.telegram_control import VERBS, Control
from adapters.sims.telegram_faults import Fault, FaultKind, OutageKind
from adapters.sims.telegram_rates import Rates
from adapters.sims.telegram_record import Kind
from adapters.sims.telegram_remote import RemoteControl, Started, started
from tests.adapters.sims.telegram_bots import a_request, buttons

TOKEN = "42:the-token-of-this-test"  # noqa: S105 - it opens nothing
OWNER, GROUP = 77, -4001
TREE = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def telegram():
    with started("--token", TOKEN, "--owner-id", str(OWNER), "--owner-name", "Ann") as it:
        yield it


@pytest.fixture
def control(telegram):
    telegram.control.restore()
    telegram.control.unblock()
    return telegram.control


def a_remote_bot(telegram: Started) -> Bot:
    return Bot(
        TOKEN,
        base_url=telegram.base_url,
        request=a_request(),
        get_updates_request=a_request(),
    )


async def test_it_is_played_from_another_process(telegram, control):
    typed = control.say("/status")
    async with a_remote_bot(telegram) as bot:
        await bot.send_message(OWNER, "fine", reply_markup=buttons("More"))
        pressed = control.press("More")
        updates = await bot.get_updates()
        await bot.get_updates(offset=updates[-1].update_id + 1)

    said = control.wait("fine", after=typed.number)
    assert (said.kind, said.plain) == (Kind.MESSAGE, "fine")
    assert control.record(after=pressed.number - 1) == [pressed]
    assert control.pending() == 0
    assert not control.listening()
    assert "│ [1 More]" in control.transcript()
    assert control.expire_queries() >= 1


async def test_its_line_is_broken_from_another_process(telegram, control):
    control.fail(Fault(FaultKind.REFUSE, "sendMessage", status=400, description="fault"))
    before = len(control.record())
    async with a_remote_bot(telegram) as bot:
        with pytest.raises(Exception, match="Fault"):
            await bot.send_message(OWNER, "x")
        control.cut(OutageKind.REFUSED)
        with pytest.raises(Exception, match="ConnectError"):
            await bot.send_message(OWNER, "x")
        control.restore()
        control.limit(Rates())

    assert len(control.record()) == before


async def test_other_people_come_and_go(control):
    control.meet(78, "Bob", language="de")
    control.found_group(GROUP, "Family")
    joined = control.join(GROUP, 78)
    typed = control.say("/halt", GROUP, 78)
    control.edit("/resume", typed.message_id, GROUP, 78)
    control.block(78)
    control.unblock(78)

    kinds = [entry.kind for entry in control.record(after=joined.number - 1)]
    assert kinds == [Kind.JOINED, Kind.TYPED, Kind.RETYPED, Kind.BLOCKED, Kind.UNBLOCKED]
    assert "Bob joined the group" in control.transcript(GROUP)
    assert control.menu() == []


def test_waiting_for_words_that_never_come_ends(control):
    with pytest.raises(TimeoutError, match="did not write"):
        control.wait("never", seconds=0.01)


WRONG = [
    (lambda c: c.press("Nothing", message_id=9), "message_id is 9: no such message in 77"),
    (lambda c: c.edit("x", user_id=5), "user_id is 5: nothing typed in 5 yet"),
    (lambda c: c.say(" "), "text is empty"),
    (lambda c: c.say(7), "text is 7: give str"),
    (lambda c: c.say("x", chat_id=5), "a private chat has the id of its person"),
    (lambda c: c.say("x", user_id=-5), "give a person a positive id"),
    (lambda c: c.join(5), "only a group, with a negative id, is joined"),
    (lambda c: c.found_group(5, "Five"), "give a group a negative id"),
    (lambda c: c.cut("flood"), "'flood' is not a valid OutageKind"),
    (lambda c: c.fail(Fault(FaultKind.RESET, "sendMail")), "method is sendMail"),
    (lambda c: c._call("fly"), "there is no fly"),
    (lambda c: c._call("say", {"words": "x"}), "say: missing a required argument"),
    (lambda c: c._call("fail", {"fault": {"kind": "reset", "times": 0}}), "times is 0"),
    (lambda c: c._call("fail", {"fault": {"kind": "refuse", "status": 200}}), "status is 200"),
    (lambda c: c._call("fail", {"fault": {"kind": "hang", "seconds": -1}}), "at least 0"),
    (lambda c: c._call("fail", [1]), "the body is no JSON object"),
]


@pytest.mark.parametrize(("act", "remark"), WRONG)
def test_wrong_arguments_are_named(control, act, remark):
    with pytest.raises(ValueError, match=remark):
        act(control)


def test_both_hands_can_do_the_same():
    def public(kind: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(act).parameters)
            for name, act in vars(kind).items()
            if inspect.isfunction(act) and name in VERBS
        }

    assert public(Control) == public(RemoteControl)
    assert set(public(Control)) == VERBS


def test_the_control_answers_a_browser(telegram):
    told = telegram.control._url + "/control/pending"

    with urllib.request.urlopen(told, timeout=5) as answer:  # noqa: S310 - our own process
        assert "result" in json.load(answer)


def test_it_ends_with_who_started_it():
    with started() as telegram:
        process = telegram.process
        assert process.poll() is None

    assert process.returncode == 0
    with pytest.raises(urllib.error.URLError):
        telegram.control.pending()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_a_signal_in_under_a_second(number):
    with started() as telegram:
        begun = time.monotonic()
        telegram.process.send_signal(number)
        code = telegram.process.wait(3)

    assert code == 0
    assert time.monotonic() - begun < 1


def on_a_terminal(lines: str) -> str:
    told = subprocess.run(
        [sys.executable, "-m", "adapters.sims.telegram", "--no-rates"],
        input=lines,
        capture_output=True,
        text=True,
        cwd=TREE,
        timeout=10,
        check=True,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
    )
    return told.stdout


def test_it_says_how_to_point_the_bot_at_it_and_quits():
    shown = on_a_terminal("/status\nchat\nquit\n")

    assert "base_url       http://127.0.0.1:" in shown
    assert "│ /status" in shown


def test_an_odd_token_is_told(capfd):
    with (
        pytest.raises(ChildProcessError, match="options are --token odd"),
        started("--token", "odd"),
    ):
        pytest.fail("it began")

    assert "token: give it the form 123456789:" in capfd.readouterr().err
