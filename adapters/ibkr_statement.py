"""An account's statement, positions and open orders read as one portfolio."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from decimal import ROUND_DOWN, Decimal, InvalidOperation

from adapters.ibkr_orders import BUY, remaining
from adapters.ibkr_values import CURRENCY, Held, Lists, Statement
from bot.domain.errors import BrokerUnavailable
from bot.domain.model import NOTHING, AccountKind, Portfolio, Symbol

BASE = "BASE"
CENT = Decimal("0.01")
LEVERED = Decimal("1.5")  # times what is available: no cash account buys that much
LENDS_FROM = Decimal(2000)  # equity in USD below which no margin account is lent anything
MARGIN_HINTS = frozenset({"STKMRGN", "PMRGN"})


def portfolio_of(
    statement: Statement,
    positions: Sequence[Held],
    lists: Lists,
    traded_as: Mapping[Symbol, int],
) -> Portfolio:
    """The account as one value. `traded_as` numbers the instruments of symbols, 0 for unknown ones.

    Raises BrokerUnavailable `ibkr_statement_odd` for a value that is missing or no
    number, and `ibkr_not_ready` where the gateway itself does not believe its numbers.
    """
    values = _Values(statement)
    if values.text("AccountReady", "") != "true":
        raise BrokerUnavailable("ibkr_not_ready", account=statement.account)
    cash = values.money("TotalCashBalance", CURRENCY)
    foreign = values.foreign()
    shares, others = _sorted(positions, traded_as)
    return Portfolio(
        account=values.text("AccountCode", ""),
        cash=cash,
        settled=min(cash, values.own("SettledCash")),
        spendable=_unpromised(values.own("AvailableFunds"), statement.account, lists),
        shares=shares,
        sellable={s: _sellable(s, n, statement.account, lists) for s, n in shares.items()},
        others=others,
        foreign_cash=foreign,
        kind=values.kind(),
    )


def disagreements(statement: Statement, positions: Sequence[Held]) -> Collection[Symbol]:
    """Stocks of which the statement tells other shares than the list of positions."""
    told, listed = (
        {each.instrument: each.shares for each in held if each.instrument.ours and each.shares}
        for held in (statement.held, positions)
    )
    return {each.name for each in told.keys() | listed if told.get(each) != listed.get(each)}


class _Values:
    """The lines of a statement; each is a text with a tag and a currency."""

    def __init__(self, statement: Statement) -> None:
        self._values = statement.values

    def text(self, tag: str, currency: str) -> str:
        if (tag, currency) not in self._values:
            raise BrokerUnavailable("ibkr_statement_odd", tag=tag)
        return self._values[tag, currency]

    def money(self, tag: str, currency: str) -> Decimal:
        text = self.text(tag, currency)
        try:
            amount = Decimal(text)
        except InvalidOperation:
            raise BrokerUnavailable("ibkr_statement_odd", tag=tag, value=text) from None
        if not amount.is_finite():
            raise BrokerUnavailable("ibkr_statement_odd", tag=tag, value=text)
        return amount

    def foreign(self) -> dict[str, Decimal]:
        """Money of other currencies, each in its own."""
        currencies = [c for tag, c in self._values if tag == "TotalCashBalance"]
        amounts = {c: self.money("TotalCashBalance", c) for c in currencies}
        return {c: a for c, a in amounts.items() if c not in {CURRENCY, BASE} and a}

    def own(self, tag: str) -> Decimal:
        """A sum over all currencies without what is in foreign ones, in USD and rounded down.

        Foreign money is never spent; foreign debt is not made good either.
        """
        foreign = (a * self.money("ExchangeRate", c) for c, a in self.foreign().items())
        whole = self._summed(tag) - sum((max(a, NOTHING) for a in foreign), NOTHING)
        return (whole / self._rate()).quantize(CENT, ROUND_DOWN)

    def kind(self) -> AccountKind | None:
        """What the account is by what it may buy; None where that does not tell."""
        available, power = self._summed("AvailableFunds"), self._summed("BuyingPower")
        if available <= 0:
            return None
        if power >= LEVERED * available:
            return AccountKind.MARGIN
        small = self._summed("NetLiquidation") / self._rate() < LENDS_FROM
        hinted = self._values.get(("TradingType-S", "")) in MARGIN_HINTS
        return None if small or hinted else AccountKind.CASH

    def _summed(self, tag: str) -> Decimal:
        """A sum over all currencies, which is told in the base currency."""
        told = [c for t, c in self._values if t == tag and c != BASE]
        if len(told) != 1:
            raise BrokerUnavailable("ibkr_statement_odd", tag=tag)
        return self.money(tag, told[0])

    def _rate(self) -> Decimal:
        """What a dollar is worth in the base currency."""
        rate = self.money("ExchangeRate", CURRENCY)
        if rate <= 0:
            raise BrokerUnavailable("ibkr_statement_odd", tag="ExchangeRate", value=rate)
        return rate


def _sorted(
    positions: Sequence[Held], traded_as: Mapping[Symbol, int]
) -> tuple[Mapping[Symbol, Decimal], Sequence[str]]:
    """Stocks by symbol; by name what is something else, or another stock of the same symbol."""
    stocks = [each for each in positions if each.instrument.ours]
    times = Counter(each.instrument.symbol for each in stocks)
    shares: dict[Symbol, Decimal] = {}
    others = []
    for each in positions:
        about = each.instrument
        number = traded_as.get(about.symbol, 0)
        if about.ours and (about.con_id == number or (not number and times[about.symbol] == 1)):
            shares[about.symbol] = each.shares
        else:
            others.append(f"{each.shares.normalize():f} {about.name}")
    return shares, sorted(others)


def _sellable(symbol: Symbol, held: Decimal, account: str, lists: Lists) -> Decimal:
    selling = (
        remaining(listed, lists.executed)
        for listed in lists.open
        if listed.account == account and listed.instrument.name == symbol and listed.action != BUY
    )
    return max(held - sum(selling, NOTHING), NOTHING)


def _unpromised(available: Decimal, account: str, lists: Lists) -> Decimal:
    """What is left when open purchases have cost what they may; at the market that is all."""
    for listed in lists.open:
        if listed.account == account and listed.action == BUY:
            if listed.limit is None:
                return min(available, NOTHING)
            available -= remaining(listed, lists.executed) * listed.limit
    return available
