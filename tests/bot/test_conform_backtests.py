import copy
import gzip
import io
import json
from pathlib import Path

import pytest

from bot.conform import conform
from bot.conform_backtests import summaries_of
from bot.domain.errors import BellwetherError

FILE = Path(__file__).parents[1] / "data" / "backtests.json.gz"
VECTORS = json.loads(gzip.decompress(FILE.read_bytes()))
TOLERANCE = 1e-9
RUSSELL, LEADERS, PRODUCTS = VECTORS["cases"]


def near(value):
    return pytest.approx(value, abs=TOLERANCE) if isinstance(value, float) else value


def summary(case, **kwargs):
    """What comes of a case with other keyword arguments."""
    changed = copy.deepcopy(case)
    changed["input"]["kwargs"] |= kwargs
    return summaries_of(VECTORS)(changed)


def test_every_vector_about_backtests_is_met():
    out = io.StringIO()

    assert conform([FILE], out) == 3

    told = [json.loads(line) for line in out.getvalue().splitlines()]
    for case, answer in zip(VECTORS["cases"], told, strict=True):
        assert answer["id"] == case["id"]
        expected = case["expected"]["summary"]
        assert answer["summary"] == [{k: near(v) for k, v in row.items()} for row in expected]


def test_columns_stand_in_the_order_people_read_them():
    (told,) = summary(RUSSELL)

    assert list(told) == [
        *("Start", "End", "Total Return", "CAGR", "Max Drawdown", "Volatility", "Sharpe"),
        *("Rebalances/Year", "Turnover/Year", "Avg Stock Exposure", "Final Equity"),
        *("Benchmark Total Return", "Benchmark Corr"),
    ]


def test_the_start_of_stocks_cuts_what_is_known_and_that_of_leaders_does_not():
    (stocks,) = summary(RUSSELL, start_date="2021-06-01")
    (leaders,) = summary(LEADERS, start_date="2021-06-01")

    assert stocks["Start"] == leaders["Start"] == "2021-06-01"
    assert stocks["Avg Stock Exposure"] < 0.3
    assert leaders["Avg Stock Exposure"] > 0.6


def test_an_end_is_an_end():
    (told,) = summary(LEADERS, end_date="2021-12-31")

    assert told["End"] == "2021-12-31"


def test_a_limit_of_names_per_sector_changes_who_is_held():
    (free,), (bound,) = summary(LEADERS), summary(LEADERS, max_names_per_sector=1)
    (wide,) = summary(LEADERS, max_names_per_sector=100)

    assert bound["Total Return"] != free["Total Return"]
    assert wide["Total Return"] == pytest.approx(free["Total Return"], abs=TOLERANCE)


def test_products_may_be_chosen_monthly():
    weekly, monthly = summary(PRODUCTS), summary(PRODUCTS, frequency="monthly")

    assert monthly[0]["Rebalances/Year"] < weekly[0]["Rebalances/Year"]
    assert monthly[1:] == weekly[1:]


def test_a_higher_expense_is_paid_by_products_alone():
    cheap, dear = summary(PRODUCTS), summary(PRODUCTS, leveraged_expense_rate=0.10)

    assert dear[0]["Final Equity"] < cheap[0]["Final Equity"]
    assert dear[4]["Final Equity"] < cheap[4]["Final Equity"]
    assert dear[1:4] == cheap[1:4]


def test_a_benchmark_without_prices_is_not_compared_with():
    (told,) = summary(LEADERS, broad_benchmark_symbol="NONE")

    assert told["Broad Benchmark Total Return"] != told["Broad Benchmark Total Return"]


@pytest.mark.parametrize(
    ("case", "kwargs"),
    [
        (RUSSELL, {"top_n": 3}),
        (RUSSELL, {"holdings_count": 0}),
        (RUSSELL, {"turnover_cost_bps": "five"}),
        (RUSSELL, {"start_date": "2030-01-01"}),
        (LEADERS, {"start_date": "yesterday"}),
        (LEADERS, {"max_names_per_sector": "two"}),
        (PRODUCTS, {"return_mode": "margin"}),
        (PRODUCTS, {"frequency": "daily"}),
        (PRODUCTS, {"bear_candidate_mode": "market_safe"}),
    ],
)
def test_what_nobody_can_reckon_is_refused(case, kwargs):
    with pytest.raises(BellwetherError):
        summary(case, **kwargs)


def test_a_case_that_is_refused_is_an_error(tmp_path):
    told = {**VECTORS, "cases": [copy.deepcopy(RUSSELL)]}
    told["cases"][0]["input"]["prices"] = "elsewhere"
    (tmp_path / "bad.json").write_text(json.dumps(told), "utf-8")
    out = io.StringIO()

    conform([tmp_path / "bad.json"], out)

    assert json.loads(out.getvalue()) == {"id": RUSSELL["id"], "kind": "error"}
