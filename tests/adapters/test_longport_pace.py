"""Turns are as far apart as the broker wants them."""

import asyncio

import pytest

from adapters.longport_pace import Pace
from adapters.longport_told import Limits

WINDOW, GAP, APART = 0.06, 0.005, 0.02
FREE = Limits(calls=100, seconds=WINDOW, gap=0, apart=0, kept=0)


async def made(pace: Pace, *calls: str, order: bool = False) -> list[float]:
    """When each call was made."""
    times = []
    for call in calls:
        async with pace.turn(call, order=order):
            times.append(asyncio.get_running_loop().time())
    return times


def distances(times: list[float], over: int = 1) -> list[float]:
    return [b - a for a, b in zip(times, times[over:], strict=False)]


async def test_calls_are_a_gap_apart():
    pace = Pace(Limits(calls=100, seconds=WINDOW, gap=GAP, apart=0, kept=0))

    times = await made(pace, *"abcde")

    assert min(distances(times)) >= GAP


async def test_no_window_has_more_calls_than_it_may():
    pace = Pace(Limits(calls=3, seconds=WINDOW, gap=0, apart=0, kept=0))

    times = await made(pace, *"abcdefg")

    assert min(distances(times, over=3)) >= WINDOW
    assert times[2] - times[0] < WINDOW


async def test_the_same_call_is_not_made_again_too_soon():
    pace = Pace(Limits(calls=100, seconds=WINDOW, gap=0, apart=APART, kept=0))

    times = await made(pace, *"aba")

    assert times[2] - times[0] >= APART
    assert times[1] - times[0] < APART


async def test_reads_leave_calls_for_orders():
    pace = Pace(Limits(calls=4, seconds=WINDOW, gap=0, apart=0, kept=2))
    reads = await made(pace, *"ab")

    orders = await made(pace, *"cd", order=True)

    assert orders[-1] - reads[0] < WINDOW
    assert (await made(pace, "e"))[0] - reads[0] >= WINDOW


async def test_who_comes_while_a_call_is_made_waits_for_its_end():
    pace, ended = Pace(FREE), []

    async def slow() -> None:
        async with pace.turn("a"):
            await asyncio.sleep(GAP)
            ended.append("a")

    first = asyncio.create_task(slow())
    await asyncio.sleep(0)
    await made(pace, "b")

    assert ended == ["a"]
    await first


async def test_a_call_that_failed_was_made_all_the_same():
    pace = Pace(Limits(calls=100, seconds=WINDOW, gap=GAP, apart=0, kept=0))
    with pytest.raises(TimeoutError):
        async with pace.turn("a"):
            raise TimeoutError
    failed = asyncio.get_running_loop().time()

    assert (await made(pace, "b"))[0] - failed >= GAP * 0.9
