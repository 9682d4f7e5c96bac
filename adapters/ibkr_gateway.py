"""What the adapter must be told of a gateway: where it is, as whom, how long, and when not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time

from bot.domain.calendar import EXCHANGE
from bot.domain.model import Symbol


@dataclass(frozen=True, slots=True)
class Window:
    """A span of every day in New York; one that ends before it begins crosses midnight."""

    begins: time
    ends: time

    def covers(self, moment: datetime) -> bool:
        """Whether an aware moment lies in it."""
        at = moment.astimezone(EXCHANGE).time()
        if self.begins <= self.ends:
            return self.begins <= at < self.ends
        return at >= self.begins or at < self.ends


# The gateway's own restart about midnight, then the reset of the servers behind it.
AT_NIGHT = Window(time(23, 40), time(1, 45))


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things may take, in seconds.

    `order`: for the first word about an order. `commission`: for those of fills already
    told. `again`: before something that is in no list is looked for once more. `retry`
    to `longest`: between attempts to connect. `alert`: how long there may be no
    connection before somebody is told.
    """

    connect: float = 20.0
    answer: float = 10.0
    order: float = 10.0
    commission: float = 1.0
    history: float = 45.0
    quote: float = 5.0
    heartbeat: float = 30.0
    again: float = 1.0
    retry: float = 2.0
    longest: float = 60.0
    alert: float = 300.0


@dataclass(frozen=True, slots=True)
class Gateway:
    """A TWS or IB Gateway, and how this process speaks to it.

    `client_id` is kept for ever: only its owner may cancel an order. In `restart` nothing
    is sent and nobody is alarmed. `listings` name the exchange a symbol is listed at where
    several instruments share it; `indices` are symbols that are no stock, with the exchange
    that computes them. `messages_per_second` is what the gateway takes before it hangs up,
    with a margin.
    """

    host: str = "127.0.0.1"
    port: int = 4002
    client_id: int = 17
    allow_delayed: bool = False
    restart: Window = AT_NIGHT
    listings: Mapping[Symbol, str] = field(default_factory=dict)
    indices: Mapping[Symbol, str] = field(default_factory=lambda: {"VIX": "CBOE"})
    messages_per_second: int = 45
    pace: Pace = Pace()
