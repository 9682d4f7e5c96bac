"""What a bot hears: the library's own polling, and polls by hand."""

import asyncio
from datetime import timedelta

import pytest
from telegram import Update
from telegram.error import BadRequest, Conflict, NetworkError
from telegram.ext import CallbackQueryHandler, CommandHandler, TypeHandler

from adapters.sims.telegram import TelegramSim
from adapters.sims.telegram_faults import Fault, FaultKind, OutageKind
from adapters.sims.telegram_updates import KEPT_FOR
from adapters.sims.telegram_world import OWNER, Setup
from tests.adapters.sims.telegram_bots import (
    CHAT,
    GROUP,
    STRANGER,
    HandClock,
    Heard,
    a_bot,
    buttons,
    eventually,
    listening,
)


def everything(heard: Heard) -> TypeHandler:
    return TypeHandler(Update, heard.hear)


def sell(heard: Heard) -> CommandHandler:
    return CommandHandler("sell", heard.hear)


async def texts(bot, **wish) -> list[str]:
    return [update.message.text for update in await bot.get_updates(**wish)]


async def test_ids_increase_and_confirmed_updates_are_gone(sim, bot):
    for text in ("a", "b", "c"):
        sim.control.say(text)
    first, second, _ = await bot.get_updates()

    assert second.update_id == first.update_id + 1
    assert await texts(bot) == ["a", "b", "c"]
    assert await texts(bot, offset=second.update_id) == ["b", "c"]
    assert await texts(bot, limit=1) == ["b"]
    assert sim.control.pending() == 2


async def test_offset_minus_one_forgets_all_but_the_last(sim, bot):
    for text in ("a", "b", "c"):
        sim.control.say(text)

    assert await texts(bot, offset=-1) == ["c"]
    assert sim.control.pending() == 1


async def test_pending_updates_are_dropped_with_the_webhook(sim, bot):
    sim.control.say("/sell")

    await bot.delete_webhook(drop_pending_updates=True)

    assert await texts(bot) == []


async def test_a_long_poll_ends_with_the_first_update(sim, bot):
    poll = asyncio.create_task(texts(bot, timeout=50))
    await eventually(sim.control.listening)

    sim.control.say("hello")

    assert await poll == ["hello"]


async def test_only_allowed_kinds_arrive_until_told_otherwise(sim, bot):
    await bot.get_updates(allowed_updates=["callback_query"])
    sim.control.say("unheard")
    await bot.get_updates()
    sim.control.say("unheard too")
    await bot.get_updates(allowed_updates=["message"])
    sim.control.say("heard")

    assert await texts(bot) == ["heard"]


async def test_updates_are_kept_for_a_day():
    clock = HandClock()
    async with TelegramSim(Setup(clock=clock)) as sim, a_bot(sim) as bot:
        sim.control.say("yesterday")
        clock.move((KEPT_FOR - timedelta(hours=1)).total_seconds())
        sim.control.say("today")
        clock.move(3600)

        assert await texts(bot) == ["today"]


async def test_the_older_of_two_polls_is_sent_away(sim, bot):
    older = asyncio.create_task(bot.get_updates(timeout=50))
    await eventually(sim.control.listening)

    async with a_bot(sim) as other:
        newer = asyncio.create_task(texts(other, timeout=50))
        with pytest.raises(Conflict, match="make sure that only one bot instance is running"):
            await older
        sim.control.say("hello")

        assert await newer == ["hello"]


async def test_a_webhook_keeps_pollers_away(sim, bot):
    with pytest.raises(BadRequest, match=r"(?i)https url must be provided"):
        await bot.set_webhook("http://127.0.0.1/")
    poll = asyncio.create_task(bot.get_updates(timeout=50))
    await eventually(sim.control.listening)
    await bot.set_webhook("https://example.org/")
    sim.control.say("hello")

    with pytest.raises(Conflict, match="terminated by setWebhook request"):
        await poll
    with pytest.raises(Conflict, match="while webhook is active"):
        await bot.get_updates()
    info = await bot.get_webhook_info()
    assert (info.url, info.pending_update_count) == ("https://example.org/", 1)
    await bot.delete_webhook()
    assert await texts(bot) == ["hello"]


async def test_an_answer_lost_to_a_poll_comes_again(sim, bot):
    sim.control.say("hello")
    sim.control.fail(Fault(FaultKind.LOSE, "getUpdates"))

    with pytest.raises(NetworkError):
        await bot.get_updates()

    assert await texts(bot) == ["hello"]


async def test_a_bot_in_a_group_hears_its_commands_alone(sim, bot):
    for text in ("chatter", "/status", "/status@drill_bot", "/status@another_bot"):
        sim.control.say(text, GROUP, STRANGER)

    assert await texts(bot) == ["/status", "/status@drill_bot"]


async def test_a_block_is_told(sim, bot):
    sim.control.block()

    (update,) = await bot.get_updates()

    assert update.my_chat_member.new_chat_member.status == "kicked"


async def test_the_listener_hears_a_command_and_answers(sim):
    async with listening(sim, sell) as heard:
        sim.control.say("/sell VOO")
        await heard.until(lambda h: len(h.updates) == 1)

        await heard.updates[0].effective_message.reply_text("sold")

    assert sim.control.record()[-1].plain == "sold"
    assert heard.updates[0].effective_user.id == OWNER.id


async def test_the_listener_hears_a_button(sim):
    async with a_bot(sim) as bot, listening(sim, lambda h: CallbackQueryHandler(h.hear)) as heard:
        await bot.send_message(CHAT, "sell?", reply_markup=buttons("Yes"))
        sim.control.press("Yes")
        await heard.until(lambda h: len(h.updates) == 1)

        await heard.updates[0].callback_query.answer("sold")

    assert sim.control.record()[-1].plain == "sold"


async def test_a_changed_message_is_a_command_again(sim):
    async with listening(sim, sell) as heard:
        sim.control.say("/status")
        sim.control.edit("/sell everything")

        await heard.until(lambda h: len(h.updates) == 1)

    assert heard.updates[0].edited_message.text == "/sell everything"


async def test_a_forwarded_message_is_a_command_too(sim):
    async with listening(sim, sell) as heard:
        sim.control.say("/sell", forwarded=True)

        await heard.until(lambda h: len(h.updates) == 1)

    assert heard.updates[0].message.forward_origin


async def test_what_was_typed_while_the_bot_was_away_waits_for_it(sim):
    sim.control.say("/sell")

    async with listening(sim, sell) as heard:
        await heard.until(lambda h: h.texts == ["/sell"])


async def test_what_was_typed_while_the_bot_was_away_can_be_dropped(sim):
    sim.control.say("/sell before")

    async with listening(sim, sell, drop_pending=True) as heard:
        sim.control.say("/sell after")
        await heard.until(lambda h: len(h.updates) > 0)

    assert heard.texts == ["/sell after"]


async def test_a_command_is_confirmed_while_it_is_still_being_handled(sim):
    release = asyncio.Event()

    def slow(heard: Heard) -> TypeHandler:
        async def handle(update: Update, context: object) -> None:
            await heard.hear(update, context)
            await release.wait()

        return TypeHandler(Update, handle)

    async with listening(sim, slow) as heard:
        sim.control.say("/sell")
        await heard.until(lambda h: len(h.updates) == 1)
        await eventually(lambda: sim.control.pending() == 0)
        still_handled = not release.is_set()
        release.set()

    assert still_handled
    async with a_bot(sim) as bot:
        assert await texts(bot) == []


async def test_the_listener_displaced_is_told_and_goes_on(sim):
    async with listening(sim, everything) as heard, a_bot(sim) as other:
        await eventually(sim.control.listening)
        await other.get_updates()
        await heard.until(lambda h: len(h.errors) == 1)
        sim.control.say("hello")
        await heard.until(lambda h: h.texts == ["hello"])

    assert isinstance(heard.errors[0], Conflict)


async def test_the_listener_backs_off_and_comes_back(sim):
    sim.control.fail(Fault(FaultKind.REFUSE, "getUpdates", times=3, status=502))
    sim.control.say("hello")

    async with listening(sim, everything) as heard:
        await heard.until(lambda h: h.texts == ["hello"])

    assert [str(error) for error in heard.errors] == ["Bad Gateway"] * 3


async def test_the_listener_survives_an_outage(sim):
    async with listening(sim, everything) as heard:
        await eventually(sim.control.listening)
        await sim.control.cut(OutageKind.REFUSED)
        await heard.until(lambda h: len(h.errors) > 0)
        await sim.control.restore()
        sim.control.say("hello")

        await heard.until(lambda h: h.texts == ["hello"])


async def test_the_listener_stops_while_its_poll_is_open(sim):
    async with listening(sim, everything):
        await eventually(sim.control.listening)
        begun = asyncio.get_running_loop().time()

    assert asyncio.get_running_loop().time() - begun < 1
