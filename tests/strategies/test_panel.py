import math
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from bot.domain.errors import DataError
from bot.domain.model import Note
from strategies.families import MEGA, RUSSELL, TECH
from strategies.panel import Panel, features
from tests.strategies.builders import gappy_closes, random_closes

NAMES = ("AAA", "BBB", "CCC", "DDD", "EEE")


def a_table(*rows, columns=("symbol", "as_of", "close", "volume")):
    return pd.DataFrame(list(rows), columns=list(columns))


def long_of(closes, volume=1e6):
    told = closes.rename_axis("as_of").reset_index().melt("as_of", var_name="symbol")
    return told.rename(columns={"value": "close"}).assign(volume=volume)


def contents(panel):
    return (
        panel.symbols,
        panel.starts.tolist(),
        panel.days.tolist(),
        panel.closes.tolist(),
        panel.volumes.tolist(),
    )


def days_of(closes, count=9):
    days = pd.DatetimeIndex(closes.index)
    return [day.date() for day in days[np.linspace(0, len(days) - 1, count).astype(int)]]


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_rows_does_not_matter(seed):
    table = long_of(gappy_closes(NAMES, 60, seed))

    shuffled = Panel.of_rows(table.sample(frac=1.0, random_state=seed))

    assert contents(shuffled) == contents(Panel.of_rows(table))


@pytest.mark.parametrize("seed", range(3))
def test_a_matrix_and_its_rows_are_one_panel(seed):
    closes = gappy_closes(NAMES, 60, seed)[["CCC", "AAA"]]

    panel = Panel.of_frames(closes, closes * 0.0 + 1e6)

    assert contents(panel) == contents(Panel.of_rows(long_of(closes)))


def test_a_matrix_without_volumes_knows_none():
    panel = Panel.of_frames(random_closes(("A",), 3, seed=1))

    assert np.isnan(panel.volumes).all()


@pytest.mark.parametrize(
    "day",
    [
        "2026-03-31",
        "2026-03-31T16:00:00",
        "20260331",
        date(2026, 3, 31),
        datetime(2026, 3, 31, 16),  # noqa: DTZ001 - what a file without zones holds
        pd.Timestamp("2026-03-31 20:00", tz="America/New_York"),
    ],
)
def test_a_day_is_read_without_its_time_and_zone(day):
    panel = Panel.of_rows(a_table(("A", day, 10.0, 1.0)))

    assert panel.newest == date(2026, 3, 31)


def test_days_may_be_text_with_a_zone():
    table = a_table(("A", "2026-03-30T20:00-04:00", 1.0, 1.0), ("A", "2026-03-31", 1.0, 1.0))

    assert Panel.of_rows(table[:1]).newest == date(2026, 3, 30)


def test_symbols_are_trimmed_and_in_capitals():
    panel = Panel.of_rows(
        a_table((" brk.b", "2026-03-30", 1.0, 1.0), ("BRK.B ", "2026-03-31", 2.0, 1.0))
    )

    assert panel.symbols == ("BRK.B",)
    assert panel.closes.tolist() == [1.0, 2.0]


def test_rows_without_close_or_symbol_are_left_out_and_told():
    panel = Panel.of_rows(
        a_table(
            ("A", "2026-03-30", math.nan, 1.0),
            ("A", "2026-03-31", "n/a", 1.0),
            ("A", "2026-04-01", "12.5", 1.0),
            (None, "2026-04-01", 3.0, 1.0),
        )
    )

    assert panel.closes.tolist() == [12.5]
    assert panel.notes == (
        Note("rows_nameless", "", {"table": "prices", "rows": 1}),
        Note("rows_unpriced", "A", {"rows": 2}),
    )


TWICE = a_table(
    ("A", "2026-03-30", 1.0, 1.0),
    ("A", "2026-03-31", 2.0, 1.0),
    ("B", "2026-03-31", 9.0, 1.0),
    ("A", "2026-03-31", 3.0, 1.0),
)


def test_of_two_rows_of_a_day_the_last_counts():
    panel = Panel.of_rows(TWICE)

    assert panel.closes.tolist() == [1.0, 3.0, 9.0]
    assert panel.notes == (Note("rows_replaced", "A", {"rows": 1}),)


def test_a_panel_that_keeps_doubles_counts_both_in_their_order():
    panel = Panel.of_rows(TWICE, keeps_doubles=True)

    assert panel.closes.tolist() == [1.0, 2.0, 3.0, 9.0]
    assert panel.notes == (Note("rows_counted_twice", "A", {"rows": 1}),)


@pytest.mark.parametrize("close", [0.0, -3.0, math.inf])
def test_a_close_that_is_no_price_is_refused(close):
    table = a_table(("A", "2026-03-30", 1.0, 1.0), ("B", "2026-03-31", close, 1.0))

    with pytest.raises(DataError, match=r"bad_price .*symbol=B, date=2026-03-31"):
        Panel.of_rows(table)


def test_a_day_that_is_none_is_refused_with_its_line():
    with pytest.raises(DataError, match=r"bad_date .*line=3, value=yesterday"):
        Panel.of_rows(a_table(("A", "2026-03-30", 1.0, 1.0), ("A", "yesterday", 1.0, 1.0)))


def test_a_missing_column_is_named():
    table = a_table(("A", 1.0), columns=("symbol", "close"))

    with pytest.raises(DataError, match=r"table_columns .*columns=as_of, volume"):
        Panel.of_rows(table)


def test_volume_may_be_absent_where_it_is_not_wanted():
    table = a_table(("A", "2026-03-30", 1.0), columns=("symbol", "as_of", "close"))

    assert np.isnan(Panel.of_rows(table, wants_volume=False).volumes).all()


def test_a_table_without_rows_is_refused():
    with pytest.raises(DataError, match="table_empty"):
        Panel.of_rows(a_table())


def test_a_panel_of_no_prices_has_no_newest_day():
    panel = Panel.of_rows(a_table(("A", "2026-03-30", math.nan, 1.0)))

    assert panel.newest is None
    assert panel.windows(panel.places(["A"]), date(2026, 3, 31)).rows.tolist() == [0.0]


@pytest.mark.parametrize("after", [-400, -1, 0, 1, 2, 4, 400])
def test_the_rows_of_a_day_are_those_not_later(after):
    days = ["2026-03-27", "2026-03-30", "2026-04-01"]
    panel = Panel.of_rows(a_table(*((symbol, day, 1.0, 1.0) for symbol in "AB" for day in days)))
    day = date(2026, 3, 29) + timedelta(days=after)

    rows = panel.windows(panel.places(["B", "A"]), day).rows

    assert rows.tolist() == [sum(date.fromisoformat(d) <= day for d in days)] * 2


@pytest.mark.parametrize("family", [RUSSELL, TECH, MEGA])
@pytest.mark.parametrize("seed", range(2))
def test_later_rows_change_nothing(family, seed):
    closes = gappy_closes(NAMES, 400, seed)
    day = days_of(closes)[6]
    known = closes.loc[: pd.Timestamp(day)]

    told = features(Panel.of_frames(closes), family.measures, [day])

    pd.testing.assert_frame_equal(
        told, features(Panel.of_frames(known), family.measures, [day]), check_exact=True
    )


@pytest.mark.parametrize("family", [RUSSELL, TECH, MEGA])
def test_a_day_among_many_is_a_day_alone(family):
    panel = Panel.of_frames(gappy_closes(NAMES, 400, seed=4))
    days = days_of(gappy_closes(NAMES, 400, seed=4))

    together = features(panel, family.measures, days)

    alone = [features(panel, family.measures, [day]) for day in days]
    pd.testing.assert_frame_equal(together, pd.concat(alone), check_exact=True)


def test_a_stock_among_many_is_a_stock_alone():
    closes = gappy_closes(NAMES, 400, seed=6)
    day = days_of(closes)[-1]

    together = features(Panel.of_frames(closes), TECH.measures, [day])

    for name in NAMES:
        alone = features(Panel.of_frames(closes[[name]]), TECH.measures, [day])
        pd.testing.assert_frame_equal(together.loc[(slice(None), [name]), :], alone)


def test_features_are_indexed_by_day_and_symbol():
    closes = random_closes(("B", "A"), 30, seed=1)
    days = days_of(closes, 2)

    told = features(Panel.of_frames(closes), RUSSELL.measures, days)

    assert list(told.index) == [(pd.Timestamp(day), name) for day in days for name in "AB"]
    assert told["close"].tolist() == closes[["A", "B"]].to_numpy()[[0, -1]].ravel().tolist()


def test_no_days_have_no_features():
    panel = Panel.of_frames(random_closes(("A",), 3, seed=1))

    told = features(panel, RUSSELL.measures, [])

    assert told.empty
    assert list(told.columns) == list(RUSSELL.measures)
