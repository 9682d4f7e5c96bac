"""Facts, account and quotes brought together; what is missing or stale is refused here."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

import pandas as pd

from bot.domain.calendar import Calendar
from bot.domain.errors import Blocked, Halted
from bot.domain.gates import (
    VALUED_ABOVE,
    VALUED_BELOW,
    Finding,
    believable,
    quote_finding,
    short_restricted,
    split_confirmed,
    split_ratio,
    switch_findings,
    unexplained_equity,
    volatility,
)
from bot.domain.matching import foreign
from bot.domain.memory import Baseline, Decided, Mark, Owed, Standing
from bot.domain.model import (
    NOTHING,
    AccountKind,
    Note,
    Portfolio,
    Proceeds,
    Quote,
    Quotes,
    RunKey,
    Session,
    Symbol,
)
from bot.domain.strategy import Book, Facts, Holding, Needs
from bot.ports import Adjustment, Desk

# A quote with one of these says nothing a signal may be computed from.
NO_PRICE = frozenset({Finding.QUOTE_MISSING, Finding.QUOTE_STALE, Finding.SPLIT_HINT})
VITAL_CODES = {
    Finding.QUOTE_MISSING: "vital_quote_missing",
    Finding.QUOTE_STALE: "vital_quote_stale",
    Finding.SPLIT_HINT: "vital_split_hint",
    Finding.PRICE_LIMIT: "vital_price_limit",
}


@dataclass(frozen=True, slots=True)
class Survey:
    """The account and the market at one moment.

    `portfolio` is narrowed to managed symbols, `quotes` are those an order may be
    priced from, `prices` value everything held or wanted, findings and notes say
    what is not as it should be.
    """

    portfolio: Portfolio
    quotes: Quotes
    prices: Mapping[Symbol, Decimal]
    findings: Mapping[Symbol, tuple[Finding, ...]]
    book_findings: tuple[Finding, ...]
    notes: tuple[Note, ...]


async def feeds(book: Book, session: Session, desk: Desk) -> dict[str, pd.DataFrame]:
    """The dated tables the strategy reads; Blocked where one is missing or not admitted."""
    found = {}
    for need in book.strategy.needs.feeds:
        if need.name not in desk.feeds:
            raise Blocked("feed_missing", feed=need.name)
        found[need.name] = await desk.feeds[need.name].table(session.date)
    return found


async def history(book: Book, session: Session, desk: Desk) -> Facts:
    """What was known before the session, checked for what the strategy can not do without.

    Includes symbols the book still holds though its strategy does not name them
    any more. Raises Blocked.
    """
    needs = book.needs
    if needs.total_return and desk.market.adjustment is not Adjustment.TOTAL_RETURN:
        raise Blocked("adjustment_mismatch", adjustment=desk.market.adjustment.value)
    left_over = [s for s in managed(book, desk) if s not in needs.symbols]
    facts = await desk.market.facts(
        replace(needs, symbols=(*needs.symbols, *left_over)), session.date
    )
    refuse_history(facts.closes, needs, desk.sessions.before(session.date).date)
    return numbered(facts, desk.sessions)


def numbered(facts: Facts, calendar: Calendar) -> Facts:
    """The facts with their sessions numbered as the exchange counts them."""
    return replace(facts, earlier=calendar.number(facts.sessions[0].date()))


def refuse_history(closes: pd.DataFrame, needs: Needs, yesterday: date) -> None:
    """Raise Blocked for a vital symbol whose closes do not reach back, or up to `yesterday`."""
    for symbol in needs.vital:
        bars = closes[symbol].iloc[-needs.sessions :]
        if bars.empty or bars.index[-1].date() != yesterday or pd.isna(bars.iloc[-1]):
            days = pd.DatetimeIndex(bars.dropna().index)
            newest = days[-1].date() if len(days) else None
            raise Blocked("vital_history_stale", symbol=symbol, newest=newest, wanted=yesterday)
        if bars.notna().sum() < needs.sessions:
            found = int(bars.notna().sum())
            raise Blocked("vital_history_short", symbol=symbol, bars=found, needed=needs.sessions)


def managed(book: Book, desk: Desk) -> tuple[Symbol, ...]:
    """What a book may trade: its strategy's symbols, and what it bought and still holds."""
    bought = desk.ledger.bought(book.name) if desk.broker.capabilities.keeps_fills else ()
    return tuple(dict.fromkeys((*book.needs.holds, *bought)))


def marks(facts: Facts, yesterday: date) -> dict[Symbol, Mark]:
    """The last close, on the broker's scale, and the daily sigma of every symbol with bars."""
    found = {}
    for symbol in facts.closes.columns:
        bars = facts.closes[symbol].dropna()
        if len(bars):
            change = float(bars.iloc[-1] / bars.iloc[-2] - 1) if len(bars) > 1 else 0.0
            fresh = bars.index[-1].date() == yesterday
            found[symbol] = Mark(_last_close(facts, symbol), volatility(bars), fresh, change)
    return found


def _last_close(facts: Facts, symbol: Symbol) -> float:
    bars = facts.closes[symbol].dropna()
    return facts.raw_closes.get(symbol, float(bars.iloc[-1]))


async def survey(
    book: Book,
    session: Session,
    desk: Desk,
    known: Mapping[Symbol, Mark],
    decided: Decided | None = None,
) -> Survey:
    """Read account, orders and quotes now, and say what stands in the way of what.

    Within a run that has `decided` its confirmed fills count, be they in the account
    or not yet. Raises Halted `account_identity` where the broker reports another account, and
    Blocked `no_prices` where something held can not be valued at all.
    """
    symbols = managed(book, desk)
    portfolio = await account(book, desk, symbols)
    if decided is not None:
        standings = desk.ledger.standings(decided.run)
        portfolio = _caught_up(portfolio, decided.portfolio, standings)
    asked = dict.fromkeys((*symbols, *book.needs.symbols))
    market = await desk.market.quotes(list(asked))
    now = desk.clock.now()
    baseline = desk.ledger.baseline(book.name) if desk.broker.capabilities.keeps_fills else None
    findings: dict[Symbol, tuple[Finding, ...]] = {}
    notes: list[Note] = []
    for symbol in asked:
        quote, level = market.get(symbol), symbol in book.needs.indices
        shorts = symbol in book.needs.shorts
        mark = known.get(symbol)
        found = look_at_level(quote, now) if level else look_at(quote, now, mark, shorts=shorts)
        if Finding.SPLIT_HINT in found and _quantity_agrees(
            symbol, market[symbol], known[symbol], baseline, portfolio
        ):
            notes.append(Note("split_accepted", symbol, {"last": market[symbol].last}))
        elif found:
            findings[symbol] = found
            if Finding.SPLIT_HINT in found and portfolio.held(symbol):
                notes.append(Note("split_hint", symbol, {"last": market[symbol].last}))
        if portfolio.held(symbol) < 0 and not book.rules.shorting:
            findings[symbol] = (Finding.UNEXPECTED_SHORT, *findings.get(symbol, ()))
            notes.append(Note("unexpected_short", symbol, {"held": portfolio.held(symbol)}))
    await _look_at_orders(book, session, desk, findings)
    prices, careful = value(portfolio, market, findings, known)
    accepted = {note.symbol for note in notes if note.code == "split_accepted"}
    moved = unexplained_equity(_in_todays_shares(baseline, accepted, portfolio), portfolio, prices)
    book_findings = tuple(switch_findings(desk.ledger.switch(book.name).switch))
    if moved is not None:
        book_findings = (Finding.UNEXPLAINED_EQUITY, *book_findings)
        notes.append(Note("unexplained_equity", "", {"amount": moved}))
    seen = usable(market, findings)
    return Survey(portfolio, seen, prices, findings, book_findings, (*notes, *careful))


async def account(book: Book, desk: Desk, symbols: Collection[Symbol]) -> Portfolio:
    """The account, proven to be the book's, narrowed to what the book manages.

    Raises Halted `account_identity` and `account_kind`: what money may be spent
    depends on what the account is, and that is configured, never inferred.
    """
    portfolio = await desk.broker.portfolio()
    if portfolio.account != book.account:
        raise Halted("account_identity", expected=book.account, reported=portfolio.account)
    lends = book.rules.proceeds is Proceeds.MARGIN
    if portfolio.kind is not None and (portfolio.kind is AccountKind.MARGIN) is not lends:
        configured = AccountKind.MARGIN if lends else AccountKind.CASH
        raise Halted("account_kind", configured=configured.value, reported=portfolio.kind.value)
    return portfolio.managing(symbols, book.rules.keep)


def _caught_up(seen: Portfolio, decided: Portfolio, standings: Sequence[Standing]) -> Portfolio:
    """The account with the confirmed fills of its run, where its snapshot lags behind them."""
    money, moved = NOTHING, Counter[Symbol]()
    for standing in standings:
        money += standing.report.proceeds if standing.report else NOTHING
        moved[standing.intent.symbol] += standing.moved
    late = {s: seen.held(s) + n for s, n in moved.items() if n and seen.held(s) == decided.held(s)}
    cash = seen.cash + money if seen.cash == decided.cash else seen.cash
    return replace(seen, cash=cash, shares={**seen.shares, **late})


def for_signals(facts: Facts, session: Session, seen: Survey, vital: Sequence[Symbol]) -> Facts:
    """The facts with today's provisional closes; a vital symbol without one blocks.

    A price that looks like an unconfirmed split is no bar. A confirmed one is put
    on the scale of the history, which will be re-based only tonight.
    """
    refuse_vital(seen.findings, vital)
    accepted = {note.symbol for note in seen.notes if note.code == "split_accepted"}
    today: dict[Symbol, Quote] = {}
    for symbol, quote in seen.quotes.items():
        last = quote.last
        if symbol in accepted:
            ratio = split_ratio(float(last) / _last_close(facts, symbol))
            assert ratio is not None  # only a ratio is ever accepted
            last *= Decimal(repr(ratio))
        today[symbol] = replace(quote, last=last)
    return facts.with_today(session.date, today)


def refuse_vital(findings: Mapping[Symbol, Sequence[Finding]], vital: Sequence[Symbol]) -> None:
    """Raise Blocked for a vital symbol whose price of today says nothing."""
    for symbol in vital:
        for finding in findings.get(symbol, ()):
            if finding in VITAL_CODES:
                raise Blocked(VITAL_CODES[finding], symbol=symbol)


def holdings(seen: Survey, owed: Owed | None, equity: Decimal) -> dict[Symbol, Holding]:
    """What the strategy is shown as held.

    Of symbols still owed it sees the decided holding: an unfinished exit is not
    held, an unfinished entry is. Otherwise one left-over share of an exit would
    be the next session's state.
    """
    shown = {
        symbol: Holding(shares, float(shares * seen.prices[symbol]))
        for symbol, shares in seen.portfolio.shares.items()
        if shares and Finding.UNEXPECTED_SHORT not in seen.findings.get(symbol, ())
    }
    for symbol in owed.unfinished if owed else ():
        assert owed is not None
        weight = owed.targets.targets.get(symbol, 0.0)
        if not weight:
            shown.pop(symbol, None)
        elif symbol not in shown and symbol in seen.prices:
            value = Decimal(repr(weight)) * equity
            whole = max(abs(value) // seen.prices[symbol], Decimal(1))
            shown[symbol] = Holding(whole if weight > 0 else -whole, float(value))
    return shown


def look_at(
    quote: Quote | None, now: datetime, mark: Mark | None, *, shorts: bool = False
) -> tuple[Finding, ...]:
    """What is wrong with a quote, with the close it is measured against, or with shorting it."""
    if mark is None or not mark.fresh:
        return (quote_finding(quote, now, None, 0.0) or Finding.HISTORY_STALE,)
    found = quote_finding(quote, now, mark.close, mark.sigma)
    if found is not None:
        return (found,)
    restricted = shorts and quote is not None and short_restricted(quote.last, mark)
    return (Finding.SHORT_RESTRICTED,) if restricted else ()


def look_at_level(quote: Quote | None, now: datetime) -> tuple[Finding, ...]:
    """What is wrong with the quote of an index: no level is too far, and none is a split."""
    found = quote_finding(quote, now, None, 0.0)
    return () if found is None else (found,)


def _quantity_agrees(
    symbol: Symbol, quote: Quote, mark: Mark, baseline: Baseline | None, portfolio: Portfolio
) -> bool:
    if baseline is None:
        return False
    ratio = float(quote.last) / mark.close
    return split_confirmed(ratio, baseline.portfolio.held(symbol), portfolio.held(symbol))


def _in_todays_shares(
    baseline: Baseline | None, split: Collection[Symbol], portfolio: Portfolio
) -> Baseline | None:
    """The account as the last run left it, in the shares there now are of what has split."""
    if baseline is None:
        return None
    before = baseline.portfolio
    shares = {s: portfolio.held(s) if s in split else n for s, n in before.shares.items()}
    return replace(baseline, portfolio=replace(before, shares=shares))


async def _look_at_orders(
    book: Book, session: Session, desk: Desk, findings: dict[Symbol, tuple[Finding, ...]]
) -> None:
    ours = desk.ledger.standings(RunKey(book.name, session.date))
    questions = desk.ledger.questions(book.name)
    echoes = desk.broker.capabilities.echoes_client_id
    theirs = foreign(await desk.broker.orders_today(), (*ours, *questions), echoes=echoes)
    for symbols, finding in (
        ({q.intent.symbol for q in questions}, Finding.OPEN_QUESTION),
        ({s.intent.symbol for s in ours if s.working}, Finding.OPEN_ORDER),
        (theirs, Finding.FOREIGN_ORDER),
    ):
        for symbol in symbols:
            findings[symbol] = (finding, *findings.get(symbol, ()))


def usable(market: Quotes, findings: Mapping[Symbol, Sequence[Finding]]) -> Quotes:
    """The quotes whose prices say something."""
    return {s: q for s, q in market.items() if NO_PRICE.isdisjoint(findings.get(s, ()))}


def value(
    portfolio: Portfolio,
    market: Quotes,
    findings: Mapping[Symbol, Sequence[Finding]],
    known: Mapping[Symbol, Mark],
) -> tuple[dict[Symbol, Decimal], list[Note]]:
    """A price for everything quoted, and a careful one for what is held and is not.

    What is held at a price beyond its limit counts as at the limit.
    """
    prices = {symbol: quote.last for symbol, quote in usable(market, findings).items()}
    notes = []
    for symbol in portfolio.shares:
        if symbol in prices:
            far = Finding.PRICE_LIMIT in findings.get(symbol, ())
            worth = believable(prices[symbol], known[symbol]) if far else prices[symbol]
            if worth != prices[symbol]:
                prices[symbol] = worth
                notes.append(Note("valued_at_limit", symbol, {"price": worth}))
            continue
        if symbol not in known:
            raise Blocked("no_prices", symbol=symbol, quoted=symbol in market)
        close = Decimal(repr(known[symbol].close))
        short = portfolio.held(symbol) < 0
        prices[symbol] = (VALUED_ABOVE if short else VALUED_BELOW) * close
        code = "valued_above_close" if short else "valued_below_close"
        notes.append(Note(code, symbol, {"price": prices[symbol]}))
    return prices, notes
