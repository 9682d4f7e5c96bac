import gzip
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from adapters.price_files import load
from bot.domain.errors import DataError
from tests.real import real_prices

LONG = "date,symbol,close\n2026-01-02,VOO,500.5\n2026-01-05,VOO,501\n2026-01-05,AGG,99.1\n"
WIDE = "date,VOO,AGG\n2026-01-02,500.5,\n2026-01-05,501,99.1\n"


def a_file(folder: Path, content: str | bytes, name: str = "prices") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refused(folder: Path, content: str | bytes) -> DataError:
    with pytest.raises(DataError) as caught:
        load(a_file(folder, content))
    return caught.value


def as_parquet(frame: pd.DataFrame) -> bytes:
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.Table.from_pandas(frame, preserve_index=False), sink)
    return sink.getvalue().to_pybytes()


def test_a_long_file_is_a_table_of_days_and_symbols(tmp_path):
    table = load(a_file(tmp_path, LONG))

    closes = table.closes
    assert (table.raw, table.dividends, table.volumes, table.opens) == (None, None, None, None)
    assert closes.columns.tolist() == ["AGG", "VOO"]
    assert closes.index.tolist() == [pd.Timestamp("2026-01-02"), pd.Timestamp("2026-01-05")]
    assert closes["VOO"].tolist() == [500.5, 501.0]
    assert closes["AGG"].isna().tolist() == [True, False]


@pytest.mark.parametrize(
    "content",
    [
        WIDE,
        "\ufeff" + WIDE,
        WIDE.replace("\n", "\r\n"),
        "Date,AGG,VOO\n2026-01-05,99.1,501\n2026-01-02,,500.5\n",
        "date,VOO,AGG\n20260102,500.5,\n20260105,501,99.1\n",
        "date,VOO,AGG\n2026-01-02T21:00:00Z, 500.5,\n2026-01-05 16:00:00-05:00,501,99.1\n",
        "Date,Ticker,Adj Close\n2026-01-05,AGG,99.1\n2026-01-05,VOO,501\n2026-01-02,VOO,5.005e2\n",
        LONG + "2026-01-02,AGG,\n",
        gzip.compress(LONG.encode(), mtime=0),
        as_parquet(pd.DataFrame({"date": ["2026-01-02", "2026-01-05"], "VOO": [500.5, 501.0],
                                 "AGG": [None, 99.1]})),
        as_parquet(pd.DataFrame({
            "date": pd.to_datetime(["2026-01-05", "2026-01-05", "2026-01-02"]).tz_localize("EST"),
            "symbol": ["VOO", "AGG", "VOO"], "close": [501, 99.1, 500.5]})),
    ],
)  # fmt: skip
def test_every_form_of_a_file_says_the_same(tmp_path, content):
    expected = load(a_file(tmp_path, LONG, "expected")).closes

    closes = load(a_file(tmp_path, content)).closes

    pd.testing.assert_frame_equal(closes[["AGG", "VOO"]], expected)


@pytest.mark.parametrize(
    ("content", "code", "place"),
    [
        ("", "empty_file", ""),
        ("date,symbol,close\n", "empty_file", ""),
        ("date,VOO\n2026-01-02,\n", "empty_file", ""),
        ("symbol,close\nVOO,1\n", "missing_columns", "columns=date"),
        ("date,symbol\n2026-01-02,VOO\n", "missing_columns", "columns=close"),
        ("date,open,close\n2026-01-02,1,1\n", "missing_columns", "columns=symbol"),
        ("date\n2026-01-02\n", "missing_columns", "columns=symbol, close"),
        ("date,VOO,VOO\n2026-01-02,1,1\n", "duplicate_columns", "columns=VOO"),
        (LONG + "05/01/2026,VOO,1\n", "bad_date", "line=5, value=05/01/2026"),
        (LONG + "2026-02-30,VOO,1\n", "bad_date", "line=5, value=2026-02-30"),
        (LONG + ",VOO,1\n", "bad_date", "line=5, value="),
        (LONG + "2026-01-06,,1\n", "bad_symbol", "line=5"),
        ("date,VOO,\n2026-01-02,1,2\n", "bad_symbol", "line=1"),
        (WIDE + "2026-01-05,1,1\n", "duplicate_rows", "date=2026-01-05"),
        (LONG + "2026-01-06,VOO\n", "unreadable_file", ""),
        (b"\x1f\x8bno", "unreadable_file", ""),
        (b"PAR1no", "unreadable_file", ""),
        (b"date,V\xff\n2026-01-02,1\n", "unreadable_file", ""),
        (as_parquet(pd.DataFrame({"date": [True], "VOO": [1.0]})), "bad_date", "line=2"),
        (as_parquet(pd.DataFrame({"date": ["2026-01-02"], "VOO": [[1.0]]})), "unreadable_file", ""),
    ],
)
def test_a_file_that_can_not_be_read_is_refused_with_the_place(tmp_path, content, code, place):
    error = refused(tmp_path, content)

    assert error.code == code
    assert f"path={tmp_path / 'prices'}, " in str(error)
    assert place in str(error)
    assert "remedy=" in str(error)


def test_a_file_that_is_not_there_is_unreadable(tmp_path):
    with pytest.raises(DataError, match="unreadable_file"):
        load(tmp_path / "absent.csv")


@pytest.mark.parametrize(
    "cell", ["nan", "NaN", "N/A", "null", "-3", "0", "inf", "1e999", "12,5", "x"]
)
def test_a_price_that_is_none_refuses_its_symbol_by_name_date_and_text(tmp_path, cell):
    table = load(a_file(tmp_path, f'{LONG}2026-01-06,VOO,"{cell}"\n'))

    with pytest.raises(DataError) as caught:
        table.require(["AGG", "VOO"])

    assert caught.value.code == "bad_price"
    assert f"symbol=VOO, date=2026-01-06, value={cell}, " in str(caught.value)


def test_a_wrong_row_of_one_symbol_refuses_no_other(tmp_path):
    table = load(a_file(tmp_path, LONG + "2026-01-06,VOO,-1\n"))

    assert table.require(["AGG"]).closes["AGG"].dropna().tolist() == [99.1]
    assert "VOO" not in table.closes.columns


def test_two_rows_of_one_day_refuse_their_symbol(tmp_path):
    table = load(a_file(tmp_path, LONG + "2026-01-05,VOO,501\n"))

    with pytest.raises(DataError, match=r"duplicate_rows .* symbol=VOO, date=2026-01-05"):
        table.require(["VOO"])


def test_a_file_of_wrong_symbols_only_is_refused_at_once(tmp_path):
    error = refused(tmp_path, "date,symbol,close\n2026-01-02,VOO,-1\n")

    assert error.code == "bad_price"
    assert "symbol=VOO" in str(error)


def test_raw_closes_dividends_and_volumes_have_the_shape_of_the_closes(tmp_path):
    rows = "2026-01-02,VOO,9,10,,7\n2026-01-05,VOO,9.5,9.8,0.7,0\n2026-01-05,VIX,20,,,\n"
    content = "date,symbol,close,unadj_close,dividend,volume\n" + rows

    table = load(a_file(tmp_path, content))

    assert table.raw["VOO"].tolist() == [10, 9.8]
    assert table.dividends["VOO"].tolist() == [0, 0.7]
    assert table.volumes["VOO"].tolist() == [7, 0]
    assert table.raw["VIX"].isna().all()
    assert table.raw.shape == table.dividends.shape == table.volumes.shape == table.closes.shape


def test_beside_adjusted_closes_the_plain_ones_are_raw(tmp_path):
    table = load(a_file(tmp_path, "date,symbol,close,adj_close\n2026-01-02,VOO,10,9\n"))

    assert table.closes["VOO"].tolist() == [9]
    assert table.raw["VOO"].tolist() == [10]


@pytest.mark.parametrize(
    ("row", "code"),
    [("9,,0,1", "missing_raw"), ("9,-1,0,1", "bad_price"), ("9,9,x,1", "bad_number"),
     ("9,9,0,-1", "bad_number")],
)  # fmt: skip
def test_a_wrong_number_beside_a_close_refuses_the_symbol(tmp_path, row, code):
    header = "date,symbol,close,unadj_close,dividend,volume\n2026-01-02,VOO,9,9,0,1\n"
    table = load(a_file(tmp_path, f"{header}2026-01-02,AGG,1,1,0,1\n2026-01-05,VOO,{row}\n"))

    with pytest.raises(DataError, match=code):
        table.require(["VOO"])


OPENED = [
    ("close,open", "10,11", 11),
    ("close,unadj_close,open", "5,10,5.5", 5.5),
    ("close,adj_close,open", "10,5,11", 5.5),
    ("adj_close,open", "5,5.5", 5.5),
    ("adj_close,unadj_close,open", "5,10,11", 5.5),
    ("adj_close,close,unadj_close,open", "5,10,20,11", 5.5),
    ("adj_close,close,adj_open", "5,10,5.5", 5.5),
    ("adj_close,close,open,adj_open", "5,10,11,5.5", 5.5),
    ("close,open", "10,", None),
    ("close,open", ",11", None),
    ("close,adj_close,open", "10,,11", None),
    ("adj_close,close,unadj_close,open", "5,,20,11", None),
]


@pytest.mark.parametrize(("columns", "row", "opened"), OPENED)
def test_opens_are_on_the_scale_of_the_closes(tmp_path, columns, row, opened):
    ones = ",".join("1" for _ in columns.split(","))
    content = f"date,symbol,{columns}\n2026-01-02,VOO,{ones}\n2026-01-05,VOO,{row}\n"

    table = load(a_file(tmp_path, f"{content}2026-01-05,AGG,{ones}\n"))

    assert table.opens.shape == table.closes.shape
    assert table.opens["VOO"].tolist() == [1, pytest.approx(opened or float("nan"), nan_ok=True)]


def test_a_symbol_that_was_never_adjusted_opens_on_its_only_scale(tmp_path):
    rows = "2026-01-05,VOO,5,10,11\n2026-01-05,VIX,20,,21\n"

    table = load(a_file(tmp_path, f"date,symbol,adj_close,unadj_close,open\n{rows}"))

    assert table.opens.loc["2026-01-05"].to_dict() == {"VIX": 21, "VOO": 5.5}


@pytest.mark.parametrize("cell", ["0", "-1", "nan", "x"])
def test_an_open_that_is_none_refuses_its_symbol_by_name_date_and_text(tmp_path, cell):
    rows = f"2026-01-05,VOO,10,{cell}\n2026-01-05,AGG,99,98\n"
    table = load(a_file(tmp_path, f"date,symbol,close,open\n{rows}"))

    with pytest.raises(DataError, match=rf"bad_price .* symbol=VOO, .* value={cell}, "):
        table.require(["VOO"])
    assert table.require(["AGG"])


def test_an_unadjusted_close_that_is_none_can_not_scale_an_open(tmp_path):
    content = "date,symbol,adj_close,close,unadj_close,open\n2026-01-05,VOO,5,-10,10,11\n"

    assert refused(tmp_path, content).code == "bad_price"


def test_a_symbol_named_like_a_missing_value_is_a_symbol(tmp_path):
    table = load(a_file(tmp_path, "date,symbol,close\n2026-01-02,NA,1\n2026-01-02,TRUE,2\n"))

    assert table.closes.columns.tolist() == ["NA", "TRUE"]


def test_closes_are_read_to_the_last_digit(tmp_path):
    text = "49.256737"

    closes = load(a_file(tmp_path, f"date,VOO\n2026-01-02,{text}\n")).closes

    assert repr(float(closes.iloc[0, 0])) == text


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("etf_adjclose.csv.gz", (8433, 37)),
        ("etf_ohlcv.csv.gz", (7957, 46)),
        ("vix_daily.csv", (9235, 1)),
        ("dirty_stocks.csv.gz", (5689, 12)),
        pytest.param("stocks_panel.parquet", (5690, 480), marks=pytest.mark.slow),
    ],
)
def test_real_files_are_read_whole(name, shape):
    table = load(real_prices(name))

    assert table.closes.shape == shape
    assert not table.defects


def test_real_opens_lie_between_the_low_and_the_high_of_their_day():
    path = real_prices("etf_ohlcv.csv.gz")
    rows = pd.read_csv(path, parse_dates=["date"])

    opens = load(path).opens

    extremes = rows.pivot_table(index="date", columns="symbol", values=["low", "high"])
    assert opens.count().sum() == len(rows)
    assert not (opens < extremes["low"] * 0.99999).to_numpy().any()
    assert not (opens > extremes["high"] * 1.00001).to_numpy().any()


def test_known_returns_come_out_of_a_real_file():
    closes = load(real_prices("etf_adjclose.csv.gz")).closes

    decade = closes["SPY"].loc["2019-12-31"] / closes["SPY"].loc["2009-12-31"] - 1
    year = closes.loc["2022-12-30"] / closes.loc["2021-12-31"] - 1
    assert decade == pytest.approx(2.528, abs=5e-4)
    assert year["TQQQ"] == pytest.approx(-0.7909, abs=5e-5)
    assert year["SOXL"] == pytest.approx(-0.8566, abs=5e-5)
