"""Orders as the broker keeps them: what was asked, how far it came, every step of it."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

NOTHING = Decimal(0)


class Side(StrEnum):
    """Which way an order goes."""

    BUY = "Buy"
    SELL = "Sell"


class OrderStatus(StrEnum):
    """Where an order stands, by its name on the wire."""

    NOT_REPORTED = "NotReported"
    WAIT_TO_NEW = "WaitToNew"
    NEW = "NewStatus"
    REPLACED = "ReplacedStatus"
    PARTIAL_FILLED = "PartialFilledStatus"
    WAIT_TO_CANCEL = "WaitToCancel"
    PENDING_CANCEL = "PendingCancelStatus"
    FILLED = "FilledStatus"
    REJECTED = "RejectedStatus"
    CANCELED = "CanceledStatus"
    EXPIRED = "ExpiredStatus"
    PARTIAL_WITHDRAWAL = "PartialWithdrawal"
    UNHEARD_OF = "HeldForReviewStatus"

    @property
    def final(self) -> bool:
        """Whether nothing more can come of the order."""
        return self in _FINAL


_FINAL = {
    OrderStatus.FILLED,
    OrderStatus.REJECTED,
    OrderStatus.CANCELED,
    OrderStatus.EXPIRED,
    OrderStatus.PARTIAL_WITHDRAWAL,
}


class Origin(StrEnum):
    """Who placed an order: the program under test, or a hand elsewhere."""

    API = "api"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class Ticket:
    """What is asked of the broker; no price is an order at the market."""

    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal | None = None
    order_type: str = "LO"
    time_in_force: str = "Day"
    outside_rth: str = ""
    remark: str = ""
    client_request_id: str = ""
    expire_date: str = ""


@dataclass(frozen=True, slots=True)
class Execution:
    """A trade of an order; one without an order happened by hand."""

    id: str
    order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    at: datetime

    @property
    def shares(self) -> Decimal:
        """What the holding grew by."""
        return self.quantity if self.side is Side.BUY else -self.quantity


@dataclass(frozen=True, slots=True)
class Step:
    """A moment of an order's life."""

    status: OrderStatus
    quantity: Decimal
    price: Decimal
    at: datetime
    message: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """A booked order; `steps` has the oldest first."""

    id: str
    ticket: Ticket
    origin: Origin
    status: OrderStatus
    submitted_at: datetime
    message: str = ""
    executions: tuple[Execution, ...] = ()
    steps: tuple[Step, ...] = ()

    @property
    def updated_at(self) -> datetime:
        """When something last happened to it."""
        return self.steps[-1].at if self.steps else self.submitted_at

    @property
    def executed(self) -> Decimal:
        """How much of it was traded."""
        return sum((each.quantity for each in self.executions), NOTHING)

    @property
    def left(self) -> Decimal:
        """How much of it may still be traded."""
        return NOTHING if self.status.final else self.ticket.quantity - self.executed

    @property
    def average_price(self) -> Decimal | None:
        """The mean price of what was traded."""
        if not self.executions:
            return None
        return sum((e.quantity * e.price for e in self.executions), NOTHING) / self.executed

    def stepped(self, status: OrderStatus, at: datetime, message: str = "") -> "Order":
        """The same order a step on."""
        quantity = self.ticket.quantity - self.executed
        step = Step(status, quantity, self.ticket.price or NOTHING, at, message)
        steps = (*self.steps, step)
        return replace(self, status=status, message=message or self.message, steps=steps)

    def filled(self, execution: Execution) -> "Order":
        """The same order with a trade more."""
        traded = replace(self, executions=(*self.executions, execution))
        whole = traded.executed >= self.ticket.quantity
        status = OrderStatus.FILLED if whole else OrderStatus.PARTIAL_FILLED
        message = f"Execution of {execution.quantity}"
        step = Step(status, execution.quantity, execution.price, execution.at, message)
        return replace(traded, status=status, steps=(*self.steps, step))
