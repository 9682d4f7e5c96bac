from datetime import date

import pandas as pd
import pytest

from bot.domain.errors import Blocked
from bot.domain.received import Received, news, received, table, understood

MONDAY, TUESDAY, WEDNESDAY = date(2026, 3, 30), date(2026, 3, 31), date(2026, 4, 1)


def said(of: date, word: str, known_on: date | None = None) -> Received:
    return Received(of, known_on or of, word)


def read(**cells: object) -> Received:
    return received("rotation", {"signal": "LONG", **cells}, TUESDAY, "line 3")


@pytest.mark.parametrize(
    ("feed", "word", "expected"),
    [
        ("rotation", "LONG", True),
        ("rotation", " short\n", False),
        ("forecast", "Buy", True),
        ("forecast", "SELL", False),
    ],
)
def test_a_word_is_one_of_two(feed, word, expected):
    assert understood(feed, word, MONDAY) is expected


@pytest.mark.parametrize("word", ["", "HOLD", "BUY", "LONG SHORT", 1, None, True])
def test_any_other_word_is_refused_with_those_there_are(word):
    with pytest.raises(Blocked, match=r"signal_unknown .*rotation.*LONG, SHORT"):
        understood("rotation", word, MONDAY)


def test_the_first_telling_brings_its_own_history():
    history = [said(MONDAY, "LONG"), said(TUESDAY, "SHORT")]

    assert news([], history, WEDNESDAY) == history


def test_what_is_known_already_is_no_news():
    assert news([said(MONDAY, "LONG")], [said(MONDAY, "LONG")], TUESDAY) == []


def test_what_comes_late_was_not_known_before_it_came():
    kept = [said(TUESDAY, "SHORT")]

    assert news(kept, [said(MONDAY, "LONG")], WEDNESDAY) == [said(MONDAY, "LONG", WEDNESDAY)]


def test_what_is_for_later_is_known_then():
    kept = [said(MONDAY, "LONG")]
    told = said(MONDAY, "SHORT", WEDNESDAY)

    assert news(kept, [told], TUESDAY) == [told]


def test_a_correction_is_known_from_now_on_and_told_once():
    kept = [said(MONDAY, "LONG")]

    (new,) = news(kept, [said(MONDAY, "SHORT"), said(MONDAY, "SHORT")], TUESDAY)

    assert new == said(MONDAY, "SHORT", TUESDAY)
    assert news([*kept, new], [said(MONDAY, "SHORT")], WEDNESDAY) == []


def test_a_word_that_is_taken_back_is_another_correction():
    kept = [said(MONDAY, "LONG"), said(MONDAY, "SHORT", TUESDAY)]

    assert news(kept, [said(MONDAY, "LONG")], WEDNESDAY) == [said(MONDAY, "LONG", WEDNESDAY)]


def test_a_file_that_keeps_what_it_corrected_is_news_once():
    first, second = said(MONDAY, "LONG"), said(MONDAY, "SHORT", TUESDAY)
    third = said(MONDAY, "LONG", WEDNESDAY)

    assert news([first], [first, second], TUESDAY) == [second]
    assert news([first, second], [first, second], WEDNESDAY) == []
    assert news([first, second], [first, second, third], WEDNESDAY) == [third]


def test_a_row_says_when_it_was_known_and_what_it_is_about():
    assert read(known_on="2026-03-31", updated="2026-03-30") == said(MONDAY, "LONG", TUESDAY)


def test_without_another_day_it_is_about_the_day_it_was_known():
    assert read(known_on="2026-03-30") == said(MONDAY, "LONG")


def test_without_a_day_of_its_own_it_is_known_now():
    assert read(updated="2026-03-30") == said(MONDAY, "LONG", TUESDAY)


def test_a_time_is_a_day_at_the_exchange():
    assert read(updated="2026-03-31T02:00:00Z").as_of == MONDAY
    assert read(updated="2026-03-31T02:00:00").as_of == TUESDAY


def test_a_word_is_kept_in_capitals():
    assert read(updated="2026-03-30", signal=" long ").word == "LONG"


@pytest.mark.parametrize(
    ("cells", "what"),
    [
        ({}, "neither known_on nor updated"),
        ({"updated": "yesterday"}, "yesterday is no day"),
        ({"known_on": 20260331.5}, "is no day"),
        ({"updated": "2026-04-01"}, "updated 2026-04-01 after it was known on 2026-03-31"),
        ({"known_on": "2026-03-30", "updated": "2026-03-31"}, "after it was known"),
    ],
)
def test_what_can_not_be_read_is_refused_with_its_place(cells, what):
    with pytest.raises(Blocked, match=r"signal_unreadable .*line 3") as refused:
        read(**cells)

    assert what in str(refused.value)


def test_an_unknown_word_is_refused_though_its_days_are_right():
    with pytest.raises(Blocked, match="signal_unknown"):
        read(updated="2026-03-30", signal="WAIT")


def test_a_table_has_what_was_received_in_its_order():
    rows = table([said(TUESDAY, "LONG"), said(MONDAY, "SHORT", WEDNESDAY)])

    assert rows["signal"].tolist() == ["LONG", "SHORT"]
    assert rows["known_on"].tolist() == [pd.Timestamp(TUESDAY), pd.Timestamp(WEDNESDAY)]
    assert rows["as_of"].dtype.kind == table([])["known_on"].dtype.kind == "M"
