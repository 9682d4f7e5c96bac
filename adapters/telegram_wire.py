"""One bot's wire to one chat: what goes out on it, and what its errors mean."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
from telegram import (
    BotCommand,
    BotCommandScopeChat,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
)
from telegram.constants import ChatAction, ParseMode
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)
from telegram.ext import AIORateLimiter, Defaults, ExtBot
from telegram.request import HTTPXRequest

from adapters.telegram_text import Page
from bot.domain.errors import BellwetherError, SettingsError

# The request's line has the token in it, and errors carry it on: they are told by us, without.
QUIET = {"httpx": logging.WARNING, "httpcore": logging.WARNING, "telegram": logging.CRITICAL}
HIDDEN = "<token>"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
AT_ONCE = 16  # connections for what is sent; polls have their own
CANCELS = 3  # the library swallows the first of them

# What the library raises, other than its own errors, on an answer of an unknown shape.
UNREADABLE = (LookupError, TypeError, ValueError, AttributeError)
# Standing refusals: the same message will be refused again until a person does something.
REFUSALS = (Forbidden, BadRequest, InvalidToken, ChatMigrated)
NEVER_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

Answer = TypeVar("Answer")
Hook = Callable[[Any], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things may take, in seconds.

    `poll`: Telegram keeps a question for news open. `retry` to `longest`: between
    attempts to begin listening, `refused` where the token was the reason. `stop`:
    each try at each step of stopping.
    """

    connect: float = 10.0
    answer: float = 10.0
    poll: float = 20.0
    retry: float = 1.0
    longest: float = 60.0
    refused: float = 1800.0
    stop: float = 0.15


class Wire:
    """Sends to one chat. Raises TelegramError, whatever the other end does."""

    def __init__(self, token: str, api: str, chat: int, pace: Pace) -> None:
        for name, level in QUIET.items():
            logging.getLogger(name).setLevel(level)
        self.chat, self.pace = chat, pace
        self._token, self._api = token, api
        self._sends = self._request(AT_ONCE)
        self._bot = ExtBot(
            token,
            api,
            request=self._sends,
            get_updates_request=self._sends,
            defaults=Defaults(link_preview_options=LinkPreviewOptions(is_disabled=True)),
            rate_limiter=AIORateLimiter(max_retries=0),
        )

    def ear(self, asked: Hook, answered: Hook) -> ExtBot[None]:
        """A bot to listen with; the hooks see each question for news and each answer."""
        polls = self._request(1, {"request": [asked], "response": [answered]})
        return ExtBot(self._token, self._api, request=self._request(2), get_updates_request=polls)

    async def send(
        self,
        page: Page,
        mark: str = "",
        *,
        silent: bool = False,
        keyboard: InlineKeyboardMarkup | None = None,
    ) -> None:
        """Send one page, in plain text where Telegram can not read it as HTML."""

        def sending(text: str, mode: ParseMode | None) -> Awaitable[object]:
            return self._bot.send_message(
                self.chat,
                text,
                parse_mode=mode,
                disable_notification=silent,
                reply_markup=keyboard,
            )

        await _formatted(page, mark, sending)

    async def edit(
        self, message: int, page: Page, *, keyboard: InlineKeyboardMarkup | None = None
    ) -> None:
        """Put a page in the place of a message, and its keyboard, or none, in that of the old."""

        def editing(text: str, mode: ParseMode | None) -> Awaitable[object]:
            return self._bot.edit_message_text(
                text, self.chat, message, parse_mode=mode, reply_markup=keyboard
            )

        await _formatted(page, "", editing)

    async def delete(self, message: int) -> None:
        """Remove a message from the chat."""
        await _read(self._bot.delete_message(self.chat, message))

    async def acknowledge(self, query: str) -> None:
        """Let a pressed button come to rest."""
        await _read(self._bot.answer_callback_query(query))

    async def show_menu(self, language: str, menu: Sequence[tuple[str, str]]) -> None:
        """Show commands with descriptions in this chat, in every language if none is named."""
        await _read(
            self._bot.set_my_commands(
                [BotCommand(*entry) for entry in menu],
                scope=BotCommandScopeChat(self.chat),
                language_code=language or None,
            )
        )

    async def prove(self) -> str:
        """Return the bot's name. Raises SettingsError or BellwetherError if it can not write here.

        A chat that can be looked at may still refuse; one that takes "typing …" does not.
        """
        try:
            me = await _read(self._bot.get_me())
            await _read(self._bot.send_chat_action(self.chat, ChatAction.TYPING))
        except InvalidToken:
            raise SettingsError("telegram_token") from None
        except REFUSALS as error:
            reason = self.told(error)
            raise SettingsError("telegram_chat", chat=self.chat, reason=reason) from None
        except TelegramError as error:
            raise BellwetherError("telegram_unavailable", reason=self.told(error)) from None
        return f"@{me.username}"

    def told(self, error: BaseException) -> str:
        """Say what went wrong, without the token."""
        return self.without_token(str(error) or type(error).__name__)

    def without_token(self, text: str) -> str:
        """Return a text that may be read by anybody."""
        return text.replace(self._token.partition(":")[2], HIDDEN)

    async def close(self) -> None:
        """Close its connections."""
        await ended(self._sends.shutdown(), self.pace.stop)

    def _request(self, at_once: int, hooks: dict[str, list[Hook]] | None = None) -> HTTPXRequest:
        # Loopback is behind no proxy, whatever the environment says of other addresses.
        direct = urlsplit(self._api).hostname in LOOPBACK
        return HTTPXRequest(
            connection_pool_size=at_once,
            connect_timeout=self.pace.connect,
            read_timeout=self.pace.answer,
            write_timeout=self.pace.answer,
            pool_timeout=self.pace.connect,
            httpx_kwargs={"trust_env": not direct, "event_hooks": hooks or {}},
        )


async def _formatted(
    page: Page, mark: str, ask: Callable[[str, ParseMode | None], Awaitable[object]]
) -> None:
    try:
        await _read(ask(page.html(mark), ParseMode.HTML))
    except BadRequest as error:
        if "can't parse" not in str(error).lower():
            raise
        await _read(ask(page.plain(mark), None))


async def _read(call: Awaitable[Answer]) -> Answer:
    try:
        return await call
    except UNREADABLE as odd:
        raise TelegramError(f"an answer of an unknown shape, {type(odd).__name__}") from None


def lost(error: TelegramError) -> bool:
    """Whether what was sent may have arrived all the same."""
    if isinstance(error, (*REFUSALS, RetryAfter)):
        return False
    return not (isinstance(error, NetworkError) and isinstance(error.__cause__, NEVER_CONNECTED))


def asked_to_wait(error: TelegramError) -> float:
    """How many seconds Telegram wants silence, 0 where it did not say."""
    wait = error.retry_after if isinstance(error, RetryAfter) else 0
    return wait.total_seconds() if isinstance(wait, timedelta) else wait


async def ended(step: Coroutine[Any, Any, object], seconds: float) -> None:
    """Let a step of an ending take `seconds`, and cancel it as often as it needs."""
    task = asyncio.ensure_future(step)
    task.add_done_callback(_retrieve)
    for _ in range(CANCELS):
        await asyncio.wait({task}, timeout=seconds)
        if task.done():
            return
        task.cancel()


def _retrieve(task: "asyncio.Future[object]") -> None:
    """Look at what an ended step raised: it says no more than that the line is gone."""
    if not task.cancelled():
        task.exception()
