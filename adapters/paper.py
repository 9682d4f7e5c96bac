"""A broker that fills at the quote and remembers its account across restarts."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter

from adapters.journal import Journal
from bot.domain.account import Opening, admit
from bot.domain.blotter import Blotter, Booked, Ended, Entry, Filled, Opened
from bot.domain.calendar import Calendar, exchange_date
from bot.domain.errors import LedgerError, OrderRefused
from bot.domain.fills import FillRules, fill_of
from bot.domain.model import (
    NOTHING,
    OrderIntent,
    OrderReport,
    OrderStatus,
    Portfolio,
    Quote,
    Quotes,
    Session,
    Symbol,
)
from bot.ports import Capabilities, Clock, MarketData

ENTRIES: TypeAdapter[Entry] = TypeAdapter(Annotated[Entry, Field(discriminator="kind")])


def _replay(journal: Journal[Entry], opened: Opened) -> tuple[Blotter, bool]:
    """The blotter the journal tells, and whether it told anything; else one just opened."""
    blotter, told = Blotter(opened), False
    for number, line in enumerate(journal.read(), start=1):
        try:
            entry = ENTRIES.validate_json(line)
            if told:
                blotter.add(entry)
            else:
                blotter, told = _begin(entry), True
        except (ValueError, KeyError, ArithmeticError, OrderRefused) as damage:
            raise LedgerError(
                "journal_damaged",
                path=journal.path,
                line=number,
                remedy="restore the file from a backup, or move it away to begin anew",
            ) from damage
    if blotter.opened.opening.account != opened.opening.account:
        raise LedgerError(
            "journal_of_another_account",
            path=journal.path,
            account=opened.opening.account,
            found=blotter.opened.opening.account,
            remedy="give every account its own journal",
        )
    return blotter, told


def _begin(entry: Entry) -> Blotter:
    if not isinstance(entry, Opened):
        raise ValueError(entry)  # noqa: TRY004 - a line out of its order, no wrong type
    return Blotter(entry)


class PaperBroker:
    """A simulated account, a Broker like any other.

    An order that is marketable fills at once; another rests and is tried again
    whenever the account or the orders are read, until the session closes. Orders
    are taken in trading hours only. The same order asked for twice is booked
    twice: to be asked once is the caller's promise.

    The account is the replay of its journal; `opening` serves until the first
    order is booked and is of no consequence afterwards. Raises LedgerError
    `journal_damaged` with path and line, and `journal_of_another_account`.
    """

    def __init__(
        self,
        opening: Opening,
        journal: Path,
        market: MarketData,
        calendar: Calendar,
        clock: Clock,
        rules: FillRules,
    ) -> None:
        self._market, self._calendar, self._clock = market, calendar, clock
        self._rules = rules
        self._journal = Journal(journal, ENTRIES)
        self._opened = Opened(opening, calendar.settles(exchange_date(clock.now())))
        self._blotter, self._begun = _replay(self._journal, self._opened)
        # A chat command may read while a run submits: one of them at a time moves the account.
        self._turn = asyncio.Lock()

    @property
    def capabilities(self) -> Capabilities:
        """Like a broker that echoes our order's name; shorts as the rules say."""
        return Capabilities(shorting=self._rules.shorting)

    async def portfolio(self) -> Portfolio:
        """The account after what fills at the present quotes."""
        async with self._turn:
            await self._advance(self._clock.now())
            return self._blotter.portfolio(self._rules)

    async def orders_today(self) -> Sequence[OrderReport]:
        """Every order entered on the exchange's present date, the refused ones too."""
        async with self._turn:
            now = self._clock.now()
            await self._advance(now)
            return self._blotter.reports(exchange_date(now))

    async def submit(self, order: OrderIntent) -> OrderReport:
        """Book an order and fill what fills at once.

        Raises OrderRefused `market_closed`, `insufficient_cash`, `not_enough_shares`,
        `bad_shares`, `bad_limit`, `no_quote`, `shorting_not_allowed`,
        `long_position`, or the reason of a drill.
        """
        async with self._turn:
            now = self._clock.now()
            session = self._calendar.on(exchange_date(now))
            quotes = await self._advance(now, {order.symbol})
            booked = self._entered(order, session, now)
            try:
                price = self._admitted(order, session, quotes.get(order.symbol), now)
            except OrderRefused as refusal:
                ended = Ended(booked.number, OrderStatus.REFUSED, now, refusal.code)
                self._write([booked, ended])
                raise
            booked = replace(booked, price=price)
            self._write([booked, *self._fills([booked.report()], quotes, now)])
            return self._blotter.report(booked.number)

    async def cancel(self, order: OrderIntent) -> None:
        """End what is open of an order; one that is final stays as it is.

        Raises OrderRefused `unknown_order` where nothing of that name was entered.
        """
        async with self._turn:
            now = self._clock.now()
            self._settle_and_expire(now)
            named = self._blotter.named(order.id)
            if not named:
                raise OrderRefused("unknown_order", symbol=order.symbol, order=order.id)
            ended = [o.booked.number for o in named if o.working]
            self._write([Ended(number, OrderStatus.CANCELLED, now) for number in ended])

    async def _advance(self, now: datetime, symbols: Collection[Symbol] = ()) -> Quotes:
        """Bring the account to the present; returns the quotes of open orders and `symbols`."""
        self._settle_and_expire(now)
        working = [order.report for order in self._blotter.working()]
        wanted = {report.symbol for report in working}.union(symbols)
        quotes = await self._market.quotes(wanted) if wanted else {}
        self._write(self._fills(working, quotes, now))
        return quotes

    def _settle_and_expire(self, now: datetime) -> None:
        if self._journal.changed():  # a command line beside the daemon let an order expire
            self._blotter, self._begun = _replay(self._journal, self._opened)
        self._blotter.settle(exchange_date(now))
        over = [o.booked.number for o in self._blotter.working() if now >= o.booked.closes]
        self._write([Ended(number, OrderStatus.EXPIRED, now) for number in over])

    def _entered(self, order: OrderIntent, session: Session | None, now: datetime) -> Booked:
        today = exchange_date(now)
        return Booked(
            number=f"paper-{self._blotter.booked + 1}",
            client_id=order.id,
            session=today,
            closes=session.closes if session else now,
            settles=self._calendar.settles(today),
            symbol=order.symbol,
            action=order.action,
            shares=int(order.shares),
            limit=order.limit,
            price=NOTHING,
            at=now,
        )

    def _admitted(
        self, order: OrderIntent, session: Session | None, quote: Quote | None, now: datetime
    ) -> Decimal:
        if session is None or not session.opens <= now < session.closes:
            raise OrderRefused("market_closed", symbol=order.symbol, at=now)
        return admit(order, quote, self._blotter.portfolio(self._rules), self._rules)

    def _fills(self, reports: Sequence[OrderReport], quotes: Quotes, now: datetime) -> list[Entry]:
        quoted = [(report, quotes[report.symbol]) for report in reports if report.symbol in quotes]
        fills = [(report, fill_of(report, quote, self._rules)) for report, quote in quoted]
        return [
            Filled(report.broker_id, fill.shares, fill.price, fill.commission, now)
            for report, fill in fills
            if fill
        ]

    def _write(self, entries: Sequence[Entry]) -> None:
        """Keep entries on disk, then let them happen."""
        if not entries:
            return
        self._journal.append(entries if self._begun else [self._opened, *entries])
        self._begun = True
        for entry in entries:
            self._blotter.add(entry)
