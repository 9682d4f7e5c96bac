import gzip
from datetime import date

import pandas as pd
import pytest

from bot.domain.errors import DataError
from bot.snapshots_tables import holdings_of, table_of

SOME = "symbol,sector, weight \nNA,Energy,1.5\nB,,\n"
DATED = "as_of,symbol,sector\n2024-06-28,A,X\n2024-06-28,B,Y\n"


def put(folder, name, text):
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_cells_of_a_csv_are_text_as_written(tmp_path):
    table = table_of(put(tmp_path, "u.csv", SOME))

    assert list(table.columns) == ["symbol", "sector", "weight"]
    assert table.to_numpy().tolist() == [["NA", "Energy", "1.5"], ["B", "", ""]]


def test_a_table_may_be_packed(tmp_path):
    packed = tmp_path / "u.csv.gz"
    packed.write_bytes(gzip.compress(SOME.encode()))

    assert table_of(packed).equals(table_of(put(tmp_path, "u.csv", SOME)))


def test_lines_may_end_as_on_windows(tmp_path):
    table = table_of(put(tmp_path, "u.csv", SOME.replace("\n", "\r\n")))

    assert table["weight"].tolist() == ["1.5", ""]


@pytest.mark.parametrize("name", ["u.json", "u.jsonl", "u.parquet"])
def test_other_formats_go_by_their_suffix(tmp_path, name):
    told = pd.DataFrame({"symbol": ["A"], "weight": [1.5]})
    path = tmp_path / name
    if name == "u.parquet":
        told.to_parquet(path)
    else:
        told.to_json(path, orient="records", lines=name == "u.jsonl")

    assert table_of(path).to_dict("records") == [{"symbol": "A", "weight": 1.5}]


REFUSED = [
    ("u.csv", "symbol,symbol\nA,B\n", "unreadable_file"),
    ("u.csv", "symbol, symbol\nA,B\n", "duplicate_columns"),
    ("u.csv", "symbol,sector\nA\n", "unreadable_file"),
    ("u.json", "{", "unreadable_file"),
    ("u.txt", SOME, "unreadable_file"),
    ("u.json", '[{"symbol": ["A"]}]', "unreadable_file"),
]


@pytest.mark.parametrize(("name", "text", "code"), REFUSED)
def test_a_table_that_can_not_be_read_is_refused_by_name(tmp_path, name, text, code):
    path = put(tmp_path, name, text)

    with pytest.raises(DataError) as refused:
        table_of(path)

    assert refused.value.code == code
    assert f"path={path}" in str(refused.value)


def test_a_cell_with_cells_in_it_is_named(tmp_path):
    path = put(tmp_path, "u.json", '[{"symbol": "A"}, {"symbol": {"ticker": "B"}}]')

    with pytest.raises(DataError, match="row 2, symbol: a cell with cells in it"):
        table_of(path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("h.csv", DATED),
        ("h.csv", DATED.replace("as_of", "snapshot_date")),
        ("holdings_2024-06-28.csv", "symbol,sector\nA,X\n"),
        ("iwb20240628.csv", "symbol,sector\nA,X\n"),
        ("v12345678_2024-06-28.csv", "ticker,sector\nA,X\n"),
    ],
)
def test_the_day_of_holdings_is_told_by_them_or_by_their_name(tmp_path, name, text):
    tables = holdings_of([put(tmp_path, name, text)])

    assert [*tables] == [date(2024, 6, 28)]
    assert tables[date(2024, 6, 28)]["symbol"].iloc[0] == "A"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("h.csv", "symbol,sector\nA,X\n"),
        ("h_20241399.csv", "symbol,sector\nA,X\n"),
        ("h_2024-06-28.csv", DATED.replace("2024-06-28,B", "2024-06-27,B")),
        ("h_2024-06-28.csv", "as_of,symbol,sector\nsoon,A,X\n"),
        ("h_2024-06-28.csv", "as_of,symbol,sector\n"),
    ],
)
def test_holdings_of_nobody_knows_which_day_are_refused(tmp_path, name, text):
    with pytest.raises(DataError, match="holdings_undated"):
        holdings_of([put(tmp_path, name, text)])


def test_two_tables_of_one_day_are_refused(tmp_path):
    one, other = (put(tmp_path, name, DATED) for name in ("a.csv", "b.csv"))

    with pytest.raises(DataError) as refused:
        holdings_of([one, other])

    assert str(refused.value) == f"holdings_twice (day=2024-06-28, path={other}, other={one})"
