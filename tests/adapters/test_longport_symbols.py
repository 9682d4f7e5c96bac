"""Symbols at the border."""

import pytest

from adapters.longport_symbols import is_stock, ours, theirs


@pytest.mark.parametrize("symbol", ["QQQ", "A", "BRK.B", "BF-B"])
def test_a_stock_comes_back_as_it_went(symbol):
    assert ours(theirs(symbol)) == symbol
    assert theirs(symbol).endswith(".US")


@pytest.mark.parametrize(
    "symbol", ["700.HK", "SPY261218C600000.US", ".DJI.US", "600519.SH", "US", "QQQ", ""]
)
def test_what_is_no_stock_of_the_us_keeps_its_name(symbol):
    assert not is_stock(symbol)
    assert ours(symbol) == symbol


def test_an_index_is_no_stock_and_has_a_name_of_its_own():
    assert theirs("VIX") == ".VIX.US"
    assert ours(".VIX.US") == "VIX"
    assert not is_stock(".VIX.US")
