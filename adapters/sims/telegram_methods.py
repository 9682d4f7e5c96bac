"""The methods of the Bot API, as a bot calls them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeAlias

from adapters.sims.telegram_attachments import document, photo
from adapters.sims.telegram_chats import Chats, Message
from adapters.sims.telegram_html import Entity, Formatted, Json, read_html, trimmed, units
from adapters.sims.telegram_menus import Menus
from adapters.sims.telegram_parameters import Parameters
from adapters.sims.telegram_rates import Meter
from adapters.sims.telegram_record import Entry, Keyboard, Kind
from adapters.sims.telegram_refusals import (
    NOT_MODIFIED,
    TOO_OLD,
    bad_request,
    conflict,
    not_found,
)
from adapters.sims.telegram_updates import MOST_AT_ONCE, Poll, Updates

MEGABYTE = 1024 * 1024
LONGEST_TOAST = 200
ACTIONS = frozenset(
    {
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "upload_document",
        "choose_sticker",
        "find_location",
        "record_video_note",
        "upload_video_note",
    }
)

Method: TypeAlias = Callable[[Parameters], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the API refuses above: UTF-16 units of text, bytes of files, age of a pressed button."""

    text: int = 4096
    caption: int = 1024
    document: int = 50 * MEGABYTE
    photo: int = 10 * MEGABYTE
    query: timedelta = timedelta(seconds=15)


class Methods:
    """What the bot does to the chats."""

    def __init__(self, chats: Chats, updates: Updates, meter: Meter, bounds: Bounds) -> None:
        self._chats = chats
        self._updates = updates
        self._meter = meter
        self._bounds = bounds
        self.menus = Menus(chats)
        self._named: dict[str, Method] = {
            "getme": self._get_me,
            "getupdates": self._get_updates,
            "setwebhook": self._set_webhook,
            "deletewebhook": self._delete_webhook,
            "getwebhookinfo": self._get_webhook_info,
            "sendmessage": self._send_message,
            "senddocument": self._send_document,
            "sendphoto": self._send_photo,
            "sendchataction": self._send_chat_action,
            "editmessagetext": self._edit_message_text,
            "editmessagereplymarkup": self._edit_message_reply_markup,
            "deletemessage": self._delete_message,
            "answercallbackquery": self._answer_callback_query,
            "setmycommands": self._set_my_commands,
            "getmycommands": self._get_my_commands,
            "deletemycommands": self._delete_my_commands,
        }

    def known(self, name: str) -> bool:
        """Whether there is such a method."""
        return name.lower() in self._named

    async def call(self, name: str, given: Parameters) -> Any:
        """Carry out a method. Raises ApiError where the API refuses, 404 for an unknown one."""
        method = self._named.get(name.lower())
        if not method:
            raise not_found()
        return await method(given)

    async def _get_me(self, _given: Parameters) -> Json:
        return self._chats.itself.as_json() | {
            "can_join_groups": True,
            "can_read_all_group_messages": False,
            "supports_inline_queries": False,
            "can_connect_to_business": False,
            "has_main_web_app": False,
        }

    async def _get_updates(self, given: Parameters) -> list[Json]:
        allowed = given.structure("allowed_updates")
        if allowed is not None and not isinstance(allowed, list):
            raise bad_request("expected Array of String as allowed_updates")
        wish = Poll(
            offset=given.whole("offset"),
            limit=given.whole("limit", MOST_AT_ONCE),
            timeout=given.seconds("timeout"),
            allowed=allowed,
        )
        return [update.as_json() for update in await self._updates.poll(wish)]

    async def _set_webhook(self, given: Parameters) -> bool:
        url = given.text("url")
        if url and not url.startswith("https://"):
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        if url:
            self._updates.displace(conflict("terminated by setWebhook request"))
        self._updates.webhook = url
        return self._forget_if_asked(given)

    async def _delete_webhook(self, given: Parameters) -> bool:
        self._updates.webhook = ""
        return self._forget_if_asked(given)

    def _forget_if_asked(self, given: Parameters) -> bool:
        self._updates.allow(given.structure("allowed_updates"))
        if given.flag("drop_pending_updates"):
            self._updates.forget()
        return True

    async def _get_webhook_info(self, _given: Parameters) -> Json:
        return {
            "url": self._updates.webhook,
            "has_custom_certificate": False,
            "pending_update_count": self._updates.pending,
        }

    async def _send_message(self, given: Parameters) -> Json:
        chat = self._chats.open_to_bot(given.chat_id())
        text = self._words(given, "text")
        blank = self._chats.new(chat, self._chats.itself)
        return self._send(given, Kind.MESSAGE, replace(blank, text=text))

    async def _send_document(self, given: Parameters) -> Json:
        return self._send_file(given, Kind.DOCUMENT)

    async def _send_photo(self, given: Parameters) -> Json:
        return self._send_file(given, Kind.PHOTO)

    def _send_file(self, given: Parameters, kind: Kind) -> Json:
        chat = self._chats.open_to_bot(given.chat_id())
        sent = given.file(kind)
        told = (
            photo(sent, self._bounds.photo)
            if kind is Kind.PHOTO
            else document(sent, self._bounds.document)
        )
        blank = self._chats.new(chat, self._chats.itself)
        caption = self._words(given, "caption")
        message = replace(blank, text=caption, upload=sent.upload, attachment=told)
        return self._send(given, kind, message)

    def _send(self, given: Parameters, kind: Kind, message: Message) -> Json:
        answered = self._replied_to(given, message.chat.id)
        message = replace(message, keyboard=given.keyboard())
        self._meter.count(message.chat.id, self._chats.clock())
        self._chats.keep(message)
        self._note(kind, message, given)
        return message.as_json() | answered

    def _replied_to(self, given: Parameters, chat_id: int) -> Json:
        wish = given.structure("reply_parameters")
        if not isinstance(wish, dict):
            return {}
        try:
            return {"reply_to_message": self._chats.message(chat_id, wish["message_id"]).as_json()}
        except LookupError:
            if wish.get("allow_sending_without_reply"):
                return {}
            raise bad_request("message to be replied not found") from None

    async def _send_chat_action(self, given: Parameters) -> bool:
        chat = self._chats.open_to_bot(given.chat_id())
        action = given.text("action")
        if action not in ACTIONS:
            raise bad_request("wrong parameter action in request")
        entry = Entry(Kind.ACTION, chat.id, self._chats.itself.id, text=action)
        self._chats.record.add(entry)
        return True

    async def _edit_message_text(self, given: Parameters) -> Json:
        message = self._own(given)
        if message.upload:
            raise bad_request("there is no text in the message to edit")
        return self._edit(given, Kind.EDIT, message, self._words(given, "text"))

    async def _edit_message_reply_markup(self, given: Parameters) -> Json:
        message = self._own(given)
        return self._edit(given, Kind.KEYBOARD, message, message.text)

    def _edit(self, given: Parameters, kind: Kind, message: Message, text: Formatted) -> Json:
        keyboard: Keyboard = given.keyboard()
        if (text, keyboard) == (message.text, message.keyboard):
            raise bad_request(NOT_MODIFIED)
        self._meter.count(message.chat.id, self._chats.clock())
        changed = self._chats.edited(replace(message, text=text, keyboard=keyboard))
        self._note(kind, changed, given)
        return changed.as_json()

    def _own(self, given: Parameters) -> Message:
        chat = self._chats.open_to_bot(given.chat_id())
        try:
            message = self._chats.message(chat.id, given.whole("message_id"))
        except LookupError:
            raise bad_request("message to edit not found") from None
        if message.sender != self._chats.itself:
            raise bad_request("message can't be edited")
        return message

    async def _delete_message(self, given: Parameters) -> bool:
        """Delete a message: its own anywhere, in a private chat the person's, too."""
        chat = self._chats.open_to_bot(given.chat_id())
        try:
            message = self._chats.message(chat.id, given.whole("message_id"))
        except LookupError:
            raise bad_request("message to delete not found") from None
        if message.sender != self._chats.itself and chat.kind != "private":
            raise bad_request("message can't be deleted")
        self._chats.delete(message)
        itself = self._chats.itself.id
        self._chats.record.add(Entry(Kind.DELETED, chat.id, itself, message.id))
        return True

    async def _answer_callback_query(self, given: Parameters) -> bool:
        query = self._chats.queries.pop(given.text("callback_query_id"), None)
        if not query or self._chats.clock() - query.at > self._bounds.query:
            raise bad_request(TOO_OLD)
        text = given.text("text")
        if units(text) > LONGEST_TOAST:
            self._chats.queries[query.id] = query
            raise bad_request("MESSAGE_TOO_LONG")
        entry = Entry(
            Kind.ANSWER,
            query.message.chat.id,
            self._chats.itself.id,
            query.message.id,
            text,
            text,
            silent=not given.flag("show_alert"),
        )
        self._chats.record.add(entry)
        return True

    async def _set_my_commands(self, given: Parameters) -> bool:
        return self.menus.set_commands(given)

    async def _get_my_commands(self, given: Parameters) -> list[Json]:
        return self.menus.get_commands(given)

    async def _delete_my_commands(self, given: Parameters) -> bool:
        return self.menus.delete_commands(given)

    def _words(self, given: Parameters, name: str) -> Formatted:
        """Return the text or caption as people read it, within its bounds."""
        text = given.text(name)
        if not text and name == "text":
            raise bad_request("message text is empty")
        words = trimmed(_formatted(given, name))
        if not words.plain and name == "text":
            raise bad_request("text must be non-empty")
        if name == "text" and units(words.plain) > self._bounds.text:
            raise bad_request("message is too long")
        if name == "caption" and units(words.plain) > self._bounds.caption:
            raise bad_request("message caption is too long")
        return words

    def _note(self, kind: Kind, message: Message, given: Parameters) -> None:
        entry = Entry(
            kind,
            message.chat.id,
            message.sender.id,
            message.id,
            given.text("caption" if message.upload else "text"),
            message.text.plain,
            given.text("parse_mode"),
            message.keyboard,
            silent=given.flag("disable_notification"),
            upload=message.upload,
        )
        self._chats.record.add(entry)


def _formatted(given: Parameters, name: str) -> Formatted:
    text, mode = given.text(name), given.text("parse_mode")
    if mode.lower() == "html":
        return read_html(text)
    if mode:
        raise bad_request("unsupported parse_mode: the simulator reads HTML and plain text")
    told = given.structure("caption_entities" if name == "caption" else "entities") or []
    try:
        entities = [Entity(e["type"], e["offset"], e["length"], e.get("url", "")) for e in told]
    except (LookupError, TypeError):
        raise bad_request("can't parse MessageEntity") from None
    return Formatted(text, tuple(entities))
