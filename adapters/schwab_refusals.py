"""What Schwab says when it refuses an order, and which of our codes has its cause and remedy."""

from collections.abc import Mapping

from bot.domain.errors import OrderRefused
from bot.domain.model import Symbol

OTHERWISE = "schwab_refused"

# Parts of Schwab's sentences in small letters; the first that is found counts.
REFUSAL_CODES: Mapping[str, str] = {
    "two decimals": "schwab_off_tick",
    "invalid price": "schwab_off_tick",
    "good faith": "schwab_settled_only",
    "settled funds": "schwab_settled_only",
    "free rid": "schwab_settled_only",
    "buying power": "schwab_no_money",
    "available cash": "schwab_no_money",
    "insufficient funds": "schwab_no_money",
    "oversold/overbought": "schwab_oversold",
    "non-negotiable": "schwab_not_negotiable",
    "closing only": "schwab_closing_only",
    "closing transactions": "schwab_closing_only",
    "opening transactions": "schwab_closing_only",
    "restricted": "schwab_closing_only",
    "leveraged": "schwab_agreement",
    "inverse": "schwab_agreement",
    "agreement": "schwab_agreement",
    "acknowledg": "schwab_agreement",
    "to borrow": "schwab_no_shorts",
    "short sale": "schwab_no_shorts",
    "too aggressive": "schwab_price_far",
    "too far": "schwab_price_far",
    "away from": "schwab_price_far",
    "halted": "schwab_halted",
    "market is closed": "schwab_hours",
    "trading session": "schwab_hours",
    "market hours": "schwab_hours",
    "electronic entry": "schwab_by_phone",
    "phoned": "schwab_by_phone",
    "representative": "schwab_by_phone",
    "unresolved symbol": "schwab_no_symbol",
    "invalid symbol": "schwab_no_symbol",
    "symbol of the order": "schwab_no_symbol",
    "duplicate": "schwab_duplicate",
    "invalid account": "schwab_account_missing",
    "account number": "schwab_account_missing",
    "not authorized": "schwab_unauthorized",
    "validation error": "schwab_malformed",
}


def refusal(symbol: Symbol, told: str) -> OrderRefused:
    """A refusal with the code of its cause, and what Schwab itself said."""
    said = " ".join(told.split())
    small = said.lower()
    code = next((code for part, code in REFUSAL_CODES.items() if part in small), OTHERWISE)
    return OrderRefused(code, symbol=symbol, told=said)
