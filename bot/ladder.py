"""The ladder of a symbol's orders: when one is replaced, at what price, by how many shares."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from bot.domain.gates import quote_finding
from bot.domain.memory import Standing
from bot.domain.model import (
    NOTHING,
    Action,
    OrderIntent,
    OrderStatus,
    Quote,
    RunKey,
    Session,
    Side,
    Symbol,
    TradingRules,
)
from bot.domain.money import buy_limit, sell_limit
from bot.ports import Desk

SELLS_AT = timedelta(minutes=14)  # before the close, as all of these
MARKET_AT = timedelta(minutes=6)
MARKET_GRACE = timedelta(seconds=30)  # for exits at market before anything is opened
SHORTS_UNTIL = timedelta(minutes=4)  # then the longs are sized to the shorts there are
LAST_CALL = timedelta(minutes=2)
PATIENCE = timedelta(seconds=45)  # with a first limit
STEEPER = 3  # the second attempt's distance, in distances of the first
SIDES = tuple(Side)
LEFT = "left"  # the name under which a plan's inputs keep the money it left over


@dataclass(frozen=True, slots=True)
class Trade:
    """What execution has to know of a run: its session, its rules, what leaves for good."""

    run: RunKey
    session: Session
    rules: TradingRules
    exits: Collection[Symbol]

    @property
    def market_at(self) -> datetime:
        """When exits stop caring about their price."""
        return self.session.closes - MARKET_AT

    @property
    def last_call(self) -> datetime:
        """When nothing new is sent and what rests is cancelled."""
        return self.session.closes - LAST_CALL

    def last_call_of(self, side: Side) -> datetime:
        """When nothing new of a side is sent; a short that rests then is cancelled."""
        return self.session.closes - SHORTS_UNTIL if side is Side.SHORT else self.last_call

    def given_until(self, side: Side) -> datetime:
        """How long the next side waits for one.

        Exits get their chance at market, shorts the time to be cancelled.
        """
        if side is Side.BUY:
            return self.last_call
        last = self.market_at if side is Side.SELL else self.last_call_of(side)
        return last + MARKET_GRACE


def unfilled(standings: Iterable[Standing]) -> dict[Symbol, tuple[int, int]]:
    """Symbols whose orders did not fill as planned: the shares missing, and those wanted."""
    return {
        line[0].intent.symbol: (_remaining(line), _wanted(line))
        for line in lines(standings)
        if _remaining(line) > 0
    }


def _wanted(line: Sequence[Standing]) -> int:
    return sum(s.intent.shares for s in line if not s.again)


def _remaining(line: Sequence[Standing]) -> int:
    return _wanted(line) - sum(s.filled for s in line)


def lines(standings: Iterable[Standing], last: Side = Side.BUY) -> list[list[Standing]]:
    """The standings by symbol, each in the order meant, side after side up to a `last` one."""
    by_symbol: dict[tuple[Side, Symbol], list[Standing]] = {}
    for standing in standings:
        by_symbol.setdefault((standing.side, standing.intent.symbol), []).append(standing)
    sides = SIDES[: SIDES.index(last) + 1]
    return [line for side in sides for (of, _), line in by_symbol.items() if of is side]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A further order after `last`, not priced yet: at so many distances, 0 at market."""

    last: OrderIntent
    rung: int
    shares: int


async def next_intent(trade: Trade, line: Sequence[Standing], desk: Desk) -> OrderIntent | None:
    """The next order of a symbol: a meant one not yet sent, or a further attempt."""
    now = desk.clock.now()
    coming = next_step(trade, line, now)
    if not isinstance(coming, Attempt):
        return coming
    symbol = coming.last.symbol
    quote = (await desk.market.quotes([symbol])).get(symbol) if coming.rung else None
    spare = NOTHING
    if coming.last.action is Action.BUY:
        left = Decimal(str(desk.ledger.inputs(trade.run, Side.BUY).get(LEFT, NOTHING)))
        spare = unspent(left, desk.ledger.standings(trade.run))
    again = priced(coming, trade, quote, now, spare)
    if again is not None:
        desk.ledger.intend_again(again, line[0].side)
    return again


def next_step(
    trade: Trade, line: Sequence[Standing], now: datetime
) -> OrderIntent | Attempt | None:
    """What comes next of a symbol: what was meant and not yet sent comes first."""
    if now >= trade.last_call_of(line[0].side):
        return None
    meant = next((s.intent for s in line if s.sent_at is None), None)
    if meant is not None:
        return meant
    # A slice is as large as one order may be, and no further attempt is larger.
    shares = min(_remaining(line), max(s.intent.shares for s in line))
    rung = _rung(trade, line, now)
    return None if rung is None or shares < 1 else Attempt(line[-1].intent, rung, shares)


def priced(
    attempt: Attempt, trade: Trade, quote: Quote | None, now: datetime, spare: Decimal
) -> OrderIntent | None:
    """A further attempt at the present quote; None where there is none to trust, or no money.

    A steeper limit may spend what was set aside for the order before, and `spare` USD.
    """
    last, shares, limit = attempt.last, attempt.shares, None
    if attempt.rung:
        # Within minutes no market goes far from what was asked: such a quote is not believed.
        asked = None if last.limit is None else float(last.limit)
        if quote is None or quote_finding(quote, now, asked, 0.0) is not None:
            return None
        price = buy_limit if last.action.takes_shares else sell_limit
        limit = price(quote, trade.rules, attempt.rung)
        if last.action is Action.BUY:
            assert last.limit is not None  # buys are never sent at market
            shares = min(shares, int((shares * last.limit + spare) / limit))
    if shares < 1:
        return None
    return OrderIntent(trade.run, last.symbol, last.action, shares, limit, last.attempt + 1)


def unspent(left: Decimal, standings: Sequence[Standing]) -> Decimal:
    """The money a plan of buys left over, less what further attempts took of it."""
    first = {s.intent.symbol: s.intent.limit or NOTHING for s in standings if not s.again}
    taken = sum(
        (
            s.intent.shares * ((s.intent.limit or NOTHING) - first[s.intent.symbol])
            for s in standings
            if s.again and s.side is Side.BUY
        ),
        NOTHING,
    )
    return max(left - taken, NOTHING)


def _rung(trade: Trade, line: Sequence[Standing], now: datetime) -> int | None:
    """How a further attempt would be priced: in distances, 0 at market, None not at all.

    Only what we cancelled ourselves is tried again: a refusal is an answer, and an
    order the owner cancelled by hand is the owner's will.
    """
    last = line[-1]
    assert last.report is not None  # a line goes on when each of its orders is answered
    if last.again and last.side is Side.SELL and last.report.status is OrderStatus.FILLED:
        return 0 if last.intent.limit is None else STEEPER  # the next slice follows its like
    if last.report.status is not OrderStatus.CANCELLED or last.cancel_asked_at is None:
        return None
    if _leaves_at_market(trade, last, now):
        return 0
    return STEEPER if _is_first(line) else None


def impatient(trade: Trade, line: Sequence[Standing], resting: Standing, now: datetime) -> bool:
    """Whether a resting order is to be replaced now."""
    assert resting.sent_at is not None
    if now >= trade.last_call:
        return False
    if resting.side is Side.SHORT and now >= trade.last_call_of(Side.SHORT):
        return True
    if _leaves_at_market(trade, resting, now):
        return True
    # Reductions are left when exits go market; buys may only begin then.
    patient = now - resting.sent_at < PATIENCE
    left = resting.side is Side.SELL and now >= trade.market_at
    return _is_first(line) and not patient and not left


def _leaves_at_market(trade: Trade, standing: Standing, now: datetime) -> bool:
    exit_ = standing.intent.symbol in trade.exits and standing.side is Side.SELL
    return exit_ and standing.intent.limit is not None and now >= trade.market_at


def _is_first(line: Sequence[Standing]) -> bool:
    return all(not s.again for s in line)


def finished(trade: Trade, line: Sequence[Standing], now: datetime) -> bool:
    """Whether a symbol has nothing more to send or to wait for."""
    if any(s.unanswered for s in line):
        return False
    if any(s.working for s in line):
        return False
    if line[0].side is Side.SHORT and now >= trade.last_call_of(Side.SHORT):
        return True
    if any(s.sent_at is None for s in line):
        return False
    return _remaining(line) < 1 or _rung(trade, line, now) is None
