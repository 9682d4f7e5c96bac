"""Bots of the real library, pointed at a simulated Telegram, and the people they meet."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.error import TelegramError
from telegram.ext import Application, ApplicationBuilder, BaseHandler
from telegram.request import HTTPXRequest

from adapters.sims.telegram import TelegramSim
from adapters.sims.telegram_world import OWNER

CHAT = OWNER.id
GROUP = -4001
STRANGER = 2002
POLL_SECONDS = 5
POLL_PAUSE = 0.01
SOON = 3.0


def buttons(*labels: str) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(x, callback_data=x.lower()) for x in labels]]
    )


class HandClock:
    def __init__(self) -> None:
        self.at = datetime(2026, 3, 2, 20, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def move(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def a_request(read_timeout: float = SOON) -> HTTPXRequest:
    return HTTPXRequest(
        connection_pool_size=8, read_timeout=read_timeout, httpx_kwargs={"trust_env": False}
    )


def an_unmet_bot(sim: TelegramSim, token: str = "", read_timeout: float = SOON) -> Bot:
    return Bot(
        token or sim.token,
        base_url=sim.base_url,
        base_file_url=sim.base_file_url,
        request=a_request(read_timeout),
        get_updates_request=a_request(read_timeout),
    )


@asynccontextmanager
async def a_bot(sim: TelegramSim, read_timeout: float = SOON) -> AsyncIterator[Bot]:
    async with an_unmet_bot(sim, read_timeout=read_timeout) as bot:
        yield bot


class Heard:
    """What a bot's listener heard, and the errors of its polls."""

    def __init__(self) -> None:
        self.updates: list[Update] = []
        self.errors: list[TelegramError] = []
        self._news = asyncio.Event()

    async def hear(self, update: Update, _context: Any) -> None:
        self.updates.append(update)
        self._news.set()

    def suffer(self, error: TelegramError) -> None:
        self.errors.append(error)
        self._news.set()

    @property
    def texts(self) -> list[str | None]:
        return [u.effective_message.text for u in self.updates if u.effective_message]

    async def until(self, holds: Callable[["Heard"], bool]) -> None:
        async with asyncio.timeout(SOON):
            while not holds(self):
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def listening(
    sim: TelegramSim,
    handler: Callable[[Heard], BaseHandler[Any, Any, Any]],
    *,
    drop_pending: bool = False,
    allowed: list[str] | None = None,
) -> AsyncIterator[Heard]:
    heard = Heard()
    app: Application[Any, Any, Any, Any, Any, Any] = (
        ApplicationBuilder()
        .token(sim.token)
        .base_url(sim.base_url)
        .request(a_request())
        .get_updates_request(a_request())
        .build()
    )
    app.add_handler(handler(heard))
    async with app:
        await app.start()
        assert app.updater
        await app.updater.start_polling(
            poll_interval=POLL_PAUSE,
            timeout=POLL_SECONDS,
            drop_pending_updates=drop_pending,
            allowed_updates=allowed,
            error_callback=heard.suffer,
        )
        try:
            yield heard
        finally:
            with suppress(TelegramError):
                await app.updater.stop()
            await app.stop()


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)
