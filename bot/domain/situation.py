"""What a planner looks at, and what both sides of a plan have in common."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from math import floor

from bot.domain.gates import Finding, Permit, permit
from bot.domain.memory import Standing
from bot.domain.model import (
    NOTHING,
    Action,
    Note,
    OrderIntent,
    Plan,
    Portfolio,
    Quotes,
    RunKey,
    Symbol,
    TradingRules,
)
from bot.domain.money import TargetValues


@dataclass(frozen=True, slots=True)
class Progress:
    """What a run did so far: confirmed proceeds of sales, what it sold, turnover in USD, orders.

    A short sale is no sale here: its money is owed with the shares.
    """

    proceeds: Decimal = NOTHING
    sold: Collection[Symbol] = ()
    turnover: Decimal = NOTHING
    orders: int = 0

    @classmethod
    def of(cls, standings: Iterable[Standing], prices: Mapping[Symbol, Decimal]) -> "Progress":
        """The sum of a run's orders; a further attempt turns over what the first one meant to."""
        every = list(standings)
        sells = [s for s in every if s.intent.action is Action.SELL]
        return cls(
            proceeds=sum((s.report.proceeds for s in sells if s.report), NOTHING),
            sold={s.intent.symbol for s in sells},
            turnover=sum((_worth(s.intent, prices) for s in every if not s.again), NOTHING),
            orders=len(every),
        )


def _worth(intent: OrderIntent, prices: Mapping[Symbol, Decimal]) -> Decimal:
    return intent.shares * (intent.limit or prices.get(intent.symbol, NOTHING))


@dataclass(frozen=True, slots=True)
class Situation:
    """The account and the market as a planner sees them.

    `portfolio` holds managed symbols only. `prices` value them, `quotes` are for
    limits. `findings` stop single symbols, `book_findings` all. `proceeds` are
    this run's confirmed ones that may buy today, `pledged` the money open
    questions may have taken. `done` is what this run did before; `recent` are
    symbols that traded within the rules' dwell; `settles` is when the money of
    today's sales does.
    """

    portfolio: Portfolio
    quotes: Quotes
    prices: Mapping[Symbol, Decimal]
    findings: Mapping[Symbol, Collection[Finding]] = field(default_factory=dict)
    book_findings: Collection[Finding] = ()
    proceeds: Decimal = NOTHING
    pledged: Decimal = NOTHING
    sold: Collection[Symbol] = ()
    turnover: Decimal = NOTHING
    orders: int = 0
    recent: Collection[Symbol] = ()
    settles: date | None = None

    def obstacles(self, symbol: Symbol) -> tuple[Finding, ...]:
        """Every finding that stands in a symbol's way, its own first."""
        unquoted = () if symbol in self.quotes else (Finding.QUOTE_MISSING,)
        return (*self.findings.get(symbol, ()), *unquoted, *self.book_findings)

    def permit(self, symbol: Symbol) -> Permit:
        """What may be sent in a symbol."""
        return permit(self.obstacles(symbol))

    def value(self, symbol: Symbol) -> Decimal:
        """What is held of a symbol, in USD; nothing where nothing is held."""
        held = self.portfolio.held(symbol)
        return held * self.prices[symbol] if held else NOTHING

    @property
    def shorted(self) -> Decimal:
        """What the shorts are worth, in USD: cash that is owed with the shares."""
        short = [symbol for symbol, shares in self.portfolio.shares.items() if shares < 0]
        return -sum((self.value(symbol) for symbol in short), NOTHING)

    def after(self, plan: Plan, *, usable: bool = False) -> "Situation":
        """The situation once a side has filled at its quotes, its money usable where it may be."""
        shares, money, turnover = dict(self.portfolio.shares), NOTHING, NOTHING
        for order in plan.orders:
            quote, takes = self.quotes.get(order.symbol), order.action.takes_shares
            price = (quote.ask if takes else quote.bid) if quote else self.prices[order.symbol]
            worth = order.shares * price
            held = self.portfolio.held(order.symbol)
            shares[order.symbol] = held + (order.shares if takes else -order.shares)
            money += -worth if takes else worth
            turnover += worth
        sold = {order.symbol for order in plan.orders if order.action is Action.SELL}
        portfolio = replace(
            self.portfolio,
            cash=self.portfolio.cash + money,
            spendable=self.portfolio.spendable + money,
            shares=shares,
        )
        return replace(
            self,
            portfolio=portfolio,
            proceeds=self.proceeds + (money if usable else NOTHING),
            sold={*self.sold, *sold},
            turnover=self.turnover + turnover,
            orders=self.orders + len(plan.orders),
        )


class OneSide:
    """What both sides of a plan have in common: intents, notes, the shape of a gap."""

    def __init__(
        self, run: RunKey, targets: TargetValues, situation: Situation, rules: TradingRules
    ) -> None:
        self.run, self.targets, self.at, self.rules = run, targets, situation, rules
        self.orders: list[OrderIntent] = []
        self.notes: dict[Symbol, Note] = {}

    def plan(self) -> Plan:
        """What came together."""
        return Plan(tuple(self.orders), tuple(self.notes.values()))

    def note(self, code: str, symbol: Symbol, **values: object) -> None:
        """Keep why a symbol is not traded as wanted; the latest reason counts."""
        self.notes[symbol] = Note(code, symbol, values)

    def gap(self, symbol: Symbol) -> Decimal:
        """Target minus held, in USD."""
        return self.targets.gap(symbol, self.at.value(symbol))

    def stopped(self, symbol: Symbol) -> None:
        """Keep which finding stands in the way."""
        self.note(self.at.obstacles(symbol)[0], symbol, gap=self.gap(symbol))

    def outside_band(self, symbol: Symbol) -> bool:
        """Whether the gap is worth an order."""
        band = self.targets.band(symbol, self.at.value(symbol), self.rules)
        return abs(self.gap(symbol)) > band

    def room(self, limit: Decimal, spent: Decimal, orders: int, taken: int = 0) -> int:
        """How many more shares at a limit the caps allow: orders, turnover, notional.

        `spent` USD and so many `orders`, this one among them, are the side's so far;
        `taken` are shares its order has already.
        """
        if self.at.orders + orders > self.rules.max_orders:
            return 0
        left = self.rules.max_turnover * self.targets.equity - self.at.turnover - spent
        if self.rules.max_notional is not None:
            left = min(left, self.rules.max_notional - taken * limit)
        return max(floor(left / limit), 0)

    def below_one_share(self, symbol: Symbol) -> bool:
        """Whether the target is positive and smaller than a share."""
        price = self.at.prices.get(symbol)
        return price is not None and 0 < self.targets.values[symbol] < price
