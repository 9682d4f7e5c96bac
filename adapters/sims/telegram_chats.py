"""People, chats and the messages in them, as both sides see them."""

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count

from adapters.sims.telegram_html import Formatted, Json
from adapters.sims.telegram_record import Clock, Keyboard, Record, Upload
from adapters.sims.telegram_refusals import bad_request, forbidden

FIRST_MESSAGE = 101
SUPERGROUPS_BELOW = -1_000_000_000_000
SAYS_NOTHING = Formatted()


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a phone; `language` is an IETF tag such as `en`."""

    id: int
    name: str
    username: str = ""
    language: str = "en"

    def as_json(self) -> Json:
        """As the sender of a message."""
        told: Json = {"id": self.id, "is_bot": False, "first_name": self.name}
        if self.username:
            told["username"] = self.username
        return told | {"language_code": self.language}


@dataclass(frozen=True, slots=True)
class Itself:
    """The bot, as it is known by its token."""

    id: int
    name: str
    username: str

    def as_json(self) -> Json:
        """As the sender of a message."""
        return {
            "id": self.id,
            "is_bot": True,
            "first_name": self.name,
            "username": self.username,
        }


@dataclass(frozen=True, slots=True)
class Chat:
    """A private chat has the id of its person, a group a negative one."""

    id: int
    name: str

    @property
    def kind(self) -> str:
        """What sort of chat it is."""
        if self.id > 0:
            return "private"
        return "group" if self.id > SUPERGROUPS_BELOW else "supergroup"

    def as_json(self) -> Json:
        """As the place of a message."""
        name = "first_name" if self.id > 0 else "title"
        return {"id": self.id, "type": self.kind, name: self.name}


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it now stands; one with an upload has a caption for a text."""

    id: int
    chat: Chat
    sender: Person | Itself
    date: datetime
    text: Formatted = SAYS_NOTHING
    keyboard: Keyboard = ()
    edited: datetime | None = None
    forwarded: bool = False
    joined: Person | None = None
    reply_to: int = 0
    upload: Upload | None = None
    attachment: Json | None = None

    def as_json(self) -> Json:
        """As the API gives it."""
        told: Json = {
            "message_id": self.id,
            "from": self.sender.as_json(),
            "chat": self.chat.as_json(),
            "date": int(self.date.timestamp()),
        }
        told |= self._words() | (self.attachment or {})
        if self.edited:
            told["edit_date"] = int(self.edited.timestamp())
        if self.forwarded:
            told["forward_origin"] = {
                "type": "hidden_user",
                "date": told["date"],
                "sender_user_name": "Somebody",
            }
        if self.joined:
            told["new_chat_members"] = [self.joined.as_json()]
        if self.keyboard:
            rows = [[button.as_json() for button in row] for row in self.keyboard]
            told["reply_markup"] = {"inline_keyboard": rows}
        return told

    def _words(self) -> Json:
        if not self.text.plain:
            return {}
        text, entities = ("caption", "caption_entities") if self.upload else ("text", "entities")
        told: Json = {text: self.text.plain}
        if self.text.entities:
            told[entities] = [entity.as_json() for entity in self.text.entities]
        return told


@dataclass(frozen=True, slots=True)
class Query:
    """A pressed button that waits for its answer."""

    id: str
    at: datetime
    user_id: int
    message: Message


class Chats:
    """Every chat the bot may write to, with its messages."""

    def __init__(self, itself: Itself, owner: Person, clock: Clock) -> None:
        self.itself = itself
        self.owner = owner
        self.clock = clock
        self.record = Record(clock)
        self.queries: dict[str, Query] = {}
        self.blocked: set[int] = set()
        self._ids = count(FIRST_MESSAGE)
        self._people = {owner.id: owner}
        self._chats = {owner.id: Chat(owner.id, owner.name)}
        self._messages: dict[tuple[int, int], Message] = {}

    def meet(self, person: Person) -> None:
        """Let a person be known by name, and have begun a private chat with the bot."""
        self._people[person.id] = person
        self._chats[person.id] = Chat(person.id, person.name)

    def found_group(self, chat_id: int, title: str) -> None:
        """Let there be a group with the bot in it; its id is negative."""
        if chat_id >= 0:
            raise ValueError(f"chat_id is {chat_id}: give a group a negative id")
        self._chats[chat_id] = Chat(chat_id, title)

    def person(self, user_id: int) -> Person:
        """Return a person, met just now if unknown."""
        if user_id <= 0:
            raise ValueError(f"user_id is {user_id}: give a person a positive id")
        if user_id not in self._people:
            self.meet(Person(user_id, f"Person {user_id}"))
        return self._people[user_id]

    def place(self, chat_id: int, user_id: int) -> Chat:
        """Return the chat a person acts in, founded just now if an unknown group."""
        if chat_id > 0 and chat_id != user_id:
            raise ValueError(f"chat_id is {chat_id}: a private chat has the id of its person")
        self.person(user_id)
        if chat_id not in self._chats:
            self.found_group(chat_id, f"Group {chat_id}")
        return self._chats[chat_id]

    def known(self, chat_id: int) -> bool:
        """Whether the bot could write there."""
        return chat_id in self._chats

    def open_to_bot(self, chat_id: int) -> Chat:
        """Return the chat the bot wants to write to. Raises ApiError 400 or 403."""
        if chat_id not in self._chats:
            raise bad_request("chat not found")
        if chat_id in self.blocked:
            raise forbidden()
        return self._chats[chat_id]

    def new(self, chat: Chat, sender: Person | Itself) -> Message:
        """Return an empty message with the next number, not kept yet."""
        return Message(next(self._ids), chat, sender, self.clock())

    def keep(self, message: Message) -> Message:
        """Let the message be in its chat, or stand there as it is now."""
        self._messages[message.chat.id, message.id] = message
        return message

    def edited(self, message: Message) -> Message:
        """Keep a message that was changed just now."""
        return self.keep(replace(message, edited=self.clock()))

    def message(self, chat_id: int, message_id: int) -> Message:
        """Return a message as it now stands. Raises LookupError."""
        try:
            return self._messages[chat_id, message_id]
        except KeyError:
            raise LookupError(f"message_id is {message_id}: no such message in {chat_id}") from None

    def delete(self, message: Message) -> None:
        """Let a message be nowhere any more."""
        del self._messages[message.chat.id, message.id]

    def messages(self, chat_id: int) -> list[Message]:
        """Return the messages of a chat as they now stand, the oldest first."""
        return [message for (chat, _), message in self._messages.items() if chat == chat_id]
