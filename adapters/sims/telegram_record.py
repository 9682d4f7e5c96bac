"""The record: what the bot did and what people did, in order, never changed afterwards."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeAlias

from adapters.sims.telegram_html import Json

NOT_YET = datetime.min.replace(tzinfo=UTC)

Clock: TypeAlias = Callable[[], datetime]


class Kind(StrEnum):
    """What happened: the first eight by the bot, the others by people."""

    MESSAGE = "message"
    DOCUMENT = "document"
    PHOTO = "photo"
    EDIT = "edit"
    KEYBOARD = "keyboard"
    ANSWER = "answer"
    ACTION = "action"
    DELETED = "deleted"
    TYPED = "typed"
    RETYPED = "retyped"
    PRESSED = "pressed"
    JOINED = "joined"
    BLOCKED = "blocked"
    UNBLOCKED = "unblocked"


BY_BOT = frozenset(list(Kind)[: list(Kind).index(Kind.TYPED)])


@dataclass(frozen=True, slots=True)
class Button:
    """One button below a message: `data` comes back when it is pressed, `url` opens a page."""

    text: str
    data: str = ""
    url: str = ""

    def as_json(self) -> Json:
        """As it stands in a keyboard."""
        if self.url:
            return {"text": self.text, "url": self.url}
        return {"text": self.text, "callback_data": self.data}


Keyboard: TypeAlias = tuple[tuple[Button, ...], ...]


@dataclass(frozen=True, slots=True)
class Upload:
    """A file the bot sent: its name, its size in bytes and its SHA-256."""

    name: str
    size: int
    sha256: str
    media_type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened.

    `text` is as it was sent or typed, `plain` as people read it. `user_id` is who
    did it. An answer to a button carries its words as text; an alert is not silent.
    """

    kind: Kind
    chat_id: int
    user_id: int
    message_id: int = 0
    text: str = ""
    plain: str = ""
    parse_mode: str = ""
    keyboard: Keyboard = ()
    silent: bool = False
    upload: Upload | None = None
    number: int = 0
    at: datetime = NOT_YET

    def as_json(self) -> Json:
        """All of it, the time in ISO 8601."""
        return asdict(self) | {"at": self.at.isoformat()}

    @property
    def by_bot(self) -> bool:
        """Whether the bot did it."""
        return self.kind in BY_BOT


def entry_from(told: Json) -> Entry:
    """Return the entry that was written by `as_json`."""
    upload = told["upload"]
    return Entry(
        **told
        | {
            "kind": Kind(told["kind"]),
            "keyboard": tuple(tuple(Button(**b) for b in row) for row in told["keyboard"]),
            "upload": Upload(**upload) if upload else None,
            "at": datetime.fromisoformat(told["at"]),
        }
    )


class Record:
    """Every entry from the first on, and news of each further one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: list[Entry] = []
        self._listeners: list[Callable[[Entry], None]] = []
        self._news = asyncio.Event()

    def add(self, entry: Entry) -> Entry:
        """Number an entry, date it, keep it, and tell those who listen."""
        kept = replace(entry, number=len(self._entries) + 1, at=self._clock())
        self._entries.append(kept)
        self._news.set()
        self._news = asyncio.Event()
        for listener in self._listeners:
            listener(kept)
        return kept

    def entries(self, chat_id: int | None = None, after: int = 0) -> tuple[Entry, ...]:
        """Return what happened, in one chat if named, after the entry of that number."""
        later = self._entries[after:]
        return tuple(e for e in later if chat_id in {None, e.chat_id})

    def listen(self, listener: Callable[[Entry], None]) -> None:
        """Call `listener` with each further entry."""
        self._listeners.append(listener)

    async def wait(self, text: str, after: int, seconds: float) -> Entry:
        """Return the bot's first entry with `text` in what people read, after that number.

        Raises TimeoutError when there is none within `seconds`.
        """
        async with asyncio.timeout(seconds):
            while True:
                for entry in self.entries(after=after):
                    if entry.by_bot and text in entry.plain:
                        return entry
                await self._news.wait()
