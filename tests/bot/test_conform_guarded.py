import gzip
import hashlib
import json
from functools import cache
from pathlib import Path

import pytest

from bot.conform_guarded import guarded_case
from bot.domain.errors import Blocked, DataError, SettingsError
from bot.domain.strategy import Hold, Rebalance
from tests.published import (
    DYNAMIC,
    RUSSELL,
    SIX,
    TECH,
    TOP20,
    csv_of,
    expected_of,
    manifest_of,
    row,
    rows,
)

DATA = Path(__file__).parents[1] / "data"
COUNTS = dict(zip(SIX, (7, 12, 11, 11, 11, 11), strict=True))
CONFIG = {
    "name": "qqq_tech_enhancement",
    "family": "tech_heavy_pullback",
    "branch_role": "cash-buffered parallel branch",
}


@cache
def vectors(name):
    return json.loads(gzip.decompress((DATA / f"{name}.json.gz").read_bytes()))


def guarded(name):
    return [case for case in vectors(name)["cases"] if case["kind"] == "guarded"]


every_case = pytest.mark.parametrize(
    ("name", "case"),
    [pytest.param(name, case, id=case["id"]) for name in SIX for case in guarded(name)],
)


def decided(name, case):
    """The decision, or the code of why there is none."""
    try:
        return guarded_case(name, vectors(name)["frames"], case).decide()
    except Blocked as blocked:
        return blocked


def kind_of(answer):
    kinds = {Blocked: "blocked", Hold: "hold", Rebalance: "rebalance"}
    return next(told for kind, told in kinds.items() if isinstance(answer, kind))


@every_case
def test_a_file_is_admitted_or_refused_as_expected(name, case):
    expected = case["expected"]

    answer = decided(name, case)

    assert kind_of(answer) == expected["kind"]
    weights = answer.targets if isinstance(answer, Rebalance) else {}
    held = {symbol: weight for symbol, weight in weights.items() if weight}
    assert held == pytest.approx(expected["weights"] or {}, abs=1e-9)


@every_case
def test_the_reason_is_the_expected_one(name, case):
    told = case["expected"]["guard"]["fail_reason"]

    answer = decided(name, case)

    assert (answer.code if isinstance(answer, Blocked) else None) == (told and told.split(":")[0])
    if told and told.startswith("feature_snapshot_missing_columns"):
        assert answer.values["columns"] == told.split(":")[1]


@pytest.mark.parametrize("name", SIX)
def test_every_guarded_case_is_asked(name):
    assert len(guarded(name)) == COUNTS[name]


def a_case(name, *, manifest=None, params=None, config=None, **given):
    content = given.get("snapshot_text", csv_of(rows()).decode())
    claims = manifest_of(expected_of(name), (content or "").encode(), **manifest or {})
    told = {
        "config_json": config,
        "file_suffix": ".csv",
        "manifest": claims,
        "snapshot_path_given": True,
        "snapshot_text": content,
        **given,
    }
    asked = {"kind": "guarded", "as_of": "2026-04-01", "holdings": [], "equity": 1e5}
    return {**asked, "params": params or {}, "input": told}


def asked(name, **different):
    return guarded_case(name, {}, a_case(name, **different))


def test_the_defensive_need_no_manifest():
    with pytest.raises(Blocked) as refused:
        asked(TOP20, manifest={"config_name": "x"})

    assert refused.value.code == "feature_snapshot_manifest_config_name_mismatch"
    assert isinstance(asked(RUSSELL, manifest={"config_name": "x"}).decide(), Rebalance)


def test_rows_may_be_json():
    text = json.dumps(rows("AAPL", "QQQ", "SPY"))

    found = asked(TOP20, file_suffix=".json", snapshot_text=text).decide()

    assert "AAPL" in found.targets


def test_what_is_unknown_in_the_file_is_unknown_to_the_rule():
    text = csv_of([row("AAPL", mom_6m=""), row("B", mom_6m="n/a"), *rows("C", "QQQ", "SPY")])

    found = asked(TOP20, snapshot_text=text.decode()).decide()

    assert {symbol for symbol, weight in found.targets.items() if weight} == {"C", "BOXX"}


def test_a_stock_may_be_called_na():
    assert "NA" in asked(TOP20).decide().targets


def test_a_rule_that_can_not_decide_blocks_like_a_file_that_can_not_be_read():
    question = asked(TECH, snapshot_text=csv_of(rows("AAPL", "SPY")).decode())

    with pytest.raises(Blocked) as refused:
        question.decide()

    assert refused.value.code == "feature_snapshot_compute_failed"
    assert "QQQ" in refused.value.values["reason"]


def configured(**different):
    text = json.dumps({**CONFIG, **different})
    digest = hashlib.sha256(text.encode()).hexdigest()
    return asked(TECH, config=text, manifest={"config_sha256": digest}).strategy


def test_a_configuration_sets_parameters_alone_and_in_groups():
    strategy = configured(
        holdings_count=5, exposures={"risk_on": 0.7}, breadth_thresholds={"soft": 0.5}
    )

    assert strategy.holdings_count == 5
    assert strategy.risk_on_exposure == 0.7
    assert strategy.soft_breadth_threshold == 0.5
    assert strategy.hard_breadth_threshold == 0.35


@pytest.mark.parametrize(
    "different",
    [{"name": TOP20}, {"family": "x"}, {"branch_role": None}, {"exposures": 1}],
)
def test_a_configuration_of_something_else_is_an_error(different):
    with pytest.raises(DataError):
        configured(**different)


@pytest.mark.parametrize("different", [{"holdings_count": 0}, {"exposures": {"all": 1.0}}])
def test_a_configuration_no_rule_can_follow_is_an_error(different):
    with pytest.raises(SettingsError):
        configured(**different)


@pytest.mark.parametrize("config", ["{oops", "[]", 7])
def test_a_configuration_that_is_no_object_is_an_error(config):
    with pytest.raises(DataError):
        asked(TECH, config=config)


def test_only_one_profile_reads_a_configuration():
    digest = hashlib.sha256(b"{oops").hexdigest()

    asked(TOP20, config="{oops", manifest={"config_sha256": digest})
    with pytest.raises(Blocked) as refused:
        asked(DYNAMIC, config="{oops")

    assert refused.value.code == "feature_snapshot_manifest_config_checksum_mismatch"


@pytest.mark.parametrize("given", [{"snapshot_text": 7}, {"manifest": 7}])
def test_a_file_that_is_no_text_is_an_error(given):
    case = a_case(TOP20)

    with pytest.raises(DataError):
        guarded_case(TOP20, {}, {**case, "input": {**case["input"], **given}})
