import hashlib
import json
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from bot.snapshots_artifacts import csv_of, json_of
from tests.bot.months import (
    AT,
    BALANCED,
    LAST,
    POOL,
    RUSSELL,
    STOCKS,
    TECH,
    TOP20,
    Life,
    leaders,
    made,
    prices,
    universe,
    written,
)

# ALFA doubled 120 rows ago: 100 / 50 - 1 over the half year and the year before the last month,
# 100 / mean(120 × 100, 80 × 50) - 1 = 0.25 over its average, no fall and no deviation within a
# quarter; 100 × 300,000 USD a day. BETA never moved: 40 × 600,000 USD a day.
SNAPSHOT = """\
as_of,symbol,sector,close,volume,adv20_usd,history_days,mom_6_1,mom_12_1,sma200_gap,vol_63,maxdd_126,eligible
2024-07-31,ALFA,Energy,100.0,300000.0,30000000.0,300,1.0,1.0,0.25,0.0,0.0,True
2024-07-31,BETA,Energy,40.0,600000.0,24000000.0,300,0.0,0.0,0.0,0.0,0.0,True
2024-07-31,NONE,Utilities,,,,0,,,,,,False
2024-07-31,PENNY,Financials,5.0,9000000.0,45000000.0,300,0.0,0.0,0.0,0.0,0.0,False
2024-07-31,SPY,benchmark,100.0,300000.0,30000000.0,300,1.0,1.0,0.25,0.0,0.0,False
2024-07-31,YOUNG,Utilities,30.0,900000.0,27000000.0,100,,,,0.0,,False
"""
# Of two in a sector the better is one deviation above, the other one below, in what differs:
# 0.35 + 0.30 + 0.15, summed in this order in binary fractions.
RANKING = """\
rank,symbol,sector,score,eligible,close,adv20_usd,mom_12_1,mom_6_1,sma200_gap,vol_63,maxdd_126
1,ALFA,Energy,0.7999999999999999,True,100.0,30000000.0,1.0,1.0,0.25,0.0,0.0
2,BETA,Energy,-0.7999999999999999,True,40.0,24000000.0,0.0,0.0,0.0,0.0,0.0
"""
MANIFEST = """\
{
  "config_name": "russell_1000_multi_factor_defensive",
  "config_path": "strategy_manifest_default",
  "config_sha256": "5cca5587981bf1cb87ec30fd598c20c4c3025ab3b8fe00d6859d1c456824e2b1",
  "contract_version": "russell_1000_multi_factor_defensive.feature_snapshot.v1",
  "generated_at": "2024-08-01T00:45:00+00:00",
  "manifest_type": "feature_snapshot",
  "row_count": 6,
  "snapshot_as_of": "2024-07-31",
  "snapshot_path": "OUT/russell_1000_multi_factor_defensive_feature_snapshot_latest.csv",
  "snapshot_sha256": "SHA256",
  "source_project": "UsEquitySnapshotPipelines",
  "strategy_profile": "russell_1000_multi_factor_defensive"
}"""
# Half of the candidates are above their average, the benchmark is: at 0.5 below 0.55 it is soft
# defence, half in stocks. Two names may be 6 % each; the rest is safe.
SUMMARY = {
    "source_project": "UsEquitySnapshotPipelines",
    "strategy_profile": RUSSELL,
    "display_name": "Russell 1000 Multi-Factor Defensive",
    "contract_version": f"{RUSSELL}.feature_snapshot.v1",
    "release_status": "ready",
    "snapshot_path": f"OUT/{RUSSELL}_feature_snapshot_latest.csv",
    "manifest_path": f"OUT/{RUSSELL}_feature_snapshot_latest.csv.manifest.json",
    "ranking_path": f"OUT/{RUSSELL}_ranking_latest.csv",
    "snapshot_as_of": "2024-07-31",
    "row_count": 6,
    "signal_description": (
        "the market's trend is down or few stocks rise: less in stocks: "
        "ALFA 6.0%, BETA 6.0%, BOXX 88.0%"
    ),
    "status_description": "regime soft_defense, breadth 50.0 %, 2 candidates",
    "diagnostics": {
        "benchmark_symbol": "SPY",
        "benchmark_trend_positive": True,
        "breadth_ratio": 0.5,
        "regime": "soft_defense",
        "reason": "soft_defense",
        "flags": [],
        "stock_exposure": 0.5,
        "candidate_count": 2,
        "selected_symbols": ["ALFA", "BETA"],
        "selected_count": 2,
        "sector_slot_cap": 9,
        "realized_stock_weight": 0.12,
        "safe_haven_weight": 0.88,
        "target_weights": {"ALFA": 0.06, "BETA": 0.06, "BOXX": 0.88},
        "managed_symbols": ["ALFA", "BETA", "NONE", "PENNY", "YOUNG", "BOXX"],
        "snapshot_as_of": "2024-07-31",
        "ranking_path": f"OUT/{RUSSELL}_ranking_latest.csv",
        "notes": [
            {"code": "unpriced_until", "symbol": "NONE", "values": {"day": "2024-07-31"}},
            {"code": "price_low", "symbol": "PENNY", "values": {"close": 5.0, "least": 10.0}},
            {"code": "history_short", "symbol": "YOUNG", "values": {"needed": 274, "rows": 100}},
        ],
    },
    "generated_at": "2024-08-01T00:45:00+00:00",
}


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """The files of the small month reckoned above; only to be read."""
    folder = tmp_path_factory.mktemp("july")
    made(folder)
    return folder / "out"


def text(out, name):
    return (out / name).read_bytes().decode("utf-8")


def test_a_snapshot_is_written_byte_for_byte_as_reckoned_by_hand(out):
    assert text(out, f"{RUSSELL}_feature_snapshot_latest.csv") == SNAPSHOT


def test_a_ranking_is_written_byte_for_byte_as_reckoned_by_hand(out):
    assert text(out, f"{RUSSELL}_ranking_latest.csv") == RANKING


def test_a_manifest_is_written_byte_for_byte(out):
    digest = hashlib.sha256(SNAPSHOT.encode()).hexdigest()

    told = text(out, f"{RUSSELL}_feature_snapshot_latest.csv.manifest.json")

    assert told == MANIFEST.replace("OUT", str(out)).replace("SHA256", digest)


def test_a_summary_is_written_byte_for_byte(out):
    plain = json.dumps(SUMMARY, indent=2, sort_keys=True, ensure_ascii=False)

    assert text(out, "release_status_summary.json") == plain.replace("OUT", str(out))


def columns(path):
    return path.read_text("utf-8").partition("\n")[0].split(",")


ALWAYS = "as_of symbol sector close volume adv20_usd history_days"
COLUMNS = {
    TECH: [
        f"{ALWAYS} mom_6_1 mom_12_1 sma20_gap sma50_gap sma200_gap ma50_over_ma200 vol_63",
        "maxdd_126 breakout_252 dist_63_high dist_126_high rebound_20 base_eligible",
    ],
    TOP20: [
        f"{ALWAYS} mom_3m mom_6m mom_12_1 sma200_gap high_252_gap vol_63 maxdd_126 eligible",
        "rel_mom_6m_vs_benchmark rel_mom_6m_vs_broad_benchmark",
    ],
}
RANKED = {
    TECH: [
        "rank symbol sector score base_eligible close adv20_usd excess_mom_12_1 excess_mom_6_1",
        "trend_strength controlled_pullback_score recovery_confirmation rel_strength_vs_group",
        "vol_63 maxdd_126",
    ],
    TOP20: [
        "rank symbol sector score eligible close adv20_usd mom_3m mom_6m mom_12_1",
        "rel_mom_6m_vs_benchmark rel_mom_6m_vs_broad_benchmark high_252_gap sma200_gap vol_63",
        "maxdd_126",
    ],
}


def many(folder, **different):
    rows, stocks = leaders()
    told = {
        "prices": written(rows, folder / "p.csv"),
        "universe": written(stocks, folder / "u.csv"),
        **different,
    }
    return made(folder, **told)


@pytest.mark.parametrize("name", COLUMNS)
def test_each_family_has_its_columns_in_their_order(tmp_path, name):
    many(tmp_path, profile=name)

    out = tmp_path / "out"
    assert columns(out / f"{name}_feature_snapshot_latest.csv") == " ".join(COLUMNS[name]).split()
    assert columns(out / f"{name}_ranking_latest.csv") == " ".join(RANKED[name]).split()


def summary(folder):
    return json.loads((folder / "out" / "release_status_summary.json").read_bytes())


def ranked(folder, name):
    return pd.read_csv(folder / "out" / f"{name}_ranking_latest.csv").set_index("symbol")


def test_the_preview_of_a_blend_is_the_blend_that_runs_live(tmp_path):
    many(tmp_path, profile=BALANCED)

    told = summary(tmp_path)["diagnostics"]

    first = ranked(tmp_path, BALANCED).index[:4].tolist()
    assert told["target_weights"] == dict(zip(first, [0.375, 0.375, 0.125, 0.125], strict=True))
    assert told["blend_mode"] == "fixed_weighted_sleeves"
    assert [(sleeve["name"], sleeve["weight"]) for sleeve in told["blend_sleeves"]] == [
        ("top2_cap50", 0.5),
        ("top4_cap25", 0.5),
    ]
    assert told["selected_symbols"] == first


def test_what_is_held_scores_its_bonus_in_the_ranking(tmp_path):
    many(tmp_path, profile=TOP20)
    before = ranked(tmp_path, TOP20)["score"]

    many(tmp_path, profile=TOP20, held=("S05",), at=AT + timedelta(minutes=1))

    bonus = ranked(tmp_path, TOP20)["score"] - before
    assert bonus["S05"] == pytest.approx(0.1)
    assert bonus.drop("S05").to_numpy() == pytest.approx(0.0)


PRODUCTS = pd.DataFrame(
    {
        "stock": ["ALFA", "PENNY", "NONE"],
        "etf_symbol": ["alfx", "", "NONX"],
        "enabled": ["yes", "no", "no"],
    }
)
POOL_SNAPSHOT = """\
as_of,symbol,trade_symbol,underlying_symbol,sector,candidate_rank,mega_rank,product_leverage,product_expense_ratio,product_available,eligible
2024-07-31,ALFX,ALFX,ALFA,Energy,1,1,2.0,0.01,True,True
2024-07-31,,,BETA,Energy,2,2,2.0,0.01,False,False
2024-07-31,,,PENNY,Financials,3,3,2.0,0.01,False,False
2024-07-31,,,YOUNG,Utilities,4,4,2.0,0.01,False,False
2024-07-31,NONX,NONX,NONE,Utilities,5,5,2.0,0.01,False,False
"""


def test_a_pool_of_products_is_written_with_the_configuration_it_hashes(tmp_path):
    ranked = written(universe(mega_rank=[1, 2, 3, 4, 5]), tmp_path / "u.csv")
    products = written(PRODUCTS, tmp_path / "map.csv")

    made(tmp_path, profile=POOL, universe=ranked, product_map=products)

    out = tmp_path / "out"
    config = text(out, f"{POOL}_snapshot_config.json")
    manifest = json.loads(text(out, f"{POOL}_feature_snapshot_latest.csv.manifest.json"))
    assert text(out, f"{POOL}_feature_snapshot_latest.csv") == POOL_SNAPSHOT
    assert text(out, f"{POOL}_ranking_latest.csv") == POOL_SNAPSHOT
    assert json.loads(config) == {
        "profile": POOL,
        "candidate_universe_size": 5,
        "benchmark_symbol": "QQQ",
        "safe_haven": "BOXX",
        "product_map_path": str(products),
        "product_mapped_count": 1,
    }
    assert manifest["config_sha256"] == hashlib.sha256(config.encode()).hexdigest()
    assert manifest["config_path"] == str(out / f"{POOL}_snapshot_config.json")
    told = summary(tmp_path)["diagnostics"]
    assert told["trade_symbols"] == ["ALFX", "NONX"]
    assert told["candidate_underlyings"] == ["ALFA", "BETA", "PENNY", "YOUNG", "NONE"]


def test_a_set_apart_stock_is_told_in_the_summary_without_breaking_its_json(tmp_path):
    lives = {**STOCKS, "BETA": Life(float("inf"), 40.0)}

    made(tmp_path, prices=written(prices(lives), tmp_path / "p.csv"))

    notes = summary(tmp_path)["diagnostics"]["notes"]
    assert notes[0]["code"] == "price_apart"
    assert notes[0]["values"]["value"] == "inf"
    assert [note["code"] for note in notes if note["symbol"] == "BETA"] == ["price_apart"]


def test_a_table_is_written_with_the_shortest_cells_that_are_read_again_alike():
    table = pd.DataFrame(
        {
            "day": np.array([LAST, None], dtype="datetime64[s]"),
            "text": ["a,b", 'say "x"'],
            "number": [0.1 + 0.2, np.nan],
            "small": [1e-05, 1e16],
            "whole": [1, 2],
            "yes": [True, False],
        }
    )

    assert csv_of(table).decode() == (
        'day,text,number,small,whole,yes\n2024-07-31,"a,b",0.30000000000000004,1e-05,1,True\n'
        ',"say ""x""",,1e+16,2,False\n'
    )


def test_a_value_is_written_plain():
    told = {"b": np.int64(1), "a": (date(2024, 1, 2), np.float64("nan")), "ü": [True, None]}

    assert json_of(told).decode() == (
        '{\n  "a": [\n    "2024-01-02",\n    "nan"\n  ],\n  "b": 1,\n  "ü": [\n    true,\n'
        "    null\n  ]\n}"
    )
