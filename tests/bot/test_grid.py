import pytest

from bot.domain.errors import SettingsError
from bot.grid import grid, written
from tests.bot.trials import ROTATION, TQQQ

WEIGHT, PULLBACK = "dual_drive_qqq_weight", "dual_drive_allow_pullback"
WINDOW = "dual_drive_pullback_rebound_window"


def test_every_combination_is_a_point_the_last_name_fastest():
    points = grid(TQQQ, [f"{WEIGHT}=0.2,0.4", f"{PULLBACK}=true,false"])

    assert points == [
        {WEIGHT: 0.2, PULLBACK: True},
        {WEIGHT: 0.2, PULLBACK: False},
        {WEIGHT: 0.4, PULLBACK: True},
        {WEIGHT: 0.4, PULLBACK: False},
    ]


TYPED = [
    (TQQQ, f"{WEIGHT}=1", 1.0),
    (TQQQ, f"{WINDOW} = 30", 30),
    (TQQQ, f"{PULLBACK}=FALSE", False),
    (TQQQ, "benchmark_symbol=qqqm", "QQQM"),
    (TQQQ, "dual_drive_pullback_rebound_threshold_mode=fixed", "fixed"),
    (ROTATION, "canary_assets=spy+efa", ("SPY", "EFA")),
]


@pytest.mark.parametrize(("name", "told", "value"), TYPED)
def test_a_value_is_read_as_what_its_parameter_is(name, told, value):
    ((read,),) = (point.values() for point in grid(name, [told]))

    assert (read, type(read)) == (value, type(value))


def test_an_alias_is_its_profile():
    assert grid("global_macro_etf_rotation", ["top_n=1,2"]) == [{"top_n": 1}, {"top_n": 2}]


REFUSED = [
    ([], "grid_empty", ""),
    ([WEIGHT], "grid_empty", WEIGHT),
    ([f"{WEIGHT}="], "grid_empty", WEIGHT),
    (["leverage=2"], "unknown_parameter", "leverage"),
    (["=2"], "unknown_parameter", ""),
    ([f"{WEIGHT}=1.5"], "bad_parameter", WEIGHT),
    ([f"{WEIGHT}=nan"], "bad_parameter", WEIGHT),
    ([f"{WEIGHT}=much"], "bad_parameter", WEIGHT),
    ([f"{WEIGHT}=0.2,,0.3"], "bad_parameter", WEIGHT),
    ([f"{WINDOW}=2.5"], "bad_parameter", WINDOW),
    ([f"{WINDOW}=0"], "bad_parameter", WINDOW),
    ([f"{PULLBACK}=maybe"], "bad_parameter", PULLBACK),
    (["dual_drive_pullback_rebound_threshold_mode=free"], "bad_parameter", "dual_drive"),
    ([f"{WEIGHT}=0.2,0.20"], "grid_twice", WEIGHT),
    ([f"{WEIGHT}=0.2", f"{WEIGHT}=0.3"], "grid_twice", WEIGHT),
]


@pytest.mark.parametrize(("told", "code", "name"), REFUSED)
def test_what_can_not_be_tried_is_refused_by_its_name(told, code, name):
    with pytest.raises(SettingsError, match=code) as refused:
        grid(TQQQ, told)

    assert str(refused.value.values["name"]).startswith(name)


def test_a_profile_nobody_knows_is_refused():
    with pytest.raises(SettingsError, match="unknown_profile"):
        grid("momentum", ["top=1"])


def test_a_point_is_written_as_it_would_be_told():
    params = {WEIGHT: 0.2, PULLBACK: True, "canary_assets": ("SPY", "EFA"), WINDOW: 5}

    assert [*written(params).values()] == ["0.2", "true", "SPY+EFA", "5"]
