import subprocess
import sys
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from bot.dated_sources import make_patterns, tables
from bot.domain.errors import Blocked, SettingsError
from tests.adapters.test_patterns import candles
from tests.strategies.builders import CALENDAR

ROOT = Path(__file__).parents[2]


def test_patterns_are_made_of_a_file_of_bars_and_can_be_read_as_a_table(tmp_path):
    bars, lists = tmp_path / "bars.csv", tmp_path / "lists.csv"
    pd.concat([candles("A"), candles("NA", seed=2)]).to_csv(bars, index=False)
    lists.write_text("known_on,etf,symbol,weight\n2026-01-02,XLK,A,1\n")

    made = make_patterns(bars, tmp_path / "patterns.csv", CALENDAR)

    assert (made.symbols, made.rows, made.left_out) == (2, 52, 0)
    assert made.first == date(2026, 1, 23)
    files = {"constituents": lists, "patterns": made.path}
    read = tables("pattern_etf_rotation", {}, files)
    assert len(read["patterns"]) == 52
    assert set(read["patterns"]["symbol"]) == {"A", "NA"}


def test_of_too_few_bars_comes_an_empty_table(tmp_path):
    bars = tmp_path / "bars.parquet"
    candles().iloc[:5].to_parquet(bars)

    made = make_patterns(bars, tmp_path / "patterns.parquet", CALENDAR)

    assert (made.rows, made.symbols, made.first, made.last) == (0, 0, None, None)


BAD_BARS = [
    ("table_missing", None),
    ("table_columns_missing", candles().drop(columns="high")),
    ("table_cell_bad", candles().assign(close="n.a.")),
    ("table_cell_bad", candles().assign(low=0.0)),
    ("table_row_twice", pd.concat([candles(), candles()])),
    ("bar_impossible", candles().assign(high=1.0)),
]


@pytest.mark.parametrize(("code", "bars"), BAD_BARS)
def test_bars_that_can_not_be_believed_are_refused_and_nothing_is_written(code, bars, tmp_path):
    path = tmp_path / "bars.csv"
    if bars is not None:
        bars.to_csv(path, index=False)

    with pytest.raises(Blocked) as refused:
        make_patterns(path, tmp_path / "patterns.csv", CALENDAR)

    assert refused.value.code == code
    assert not (tmp_path / "patterns.csv").exists()


def test_a_table_nobody_reads_and_one_that_is_lacking_are_refused(tmp_path):
    with pytest.raises(SettingsError, match="feed_unread"):
        tables("pattern_etf_rotation", {}, {"fundamentals": tmp_path / "x.csv"})
    with pytest.raises(Blocked, match="feed_missing"):
        tables("pattern_etf_rotation", {}, {"constituents": tmp_path / "x.csv"})


WITHOUT_TALIB = """
import sys
sys.modules["talib"] = None
from pathlib import Path
from bot.dated_sources import make_patterns
from bot.domain.errors import SettingsError
from tests.strategies.builders import CALENDAR
try:
    make_patterns(Path("bars.csv"), Path("out.csv"), CALENDAR)
except SettingsError as error:
    print(error)
"""


def test_without_the_library_the_extra_is_named_and_everything_else_works():
    told = subprocess.run(
        [sys.executable, "-c", WITHOUT_TALIB], cwd=ROOT, check=True, capture_output=True, text=True
    )

    assert told.stdout.strip() == "extra_missing (extra=patterns, module=talib)"
