"""One account at Schwab as a Broker: no order carries our name, so each is found by what it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from urllib.parse import urlsplit

import httpx

from adapters.schwab_balances import portfolio
from adapters.schwab_json import Json, entries, odd, remark, text
from adapters.schwab_orders import Listed, listed, ticket
from adapters.schwab_refusals import refusal
from adapters.schwab_wire import Wire
from bot.domain.calendar import EXCHANGE, exchange_date
from bot.domain.errors import BrokerUnavailable, OrderRefused, OrderUnanswered
from bot.domain.matching import find
from bot.domain.memory import Standing
from bot.domain.model import OrderIntent, OrderReport, OrderStatus, Portfolio, Side
from bot.ports import Capabilities, Clock

AHEAD = timedelta(minutes=1)  # Schwab's clock may be ahead of ours
FARTHEST_BACK = timedelta(days=59)  # of the 60 that may be asked for
EARLIER_FOR = timedelta(minutes=1)  # what was entered before today is not asked for again
MOST_ORDERS = 3000
POSITIONS = ("positions",)
SHOWN = 4  # last characters of an account number
# With these, and in words of its own, the trading side says that it took no order.
CERTAIN = frozenset(
    {
        httpx.codes.BAD_REQUEST,
        httpx.codes.UNAUTHORIZED,
        httpx.codes.FORBIDDEN,
        httpx.codes.NOT_FOUND,
        httpx.codes.UNPROCESSABLE_ENTITY,
    }
)


@dataclass(frozen=True, slots=True)
class _Earlier:
    """Orders of earlier days that are open still, as they were at a time."""

    at: datetime
    open: tuple[Listed, ...]


class Hashes:
    """What stands for an account number in every path, as the login names it."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._known: dict[str, str] = {}
        self._begun: datetime | None = None

    async def of(self, number: str) -> str:
        """The hash of a number. Raises BrokerUnavailable where the login does not have it."""
        begun = self._wire.login().begun
        if begun != self._begun or number not in self._known:
            self._known, self._begun = await self.all(), begun
        if number not in self._known:
            raise BrokerUnavailable("schwab_account_missing", account=f"…{number[-SHOWN:]}")
        return self._known[number]

    async def all(self) -> dict[str, str]:
        """The hashes of all accounts of the login, by number."""
        answer = await self._wire.read(lambda client: client.get_account_numbers())
        named = entries(answer, "accountNumbers")
        return {text(each, "accountNumber"): text(each, "hashValue") for each in named}


class SchwabAccount:
    """One account of a login. What it says of an order is what Schwab's list says."""

    def __init__(
        self, number: str, wire: Wire, hashes: Hashes, clock: Clock, *, live: bool = True
    ) -> None:
        self._number, self._live = number, live
        self._wire, self._hashes, self._clock = wire, hashes, clock
        self._bound: dict[str, str] = {}  # Schwab's numbers, and our names for the same orders
        self._earlier: _Earlier | None = None

    @property
    def capabilities(self) -> Capabilities:
        """Orders are found by their content; quotes are live unless others are allowed."""
        return Capabilities(echoes_client_id=False, live_quotes=self._live)

    async def portfolio(self) -> Portfolio:
        """The account, its open sales taken from what is sellable. Raises BrokerUnavailable."""
        account = await self._hashes.of(self._number)
        orders = await self._orders(account)
        answer = await self._wire.read(lambda client: client.get_account(account, fields=POSITIONS))
        return portfolio(answer, orders)

    async def orders_today(self) -> Sequence[OrderReport]:
        """Orders entered on the exchange's present date, and earlier ones that are open still."""
        account = await self._hashes.of(self._number)
        return [each.report for each in await self._orders(account)]

    async def submit(self, order: OrderIntent) -> OrderReport:
        """Send an order once, and read what became of it; being taken is not being accepted.

        Raises OrderRefused for what certainly was not booked, or was rejected, and
        OrderUnanswered for everything else: it is looked for, and never sent again.
        """
        sent, wished = ticket(order), self._clock.now()
        try:
            account = await self._hashes.of(self._number)
        except BrokerUnavailable as error:
            raise OrderRefused("schwab_not_sent", reason=str(error)) from None
        side = Side.BUY if order.action.takes_shares else Side.SELL
        asked = Standing(order, side, sent_at=self._clock.now())
        try:
            answer = await self._wire.send(lambda client: client.place_order(account, sent), wished)
        except OrderUnanswered:
            named = ""
        else:
            named = _number_of(answer, order)
        return await self._became(asked, account, named)

    async def cancel(self, order: OrderIntent) -> None:
        """Ask for the end of an order; one that has ended stays as it is.

        Raises OrderRefused `unknown_order` where no order is like it, and
        `schwab_ambiguous` where several are open: one of them is somebody else's.
        """
        account = await self._hashes.of(self._number)
        mine = [each.report for each in await self._orders(account) if self._is(order, each)]
        if not mine:
            raise OrderRefused("unknown_order", symbol=order.symbol, order=order.id)
        working = [report for report in mine if not report.status.final]
        if len(working) > 1:
            raise OrderRefused("schwab_ambiguous", symbol=order.symbol, orders=len(working))
        if not working:
            return
        number, now = working[0].broker_id, self._clock.now()
        answer = await self._wire.send(lambda client: client.cancel_order(number, account), now)
        if not answer.is_success:
            raise OrderRefused("schwab_cancel_refused", told=remark(answer))

    async def _became(self, asked: Standing, account: str, named: str) -> OrderReport:
        """Look for an order until it is accepted or rejected, or long enough."""
        pace, begun = self._wire.pace, self._clock.now()
        while True:
            found = await self._look(asked, account, named)
            if found is not None and found.decided:
                return self._answer(asked.intent, found)
            patience = pace.listed if found is None else pace.accepted
            if (self._clock.now() - begun).total_seconds() >= patience:
                raise OrderUnanswered("schwab_unanswered", symbol=asked.intent.symbol)
            await self._clock.sleep(pace.poll)

    async def _look(self, asked: Standing, account: str, named: str) -> Listed | None:
        """The one order that is ours, None while there is none, or the line is bad.

        What an answer names is believed only where it is what was asked for: it has
        been seen to name somebody else's order. Else the list is searched.
        """
        try:
            if named:
                one = await self._wire.read(lambda client: client.get_order(named, account))
                found = self._found(asked, list(listed(entries([one], "order"))))
                if found is not None:
                    return found
            return self._found(asked, await self._orders(account))
        except BrokerUnavailable:
            return None

    def _found(self, asked: Standing, orders: Sequence[Listed]) -> Listed | None:
        taken = {number for number, name in self._bound.items() if name != asked.intent.id}
        report = find(asked, [each.report for each in orders], echoes=False, taken=taken)
        return next((each for each in orders if each.report is report), None)

    def _answer(self, order: OrderIntent, found: Listed) -> OrderReport:
        self._bound[found.report.broker_id] = order.id
        if found.report.status is OrderStatus.REFUSED:
            raise refusal(order.symbol, found.told)
        return found.report

    def _is(self, order: OrderIntent, each: Listed) -> bool:
        """Whether a listed order is this one: by number while we know it, else by its content."""
        report = each.report
        if order.id in self._bound.values():
            return self._bound.get(report.broker_id) == order.id
        if report.broker_id in self._bound or report.entered_at is None:
            return False
        wanted = (order.symbol, order.action, order.shares, order.limit)
        same = (report.symbol, report.action, report.shares, report.limit) == wanted
        return same and exchange_date(report.entered_at) == exchange_date(self._clock.now())

    async def _orders(self, account: str) -> list[Listed]:
        now = self._clock.now()
        today = datetime.combine(exchange_date(now), time(), EXCHANGE).astimezone(UTC)
        current = await self._entered(account, today, now + AHEAD)
        if self._earlier is None or now - self._earlier.at > EARLIER_FOR:
            past = await self._entered(account, today - FARTHEST_BACK, today)
            self._earlier = _Earlier(now, tuple(each for each in past if each.open))
        known = {each.report.broker_id for each in current}
        return current + [e for e in self._earlier.open if e.report.broker_id not in known]

    async def _entered(self, account: str, since: datetime, until: datetime) -> list[Listed]:
        answer = await self._wire.read(
            lambda client: client.get_orders_for_account(
                account,
                max_results=MOST_ORDERS,
                from_entered_datetime=since,
                to_entered_datetime=until,
            )
        )
        orders: Sequence[Json] = entries(answer, "orders")
        if len(orders) >= MOST_ORDERS:
            raise odd("orders", len(orders))  # the rest of them is not here
        return list(listed(orders))


def _number_of(answer: httpx.Response, order: OrderIntent) -> str:
    """The number of an order that was taken, as far as the answer tells it.

    Raises OrderRefused where Schwab says in its own words that it took none. Any
    other answer may come from somebody between, who does not know what became of it.
    """
    if answer.status_code == httpx.codes.CREATED:
        number = urlsplit(answer.headers.get("Location", "")).path.rpartition("/")[2]
        return number if number.isdigit() else ""
    told = remark(answer)
    if answer.status_code in CERTAIN and told:
        raise refusal(order.symbol, told)
    return ""
