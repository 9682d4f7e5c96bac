"""What targets are worth, what may be spent, what an order is limited to."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_EVEN, Decimal
from typing import assert_never

from bot.domain.model import (
    NOTHING,
    Portfolio,
    Proceeds,
    Quote,
    Role,
    Symbol,
    TradingRules,
)
from bot.domain.strategy import Rebalance

CENT = Decimal("0.01")
SUB_PENNY = Decimal("0.0001")
BAND_OF_POSITION = Decimal("0.10")


@dataclass(frozen=True, slots=True)
class TargetValues:
    """A decision in money, frozen for both sides of its run.

    `values` are USD per symbol in target order, `equity` is what they are shares
    of and `reserve` the USD that stay cash. Of a holding so many USD are `locked`.
    """

    equity: Decimal
    reserve: Decimal
    values: Mapping[Symbol, Decimal]
    roles: Mapping[Symbol, Role] = field(default_factory=dict)
    locked: Mapping[Symbol, Decimal] = field(default_factory=dict)

    def role(self, symbol: Symbol) -> Role:
        """What a symbol is for; without a word it is risk."""
        return self.roles.get(symbol, Role.RISK)

    def gap(self, symbol: Symbol, held: Decimal) -> Decimal:
        """Target minus the USD held; what is locked of a holding is where it should be."""
        target = self.values[symbol]
        if symbol in self.locked:
            target = max(target, min(self.locked[symbol], held))
        return target - held

    def longs_times(self, part: Decimal) -> "TargetValues":
        """The same targets with so much of every long; safe havens stay as they are."""
        if part == 1:
            return self
        return replace(
            self,
            values={
                symbol: value * part
                if value > 0 and self.role(symbol) is not Role.SAFE_HAVEN
                else value
                for symbol, value in self.values.items()
            },
        )

    def band(self, symbol: Symbol, held: Decimal, rules: TradingRules) -> Decimal:
        """The gap in USD below which a symbol is left alone, `held` being its present value.

        A share of equity alone would never invest a deposit spread over many
        names, so it is also bounded by a share of the position.
        """
        position = BAND_OF_POSITION * max(abs(self.values[symbol]), abs(held))
        return min(rules.band * max(self.equity, NOTHING), position)


def value_targets(targets: Rebalance, equity: Decimal, rules: TradingRules) -> TargetValues:
    """Turn weights into USD: the reserve is taken once, as the largest of its three sources.

    V = w·E·min(1, (1 − r)/Σw): targets that leave room for the reserve stay as
    they are, others shrink together.
    """
    if equity <= 0:
        return TargetValues(equity, NOTHING, dict.fromkeys(targets.targets, NOTHING), targets.roles)
    asked = Decimal(repr(float(targets.reserve)))
    ratio = min(max(asked, rules.reserve, rules.reserve_floor / equity), Decimal(1))
    weights = _exactly(targets.targets)
    total = sum((w for w in weights.values() if w > 0), NOTHING)
    scale = min(Decimal(1), (1 - ratio) / total) if total else Decimal(1)
    values = {symbol: weight * equity * scale for symbol, weight in weights.items()}
    locked = {symbol: weight * equity for symbol, weight in _exactly(targets.locked).items()}
    return TargetValues(equity, ratio * equity, values, targets.roles, locked)


def _exactly(weights: Mapping[Symbol, float]) -> dict[Symbol, Decimal]:
    return {s: Decimal(repr(float(weight))) if weight else NOTHING for s, weight in weights.items()}


def spendable(
    portfolio: Portfolio,
    rules: TradingRules,
    reserve: Decimal,
    proceeds: Decimal,
    shorted: Decimal = NOTHING,
) -> Decimal:
    """USD that buys may use now, negative where the reserve is already touched.

    `proceeds` are this session's confirmed ones, zero where they may not be used
    before they settle. Never more than the trade-date cash: a broker may call
    proceeds settled already, and money promised to a purchase not yet gone. Of the
    cash as much as the shorts are worth, `shorted`, is owed to whoever lent them;
    what the broker calls available knows that already.
    """
    match rules.proceeds:
        case Proceeds.MARGIN:
            money = portfolio.spendable
        case Proceeds.SAME_DAY:
            money = portfolio.settled + proceeds
        case Proceeds.SETTLED:
            money = portfolio.settled
        case _:
            assert_never(rules.proceeds)
    return min(portfolio.cash - shorted, money) - reserve


def to_tick(price: Decimal) -> Decimal:
    """A price an exchange takes: cents, and hundredths of cents below a dollar."""
    return price.quantize(CENT if price >= 1 else SUB_PENNY, rounding=ROUND_HALF_EVEN)


def buy_limit(quote: Quote, rules: TradingRules, steps: int = 1) -> Decimal:
    """The most a buy may pay: the ask and `steps` premiums."""
    return to_tick(quote.ask * (1 + steps * rules.premium(quote.symbol)))


def sell_limit(quote: Quote, rules: TradingRules, steps: int = 1) -> Decimal:
    """The least a sell may bring: the bid less `steps` discounts."""
    return max(to_tick(quote.bid * (1 - steps * rules.discount(quote.symbol))), SUB_PENNY)
