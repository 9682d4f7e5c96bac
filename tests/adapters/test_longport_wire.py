"""What goes over the pipe comes out of it as it went in."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from adapters.longport_wire import (
    Absent,
    Accepted,
    Asked,
    Balance,
    Bar,
    Bars,
    Book,
    Cancel,
    Candles,
    Cash,
    Depth,
    Describe,
    Fresh,
    FundNames,
    Funds,
    Half,
    Held,
    Holdings,
    Money,
    Open,
    Opened,
    Order,
    Orders,
    Past,
    Positions,
    Price,
    Prices,
    Quote,
    Refresh,
    Refusal,
    Securities,
    Security,
    Submit,
    Today,
    answer_line,
    question_line,
    read_answer,
    read_question,
)

AT = datetime(2026, 3, 31, 19, 45, 0, 5, tzinfo=UTC)
ONE = Decimal("1.10")
AN_ORDER = Order("7", "VOO.US", "Buy", "New", ONE, ONE, None, ONE, AT, "remark", "no\nline")

QUESTIONS = [
    Open(Half.QUOTE, "key", "secret", "token", "http://a", "ws://b", "ws://c"),
    Refresh(AT),
    Balance("USD"),
    Holdings(),
    Funds(),
    Today(),
    Today("7"),
    Past(AT),
    Submit("VOO.US", "Sell", 3, ONE, "NAME"),
    Submit("VOO.US", "Buy", 3, None, "NAME"),
    Cancel("7"),
    Describe(("VOO.US", "BIL.US")),
    Quote(("VOO.US",)),
    Depth("VOO.US"),
    Candles("VOO.US", 3, adjusted=True),
]
ANSWERS = [
    Opened("longport", "Lv1"),
    Fresh("token"),
    Money((Cash("USD", ONE, ONE, -ONE),), ONE, ONE, Decimal(0)),
    Positions((Held("VOO.US", ONE, ONE, "USD"),), 1),
    FundNames(("A fund", "基金")),
    Orders((AN_ORDER, AN_ORDER)),
    Orders(()),
    Accepted("7"),
    Asked(),
    Securities((Security("VOO.US", 1),)),
    Prices((Price("VOO.US", ONE, "Normal", AT),)),
    Book(ONE, None),
    Bars((Bar(AT, ONE, ONE, ONE),)),
    Refusal(602001, "no"),
    Absent(),
]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda it: type(it).__name__)
def test_a_question_comes_over_with_its_time(question):
    line = question_line(question, 1.5)

    assert line.count(b"\n") == 1
    assert read_question(line) == (1.5, question)


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda it: type(it).__name__)
def test_an_answer_comes_over(answer):
    line = answer_line(answer)

    assert line.count(b"\n") == 1
    assert read_answer(line) == answer


@pytest.mark.parametrize("line", [b"", b"{}", b"[]", b'{"kind": "Nothing", "with": {}}', b"\xff"])
def test_what_is_no_answer_is_noticed(line):
    with pytest.raises((ValueError, KeyError, TypeError)):
        read_answer(line)
