import pytest

from bot.snapshots_preview import diagnostics
from tests.bot.months import (
    AT,
    BALANCED,
    CALENDAR,
    LAST,
    MANY,
    RUSSELL,
    TECH,
    TOP20,
    leaders,
    made,
    universe,
    written,
)

FAMILIES = (RUSSELL, TECH, TOP20, BALANCED)


def previewed(folder, name, **different):
    rows, stocks = leaders()
    told = {
        "prices": written(rows, folder / "p.csv"),
        "universe": written(stocks, folder / "u.csv"),
    }
    return made(folder, AT, profile=name, **{**told, **different}).built


def told_of(built):
    return diagnostics(built.preview, built.rows["symbol"].tolist(), built.day)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_preview_is_what_the_rule_says_on_the_first_session_that_may_act(tmp_path, name):
    preview = previewed(tmp_path, name).preview

    assert preview.session == CALENDAR.after(LAST).date
    assert sum(preview.targets.values()) == pytest.approx(1.0)
    assert preview.decision.reason == "risk_on"


@pytest.mark.parametrize("name", FAMILIES)
def test_the_weights_told_are_those_of_the_decision(tmp_path, name):
    built = previewed(tmp_path, name)

    told = told_of(built)

    assert told["target_weights"] == dict(built.preview.targets)
    assert told["realized_stock_weight"] + told["safe_haven_weight"] == pytest.approx(1.0)
    assert set(told["selected_symbols"]) == set(built.preview.targets) - {"BOXX"}
    assert told["selected_count"] == len(told["selected_symbols"])
    assert told["candidate_count"] == len(built.ranking) == len(MANY)


def test_the_managed_symbols_are_all_but_the_benchmarks(tmp_path):
    told = told_of(previewed(tmp_path, TOP20))

    assert told["managed_symbols"] == ["BOXX", *MANY]


OWN = [
    (RUSSELL, {"stock_exposure": 1.0, "sector_slot_cap": 4}),
    (
        TECH,
        {
            "target_stock_weight": 0.8,
            "sector_slot_cap": 4,
            "requested_holdings_count": 8,
            "effective_holdings_count": 8,
            "effective_single_name_cap": 0.1,
            "effective_sector_cap": 0.4,
            "min_position_value_usd": 3000.0,
        },
    ),
    (
        TOP20,
        {
            "target_stock_weight": 1.0,
            "broad_benchmark_symbol": "SPY",
            "requested_holdings_count": 4,
            "effective_holdings_count": 4,
            "single_name_cap": 0.25,
            "min_position_value_usd": 3000.0,
        },
    ),
    (
        BALANCED,
        {
            "target_stock_weight": 1.0,
            "requested_holdings_count": 4,
            "effective_holdings_count": 4,
            "single_name_cap": 0.5,
            "blend_mode": "fixed_weighted_sleeves",
        },
    ),
]


@pytest.mark.parametrize(("name", "own"), OWN)
def test_each_family_tells_what_led_to_its_targets(tmp_path, name, own):
    told = told_of(previewed(tmp_path, name))

    assert told == {**told, **own}


def test_a_sleeve_tells_its_own_part(tmp_path):
    two, four = told_of(previewed(tmp_path, BALANCED))["blend_sleeves"]

    assert two["selected_symbols"] == four["selected_symbols"][:2]
    assert (two["holdings_count"], four["single_name_cap"]) == (2, 0.25)
    assert two["realized_stock_weight"] == four["realized_stock_weight"] == 1.0
    assert two["safe_haven_weight"] == 0.0


def test_where_nobody_qualifies_all_is_safe(tmp_path):
    nobody = written(universe({"NOBODY": "Energy"}), tmp_path / "n.csv")

    built = previewed(tmp_path, RUSSELL, universe=nobody)

    told = told_of(built)
    assert told["target_weights"] == {"BOXX": 1.0}
    assert (told["stock_exposure"], told["selected_symbols"]) == (0.0, [])
    assert "sector_slot_cap" not in told
    assert built.ranking.empty
