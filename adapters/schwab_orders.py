"""Orders as Schwab writes them: a ticket out of what we mean, a report out of what is listed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from adapters.schwab_json import Json, entries, entry, number, stamp, text
from adapters.schwab_library import Ticket, limit_ticket, market_ticket
from adapters.schwab_refusals import refusal
from adapters.schwab_symbols import ours, theirs
from bot.domain.errors import OrderRefused
from bot.domain.model import NOTHING, Action, OrderIntent, OrderReport, OrderStatus
from bot.domain.money import to_tick

# A fund is ordered as EQUITY; where it is listed it may be called what it is held as.
STOCKS = frozenset({"EQUITY", "COLLECTIVE_INVESTMENT"})
CENTS, FINER = 2, 4  # decimals of a price, below a dollar the finer ones

FINAL: Mapping[str, OrderStatus] = {
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELLED,
    # By the owner's hand: what came in its place is an order of the owner.
    "REPLACED": OrderStatus.CANCELLED,
    "EXPIRED": OrderStatus.EXPIRED,
    "REJECTED": OrderStatus.REFUSED,
}
# An order in one of these was taken; of any other that is not final nobody knows yet.
ACCEPTED = frozenset(
    {
        "ACCEPTED",
        "WORKING",
        "PENDING_ACTIVATION",
        "AWAITING_RELEASE_TIME",
        "PENDING_CANCEL",
        "PENDING_REPLACE",
        "AWAITING_UR_OUT",
    }
)
ACTIONS: Mapping[str, Action] = {action.value.upper(): action for action in Action}
# What every order of ours says of itself.
OURS: Mapping[str, str] = {"session": "NORMAL", "duration": "DAY", "orderStrategyType": "SINGLE"}
TYPES = frozenset({"MARKET", "LIMIT"})


@dataclass(frozen=True, slots=True)
class Listed:
    """An order of the list: our report of it, whether its fate began, what Schwab says of it."""

    report: OrderReport
    decided: bool
    told: str = ""

    @property
    def open(self) -> bool:
        """Whether something may still come of it."""
        return not self.report.status.final


def ticket(order: OrderIntent) -> Ticket:
    """What is sent. Raises OrderRefused for what Schwab would not take."""
    if order.shares < 1:
        raise OrderRefused("bad_shares", symbol=order.symbol, shares=order.shares)
    if order.action is Action.SELL_SHORT:
        # What its proceeds do to the balances is not documented: the cash could not be believed.
        raise OrderRefused("shorting_not_allowed", symbol=order.symbol)
    instruction, symbol = order.action.value, theirs(order.symbol)
    if order.limit is None:
        return market_ticket(instruction, symbol, order.shares)
    if order.limit <= 0 or to_tick(order.limit) != order.limit:
        raise OrderRefused("bad_limit", symbol=order.symbol, limit=order.limit)
    decimals = CENTS if order.limit >= 1 else FINER
    return limit_ticket(instruction, symbol, order.shares, f"{order.limit:.{decimals}f}")


def listed(orders: Iterable[Json]) -> Iterator[Listed]:
    """Every order for stocks, those within others too, whoever sent it.

    Raises BrokerUnavailable where one of them is not as documented.
    """
    for order in orders:
        yield from listed(entries(order.get("childOrderStrategies") or [], "childOrderStrategies"))
        legs = entries(order.get("orderLegCollection") or [], "orderLegCollection")
        for leg in legs:
            if entry(leg, "instrument").get("assetType") in STOCKS:
                yield _listed(order, leg, alone=len(legs) == 1)


def _listed(order: Json, leg: Json, *, alone: bool) -> Listed:
    status, told = text(order, "status"), str(order.get("statusDescription") or "")
    symbol = ours(text(entry(leg, "instrument"), "symbol"))
    wanted, filled = number(leg, "quantity"), number(order, "filledQuantity")
    action, plain = _action(text(leg, "instruction"))
    kind = text(order, "orderType")
    mine = plain and alone and kind in TYPES and wanted == wanted.to_integral_value()
    mine = mine and all(order.get(name) == value for name, value in OURS.items())
    limit = number(order, "price") if mine and kind == "LIMIT" else None
    ended = FINAL.get(status, OrderStatus.WORKING)
    report = OrderReport(
        symbol=symbol,
        action=action,
        shares=int(wanted.to_integral_value(ROUND_CEILING)),
        # No order of ours has a limit of zero: what can not be ours must not be taken for it.
        limit=limit if mine else NOTHING,
        status=ended,
        filled=int(filled),
        average_price=_average(order),
        entered_at=stamp(order, "enteredTime"),
        reason=str(refusal(symbol, told)) if ended is OrderStatus.REFUSED else told,
        broker_id=text(order, "orderId"),
    )
    return Listed(report, status in FINAL or status in ACCEPTED or bool(filled), told)


def _action(instruction: str) -> tuple[Action, bool]:
    """What an order does, and whether it is one of our four instructions."""
    if instruction in ACTIONS:
        return ACTIONS[instruction], True
    return Action.BUY if "BUY" in instruction else Action.SELL, False


def _average(order: Json) -> Decimal | None:
    """The average price of all executions, None while none is told."""
    fills = [
        (number(fill, "quantity"), number(fill, "price"))
        for activity in entries(order.get("orderActivityCollection") or [], "activities")
        for fill in entries(activity.get("executionLegs") or [], "executionLegs")
    ]
    shares = sum((shares for shares, _ in fills), NOTHING)
    money = sum((shares * price for shares, price in fills), NOTHING)
    return money / shares if shares else None
