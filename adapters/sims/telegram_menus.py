"""The commands a bot shows in its menu, by scope and language."""

import re
from typing import Any

from adapters.sims.telegram_chats import Chat, Chats
from adapters.sims.telegram_html import Json
from adapters.sims.telegram_parameters import Parameters
from adapters.sims.telegram_refusals import bad_request

MOST_COMMANDS = 100
LONGEST_DESCRIPTION = 256
SCOPES = frozenset({"default", "all_private_chats", "all_group_chats", "all_chat_administrators"})
SCOPES_OF_A_CHAT = frozenset({"chat", "chat_administrators"})
_NAME = re.compile(r"[a-z0-9_]{1,32}")
_LANGUAGE = re.compile(r"(?:[a-z]{2})?")


class Menus:
    """One list of commands for each scope and language it was set for."""

    def __init__(self, chats: Chats) -> None:
        self._chats = chats
        self._lists: dict[tuple[str, str], list[Json]] = {}

    def set_commands(self, given: Parameters) -> bool:
        """Replace one list."""
        commands = given.structure("commands")
        if not isinstance(commands, list):
            raise bad_request("can't parse list of bot commands")
        if len(commands) > MOST_COMMANDS:
            raise bad_request("BOT_COMMANDS_TOO_MUCH")
        self._lists[self._where(given)] = [_command(told) for told in commands]
        return True

    def get_commands(self, given: Parameters) -> list[Json]:
        """Return exactly the list that was set, empty if none was."""
        return self._lists.get(self._where(given), [])

    def delete_commands(self, given: Parameters) -> bool:
        """Take one list away."""
        self._lists.pop(self._where(given), None)
        return True

    def shown(self, chat: Chat, language: str) -> list[Json]:
        """Return what a phone in that language shows in a chat: the narrowest list there is."""
        wide = "all_private_chats" if chat.id > 0 else "all_group_chats"
        for scope in (f"chat {chat.id}", wide, "default"):
            for tongue in (language[:2].lower(), ""):
                if found := self._lists.get((scope, tongue)):
                    return found
        return []

    def _where(self, given: Parameters) -> tuple[str, str]:
        language = given.text("language_code")
        if not _LANGUAGE.fullmatch(language):
            raise bad_request("invalid language code specified")
        scope = given.structure("scope") or {"type": "default"}
        kind = scope.get("type") if isinstance(scope, dict) else None
        if kind in SCOPES:
            return str(kind), language
        if kind not in SCOPES_OF_A_CHAT:
            raise bad_request("can't parse BotCommandScope: unsupported type specified")
        chat_id = Parameters(scope).chat_id()
        if not self._chats.known(chat_id):
            raise bad_request("chat not found")
        return f"{kind} {chat_id}", language


def _command(told: Any) -> Json:
    if not isinstance(told, dict):
        raise bad_request("expected an Object as a bot command")
    name, description = str(told.get("command", "")), str(told.get("description", "")).strip()
    name = name.removeprefix("/")
    if not _NAME.fullmatch(name):
        raise bad_request("BOT_COMMAND_INVALID")
    if not 0 < len(description) <= LONGEST_DESCRIPTION:
        raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    return {"command": name, "description": description}
