"""Each refusal has the code of its cause."""

import pytest

from adapters.longport_refusals import NUMBER_CODES, REFUSAL_CODES, refusal
from bot.words import Language, Words, catalogue

TEXTS = [
    ("Insufficient purchasing power.", "longport_no_money"),
    ("Insufficient  position to sell", "longport_oversold"),
    ("Short selling is not supported", "longport_no_shorts"),
    ("The price does not match the tick size", "longport_off_tick"),
    ("The price deviates too much from the market", "longport_price_far"),
    ("The security is suspended", "longport_halted"),
    ("Not in trading hours", "longport_hours"),
    ("Please complete the risk assessment first", "longport_agreement"),
    ("No trading permission", "longport_agreement"),
    ("Your account is restricted", "longport_closing_only"),
    ("You can buy with settled cash only", "longport_settled_only"),
]


@pytest.mark.parametrize(("told", "code"), TEXTS)
@pytest.mark.parametrize("number", [0, 603_001])
def test_a_refusal_has_the_code_of_its_cause(told, code, number):
    assert refusal("VOO", told, number).code == code


@pytest.mark.parametrize(("number", "code"), NUMBER_CODES.items())
def test_a_known_number_says_more_than_its_sentence(number, code):
    assert refusal("VOO", "insufficient buying power", number).code == code


def test_what_nobody_has_seen_before_is_told_as_it_is():
    taken, rejected = refusal("VOO", "Odd.", 603_001), refusal("VOO", "Odd.")

    assert (taken.code, rejected.code) == ("longport_refused", "longport_rejected")
    assert str(rejected) == "longport_rejected (symbol=VOO, told=Odd.)"


ALL = {*REFUSAL_CODES.values(), *NUMBER_CODES.values(), "longport_refused", "longport_rejected"}


@pytest.mark.parametrize("code", sorted(ALL))
@pytest.mark.parametrize("language", Language)
def test_every_cause_has_words_and_a_remedy(code, language):
    assert code in catalogue().remedies
    assert "Not today." in Words(language).say(code, {"symbol": "VOO", "told": "Not today."})
