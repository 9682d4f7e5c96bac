"""The course of an order: filled at once, in part, later, never, held or refused, by rules."""

import asyncio
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum

from adapters.sims.tws_codes import Code, text_of
from adapters.sims.tws_market import Market
from adapters.sims.tws_orders import Book, Order, Status
from adapters.sims.tws_ticket import ALL_AT_ONCE, AT_ONCE, LIMIT, LIMIT_ON_CLOSE, MARKET

ANY = ""
NEXT_OPENING = "the next opening of the exchange"


class Course(StrEnum):
    """What becomes of an order.

    `fill`: it trades as soon as the market allows. `part`: some shares trade, the rest
    waits. `later`: it trades after some seconds. `never`: it rests whatever the market
    does. `refuse`: it is refused with a code. `locate`: it is held until shares to sell
    short are found. `park`: it is held for a person's word, as a precaution does.
    """

    FILL = "fill"
    PART = "part"
    LATER = "later"
    NEVER = "never"
    REFUSE = "refuse"
    LOCATE = "locate"
    PARK = "park"


class Cancelling(StrEnum):
    """What becomes of a wish to cancel.

    `confirm`: done. `silent`: never answered. `linger`: it stays PendingCancel. `refuse`:
    not in a state for it. `lose`: the rest fills first.
    """

    CONFIRM = "confirm"
    SILENT = "silent"
    LINGER = "linger"
    REFUSE = "refuse"
    LOSE = "lose"


@dataclass(frozen=True, slots=True)
class Rule:
    """What becomes of the next `times` orders of a symbol, all of them where times is 0.

    `shares` is for parts, and each fill trades at most so many `pieces`; `price` is where
    it trades, the market's where None; `code` and `reason` are for refusals.
    """

    course: Course = Course.FILL
    symbol: str = ANY
    times: int = 0
    shares: int = 1
    pieces: int = 1
    seconds: float = 0
    price: Decimal | None = None
    code: int = int(Code.REFUSED)
    reason: str = "refused on demand"
    cancelling: Cancelling = Cancelling.CONFIRM

    def __post_init__(self) -> None:
        if self.times < 0 or self.shares < 1 or self.pieces < 1 or self.seconds < 0:
            raise ValueError("times and seconds are at least 0, shares and pieces at least 1")


@dataclass(slots=True)
class Courses:
    """The rules, and the orders on their way by them."""

    book: Book
    market: Market
    rules: list[Rule] = field(default_factory=list)
    _ruled: dict[int, Rule] = field(default_factory=dict)
    _timers: list[asyncio.TimerHandle] = field(default_factory=list)

    def begin(self, order: Order, rule: Rule | None = None) -> None:
        """Set an order that was taken in on its way, by the rule of its symbol if none is given."""
        rule = rule or self._rule(order.instrument.symbol)
        self._ruled[order.permanent_id] = rule
        match rule.course:
            case Course.REFUSE:
                self.book.refuse(order, rule.code, text_of(rule.code, rule.reason))
            case Course.LOCATE:
                self.book.notice(order, Code.LOCATING, text_of(Code.LOCATING))
                self.book.stand(order, Status.INACTIVE, "locate")
            case Course.PARK:
                self.book.stand(order, Status.INACTIVE)
            case _:
                self._send_out(order, rule)

    def release(self, order: Order) -> None:
        """Let an order that was held go its way."""
        self._ruled[order.permanent_id] = Rule()
        self._send_out(order, Rule())

    def on_move(self, con_id: int) -> None:
        """Trade what rests in an instrument as far as its quote now allows."""
        for order in self.book:
            if order.instrument.con_id == con_id and order.works:
                self._try(order)

    def on_open(self) -> None:
        """Send out what was held for the opening."""
        for order in self.book:
            if order.works and order.status is Status.PRE_SUBMITTED:
                self._send_out(order, self._ruled.get(order.permanent_id, Rule()))

    def on_close(self) -> None:
        """Hold the closing auction, then end what was for the day."""
        for order in self.book:
            if order.works and order.ticket.at_close:
                self._auction(order)
        for order in self.book:
            if order.works and order.ticket.tif in {"", "DAY"}:
                self.book.cancel(order, "the day is over")

    def cancel(self, order: Order) -> Cancelling:
        """Take a wish to cancel an order that works; return what became of it."""
        how = self._ruled.get(order.permanent_id, Rule()).cancelling
        match how:
            case Cancelling.CONFIRM:
                self.book.cancel(order)
            case Cancelling.LINGER:
                self.book.stand(order, Status.PENDING_CANCEL)
            case Cancelling.LOSE:
                self._fill(order, order.remaining, self._ruled[order.permanent_id])
        return how

    def stop(self) -> None:
        """Let nothing more happen by itself."""
        for timer in self._timers:
            timer.cancel()

    def _rule(self, symbol: str) -> Rule:
        for place, rule in reversed(list(enumerate(self.rules))):
            if rule.symbol in {ANY, symbol}:
                if rule.times == 1:
                    del self.rules[place]
                elif rule.times:
                    self.rules[place] = replace(rule, times=rule.times - 1)
                return rule
        return Rule()

    def _send_out(self, order: Order, rule: Rule) -> None:
        if not self.market.open and not order.ticket.outside_hours:
            self.book.stand(order, Status.PRE_SUBMITTED)
            self.book.notice(order, Code.HELD, text_of(Code.HELD, NEXT_OPENING))
            return
        worked = order.ticket.kind == MARKET or order.ticket.algo
        self.book.stand(order, Status.PRE_SUBMITTED if worked else Status.SUBMITTED)
        match rule.course:
            case Course.PART:
                self._fill(order, Decimal(rule.shares), rule)
            case Course.LATER:
                self._fill_later(order, rule)
            case Course.FILL:
                self._try(order)
        if order.works and order.status is Status.PRE_SUBMITTED:
            self.book.stand(order, Status.SUBMITTED)
        self._end_what_may_not_rest(order)

    def _end_what_may_not_rest(self, order: Order) -> None:
        if order.works and order.ticket.tif == AT_ONCE:
            self.book.cancel(order)
        elif order.works and order.ticket.tif == ALL_AT_ONCE:
            self.book.refuse(order, 0, "could not be filled at once")

    def _try(self, order: Order) -> None:
        rule = self._ruled.get(order.permanent_id, Rule())
        waits = order.status in {Status.INACTIVE, Status.PENDING_CANCEL}
        if rule.course is not Course.FILL or waits or not self.market.open:
            return
        if order.ticket.kind in {MARKET, LIMIT} and self._price(order, rule) is not None:
            self._fill(order, order.remaining, rule)

    def _fill_later(self, order: Order, rule: Rule) -> None:
        def due() -> None:
            if order.works:
                self._fill(order, order.remaining, rule)

        self._timers.append(asyncio.get_running_loop().call_later(rule.seconds, due))

    def _fill(self, order: Order, shares: Decimal, rule: Rule) -> None:
        price = self._price(order, rule)
        if price is None:
            price = order.ticket.limit or self.market.mark(order.instrument.con_id)
        shares = min(shares, order.remaining)
        if price is None or not shares:
            return
        for piece in _split(shares, rule.pieces):
            self.book.execute(order, piece, price)

    def _price(self, order: Order, rule: Rule) -> Decimal | None:
        """Return the price at which it trades now, None where its limit forbids."""
        buys, limit = order.ticket.buys, order.ticket.limit
        price = rule.price or self.market.price_for(order.instrument.con_id, buys=buys)
        if price is None or order.ticket.kind == MARKET or limit is None:
            return price
        return price if (price <= limit if buys else price >= limit) else None

    def _auction(self, order: Order) -> None:
        price = self.market.mark(order.instrument.con_id)
        limit = order.ticket.limit if order.ticket.kind == LIMIT_ON_CLOSE else None
        if price is None:
            return
        if limit is None or (price <= limit if order.ticket.buys else price >= limit):
            self.book.execute(order, order.remaining, price)


def _split(shares: Decimal, pieces: int) -> list[Decimal]:
    """Split whole shares as evenly as they go, the larger pieces first."""
    each, more = divmod(int(shares), pieces)
    sizes = [Decimal(each + (place < more)) for place in range(pieces)]
    return [size for size in sizes if size]
