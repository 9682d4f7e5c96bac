"""The broker and its exchange: books orders, fills them by rules, remembers every one."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count

from adapters.sims.longport_account import Account, Statement
from adapters.sims.longport_clock import Clock
from adapters.sims.longport_market import Market
from adapters.sims.longport_orders import (
    NOTHING,
    Execution,
    Order,
    OrderStatus,
    Origin,
    Side,
    Ticket,
)
from adapters.sims.longport_refusals import Refusal, bad_parameter
from adapters.sims.longport_rules import Cancels, Delays, Fills, Rule, Rules
from adapters.sims.longport_securities import Quote
from adapters.sims.longport_tickets import AT_THE_MARKET, check

FIRST_ORDER = 709_043_056_541_253_632
REMEMBERED_FOR = timedelta(minutes=10)
BY_HAND = ""


@dataclass(frozen=True, slots=True)
class _Remembered:
    order_id: str
    at: datetime


class Exchange:
    """All orders and trades of one account. Every change of an order is told to the watchers."""

    def __init__(self, market: Market, account: Account, clock: Clock, margin: Decimal) -> None:
        self.rules = Rules()
        self.delays = Delays()
        self.margin = margin
        self._market = market
        self._account = account
        self._clock = clock
        self._numbers = count(FIRST_ORDER)
        self._orders: dict[str, Order] = {}
        self._executions: list[Execution] = []
        self._remembered: dict[str, _Remembered] = {}
        self._watchers: list[Callable[[Order], None]] = []
        market.watch(self._match)

    def watch(self, watcher: Callable[[Order], None]) -> None:
        """Have somebody told of every change of an order."""
        self._watchers.append(watcher)

    @property
    def orders(self) -> list[Order]:
        """Every order ever booked, the oldest first."""
        return list(self._orders.values())

    @property
    def executions(self) -> list[Execution]:
        """Every trade, the oldest first."""
        return list(self._executions)

    def order(self, order_id: str) -> Order:
        """A booked order. Raises LookupError."""
        if order_id not in self._orders:
            raise LookupError(f"order_id is {order_id}: there is no such order")
        return self._orders[order_id]

    def listed(self) -> list[Order]:
        """The orders that show in lists by now, the newest first."""
        seen = self._clock.now() - timedelta(seconds=self.delays.listing)
        return [order for order in reversed(self._orders.values()) if order.submitted_at <= seen]

    def statement(self) -> Statement:
        """The account as it shows by now."""
        seen = self._clock.now() - timedelta(seconds=self.delays.account)
        done = [each for each in self._executions if each.at <= seen]
        return self._account.statement(done, self._orders.values(), self._market)

    def book(self, ticket: Ticket, origin: Origin) -> Order:
        """Take an order, once for each client_request_id remembered. Raises Refusal."""
        check(ticket, self._market.security(ticket.symbol))
        again = self._remembered.get(ticket.client_request_id)
        if again and again.at > self._clock.now() - REMEMBERED_FOR:
            return self._orders[again.order_id]
        rule = self.rules.of(ticket.symbol)
        if rule.fills is Fills.REFUSED:
            raise Refusal(rule.code, rule.message)
        now = self._clock.now()
        order = Order(str(next(self._numbers)), ticket, origin, rule.resting, now)
        if ticket.client_request_id:
            self._remembered[ticket.client_request_id] = _Remembered(order.id, now)
        problem = rule.message if rule.fills is Fills.REJECTED else self._problem(ticket)
        if problem:
            return self._keep(order.stepped(OrderStatus.REJECTED, now, problem))
        self._keep(order.stepped(rule.resting, now))
        self._begin(order.id, rule)
        return self._orders[order.id]

    def fill(
        self, order_id: str, quantity: Decimal | None = None, price: Decimal | None = None
    ) -> Order:
        """Trade an order, all that is left of it at the quote unless told otherwise.

        Raises LookupError for an order that does not wait, ValueError for too much.
        """
        order = self._waiting(order_id)
        wanted = order.left if quantity is None else quantity
        if not NOTHING < wanted <= order.left:
            raise ValueError(f"quantity is {wanted}: give at most {order.left}")
        ticket = order.ticket
        paid = price or self._price(ticket) or ticket.price
        if paid is None:
            raise ValueError(f"{ticket.symbol} has no quote: give a price")
        return self._keep(order.filled(self._execute(order_id, ticket, wanted, paid)))

    def trade(self, symbol: str, side: Side, quantity: Decimal, price: Decimal) -> Execution:
        """Trade by hand, without any order of the account's lists."""
        self._market.security(symbol)
        return self._execute(BY_HAND, Ticket(symbol, side, quantity), quantity, price)

    def ask_to_cancel(self, order_id: str) -> None:
        """Cancel by the symbol's rule. Raises Refusal."""
        order = self._orders.get(order_id)
        if order is None or order.status.final:
            raise bad_parameter("order can not be cancelled")
        how = self.rules.of(order.ticket.symbol).cancels
        if how is Cancels.REFUSED:
            raise bad_parameter("order can not be cancelled now")
        if how is Cancels.PENDING:
            self._keep(order.stepped(OrderStatus.PENDING_CANCEL, self._clock.now()))
        else:
            self.end(order_id, OrderStatus.CANCELED)

    def replace(self, order_id: str, quantity: Decimal, price: Decimal | None) -> None:
        """Change what an order asks for. Raises Refusal."""
        order = self._orders.get(order_id)
        if order is None or order.status.final or quantity <= order.executed:
            raise bad_parameter("order can not be replaced")
        ticket = replace(order.ticket, quantity=quantity, price=price or order.ticket.price)
        check(ticket, self._market.security(ticket.symbol))
        changed = replace(order, ticket=ticket)
        self._keep(changed.stepped(OrderStatus.REPLACED, self._clock.now()))

    def end(self, order_id: str, status: OrderStatus, message: str = "") -> Order:
        """Let a waiting order be over; a cancelled one with trades is a partial withdrawal."""
        order = self._waiting(order_id)
        if not status.final or status is OrderStatus.FILLED:
            raise ValueError(f"status is {status}: give one that ends an order without a trade")
        if status is OrderStatus.CANCELED and order.executions:
            status = OrderStatus.PARTIAL_WITHDRAWAL
        return self._keep(order.stepped(status, self._clock.now(), message))

    def show(self, order_id: str, status: OrderStatus) -> Order:
        """Let a waiting order have another status that is not final."""
        if status.final:
            raise ValueError(f"status is {status}: give one that is not final")
        return self._keep(self._waiting(order_id).stepped(status, self._clock.now()))

    def close_day(self) -> list[Order]:
        """Let the day's orders that still wait expire."""
        waiting = [
            o.id for o in self._orders.values() if o.left and o.ticket.time_in_force == "Day"
        ]
        return [self.end(each, OrderStatus.EXPIRED) for each in waiting]

    def _waiting(self, order_id: str) -> Order:
        order = self.order(order_id)
        if order.status.final:
            raise LookupError(f"order_id is {order_id}: it is {order.status.name.lower()}")
        return order

    def _problem(self, ticket: Ticket) -> str:
        account = self.statement()
        if ticket.side is Side.SELL:
            enough = account.position(ticket.symbol).available >= ticket.quantity
            return "" if enough else "Insufficient position"
        price = ticket.price or self._price(ticket) or NOTHING
        money = account.line(self._market.security(ticket.symbol).money).available
        return "" if ticket.quantity * price <= money * self.margin else "Insufficient buying power"

    def _begin(self, order_id: str, rule: Rule) -> None:
        match rule.fills:
            case Fills.AT_ONCE:
                self._try(self._orders[order_id], self._orders[order_id].left)
            case Fills.PARTLY:
                self._try(self._orders[order_id], rule.shares)
            case Fills.LATER:
                asyncio.get_running_loop().call_later(rule.seconds, self._fill_late, order_id)

    def _fill_late(self, order_id: str) -> None:
        order = self._orders[order_id]
        if order.left:
            self.fill(order_id)

    def _match(self, quote: Quote) -> None:
        for order in self.orders:
            at_once = self.rules.of(order.ticket.symbol).fills is Fills.AT_ONCE
            if order.ticket.symbol == quote.symbol and order.left and at_once:
                self._try(order, order.left)

    def _try(self, order: Order, wanted: Decimal) -> None:
        price, limit = self._price(order.ticket), order.ticket.price
        if price is None:
            return
        dear = limit is not None and (
            price > limit if order.ticket.side is Side.BUY else price < limit
        )
        if order.ticket.order_type in AT_THE_MARKET or not dear:
            self.fill(order.id, min(wanted, order.left), price)

    def _price(self, ticket: Ticket) -> Decimal | None:
        quote = self._market.quote(ticket.symbol)
        return quote.ask if ticket.side is Side.BUY else quote.bid

    def _execute(
        self, order_id: str, ticket: Ticket, quantity: Decimal, price: Decimal
    ) -> Execution:
        now, number = self._clock.now(), len(self._executions) + 1
        done = Execution(
            f"{number:012d}", order_id, ticket.symbol, ticket.side, quantity, price, now
        )
        self._executions.append(done)
        return done

    def _keep(self, order: Order) -> Order:
        self._orders[order.id] = order
        for watcher in self._watchers:
            watcher(order)
        return order
