"""A simulated broker's record: the entries, and the account and orders they make."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, TypeAlias, assert_never

from bot.domain.account import Opening, OpenOrder, PaperAccount, kept_back
from bot.domain.distributions import Distribution
from bot.domain.fills import Fill, FillRules, filled_with
from bot.domain.model import NOTHING, Action, OrderReport, OrderStatus, Portfolio, Symbol


@dataclass(frozen=True, slots=True)
class Opened:
    """The account begins; what it holds unsettled settles on a date."""

    opening: Opening
    settles: date
    kind: Literal["opened"] = "opened"


@dataclass(frozen=True, slots=True)
class Booked:
    """An order is taken for a session; `price` is what its purchase keeps cash back at."""

    number: str
    client_id: str
    session: date
    closes: datetime
    settles: date
    symbol: Symbol
    action: Action
    shares: int
    limit: Decimal | None
    price: Decimal
    at: datetime
    kind: Literal["booked"] = "booked"

    def report(self) -> OrderReport:
        """What is said of the order before anything came of it."""
        return OrderReport(
            symbol=self.symbol,
            action=self.action,
            shares=self.shares,
            limit=self.limit,
            status=OrderStatus.WORKING,
            entered_at=self.at,
            broker_id=self.number,
            client_id=self.client_id,
        )


@dataclass(frozen=True, slots=True)
class Filled:
    """Shares of an order traded."""

    number: str
    shares: int
    price: Decimal
    commission: Decimal
    at: datetime
    kind: Literal["filled"] = "filled"


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing more comes of an order."""

    number: str
    status: OrderStatus
    at: datetime
    reason: str = ""
    kind: Literal["ended"] = "ended"


Entry: TypeAlias = Opened | Booked | Filled | Ended


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it was booked and as it now stands."""

    booked: Booked
    report: OrderReport

    @property
    def working(self) -> bool:
        """Whether it may still fill."""
        return not self.report.status.final

    def ties(self, rules: FillRules) -> OpenOrder:
        """What its open rest keeps from other orders."""
        report = self.report
        kept = kept_back(report, self.booked.price, rules) if self.booked.price else NOTHING
        return OpenOrder(report.symbol, report.action, report.shares - report.filled, kept)


class Blotter:
    """The account and the orders of its latest session, as the entries made them."""

    def __init__(self, opened: Opened) -> None:
        self.opened = opened
        self.account = PaperAccount.opened(opened.opening, opened.settles)
        self.booked = 0
        self._orders: dict[str, Order] = {}

    def add(self, entry: Entry) -> None:
        """Let an entry happen; ValueError or KeyError where it can not have happened."""
        match entry:
            case Opened():
                raise ValueError(entry)  # an account begins once
            case Booked():
                self._book(entry)
            case Filled():
                self._fill(entry)
            case Ended():
                order = self._open(entry.number)
                report = replace(order.report, status=entry.status, reason=entry.reason)
                self._orders[entry.number] = Order(order.booked, report)
            case never:
                assert_never(never)

    def settle(self, today: date) -> None:
        """Let the money arrive that is due by a day."""
        self.account = self.account.settle(today)

    def give(self, given: Distribution, price: Decimal) -> Decimal:
        """Let holders have a split or a dividend; `price` is for a fraction of a share.

        Returns the money that came, negative where somebody who is short paid.
        """
        before = self.account.settled
        self.account = self.account.given(given.symbol, given.shares, given.money, price)
        return self.account.settled - before

    def report(self, number: str) -> OrderReport:
        """Where an order stands."""
        return self._orders[number].report

    def reports(self, session: date) -> Sequence[OrderReport]:
        """Every order entered on a date, the refused ones too, first booked first."""
        return [o.report for o in self._orders.values() if o.booked.session == session]

    def named(self, client_id: str) -> Sequence[Order]:
        """The orders of a client's name: two where it asked twice."""
        return [o for o in self._orders.values() if o.report.client_id == client_id]

    def working(self) -> Sequence[Order]:
        """The orders that may still fill, first booked first."""
        return [order for order in self._orders.values() if order.working]

    def portfolio(self, rules: FillRules) -> Portfolio:
        """The account as its broker reports it."""
        return self.account.portfolio(order.ties(rules) for order in self.working())

    def _book(self, entry: Booked) -> None:
        # Earlier sessions are over: what a call costs must not grow with the years.
        self._orders = {
            number: order
            for number, order in self._orders.items()
            if order.working or order.booked.session == entry.session
        }
        if entry.number in self._orders:
            raise ValueError(entry)
        self._orders[entry.number] = Order(entry, entry.report())
        self.booked += 1

    def _open(self, number: str) -> Order:
        order = self._orders[number]
        if not order.working:
            raise ValueError(order)
        return order

    def _fill(self, entry: Filled) -> None:
        order = self._open(entry.number)
        booked = order.booked
        if not 0 < entry.shares <= booked.shares - order.report.filled:
            raise ValueError(entry)
        fill = Fill(booked.symbol, booked.action, entry.shares, entry.price, entry.commission)
        report = filled_with(order.report, fill)
        self.account = self.account.settle(booked.session).apply(fill, booked.settles)
        self._orders[entry.number] = Order(booked, report)
