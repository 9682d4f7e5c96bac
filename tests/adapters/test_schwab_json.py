"""What Schwab's JSON may be, and what is refused at the border."""

from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest

from adapters import schwab_json as read
from bot.domain.errors import BrokerUnavailable


def body(text):
    return httpx.Response(200, text=text)


def test_numbers_are_exact():
    assert read.decoded(body('{"a": 0.1, "b": 3}')) == {"a": Decimal("0.1"), "b": 3}


@pytest.mark.parametrize("text", ["", "<html>", '{"a": NaN}', '{"a": Infinity}', '{"a": 1'])
def test_a_body_that_is_no_json_raises(text):
    with pytest.raises(BrokerUnavailable, match="schwab_answer_odd"):
        read.decoded(body(text))


ODD = [
    (read.number, {"a": "1"}),
    (read.number, {"a": True}),
    (read.number, {"a": None}),
    (read.number, {}),
    (read.price, {"a": Decimal(0)}),
    (read.price, {"a": -1}),
    (read.number, {"a": Decimal("1e999999999")}),
    (read.number, {"a": -(10**15)}),
    (read.text, {"a": ""}),
    (read.text, {"a": True}),
    (read.text, {}),
    (read.entry, {"a": []}),
    (read.entry, []),
    (read.entries, {"a": 1}),
    (read.entries, [1]),
    (read.stamp, {"a": "2026-03-31T19:45:00"}),
    (read.stamp, {"a": "soon"}),
    (read.milliseconds, {"a": 0}),
    (read.milliseconds, {"a": 10**15 - 1}),
]


@pytest.mark.parametrize(("reading", "value"), ODD)
def test_what_is_missing_or_odd_raises_and_names_its_place(reading, value):
    with pytest.raises(BrokerUnavailable) as caught:
        reading(value, "a")

    assert caught.value.values["field"] == "a"


def test_a_long_value_is_not_told_whole():
    assert len(read.odd("a", "x" * 1000).values["value"]) == 160


def test_times_are_utc():
    moment = datetime(2026, 3, 31, 19, 45, tzinfo=UTC)

    assert read.stamp({"a": "2026-03-31T15:45:00-0400"}, "a") == moment
    assert read.milliseconds({"a": int(moment.timestamp() * 1000)}, "a") == moment
    assert read.stamp({"a": "2026-03-31T19:45:00+0000"}, "a").tzinfo is UTC


REMARKS = [
    ('{"message": "No.", "errors": ["Never.", "Ever."]}', "No. Never. Ever."),
    ('{"errors": [{"id": "1", "title": "Bad", "detail": "Worse"}]}', "Worse"),
    ('{"errors": [{"id": "1", "title": "Bad"}, {"id": "2"}]}', "Bad"),
    ('{"errors": "No."}', ""),
    ('["No."]', ""),
    ("<html>No.</html>", ""),
]


@pytest.mark.parametrize(("text", "told"), REMARKS)
def test_an_error_is_told_in_its_own_words(text, told):
    assert read.remark(body(text)) == told
