"""Sessions, money, orders: the nouns."""

import base64
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

Symbol: TypeAlias = str
Quotes: TypeAlias = "Mapping[Symbol, Quote]"

NOTHING = Decimal(0)
INITIAL_REQUIREMENT = Decimal("0.5")  # of a position's value: Regulation T, long and short alike


class Mode(StrEnum):
    """What an order means: a preview, a game, money."""

    DRY = "dry"
    PAPER = "paper"
    LIVE = "live"


@dataclass(frozen=True, slots=True, order=True)
class Session:
    """A trading day of the exchange with its real hours."""

    date: date
    opens: datetime
    closes: datetime

    def decides_at(self, lead: timedelta) -> datetime:
        """The moment a book that wants `lead` before the close wakes."""
        return self.closes - lead


@dataclass(frozen=True, slots=True, order=True)
class RunKey:
    """A book trades a session once; this names that once."""

    book: str
    session: date


class Side(StrEnum):
    """The parts of a run, in their order: what closes, what opens shorts, what opens longs."""

    SELL = "sell"
    SHORT = "short"
    BUY = "buy"


class Action(StrEnum):
    """What an order does to a holding."""

    SELL = "sell"
    BUY = "buy"
    SELL_SHORT = "sell_short"
    BUY_TO_COVER = "buy_to_cover"

    @property
    def takes_shares(self) -> bool:
        """Whether the holding grows by the shares of the order."""
        return self in {Action.BUY, Action.BUY_TO_COVER}

    @property
    def closes(self) -> bool:
        """Whether the order only takes off what is held or shorted."""
        return self in {Action.SELL, Action.BUY_TO_COVER}


class Role(StrEnum):
    """What a symbol is for in its book; it orders the sells."""

    RISK = "risk"
    INCOME = "income"
    SAFE_HAVEN = "safe_haven"


class AccountKind(StrEnum):
    """Whether a broker lends money to an account."""

    CASH = "cash"
    MARGIN = "margin"


class Proceeds(StrEnum):
    """When the money of a sale may buy: by the kind of account, never inferred."""

    MARGIN = "margin"
    SAME_DAY = "same_day"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class TradingRules:
    """From target weights to shares.

    Weights, bands and ratios are fractions of equity; distances are fractions of
    a price; money is in USD. Exceptions for single symbols are data here and
    nowhere else. `requirements` and `short_requirements` are the broker's own
    initial margin rates of single symbols, fractions of a position's value.
    """

    band: Decimal = Decimal("0.01")
    reserve: Decimal = Decimal(0)
    reserve_floor: Decimal = Decimal(0)
    min_notional: Decimal = Decimal(50)
    buy_premium: Decimal = Decimal("0.003")
    sell_discount: Decimal = Decimal("0.003")
    premiums: Mapping[Symbol, Decimal] = field(default_factory=dict)
    retain: Decimal = Decimal("0.85")
    bootstrap: Decimal = Decimal("0.90")
    dwell: int = 5
    safe_haven_minimum: Decimal = Decimal(1000)
    idle_cash: Decimal = Decimal("0.02")
    fee_allowance: Decimal = Decimal(0)
    max_orders: int = 60
    max_turnover: Decimal = Decimal("2.5")
    max_notional: Decimal | None = None
    shorting: bool = False
    requirements: Mapping[Symbol, Decimal] = field(default_factory=dict)
    short_requirements: Mapping[Symbol, Decimal] = field(default_factory=dict)
    proceeds: Proceeds = Proceeds.SETTLED
    keep: Mapping[Symbol, int] = field(default_factory=dict)

    def premium(self, symbol: Symbol) -> Decimal:
        """How far above the ask a buy of the symbol may be limited."""
        return self.premiums.get(symbol, self.buy_premium)

    def discount(self, symbol: Symbol) -> Decimal:
        """How far below the bid a sell of the symbol may be limited."""
        return self.premiums.get(symbol, self.sell_discount)

    def requirement(self, symbol: Symbol, value: Decimal) -> Decimal:
        """The USD of its own an account must have for a position: the house's rate, else half."""
        rates = self.requirements if value > 0 else self.short_requirements
        return abs(value) * rates.get(symbol, INITIAL_REQUIREMENT)


@dataclass(frozen=True, slots=True)
class Quote:
    """What the market says of a symbol: buys use the ask, sells the bid, value the last.

    `at` is the time of bid and ask. `halted` is true while the exchange has
    stopped trading in the symbol.
    """

    symbol: Symbol
    bid: Decimal
    ask: Decimal
    last: Decimal
    at: datetime
    halted: bool = False


@dataclass(frozen=True, slots=True)
class Portfolio:
    """An account as its broker reports it.

    `cash` is trade-date money of the trading currency, `settled` its settled
    part, `spendable` what the broker itself calls available. `shares` may have
    fractions and are negative where the account is short; `sellable` are the whole
    or part shares not yet promised to an open sell. `hands_off` are holdings that
    are shown and never traded; `others` names what is no stock at all;
    `foreign_cash` is shown, never converted. `kind` is what the broker says the
    account is, None where it does not say.
    """

    account: str
    cash: Decimal
    settled: Decimal
    spendable: Decimal
    shares: Mapping[Symbol, Decimal]
    sellable: Mapping[Symbol, Decimal]
    hands_off: Mapping[Symbol, Decimal] = field(default_factory=dict)
    others: Sequence[str] = ()
    foreign_cash: Mapping[str, Decimal] = field(default_factory=dict)
    kind: AccountKind | None = None

    def managing(self, symbols: Collection[Symbol], keep: Mapping[Symbol, int]) -> "Portfolio":
        """The same account with everything but `symbols`, and `keep` of those, hands off."""
        mine: dict[Symbol, Decimal] = {}
        sellable: dict[Symbol, Decimal] = {}
        hands_off = dict(self.hands_off)
        for symbol, held in self.shares.items():
            kept = min(max(held, NOTHING), Decimal(keep.get(symbol, 0)))
            if symbol not in symbols:
                kept = held
            if kept:
                hands_off[symbol] = hands_off.get(symbol, NOTHING) + kept
            if held != kept:
                mine[symbol] = held - kept
                # What an open sell took is taken from the managed shares, not from the kept.
                sellable[symbol] = max(self.sellable.get(symbol, NOTHING) - kept, NOTHING)
        return replace(self, shares=mine, sellable=sellable, hands_off=hands_off)

    def held(self, symbol: Symbol) -> Decimal:
        """The managed shares of a symbol, zero where there are none."""
        return self.shares.get(symbol, NOTHING)

    def equity(self, prices: Mapping[Symbol, Decimal]) -> Decimal:
        """Trade-date cash and the managed holdings at `prices`; a missing price is a KeyError."""
        return self.cash + sum((n * prices[s] for s, n in self.shares.items()), NOTHING)


@dataclass(frozen=True, slots=True)
class OrderIntent:
    """An order we mean to place. Its name is computed, so planning twice names it equally."""

    run: RunKey
    symbol: Symbol
    action: Action
    shares: int
    limit: Decimal | None
    attempt: int = 1

    @property
    def id(self) -> str:
        """The client order id: 26 ASCII characters, the same for the same purpose."""
        purpose = (self.run.book, self.run.session.isoformat(), self.symbol, self.action.value)
        digest = hashlib.sha256("\n".join((*purpose, str(self.attempt))).encode()).digest()
        return base64.b32encode(digest)[:26].decode("ascii")


class OrderStatus(StrEnum):
    """Where an order stands; what a broker adds beyond these is working until proven final."""

    WORKING = "working"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUSED = "refused"
    NOT_BOOKED = "not_booked"

    @property
    def final(self) -> bool:
        """Whether nothing more can come of the order."""
        return self is not OrderStatus.WORKING


@dataclass(frozen=True, slots=True)
class OrderReport:
    """What the broker last said of an order."""

    symbol: Symbol
    action: Action
    shares: int
    limit: Decimal | None
    status: OrderStatus
    filled: int = 0
    average_price: Decimal | None = None
    commission: Decimal = NOTHING
    entered_at: datetime | None = None
    reason: str = ""
    broker_id: str = ""
    client_id: str = ""

    @classmethod
    def of(cls, order: OrderIntent, status: OrderStatus, reason: str = "") -> "OrderReport":
        """A report in our own words about an order of which the broker says nothing more."""
        return cls(
            symbol=order.symbol,
            action=order.action,
            shares=order.shares,
            limit=order.limit,
            status=status,
            reason=reason,
            client_id=order.id,
        )

    @property
    def proceeds(self) -> Decimal:
        """Confirmed money of the fills: positive for a sale, negative for a purchase."""
        if not self.filled or self.average_price is None:
            return NOTHING
        traded = self.filled * self.average_price
        return (-traded if self.action.takes_shares else traded) - self.commission


@dataclass(frozen=True, slots=True)
class Note:
    """A coded remark in a report; its words are the catalogue's."""

    code: str
    symbol: Symbol = ""
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """One side of a run: what to send, and a remark on every symbol that is not traded as wanted.

    Several orders of one symbol are slices, sent one after the other. `left` is
    the USD a side of buys did not set aside for its orders.
    """

    orders: Sequence[OrderIntent] = ()
    notes: Sequence[Note] = ()
    left: Decimal = field(default=NOTHING, compare=False)
