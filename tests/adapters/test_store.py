import fcntl
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from adapters.store import PriceStore
from bot.domain.errors import DataError

FIRST, SECOND, THIRD = "2026-01-05", "2026-01-06", "2026-01-07"


def a_file(folder: Path, *rows: str, header: str = "date,symbol,close") -> Path:
    path = folder / "given.csv"
    path.write_text("\n".join([header, *rows, ""]))
    return path


@pytest.fixture
def store(tmp_path) -> PriceStore:
    return PriceStore(tmp_path / "state")


def test_an_empty_store_says_how_to_fill_it(store):
    with pytest.raises(DataError, match=r"store_empty .* remedy=bellwether data update"):
        store.table()


def test_what_was_given_is_what_is_stored(store, tmp_path):
    header = "date,symbol,close,open,unadj_close,dividend,volume"
    rows = f"{FIRST},VOO,9,8.8,10,0,7", f"{SECOND},VOO,9.5,9.4,9.8,0.7,8"
    given = a_file(tmp_path, *rows, header=header)

    report = store.update(given)

    table = store.table()
    (told,) = report.symbols
    assert table.closes["VOO"].tolist() == [9, 9.5]
    assert table.opens["VOO"].tolist() == [8.8, 9.4]
    assert table.raw["VOO"].tolist() == [10, 9.8]
    assert table.dividends["VOO"].tolist() == [0, 0.7]
    assert table.volumes["VOO"].tolist() == [7, 8]
    assert (told.symbol, told.added, told.replaced) == ("VOO", 2, False)
    assert (told.first, told.last) == (date(2026, 1, 5), date(2026, 1, 6))


def test_new_days_are_added_and_other_symbols_stay(store, tmp_path):
    store.update(a_file(tmp_path, f"{FIRST},VOO,10", f"{SECOND},VOO,11", f"{FIRST},AGG,99"))

    report = store.update(a_file(tmp_path, f"{SECOND},VOO,11", f"{THIRD},VOO,12"))

    (told,) = report.symbols
    assert (told.added, told.replaced, told.dropped) == (1, False, 0)
    assert store.table().closes["VOO"].tolist() == [10, 11, 12]
    assert store.table().closes["AGG"].dropna().tolist() == [99]
    assert store.table().raw is None


def test_updating_twice_changes_nothing(store, tmp_path):
    given = a_file(tmp_path, f"{FIRST},VOO,10", f"{SECOND},VOO,11")
    store.update(given)
    before = store.table().closes

    (told,) = store.update(given).symbols

    assert (told.added, told.replaced) == (0, False)
    pd.testing.assert_frame_equal(store.table().closes, before)


def test_a_history_adjusted_anew_replaces_the_whole_one(store, tmp_path):
    store.update(a_file(tmp_path, f"{FIRST},VOO,10", f"{SECOND},VOO,11", f"{FIRST},AGG,99"))

    report = store.update(a_file(tmp_path, f"{SECOND},VOO,10.8", f"{THIRD},VOO,12"))

    (told,) = report.symbols
    assert (told.added, told.replaced, told.dropped) == (1, True, 1)
    assert store.table().closes["VOO"].dropna().tolist() == [10.8, 12]


def test_a_history_whose_raw_closes_are_new_replaces_the_one_without(store, tmp_path):
    store.update(a_file(tmp_path, f"{FIRST},VOO,10"))

    rows, header = f"{FIRST},VOO,10,10.5", "date,symbol,close,unadj_close"
    (told,) = store.update(a_file(tmp_path, rows, header=header)).symbols

    assert told.replaced
    assert store.table().raw["VOO"].tolist() == [10.5]


def test_opens_are_stored_on_the_scale_of_the_closes(store, tmp_path):
    header = "date,symbol,adj_close,close,open"

    store.update(a_file(tmp_path, f"{FIRST},VOO,5,10,11", f"{FIRST},AGG,9,9,", header=header))

    opens = store.table().opens
    assert opens["VOO"].tolist() == [5.5]
    assert opens["AGG"].isna().all()


def test_opens_are_added_to_a_history_without_them_and_stay(store, tmp_path):
    store.update(a_file(tmp_path, f"{FIRST},VOO,10", f"{SECOND},VOO,11"))

    header = "date,symbol,close,open"
    (told,) = store.update(a_file(tmp_path, f"{SECOND},VOO,11,10.5", header=header)).symbols
    store.update(a_file(tmp_path, f"{SECOND},VOO,11", f"{THIRD},VOO,12"))

    assert (told.added, told.replaced) == (0, False)
    assert store.table().opens["VOO"].fillna(0).tolist() == [0, 10.5, 0]


def test_a_history_that_shares_no_day_with_the_stored_one_is_refused(store, tmp_path):
    store.update(a_file(tmp_path, f"{FIRST},VOO,10", f"{FIRST},AGG,99"))
    before = store.path.read_bytes()

    with pytest.raises(DataError, match=r"no_overlap .* symbol=VOO, date=2026-01-06"):
        store.update(a_file(tmp_path, f"{SECOND},VOO,11", f"{FIRST},AGG,98"))

    assert store.path.read_bytes() == before


@pytest.mark.parametrize("rows", [(), ("2026-13-01,VOO,1",), (f"{SECOND},VOO,-1",)])
def test_a_refused_file_changes_nothing(store, tmp_path, rows):
    store.update(a_file(tmp_path, f"{FIRST},VOO,10"))
    before = store.path.read_bytes()

    with pytest.raises(DataError):
        store.update(a_file(tmp_path, *rows))

    assert store.path.read_bytes() == before
    assert {p.name for p in store.path.parent.iterdir()} == {"prices.parquet", "prices.lock"}


def test_a_store_that_was_tampered_with_is_refused_and_not_overwritten(store, tmp_path):
    given = a_file(tmp_path, f"{FIRST},VOO,10", f"{FIRST},AGG,99")
    store.update(given)
    bars = pd.DataFrame({"date": [FIRST, FIRST], "symbol": ["VOO", "AGG"], "close": [10.0, -1.0]})
    bars.to_parquet(store.path)

    with pytest.raises(DataError, match=r"bad_price .* symbol=AGG"):
        store.update(given)

    assert len(pd.read_parquet(store.path)) == 2


def test_a_defective_symbol_stays_as_it_was_and_is_told(store, tmp_path):
    store.update(a_file(tmp_path, f"{FIRST},VOO,10", f"{FIRST},AGG,99"))

    given = a_file(tmp_path, f"{FIRST},VOO,10", f"{SECOND},VOO,11", f"{SECOND},AGG,0")
    voo, agg = store.update(given).symbols

    assert (voo.symbol, voo.added) == ("VOO", 1)
    assert (agg.symbol, agg.added, agg.last) == ("AGG", 0, date(2026, 1, 5))
    assert agg.suspicions[0].code == "bad_price"
    assert store.table().closes["AGG"].dropna().tolist() == [99]


def test_a_defective_symbol_that_was_never_stored_has_no_span(store, tmp_path):
    _, bad = store.update(a_file(tmp_path, f"{FIRST},VOO,10", f"{FIRST},BAD,0")).symbols

    assert (bad.symbol, bad.first, bad.last) == ("BAD", None, None)


def test_what_is_suspicious_is_told_of_its_symbol(store, tmp_path):
    sessions = pd.DatetimeIndex([FIRST, SECOND, THIRD])
    given = a_file(tmp_path, f"{FIRST},AGG,99", f"{FIRST},VOO,10", f"{THIRD},VOO,1000")

    agg, voo = store.update(given, sessions).symbols

    assert agg.suspicions == ()
    assert [s.code for s in voo.suspicions] == ["impossible_jump", "hole"]


def test_a_second_writer_is_refused_while_the_first_is_at_work(store, tmp_path):
    given = a_file(tmp_path, f"{FIRST},VOO,10")
    store.update(given)

    with (store.path.parent / "prices.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(DataError, match="store_locked"):
            store.update(given)

    assert store.update(given)


def test_a_reader_that_began_before_an_update_reads_what_was_there(store, tmp_path):
    store.update(a_file(tmp_path, f"{FIRST},VOO,10"))
    before = store.path.read_bytes()

    with store.path.open("rb") as reader:
        begun = reader.read(4)
        store.update(a_file(tmp_path, f"{FIRST},VOO,10", f"{SECOND},VOO,11"))
        seen = begun + reader.read()

    assert seen == before
    assert store.path.read_bytes() != before
