from datetime import date

import pandas as pd
import pytest

from bot.domain.errors import DataError
from bot.domain.model import Note
from strategies.products import (
    SNAPSHOT_COLUMNS,
    Product,
    product_ranking,
    product_snapshot,
    products_of,
)
from strategies.universe import Universe

MARCH = date(2026, 3, 31)


def a_map(**columns):
    return pd.DataFrame({"underlying_symbol": ["A"], "trade_symbol": ["AX"], **columns})


def ranked(*symbols):
    ranks = range(1, len(symbols) + 1)
    return Universe.of(
        pd.DataFrame({"symbol": list(symbols), "sector": "Energy", "mega_rank": list(ranks)})
    )


def test_a_product_is_twofold_and_available_where_nothing_is_said():
    assert products_of(a_map()) == {"A": Product("AX", 2.0, 0.01, available=True)}


@pytest.mark.parametrize(
    "stock", ["underlying", "source_symbol", "Stock_Symbol", "stock", "SYMBOL"]
)
@pytest.mark.parametrize(
    "fund", ["product_symbol", "leveraged_symbol", "etf_symbol", " Target_Symbol"]
)
def test_columns_go_by_any_of_their_names(stock, fund):
    table = pd.DataFrame(
        {
            stock: [" a "],
            fund: ["ax"],
            "leverage": [1.96],
            "expense_rate": ["0.02"],
            "enabled": "no",
        }
    )

    assert products_of(table) == {"A": Product("AX", 1.96, 0.02, available=False)}


@pytest.mark.parametrize(
    ("cell", "available"),
    [
        *((cell, True) for cell in (None, float("nan"), "", "Yes", 1, "0.0")),
        *((cell, False) for cell in ("no", " FALSE", 0, False)),
    ],
)
def test_what_does_not_say_no_is_available(cell, available):
    table = a_map(tradable=pd.Series([cell], dtype=object))

    assert products_of(table)["A"].available is available


def test_an_empty_leverage_or_expense_is_the_usual_one():
    table = a_map(product_leverage=[None], product_expense_ratio=[None])

    assert products_of(table) == products_of(a_map())


def test_the_first_row_of_a_stock_counts_and_one_of_none_does_not():
    table = pd.DataFrame({"stock": ["a", "A", None], "etf_symbol": ["AX", "AY", "AZ"]})

    assert {stock: product.symbol for stock, product in products_of(table).items()} == {"A": "AX"}


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"trade_symbol": [None]}, "product_without_symbol .*symbols=A"),
        ({"trade_symbol": [" "]}, "product_without_symbol .*symbols=A"),
        ({"product_leverage": [3.0]}, "product_leverage .*symbol=A, value=3"),
        ({"product_leverage": [-2.0]}, "product_leverage"),
        ({"product_leverage": [1.94]}, "product_leverage"),
        ({"product_leverage": ["3x"]}, "bad_number .*line=2, column=product_leverage, value=3x"),
    ],
)
def test_what_is_available_has_a_symbol_and_moves_twofold(columns, told):
    with pytest.raises(DataError, match=told):
        products_of(a_map(**columns))


@pytest.mark.parametrize("columns", [{"trade_symbol": [None]}, {"product_leverage": [3.0]}])
def test_what_is_not_available_may_be_anything(columns):
    assert not products_of(a_map(**columns, product_available=["no"]))["A"].available


@pytest.mark.parametrize("missing", ["underlying_symbol", "trade_symbol"])
def test_a_map_without_its_symbols_is_refused(missing):
    with pytest.raises(DataError, match=f"table_columns .*columns={missing}"):
        products_of(a_map().drop(columns=missing))


def test_a_map_without_rows_is_refused():
    with pytest.raises(DataError, match="table_empty"):
        products_of(a_map()[:0])


def test_an_unmapped_stock_keeps_its_rank_and_is_never_traded_itself():
    rows, notes = product_snapshot(ranked("B", "A", "C"), products_of(a_map()), MARCH, size=2)

    assert list(rows.columns) == list(SNAPSHOT_COLUMNS)
    assert rows["symbol"].tolist() == rows["trade_symbol"].tolist() == ["", "AX"]
    assert rows["candidate_rank"].tolist() == rows["mega_rank"].tolist() == [1, 2]
    assert rows["eligible"].tolist() == rows["product_available"].tolist() == [False, True]
    assert notes == (Note("product_missing", "B"),)


def test_an_unavailable_product_is_shown_and_not_eligible():
    products = products_of(a_map(product_available=["no"]))

    rows, notes = product_snapshot(ranked("A"), products, MARCH)

    assert (rows["symbol"].item(), rows["eligible"].item()) == ("AX", False)
    assert notes == (Note("product_unavailable", "A"),)


def test_a_pool_of_nobody_is_refused():
    universe = Universe.of(
        pd.DataFrame({"symbol": ["A"], "sector": "Energy", "start_date": ["2026-04-01"]})
    )

    with pytest.raises(DataError, match=r"universe_inactive \(day=2026-03-31"):
        product_snapshot(universe, {}, MARCH)


def test_a_ranking_of_products_is_by_rank():
    rows, _ = product_snapshot(ranked("B", "A"), {}, MARCH)

    told = product_ranking(rows.iloc[::-1])

    pd.testing.assert_frame_equal(told, rows)
