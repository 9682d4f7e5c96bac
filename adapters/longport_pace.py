"""How often an account may be asked, kept to so that no limit is ever met."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from adapters.longport_told import Limits
from bot.ports import Clock

NOW = timedelta()


class Pace:
    """Turns, one after the other.

    Counted is from the end of a call: by then the broker has heard it, however slow
    the line is.
    """

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._limits, self._clock = limits, clock
        self._turn = asyncio.Lock()
        self._ended: deque[datetime] = deque(maxlen=limits.calls)
        self._same: dict[Hashable, datetime] = {}

    @asynccontextmanager
    async def turn(self, call: Hashable, *, order: bool = False) -> AsyncIterator[None]:
        """Wait until a call may be made, and let nobody else make one until it has ended."""
        async with self._turn:
            if (wait := self._wait(call, order=order)) > NOW:
                await self._clock.sleep(wait.total_seconds())
            try:
                yield
            finally:
                now, apart = self._clock.now(), timedelta(seconds=self._limits.apart)
                self._ended.append(now)
                self._same = {c: at for c, at in self._same.items() if at > now - apart}
                self._same[call] = now

    def _wait(self, call: Hashable, *, order: bool) -> timedelta:
        limits, now = self._limits, self._clock.now()
        free_in = [NOW]
        if call in self._same:
            free_in.append(_left(self._same[call], limits.apart, now))
        if self._ended:
            free_in.append(_left(self._ended[-1], limits.gap, now))
        most = limits.calls if order else max(limits.calls - limits.kept, 1)
        if len(self._ended) >= most:
            free_in.append(_left(self._ended[-most], limits.seconds, now))
        return max(free_in)


def _left(since: datetime, seconds: float, now: datetime) -> timedelta:
    """What is left of some seconds; of a clock that was set back no more than all of them."""
    return min(since + timedelta(seconds=seconds) - now, timedelta(seconds=seconds))
