import pandas as pd
import pytest

from bot.domain.errors import BellwetherError
from bot.domain.strategy import Facts
from strategies.product_pool import product_pool
from tests.strategies.builders import sessions

DAYS = sessions(5)


def pool(*without, size=15, renamed=None, issues=1, **different):
    """The companies' products in order, of the last of some equal snapshots."""
    told = {
        "symbol": ["AX", "BX", "CX", "DX"],
        "underlying_symbol": ["A", "B", "C", "D"],
        "sector": "Energy",
        "candidate_rank": [1, 2, 3, 4],
        "product_available": True,
    }
    table = pd.DataFrame({**told, **different}).drop(columns=list(without))
    table = table.rename(columns=renamed or {})
    parts = [table.assign(as_of=day, known_on=day) for day in DAYS[:issues]]
    facts = Facts(pd.DataFrame(index=DAYS), DAYS, {"pool": pd.concat(parts, ignore_index=True)})
    rows = product_pool(facts, "pool", "QQQ", size)
    newest = rows[rows["known_on"] == DAYS[issues - 1]].sort_values("place")
    assert newest["place"].tolist() == list(range(len(newest)))
    assert newest["symbol"].iloc[0] == newest["underlying"].iloc[0] == "QQQ"
    return newest["symbol"].tolist()[1:]


def test_the_pool_are_the_first_companies_by_rank_the_unranked_last():
    ranks = [4, None, 2, 3]

    assert pool(candidate_rank=ranks) == ["CX", "DX", "AX", "BX"]
    assert pool(candidate_rank=ranks, size=2) == ["CX", "DX"]


def test_equal_ranks_go_by_company():
    assert pool(candidate_rank=1, underlying_symbol=["D", "C", "B", "A"])[0] == "DX"


def test_a_company_has_one_product_the_first():
    assert pool(underlying_symbol=["A", "A", "B", "B"]) == ["AX", "CX"]


def test_each_snapshot_has_a_pool_of_its_own():
    assert pool(issues=3, size=2) == ["AX", "BX"]


@pytest.mark.parametrize(
    "different",
    [
        {"product_available": [True, False, None, "yes"]},
        {"eligible": [True, False, None, 1]},
        {"symbol": ["AX", "", None, "dx "]},
        {"underlying_symbol": ["A", "", None, " d"]},
    ],
)
def test_what_is_not_available_or_has_no_name_is_not_of_the_pool(different):
    assert pool(**different) == ["AX", "DX"]


def test_a_snapshot_without_products_has_its_benchmark_all_the_same():
    assert pool(product_available=False) == []


@pytest.mark.parametrize("column", ["sector", "candidate_rank"])
def test_a_snapshot_without_a_column_is_refused(column):
    with pytest.raises(BellwetherError, match="feed_columns_missing"):
        pool(column)


@pytest.mark.parametrize(
    ("column", "other"), [("symbol", "trade_symbol"), ("candidate_rank", "mega_rank")]
)
def test_a_column_may_have_its_other_name(column, other):
    assert pool(renamed={column: other}) == ["AX", "BX", "CX", "DX"]


@pytest.mark.parametrize("column", ["underlying_symbol", "product_available"])
def test_a_column_may_be_left_out(column):
    assert pool(column) == ["AX", "BX", "CX", "DX"]
