import hashlib
import threading
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from adapters.feeds import SnapshotFeed, SnapshotFiles
from bot.domain.admission import Issue
from bot.domain.errors import Blocked
from bot.ports import Feed
from strategies.expectations import expected_of
from tests.fakes import EventfulClock
from tests.published import (
    DYNAMIC,
    MADE,
    NEXT,
    RUSSELL,
    SIX,
    TOP20,
    csv_of,
    publish,
    replaced,
    row,
    rows,
    sign,
)
from tests.strategies.builders import CALENDAR

# An hour in which it is tomorrow in London and today in New York.
EVENING = datetime(2026, 5, 1, 1, 0, tzinfo=UTC)
MORNING = datetime(2026, 4, 1, 13, 0, tzinfo=UTC)
LOOK, MOMENT = 30.0, 0.5
OTHER = csv_of(rows("MSFT", "QQQ", "SPY"))
LATER = csv_of(rows("META", "QQQ", "SPY", as_of="2026-04-30"))


def a_feed(path, name=TOP20, clock=None, config=None, **different):
    expected = expected_of(name, **different)
    files = SnapshotFiles(path, config=config)
    clock = clock or EventfulClock(MORNING)
    return SnapshotFeed(files, expected, CALENDAR, clock, LOOK, MOMENT)


def after(clock, seconds, happens):
    clock.at(clock.now() + timedelta(seconds=seconds), happens)


def written(path, content):
    """In place, as a careless copy does it."""
    path.write_bytes(content)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "snapshot.csv"


async def refusal(feed, session=NEXT):
    with pytest.raises(Blocked) as refused:
        await feed.table(session)
    return refused.value.args


@pytest.mark.parametrize("name", SIX)
async def test_a_published_snapshot_is_a_dated_table(path, name):
    publish(path, csv_of(rows()), name)
    feed: Feed = a_feed(path, name)

    table = await feed.table(NEXT)

    assert table["symbol"].tolist() == ["AAPL", "NA", "QQQ", "SPY"]
    assert set(table["as_of"]) == {pd.Timestamp(MADE)}
    assert set(table["known_on"]) == {pd.Timestamp(NEXT)}
    assert set(expected_of(name).columns) <= set(table.columns)


@pytest.mark.parametrize(
    ("made", "known_on"),
    [
        ("2026-03-31", date(2026, 4, 1)),
        ("2026-04-02", date(2026, 4, 6)),
        ("2026-04-03", date(2026, 4, 6)),
        ("2026-05-31", date(2026, 6, 1)),
    ],
)
async def test_a_snapshot_is_first_acted_on_the_session_after_its_date(path, made, known_on):
    publish(path, csv_of(rows(as_of=made)), snapshot_as_of=made)

    table = await a_feed(path).table(date(2026, 6, 1) if made > "2026-05" else known_on)

    assert set(table["known_on"]) == {pd.Timestamp(known_on)}


async def test_a_snapshot_of_the_session_itself_is_for_the_next(path):
    publish(path, csv_of(rows()))

    table = await a_feed(path).table(MADE)

    assert set(table["known_on"]) == {pd.Timestamp(NEXT)}


@pytest.mark.parametrize("suffix", [".csv", ".CSV", ".json", ".jsonl", ".parquet"])
async def test_every_format_is_read(tmp_path, suffix):
    path = tmp_path / f"snapshot{suffix}"
    table = pd.DataFrame(rows())
    match suffix.lower():
        case ".json":
            table.to_json(path, orient="records")
        case ".jsonl":
            table.to_json(path, orient="records", lines=True)
        case ".parquet":
            table.assign(as_of=pd.Timestamp(MADE)).to_parquet(path)
        case _:
            path.write_bytes(csv_of(rows()))
    sign(path, path.read_bytes())

    found = await a_feed(path).table(NEXT)

    assert found["symbol"].tolist() == ["AAPL", "NA", "QQQ", "SPY"]
    assert found["adv20_usd"].tolist() == [1e9] * 4


def locked(path):
    path.mkdir()


def unsigned(path):
    replaced(path, csv_of(rows()))


def published(content, **claims):
    return lambda path: publish(path, content, **claims)


REFUSED = [
    ("feature_snapshot_missing", lambda path: sign(path, b"")),
    ("feature_snapshot_parse_failed", locked),
    ("feature_snapshot_parse_failed", published(b"symbol\n\xff")),
    ("feature_snapshot_empty", published(csv_of(rows()).splitlines()[0])),
    ("feature_snapshot_missing_columns", published(b"as_of,symbol\n2026-03-31,A\n")),
    (
        "feature_snapshot_missing_date_column",
        published(csv_of(rows()).replace(b"as_of", b"made", 1)),
    ),
    ("feature_snapshot_invalid_date_column", published(csv_of(rows(as_of="soon")))),
    ("feature_snapshot_future_as_of", published(csv_of(rows(as_of="2026-04-02")))),
    ("feature_snapshot_stale", published(csv_of(rows(as_of="2026-02-27")))),
    ("feature_snapshot_manifest_missing", unsigned),
    (
        "feature_snapshot_manifest_parse_failed",
        lambda path: (unsigned(path), Path(f"{path}.manifest.json").mkdir()),
    ),
    ("feature_snapshot_manifest_missing_fields", published(OTHER, config_sha256="")),
    ("feature_snapshot_manifest_as_of_mismatch", published(OTHER, snapshot_as_of="2026-03-30")),
    (
        "feature_snapshot_manifest_strategy_profile_mismatch",
        published(OTHER, strategy_profile=RUSSELL),
    ),
    ("feature_snapshot_manifest_config_name_mismatch", published(OTHER, config_name="other")),
    (
        "feature_snapshot_manifest_contract_version_mismatch",
        published(OTHER, contract_version="v2"),
    ),
    (
        "feature_snapshot_manifest_snapshot_checksum_mismatch",
        published(OTHER, snapshot_sha256="f" * 64),
    ),
    ("snapshot_dates_differ", published(csv_of([row("A"), row("B", as_of="2026-03-30")]))),
    ("snapshot_symbol_blank", published(csv_of([row("A"), row("")]))),
    ("snapshot_symbol_twice", published(csv_of(rows("A", "a")))),
    ("snapshot_number_bad", published(csv_of([row("A", mom_3m="?"), row("B")]))),
]


@pytest.mark.parametrize(("code", "lay"), REFUSED)
async def test_a_file_that_can_not_be_acted_on_is_refused_by_name(path, code, lay):
    lay(path)
    feed = a_feed(path)

    found, told = await refusal(feed)

    assert found == code
    assert str(told["path"]).startswith(str(path))


async def test_a_manifest_is_needed_of_every_profile(path):
    replaced(path, csv_of(rows()))

    assert {(await refusal(a_feed(path, name)))[0] for name in SIX} == {
        "feature_snapshot_manifest_missing"
    }


@pytest.mark.parametrize("nowhere", [None, Path()])
async def test_without_a_path_there_is_nothing_to_read(nowhere):
    assert (await refusal(a_feed(nowhere)))[0] == "feature_snapshot_path_missing"


async def test_a_file_elsewhere_is_not_fetched():
    code, _ = await refusal(a_feed(Path("gs://bucket/snapshot.csv")))

    assert code == "feature_snapshot_download_failed"


async def test_a_file_below_a_file_does_not_exist(path):
    replaced(path, b"")

    assert (await refusal(a_feed(path / "snapshot.csv")))[0] == "feature_snapshot_missing"


def moved(path, elsewhere):
    return Path(f"{path}.manifest.json").rename(elsewhere)


async def test_a_manifest_may_lie_elsewhere(tmp_path, path):
    publish(path, OTHER)
    elsewhere = moved(path, tmp_path / "other.json")
    files = SnapshotFiles(path, manifest=elsewhere)
    feed = SnapshotFeed(files, expected_of(TOP20), CALENDAR, EventfulClock(MORNING))

    assert (await feed.prove(NEXT)).rows == 3
    assert (await refusal(a_feed(path)))[0] == "feature_snapshot_manifest_missing"


async def test_a_configured_configuration_has_to_be_the_one_it_was_made_with(tmp_path, path):
    config = tmp_path / "config.json"
    digest = hashlib.sha256(b"{}").hexdigest()
    publish(path, OTHER, config_sha256=digest)
    feed = a_feed(path, config=config)

    missing = await refusal(feed)
    config.write_bytes(b"{}")
    issue = await feed.prove(NEXT)
    config.write_bytes(b"{ }")
    changed = await refusal(feed)

    assert missing[0] == "feature_snapshot_expected_config_missing"
    assert issue.config_sha256 == digest
    assert changed[0] == "feature_snapshot_manifest_config_checksum_mismatch"


async def test_a_benchmark_nobody_knows_refuses_the_file(path):
    publish(path, csv_of(rows("A", "QQQ")))

    code, told = await refusal(a_feed(path, references=("QQQ", "SPY")))

    assert (code, told["symbol"]) == ("snapshot_row_missing", "SPY")


async def test_what_the_file_was_can_be_told(path):
    content = csv_of(rows())
    publish(path, content, DYNAMIC)

    issue = await a_feed(path, DYNAMIC).prove(NEXT)

    assert issue == Issue(
        profile=DYNAMIC,
        path=str(path),
        as_of=MADE,
        known_on=NEXT,
        rows=4,
        sha256=hashlib.sha256(content).hexdigest(),
        config_sha256="0" * 64,
    )


async def test_the_file_is_read_as_it_now_is(path):
    publish(path, csv_of(rows("AAPL")))
    feed = a_feed(path)
    first = await feed.table(NEXT)
    publish(path, OTHER)

    second = await feed.table(NEXT)

    assert first["symbol"].tolist() == ["AAPL"]
    assert second["symbol"][0] == "MSFT"


async def test_a_publication_half_done_is_looked_at_again(path):
    clock = EventfulClock(MORNING)
    publish(path, csv_of(rows()))
    replaced(path, OTHER)
    after(clock, MOMENT / 2, lambda: sign(path, OTHER))

    table = await a_feed(path, clock=clock).table(NEXT)

    assert table["symbol"][0] == "MSFT"


async def test_a_file_still_being_written_is_looked_at_again(path):
    clock = EventfulClock(MORNING)
    sign(path, OTHER)
    written(path, OTHER[: len(OTHER) // 2])
    after(clock, MOMENT / 2, partial(written, path, OTHER))

    assert len(await a_feed(path, clock=clock).table(NEXT)) == 3


async def test_a_file_between_two_names_is_looked_at_again(path):
    clock = EventfulClock(MORNING)
    sign(path, OTHER)
    after(clock, MOMENT / 2, lambda: replaced(path, OTHER))

    assert len(await a_feed(path, clock=clock).table(NEXT)) == 3


async def test_what_stays_wrong_is_refused_after_one_more_look(path):
    clock = EventfulClock(MORNING)
    replaced(path, OTHER)
    after(clock, MOMENT * 1.5, lambda: sign(path, OTHER))

    assert (await refusal(a_feed(path, clock=clock)))[0] == "feature_snapshot_manifest_missing"
    assert clock.now() == MORNING + timedelta(seconds=MOMENT)


async def test_a_reader_beside_a_writer_sees_one_snapshot_or_the_other(path):
    first, second = (csv_of(rows(*(f"{x}{i}" for i in range(400)))) for x in "AB")
    publish(path, first)
    feed, stop = a_feed(path), threading.Event()

    def write():
        while not stop.is_set():
            publish(path, second)
            publish(path, first)

    writer = threading.Thread(target=write)
    writer.start()
    seen = []
    try:
        for _ in range(25):
            try:
                seen.append(set((await feed.table(NEXT))["symbol"].str[0]))
            except Blocked as refused:
                seen.append({refused.code})
    finally:
        stop.set()
        writer.join()

    torn = {"feature_snapshot_manifest_snapshot_checksum_mismatch"}
    assert all(each in ({"A"}, {"B"}, torn) for each in seen)


# --- arrivals ---


async def arrived(feed, clock, seconds):
    """What is told until the time is up."""
    told = []

    class Over(Exception):  # noqa: N818 - nothing is wrong
        pass

    def over():
        raise Over

    after(clock, seconds, over)
    arrivals = feed.arrivals()
    with suppress(Over):
        while True:
            told.append(await anext(arrivals))
    return told


def day_of(came):
    return came.as_of if isinstance(came, Issue) else came.code


@pytest.fixture
def clock():
    return EventfulClock(datetime(2026, 4, 30, 23, 0, tzinfo=UTC))


async def test_a_new_snapshot_is_told_once(path, clock):
    publish(path, OTHER)
    after(clock, 100, lambda: publish(path, LATER, snapshot_as_of="2026-04-30"))

    told = await arrived(a_feed(path, clock=clock), clock, 1000)

    assert [day_of(came) for came in told] == [date(2026, 4, 30)]
    assert told[0].known_on == date(2026, 5, 1)


async def test_what_lies_there_at_the_start_is_no_arrival(path, clock):
    publish(path, OTHER)

    assert await arrived(a_feed(path, clock=clock), clock, 1000) == []


async def test_the_first_snapshot_of_all_is_told(path, clock):
    after(clock, 10, lambda: publish(path, OTHER))

    told = await arrived(a_feed(path, clock=clock), clock, 1000)

    assert [day_of(came) for came in told] == [MADE]


async def test_a_publication_half_done_is_not_told_before_it_lies_still(path, clock):
    publish(path, OTHER)
    after(clock, LOOK - 1, lambda: replaced(path, LATER))
    after(clock, LOOK + 1, lambda: sign(path, LATER, snapshot_as_of="2026-04-30"))

    told = await arrived(a_feed(path, clock=clock), clock, 1000)

    assert [day_of(came) for came in told] == [date(2026, 4, 30)]


async def test_a_snapshot_that_is_refused_is_told_with_the_reason_until_mended(path, clock):
    publish(path, OTHER)
    after(clock, 100, lambda: replaced(path, LATER))
    after(clock, 500, lambda: sign(path, LATER, snapshot_as_of="2026-04-30"))

    told = await arrived(a_feed(path, clock=clock), clock, 1000)

    assert [day_of(came) for came in told] == [
        "feature_snapshot_manifest_as_of_mismatch",
        date(2026, 4, 30),
    ]


async def test_a_snapshot_put_back_after_a_refusal_is_told(path, clock):
    publish(path, OTHER)
    after(clock, 100, path.unlink)
    after(clock, 500, lambda: replaced(path, OTHER))

    told = await arrived(a_feed(path, clock=clock), clock, 1000)

    assert [day_of(came) for came in told] == ["feature_snapshot_missing", MADE]


async def test_the_same_snapshot_written_again_is_not_told(path, clock):
    publish(path, OTHER)
    after(clock, 100, lambda: publish(path, OTHER, generated_at="later"))

    assert await arrived(a_feed(path, clock=clock), clock, 1000) == []


async def test_the_day_is_the_exchanges_wherever_the_host_stands(path):
    publish(path, OTHER)
    evening = a_feed(path, clock=(clock := EventfulClock(EVENING)))
    after(clock, 10, lambda: publish(path, csv_of(rows("META"))))

    told = await arrived(evening, clock, 300)

    assert [day_of(came) for came in told] == [MADE]


def test_files_that_do_not_exist_can_be_watched(path):
    files = SnapshotFiles(path, config=path)

    assert files.stamp() == (None, None, None)
