"""Orders as Schwab writes them: what is ours, what is somebody's, what can not be believed."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from adapters.schwab_orders import FINAL, listed
from adapters.schwab_refusals import REFUSAL_CODES, refusal
from adapters.sims.schwab_orders import FINAL as ENDS
from adapters.sims.schwab_orders import Status
from bot.domain.errors import BrokerUnavailable
from bot.domain.model import Action, OrderStatus
from bot.words import Language, Words, catalogue


def an_order(leg=(), **changes):
    """One order of ours, and what differs from it."""
    usual = {"instruction": "BUY", "quantity": Decimal(2)}
    instrument = {"assetType": "EQUITY", "symbol": "VOO"}
    return {
        "session": "NORMAL",
        "duration": "DAY",
        "orderStrategyType": "SINGLE",
        "orderType": "LIMIT",
        "price": Decimal("90.5"),
        "quantity": Decimal(2),
        "filledQuantity": Decimal(0),
        "status": "WORKING",
        "orderId": 1004055538101,
        "enteredTime": "2026-03-31T19:45:00+0000",
        "orderLegCollection": [{"instrument": instrument} | usual | dict(leg)],
    } | changes


def report(*args, **changes):
    [only] = listed([an_order(*args, **changes)])
    return only.report


def test_an_order_of_ours_is_reported_as_it_was_asked():
    told = report()

    assert (told.symbol, told.action, told.shares, told.limit) == (
        "VOO",
        Action.BUY,
        2,
        Decimal("90.5"),
    )
    assert told.entered_at == datetime(2026, 3, 31, 19, 45, tzinfo=UTC)
    assert (told.broker_id, told.client_id) == ("1004055538101", "")


@pytest.mark.parametrize("status", Status)
def test_an_order_is_final_only_where_schwab_says_so(status):
    assert report(status=status).status.final is (status in ENDS)


@pytest.mark.parametrize("status", ["UNKNOWN", "NEW", "SOMETHING_ELSE"])
def test_what_nobody_knows_works_and_is_not_decided(status):
    [only] = listed([an_order(status=status)])

    assert (only.report.status, only.decided) == (OrderStatus.WORKING, False)


def test_a_fill_decides_whatever_the_status_is():
    [only] = listed([an_order(status="UNKNOWN", filledQuantity=1)])

    assert only.decided


NOT_OURS = [
    {"session": "SEAMLESS"},
    {"duration": "GOOD_TILL_CANCEL"},
    {"orderStrategyType": "TRIGGER"},
    {"orderType": "MARKET_ON_CLOSE"},
    {"orderType": "STOP"},
    {"leg": {"quantity": Decimal("1.5")}},
    {"leg": {"instruction": "SELL_SHORT_EXEMPT"}},
]


@pytest.mark.parametrize("change", NOT_OURS, ids=str)
def test_what_can_not_be_ours_has_no_limit_of_ours(change):
    assert report(**change).limit == 0


def test_a_market_order_has_no_limit():
    assert report(orderType="MARKET").limit is None


def test_each_leg_for_stocks_is_an_order_of_its_own():
    order = an_order()
    option = {"instrument": {"assetType": "OPTION", "symbol": "X"}}
    order["orderLegCollection"] = [*order["orderLegCollection"] * 2, option]

    assert [each.report.limit for each in listed([order])] == [0, 0]


def test_a_class_of_shares_has_our_name():
    assert report({"instrument": {"assetType": "EQUITY", "symbol": "BRK/B"}}).symbol == "BRK.B"


ODD = [
    ({"status": None}, "status"),
    ({"filledQuantity": "2"}, "filledQuantity"),
    ({"price": None}, "price"),
    ({"enteredTime": "2026-03-31T19:45:00"}, "enteredTime"),
    ({"enteredTime": 5}, "enteredTime"),
    ({"enteredTime": "soon"}, "enteredTime"),
    ({"orderId": None}, "orderId"),
    ({"orderLegCollection": "none"}, "orderLegCollection"),
    ({"leg": {"quantity": True}}, "quantity"),
]


@pytest.mark.parametrize(
    ("change", "field"), [o for o in ODD if o[1] != "status" or o[0].get("status", 1) is None]
)
def test_what_is_not_as_documented_raises_and_names_the_field(change, field):
    with pytest.raises(BrokerUnavailable, match=field):
        report(**change)


TEXTS = [
    (
        "Orders above $1 can be entered in no more than two decimals; orders below $1 in four.",
        "schwab_off_tick",
    ),
    (
        "You do not have enough available cash/buying power for this order.",
        "schwab_no_money",
    ),
    (
        "This order may result in an oversold/overbought position in your account.",
        "schwab_oversold",
    ),
    ("REJECTED: These shares are currently non-negotiable", "schwab_not_negotiable"),
    ("This account is restricted to settled funds only.", "schwab_settled_only"),
    ("This account may enter closing transactions only.", "schwab_closing_only"),
    ("Your order is not eligible for electronic entry.", "schwab_by_phone"),
    ("Limit price is too aggressive", "schwab_price_far"),
    ("This stock is not available to borrow.", "schwab_no_shorts"),
    ("Client not authorized", "schwab_unauthorized"),
    ("Something nobody has seen before.", "schwab_refused"),
    ("", "schwab_refused"),
]


@pytest.mark.parametrize(("told", "code"), TEXTS)
def test_a_refusal_has_the_code_of_its_cause(told, code):
    assert refusal("VOO", told).code == code


@pytest.mark.parametrize("code", sorted({*REFUSAL_CODES.values(), "schwab_refused"}))
@pytest.mark.parametrize("language", Language)
def test_every_cause_has_words_and_a_remedy(code, language):
    words = Words(language)

    assert code in catalogue().remedies
    assert "Not today." in words.say(code, {"symbol": "VOO", "told": "Not today."}) or (
        code == "schwab_account_missing"
    )


def test_a_rejection_is_told_in_words_with_what_schwab_said():
    reason = report(status="REJECTED", statusDescription="Oversold/overbought\nposition.").reason

    said = Words(Language.EN).phrase("refused", {"reason": reason})

    assert said.startswith("REFUSED: Schwab sees fewer shares to sell")
    assert "Oversold/overbought position." in said


def test_the_ends_are_those_schwab_documents():
    assert set(FINAL) == {status.value for status in ENDS}
