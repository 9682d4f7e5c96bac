from datetime import date

import numpy as np
import pandas as pd
import pytest

from bot.domain.errors import DataError
from bot.original import Markets, month_ends, week_ends
from strategies.panel import Panel

DAYS = pd.DatetimeIndex(["2024-05-30", "2024-05-31", "2024-06-03", "2024-06-04"])
ROWS = pd.DataFrame(
    {
        "symbol": ["ALFA", "ALFA", "ALFA", "BETA", "BETA"],
        "as_of": ["2024-05-30", "2024-05-31", "2024-06-04", "2024-05-31", "2024-06-03"],
        "close": [10.0, 11.0, 22.0, 5.0, 6.0],
    }
)


def markets():
    return Markets.of(Panel.of_rows(ROWS, wants_volume=False))


def test_a_close_is_carried_on_where_a_day_has_none():
    closes = markets().closes

    assert closes.index.equals(DAYS.rename("as_of"))
    assert closes["ALFA"].tolist() == [10.0, 11.0, 11.0, 22.0]
    np.testing.assert_array_equal(closes["BETA"], [np.nan, 5.0, 6.0, 6.0])


def test_a_return_nobody_can_know_is_none():
    told = markets().returns(["BETA", "NONE"], DAYS[1:])

    assert told.columns.tolist() == ["BETA"]
    assert told["BETA"].tolist() == pytest.approx([0.0, 0.2, 0.0])


def test_a_span_is_of_days_that_have_prices():
    assert markets().within(date(2024, 5, 31), date(2024, 6, 3)).equals(DAYS[1:3])
    assert markets().within(None, None).equals(DAYS)


@pytest.mark.parametrize("first", [date(2024, 6, 4), date(2030, 1, 1)])
def test_a_span_without_two_days_is_refused(first):
    with pytest.raises(DataError, match="no_sessions_played"):
        markets().within(first, None)


def test_prices_of_nobody_are_refused():
    nobody = Panel.of_rows(ROWS.assign(close=np.nan), wants_volume=False)

    with pytest.raises(DataError, match="empty_file"):
        Markets.of(nobody)


def test_the_very_last_day_is_no_months_end():
    assert month_ends(DAYS).equals(DAYS[1:2])
    assert month_ends(DAYS[:2]).empty


def test_weeks_end_on_fridays_or_the_last_day_before():
    days = pd.DatetimeIndex(["2024-03-27", "2024-03-28", "2024-04-01", "2024-04-05", "2024-04-08"])

    assert week_ends(days).strftime("%m-%d").tolist() == ["03-28", "04-05"]


def test_a_panel_may_begin_later():
    panel = Panel.of_rows(ROWS, wants_volume=False).since(date(2024, 5, 31))

    assert Markets.of(panel).closes.index.equals(DAYS[1:].rename("as_of"))
    assert panel.starts.tolist() == [0, 2, 4]
