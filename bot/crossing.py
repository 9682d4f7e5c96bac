"""A run's orders worked at prices that stand still: the ladder without waiting."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from bot.domain.account import admit
from bot.domain.blotter import Blotter, Booked, Ended, Filled
from bot.domain.errors import OrderRefused
from bot.domain.fills import FillRules, fill_of
from bot.domain.memory import Standing
from bot.domain.model import (
    NOTHING,
    OrderIntent,
    OrderReport,
    OrderStatus,
    Plan,
    Quotes,
    Side,
)
from bot.execution import POLL_SECONDS
from bot.ladder import (
    SELLS_AT,
    Attempt,
    Trade,
    finished,
    impatient,
    lines,
    next_step,
    priced,
    unspent,
)

POLL = timedelta(seconds=POLL_SECONDS)


class Crossing:
    """The orders of one run and what became of them, in an account that is a blotter.

    `quotes` are what a broker would fill at, the stale ones too; those of `quoted`
    are fresh. Every step is the one `execution` would take; only the time between
    them is skipped.
    """

    def __init__(
        self, trade: Trade, quotes: Quotes, quoted: datetime, blotter: Blotter, costs: FillRules
    ) -> None:
        self.standings: list[Standing] = []
        self._trade, self._quotes, self._quoted = trade, quotes, quoted
        self._blotter, self._costs = blotter, costs
        self._now = trade.session.closes - SELLS_AT
        self._left = NOTHING

    def work(self, side: Side, plan: Plan, settles: date) -> None:
        """Bring a side's orders to an end; what still rests is left to `call_off`."""
        self.standings += [Standing(order, side) for order in plan.orders]
        self._left = plan.left
        if not self.standings:
            return
        end = self._trade.given_until(side)
        while True:
            self._advance(settles)
            waiting = lines(self.standings, side)
            if all(finished(self._trade, line, self._now) for line in waiting) or self._now >= end:
                return
            self._now += POLL

    def call_off(self) -> None:
        """Cancel what rests."""
        for standing in [s for s in self.standings if s.working]:
            self._cancel(standing)

    def _advance(self, settles: date) -> None:
        for line in lines(self.standings):
            resting = next((s for s in line if s.working), None)
            if resting is not None:
                if impatient(self._trade, line, resting, self._now):
                    self._cancel(resting)
                continue
            coming = next_step(self._trade, line, self._now)
            if isinstance(coming, Attempt):
                coming = self._priced(coming, line[0].side)
            if coming is not None:
                self._send(coming, settles)

    def _priced(self, attempt: Attempt, side: Side) -> OrderIntent | None:
        quote = self._quotes.get(attempt.last.symbol)
        spare = unspent(self._left, self.standings)
        again = priced(attempt, self._trade, quote, self._quoted, spare)
        if again is not None:
            self.standings.append(Standing(again, side, again=True))
        return again

    def _send(self, order: OrderIntent, settles: date) -> None:
        standing = next(s for s in self.standings if s.intent is order)
        self._put(standing, replace(standing, sent_at=self._now, report=self._fill(order, settles)))

    def _fill(self, order: OrderIntent, settles: date) -> OrderReport:
        quote = self._quotes.get(order.symbol)
        portfolio = self._blotter.portfolio(self._costs)
        try:
            price = admit(order, quote, portfolio, self._costs)
        except OrderRefused as refusal:
            return OrderReport.of(order, OrderStatus.REFUSED, str(refusal))
        booked = self._booked(order, price, settles)
        self._blotter.add(booked)
        report = self._blotter.report(booked.number)
        fill = fill_of(report, quote, self._costs) if quote else None
        if fill:
            at = self._now
            self._blotter.add(Filled(booked.number, fill.shares, fill.price, fill.commission, at))
        return self._blotter.report(booked.number)

    def _booked(self, order: OrderIntent, price: Decimal, settles: date) -> Booked:
        session = self._trade.session
        return Booked(
            number=f"{self._blotter.booked + 1}",
            client_id="",
            session=session.date,
            closes=session.closes,
            settles=settles,
            symbol=order.symbol,
            action=order.action,
            shares=order.shares,
            limit=order.limit,
            price=price,
            at=self._now,
        )

    def _cancel(self, standing: Standing) -> None:
        report = standing.report
        assert report is not None  # what rests was answered
        ended = Ended(report.broker_id, OrderStatus.CANCELLED, self._now)
        self._blotter.add(ended)
        report = self._blotter.report(report.broker_id)
        self._put(standing, replace(standing, report=report, cancel_asked_at=self._now))

    def _put(self, before: Standing, after: Standing) -> None:
        self.standings = [after if each is before else each for each in self.standings]
