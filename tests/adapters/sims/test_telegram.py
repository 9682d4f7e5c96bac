"""The simulated Bot API, called by the bare library over a real socket."""

import asyncio
import re
import time
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeChat,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    MessageEntity,
    ReplyParameters,
)
from telegram.error import (
    BadRequest,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from adapters.sims.telegram import LARGEST_REQUEST, TelegramSim
from adapters.sims.telegram_faults import Fault, FaultKind, OutageKind
from adapters.sims.telegram_methods import Bounds
from adapters.sims.telegram_rates import Rates
from adapters.sims.telegram_record import Button, Kind
from adapters.sims.telegram_world import OWNER, Setup
from tests.adapters.sims.telegram_bots import (
    CHAT,
    GROUP,
    SOON,
    STRANGER,
    HandClock,
    a_bot,
    an_unmet_bot,
    buttons,
    eventually,
)

# One pixel, and the first bytes of a picture of 640 by 480.
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + (640).to_bytes(4) + (480).to_bytes(4) + b"\x08\x02"
JPEG = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x11\x08\x01\xe0\x02\x80\x03"


# The library tells that its seconds will be a timedelta one day.
IN_SECONDS = pytest.mark.filterwarnings(
    r"ignore:.*`retry_after`:telegram.warnings.PTBDeprecationWarning"
)


def said(sim: TelegramSim) -> list[str]:
    """What the bot's messages on record say."""
    return [e.plain for e in sim.control.record() if e.kind is Kind.MESSAGE]


async def test_the_bot_is_who_its_token_says(sim, bot):
    me = await bot.get_me()

    assert me.id == int(sim.token.split(":")[0])
    assert me.is_bot


async def test_a_wrong_token_is_invalid(sim):
    bot = an_unmet_bot(sim, "123456789:another-token-of-the-same-form-0000")

    with pytest.raises(InvalidToken, match="rejected by the server"):
        await bot.initialize()

    await bot.shutdown()


async def test_a_malformed_path_is_not_found(sim):
    async with httpx.AsyncClient(trust_env=False) as client:
        for path in ("nonsense/getMe", f"{sim.token}/getNothing", f"{sim.token}"):
            answer = await client.get(sim.base_url + path)

            assert answer.status_code == 404
            assert answer.json() == {"ok": False, "error_code": 404, "description": "Not Found"}


async def test_what_is_sent_is_on_record_as_sent_and_as_read(sim, bot):
    message = await bot.send_message(
        CHAT,
        "<b>P&amp;L</b> up",
        parse_mode="HTML",
        reply_markup=buttons("Yes", "No"),
        disable_notification=True,
    )
    (entry,) = sim.control.record(CHAT)

    assert (entry.text, entry.plain, entry.parse_mode) == ("<b>P&amp;L</b> up", "P&L up", "HTML")
    assert entry.keyboard == ((Button("Yes", "yes"), Button("No", "no")),)
    assert entry.silent
    assert entry.message_id == message.message_id
    assert message.text_html == "<b>P&amp;L</b> up"


async def test_entities_may_come_without_a_parse_mode(bot):
    message = await bot.send_message(CHAT, "all bold", entities=[MessageEntity("bold", 0, 3)])

    assert message.text_html == "<b>all</b> bold"


@pytest.mark.parametrize("call", ["getMe", "GETME"])
async def test_json_and_query_are_read_like_forms(sim, call):
    async with httpx.AsyncClient(trust_env=False) as client:
        url = f"{sim.base_url}{sim.token}"
        await client.post(f"{url}/sendMessage", json={"chat_id": CHAT, "text": "as JSON"})
        await client.get(f"{url}/sendMessage", params={"chat_id": CHAT, "text": "as query"})
        wrong = await client.post(
            f"{url}/sendMessage", content="{", headers={"Content-Type": "application/json"}
        )
        me = await client.get(f"{url}/{call}")

    assert said(sim) == ["as JSON", "as query"]
    assert wrong.json()["description"] == "Bad Request: can't parse request JSON object"
    assert me.json()["ok"]


UNREADABLE = ["<b>x", "a < b", "<p>x</p>", "x</b>", "<b><i>x</b></i>"]


@pytest.mark.parametrize("text", UNREADABLE)
async def test_unreadable_html_drops_the_whole_message(sim, bot, text):
    with pytest.raises(BadRequest, match="Can't parse entities"):
        await bot.send_message(CHAT, text, parse_mode="HTML")

    assert said(sim) == []


REFUSED_TEXTS = [
    ("x" * 4097, "Message is too long"),
    ("\N{BELL}" * 2049, "Message is too long"),
    ("", "Message text is empty"),
    (" \n", "Text must be non-empty"),
]


@pytest.mark.parametrize(("text", "remark"), REFUSED_TEXTS)
async def test_a_text_has_its_bounds(sim, bot, text, remark):
    with pytest.raises(BadRequest, match=remark):
        await bot.send_message(CHAT, text)

    assert said(sim) == []


async def test_a_length_is_counted_after_the_tags_are_gone(bot):
    message = await bot.send_message(CHAT, f"<b>{'&lt;' * 4096}</b>", parse_mode="HTML")

    assert message.text == "<" * 4096


async def test_an_unknown_chat_is_not_found(bot):
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.send_message(STRANGER, "hello")


async def test_who_blocked_the_bot_is_out_of_reach_until_unblocked(sim, bot):
    sim.control.block()
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(CHAT, "hello")
    sim.control.unblock()

    await bot.send_message(CHAT, "again")

    assert said(sim) == ["again"]


MARKUPS = [
    ([[{"text": "x", "callback_data": "d" * 65}]], "BUTTON_DATA_INVALID"),
    ([[{"text": "x", "callback_data": "é" * 33}]], "BUTTON_DATA_INVALID"),
    ([[{"text": "x", "callback_data": ""}]], "BUTTON_DATA_INVALID"),
    ([[{"text": "x"}]], "text buttons are unallowed in the inline keyboard"),
    ([[{"text": " ", "callback_data": "d"}]], "button text must be non-empty"),
    (["x"], "must be an Array of Arrays"),
    ([[{"text": "x", "callback_data": "d"}] * 101], "REPLY_MARKUP_TOO_LONG"),
]


@pytest.mark.parametrize(("rows", "remark"), MARKUPS)
async def test_a_keyboard_has_its_bounds(sim, rows, remark):
    body = {"chat_id": CHAT, "text": "x", "reply_markup": {"inline_keyboard": rows}}
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{sim.base_url}{sim.token}/sendMessage", json=body)

    assert answer.status_code == 400
    assert remark in answer.json()["description"]


async def test_data_of_64_bytes_is_taken(bot):
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("x", callback_data="d" * 64)]])

    assert await bot.send_message(CHAT, "x", reply_markup=keyboard)


WRONG = [
    ({"text": "x"}, "chat_id is empty"),
    ({"text": "x", "chat_id": "@channel"}, "chat not found"),
    ({"text": "x", "chat_id": CHAT, "parse_mode": "MarkdownV2"}, "unsupported parse_mode"),
    ({"text": "x", "chat_id": CHAT, "reply_markup": "{"}, "can't parse reply_markup JSON object"),
    ({"text": "x", "chat_id": CHAT, "reply_markup": [1]}, "object expected as reply markup"),
    ({"text": "x", "chat_id": CHAT, "entities": [{}]}, "can't parse MessageEntity"),
    ({"text": "x", "chat_id": "9e9"}, "chat not found"),
]


@pytest.mark.parametrize(("body", "remark"), WRONG)
async def test_a_wrong_call_is_told_what_is_wrong(sim, body, remark):
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{sim.base_url}{sim.token}/sendMessage", json=body)

    assert answer.json()["description"].startswith(f"Bad Request: {remark}")


async def test_an_edit_changes_text_and_keyboard_and_is_on_record(sim, bot):
    message = await bot.send_message(CHAT, "one", reply_markup=buttons("Go"))

    edited = await message.edit_text("two")

    assert (edited.text, edited.reply_markup) == ("two", None)
    assert edited.edit_date
    assert [(e.kind, e.plain) for e in sim.control.record()] == [
        (Kind.MESSAGE, "one"),
        (Kind.EDIT, "two"),
    ]


async def test_an_edit_that_changes_nothing_is_refused(bot):
    message = await bot.send_message(CHAT, "<b>one</b>", parse_mode="HTML")

    with pytest.raises(BadRequest, match="Message is not modified"):
        await message.edit_text(" <b>one</b>", parse_mode="HTML")
    with pytest.raises(BadRequest, match="Message is not modified"):
        await message.edit_reply_markup(None)


async def test_a_keyboard_can_be_taken_away_once(sim, bot):
    message = await bot.send_message(CHAT, "one", reply_markup=buttons("Go"))

    await message.edit_reply_markup(None)

    assert sim.control.record()[-1].kind is Kind.KEYBOARD
    with pytest.raises(LookupError, match="no message there has buttons"):
        sim.control.press("Go")


async def test_only_the_bots_own_messages_can_be_edited(sim, bot):
    typed = sim.control.say("mine")

    with pytest.raises(BadRequest, match="Message can't be edited"):
        await bot.edit_message_text("yours", CHAT, typed.message_id)
    with pytest.raises(BadRequest, match="Message to edit not found"):
        await bot.edit_message_text("yours", CHAT, 1)


async def test_a_reply_needs_a_message_to_reply_to(sim, bot):
    typed = sim.control.say("question")
    missing = ReplyParameters(typed.message_id + 50)

    reply = await bot.send_message(
        CHAT, "answer", reply_parameters=ReplyParameters(typed.message_id)
    )
    with pytest.raises(BadRequest, match="Message to be replied not found"):
        await bot.send_message(CHAT, "answer", reply_parameters=missing)

    assert reply.reply_to_message
    assert reply.reply_to_message.text == "question"


async def test_a_pressed_button_comes_back_and_is_answered_once(sim, bot):
    await bot.send_message(CHAT, "sell?", reply_markup=buttons("Yes", "No"))
    sim.control.press("Yes")
    (update,) = await bot.get_updates()

    await bot.answer_callback_query(update.callback_query.id, "sold", show_alert=True)

    assert update.callback_query.data == "yes"
    assert update.callback_query.from_user.id == OWNER.id
    assert update.callback_query.message.text == "sell?"
    assert (sim.control.record()[-1].kind, sim.control.record()[-1].plain) == (Kind.ANSWER, "sold")
    with pytest.raises(BadRequest, match="Query is too old"):
        await bot.answer_callback_query(update.callback_query.id)


async def test_anyone_in_a_group_can_press_and_twice(sim, bot):
    sim.control.found_group(GROUP, "Family")
    sim.control.join(GROUP, STRANGER)
    await bot.send_message(GROUP, "sell?", reply_markup=buttons("Yes"))

    sim.control.press("Yes", GROUP, STRANGER)
    sim.control.press("yes", GROUP, STRANGER)
    joined, *pressed = await bot.get_updates()

    assert joined.message.new_chat_members[0].id == STRANGER
    assert [u.callback_query.from_user.id for u in pressed] == [STRANGER, STRANGER]
    assert len({u.callback_query.id for u in pressed}) == 2


async def test_a_button_that_is_not_shown_can_not_be_pressed(sim, bot):
    await bot.send_message(CHAT, "sell?", reply_markup=buttons("Yes", "No"))

    with pytest.raises(LookupError, match="'Maybe': message 101 shows 'Yes', 'No'"):
        sim.control.press("Maybe")


async def test_a_query_grows_too_old():
    clock = HandClock()
    async with TelegramSim(Setup(clock=clock)) as sim, a_bot(sim) as bot:
        await bot.send_message(CHAT, "sell?", reply_markup=buttons("Yes"))
        sim.control.press("Yes")
        (update,) = await bot.get_updates()
        clock.move(16)

        with pytest.raises(BadRequest, match="Query is too old and response timeout expired"):
            await bot.answer_callback_query(update.callback_query.id)


async def test_queries_can_be_let_expire(sim, bot):
    await bot.send_message(CHAT, "sell?", reply_markup=buttons("Yes"))
    sim.control.press("Yes")
    (update,) = await bot.get_updates()

    assert sim.control.expire_queries() == 1
    with pytest.raises(BadRequest, match="query id is invalid"):
        await bot.answer_callback_query(update.callback_query.id)


async def test_commands_are_kept_by_scope_and_language(sim, bot):
    english, german = [BotCommand("status", "what is held")], [BotCommand("status", "der Stand")]
    own = [BotCommand("halt", "stop now")]
    scope = BotCommandScopeChat(CHAT)
    await bot.set_my_commands(english)
    await bot.set_my_commands(german, language_code="de")
    await bot.set_my_commands(own, scope=scope)

    assert await bot.get_my_commands() == tuple(english)
    assert await bot.get_my_commands(language_code="de") == tuple(german)
    assert await bot.get_my_commands(scope=scope, language_code="de") == ()
    assert sim.control.menu(language="de")[0]["command"] == "halt"
    await bot.delete_my_commands(scope=scope)
    assert sim.control.menu(language="de-AT")[0]["description"] == "der Stand"
    assert sim.control.menu(language="fr")[0]["description"] == "what is held"


COMMANDS = [
    ([{"command": "Status", "description": "x"}], "BOT_COMMAND_INVALID"),
    ([{"command": "c" * 33, "description": "x"}], "BOT_COMMAND_INVALID"),
    ([{"command": "c", "description": " "}], "BOT_COMMAND_DESCRIPTION_INVALID"),
    ([{"command": "c", "description": "x" * 257}], "BOT_COMMAND_DESCRIPTION_INVALID"),
    ([{"command": "c", "description": "x"}] * 101, "BOT_COMMANDS_TOO_MUCH"),
    ("none", "can't parse commands JSON object"),
    (["c"], "expected an Object as a bot command"),
    ({}, "can't parse list of bot commands"),
]


@pytest.mark.parametrize(("commands", "remark"), COMMANDS)
async def test_commands_have_their_bounds(sim, commands, remark):
    async with httpx.AsyncClient(trust_env=False) as client:
        url = f"{sim.base_url}{sim.token}/setMyCommands"
        answer = await client.post(url, json={"commands": commands})

    assert answer.json()["description"] == f"Bad Request: {remark}"


SCOPES = [
    ({"scope": {"type": "planet"}}, "can't parse BotCommandScope: unsupported type specified"),
    ({"scope": {"type": "chat", "chat_id": STRANGER}}, "chat not found"),
    ({"language_code": "english"}, "invalid language code specified"),
]


@pytest.mark.parametrize(("where", "remark"), SCOPES)
async def test_a_menu_needs_a_known_place(sim, where, remark):
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{sim.base_url}{sim.token}/getMyCommands", json=where)

    assert answer.json()["description"] == f"Bad Request: {remark}"


async def test_a_document_comes_with_its_caption(sim, bot):
    message = await bot.send_document(
        CHAT, b"a,b\n", caption="<i>fills</i>", filename="fills.csv", parse_mode="HTML"
    )
    (entry,) = sim.control.record()

    assert (message.document.file_name, message.document.file_size) == ("fills.csv", 4)
    assert message.caption_html == "<i>fills</i>"
    assert (entry.kind, entry.plain) == (Kind.DOCUMENT, "fills")
    assert (entry.upload.name, entry.upload.size) == ("fills.csv", 4)


@pytest.mark.parametrize("picture", [PNG, JPEG])
async def test_a_photo_tells_its_sides(bot, picture):
    message = await bot.send_photo(CHAT, picture, caption="chart", reply_markup=buttons("More"))

    assert (message.photo[0].width, message.photo[0].height) == (640, 480)
    assert message.reply_markup


async def test_what_is_sent_by_file_has_its_bounds():
    bounds = Bounds(document=100, photo=50)
    async with TelegramSim(Setup(bounds=bounds)) as sim, a_bot(sim) as bot:
        with pytest.raises(NetworkError, match="Request Entity Too Large"):
            await bot.send_document(CHAT, b"x" * 101)
        with pytest.raises(BadRequest, match="too big for a photo"):
            await bot.send_photo(CHAT, PNG + b"x" * 50)
        with pytest.raises(BadRequest, match="Message caption is too long"):
            await bot.send_photo(CHAT, PNG, caption="x" * 1025)
        await bot.send_document(CHAT, b"x" * 100, caption="x" * 1024)

    assert (Bounds().document, Bounds().photo) == (50 * 2**20, 10 * 2**20)


async def test_a_file_larger_than_a_request_usually_is_arrives_whole(bot):
    message = await bot.send_document(CHAT, b"x" * 3 * 2**20)

    assert message.document.file_size == 3 * 2**20


NO_PICTURES = [
    (b"not a picture", "Image_process_failed"),
    (PNG[:12], "Image_process_failed"),
    (JPEG[:8], "Image_process_failed"),
    (PNG.replace((480).to_bytes(4), (9).to_bytes(4)), "Photo_invalid_dimensions"),
    (PNG.replace((480).to_bytes(4), (0).to_bytes(4)), "Photo_invalid_dimensions"),
]


@pytest.mark.parametrize(("content", "remark"), NO_PICTURES)
async def test_what_is_no_picture_is_no_photo(bot, content, remark):
    with pytest.raises(BadRequest, match=f"(?i){remark}"):
        await bot.send_photo(CHAT, content)


async def test_a_document_needs_a_file(bot):
    with pytest.raises(BadRequest, match=r"(?i)wrong remote file identifier"):
        await bot.send_document(CHAT, "AgACfile")
    with pytest.raises(BadRequest, match=r"(?i)file must be non-empty"):
        await bot.send_document(CHAT, b"")


async def test_a_captioned_message_has_no_text_to_edit(bot):
    message = await bot.send_document(CHAT, b"x")

    with pytest.raises(BadRequest, match=r"(?i)there is no text in the message to edit"):
        await bot.edit_message_text("y", CHAT, message.message_id)


async def test_a_text_that_is_no_utf_8_is_refused(sim):
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(
            f"{sim.base_url}{sim.token}/sendDocument",
            files={"document": ("x", b"x"), "chat_id": (None, b"\xff")},
        )

    assert answer.json()["description"] == "Bad Request: strings must be encoded in UTF-8"


async def test_a_request_far_too_large_is_refused(sim, bot):
    with pytest.raises(NetworkError, match="Request Entity Too Large"):
        await bot.send_document(CHAT, bytes(LARGEST_REQUEST + 1))

    assert sim.control.record() == []


async def test_a_chat_action_is_on_record_if_there_is_such_a_one(sim, bot):
    await bot.send_chat_action(CHAT, "typing")

    assert (sim.control.record()[0].kind, sim.control.record()[0].text) == (Kind.ACTION, "typing")
    with pytest.raises(BadRequest, match=r"(?i)wrong parameter action"):
        await bot.send_chat_action(CHAT, "pondering")


@IN_SECONDS
async def test_too_many_messages_at_once_must_wait():
    rates = Rates(overall=1000, burst=3)
    async with TelegramSim(Setup(rates=rates)) as sim, a_bot(sim) as bot:
        for _ in range(3):
            await bot.send_message(CHAT, "x")

        with pytest.raises(RetryAfter) as refused:
            await bot.send_message(CHAT, "x")
        sim.control.limit(None)
        await bot.send_message(CHAT, "x")

    assert refused.value._retry_after == timedelta(seconds=1)
    assert len(said(sim)) == 4


LIMITS = [
    (Rates(overall=3), CHAT, 1),
    (Rates(overall=1000, burst=3), CHAT, 1),
    (Rates(overall=1000, group=3), GROUP, 60),
]


@IN_SECONDS
@pytest.mark.parametrize(("rates", "chat", "wait"), LIMITS)
async def test_each_limit_lifts_after_the_time_it_told(rates, chat, wait):
    clock = HandClock()
    async with TelegramSim(Setup(rates=rates, clock=clock)) as sim, a_bot(sim) as bot:
        sim.control.found_group(GROUP, "Family")
        for _ in range(3):
            await bot.send_message(chat, "x")
        with pytest.raises(RetryAfter) as refused:
            await bot.send_message(chat, "x")
        clock.move(wait)
        await bot.send_message(chat, "x")

    assert refused.value._retry_after == timedelta(seconds=wait)


ANSWERS = [
    (400, BadRequest, "Refused on demand"),
    (401, InvalidToken, "Unauthorized"),
    (403, Forbidden, "bot was blocked by the user"),
    (404, InvalidToken, "Not Found"),
    (409, Conflict, "terminated by other getUpdates request"),
    (429, RetryAfter, "Retry in 7 seconds"),
    (500, NetworkError, "Internal Server Error"),
    (502, NetworkError, "Bad Gateway"),
]


@IN_SECONDS
@pytest.mark.parametrize(("status", "error", "words"), ANSWERS)
async def test_a_refusal_on_demand_is_what_the_library_knows_and_nothing_is_sent(
    sim, bot, status, error, words
):
    sim.control.fail(Fault(FaultKind.REFUSE, "sendMessage", status=status, retry_after=7))

    with pytest.raises(error, match=words) as refused:
        await bot.send_message(CHAT, "first")
    await bot.send_message(CHAT, "second")

    assert refused.type is error
    assert said(sim) == ["second"]


async def test_faults_are_met_in_order_and_by_their_method_alone(sim, bot):
    sim.control.fail(Fault(FaultKind.REFUSE, "sendMessage", times=2, status=400, description="a"))
    sim.control.fail(Fault(FaultKind.REFUSE, status=400, description="b"))

    with pytest.raises(BadRequest, match="B"):
        await bot.get_me()
    for _ in range(2):
        with pytest.raises(BadRequest, match="A"):
            await bot.send_message(CHAT, "x")
    await bot.send_message(CHAT, "x")

    assert said(sim) == ["x"]


async def test_a_lost_answer_is_an_error_though_the_message_arrived(sim, bot):
    sim.control.fail(Fault(FaultKind.LOSE, "sendMessage"))

    with pytest.raises(NetworkError, match=r"httpx\.ReadError"):
        await bot.send_message(CHAT, "sold 3 VOO")

    assert said(sim) == ["sold 3 VOO"]


async def test_who_repeats_after_a_lost_answer_says_it_twice(sim, bot):
    sim.control.fail(Fault(FaultKind.LOSE, "sendMessage"))
    with pytest.raises(NetworkError):
        await bot.send_message(CHAT, "sold 3 VOO")

    await bot.send_message(CHAT, "sold 3 VOO")

    assert said(sim) == ["sold 3 VOO", "sold 3 VOO"]


async def test_a_late_answer_is_timed_out_though_the_message_arrived(sim):
    sim.control.fail(Fault(FaultKind.DELAY, "sendMessage", seconds=5))

    async with a_bot(sim, read_timeout=0.05) as bot:
        with pytest.raises(TimedOut):
            await bot.send_message(CHAT, "sold 3 VOO")

    assert said(sim) == ["sold 3 VOO"]


async def test_a_call_that_hangs_until_the_client_leaves_is_never_carried_out(sim):
    # A loaded host may notice late that somebody left: long before the call would go on.
    sim.control.fail(Fault(FaultKind.HANG, "sendMessage", seconds=1.0))

    async with a_bot(sim, read_timeout=0.02) as bot:
        with pytest.raises(TimedOut):
            await bot.send_message(CHAT, "sold 3 VOO")
        await asyncio.sleep(1.1)

    assert said(sim) == []


async def test_a_call_that_hangs_briefly_is_carried_out(sim, bot):
    sim.control.fail(Fault(FaultKind.HANG, "sendMessage", seconds=0.01))

    await bot.send_message(CHAT, "late")

    assert said(sim) == ["late"]


async def test_a_reset_before_the_call_is_the_same_error_and_nothing_arrived(sim, bot):
    sim.control.fail(Fault(FaultKind.RESET, "sendMessage"))

    with pytest.raises(NetworkError, match=r"httpx\.ReadError"):
        await bot.send_message(CHAT, "sold 3 VOO")

    assert said(sim) == []


async def test_refused_connections_end_when_restored(sim, bot):
    await sim.control.cut(OutageKind.REFUSED)

    with pytest.raises(NetworkError, match=r"httpx\.ConnectError"):
        await bot.send_message(CHAT, "x")
    await sim.control.restore()
    await bot.send_message(CHAT, "y")

    assert said(sim) == ["y"]


async def until(bot: Bot, status: str) -> None:
    """Call until it is answered with that status."""
    async with asyncio.timeout(SOON):
        answered = ""
        while status not in answered:
            try:
                await bot.get_me()
                answered = "200"
            except TelegramError as error:
                answered = str(error)


async def test_an_outage_begins_and_ends_by_itself(sim, bot):
    await sim.control.cut(OutageKind.BAD_GATEWAY, seconds=0.1, after=0.01)
    await bot.get_me()

    await until(bot, "502")
    await until(bot, "200")


async def test_one_outage_may_follow_another(sim, bot):
    await sim.control.cut(OutageKind.REFUSED)
    await sim.control.cut(OutageKind.BAD_GATEWAY)

    with pytest.raises(NetworkError, match="Bad Gateway"):
        await bot.get_me()
    await sim.control.restore()
    await sim.control.restore()

    assert await bot.get_me()


async def test_an_outage_that_was_ended_does_not_end_the_next_one(sim, bot):
    await sim.control.cut(OutageKind.REFUSED, seconds=0.01)
    await sim.control.restore()
    await sim.control.cut(OutageKind.REFUSED)
    await asyncio.sleep(0.03)

    with pytest.raises(NetworkError, match=r"httpx\.ConnectError"):
        await bot.get_me()


async def test_an_outage_drops_open_polls(sim, bot):
    poll = asyncio.create_task(bot.get_updates(timeout=50))
    await eventually(sim.control.listening)

    await sim.control.cut(OutageKind.BAD_GATEWAY)

    with pytest.raises(NetworkError, match=r"httpx\.ReadError"):
        await poll
    await eventually(lambda: not sim.control.listening())


async def test_a_port_in_use_is_told(sim):
    taken = int(sim.base_url.split(":")[2].split("/")[0])

    with pytest.raises(OSError, match="in use"):
        async with TelegramSim(port=taken):
            pytest.fail("two listen on one port")
    with pytest.raises(OSError, match="in use"):
        async with TelegramSim(control_port=taken):
            pytest.fail("two listen on one port")


async def test_it_stops_at_once_with_an_open_poll():
    sim = TelegramSim()
    async with sim, an_unmet_bot(sim) as bot:
        poll = asyncio.create_task(bot.get_updates(timeout=50))
        await eventually(sim.control.listening)
        begun = time.monotonic()
        await sim.__aexit__(None, None, None)

        with pytest.raises(NetworkError):
            await poll
        assert time.monotonic() - begun < 1


async def test_the_chat_looks_as_on_a_phone(sim, bot):
    sim.control.say("/sell")
    message = await bot.send_message(
        CHAT, "<b>sell?</b>", parse_mode="HTML", reply_markup=buttons("Yes", "No")
    )
    sim.control.press("Yes")
    (_, pressed) = await bot.get_updates()
    await bot.answer_callback_query(pressed.callback_query.id, "noted")
    await message.edit_text("sold")
    await bot.send_document(CHAT, b"x", filename="fills.csv", disable_notification=True)

    shown = re.sub(r"\d\d:\d\d", "TIME", sim.control.transcript())

    assert shown.splitlines() == [
        "┌ Owner · TIME",
        "│ /sell",
        "└",
        "┌ Drill · TIME · edited",
        "│ sold",
        "└",
        "  (Owner pressed Yes)",
        "  (Drill shows: noted)",
        "┌ Drill · TIME · silent",
        "│ [fills.csv, 1 bytes]",
        "└",
    ]


def test_the_simulators_know_nothing_of_the_bot():
    sims = Path(__file__).parents[3] / "adapters" / "sims"
    imports = re.compile(
        r"^\s*(?:from|import) (bot|strategies|config|adapters(?!\.sims))\b", re.MULTILINE
    )

    assert [p.name for p in sims.glob("*.py") if imports.search(p.read_text("utf-8"))] == []


async def test_a_person_is_deleted_in_private_and_not_in_a_group(sim, bot):
    private = sim.control.say("secret")
    sim.control.found_group(GROUP, "Desk")
    public = sim.control.say("secret", chat_id=GROUP)
    own = await bot.send_message(GROUP, "mine")

    await bot.delete_message(CHAT, private.message_id)
    await bot.delete_message(GROUP, own.message_id)

    assert [e.kind for e in sim.control.record()][-2:] == [Kind.DELETED, Kind.DELETED]
    assert "secret" not in sim.control.transcript()
    with pytest.raises(BadRequest, match="Message can't be deleted"):
        await bot.delete_message(GROUP, public.message_id)
    with pytest.raises(BadRequest, match="Message to delete not found"):
        await bot.delete_message(CHAT, private.message_id)
