"""What is heard by Telegram: the real library at a simulated Bot API, over a real socket."""

import asyncio
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.sims.telegram import TelegramSim
from adapters.sims.telegram_faults import Fault, FaultKind, OutageKind
from adapters.sims.telegram_record import Kind
from adapters.sims.telegram_remote import started
from adapters.sims.telegram_world import TOKEN, Setup
from adapters.telegram import Door, Telegram
from adapters.telegram_door import Seldom
from adapters.telegram_listener import Listener, Polls
from adapters.telegram_wire import Wire
from tests.adapters.telegram_chats import (
    CHAT,
    DOOR,
    QUICK,
    Parrot,
    a_message,
    a_telegram,
    eventually,
    listening,
    messages,
    open_telegram,
    texts,
)
from tests.adapters.test_telegram_door import STRANGERS, an_update

ROOT = Path(__file__).parents[2]
GROUP, STRANGER = -4001, 2002
MENUS = {"": [("status", "how it stands")], "zh": [("status", "\u72b6\u6001")]}
CANARY = "987654321:canary-of-a-token-that-nobody-may-read"
AT_MOST = 1.5  # seconds to stop
LONG_ENOUGH = 30.0  # seconds for a process to begin, on a machine that has other things to do


@pytest.fixture
async def sim():
    async with TelegramSim(Setup(rates=None)) as it:
        yield it


@pytest.fixture
async def telegram(sim):
    async with open_telegram(sim) as it:
        yield it


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    ours = [r for r in caplog.records if r.name.startswith("adapters.telegram")]
    return [record.getMessage() for record in ours]


async def test_what_is_said_is_brought_and_answered(sim, telegram):
    async with listening(telegram, sim) as parrot:
        sim.control.say("/status <1>")
        await sim.control.wait("heard")

    assert parrot.heard == [(CHAT, "/status <1>")]
    assert texts(sim) == ["heard /status <1>"]


async def test_a_reply_has_its_choices_as_buttons(sim, telegram):
    async with listening(telegram, sim):
        sim.control.say("/ask yes")
        reply = await sim.control.wait("Sell <all>?")

    (row,) = reply.keyboard
    assert [(button.text, button.data) for button in row] == [
        ("Yes", "yes"),
        ("No & never", "no"),
    ]


async def test_a_press_is_answered_and_its_reply_takes_the_place_of_the_buttons(sim, telegram):
    async with listening(telegram, sim) as parrot:
        sim.control.say("/ask yes")
        await sim.control.wait("Sell")
        sim.control.press("No & never")
        edit = await sim.control.wait("pressed no")
        await eventually(lambda: is_answered(sim))

    assert parrot.heard[-1] == (CHAT, "no")
    assert (edit.kind, edit.message_id, edit.keyboard) == (
        Kind.EDIT,
        messages(sim)[0].message_id,
        (),
    )


async def test_a_secret_is_removed_from_the_chat_before_it_is_answered(sim, telegram):
    async with listening(telegram, sim):
        typed = sim.control.say("/secret hush")
        await sim.control.wait("noted")

    deleted, answered = sim.control.record()[-2:]
    assert (deleted.kind, deleted.message_id) == (Kind.DELETED, typed.message_id)
    assert answered.plain == "noted"


async def test_a_secret_that_can_not_be_removed_is_left_to_its_owner(sim, telegram, caplog):
    sim.control.fail(Fault(FaultKind.REFUSE, "deleteMessage", status=400))
    async with listening(telegram, sim):
        sim.control.say("/secret hush")
        answered = await sim.control.wait("noted")

    assert answered.plain == "noted\ndelete it yourself"
    assert any("was not removed" in line for line in logged(caplog))
    assert not any("hush" in line for line in logged(caplog))


async def test_a_long_reply_has_its_buttons_under_the_last_part(sim, telegram):
    async with listening(telegram, sim):
        sim.control.say("/long")
        await sim.control.wait("(3/3)")

    assert [bool(sent.keyboard) for sent in messages(sim)] == [False, False, True]


async def test_a_long_reply_to_a_press_begins_in_its_place(sim, telegram):
    async with listening(telegram, sim):
        sim.control.say("/long")
        await sim.control.wait("(3/3)")
        after = sim.control.press("Yes").number
        await sim.control.wait("(3/3)", after)

    told = [e for e in sim.control.record(after=after) if e.plain.startswith("(")]
    assert [(e.kind, e.plain[:5]) for e in told] == [
        (Kind.EDIT, "(1/3)"),
        (Kind.MESSAGE, "(2/3)"),
        (Kind.MESSAGE, "(3/3)"),
    ]


def is_answered(sim: TelegramSim) -> bool:
    return Kind.ANSWER in [entry.kind for entry in sim.control.record()]


async def press(sim: TelegramSim, data: str) -> None:
    """Have a question asked and press its first button."""
    asked = sim.control.say(f"/ask {data}")
    await sim.control.wait("Sell", asked.number)
    sim.control.press("Yes")


async def test_a_reply_that_changes_nothing_is_harmless(sim, telegram, caplog):
    async with listening(telegram, sim):
        await press(sim, "same")
        await eventually(lambda: is_answered(sim))
        sim.control.say("/status")
        await sim.control.wait("heard /status")

    assert texts(sim) == ["Sell <all>?", "heard /status"]
    assert logged(caplog) == []


async def test_a_query_too_old_is_harmless(sim, telegram, caplog):
    remark = "query is too old and response timeout expired or query ID is invalid"
    sim.control.fail(Fault(FaultKind.REFUSE, "answerCallbackQuery", status=400, description=remark))

    async with listening(telegram, sim) as parrot:
        await press(sim, "yes")
        await sim.control.wait("pressed yes")
        await press(sim, "yes")
        await eventually(lambda: is_answered(sim))

    assert parrot.heard.count((CHAT, "yes")) == 2
    assert logged(caplog) == []


async def test_a_button_comes_to_rest_though_the_chat_fails(sim, telegram, caplog):
    async with listening(telegram, sim):
        await press(sim, "fail")
        await eventually(lambda: is_answered(sim) and logged(caplog))

    assert "no answer, reference" in logged(caplog)[0]


async def test_a_button_comes_to_rest_before_a_long_answer(sim, telegram):
    async with listening(telegram, sim) as parrot:
        await press(sim, "wait")
        await eventually(lambda: is_answered(sim))

        assert parrot.heard[-1] == (CHAT, "wait")
        assert not parrot.go_on.is_set()


async def test_a_press_does_not_wait_for_its_button_to_come_to_rest(sim, telegram):
    sim.control.fail(Fault(FaultKind.HANG, "answerCallbackQuery", seconds=0.5))

    async with listening(telegram, sim):
        await press(sim, "yes")
        await sim.control.wait("pressed yes")

    assert not is_answered(sim)


async def test_a_message_that_can_not_be_changed_is_followed_by_the_answer(sim, telegram):
    remark = "message can't be edited"
    sim.control.fail(Fault(FaultKind.REFUSE, "editMessageText", status=400, description=remark))

    async with listening(telegram, sim):
        await press(sim, "yes")
        reply = await sim.control.wait("pressed yes")

    assert reply.kind is Kind.MESSAGE


async def test_a_reply_that_fails_is_logged_and_the_next_one_sent(sim, telegram, caplog):
    async with listening(telegram, sim):
        sim.control.fail(Fault(FaultKind.REFUSE, "sendMessage", status=500))
        sim.control.say("/one")
        await eventually(lambda: logged(caplog))
        sim.control.say("/two")
        await sim.control.wait("heard /two")

    assert logged(caplog) == ["a reply was not sent: Internal Server Error"]
    assert texts(sim) == ["heard /two"]


async def test_a_chat_that_fails_stops_nobody_and_is_logged_with_a_reference(sim, telegram, caplog):
    async with listening(telegram, sim):
        sim.control.say("/fail")
        sim.control.say("/status")
        await sim.control.wait("heard /status")

    (told,) = logged(caplog)
    assert "no answer, reference" in told
    assert "LookupError: no answer, but a secret: 123456789:<token>" in told
    assert texts(sim) == ["heard /status"]


async def test_an_answer_that_takes_long_holds_up_no_other(sim, telegram):
    async with listening(telegram, sim) as parrot:
        sim.control.say("/wait plan")
        sim.control.say("/halt")
        await sim.control.wait("heard /halt")
        parrot.go_on.set()
        await sim.control.wait("heard /wait plan")

    assert parrot.heard == [(CHAT, "/wait plan"), (CHAT, "/halt")]


async def test_an_edited_message_is_no_second_command(sim, telegram, caplog):
    async with listening(telegram, sim) as parrot:
        sim.control.say("/pause tomorow")
        await sim.control.wait("heard")
        sim.control.edit("/pause tomorrow")
        sim.control.say("/status")
        await sim.control.wait("heard /status")

    assert [text for _, text in parrot.heard] == ["/pause tomorow", "/status"]
    assert logged(caplog) == []


async def test_a_command_in_a_group_is_brought_without_the_name_of_the_bot(sim):
    sim.control.found_group(GROUP, "Family")
    door = Door(GROUP, DOOR.users)

    async with open_telegram(sim, door) as telegram, listening(telegram, sim) as parrot:
        sim.control.say("/why@drill_bot VOO", GROUP)
        reply = await sim.control.wait("heard")

    assert parrot.heard == [(CHAT, "/why VOO")]
    assert reply.chat_id == GROUP


async def test_a_command_for_another_bot_is_not_brought(sim, telegram):
    async with listening(telegram, sim) as parrot:
        sim.control.say("/why@another_bot")
        sim.control.say("/why@Drill_Bot")
        await sim.control.wait("heard")

    assert parrot.heard == [(CHAT, "/why")]


async def test_strangers_get_silence_and_are_logged_once_without_their_words(sim, caplog):
    sim.control.found_group(GROUP, "Family")
    door = Door(GROUP, DOOR.users)

    async with open_telegram(sim, door) as telegram, listening(telegram, sim) as parrot:
        sim.control.say("/ask yes", GROUP)
        await sim.control.wait("Sell")
        sim.control.press("Yes", GROUP, STRANGER)
        sim.control.say("/sell everything", GROUP, STRANGER)
        sim.control.say("/sell everything", GROUP, STRANGER)
        sim.control.say("/private")
        sim.control.say("/forwarded", GROUP, forwarded=True)
        await eventually(lambda: not sim.control.pending() and sim.control.listening())

    assert parrot.heard == [(CHAT, "/ask yes")]
    assert {e.kind for e in sim.control.record() if e.by_bot} == {Kind.MESSAGE}
    assert len(texts(sim)) == 1
    assert sorted(logged(caplog)) == [
        f"not let in: user 1001 in chat {GROUP}, 1 times",
        "not let in: user 1001 in chat 1001, 1 times",
        f"not let in: user 2002 in chat {GROUP}, 1 times",
    ]


async def test_nobody_is_let_in_by_default(sim):
    async with open_telegram(sim, Door(CHAT)) as telegram, listening(telegram, sim) as parrot:
        sim.control.say("/halt")
        await eventually(lambda: not sim.control.pending() and sim.control.listening())

    assert (parrot.heard, texts(sim)) == ([], [])


async def test_every_handler_of_the_library_stands_behind_the_door(sim):
    wire, parrot = Wire(sim.token, sim.base_url, -77, QUICK), Parrot()
    listener = Listener(wire, Door(-77, frozenset({1001})))
    ear = listener.ear(parrot, Polls(Seldom(), 1))
    await ear.initialize()
    handlers = [handler for group in ear.handlers.values() for handler in group]

    for handler in handlers:
        for _, kind, what in STRANGERS:
            update = an_update(kind, what)
            if handler.check_update(update):
                await handler.callback(update, ear.context_types.context(ear))

    assert len(handlers) >= 1
    assert all(
        h.check_update(an_update(kind, what)) for h in handlers for _, kind, what in STRANGERS
    )
    assert parrot.heard == []
    assert sim.control.record() == []
    await ear.shutdown()
    await wire.close()


async def test_menus_are_shown_in_each_language_in_this_chat_alone(sim, telegram):
    def shown(language: str) -> list[str]:
        return [entry["description"] for entry in sim.control.menu(language=language)]

    async with listening(telegram, sim, MENUS):
        await eventually(lambda: shown("zh") == ["\u72b6\u6001"])

    assert shown("en") == shown("de") == ["how it stands"]
    sim.control.meet(STRANGER, "Mallory")
    assert sim.control.menu(STRANGER) == []


async def test_a_menu_that_fails_is_logged_and_listening_goes_on(sim, telegram, caplog):
    sim.control.fail(Fault(FaultKind.REFUSE, "setMyCommands", status=500))

    async with listening(telegram, sim, MENUS):
        await eventually(lambda: sim.control.menu(language="zh"))
        sim.control.say("/status")
        await sim.control.wait("heard /status")

    assert "the menu of commands is not shown" in logged(caplog)[0]


@pytest.mark.parametrize("kind", list(OutageKind))
async def test_listening_begins_when_telegram_is_back(sim, telegram, kind, caplog):
    await sim.control.cut(kind)

    async with listening(telegram):
        await eventually(lambda: logged(caplog))
        await sim.control.restore()
        await eventually(sim.control.listening)
        sim.control.say("/status")
        await sim.control.wait("heard /status")

    assert len(logged(caplog)) == 1
    assert logged(caplog)[0].startswith("Telegram is not heard, it goes on trying: ")


async def test_what_was_typed_before_it_listened_is_never_acted_on(sim, telegram):
    sim.control.say("/sell")

    async with listening(telegram, sim) as parrot:
        sim.control.say("/status")
        await sim.control.wait("heard /status")

    assert parrot.heard == [(CHAT, "/status")]


async def test_listening_outlives_resets(sim, telegram):
    async with listening(telegram, sim):
        await sim.control.cut()
        await sim.control.restore()
        sim.control.say("/status")

        await sim.control.wait("heard /status")


async def test_messages_are_told_before_during_and_after_listening(sim, telegram):
    await telegram.tell(a_message("before", "1"))
    async with listening(telegram, sim):
        await telegram.tell(a_message("during", "2"))
    await telegram.tell(a_message("after", "3"))

    assert texts(sim) == ["before", "during", "after"]


async def test_a_refused_token_is_logged_once_and_tried_again(sim, telegram, caplog):
    sim.control.fail(Fault(FaultKind.REFUSE, "getMe", status=401, times=3))

    async with listening(telegram, sim):
        sim.control.say("/status")
        await sim.control.wait("heard /status")

    (told,) = logged(caplog)
    assert told == "Telegram refuses the bot's token: no command is heard until it is right"


async def test_a_refused_token_is_tried_again_rarely(sim, caplog):
    sim.control.fail(Fault(FaultKind.REFUSE, "getMe", status=401))
    pace = replace(QUICK, refused=60)

    async with open_telegram(sim, pace=pace) as telegram, listening(telegram):
        await eventually(lambda: logged(caplog))
        await asyncio.sleep(0.1)

        assert not sim.control.listening()


async def test_a_token_refused_after_it_was_right_is_logged_again(sim, telegram, caplog):
    sim.control.fail(Fault(FaultKind.REFUSE, "getMe", status=401))

    async with listening(telegram, sim):
        sim.control.fail(Fault(FaultKind.REFUSE, "getUpdates", status=401))
        sim.control.fail(Fault(FaultKind.REFUSE, "getMe", status=401))
        sim.control.say("/ends the poll")
        await eventually(lambda: len(logged(caplog)) > 1)

    assert len(set(logged(caplog))) == 1


async def test_a_wrong_token_is_in_no_log(sim, caplog):
    caplog.set_level(logging.DEBUG)
    async with open_telegram(sim) as right:
        wrong = Telegram(CANARY, DOOR, api=sim.base_url, pace=QUICK)
        async with listening(wrong), listening(right, sim):
            await eventually(lambda: logged(caplog))
        await wrong.close()

    assert "refuses the bot's token" in logged(caplog)[0]
    assert "canary" not in caplog.text


@pytest.mark.parametrize("status", [401, 404])
async def test_polling_refused_in_between_begins_anew(sim, telegram, status):
    async with listening(telegram, sim):
        sim.control.fail(Fault(FaultKind.REFUSE, "getUpdates", status=status))
        sim.control.say("/lost with the old polling")
        await eventually(lambda: not sim.control.listening())
        await eventually(sim.control.listening)
        sim.control.say("/status")

        await sim.control.wait("heard /status")


async def test_an_answer_outlives_the_polling_that_brought_its_question(sim, telegram):
    async with listening(telegram, sim) as parrot:
        sim.control.say("/wait")
        await eventually(lambda: parrot.heard)
        sim.control.fail(Fault(FaultKind.REFUSE, "getUpdates", status=401))
        sim.control.say("/ends the poll")
        await eventually(lambda: not sim.control.listening())
        await eventually(sim.control.listening)
        parrot.go_on.set()

        await sim.control.wait("heard /wait")


async def test_two_who_listen_with_one_token_are_told_of_and_go_on(sim, telegram, caplog):
    async with listening(telegram, sim), open_telegram(sim) as other, listening(other):
        await eventually(lambda: logged(caplog))
        await other.tell(a_message("hello"))
        sim.control.say("/status")
        await sim.control.wait("heard /status")

    assert "another process listens with the same token" in logged(caplog)[0]
    assert "hello" in texts(sim)


async def test_an_outage_at_the_start_is_logged_once(sim, telegram, caplog):
    sim.control.fail(Fault(FaultKind.REFUSE, "getMe", status=502, times=4))

    async with listening(telegram, sim):
        pass

    assert logged(caplog) == ["Telegram is not heard, it goes on trying: Bad Gateway"]


async def test_silence_of_telegram_is_logged(sim, caplog):
    deaf = replace(QUICK, poll=0, answer=0.05)

    async with open_telegram(sim, pace=deaf) as telegram, listening(telegram):
        sim.control.fail(Fault(FaultKind.HANG, "getUpdates", times=100, seconds=5))
        await eventually(lambda: logged(caplog))

    assert logged(caplog)[0].startswith("Telegram is not heard, no answer for")


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


def of_the_library() -> list[object]:
    """What the library still has under way."""
    running = [task.get_coro() for task in asyncio.all_tasks()]
    return [c for c in running if "site-packages" in getattr(c, "cr_code", c).co_filename]


async def test_a_long_poll_and_a_long_answer_end_at_once(sim):
    telegram, parrot = a_telegram(sim, pace=replace(QUICK, poll=50)), Parrot()
    task = asyncio.create_task(telegram.listen(parrot, {}))
    await eventually(sim.control.listening)
    sim.control.say("/wait")
    await eventually(lambda: parrot.heard)

    with at_most(AT_MOST):
        task.cancel()
        await asyncio.wait({task})

    assert task.cancelled()
    await eventually(lambda: not sim.control.listening() and not of_the_library())
    await telegram.close()


@pytest.mark.parametrize("kind", ["refused", "hanging", "backing off"])
async def test_stopping_needs_no_network(sim, kind, caplog):
    telegram = a_telegram(sim, pace=replace(QUICK, poll=50, answer=20))
    task = asyncio.create_task(telegram.listen(Parrot(), {}))
    await eventually(sim.control.listening)
    if kind == "hanging":
        sim.control.fail(Fault(FaultKind.HANG, times=100, seconds=30))
    else:
        await sim.control.cut()
    if kind == "backing off":
        await eventually(lambda: logged(caplog))

    with at_most(AT_MOST):
        task.cancel()
        await asyncio.wait({task})
        await telegram.close()

    assert task.cancelled()
    await eventually(lambda: not of_the_library())


async def test_listening_can_end_before_it_began(sim):
    telegram = a_telegram(sim, pace=replace(QUICK, answer=20))
    sim.control.fail(Fault(FaultKind.HANG, "getMe", seconds=30))
    task = asyncio.create_task(telegram.listen(Parrot(), {}))
    await asyncio.sleep(0.01)

    with at_most(AT_MOST):
        task.cancel()
        await asyncio.wait({task})

    assert task.cancelled()
    await telegram.close()


async def test_the_token_is_in_no_log_of_listening(caplog):
    caplog.set_level(logging.DEBUG)
    async with TelegramSim(Setup(CANARY, rates=None)) as sim, open_telegram(sim) as telegram:
        sim.control.fail(Fault(FaultKind.REFUSE, "getMe"))
        async with listening(telegram, sim, MENUS):
            for text in ("/ask yes", "/fail", "/status"):
                sim.control.say(text)
            sim.control.fail(Fault(FaultKind.REFUSE, "getUpdates", status=401))
            await sim.control.wait("heard /status")
            await eventually(lambda: not sim.control.listening())
            await eventually(sim.control.listening)
            await sim.control.cut()

    assert len(logged(caplog)) >= 2
    shown = [record.getMessage() + f"{record.__dict__}" for record in caplog.records]
    assert "canary" not in "".join(shown)


@contextmanager
def a_process(api: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that listens, until the block ends or it is killed before."""
    command = [sys.executable, "-m", "tests.adapters.telegram_chats", TOKEN, api]
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


async def test_a_command_a_killed_process_was_at_is_not_taken_up_by_the_next():
    with started("--no-rates", patience=LONG_ENOUGH) as sim:
        with a_process(sim.base_url) as first:
            await eventually(sim.control.listening, LONG_ENOUGH)
            sim.control.say("/wait and die")
            sim.control.say("/status")
            sim.control.wait("heard /status")
            first.send_signal(signal.SIGKILL)
        sim.control.say("/sell while nobody listens")
        with a_process(sim.base_url):
            await eventually(sim.control.listening, LONG_ENOUGH)
            sim.control.say("/again")
            sim.control.wait("heard /again")
            told = [entry.plain for entry in sim.control.record() if entry.by_bot]

    assert told == ["heard /status", "heard /again"]
