"""Turns are as far apart as the broker wants them."""

import asyncio
from datetime import timedelta

import pytest

from adapters.longport_pace import Pace
from adapters.longport_told import Limits
from bot.schedule import JumpingClock
from tests.builders import NOW

WINDOW, GAP, APART = 30.0, 0.02, 1.0


class Counter:
    """Turns at a clock that jumps, and when each was taken, in seconds from the first moment."""

    def __init__(self, **limits) -> None:
        self.clock = JumpingClock(NOW)
        told = {"calls": 100, "seconds": WINDOW, "gap": 0, "apart": 0, "kept": 0} | limits
        self._pace = Pace(Limits(**told), self.clock)

    async def made(self, *calls: str, order: bool = False, took: float = 0.0) -> list[float]:
        times = []
        for call in calls:
            async with self._pace.turn(call, order=order):
                times.append((self.clock.now() - NOW).total_seconds())
                await self.clock.sleep(took)
        return times


async def test_calls_are_a_gap_apart():
    assert await Counter(gap=GAP).made(*"abc") == [0, GAP, 2 * GAP]


async def test_a_gap_begins_where_a_call_ends():
    assert await Counter(gap=GAP).made(*"ab", took=2.0) == [0, 2 + GAP]


async def test_no_window_has_more_calls_than_it_may():
    assert await Counter(calls=3).made(*"abcdefg") == [0, 0, 0, 30, 30, 30, 60]


async def test_the_same_call_is_not_made_again_too_soon():
    assert await Counter(apart=APART).made(*"aba") == [0, 0, 1]


async def test_reads_leave_calls_for_orders():
    counter = Counter(calls=4, kept=2)

    assert await counter.made(*"ab") == [0, 0]
    assert await counter.made(*"cd", order=True) == [0, 0]
    assert await counter.made("e") == [30]


async def test_who_comes_while_a_call_is_made_waits_for_its_end():
    pace, ended = Pace(Limits(), JumpingClock(NOW)), []
    heard = asyncio.Event()

    async def slow() -> None:
        async with pace.turn("a"):
            await heard.wait()
            ended.append("a")

    async def next_one() -> None:
        async with pace.turn("b"):
            ended.append("b")

    calls = [asyncio.create_task(each()) for each in (slow, next_one)]
    await asyncio.sleep(0.01)
    heard.set()
    await asyncio.gather(*calls)

    assert ended == ["a", "b"]


async def test_a_call_that_failed_was_made_all_the_same():
    counter = Counter(gap=GAP)
    with pytest.raises(TimeoutError):
        async with counter._pace.turn("a"):
            raise TimeoutError

    assert await counter.made("b") == [GAP]


async def test_a_clock_that_is_set_back_holds_nobody_up_for_longer_than_the_limits_say():
    counter = Counter(calls=1, apart=APART)
    await counter.made("a")
    counter.clock._now -= timedelta(hours=1)

    [at] = await counter.made("a")

    assert at == -3600 + WINDOW
