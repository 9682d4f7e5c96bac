"""What needs no plan: a book that is where it should be."""

from collections.abc import Mapping
from decimal import Decimal

from bot.domain.model import Portfolio, Role, Symbol, TradingRules
from bot.domain.money import TargetValues


def at_rest(
    targets: TargetValues,
    portfolio: Portfolio,
    prices: Mapping[Symbol, Decimal],
    rules: TradingRules,
) -> bool:
    """Whether it is plain without a plan that a run would order nothing and owe nothing.

    It is where exactly what is wanted is held, a whole share fits into every target, and
    no gap is worth an order. False says nothing: a plan may still come to no order.
    """
    wanted = {symbol: value for symbol, value in targets.values.items() if value}
    held = portfolio.shares
    if wanted.keys() != held.keys() or portfolio.cash < 0 or targets.locked:
        return False
    idle = portfolio.cash - targets.reserve > rules.idle_cash * targets.equity
    buying = funding = False
    for symbol, value in wanted.items():
        price = prices.get(symbol)
        if price is None or value < price:
            return False
        worth = held[symbol] * price
        gap, band = value - worth, targets.band(symbol, worth, rules)
        haven = targets.role(symbol) is Role.SAFE_HAVEN
        # Of less than half a share nothing is bought, of less than one nothing sold.
        if 2 * gap >= price and (gap > band or idle):
            return False
        if -gap > band and -gap + (band if haven else 0) >= price:
            return False
        buying |= gap > band and not haven
        funding |= haven and band - gap >= price
    # A safe haven pays for what others lack by less than a share.
    return not (buying and funding)
