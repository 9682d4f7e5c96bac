from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from adapters.snapshot_tables import SnapshotTable
from bot.domain.errors import Blocked
from bot.ports import FeedHistory
from strategies.expectations import expected_of
from tests.published import TOP20, csv_of, rows
from tests.strategies.builders import CALENDAR

MARCH = rows("MSFT", "QQQ", "SPY", as_of="2026-03-31")
APRIL = rows("META", "QQQ", "SPY", as_of="2026-04-30")


def told_by(path: Path, table=(*APRIL, *MARCH)) -> FeedHistory:
    path.write_bytes(csv_of(table))
    return SnapshotTable(path, expected_of(TOP20), CALENDAR)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "months.csv"


def test_the_rows_of_a_day_are_known_from_the_session_after(path):
    told = told_by(path).rows

    known = told.groupby("as_of")["known_on"].first()
    assert known.to_dict() == {
        pd.Timestamp("2026-03-31"): pd.Timestamp("2026-04-01"),
        pd.Timestamp("2026-04-30"): pd.Timestamp("2026-05-01"),
    }
    assert told["symbol"].tolist() == ["MSFT", "QQQ", "SPY", "META", "QQQ", "SPY"]


def test_a_table_may_say_when_it_was_known(path):
    late = [{**row, "known_on": "2026-04-06"} for row in MARCH]

    told = told_by(path, late)

    assert set(told.rows["known_on"]) == {pd.Timestamp("2026-04-06")}
    with pytest.raises(Blocked, match="feature_snapshot_missing"):
        told.refuse(date(2026, 4, 2))


def test_nobody_knows_a_day_before_it_is_over(path):
    early = [{**row, "known_on": "2026-03-31"} for row in MARCH]

    with pytest.raises(Blocked, match="snapshot_known_early"):
        told_by(path, early).rows  # noqa: B018 - what is read is what raises


@pytest.mark.parametrize(
    ("session", "code"),
    [
        (date(2026, 3, 31), "feature_snapshot_missing"),
        (date(2026, 4, 1), None),
        (date(2026, 5, 29), None),
        (date(2026, 6, 1), "feature_snapshot_stale"),
    ],
)
def test_a_session_is_refused_before_the_first_day_and_when_the_newest_is_too_old(
    path, session, code
):
    told = told_by(path)

    if code is None:
        told.refuse(session)
    else:
        with pytest.raises(Blocked, match=code):
            told.refuse(session)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "feature_snapshot_missing"),
        (b"", "feature_snapshot_parse_failed"),
        (b"symbol,as_of\n", "feature_snapshot_empty"),
        (b"symbol,as_of\nA,2026-03-31\n", "feature_snapshot_missing_columns"),
        (csv_of([{**row, "as_of": "soon"} for row in MARCH]), "feature_snapshot_invalid_date"),
        (csv_of([*MARCH, *MARCH]), "snapshot_symbol_twice"),
        (csv_of([{**row, "mom_3m": "much"} for row in MARCH]), "snapshot_number_bad"),
    ],
)
def test_a_table_that_can_not_be_believed_is_refused_as_a_whole(path, content, code):
    if content is not None:
        path.write_bytes(content)
    told = SnapshotTable(path, expected_of(TOP20), CALENDAR)

    with pytest.raises(Blocked, match=code):
        told.refuse(date(2026, 4, 1))


def test_a_table_needs_a_date(path):
    dateless = [{k: v for k, v in row.items() if k != "as_of"} for row in MARCH]

    with pytest.raises(Blocked, match="feature_snapshot_missing_date_column"):
        told_by(path, dateless).refuse(date(2026, 4, 1))
