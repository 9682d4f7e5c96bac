"""The connection to a gateway as a state: there, or sought, and told of when it stays away."""

import asyncio

from adapters.ibkr_gateway import Gateway
from adapters.ibkr_session import Session
from adapters.ibkr_troubles import Troubles
from adapters.ibkr_values import Written
from bot.domain.errors import BrokerUnavailable
from bot.ports import Clock

TAKEN = "ibkr_client_id_taken"


class Link:
    """One gateway, and the session with it that is open now. Whoever needs it opens it."""

    def __init__(self, gateway: Gateway, clock: Clock) -> None:
        self.gateway = gateway
        self.troubles = Troubles(gateway, clock)
        # Orders that have been written, by name, on whichever connection.
        self.written: dict[str, Written] = {}
        self._session: Session | None = None
        self._opening = asyncio.Lock()

    async def session(self) -> Session:
        """The open session; a fresh one where the last has ended. Raises BrokerUnavailable."""
        async with self._opening:
            if self._session is None or not self._session.wire.alive:
                self._session = await self._opened()
                self._look_at(self._session)
            return self._session

    async def keep(self) -> None:
        """Keep a session open until cancelled, whatever the gateway does, and know its troubles."""
        pace = self.gateway.pace
        wait = pace.retry
        try:
            while True:
                try:
                    session = await self.session()
                    wait = pace.retry
                    await self._watch(session)
                except BrokerUnavailable as trouble:
                    self.troubles.meet(trouble)
                    await asyncio.sleep(wait)
                    wait = min(2 * wait, pace.longest)
        finally:
            self.close()

    def close(self) -> None:
        """End the session there is; whoever needs one opens another."""
        if self._session is not None:
            self._session.wire.close()

    async def _opened(self) -> Session:
        """A new session. A number just given up stays taken for a while."""
        loop, pace = asyncio.get_running_loop(), self.gateway.pace
        until = loop.time() + pace.connect
        while True:
            try:
                return await self._open()
            except BrokerUnavailable as trouble:
                if trouble.code != TAKEN or loop.time() + pace.retry > until:
                    raise
            await asyncio.sleep(pace.retry)

    async def _open(self) -> Session:
        session = Session(self.gateway)
        ready = False
        try:
            await session.open()
            ready = True
        finally:
            if not ready:
                session.wire.close()
        return session

    async def _watch(self, session: Session) -> None:
        """Feel the pulse of a session until it has none: a dead line looks like a silent one."""
        while True:
            await session.time()
            self._look_at(session)
            await session.wire.over(self.gateway.pace.heartbeat)
            if session.read_only:
                # That it may write by now is told to a new connection only.
                session.wire.close()
                raise BrokerUnavailable("ibkr_read_only")

    def _look_at(self, session: Session) -> None:
        if session.read_only:
            self.troubles.meet(BrokerUnavailable("ibkr_read_only"))
        elif not session.wire.linked:
            self.troubles.meet(BrokerUnavailable("ibkr_link_lost"))
        else:
            self.troubles.overcome()
