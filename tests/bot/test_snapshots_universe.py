from datetime import date

import pytest

from bot.domain.errors import DataError
from bot.snapshots_universe import keep, text_of, universe_of

MAY = """\
symbol,sector,weight,market_value
AAPL,Information Technology,7.0,70
GOOGL,Communication,2.0,20
GOOG,Communication,2.5,18
XOM,Energy,1.0,90
"""
JUNE = """\
ticker,sector,weight,market_value
AAPL,Information Technology,6.0,60
XOM,Energy,6.5,80
"""
# The class of GOOG with the larger weight stands for its issuer.
LARGEST = """\
symbol,sector,start_date,end_date,mega_rank,source_weight,source_market_value,ranking_column
AAPL,Information Technology,2024-05-31,2024-06-27,1,7.0,70.0,weight
GOOG,Communication,2024-05-31,2024-06-27,2,2.5,18.0,weight
XOM,Energy,2024-06-28,,1,6.5,80.0,weight
AAPL,Information Technology,2024-06-28,,2,6.0,60.0,weight
"""
MEMBERS = """\
symbol,sector,start_date,end_date
AAPL,Information Technology,2020-01-01,2024-06-27
AAPL,Information Technology,2024-06-28,
GOOG,Communication,2020-01-01,2024-06-27
GOOGL,Communication,2020-01-01,2024-06-27
XOM,Energy,2020-01-01,2024-06-27
XOM,Energy,2024-06-28,
"""


@pytest.fixture
def tables(tmp_path):
    """The holdings of two months' ends, the newer first."""
    told = {"index_2024-06-28.csv": JUNE, "index_2024-05-31.csv": MAY}
    for name, text in told.items():
        (tmp_path / name).write_text(text, "utf-8")
    return [tmp_path / name for name in told]


def test_the_largest_over_time_are_those_of_each_table_until_the_next(tables):
    assert text_of(universe_of(tables, 2, "weight", None)) == LARGEST


def test_another_column_may_say_who_is_largest(tables):
    told = universe_of(tables, 1, "market_value", None)

    assert told["symbol"].tolist() == ["XOM", "XOM"]


def test_an_index_over_time_is_everybody_in_it_since_a_day_one_may_name(tables):
    assert text_of(universe_of(tables, None, "weight", date(2020, 1, 1))) == MEMBERS


def test_a_universe_is_kept_whole(tables, tmp_path):
    out = tmp_path / "deep" / "u.csv"

    keep(universe_of(tables, 2, "weight", None), out)

    assert out.read_text("utf-8") == LARGEST
    assert [*out.parent.iterdir()] == [out]


def test_a_table_that_ranks_nobody_is_refused_by_its_day(tables):
    tables[1].write_text("symbol,sector\nAAPL,X\n")

    with pytest.raises(DataError, match="2024-05-31"):
        universe_of(tables, 2, "weight", None)
