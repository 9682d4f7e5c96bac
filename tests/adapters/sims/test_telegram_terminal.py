"""The owner's phone in a terminal."""

import re

import pytest
from telegram.error import NetworkError

from adapters.sims.telegram_record import Kind
from adapters.sims.telegram_terminal import HELP, Phone
from tests.adapters.sims.telegram_bots import CHAT, STRANGER, buttons


class Screen:
    def __init__(self, sim) -> None:
        self.shown: list[str] = []
        self.phone = Phone(sim.control, self.shown.append)

    async def type(self, *lines: str) -> bool:
        async def typed():
            for line in lines:
                yield line

        return await self.phone.converse(typed())

    @property
    def text(self) -> str:
        return re.sub(r"\d\d:\d\d", "TIME", "\n".join(self.shown))


@pytest.fixture
def screen(sim):
    return Screen(sim)


async def test_a_line_is_what_the_owner_types(screen, bot):
    assert not await screen.type("/status", " ", "say help")

    heard = [update.message.text for update in await bot.get_updates()]
    assert heard == ["/status", "help"]


async def test_what_the_bot_sends_is_shown_with_numbered_buttons(screen, bot):
    await screen.type()
    await bot.send_message(CHAT, "sell\nnow?", reply_markup=buttons("Yes", "No"))

    assert screen.text.splitlines() == [
        "┌ Drill · TIME",
        "│ sell",
        "│ now?",
        "│ [1 Yes]  [2 No]",
        "└",
    ]


async def test_a_number_presses_the_button_of_the_last_keyboard(sim, screen, bot):
    first = await bot.send_message(CHAT, "one", reply_markup=buttons("A"))
    await bot.send_message(CHAT, "two", reply_markup=buttons("B", "C"))
    await first.edit_text("gone")

    await screen.type("press 2")

    assert sim.control.record()[-1].text == "c"
    assert "(Owner pressed C)" in screen.text


async def test_what_can_not_be_done_is_said_and_the_phone_goes_on(screen, bot):
    await screen.type("press 1", "fail lots", "edit", "edit x")
    await bot.send_message(CHAT, "one", reply_markup=buttons("A"))
    await screen.type("press 3", "press", "fail 200")

    assert [line for line in screen.shown if line.startswith("  !")] == [
        "  ! no message has buttons",
        "  ! lots is no number",
        f"  ! user_id is {CHAT}: nothing typed in {CHAT} yet",
        f"  ! user_id is {CHAT}: nothing typed in {CHAT} yet",
        "  ! press 3: give a number from 1 to 1",
        "  ! press : give a number from 1 to 1",
        "  ! status is 200: give one that HTTP names an error",
    ]


async def test_the_line_is_broken_and_mended_by_words(sim, screen, bot):
    await screen.type("fail 500 2", "lose", "fail", "fail 502")
    for _ in range(2):
        with pytest.raises(NetworkError, match="Internal Server Error"):
            await bot.get_me()
    with pytest.raises(NetworkError, match="ReadError"):
        await bot.send_message(CHAT, "lost")
    await screen.type("outage", "restore", "outage 60", "restore")

    assert await bot.get_me()
    assert sim.control.record()[-1].plain == "lost"


async def test_the_owner_edits_blocks_and_looks_back(sim, screen):
    await screen.type("hello", "edit good bye", "block", "unblock", "chat", "help")

    kinds = [entry.kind for entry in sim.control.record()]
    assert kinds == [Kind.TYPED, Kind.RETYPED, Kind.BLOCKED, Kind.UNBLOCKED]
    assert "┌ Owner · TIME · edited\n│ good bye\n└" in screen.text
    assert "(Owner unblocked the bot)" in screen.text
    assert screen.shown[-1] == HELP


async def test_actions_answers_and_links_are_shown(sim, screen, bot):
    await screen.type()
    await bot.send_chat_action(CHAT, "typing")
    await bot.send_message(CHAT, "look", reply_markup=buttons("Yes"))
    await screen.type("press 1")
    (update,) = await bot.get_updates()
    await bot.answer_callback_query(update.callback_query.id)
    sim.control.join(-5, STRANGER)

    assert "(Drill: typing …)" in screen.text
    assert "(Drill answered)" in screen.text
    assert "(Person 2002 joined the group)" in screen.text


async def test_quit_ends_the_conversation(sim, screen):
    assert await screen.type("QUIT", "unheard")

    assert sim.control.record() == []
