"""A simulated account: its money, its shares, and the orders a broker would refuse it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import assert_never

from bot.domain.errors import OrderRefused
from bot.domain.fills import Fill, FillRules, Refuse, commission, market_price
from bot.domain.model import (
    NOTHING,
    Action,
    OrderIntent,
    OrderReport,
    Portfolio,
    Quote,
    Symbol,
)


@dataclass(frozen=True, slots=True)
class Opening:
    """What an account begins with.

    `cash` is trade-date money of which `unsettled` has not settled. `withheld`
    is money and `promised` are shares that are tied up for reasons outside.
    """

    account: str
    cash: Decimal
    shares: Mapping[Symbol, Decimal] = field(default_factory=dict)
    unsettled: Decimal = NOTHING
    withheld: Decimal = NOTHING
    promised: Mapping[Symbol, Decimal] = field(default_factory=dict)

    @classmethod
    def of(cls, portfolio: Portfolio) -> "Opening":
        """Go on from an account as its broker reports it; borrowed money is not spendable."""
        tied = {s: n - portfolio.sellable.get(s, NOTHING) for s, n in portfolio.shares.items()}
        return cls(
            account=portfolio.account,
            cash=portfolio.cash,
            shares=dict(portfolio.shares),
            unsettled=portfolio.cash - portfolio.settled,
            withheld=max(portfolio.cash - portfolio.spendable, NOTHING),
            promised={symbol: shares for symbol, shares in tied.items() if shares > 0},
        )


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """What an order that may still fill ties up: so many shares, or `kept` USD for a purchase."""

    symbol: Symbol
    action: Action
    shares: int
    kept: Decimal = NOTHING


@dataclass(frozen=True, slots=True)
class PaperAccount:
    """Money and shares, exactly as fills move them.

    A debit takes settled money at once, so `settled` is negative while unsettled
    money is spent; a credit waits in `unsettled` under its settlement date.
    Collateral of shorts is not reckoned: who shorts keeps the proceeds apart.
    """

    opening: Opening
    settled: Decimal
    shares: Mapping[Symbol, Decimal]
    unsettled: Mapping[date, Decimal] = field(default_factory=dict)

    @classmethod
    def opened(cls, opening: Opening, settles_on: date) -> "PaperAccount":
        """A new account, whose unsettled money settles on a date."""
        held = {symbol: shares for symbol, shares in opening.shares.items() if shares}
        waiting = {settles_on: opening.unsettled} if opening.unsettled else {}
        return cls(opening, opening.cash - opening.unsettled, held, waiting)

    @property
    def cash(self) -> Decimal:
        """Trade-date money."""
        return self.settled + sum(self.unsettled.values(), NOTHING)

    def held(self, symbol: Symbol) -> Decimal:
        """Shares of a symbol, negative for a short, zero where there are none."""
        return self.shares.get(symbol, NOTHING)

    def settle(self, today: date) -> "PaperAccount":
        """The account on a day: what was due by then is settled."""
        due = [day for day in self.unsettled if day <= today]
        if not due:
            return self
        waiting = {day: money for day, money in self.unsettled.items() if day not in due}
        arrived = sum((self.unsettled[day] for day in due), NOTHING)
        return replace(self, settled=self.settled + arrived, unsettled=waiting)

    def apply(self, fill: Fill, settles_on: date) -> "PaperAccount":
        """The account after a fill.

        Raises OrderRefused `not_enough_shares` for a sale of more than is held:
        only a short sale makes a short.
        """
        left = self.held(fill.symbol) + fill.moved
        if fill.action is Action.SELL and left < 0:
            raise OrderRefused("not_enough_shares", symbol=fill.symbol, shares=fill.shares)
        shares = {symbol: n for symbol, n in self.shares.items() if symbol != fill.symbol}
        if left:
            shares[fill.symbol] = left
        if fill.money < 0:
            return replace(self, shares=shares, settled=self.settled + fill.money)
        waiting = self.unsettled.get(settles_on, NOTHING) + fill.money
        return replace(self, shares=shares, unsettled={**self.unsettled, settles_on: waiting})

    def given(
        self, symbol: Symbol, ratio: Decimal, money: Decimal, price: Decimal
    ) -> "PaperAccount":
        """The account after a split or a dividend of what it holds; who is short pays.

        `ratio` are new shares for each old one, of which a fraction that the split made
        is paid out at `price`; `money` comes for each new share, settled at once.
        """
        before = self.held(symbol)
        after = before * ratio
        whole = after if ratio == 1 else Decimal(int(after))
        shares = {other: n for other, n in self.shares.items() if other != symbol}
        if whole:
            shares[symbol] = whole
        paid = whole * money + (after - whole) * (price + money)
        return replace(self, shares=shares, settled=self.settled + paid)

    def portfolio(self, working: Iterable[OpenOrder] = ()) -> Portfolio:
        """The account as its broker reports it: what open orders tie up is not available."""
        kept, promised = self.opening.withheld, dict(self.opening.promised)
        for order in working:
            kept += order.kept
            if order.action is Action.SELL:
                promised[order.symbol] = promised.get(order.symbol, NOTHING) + order.shares
        free = {s: max(n - promised.get(s, NOTHING), NOTHING) for s, n in self.shares.items()}
        return Portfolio(
            account=self.opening.account,
            cash=self.cash,
            settled=self.settled,
            spendable=self.cash - kept,
            shares=self.shares,
            sellable=free,
        )


def kept_back(order: OrderReport, price: Decimal, rules: FillRules) -> Decimal:
    """USD the open rest of a purchase ties up at a price per share, commission included."""
    rest = order.shares - order.filled
    return rest * price + commission(order.shares, rules) - commission(order.filled, rules)


def admit(
    order: OrderIntent, quote: Quote | None, portfolio: Portfolio, rules: FillRules
) -> Decimal:
    """Let an order in as a broker does, or raise OrderRefused with the broker's reason.

    Returns the price per share its purchase keeps cash back at, zero for what
    needs none. A cover is let in without a look at cash: whoever is short must be
    able to leave.
    """
    _admit_terms(order, rules)
    match order.action:
        case Action.BUY:
            return _admit_purchase(order, quote, portfolio, rules)
        case Action.SELL:
            _admit_up_to(portfolio.sellable.get(order.symbol, NOTHING), order)
        case Action.BUY_TO_COVER:
            _admit_up_to(-portfolio.held(order.symbol), order)
        case Action.SELL_SHORT:
            _admit_short(order, portfolio, rules)
        case never:
            assert_never(never)
    return NOTHING


def _admit_terms(order: OrderIntent, rules: FillRules) -> None:
    drill = rules.drills.get(order.symbol)
    if isinstance(drill, Refuse):
        raise OrderRefused(drill.reason, symbol=order.symbol)
    if order.shares <= 0 or order.shares != int(order.shares):
        raise OrderRefused("bad_shares", symbol=order.symbol, shares=order.shares)
    if order.limit is not None and order.limit <= 0:
        raise OrderRefused("bad_limit", symbol=order.symbol, limit=order.limit)


def _admit_purchase(
    order: OrderIntent, quote: Quote | None, portfolio: Portfolio, rules: FillRules
) -> Decimal:
    price = order.limit or (market_price(order.action, quote, rules) if quote else NOTHING)
    if price <= 0:
        raise OrderRefused("no_quote", symbol=order.symbol)
    cost = order.shares * price + commission(order.shares, rules)
    if cost > portfolio.spendable:
        raise OrderRefused(
            "insufficient_cash", symbol=order.symbol, cost=cost, spendable=portfolio.spendable
        )
    return price


def _admit_up_to(available: Decimal, order: OrderIntent) -> None:
    if order.shares > available:
        raise OrderRefused(
            "not_enough_shares", symbol=order.symbol, shares=order.shares, available=available
        )


def _admit_short(order: OrderIntent, portfolio: Portfolio, rules: FillRules) -> None:
    if not rules.shorting:
        raise OrderRefused("shorting_not_allowed", symbol=order.symbol)
    if portfolio.held(order.symbol) > 0:
        raise OrderRefused("long_position", symbol=order.symbol)
