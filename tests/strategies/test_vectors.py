"""The conformance vectors, case by case."""

import gzip
import json
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from bot.conform import daily_case
from bot.domain.strategy import Rebalance
from strategies import PROFILES

DATA = Path(__file__).parents[1] / "data"
DAILY = ("global_etf_rotation",)


@cache
def vectors(name):
    return json.loads(gzip.decompress((DATA / f"{name}.json.gz").read_bytes()))


every_case = pytest.mark.parametrize(
    ("name", "case"),
    [pytest.param(name, case, id=case["id"]) for name in DAILY for case in vectors(name)["cases"]],
)


def asked(name, case):
    return daily_case(name, vectors(name)["frames"], case)


@every_case
def test_a_case_is_decided_as_expected(name, case):
    expected = case["expected"]

    decision = asked(name, case).decide()

    assert isinstance(decision, Rebalance) == (expected["kind"] == "rebalance")
    targets = decision.targets if isinstance(decision, Rebalance) else {}
    wanted = expected.get("weights", {})
    for symbol in {*targets, *wanted}:
        assert targets.get(symbol, 0.0) == pytest.approx(wanted.get(symbol, 0.0), abs=1e-9)
    flags = decision.flags if isinstance(decision, Rebalance) else ()
    assert ("emergency" in flags) == expected["emergency"]


@every_case
def test_a_case_has_the_numbers_expected(name, case):
    question = asked(name, case)

    numbers = question.features().numbers(question.as_of)

    expected = case["expected"]["features"]
    assert len(expected["momentum"]) == len(expected["above_sma"]) == 26
    for symbol, momentum in expected["momentum"].items():
        if momentum is None:
            assert f"momentum.{symbol}" not in numbers
        else:
            assert numbers[f"momentum.{symbol}"] == pytest.approx(momentum, abs=1e-9)
    for symbol, above in expected["above_sma"].items():
        assert bool(numbers[f"above_sma.{symbol}"]) == bool(above)


@every_case
def test_a_case_below_the_minimum_is_a_small_account(name, case):
    small = Decimal(repr(case["equity"])) < PROFILES[name].minimum_equity

    assert small == case["expected"]["small_account_warning"]


def test_all_cases_are_asked():
    assert len(vectors("global_etf_rotation")["cases"]) == 69
