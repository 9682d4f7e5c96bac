from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adapters.price_files import load
from adapters.prices import PriceTable, Splice, Suspicion, suspicions
from bot.domain.errors import DataError
from bot.sessions import nyse
from tests.real import real_prices

DAYS = pd.bdate_range("2026-01-05", periods=60)


def a_table(*, volumes: dict | None = None, **closes: list[float]) -> PriceTable:
    frame = pd.DataFrame(closes, index=DAYS[: len(next(iter(closes.values())))])
    traded = None if volumes is None else pd.DataFrame(volumes, index=frame.index)
    return PriceTable(frame.astype(float), Path("prices.csv"), volumes=traded)


def found(table: PriceTable, sessions: pd.DatetimeIndex | None = None) -> list[tuple]:
    return [(s.symbol, s.code, s.date, s.value) for s in suspicions(table, sessions)]


def day(at: int) -> date:
    return DAYS[at].date()


def real(name: str) -> PriceTable:
    return load(real_prices(name))


def test_ordinary_prices_are_not_suspicious():
    assert found(a_table(SOXL=[100, 61, 150, 149]), DAYS[:4]) == []


def test_a_jump_is_told_with_its_day_and_ratio():
    table = a_table(A=[1, 3, 3.1], B=[10, 10.5, 2], C=[7, 7.1, 7])

    assert found(table) == [("A", "jump", day(1), 3.0), ("B", "impossible_jump", day(2), 2 / 10.5)]


def test_a_jump_is_seen_across_a_hole():
    assert found(a_table(A=[1, np.nan, 100])) == [("A", "impossible_jump", day(2), 100.0)]


def test_holes_are_told_once_each_and_not_before_the_first_bar():
    table = a_table(A=[np.nan, 1, np.nan, np.nan, 1.1, np.nan, 1.2, np.nan])

    assert found(table, DAYS[:8]) == [("A", "hole", day(2), 2.0), ("A", "hole", day(5), 1.0)]


def test_bars_on_days_without_a_session_are_counted():
    table = a_table(VIX=[20, 21, 22, 23])

    assert found(table, DAYS[[0, 3]]) == [("VIX", "off_session", day(1), 2.0)]


def test_a_week_without_volume_is_suspicious():
    volumes = {"A": [9, 0, 0, 0, 0, 0, 9], "B": [9, 0, 0, 0, 0, 9, 0]}
    table = a_table(volumes=volumes, A=[*range(10, 17)], B=[*range(10, 17)])

    assert found(table) == [("A", "zero_volume", day(1), 5.0)]


def test_a_price_that_stands_still_for_thirty_bars_is_suspicious():
    table = a_table(A=[10, *[11] * 30, 12, 13], B=[10, *[11] * 29, 12, 13, 14])

    assert found(table) == [("A", "stale_price", day(2), 29.0)]


def test_a_defect_is_a_suspicion():
    defect = Suspicion("B", day(0), "bad_price", "n/a")
    table = PriceTable(a_table(A=[1, 1.1]).closes, Path("p.csv"), defects={"B": defect})

    assert suspicions(table) == [defect]


def test_required_symbols_come_alone_and_in_their_order():
    table = a_table(volumes={"A": [1], "B": [2], "C": [3]}, A=[1], B=[2], C=[3]).require(["C", "A"])

    assert table.closes.columns.tolist() == ["C", "A"]
    assert table.volumes.columns.tolist() == ["C", "A"]


def test_symbols_the_file_does_not_know_are_refused_by_name():
    with pytest.raises(DataError, match=r"symbols_missing \(path=prices.csv, symbols=X, Z, "):
        a_table(A=[1]).require(["Z", "A", "X"])


def test_an_impossible_jump_refuses_the_symbol_that_has_it():
    table = a_table(A=[1, 100, 1], B=[5, 5.1, 5.2])

    assert table.require(["B"])
    with pytest.raises(DataError, match=rf"dirty_prices .* symbol=A, date={day(1)}, value=100.0"):
        table.require(["B", "A"])


def test_an_impossible_jump_before_the_days_wanted_refuses_nothing():
    table = a_table(A=[1, 100, 101])

    assert table.require(["A"], since=day(2))
    with pytest.raises(DataError, match="dirty_prices"):
        table.require(["A"], since=day(1))


def test_opens_come_along_with_their_closes():
    closes = a_table(A=[1, 2], B=[3, 4]).closes
    table = PriceTable(closes, Path("p.csv"), opens=closes * 1.1, raw=closes * 2)

    kept = table.require(["B"]).adjusted().opens

    pd.testing.assert_frame_equal(kept, closes[["B"]] * 1.1)


def test_an_open_far_from_its_close_is_suspicious_and_refused():
    closes = a_table(A=[10, 11, 12], B=[10, 11, 12]).closes
    opens = pd.DataFrame({"A": [10, np.nan, 60], "B": [10, 3.5, 12]}, index=closes.index)
    table = PriceTable(closes, Path("p.csv"), opens=opens)

    assert found(table) == [("A", "impossible_jump", day(2), 5.0), ("B", "jump", day(1), 3.5 / 11)]
    assert table.require(["B"])
    with pytest.raises(DataError, match=rf"dirty_prices .* symbol=A, date={day(2)}"):
        table.require(["A"])


def test_an_adjusted_table_has_nothing_raw():
    closes = a_table(A=[1, 2]).closes

    table = PriceTable(closes, Path("p.csv"), raw=closes * 2, dividends=closes * 0).adjusted()

    assert table.raw is None
    assert table.dividends is None


NAN = np.nan


def spliceable(**frames: dict) -> PriceTable:
    """A symbol NEW whose own first bar is on the third of five days, and OLD, which has all."""
    closes = {"OLD": [10, 20, 40, 50, 60], "NEW": [NAN, NAN, 100, 110, 99]}
    index = DAYS[:5]
    beside = {name: pd.DataFrame(frame, index=index) for name, frame in frames.items()}
    return PriceTable(pd.DataFrame(closes, index=index), Path("prices.csv"), **beside)


def test_before_its_own_first_bar_a_symbol_returns_what_its_stand_in_did():
    table = spliceable().spliced({"NEW": "OLD"})

    assert table.closes["NEW"].tolist() == [25, 50, 100, 110, 99]
    assert table.closes["OLD"].tolist() == [10, 20, 40, 50, 60]
    assert table.splices == (Splice("NEW", "OLD", since=day(0), until=day(2)),)


def test_nothing_of_what_was_spliced_is_written_into_the_table_it_came_from():
    table = spliceable()

    table.spliced({"NEW": "OLD"})

    assert table.splices == ()
    assert table.closes["NEW"].isna().sum() == 2


def test_opens_are_chained_like_closes_and_volumes_are_not():
    table = spliceable(
        opens={"OLD": [12, NAN, 36, 50, 60], "NEW": [NAN, NAN, 98, 105, 99]},
        volumes={"OLD": [1, 2, 3, 4, 5], "NEW": [NAN, NAN, 7, 8, 9]},
    ).spliced({"NEW": "OLD"})

    assert table.opens["NEW"].fillna(-1).tolist() == [30, -1, 98, 105, 99]
    assert table.volumes["NEW"].fillna(-1).tolist() == [-1, -1, 7, 8, 9]


def test_raw_closes_and_dividends_are_chained_by_the_raw_ratio():
    table = spliceable(
        raw={"OLD": [20, 40, 50, 60, 70], "NEW": [NAN, NAN, 200, 210, 99]},
        dividends={"OLD": [0, 2.0, 1.0, 3.0, 0], "NEW": [0.0, 0, 0, 4.0, 0]},
    ).spliced({"NEW": "OLD"})

    assert table.closes["NEW"].tolist() == [25, 50, 100, 110, 99]
    assert table.raw["NEW"].tolist() == [80, 160, 200, 210, 99]
    assert table.dividends["NEW"].tolist() == [0, 8, 4, 4, 0]


def test_a_symbol_without_raw_closes_gets_none_and_dividends_on_the_scale_of_its_closes():
    table = spliceable(
        raw={"OLD": [20, 40, 50, 60, 70], "NEW": [NAN] * 5},
        dividends={"OLD": [0, 2.0, 0, 0, 0], "NEW": [0.0] * 5},
    ).spliced({"NEW": "OLD"})

    assert table.raw["NEW"].isna().all()
    assert table.dividends["NEW"].tolist() == [0, 5, 0, 0, 0]


def test_a_stand_in_may_have_been_lengthened_by_a_pair_before_its_own():
    table = a_table(A=[10, 11, 12, 13], B=[NAN, 22, 24, 26], C=[NAN, NAN, 48, 60])

    there, back = table.spliced({"B": "A", "C": "B"}), table.spliced({"C": "B", "B": "A"})

    assert there.closes["C"].tolist() == [40, 44, 48, 60]
    assert back.closes["C"].fillna(0).tolist() == [0, 44, 48, 60]
    assert [(s.symbol, s.since) for s in back.splices] == [("C", day(1)), ("B", day(0))]


@pytest.mark.parametrize("first", [[NAN, 5, 6], [NAN, NAN, 6]])
def test_a_stand_in_that_begins_no_earlier_is_no_splice(first):
    table = a_table(NEW=[NAN, 2, 3], OLD=first).spliced({"NEW": "OLD"})

    assert table.splices == ()
    assert table.closes["NEW"].fillna(0).tolist() == [0, 2, 3]


def test_the_record_of_a_splice_goes_with_its_symbol():
    table = spliceable().spliced({"NEW": "OLD"})

    assert table.of(["OLD"]).splices == ()
    assert table.adjusted().require(["NEW"]).splices == table.splices


@pytest.mark.parametrize(
    ("by", "said"),
    [
        ({"NEW": "X"}, r"splice_unknown .* symbol=X, remedy="),
        ({"X": "OLD"}, r"splice_unknown .* symbol=X, remedy="),
        ({"OLD": "EMPTY"}, r"splice_unknown .* symbol=EMPTY, remedy="),
        ({"NEW": "NEW"}, r"splice_itself .* symbol=NEW, remedy="),
        ({"NEW": "HOLE"}, rf"splice_gap .* symbol=NEW, by=HOLE, date={day(2)}, remedy="),
        ({"NEW": "WILD"}, rf"dirty_prices .* symbol=WILD, date={day(1)}, value=10.0, remedy="),
        ({"NEW": "BAD"}, r"bad_price .* symbol=BAD"),
        ({"BAD": "OLD"}, r"bad_price .* symbol=BAD"),
    ],
)
def test_a_splice_that_would_be_a_guess_is_refused_by_name(by, said):
    defects = {"BAD": Suspicion("BAD", day(0), "bad_price", "n/a")}
    closes = a_table(
        OLD=[1, 1, 1, 1], NEW=[NAN, NAN, 9, 9], EMPTY=[NAN] * 4, HOLE=[1, 1, NAN, 1],
        WILD=[1, 10, 10, 10],
    ).closes  # fmt: skip
    table = PriceTable(closes, Path("p.csv"), defects=defects)

    with pytest.raises(DataError, match=said):
        table.spliced(by)


def test_an_impossible_jump_of_the_stand_in_after_the_splice_refuses_nothing():
    table = a_table(OLD=[1, 1, 1, 100], NEW=[NAN, NAN, 9, 9])

    assert table.spliced({"NEW": "OLD"}).closes["NEW"].tolist() == [9, 9, 9, 9]


def test_raw_closes_are_not_chained_to_a_stand_in_without_them():
    table = spliceable(raw={"OLD": [20, NAN, 50, 60, 70], "NEW": [NAN, NAN, 200, 210, 99]})

    with pytest.raises(DataError, match=rf"missing_raw .* symbol=OLD, date={day(1)}"):
        table.spliced({"NEW": "OLD"})


def test_a_real_young_fund_returns_what_bills_did_before_it_began():
    table = real("etf_adjclose.csv.gz").spliced({"BOXX": "BIL"})

    (splice,) = table.splices
    joined = table.closes.loc[: str(splice.until), ["BOXX", "BIL"]].dropna()
    before = joined.pct_change().dropna()
    assert splice.until == date(2022, 12, 28)
    assert splice.since == date(2007, 5, 30)
    assert len(before) > 3900
    np.testing.assert_allclose(before["BOXX"], before["BIL"], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "name",
    [
        "etf_adjclose.csv.gz",
        "etf_ohlcv.csv.gz",
        pytest.param("stocks_panel.parquet", marks=pytest.mark.slow),
    ],
)
def test_clean_real_prices_are_not_suspected(name):
    calendar = nyse(date(1990, 1, 1), date(2027, 12, 31))

    assert suspicions(real(name), calendar.index(calendar.first, date(2026, 12, 31))) == []


def test_every_dirty_real_stock_is_suspected():
    calendar = nyse(date(2000, 1, 1), date(2027, 12, 31))
    table = real("dirty_stocks.csv.gz")

    said = suspicions(table, calendar.index(calendar.first, date(2026, 12, 31)))

    impossible = {s.symbol for s in said if s.code == "impossible_jump"}
    assert {s.symbol for s in said} == set(table.closes.columns)
    assert impossible == set(table.closes.columns) - {"DDR"}
    assert max(s.value for s in said if s.symbol == "TIE" and s.code == "impossible_jump") > 1000


def test_an_index_is_known_a_session_late():
    told = a_table(VOO=[1, 2, 3], VIX=[20, 21, 22]).late(["VIX", "VXN"])

    assert told.closes["VIX"].tolist() == pytest.approx([np.nan, 20, 21], nan_ok=True)
    assert told.closes["VOO"].tolist() == [1, 2, 3]


def test_a_lost_level_is_the_one_before_but_not_for_ever():
    nothing = [np.nan] * 5

    told = a_table(VOO=[1.0] * 7, VIX=[20, *nothing, 25]).late(["VIX"]).closes["VIX"]

    assert told.tolist() == pytest.approx([np.nan, 20, 20, 20, 20, np.nan, np.nan], nan_ok=True)


def test_a_level_of_a_day_without_a_session_counts_for_the_next():
    told = a_table(VOO=[1, np.nan, 3], VIX=[20, 30, 40]).late(["VIX"])

    assert told.closes["VIX"].tolist()[-1] == 30
