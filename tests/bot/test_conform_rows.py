import gzip
import io
import json
from pathlib import Path

import pandas as pd
import pytest

from bot.conform import conform, evaluate
from bot.domain.errors import DataError

DATA = Path(__file__).parents[1] / "data"
COUNTS = {"features": 36, "universe": 5}
TOLERANCE = 1e-9
DAYS = pd.bdate_range("2024-01-02", periods=280).strftime("%Y-%m-%d")
RUSSELL = "russell_1000_multi_factor_defensive"
LIST = {"columns": ["symbol", "sector"], "rows": [["NA", "Energy"], ["B", None]]}


def vectors(name):
    return json.loads(gzip.decompress((DATA / f"{name}.json.gz").read_bytes()))


def answers(name):
    out = io.StringIO()
    conform([DATA / f"{name}.json.gz"], out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def near(cell):
    whole = isinstance(cell, bool) or not isinstance(cell, int | float)
    return cell if whole else pytest.approx(cell, rel=TOLERANCE, abs=TOLERANCE)


def assert_same(told, expected):
    assert told["columns"] == expected["columns"]
    assert told["rows"] == [[near(cell) for cell in row] for row in expected["rows"]]


@pytest.mark.parametrize("name", COUNTS)
def test_every_vector_about_rows_is_met(name):
    cases = vectors(name)["cases"]

    told = answers(name)

    assert len(told) == len(cases) == COUNTS[name]
    for index, (case, answer) in enumerate(zip(cases, told, strict=True)):
        expected = case["expected"]
        assert answer["id"] == case.get("id", f"{name}.json.gz#{index}")
        if expected.get("kind") == "error":
            assert answer == {"id": answer["id"], "kind": "error"}
        else:
            assert answer["kind"] == "rows"
            assert_same(answer["rows"], expected["rows"] if "kind" in expected else expected)


def prices(*symbols, volume=3_000_000):
    lines = ["symbol,as_of,close,volume"]
    lines += [f"{s},{d},{50 + i % 7},{volume}" for s in symbols for i, d in enumerate(DAYS)]
    return "\n".join(lines)


def a_case(**different):
    given = {"kwargs": {}, "prices": "k", "product_map": None, "universe": LIST}
    given |= different.pop("input", {})
    return {"profile": RUSSELL, "as_of": None, "input": given, **different}


def answer(tmp_path, case, **file):
    told = {"frames": {"k": prices("NA", "SPY")}, "cases": [case], **file}
    path = tmp_path / "cases.json"
    path.write_text(json.dumps(told), "utf-8")
    (only,) = evaluate(path)
    return only


def column(told, name):
    at = told["rows"]["columns"].index(name)
    return [row[at] for row in told["rows"]["rows"]]


def test_what_is_expected_is_never_read(tmp_path):
    lied = answer(tmp_path, a_case(expected={"kind": "error"}))

    assert lied == answer(tmp_path, a_case())
    assert lied["kind"] == "rows"


def test_a_stock_called_na_is_one_and_what_is_missing_is_null(tmp_path):
    told = answer(tmp_path, a_case())

    assert column(told, "symbol") == ["B", "NA", "SPY"]
    assert column(told, "eligible") == [False, True, False]
    assert column(told, "close")[0] is None
    assert column(told, "sector") == ["unknown", "Energy", "benchmark"]
    assert set(column(told, "as_of")) == {DAYS[-1]}


def test_limits_and_references_are_those_of_the_case(tmp_path):
    kwargs = {"min_price_usd": 60.0, "benchmark_symbol": "na"}

    told = answer(tmp_path, a_case(input={"kwargs": kwargs}))

    assert column(told, "symbol") == ["B", "NA"]
    assert not any(column(told, "eligible"))


BROKEN = [
    {"profile": "global_etf_rotation"},
    {"profile": "nobody"},
    {"as_of": "soon"},
    {"input": {"prices": "elsewhere"}},
    {"input": {"universe": None}},
    {"input": {"universe": {"columns": ["symbol"], "rows": [["A", "B"]]}}},
    {"input": {"kwargs": {"min_price": 3}}},
    {"input": {"kwargs": {"min_history_days": 0.5}}},
    {"input": {"kwargs": {"min_adv20_usd": "much"}}},
    {"profile": "dynamic_mega_leveraged_pullback"},
]


@pytest.mark.parametrize("different", BROKEN)
def test_a_case_that_can_not_be_believed_is_an_error(tmp_path, different):
    assert answer(tmp_path, a_case(**different))["kind"] == "error"


def test_prices_that_hold_no_row_are_an_error(tmp_path):
    told = answer(tmp_path, a_case(), frames={"k": "symbol,as_of,close,volume\n"})

    assert told["kind"] == "error"


HOLDINGS = [["2025-01-31", [{"symbol": "A", "sector": "X", "weight": 1.0}]]]
UNIVERSES = [
    {"fn": "nothing", "snapshots": HOLDINGS},
    {"fn": "active_universe", "as_of": "2025-02-03"},
    {"fn": "backfill_start", "snapshots": [["2025-01-31"]]},
    {"fn": "backfill_start", "snapshots": [["2025-01-31", [1]]]},
    {"fn": "backfill_start", "snapshots": [["soon", []]]},
    {"fn": "dynamic_mega_universe_history", "snapshots": HOLDINGS},
]


@pytest.mark.parametrize("case", UNIVERSES)
def test_a_universe_that_can_not_be_told_is_an_error(tmp_path, case):
    assert answer(tmp_path, case)["kind"] == "error"


def test_a_case_without_tables_is_about_those_of_another(tmp_path):
    first = {"fn": "backfill_start", "snapshots": HOLDINGS}
    asked = {"fn": "active_universe", "as_of": "2025-02-03"}
    path = tmp_path / "u.json"
    path.write_text(json.dumps({"cases": [first, asked]}), "utf-8")

    _, told = evaluate(path)

    assert told["rows"] == {"columns": ["symbol", "sector"], "rows": [["A", "X"]]}


def test_a_file_of_no_known_shape_is_refused(tmp_path):
    path = tmp_path / "v.json"
    path.write_text(json.dumps({"cases": [{"id": 1}]}), "utf-8")

    with pytest.raises(DataError, match="unknown_vectors"):
        list(evaluate(path))
