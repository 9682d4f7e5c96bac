"""The broker's book: every order ever taken, what was executed, and how it stands."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from adapters.sims.tws_account import Account
from adapters.sims.tws_contracts import Instrument
from adapters.sims.tws_ticket import Ticket

NOTHING = Decimal(0)
FIRST_PERMANENT_ID = 1_736_000_001
FEE_PER_SHARE = Decimal("0.0035")
LEAST_FEE = Decimal("0.35")
LARGEST_FEE = Decimal("0.01")
CENT = Decimal("0.01")


class Status(StrEnum):
    """How an order stands, in the gateway's words."""

    PENDING_SUBMIT = "PendingSubmit"
    PRE_SUBMITTED = "PreSubmitted"
    SUBMITTED = "Submitted"
    PENDING_CANCEL = "PendingCancel"
    API_CANCELLED = "ApiCancelled"
    CANCELLED = "Cancelled"
    FILLED = "Filled"
    INACTIVE = "Inactive"


@dataclass(frozen=True, slots=True)
class Execution:
    """Shares that changed hands. A correction has the same number but for its last part."""

    execution_id: str
    at: datetime
    shares: Decimal
    price: Decimal
    fee: Decimal
    realized: Decimal | None
    cumulative: Decimal
    average: Decimal

    @property
    def trade_id(self) -> str:
        """What all corrections of it have in common."""
        return self.execution_id.rpartition(".")[0]


@dataclass(slots=True)
class Order:
    """An order in the book. `client_id` 0 with `order_id` 0 is one entered by hand."""

    permanent_id: int
    client_id: int
    ticket: Ticket
    instrument: Instrument
    account: Account
    at: datetime
    order_id: int = 0
    status: Status = Status.PENDING_SUBMIT
    executions: list[Execution] = field(default_factory=list)
    why_held: str = ""
    reason: str = ""
    ended_at: datetime | None = None

    @property
    def filled(self) -> Decimal:
        """Shares executed; corrections count once."""
        return sum((e.shares for e in self.final_executions()), NOTHING)

    @property
    def remaining(self) -> Decimal:
        """Shares still wanted."""
        return self.ticket.shares - self.filled

    @property
    def average(self) -> Decimal:
        """The average price of what was executed; 0 before."""
        paid = sum((e.shares * e.price for e in self.final_executions()), NOTHING)
        return paid / self.filled if self.filled else NOTHING

    @property
    def last_price(self) -> Decimal:
        """The price of the last execution; 0 before."""
        return self.executions[-1].price if self.executions else NOTHING

    @property
    def works(self) -> bool:
        """Whether it may still trade."""
        return self.ended_at is None

    def final_executions(self) -> tuple[Execution, ...]:
        """The executions as they stand after corrections."""
        return tuple({e.trade_id: e for e in self.executions}.values())


class Turn(StrEnum):
    """What happened to an order."""

    STANDS = "stands"
    EXECUTED = "executed"
    CORRECTED = "corrected"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    NOTICED = "noticed"


@dataclass(frozen=True, slots=True)
class News:
    """One turn of one order, with what was executed or said."""

    turn: Turn
    order: Order
    execution: Execution | None = None
    code: int = 0
    text: str = ""


Listener: TypeAlias = Callable[[News], None]


class Book:
    """Every order of every client, by its permanent number."""

    def __init__(self, clock: Callable[[], datetime], listener: Listener) -> None:
        self._clock = clock
        self._tell = listener
        self._orders: dict[int, Order] = {}
        self._executed = 0

    def __iter__(self) -> Iterator[Order]:
        """Give the orders as they came in."""
        return iter(tuple(self._orders.values()))

    def order(self, permanent_id: int) -> Order:
        """Return an order. Raises LookupError."""
        if permanent_id not in self._orders:
            raise LookupError(f"permanent_id is {permanent_id}: the book has no such order")
        return self._orders[permanent_id]

    def of_client(self, client_id: int, order_id: int) -> Order | None:
        """Return a client's latest order of a number, None where it has none."""
        for order in reversed(self._orders.values()):
            if (order.client_id, order.order_id) == (client_id, order_id):
                return order
        return None

    def enter(
        self, ticket: Ticket, client_id: int, instrument: Instrument, account: Account
    ) -> Order:
        """Take an order in. Nobody is told before it stands somehow."""
        permanent_id = FIRST_PERMANENT_ID + len(self._orders)
        order = Order(
            permanent_id, client_id, ticket, instrument, account, self._clock(), ticket.order_id
        )
        self._orders[permanent_id] = order
        return order

    def stand(self, order: Order, status: Status, why_held: str = "") -> None:
        """Let an order stand so from now on."""
        order.status = status
        order.why_held = why_held
        self._tell(News(Turn.STANDS, order))

    def change(self, order: Order, ticket: Ticket) -> None:
        """Let an order be what its client now writes."""
        order.ticket = ticket
        self.stand(order, order.status)

    def execute(self, order: Order, shares: Decimal, price: Decimal) -> Execution:
        """Trade shares of an order, at most those that remain. Raises ValueError."""
        shares = min(shares, order.remaining)
        if shares <= 0 or not order.works:
            raise ValueError(f"permanent_id is {order.permanent_id}: nothing of it remains to fill")
        fee = fee_for(shares, price)
        signed = shares if order.ticket.buys else -shares
        realized = order.account.trade(order.instrument, signed, price, fee)
        self._executed += 1
        filled = order.filled + shares
        execution = Execution(
            f"0000e0d5.{order.permanent_id:08x}.{self._executed:02d}.01",
            self._clock(),
            shares,
            price,
            fee,
            realized,
            filled,
            (order.filled * order.average + shares * price) / filled,
        )
        order.executions.append(execution)
        if not order.remaining:
            self._end(order, Status.FILLED)
        elif order.status is not Status.PENDING_CANCEL:
            order.status = Status.SUBMITTED
        self._tell(News(Turn.EXECUTED, order, execution))
        return execution

    def correct(self, execution_id: str, price: Decimal) -> Execution:
        """Correct the price of an execution. Raises LookupError."""
        for order in self._orders.values():
            for old in order.final_executions():
                if old.trade_id == execution_id.rpartition(".")[0]:
                    return self._correct(order, old, price)
        raise LookupError(f"execution_id is {execution_id}: the book has no such execution")

    def cancel(self, order: Order, reason: str = "", status: Status = Status.CANCELLED) -> None:
        """End an order that works."""
        order.reason = reason
        self._end(order, status)
        self._tell(News(Turn.CANCELLED, order, text=reason))

    def refuse(self, order: Order, code: int, reason: str) -> None:
        """End an order that the broker does not take after all."""
        order.reason = reason
        self._end(order, Status.INACTIVE)
        self._tell(News(Turn.REFUSED, order, code=code, text=reason))

    def notice(self, order: Order, code: int, text: str) -> None:
        """Tell something of an order that changes nothing."""
        self._tell(News(Turn.NOTICED, order, code=code, text=text))

    def forget(self, order: Order) -> None:
        """Let an order never have been."""
        del self._orders[order.permanent_id]

    def highest(self, client_id: int) -> int:
        """Return the highest number a client has used; 0 before the first."""
        return max((o.order_id for o in self if o.client_id == client_id), default=0)

    def _correct(self, order: Order, old: Execution, price: Decimal) -> Execution:
        signed = old.shares if order.ticket.buys else -old.shares
        order.account.pay_in(
            order.instrument.currency,
            signed * (old.price - price) * order.instrument.shares_each,
            settled=True,
        )
        suffix = int(old.execution_id.rpartition(".")[2]) + 1
        corrected = replace(old, execution_id=f"{old.trade_id}.{suffix:02d}", price=price)
        order.executions.append(corrected)
        corrected = replace(corrected, average=order.average)
        order.executions[-1] = corrected
        self._tell(News(Turn.CORRECTED, order, corrected))
        return corrected

    def _end(self, order: Order, status: Status) -> None:
        order.status = status
        order.ended_at = self._clock()


def fee_for(shares: Decimal, price: Decimal) -> Decimal:
    """Return what trading shares costs: so much each, within a least and a largest part."""
    most = max(shares * price * LARGEST_FEE, CENT)
    return min(max(shares * FEE_PER_SHARE, LEAST_FEE), most).quantize(CENT)
