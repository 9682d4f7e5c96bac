"""The library that speaks to a gateway, whichever of the two is installed; its objects as ours."""

import asyncio
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from adapters.ibkr_values import (
    CURRENCY,
    UNSET,
    Bar,
    Coming,
    Executed,
    Held,
    Instrument,
    Listed,
    Ticket,
    exact,
)
from bot.domain.model import NOTHING, Symbol

SMART = "SMART"
DELAYED = 3
DELAYED_KINDS = frozenset({DELAYED, 4})
LIMIT, MARKET, DAY = "LMT", "MKT", "DAY"
BOUGHT = "BOT"


@contextmanager
def _some_loop() -> Iterator[None]:
    """A thread that has an event loop: it asks for one while it is imported.

    Where nothing runs there is none after an earlier `asyncio.run`, nor unasked in newer Pythons.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            yield
        finally:
            asyncio.set_event_loop(None)
            loop.close()
    else:
        yield


def _library() -> Any:
    """The library itself, untyped: the other one has its own types for the same things."""
    with _some_loop():
        try:
            import ib_insync as library
        except ModuleNotFoundError:
            import ib_async as library  # type: ignore[import-not-found, no-redef] # one of the two
    # What it writes down of every request has account numbers in it, and is told by us.
    for name in ("client", "ib", "wrapper"):
        logging.getLogger(f"{library.__name__}.{name}").setLevel(logging.CRITICAL)
    return library


library = _library()


def client(messages_per_second: int) -> Any:
    """A client that was never connected: another connection never sees what this one saw."""
    made = library.IB()
    made.RaiseRequestErrors = True
    made.client.MaxRequests = messages_per_second
    # Each time the link is back it subscribes to one more summary, until they are too many.
    made.errorEvent -= made._onError  # noqa: SLF001 - there is no other way to leave it out
    return made


def wanted(symbol: Symbol, listing: str, index: str) -> Any:
    """The contract to look up for a symbol of ours."""
    if index:
        return library.Index(symbol, index, CURRENCY)
    return library.Stock(symbol.replace(".", " "), SMART, CURRENCY, primaryExchange=listing)


def order(ticket: Ticket) -> Any:
    """An order with everything written out that a preset of the gateway might fill in otherwise."""
    written = library.Order(
        action=ticket.action,
        totalQuantity=ticket.shares,
        orderType=MARKET if ticket.limit is None else LIMIT,
        tif=DAY,
        account=ticket.account,
        orderRef=ticket.reference,
        outsideRth=False,
        transmit=True,
    )
    if ticket.limit is not None:
        written.lmtPrice = float(ticket.limit)
    return written


def named(listed: Listed) -> Any:
    """An order by its numbers, to cancel it."""
    return library.Order(
        orderId=listed.order_id, clientId=listed.client_id, permId=listed.permanent_id
    )


def instrument(contract: Any) -> Instrument:
    """What a contract stands for."""
    return Instrument(
        contract.conId,
        contract.symbol.replace(" ", "."),
        contract.secType,
        contract.currency,
        " ".join(contract.localSymbol.split()),
    )


def held(position: Any) -> Held:
    """A position."""
    return Held(position.account, instrument(position.contract), exact(position.position))


def open_order(trade: Any) -> Listed:
    """An order that is listed as open. Its status is not read: codes have written into it."""
    return _listed(trade)


def completed_order(trade: Any) -> Listed:
    """An order that has ended, with the broker's own word for how."""
    filled = trade.order.filledQuantity
    state = getattr(trade.orderStatus, "status", "")
    return _listed(trade, state, exact(filled) if filled < UNSET else NOTHING)


def _listed(trade: Any, status: str = "", filled: Decimal = NOTHING) -> Listed:
    written = trade.order
    limited = written.orderType == LIMIT
    return Listed(
        permanent_id=written.permId,
        client_id=written.clientId,
        order_id=written.orderId,
        reference=written.orderRef,
        account=written.account,
        instrument=instrument(trade.contract),
        action=written.action,
        shares=exact(written.totalQuantity),
        limit=exact(written.lmtPrice) if limited else None,
        status=status,
        filled=filled,
    )


def executed(fills: Iterable[Any], known: Iterable[Any] = ()) -> list[Executed]:
    """Fills, with the commissions that came meanwhile for those `known`."""
    paid = {fill.execution.execId: fill.commissionReport for fill in (*fills, *known)}
    return [_executed(fill, paid[fill.execution.execId]) for fill in fills]


def _executed(fill: Any, report: Any) -> Executed:
    done = fill.execution
    return Executed(
        execution_id=done.execId,
        at=done.time,
        permanent_id=done.permId,
        reference=done.orderRef,
        account=done.acctNumber,
        instrument=instrument(fill.contract),
        buys=done.side == BOUGHT,
        shares=exact(done.shares),
        price=exact(done.price),
        commission=exact(report.commission),
    )


def unpaid(fills: Iterable[Any], known: Iterable[Any]) -> bool:
    """Whether the commission of a fill has not been told yet."""
    paid = {fill.execution.execId for fill in known if fill.commissionReport.execId}
    return any(fill.execution.execId not in paid for fill in fills)


def bar(told: Any) -> Bar:
    """A daily bar."""
    return Bar(told.date, told.high, told.low, told.close)


def coming(dividends: Any) -> Coming | None:
    """The next dividend of those told, None where there is none."""
    if dividends is None or not dividends.nextDate or not dividends.nextAmount:
        return None
    day = dividends.nextDate
    return Coming(day if not hasattr(day, "date") else day.date(), float(dividends.nextAmount))
