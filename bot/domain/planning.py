"""Target weights to whole-share orders."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from math import floor

from bot.domain.buying import Buys
from bot.domain.model import Note, Plan, Portfolio, Role, RunKey, Symbol, TradingRules
from bot.domain.money import TargetValues
from bot.domain.selling import Sells
from bot.domain.situation import Situation

SELL_ORDER = (Role.RISK, Role.INCOME, Role.SAFE_HAVEN)

# A residual with one of these notes is as near as whole shares and the rules allow.
EXCUSES = frozenset({
    "below_minimum",
    "cash_below_one_share",
    "changed_recently",
    "gap_below_one_share",
    "kept_one_share",
    "not_bought_back",
    "rounded",
    "safe_haven_as_cash",
    "safe_haven_kept",
    "target_below_one_share",
    "took_one_share",
})  # fmt: skip


def plan_sells(
    run: RunKey, targets: TargetValues, situation: Situation, rules: TradingRules
) -> Plan:
    """Everything that gives cash: exits first of all rules, then what is above target.

    A safe haven above its target is sold only as far as wanted shares need the
    money. With negative cash the band is forgotten until the debt is repaired.
    """
    side = Sells(run, targets, situation, rules)
    symbols = sorted(targets.values, key=lambda s: (SELL_ORDER.index(targets.role(s)), s))
    exits = [s for s in symbols if not targets.values[s]]
    for symbol in exits:
        side.exit(symbol)
    if situation.portfolio.cash < 0:
        side.repair([s for s in symbols if s not in exits])
        return side.plan()
    for symbol in symbols:
        if symbol not in exits and targets.role(symbol) is not Role.SAFE_HAVEN:
            side.reduce(symbol)
    side.fund([s for s in symbols if s not in exits and targets.role(s) is Role.SAFE_HAVEN])
    return side.plan()


def plan_buys(
    run: RunKey, targets: TargetValues, situation: Situation, rules: TradingRules
) -> Plan:
    """Everything that needs cash, in target order, from money that is confirmed.

    The gap is divided by the ask, only the cash by the limit: dividing the gap by
    a limit above the market would leave a part of every target untraded for ever.
    """
    side = Buys(run, targets, situation, rules)
    wanted = [s for s, value in targets.values.items() if value > 0 and side.wants(s)]
    for symbol in wanted:
        side.buy(symbol, side.whole_shares(symbol))
    side.round_up(wanted)
    side.fill_gaps([s for s, value in targets.values.items() if value > 0])
    return side.plan()


def residuals(
    targets: TargetValues,
    portfolio: Portfolio,
    prices: Mapping[Symbol, Decimal],
    notes: Sequence[Note],
    rules: TradingRules,
    unfilled: Collection[Symbol] = (),
) -> dict[Symbol, int]:
    """The whole shares each symbol is still away from its target without an excuse.

    Positive is still wanted, negative still to go. A note excuses no symbol of
    which an order stayed `unfilled`; while one did, want of cash is no excuse for
    any. A symbol without a price is measured by whether it is held against its
    target at all.
    """
    excuses = EXCUSES - {"cash_below_one_share"} if unfilled else EXCUSES
    excused = {note.symbol for note in notes if note.code in excuses} - set(unfilled)
    left: dict[Symbol, int] = {}
    for symbol, value in targets.values.items():
        held = portfolio.held(symbol)
        if symbol not in prices:
            if bool(value) != bool(floor(held)):
                left[symbol] = 1 if value else -floor(held)
            continue
        worth = held * prices[symbol]
        gap = targets.gap(symbol, worth)
        if not value:
            if floor(held) >= 1:
                left[symbol] = -floor(held)
        elif symbol not in excused and abs(gap) > targets.band(symbol, worth, rules):
            shares = int(abs(gap) / prices[symbol])
            if shares:
                left[symbol] = shares if gap > 0 else -shares
    return left
