"""What a run closes: exits, reductions, safe havens for the shares they pay for, debt."""

from collections.abc import Sequence
from decimal import Decimal
from math import ceil, floor

from bot.domain.buying import Buys
from bot.domain.gates import Way
from bot.domain.model import NOTHING, Action, OrderIntent, Role, Symbol
from bot.domain.money import buy_limit, sell_limit
from bot.domain.situation import OneSide


class Sells(OneSide):
    """One side: what is sold or bought to cover, symbol by symbol."""

    def exit(self, symbol: Symbol) -> None:
        """Close every whole share: neither band nor minimum nor a cap keeps a book in."""
        held = self._whole(symbol)
        if held < 1:
            if self.at.portfolio.held(symbol):
                self.note("rounded", symbol, held=self.at.portfolio.held(symbol))
            return
        way = self.at.permit(symbol).exit
        if way is Way.NOT:
            self.stopped(symbol)
            return
        shares = self._closable(symbol)
        if shares < held:
            self.note("not_sellable", symbol, held=held, sellable=shares)
        limit = None if way is Way.MARKET else self._limit(symbol)
        self._close_in_slices(symbol, shares, limit)

    def reduce(self, symbol: Symbol) -> None:
        """Close what is beyond target, or all of a target no share fits into."""
        held = floor(self.at.portfolio.held(symbol))
        if self.targets.values[symbol] < 0:
            self._cover(symbol)
        elif held < 1:
            self._note_part(symbol)
        elif self.below_one_share(symbol):
            self._leave_or_keep_one(symbol, held)
        elif self.gap(symbol) < 0 and self.outside_band(symbol):
            self._reduce_by(symbol, floor(-self.gap(symbol) / self.at.prices[symbol]))
        elif self.gap(symbol) < 0:
            self.note("inside_band", symbol, gap=self.gap(symbol))

    def _cover(self, symbol: Symbol) -> None:
        """Buy back what is short beyond the target."""
        if self.gap(symbol) > 0 and self.outside_band(symbol):
            self._reduce_by(symbol, floor(self.gap(symbol) / self.at.prices[symbol]))
        elif self.gap(symbol) > 0:
            self.note("inside_band", symbol, gap=self.gap(symbol))

    def _note_part(self, symbol: Symbol) -> None:
        if self.gap(symbol) < 0:
            self.note("rounded", symbol, held=self.at.portfolio.held(symbol))

    def _leave_or_keep_one(self, symbol: Symbol, held: int) -> None:
        price, value = self.at.prices[symbol], self.targets.values[symbol]
        close_enough = value >= self.rules.retain * price
        if close_enough or symbol in self.at.recent:
            code = "kept_one_share" if close_enough else "changed_recently"
            self.note(code, symbol, target=value, price=price)
            if held > 1:
                self._reduce_by(symbol, held - 1)
        else:
            self.note("target_below_one_share", symbol, target=value, price=price)
            self._reduce_by(symbol, held, minimum=NOTHING)

    def _reduce_by(self, symbol: Symbol, shares: int, minimum: Decimal | None = None) -> None:
        least = self.rules.min_notional if minimum is None else minimum
        sellable = min(shares, self._closable(symbol), self._cap(symbol))
        if not self.at.permit(symbol).reduce:
            self.stopped(symbol)
        elif shares < 1:
            self.note("gap_below_one_share", symbol, gap=self.gap(symbol))
        elif sellable < 1:
            self.note("not_sellable", symbol, held=self.at.portfolio.held(symbol), sellable=0)
        elif sellable * self.at.prices[symbol] < least:
            self.note("below_minimum", symbol, gap=self.gap(symbol))
        else:
            self._close(symbol, sellable, self._limit(symbol))

    def fund(self, havens: Sequence[Symbol]) -> None:
        """Sell of the safe havens what wanted shares cost beyond the cash there is."""
        if not havens:
            return
        wanted = self._wanted()
        total = sum(
            (shares * price + self.rules.fee_allowance for shares, price in wanted), NOTHING
        )
        one = min((price for _, price in wanted), default=NOTHING) + self.rules.fee_allowance
        need = total - self._cash_to_come()
        for symbol in havens:
            held = floor(self.at.portfolio.held(symbol))
            if held < 1:
                self._note_part(symbol)
                continue
            over = -self.gap(symbol)
            band = self.targets.band(symbol, self.at.value(symbol), self.rules)
            spare = min(self._closable(symbol), floor((over + band) / self.at.prices[symbol]))
            needed = need > 0 and (wanted or over > band)
            if not needed or spare < 1 or not self.at.permit(symbol).reduce:
                self._note_kept(symbol, over, band)
                continue
            limit = sell_limit(self.at.quotes[symbol], self.rules)
            shares = min(spare, ceil(need / limit), self._cap(symbol))
            if wanted and shares * limit - need + total < one:
                self._note_kept(symbol, over, band)
                continue
            self._close(symbol, shares, limit)
            need -= shares * limit
            if over <= band:
                self.note("sold_for_cash", symbol, shares=shares)
            elif shares < floor(over / self.at.prices[symbol]):
                self.note("safe_haven_kept", symbol, gap=-over)

    def _note_kept(self, symbol: Symbol, over: Decimal, band: Decimal) -> None:
        if not self.at.permit(symbol).reduce and over > band:
            self.stopped(symbol)
        elif over > band:
            self.note("safe_haven_kept", symbol, gap=-over)
        elif over > 0:
            self.note("inside_band", symbol, gap=-over)

    def _wanted(self) -> list[tuple[int, Decimal]]:
        """The shares, at least one, and the limit of each buy that may be paid for."""
        buys = Buys(self.run, self.targets, self.at, self.rules)
        wanted = []
        for symbol, value in self.targets.values.items():
            haven = self.targets.role(symbol) is Role.SAFE_HAVEN
            if value > 0 and not haven and buys.wants(symbol):
                limit = buy_limit(self.at.quotes[symbol], self.rules)
                wanted.append((max(buys.whole_shares(symbol), 1), limit))
        return wanted

    def _cash_to_come(self) -> Decimal:
        """Trade-date cash after the sells so far, less what must stay.

        It decides what to sell, not what to spend today: money that settles later
        counts. A cover spends what its short kept back.
        """
        sells = [order for order in self.orders if order.action is Action.SELL]
        coming = sum((self._money(order) for order in sells), NOTHING)
        ours = self.at.portfolio.cash - self.at.shorted
        return ours + coming - self.targets.reserve - self.at.pledged

    def _money(self, order: OrderIntent) -> Decimal:
        """What an order is to bring, negative for a cover."""
        worth = order.shares * (order.limit or self.at.prices.get(order.symbol, NOTHING))
        return -worth if order.action.takes_shares else worth

    def repair(self, symbols: Sequence[Symbol]) -> None:
        """Sell until cash is not negative: safe havens first, then the largest overweight."""
        need = -self.at.portfolio.cash - sum(map(self._money, self.orders), NOTHING)
        havens = [s for s in symbols if self.targets.role(s) is Role.SAFE_HAVEN]
        others = sorted((s for s in symbols if s not in havens), key=self.gap)
        for symbol in (*havens, *others):
            need -= self._repay(symbol, need)

    def _repay(self, symbol: Symbol, need: Decimal) -> Decimal:
        """Sell of a symbol what a debt needs, and say how much that brings."""
        if self._is_short(symbol):
            if self.gap(symbol) > 0:
                self.note("negative_cash", symbol, gap=self.gap(symbol))
            return NOTHING
        sellable = self._closable(symbol)
        if not self.at.permit(symbol).reduce:
            self.stopped(symbol)
        elif need > 0 and sellable >= 1:
            limit = sell_limit(self.at.quotes[symbol], self.rules)
            shares = min(sellable, ceil(need / limit))
            self._close_in_slices(symbol, shares, limit)
            self.note("negative_cash", symbol, shares=shares)
            return shares * limit
        elif self.gap(symbol) < 0:
            self.note("negative_cash", symbol, gap=self.gap(symbol))
        return NOTHING

    def _close_in_slices(self, symbol: Symbol, shares: int, limit: Decimal | None) -> None:
        cap = self._cap(symbol)
        for attempt, start in enumerate(range(0, shares, cap), start=1):
            self._close(symbol, min(cap, shares - start), limit, attempt)

    def _close(self, symbol: Symbol, shares: int, limit: Decimal | None, attempt: int = 1) -> None:
        action = Action.BUY_TO_COVER if self._is_short(symbol) else Action.SELL
        self.orders.append(OrderIntent(self.run, symbol, action, shares, limit, attempt))

    def _limit(self, symbol: Symbol) -> Decimal:
        price = buy_limit if self._is_short(symbol) else sell_limit
        return price(self.at.quotes[symbol], self.rules)

    def _is_short(self, symbol: Symbol) -> bool:
        return self.at.portfolio.held(symbol) < 0

    def _whole(self, symbol: Symbol) -> int:
        """Whole shares held or shorted."""
        return abs(int(self.at.portfolio.held(symbol)))

    def _cap(self, symbol: Symbol) -> int:
        """The most shares one order may have; never so few that an exit could not go."""
        price = self.at.prices.get(symbol)
        if self.rules.max_notional is None or price is None:
            return max(self._whole(symbol), 1)
        return max(floor(self.rules.max_notional / price), 1)

    def _closable(self, symbol: Symbol) -> int:
        """Whole shares that are shorted, or held and not promised to an open sell."""
        portfolio = self.at.portfolio
        if self._is_short(symbol):
            return self._whole(symbol)
        return floor(min(portfolio.held(symbol), portfolio.sellable.get(symbol, NOTHING)))
