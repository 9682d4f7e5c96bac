"""One account at LongPort: what is in it, orders in, orders out."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, time
from decimal import Decimal
from typing import NoReturn

from adapters.longport_line import (
    INTERNAL,
    KEY_CODES,
    NO_CODE,
    TOKEN_CODES,
    TOO_OFTEN,
    TROUBLES,
    Line,
)
from adapters.longport_process import LibraryRefused, NotAsked
from adapters.longport_refusals import refusal
from adapters.longport_symbols import is_stock, ours, theirs
from adapters.longport_told import CURRENCY
from adapters.longport_wire import (
    Asked,
    Balance,
    Cancel,
    Cash,
    FundNames,
    Funds,
    Held,
    Holdings,
    Money,
    Order,
    Orders,
    Past,
    Positions,
    Submit,
    Today,
)
from bot.domain.calendar import EXCHANGE, exchange_date
from bot.domain.errors import (
    BellwetherError,
    BrokerUnavailable,
    Halted,
    OrderRefused,
    OrderUnanswered,
)
from bot.domain.model import (
    NOTHING,
    AccountKind,
    Action,
    OrderIntent,
    OrderReport,
    OrderStatus,
    Portfolio,
    Symbol,
)
from bot.ports import Capabilities, Clock

SIDES = {Action.BUY: "Buy", Action.SELL: "Sell"}
# Every other status, known to the library or not, is of an order something may come of.
FINAL = {
    "Filled": OrderStatus.FILLED,
    "Rejected": OrderStatus.REFUSED,
    "Canceled": OrderStatus.CANCELLED,
    "PartialWithdrawal": OrderStatus.CANCELLED,
    "Expired": OrderStatus.EXPIRED,
}
# What sums in several currencies may differ by.
ROUNDING = Decimal("0.01")
# What the names of our orders are made of.
_NAME = re.compile(r"[A-Z2-7]{26}")


class Account:
    """The Broker of one account. The token decides whose it is, and is asked every time."""

    def __init__(self, number: str, line: Line, clock: Clock) -> None:
        self._number, self._line, self._clock = number, line, clock

    @property
    def capabilities(self) -> Capabilities:
        """Long only, no orders for the close; its lists carry the names of our orders."""
        return Capabilities(live_quotes=not self._line.told.delayed_quotes)

    async def portfolio(self) -> Portfolio:
        """Read the account: USD only, and not what could be borrowed.

        Raises BrokerUnavailable, `longport_partial` for an answer that lacks a part.
        """
        token = self._line.token()
        money = await self._line.read(Balance(CURRENCY), Money)
        stocks = await self._line.read(Holdings(), Positions)
        funds = await self._line.read(Funds(), FundNames)
        if self._line.token() != token:
            raise BrokerUnavailable("longport_partial", part="token")
        _refuse_partial(money, stocks, funds)
        mine = [each for each in stocks.held if _tradable(each)]
        others = [each.symbol for each in stocks.held if not _tradable(each)]
        cash = {each.currency: each for each in money.lines}
        usd = cash.pop(CURRENCY, Cash(CURRENCY, NOTHING, NOTHING, NOTHING))
        whole = usd.available + usd.frozen
        return Portfolio(
            account=token.account,
            cash=whole,
            settled=whole - max(usd.settling, NOTHING),
            spendable=usd.available,
            shares=_summed((each.symbol, each.quantity) for each in mine),
            sellable=_summed((each.symbol, each.available) for each in mine),
            others=(*others, *funds.names),
            foreign_cash={c: m.available + m.frozen for c, m in cash.items() if m.available},
            kind=AccountKind.MARGIN if money.finance > 0 else None,
        )

    async def submit(self, order: OrderIntent) -> OrderReport:
        """Place an order and read how it stands.

        Raises OrderRefused for what was certainly not booked or was rejected at once,
        OrderUnanswered for everything else that is no order's id.
        """
        self._refuse(order)
        ticket = Submit(
            theirs(order.symbol), SIDES[order.action], order.shares, order.limit, order.id
        )
        try:
            accepted = await self._line.order(ticket)
        except BellwetherError as down:  # of the token, of the host: nothing was asked
            raise OrderRefused(down.code, **down.values) from None
        except TROUBLES as error:
            return await self._said_no(order, error)
        try:
            listed = await self._line.read(Today(accepted.order_id), Orders)
        except BellwetherError:
            listed = Orders(())  # it is accepted; how it stands is read again soon
        found = [each for each in listed.listed if each.id == accepted.order_id]
        return _standing(found[0]) if found else _accepted(order, accepted.order_id)

    async def orders_today(self) -> Sequence[OrderReport]:
        """List the orders of the exchange's present day, and older ones that still work.

        Raises Halted `longport_order_doubled` where one order of ours is there twice.
        """
        listed = await self._listed()
        _refuse_doubles(listed)
        return [_report(order) for order in listed]

    async def cancel(self, order: OrderIntent) -> None:
        """Ask for the end of an order; one that is final stays as it is.

        Raises OrderRefused `unknown_order` where it is in no list,
        `longport_cancel_refused` where the broker does not take the cancel.
        """
        named = [each for each in await self._listed() if each.remark == order.id]
        if not named:
            raise OrderRefused("unknown_order", symbol=order.symbol, order=order.id)
        for each in named:
            if each.status not in FINAL:
                await self._end(each)

    async def _end(self, order: Order) -> None:
        try:
            await self._line.once(Cancel(order.id), Asked)
        except LibraryRefused as said:
            if _says_nothing(said):
                raise self._line.trouble(said) from None
            raise OrderRefused(
                "longport_cancel_refused", number=said.code, told=said.message
            ) from None
        except TROUBLES as error:
            raise self._line.trouble(error) from None

    async def _listed(self) -> list[Order]:
        """What both lists have: whether the past contains today is not the broker's promise."""
        today = exchange_date(self._clock.now())
        midnight = datetime.combine(today, time(), EXCHANGE)
        present = await self._line.read(Today(), Orders)
        past = await self._line.read(Past(midnight), Orders)
        found = {order.id: order for order in (*past.listed, *present.listed)}
        return [o for o in found.values() if o.at >= midnight or o.status not in FINAL]

    def _refuse(self, order: OrderIntent) -> None:
        """Refuse what can not be an order of this account."""
        about = {"symbol": order.symbol, "order": order.id}
        if order.action not in SIDES:
            raise OrderRefused("shorting_not_allowed", **about)
        lot = self._line.lots.get(order.symbol, 1)
        if order.shares % lot:
            raise OrderRefused("longport_lot", **about, shares=order.shares, lot=lot)
        try:
            account = self._line.token().account
        except BrokerUnavailable as down:
            raise OrderRefused(down.code, **down.values) from None
        if account != self._number:
            raise OrderRefused("longport_other_account", account=account, expected=self._number)

    async def _said_no(self, order: OrderIntent, error: Exception) -> OrderReport:
        """Say what is certain of an order that got no id, and that nothing is where nothing is."""
        about = {"symbol": order.symbol, "order": order.id}
        if isinstance(error, NotAsked):
            down = self._line.trouble(error)
            raise OrderRefused(down.code, **down.values)
        if not isinstance(error, LibraryRefused):
            raise OrderUnanswered("longport_unanswered", **about, reason=str(error))
        if _says_nothing(error):
            raise OrderUnanswered("longport_unanswered", **about, reason=str(error))
        if error.code in TOKEN_CODES or error.code in KEY_CODES:
            refused = self._line.trouble(error)
            raise OrderRefused(refused.code, **refused.values)
        return await self._looked_for(order, error)

    async def _looked_for(self, order: OrderIntent, said: LibraryRefused) -> OrderReport:
        """Look whether a refused order is there all the same.

        The library may have sent it twice, and the refusal be the second's.
        """
        try:
            listed = await self._line.read(Today(), Orders)
        except BellwetherError as error:
            raise OrderUnanswered(
                "longport_unanswered", symbol=order.symbol, order=order.id, reason=str(error)
            ) from None
        named = [each for each in listed.listed if each.remark == order.id]
        if named:
            return _standing(named[0])
        raise refusal(order.symbol, said.message, said.code)


def _says_nothing(said: LibraryRefused) -> bool:
    """Whether nobody knows: a lost answer, a limit or a repeat met on the way, a broker's fault."""
    return said.code == NO_CODE or said.code in TOO_OFTEN or said.code in INTERNAL


def _tradable(held: Held) -> bool:
    return is_stock(held.symbol) and held.currency == CURRENCY


def _summed(held: Iterable[tuple[str, Decimal]]) -> Mapping[Symbol, Decimal]:
    """Shares by symbol of ours; a symbol may be held in several channels."""
    shares: dict[Symbol, Decimal] = {}
    for symbol, quantity in held:
        if quantity:
            shares[ours(symbol)] = shares.get(ours(symbol), NOTHING) + quantity
    return shares


def _refuse_partial(money: Money, stocks: Positions, funds: FundNames) -> None:
    """Refuse an account that lacks a part: what is not told is not nothing."""
    if not money.lines:
        _partial("cash")
    if not stocks.channels:
        _partial("positions")
    unseen = abs(money.net - money.total) > max(ROUNDING * abs(money.net), Decimal(1))
    if unseen and not stocks.held and not funds.names:
        _partial("positions")


def _partial(part: str) -> NoReturn:
    raise BrokerUnavailable("longport_partial", part=part)


def _refuse_doubles(listed: Collection[Order]) -> None:
    """Halt where the account has an order of ours twice: only a person can say what to do."""
    live = [o for o in listed if o.remark and (o.executed or o.status not in FINAL)]
    for name, times in Counter(order.remark for order in live).items():
        same = [order for order in live if order.remark == name]
        if times > 1 and _is_ours(name):
            raise Halted(
                "longport_order_doubled",
                symbol=ours(same[0].symbol),
                order=name,
                numbers=", ".join(order.id for order in same),
            )


def _is_ours(remark: str) -> bool:
    """Whether a remark is of the form of our orders' names."""
    return _NAME.fullmatch(remark) is not None


def _standing(order: Order) -> OrderReport:
    """How an order stands; a rejected one is refused, though it is in the list."""
    report = _report(order)
    if report.status is OrderStatus.REFUSED:
        raise refusal(report.symbol, order.message)
    return report


def _accepted(order: OrderIntent, broker_id: str) -> OrderReport:
    return OrderReport(
        symbol=order.symbol,
        action=order.action,
        shares=order.shares,
        limit=order.limit,
        status=OrderStatus.WORKING,
        broker_id=broker_id,
        client_id=order.id,
    )


def _report(order: Order) -> OrderReport:
    symbol, status = ours(order.symbol), FINAL.get(order.status, OrderStatus.WORKING)
    refused = status is OrderStatus.REFUSED
    return OrderReport(
        symbol=symbol,
        action=Action.BUY if order.side == SIDES[Action.BUY] else Action.SELL,
        shares=int(order.quantity),
        limit=order.price or None,
        status=status,
        filled=int(order.executed),
        average_price=order.average if order.executed else None,
        entered_at=order.at,
        reason=str(refusal(symbol, order.message)) if refused else order.message,
        broker_id=order.id,
        client_id=order.remark,
    )
