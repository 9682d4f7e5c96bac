"""The accounts: money by currency, settled or not, and what is held at what cost."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from adapters.sims.tws_contracts import CASH, Directory, Instrument
from adapters.sims.tws_market import Market

BASE = "BASE"
NOTHING = Decimal(0)
INITIAL_MARGIN = Decimal("0.50")
MAINTENANCE_MARGIN = Decimal("0.25")
DAY_LEVERAGE = 4


class AccountKind(StrEnum):
    """Whether more may be bought than is paid for."""

    CASH = "cash"
    MARGIN = "margin"


class Proceeds(StrEnum):
    """When a cash account may spend what a sale brought in."""

    SETTLED = "settled"
    SAME_DAY = "same_day"


@dataclass(frozen=True, slots=True)
class Holding:
    """A position: shares below zero are short, `cost` is the average price of one."""

    shares: Decimal
    cost: Decimal


@dataclass(frozen=True, slots=True)
class AccountSetup:
    """An account as it begins.

    `cash` is by currency and settled, `holdings` by symbol, `rates` what one unit of a
    currency is worth in the base currency. `swept` is money at a bank, which is in `cash`
    already and is told a second time as CashBalance. `checks` refuses what is not covered.
    """

    name: str = "DU1000001"
    kind: AccountKind = AccountKind.CASH
    cash: Mapping[str, Decimal] = field(default_factory=lambda: {"USD": Decimal(100_000)})
    holdings: Mapping[str, Holding] = field(default_factory=dict)
    proceeds: Proceeds = Proceeds.SETTLED
    base: str = "USD"
    rates: Mapping[str, Decimal] = field(default_factory=dict)
    swept: Decimal = NOTHING
    checks: bool = True


@dataclass(frozen=True, slots=True)
class Value:
    """One line of an account's statement."""

    tag: str
    text: str
    currency: str = ""


class Account:
    """One account as it stands."""

    def __init__(self, setup: AccountSetup, directory: Directory, market: Market) -> None:
        self.setup = setup
        self.name = setup.name
        self.ready = True
        self.cash = dict(setup.cash)
        self.settled = dict(setup.cash)
        self.realized = NOTHING
        # Lines a test has rewritten; a line rewritten to nothing is left out.
        self.rewritten: dict[tuple[str, str], str | None] = {}
        self.holdings = {directory.named(s).con_id: held for s, held in setup.holdings.items()}
        self._directory = directory
        self._market = market

    def trade(
        self, instrument: Instrument, shares: Decimal, price: Decimal, fee: Decimal
    ) -> Decimal | None:
        """Take a trade in; shares below zero are sold. Returns what closing shares realized."""
        paid = shares * price * instrument.shares_each
        self._move(instrument.currency, -paid - fee, settles=shares > 0)
        self._settle_now(instrument.currency, -fee if shares < 0 else NOTHING)
        held = self.holdings.get(instrument.con_id, Holding(NOTHING, NOTHING))
        closes = held.shares * shares < 0
        total = held.shares + shares
        if not total:
            self.holdings.pop(instrument.con_id, None)
        else:
            self.holdings[instrument.con_id] = Holding(total, _cost(held, shares, price))
        if not closes:
            return None
        closed = min(abs(shares), abs(held.shares)).copy_sign(held.shares)
        realized = (price - held.cost) * closed * instrument.shares_each - fee
        self.realized += realized
        return realized

    def settle(self) -> None:
        """Let everything sold be paid."""
        self.settled = dict(self.cash)

    def pay_in(self, currency: str, amount: Decimal, *, settled: bool) -> None:
        """Take money in, or out where it is below zero."""
        self._move(currency, amount, settles=settled)

    def place(self, symbol: str, holding: Holding) -> None:
        """Hold so many shares from now on; none is no position."""
        con_id = self._directory.named(symbol).con_id
        if holding.shares:
            self.holdings[con_id] = holding
        else:
            self.holdings.pop(con_id, None)

    def stocks(self, currency: str | None = None) -> Decimal:
        """The market value of what is held, in its currency, or all in the base currency."""
        return sum(
            (
                self._worth(con_id, held) * (1 if currency else self.rate(instrument.currency))
                for con_id, held in self.holdings.items()
                for instrument in [self._directory.by_id[con_id]]
                if instrument.kind != CASH and currency in {None, instrument.currency}
            ),
            NOTHING,
        )

    def price(self, con_id: int) -> Decimal:
        """What one share of a position is valued at; its cost where there is no market."""
        mark = self._market.mark(con_id)
        held = self.holdings.get(con_id)
        return mark if mark is not None else held.cost if held else NOTHING

    def total(self, of: Mapping[str, Decimal]) -> Decimal:
        """Money of all currencies in the base currency."""
        return sum((amount * self.rate(c) for c, amount in of.items()), NOTHING)

    @property
    def equity(self) -> Decimal:
        """What all of it is worth in the base currency."""
        return self.total(self.cash) + self.stocks()

    @property
    def unrealized(self) -> Decimal:
        """What all positions would gain in the base currency if they were closed now."""
        listed = self._directory.by_id
        gains = (
            (self._worth(con_id, held) - held.shares * held.cost * listed[con_id].shares_each)
            * self.rate(listed[con_id].currency)
            for con_id, held in self.holdings.items()
            if listed[con_id].kind != CASH
        )
        return sum(gains, NOTHING)

    @property
    def initial_margin(self) -> Decimal:
        """What must be owned to open what is held."""
        return self._margin(INITIAL_MARGIN)

    @property
    def maintenance_margin(self) -> Decimal:
        """What must be owned to keep what is held."""
        return self._margin(MAINTENANCE_MARGIN)

    @property
    def available(self) -> Decimal:
        """What the broker calls available funds."""
        if self.setup.kind is AccountKind.MARGIN:
            return self.equity - self.initial_margin
        usable = self.settled if self.setup.proceeds is Proceeds.SETTLED else self.cash
        return self.total(usable)

    @property
    def buying_power(self) -> Decimal:
        """How much more may be bought."""
        if self.setup.kind is AccountKind.MARGIN:
            return max(self.available, NOTHING) * DAY_LEVERAGE
        return max(self.available, NOTHING)

    def rate(self, currency: str) -> Decimal:
        """What one unit of a currency is worth in the base currency."""
        return (
            Decimal(1) if currency == self.setup.base else self.setup.rates.get(currency, NOTHING)
        )

    def statement(self) -> tuple[Value, ...]:
        """Every line the gateway tells of it, account by account update."""
        lines = [*self._head(), *self._summary(), *self._ledgers()]
        told = [self.rewritten_line(line) for line in lines]
        return tuple(line for line in told if line)

    def rewritten_line(self, line: Value) -> Value | None:
        """Return a line as a test wants it told; None where it is left out."""
        key = (line.tag, line.currency)
        if key not in self.rewritten:
            return line
        text = self.rewritten[key]
        return None if text is None else Value(line.tag, text, line.currency)

    def _head(self) -> Iterable[Value]:
        yield Value("AccountCode", self.name)
        yield Value("AccountOrGroup", self.name, BASE)
        yield Value("AccountReady", "true" if self.ready else "false")
        yield Value("AccountType", "INDIVIDUAL")
        margin = self.setup.kind is AccountKind.MARGIN
        yield Value("TradingType-S", "STKMRGN" if margin else "STKNOPT")
        yield Value("Cushion", "1" if not margin else _money(self._cushion()))

    def _summary(self) -> Iterable[Value]:
        sums = {
            "NetLiquidation": self.equity,
            "TotalCashValue": self.total(self.cash),
            "SettledCash": self.total(self.settled),
            "AvailableFunds": self.available,
            "ExcessLiquidity": self.equity - self.maintenance_margin,
            "EquityWithLoanValue": self.equity,
            "GrossPositionValue": self._margin(Decimal(1), force=True),
            "InitMarginReq": self.initial_margin,
            "MaintMarginReq": self.maintenance_margin,
            "AccruedCash": NOTHING,
            "BuyingPower": self.buying_power,
        }
        for tag, amount in sums.items():
            yield Value(tag, _money(amount), self.setup.base)
            if tag != "BuyingPower":
                yield Value(f"{tag}-S", _money(amount), self.setup.base)

    def _ledgers(self) -> Iterable[Value]:
        cash, stocks = self.total(self.cash), self.stocks()
        yield from self._ledger(BASE, cash, stocks, Decimal(1))
        for currency, amount in self.cash.items():
            yield from self._ledger(currency, amount, self.stocks(currency), self.rate(currency))

    def _ledger(
        self, currency: str, cash: Decimal, stocks: Decimal, rate: Decimal
    ) -> Iterable[Value]:
        swept = self.setup.swept if currency in {BASE, self.setup.base} else NOTHING
        yield Value("Currency", currency, currency)
        yield Value("CashBalance", _money(cash + swept), currency)
        yield Value("TotalCashBalance", _money(cash), currency)
        yield Value("StockMarketValue", _money(stocks), currency)
        yield Value("NetLiquidationByCurrency", _money(cash + stocks), currency)
        yield Value("RealizedPnL", _money(self.realized), currency)
        yield Value("ExchangeRate", _money(rate), currency)
        yield Value("RealCurrency", currency, currency)

    def _margin(self, share: Decimal, *, force: bool = False) -> Decimal:
        """A share of what is held, long and short; in a cash account all of it."""
        if self.setup.kind is AccountKind.CASH and not force:
            share = Decimal(1)
        held = (
            abs(self._worth(con_id, held)) * self.rate(self._directory.by_id[con_id].currency)
            for con_id, held in self.holdings.items()
            if self._directory.by_id[con_id].kind != CASH
        )
        return sum(held, NOTHING) * share

    def _worth(self, con_id: int, held: Holding) -> Decimal:
        return held.shares * self.price(con_id) * self._directory.by_id[con_id].shares_each

    def _cushion(self) -> Decimal:
        equity = self.equity
        return (equity - self.maintenance_margin) / equity if equity else NOTHING

    def _move(self, currency: str, amount: Decimal, *, settles: bool) -> None:
        self.cash[currency] = self.cash.get(currency, NOTHING) + amount
        self._settle_now(currency, amount if settles else NOTHING)

    def _settle_now(self, currency: str, amount: Decimal) -> None:
        self.settled[currency] = self.settled.get(currency, NOTHING) + amount


def _cost(held: Holding, shares: Decimal, price: Decimal) -> Decimal:
    total = held.shares + shares
    if held.shares * shares >= 0:
        return (held.shares * held.cost + shares * price) / total
    return held.cost if held.shares * total > 0 else price


def _money(amount: Decimal) -> str:
    return f"{amount:.4f}" if amount != amount.quantize(Decimal("0.01")) else f"{amount:.2f}"
