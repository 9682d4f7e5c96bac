"""What must hold before a book may trade, and what a finding stops."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

import numpy as np
import pandas as pd

from bot.domain.memory import Baseline, Mark, Switch
from bot.domain.model import Portfolio, Quote, Symbol
from bot.domain.strategy import Rebalance

MAX_QUOTE_AGE = timedelta(seconds=60)
VALUED_BELOW = Decimal("0.8")  # of the last close, for a holding without a quote
VALUED_ABOVE = Decimal("1.25")  # the same for a short, which costs what it is worth
SHORT_SALE_FALL = 0.90  # of a close, or lower: Rule 201 binds short sales that day and the next
UNEXPLAINED = Decimal("0.02")  # of equity
PRICE_LIMIT = 0.20
PRICE_LIMIT_SIGMAS = 8.0
SIGMA_SESSIONS = 20
SPLIT_RATIOS = (2, 3, 4, 5, 8, 10, 15, 20, 25)
SPLIT_TOLERANCE = 0.10
# Between these a price ratio is no split's: the nearest are one to two and two to one.
NO_SPLIT = ((1 + SPLIT_TOLERANCE) / min(SPLIT_RATIOS), (1 - SPLIT_TOLERANCE) * min(SPLIT_RATIOS))


class Finding(StrEnum):
    """Something that stops orders; of one symbol, or of the whole book."""

    QUOTE_MISSING = "quote_missing"
    QUOTE_STALE = "quote_stale"
    PRICE_LIMIT = "price_limit"
    TRADING_HALTED = "trading_halted"
    SPLIT_HINT = "split_hint"
    OPEN_ORDER = "open_order"
    OPEN_QUESTION = "open_question"
    FOREIGN_ORDER = "foreign_order"
    UNEXPECTED_SHORT = "unexpected_short"
    SHORT_RESTRICTED = "short_restricted"
    HISTORY_STALE = "history_stale"
    NEGATIVE_CASH = "negative_cash"
    UNEXPLAINED_EQUITY = "unexplained_equity"
    EXITS_ONLY = "exits_only"
    DECIDED_BLIND = "decided_blind"


class Way(StrEnum):
    """How an exit may go."""

    LIMIT = "limit"
    MARKET = "market"
    NOT = "not"


@dataclass(frozen=True, slots=True)
class Permit:
    """What may still be sent: an exit and how, a reduction, a buy, a short sale.

    A cover of everything is an exit, a cover of a part a reduction.
    """

    exit: Way = Way.LIMIT
    reduce: bool = True
    buy: bool = True
    short: bool = True

    def __and__(self, other: "Permit") -> "Permit":
        """Both permits at once: the stricter of each."""
        stricter = max(self.exit, other.exit, key=list(Way).index)
        return Permit(
            stricter,
            self.reduce and other.reduce,
            self.buy and other.buy,
            self.short and other.short,
        )


_BLIND = Permit(Way.MARKET, reduce=False, buy=False, short=False)
_UNTOUCHED = Permit(Way.NOT, reduce=False, buy=False, short=False)
_NO_OPENINGS = Permit(Way.LIMIT, reduce=True, buy=False, short=False)
_EXITS = Permit(Way.LIMIT, reduce=False, buy=False, short=False)

PERMITS: Mapping[Finding, Permit] = {
    Finding.QUOTE_MISSING: _BLIND,
    Finding.QUOTE_STALE: _BLIND,
    Finding.PRICE_LIMIT: _BLIND,
    Finding.TRADING_HALTED: _EXITS,
    # A stale quantity sold after a reverse split would open a short.
    Finding.SPLIT_HINT: _UNTOUCHED,
    Finding.OPEN_ORDER: _UNTOUCHED,
    Finding.OPEN_QUESTION: _UNTOUCHED,
    Finding.FOREIGN_ORDER: _NO_OPENINGS,
    # A book that shorts nothing can not say what such a holding is.
    Finding.UNEXPECTED_SHORT: _UNTOUCHED,
    Finding.SHORT_RESTRICTED: Permit(short=False),
    Finding.HISTORY_STALE: _NO_OPENINGS,
    Finding.NEGATIVE_CASH: _NO_OPENINGS,
    Finding.UNEXPLAINED_EQUITY: _NO_OPENINGS,
    Finding.EXITS_ONLY: _EXITS,
    Finding.DECIDED_BLIND: _NO_OPENINGS,
}


def permit(findings: Iterable[Finding]) -> Permit:
    """What all findings together leave."""
    allowed = Permit()
    for finding in findings:
        allowed &= PERMITS[finding]
    return allowed


def quote_finding(
    quote: Quote | None, now: datetime, last_close: float | None, sigma: float
) -> Finding | None:
    """What is wrong with a quote, the worst first.

    `last_close` is the previous session's close on the broker's scale, `sigma`
    the standard deviation of the symbol's recent daily returns. A quote whose
    bid, ask or last is no positive number, or whose bid is above its ask, is no
    quote. The age of one from the future is as unknown as that of an old one.
    """
    if quote is None or not _is_market(quote):
        return Finding.QUOTE_MISSING
    if abs(now - quote.at) > MAX_QUOTE_AGE:
        return Finding.QUOTE_STALE
    if last_close is not None:
        if split_ratio(float(quote.last) / last_close) is not None:
            return Finding.SPLIT_HINT
        # Orders are priced from bid and ask: a sane last price vouches for neither.
        ratios = [float(price) / last_close for price in (quote.bid, quote.ask, quote.last)]
        if max(abs(ratio - 1) for ratio in ratios) > _price_limit(sigma):
            return Finding.PRICE_LIMIT
    return Finding.TRADING_HALTED if quote.halted else None


def _is_market(quote: Quote) -> bool:
    finite = quote.bid.is_finite() and quote.ask.is_finite() and quote.last.is_finite()
    return finite and 0 < quote.bid <= quote.ask and quote.last > 0


def _price_limit(sigma: float) -> float:
    return max(PRICE_LIMIT, PRICE_LIMIT_SIGMAS * sigma)


def believable(price: Decimal, mark: Mark) -> Decimal:
    """The price, or its limit where it is beyond: a bad print must not move a whole account."""
    close, limit = Decimal(repr(mark.close)), Decimal(repr(_price_limit(mark.sigma)))
    return min(max(price, close * (1 - limit)), close * (1 + limit))


def short_restricted(last: Decimal, mark: Mark) -> bool:
    """Whether Rule 201 forbids a short sale at the bid: a fall of 10 % today or the day before.

    The day before is judged by its close; a fall that was made up for by then is
    the broker's to refuse.
    """
    return min(float(last) / mark.close, 1 + mark.change) <= SHORT_SALE_FALL


def split_ratio(price_ratio: float) -> float | None:
    """The split a price ratio looks like: shares after ÷ shares before, or None."""
    if NO_SPLIT[0] < price_ratio < NO_SPLIT[1]:
        return None
    for ratio in SPLIT_RATIOS:
        for shares in (float(ratio), 1 / ratio):
            if abs(price_ratio * shares - 1) <= SPLIT_TOLERANCE:
                return shares
    return None


def split_confirmed(price_ratio: float, before: Decimal, now: Decimal) -> bool:
    """Whether the broker's quantity moved inversely to the price, to within a share."""
    ratio = split_ratio(price_ratio)
    return ratio is not None and before != 0 and abs(before * Decimal(ratio) - now) < 1


def volatility(closes: pd.Series) -> float:
    """Sample standard deviation of the last 20 daily returns of one symbol; 0 where undefined."""
    own = closes.dropna().to_numpy()[-SIGMA_SESSIONS - 1 :]
    return float(np.std(own[1:] / own[:-1] - 1, ddof=1)) if len(own) > SIGMA_SESSIONS else 0.0


def unexplained_equity(
    baseline: Baseline | None,
    portfolio: Portfolio,
    prices: Mapping[Symbol, Decimal],
) -> Decimal | None:
    """Money that came or went without a known reason, None while it is at most 2 % of equity.

    The account as the last run left it is valued at today's prices; trades since
    move money into shares and change nothing. A holding of then that has no price
    now leaves the question open, and that is no finding: the missing quote is one.
    """
    if baseline is None or any(symbol not in prices for symbol in baseline.portfolio.shares):
        return None
    equity = portfolio.equity(prices)
    moved = equity - baseline.portfolio.equity(prices)
    return moved if abs(moved) > UNEXPLAINED * abs(equity) else None


def switch_findings(switch: Switch) -> frozenset[Finding]:
    """What a person's switch leaves to the book; a pause or a halt is asked elsewhere."""
    return frozenset({Finding.EXITS_ONLY} if switch is Switch.EXITS_ONLY else ())


def decision_findings(following: Rebalance | None) -> tuple[Finding, ...]:
    """What the targets a run follows stop by themselves."""
    return (Finding.DECIDED_BLIND,) if following is not None and following.blind else ()
