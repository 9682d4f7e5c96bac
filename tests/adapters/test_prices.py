from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adapters.price_files import load
from adapters.prices import PriceTable, Suspicion, suspicions
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


def test_an_adjusted_table_has_nothing_raw():
    closes = a_table(A=[1, 2]).closes

    table = PriceTable(closes, Path("p.csv"), raw=closes * 2, dividends=closes * 0).adjusted()

    assert table.raw is None
    assert table.dividends is None


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
