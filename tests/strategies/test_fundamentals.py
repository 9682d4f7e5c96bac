import math

import numpy as np
import pandas as pd
import pytest

from bot.domain.strategy import Facts
from strategies import constituents, fundamentals
from strategies.fundamentals import FACTORS, Across, Readings, Summing, fund_factors, summed

NAN = float("nan")
HOW = Summing(leaders=2, min_coverage=0.6, report_months=9)
PLAIN = dict.fromkeys(fundamentals.LAYOUT.readings, NAN)


def report(symbol: str, as_of: str, known_on: str, **readings: float) -> dict[str, object]:
    days = {"as_of": pd.Timestamp(as_of), "known_on": pd.Timestamp(known_on)}
    return {**PLAIN, "symbol": symbol, **days, **readings}


def change(name: str, day: str, *reports: dict[str, object]) -> float:
    """The change of the only stock there is, as it was known on a day."""
    factor = FACTORS[name]
    readings = Readings.of(pd.DataFrame(list(reports)), factor.measure)
    number = int(np.datetime64(day, "D").astype(int))
    [told] = readings.changes(number, factor, HOW.report_months)
    return float(told)


# Quarters of one stock, each known a month after it ended.
QUARTERS = ("2024-12-31", "2025-03-31", "2025-06-30", "2025-09-30", "2025-12-31")
KNOWN = ("2025-01-30", "2025-04-30", "2025-07-30", "2025-10-30", "2026-01-30")


def quarters(**readings: tuple[float, ...]) -> list[dict[str, object]]:
    return [
        report("A", as_of, known_on, **{name: told[at] for name, told in readings.items()})
        for at, (as_of, known_on) in enumerate(zip(QUARTERS, KNOWN, strict=True))
    ]


def test_profit_without_what_is_singular_is_followed_from_quarter_to_quarter():
    told = quarters(net_profit_recurring=(1.0, 2.0, 4.0, 5.0, 6.0))

    assert change("profit_growth", "2026-02-01", *told) == pytest.approx(6 / 5 - 1)


def test_net_profit_is_followed_from_year_to_year():
    told = quarters(net_profit=(4.0, 2.0, 4.0, 5.0, 6.0))

    assert change("net_profit_growth", "2026-02-01", *told) == pytest.approx(6 / 4 - 1)


def test_capital_turnover_changes_by_a_difference_over_half_a_year():
    told = quarters(
        operating_capital=(1.0, 1.0, 1.0, 1.0, 3.0), operating_revenue=(9.0, 9.0, 4.0, 9.0, 4.0)
    )

    assert change("capital_turnover", "2026-02-01", *told) == pytest.approx(3 / 4 - 1 / 4)


def test_capital_proportion_changes_by_a_difference_over_a_year():
    told = quarters(operating_capital=(2.0, 1.0, 1.0, 1.0, 3.0), total_assets=(10.0,) * 5)

    assert change("capital_proportion", "2026-02-01", *told) == pytest.approx(0.3 - 0.2)


def test_inverse_price_to_earnings_changes_by_a_difference_over_half_a_year():
    told = quarters(pe=(1.0, 1.0, 20.0, 1.0, -10.0))

    assert change("inverse_pe", "2026-02-01", *told) == pytest.approx(-1 / 10 - 1 / 20)


def test_expected_earnings_grow_over_three_months():
    told = quarters(eps_forecast=(1.0, 1.0, 1.0, 4.0, 5.0))

    assert change("expectations", "2026-02-01", *told) == pytest.approx(0.25)


@pytest.mark.parametrize(("base", "grown"), [(-2.0, (6 + 2) / 2), (2.0, 2.0), (0.0, NAN)])
def test_growth_is_measured_against_the_size_of_the_base(base, grown):
    told = quarters(net_profit_recurring=(NAN, NAN, NAN, base, 6.0))

    assert change("profit_growth", "2026-02-01", *told) == pytest.approx(grown, nan_ok=True)


@pytest.mark.parametrize("name", ["capital_turnover", "inverse_pe"])
def test_what_would_be_divided_by_zero_says_nothing(name):
    told = quarters(
        operating_capital=(1.0,) * 5,
        operating_revenue=(9.0, 9.0, 0.0, 9.0, 9.0),
        pe=(9.0, 9.0, 0.0, 9.0, 9.0),
    )

    assert math.isnan(change(name, "2026-02-01", *told))


def test_a_report_is_unknown_before_its_publication():
    told = quarters(net_profit_recurring=(1.0, 2.0, 4.0, 5.0, 60.0))

    assert change("profit_growth", "2026-01-29", *told) == pytest.approx(5 / 4 - 1)
    assert change("profit_growth", "2026-01-30", *told) == pytest.approx(60 / 5 - 1)


def test_what_is_said_again_counts_from_the_day_it_is_known():
    told = quarters(net_profit_recurring=(1.0, 2.0, 4.0, 5.0, 6.0))
    again = report("A", "2025-09-30", "2026-03-02", net_profit_recurring=3.0)

    assert change("profit_growth", "2026-03-01", *told, again) == pytest.approx(6 / 5 - 1)
    assert change("profit_growth", "2026-03-02", *told, again) == pytest.approx(6 / 3 - 1)


def test_a_report_that_is_too_old_says_nothing():
    told = quarters(net_profit_recurring=(1.0, 2.0, 4.0, 5.0, 6.0))

    assert not math.isnan(change("profit_growth", "2026-09-28", *told))
    assert math.isnan(change("profit_growth", "2026-10-05", *told))


def test_without_a_report_of_about_that_long_before_there_is_no_change():
    first, *_, last = quarters(net_profit_recurring=(1.0, 2.0, 4.0, 5.0, 6.0))

    assert math.isnan(change("profit_growth", "2026-02-01", first, last))


def test_of_two_reports_as_near_the_earlier_is_the_base():
    # Three months, 91.3 days, before the last lie the two middle ones, 10 days to either side.
    days = pd.Timestamp("2026-01-01") - pd.to_timedelta([100, 82, 0], "D")
    told = [
        report("A", f"{day:%F}", f"{day:%F}", eps_forecast=value)
        for day, value in zip(days, (2.0, 5.0, 6.0), strict=True)
    ]

    assert change("expectations", "2026-01-01", *told) == pytest.approx(6 / 2 - 1)


VALUES, WEIGHTS = np.array([0.1, 0.5, 0.3]), np.array([0.5, 0.3, 0.2])


@pytest.mark.parametrize(
    ("across", "told"),
    [
        (Across.MEDIAN, 0.3),
        (Across.WEIGHTED, 0.5 * 0.1 + 0.3 * 0.5 + 0.2 * 0.3),
        (Across.LEADERS, (0.5 * 0.1 + 0.3 * 0.5) / 0.8),
    ],
)
def test_a_fund_is_the_median_the_mean_by_weight_or_that_of_its_leaders(across, told):
    assert summed(VALUES, WEIGHTS, across, HOW) == pytest.approx(told)


def test_a_stock_that_is_unknown_leaves_its_weight_to_the_others():
    assert summed(np.array([0.1, NAN, 0.3]), WEIGHTS, Across.WEIGHTED, HOW) == pytest.approx(
        (0.5 * 0.1 + 0.2 * 0.3) / 0.7
    )


@pytest.mark.parametrize("across", list(Across))
def test_a_fund_of_which_too_little_is_known_has_no_value(across):
    unknown = np.array([NAN, 0.5, 0.3])

    assert math.isnan(summed(unknown, WEIGHTS, across, HOW))
    assert math.isnan(summed(unknown * NAN, WEIGHTS, across, HOW))


def test_exactly_the_coverage_asked_for_is_enough():
    weights = np.array([0.1, 0.2, 0.3, 0.4])

    assert summed(np.array([0.1, 0.1, NAN, 0.1]), weights, Across.MEDIAN, Summing(9, 0.7, 9)) == 0.1


def test_leaders_are_covered_when_enough_of_their_own_weight_is():
    values, weights = np.array([0.2, 0.4, NAN, NAN]), np.array([0.2, 0.2, 0.3, 0.3])

    assert summed(values, weights, Across.LEADERS, HOW) == pytest.approx(0.3)
    assert math.isnan(summed(values, weights, Across.MEDIAN, HOW))


def test_the_factors_of_a_fund_are_those_of_the_stocks_it_then_had():
    days = pd.DatetimeIndex(["2026-02-02", "2026-03-02"])
    lists = pd.DataFrame(
        {
            "known_on": pd.to_datetime(["2026-01-02", "2026-03-02"]),
            "as_of": pd.to_datetime(["2026-01-02", "2026-03-02"]),
            "etf": "XLK",
            "symbol": ["A", "GONE"],
            "weight": 1.0,
        }
    )
    told = pd.DataFrame(quarters(net_profit_recurring=(1.0, 2.0, 4.0, 5.0, 6.0)))
    feeds = {constituents.FEED: lists, fundamentals.FEED: told}
    facts = Facts(pd.DataFrame(index=days), days, feeds)

    found = fund_factors(facts, days, ["XLF", "XLK"], HOW)

    assert list(found) == list(FACTORS)
    np.testing.assert_allclose(found["profit_growth"], [[NAN, 0.2], [NAN, NAN]])
