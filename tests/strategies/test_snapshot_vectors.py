"""The conformance vectors of snapshots and universes, case by case, without any deviation.

Two rows of a symbol and day count twice in the Russell and tech families, as in the originals.
"""

import gzip
import io
import json
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from bot.domain.errors import DataError
from strategies.families import FAMILIES, snapshot
from strategies.panel import Panel
from strategies.products import POOL_SIZE, product_snapshot, products_of
from strategies.universe import Universe, largest_over_time, membership

DATA = Path(__file__).parents[1] / "data"
COUNTS = {"features": 36, "universe": 5}
TOLERANCE = 1e-9
DYNAMIC = "dynamic_mega_leveraged_pullback"
# What the originals called a threshold.
THRESHOLDS = {
    "min_price_usd": "min_price",
    "min_adv20_usd": "min_adv",
    "min_history_days": "min_rows",
    "dynamic_universe_size": "size",
}


@cache
def vectors(name):
    return json.loads(gzip.decompress((DATA / f"{name}.json.gz").read_bytes()))


def named(name):
    return [
        (case.get("id", f"{name}#{index}"), case)
        for index, case in enumerate(vectors(name)["cases"])
    ]


def cases(name, *, refused=False):
    return pytest.mark.parametrize(
        "case",
        [
            pytest.param(case, id=case_id)
            for case_id, case in named(name)
            if (case["expected"].get("kind") == "error") == refused
        ],
    )


def table(given):
    return pd.DataFrame(given["rows"], columns=given["columns"])


def built(case):
    given = case["input"]
    prices = pd.read_csv(io.StringIO(vectors("features")["frames"][given["prices"]]))
    universe = Universe.of(table(given["universe"]))
    if case["profile"] == DYNAMIC:
        day = day_of(case, Panel.of_rows(prices, wants_volume=False))
        size = given["kwargs"].get("candidate_universe_size", POOL_SIZE)
        return product_snapshot(universe, products_of(table(given["product_map"])), day, size)[0]
    changed = {THRESHOLDS[name]: value for name, value in given["kwargs"].items()}
    family = replace(FAMILIES[case["profile"]], **changed)
    panel = family.panel(prices)
    return snapshot(family, panel, universe, day_of(case, panel)).rows


def day_of(case, panel):
    return date.fromisoformat(case["as_of"]) if case["as_of"] else panel.newest


def assert_same(rows, expected):
    wanted = table(expected)
    assert list(rows.columns) == list(wanted.columns)
    for column in rows.select_dtypes("datetime"):
        rows[column] = rows[column].dt.strftime("%Y-%m-%d")
    for column in rows.select_dtypes("number"):
        wanted[column] = pd.to_numeric(wanted[column])
    pd.testing.assert_frame_equal(
        rows, wanted, check_dtype=False, rtol=TOLERANCE, atol=TOLERANCE, check_index_type=False
    )


def test_every_case_is_there():
    assert {name: len(vectors(name)["cases"]) for name in COUNTS} == COUNTS


@cases("features")
def test_a_snapshot_has_the_rows_of_the_original(case):
    assert_same(built(case), case["expected"]["rows"])


@cases("features", refused=True)
def test_what_the_original_refuses_is_refused(case):
    with pytest.raises(DataError):
        built(case)


def holdings(case):
    return {date.fromisoformat(day): pd.DataFrame(rows) for day, rows in case["snapshots"]}


def history(case):
    start = case.get("backfill_start_date")
    match case["fn"]:
        case "dynamic_mega_universe_history":
            return largest_over_time(holdings(case), case["universe_size"], case["ranking_column"])
        case "backfill_start":
            return membership(holdings(case), date.fromisoformat(start))
        case "active_universe":
            tables = next(holdings(other) for _, other in named("universe") if "snapshots" in other)
            day = date.fromisoformat(case["as_of"])
            return Universe.of(membership(tables)).on(day).rows[["symbol", "sector"]]


@cases("universe")
def test_a_universe_has_the_rows_of_the_original(case):
    assert_same(history(case), case["expected"])
