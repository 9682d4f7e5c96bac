from datetime import UTC, date, datetime

import pytest

from bot.domain.calendar import Calendar, exchange_date
from bot.domain.errors import Blocked
from tests.builders import a_session

MON, TUE, WED, THU, FRI = (date(2026, 10, day) for day in (5, 6, 7, 8, 9))
SAT, SUN = date(2026, 10, 10), date(2026, 10, 11)
# The exchange is open on Columbus Day and no money settles.
COLUMBUS, AFTER = date(2026, 10, 12), date(2026, 10, 13)

DAYS = (MON, TUE, WED, THU, FRI, COLUMBUS, AFTER)
WEEK = Calendar([a_session(day) for day in DAYS], MON, AFTER, unsettled={COLUMBUS})


@pytest.mark.parametrize("day", DAYS)
def test_a_session_is_found_by_its_day(day):
    assert WEEK.on(day) == a_session(day)


def test_a_closed_day_has_no_session():
    assert WEEK.on(SAT) is None


def test_the_days_after_the_last_session_are_known_to_be_closed():
    quiet = Calendar([a_session(FRI)], MON, SUN)

    assert quiet.on(SUN) is None


@pytest.mark.parametrize(
    ("day", "count", "found"),
    [(MON, 1, TUE), (FRI, 1, COLUMBUS), (SAT, 1, COLUMBUS), (MON, 3, THU)],
)
def test_sessions_after_a_day_skip_closed_days(day, count, found):
    assert WEEK.after(day, count).date == found


@pytest.mark.parametrize(
    ("day", "count", "found"), [(TUE, 1, MON), (SAT, 1, FRI), (COLUMBUS, 1, FRI), (THU, 3, MON)]
)
def test_sessions_before_a_day_skip_closed_days(day, count, found):
    assert WEEK.before(day, count).date == found


def test_a_span_includes_both_ends():
    assert [s.date for s in WEEK.between(FRI, COLUMBUS)] == [FRI, COLUMBUS]
    assert [s.date for s in WEEK.between(SAT, SUN)] == []


@pytest.mark.parametrize(
    ("earlier", "later", "sessions"),
    [(MON, MON, 0), (MON, TUE, 1), (FRI, AFTER, 2), (SAT, AFTER, 2)],
)
def test_distance_counts_the_sessions_after_a_day(earlier, later, sessions):
    assert WEEK.distance(earlier, later) == sessions


def test_the_index_reaches_ahead_of_the_span():
    assert [day.date() for day in WEEK.index(TUE, WED, ahead=2)] == [TUE, WED, THU, FRI]


@pytest.mark.parametrize(
    ("day", "settled"), [(MON, TUE), (THU, FRI), (FRI, AFTER), (COLUMBUS, AFTER)]
)
def test_money_settles_one_settlement_day_later(day, settled):
    assert WEEK.settles(day) == settled


@pytest.mark.parametrize(
    "asked",
    [
        lambda: WEEK.on(date(2026, 10, 4)),
        lambda: WEEK.on(date(2026, 10, 14)),
        lambda: WEEK.after(date(2026, 10, 4)),
        lambda: WEEK.after(AFTER),
        lambda: WEEK.after(MON, 7),
        lambda: WEEK.before(MON),
        lambda: WEEK.before(date(2026, 10, 14)),
        lambda: WEEK.between(MON, date(2026, 10, 14)),
        lambda: WEEK.between(date(2026, 10, 4), MON),
        lambda: WEEK.distance(MON, date(2026, 10, 14)),
        lambda: WEEK.index(MON, TUE, ahead=40),
        lambda: WEEK.settles(AFTER),
    ],
)
def test_a_day_the_calendar_does_not_know_blocks(asked):
    with pytest.raises(Blocked, match="calendar_unknown") as refusal:
        asked()

    assert (refusal.value.values["first"], refusal.value.values["last"]) == (MON, AFTER)


def test_the_date_at_the_exchange_is_not_the_one_of_utc():
    assert exchange_date(datetime(2026, 3, 31, 3, 59, tzinfo=UTC)) == date(2026, 3, 30)
    assert exchange_date(datetime(2026, 3, 31, 4, 0, tzinfo=UTC)) == date(2026, 3, 31)


def test_a_session_has_the_number_of_those_before_it():
    counted = Calendar([a_session(day) for day in DAYS], MON, AFTER, earlier=100)

    assert [counted.number(day) for day in (MON, TUE, SAT, COLUMBUS)] == [100, 101, 105, 105]
