"""The exchange calendar against what the exchange has announced, and against real prices."""

import csv
import gzip
from datetime import UTC, date, datetime, time, timedelta

import pytest

from bot.domain.calendar import EXCHANGE, Calendar, exchange_date
from bot.domain.errors import BellwetherError, Blocked, SettingsError
from bot.domain.model import Session
from bot.sessions import EARLIEST, LATEST, Overrides, nyse
from tests.real import real_prices

KNOWN = nyse(date(1998, 1, 1), date(2031, 12, 31))
YEAR = (date(2026, 1, 1), date(2026, 12, 31))


YEARS_ENDS = (date(2020, 1, 2), date(2020, 12, 31), date(2021, 12, 31))


def days(text: str) -> list[str]:
    return text.split()


HALF_DAYS = days("""
    1998-11-27 1998-12-24 1999-11-26 1999-12-31 2000-07-03 2001-12-24 2002-07-05 2003-12-26
    2008-07-03 2012-07-03 2013-07-03 2013-11-29 2018-12-24 2019-07-03 2020-12-24 2021-11-26
    2022-11-25 2023-07-03 2023-11-24 2024-07-03 2024-11-29 2024-12-24 2025-07-03 2025-11-28
    2025-12-24 2026-11-27 2026-12-24 2027-11-26 2028-07-03 2028-11-24
""")

# Eves of holidays that are kept on another day, and Fridays after a holiday.
WHOLE_DAYS = days("""
    2008-12-26 2014-12-26 2015-07-02 2016-07-01 2019-07-05 2020-07-02 2021-07-02
    2021-12-23 2022-07-01 2022-12-23 2024-07-05 2025-12-26 2026-07-02 2027-07-02 2027-12-23
""")

# Days of mourning, a storm, an attack, Good Fridays, and holidays kept on another day.
CLOSED = days("""
    2001-09-11 2001-09-12 2001-09-13 2001-09-14 2004-06-11 2007-01-02 2012-10-29 2012-10-30
    2018-12-05 2025-01-09 2002-03-29 2013-03-29 2018-03-30 2024-03-29 2026-04-03 2029-03-30
    2015-07-03 2020-07-03 2021-07-05 2021-12-24 2022-06-20 2022-12-26 2023-01-02 2026-06-19
    2026-07-03 2027-06-18 2027-07-05 2027-12-24
""")

# Holidays of the banks or of the calendar that the exchange does not keep.
OPEN = days("2010-12-31 2021-06-18 2021-12-31 2026-10-12 2026-11-11 2027-12-31")


def on(day: str, calendar: Calendar = KNOWN) -> Session:
    session = calendar.on(date.fromisoformat(day))
    assert session is not None
    return session


def closing(session: Session) -> time:
    return session.closes.astimezone(EXCHANGE).time()


@pytest.mark.parametrize("day", HALF_DAYS)
def test_a_half_day_closes_at_one(day):
    assert closing(on(day)) == time(13)


@pytest.mark.parametrize("day", WHOLE_DAYS)
def test_a_day_that_only_looks_like_a_half_day_closes_at_four(day):
    assert closing(on(day)) == time(16)


@pytest.mark.parametrize("day", CLOSED)
def test_a_closed_day_is_no_session(day):
    assert KNOWN.on(date.fromisoformat(day)) is None


@pytest.mark.parametrize("day", OPEN)
def test_a_holiday_of_others_is_a_session(day):
    assert on(day).date == date.fromisoformat(day)


def test_every_session_opens_at_half_past_nine_and_closes_at_four_or_one():
    opens = {session.opens.astimezone(EXCHANGE).time() for session in KNOWN.sessions}
    closes = {closing(session) for session in KNOWN.sessions}

    assert (opens, closes) == ({time(9, 30)}, {time(13), time(16)})
    assert len(KNOWN.sessions) == 8549


def test_only_eves_and_days_after_holidays_are_half_days():
    eves = {(7, 3), (7, 5), (12, 24), (12, 26), (12, 31)}

    half = {session.date for session in KNOWN.sessions if closing(session) == time(13)}

    assert {day for day in half if (day.month, day.day) not in eves} == _after_thanksgiving()


def _after_thanksgiving() -> set[date]:
    """The day after the fourth Thursday of November, in each year."""
    thursdays = {
        year: [day for day in range(22, 29) if date(year, 11, day).isoweekday() == 4]
        for year in range(1998, 2032)
    }
    return {date(year, 11, day + 1) for year, (day,) in thursdays.items()}


@pytest.mark.parametrize("year", [1990, 2035])
def test_the_years_around_are_known_too(year):
    calendar = nyse(date(1990, 1, 1), date(2035, 12, 31))

    sessions = calendar.between(date(year, 1, 1), date(year, 12, 31))

    assert 250 <= len(sessions) <= 253


@pytest.mark.parametrize(
    ("day", "utc"),
    [
        ("2026-03-06", "21:00"),
        ("2026-03-09", "20:00"),
        ("2026-10-30", "20:00"),
        ("2026-11-02", "21:00"),
    ],
)
def test_the_close_stays_at_four_in_new_york_when_the_clocks_change(day, utc):
    session = on(day)

    assert closing(session) == time(16)
    assert session.closes == datetime.fromisoformat(f"{day}T{utc}+00:00")


def test_opens_and_closes_are_in_utc():
    assert {s.opens.tzinfo for s in KNOWN.sessions} == {UTC}
    assert {s.closes.tzinfo for s in KNOWN.sessions} == {UTC}


@pytest.mark.parametrize("last", ["2013-03-28", "2018-03-29", "2024-03-28", "2029-03-29"])
def test_a_quarter_may_end_before_good_friday(last):
    day = date.fromisoformat(last)

    session = KNOWN.before(date(day.year, 4, 1))

    assert session.date == day


@pytest.mark.parametrize(
    ("sold", "settled"),
    [
        ("2026-10-08", "2026-10-09"),
        ("2026-10-09", "2026-10-13"),  # Columbus Day
        ("2026-10-12", "2026-10-13"),
        ("2024-10-11", "2024-10-15"),  # the latest Columbus Day there is
        ("2026-11-10", "2026-11-12"),  # Veterans Day
        ("2018-11-09", "2018-11-13"),  # a Sunday's Veterans Day is kept on Monday
        ("2023-11-09", "2023-11-10"),  # a Saturday's is not kept
        ("2026-04-02", "2026-04-06"),  # Good Friday
    ],
)
def test_money_settles_on_the_next_day_on_which_exchange_and_banks_are_open(sold, settled):
    assert KNOWN.settles(date.fromisoformat(sold)) == date.fromisoformat(settled)


def test_an_extra_closure_is_no_session():
    closed = date(2026, 6, 1)

    calendar = nyse(*YEAR, Overrides(extra_closures=frozenset({closed})))

    assert calendar.on(closed) is None
    assert calendar.after(date(2026, 5, 29)).date == date(2026, 6, 2)


def test_an_extra_early_close_is_the_time_of_day_at_the_exchange():
    calendar = nyse(*YEAR, Overrides(early_closes={date(2026, 6, 1): time(12, 30)}))

    session = on("2026-06-01", calendar)

    assert session.closes == datetime(2026, 6, 1, 16, 30, tzinfo=UTC)
    assert session.opens == on("2026-06-01").opens


def test_an_early_close_the_schedule_has_learnt_meanwhile_changes_nothing():
    announced = Overrides(early_closes={date(2026, 11, 27): time(13)})

    assert nyse(*YEAR, announced).sessions == nyse(*YEAR).sessions


@pytest.mark.parametrize(
    ("overrides", "code", "day"),
    [
        (
            Overrides(extra_closures=frozenset({date(2026, 7, 4)})),
            "closure_without_session",
            date(2026, 7, 4),
        ),
        (
            Overrides(extra_closures=frozenset({date(2100, 6, 1)})),
            "closure_without_session",
            date(2100, 6, 1),
        ),
        (
            Overrides(early_closes={date(2026, 4, 3): time(13)}),
            "early_close_without_session",
            date(2026, 4, 3),
        ),
        (
            Overrides(frozenset({date(2026, 6, 1)}), {date(2026, 6, 1): time(13)}),
            "early_close_without_session",
            date(2026, 6, 1),
        ),
        (
            Overrides(early_closes={date(2026, 6, 1): time(16, 1)}),
            "early_close_outside_hours",
            date(2026, 6, 1),
        ),
        (
            Overrides(early_closes={date(2026, 6, 1): time(9, 30)}),
            "early_close_outside_hours",
            date(2026, 6, 1),
        ),
        (
            Overrides(early_closes={date(2026, 6, 1): time(13, tzinfo=UTC)}),
            "early_close_outside_hours",
            date(2026, 6, 1),
        ),
        (
            Overrides(extra_closures=frozenset({date(2025, 6, 1)})),
            "closure_without_session",
            date(2025, 6, 1),
        ),
    ],
)
def test_an_override_that_contradicts_the_schedule_is_a_settings_error(overrides, code, day):
    with pytest.raises(SettingsError) as refused:
        nyse(*YEAR, overrides)

    assert (refused.value.code, refused.value.values["day"]) == (code, day)


@pytest.mark.parametrize(
    ("first", "last", "unknown"),
    [
        (EARLIEST - timedelta(days=1), date(2026, 1, 1), EARLIEST - timedelta(days=1)),
        (date(2026, 1, 1), LATEST + timedelta(days=1), LATEST + timedelta(days=1)),
        (date(2026, 1, 2), date(2026, 1, 1), date(2026, 1, 1)),
    ],
)
def test_a_span_the_schedule_does_not_know_blocks(first, last, unknown):
    with pytest.raises(Blocked) as blocked:
        nyse(first, last)

    assert (blocked.value.code, blocked.value.values["day"]) == ("calendar_unknown", unknown)


@pytest.mark.parametrize("day", [date(2025, 12, 31), date(2027, 1, 4)])
def test_a_weekday_outside_the_span_is_not_taken_for_a_session(day):
    calendar = nyse(*YEAR)

    with pytest.raises(Blocked) as blocked:
        calendar.on(day)

    assert blocked.value.code == "calendar_unknown"


def test_a_span_of_one_closed_day_has_no_sessions():
    assert nyse(date(2026, 7, 4), date(2026, 7, 4)).sessions == ()


def test_a_session_has_the_same_number_in_every_calendar():
    young = nyse(date(2020, 1, 1), date(2021, 12, 31))

    assert [young.number(day) for day in YEARS_ENDS] == [KNOWN.number(day) for day in YEARS_ENDS]
    assert nyse(EARLIEST, EARLIEST).number(EARLIEST) == 0


def test_a_second_calendar_is_made_of_the_sessions_of_the_first():
    assert nyse(*YEAR).sessions[0] is nyse(*YEAR).sessions[0]


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-03-06T04:59:00+00:00", "2026-03-05"),
        ("2026-03-06T05:00:00+00:00", "2026-03-06"),
        ("2026-07-01T03:59:00+00:00", "2026-06-30"),
        ("2026-03-06T09:00:00+08:00", "2026-03-05"),
    ],
)
def test_the_date_at_the_exchange_turns_at_midnight_in_new_york(moment, day):
    assert exchange_date(datetime.fromisoformat(moment)) == date.fromisoformat(day)


def test_a_time_without_a_zone_has_no_date_at_the_exchange():
    with pytest.raises(BellwetherError, match="naive_time"):
        exchange_date(datetime(2026, 3, 6, 12))  # noqa: DTZ001 - the absent zone is the case


def test_a_fund_has_a_price_on_every_session_and_on_no_other_day():
    with gzip.open(real_prices("etf_ohlcv.csv.gz"), "rt", newline="") as lines:
        priced = [
            date.fromisoformat(row["date"])
            for row in csv.DictReader(lines)
            if row["symbol"] == "SPY"
        ]

    sessions = nyse(min(priced), max(priced)).sessions

    assert [session.date for session in sessions] == sorted(priced)
    assert len(sessions) > 5000
