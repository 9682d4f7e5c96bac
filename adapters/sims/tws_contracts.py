"""The directory of instruments: what is listed where, and which of them a request means."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from zlib import crc32

from adapters.sims.tws_wire import Fields, Message

SMART = "SMART"
STOCK = "STK"
OPTION = "OPT"
CASH = "CASH"
INDEX = "IND"
# A right that does not apply: a question mark beside orders, a zero in portfolios.
NO_RIGHT_OF_ORDERS = "?"
NO_RIGHT_OF_PORTFOLIO = "0"
_INVENTED = 900_000_000
# Symbols that are no shares, with the exchange that computes them.
INDICES = {"VIX": "CBOE"}
# Known from public material; the others get a number made from their name.
KNOWN_IDS = {"SPY": 756733, "GLD": 51529211, "AAPL": 265598, "AMZN": 3691937}


@dataclass(frozen=True, slots=True)
class Instrument:
    """One contract of the directory. `primary` is where it is listed, SMART where it is routed.

    `expiry` is YYYYMMDD, `min_tick` the smallest price step. Without a `con_id` it gets
    one when it is listed.
    """

    symbol: str
    con_id: int = 0
    kind: str = STOCK
    currency: str = "USD"
    primary: str = "ARCA"
    expiry: str = ""
    strike: Decimal = Decimal(0)
    right: str = ""
    multiplier: str = ""
    local_symbol: str = ""
    trading_class: str = ""
    min_tick: Decimal = Decimal("0.01")
    name: str = ""

    @property
    def exchanges(self) -> tuple[str, ...]:
        """Where orders in it may go."""
        if self.kind in {CASH, INDEX}:
            return (self.primary,)
        return (SMART, self.primary, "IBKRATS")

    @property
    def routed(self) -> str:
        """Where it goes unless a client says otherwise."""
        return self.exchanges[0]

    @property
    def shares_each(self) -> Decimal:
        """How many units of the underlying one contract stands for."""
        return Decimal(self.multiplier or 1)

    def received(self, exchange: str, no_right: str = "") -> Message:
        """The eleven fields by which a gateway names it, with an exchange of the context."""
        return (
            self.con_id,
            self.symbol,
            self.kind,
            self.expiry,
            self.strike,
            self.right or no_right,
            self.multiplier,
            exchange,
            self.currency,
            self.local_symbol,
            self.trading_class,
        )


@dataclass(frozen=True, slots=True)
class Query:
    """What a client says of a contract; empty fields leave it open."""

    con_id: int = 0
    symbol: str = ""
    kind: str = ""
    expiry: str = ""
    strike: Decimal = Decimal(0)
    right: str = ""
    multiplier: str = ""
    exchange: str = ""
    primary: str = ""
    currency: str = ""
    local_symbol: str = ""
    trading_class: str = ""

    def fits(self, instrument: Instrument) -> bool:
        """Whether it may mean that instrument."""
        if self.con_id:
            return self.con_id == instrument.con_id
        asked = (
            (self.symbol, instrument.symbol),
            (self.kind, instrument.kind),
            (self.currency, instrument.currency),
            (self.primary, instrument.primary),
            (self.local_symbol, instrument.local_symbol),
            (self.trading_class, instrument.trading_class),
            (self.multiplier, instrument.multiplier),
            (self.right.replace("?", "")[:1], instrument.right),
        )
        return (
            all(said in {"", listed} for said, listed in asked)
            and instrument.expiry.startswith(self.expiry)
            and self.strike in {Decimal(0), instrument.strike}
            and (not self.exchange or self.exchange in instrument.exchanges)
        )


def read_query(fields: Fields) -> Query:
    """Read the twelve fields by which a client names a contract."""
    con_id = fields.count()
    symbol, kind, expiry = fields.text(), fields.text(), fields.text()
    strike = fields.number() or Decimal(0)
    right, multiplier, exchange, primary = (fields.text() for _ in range(4))
    currency, local_symbol, trading_class = (fields.text() for _ in range(3))
    return Query(
        con_id=con_id,
        symbol=symbol,
        kind=kind,
        expiry=expiry,
        strike=strike,
        right=right,
        multiplier=multiplier,
        exchange=exchange,
        primary=primary,
        currency=currency,
        local_symbol=local_symbol,
        trading_class=trading_class,
    )


def ordinary(symbol: str) -> Instrument:
    """Return what a symbol is where nobody said otherwise: a stock, or an index known as one."""
    if symbol in INDICES:
        return Instrument(symbol, kind=INDEX, primary=INDICES[symbol])
    return Instrument(symbol)


@dataclass(slots=True)
class Directory:
    """Every instrument there is."""

    by_id: dict[int, Instrument] = field(default_factory=dict)

    def enter(self, instruments: Iterable[Instrument]) -> tuple[Instrument, ...]:
        """List instruments; those without a number get one that stays the same in every run."""
        return tuple(self._enter(each) for each in instruments)

    def find(self, query: Query) -> tuple[Instrument, ...]:
        """Return all it may mean: none, one, or several among which it does not decide."""
        return tuple(each for each in self.by_id.values() if query.fits(each))

    def named(self, symbol: str) -> Instrument:
        """Return the first instrument of that symbol, or local symbol. Raises LookupError."""
        for each in self.by_id.values():
            if symbol in {each.symbol, each.local_symbol}:
                return each
        raise LookupError(f"symbol is {symbol}: list it first")

    def knows(self, symbol: str) -> bool:
        """Whether anything of that symbol is listed."""
        return any(each.symbol == symbol for each in self.by_id.values())

    def _enter(self, instrument: Instrument) -> Instrument:
        listed = replace(
            instrument,
            con_id=instrument.con_id or self._number(instrument),
            local_symbol=instrument.local_symbol or instrument.symbol,
            trading_class=instrument.trading_class or instrument.symbol,
            name=instrument.name or f"{instrument.symbol} of {instrument.primary}",
        )
        if self.by_id.get(listed.con_id, listed).symbol != listed.symbol:
            raise ValueError(f"con_id is {listed.con_id}: it is that of another instrument")
        self.by_id[listed.con_id] = listed
        return listed

    def _number(self, instrument: Instrument) -> int:
        if instrument.kind == STOCK and instrument.currency == "USD":
            known = KNOWN_IDS.get(instrument.symbol, 0)
            if known and known not in self.by_id:
                return known
        number = crc32(repr(replace(instrument, name="")).encode()) % _INVENTED + 1
        while number in self.by_id and self.by_id[number].symbol != instrument.symbol:
            number += 1
        return number
