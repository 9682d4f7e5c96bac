import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.reweighting import Move, correlation, reckon, statistics

DAYS = pd.DatetimeIndex(pd.bdate_range("2024-01-30", periods=5), name="as_of")
SAFE = {"BOXX": 1.0}


def returns(**columns):
    return pd.DataFrame(columns, DAYS)


RISING = returns(ALFA=[0.5, 0.1, 0.1, 0.1, 0.1], BETA=[0.0, 0.0, 0.2, 0.0, -0.1])


def test_what_is_chosen_at_a_close_earns_from_the_next_day_on():
    told = reckon(RISING, SAFE, [Move(1, {"ALFA": 1.0})], 0.0)

    assert told.returns.tolist() == [0.0, 0.0, 0.1, 0.1, 0.1]


def test_the_first_day_earns_nothing():
    told = reckon(RISING, {"ALFA": 1.0}, [], 0.0)

    assert told.returns.tolist() == [0.0, 0.1, 0.1, 0.1, 0.1]


def test_the_row_of_a_day_has_the_weights_chosen_at_its_close():
    told = reckon(RISING, SAFE, [Move(1, {"ALFA": 0.5, "BETA": 0.5})], 0.0)

    assert told.weights.columns.tolist() == ["ALFA", "BETA", "BOXX"]
    assert told.weights["BETA"].tolist() == [0.0, 0.5, 0.5, 0.5, 0.5]
    assert told.weights["BOXX"].tolist() == [1.0, 0.0, 0.0, 0.0, 0.0]


def test_a_move_costs_the_day_after_and_by_targets_alone():
    moves = [Move(1, {"ALFA": 1.0}), Move(3, {"ALFA": 0.6, "BETA": 0.4})]

    told = reckon(RISING, SAFE, moves, 0.01)

    assert told.turnover.tolist() == pytest.approx([0.0, 0.0, 1.0, 0.0, 0.4])
    assert told.returns.iloc[2] == pytest.approx(0.1 - 0.01)
    assert told.returns.iloc[4] == pytest.approx(0.6 * 0.1 - 0.4 * 0.1 - 0.004)


def test_weights_are_set_anew_each_day_for_nothing():
    told = reckon(RISING, SAFE, [Move(0, {"ALFA": 0.5, "BETA": 0.5})], 0.01)

    assert told.returns.iloc[2] == pytest.approx(0.5 * 0.1 + 0.5 * 0.2)
    assert told.returns.iloc[4] == pytest.approx(0.5 * 0.1 - 0.5 * 0.1)
    assert told.turnover.tolist() == pytest.approx([0.0, 1.0, 0.0, 0.0, 0.0])


def test_what_has_no_prices_returns_nothing():
    told = reckon(RISING, {"GONE": 1.0}, [], 0.0)

    assert told.returns.tolist() == [0.0] * 5


@given(
    st.lists(st.floats(-0.2, 0.2), min_size=10, max_size=10),
    st.lists(st.tuples(st.integers(0, 3), st.floats(0.0, 1.0)), max_size=3),
)
def test_it_is_what_one_gets_day_by_day(drawn, wanted):
    table = pd.DataFrame(np.reshape(drawn, (5, 2)), DAYS, ["ALFA", "BETA"])
    chosen = dict(sorted(wanted))
    moves = [Move(row, {"ALFA": part, "BETA": 1.0 - part}) for row, part in chosen.items()]

    told = reckon(table, {"ALFA": 1.0}, moves, 0.001)

    now, after = np.array([1.0, 0.0]), {}
    for row in range(5):
        earned = float(table.to_numpy()[row] @ now) if row else 0.0
        assert told.returns.iloc[row] == pytest.approx(earned - after.pop(row, 0.0))
        if row in chosen:
            then = np.array([chosen[row], 1.0 - chosen[row]])
            after[row + 1] = float(np.abs(then - now).sum()) / 2 * 0.001
            now = then


def test_statistics_count_the_first_day():
    days = pd.DatetimeIndex(["2023-01-02", "2023-07-03", "2024-01-02"])

    told = statistics(pd.Series([0.0, 0.21, -0.1], days))

    years = 365 / 365.25
    assert told.final_equity == pytest.approx(1.089)
    assert told.annual_return == pytest.approx(1.089 ** (1 / years) - 1)
    assert told.max_drawdown == pytest.approx(-0.1)
    assert told.calmar == pytest.approx(told.annual_return / 0.1)
    deviation = np.std([0.0, 0.21, -0.1])
    assert told.volatility == pytest.approx(deviation * np.sqrt(252))
    assert told.sharpe == pytest.approx(0.11 / 3 / deviation * np.sqrt(252))


def test_changes_are_counted_and_not_the_days_on_which_somebody_looked():
    weights = reckon(RISING, {"ALFA": 1.0}, [Move(0, {"ALFA": 1.0}), Move(2, {"BETA": 1.0})], 0.0)

    told = statistics(weights.returns, weights.changes)

    years = (DAYS[-1] - DAYS[0]).days / 365.25
    assert told.rebalances_per_year == pytest.approx(1 / years)
    assert told.turnover_per_year == pytest.approx(1 / years)


def test_a_ratio_with_nothing_below_the_line_is_not_known():
    flat = statistics(pd.Series([0.0, 0.0], DAYS[:2]))

    assert np.isnan(flat.sharpe)
    assert np.isnan(flat.calmar)
    assert np.isnan(correlation(pd.Series([0.0, 0.0]), pd.Series([0.1, 0.2])))


def test_series_that_move_together_are_correlated():
    one, other = pd.Series([0.1, -0.2, 0.3]), pd.Series([0.2, -0.4, 0.6])

    assert correlation(one, other) == pytest.approx(1.0)
    assert correlation(one, -other) == pytest.approx(-1.0)
