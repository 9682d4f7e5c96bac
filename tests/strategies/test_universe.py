from datetime import date

import pandas as pd
import pytest

from bot.domain.errors import DataError
from bot.domain.model import Note
from strategies.universe import Universe, issuer, largest, largest_over_time, membership

MARCH, APRIL = date(2026, 3, 31), date(2026, 4, 30)


def a_universe(*symbols, **columns):
    sectors = columns.pop("sector", ["Energy"] * len(symbols))
    return Universe.of(pd.DataFrame({"symbol": list(symbols), "sector": sectors, **columns}))


def names(universe):
    return universe.rows["symbol"].tolist()


def holdings(*symbols, **columns):
    return pd.DataFrame({"symbol": list(symbols), "sector": "Energy", **columns})


def test_symbols_are_in_capitals_and_a_missing_sector_is_unknown():
    universe = a_universe(" brk.b", "A", "B", sector=[" Financials ", None, "  "])

    assert universe.sectors == {"BRK.B": "Financials", "A": "unknown", "B": "unknown"}


def test_a_row_without_a_symbol_is_left_out_and_told():
    universe = a_universe("A", None, "  ")

    assert names(universe) == ["A"]
    assert universe.notes == (Note("rows_nameless", "", {"table": "universe", "rows": 2}),)


@pytest.mark.parametrize("missing", ["symbol", "sector"])
def test_a_missing_column_is_named(missing):
    table = pd.DataFrame({"symbol": ["A"], "sector": ["Energy"]}).drop(columns=missing)

    with pytest.raises(DataError, match=f"table_columns .*columns={missing}"):
        Universe.of(table)


def test_a_day_that_is_none_is_refused():
    with pytest.raises(DataError, match=r"bad_date \(path=universe, line=3, value=soon"):
        a_universe("A", "B", start_date=["2026-01-01", "soon"])


@pytest.mark.parametrize(
    ("start", "end", "valid"),
    [
        (None, None, True),
        ("2026-03-31", None, True),
        ("2026-04-01", None, False),
        (None, "2026-03-31", True),
        (None, "2026-03-30", False),
        ("2026-01-01", "2026-12-31", True),
    ],
)
def test_a_row_is_valid_from_its_start_to_its_end_both_included(start, end, valid):
    universe = a_universe("A", start_date=[start], end_date=[end])

    assert names(universe.on(MARCH)) == ["A"] * valid


def test_rows_that_say_no_days_are_always_valid():
    assert names(a_universe("B", "A").on(MARCH)) == ["B", "A"]


def test_of_several_rows_of_a_symbol_the_last_counts():
    universe = a_universe("A", "B", "A", sector=["Energy", "Energy", "Utilities"])

    assert universe.sectors["A"] == "Utilities"
    assert names(universe.once()) == ["B", "A"]


@pytest.mark.parametrize(
    ("symbol", "company"),
    [
        ("GOOG", "GOOGL"),
        ("GOOGL", "GOOGL"),
        ("BRK.A", "BRK.B"),
        ("BRK-B", "BRK.B"),
        ("BRKB", "BRK.B"),
        ("FOX", "FOXA"),
        ("NWS", "NWSA"),
        ("AAPL", "AAPL"),
    ],
)
def test_all_classes_of_shares_are_of_one_issuer(symbol, company):
    assert issuer(symbol) == company


def test_a_rank_comes_before_a_weight_and_merges_no_issuers():
    universe = a_universe("GOOG", "C", "GOOGL", mega_rank=[1, 3, 2], weight=[1.0, 9.0, 2.0])

    assert names(largest(universe, 2)) == ["GOOG", "GOOGL"]


def test_equal_ranks_are_by_symbol_and_a_missing_one_is_left_out_and_told():
    pool = largest(a_universe("C", "A", "B", mega_rank=[1, 1, None]), 3)

    assert names(pool) == ["A", "C"]
    assert pool.notes == (Note("rank_missing", "", {"column": "mega_rank", "rows": 1}),)


def test_without_any_rank_the_largest_weights_count_one_class_for_each_issuer():
    universe = a_universe(
        "GOOGL", "GOOG", "B", "A", mega_rank=[None] * 4, weight=[2.0, 2.5, 1.0, 1.0]
    )

    assert names(largest(universe, 2)) == ["GOOG", "A"]


def test_only_the_first_column_of_sizes_is_looked_at():
    universe = a_universe("A", "B", weight=["n/a", "n/a"], market_value=[1.0, 2.0])

    assert names(largest(universe, 2)) == ["A", "B"]
    with pytest.raises(DataError, match=r"universe_unranked \(found=2, size=1\)"):
        largest(universe, 1)


def test_a_universe_without_sizes_is_taken_whole_if_it_is_no_larger():
    assert names(largest(a_universe("B", "A", "B"), 2)) == ["A", "B"]


def test_a_membership_lasts_until_the_day_before_the_next_table():
    table = membership({APRIL: holdings("A", "C"), MARCH: holdings("B", "a")})

    assert table["symbol"].tolist() == ["A", "A", "B", "C"]
    assert table["start_date"].dt.date.tolist() == [MARCH, APRIL, MARCH, APRIL]
    assert table["end_date"].dt.date.tolist()[::2] == [date(2026, 4, 29)] * 2
    assert table["end_date"].isna().tolist() == [False, True, False, True]


def test_a_backfill_moves_the_first_start_only_and_only_back():
    days = {MARCH: holdings("A"), APRIL: holdings("A")}

    back = membership(days, date(2020, 1, 1))["start_date"].dt.date.tolist()
    later = membership(days, date(2026, 4, 15))["start_date"].dt.date.tolist()

    assert back == [date(2020, 1, 1), APRIL]
    assert later == [MARCH, APRIL]


def test_a_membership_is_a_universe():
    universe = Universe.of(membership({MARCH: holdings("A"), APRIL: holdings("B")}))

    assert names(universe.on(date(2026, 4, 29))) == ["A"]
    assert names(universe.on(APRIL)) == ["B"]
    assert names(universe.on(date(2026, 3, 30))) == []


def test_the_first_row_of_a_symbol_counts_in_a_table_of_holdings():
    table = holdings("A", "A").assign(sector=["Energy", "Utilities"])

    assert membership({MARCH: table})["sector"].tolist() == ["Energy"]


def test_a_history_of_the_largest_ranks_each_table_by_what_it_has():
    history = largest_over_time(
        {
            MARCH: holdings("A", "GOOG", "GOOGL", weight=[1.0, 5.0, 4.0], market_value=[9, 8, 7]),
            APRIL: holdings("A", "B", market_value=[1.0, 2.0]),
        },
        size=2,
    )

    assert history["symbol"].tolist() == ["GOOG", "A", "B", "A"]
    assert history["mega_rank"].tolist() == [1, 2, 1, 2]
    assert history["ranking_column"].tolist() == ["weight"] * 2 + ["market_value"] * 2
    assert history["source_weight"].isna().tolist() == [False, False, True, True]


def test_a_history_is_a_universe_whose_largest_are_known():
    tables = {MARCH: holdings("A", "B", "C", weight=[3.0, 2.0, 1.0])}

    pool = largest(Universe.of(largest_over_time(tables, size=3)).on(APRIL), 2)

    assert names(pool) == ["A", "B"]


def test_a_table_of_holdings_that_ranks_nothing_is_refused_with_its_day():
    with pytest.raises(DataError, match=r"holdings_unranked \(day=2026-03-31"):
        largest_over_time({MARCH: holdings("A", weight=[None])}, size=2)


@pytest.mark.parametrize("history", [membership, lambda none: largest_over_time(none, 2)])
def test_no_tables_are_no_history(history):
    with pytest.raises(DataError, match="table_empty"):
        history({})
