import math
from decimal import Decimal

import pytest

from bot.domain.errors import SettingsError
from strategies import ALIASES, PROFILES, RETIRED, as_specified, profile, strategy
from strategies.expectations import layout_of
from strategies.global_etf_rotation import GlobalEtfRotation
from strategies.parameters import Parameter, parameters_of


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


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_reads_its_own_snapshots_or_tables_that_are_known(name):
    needs = profile(name).strategy().needs
    reads = [feed.name for feed in needs.feeds]

    assert needs.universe in {"", name}
    if needs.universe:
        assert reads == [name]
    else:
        assert all(layout_of(feed).names for feed in reads)


@pytest.mark.parametrize(
    ("name", "different"),
    [
        ("mega_cap_leader_rotation_dynamic_top20", {"holdings_count": 4, "single_name_cap": 0.25}),
        ("mega_cap_leader_rotation_aggressive", {"holdings_count": 3, "single_name_cap": 0.35}),
        (
            "mega_cap_leader_rotation_top50_balanced",
            {"blend_sleeves": ("0.5 top2 cap0.5", "0.5 top4 cap0.25")},
        ),
    ],
)
def test_profiles_of_one_rule_have_defaults_of_their_own(name, different):
    told = {each.name: each.default for each in parameters_of(profile(name).strategy)}

    assert different.items() <= told.items()
    assert told.keys() == {
        each.name for each in parameters_of(profile("mega_cap_leader_rotation_aggressive").strategy)
    }


def test_profiles_are_told_by_their_own_names():
    assert all(name == told.name for name, told in PROFILES.items())
    assert not RETIRED & {*PROFILES, *ALIASES}


@pytest.mark.parametrize(
    ("name", "equity", "benchmark", "cadence"),
    [
        ("global_etf_rotation", 3000, "VOO", "quarterly + daily canary"),
        ("tqqq_growth_income", 500, "QQQ", "daily"),
        ("soxl_soxx_trend_income", 1000, "SOXX", "daily"),
        ("russell_1000_multi_factor_defensive", 30_000, "SPY", "monthly"),
        ("tech_communication_pullback_enhancement", 10_000, "QQQ", "monthly"),
        ("mega_cap_leader_rotation_dynamic_top20", 10_000, "QQQ", "monthly"),
        ("mega_cap_leader_rotation_aggressive", 10_000, "QQQ", "monthly"),
        ("mega_cap_leader_rotation_top50_balanced", 10_000, "QQQ", "monthly"),
        ("dynamic_mega_leveraged_pullback", 10_000, "QQQ", "daily, monthly snapshot"),
        ("qqq_iwm_rotation", 2000, "QQQ", "daily"),
        ("iwm_small_cap_rotation", 2000, "SPY", "monthly + daily overlays"),
    ],
)
def test_a_profile_says_what_it_wants(name, equity, benchmark, cadence):
    told = profile(name)

    assert (told.minimum_equity, told.benchmark, told.cadence) == (
        Decimal(equity),
        benchmark,
        cadence,
    )


# What else must be said of a parameter that shares its bound with another.
BESIDE = {
    "income_layer_qqqi_weight": {"income_layer_spyi_weight": 0.0},
    "income_layer_spyi_weight": {"income_layer_qqqi_weight": 0.0},
}


def beyond(kind, bound, towards):
    return math.nextafter(bound, towards) if kind == "number" else bound + math.copysign(1, towards)


def at_and_beyond(parameter):
    """The values at a parameter's bounds, and those just past them."""
    bounds = ((parameter.low, -math.inf), (parameter.high, math.inf))
    for bound, towards in bounds:
        if bound is not None:
            past = beyond(parameter.kind, bound, towards)
            yield shaped(parameter, bound), shaped(parameter, past)


def shaped(parameter, value):
    match parameter.kind:
        case "number":
            return float(value)
        case "integers":
            return [int(value)]
        case "symbols":
            return [f"S{place}" for place in range(int(value))]
    return int(value)


every_parameter = pytest.mark.parametrize(
    ("name", "parameter"),
    [
        pytest.param(name, parameter, id=f"{name}-{parameter.name}")
        for name, told in PROFILES.items()
        for parameter in parameters_of(told.strategy)
    ],
)


@every_parameter
def test_a_parameter_may_be_its_default(name, parameter):
    told = strategy(name, {parameter.name: parameter.default})

    assert told == strategy(name, {})


@every_parameter
def test_a_parameter_may_reach_its_bounds_and_nothing_beyond(name, parameter):
    for at, past in at_and_beyond(parameter):
        beside = BESIDE.get(parameter.name, {})

        told = strategy(name, {parameter.name: at, **beside})
        error = refusal(strategy, name, {parameter.name: past, **beside})

        given = getattr(told, parameter.name)
        assert (list(given) if isinstance(given, tuple) else given) == at
        assert (error.code, error.values["name"]) == ("bad_parameter", parameter.name)
        assert error.values["bounds"]


@every_parameter
@pytest.mark.parametrize("value", [None, "", " no such word", float("nan"), [1.5], {}], ids=repr)
def test_a_parameter_that_makes_no_sense_is_refused_by_name(name, parameter, value):
    error = refusal(strategy, name, {parameter.name: value})

    assert (error.code, error.values["name"]) == ("bad_parameter", parameter.name)


@pytest.mark.parametrize(
    ("profile_name", "name", "kind", "low", "high"),
    [
        ("global_etf_rotation", "ranking_pool", "symbols", 1, None),
        ("global_etf_rotation", "canary_assets", "symbols", None, None),
        ("global_etf_rotation", "safe_haven", "symbol", None, None),
        ("global_etf_rotation", "rebalance_months", "integers", 1, 12),
        ("global_etf_rotation", "top_n", "integer", 0, 1000),
        ("tqqq_growth_income", "dual_drive_allow_pullback", "switch", None, None),
        ("tqqq_growth_income", "dual_drive_pullback_rebound_threshold_mode", "choice", None, None),
        ("tqqq_growth_income", "income_threshold_usd", "number", 0, None),
        ("soxl_soxx_trend_income", "trend_exit_buffer", "number", 0, 0.25),
        ("russell_1000_multi_factor_defensive", "single_name_cap", "number", 0.001, 1),
        ("tech_communication_pullback_enhancement", "sector_whitelist", "texts", None, None),
        ("tech_communication_pullback_enhancement", "normalization", "choice", None, None),
        ("dynamic_mega_leveraged_pullback", "sma_period", "integer", 1, 2520),
    ],
)
def test_a_parameter_is_told_with_its_kind_and_bounds(profile_name, name, kind, low, high):
    told = {each.name: each for each in parameters_of(profile(profile_name).strategy)}[name]

    assert (told.kind, told.low, told.high) == (kind, low, high)
    assert bool(told.choices) == (kind == "choice")


@pytest.mark.parametrize(
    ("kind", "low", "high", "choices", "said"),
    [
        ("number", 0.0, 0.25, (), "0 to 0.25"),
        ("number", None, 2520, (), "at most 2520"),
        ("integer", 1, None, (), "at least 1"),
        ("number", None, None, (), "number"),
        ("choice", None, None, ("a", "b"), "a or b"),
        ("symbol", None, None, (), "a symbol"),
        ("symbols", 1, None, (), "symbols, at least 1"),
        ("symbols", None, None, (), "symbols"),
        ("texts", None, None, (), "texts"),
    ],
)
def test_what_a_parameter_may_be_is_said_in_few_words(kind, low, high, choices, said):
    assert Parameter("x", kind, None, low, high, choices).bounds == said


@pytest.mark.parametrize(
    ("name", "params", "meant"),
    [
        ("soxl_soxx_trend_income", {"trend_exit_buffer": 0.9}, {"trend_exit_buffer": 0.25}),
        ("soxl_soxx_trend_income", {"trend_entry_buffer": -1}, {"trend_entry_buffer": 0.0}),
        ("tqqq_growth_income", {"dual_drive_qqq_weight": 3}, {"dual_drive_qqq_weight": 1.0}),
        ("tqqq_growth_income", {"attack_allocation_mode": ""}, {}),
        ("tqqq_growth_income", {"cash_reserve_ratio": 0.5}, {"cash_reserve_ratio": 0.5}),
        (
            "tqqq_growth_income",
            {"dual_drive_pullback_rebound_window": -4},
            {"dual_drive_pullback_rebound_window": 1},
        ),
        ("tqqq_growth_income", {"dual_drive_pullback_rebound_window": 0}, {}),
        ("tqqq_growth_income", {"dual_drive_cash_reserve_ratio": None}, {}),
        ("mega_cap_leader_rotation_aggressive", {"hold_buffer": -3}, {"hold_buffer": 0}),
        (
            "dynamic_mega_leveraged_pullback",
            {"min_position_value_usd": -1.0},
            {"min_position_value_usd": 0.0},
        ),
    ],
)
def test_what_the_first_authors_clamped_is_clamped_for_them_and_refused_to_users(
    name, params, meant
):
    told = as_specified(name, params)

    assert told == strategy(name, meant)
    if params != meant:
        assert refusal(strategy, name, params).code == "bad_parameter"


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("global_etf_rotation", {"sma_period": 0}),
        ("tqqq_growth_income", {"dual_drive_qqq_weight": True}),
        ("tqqq_growth_income", {"dual_drive_qqq_weight": float("nan")}),
        ("tqqq_growth_income", {"dual_drive_unlevered_symbol": ""}),
        ("tqqq_growth_income", {"attack_allocation_mode": "yolo"}),
        ("soxl_soxx_trend_income", {"attack_allocation_mode": "yolo"}),
        ("soxl_soxx_trend_income", {"trend_ma_window": 0}),
        ("russell_1000_multi_factor_defensive", {"sector_cap": 0.0}),
        ("tech_communication_pullback_enhancement", {"min_position_value_usd": -1.0}),
        ("mega_cap_leader_rotation_dynamic_top20", {"holdings_count": 0}),
    ],
)
def test_what_nobody_clamped_is_refused_to_all(name, params):
    assert refusal(as_specified, name, params).code == "bad_parameter"
    assert refusal(strategy, name, params).code == "bad_parameter"


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


def test_a_word_that_says_nothing_is_refused():
    given = {"sector_whitelist": ["Energy", " "]}

    assert refusal(strategy, "tech_communication_pullback_enhancement", given).values == {
        "name": "sector_whitelist",
        "value": ("Energy", " "),
        "bounds": "texts",
    }
