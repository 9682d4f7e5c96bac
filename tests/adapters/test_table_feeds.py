from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from adapters.table_feeds import TableFeed, read_table
from bot.domain.admission import Issue
from bot.domain.errors import Blocked
from bot.domain.strategy import FeedNeed
from bot.ports import Feed
from strategies.expectations import layout_of
from tests.fakes import EventfulClock
from tests.strategies.builders import CALENDAR

MORNING = datetime(2026, 4, 1, 13, 0, tzinfo=UTC)
TODAY = date(2026, 4, 1)
HEAD = "known_on,etf,symbol,weight\n"
MARCH, APRIL, MAY = (f"2026-{day},XLK,AAPL,0.5\n" for day in ("03-02", "04-01", "05-01"))
LOOK = 30.0


@pytest.fixture
def path(tmp_path):
    return tmp_path / "constituents.csv"


def a_feed(path, clock=None, max_age=40) -> TableFeed:
    need = FeedNeed("constituents", max_age)
    clock = clock or EventfulClock(MORNING)
    return TableFeed(path, layout_of("constituents"), need, CALENDAR, clock, LOOK)


async def refusal(feed, session=TODAY):
    with pytest.raises(Blocked) as refused:
        await feed.table(session)
    return refused.value.args


async def test_a_session_sees_what_was_known_by_then(path):
    path.write_text(HEAD + MARCH + APRIL + MAY)
    feed: Feed = a_feed(path)

    table = await feed.table(TODAY)

    assert table["known_on"].tolist() == [pd.Timestamp("2026-03-02"), pd.Timestamp("2026-04-01")]


@pytest.mark.parametrize("suffix", [".csv", ".CSV", ".json", ".jsonl", ".parquet"])
def test_every_format_is_read(tmp_path, suffix):
    path = tmp_path / f"table{suffix}"
    rows = pd.DataFrame(
        {"known_on": ["2026-03-02"], "etf": "XLK", "symbol": "NA", "weight": [0.5], "note": "x"}
    )
    match suffix.lower():
        case ".json":
            rows.to_json(path, orient="records")
        case ".jsonl":
            rows.to_json(path, orient="records", lines=True)
        case ".parquet":
            rows.assign(known_on=pd.Timestamp("2026-03-02")).to_parquet(path)
        case _:
            rows.to_csv(path, index=False)

    table = read_table(path, layout_of("constituents")).rows

    assert table["symbol"].tolist() == ["NA"]
    assert table["known_on"].tolist() == [pd.Timestamp("2026-03-02")]


def missing(path):
    """Nothing is there."""


REFUSED = [
    ("table_missing", missing),
    ("table_unreadable", lambda path: path.mkdir()),
    ("table_unreadable", lambda path: path.write_text(HEAD + "2026-03-02,XLK\n")),
    ("table_unreadable", lambda path: path.write_bytes(b"\xff\xfe")),
    ("table_columns_missing", lambda path: path.write_text("known_on,etf\n2026-03-02,XLK\n")),
    ("table_without_rows", lambda path: path.write_text(HEAD)),
    ("table_cell_bad", lambda path: path.write_text(HEAD + "2026-03-02,XLK,AAPL,half\n")),
    ("table_row_twice", lambda path: path.write_text(HEAD + MARCH + MARCH)),
    ("table_unknown_yet", lambda path: path.write_text(HEAD + MAY)),
]


@pytest.mark.parametrize(("code", "write"), REFUSED)
async def test_what_can_not_be_believed_is_refused_as_a_whole(path, code, write):
    write(path)

    told, values = await refusal(a_feed(path))

    assert told == code
    assert str(values["path"]) == str(path)


@pytest.mark.parametrize(("known", "age"), [("2026-03-27", 3), ("2026-03-28", 3)])
async def test_a_table_may_be_so_many_sessions_old_and_no_older(path, known, age):
    path.write_text(HEAD + f"{known},XLK,AAPL,1\n")

    assert len(await a_feed(path, max_age=age).table(TODAY)) == 1
    code, told = await refusal(a_feed(path, max_age=age - 1))
    assert (code, told["age"], told["most"]) == ("table_stale", age, age - 1)


async def test_a_row_of_the_session_itself_is_not_old(path):
    path.write_text(HEAD + APRIL)

    assert len(await a_feed(path, max_age=0).table(TODAY)) == 1


async def test_a_table_that_is_replaced_is_read_anew(path):
    path.write_text(HEAD + MARCH)
    feed = a_feed(path)
    before = await feed.table(TODAY)

    path.write_text(HEAD + MARCH + APRIL)

    assert len(before) == 1
    assert len(await feed.table(TODAY)) == 2


async def test_a_table_that_was_half_written_is_read_a_second_time(path):
    clock = EventfulClock(MORNING)
    path.write_text(HEAD)
    clock.at(MORNING + timedelta(seconds=0.3), lambda: path.write_text(HEAD + MARCH) and None)

    assert len(await a_feed(path, clock).table(TODAY)) == 1


async def test_what_a_session_is_decided_on_can_be_proven(path):
    path.write_text(HEAD + MARCH + APRIL + MAY)

    issue = await a_feed(path).prove(TODAY)

    assert (issue.profile, issue.path, issue.rows) == ("constituents", str(path), 2)
    assert issue.as_of == issue.known_on == TODAY
    assert len(issue.sha256) == 64


class Over(Exception):  # noqa: N818 - the end of a test
    pass


async def arrived(feed, clock, seconds) -> list[Issue | Blocked]:
    told = []

    def over():
        raise Over

    clock.at(clock.now() + timedelta(seconds=seconds), over)
    arrivals = feed.arrivals()
    with suppress(Over):
        while True:
            told.append(await anext(arrivals))
    return told


async def test_a_new_table_is_an_event_and_so_is_one_that_is_refused(path):
    clock = EventfulClock(MORNING)
    path.write_text(HEAD + MARCH)
    for seconds, text in ((100, HEAD + MARCH + APRIL), (500, HEAD), (900, HEAD + MARCH)):
        at = clock.now() + timedelta(seconds=seconds)
        clock.at(at, lambda text=text: path.write_text(text) and None)

    told = await arrived(a_feed(path, clock), clock, 1500)

    assert [came.known_on if isinstance(came, Issue) else came.code for came in told] == [
        date(2026, 4, 1),
        "table_without_rows",
        date(2026, 3, 2),
    ]


async def test_what_lies_there_at_the_start_is_no_event(path):
    clock = EventfulClock(MORNING)
    path.write_text(HEAD + MARCH)

    assert await arrived(a_feed(path, clock), clock, 500) == []
