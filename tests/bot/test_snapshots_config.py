import hashlib
import json

import pytest

from bot.domain.errors import BellwetherError, SettingsError
from bot.snapshots_config import default_configuration, written_configuration
from tests.bot.months import POOL, RUSSELL, TECH

UNWRITTEN = {
    RUSSELL: "5cca5587981bf1cb87ec30fd598c20c4c3025ab3b8fe00d6859d1c456824e2b1",
    TECH: "17f060f554c255febcbdd48276c99ba7417c25e3828980d3ba85b000356a46d8",
    "mega_cap_leader_rotation_dynamic_top20": (
        "cda0a7765ca0bdf2a410bfe4d024c2b20e35b29caeffa434c8ee2cc31549c192"
    ),
    "mega_cap_leader_rotation_aggressive": (
        "cdf112433796ea554a1dd731f23ebcb76f3148ef0796272e10ee8ef38d5ba129"
    ),
    "mega_cap_leader_rotation_top50_balanced": (
        "e24e951c358bc551dfcc1d06be6887efb46d4eec4004fb41ae467856c5adbbbf"
    ),
    POOL: "062389915efc5053c693c379b0ecfff62c7adf45436f99e7b7e216b1d3d46140",
}
WHOLE = {
    "name": "qqq_tech_enhancement",
    "family": "tech_heavy_pullback",
    "branch_role": "cash-buffered parallel branch",
    "residual_proxy": "simple_excess_return_vs_QQQ",
    "holdings_count": 6,
    "exposures": {"risk_on": 0.7, "soft_defense": 0.5, "hard_defense": 0.1},
    "breadth_thresholds": {"soft": 0.6, "hard": 0.3},
}


def put(tmp_path, told):
    path = tmp_path / "config.json"
    path.write_text(told if isinstance(told, str) else json.dumps(told), "utf-8")
    return path


@pytest.mark.parametrize(("name", "digest"), UNWRITTEN.items())
def test_a_configuration_nobody_wrote_has_the_hash_of_its_own_name(name, digest):
    told = default_configuration(name)

    assert (told.name, told.path, told.sha256) == (name, "strategy_manifest_default", digest)
    assert told.params == {}


def test_a_written_configuration_is_its_file_byte_for_byte(tmp_path):
    path = put(tmp_path, json.dumps(WHOLE, indent=7))

    told = written_configuration(TECH, path)

    assert told.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (told.name, told.path) == (TECH, str(path))


def test_parameters_may_stand_in_groups(tmp_path):
    told = written_configuration(TECH, put(tmp_path, WHOLE))

    assert told.params == {
        "holdings_count": 6,
        "risk_on_exposure": 0.7,
        "soft_defense_exposure": 0.5,
        "hard_defense_exposure": 0.1,
        "soft_breadth_threshold": 0.6,
        "hard_breadth_threshold": 0.3,
    }


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ("{", "config_unreadable"),
        ("[]", "config_unreadable"),
        ({"name": RUSSELL}, "config_of_another"),
        ({"name": "nobody"}, "unknown_profile"),
        ({"family": "other"}, "bad_parameter"),
        ({"branch_role": "other"}, "bad_parameter"),
        ({"exposures": 1}, "bad_parameter"),
        ({"exposures": {"middle": 1}}, "unknown_parameter"),
    ],
)
def test_a_configuration_that_is_none_of_the_profile_is_refused(tmp_path, told, code):
    with pytest.raises(BellwetherError) as refused:
        written_configuration(TECH, put(tmp_path, told))

    assert refused.value.code == code


def test_a_profile_without_snapshots_has_no_configuration():
    with pytest.raises(SettingsError, match="profile_without_snapshot"):
        default_configuration("global_etf_rotation")
