"""Target weights to whole-share orders."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal

from bot.domain.buying import Buys
from bot.domain.model import Note, Plan, Portfolio, Role, RunKey, Side, Symbol, TradingRules
from bot.domain.money import TargetValues
from bot.domain.selling import Sells
from bot.domain.shorting import Shorts, carried, equity_lacking
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
    "sized_to_shorts",
    "target_below_one_share",
    "took_one_share",
})  # fmt: skip

# Excuses that count only while every order was filled: what is not done can still be done.
UNTIL_FILLED = frozenset({"cash_below_one_share", "sized_to_shorts"})


def sides(weights: Mapping[Symbol, float | Decimal]) -> tuple[Side, ...]:
    """The parts a run of these targets has; shorts are no part where nobody wants any."""
    shorts = any(weight < 0 for weight in weights.values())
    return tuple(side for side in Side if shorts or side is not Side.SHORT)


def leaving(targets: Mapping[Symbol, float | Decimal], portfolio: Portfolio) -> set[Symbol]:
    """Symbols whose present holding is to go whole: a zero target, or one across zero."""
    gone = {symbol for symbol, target in targets.items() if not target}
    for symbol, held in portfolio.shares.items():
        target = targets.get(symbol, 0)
        if target < 0 < held or held < 0 < target:
            gone.add(symbol)
    return gone


def plan_sells(
    run: RunKey, targets: TargetValues, situation: Situation, rules: TradingRules
) -> Plan:
    """Everything that closes: exits and covers first of all rules, then what is beyond target.

    A safe haven above its target is sold only as far as wanted shares need the
    money. With negative cash the band is forgotten until the debt is repaired.
    """
    side = Sells(run, targets, situation, rules)
    held = situation.portfolio.shares
    symbols = sorted(
        (symbol for symbol, value in targets.values.items() if value or symbol in held),
        key=lambda s: (SELL_ORDER.index(targets.role(s)), s),
    )
    exits = leaving(targets.values, situation.portfolio)
    for symbol in [s for s in symbols if s in exits]:
        side.exit(symbol)
    if situation.portfolio.cash < 0:
        side.repair([s for s in symbols if s not in exits])
        return side.plan()
    for symbol in symbols:
        if symbol not in exits and targets.role(symbol) is not Role.SAFE_HAVEN:
            side.reduce(symbol)
    side.fund([s for s in symbols if s not in exits and targets.role(s) is Role.SAFE_HAVEN])
    return side.plan()


def plan_shorts(
    run: RunKey, targets: TargetValues, situation: Situation, rules: TradingRules
) -> Plan:
    """Everything that opens or adds to a short, in target order, while the account can carry it.

    It comes before the longs, which are sized to what of it has filled. What is
    still held of a symbol is sold first; until that is done it is not shorted.
    """
    side = Shorts(run, targets, situation, rules)
    wanted = [symbol for symbol, value in targets.values.items() if value < 0]
    needed = equity_lacking(targets, rules)
    for symbol in wanted:
        if needed is None:
            side.sell(symbol)
        else:
            side.note("margin_short", symbol, needed=needed, equity=targets.equity)
    return side.plan()


def plan_buys(
    run: RunKey, targets: TargetValues, situation: Situation, rules: TradingRules
) -> Plan:
    """Everything that needs cash, in target order, from money that is confirmed.

    The gap is divided by the ask, only the cash by the limit: dividing the gap by
    a limit above the market would leave a part of every target untraded for ever.
    Where shorts are wanted the longs are no larger a part of theirs than what of
    the shorts is there.
    """
    asked, part = targets, carried(targets, situation)
    targets = asked.longs_times(part)
    side = Buys(run, targets, situation, rules)
    wanted = [s for s, value in targets.values.items() if value > 0 and side.wants(s)]
    for symbol in wanted:
        side.buy(symbol, side.whole_shares(symbol))
    side.round_up(wanted)
    side.fill_gaps([s for s, value in targets.values.items() if value > 0])
    for symbol, value in asked.values.items():
        if targets.values[symbol] < value and symbol not in side.notes:
            side.note("sized_to_shorts", symbol, target=value, part=part)
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
    excuses = EXCUSES - UNTIL_FILLED if unfilled else EXCUSES
    excused = {note.symbol for note in notes if note.code in excuses} - set(unfilled)
    left: dict[Symbol, int] = {}
    for symbol, value in targets.values.items():
        held = portfolio.held(symbol)
        if not value and not held:
            continue
        whole = int(held)
        if symbol not in prices:
            if bool(value) != bool(whole):
                left[symbol] = -whole or (1 if value > 0 else -1)
            continue
        worth = held * prices[symbol]
        gap = targets.gap(symbol, worth)
        if not value:
            if whole:
                left[symbol] = -whole
        elif symbol not in excused and abs(gap) > targets.band(symbol, worth, rules):
            shares = int(abs(gap) / prices[symbol])
            if shares:
                left[symbol] = shares if gap > 0 else -shares
    return left
