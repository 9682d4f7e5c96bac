"""How much may be asked: requests and orders a minute, orders a day."""

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapters.sims.schwab_answers import too_many
from adapters.sims.schwab_clock import Clock

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Limits:
    """The broker's documented limits; an order request is one that places, replaces or cancels."""

    requests_a_minute: int = 120
    orders_a_minute: int = 120
    orders_a_day: int = 4000


class Meter:
    """Counts by the simulator's clock; without limits, nothing is refused."""

    def __init__(self, clock: Clock, limits: Limits | None) -> None:
        self.limits = limits
        self._clock = clock
        self._requests: deque[datetime] = deque()
        self._orders: deque[datetime] = deque()

    def admit(self, *, ordering: bool) -> None:
        """Count one request. Raises Refused where it is one too many; it counts even so."""
        now = self._clock.now()
        self._requests.append(now)
        if ordering:
            self._orders.append(now)
        if self.limits and self._over(self.limits, now, ordering=ordering):
            raise too_many()

    def _over(self, limits: Limits, now: datetime, *, ordering: bool) -> bool:
        if _within(self._requests, now - MINUTE) > limits.requests_a_minute:
            return True
        a_day = _within(self._orders, now - DAY)
        a_minute = sum(at > now - MINUTE for at in self._orders)
        return ordering and (a_minute > limits.orders_a_minute or a_day > limits.orders_a_day)


def _within(times: deque[datetime], since: datetime) -> int:
    while times and times[0] <= since:
        times.popleft()
    return len(times)
