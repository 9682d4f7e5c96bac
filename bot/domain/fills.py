"""How orders fill on paper and in a backtest, and what that costs."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TypeAlias

from bot.domain.model import (
    NOTHING,
    Action,
    OrderIntent,
    OrderReport,
    OrderStatus,
    Quote,
    Symbol,
)

Order: TypeAlias = OrderIntent | OrderReport

FILL_STEP = Decimal("0.0001")  # fills carry four decimals, as brokers print them


@dataclass(frozen=True, slots=True)
class Refuse:
    """A drill: the broker takes no order of the symbol and gives this reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class FillAtMost:
    """A drill: of each order of the symbol so many shares fill and the rest stays open."""

    shares: int


Drill: TypeAlias = Refuse | FillAtMost


@dataclass(frozen=True, slots=True)
class FillRules:
    """What trading costs, and what goes wrong on purpose.

    `slippage` is a fraction of the price below 1, commissions are in USD.
    `drills` say for single symbols how their orders fail.
    """

    slippage: Decimal = NOTHING
    commission_per_order: Decimal = NOTHING
    commission_per_share: Decimal = NOTHING
    minimum_commission: Decimal = NOTHING
    shorting: bool = False
    drills: Mapping[Symbol, Drill] = field(default_factory=dict)


def market_price(action: Action, quote: Quote, rules: FillRules) -> Decimal:
    """What a market order gets: the far side of the quote and slippage, to four decimals."""
    if action.takes_shares:
        price = quote.ask * (1 + rules.slippage)
    else:
        price = quote.bid * (1 - rules.slippage)
    return price.quantize(FILL_STEP, rounding=ROUND_HALF_EVEN)


def fill_price(order: Order, quote: Quote, rules: FillRules) -> Decimal | None:
    """The price at which an order fills now, None while it does not.

    A limit is compared with the rounded price after slippage: no fill is beyond
    it. A halted symbol fills nothing, nor does a side that nobody quotes.
    """
    price = market_price(order.action, quote, rules)
    if quote.halted or price <= 0:
        return None
    if order.limit is None:
        return price
    within = price <= order.limit if order.action.takes_shares else price >= order.limit
    return price if within else None


def fillable(order: OrderReport, rules: FillRules) -> int:
    """Shares of an order that may still fill: the rest of it, unless a drill holds them back."""
    match rules.drills.get(order.symbol):
        case FillAtMost(most):
            return max(min(order.shares, most) - order.filled, 0)
        case _:
            return order.shares - order.filled


def commission(shares: int, rules: FillRules) -> Decimal:
    """USD for an order that filled `shares` in all: nothing for none, else at least the minimum."""
    if not shares:
        return NOTHING
    return max(
        rules.minimum_commission, rules.commission_per_order + shares * rules.commission_per_share
    )


@dataclass(frozen=True, slots=True)
class Fill:
    """Shares traded at one price."""

    symbol: Symbol
    action: Action
    shares: int
    price: Decimal
    commission: Decimal = NOTHING

    @property
    def money(self) -> Decimal:
        """USD the account gets, negative for what it pays; the commission is paid in both."""
        traded = self.shares * self.price
        return (-traded if self.action.takes_shares else traded) - self.commission

    @property
    def moved(self) -> int:
        """Shares the holding grows by."""
        return self.shares if self.action.takes_shares else -self.shares


def fill_of(order: OrderReport, quote: Quote, rules: FillRules) -> Fill | None:
    """What of an order trades at a quote, None where nothing does.

    The minimum commission is the order's, not each fill's: a later fill pays what
    the whole order then costs less what was paid.
    """
    price, shares = fill_price(order, quote, rules), fillable(order, rules)
    if price is None or not shares:
        return None
    cost = commission(order.filled + shares, rules) - commission(order.filled, rules)
    return Fill(order.symbol, order.action, shares, price, cost)


def filled_with(order: OrderReport, fill: Fill) -> OrderReport:
    """The report of an order after one more fill, filled where nothing is left of it."""
    filled = order.filled + fill.shares
    before = order.filled * (order.average_price or NOTHING)
    return replace(
        order,
        status=OrderStatus.FILLED if filled == order.shares else order.status,
        filled=filled,
        average_price=(before + fill.shares * fill.price) / filled,
        commission=order.commission + fill.commission,
    )
