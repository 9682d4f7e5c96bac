"""The record: who connected, what was asked, what became of every order."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from adapters.sims.tws_orders import Order

Clock: TypeAlias = Callable[[], datetime]


class Kind(StrEnum):
    """What happened."""

    CONNECTED = "connected"
    TURNED_AWAY = "turned_away"
    DISCONNECTED = "disconnected"
    ASKED = "asked"
    UNREADABLE = "unreadable"
    FAULT = "fault"
    BOOKED = "booked"
    EXECUTED = "executed"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    LOST = "lost"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened: `what` names the request or order, `text` the particulars."""

    number: int
    at: datetime
    kind: Kind
    client_id: int = -1
    what: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Trade:
    """Shares of an order that changed hands, as they stand after corrections."""

    execution_id: str
    at: datetime
    shares: Decimal
    price: Decimal
    fee: Decimal


@dataclass(frozen=True, slots=True)
class Booked:
    """An order as the broker knows it; `works` while it may still trade."""

    permanent_id: int
    client_id: int
    order_id: int
    reference: str
    account: str
    symbol: str
    con_id: int
    action: str
    shares: Decimal
    kind: str
    limit: Decimal | None
    tif: str
    status: str
    works: bool
    filled: Decimal
    average: Decimal
    trades: tuple[Trade, ...]
    reason: str
    at: datetime


def booked(order: Order) -> Booked:
    """Return what the record says of an order now."""
    ticket = order.ticket
    return Booked(
        permanent_id=order.permanent_id,
        client_id=order.client_id,
        order_id=order.order_id,
        reference=ticket.reference,
        account=order.account.name,
        symbol=order.instrument.symbol,
        con_id=order.instrument.con_id,
        action=ticket.action,
        shares=ticket.shares,
        kind=ticket.kind,
        limit=ticket.limit,
        tif=ticket.tif,
        status=order.status.value,
        works=order.works,
        filled=order.filled,
        average=order.average,
        trades=tuple(
            Trade(e.execution_id, e.at, e.shares, e.price, e.fee) for e in order.final_executions()
        ),
        reason=order.reason,
        at=order.at,
    )


class Record:
    """Every entry from the first on, and news of each further one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: list[Entry] = []
        self._listeners: list[Callable[[Entry], None]] = []
        self._news = asyncio.Event()

    def add(self, kind: Kind, client_id: int = -1, what: str = "", text: str = "") -> None:
        """Number an entry, date it, keep it, and tell those who listen."""
        entry = Entry(len(self._entries) + 1, self._clock(), kind, client_id, what, text)
        self._entries.append(entry)
        news, self._news = self._news, asyncio.Event()
        news.set()
        for listener in self._listeners:
            listener(entry)

    def entries(self, after: int = 0) -> tuple[Entry, ...]:
        """Return what happened after the entry of that number."""
        return tuple(self._entries[after:])

    def listen(self, listener: Callable[[Entry], None]) -> None:
        """Call `listener` with each further entry."""
        self._listeners.append(listener)

    async def until(self, holds: Callable[[], bool], seconds: float) -> None:
        """Wait until something holds, looking after each entry. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while not holds():
                await self._news.wait()
