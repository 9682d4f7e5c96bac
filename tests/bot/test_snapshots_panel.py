from dataclasses import replace
from datetime import date, timedelta
from functools import partial

import pandas as pd
import pytest

from bot.domain.errors import DataError
from bot.snapshots_panel import Reading, newest_priced, priced
from bot.snapshots_prices import rows_of
from strategies.families import FAMILIES
from strategies.panel import Panel, features
from tests.bot.months import CALENDAR, LAST, RISEN, STOCKS, TECH, Life, prices, written

READING = Reading(Panel.of_rows, ("SPY",))


def rows(tmp_path, lives=STOCKS, **cells):
    """The rows of a file, some closes of ALFA replaced by how many rows back they are."""
    table = prices(lives)
    for symbol, changed in cells.items():
        own = table.index[table["symbol"] == symbol]
        for back, close in changed.items():
            table.loc[own[-1 - back], "close"] = close
    return rows_of(written(table, tmp_path / "p.csv"))


def told_of(note):
    return note.values  # noqa: PD011 - a note's, no table's


def same(one, other):
    assert one.symbols == other.symbols
    for name in ("starts", "days", "closes", "volumes"):
        pd.testing.assert_series_equal(
            pd.Series(getattr(one, name)), pd.Series(getattr(other, name))
        )


def test_rows_that_need_no_looking_after_make_the_panel_that_any_do(tmp_path):
    whole = rows(tmp_path)

    told = priced(whole, READING)

    same(told.panel, Panel.of_rows(whole))
    assert (told.day, told.notes) == (LAST, ())


def test_rows_without_order_make_the_same_panel(tmp_path):
    whole = rows(tmp_path)
    mixed = whole.sample(frac=1.0, random_state=3)

    same(priced(mixed, READING).panel, priced(whole, READING).panel)


def test_names_are_brought_into_one_form(tmp_path):
    lives = {" alfa": RISEN, "SPY": RISEN}

    assert priced(rows(tmp_path, lives), READING).panel.symbols == ("ALFA", "SPY")


@pytest.mark.parametrize("close", [0.0, -3.0, float("inf")])
def test_a_stock_with_a_close_that_is_none_is_set_apart_by_name(tmp_path, close):
    told = priced(rows(tmp_path, ALFA={290: close}), READING)

    (note,) = told.notes
    assert (note.code, note.symbol, told_of(note)["value"]) == ("price_apart", "ALFA", close)
    assert "ALFA" not in told.panel.symbols
    assert told.apart == {"ALFA"}


@pytest.mark.parametrize(("close", "ratio"), [(500.0, 5.0), (20.0, 0.2)])
def test_a_stock_with_an_impossible_move_is_set_apart_by_name(tmp_path, close, ratio):
    told = priced(rows(tmp_path, ALFA={0: close}), READING)

    (note,) = told.notes
    assert (note.code, note.symbol) == ("move_apart", "ALFA")
    assert told_of(note) == {"date": LAST, "value": ratio}
    assert "ALFA" not in told.panel.symbols


def test_the_day_of_a_move_is_that_of_the_row_it_led_to(tmp_path):
    told = priced(rows(tmp_path, ALFA=dict.fromkeys(range(10), 700.0)), READING)

    assert told_of(told.notes[0])["date"] == CALENDAR.before(LAST, 9).date


@pytest.mark.parametrize("close", [499.9, 20.1])
def test_a_great_move_is_possible(tmp_path, close):
    assert priced(rows(tmp_path, ALFA={0: close}), READING).notes == ()


def test_moves_nothing_looks_at_set_nobody_apart(tmp_path):
    old = rows(tmp_path, ALFA={280: 5000.0})
    later = rows(tmp_path, ALFA={0: 5000.0})

    assert priced(old, READING).notes == ()
    assert priced(later, READING, CALENDAR.before(LAST).date).notes == ()


@pytest.mark.parametrize(("close", "code"), [(0.0, "bad_price"), (5000.0, "dirty_prices")])
def test_without_a_benchmark_nothing_is_computed(tmp_path, close, code):
    with pytest.raises(DataError) as refused:
        priced(rows(tmp_path, SPY={3: close}), READING)

    assert refused.value.code == code
    assert "symbol=SPY" in str(refused.value)


def test_a_file_of_closes_that_are_none_is_refused(tmp_path):
    nobody = rows(tmp_path, {"ALFA": Life(0.0, 0.0)})

    with pytest.raises(DataError, match="table_empty"):
        priced(nobody, Reading(partial(Panel.of_rows, wants_volume=False)))


def test_prices_are_looked_at_as_of_the_day_asked(tmp_path):
    day = LAST - timedelta(days=5)

    assert priced(rows(tmp_path), READING, day).day == day


LAGS = [
    (LAST, LAST, None),
    (date(2024, 7, 30), LAST, (date(2024, 7, 30), LAST)),
    (LAST, date(2024, 8, 2), (LAST, date(2024, 8, 2))),
    (date(2024, 7, 26), date(2024, 7, 28), None),
]


@pytest.mark.parametrize(("last", "day", "lag"), LAGS)
def test_prices_lag_behind_the_last_session_that_is_not_after_the_day(tmp_path, last, day, lag):
    lives = {**STOCKS, "SPY": replace(RISEN, last=last)}

    assert priced(rows(tmp_path, lives), READING, day).lags("SPY", CALENDAR) == lag


def apart(whole):
    """The newest 296 rows of each symbol, and how many more each has."""
    of_each = whole.groupby("symbol", observed=True)
    return of_each.tail(296), (of_each.size() - 296).clip(lower=0).to_numpy()


# July 2024 has 22 sessions: the 274 rows of its eve are the first that are all here.
@pytest.mark.parametrize("day", [None, date(2024, 7, 30), date(2024, 6, 28)])
def test_the_newest_rows_tell_what_all_do(tmp_path, day):
    whole = rows(tmp_path)
    measures = FAMILIES[TECH].measures

    told, all_told = newest_priced(*apart(whole), day), priced(whole, READING, day)

    asked = [all_told.day]
    pd.testing.assert_frame_equal(
        features(told.panel, measures, asked), features(all_told.panel, measures, asked)
    )
    assert (told.day, told.notes) == (all_told.day, all_told.notes)


def test_the_newest_rows_do_not_tell_of_a_day_too_far_back(tmp_path):
    newest, earlier = apart(rows(tmp_path))

    assert newest_priced(newest, earlier, date(2024, 6, 27)) is None
    assert newest_priced(newest, earlier * 0, date(2024, 6, 27)) is not None


@pytest.mark.parametrize("close", [0.0, 5000.0])
def test_who_is_to_be_set_apart_is_looked_for_among_all_rows(tmp_path, close):
    assert newest_priced(*apart(rows(tmp_path, ALFA={3: close}))) is None


def test_a_panel_that_was_not_read_whole_is_not_asked_beyond_its_rows(tmp_path):
    panel = newest_priced(*apart(rows(tmp_path))).panel

    with pytest.raises(AssertionError):
        panel.windows(panel.places(["ALFA"]), date(2024, 6, 27))
    with pytest.raises(AssertionError):
        panel.since(LAST)


def test_a_symbol_without_prices_lags_and_anybodys_count_where_none_is_named(tmp_path):
    told = priced(rows(tmp_path), READING)

    assert told.lags("TLT", CALENDAR) == (None, LAST)
    assert told.lags(None, CALENDAR) is None
