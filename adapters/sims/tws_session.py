"""One client's connection: handshake, frames in, frames out, and what the client subscribed to."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from adapters.sims.tws_codes import Code, text_of
from adapters.sims.tws_contracts import Instrument
from adapters.sims.tws_messages import error
from adapters.sims.tws_wire import (
    GREETING,
    OLDEST_VERSION,
    Message,
    WireError,
    frame,
    negotiated,
    read_frame,
)

NOT_STARTED = -1
CONNECT_ZONE = "EST"
MOST_PER_SECOND = 50


@dataclass(slots=True)
class Interests:
    """What a client subscribed to, by the number of its request where it has one."""

    positions: bool = False
    updates: str = ""
    updates_multi: dict[int, str] = field(default_factory=dict)
    summaries: dict[int, frozenset[str]] = field(default_factory=dict)
    streams: dict[int, Instrument] = field(default_factory=dict)
    histories: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Pace:
    """How many more messages a client may send now: a bucket that fills up as time goes by."""

    left: float = MOST_PER_SECOND
    at: float = 0.0

    def allows(self, now: float) -> bool:
        """Whether one more is allowed; it counts."""
        self.left = min(MOST_PER_SECOND, self.left + (now - self.at) * MOST_PER_SECOND)
        self.at = now
        self.left -= 1
        return self.left >= 0


class Gate(Protocol):
    """What a connection asks of the gateway it belongs to."""

    speaking: asyncio.Event
    latency: float

    def now(self) -> datetime:
        """The time there."""
        ...

    def asked(self, session: "Session", number: str, fields: list[str]) -> None:
        """Take a request."""
        ...

    def unreadable(self, session: "Session", remark: str) -> None:
        """Take note of what was no message."""
        ...

    def left(self, session: "Session") -> None:
        """Take note that a connection ended."""
        ...


class Session:
    """One connection, from its greeting to its end."""

    def __init__(
        self, gate: Gate, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.client_id = NOT_STARTED
        self.version = OLDEST_VERSION
        self.market_data_type = 1
        self.highest_seen = 0
        self.interests = Interests()
        self.pace = Pace()
        self.muted = False
        self._gate = gate
        self._reader = reader
        self._writer = writer
        self._late: deque[tuple[float, bytes]] = deque()
        self._pump: asyncio.TimerHandle | None = None
        self._over = False

    @property
    def started(self) -> bool:
        """Whether the client has said who it is and was let in."""
        return self.client_id != NOT_STARTED

    async def converse(self) -> None:
        """Greet, then take requests until the connection ends."""
        try:
            await self._greet()
            while not self._over:
                fields = (await read_frame(self._reader)).split("\0")[:-1]
                await self._gate.speaking.wait()
                # What a client sent before the line was cut must not be answered after it.
                if not self._over:
                    self._gate.asked(self, fields[0] if fields else "", fields[1:])
        except (WireError, UnicodeError) as odd:
            self._gate.unreadable(self, str(odd))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.drop()
            self._gate.left(self)

    def tell(self, *messages: Message) -> None:
        """Send messages, later where the gateway is slow."""
        self.tell_raw(b"".join(frame(message) for message in messages))

    def tell_raw(self, data: bytes) -> None:
        """Send bytes that may be no message at all."""
        if self.muted or not self._gate.speaking.is_set() or self._writer.is_closing():
            return
        if not self._gate.latency and not self._late:
            self._writer.write(data)
            return
        now = asyncio.get_running_loop().time()
        self._late.append((now + self._gate.latency, data))
        self._schedule()

    def say(self, request_id: int, code: Code, *details: object) -> None:
        """Tell a code of a request, in its usual words."""
        self.tell(error(self.version, request_id, code, text_of(code, *details)))

    def drop(self) -> None:
        """End the connection at once; what was told before still arrives."""
        self._over = True
        if self._pump:
            self._pump.cancel()
        # Bytes the system has taken are delivered; an abort only skips what waits here.
        self._writer.transport.abort()

    async def _greet(self) -> None:
        greeting = await self._reader.readexactly(len(GREETING))
        if greeting != GREETING:
            raise WireError(f"the greeting is {greeting!r}: clients say {GREETING!r}")
        offer = await read_frame_without_zero(self._reader)
        await self._gate.speaking.wait()
        self.version = negotiated(offer)
        self.tell((self.version, f"{self._gate.now():%Y%m%d %H:%M:%S} {CONNECT_ZONE}"))

    def _schedule(self) -> None:
        if self._late and not self._pump:
            self._pump = asyncio.get_running_loop().call_at(self._late[0][0], self._deliver)

    def _deliver(self) -> None:
        self._pump = None
        now = asyncio.get_running_loop().time()
        while self._late and self._late[0][0] <= now:
            self._writer.write(self._late.popleft()[1])
        self._schedule()


async def read_frame_without_zero(reader: asyncio.StreamReader) -> str:
    """Return the offer of versions, whose frame is the only one without a closing zero."""
    return (await read_frame(reader)).rstrip("\0")


Answering = Callable[[Session, list[str]], None]
