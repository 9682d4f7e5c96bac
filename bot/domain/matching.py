"""Our orders found again in a broker's list; the only place that knows brokers differ here."""

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from decimal import Decimal

from bot.domain.memory import Standing
from bot.domain.model import Action, OrderReport, OrderStatus, Portfolio, Symbol

ENTERED_BEFORE = timedelta(seconds=2)  # brokers print entry times in whole seconds
ENTERED_AFTER = timedelta(seconds=60)


def find(
    asked: Standing,
    orders: Iterable[OrderReport],
    *,
    echoes: bool,
    taken: Collection[str] = (),
) -> OrderReport | None:
    """The one order of a broker's list that is ours, None while that is not certain.

    Where the broker `echoes` our id, only the id counts. Elsewhere an order is
    ours if symbol, action, shares and limit are equal, it was entered when we
    asked, its broker id is not `taken` by another of our orders, and no second
    one fits.
    """
    fitting = [
        order
        for order in orders
        if (order.client_id == asked.intent.id if echoes else _fits(asked, order, taken))
    ]
    return fitting[0] if len(fitting) == 1 else None


def _fits(asked: Standing, order: OrderReport, taken: Collection[str]) -> bool:
    wanted = asked.intent
    if asked.sent_at is None or order.entered_at is None or order.broker_id in taken:
        return False
    same = (order.symbol, order.action, order.shares, order.limit) == (
        wanted.symbol,
        wanted.action,
        wanted.shares,
        wanted.limit,
    )
    return same and -ENTERED_BEFORE <= order.entered_at - asked.sent_at <= ENTERED_AFTER


def foreign(
    orders: Iterable[OrderReport], ours: Sequence[Standing], *, echoes: bool
) -> set[Symbol]:
    """Symbols in which somebody else has an order today: the owner's hand, a reinvestment."""
    ids = {standing.intent.id for standing in ours}
    bound = {standing.report.broker_id for standing in ours if standing.report}
    return {
        order.symbol
        for order in orders
        if order.status is not OrderStatus.REFUSED
        and (order.client_id not in ids if echoes else order.broker_id not in bound)
        and not any(s.unanswered and find(s, [order], echoes=echoes) for s in ours)
    }


def witnessed(asked: Standing, before: Portfolio, now: Portfolio, known: int) -> int | None:
    """What the account says of an unanswered order after its session is over.

    `known` are the confirmed shares that moved in the symbol since `before`,
    positive bought. Returns the shares the order must have filled: all of them,
    or 0 where nothing moved; None where the positions fit neither and no order
    explains them. Cash has to have moved the same way.
    """
    wanted = asked.intent
    sign = 1 if wanted.action in {Action.BUY, Action.BUY_TO_COVER} else -1
    moved = now.held(wanted.symbol) - before.held(wanted.symbol) - known
    if moved == 0:
        return 0
    if moved != sign * wanted.shares:
        return None
    return wanted.shares if _cash_agrees(sign, before.cash, now.cash) else None


def _cash_agrees(sign: int, before: Decimal, now: Decimal) -> bool:
    return now < before if sign > 0 else now > before
