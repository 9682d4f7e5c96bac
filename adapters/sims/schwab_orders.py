"""Orders: what was asked for, what became of it, and how the broker writes it down."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from adapters.sims.schwab_accounts import NOTHING, Asset
from adapters.sims.schwab_answers import Json, refused
from adapters.sims.schwab_clock import stamped

BAD_REQUEST = 400
ONE_DOLLAR = Decimal(1)
CENT, HUNDREDTH_OF_A_CENT = Decimal("0.01"), Decimal("0.0001")


class Status(StrEnum):
    """The statuses the broker documents. An order's status is a text: there may be others."""

    AWAITING_PARENT_ORDER = "AWAITING_PARENT_ORDER"
    AWAITING_CONDITION = "AWAITING_CONDITION"
    AWAITING_STOP_CONDITION = "AWAITING_STOP_CONDITION"
    AWAITING_MANUAL_REVIEW = "AWAITING_MANUAL_REVIEW"
    ACCEPTED = "ACCEPTED"
    AWAITING_UR_OUT = "AWAITING_UR_OUT"
    PENDING_ACTIVATION = "PENDING_ACTIVATION"
    QUEUED = "QUEUED"
    WORKING = "WORKING"
    REJECTED = "REJECTED"
    PENDING_CANCEL = "PENDING_CANCEL"
    CANCELED = "CANCELED"
    PENDING_REPLACE = "PENDING_REPLACE"
    REPLACED = "REPLACED"
    FILLED = "FILLED"
    EXPIRED = "EXPIRED"
    NEW = "NEW"
    AWAITING_RELEASE_TIME = "AWAITING_RELEASE_TIME"
    PENDING_ACKNOWLEDGEMENT = "PENDING_ACKNOWLEDGEMENT"
    PENDING_RECALL = "PENDING_RECALL"
    UNKNOWN = "UNKNOWN"


FINAL = frozenset(
    {Status.FILLED, Status.CANCELED, Status.REJECTED, Status.EXPIRED, Status.REPLACED}
)


class Who(StrEnum):
    """Who entered an order: a program, or the owner's hand in the broker's own application."""

    API = "api"
    HAND = "hand"


TAGS = {Who.API: "TA_DrillApp", Who.HAND: "API_TOS:TOSWeb"}


class Instruction(StrEnum):
    """What to do with shares."""

    BUY = "BUY"
    SELL = "SELL"
    SELL_SHORT = "SELL_SHORT"
    BUY_TO_COVER = "BUY_TO_COVER"

    @property
    def buys(self) -> bool:
        """Whether shares come in."""
        return self in {Instruction.BUY, Instruction.BUY_TO_COVER}


class OrderType(StrEnum):
    """At what price; others the broker knows are refused here."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    MARKET_ON_CLOSE = "MARKET_ON_CLOSE"


@dataclass(frozen=True, slots=True)
class Ticket:
    """What is asked for. `price` is a limit as it was written, empty where there is none."""

    symbol: str
    instruction: Instruction
    shares: Decimal
    order_type: OrderType = OrderType.MARKET
    price: str = ""
    asset: Asset = Asset.EQUITY
    session: str = "NORMAL"
    duration: str = "DAY"

    def __post_init__(self) -> None:
        if (self.order_type is OrderType.LIMIT) != bool(self.price):
            raise ValueError(f"price is {self.price!r}: a limit order has one, no other does")
        if self.shares <= 0:
            raise ValueError(f"shares is {self.shares}: give more than 0")
        if self.price and not _is_price(self.price):
            raise ValueError(f"price is {self.price!r}: give a decimal above 0")

    @property
    def limit(self) -> Decimal | None:
        """The worst price, None for the market's."""
        return Decimal(self.price) if self.price else None

    @property
    def on_tick(self) -> bool:
        """Whether the limit is a price that may be quoted: cents, finer below a dollar."""
        if self.limit is None:
            return True
        tick = CENT if self.limit >= ONE_DOLLAR else HUNDREDTH_OF_A_CENT
        return self.limit % tick == 0


@dataclass(frozen=True, slots=True)
class Fill:
    """Some shares of an order, traded."""

    shares: Decimal
    price: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it stands: who entered it where and when, and what became of it."""

    order_id: int
    account: str
    who: Who
    ticket: Ticket
    entered_at: datetime
    status: str = Status.WORKING
    fills: tuple[Fill, ...] = ()
    closed_at: datetime | None = None
    reason: str = ""

    @property
    def final(self) -> bool:
        """Whether nothing more can happen to it."""
        return self.status in FINAL

    @property
    def filled(self) -> Decimal:
        """Shares traded."""
        return sum((fill.shares for fill in self.fills), NOTHING)

    @property
    def rest(self) -> Decimal:
        """Shares not traded."""
        return self.ticket.shares - self.filled

    def ended(self, status: str, at: datetime, reason: str = "") -> "Order":
        """Return it in a final status."""
        return replace(self, status=status, closed_at=at, reason=reason)

    def with_fill(self, fill: Fill) -> "Order":
        """Return it with some more shares traded."""
        more = replace(self, fills=(*self.fills, fill))
        return more if more.rest else more.ended(Status.FILLED, fill.at)

    def as_told(self) -> Json:
        """Return it as the broker writes it."""
        told: Json = {
            "session": self.ticket.session,
            "duration": self.ticket.duration,
            "orderType": self.ticket.order_type,
            "complexOrderStrategyType": "NONE",
            "quantity": self.ticket.shares,
            "filledQuantity": self.filled,
            "remainingQuantity": NOTHING if self.final else self.rest,
            "requestedDestination": "AUTO",
            "destinationLinkName": "AutoRoute",
            "orderLegCollection": [self._leg()],
            "orderStrategyType": "SINGLE",
            "orderId": self.order_id,
            "cancelable": not self.final,
            "editable": False,
            "status": self.status,
            "enteredTime": stamped(self.entered_at),
            "tag": TAGS[self.who],
            "accountNumber": int(self.account),
        }
        told |= {"price": self.ticket.limit} if self.ticket.price else {}
        told |= {"closeTime": stamped(self.closed_at)} if self.closed_at else {}
        told |= {"statusDescription": self.reason} if self.reason else {}
        return told | ({"orderActivityCollection": self._activities()} if self.fills else {})

    def _leg(self) -> Json:
        opens = self.ticket.instruction in {Instruction.BUY, Instruction.SELL_SHORT}
        return {
            "orderLegType": self.ticket.asset,
            "legId": 1,
            "instrument": {"assetType": self.ticket.asset, "symbol": self.ticket.symbol},
            "instruction": self.ticket.instruction,
            "positionEffect": "OPENING" if opens else "CLOSING",
            "quantity": self.ticket.shares,
        }

    def _activities(self) -> list[Json]:
        told, rest = [], self.ticket.shares
        for number, fill in enumerate(self.fills, 1):
            rest -= fill.shares
            leg = {"legId": 1, "quantity": fill.shares, "mismarkedQuantity": 0}
            leg |= {"price": fill.price, "time": stamped(fill.at)}
            activity = {"activityType": "EXECUTION", "activityId": self.order_id * 100 + number}
            activity |= {"executionType": "FILL", "quantity": fill.shares}
            told.append(activity | {"orderRemainingQuantity": rest, "executionLegs": [leg]})
        return told


def read_ticket(body: object) -> Ticket:
    """Return what an order's body asks for. Raises Refused, with 400, where it is none."""
    spec = body if isinstance(body, Mapping) else {}
    legs = spec.get("orderLegCollection")
    if spec.get("orderStrategyType") != "SINGLE" or not isinstance(legs, list) or len(legs) != 1:
        raise _invalid("orderStrategyType must be SINGLE with one entry in orderLegCollection")
    try:
        return _ticket(spec, legs[0])
    except (KeyError, TypeError) as missing:
        raise _invalid(f"{missing.args[0]} is missing or of the wrong type") from None
    except InvalidOperation:
        raise _invalid("quantity and price must be numbers") from None
    except ValueError as wrong:
        raise _invalid(str(wrong)) from None


def _ticket(spec: Mapping[str, Any], leg: Mapping[str, Any]) -> Ticket:
    shares = Decimal(str(leg["quantity"]))
    if shares != shares.to_integral_value():
        raise ValueError("quantity must be whole")
    return Ticket(
        symbol=leg["instrument"]["symbol"],
        instruction=Instruction(leg["instruction"]),
        shares=shares,
        order_type=OrderType(spec["orderType"]),
        price=str(spec.get("price", "")),
        asset=Asset(leg["instrument"]["assetType"]),
        session=str(spec["session"]),
        duration=str(spec["duration"]),
    )


def _invalid(detail: str) -> Exception:
    return refused(BAD_REQUEST, "A validation error occurred while processing the request.", detail)


def _is_price(text: str) -> bool:
    try:
        price = Decimal(text)
    except InvalidOperation:
        return False
    return price.is_finite() and price > 0
