"""What is known of an order after all the broker said, in whatever order it was said."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import reduce

from bot.domain.model import OrderReport, OrderStatus


@dataclass(frozen=True, slots=True)
class Fill:
    """Shares that changed hands since the last report, at their own price where it is known."""

    shares: int
    price: Decimal | None


def standing(reports: Sequence[OrderReport]) -> OrderReport | None:
    """The latest report with everything an earlier one knew better; None where there is none."""
    return reduce(_after, reports) if reports else None


def growth(known: OrderReport | None, report: OrderReport) -> Fill | None:
    """The fill a report adds to what is known; None where it adds no shares."""
    before = known.filled if known else 0
    if report.filled <= before:
        return None
    shares = report.filled - before
    if known is None or known.average_price is None or report.average_price is None:
        return Fill(shares, report.average_price)
    money = report.filled * report.average_price - before * known.average_price
    return Fill(shares, money / shares)


def _after(known: OrderReport, new: OrderReport) -> OrderReport:
    fuller = known if new.filled < known.filled else new
    ended = known if _stays_ended(known, new) else new
    price = fuller.average_price
    if price is None and new.filled == known.filled:
        price = known.average_price
    return replace(
        new,
        status=ended.status,
        reason=ended.reason,
        filled=fuller.filled,
        average_price=price,
        commission=fuller.commission or known.commission,
        entered_at=new.entered_at or known.entered_at,
        broker_id=new.broker_id or known.broker_id,
        client_id=new.client_id or known.client_id,
    )


def _stays_ended(known: OrderReport, new: OrderReport) -> bool:
    # Not booked is our own conclusion from silence; whatever the broker says replaces it.
    if not known.status.final or known.status is OrderStatus.NOT_BOOKED:
        return False
    return not new.status.final or new.filled < known.filled
