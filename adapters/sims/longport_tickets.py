"""What an order may ask for: its kinds, lots, lengths; nothing of it is booked otherwise."""

from decimal import Decimal, InvalidOperation

from adapters.sims.longport_orders import Side, Ticket
from adapters.sims.longport_refusals import bad_parameter
from adapters.sims.longport_securities import Security
from adapters.sims.longport_values import Json

LONGEST_REMARK = 64
AT_A_LIMIT = {"LO", "ELO", "ALO", "ODD", "SLO"}
AT_THE_MARKET = {"MO", "AO"}
EVERYWHERE = {"LO", "MO"}
ORDER_TYPES = {"HK": AT_A_LIMIT | AT_THE_MARKET}
LIVES = {"Day", "GTC", "GTD"}
OUTSIDE = {"", "RTH_ONLY", "ANY_TIME", "OVERNIGHT"}


def read_ticket(body: Json) -> Ticket:
    """The body of a submission. Raises Refusal."""
    try:
        price = body.get("submitted_price")
        return Ticket(
            symbol=str(body["symbol"]),
            side=Side(body["side"]),
            quantity=Decimal(body["submitted_quantity"]),
            price=None if price is None else Decimal(price),
            order_type=str(body["order_type"]),
            time_in_force=str(body["time_in_force"]),
            outside_rth=str(body.get("outside_rth") or ""),
            remark=str(body.get("remark") or ""),
            client_request_id=str(body.get("client_request_id") or ""),
            expire_date=str(body.get("expire_date") or ""),
        )
    except (KeyError, ValueError, TypeError, InvalidOperation) as wrong:
        raise bad_parameter(f"parameter error: {wrong}") from None


def check(ticket: Ticket, security: Security) -> None:
    """Raise Refusal for what can not be an order in a security."""
    kinds = ORDER_TYPES.get(security.market, EVERYWHERE)
    findings = {
        f"order_type {ticket.order_type} is not supported": ticket.order_type not in kinds,
        "submitted_price is required": ticket.order_type in AT_A_LIMIT and ticket.price is None,
        "submitted_price is not positive": ticket.price is not None and ticket.price <= 0,
        "quantity is not positive": ticket.quantity <= 0,
        "fractional shares are not supported": ticket.quantity % 1 != 0,
        f"quantity is no multiple of the lot {security.lot}": ticket.quantity % security.lot != 0,
        f"time_in_force {ticket.time_in_force} is not supported": ticket.time_in_force not in LIVES,
        "expire_date is required": ticket.time_in_force == "GTD" and not ticket.expire_date,
        f"outside_rth {ticket.outside_rth} is not supported": ticket.outside_rth not in OUTSIDE,
        f"remark is longer than {LONGEST_REMARK}": len(ticket.remark) > LONGEST_REMARK,
    }
    for message, holds in findings.items():
        if holds:
            raise bad_parameter(message)
