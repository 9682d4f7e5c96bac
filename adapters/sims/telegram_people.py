"""What people do: type, change what they typed, press buttons, join, block."""

import re
from dataclasses import replace
from itertools import count

from adapters.sims.telegram_chats import Chat, Chats, Message, Person, Query
from adapters.sims.telegram_html import Entity, Formatted, Json, units
from adapters.sims.telegram_record import Button, Entry, Kind
from adapters.sims.telegram_updates import Updates

FIRST_QUERY = 4_400_000_000_000_001
_COMMAND = re.compile(r"(?<![\w/])/[a-zA-Z0-9_]{1,32}(?:@(?P<bot>\w+))?")


def typed(text: str) -> Formatted:
    """Return what a person typed, its commands marked as the API marks them."""
    plain = text.strip()
    if not plain:
        raise ValueError("text is empty: give it some words")
    commands = (
        Entity("bot_command", units(plain[: found.start()]), units(found[0]))
        for found in _COMMAND.finditer(plain)
    )
    return Formatted(plain, tuple(commands))


class People:
    """The other side of the chats; every act is on record and becomes an update."""

    def __init__(self, chats: Chats, updates: Updates) -> None:
        self._chats = chats
        self._updates = updates
        self._queries = count(FIRST_QUERY)

    def say(self, text: str, chat_id: int, user_id: int, *, forwarded: bool = False) -> Entry:
        """Type a message, or forward one, in a chat."""
        chat, words = self._chats.place(chat_id, user_id), typed(text)
        blank = self._chats.new(chat, self._chats.person(user_id))
        message = self._chats.keep(replace(blank, text=words, forwarded=forwarded))
        if self._meant_for_bot(message):
            self._updates.put("message", message.as_json())
        return self._note_text(Kind.TYPED, message, text)

    def edit(self, text: str, message_id: int, chat_id: int, user_id: int) -> Entry:
        """Change a message that this person typed."""
        before, words = self._chats.message(chat_id, message_id), typed(text)
        if before.sender.id != user_id:
            raise ValueError(f"user_id is {user_id}: message {message_id} is of somebody else")
        message = self._chats.edited(replace(before, text=words))
        if self._meant_for_bot(message):
            self._updates.put("edited_message", message.as_json())
        return self._note_text(Kind.RETYPED, message, text)

    def press(self, button: str, chat_id: int, user_id: int, message_id: int = 0) -> Entry:
        """Press a button by its label or data, of the latest message with buttons if not named."""
        self._chats.place(chat_id, user_id)
        person = self._chats.person(user_id)
        message = self._with_buttons(chat_id, message_id)
        pressed = _button(message, button)
        query = Query(str(next(self._queries)), self._chats.clock(), user_id, message)
        self._chats.queries[query.id] = query
        payload: Json = {
            "id": query.id,
            "from": person.as_json(),
            "message": message.as_json(),
            "chat_instance": str(-abs(chat_id)),
            "data": pressed.data,
        }
        self._updates.put("callback_query", payload)
        return self._chats.record.add(
            Entry(Kind.PRESSED, chat_id, user_id, message.id, pressed.data, pressed.text)
        )

    def join(self, chat_id: int, user_id: int) -> Entry:
        """Come into a group."""
        if chat_id >= 0:
            raise ValueError(f"chat_id is {chat_id}: only a group, with a negative id, is joined")
        chat, person = self._chats.place(chat_id, user_id), self._chats.person(user_id)
        message = self._chats.keep(replace(self._chats.new(chat, person), joined=person))
        self._updates.put("message", message.as_json())
        return self._chats.record.add(Entry(Kind.JOINED, chat_id, user_id, message.id))

    def block(self, user_id: int) -> Entry:
        """Stop the bot: from now on it can not write to this person."""
        self._chats.place(user_id, user_id)
        self._chats.blocked.add(user_id)
        return self._membership(Kind.BLOCKED, user_id, "member", "kicked")

    def unblock(self, user_id: int) -> Entry:
        """Let the bot write again."""
        self._chats.place(user_id, user_id)
        self._chats.blocked.discard(user_id)
        return self._membership(Kind.UNBLOCKED, user_id, "kicked", "member")

    def _note_text(self, kind: Kind, message: Message, text: str) -> Entry:
        return self._chats.record.add(
            Entry(kind, message.chat.id, message.sender.id, message.id, text, message.text.plain)
        )

    def _meant_for_bot(self, message: Message) -> bool:
        """In a group a bot hears only commands that name no other bot, as privacy mode has it."""
        if message.chat.id > 0:
            return True
        command = _COMMAND.match(message.text.plain)
        return command is not None and command["bot"] in {None, self._chats.itself.username}

    def _with_buttons(self, chat_id: int, message_id: int) -> Message:
        if message_id:
            return self._chats.message(chat_id, message_id)
        shown = [message for message in self._chats.messages(chat_id) if message.keyboard]
        if not shown:
            raise LookupError(f"chat_id is {chat_id}: no message there has buttons")
        return shown[-1]

    def _membership(self, kind: Kind, user_id: int, old: str, new: str) -> Entry:
        person = self._chats.person(user_id)
        self._updates.put("my_chat_member", self._change(person, old, new))
        return self._chats.record.add(Entry(kind, user_id, user_id))

    def _change(self, person: Person, old: str, new: str) -> Json:
        def member(status: str) -> Json:
            until: Json = {"until_date": 0} if status == "kicked" else {}
            return {"status": status, "user": self._chats.itself.as_json()} | until

        return {
            "chat": Chat(person.id, person.name).as_json(),
            "from": person.as_json(),
            "date": int(self._chats.clock().timestamp()),
            "old_chat_member": member(old),
            "new_chat_member": member(new),
        }


def _button(message: Message, button: str) -> Button:
    buttons = [each for row in message.keyboard for each in row if not each.url]
    for each in buttons:
        if button in {each.text, each.data}:
            return each
    raise LookupError(f"button is {button!r}: message {message.id} shows {_labels(buttons)}")


def _labels(buttons: list[Button]) -> str:
    return ", ".join(repr(each.text) for each in buttons) or "no buttons"
