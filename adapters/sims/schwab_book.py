"""The order book: books every order once, works on it as time goes on, and forgets none."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from adapters.sims.schwab_accounts import NOTHING, AccountKind, Accounts, Asset
from adapters.sims.schwab_answers import refused
from adapters.sims.schwab_clock import Clock
from adapters.sims.schwab_fates import CancelKind, Fate, FateKind, Fates
from adapters.sims.schwab_market import Listing, Market
from adapters.sims.schwab_orders import (
    BAD_REQUEST,
    FINAL,
    Fill,
    Instruction,
    Order,
    OrderType,
    Status,
    Ticket,
    Who,
)

FIRST_ORDER = 1_004_055_538_100
OFF_TICK = "Orders above $1 can be entered in no more than two decimals; orders below $1 in four."
TOO_DEAR = "You do not have enough available cash/buying power for this order."
NOT_HELD = "This order may result in an oversold/overbought position in your account."
NO_SHORTS = "Short sales are allowed in margin accounts only."
UNKNOWN_SYMBOL = "The symbol of the order was not found."
TOO_LATE = "The order can not be canceled: it is {status}."


@dataclass(frozen=True, slots=True)
class Entry:
    """An order, and what is to become of it."""

    order: Order
    fate: Fate


class Book:
    """Every order of every account, by number.

    Time is looked at whenever somebody looks: `advance` comes before each answer.
    """

    def __init__(self, clock: Clock, accounts: Accounts, market: Market) -> None:
        self._clock, self._accounts, self._market = clock, accounts, market
        self._entries: dict[int, Entry] = {}
        self._listeners: list[Callable[[Order], None]] = []
        self._news = asyncio.Event()
        self.fates = Fates()

    def enter(self, ticket: Ticket, account: str, who: Who, fate: Fate | None = None) -> Entry:
        """Book an order; its fate is the next one waiting if not given.

        Raises Refused, with 400, where it is not taken.
        """
        meant = fate or self.fates.next(ticket.symbol)
        if meant.kind is FateKind.REFUSE:
            raise refused(BAD_REQUEST, meant.reason or "The order was refused.")
        if who is Who.API and self._market.quote(ticket.symbol) is None:
            raise refused(BAD_REQUEST, UNKNOWN_SYMBOL)
        number = FIRST_ORDER + len(self._entries)
        order = Order(number, account, who, ticket, self._clock.now())
        fault = self._fault_of(order)
        if fault:
            meant = replace(meant, kind=FateKind.REJECT, reason=fault, shares=NOTHING)
        self._keep(Entry(replace(order, status=self._first_status(meant)), meant))
        self.advance()
        return self._entries[number]

    def orders(self, account: str = "") -> list[Order]:
        """Return every order as it stands, oldest first, of one account if named."""
        self.advance()
        return [e.order for e in self._entries.values() if account in {"", e.order.account}]

    def order(self, order_id: int) -> Order:
        """Return an order as it stands. Raises LookupError for an unknown number."""
        self.advance()
        return self._entry(order_id).order

    def fill(self, order_id: int, shares: Decimal, price: Decimal | None = None) -> Order:
        """Let shares of a resting order trade, at the market's price if not given."""
        entry = self._entry(order_id)
        order = entry.order
        at = price or self._price(order) or order.ticket.limit
        if order.final or not 0 < shares <= order.rest or at is None:
            told = f"order_id is {order_id}: it is {order.status}, {order.rest} shares are open"
            raise ValueError(told)
        return self._trade(entry, shares, at)

    def put(self, order_id: int, status: str, reason: str = "") -> Order:
        """Let an order have a status, of those documented or another; there it stays."""
        entry = self._entry(order_id)
        ended = entry.order.ended(status, self._clock.now(), reason)
        if status in FINAL:
            return self._keep(replace(entry, order=ended))
        stuck = replace(entry.fate, kind=FateKind.STICK, status=status, shares=NOTHING)
        return self._keep(Entry(replace(ended, closed_at=None), stuck))

    def cancel(self, order_id: int) -> None:
        """Ask for an order's end. Raises Refused, with 400, where it has ended."""
        self.advance()
        entry = self._entry(order_id)
        order = entry.order
        if order.final or entry.fate.cancel is CancelKind.REFUSED:
            raise refused(BAD_REQUEST, TOO_LATE.format(status=order.status))
        match entry.fate.cancel:
            case CancelKind.AT_ONCE:
                self.put(order_id, Status.CANCELED)
            case CancelKind.PENDING:
                self.put(order_id, Status.PENDING_CANCEL)
            case CancelKind.FILLED:
                self.fill(order_id, order.rest)

    def supersede(self, order_id: int, ticket: Ticket) -> Entry:
        """Book an order in place of another one, which is then replaced."""
        order = self.order(order_id)
        if order.final:
            raise refused(BAD_REQUEST, TOO_LATE.format(status=order.status))
        entered = self.enter(ticket, order.account, order.who)
        self.put(order_id, Status.REPLACED)
        return entered

    def end_session(self) -> None:
        """Let the market close: orders at the close trade, other orders of the day expire."""
        for entry in self._open():
            order = entry.order
            mark = self._market.mark(order.ticket.symbol)
            if order.ticket.order_type is OrderType.MARKET_ON_CLOSE and mark is not None:
                self._trade(entry, order.rest, mark)
            elif order.ticket.duration == "DAY":
                self.put(order.order_id, Status.EXPIRED)

    def reserved(self, account: str) -> Decimal:
        """Return the money open buys may still take."""
        orders = [e.order for e in self._open() if e.order.account == account]
        return sum((self._cost(each) for each in orders), NOTHING)

    def advance(self) -> None:
        """Let happen what is due by now."""
        for entry in self._open():
            self._work_on(entry)

    def listen(self, listener: Callable[[Order], None]) -> None:
        """Call `listener` with an order whenever something became of it."""
        self._listeners.append(listener)

    async def wait(self, orders: int, seconds: float) -> list[Order]:
        """Return all orders as soon as there are that many. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while len(self._entries) < orders:
                await self._news.wait()
        return self.orders()

    def _work_on(self, entry: Entry) -> None:
        order, fate = entry.order, entry.fate
        due = order.entered_at + timedelta(seconds=fate.seconds)
        if self._clock.now() < due or fate.kind is FateKind.STICK:
            return
        if fate.kind is FateKind.REJECT:
            done = order.ended(Status.REJECTED, self._clock.now(), fate.reason or "Rejected.")
            self._keep(replace(entry, order=done))
            return
        if order.status in {Status.PENDING_ACTIVATION, fate.status} and self._market.is_open:
            entry = replace(entry, order=replace(order, status=Status.WORKING))
            self._entries[order.order_id] = entry
        price = self._price(entry.order)
        if entry.order.status != Status.WORKING or price is None:
            return
        if fate.kind is FateKind.FILL:
            self._trade(entry, entry.order.rest, price)
        elif fate.kind is FateKind.PARTIAL:
            rests = replace(fate, kind=FateKind.REST, shares=NOTHING)
            self._trade(Entry(entry.order, rests), min(fate.shares, entry.order.rest), price)

    def _trade(self, entry: Entry, shares: Decimal, price: Decimal) -> Order:
        order = entry.order
        signed = shares if order.ticket.instruction.buys else -shares
        account = self._accounts.now(order.account)
        asset = self._asset(order.ticket)
        self._accounts.put(account.traded(order.ticket.symbol, signed, price, asset))
        fill = Fill(shares, price, self._clock.now())
        return self._keep(replace(entry, order=order.with_fill(fill)))

    def _price(self, order: Order) -> Decimal | None:
        """Return what the market pays now, None where the limit is not met or nobody quotes."""
        quote, limit = self._market.quote(order.ticket.symbol), order.ticket.limit
        if quote is None or order.ticket.order_type is OrderType.MARKET_ON_CLOSE:
            return None
        buys = order.ticket.instruction.buys
        price = quote.ask if buys else quote.bid
        if quote.ask is None and quote.bid is None:
            price = quote.last
        if limit is None or price is None:
            return price
        return price if (price <= limit if buys else price >= limit) else None

    def _fault_of(self, order: Order) -> str:
        """Return why the broker will reject an order, nothing where it will not."""
        ticket, account = order.ticket, self._accounts.now(order.account)
        if not ticket.on_tick:
            return OFF_TICK
        if ticket.instruction is Instruction.SELL_SHORT:
            return "" if account.kind is AccountKind.MARGIN else NO_SHORTS
        if not ticket.instruction.buys:
            return NOT_HELD if ticket.shares > self._sellable(order) else ""
        if ticket.instruction is Instruction.BUY_TO_COVER:
            return NOT_HELD if ticket.shares > -account.held(ticket.symbol) else ""
        return TOO_DEAR if self._cost(order) > self._available(order.account) else ""

    def _available(self, account: str) -> Decimal:
        held = self._accounts.now(account)
        worth = sum((p.value(self._market.mark) for p in held.positions), NOTHING)
        loan = max(worth, NOTHING) + held.cash if held.kind is AccountKind.MARGIN else NOTHING
        return held.cash + loan - self.reserved(account)

    def _sellable(self, order: Order) -> Decimal:
        symbol = order.ticket.symbol
        mine = [e.order for e in self._open() if e.order.account == order.account]
        sells = [o for o in mine if o.ticket.symbol == symbol and not o.ticket.instruction.buys]
        held = self._accounts.now(order.account).held(symbol)
        return held - sum((o.rest for o in sells), NOTHING)

    def _cost(self, order: Order) -> Decimal:
        if not order.ticket.instruction.buys:
            return NOTHING
        quote = self._market.quote(order.ticket.symbol)
        market = (quote.ask or quote.last) if quote else NOTHING
        return order.rest * (order.ticket.limit or market)

    def _asset(self, ticket: Ticket) -> Asset:
        quote = self._market.quote(ticket.symbol)
        fund = quote is not None and quote.listing is Listing.FUND
        return Asset.FUND if fund and ticket.asset is Asset.EQUITY else ticket.asset

    def _first_status(self, fate: Fate) -> str:
        if fate.status:
            return fate.status
        if fate.kind is FateKind.REJECT:
            return Status.QUEUED
        return Status.WORKING if self._market.is_open else Status.PENDING_ACTIVATION

    def _open(self) -> Iterator[Entry]:
        yield from [entry for entry in self._entries.values() if not entry.order.final]

    def _entry(self, order_id: int) -> Entry:
        if order_id not in self._entries:
            raise LookupError(f"order_id is {order_id}: there is no such order")
        return self._entries[order_id]

    def _keep(self, entry: Entry) -> Order:
        self._entries[entry.order.order_id] = entry
        self._news.set()
        self._news = asyncio.Event()
        for listener in self._listeners:
            listener(entry.order)
        return entry.order
