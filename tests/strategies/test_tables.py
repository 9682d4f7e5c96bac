import math

import numpy as np
import pandas as pd
import pytest

from bot.domain.errors import DataError
from strategies.tables import (
    days_of,
    numbers_of,
    require,
    strict_numbers_of,
    symbols_of,
    texts_of,
    truth,
)


def a_column(*cells):
    return pd.Series(list(cells), dtype=object, name="weight")


def test_a_table_with_all_its_columns_is_taken():
    require(pd.DataFrame({"a": [1], "b": [2]}), ("b",), "universe")


def test_what_is_missing_is_told_with_what_is_there():
    table = pd.DataFrame({"a": [1]})

    with pytest.raises(DataError, match=r"table=universe, columns=b, c, found=a\)"):
        require(table, ("a", "b", "c"), "universe")


@pytest.mark.parametrize("dtype", [object, "str", "category"])
def test_symbols_are_sorted_and_each_row_points_at_its_own(dtype):
    codes, symbols = symbols_of(pd.Series(["b", " A", None, "B ", ""], dtype=dtype))

    assert symbols == ["A", "B"]
    assert codes.tolist() == [1, 0, -1, 1, -1]


def test_a_blank_text_is_what_is_said_of_a_missing_one():
    assert texts_of(a_column(" Energy ", None, " ", math.nan), "unknown") == [
        "Energy",
        "unknown",
        "unknown",
        "unknown",
    ]


@pytest.mark.parametrize("dtype", [object, "Float64"])
def test_what_is_no_number_is_unknown(dtype):
    np.testing.assert_array_equal(
        numbers_of(pd.Series([1, None, 2.5], dtype=dtype)), [1.0, math.nan, 2.5]
    )
    np.testing.assert_array_equal(numbers_of(a_column("1e3", "n/a")), [1000.0, math.nan])


def test_where_a_number_is_wanted_an_empty_cell_is_unknown_and_text_refused():
    np.testing.assert_array_equal(
        strict_numbers_of(a_column("2", None, ""), "product_map"), [2.0, math.nan, math.nan]
    )
    with pytest.raises(DataError, match=r"path=product_map, line=4, column=weight, value=2x"):
        strict_numbers_of(a_column(1, None, "2x"), "product_map")


def test_an_empty_day_is_unknown_and_text_refused_with_its_line():
    known = days_of(a_column("2026-03-31", None, ""), "prices")

    assert known[0] == np.datetime64("2026-03-31")
    assert np.isnat(known[1:]).all()
    with pytest.raises(DataError, match=r"path=prices, line=3, value=31/03/2026"):
        days_of(a_column("2026-03-31", "31/03/2026"), "prices")


@pytest.mark.parametrize("cell", [True, 1, 0.5, "1", "TRUE", " yes", "y", "0.0", "maybe"])
def test_what_is_no_no_is_a_yes(cell):
    assert truth(cell, missing=False)


@pytest.mark.parametrize("cell", [False, 0, 0.0, "0", "False", "no ", "N"])
def test_a_no_is_a_no(cell):
    assert not truth(cell, missing=True)


@pytest.mark.parametrize("cell", [None, math.nan, pd.NA, "", "  "])
@pytest.mark.parametrize("missing", [True, False])
def test_an_empty_cell_says_what_a_missing_one_says(cell, missing):
    assert truth(cell, missing=missing) is missing
