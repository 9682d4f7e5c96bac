"""What a run sells short, what that asks of the account, how much of the longs it carries."""

from decimal import Decimal
from math import floor

from bot.domain.model import NOTHING, Action, OrderIntent, Symbol, TradingRules
from bot.domain.money import TargetValues, sell_limit
from bot.domain.situation import OneSide, Situation

MARGIN_CUSHION = Decimal("1.3")  # equity over the initial requirement, below which nothing opens


def equity_lacking(targets: TargetValues, rules: TradingRules) -> Decimal | None:
    """The USD of equity the targets ask for, None where the account has them.

    The sum of the initial requirements of all positions, long and short, times
    the cushion.
    """
    asked = sum((rules.requirement(s, value) for s, value in targets.values.items()), NOTHING)
    needed = MARGIN_CUSHION * asked
    return needed if targets.equity < needed else None


def carried(targets: TargetValues, situation: Situation) -> Decimal:
    """The part of the wanted shorts that is there, by value: 1 where none are wanted."""
    short = {symbol: -value for symbol, value in targets.values.items() if value < 0}
    if not short:
        return Decimal(1)
    there = {symbol: max(-situation.value(symbol), NOTHING) for symbol in short}
    return sum((min(there[s], short[s]) for s in short), NOTHING) / sum(short.values(), NOTHING)


class Shorts(OneSide):
    """One side: what is sold short, symbol by symbol."""

    def sell(self, symbol: Symbol) -> None:
        """Sell short what is missing to the target; if nothing is sold, the note says why."""
        held = self.at.portfolio.held(symbol)
        if held > 0:
            self.note("closing_first", symbol, held=held)
        elif self.gap(symbol) >= 0:
            return
        elif not self.at.permit(symbol).short:
            self.stopped(symbol)
        elif not self.outside_band(symbol):
            self.note("inside_band", symbol, gap=self.gap(symbol))
        else:
            self._order(symbol, floor(-self.gap(symbol) / self.at.prices[symbol]))

    def _order(self, symbol: Symbol, shares: int) -> None:
        limit = sell_limit(self.at.quotes[symbol], self.rules)
        sold = sum((o.shares * (o.limit or NOTHING) for o in self.orders), NOTHING)
        allowed = min(shares, self.room(limit, sold, len(self.orders) + 1))
        if shares < 1:
            self.note("gap_below_one_share", symbol, gap=self.gap(symbol))
        elif shares * limit < self.rules.min_notional:
            self.note("below_minimum", symbol, gap=self.gap(symbol))
        elif allowed < 1:
            self.note("capped", symbol, gap=self.gap(symbol))
        else:
            if allowed < shares:
                self.note("capped", symbol, gap=self.gap(symbol))
            self.orders.append(OrderIntent(self.run, symbol, Action.SELL_SHORT, allowed, limit))
