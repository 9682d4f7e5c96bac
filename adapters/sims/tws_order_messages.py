"""What a gateway says of orders and executions, field by field."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from adapters.sims.tws_codes import Answer
from adapters.sims.tws_contracts import NO_RIGHT_OF_ORDERS
from adapters.sims.tws_messages import NO_REQUEST, TRADING_ZONE
from adapters.sims.tws_orders import Execution, Order, Status
from adapters.sims.tws_ticket import WITHOUT_PROFILES, Ticket
from adapters.sims.tws_wire import UNSET_COUNT, UNSET_NUMBER, Field, Message

NEW_YORK = ZoneInfo("America/New_York")
WITH_ORDER_DURATION = 159
WITH_POST_TO_ATS = 160
WITH_PARENT_CANCEL = 162
WITH_MIDDLE_OFFSETS = 170
WITH_PRICE_REVISION = 178
NO_MARGIN = (UNSET_NUMBER,) * 9
NO_COMMISSION = (UNSET_NUMBER,) * 3
FOUR_NAMELESS = ("", "", "", "")
LIQUIDITY_REMOVED = 2


@dataclass(frozen=True, slots=True)
class Margin:
    """What an order would change: initial and maintenance margin, equity, and its fee.

    Each of the first three is before, change, after; a fee of None is not known.
    """

    initial: tuple[Decimal, Decimal, Decimal]
    maintenance: tuple[Decimal, Decimal, Decimal]
    equity: tuple[Decimal, Decimal, Decimal]
    fee: Decimal | None
    currency: str
    warning: str = ""

    def told(self) -> Message:
        """As it stands in the state of an order."""
        by_moment = zip(self.initial, self.maintenance, self.equity, strict=True)
        fee: Field = UNSET_NUMBER if self.fee is None else self.fee
        margins = (amount for moment in by_moment for amount in moment)
        return (*margins, fee, UNSET_NUMBER, UNSET_NUMBER, self.currency, self.warning)


def moment(at: datetime) -> str:
    """Write a time as a gateway does, in the zone of the exchange."""
    return f"{at.astimezone(NEW_YORK):%Y%m%d %H:%M:%S} {TRADING_ZONE}"


def order_status(order: Order) -> Message:
    """Tell how an order stands."""
    return (
        Answer.ORDER_STATUS,
        order.order_id,
        order.status.value,
        order.filled,
        order.remaining,
        order.average,
        order.permanent_id,
        order.ticket.parent_id,
        order.last_price,
        order.client_id,
        order.why_held,
        0,
    )


def execution(version: int, request_id: int, order: Order, done: Execution) -> Message:
    """Tell shares that changed hands; the request is -1 where nobody asked."""
    told: Message = (
        Answer.EXECUTION,
        request_id,
        order.order_id,
        *order.instrument.received(order.instrument.primary, NO_RIGHT_OF_ORDERS),
        done.execution_id,
        moment(done.at),
        order.account.name,
        order.instrument.primary,
        "BOT" if order.ticket.buys else "SLD",
        done.shares,
        done.price,
        order.permanent_id,
        order.client_id,
        0,
        done.cumulative,
        done.average,
        order.ticket.reference,
        *("", "", "", LIQUIDITY_REMOVED),
    )
    return (*told, False) if version >= WITH_PRICE_REVISION else told


def live_execution(version: int, order: Order, done: Execution) -> Message:
    """Tell it at the moment it happens."""
    return execution(version, NO_REQUEST, order, done)


def commission(order: Order, done: Execution) -> Message:
    """Tell what an execution cost; what it realized is unset where it opened a position."""
    realized: Field = UNSET_NUMBER if done.realized is None else done.realized
    paid = (done.execution_id, done.fee, order.instrument.currency, realized)
    return (Answer.COMMISSION, 1, *paid, UNSET_NUMBER, "")


def open_order(version: int, order: Order) -> Message:
    """Tell an order in the book."""
    state = (order.status.value, *NO_MARGIN, *NO_COMMISSION, "", "")
    return _open_order(version, order, state)


def what_if(version: int, order: Order, margin: Margin) -> Message:
    """Tell what an order would change, were it placed."""
    return _open_order(version, order, (Status.PRE_SUBMITTED.value, *margin.told()))


def completed_order(version: int, order: Order) -> Message:
    """Tell an order that has ended; it no longer says which client gave it which number."""
    ticket = order.ticket
    ended = order.ended_at or order.at
    status = f"Filled Size: {order.filled}" if order.status is Status.FILLED else order.reason
    return (
        Answer.COMPLETED_ORDER,
        *_order_head(order),
        order.permanent_id,
        *_order_tail(version, ticket),
        *("", UNSET_NUMBER, "", "", "", 0, False, False, UNSET_COUNT, 3, 0),
        *("", 0, "None", "", 0, 0, 0, ""),
        *(False, 0, UNSET_NUMBER, UNSET_NUMBER, ""),
        *(0, 0, 0, UNSET_COUNT, UNSET_COUNT, UNSET_NUMBER, ""),
        *("", "IB", False, 0),
        *_algo(ticket),
        *(False, order.status.value, False, False, 0),
        *(UNSET_NUMBER, UNSET_NUMBER, ticket.value or 0, True, False, ""),
        order.filled,
        *(UNSET_COUNT, False, "", False, False, 0),
        moment(ended),
        status or order.status.value,
        *_middle_offsets(version),
    )


def _open_order(version: int, order: Order, state: Message) -> Message:
    ticket = order.ticket
    return (
        Answer.OPEN_ORDER,
        order.order_id,
        *_order_head(order),
        order.client_id,
        order.permanent_id,
        *_order_tail(version, ticket, old_field=True),
        *(0, UNSET_NUMBER, "", UNSET_NUMBER, "", "", UNSET_COUNT, False, False, ticket.all_or_none),
        *(UNSET_COUNT, 3, False, False, UNSET_NUMBER, ticket.parent_id, 0),
        *("", 0, "None", "", 0, "", "", "", "?", 0, 0, ""),
        *(False, 0, UNSET_NUMBER, UNSET_NUMBER, UNSET_NUMBER, UNSET_COUNT, ""),
        *(0, 0, 0, UNSET_COUNT, UNSET_COUNT, UNSET_NUMBER, ""),
        *(False, "", "IB", False, 0),
        *_algo(ticket),
        *(False, ticket.what_if),
        *state,
        *(False, False, 0),
        *("None", UNSET_NUMBER, UNSET_NUMBER, UNSET_NUMBER, UNSET_NUMBER, UNSET_NUMBER),
        *(UNSET_NUMBER, 0, "", "", "", ticket.value or 0, True, False, False, False),
        *(("",) if version >= WITH_ORDER_DURATION else ()),
        *(("",) if version >= WITH_POST_TO_ATS else ()),
        *((False,) if version >= WITH_PARENT_CANCEL else ()),
        *_middle_offsets(version),
    )


def _order_head(order: Order) -> Message:
    """What both lists begin with, from the contract to the reference."""
    ticket = order.ticket
    routed = ticket.query.exchange or order.instrument.routed
    return (
        *order.instrument.received(routed, NO_RIGHT_OF_ORDERS),
        ticket.action,
        ticket.shares,
        ticket.kind,
        ticket.limit or 0,
        ticket.stop or 0,
        ticket.tif,
        ticket.group,
        order.account.name,
        "",
        0,
        ticket.reference,
    )


def _order_tail(version: int, ticket: Ticket, *, old_field: bool = False) -> Message:
    """What both go on with, from trading outside hours to the exemption."""
    family = FOUR_NAMELESS[: 3 if version >= WITHOUT_PROFILES else 4]
    return (
        ticket.outside_hours,
        False,
        0,
        ticket.good_after,
        *(("",) if old_field else ()),
        *family,
        "",
        ticket.good_till,
        *("", UNSET_NUMBER, "", 0, "", -1),
    )


def _algo(ticket: Ticket) -> Message:
    if not ticket.algo:
        return ("",)
    named = (part for parameter in ticket.algo_parameters for part in parameter)
    return (ticket.algo, len(ticket.algo_parameters), *named)


def _middle_offsets(version: int) -> Message:
    if version < WITH_MIDDLE_OFFSETS:
        return ()
    return (UNSET_COUNT, UNSET_COUNT, UNSET_NUMBER, UNSET_NUMBER, UNSET_NUMBER)
