from decimal import Decimal

import pytest

from bot.domain.errors import SettingsError
from strategies import ALIASES, PROFILES, RETIRED, profile, strategy
from strategies.global_etf_rotation import GlobalEtfRotation


def refusal(call, *args):
    with pytest.raises(SettingsError) as refused:
        call(*args)
    return refused.value


@pytest.mark.parametrize("name", ["global_etf_rotation", " Global_ETF_Rotation\n"])
def test_a_name_is_read_without_its_blanks_and_case(name):
    assert profile(name) is PROFILES["global_etf_rotation"]


@pytest.mark.parametrize("alias", ALIASES)
def test_an_alias_means_a_profile_that_exists(alias):
    assert profile(alias) is PROFILES[ALIASES[alias]]


@pytest.mark.parametrize("name", sorted(RETIRED))
def test_a_retired_name_is_refused(name):
    assert refusal(profile, name.upper()).code == "retired_profile"


@pytest.mark.parametrize("name", ["", "  "])
def test_a_blank_name_is_refused(name):
    assert refusal(profile, name).code == "blank_profile"


def test_an_unknown_name_is_refused_with_those_known():
    error = refusal(profile, "momentum")

    assert error.code == "unknown_profile"
    assert error.values["name"] == "momentum"
    assert "global_etf_rotation" in error.values["known"]


def test_profiles_are_told_by_their_own_names():
    assert all(name == told.name for name, told in PROFILES.items())
    assert not RETIRED & {*PROFILES, *ALIASES}


def test_the_global_rotation_wants_three_thousand():
    assert profile("global_etf_rotation").minimum_equity == Decimal(3000)


def test_parameters_become_fields():
    params = {"ranking_pool": ["VOO", "GLD"], "hold_bonus": 1, "rebalance_months": [6], "top_n": 1}

    told = strategy("global_etf_rotation", params)

    assert told == GlobalEtfRotation(
        ranking_pool=("VOO", "GLD"), hold_bonus=1.0, rebalance_months=(6,), top_n=1
    )
    assert isinstance(told.hold_bonus, float)


def test_an_unknown_parameter_is_refused_with_those_known():
    error = refusal(strategy, "global_etf_rotation", {"topn": 3})

    assert error.code == "unknown_parameter"
    assert (error.values["profile"], error.values["name"]) == ("global_etf_rotation", "topn")
    assert "top_n" in error.values["known"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("top_n", 2.0),
        ("top_n", "2"),
        ("top_n", True),
        ("top_n", None),
        ("hold_bonus", float("nan")),
        ("hold_bonus", float("inf")),
        ("hold_bonus", 10**400),
        ("hold_bonus", False),
        ("ranking_pool", "VOO"),
        ("ranking_pool", ["VOO", 1]),
        ("safe_haven", ["BIL"]),
        ("rebalance_months", [3, "6"]),
        ("sma_period", 0),
    ],
)
def test_a_value_of_another_type_or_out_of_bounds_is_refused(name, value):
    error = refusal(strategy, "global_etf_rotation", {name: value})

    assert error.code == "bad_parameter"
    assert error.values["name"] == name
