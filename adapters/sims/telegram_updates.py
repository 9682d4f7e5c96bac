"""The updates that wait for the bot: numbered, confirmed by offset, given to one poller."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapters.sims.telegram_html import Json
from adapters.sims.telegram_record import Clock
from adapters.sims.telegram_refusals import WEBHOOK_ACTIVE, ApiError, conflict

FIRST_UPDATE = 700_000_001
KEPT_FOR = timedelta(hours=24)
MOST_AT_ONCE = 100
LONGEST_POLL = 50
# What a bot must ask for by name.
ONLY_ON_REQUEST = frozenset({"chat_member", "message_reaction", "message_reaction_count"})


@dataclass(frozen=True, slots=True)
class Update:
    """Something that happened, as the bot will hear of it."""

    id: int
    at: datetime
    kind: str
    payload: Json

    def as_json(self) -> Json:
        """As getUpdates gives it."""
        return {"update_id": self.id, self.kind: self.payload}


@dataclass(frozen=True, slots=True)
class Poll:
    """What a getUpdates asks for; no `allowed` means: as before."""

    offset: int = 0
    limit: int = MOST_AT_ONCE
    timeout: float = 0
    allowed: Sequence[str] | None = None


class Updates:
    """The queue of one bot. Updates unconfirmed for 24 hours are forgotten."""

    def __init__(self, clock: Clock) -> None:
        self.webhook = ""
        self._clock = clock
        self._next = FIRST_UPDATE
        self._pending: list[Update] = []
        self._allowed: frozenset[str] = frozenset()
        self._waiting: asyncio.Future[None] | None = None

    @property
    def pending(self) -> int:
        """How many are not confirmed."""
        return len(self._pending)

    @property
    def awaited(self) -> bool:
        """Whether a poll waits for the next one."""
        return self._waiting is not None and not self._waiting.done()

    def allow(self, kinds: Sequence[str] | None) -> None:
        """Keep only these kinds from now on; none named means the usual ones."""
        if kinds is not None:
            self._allowed = frozenset(kinds)

    def put(self, kind: str, payload: Json) -> None:
        """Let the bot know, unless it does not want to hear of this kind."""
        wanted = kind in self._allowed if self._allowed else kind not in ONLY_ON_REQUEST
        if not wanted:
            return
        self._pending.append(Update(self._next, self._clock(), kind, payload))
        self._next += 1
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(None)

    def forget(self) -> None:
        """Drop everything that waits."""
        self._pending.clear()

    def displace(self, reason: ApiError) -> None:
        """Send the poller that waits away."""
        if self._waiting and not self._waiting.done():
            self._waiting.set_exception(reason)
        self._waiting = None

    async def poll(self, wish: Poll) -> list[Update]:
        """Return what waits, or wait for it; what lies before the offset is confirmed.

        Raises ApiError 409 when another poller comes, or a webhook is set.
        """
        if self.webhook:
            raise conflict(WEBHOOK_ACTIVE)
        self.displace(conflict())
        self.allow(wish.allowed)
        self._confirm(wish.offset)
        if not self._pending and wish.timeout > 0:
            await self._wait(min(wish.timeout, LONGEST_POLL))
        return self._pending[: max(1, min(wish.limit, MOST_AT_ONCE))]

    async def _wait(self, seconds: float) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting = turn
        try:
            await asyncio.wait_for(turn, seconds)
        except TimeoutError:
            pass
        finally:
            if self._waiting is turn:
                self._waiting = None

    def _confirm(self, offset: int) -> None:
        oldest = self._clock() - KEPT_FOR
        fresh = [update for update in self._pending if update.at > oldest]
        if offset < 0:
            self._pending = fresh[offset:]
        else:
            self._pending = [update for update in fresh if update.id >= offset]
