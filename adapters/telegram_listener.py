"""The ear of a chat: polls in the background, lets in whom the door lets in, brings the replies."""

import asyncio
import logging
import re
import time
import traceback
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias
from uuid import uuid4

import httpx
from telegram import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message, Update
from telegram.error import BadRequest, Conflict, InvalidToken, TelegramError
from telegram.ext import Application, ApplicationBuilder, CallbackContext, ExtBot, TypeHandler

from adapters.telegram_door import Door, Seldom
from adapters.telegram_text import Page, pages
from adapters.telegram_wire import UNREADABLE, Wire, ended
from bot.ports import Chat, Choice, Reply

HEARD_OF = (Update.MESSAGE, Update.CALLBACK_QUERY)
REFUSED = frozenset({httpx.codes.UNAUTHORIZED, httpx.codes.NOT_FOUND})
DEAF_AFTER = 3  # polls without an answer
ROW = 30  # characters of labels that a phone shows beside each other
HARMLESS = ("message is not modified", "query is too old")
_ADDRESSED = re.compile(r"(?P<command>/\w+)@(?P<bot>\w+)")

Menus: TypeAlias = Mapping[str, Sequence[tuple[str, str]]]
Ear: TypeAlias = Application[Any, Any, Any, Any, Any, Any]
Context: TypeAlias = CallbackContext[Any, Any, Any, Any]

log = logging.getLogger(__name__)


class Listener:
    """Hears one chat, several questions at once: a long answer holds up no other."""

    def __init__(self, wire: Wire, door: Door) -> None:
        self._wire, self._door = wire, door
        self._troubles, self._strangers = Seldom(), Seldom()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._refused = False

    async def listen(self, chat: Chat, menus: Menus) -> None:
        """Listen until cancelled, whatever Telegram does meanwhile."""
        pace = self._wire.pace
        wait = pace.retry
        while True:
            polls = Polls(self._troubles, DEAF_AFTER * (pace.poll + pace.answer))
            try:
                await self._hear(chat, menus, polls)
                wait, self._refused = pace.retry, False
                await asyncio.sleep(wait)
            except InvalidToken:
                self._lament()
                await asyncio.sleep(pace.refused)
            except (TelegramError, *UNREADABLE) as error:
                self._complain(error)
                await asyncio.sleep(wait)
                wait = min(2 * wait, pace.longest)

    async def _hear(self, chat: Chat, menus: Menus, polls: "Polls") -> None:
        """Poll until cancelled or until Telegram refuses the token."""
        ear = self.ear(chat, polls)
        assert ear.updater
        try:
            await ear.initialize()
            await ear.start()
            await ear.updater.start_polling(
                timeout=int(self._wire.pace.poll),
                bootstrap_retries=0,  # the library would try again without a word; we do with one
                allowed_updates=HEARD_OF,
                drop_pending_updates=True,  # typed while nobody listened: it must not happen late
                error_callback=self._complain,
            )
            await self._show(menus)
            await polls.refused.wait()
        except asyncio.CancelledError:
            # The library would wait for every answer, however long it takes.
            for task in self._tasks:
                task.cancel()
            raise
        finally:
            await self._stop(ear)

    def ear(self, chat: Chat, polls: "Polls") -> Ear:
        """The library's application: one handler for everything, the door before it."""
        bot: ExtBot[None] = self._wire.ear(polls.asked, polls.answered)
        building = ApplicationBuilder().bot(bot).concurrent_updates(True).job_queue(None)
        ear = building.build()
        ear.add_handler(TypeHandler(Update, partial(self._arrive, chat)))
        ear.add_error_handler(self._unforeseen)
        return ear

    async def _stop(self, ear: Ear) -> None:
        """Stop, each step within its own time; answers still awaited outlive it."""
        seconds = self._wire.pace.stop
        if ear.updater and ear.updater.running:
            await ended(ear.updater.stop(), seconds)
        if ear.running:
            await ended(ear.stop(), seconds)
        await ended(ear.bot.shutdown(), seconds)

    async def _show(self, menus: Menus) -> None:
        for language, menu in menus.items():
            try:
                await self._wire.show_menu(language, menu)
            except TelegramError as error:
                log.warning("the menu of commands is not shown: %s", self._wire.told(error))

    def _lament(self) -> None:
        if not self._refused:
            log.error("Telegram refuses the bot's token: no command is heard until it is right")
        self._refused = True

    def _complain(self, error: BaseException) -> None:
        if not self._troubles.times(type(error).__name__):
            return
        if isinstance(error, Conflict):
            log.error(
                "commands may go elsewhere: another process listens with the same token (%s);"
                " stop one of them. Messages are sent all the same",
                self._wire.told(error),
            )
        else:
            log.warning("Telegram is not heard, it goes on trying: %s", self._wire.told(error))

    async def _arrive(self, chat: Chat, update: Update, context: Context) -> None:
        if not self._door.lets_in(update):
            self._turn_away(update)
            return
        self._track(asyncio.current_task())
        if update.callback_query:
            await self._press(chat, update.callback_query)
        elif update.message:
            await self._say(chat, update.message, context.bot.username)

    def _turn_away(self, update: Update) -> None:
        person, place = update.effective_user, update.effective_chat
        who = f"user {person.id if person else '?'} in chat {place.id if place else '?'}"
        if times := self._strangers.times(who):
            log.warning("not let in: %s, %d times", who, times)

    async def _say(self, chat: Chat, message: Message, name: str) -> None:
        text = message.text or ""
        addressed = _ADDRESSED.match(text)
        if addressed and addressed["bot"].lower() == name.lower():
            text = addressed["command"] + text[addressed.end() :]
        elif addressed or not text:
            return
        assert message.from_user
        reply = await chat.said(message.from_user.id, text)
        if reply.secret and not await self._removed(message.message_id):
            reply = replace(reply, text=f"{reply.text}\n{reply.secret}")
        await self._reply(reply)

    async def _removed(self, message: int) -> bool:
        """Whether what was said is gone from the chat."""
        try:
            await self._wire.delete(message)
        except TelegramError as error:
            log.warning("a message with a secret in it was not removed: %s", self._wire.told(error))
            return False
        return True

    async def _press(self, chat: Chat, query: CallbackQuery) -> None:
        # The button comes to rest beside the answer: neither waits for the other.
        self._begin(self._acknowledge(query.id))
        if query.data and query.message:
            reply = await chat.pressed(query.from_user.id, query.data)
            await self._reply(reply, query.message.message_id)

    async def _acknowledge(self, query: str) -> None:
        try:
            await self._wire.acknowledge(query)
        except TelegramError as error:
            self._log_unless_harmless("a pressed button was not answered", error)

    async def _reply(self, reply: Reply, instead: int | None = None) -> None:
        """Send a reply, its first page in the place of a message where one is named."""
        written = pages(reply.text)
        keyboard = _keyboard(reply.choices)
        try:
            for page in written:
                below = keyboard if page is written[-1] else None
                if page is written[0] and instead is not None:
                    await self._replace(instead, page, below)
                else:
                    await self._wire.send(page, keyboard=below)
        except TelegramError as error:
            self._log_unless_harmless("a reply was not sent", error)

    async def _replace(
        self, message: int, page: Page, keyboard: InlineKeyboardMarkup | None
    ) -> None:
        try:
            await self._wire.edit(message, page, keyboard=keyboard)
        except BadRequest as error:
            if _harmless(error):
                return
            # It is gone or too old to be changed; the answer is due all the same.
            await self._wire.send(page, keyboard=keyboard)

    def _log_unless_harmless(self, what: str, error: TelegramError) -> None:
        if not _harmless(error):
            log.warning("%s: %s", what, self._wire.told(error))

    async def _unforeseen(self, _update: object, context: Context) -> None:
        """Log what an answer died of; who asked hears nothing, and polling goes on."""
        trace = "".join(traceback.format_exception(context.error))
        reference = uuid4().hex[:8]
        log.error("no answer, reference %s\n%s", reference, self._wire.without_token(trace))

    def _begin(self, steps: Coroutine[Any, Any, None]) -> None:
        self._track(asyncio.create_task(steps))

    def _track(self, task: asyncio.Task[Any] | None) -> None:
        assert task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class Polls:
    """What the library does not tell of its polling: that it ended, that nobody answers."""

    def __init__(self, troubles: Seldom, deaf_after: float) -> None:
        self.refused = asyncio.Event()
        self._troubles, self._deaf_after = troubles, deaf_after
        self._last = time.monotonic()

    async def asked(self, _request: httpx.Request) -> None:
        """Look, before each question, how long ago the last one was answered."""
        silent = time.monotonic() - self._last
        if silent > self._deaf_after and self._troubles.times("silence"):
            log.warning("Telegram is not heard, no answer for %.0f seconds", silent)

    async def answered(self, response: httpx.Response) -> None:
        """Notice what ends the library's polling without a word."""
        self._last = time.monotonic()
        if response.status_code in REFUSED:
            self.refused.set()


def _keyboard(choices: Sequence[Choice]) -> InlineKeyboardMarkup | None:
    """Return buttons beside each other where they fit, else below each other."""
    if not choices:
        return None
    buttons = [InlineKeyboardButton(each.label, callback_data=each.data) for each in choices]
    beside = sum(len(each.label) for each in choices) <= ROW
    return InlineKeyboardMarkup([buttons] if beside else [[button] for button in buttons])


def _harmless(error: TelegramError) -> bool:
    return isinstance(error, BadRequest) and str(error).lower().startswith(HARMLESS)
