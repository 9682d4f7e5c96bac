"""The market: quotes, who may see them, and daily bars, given or drawn from a seed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from random import Random

from adapters.sims.bars import Bar
from adapters.sims.tws_contracts import INDICES, Instrument

TRADES = "TRADES"
ADJUSTED = "ADJUSTED_LAST"
ROUND_LOT = 100
BARS_DRAWN = 1300
DAILY_SPREAD = 0.01
DRAWN = (20, 400)
DRAWN_OF_INDEX = (12, 30)
SATURDAY = 5
VOLUME_DRAWN = (200_000, 9_000_000)


@dataclass(frozen=True, slots=True)
class Quote:
    """What is bid and asked now; None where nobody does. `close` is the last session's."""

    bid: Decimal | None = None
    ask: Decimal | None = None
    last: Decimal | None = None
    close: Decimal | None = None
    bid_size: int = ROUND_LOT
    ask_size: int = ROUND_LOT
    last_size: int = ROUND_LOT
    volume: int = 0
    halted: bool = False


@dataclass(frozen=True, slots=True)
class Dividend:
    """Money per share, for who held it before a day."""

    ex_date: date
    amount: Decimal


class DataRight(StrEnum):
    """What the account's subscriptions let its clients see of an instrument."""

    LIVE = "live"
    DELAYED = "delayed"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Permission:
    """A right, and the code a refusal is told with; 0 is the usual one."""

    right: DataRight = DataRight.LIVE
    code: int = 0


def around(price: Decimal, step: Decimal = Decimal("0.01")) -> Quote:
    """Return the tightest quote around a price, which is also the last one traded."""
    return Quote(price - step, price + step, price, price)


@dataclass(slots=True)
class Market:
    """All instruments' prices. Listeners hear the number of each instrument that moved."""

    seed: int = 1
    open: bool = True
    competing: bool = False
    quotes: dict[int, Quote] = field(default_factory=dict)
    permissions: dict[int, Permission] = field(default_factory=dict)
    bars: dict[tuple[int, str], tuple[Bar, ...]] = field(default_factory=dict)
    dividends: dict[int, Dividend] = field(default_factory=dict)
    listeners: list[Callable[[int], None]] = field(default_factory=list)

    def quote(self, con_id: int) -> Quote:
        """Return an instrument's quote; an empty one where there is none."""
        return self.quotes.get(con_id, Quote())

    def move(self, con_id: int, quote: Quote) -> None:
        """Set a quote and tell who listens."""
        self.quotes[con_id] = quote
        for listener in self.listeners:
            listener(con_id)

    def permission(self, con_id: int) -> Permission:
        """Return what may be seen of an instrument."""
        return self.permissions.get(con_id, Permission())

    def mark(self, con_id: int) -> Decimal | None:
        """The price a position is valued at: last, else middle, else close, else none."""
        quote = self.quote(con_id)
        middle = (quote.bid + quote.ask) / 2 if quote.bid and quote.ask else None
        return quote.last or middle or quote.close

    def price_for(self, con_id: int, *, buys: bool) -> Decimal | None:
        """The price at which a market order trades now, None where nobody is there."""
        quote = self.quote(con_id)
        if quote.halted:
            return None
        return quote.ask if buys else quote.bid

    def history(self, instrument: Instrument, what: str, today: date) -> tuple[Bar, ...]:
        """Return daily bars up to today, oldest first; none where nothing is known.

        While the market is open today's bar is the unfinished one of the quote. Total
        return bars are the traded ones where no others were given.
        """
        known = self.bars.get((instrument.con_id, what))
        if known is None and what == ADJUSTED:
            known = self.bars.get((instrument.con_id, TRADES))
        if known is None:
            known = self._drawn(instrument, today)
            self.bars[instrument.con_id, TRADES] = known
        past = tuple(bar for bar in known if bar.day <= today)
        return past + self._unfinished(instrument.con_id, past, today)

    def draw_price(self, symbol: str) -> Decimal:
        """Return the price a symbol nobody priced has, the same in every run of a seed."""
        between = DRAWN_OF_INDEX if symbol in INDICES else DRAWN
        drawn = Random(f"{self.seed}:{symbol}").uniform(*between)  # noqa: S311 - drawn from a seed on purpose
        return _cents(drawn)

    def _unfinished(self, con_id: int, past: tuple[Bar, ...], today: date) -> tuple[Bar, ...]:
        last = self.quote(con_id).last
        if not self.open or last is None or today.weekday() >= SATURDAY:
            return ()
        if past and past[-1].day == today:
            return ()
        return (Bar(today, last, last, last, last, self.quote(con_id).volume),)

    def _drawn(self, instrument: Instrument, today: date) -> tuple[Bar, ...]:
        """Walk back from the close of the quote, weekday by weekday."""
        close = self.quote(instrument.con_id).close or self.mark(instrument.con_id)
        if close is None:
            return ()
        chance = Random(f"{self.seed}:{instrument.symbol}:bars")  # noqa: S311 - the same
        bars, price = [], float(close)
        for day in _weekdays_before(today, BARS_DRAWN):
            before = price / (1 + chance.gauss(0, DAILY_SPREAD))
            wick = 1 + abs(chance.gauss(0, DAILY_SPREAD / 2))
            ends = sorted((before, price))
            bars.append(
                Bar(
                    day,
                    _cents(before),
                    _cents(ends[1] * wick),
                    _cents(ends[0] / wick),
                    _cents(price),
                    chance.randint(*VOLUME_DRAWN),
                )
            )
            price = before
        return tuple(reversed(bars))


def halted(quote: Quote, *, now: bool) -> Quote:
    """Return a quote of a market that stopped, or goes on."""
    return replace(quote, halted=now)


def _weekdays_before(day: date, how_many: int) -> Iterable[date]:
    found = 0
    while found < how_many:
        day -= timedelta(days=1)
        if day.weekday() < SATURDAY:
            found += 1
            yield day


def _cents(price: float) -> Decimal:
    return max(Decimal(price), Decimal("0.01")).quantize(Decimal("0.01"), ROUND_HALF_EVEN)
