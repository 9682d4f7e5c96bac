"""How often an account may be asked, kept to so that no limit is ever met."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

from adapters.longport_told import Limits


class Pace:
    """Turns, one after the other.

    Counted is from the end of a call: by then the broker has heard it, however slow
    the line is.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._turn = asyncio.Lock()
        self._ended: deque[float] = deque(maxlen=limits.calls)
        self._same: dict[Hashable, float] = {}

    @asynccontextmanager
    async def turn(self, call: Hashable, *, order: bool = False) -> AsyncIterator[None]:
        """Wait until a call may be made, and let nobody else make one until it has ended."""
        async with self._turn:
            await asyncio.sleep(self._wait(call, order=order))
            try:
                yield
            finally:
                now = _now()
                self._ended.append(now)
                self._same = {c: at for c, at in self._same.items() if at > now - self._apart}
                self._same[call] = now

    @property
    def _apart(self) -> float:
        return self._limits.apart

    def _wait(self, call: Hashable, *, order: bool) -> float:
        limits = self._limits
        free_at = [self._same.get(call, 0.0) + limits.apart]
        if self._ended:
            free_at.append(self._ended[-1] + limits.gap)
        most = limits.calls if order else max(limits.calls - limits.kept, 1)
        if len(self._ended) >= most:
            free_at.append(self._ended[-most] + limits.seconds)
        return max(0.0, max(free_at) - _now())


def _now() -> float:
    return asyncio.get_running_loop().time()
