import asyncio
from datetime import timedelta

import httpx
import pytest
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from adapters.telegram_wire import asked_to_wait, ended, lost

IN_SECONDS = pytest.mark.filterwarnings(
    r"ignore:.*`retry_after`:telegram.warnings.PTBDeprecationWarning"
)


def because_of(error: TelegramError, cause: Exception) -> TelegramError:
    error.__cause__ = cause
    return error


ERRORS = [
    (TimedOut(), True),
    (NetworkError("Bad Gateway"), True),
    (TelegramError("Invalid server response"), True),
    (because_of(NetworkError("reset"), httpx.ReadError("")), True),
    (because_of(TimedOut(), httpx.ReadTimeout("")), True),
    (because_of(NetworkError("closed"), httpx.RemoteProtocolError("")), True),
    (because_of(NetworkError("refused"), httpx.ConnectError("")), False),
    (because_of(TimedOut(), httpx.ConnectTimeout("")), False),
    (because_of(TimedOut(), httpx.PoolTimeout("")), False),
    (BadRequest("Chat not found"), False),
    (Forbidden("bot was blocked by the user"), False),
    (InvalidToken(), False),
    (ChatMigrated(-100), False),
]


@pytest.mark.parametrize(("error", "whether"), ERRORS, ids=repr)
def test_only_what_may_have_arrived_is_lost(error, whether):
    assert lost(error) is whether


@IN_SECONDS
def test_who_asks_for_silence_took_nothing():
    error = RetryAfter(7)

    assert not lost(error)
    assert asked_to_wait(error) == 7
    assert asked_to_wait(TimedOut()) == 0


def test_silence_may_be_a_timedelta():
    class Later(RetryAfter):
        retry_after = timedelta(seconds=9)

    assert asked_to_wait(Later(9)) == 9


async def test_a_step_that_swallows_its_cancelling_is_cancelled_again():
    cancelled = []

    async def step() -> None:
        for number in (1, 2):
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cancelled.append(number)

    await ended(step(), 0.01)

    assert cancelled == [1, 2]


async def test_a_step_that_never_ends_is_left_behind():
    asked = asyncio.Event()

    async def step() -> None:
        while not asked.is_set():
            try:
                await asked.wait()
            except asyncio.CancelledError:
                continue

    async with asyncio.timeout(5):
        await ended(step(), 0.01)
    asked.set()
    await asyncio.sleep(0)


async def test_what_an_ended_step_raises_is_no_concern():
    async def step() -> None:
        raise NetworkError("gone")

    await ended(step(), 1)
