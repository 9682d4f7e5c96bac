"""What a run buys: whole shares towards the targets, from confirmed cash."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from math import ceil, floor

from bot.domain.model import (
    NOTHING,
    Action,
    OrderIntent,
    Plan,
    Role,
    RunKey,
    Symbol,
    TradingRules,
)
from bot.domain.money import TargetValues, buy_limit, spendable
from bot.domain.situation import OneSide, Situation

HALF = Decimal("0.5")

# Notes of a symbol that further cash could still bring nearer to its target.
WITHIN_REACH = frozenset({
    "below_minimum",
    "cash_below_one_share",
    "gap_below_one_share",
    "inside_band",
})  # fmt: skip


class Buys(OneSide):
    """One side: what is bought, symbol by symbol, while the cash lasts."""

    def __init__(
        self, run: RunKey, targets: TargetValues, situation: Situation, rules: TradingRules
    ) -> None:
        super().__init__(run, targets, situation, rules)
        portfolio = situation.portfolio
        shorted = situation.shorted
        free = spendable(portfolio, rules, targets.reserve, situation.proceeds, shorted)
        self.cash = free - situation.pledged
        self.awaited = portfolio.cash - shorted - targets.reserve - free
        self.shares: dict[Symbol, int] = {}

    def wants(self, symbol: Symbol) -> bool:
        """Whether a symbol is to be bought at all; if not, the note says why."""
        if self.gap(symbol) <= 0:
            return False
        if symbol in self.at.sold:
            self.note("not_bought_back", symbol)
        elif self.at.portfolio.held(symbol) < 0:
            self.note("closing_first", symbol, held=self.at.portfolio.held(symbol))
        elif not self.at.permit(symbol).buy:
            self.stopped(symbol)
        elif self.at.portfolio.cash < 0:
            self.note("negative_cash", symbol)
        elif self.below_one_share(symbol):
            return self._may_take_one(symbol)
        elif not self.outside_band(symbol):
            self.note("inside_band", symbol, gap=self.gap(symbol))
        elif self.targets.role(symbol) is Role.SAFE_HAVEN and self._too_small_to_park(symbol):
            self.note("safe_haven_as_cash", symbol, target=self.targets.values[symbol])
        else:
            return True
        return False

    def _may_take_one(self, symbol: Symbol) -> bool:
        """Whether a target just below a share is bought as one; a held part is not doubled."""
        value = self.targets.values[symbol]
        if self.gap(symbol) < self.rules.bootstrap * self._limit(symbol):
            self.note("target_below_one_share", symbol, target=value, price=self.at.prices[symbol])
        elif symbol in self.at.recent:
            self.note("changed_recently", symbol, target=value, price=self.at.prices[symbol])
        else:
            return True
        return False

    def _too_small_to_park(self, symbol: Symbol) -> bool:
        if self.targets.values[symbol] >= self.rules.safe_haven_minimum:
            return False
        return any(
            self.targets.role(s) is not Role.SAFE_HAVEN
            and self.below_one_share(s)
            and floor(self.at.portfolio.held(s)) < 1
            and value < self.rules.bootstrap * self.at.prices[s]
            for s, value in self.targets.values.items()
        )

    def whole_shares(self, symbol: Symbol) -> int:
        """Shares the gap is worth at the ask; one for a target just below a share."""
        # An ask below the price that values the holding would overshoot the target.
        price = max(self.at.quotes[symbol].ask, self.at.prices[symbol])
        return max(floor(self.gap(symbol) / price), self._starter(symbol))

    def _starter(self, symbol: Symbol) -> int:
        return int(self.below_one_share(symbol))

    def buy(self, symbol: Symbol, shares: int) -> None:
        """Buy what of `shares` the cash, the minimum and the caps allow."""
        limit = self._limit(symbol)
        if shares < 1:
            self.note("gap_below_one_share", symbol, gap=self.gap(symbol))
            return
        if shares * limit < self.rules.min_notional:
            self.note("below_minimum", symbol, gap=self.gap(symbol))
            return
        afforded = min(shares, max(floor((self.cash - self.rules.fee_allowance) / limit), 0))
        room = self._room(symbol)
        allowed = min(afforded, room)
        if allowed * limit < self.rules.min_notional:
            allowed = 0
        if allowed < shares:
            self._note_short(symbol, allowed, capped=room < afforded)
        elif self._starter(symbol):
            self.note("took_one_share", symbol, target=self.targets.values[symbol])
        if allowed:
            self._put(symbol, allowed)

    def _note_short(self, symbol: Symbol, shares: int, *, capped: bool) -> None:
        if capped:
            self.note("capped", symbol, gap=self.gap(symbol))
        elif self.awaited > 0 and self.cash + self.awaited >= self._cost(symbol, shares + 1):
            values = {"amount": self.awaited, "day": self.at.settles}
            self.note("awaiting_settlement", symbol, gap=self.gap(symbol), **values)
        else:
            self.note("cash_below_one_share", symbol, gap=self.gap(symbol), cash=self.cash)

    def round_up(self, wanted: Sequence[Symbol]) -> None:
        """Give left-over cash share by share to the largest remaining gap of half a share."""
        self._hand_out([s for s in wanted if not self._starter(s)], NOTHING)
        for symbol in wanted:
            if symbol not in self.notes and self._remaining(symbol) >= self.at.prices[symbol]:
                self._note_short(symbol, 0, capped=self._room(symbol) < 1)

    def fill_gaps(self, symbols: Sequence[Symbol]) -> None:
        """Cash well above the reserve fills the largest gaps, inside their bands too."""
        open_to_more = [s for s in symbols if self._may_be_filled(s)]
        self._hand_out(open_to_more, self.rules.idle_cash * self.targets.equity)

    def _may_be_filled(self, symbol: Symbol) -> bool:
        note = self.notes.get(symbol)
        settled = note is not None and note.code not in WITHIN_REACH
        return symbol in self.at.quotes and not settled and not self._starter(symbol)

    def _hand_out(self, symbols: Sequence[Symbol], kept: Decimal) -> None:
        while True:
            fitting = [symbol for symbol in symbols if self._takes_more(symbol, self.cash - kept)]
            if not fitting:
                return
            # max keeps the first of equals: ties go by target order.
            largest = max(fitting, key=self._remaining)
            self._put(largest, self._lot(largest))

    def _takes_more(self, symbol: Symbol, cash: Decimal) -> bool:
        lot = self._lot(symbol)
        return (
            self._remaining(symbol) >= (lot - HALF) * self.at.prices[symbol]
            and self._cost(symbol, lot) <= cash
            and self._room(symbol) >= lot
        )

    def _lot(self, symbol: Symbol) -> int:
        """One share more; of a new order as many as reach the minimum."""
        least = ceil(self.rules.min_notional / self._limit(symbol))
        return 1 if symbol in self.shares else max(least, 1)

    def _remaining(self, symbol: Symbol) -> Decimal:
        return self.gap(symbol) - self.shares.get(symbol, 0) * self.at.prices[symbol]

    def _limit(self, symbol: Symbol) -> Decimal:
        return buy_limit(self.at.quotes[symbol], self.rules)

    def _cost(self, symbol: Symbol, shares: int) -> Decimal:
        fee = NOTHING if symbol in self.shares else self.rules.fee_allowance
        return shares * self._limit(symbol) + fee

    def _put(self, symbol: Symbol, shares: int) -> None:
        self.cash -= self._cost(symbol, shares)
        self.shares[symbol] = self.shares.get(symbol, 0) + shares
        reached = self._remaining(symbol) < self.at.prices[symbol]
        if reached and symbol in self.notes and self.notes[symbol].code in WITHIN_REACH:
            del self.notes[symbol]

    def _room(self, symbol: Symbol) -> int:
        """How many more shares of a symbol the caps allow."""
        bought = sum((n * self._limit(s) for s, n in self.shares.items()), NOTHING)
        orders, taken = len({*self.shares, symbol}), self.shares.get(symbol, 0)
        return self.room(self._limit(symbol), bought, orders, taken)

    def plan(self) -> Plan:
        """One order for each symbol that got shares."""
        self.orders = [
            OrderIntent(self.run, symbol, Action.BUY, shares, self._limit(symbol))
            for symbol, shares in self.shares.items()
        ]
        for symbol in [s for s, note in self.notes.items() if note.code == "cash_below_one_share"]:
            # Told when the cash is spent: what is left of both, not what there was.
            self.note("cash_below_one_share", symbol, gap=self._remaining(symbol), cash=self.cash)
        return replace(super().plan(), left=max(self.cash, NOTHING))
