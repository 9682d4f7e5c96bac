"""What the broker says of an order it refuses or holds, by number and by sentence."""

import pytest

from adapters.ibkr_refusals import HELD_CODES, REFUSAL_CODES, SENTENCE_CODES, refusal, remark
from adapters.ibkr_values import Told
from bot.words import Language, catalogue

REJECTED = "Order rejected - reason:"
SAID = [
    (201, f"{REJECTED}Exchange is closed.", "ibkr_hours"),
    (201, f"{REJECTED}No Trading Permission", "ibkr_no_permission"),
    (201, f"{REJECTED}Insufficient margin", "ibkr_no_money"),
    (
        201,
        f"{REJECTED}MINIMUM OF 2000 USD TO PURCHASE ON MARGIN, SELL SHORT",
        "ibkr_no_money",
    ),
    (201, f"{REJECTED}The contract is not available for short sale.", "ibkr_no_shorts"),
    (201, f"{REJECTED}Available settled cash does not cover it", "ibkr_settled_only"),
    (201, f"{REJECTED}Limit price is too far outside of NBBO", "ibkr_price_far"),
    (201, f"{REJECTED}This account may trade closing-only", "ibkr_closing_only"),
    (201, f"{REJECTED}You already have 20 working orders on this side", "ibkr_too_many"),
    (201, f"{REJECTED}No Key Information Document in your language", "ibkr_no_document"),
    (201, f"{REJECTED}words nobody knows", "ibkr_order_refused"),
    (109, "The price exceeds the Percentage constraint", "ibkr_precaution"),
    (110, "The price does not conform to the minimum price variation", "ibkr_off_tick"),
    (200, "No security definition has been found", "ibkr_unknown_symbol"),
    (321, "Error validating request: The API interface is in Read-Only mode.", "ibkr_read_only"),
    (321, "Error validating request: Invalid order type", "ibkr_malformed"),
    (434, "The order size cannot be zero.", "ibkr_size"),
    (435, "You must specify an account.", "ibkr_account_missing"),
    (103, "Duplicate order id", "ibkr_number_used"),
    (0, "Inactive", "ibkr_inactive"),
    (0, "ValidationError", "ibkr_inactive"),
]


@pytest.mark.parametrize(("number", "reason", "code"), SAID)
def test_a_refusal_has_the_code_of_its_cause_and_the_brokers_words(number, reason, code):
    refused = refusal("VOO", Told(number, reason))

    assert refused.code == code
    assert refused.values == {"symbol": "VOO", "number": number, "told": reason}


@pytest.mark.parametrize("number", HELD_CODES)
def test_a_notice_of_an_order_that_lives_is_a_remark(number):
    said = remark("VOO", [Told(2109, "a warning"), Told(number, "a notice")])

    assert said == f"{HELD_CODES[number]} (symbol=VOO, told=a notice)"


def test_an_order_of_which_nothing_unusual_was_told_has_no_remark():
    assert remark("VOO", [Told(2109, "a warning")]) == ""


CODES = sorted({*REFUSAL_CODES.values(), *SENTENCE_CODES.values(), *HELD_CODES.values()})


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("language", Language)
def test_every_cause_has_words_and_a_remedy(code, language):
    words = catalogue()

    assert words.codes[code].text(language)
    assert words.remedies[code].text(language)
