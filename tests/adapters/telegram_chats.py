"""Somebody who answers in a chat, and the adapter at a simulated Telegram."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from adapters.sims.telegram import TelegramSim
from adapters.sims.telegram_record import Entry, Kind
from adapters.sims.telegram_world import OWNER, TOKEN
from adapters.telegram import Door, Pace, Telegram
from bot.domain.memory import Message
from bot.ports import Choice, Reply
from tests.builders import NOW

CHAT = OWNER.id
DOOR = Door(CHAT, frozenset({OWNER.id}))
QUICK = Pace(connect=2, answer=1, poll=2, retry=0.03, longest=0.1, refused=0.1, stop=0.2)
SOON = 10.0
NO_MENUS: Mapping[str, Sequence[tuple[str, str]]] = {}


def a_message(text: str, key: str = "main/1", kind: str = "run") -> Message:
    return Message(key, kind, "main", NOW, text)


def a_question(data: str) -> Reply:
    return Reply("Sell <all>?", (Choice("Yes", data), Choice("No & never", "no")))


class Parrot:
    """Repeats what it hears; waits, fails, asks or is long where it is told so."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, str]] = []
        self.go_on = asyncio.Event()

    async def said(self, user: int, text: str) -> Reply:
        self.heard.append((user, text))
        match text.split():
            case ["/wait", *_]:
                await self.go_on.wait()
            case ["/fail"]:
                raise LookupError(f"no answer, but a secret: {TOKEN}")
            case ["/ask", data]:
                return a_question(data)
            case ["/secret", *_]:
                return Reply("noted", secret="delete it yourself")  # noqa: S106 - a sentence
            case ["/long"]:
                return Reply("line\n" * 2000, (Choice("Yes", "long"),))
        return Reply(f"heard {text}")

    async def pressed(self, user: int, data: str) -> Reply:
        self.heard.append((user, data))
        match data:
            case "same":
                return a_question(data)
            case "wait":
                await self.go_on.wait()
            case "long":
                return Reply("line\n" * 2000)
            case "fail":
                raise LookupError("no answer")
        return Reply(f"pressed {data}")


def a_telegram(sim: TelegramSim, door: Door = DOOR, **options) -> Telegram:
    return Telegram(sim.token, door, **{"api": sim.base_url, "pace": QUICK} | options)


@asynccontextmanager
async def open_telegram(sim: TelegramSim, door: Door = DOOR, **options) -> AsyncIterator[Telegram]:
    telegram = a_telegram(sim, door, **options)
    try:
        yield telegram
    finally:
        await telegram.close()


@asynccontextmanager
async def listening(
    telegram: Telegram, sim: TelegramSim | None = None, menus=NO_MENUS
) -> AsyncIterator[Parrot]:
    """Have a parrot answer; from the moment the simulator sees it listen, where one is given."""
    parrot = Parrot()
    task = asyncio.create_task(telegram.listen(parrot, menus))
    try:
        if sim:
            await eventually(sim.control.listening)
        yield parrot
    finally:
        task.cancel()
        await asyncio.wait({task})
    assert task.cancelled(), task.exception()


async def eventually(holds: Callable[[], object], seconds: float = SOON) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


def messages(sim: TelegramSim) -> list[Entry]:
    return [entry for entry in sim.control.record() if entry.kind is Kind.MESSAGE]


def texts(sim: TelegramSim) -> list[str]:
    return [entry.plain for entry in messages(sim)]


async def main(token: str, api: str) -> None:
    """Listen until killed."""
    telegram = Telegram(token, DOOR, api=api, pace=QUICK)
    await telegram.listen(Parrot(), NO_MENUS)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
