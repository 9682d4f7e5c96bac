"""One connection to a gateway: its handshake, its codes, and requests that can not hang."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from adapters import ibkr_sdk as sdk
from adapters.ibkr_gateway import Gateway
from adapters.ibkr_values import Denied, Told
from bot.domain.errors import BrokerUnavailable

NO_REQUEST = -1
NOT_ALLOWED = 321  # told of no request, what a gateway says that lets clients only read
ID_IN_USE = 326
LINK_LOST, LINK_BACK = 1100, frozenset({1101, 1102})

Asking = Callable[[], Awaitable[Any]]

log = logging.getLogger(__name__)


class Wire:
    """A connection from its handshake to its end; there is a fresh one after it.

    The library keys several requests by their name alone. Those have `turn`s, and one
    that is not answered in time ends the connection: a late answer would be taken for
    that of the next.
    """

    def __init__(self, gateway: Gateway) -> None:
        self.gateway, self.pace = gateway, gateway.pace
        self.sdk = sdk.client(gateway.messages_per_second)
        self.accounts: Sequence[str] = ()
        self.linked = True
        self.turn = asyncio.Lock()
        self.of_orders: dict[int, list[Told]] = {}
        self.of_contracts: dict[int, Told] = {}
        self._news = asyncio.Event()
        self._over: asyncio.Future[BrokerUnavailable] = asyncio.Future()
        self._denied: asyncio.Future[Denied] = asyncio.Future()

    @property
    def alive(self) -> bool:
        """Whether it has not ended, as far as anybody knows."""
        return not self._over.done()

    async def open(self) -> None:
        """Shake hands. Raises BrokerUnavailable for what stands in the way."""
        gateway, library = self.gateway, self.sdk
        library.errorEvent += self._hear
        library.updateEvent += self._wake
        library.client.apiError += self._hung_up
        library.wrapper.clientId = gateway.client_id
        shaking = asyncio.ensure_future(
            library.client.connectAsync(gateway.host, gateway.port, gateway.client_id, None)
        )
        try:
            await asyncio.wait(
                {shaking, self._over},
                timeout=self.pace.connect,
                return_when=asyncio.FIRST_COMPLETED,
            )
            self._look_at(shaking)
        finally:
            shaking.cancel()
        library.disconnectedEvent += self._gone
        self.accounts = tuple(library.client.getAccounts())
        if gateway.allow_delayed:
            library.reqMarketDataType(sdk.DELAYED)

    def close(self) -> None:
        """End it at once: what is awaited is told, and what has not left never leaves."""
        self._end(BrokerUnavailable("ibkr_line_lost"))

    async def over(self, seconds: float) -> bool:
        """Wait for its end, at most so long; whether it came."""
        done, _ = await asyncio.wait({self._over}, timeout=seconds)
        return bool(done)

    def require(self) -> None:
        """Raise BrokerUnavailable where the line has ended, or leads to no broker."""
        if not self.alive:
            raise self._over.result()
        if not self.linked:
            raise BrokerUnavailable("ibkr_link_lost")

    async def ask(
        self,
        what: str,
        asking: Asking,
        seconds: float,
        denied: "asyncio.Future[Denied] | None" = None,
    ) -> Any:
        """The answer to a request. Raises BrokerUnavailable where there is none, or Denied."""
        if not self.alive:
            raise self._over.result()
        try:
            asked = asyncio.ensure_future(asking())
            waiting: set[asyncio.Future[Any]] = {asked, self._over}
            try:
                await asyncio.wait(
                    waiting if denied is None else waiting | {denied},
                    timeout=seconds,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if asked.done():
                    return asked.result()
            finally:
                asked.cancel()
        except ConnectionError as lost:
            raise BrokerUnavailable("ibkr_line_lost", what=what) from lost
        except sdk.library.RequestError as refused:
            raise Denied(refused.code, refused.message) from refused
        if denied is not None and denied.done():
            raise denied.result()
        if not self.alive:
            raise self._over.result()
        raise BrokerUnavailable("ibkr_no_answer", what=what, seconds=seconds)

    async def named(self, what: str, asking: Asking) -> Any:
        """Ask for what is keyed by its name alone, in its turn; without an answer the line ends.

        Raises BrokerUnavailable, `ibkr_denied` where the answer is a code.
        """
        self._denied = asyncio.Future()
        try:
            return await self.ask(what, asking, self.pace.answer, self._denied)
        except Denied as denied:
            values = {"what": what, "number": denied.number, "reason": denied.reason}
            raise BrokerUnavailable("ibkr_denied", **values) from denied
        except BrokerUnavailable as unanswered:
            self._end(unanswered)
            raise
        except asyncio.CancelledError:
            # Who asked has lost patience; the answer may still come.
            self._end(BrokerUnavailable("ibkr_line_lost", what=what))
            raise

    async def until(self, holds: Callable[[], bool], seconds: float) -> None:
        """Wait until something holds or the line ends, looking after all news, or so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.alive and not holds():
                    await self._news.wait()

    def say(self, saying: Callable[[], object]) -> None:
        """Say what nobody waits for; once the line has ended it is of no consequence."""
        if self.alive:
            with suppress(ConnectionError):
                saying()

    def _look_at(self, shaking: "asyncio.Future[None]") -> None:
        """Raise what stood in the way of a handshake."""
        place = {"host": self.gateway.host, "port": self.gateway.port}
        error = shaking.exception() if shaking.done() else None
        if self._over.done() and self._over.result().code == "ibkr_client_id_taken":
            raise self._over.result()
        # A host that can be nobody's name is told of by its letters.
        if isinstance(error, OSError | UnicodeError):
            raise BrokerUnavailable("ibkr_gateway_down", **place, reason=str(error)) from error
        if error is not None:
            raise error
        if not shaking.done() or not self.alive:
            raise BrokerUnavailable("ibkr_gateway_silent", **place, seconds=self.pace.connect)

    def _wake(self, *_: object) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _hear(self, request: int, number: int, text: str, contract: Any) -> None:
        """Take in a code: of the line, of a request, of an order."""
        told = Told(number, " ".join(text.split()))
        if number == ID_IN_USE:
            taken = BrokerUnavailable("ibkr_client_id_taken", client_id=self.gateway.client_id)
            self._end(taken)
        elif number == LINK_LOST:
            self.linked = False
            log.warning("the gateway lost its link to the broker: %s", told.reason)
        elif number in LINK_BACK:
            self.linked = True
            log.warning("the gateway has its link to the broker back: %s", told.reason)
        elif request == NO_REQUEST and number == NOT_ALLOWED and not self._denied.done():
            self._denied.set_result(Denied(number, told.reason))
        elif request in self.of_orders:
            self.of_orders[request].append(told)
        elif contract is not None:
            self.of_contracts[contract.conId] = told
        self._wake()

    def _hung_up(self, remark: str) -> None:
        self._end(BrokerUnavailable("ibkr_line_lost", what=remark))

    def _gone(self, *_: object) -> None:
        self._end(BrokerUnavailable("ibkr_line_lost"))

    def _end(self, why: BrokerUnavailable) -> None:
        if not self.alive:
            return
        self._over.set_result(why)
        transport = self.sdk.client.conn.transport
        self.sdk.client.disconnect()
        if transport is not None:
            transport.abort()
        self._wake()
