"""Orders of a gateway's lists as reports: who has them is the list, how much is the executions."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from adapters.ibkr_refusals import INACTIVE
from adapters.ibkr_values import Executed, Listed, Lists, Placed, Ticket
from bot.domain.calendar import exchange_date
from bot.domain.model import NOTHING, Action, OrderIntent, OrderReport, OrderStatus

BUY, SELL = "BUY", "SELL"
# How an order ended, in the broker's words; any other word is none of an end.
ENDED = {
    "Filled": OrderStatus.FILLED,
    "Cancelled": OrderStatus.CANCELLED,
    "ApiCancelled": OrderStatus.CANCELLED,
    "Inactive": OrderStatus.REFUSED,
}
# What an order is called while nothing unusual was said of it. The library's other words may be
# its own, made of a code that says nothing of the kind.
PLAIN = frozenset({"PendingSubmit", "PreSubmitted", "Submitted", "Filled"})


def ticket(order: OrderIntent, account: str) -> Ticket:
    """What to write for an order: a short sale is a sale, a cover a purchase."""
    action = BUY if order.action.takes_shares else SELL
    return Ticket(account, order.id, action, order.shares, order.limit)


def unique(executed: Iterable[Executed]) -> list[Executed]:
    """Each execution once, as it was last corrected."""
    newest: dict[str, Executed] = {}
    for done in sorted(executed, key=lambda done: _revision(done.execution_id)):
        newest[done.execution_id.rpartition(".")[0] or done.execution_id] = done
    return list(newest.values())


def of_day(lists: Lists, day: date) -> Lists:
    """The lists without executions of earlier days: a TWS may be set to tell those of a week."""
    return replace(lists, executed=[e for e in lists.executed if exchange_date(e.at) >= day])


def reports(lists: Lists, account: str) -> list[OrderReport]:
    """Every order of an account, by the first list it was in to the last it came to.

    What is listed as open works, whatever else is said of it, until its executions are
    as many as its shares. Of one that has ended as much was filled as any list says: an
    execution nobody tells is not traded again. One that is in no list of orders but was
    executed has ended: a gateway that was restarted may forget it.
    """
    executed = _by_order(lists.executed, account)
    every: dict[int, OrderReport] = {}
    for listed in (*lists.open, *lists.completed):
        if listed.account == account:
            done = executed.get(listed.permanent_id, ())
            every[listed.permanent_id] = _report(listed, done)
    for number, done in executed.items():
        if number not in every:
            every[number] = _report_of_executions(done)
    return list(every.values())


def coherent(lists: Lists, account: str) -> bool:
    """Whether the three lists tell one story, and none was read before its order came there."""
    executed = _by_order(lists.executed, account)
    listed = {each.permanent_id for each in (*lists.open, *lists.completed)}
    whole = all(
        _shares(executed.get(each.permanent_id, ())) == each.filled
        for each in lists.completed
        if each.account == account
    )
    return whole and executed.keys() <= listed


def accepted(order: OrderIntent, placed: Placed) -> OrderReport:
    """An order the gateway took, as far as its fills have been told."""
    done = unique(placed.executed)
    filled = _shares(done)
    return OrderReport(
        symbol=order.symbol,
        action=order.action,
        shares=order.shares,
        limit=order.limit,
        status=OrderStatus.FILLED if filled >= order.shares else OrderStatus.WORKING,
        filled=int(filled),
        average_price=_average(done),
        commission=_commission(done),
        broker_id=str(placed.permanent_id),
        client_id=order.id,
    )


def remaining(listed: Listed, executed: Sequence[Executed]) -> Decimal:
    """The shares an open order still wants."""
    done = (each for each in executed if each.permanent_id == listed.permanent_id)
    return max(listed.shares - _shares(unique(done)), NOTHING)


def _report(listed: Listed, done: Sequence[Executed]) -> OrderReport:
    filled = max(_shares(done), listed.filled)
    status = ENDED.get(listed.status, OrderStatus.WORKING)
    if 0 < listed.shares <= filled:
        status = OrderStatus.FILLED
    elif filled and status is OrderStatus.REFUSED:
        status = OrderStatus.CANCELLED
    return OrderReport(
        symbol=listed.instrument.name,
        action=Action.BUY if listed.action == BUY else Action.SELL,
        shares=int(listed.shares),
        limit=listed.limit,
        status=status,
        filled=int(filled),
        average_price=_average(done),
        commission=_commission(done),
        reason=INACTIVE if status is OrderStatus.REFUSED else "",
        broker_id=str(listed.permanent_id),
        client_id=listed.reference,
    )


def _report_of_executions(done: Sequence[Executed]) -> OrderReport:
    filled = int(_shares(done))
    return OrderReport(
        symbol=done[0].instrument.name,
        action=Action.BUY if done[0].buys else Action.SELL,
        shares=filled,
        limit=None,
        status=OrderStatus.FILLED,
        filled=filled,
        average_price=_average(done),
        commission=_commission(done),
        broker_id=str(done[0].permanent_id),
        client_id=done[0].reference,
    )


def _by_order(executed: Iterable[Executed], account: str) -> Mapping[int, list[Executed]]:
    found = defaultdict(list)
    for done in unique(executed):
        if done.account == account:
            found[done.permanent_id].append(done)
    return found


def _revision(execution_id: str) -> tuple[str, str]:
    number, _, revision = execution_id.rpartition(".")
    return number, revision.rjust(8, "0")


def _shares(done: Iterable[Executed]) -> Decimal:
    return sum((each.shares for each in done), NOTHING)


def _average(done: Sequence[Executed]) -> Decimal | None:
    shares = _shares(done)
    return sum((e.shares * e.price for e in done), NOTHING) / shares if shares else None


def _commission(done: Iterable[Executed]) -> Decimal:
    return sum((each.commission for each in done), NOTHING)
