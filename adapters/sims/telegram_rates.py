"""How many messages a bot may send: overall, to one chat, to one group."""

import math
from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapters.sims.telegram_refusals import too_many_requests

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Rates:
    """The limits bots are told of.

    Messages per second to all chats, per second to one chat in the long run, at
    once to one chat before that counts, and per minute to one group.
    """

    overall: int = 30
    chat: float = 1.0
    burst: int = 20
    group: int = 20


class Meter:
    """Counts what was sent and says when it is too much; no rates, no limits."""

    def __init__(self, rates: Rates | None) -> None:
        self.rates = rates
        self._sent: deque[datetime] = deque()
        self._to_group: defaultdict[int, deque[datetime]] = defaultdict(deque)
        self._paid_until: dict[int, datetime] = {}

    def count(self, chat_id: int, at: datetime) -> None:
        """Count one message to a chat. Raises ApiError 429 instead if it is one too many."""
        if not self.rates:
            return
        group = self._to_group[chat_id]
        wait = max(
            _wait(self._sent, self.rates.overall, SECOND, at),
            _wait(group, self.rates.group, MINUTE, at) if chat_id < 0 else timedelta(),
            self._debt(chat_id, at),
        )
        if wait > timedelta():
            raise too_many_requests(max(1, math.ceil(wait.total_seconds())))
        self._sent.append(at)
        group.append(at)
        each = timedelta(seconds=1 / self.rates.chat)
        self._paid_until[chat_id] = max(self._paid_until.get(chat_id, at), at) + each

    def _debt(self, chat_id: int, at: datetime) -> timedelta:
        assert self.rates
        paid = self._paid_until.get(chat_id, at)
        free = timedelta(seconds=(self.rates.burst - 1) / self.rates.chat)
        return paid - at - free


def _wait(sent: deque[datetime], most: int, window: timedelta, at: datetime) -> timedelta:
    """How long until the window has room; forgets what left it."""
    while sent and sent[0] <= at - window:
        sent.popleft()
    return sent[0] + window - at if len(sent) >= most else timedelta()
