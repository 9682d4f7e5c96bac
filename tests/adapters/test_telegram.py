"""What is told by Telegram: the real library at a simulated Bot API, over a real socket."""

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from adapters.sims.telegram import TelegramSim
from adapters.sims.telegram_faults import Fault, FaultKind, OutageKind
from adapters.sims.telegram_rates import Rates
from adapters.sims.telegram_world import Setup
from adapters.telegram import Door, Loudness, Telegram
from bot.domain.errors import BellwetherError, SettingsError
from bot.ledger import SqlLedger
from bot.outbox import Outbox
from bot.ports import NotDelivered
from bot.schedule import JumpingClock
from tests.adapters.telegram_chats import (
    CHAT,
    DOOR,
    QUICK,
    a_message,
    a_telegram,
    messages,
    open_telegram,
    texts,
)
from tests.builders import NOW

CANARY = "987654321:canary-of-a-token-that-nobody-may-read"
IMPATIENT = replace(QUICK, answer=0.1)

# The library tells that its seconds will be a timedelta one day.
IN_SECONDS = pytest.mark.filterwarnings(
    r"ignore:.*`retry_after`:telegram.warnings.PTBDeprecationWarning"
)

LONG = "\n".join(f"line {n:04}" for n in range(1000))
SENDING = "sendMessage"


@pytest.fixture
async def sim():
    async with TelegramSim(Setup(rates=None)) as it:
        yield it


@pytest.fixture
async def telegram(sim):
    async with open_telegram(sim) as it:
        yield it


@asynccontextmanager
async def odd_api(
    answer: Callable[[web.Request], web.StreamResponse], bodies: list[bytes]
) -> AsyncIterator[str]:
    """Something that is no Bot API, at the address of one; it keeps what it was asked."""

    async def answered(request: web.Request) -> web.StreamResponse:
        bodies.append(await request.read())
        return answer(request)

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answered)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/bot"
    finally:
        await runner.cleanup()


async def not_told(telegram: Telegram, text: str = "hello", *, again: bool = False) -> NotDelivered:
    with pytest.raises(NotDelivered) as caught:
        await telegram.tell(a_message(text), again=again)
    return caught.value


async def test_a_message_arrives_escaped_with_its_first_line_bold(sim, telegram):
    await telegram.tell(a_message("[PAPER] main <R&D>\nbought 3 VOO"))

    (sent,) = messages(sim)
    assert sent.text == "<b>[PAPER] main &lt;R&amp;D&gt;</b>\nbought 3 VOO"
    assert sent.plain == "[PAPER] main <R&D>\nbought 3 VOO"
    assert (sent.chat_id, sent.silent) == (CHAT, False)


async def test_a_long_message_arrives_in_numbered_parts_in_order(sim, telegram):
    await telegram.tell(a_message(LONG))

    first, second, third = texts(sim)
    assert [part[:6] for part in (first, second, third)] == ["(1/3) ", "(2/3) ", "(3/3) "]
    assert "\n".join((first[6:], second[6:], third[6:])) == LONG


async def test_messages_told_at_once_do_not_mix(sim, telegram):
    told = [telegram.tell(a_message(f"{letter}\n" * 3000, letter)) for letter in "ab"]

    await asyncio.gather(*told)

    assert [part[6] for part in texts(sim)] == ["a", "a", "b", "b"]


@pytest.mark.parametrize(
    ("kind", "told"),
    [("run", [False]), ("fill", [True]), ("heartbeat", []), ("never heard of", [False])],
)
async def test_a_kind_is_as_loud_as_wished(sim, kind, told):
    loudness = {"run": Loudness.ON, "fill": Loudness.SILENT, "heartbeat": Loudness.OFF}

    async with open_telegram(sim, loudness=loudness) as telegram:
        await telegram.tell(a_message("hello", kind=kind))

    assert [entry.silent for entry in messages(sim)] == told


async def test_a_text_telegram_can_not_read_as_html_comes_plain(sim, telegram):
    remark = "can't parse entities: unsupported start tag"
    sim.control.fail(Fault(FaultKind.REFUSE, SENDING, status=400, description=remark))

    await telegram.tell(a_message("title\n1 < 2"))

    (sent,) = messages(sim)
    assert (sent.text, sent.parse_mode) == ("title\n1 < 2", "")


async def test_links_are_not_previewed():
    bodies: list[bytes] = []

    async with odd_api(lambda _: web.Response(status=502), bodies) as api:
        telegram = Telegram(CANARY, DOOR, api=api, pace=QUICK)
        await not_told(telegram, "https://example.org")
        await telegram.close()

    (asked,) = [parse_qs(body.decode()) for body in bodies]
    assert asked["link_preview_options"] == ['{"is_disabled": true}']


async def test_a_part_that_arrived_is_not_sent_again(sim, telegram):
    sent = asyncio.Event()
    sim.control.listen(lambda _entry: sent.set())
    task = asyncio.create_task(not_told(telegram, LONG))
    await sent.wait()
    sim.control.block()
    await task
    assert len(texts(sim)) < 3
    sim.control.unblock()

    await telegram.tell(a_message(LONG))

    assert [part[:6] for part in texts(sim)] == ["(1/3) ", "(2/3) ", "(3/3) "]


LOST = [Fault(FaultKind.LOSE, SENDING), Fault(FaultKind.DELAY, SENDING, seconds=0.4)]


@pytest.mark.parametrize("fault", LOST, ids=lambda fault: fault.kind)
async def test_a_part_whose_answer_was_lost_comes_again_marked(sim, fault):
    async with open_telegram(sim, pace=IMPATIENT) as telegram:
        sim.control.fail(fault)
        await not_told(telegram, LONG)

        await telegram.tell(a_message(LONG))
        await telegram.tell(a_message("next", "main/2"))

    assert [part[:8] for part in texts(sim)] == [
        "(1/3) li",
        "… (1/3) ",
        "(2/3) li",
        "(3/3) li",
        "next",
    ]


async def test_doubt_stays_through_attempts_that_surely_failed(sim, telegram):
    sim.control.fail(Fault(FaultKind.LOSE, SENDING))
    await not_told(telegram)
    sim.control.fail(Fault(FaultKind.REFUSE, SENDING, status=403))
    await not_told(telegram)

    await telegram.tell(a_message("hello"))

    assert texts(sim) == ["hello", "… hello"]


async def test_what_never_reached_telegram_comes_without_a_mark(sim, telegram):
    await sim.control.cut()
    reason = str(await not_told(telegram))
    await sim.control.restore()

    await telegram.tell(a_message("hello"))

    assert reason.startswith("httpx.ConnectError")
    assert texts(sim) == ["hello"]


async def test_a_message_cancelled_under_way_comes_again_marked(sim, telegram):
    sim.control.fail(Fault(FaultKind.DELAY, SENDING, seconds=5))
    task = asyncio.create_task(telegram.tell(a_message("hello")))
    await sim.control.wait("hello")
    task.cancel()
    await asyncio.wait({task})

    await telegram.tell(a_message("hello"))

    assert texts(sim) == ["hello", "… hello"]


async def test_what_an_earlier_process_may_have_told_is_marked(sim):
    async with open_telegram(sim, repeat_mark="(again)") as telegram:
        await telegram.tell(a_message(LONG), again=True)

    assert [part[:13] for part in texts(sim)] == [f"(again) ({n}/3)"[:13] for n in (1, 2, 3)]


@IN_SECONDS
async def test_telegram_may_ask_for_silence(sim, telegram):
    sim.control.fail(Fault(FaultKind.REFUSE, SENDING, status=429, retry_after=7))

    failure = await not_told(telegram)

    assert failure.wait == 7
    await telegram.tell(a_message("hello"))
    assert texts(sim) == ["hello"]


@IN_SECONDS
async def test_more_than_telegram_takes_at_once_waits_and_all_arrives(sim, telegram):
    sim.control.limit(Rates(chat=50, burst=2))
    waits = []

    for number in range(6):
        while True:
            try:
                await telegram.tell(a_message(f"{number}", f"main/{number}"))
                break
            except NotDelivered as failure:
                waits.append(failure.wait)
                await asyncio.sleep(0.02)

    assert texts(sim) == ["0", "1", "2", "3", "4", "5"]
    assert set(waits) == {1}


@pytest.mark.parametrize("body", ['{"ok": true}', "[]", '{"ok": true, "result": 5}', "<html>"])
async def test_an_answer_of_an_unknown_shape_is_an_undelivered_message(body):
    async with odd_api(lambda _: web.Response(text=body), []) as api:
        telegram = Telegram(CANARY, DOOR, api=api, pace=QUICK)
        await not_told(telegram)
        await telegram.close()


async def test_a_refusal_is_logged_once_and_again_after_a_success(sim, telegram, caplog):
    def refusals() -> list[str]:
        logged = [r for r in caplog.records if r.name == "adapters.telegram"]
        return [record.getMessage() for record in logged]

    sim.control.block()
    reasons = {str(await not_told(telegram)) for _ in range(3)}
    once = refusals()
    sim.control.unblock()
    await telegram.tell(a_message("hello"))
    sim.control.block()
    await not_told(telegram)

    assert reasons == {"Forbidden: bot was blocked by the user"}
    assert len(once) == 1
    assert "bot was blocked by the user" in once[0]
    assert len(refusals()) == 2


async def test_an_unknown_chat_is_not_delivered(sim):
    async with open_telegram(sim, Door(4004)) as telegram:
        assert "Chat not found" in str(await not_told(telegram))


async def test_what_is_told_after_the_end_is_not_delivered(sim):
    async with open_telegram(sim) as telegram:
        pass

    await not_told(telegram)


async def test_an_outbox_brings_everything_once_through_an_outage(sim, telegram):
    pauses = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        await sim.control.restore()

    outbox = Outbox(SqlLedger.open(None), telegram, JumpingClock(NOW), pause)
    await sim.control.cut()
    for number in range(3):
        outbox.post(a_message(f"message {number}", f"main/{number}"))
    task = asyncio.create_task(outbox.deliver())
    await sim.control.wait("message 2")
    task.cancel()

    assert texts(sim) == ["message 0", "message 1", "message 2"]
    assert pauses == [1.0]


async def test_the_bot_proves_that_it_may_write(sim, telegram):
    assert await telegram.prove() == "@drill_bot"
    assert texts(sim) == []


@pytest.mark.parametrize("token", ["", "secret", "123:se cret", f"{CANARY}\n"])
def test_what_can_not_be_a_token_is_refused_at_once(token):
    with pytest.raises(SettingsError, match="telegram_token"):
        Telegram(token, DOOR)


async def wrong(telegram: Telegram) -> BellwetherError:
    with pytest.raises(BellwetherError) as caught:
        await telegram.prove()
    await telegram.close()
    return caught.value


async def test_a_wrong_token_is_proven_wrong(sim):
    error = await wrong(Telegram(CANARY, DOOR, api=sim.base_url, pace=QUICK))

    assert (type(error), error.code) == (SettingsError, "telegram_token")


async def test_a_chat_that_does_not_want_the_bot_is_proven_wrong(sim):
    sim.control.block()

    blocked, unknown = [await wrong(a_telegram(sim, door)) for door in (DOOR, Door(4004))]

    assert (blocked.code, unknown.code) == ("telegram_chat", "telegram_chat")
    assert blocked.values["chat"] == CHAT
    assert "blocked by the user" in f"{blocked}"
    assert "Chat not found" in f"{unknown}"


@pytest.mark.parametrize("kind", list(OutageKind))
async def test_telegram_out_of_reach_is_no_wrong_setting(sim, kind):
    await sim.control.cut(kind)

    error = await wrong(a_telegram(sim))

    assert (type(error), error.code) == (BellwetherError, "telegram_unavailable")


def everything_logged(caplog: pytest.LogCaptureFixture) -> str:
    plain = logging.Formatter("%(name)s %(message)s")
    return "\n".join(plain.format(record) + f"{record.__dict__}" for record in caplog.records)


ECHOES = [(400, "Bad Request: chat {}"), (403, "Forbidden: {}"), (502, "{}"), (500, "Error {}")]


@pytest.mark.parametrize(("status", "remark"), ECHOES)
async def test_a_token_that_comes_back_is_not_told(status, remark, caplog):
    caplog.set_level(logging.DEBUG)

    def echoed(request: web.Request) -> web.Response:
        told = {"ok": False, "error_code": status, "description": remark.format(request.path)}
        return web.json_response(told, status=status)

    async with odd_api(echoed, []) as api:
        telegram = Telegram(CANARY, DOOR, api=api, pace=QUICK)
        failure = await not_told(telegram)
        unproven = await wrong(telegram)

    shown = [str(failure), repr(failure), str(unproven), repr(unproven), repr(telegram)]
    shown += traceback.format_exception(failure) + traceback.format_exception(unproven)
    assert "<token>" in str(failure)
    assert "canary" not in "".join(shown)
    assert "canary" not in everything_logged(caplog)


async def test_the_token_is_in_no_log_of_sending_and_failing(caplog):
    caplog.set_level(logging.DEBUG)
    async with TelegramSim(Setup(CANARY, rates=None)) as sim, open_telegram(sim) as telegram:
        await telegram.tell(a_message(LONG))
        for fault in (Fault(FaultKind.LOSE), Fault(FaultKind.REFUSE), Fault(FaultKind.RESET)):
            sim.control.fail(fault)
            await not_told(telegram)
        await sim.control.cut()
        await not_told(telegram)

    assert texts(sim)
    assert "canary" not in everything_logged(caplog)


async def test_an_api_at_no_address_says_so_without_the_token(caplog):
    caplog.set_level(logging.DEBUG)
    telegram = Telegram(CANARY, DOOR, api="gopher://127.0.0.1/bot", pace=QUICK)

    failure = await not_told(telegram)
    await telegram.close()

    assert "protocol" in str(failure)
    assert "canary" not in str(failure) + everything_logged(caplog)
