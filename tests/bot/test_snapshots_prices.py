import gzip
import json
from datetime import date

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet

from bot.domain.errors import DataError
from bot.snapshots_prices import newest_of, rows_of
from tests.bot.months import STOCKS, prices, stored, written

HEADER = "symbol,as_of,close,volume"
SOME = f"{HEADER}\nB,2024-01-02,2.5,10\nA,2024-01-02,1.5,20\nB,2024-01-03,2.75,\nA,2024-01-03,,30\n"


def read(tmp_path, content, name="p.csv"):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return rows_of(path)


def plain(rows):
    told = rows.assign(
        symbol=rows["symbol"].astype(str), as_of=rows["as_of"].dt.strftime("%Y-%m-%d")
    )
    return told.astype(object).where(told.notna(), None).to_numpy().tolist()


IN_ORDER = [
    ["A", "2024-01-02", 1.5, 20.0],
    ["A", "2024-01-03", None, 30.0],
    ["B", "2024-01-02", 2.5, 10.0],
    ["B", "2024-01-03", 2.75, None],
]


def test_rows_come_symbol_by_symbol_in_the_order_of_the_file(tmp_path):
    rows = read(tmp_path, SOME)

    assert list(rows.columns) == ["symbol", "as_of", "close", "volume"]
    assert plain(rows) == IN_ORDER


def test_what_a_file_is_its_contents_say(tmp_path):
    table = pd.read_csv(tmp_path.joinpath("p.csv")) if read(tmp_path, SOME) is None else None
    records = pd.read_csv(tmp_path / "p.csv").to_json(orient="records")
    parquet = tmp_path / "p.dat"
    pd.read_csv(tmp_path / "p.csv").to_parquet(parquet)

    assert table is None
    assert plain(read(tmp_path, gzip.compress(SOME.encode()), "p.bin")) == IN_ORDER
    assert plain(read(tmp_path, records, "p.json")) == IN_ORDER
    assert plain(rows_of(parquet)) == IN_ORDER


def test_the_price_store_is_read_as_the_file_it_was_made_of(tmp_path):
    path = written(prices(), tmp_path / "prices.csv")

    told, kept = rows_of(path), rows_of(stored(path))

    pd.testing.assert_frame_equal(kept, told, check_categorical=False)
    assert set(kept["symbol"].cat.categories) == set(STOCKS)


def test_of_the_price_store_the_newest_rows_are_read_and_the_others_counted(tmp_path):
    path = stored(written(prices(), tmp_path / "prices.csv"))
    of_each = rows_of(path).groupby("symbol", observed=True)

    told = newest_of(path)

    newest = of_each.tail(296).reset_index(drop=True)
    pd.testing.assert_frame_equal(told.rows, newest)
    assert told.earlier.tolist() == [4 * (rows == 300) for rows in of_each.size()]


def test_a_file_without_rows_apart_is_read_whole(tmp_path):
    given = written(prices(), tmp_path / "prices.csv")
    plain, again = tmp_path / "plain.parquet", tmp_path / "again.parquet"
    prices().to_parquet(plain)
    parquet.write_table(parquet.read_table(stored(given)), again)

    assert [newest_of(path) for path in (given, plain, again)] == [None] * 3


def test_other_names_of_columns_are_known_and_other_columns_left(tmp_path):
    text = "Date, Ticker ,open,close,adj_close,volume\n2024-01-02,A,9,9,1.5,20\n"

    assert plain(read(tmp_path, text)) == [["A", "2024-01-02", 1.5, 20.0]]


def test_a_file_without_volumes_is_one(tmp_path):
    rows = read(tmp_path, "symbol,as_of,close\nA,2024-01-02,1.5\n")

    assert list(rows.columns) == ["symbol", "as_of", "close"]


def test_a_stock_called_na_is_one_and_a_row_without_a_name_has_none(tmp_path):
    rows = read(tmp_path, f"{HEADER}\nNA,2024-01-02,1,1\n,2024-01-02,2,2\n")

    assert rows["symbol"].tolist() == ["", "NA"]


@pytest.mark.parametrize("text", ["n/a", "twelve", "1,5"])
def test_a_cell_that_is_no_number_is_none(tmp_path, text):
    cell = f'"{text}"'

    rows = read(tmp_path, f"{HEADER}\nA,2024-01-02,{cell},1\nA,2024-01-03,2.5,1\n")

    assert np.isnan(rows["close"].iloc[0])
    assert rows["close"].iloc[1] == 2.5


@pytest.mark.parametrize(
    "told", ["20240102", "2024-01-02 16:00", "2024-01-02T16:00:00-05:00", " 2024-01-02"]
)
def test_a_day_is_read_however_it_is_written(tmp_path, told):
    rows = read(tmp_path, f"{HEADER}\nA,{told},1,1\n")

    assert rows["as_of"].iloc[0].date() == date(2024, 1, 2)


def test_a_day_with_a_zone_is_that_of_the_place(tmp_path):
    moment = pd.Timestamp("2024-01-02 23:00", tz="America/New_York")
    table = pd.DataFrame({"symbol": ["A"], "as_of": [moment], "close": [1.5]})
    table.to_parquet(tmp_path / "p.parquet")

    assert rows_of(tmp_path / "p.parquet")["as_of"].iloc[0].date() == date(2024, 1, 2)


def test_an_empty_day_is_none(tmp_path):
    rows = read(tmp_path, f"{HEADER}\nA,,1,1\n")

    assert rows["as_of"].isna().all()


REFUSED = [
    ("", "empty_file", {}),
    (f"{HEADER}\n", "empty_file", {}),
    ("symbol,close\nA,1\n", "missing_columns", {"columns": "as_of"}),
    ("date,VOO,BIL\n2024-01-02,1,2\n", "missing_columns", {"columns": "symbol, close"}),
    ("symbol,Symbol,as_of,close\nA,A,2024-01-02,1\n", "duplicate_columns", {"columns": "symbol"}),
    (f"{HEADER}\nA,2024-01-02,1,1\nA,soon,1,1\n", "bad_date", {"line": 3, "value": "soon"}),
    (f"{HEADER}\nA,2024-02-30,1,1\n", "bad_date", {"line": 2, "value": "2024-02-30"}),
    (f"{HEADER}\nA,2024-01-02,1\n", "unreadable_file", {}),
    (b"PAR1 and nothing more", "unreadable_file", {}),
    (b"\x1f\x8b\x08broken", "unreadable_file", {}),
    (b"symbol,as_of,close\n\xff\xfe,2024-01-02,1\n", "unreadable_file", {}),
    (json.dumps([1, 2]), "unreadable_file", {}),
]


@pytest.mark.parametrize(("content", "code", "values"), REFUSED)
def test_a_file_that_can_not_be_read_is_refused_by_name(tmp_path, content, code, values):
    name = "p.json" if isinstance(content, str) and content.startswith("[") else "p.csv"

    with pytest.raises(DataError) as refused:
        read(tmp_path, content, name)

    assert refused.value.code == code
    told = refused.value.values  # noqa: PD011 - an error's, no table's
    assert told == {**told, **values, "path": tmp_path / name}


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        rows_of(tmp_path / "p.csv")
