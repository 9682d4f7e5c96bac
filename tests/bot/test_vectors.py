from datetime import date

import pytest

from bot.domain.errors import Blocked, DataError
from bot.vectors import day, exchange, mapping, number, perhaps_number


def test_what_is_left_out_says_nothing():
    assert mapping("params", None) == {}
    assert perhaps_number("equity", None) is None


def test_fields_are_read_as_they_are_meant():
    assert mapping("params", {"a": 1}) == {"a": 1}
    assert number("equity", 5) == perhaps_number("equity", 5.0) == 5.0
    assert day("as_of", "2026-04-01") == date(2026, 4, 1)


@pytest.mark.parametrize(
    ("read", "value"),
    [
        *((mapping, wrong) for wrong in ([], "", 0)),
        *((number, wrong) for wrong in (None, True, "5", float("nan"), float("inf"), 10**20)),
        *((perhaps_number, wrong) for wrong in (False, "5")),
        *((day, wrong) for wrong in (None, 20260401, "soon", "2026-02-30")),
    ],
)
def test_what_can_not_be_believed_is_refused_by_its_field(read, value):
    with pytest.raises(DataError, match=r"bad_case .*field=x"):
        read("x", value)


def test_a_day_beyond_the_calendar_is_unknown():
    with pytest.raises(Blocked, match="calendar_unknown"):
        exchange().after(date(2050, 1, 1))
