"""The market: its securities, their quotes, and who looks on."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal

from adapters.sims.bars import Bar
from adapters.sims.longport_clock import Clock
from adapters.sims.longport_refusals import bad_quote_request
from adapters.sims.longport_securities import Level, Quote, Security

TICK = Decimal("0.01")
MOST_BARS = 1000


class Market:
    """Securities with quotes; a security nobody quoted trades at its last close."""

    def __init__(self, securities: Iterable[Security], clock: Clock) -> None:
        self._clock = clock
        self._securities: dict[str, Security] = {}
        self._quotes: dict[str, Quote] = {}
        self._watchers: list[Callable[[Quote], None]] = []
        for each in securities:
            self.add(each)

    def add(self, security: Security) -> None:
        """Let there be a security, or change the one of that symbol."""
        self._securities[security.symbol] = security
        if security.symbol not in self._quotes and security.bars:
            self._quotes[security.symbol] = _at_the_close(security, self._clock)

    def watch(self, watcher: Callable[[Quote], None]) -> None:
        """Have somebody told of every changed quote."""
        self._watchers.append(watcher)

    def put(self, quote: Quote) -> Quote:
        """Let a quote be the market's. Raises LookupError for an unknown symbol."""
        if quote.symbol not in self._securities:
            raise LookupError(f"symbol is {quote.symbol}: list it first")
        dated = quote if quote.at else replace(quote, at=self._clock.now())
        self._quotes[quote.symbol] = dated
        for watcher in self._watchers:
            watcher(dated)
        return dated

    def known(self, symbols: Iterable[str]) -> list[Security]:
        """Those of the symbols that exist; the others are left out without a word."""
        return [self._securities[each] for each in symbols if each in self._securities]

    def security(self, symbol: str) -> Security:
        """The security of a symbol. Raises Refusal."""
        if symbol not in self._securities:
            raise bad_quote_request(f"invalid symbol {symbol}")
        return self._securities[symbol]

    def quote(self, symbol: str) -> Quote:
        """The quote of a symbol, without any price where there is none."""
        return self._quotes.get(symbol, Quote(symbol, None, at=self._clock.now()))

    def newest(self, symbol: str, count: int, *, adjusted: bool) -> list[Bar]:
        """The newest bars."""
        if not 1 <= count <= MOST_BARS:
            raise bad_quote_request(f"count is at most {MOST_BARS}")
        return self._bars(symbol, adjusted=adjusted)[-count:]

    def between(
        self, symbol: str, first: date | None, last: date | None, *, adjusted: bool
    ) -> list[Bar]:
        """Bars from one date to another.

        Of too many those near the end are kept, near the beginning where there is no end.
        """
        bars = [
            bar
            for bar in self._bars(symbol, adjusted=adjusted)
            if (first is None or bar.day >= first) and (last is None or bar.day <= last)
        ]
        return bars[:MOST_BARS] if first and not last else bars[-MOST_BARS:]

    def beside(
        self, symbol: str, day: date | None, count: int, *, forward: bool, adjusted: bool
    ) -> list[Bar]:
        """So many bars from a date on, or up to it; the newest where there is no date."""
        if not 1 <= count <= MOST_BARS:
            raise bad_quote_request(f"count is at most {MOST_BARS}")
        bars = self._bars(symbol, adjusted=adjusted)
        if forward:
            return [bar for bar in bars if day is None or bar.day >= day][:count]
        return [bar for bar in bars if day is None or bar.day <= day][-count:]

    def _bars(self, symbol: str, *, adjusted: bool) -> list[Bar]:
        security = self.security(symbol)
        return [*(security.adjusted if adjusted and security.adjusted else security.bars)]


def _at_the_close(security: Security, clock: Clock) -> Quote:
    bar = security.bars[-1]
    before = security.bars[-2].close if len(security.bars) > 1 else None
    return Quote(
        symbol=security.symbol,
        last=bar.close,
        prev_close=before,
        open=bar.open,
        high=bar.high,
        low=bar.low,
        volume=bar.volume,
        at=clock.now(),
        bids=(Level(bar.close - TICK),),
        asks=(Level(bar.close + TICK),),
    )
