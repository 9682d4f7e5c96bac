"""A chat on Telegram: someone who is told, and who may ask."""

import asyncio
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from telegram.error import TelegramError

from adapters.telegram_door import Door
from adapters.telegram_listener import Listener
from adapters.telegram_text import Page, pages
from adapters.telegram_wire import REFUSALS, Pace, Wire, asked_to_wait, lost
from bot.domain.errors import SettingsError
from bot.domain.memory import Message
from bot.ports import Chat, NotDelivered

__all__ = ["Door", "Loudness", "Pace", "Telegram"]

API = "https://api.telegram.org/bot"
ORDINARY = Pace()
_TOKEN = re.compile(r"\d+:[\w-]+")

log = logging.getLogger(__name__)


class Loudness(StrEnum):
    """Whether a kind of message is told, told without a sound, or not told."""

    ON = "on"
    SILENT = "silent"
    OFF = "off"


EVERYTHING_ON: Mapping[str, Loudness] = MappingProxyType({})


@dataclass(slots=True)
class _Progress:
    """How far a message came: pages surely there, and whether the next may be."""

    there: int = 0
    doubtful: bool = False


class Telegram:
    """Tells one chat, and listens to the people in it who are let in.

    `loudness` is by kind of message, kinds not named are told. `repeat_mark` stands
    before what may be known already. Raises SettingsError for what can not be a token.
    """

    def __init__(
        self,
        token: str,
        door: Door,
        *,
        api: str = API,
        loudness: Mapping[str, Loudness] = EVERYTHING_ON,
        repeat_mark: str = "…",
        pace: Pace = ORDINARY,
    ) -> None:
        if not _TOKEN.fullmatch(token):
            raise SettingsError("telegram_token")
        self._wire = Wire(token, api, door.chat, pace)
        self._listener = Listener(self._wire, door)
        self._loudness, self._mark = loudness, repeat_mark
        self._turn = asyncio.Lock()
        self._progress: dict[str, _Progress] = {}
        self._refusal = ""

    async def tell(self, message: Message, *, again: bool = False) -> None:
        """Deliver a message, page by page. Raises NotDelivered for the rest of it.

        What of it arrived is not sent again; what may have arrived comes again marked.
        """
        loudness = self._loudness.get(message.kind, Loudness.ON)
        if loudness is Loudness.OFF:
            return
        silent = loudness is Loudness.SILENT
        async with self._turn:
            progress = self._progress.setdefault(message.key, _Progress())
            for page in pages(message.text, self._mark)[progress.there :]:
                mark = self._mark if again or progress.doubtful else ""
                await self._deliver(page, mark, progress, silent=silent)
            del self._progress[message.key]

    async def listen(self, chat: Chat, menus: Mapping[str, Sequence[tuple[str, str]]]) -> None:
        """Bring the chat what is said and pressed, until cancelled.

        `menus` are the commands with their descriptions by language, "" for every other.
        """
        await self._listener.listen(chat, menus)

    async def prove(self) -> str:
        """Return the bot's name, once it is proven that it may write to the chat.

        Raises SettingsError for a wrong token or chat, BellwetherError where nobody answers.
        """
        return await self._wire.prove()

    async def close(self) -> None:
        """Close the connections; what is told from now on is not delivered."""
        await self._wire.close()

    async def _deliver(self, page: Page, mark: str, progress: _Progress, *, silent: bool) -> None:
        # Until the answer is there it may have arrived, also where this is cancelled.
        doubtful, progress.doubtful = progress.doubtful, True
        try:
            await self._wire.send(page, mark, silent=silent)
        except TelegramError as error:
            progress.doubtful = doubtful or lost(error)
            raise self._not_delivered(error) from None
        progress.there += 1
        progress.doubtful = False
        self._refusal = ""

    def _not_delivered(self, error: TelegramError) -> NotDelivered:
        reason = self._wire.told(error)
        if isinstance(error, REFUSALS) and reason != self._refusal:
            log.error("Telegram refuses what is told, which waits until it does not: %s", reason)
            self._refusal = reason
        return NotDelivered(reason, asked_to_wait(error))
