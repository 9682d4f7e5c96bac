import json
import shutil
from datetime import UTC, date, datetime

import pytest

from adapters.feeds import SnapshotFeed
from adapters.releases import ReleaseHistory, Releases
from bot.domain.errors import Blocked
from bot.ports import Feed, FeedHistory
from bot.snapshots_publication import publish as shelve
from strategies.expectations import expected_of
from tests.fakes import EventfulClock
from tests.published import TOP20, csv_of, manifest_of, rows
from tests.strategies.builders import CALENDAR

NAME = f"{TOP20}_feature_snapshot_latest.csv"
MARCH, APRIL = date(2026, 3, 31), date(2026, 4, 30)
MORNING = datetime(2026, 5, 1, 13, 0, tzinfo=UTC)


def release(out, day, *symbols, made="20260601T000000000000Z"):
    """A snapshot of a day as the pipeline publishes it."""
    content = csv_of(rows(*symbols, "QQQ", "SPY", as_of=f"{day}"))
    manifest = manifest_of(expected_of(TOP20), content, snapshot_as_of=f"{day}")
    files = {NAME: content, f"{NAME}.manifest.json": json.dumps(manifest).encode()}
    shelve(out, f"{day}-{made}", files)


@pytest.fixture
def out(tmp_path):
    release(tmp_path, MARCH, "MSFT")
    release(tmp_path, APRIL, "META")
    return tmp_path


def releases(out):
    return Releases(out, NAME)


def history(out) -> FeedHistory:
    return ReleaseHistory.of(releases(out), expected_of(TOP20), CALENDAR)


def a_feed(out) -> Feed:
    clock = EventfulClock(MORNING)
    return SnapshotFeed(releases(out), expected_of(TOP20), CALENDAR, clock)


def on(told, session):
    """The stocks known on a session, or why it is refused."""
    try:
        told.refuse(session)
    except Blocked as refused:
        return refused.code
    known = told.rows[told.rows["known_on"] <= f"{session}"]
    return set(known[known["as_of"] == known["as_of"].max()]["symbol"]) - {"QQQ", "SPY"}


async def seen(feed, session):
    try:
        return set((await feed.table(session))["symbol"]) - {"QQQ", "SPY"}
    except Blocked as refused:
        return refused.code


SESSIONS = {
    date(2026, 3, 31): "feature_snapshot_missing",
    date(2026, 4, 1): {"MSFT"},
    date(2026, 4, 30): {"MSFT"},
    date(2026, 5, 1): {"META"},
    date(2026, 5, 29): {"META"},
    date(2026, 6, 1): "feature_snapshot_stale",
}


@pytest.mark.parametrize("session", SESSIONS)
async def test_the_past_and_the_feed_tell_the_same_of_every_session(out, session):
    assert on(history(out), session) == SESSIONS[session]
    assert await seen(a_feed(out), session) == SESSIONS[session]


async def test_what_nobody_vouches_for_is_refused_until_the_next_comes(out):
    folder = next(path for day, path in releases(out).days if day == MARCH)
    (folder / NAME).write_bytes(csv_of(rows("NVDA", "QQQ", "SPY", as_of=f"{MARCH}")))

    told, code = history(out), "feature_snapshot_manifest_snapshot_checksum_mismatch"

    assert on(told, date(2026, 4, 30)) == await seen(a_feed(out), date(2026, 4, 30)) == code
    assert on(told, date(2026, 5, 1)) == {"META"}


async def test_of_two_releases_of_a_day_the_one_made_last_counts(out):
    release(out, APRIL, "NVDA", made="20260602T000000000000Z")
    release(out, APRIL, "TSLA", made="20260530T000000000000Z")

    assert on(history(out), date(2026, 5, 1)) == {"NVDA"}
    assert await seen(a_feed(out), date(2026, 5, 1)) == {"NVDA"}


@pytest.mark.parametrize("broken", ["nothing", "no table", "no rows"])
def test_a_file_without_a_date_blocks_the_sessions_it_lies_there(out, broken):
    folder = next(path for day, path in releases(out).days if day == APRIL)
    text = {"nothing": None, "no table": b'"', "no rows": b"symbol,as_of\n"}[broken]
    (folder / NAME).unlink() if text is None else (folder / NAME).write_bytes(text)

    told = history(out)

    assert on(told, date(2026, 4, 30)) == {"MSFT"}
    assert str(on(told, date(2026, 5, 1))).startswith("feature_snapshot_")


def test_a_row_that_can_not_be_believed_refuses_its_release_alone(out):
    release(out, date(2026, 5, 29), "MSFT", "MSFT")

    told = history(out)

    assert on(told, date(2026, 5, 29)) == {"META"}
    assert on(told, date(2026, 6, 1)) == "snapshot_symbol_twice"


def test_a_folder_of_releases_is_known_by_what_lies_in_it(out, tmp_path):
    (tmp_path / "other").mkdir()

    assert Releases.lie_in(out)
    assert Releases.lie_in(out / "releases")
    assert not Releases.lie_in(tmp_path / "other")
    assert not Releases.lie_in(tmp_path / "none")


def test_without_any_that_can_be_believed_there_is_no_past(out):
    for _, folder in releases(out).days:
        (folder / f"{NAME}.manifest.json").unlink()

    with pytest.raises(Blocked, match="feature_snapshot_manifest_missing"):
        history(out).rows  # noqa: B018 - what is read is what raises


def test_without_releases_there_is_no_past(out):
    shutil.rmtree(out / "releases")

    with pytest.raises(Blocked, match="feature_snapshot_missing"):
        history(out).rows  # noqa: B018 - the same


async def test_a_release_that_comes_is_told_on_the_day_it_is_of(out):
    clock = EventfulClock(datetime(2026, 5, 29, 22, 0, tzinfo=UTC))
    feed = SnapshotFeed(releases(out), expected_of(TOP20), CALENDAR, clock)
    clock.at(datetime(2026, 5, 29, 23, 0, tzinfo=UTC), lambda: release(out, date(2026, 5, 29), "V"))

    issue = await anext(feed.arrivals())

    assert (issue.as_of, issue.known_on) == (date(2026, 5, 29), date(2026, 6, 1))
