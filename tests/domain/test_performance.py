from datetime import date
from decimal import Decimal
from math import sqrt

import numpy as np
import pandas as pd
import pytest

from bot.domain.errors import BellwetherError
from bot.domain.performance import (
    buy_and_hold,
    drawdowns,
    monthly_returns,
    performance,
    rolling_returns,
    win_rate,
    yearly_returns,
)
from tests.real import real_prices

DAYS = pd.bdate_range("2026-01-05", periods=60)


def a_series(*values, days=DAYS) -> pd.Series:
    return pd.Series(values, index=days[: len(values)])


def day(at: int) -> date:
    return DAYS[at].date()


def real(symbol: str, first: str, last: str) -> pd.Series:
    path = real_prices("etf_adjclose.csv.gz")
    rows = pd.read_csv(path, parse_dates=["date"], index_col="date")
    return rows.loc[rows["symbol"] == symbol, "adj_close"].loc[first:last]


def test_a_series_tells_its_span_and_its_money():
    said = performance(a_series(Decimal("1000.10"), Decimal(1100), Decimal("990.2")))

    assert (said.first, said.last, said.sessions) == (day(0), day(2), 3)
    assert (said.start, said.final) == (Decimal("1000.10"), Decimal("990.2"))


def test_the_annual_return_is_geometric_over_calendar_years():
    days = pd.DatetimeIndex(["2020-01-01", "2021-06-01", "2024-01-01"])  # 1461 days, four years

    said = performance(a_series(100, 90, 146.41, days=days))

    assert said.total_return == pytest.approx(0.4641)
    assert said.annual_return == pytest.approx(0.10)


def test_volatility_is_the_sample_deviation_of_daily_returns_over_a_year():
    said = performance(a_series(100, 110, 99))

    # Returns 0.1 and -0.1: mean 0, sum of squares 0.02 over one degree of freedom.
    assert said.volatility == pytest.approx(sqrt(0.02) * sqrt(252))


def test_the_sharpe_ratio_is_the_mean_over_the_deviation():
    said = performance(a_series(100, 110, 110))

    # Returns 0.1 and 0: mean 0.05, deviation sqrt(2 x 0.05^2).
    assert said.sharpe == pytest.approx(0.05 / sqrt(0.005) * sqrt(252))


def test_what_is_without_risk_is_taken_off_and_its_swings_count():
    equity, bills = a_series(100, 110, 121, 133.1), a_series(50, 51, 51, 52.02)

    said = performance(equity, risk_free=bills)

    # Differential returns 0.08, 0.10, 0.08.
    assert said.sharpe == pytest.approx((0.26 / 3) / sqrt(0.0008 / 6) * sqrt(252))


def test_the_riskless_series_may_be_longer_than_the_equity():
    equity, bills = a_series(100, 110, 110), a_series(*range(50, 60))

    assert performance(equity, risk_free=bills).sharpe is not None


@pytest.mark.parametrize("growth", [1.0, 1.01, 0.97])
def test_returns_that_never_vary_have_no_sharpe_ratio(growth):
    said = performance(a_series(*(100 * growth**n for n in range(50))))

    assert said.sharpe is None
    assert said.volatility == pytest.approx(0, abs=1e-9)


def test_the_deepest_fall_has_its_peak_its_trough_and_its_recovery():
    said = performance(a_series(100, 120, 114, 120, 90, 60, 90, 120, 130, 100))

    assert said.max_drawdown == -0.5
    assert (said.peak, said.trough, said.recovery) == (day(3), day(5), day(7))


def test_a_high_that_was_not_reached_again_is_not_recovered():
    said = performance(a_series(100, 120, 60, 119))

    assert (said.peak, said.trough, said.recovery) == (day(1), day(2), None)


def test_a_series_that_never_fell_has_no_drawdown():
    said = performance(a_series(100, 100, 120))

    assert said.max_drawdown == 0
    assert (said.peak, said.trough, said.recovery) == (day(0), day(0), day(0))


def test_the_worst_session_is_the_one_with_the_lowest_return():
    said = performance(a_series(100, 200, 150, 105, 110))

    assert said.worst_session == day(3)
    assert said.worst_return == pytest.approx(-0.3)


def test_turnover_is_half_of_what_was_traded_over_equity_in_a_year():
    days = pd.DatetimeIndex(["2020-01-01", "2021-06-01", "2024-01-01"])
    equity, traded = a_series(100, 200, 100, days=days), a_series(100, 200, days=days)

    # Bought for all of it, then sold half to buy another half: 0.5 and 0.5 in four years.
    assert performance(equity, traded).turnover_per_year == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("traded", "turnover"), [(None, None), (a_series(0, 0, 0), 0), (pd.Series(dtype=float), 0)]
)
def test_turnover_that_nobody_told_is_not_zero(traded, turnover):
    assert performance(a_series(100, 110, 99), traded).turnover_per_year == turnover


def test_growth_of_days_may_be_beyond_any_number_in_a_year():
    assert performance(a_series(1, 100, 10_000)).annual_return == np.inf


def test_a_drawdown_is_the_distance_to_the_highest_close_so_far():
    falls = drawdowns(a_series(100, 80, 120, 90))

    assert falls.tolist() == pytest.approx([0, -0.2, 0, -0.25])
    assert falls.index.equals(DAYS[:4])


def test_whole_shares_are_held_and_the_rest_stays_cash():
    equity = buy_and_hold(a_series(30.5, 40, 20), Decimal(100))

    assert equity.tolist() == [100, 3 * 40 + 8.5, 3 * 20 + 8.5]


def test_cash_that_does_not_pay_for_a_share_stays_cash():
    assert buy_and_hold(a_series(101, 200), Decimal(100)).tolist() == [100, 100]


WRONG = [
    (a_series(), "series_short", "series=equity, sessions=0, fewest=3"),
    (a_series(1, 2), "series_short", "series=equity, sessions=2, fewest=3"),
    (a_series(1, np.nan, 2), "series_wrong", f"date={day(1)}, value=nan"),
    (a_series(1, 2, np.inf), "series_wrong", f"date={day(2)}, value=inf"),
    (a_series(1, 0, 2), "series_wrong", f"date={day(1)}, value=0.0"),
    (a_series(-1, 1, 2), "series_wrong", f"date={day(0)}, value=-1.0"),
    (a_series(1, 2, 3, days=DAYS[[0, 2, 1]]), "series_unordered", f"date={day(1)}"),
    (a_series(1, 2, 3, days=DAYS[[0, 1, 1]]), "series_unordered", f"date={day(1)}"),
    (pd.Series([1, 2, 3]), "series_unordered", "series=equity"),
]


@pytest.mark.parametrize(("equity", "code", "place"), WRONG)
def test_a_series_that_can_not_be_equity_is_refused_with_the_place(equity, code, place):
    with pytest.raises(BellwetherError) as refused:
        performance(equity)

    assert refused.value.code == code
    assert place in str(refused.value)


@pytest.mark.parametrize(
    ("traded", "said"),
    [
        (a_series(1, 2, 3, 4), rf"series_strays \(series=turnover, date={day(3)}\)"),
        (a_series(1, -2), rf"series_wrong \(series=turnover, date={day(1)}, value=-2.0\)"),
        (a_series(1, np.nan), rf"series_wrong \(series=turnover, date={day(1)}, value=nan\)"),
        (a_series(1, 2, days=DAYS[[1, 0]]), r"series_unordered \(series=turnover"),
    ],
)
def test_turnover_that_fits_no_equity_is_refused(traded, said):
    with pytest.raises(BellwetherError, match=said):
        performance(a_series(100, 110, 99), traded)


def test_a_riskless_series_with_a_gap_is_refused():
    bills = a_series(50, 51, 52, days=DAYS[[0, 1, 3]])

    with pytest.raises(BellwetherError, match=rf"series_wrong \(series=risk_free, date={day(2)}"):
        performance(a_series(100, 110, 99, 98), risk_free=bills)


def test_drawdowns_of_nothing_are_refused():
    with pytest.raises(BellwetherError, match=r"series_short \(series=equity, sessions=0"):
        drawdowns(a_series())


@pytest.mark.parametrize("cash", ["0", "-1", "NaN", "Infinity"])
def test_only_money_buys_and_holds(cash):
    with pytest.raises(BellwetherError, match=rf"series_wrong \(series=cash, .* value={cash}\)"):
        buy_and_hold(a_series(10, 11), Decimal(cash))


def test_a_close_that_is_missing_is_not_held():
    with pytest.raises(BellwetherError, match=rf"series_wrong \(series=closes, date={day(1)}"):
        buy_and_hold(a_series(10, np.nan), Decimal(100))


@pytest.mark.parametrize(
    ("symbol", "first", "last", "total"),
    [
        ("SPY", "2009-12-31", "2019-12-31", 2.528),
        ("QQQ", "2021-12-31", "2022-12-30", -0.3258),
        ("TQQQ", "2021-12-31", "2022-12-30", -0.7909),
        ("SOXL", "2021-12-31", "2022-12-30", -0.8566),
    ],
)
def test_known_returns_of_real_funds_come_out(symbol, first, last, total):
    said = performance(real(symbol, first, last))

    assert (said.first, said.last) == (date.fromisoformat(first), date.fromisoformat(last))
    assert said.total_return == pytest.approx(total, abs=5e-4)


def test_the_decade_of_a_real_fund_is_its_annual_return_compounded():
    said = performance(real("SPY", "2009-12-31", "2019-12-31"))

    # 3652 days: 3.528 ** (365.25 / 3652) - 1.
    assert said.annual_return == pytest.approx(0.1344, abs=1e-4)


def test_the_great_fall_of_a_real_fund_is_found():
    said = performance(real("SPY", "2005-01-03", "2019-12-31"))

    assert (said.peak, said.trough) == (date(2007, 10, 9), date(2009, 3, 9))
    assert said.max_drawdown == pytest.approx(-0.5519, abs=5e-4)
    assert said.recovery == date(2012, 8, 16)
    assert said.worst_session == date(2008, 10, 15)


def test_a_rolling_return_looks_so_many_sessions_back():
    rolled = rolling_returns(a_series(100, 110, 120, 99), 2)

    assert list(rolled.index) == [*DAYS[2:4]]
    assert rolled.to_numpy() == pytest.approx([0.2, -0.1])


def test_a_series_shorter_than_a_year_has_no_rolling_year():
    assert rolling_returns(a_series(*range(1, 60))).empty


QUARTER = pd.DatetimeIndex(["2025-12-31", "2026-01-15", "2026-01-30", "2026-02-27", "2026-04-01"])


def test_a_month_counts_from_the_close_before_it():
    months = monthly_returns(a_series(100, 105, 110, 99, 198, days=QUARTER))

    assert list(months.index) == [2026]
    assert list(months.columns) == [*range(1, 13)]
    assert months.loc[2026, [1, 2, 4]].to_numpy() == pytest.approx([0.1, -0.1, 1.0])
    assert months.loc[2026].isna().sum() == 9


def test_a_year_counts_from_the_close_before_it_too():
    days = pd.DatetimeIndex(["2024-06-03", "2024-12-31", "2025-07-01", "2025-12-31", "2026-01-02"])

    years = yearly_returns(a_series(100, 120, 50, 60, 90, days=days))

    assert list(years.index) == [2024, 2025, 2026]
    assert years.to_numpy() == pytest.approx([0.2, -0.5, 0.5])


def test_months_make_up_their_year():
    equity = a_series(*np.linspace(100, 160, 60))

    months = monthly_returns(equity)

    assert (1 + months.loc[2026]).prod() == pytest.approx(1.6)
    assert yearly_returns(equity)[2026] == pytest.approx(0.6)


@pytest.mark.parametrize("measure", [monthly_returns, yearly_returns])
def test_of_a_single_close_nothing_can_be_said(measure):
    with pytest.raises(BellwetherError, match="series_short"):
        measure(a_series(100))


def test_a_month_that_brings_nothing_is_no_win():
    assert win_rate(a_series(100, 105, 110, 99, 99, days=QUARTER)) == pytest.approx(1 / 3)
