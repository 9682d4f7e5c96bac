"""The account: what it opened with, and what executions and open orders make of it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from adapters.sims.longport_market import Market
from adapters.sims.longport_orders import NOTHING, Execution, Order, Side


@dataclass(frozen=True, slots=True)
class Holding:
    """So much of a symbol at so much each."""

    symbol: str
    quantity: Decimal
    cost: Decimal = NOTHING


@dataclass(frozen=True, slots=True)
class Fund:
    """So many units of a mutual fund, by its ISIN, at so much each."""

    isin: str
    name: str
    units: Decimal
    value: Decimal = Decimal(1)
    currency: str = "USD"


@dataclass(frozen=True, slots=True)
class CashLine:
    """The money of one currency.

    `cash` is trade-date money. `frozen` is set aside for open purchases, `available`
    is the rest; `settling` is what today's trades still have to pay or bring.
    """

    cash: Decimal
    frozen: Decimal
    settling: Decimal

    @property
    def available(self) -> Decimal:
        """What purchases may use."""
        return self.cash - self.frozen

    @property
    def withdrawable(self) -> Decimal:
        """What may leave the account: nothing that is still to come."""
        return max(self.available - max(self.settling, NOTHING), NOTHING)


@dataclass(frozen=True, slots=True)
class Position:
    """A holding as it stands; `available` is less what open sales are for."""

    symbol: str
    quantity: Decimal
    available: Decimal
    cost: Decimal
    opened_with: Decimal


@dataclass(frozen=True, slots=True)
class Statement:
    """The account at a moment."""

    cash: Mapping[str, CashLine]
    positions: tuple[Position, ...]

    def position(self, symbol: str) -> Position:
        """The position in a symbol, an empty one where there is none."""
        nothing = Position(symbol, NOTHING, NOTHING, NOTHING, NOTHING)
        return next((each for each in self.positions if each.symbol == symbol), nothing)

    def line(self, currency: str) -> CashLine:
        """The money of a currency."""
        return self.cash.get(currency, CashLine(NOTHING, NOTHING, NOTHING))


@dataclass(slots=True)
class Account:
    """What there is besides trades: deposits and holdings; each order costs `fee`."""

    cash: dict[str, Decimal] = field(default_factory=dict)
    holdings: dict[str, Holding] = field(default_factory=dict)
    fee: Decimal = NOTHING

    def deposit(self, currency: str, amount: Decimal) -> None:
        """Bring money, or take it."""
        self.cash[currency] = self.cash.get(currency, NOTHING) + amount

    def hold(self, holding: Holding) -> None:
        """Let the opening holding in a symbol be this one."""
        self.holdings[holding.symbol] = holding

    def statement(
        self, executions: Iterable[Execution], orders: Iterable[Order], market: Market
    ) -> Statement:
        """The account after executions, with what open orders hold on to."""
        done = list(executions)
        working = [order for order in orders if order.left]
        return Statement(self._cash_lines(done, working, market), self._positions(done, working))

    def _cash_lines(
        self, done: list[Execution], working: list[Order], market: Market
    ) -> dict[str, CashLine]:
        settling: dict[str, Decimal] = defaultdict(Decimal)
        frozen: dict[str, Decimal] = defaultdict(Decimal)
        charged = set()
        for each in done:
            currency = market.security(each.symbol).money
            settling[currency] -= each.shares * each.price
            if each.order_id not in charged:
                settling[currency] -= self.fee
                charged.add(each.order_id)
        for order in working:
            if order.ticket.side is Side.BUY:
                price = order.ticket.price or market.quote(order.ticket.symbol).ask or NOTHING
                frozen[market.security(order.ticket.symbol).money] += order.left * price
        return {
            currency: CashLine(
                self.cash.get(currency, NOTHING) + settling[currency],
                frozen[currency],
                settling[currency],
            )
            for currency in sorted({*self.cash, *settling, *frozen})
        }

    def _positions(self, done: list[Execution], working: list[Order]) -> tuple[Position, ...]:
        symbols = dict.fromkeys([*self.holdings, *(each.symbol for each in done)])
        all_of_them = (self._position(symbol, done, working) for symbol in symbols)
        return tuple(each for each in all_of_them if each.quantity)

    def _position(self, symbol: str, done: list[Execution], working: list[Order]) -> Position:
        opening = self.holdings.get(symbol, Holding(symbol, NOTHING))
        quantity, cost = opening.quantity, opening.cost
        for each in done:
            if each.symbol != symbol:
                continue
            if each.shares > 0 and quantity + each.shares:
                paid = quantity * cost + each.shares * each.price
                cost = paid / (quantity + each.shares)
            quantity += each.shares
        selling = sum(
            (o.left for o in working if o.ticket.symbol == symbol and o.ticket.side is Side.SELL),
            NOTHING,
        )
        return Position(symbol, quantity, quantity - selling, cost, opening.quantity)
