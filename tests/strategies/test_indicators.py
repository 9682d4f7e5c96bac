from datetime import date

import numpy as np
import pandas as pd
import pytest

from strategies.indicators import (
    average_slope,
    hull_average,
    hull_bars,
    latest_close,
    month_ends,
    moving_average,
    own_bars,
    trailing_low,
    volatility,
    weighted_momentum,
)
from tests.strategies.builders import CALENDAR, a_table, gappy_closes, random_closes, sessions

NAN = float("nan")
WIDE = 1000


def a_year_of_months(closes: dict[int, float], today: float = 1.0, months: int = 13) -> pd.Series:
    """One symbol at 1.0, its month closes `closes` by months before the newest bar."""
    days = sessions(330)
    prices = pd.Series(1.0, days)
    ends = [day for day in month_ends(days) if day < days[-1].replace(day=1)]
    for back, close in closes.items():
        prices[ends[-back]] = close
    prices.iloc[-1] = today
    return prices[prices.index > ends[-months]]


def newest_momentum(prices: pd.Series, lookback: int = WIDE) -> float:
    return weighted_momentum(own_bars(prices.to_frame("A"), lookback))["A"].iloc[-1]


def test_an_average_takes_the_newest_bar_in():
    closes = a_table({"A": [1.0, 2.0, 6.0, 1.0]})

    average = moving_average(own_bars(closes, WIDE), 3)

    np.testing.assert_allclose(average["A"], [NAN, NAN, 3.0, 3.0], rtol=1e-15)


def test_an_average_takes_a_symbols_own_bars_and_is_carried_over_its_gaps():
    closes = a_table({"A": [1.0, NAN, 3.0, NAN, 8.0], "B": [1.0, 1.0, 4.0, 4.0, 4.0]})

    average = moving_average(own_bars(closes, WIDE), 2)

    np.testing.assert_allclose(average["A"], [NAN, NAN, 2.0, 2.0, 5.5])
    np.testing.assert_allclose(average["B"], [NAN, 1.0, 2.5, 4.0, 4.0])


def test_nobody_is_above_the_average_of_an_unmoved_price():
    closes = a_table({"A": [77.1] * 300, "B": [0.1] * 300, "C": [1234.5678] * 300})

    average = moving_average(own_bars(closes, WIDE), 200)

    assert (average.iloc[199:] == closes.iloc[199:]).all(axis=None)


def test_an_average_agrees_with_the_plain_mean():
    closes = random_closes(["A", "B"], 400, seed=3)

    average = moving_average(own_bars(closes, WIDE), 200)

    pd.testing.assert_frame_equal(average, closes.rolling(200).mean(), rtol=1e-12)


def test_an_average_over_more_bars_than_there_are_is_unknown():
    closes = a_table({"A": [1.0, 2.0]})

    average = moving_average(own_bars(closes, WIDE), 3)

    assert average["A"].isna().all()


def test_a_slope_is_how_far_the_newest_bar_moved_the_average():
    closes = gappy_closes(["A", "B", "C", "D", "E"], 400, seed=3)
    own = closes["A"].dropna()

    slope = average_slope(own_bars(closes, WIDE), 20)["A"].reindex(own.index)

    pd.testing.assert_series_equal(slope, own.rolling(20).mean().diff(), rtol=1e-6, atol=1e-12)


def test_the_slope_of_an_average_between_equal_ends_is_zero():
    closes = a_table({"A": [0.1, 7.3, 0.2, 0.1]})

    slope = average_slope(own_bars(closes, WIDE), 3)

    np.testing.assert_array_equal(slope["A"], [NAN, NAN, NAN, 0.0])


def test_a_hull_average_is_the_one_reckoned_by_hand():
    values = a_table({"A": [1.0, 3.0, 2.0, 6.0, 4.0, 0.0]})

    hull = hull_average(own_bars(values, WIDE), 4)

    # Of 4 the half and the root are 2. Twice WMA(2) less WMA(4):
    #   2·(2 + 2·6)/3 - (1 + 2·3 + 3·2 + 4·6)/10 =  169/30
    #   2·(6 + 2·4)/3 - (3 + 2·2 + 3·6 + 4·4)/10 =  157/30
    #   2·(4 + 2·0)/3 - (2 + 2·6 + 3·4 + 4·0)/10 =    2/30
    expected = [NAN, NAN, NAN, NAN, (169 + 2 * 157) / 90, (157 + 2 * 2) / 90]
    np.testing.assert_allclose(hull["A"], expected, rtol=1e-14)


@pytest.mark.parametrize(("length", "half", "root"), [(30, 15, 5), (5, 3, 2), (7, 4, 3), (1, 1, 1)])
def test_half_and_root_of_a_hull_average_are_rounded_halves_up(length, half, root):
    line = a_table({"A": [float(number) for number in range(60)]})

    hull = hull_average(own_bars(line, WIDE), length)["A"]

    # A WMA of n follows a straight line (n - 1)/3 sessions behind.
    behind = (2 * (half - 1) - (length - 1) + (root - 1)) / 3
    known = line["A"].iloc[hull_bars(length) - 1 :]
    assert hull_bars(length) == length + root - 1
    np.testing.assert_allclose(hull.dropna(), known - behind, rtol=1e-12, atol=1e-12)


def test_a_low_is_of_a_symbols_own_bars_with_the_newest():
    closes = a_table({"A": [1.0, NAN, 3.0, 4.0, NAN, 2.0]})

    low = trailing_low(own_bars(closes, WIDE), 2)

    np.testing.assert_array_equal(low["A"], [NAN, NAN, 1.0, 3.0, 3.0, 2.0])


def test_volatility_is_the_sample_deviation_of_daily_returns():
    closes = random_closes(["A", "B"], 400, seed=3)

    spread = volatility(own_bars(closes, WIDE), 20)

    expected = closes.pct_change().rolling(20).std()
    pd.testing.assert_frame_equal(spread, expected, rtol=1e-9)


def test_volatility_is_known_from_one_bar_more_than_returns():
    closes = a_table({"A": [100.0, 110.0, 99.0], "B": [NAN, 5.0, 6.0]})

    spread = volatility(own_bars(closes, WIDE), 2)

    assert spread["A"].iloc[-1] == pytest.approx(0.02**0.5)
    assert spread["A"].iloc[:2].isna().all()
    assert spread["B"].isna().all()


def test_a_single_return_has_no_deviation_and_equal_ones_have_none():
    closes = a_table({"A": [1.0, 2.0, 4.0, 8.0]})

    assert volatility(own_bars(closes, WIDE), 1)["A"].isna().all()
    assert volatility(own_bars(closes, WIDE), 3)["A"].iloc[-1] == 0.0


@pytest.mark.parametrize("bars", [0, 1, 5])
def test_fewer_bars_than_a_window_are_no_number(bars):
    closes = a_table({"A": [1.0] * 6}).iloc[:bars]

    for indicator in (moving_average, hull_average, average_slope, trailing_low, volatility):
        assert indicator(own_bars(closes, WIDE), 20)["A"].isna().all()


def test_bars_older_than_the_lookback_do_not_exist():
    closes = a_table({"A": [5.0, NAN, NAN, 7.0, NAN, NAN, NAN]})

    carried = latest_close(own_bars(closes, 3))

    np.testing.assert_array_equal(carried["A"], [5.0, 5.0, 5.0, 7.0, 7.0, 7.0, NAN])


def test_a_symbol_is_unknown_before_its_first_bar():
    closes = a_table({"A": [NAN, 3.0], "B": [NAN, NAN]})

    carried = latest_close(own_bars(closes, WIDE))

    np.testing.assert_array_equal(carried, [[NAN, NAN], [3.0, NAN]])


def test_momentum_weighs_the_returns_since_four_earlier_month_closes():
    prices = a_year_of_months({1: 0.8, 3: 0.5, 6: 2.0, 12: 4.0}, today=1.2)

    momentum = newest_momentum(prices)

    returns = 12 * (1.2 / 0.8 - 1) + 4 * (1.2 / 0.5 - 1) + 2 * (1.2 / 2 - 1) + (1.2 / 4 - 1)
    assert momentum == pytest.approx(returns / 19, abs=1e-15)


@pytest.mark.parametrize("back", [2, 4, 5, 7, 11])
def test_other_month_closes_do_not_matter(back):
    prices = a_year_of_months({back: 50.0})

    momentum = newest_momentum(prices)

    assert momentum == 0.0


def test_today_is_the_close_of_the_unfinished_month():
    prices = a_year_of_months({}, today=1.19)

    momentum = newest_momentum(prices)

    assert momentum == pytest.approx(0.19, abs=1e-15)


def test_momentum_needs_253_bars():
    prices = a_year_of_months({})

    assert np.isnan(newest_momentum(prices.iloc[-252:]))
    assert newest_momentum(prices.iloc[-253:]) == 0.0


def test_momentum_needs_thirteen_month_closes():
    days = pd.date_range("2020-01-01", "2021-01-01")
    closes = pd.DataFrame({"A": np.linspace(1.0, 2.0, len(days))}, days)

    momentum = weighted_momentum(own_bars(closes, WIDE))["A"]

    assert momentum[:"2020-12-31"].isna().all()
    assert momentum["2021-01-01"] > 0.0


def test_a_month_without_bars_is_no_month():
    prices = a_year_of_months({4: 0.5}, months=14)
    lost = prices.index.to_period("M") == (prices.index[-1] - pd.DateOffset(months=2)).to_period(
        "M"
    )

    momentum = newest_momentum(prices.mask(lost))

    assert momentum == pytest.approx(4 * (1 / 0.5 - 1) / 19, abs=1e-15)


def test_momentum_is_carried_over_sessions_and_months_without_a_bar():
    closes = random_closes(["A"], 400, seed=6)
    closes.iloc[340:] = NAN

    momentum = weighted_momentum(own_bars(closes, WIDE))["A"]

    assert momentum.iloc[339] != 0.0
    assert (momentum.iloc[340:] == momentum.iloc[339]).all()


@pytest.mark.parametrize("back", [1, 3, 6, 12])
def test_a_zero_among_the_earlier_closes_leaves_momentum_unknown(back):
    prices = a_year_of_months({back: 0.0})

    momentum = newest_momentum(prices)

    assert np.isnan(momentum)


def test_a_zero_elsewhere_does_not():
    prices = a_year_of_months({2: 0.0})

    momentum = newest_momentum(prices)

    assert momentum == 0.0


def test_a_symbol_that_stopped_trading_is_forgotten_with_the_lookback():
    closes = random_closes(["A"], 700, seed=8)
    closes.iloc[400:] = NAN

    momentum = weighted_momentum(own_bars(closes, 400))["A"]

    assert momentum.iloc[399:547].notna().all()
    assert momentum.iloc[547:].isna().all()


def test_month_ends_before_good_friday_are_thursdays():
    days = CALENDAR.index(date(2018, 1, 1), date(2024, 12, 31), ahead=1)

    ends = month_ends(days)

    assert {pd.Timestamp(2018, 3, 29), pd.Timestamp(2024, 3, 28)} < set(ends)
    assert len(ends) == 7 * 12


def test_the_newest_session_known_is_no_month_end():
    days = CALENDAR.index(date(2024, 1, 2), date(2024, 3, 28), ahead=0)

    ends = month_ends(days)

    assert list(ends) == [pd.Timestamp(2024, 1, 31), pd.Timestamp(2024, 2, 29)]


@pytest.mark.parametrize("seed", range(3))
def test_indicators_do_not_remember_what_lies_before_the_lookback(seed):
    closes = gappy_closes([f"S{n}" for n in range(12)], 600, seed)

    whole = own_bars(closes, 320)

    for end in range(320, 600, 40):
        part = own_bars(closes.iloc[end - 320 : end], 320)
        for indicator, *length in (
            (moving_average, 200),
            (hull_average, 30),
            (average_slope, 200),
            (trailing_low, 200),
            (volatility, 200),
            (weighted_momentum,),
        ):
            newest = indicator(part, *length).iloc[-1]
            np.testing.assert_array_equal(indicator(whole, *length).iloc[end - 1], newest)
