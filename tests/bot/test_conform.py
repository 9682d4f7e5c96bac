import gzip
import io
import json
from pathlib import Path

import pytest

from bot.conform import conform, evaluate
from bot.domain.errors import DataError, SettingsError
from tests.strategies.builders import random_closes

DATA = Path(__file__).parents[1] / "data"
DAILY = ("global_etf_rotation", "tqqq_growth_income", "soxl_soxx_trend_income")
SYMBOLS = ["A", "B", "C", "X", "Y", "S"]
PARAMS = {"ranking_pool": ["A", "B", "C"], "canary_assets": ["X", "Y"], "safe_haven": "S"}
CLOSES = random_closes(SYMBOLS, 400, seed=2)
LAST = CLOSES.index[-1]
QUARTER_END, AFTERWARDS, SATURDAY = "2016-06-30", "2016-07-01", "2016-07-02"


def a_case(**different):
    params = {**PARAMS, "canary_bad_threshold": 3, **different.pop("params", {})}
    told = {"as_of": QUARTER_END, "closes": "k", "holdings": {}, "equity": 25000.0, "cash": None}
    return {**told, "params": params, **different}


def a_file(tmp_path, *cases, frame=CLOSES, name="cases.json", **different):
    text = frame.to_csv(index_label="date") if frame is not None else ""
    told = {"profile": "global_etf_rotation", "frames": {"k": text}, "cases": cases, **different}
    path = tmp_path / name
    content = json.dumps(told).encode()
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


def answer(tmp_path, frame=CLOSES, **different):
    (only,) = evaluate(a_file(tmp_path, a_case(**different), frame=frame))
    return only


@pytest.mark.parametrize("name", DAILY)
def test_every_vector_of_a_daily_profile_is_met(name):
    path = DATA / f"{name}.json.gz"
    cases = json.loads(gzip.decompress(path.read_bytes()))["cases"]
    expected = {case["id"]: case["expected"] for case in cases}
    out = io.StringIO()

    conform([path], out)

    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    answers = {told["id"]: told for told in lines}

    assert answers.keys() == expected.keys()
    for case, told in answers.items():
        wanted = {s: w for s, w in expected[case].get("weights", {}).items() if w}
        weights = {symbol: weight for symbol, weight in told["weights"].items() if weight}
        assert (told["kind"], weights) == (expected[case]["kind"], pytest.approx(wanted, abs=1e-9))


def test_what_is_expected_is_never_read(tmp_path):
    bare = answer(tmp_path)

    lied = answer(tmp_path, expected={"kind": "hold", "weights": {"S": 9.0}})

    assert lied == bare
    assert bare["kind"] == "rebalance"


def test_rows_after_the_day_are_not_used(tmp_path):
    wild = CLOSES.copy()
    wild.loc[AFTERWARDS:] = 0.01

    assert answer(tmp_path, frame=wild) == answer(tmp_path)


@pytest.mark.parametrize("day", [AFTERWARDS, SATURDAY])
def test_a_day_without_a_row_is_decided_on_what_was_known_before(tmp_path, day):
    frame = CLOSES.loc[:QUARTER_END]

    assert answer(tmp_path, as_of=day, frame=frame)["kind"] == "hold"


def test_a_due_day_without_a_row_is_due(tmp_path):
    frame = CLOSES.drop(index=[CLOSES.loc[QUARTER_END].name])

    assert answer(tmp_path, frame=frame)["kind"] == "rebalance"


@pytest.mark.parametrize("day", [QUARTER_END, SATURDAY])
def test_an_emergency_needs_no_session(tmp_path, day):
    told = answer(tmp_path, as_of=day, params={"canary_bad_threshold": 0})

    assert (told["kind"], told["weights"]) == ("rebalance", {"S": 1.0})


def test_before_the_first_row_nothing_is_known_and_the_canaries_are_bad(tmp_path):
    told = answer(tmp_path, as_of="2014-06-30", params={"canary_bad_threshold": 2})

    assert told["weights"] == {"S": 1.0}


def test_holdings_are_left_by_name_and_those_of_zero_shares_are_not_held(tmp_path):
    lots = {"Q": {"shares": 0.5, "price": 10.0}, "A": {"shares": 0, "price": 1}}
    bonus = {"hold_bonus": 9.0, "top_n": 1}

    free = answer(tmp_path, params=bonus)
    told = answer(tmp_path, params=bonus, holdings=lots)

    assert told["weights"] == {**dict.fromkeys(lots, 0.0), **free["weights"]}


def test_run_context_of_the_original_is_dropped(tmp_path):
    told = answer(tmp_path, params={"pacing_sec": 0.5, "translator": None})

    assert told == answer(tmp_path)


def a_daily_answer(tmp_path, name, **params):
    symbols = ["QQQ", "SOXL", "SOXX"]
    frame = random_closes(symbols, 400, seed=2)
    case = {**a_case(), "params": params}
    (only,) = evaluate(a_file(tmp_path, case, frame=frame, profile=name))
    return only


@pytest.mark.parametrize(
    ("name", "dropped"),
    [
        ("tqqq_growth_income", "managed_symbols"),
        ("tqqq_growth_income", "benchmark_symbol"),
        ("tqqq_growth_income", "execution_cash_reserve_ratio"),
        ("tqqq_growth_income", "rebalance_threshold_ratio"),
        ("soxl_soxx_trend_income", "managed_symbols"),
        ("soxl_soxx_trend_income", "rebalance_threshold_ratio"),
    ],
)
def test_run_context_of_a_daily_profile_is_dropped(tmp_path, name, dropped):
    told = a_daily_answer(tmp_path, name, **{dropped: "anything"})

    assert told == a_daily_answer(tmp_path, name)
    assert told["kind"] == "rebalance"


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("soxl_soxx_trend_income", "execution_cash_reserve_ratio"),
        ("soxl_soxx_trend_income", "benchmark_symbol"),
        ("tqqq_growth_income", "pacing_sec"),
    ],
)
def test_run_context_of_another_profile_is_refused(tmp_path, name, refused):
    assert a_daily_answer(tmp_path, name, **{refused: 0.0})["kind"] == "error"


@pytest.mark.parametrize("short", ["SOXL", "SOXX"])
def test_a_semiconductor_fund_with_fewer_bars_than_its_average_is_an_error(tmp_path, short):
    frame = random_closes(["SOXL", "SOXX"], 140, seed=2)
    case = {**a_case(as_of=str(frame.index[-1].date())), "params": {}}
    enough, late = frame, frame.copy()
    late.loc[late.index[0], short] = float("nan")

    told = [
        next(evaluate(a_file(tmp_path, case, frame=table, profile="soxl_soxx_trend_income")))
        for table in (enough, late)
    ]

    assert [answer["kind"] for answer in told] == ["rebalance", "error"]


def test_accounts_may_be_unknown(tmp_path):
    assert answer(tmp_path, equity=None, holdings=None) == answer(tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"params": {"signal_text_fn": None}},
        {"params": {"top_n": "2"}},
        {"params": {"hold_bonus": float("nan")}},
        {"as_of": "yesterday"},
        {"as_of": None},
        {"closes": "other"},
        {"closes": ["k"]},
        {"holdings": {"A": {"shares": "ten", "price": 1.0}}},
        {"holdings": {"A": {"shares": 10}}},
        {"holdings": ["A"]},
        {"holdings": {"A": 10}},
        {"equity": float("inf")},
        {"equity": True},
    ],
    ids=str,
)
def test_a_refused_case_is_an_error_and_the_next_is_asked(tmp_path, wrong):
    path = a_file(tmp_path, a_case(**wrong), a_case())

    refused, asked = evaluate(path)

    assert (refused["kind"], refused["weights"]) == ("error", {})
    assert asked["kind"] == "rebalance"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "day,A\n2016-06-30,1\n",
        "date,A,A\n2016-06-30,1,1\n",
        "date,A\n2016-06-30,1,2\n",
        "date,A\n2016-06-30,dear\n",
        "date,A\n2016-06-30,inf\n",
        "date,A\n06/30/2016,1\n",
        "date,A\n2016-06-30,1\n2016-06-29,1\n",
        "date,A\n2016-06-30,1\n2016-06-30,1\n",
    ],
)
def test_prices_that_can_not_be_believed_are_an_error(tmp_path, text):
    (told,) = evaluate(a_file(tmp_path, a_case(), frames={"k": text}))

    assert told["kind"] == "error"


def test_a_day_beyond_the_calendar_is_blocked(tmp_path):
    assert answer(tmp_path, as_of="2050-01-03")["kind"] == "blocked"


def test_a_case_without_a_name_gets_the_files_and_its_place(tmp_path):
    path = a_file(tmp_path, a_case(id="first"), a_case(), name="cases.json.gz")

    assert [told["id"] for told in evaluate(path)] == ["first", "cases.json.gz#1"]


def test_answers_are_written_a_line_each_and_counted(tmp_path):
    paths = [a_file(tmp_path, a_case(id=name), name=f"{name}.json") for name in "ab"]
    out = io.StringIO()

    count = conform(paths, out)

    told = [json.loads(line) for line in out.getvalue().splitlines()]
    assert count == 2
    assert [sorted(line) for line in told] == [["id", "kind", "weights"]] * 2
    assert [line["id"] for line in told] == ["a", "b"]


@pytest.mark.parametrize("name", ["dynamic_mega_leveraged_pullback", "qqq_tech_enhancement"])
def test_a_case_of_a_file_that_is_not_there_is_blocked(tmp_path, name):
    case = {"id": "g", "kind": "guarded", "as_of": "2026-04-01", "input": {}}

    (only,) = evaluate(a_file(tmp_path, case, profile=name))

    assert only == {"id": "g", "kind": "blocked", "weights": {}}


@pytest.mark.parametrize("different", [{"cases": [{"input": {}}]}, {"frames": []}, {"profile": 3}])
def test_a_file_of_another_shape_is_refused(tmp_path, different):
    with pytest.raises(DataError) as refused:
        list(evaluate(a_file(tmp_path, **different)))

    assert refused.value.code == "unknown_vectors"
    assert {"path", "remedy"} <= set(refused.value.values)


def test_a_file_of_an_unknown_profile_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="unknown_profile"):
        list(evaluate(a_file(tmp_path, a_case(), profile="momentum")))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", b"{"),
        ("b.json.gz", b"{}"),
        ("c.json.gz", gzip.compress(b"{}", mtime=0)[:-9]),
        ("d", None),
    ],
)
def test_a_file_that_can_not_be_read_is_refused(tmp_path, name, content):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(DataError, match="unreadable_vectors"):
        list(evaluate(path))
