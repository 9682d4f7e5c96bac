"""The market: quotes, daily bars, and the hours of each day."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

from adapters.sims.bars import Bar
from adapters.sims.schwab_answers import Json
from adapters.sims.schwab_clock import Clock, milliseconds

NEW_YORK = ZoneInfo("America/New_York")
# Daily bars are dated by midnight where the vendor's market data lives.
CENTRAL = ZoneInfo("America/Chicago")
PRE_MARKET, OPENS, CLOSES, POST_MARKET = time(7), time(9, 30), time(16), time(20)
SATURDAY = 5
ROUND_LOT = 1
BLOCKS = ("quote", "reference", "regular", "extended", "fundamental")
NBBO = "NBBO"


class Listing(StrEnum):
    """What a symbol is; an index has no bid and no ask."""

    STOCK = "COE"
    FUND = "ETF"
    INDEX = "INDEX"


class Session(StrEnum):
    """Whether the market takes orders: always, never, or by the hours of the day."""

    OPEN = "open"
    CLOSED = "closed"
    BY_HOURS = "by_hours"


@dataclass(frozen=True, slots=True)
class Quote:
    """What the market says of a symbol; times not said are those of the asking.

    `close` is the previous close, `extended` the last price after hours. A quote that
    is not `realtime` is a delayed one.
    """

    symbol: str
    last: Decimal
    bid: Decimal | None = None
    ask: Decimal | None = None
    close: Decimal | None = None
    extended: Decimal | None = None
    listing: Listing = Listing.FUND
    realtime: bool = True
    quoted_at: datetime | None = None
    traded_at: datetime | None = None
    status: str = "Normal"
    volume: int = 0


@dataclass(frozen=True, slots=True)
class Hours:
    """When a day's regular hours end; no time, no session."""

    day: date
    closes: time | None = None


class Market:
    """Quotes by symbol, bars by symbol, and the days that are not ordinary."""

    def __init__(self, clock: Clock, quotes: Iterable[Quote] = ()) -> None:
        self._clock = clock
        self._quotes = {quote.symbol: quote for quote in quotes}
        self._bars: dict[str, tuple[Bar, ...]] = {}
        self._hours: dict[date, Hours] = {}
        self.session = Session.OPEN
        self.shows_today = False

    def put(self, quote: Quote) -> None:
        """Let a symbol be quoted so."""
        self._quotes[quote.symbol] = quote

    def drop(self, symbol: str) -> None:
        """Let a symbol be unknown. Raises LookupError if it is."""
        if self._quotes.pop(symbol, None) is None:
            raise LookupError(f"symbol is {symbol}: it is not quoted")

    def put_bars(self, symbol: str, bars: Iterable[Bar]) -> None:
        """Let these be a symbol's history, oldest first."""
        self._bars[symbol] = tuple(sorted(bars, key=lambda bar: bar.day))

    def put_hours(self, hours: Hours) -> None:
        """Let a day be this long, or closed."""
        self._hours[hours.day] = hours

    def quote(self, symbol: str) -> Quote | None:
        """Return what is quoted, None for a symbol nobody knows."""
        return self._quotes.get(symbol)

    def mark(self, symbol: str) -> Decimal | None:
        """Return the last price, None where there is none."""
        quote = self._quotes.get(symbol)
        return quote.last if quote else None

    @property
    def is_open(self) -> bool:
        """Whether orders are worked on at this moment."""
        if self.session is not Session.BY_HOURS:
            return self.session is Session.OPEN
        now = self._clock.now().astimezone(NEW_YORK)
        closes = self._closing(now.date())
        return closes is not None and OPENS <= now.time() < closes

    def quotes_json(self, symbols: Collection[str], fields: Collection[str]) -> Json:
        """Return the quotes of symbols; those nobody knows are named beside them."""
        found = {each: self._quote_json(q, fields) for each in symbols if (q := self.quote(each))}
        unknown = [symbol for symbol in symbols if symbol not in found]
        return found | ({"errors": {"invalidSymbols": unknown}} if unknown else {})

    def _quote_json(self, quote: Quote, fields: Collection[str]) -> Json:
        now = self._clock.now()
        traded = milliseconds(quote.traded_at or now)
        blocks: Json = {
            "quote": _quote_block(quote, milliseconds(quote.quoted_at or now), traded),
            "reference": {
                "description": quote.symbol,
                "exchange": "P",
                "exchangeName": "NYSE Arca",
            },
            "regular": {
                "regularMarketLastPrice": quote.last,
                "regularMarketLastSize": ROUND_LOT,
                "regularMarketTradeTime": traded,
            },
        }
        index = quote.listing is Listing.INDEX
        if index:
            del blocks["regular"]
        if quote.extended is not None:
            blocks["extended"] = {"lastPrice": quote.extended, "tradeTime": traded}
        return {
            "assetMainType": "INDEX" if index else "EQUITY",
            **({} if index else {"assetSubType": quote.listing, "quoteType": NBBO}),
            "realtime": quote.realtime,
            "symbol": quote.symbol,
            **{name: block for name, block in blocks.items() if not fields or name in fields},
        }

    def candles(self, symbol: str, since: int, until: int, *, extended: bool) -> list[Json]:
        """Return the daily bars dated within these milliseconds."""
        bars = [*self._bars.get(symbol, ()), *self._today(symbol, extended=extended)]
        dated = [(milliseconds(datetime.combine(b.day, time(), CENTRAL)), b) for b in bars]
        return [_candle(at, bar) for at, bar in dated if since <= at <= until]

    def _today(self, symbol: str, *, extended: bool) -> list[Bar]:
        """Return today's unfinished bar, where it is shown and not in the history already."""
        quote, bars = self._quotes.get(symbol), self._bars.get(symbol)
        today = self._clock.now().astimezone(NEW_YORK).date()
        if not (self.shows_today and quote and bars) or bars[-1].day >= today:
            return []
        last = quote.extended if extended and quote.extended is not None else quote.last
        before = quote.close or bars[-1].close
        return [Bar(today, before, max(before, last), min(before, last), last, quote.volume)]

    def hours_json(self, day: date) -> Json:
        """Return one day's hours; the inner name of a closed day is another."""
        closes = self._closing(day)
        name = "equity" if closes is None else "EQ"
        told = {"date": day.isoformat(), "marketType": "EQUITY", "product": name}
        shown: Json = told | {"isOpen": closes is not None}
        if closes is not None:
            spans = {
                "preMarket": (PRE_MARKET, OPENS),
                "regularMarket": (OPENS, closes),
                "postMarket": (closes, POST_MARKET),
            }
            hours = {span: [_span(day, *ends)] for span, ends in spans.items()}
            shown |= {"productName": "equity", "sessionHours": hours}
        return {"equity": {name: shown}}

    def _closing(self, day: date) -> time | None:
        if day in self._hours:
            return self._hours[day].closes
        return None if day.weekday() >= SATURDAY else CLOSES


def _quote_block(quote: Quote, quoted: int, traded: int) -> Json:
    block: Json = {
        "closePrice": quote.close or quote.last,
        "lastPrice": quote.last,
        "mark": quote.last,
        "securityStatus": quote.status,
        "totalVolume": quote.volume,
        "tradeTime": traded,
    }
    if quote.listing is Listing.INDEX:
        return block
    sides = {"bidPrice": quote.bid, "askPrice": quote.ask}
    shown = {name: price for name, price in sides.items() if price is not None}
    return block | shown | {"quoteTime": quoted}


def _candle(at: int, bar: Bar) -> Json:
    prices = {"open": bar.open, "high": bar.high, "low": bar.low, "close": bar.close}
    return prices | {"volume": bar.volume, "datetime": at}


def _span(day: date, start: time, end: time) -> Json:
    ends = (datetime.combine(day, each, NEW_YORK) for each in (start, end))
    return dict(zip(("start", "end"), (each.isoformat() for each in ends), strict=True))
