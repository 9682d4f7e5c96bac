"""How often a client may ask: trade calls in a window and apart, quote questions a second."""

import time
from collections import defaultdict, deque
from dataclasses import dataclass

from adapters.sims.longport_refusals import quotes_too_often, too_often

_SECOND = 1.0


@dataclass(frozen=True, slots=True)
class Rates:
    """`calls` of trading in `seconds`, `gap` seconds apart; `quotes` of each kind a second."""

    calls: int = 30
    seconds: float = 30
    gap: float = 0.02
    quotes: int = 10

    def __post_init__(self) -> None:
        if self.calls < 1 or self.quotes < 1 or self.seconds <= 0 or self.gap < 0:
            raise ValueError("calls and quotes are at least 1, seconds above 0, gap at least 0")


class Meter:
    """Counts against rates; without rates nothing is limited."""

    def __init__(self, rates: Rates | None) -> None:
        self.rates = rates
        self._calls: deque[float] = deque()
        self._quotes: defaultdict[int, deque[float]] = defaultdict(deque)

    def count_call(self) -> None:
        """Note a trade call. Raises Refusal."""
        if not self.rates:
            return
        now = _recent(self._calls, self.rates.seconds)
        too_many = len(self._calls) >= self.rates.calls
        too_soon = bool(self._calls) and now - self._calls[-1] < self.rates.gap
        if too_many or too_soon:
            raise too_often()
        self._calls.append(now)

    def count_quote(self, command: int) -> None:
        """Note a quote question of a kind; each kind has its own bucket. Raises Refusal."""
        if not self.rates:
            return
        asked = self._quotes[command]
        now = _recent(asked, _SECOND)
        # A full bucket and what drips into it within the second.
        if len(asked) >= 2 * self.rates.quotes:
            raise quotes_too_often()
        asked.append(now)


def _recent(times: deque[float], seconds: float) -> float:
    now = time.monotonic()
    while times and times[0] <= now - seconds:
        times.popleft()
    return now
