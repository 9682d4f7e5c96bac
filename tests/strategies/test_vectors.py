"""The conformance vectors, case by case."""

import gzip
import json
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from bot.conform import daily_case
from bot.domain.errors import BellwetherError
from bot.domain.strategy import Rebalance
from strategies import PROFILES

DATA = Path(__file__).parents[1] / "data"
COUNTS = {"global_etf_rotation": 69, "tqqq_growth_income": 66, "soxl_soxx_trend_income": 51}

# What the originals called a number, and what it is called here.
NAMES = {
    "tqqq_growth_income": {
        "qqq_price": "price",
        "ma200": "ma200",
        "pullback_rebound": "rebound",
        "pullback_rebound_threshold": "gate",
        "pullback_rebound_volatility": "volatility",
    },
    "soxl_soxx_trend_income": {
        name: name
        for name in (
            *("trend_price", "trend_ma"),
            *("trend_entry_line", "trend_mid_line", "trend_exit_line"),
        )
    },
}


@cache
def vectors(name):
    return json.loads(gzip.decompress((DATA / f"{name}.json.gz").read_bytes()))


def cases(*names, refused):
    return pytest.mark.parametrize(
        ("name", "case"),
        [
            pytest.param(name, case, id=case["id"])
            for name in names
            for case in vectors(name)["cases"]
            if (case["expected"]["kind"] == "error") == refused
        ],
    )


every_case = cases(*COUNTS, refused=False)


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


@cases(*COUNTS, refused=True)
def test_a_case_that_is_refused_is_not_decided(name, case):
    with pytest.raises(BellwetherError):
        asked(name, case).decide()


@cases("global_etf_rotation", refused=False)
def test_a_case_has_the_momentum_expected(name, case):
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


@cases(*NAMES, refused=False)
def test_a_case_has_the_numbers_expected(name, case):
    question = asked(name, case)

    numbers = question.features().numbers(question.as_of)

    expected = case["expected"]["features"]
    assert set(NAMES[name]) == set(expected) - {"blend_tier"}
    for theirs, ours in NAMES[name].items():
        if expected[theirs] is None:
            assert ours not in numbers
        else:
            assert numbers[ours] == pytest.approx(expected[theirs], abs=1e-9)


@cases("soxl_soxx_trend_income", refused=False)
def test_a_case_is_in_the_tier_expected(name, case):
    decision = asked(name, case).decide()

    assert decision.reason == f"tier_{case['expected']['features']['blend_tier']}"


@every_case
def test_a_case_below_the_minimum_is_a_small_account(name, case):
    small = Decimal(repr(case["equity"])) < PROFILES[name].minimum_equity

    assert small == case["expected"]["small_account_warning"]


@pytest.mark.parametrize("name", COUNTS)
def test_all_cases_are_asked(name):
    assert len(vectors(name)["cases"]) == COUNTS[name]
