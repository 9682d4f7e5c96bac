from datetime import date

import numpy as np
import pandas as pd
import pytest
import talib
from talib import abstract

from adapters.patterns import BARS, FUNCTIONS, WARM_UP, recognise, write_table
from adapters.table_feeds import read_table
from bot.domain.dated_tables import believed
from bot.domain.errors import Blocked
from strategies.expectations import layout_of
from tests.strategies.builders import CALENDAR, sessions

DAYS = sessions(40, date(2026, 1, 2))


def candles(symbol="A", days=DAYS, seed=1) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    closes = 100.0 + chance.normal(0.0, 1.0, len(days)).cumsum()
    opens = closes + chance.normal(0.0, 1.0, len(days))
    high = np.maximum(opens, closes) + np.abs(chance.normal(0.0, 0.5, len(days)))
    low = np.minimum(opens, closes) - np.abs(chance.normal(0.0, 0.5, len(days)))
    told = {"date": days, "symbol": symbol, "open": opens, "high": high, "low": low}
    return pd.DataFrame({**told, "close": closes})


def found(*bars: pd.DataFrame):
    return recognise(believed(pd.concat(bars, ignore_index=True), BARS, "bars.csv"), CALENDAR, "x")


def test_there_are_61_pattern_functions():
    assert set(FUNCTIONS) == set(talib.get_function_groups()["Pattern Recognition"])
    assert len(FUNCTIONS) == 61


def test_no_pattern_needs_more_bars_than_a_stock_must_have():
    assert max(abstract.Function(name).lookback for name in FUNCTIONS) == WARM_UP


def test_a_candle_is_known_on_the_session_after_its_own():
    table = found(candles()).table

    assert table["as_of"].tolist() == DAYS[WARM_UP:].tolist()
    assert table["known_on"].tolist()[:-1] == DAYS[WARM_UP + 1 :].tolist()
    assert table["known_on"].iloc[-1].date() == CALENDAR.after(DAYS[-1].date()).date


def test_the_patterns_of_a_day_do_not_depend_on_later_bars():
    whole = found(candles()).table.set_index("as_of")["patterns"]

    for length in (20, 27, 33):
        part = found(candles().iloc[:length]).table.set_index("as_of")["patterns"]
        pd.testing.assert_series_equal(part, whole[: DAYS[length - 1]])


def flat(last: list[tuple[float, float, float, float]]) -> pd.DataFrame:
    """Falling small black candles, then those given: open, high, low, close."""
    count = len(DAYS) - len(last)
    closes = np.linspace(120.0, 100.0, count)
    rows = [(close + 0.5, close + 0.6, close - 0.1, close) for close in closes]
    table = pd.DataFrame([*rows, *last], columns=["open", "high", "low", "close"])
    return table.assign(date=DAYS, symbol="A")


def test_a_white_candle_that_engulfs_the_black_one_before_it_is_bullish():
    white, black = (100.0, 100.6, 99.9, 100.5), (100.5, 100.6, 99.9, 100.0)

    [*_, last] = found(flat([white, black, (99.5, 103.0, 99.4, 102.9)])).table["patterns"]

    assert last > 0


def test_patterns_that_contradict_each_other_cancel_out():
    # The third black candle in a row is engulfed: bullish as a pair, a bearish strike as four.
    [*_, last] = found(flat([(99.0, 103.0, 98.9, 102.9)])).table["patterns"]

    assert last == 0


def test_a_black_candle_that_engulfs_the_white_one_before_it_is_bearish():
    rising = [(100.0 + n, 101.1 + n, 99.9 + n, 101.0 + n) for n in range(12)]

    [*_, last] = found(flat([*rising, (113.0, 113.1, 107.0, 107.1)])).table["patterns"]

    assert last < 0


def test_every_stock_is_recognised_by_its_own_candles():
    both = found(candles("A"), candles("B", seed=2)).table
    alone = found(candles("B", seed=2)).table

    of_b = both[both["symbol"] == "B"].reset_index(drop=True)
    pd.testing.assert_frame_equal(of_b, alone)


def test_a_stock_with_too_few_candles_says_nothing():
    told = found(candles(), candles("YOUNG", DAYS[:WARM_UP])).table

    assert set(told["symbol"]) == {"A"}
    assert found(candles("YOUNG", DAYS[:3])).table.empty


def test_candles_of_closed_days_are_left_out():
    sunday = candles(days=pd.DatetimeIndex(["2026-01-04"]))

    told = found(candles(), sunday)

    assert told.left_out == 1
    pd.testing.assert_frame_equal(told.table, found(candles()).table)


@pytest.mark.parametrize(("name", "factor"), [("high", 0.9), ("low", 1.1)])
def test_a_candle_that_can_not_be_is_refused_with_its_place(name, factor):
    bars = candles()
    bars.loc[7, name] *= factor

    with pytest.raises(Blocked) as refused:
        found(bars)

    code, told = refused.value.args
    assert (code, told["row"], told["symbol"]) == ("bar_impossible", 8, "A")


@pytest.mark.parametrize("name", ["patterns.csv", "patterns.parquet", "deep/er/patterns.csv"])
def test_a_table_that_was_written_is_one_a_feed_believes(tmp_path, name):
    table = found(candles()).table

    write_table(table, tmp_path / name)

    read = read_table(tmp_path / name, layout_of("patterns")).rows
    assert read["patterns"].tolist() == table["patterns"].tolist()
    assert read["known_on"].tolist() == table["known_on"].tolist()
    assert [path.name for path in (tmp_path / name).parent.iterdir()] == [(tmp_path / name).name]
