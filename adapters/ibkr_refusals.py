"""What is said of an order that is refused or held, and which of our codes has cause and remedy."""

from collections.abc import Iterable, Mapping

from adapters.ibkr_values import Told
from bot.domain.errors import OrderRefused
from bot.domain.model import Symbol

OTHERWISE = "ibkr_order_refused"
INACTIVE = "ibkr_inactive"

# Numbers of an order that was not taken.
REFUSAL_CODES: Mapping[int, str] = {
    103: "ibkr_number_used",
    109: "ibkr_precaution",
    110: "ibkr_off_tick",
    113: OTHERWISE,
    200: "ibkr_unknown_symbol",
    201: OTHERWISE,
    203: "ibkr_no_permission",
    321: "ibkr_malformed",
    387: "ibkr_malformed",
    388: "ibkr_size",
    434: "ibkr_size",
    435: "ibkr_account_missing",
    460: "ibkr_no_permission",
    10243: "ibkr_fractions",
    10244: "ibkr_fractions",
}
# Parts of the broker's sentences in small letters, which say more than 201 does; the first counts.
SENTENCE_CODES: Mapping[str, str] = {
    "minimum price variation": "ibkr_off_tick",
    "minimum tick": "ibkr_off_tick",
    "key information": "ibkr_no_document",
    "priip": "ibkr_no_document",
    "settled": "ibkr_settled_only",
    "free rid": "ibkr_settled_only",
    "good faith": "ibkr_settled_only",
    "available funds": "ibkr_no_money",
    "available cash": "ibkr_no_money",
    "buying power": "ibkr_no_money",
    "insufficient": "ibkr_no_money",
    "equity with loan": "ibkr_no_money",
    "cash needed": "ibkr_no_money",
    "margin": "ibkr_no_money",
    " short": "ibkr_no_shorts",
    "borrow": "ibkr_no_shorts",
    "uptick": "ibkr_no_shorts",
    "closing only": "ibkr_closing_only",
    "closing-only": "ibkr_closing_only",
    "opening trades": "ibkr_closing_only",
    "permission": "ibkr_no_permission",
    "not allowed": "ibkr_no_permission",
    "ineligible": "ibkr_no_permission",
    "working orders": "ibkr_too_many",
    "active orders": "ibkr_too_many",
    "aggressive": "ibkr_price_far",
    "price cap": "ibkr_price_far",
    "too far": "ibkr_price_far",
    "precaution": "ibkr_precaution",
    "exceeds": "ibkr_precaution",
    "size limit": "ibkr_precaution",
    "halted": "ibkr_halted",
    "exchange is closed": "ibkr_hours",
    "market is closed": "ibkr_hours",
    "trading hours": "ibkr_hours",
    "outside rth": "ibkr_hours",
    "cut-off": "ibkr_hours",
    "read-only": "ibkr_read_only",
}
# Numbers of an order that lives, whatever the library then calls it.
HELD_CODES: Mapping[int, str] = {
    399: "ibkr_held",
    404: "ibkr_locating",
    10349: "ibkr_preset",
}


def refuses(told: Told) -> bool:
    """Whether a number says that an order was not taken."""
    return told.number in REFUSAL_CODES


def refusal(symbol: Symbol, told: Told) -> OrderRefused:
    """A refusal with the code of its cause, and what was said."""
    said = told.reason.lower()
    by_number = REFUSAL_CODES.get(told.number, INACTIVE)
    code = next((code for part, code in SENTENCE_CODES.items() if part in said), by_number)
    return OrderRefused(code, symbol=symbol, number=told.number, told=told.reason)


def remark(symbol: Symbol, told: Iterable[Told]) -> str:
    """Why an order that lives waits, as it is kept in a report; empty where it just works."""
    held = next((each for each in told if each.number in HELD_CODES), None)
    if held is None:
        return ""
    return str(OrderRefused(HELD_CODES[held.number], symbol=symbol, told=held.reason))
