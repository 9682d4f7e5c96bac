"""The door for everything that arrives by Telegram, and what is told of those outside."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from telegram import Message, Update

HOUR = 3600.0  # seconds
MOST_REMEMBERED = 1000  # causes, before those told long ago are forgotten


@dataclass(frozen=True, slots=True)
class Door:
    """Who is let in: these people, by their own words, in this chat. Nobody by default."""

    chat: int
    users: frozenset[int] = frozenset()

    def lets_in(self, update: Update) -> bool:
        """Whether what arrived is a message or a pressed button of somebody let in.

        An edited message is neither: its first wording was answered already, and to
        correct a word must not give the order a second time.
        """
        person, place = update.effective_user, update.effective_chat
        return (
            person is not None
            and place is not None
            and not person.is_bot
            and person.id in self.users
            and place.id == self.chat
            and (update.callback_query is not None or _own(update.message))
        )


def _own(message: Message | None) -> bool:
    """Whether somebody typed it: not forwarded, not by a bot, a channel or an unnamed admin."""
    return (
        message is not None
        and message.forward_origin is None
        and message.via_bot is None
        and message.sender_chat is None
    )


class Seldom:
    """Counts what repeats, and lets it be told once in a while."""

    def __init__(self, seconds: float = HOUR, now: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._now = seconds, now
        self._seen: dict[str, tuple[float, int]] = {}

    def times(self, cause: str) -> int:
        """Count one more; how many there were since they were told, 0 while that is too recent."""
        told, count = self._seen.get(cause, (-math.inf, 0))
        now = self._now()
        if now - told < self._seconds:
            self._seen[cause] = (told, count + 1)
            return 0
        if len(self._seen) >= MOST_REMEMBERED:
            self._seen = {c: s for c, s in self._seen.items() if now - s[0] < self._seconds}
        self._seen[cause] = (now, 0)
        return count + 1
