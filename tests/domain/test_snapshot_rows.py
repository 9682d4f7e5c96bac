import math
from dataclasses import replace

import pandas as pd
import pytest

from bot.domain.admission import Document, Offered, admit
from bot.domain.errors import Blocked
from bot.domain.snapshot_rows import believe
from strategies.expectations import expected_of
from tests.published import DYNAMIC, MADE, NEXT, TECH, TOP20, csv_of, row, rows

PATH = "snapshot.csv"


def believed(table, name=TOP20, **different):
    expected = replace(expected_of(name), manifest=False, **different)
    offered = Offered(Document(PATH, csv_of(table)), Document(""))
    return believe(admit(offered, expected, NEXT), expected, PATH)


def refusal(table, name=TOP20, **different):
    with pytest.raises(Blocked) as refused:
        believed(table, name, **different)
    code, values = refused.value.args
    return code, values


def test_rows_keep_their_order_and_a_stock_may_be_called_na():
    found = believed([row(" aapl "), row("NA"), row("brk.b")])

    assert found["symbol"].tolist() == ["AAPL", "NA", "BRK.B"]
    assert found["sector"].tolist() == ["Information Technology"] * 3


def test_numbers_are_floats_and_an_empty_cell_is_unknown():
    found = believed([row("A", history_days=7), row("B", vol_63="", mom_3m="NaN")])

    assert found["history_days"].tolist() == [7.0, 1000.0]
    assert math.isnan(found["vol_63"][1])
    assert math.isnan(found["mom_3m"][1])


@pytest.mark.parametrize("cell", ["abc", "1,000", "inf", "-inf", "1e999", "12%", "True"])
def test_a_number_that_is_none_is_named_with_its_place(cell):
    code, told = refusal([row("A"), row("B", vol_63=cell)])

    assert code == "snapshot_number_bad"
    assert (told["row"], told["symbol"], told["column"]) == (2, "B", "vol_63")
    assert told["value"] == ("inf" if cell == "1e999" else cell)


def test_a_row_without_a_symbol_is_refused_by_its_number():
    code, told = refusal([row("A"), row("  ")])

    assert (code, told["row"]) == ("snapshot_symbol_blank", 2)


@pytest.mark.parametrize("again", ["A", "a", " A "])
def test_a_symbol_that_is_there_twice_is_refused(again):
    code, told = refusal([row("A"), row("B"), row(again)])

    assert (code, told["symbol"]) == ("snapshot_symbol_twice", "A")


@pytest.mark.parametrize("other", ["2026-03-30", "", "soon"])
def test_a_file_of_several_dates_is_refused(other):
    code, told = refusal([row("A"), row("B", as_of=other)])

    assert (code, told["row"]) == ("snapshot_dates_differ", 2)


def test_a_company_without_a_product_has_no_symbol():
    company = {"underlying_symbol": " goog ", "trade_symbol": None, "candidate_rank": 2}

    found = believed([row("NVDL", trade_symbol="nvdl"), row("", **company)], DYNAMIC)

    assert found["symbol"].tolist() == ["NVDL", ""]
    assert found["underlying_symbol"].tolist() == ["NVDL", "GOOG"]
    assert found["trade_symbol"].tolist() == ["NVDL", ""]
    assert believed([row(""), row("")], DYNAMIC)["symbol"].tolist() == ["", ""]


def test_a_product_of_two_companies_is_refused():
    code, _ = refusal([row("X", underlying_symbol="A"), row("X", underlying_symbol="B")], DYNAMIC)

    assert code == "snapshot_symbol_twice"


def test_a_reference_needs_a_row():
    references = ("QQQ", "SPY")

    assert len(believed(rows(), references=references)) == len(rows())
    code, told = refusal(rows("A", "QQQ"), references=references)
    assert (code, told["symbol"]) == ("snapshot_row_missing", "SPY")


def test_a_reference_needs_all_its_numbers():
    table = [row("A", mom_6_1=""), row("QQQ", sma200_gap="", vol_63="")]

    code, told = refusal(table, TECH, references=("QQQ",))

    assert code == "snapshot_row_unknown"
    assert told["columns"] == "sma200_gap, vol_63"


def test_a_missing_symbol_in_a_typed_file_is_blank_too():
    content = pd.DataFrame(rows("A", "B")).assign(symbol=["A", None])
    expected = replace(expected_of(TOP20), manifest=False)
    text = content.to_json(orient="records").encode()
    admitted = admit(Offered(Document("s.json", text), Document("")), expected, NEXT)

    with pytest.raises(Blocked) as refused:
        believe(admitted, expected, "s.json")

    assert refused.value.args[1] == {"snapshot": MADE, "path": "s.json", "row": 2}
