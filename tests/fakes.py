"""Stand-ins for the world outside, small enough to see through."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import partial
from inspect import iscoroutinefunction
from typing import Any, NoReturn

import pandas as pd

from bot.domain.calendar import Calendar
from bot.domain.errors import Blocked, DataError, OrderRefused
from bot.domain.memory import Message
from bot.domain.model import OrderIntent, OrderReport, OrderStatus, Portfolio, Quote, Quotes, Symbol
from bot.domain.strategy import Decision, Facts, Needs, View, rotate
from bot.ports import Adjustment, Capabilities, Clock, Desk, NotDelivered
from bot.schedule import JumpingClock


class FakeBroker:
    """One account; orders fill at once at the quote, save in symbols for which a test says how not.

    `resting` symbols stay open, of `partly` ones only so many shares fill,
    `refusing` ones have a reason. Of `silent` symbols orders are booked and never
    answered, of `lost` ones not even booked. During `outage` nothing can be read.
    """

    def __init__(self, account: Portfolio, market: "TimedMarket", clock: Clock) -> None:
        self.account = account
        self.capabilities = Capabilities(shorting=True)
        self.orders: list[OrderReport] = []
        self.asked: list[OrderIntent] = []
        self.resting: set[Symbol] = set()
        self.partly: dict[Symbol, int] = {}
        self.refusing: dict[Symbol, str] = {}
        self.silent: set[Symbol] = set()
        self.lost: set[Symbol] = set()
        self.outage: tuple[datetime, datetime] | None = None
        self._market, self._clock = market, clock

    async def portfolio(self) -> Portfolio:
        self._reach()
        return self.account

    async def orders_today(self) -> Sequence[OrderReport]:
        self._reach()
        today = self._clock.now().date()
        return [o for o in self.orders if o.entered_at is None or o.entered_at.date() == today]

    async def submit(self, order: OrderIntent) -> OrderReport:
        self.asked.append(order)
        if order.symbol in self.refusing:
            raise OrderRefused(self.refusing[order.symbol], symbol=order.symbol)
        if order.symbol in self.lost:
            raise TimeoutError
        report = replace(
            OrderReport.of(order, OrderStatus.WORKING),
            broker_id=f"{len(self.orders) + 1}",
            entered_at=self._clock.now(),
        )
        if order.symbol not in self.resting:
            report = self._filled(report, min(order.shares, self.partly.get(order.symbol, 10**9)))
        self.orders.append(report)
        if order.symbol in self.silent:
            raise TimeoutError
        return report

    async def cancel(self, order: OrderIntent) -> None:
        self._reach()
        for at, report in enumerate(self.orders):
            if report.client_id == order.id and not report.status.final:
                self.orders[at] = replace(report, status=OrderStatus.CANCELLED)

    def settle(self) -> None:
        """Let the money of all sales arrive."""
        self.account = replace(self.account, settled=self.account.cash)

    def _reach(self) -> None:
        if self.outage and self.outage[0] <= self._clock.now() < self.outage[1]:
            raise ConnectionError("no route")

    def _filled(self, report: OrderReport, shares: int) -> OrderReport:
        quote = self._market.quote(report.symbol)
        buys = report.action.takes_shares
        price = quote.ask if buys else quote.bid
        moved = shares if buys else -shares
        cash = self.account.cash - moved * price
        held = dict(self.account.shares)
        held[report.symbol] = held.get(report.symbol, Decimal(0)) + moved
        held = {symbol: n for symbol, n in held.items() if n}
        settled = self.account.settled - max(moved, 0) * price
        self.account = replace(
            self.account, cash=cash, settled=settled, spendable=cash, shares=held, sellable=held
        )
        status = OrderStatus.FILLED if shares == report.shares else OrderStatus.WORKING
        return replace(report, status=status, filled=shares, average_price=price)


class FixedMarket:
    """A market whose quotes are a table that a test may change; `down` is an outage."""

    adjustment = Adjustment.TOTAL_RETURN

    def __init__(self, quotes: Quotes) -> None:
        self.table = dict(quotes)
        self.down = False

    async def facts(self, needs: Needs, session: date) -> Facts:
        raise DataError("no_history", symbols=needs.symbols, session=session)

    async def quotes(self, symbols: Collection[Symbol]) -> Quotes:
        await asyncio.sleep(0)  # as over a line: others have their turn meanwhile
        if self.down:
            raise ConnectionError
        return {symbol: self.table[symbol] for symbol in symbols if symbol in self.table}


class Phone:
    """A notifier that keeps what it is told, after failing the first few times.

    It asks for a `wait` of so many seconds whenever it fails.
    """

    def __init__(self, failures: int = 0) -> None:
        self.told: list[Message] = []
        self.again: list[str] = []
        self.failures = failures
        self.wait = 0.0

    async def tell(self, message: Message, *, again: bool = False) -> None:
        if self.failures:
            self.failures -= 1
            raise NotDelivered("busy", wait=self.wait)
        self.told.append(message)
        if again:
            self.again.append(message.key)


class Pool:
    """A feed with one snapshot, known on a day; without rows it is refused."""

    def __init__(self, *symbols: Symbol, known: date) -> None:
        day = pd.Timestamp(known)
        self.rows = pd.DataFrame({"symbol": symbols}).assign(as_of=day, known_on=day)

    async def table(self, session: date) -> pd.DataFrame:
        if self.rows.empty:
            raise Blocked("feature_snapshot_missing", session=session)
        return self.rows


class TimedMarket:
    """A market with a history whose quotes are of the moment; `odd` ones stand as they are.

    Who changes a price changes it from now on; `unquoted` symbols have a history only.
    """

    def __init__(self, closes: pd.DataFrame, calendar: Calendar, clock: Clock) -> None:
        self.closes = closes
        self.adjustment = Adjustment.TOTAL_RETURN
        self.prices = {symbol: Decimal(repr(float(closes[symbol].iloc[0]))) for symbol in closes}
        self.odd: dict[Symbol, Quote] = {}
        self.unquoted: set[Symbol] = set()
        self.raw_closes: dict[Symbol, float] = {}
        self._calendar, self._clock = calendar, clock

    async def facts(self, needs: Needs, session: date) -> Facts:
        before = self.closes.index < pd.Timestamp(session)
        closes = self.closes.loc[before, list(needs.symbols)]
        days = self._calendar.index(closes.index[0].date(), session)
        return Facts(closes, days, raw_closes=self.raw_closes)

    async def quotes(self, symbols: Collection[Symbol]) -> Quotes:
        await asyncio.sleep(0)
        known = [s for s in symbols if s in self.prices and s not in self.unquoted]
        return {symbol: self.quote(symbol) for symbol in known}

    def quote(self, symbol: Symbol) -> Quote:
        price = self.prices[symbol]
        return self.odd.get(symbol) or Quote(symbol, price, price, price, self._clock.now())


@dataclass(frozen=True, slots=True)
class Wants:
    """A strategy that wants the same weights on each session, or on the named `days` only."""

    weights: Mapping[Symbol, float]
    days: Collection[date] | None = None
    lapses: bool = False
    vital: tuple[Symbol, ...] = ()
    history: int = 5
    others: tuple[Symbol, ...] = field(default=(), kw_only=True)
    indices: tuple[Symbol, ...] = field(default=(), kw_only=True)
    blind: bool = field(default=False, kw_only=True)

    @property
    def needs(self) -> Needs:
        holds = (*self.weights, *self.others)
        read = (*holds, *self.indices)
        shorts = tuple(symbol for symbol, weight in self.weights.items() if weight < 0)
        return Needs(read, holds, self.vital, self.history, shorts=shorts, indices=self.indices)

    def features(self, facts: Facts) -> pd.DataFrame:
        due = [self.days is None or day.date() in self.days for day in facts.closes.index]
        return facts.closes.loc[due]

    def decide(self, view: View) -> Decision:
        move = rotate(
            out_of=view.holdings, into=self.weights, reason="rotation", lapses=self.lapses
        )
        return replace(move, blind=self.blind)


class Died(BaseException):
    """The process is gone: nobody catches this, and no object of it says anything more."""


class When(StrEnum):
    """Where a fuse burns: on the way out, or on the way back with the answer."""

    BEFORE = "before"
    AFTER = "after"


def die() -> NoReturn:
    raise Died


class Fuse:
    """Counts the calls by which a run touches the world, and ends the process at one of them.

    `burns` says of a call, by its number from 1 and its name, whether it is the
    last; it is carried out or not as `when` says. A dead process makes no calls.
    """

    BROKER = frozenset({"portfolio", "submit", "orders_today", "cancel"})
    MARKET = frozenset({"facts", "quotes"})
    LEDGER = frozenset({
        "decide", "intend", "intend_again", "mark_sent", "mark_cancelled", "record", "resolve",
        "finish", "set_switch", "post", "delivered",
    })  # fmt: skip

    def __init__(
        self,
        burns: Callable[[int, str], bool] = lambda _, __: False,
        when: When = When.BEFORE,
        end: Callable[[], NoReturn] = die,
    ) -> None:
        self.calls: list[str] = []
        self.dead = False
        self._burns, self._when, self._end = burns, when, end

    def wire(self, desk: Desk) -> Desk:
        """The desk with everything outside the process reached over the fuse."""
        return replace(
            desk,
            broker=_Wire(desk.broker, self.BROKER, self),
            market=_Wire(desk.market, self.MARKET, self),
            ledger=_Wire(desk.ledger, self.LEDGER, self),
        )

    def out(self, call: str) -> bool:
        """A call leaves; returns whether the process ends on its way back."""
        if not self.dead:
            self.calls.append(call)
        last = not self.dead and self._burns(len(self.calls), call)
        if self.dead or (last and self._when is When.BEFORE):
            self.end()
        return last

    def end(self) -> NoReturn:
        self.dead = True
        self._end()


class _Wire:
    """An object of the desk whose outside calls go over a fuse."""

    def __init__(self, thing: object, outside: Collection[str], fuse: Fuse) -> None:
        self._thing, self._outside, self._fuse = thing, outside, fuse

    def __getattr__(self, name: str) -> Any:
        reached = getattr(self._thing, name)
        if name not in self._outside:
            return reached
        return partial(self._wait if iscoroutinefunction(reached) else self._call, name, reached)

    def _call(self, name: str, reached: Callable[..., object], *args: Any, **named: Any) -> object:
        last = self._fuse.out(_called(name, args))
        answer = reached(*args, **named)
        return self._fuse.end() if last else answer

    async def _wait(
        self, name: str, reached: Callable[..., Awaitable[object]], *args: Any
    ) -> object:
        last = self._fuse.out(_called(name, args))
        answer = await reached(*args)
        return self._fuse.end() if last else answer


def _called(name: str, args: Sequence[object]) -> str:
    about = next((a.symbol for a in args if isinstance(a, OrderIntent | OrderReport)), "")
    return f"{name} {about}".strip()


class EventfulClock(JumpingClock):
    """A clock that jumps, and on its way lets happen what a test put at a time."""

    def __init__(self, start: datetime) -> None:
        super().__init__(start)
        self._coming: list[tuple[datetime, Callable[[], Awaitable[object] | None]]] = []

    def at(self, moment: datetime, happens: Callable[[], Awaitable[object] | None]) -> None:
        """Put something at a time; a coroutine it returns is awaited."""
        self._coming.append((moment, happens))

    async def sleep(self, seconds: float) -> None:
        """Sleep through everything that happens until then, each at its time."""
        ends = self.now() + timedelta(seconds=seconds)
        for moment, happens in [c for c in self._coming if c[0] <= ends]:
            self._coming.remove((moment, happens))
            self.jump(moment)
            awaited = happens()
            if awaited is not None:
                await awaited
        await super().sleep((ends - self.now()).total_seconds())


class Otherwise:
    """A thing of the desk that does some of its calls otherwise than ours."""

    def __init__(self, thing: object) -> None:
        self._thing = thing

    def __getattr__(self, name: str) -> object:
        return getattr(self._thing, name)
