"""The hand that moves the market, trades by hand and breaks the line: as calls, here or by HTTP."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from adapters.sims import tws_market
from adapters.sims.bars import Bar
from adapters.sims.tws_account import Holding
from adapters.sims.tws_codes import Code, text_of
from adapters.sims.tws_contracts import Instrument, Query
from adapters.sims.tws_courses import Course, Rule
from adapters.sims.tws_faults import Fault, Lost
from adapters.sims.tws_gateway import GARBAGE, Gateway
from adapters.sims.tws_line import Line
from adapters.sims.tws_market import TRADES, DataRight, Dividend, Permission, Quote
from adapters.sims.tws_orders import Order
from adapters.sims.tws_record import Booked, Entry, Kind, booked
from adapters.sims.tws_ticket import DAY, LIMIT, MARKET, Ticket

BY_HAND = 0


@dataclass(frozen=True, slots=True)
class ForeignOrder:
    """An order somebody else enters: another client, or with client 0 a person in TWS.

    Without a limit it is a market order.
    """

    symbol: str
    action: str
    shares: int
    limit: Decimal | None = None
    client_id: int = BY_HAND
    account: str = ""
    reference: str = ""
    tif: str = DAY


@dataclass(frozen=True, slots=True)
class Balance:
    """An account as the broker knows it: money by currency, holdings by symbol."""

    account: str
    cash: dict[str, Decimal]
    settled: dict[str, Decimal]
    holdings: dict[str, Holding]


class Control:
    """What a test or a person may do to a simulated broker.

    An account that is not named is the first one. Wrong arguments raise ValueError, what
    does not exist raises LookupError.
    """

    def __init__(self, gateway: Gateway, line: Line) -> None:
        self._gateway = gateway
        self._world = gateway.world
        self._line = line

    def price(self, symbol: str, price: Decimal) -> None:
        """Let a symbol trade at a price, a cent each way; it is listed if it was not."""
        self._world.price(symbol, price)

    def quote(self, symbol: str, quote: Quote) -> None:
        """Set a quote; what rests and may trade at it does, and streams are told."""
        self._world.market.move(self._con_id(symbol), quote)

    def halt(self, symbol: str, halted: bool) -> None:  # noqa: FBT001 - the same over HTTP, by name
        """Halt trading in a symbol, or let it go on."""
        con_id = self._con_id(symbol)
        quote = tws_market.halted(self._world.market.quote(con_id), now=halted)
        self._world.market.move(con_id, quote)

    def see(self, symbol: str, right: DataRight, code: int = 0) -> None:
        """Let clients see quotes of a symbol so; a refusal has its usual code unless given."""
        self._world.market.permissions[self._con_id(symbol)] = Permission(right, code)

    def compete(self, competing: bool) -> None:  # noqa: FBT001 - the same over HTTP, by name
        """Let another session of the same user take the quotes away."""
        self._world.market.competing = competing

    def history(self, symbol: str, bars: tuple[Bar, ...], what: str = TRADES) -> None:
        """Set daily bars, traded ones or those of total return; no bars, no data."""
        ordered = tuple(sorted(bars, key=lambda bar: bar.day))
        self._world.market.bars[self._con_id(symbol), what] = ordered

    def dividend(self, symbol: str, dividend: Dividend) -> None:
        """Announce the next dividend; whoever asks for such ticks is told of it."""
        self._world.market.dividends[self._con_id(symbol)] = dividend

    def enlist(self, instrument: Instrument) -> int:
        """List an instrument; return its number."""
        return self._world.directory.enter([instrument])[0].con_id

    def open_market(self) -> None:
        """Let the exchange open; what was held for it goes out."""
        self._world.market.open = True
        self._world.courses.on_open()

    def close_market(self) -> None:
        """Let the exchange close: the auction is held, day orders end."""
        self._world.courses.on_close()
        self._world.market.open = False

    def rule(self, rule: Rule) -> None:
        """Let the next orders go so; the latest rule that fits an order is the one that holds."""
        self._world.courses.rules.append(rule)

    def clear_rules(self) -> None:
        """Let every order trade as the market allows again."""
        self._world.courses.rules.clear()

    def enter(self, order: ForeignOrder) -> Booked:
        """Enter somebody else's order; it goes its way by the rules."""
        return booked(self._take(order))

    def trade(
        self, symbol: str, action: str, shares: int, price: Decimal, account: str = ""
    ) -> Booked:
        """Trade by hand, at once and at a price. Raises ValueError where the account may not."""
        self._gateway.orders.next_rule = Rule(Course.NEVER)
        order = self._take(ForeignOrder(symbol, action, shares, account=account))
        self._world.book.execute(order, Decimal(shares), price)
        return booked(order)

    def fill(self, permanent_id: int, shares: int, price: Decimal) -> Booked:
        """Fill shares of an order that works."""
        order = self._world.book.order(permanent_id)
        self._world.book.execute(order, Decimal(shares), price)
        return booked(order)

    def cancel(self, permanent_id: int, reason: str = "") -> Booked:
        """Cancel an order from the broker's side, or as a person does in TWS."""
        order = self._working(permanent_id)
        self._world.book.cancel(order, reason)
        return booked(order)

    def refuse(self, permanent_id: int, code: int = int(Code.REFUSED), reason: str = "") -> Booked:
        """Refuse an order that works, late."""
        order = self._working(permanent_id)
        self._world.book.refuse(order, code, text_of(code, reason))
        return booked(order)

    def release(self, permanent_id: int) -> Booked:
        """Let an order that was held go its way."""
        order = self._working(permanent_id)
        self._world.courses.release(order)
        return booked(order)

    def correct(self, execution_id: str, price: Decimal) -> None:
        """Correct the price of an execution, which is told a second time."""
        self._world.book.correct(execution_id, price)

    def notice(self, code: int, text: str, permanent_id: int = 0) -> None:
        """Tell a code of an order to its client, or without an order to everybody."""
        if permanent_id:
            self._world.book.notice(self._world.book.order(permanent_id), code, text)
        else:
            self._gateway.broadcast(code, text)

    def pay_in(
        self,
        amount: Decimal,
        currency: str = "USD",
        account: str = "",
        settled: bool = True,  # noqa: FBT001, FBT002 - the same over HTTP, by name
    ) -> None:
        """Pay money in, or out where it is below zero."""
        at = self._world.account(account)
        at.pay_in(currency, amount, settled=settled)
        self._gateway.push(at)

    def hold(self, symbol: str, shares: Decimal, cost: Decimal, account: str = "") -> None:
        """Let an account hold so much of a symbol from now on; none is no position."""
        at = self._world.account(account)
        at.place(symbol, Holding(shares, cost))
        self._gateway.push(at, (self._con_id(symbol),))

    def settle(self, account: str = "") -> None:
        """Let everything an account sold be paid."""
        at = self._world.account(account)
        at.settle()
        self._gateway.push(at)

    def tell(self, tag: str, text: str | None, currency: str = "USD", account: str = "") -> None:
        """Rewrite one line of what an account is told to be; None leaves it out."""
        at = self._world.account(account)
        at.rewritten[tag, currency] = text
        self._gateway.push(at)

    def ready(self, ready: bool, account: str = "") -> None:  # noqa: FBT001 - the same over HTTP
        """Let the numbers of an account be believed, or not."""
        at = self._world.account(account)
        at.ready = ready
        self._gateway.push(at)

    def travel(self, at: datetime) -> None:
        """Let it be that time; it goes on from there."""
        self._world.travel(at)

    def fail(self, fault: Fault) -> None:
        """Let the next requests of a kind meet a fault; several queue up."""
        self._world.faults.add(fault)

    def clear_faults(self) -> None:
        """Forget faults not met yet."""
        self._world.faults.clear()

    def cut(self) -> None:
        """End every connection at once; clients may come back."""
        self._gateway.drop()

    def close(self, seconds: float | None = None) -> None:
        """End every connection and refuse new ones, for so long or until opened."""
        self._gateway.drop()
        self._line.close_for(seconds)

    def open(self) -> None:
        """Let clients connect again."""
        self._line.open()

    def restart(self, seconds: float = 0) -> None:
        """Restart the gateway as it does every day; the broker keeps what it knows."""
        self._gateway.orders.restarted()
        self._gateway.speak(aloud=True)
        self.close(seconds)

    def occupy(self, client_id: int, times: int = 1) -> None:
        """Let a client's number still be in use when it next comes, so many times."""
        self._gateway.occupied[client_id] = times

    def silence(self) -> None:
        """Read nothing and answer nothing on connections that stay open."""
        self._gateway.speak(aloud=False)

    def speak(self) -> None:
        """End the silence."""
        self._gateway.speak(aloud=True)

    def slow(self, seconds: float) -> None:
        """Let everything said from now on arrive that much later."""
        self._gateway.latency = seconds

    def garbage(self) -> None:
        """Send every client bytes that are no message."""
        for session in self._gateway.sessions:
            session.tell_raw(GARBAGE)

    def lose_link(self, orders: Lost = Lost.QUEUE) -> None:
        """Lose the link between gateway and broker, with what becomes of orders meanwhile."""
        self._world.record.add(Kind.LINK, what="lost", text=orders)
        self._gateway.lose_link(orders)

    def restore_link(
        self,
        keeps_data: bool = True,  # noqa: FBT001, FBT002 - the same over HTTP, by name
        delivers: bool = True,  # noqa: FBT001, FBT002 - the same
    ) -> None:
        """Have the link back, with streams and missed news or without."""
        self._world.record.add(Kind.LINK, what="back")
        self._gateway.restore_link(keeps_data=keeps_data, delivers=delivers)

    def read_only(self, read_only: bool) -> None:  # noqa: FBT001 - the same over HTTP, by name
        """Let clients only read, as a gateway does until it is told otherwise."""
        self._gateway.read_only = read_only

    def orders(self) -> tuple[Booked, ...]:
        """Every order the broker ever took, by whom, with what was executed."""
        return tuple(booked(order) for order in self._world.book)

    def balance(self, account: str = "") -> Balance:
        """An account as the broker knows it, whatever the gateway tells."""
        at = self._world.account(account)
        listed = self._world.directory.by_id
        held = {listed[con_id].symbol: holding for con_id, holding in at.holdings.items()}
        return Balance(at.name, dict(at.cash), dict(at.settled), held)

    def clients(self) -> tuple[int, ...]:
        """Who is connected now."""
        return tuple(s.client_id for s in self._gateway.sessions if s.started)

    def record(self, after: int = 0) -> tuple[Entry, ...]:
        """Everything that happened after the entry of that number."""
        return self._world.record.entries(after)

    def _con_id(self, symbol: str) -> int:
        return self._world.directory.named(symbol).con_id

    def _working(self, permanent_id: int) -> Order:
        order = self._world.book.order(permanent_id)
        if not order.works:
            raise ValueError(f"permanent_id is {permanent_id}: the order is {order.status}")
        return order

    def _take(self, foreign: ForeignOrder) -> Order:
        instrument = self._world.directory.named(foreign.symbol)
        if foreign.action not in {"BUY", "SELL"} or foreign.shares < 1:
            raise ValueError("action is BUY or SELL, shares at least 1")
        highest = self._world.book.highest(foreign.client_id)
        ticket = Ticket(
            order_id=highest + 1 if foreign.client_id else BY_HAND,
            query=Query(instrument.con_id, instrument.symbol, exchange=instrument.routed),
            action=foreign.action,
            shares=Decimal(foreign.shares),
            kind=LIMIT if foreign.limit else MARKET,
            limit=foreign.limit,
            tif=foreign.tif,
            account=self._world.account(foreign.account).name,
            reference=foreign.reference,
        )
        return self._gateway.orders.take(ticket, foreign.client_id, instrument)


VERBS = frozenset(name for name in vars(Control) if not name.startswith("_"))
