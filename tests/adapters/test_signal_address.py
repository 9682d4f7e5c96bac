import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date

import pytest
from aiohttp import web

from adapters.signal_address import MOST_BYTES, SignalAddress
from adapters.signal_feeds import SignalFeed, Unreachable
from bot.domain.errors import Blocked
from bot.domain.received import Received
from bot.domain.strategy import FeedNeed
from tests.adapters.test_signal_feeds import MONDAY, NEXT_MONDAY, TUESDAY, at
from tests.fakes import EventfulClock
from tests.strategies.builders import CALENDAR

TOKEN = "t0ken"  # noqa: S105 - nobody's


class House:
    """Somebody's server of one signal: what it answers, and what it was asked with."""

    def __init__(self, text: str = '{"signal": "LONG", "updated": "2026-03-30"}') -> None:
        self.text, self.etag, self.status = text, '"1"', 200
        self.asked: list[dict[str, str]] = []
        self.answered: list[int] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.headers))
        response = self._response(request)
        self.answered.append(response.status)
        return response

    def _response(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.Response(status=401)
        if self.status != 200:
            return web.Response(status=self.status, headers={"Location": "/elsewhere"})
        if request.headers.get("If-None-Match") == self.etag:
            return web.Response(status=304)
        return web.Response(text=self.text, headers={"ETag": self.etag})

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_get("/signal", self.answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        try:
            yield f"http://127.0.0.1:{port}/signal"
        finally:
            await runner.cleanup()


def source(address: str, token: str | None = TOKEN, seconds: float = 5.0) -> SignalAddress:
    return SignalAddress(address, "rotation", lambda: token, seconds)


async def refused(house: House, **differing: object) -> Blocked:
    async with house.open() as address:
        with pytest.raises(Blocked) as error:
            await source(address, **differing).told(MONDAY)
    return error.value


async def test_a_signal_is_fetched_with_the_token():
    house = House('{"signal": "LONG", "updated": "2026-03-30", "comment": {"more": 1}}')

    async with house.open() as address:
        told = await source(address).told(TUESDAY)

    assert told == [Received(MONDAY, TUESDAY, "LONG")]
    assert house.asked[0]["Authorization"] == f"Bearer {TOKEN}"


async def test_without_a_token_none_is_sent():
    house = House()

    assert (await refused(house, token=None)).code == "signal_unreachable"
    assert "Authorization" not in house.asked[0]


async def test_what_has_not_changed_is_fetched_once():
    house = House()

    async with house.open() as address:
        asked = source(address)
        told = [await asked.told(MONDAY) for _ in range(3)]

    assert told == [[Received(MONDAY, MONDAY, "LONG")]] * 3
    assert house.answered == [200, 304, 304]


async def test_what_has_changed_is_told_with_its_new_mark():
    house = House()

    async with house.open() as address:
        asked = source(address)
        await asked.told(MONDAY)
        house.text, house.etag = '{"signal": "SHORT", "updated": "2026-03-31"}', '"2"'
        told = await asked.told(TUESDAY)
        await asked.told(TUESDAY)

    assert told == [Received(TUESDAY, TUESDAY, "SHORT")]
    assert house.answered == [200, 200, 304]


async def test_what_was_not_understood_is_asked_for_in_full_again():
    house = House('{"signal": "LNOG", "updated": "2026-03-30"}')

    async with house.open() as address:
        asked = source(address)
        for _ in range(2):
            with pytest.raises(Blocked, match=r"signal_unknown .*LNOG"):
                await asked.told(MONDAY)

    assert house.answered == [200, 200]


async def test_when_it_was_known_is_not_for_the_source_to_say():
    text = '{"signal": "LONG", "updated": "2026-03-27", "known_on": "2026-03-27"}'

    async with House(text).open() as address:
        (told,) = await source(address).told(MONDAY)

    assert told == Received(date(2026, 3, 27), MONDAY, "LONG")


@pytest.mark.parametrize("status", [301, 302, 401, 403, 404, 429, 500, 503])
async def test_an_answer_that_is_none_leaves_what_stands(status):
    house = House()
    house.status = status

    error = await refused(house)

    assert isinstance(error, Unreachable)
    assert f"HTTP {status}" in str(error)
    assert len(house.asked) == 1


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "no JSON"),
        ("<html>", "no JSON"),
        ("[" * 50_000, "no JSON"),
        ('["LONG"]', "no object"),
        ('{"signal": "LONG"}', "neither known_on nor updated"),
        ('{"signal": "LONG", "updated": "soon"}', "soon is no day"),
        ('{"signal": "LONG", "updated": "0001-01-01T00:00:00+14:00"}', "is no day"),
        ('{"signal": "LONG", "updated": "2026-04-01"}', "after it was known"),
        (" " * (MOST_BYTES + 1), "more than"),
        ('{"updated": "2026-03-30"}', "signal_unknown"),
        ('{"signal": ["LONG"], "updated": "2026-03-30"}', "signal_unknown"),
    ],
)
async def test_nonsense_is_refused_with_its_reason_and_is_no_want_of_connection(text, what):
    error = await refused(House(text))

    assert not isinstance(error, Unreachable)
    assert what in str(error)


async def test_nobody_there_can_not_be_reached():
    async with House().open() as address:
        pass

    with pytest.raises(Unreachable, match="signal_unreachable"):
        await source(address).told(MONDAY)


async def test_an_address_that_is_none_can_not_be_reached():
    with pytest.raises(Unreachable, match="signal_unreachable"):
        await source("https://signals.example:99999/api").told(MONDAY)


async def test_who_does_not_answer_is_not_waited_for_for_ever():
    class Slow(House):
        async def answer(self, request: web.Request) -> web.Response:
            await asyncio.sleep(30)
            return await super().answer(request)

    error = await refused(Slow(), seconds=0.2)

    assert isinstance(error, Unreachable)


def test_its_name_for_people_keeps_its_secrets():
    told = source("https://me:pass@signals.example/api?key=hush#x").place

    assert told == "https://signals.example/api"


async def test_no_error_says_the_token():
    house = House()
    house.status = 500

    assert TOKEN not in str(await refused(house))


async def test_no_log_says_the_address(caplog):
    caplog.set_level("INFO")

    async with House().open() as address:
        await source(f"{address}?key=hush").told(MONDAY)

    assert "hush" not in caplog.text


async def test_what_could_not_be_kept_is_kept_later_though_nothing_has_changed(tmp_path):
    house, kept = House(), tmp_path / "folder" / "kept.jsonl"
    kept.parent.write_text("no folder")

    async with house.open() as address:
        need, clock = FeedNeed("rotation", 3), EventfulClock(at(MONDAY))
        feed = SignalFeed(source(address), need, kept, CALENDAR, clock, 30.0)
        with pytest.raises(Blocked, match="signals_not_kept"):
            await feed.table(MONDAY)
        kept.parent.unlink()
        told = await feed.table(MONDAY)

    assert told["signal"].tolist() == ["LONG"]
    assert house.answered == [200, 304]


async def test_a_house_that_falls_silent_leaves_its_last_signal_to_grow_old(tmp_path):
    house, clock = House(), EventfulClock(at(MONDAY))

    async with house.open() as address:
        need = FeedNeed("rotation", 3)
        kept = tmp_path / "kept.jsonl"
        feed = SignalFeed(source(address), need, kept, CALENDAR, clock, 30.0)
        first = await feed.table(MONDAY)
        house.status = 503
        later = await feed.table(TUESDAY)
        with pytest.raises(Blocked, match="signal_stale"):
            await feed.table(NEXT_MONDAY)

    assert first.equals(later)
