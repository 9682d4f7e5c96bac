import math

import pandas as pd
import pytest

from bot.domain.cells import table_of
from bot.domain.dated_tables import Layout, believed
from bot.domain.errors import Blocked

PATH = "weights.csv"
WEIGHTS = Layout(("etf", "symbol"), numbers=("weight",), least=0.0)
REPORTS = Layout(("symbol",), readings=("net_profit", "pe"))
HEAD = "known_on,etf,symbol,weight\n"


def read(text, layout=WEIGHTS):
    return believed(table_of(text.encode(), ".csv", layout.literal), layout, PATH)


def refusal(text, layout=WEIGHTS):
    with pytest.raises(Blocked) as refused:
        read(text, layout)
    return refused.value.args


def test_symbols_are_in_capitals_weights_are_floats_and_days_are_timestamps():
    table = read(HEAD + "2026-03-02, xlk ,na,1\n20260401,XLK,600519,0.25\n")

    assert table["etf"].tolist() == ["XLK", "XLK"]
    assert table["symbol"].tolist() == ["NA", "600519"]
    assert table["weight"].tolist() == [1.0, 0.25]
    assert table["known_on"].tolist() == [pd.Timestamp("2026-03-02"), pd.Timestamp("2026-04-01")]


def test_a_row_is_about_the_day_it_was_known_where_nothing_else_is_said():
    table = read(HEAD + "2026-03-02,XLK,AAPL,1\n")

    assert table["as_of"].tolist() == [pd.Timestamp("2026-03-02")]


def test_a_report_is_about_its_period_and_its_readings_may_be_absent():
    text = "symbol,as_of,known_on,net_profit,pe,rest\nAAPL,2025-12-31,2026-01-30,-3e9,,x\n"

    table = read(text, REPORTS)

    assert list(table.columns) == ["as_of", "known_on", "symbol", "net_profit", "pe"]
    assert table["as_of"].tolist() == [pd.Timestamp("2025-12-31")]
    assert table["net_profit"].tolist() == [-3e9]
    assert math.isnan(table["pe"][0])


def test_a_table_of_numbers_and_timestamps_is_read_as_it_is():
    rows = pd.DataFrame(
        {
            "known_on": pd.to_datetime(["2026-03-02"]),
            "etf": ["XLK"],
            "symbol": [600519],
            "weight": [1],
        }
    )

    table = believed(rows, WEIGHTS, PATH)

    assert table.loc[0, ["symbol", "weight"]].tolist() == ["600519", 1.0]


def test_numbers_that_are_written_as_texts_are_numbers():
    rows = pd.DataFrame(
        {"known_on": "2026-03-02", "symbol": ["A", "B"], "net_profit": ["-3e2", None], "pe": 9}
    )

    table = believed(rows, REPORTS, PATH)

    assert table["net_profit"].tolist()[:1] == [-300.0]
    assert math.isnan(table["net_profit"][1])
    assert table["pe"].tolist() == [9.0, 9.0]


def test_a_table_lacking_a_column_is_refused_with_what_it_has():
    code, told = refusal("known_on,etf,weight\n2026-03-02,XLK,1\n")

    assert code == "table_columns_missing"
    assert (told["columns"], told["found"]) == ("symbol", "known_on, etf, weight")


def test_a_table_without_rows_is_refused():
    assert refusal(HEAD)[0] == "table_without_rows"


BAD_CELLS = [
    ("2026-03-02,XLK,MSFT,much", ("weight", "much")),
    ("2026-03-02,XLK,MSFT,inf", ("weight", "inf")),
    ("2026-03-02,XLK,MSFT,-0.1", ("weight", "-0.1")),
    ("2026-03-02,XLK,MSFT,", ("weight", "")),
    ("2026-03-02,XLK,,1", ("symbol", "")),
    ("2026-03-02, ,MSFT,1", ("etf", "")),
    ("02/03/2026,XLK,MSFT,1", ("known_on", "02/03/2026")),
    (",XLK,MSFT,1", ("known_on", "")),
]


@pytest.mark.parametrize(("row", "told"), BAD_CELLS)
def test_a_cell_that_is_none_is_named_with_its_place(row, told):
    code, values = refusal(HEAD + "2026-03-02,XLK,AAPL,1\n" + row + "\n")

    assert code == "table_cell_bad"
    assert values["row"] == 2
    assert (values["column"], values["value"]) == told


@pytest.mark.parametrize("column", ["known_on", "etf", "weight"])
@pytest.mark.parametrize("nested", [["XLK"], {"etf": "XLK"}])
def test_a_cell_with_cells_in_it_is_none(column, nested):
    row = {"known_on": "2026-03-02", "etf": "XLK", "symbol": "AAPL", "weight": 1}
    rows = pd.DataFrame([row, {**row, column: nested}])

    with pytest.raises(Blocked, match=rf"table_cell_bad .*row=2, column={column}"):
        believed(rows, WEIGHTS, PATH)


def test_a_reading_that_is_infinite_is_none():
    code, told = refusal("symbol,known_on,net_profit,pe\nA,2026-01-30,1,1e999\n", REPORTS)

    assert (code, told["column"], told["value"]) == ("table_cell_bad", "pe", "inf")


def test_a_row_about_a_day_after_it_was_known_is_refused():
    code, told = refusal(
        "symbol,as_of,known_on,net_profit,pe\nA,2026-03-31,2026-01-30,1,1\n", REPORTS
    )

    assert (code, told["row"], told["symbol"]) == ("table_row_ahead", 1, "A")


def test_a_row_that_stands_there_twice_is_refused():
    code, told = refusal(HEAD + "2026-03-02,XLK,AAPL,1\n2026-03-02,xlk,aapl,2\n")

    assert (code, told["row"], told["symbols"]) == ("table_row_twice", 2, "XLK AAPL")


def test_the_same_symbols_known_on_another_day_are_another_row():
    assert len(read(HEAD + "2026-03-02,XLK,AAPL,1\n2026-04-01,XLK,AAPL,2\n")) == 2
