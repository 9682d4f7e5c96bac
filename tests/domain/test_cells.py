import io
import json
import math

import pandas as pd
import pytest

from bot.domain.cells import absent, number_of, table_of

TABLE = pd.DataFrame(
    {"symbol": ["A", "NA", "TRUE"], "x": [1.5, None, 1 / 3], "y": ["a", "b", None]}
)


def parquet(table):
    content = io.BytesIO()
    table.to_parquet(content)
    return content.getvalue()


def read(text, suffix=".csv"):
    return table_of(text if isinstance(text, bytes) else text.encode(), suffix, {"symbol"})


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        (".csv", TABLE.to_csv(index=False).encode()),
        (".csv", b"\xef\xbb\xbf" + TABLE.to_csv(index=False, lineterminator="\r\n").encode()),
        (".json", TABLE.to_json(orient="records", double_precision=15).encode()),
        (".json", TABLE.to_json(double_precision=15).encode()),
        (".jsonl", TABLE.to_json(orient="records", lines=True, double_precision=15).encode()),
        (".parquet", parquet(TABLE.set_index(pd.Index([7, 8, 9])))),
    ],
)
def test_the_formats_say_the_same(suffix, content):
    found = read(content, suffix)

    assert found["symbol"].tolist() == ["A", "NA", "TRUE"]
    assert found["x"].tolist() == pytest.approx([1.5, math.nan, 1 / 3], abs=1e-15, nan_ok=True)
    assert found["y"].tolist()[:2] == ["a", "b"]
    assert found["y"].isna().tolist() == [False, False, True]
    assert found.index.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (["1", "-2.5e3", " .5 "], [1.0, -2500.0, 0.5]),
        (["0.0", "1.0"], [0.0, 1.0]),
        (["True", "0.0"], ["True", "0.0"]),
        (["1_000", "2"], ["1_000", "2"]),
        (["inf", "2"], ["inf", "2"]),
    ],
)
def test_a_column_is_of_numbers_where_every_cell_is_one(cells, found):
    assert read("\n".join(["x", *cells]))["x"].tolist() == found


@pytest.mark.parametrize("cell", ["NA", "nan", "N/A", "null", "None", '""'])
def test_an_absent_cell_is_missing_save_where_it_may_be_a_name(cell):
    found = read(f"x,y,symbol\n1,a,{cell}\n{cell},{cell},b")

    assert math.isnan(found["x"][1])
    assert found["y"].isna().tolist() == [False, True]
    assert found["symbol"][0] == cell.strip('"')


def test_blank_lines_are_no_rows_and_a_header_alone_has_none():
    assert len(read("x,y\n\n1,2\n\n")) == 1
    assert list(read("x,y\n").columns) == ["x", "y"]
    assert read("x,y\n").empty
    assert read("[]", ".json").empty


def test_nothing_in_json_is_guessed():
    found = read(json.dumps([{"as_of": "2026-03-31", "date": 1774915200000, "x": "7"}]), ".json")

    assert found.to_dict("records") == [{"as_of": "2026-03-31", "date": 1774915200000, "x": "7"}]


@pytest.mark.parametrize(
    ("suffix", "text", "why"),
    [
        (".txt", "x\n1", ".txt: not .csv, .json, .jsonl, .parquet"),
        ("", "x\n1", "no suffix: not"),
        (".csv", "", "no header"),
        (".csv", "x,y\n1,2\n3", "line 3: 1 cells under 2 names"),
        (".csv", 'x\n"1', "unexpected end of data"),
        (".csv", "x,x\n1,2", "x: more than one column"),
        (".csv", b"x\n\xff", "utf-8"),
        (".json", "{oops", "line 1 column 2"),
        (".json", "7", "neither a list of rows"),
        (".json", '{"x": 1}', "neither a list of rows"),
        (".json", '{"x": [1], "y": [1, 2]}', "same length"),
        (".json", "[[1]]", "row 1 names no columns"),
        pytest.param(".json", "[" * 100_000, "recursion", id="deep"),
        (".jsonl", '{"x": 1}\n{"x"', "line 1 column 5"),
        (".parquet", "PAR1 and no more", "Parquet"),
    ],
)
def test_a_broken_file_says_why(suffix, text, why):
    with pytest.raises(ValueError, match=why):
        read(text, suffix)


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_parquet_file_cut_anywhere_is_broken(cut):
    whole = parquet(TABLE)

    with pytest.raises(ValueError, match=r"\S"):
        read(whole[: len(whole) * cut // 12], ".parquet")


@pytest.mark.parametrize(
    ("cell", "number"),
    [(1, 1.0), (True, 1.0), ("1e3", 1000.0), ("1,000", None), ("x", None), ([1], None)],
)
def test_a_cell_is_a_number_or_none(cell, number):
    assert number_of(cell) == number


@pytest.mark.parametrize("cell", [None, math.nan, pd.NA, pd.NaT, "", " n/a "])
def test_what_is_absent_is_no_wrong_number(cell):
    number = number_of(cell)

    assert absent(cell)
    assert number is not None
    assert math.isnan(number)
