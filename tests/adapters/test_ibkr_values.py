"""Which numbers of a gateway are prices."""

from math import inf, nan
from sys import float_info

import pytest

from adapters.ibkr_values import is_price


@pytest.mark.parametrize("number", [0, -1, -0.01, nan, inf, -inf, float_info.max])
def test_what_a_gateway_does_not_know_is_no_price(number):
    assert not is_price(number)


def test_any_other_number_is_a_price():
    assert is_price(0.0001)
