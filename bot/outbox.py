"""What is to be told, kept until somebody received it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bot.domain.errors import LedgerError
from bot.domain.memory import Message
from bot.ports import Clock, NotDelivered, Notifier
from bot.remembering import Ledger

FIRST_WAIT = 1.0  # seconds after a delivery that failed
LONGEST_WAIT = 300.0

log = logging.getLogger(__name__)


class Outbox:
    """Messages in the order they happened: on disk first, then to the notifier.

    A message that is there already is not told twice; what an earlier process left
    undelivered is told as one that may be known. Trading never waits for a delivery.
    `pause` waits between attempts: never on the desk's clock, which may jump.
    """

    def __init__(
        self,
        ledger: Ledger,
        notifier: Notifier,
        clock: Clock,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._ledger, self._notifier, self._clock = ledger, notifier, clock
        self._pause = pause
        self._began = clock.now()
        self._news = asyncio.Event()
        self._unkept: list[Message] = []

    def post(self, message: Message) -> None:
        """Keep a message and have it delivered; a ledger that fails loses none."""
        try:
            self._ledger.post(message)
        except LedgerError as error:
            log.critical("%s: told without being kept: %s", error, message.text)
            self._unkept.append(message)
        self._news.set()

    async def deliver(self) -> None:
        """Deliver for ever, waiting longer after each failure, and no less than was asked for."""
        wait = FIRST_WAIT
        while True:
            self._news.clear()
            failure = await self._failure()
            if failure is None:
                wait = FIRST_WAIT
                await self._news.wait()
            else:
                asked = failure.wait if isinstance(failure, NotDelivered) else 0.0
                await self._pause(max(wait, asked))
                wait = min(2 * wait, LONGEST_WAIT)

    async def flush(self) -> bool:
        """Try to deliver everything once, in order; False where something stays."""
        return await self._failure() is None

    async def _failure(self) -> Exception | None:
        try:
            while self._unkept:
                await self._notifier.tell(self._unkept[0])
                self._unkept.pop(0)
            for message in self._ledger.undelivered():
                await self._notifier.tell(message, again=message.at < self._began)
                self._ledger.delivered(message, self._clock.now())
        except (NotDelivered, LedgerError, OSError, TimeoutError) as failure:
            log.warning("a message waits: %s", str(failure) or type(failure).__name__)
            return failure
        return None
