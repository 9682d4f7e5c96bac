"""What LongBridge says when it refuses an order, and our code with its cause and remedy."""

from collections.abc import Mapping

from bot.domain.errors import OrderRefused
from bot.domain.model import Symbol

REJECTED = "longport_rejected"  # booked first, and rejected afterwards
NOT_TAKEN = "longport_refused"

# The few numbers whose meaning is known; the vendor lists none for orders.
NUMBER_CODES: Mapping[int, str] = {
    602001: "longport_malformed",
    602315: "longport_region",
}
# Parts of its sentences in small letters; the first that is found counts.
REFUSAL_CODES: Mapping[str, str] = {
    "regulatory": "longport_region",
    "settled": "longport_settled_only",
    "buying power": "longport_no_money",
    "purchasing power": "longport_no_money",
    "insufficient balance": "longport_no_money",
    "insufficient cash": "longport_no_money",
    "insufficient fund": "longport_no_money",
    "not enough cash": "longport_no_money",
    "insufficient position": "longport_oversold",
    "insufficient holding": "longport_oversold",
    "available quantity": "longport_oversold",
    "not enough shares": "longport_oversold",
    "short sell": "longport_no_shorts",
    "short-sell": "longport_no_shorts",
    "to borrow": "longport_no_shorts",
    "tick": "longport_off_tick",
    "bid size": "longport_off_tick",
    "price spread": "longport_off_tick",
    "deviat": "longport_price_far",
    "too far": "longport_price_far",
    "price limit": "longport_price_far",
    "lot size": "longport_malformed",
    "halt": "longport_halted",
    "suspend": "longport_halted",
    "trading hours": "longport_hours",
    "trading session": "longport_hours",
    "market is closed": "longport_hours",
    "market closed": "longport_hours",
    "agreement": "longport_agreement",
    "questionnaire": "longport_agreement",
    "risk disclosure": "longport_agreement",
    "risk assessment": "longport_agreement",
    "leveraged": "longport_agreement",
    "derivative": "longport_agreement",
    "permission": "longport_agreement",
    "restricted": "longport_closing_only",
    "close position": "longport_closing_only",
    "parameter": "longport_malformed",
}


def refusal(symbol: Symbol, told: str, number: int = 0) -> OrderRefused:
    """A refusal with the code of its cause, and what LongBridge itself said.

    `number` is the error's own where the order was not taken, 0 where it was booked
    first.
    """
    said = " ".join(told.split())
    small = said.lower()
    found = (code for part, code in REFUSAL_CODES.items() if part in small)
    otherwise = NOT_TAKEN if number else REJECTED
    code = NUMBER_CODES.get(number) or next(found, otherwise)
    values = {"number": number} if number else {}
    return OrderRefused(code, symbol=symbol, told=said, **values)
