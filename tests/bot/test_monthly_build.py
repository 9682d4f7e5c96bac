"""The daemon builds a book's snapshot when a month has ended and its prices are there."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from bot import app, sources
from bot.domain.errors import SettingsError
from bot.ledger import SqlLedger
from bot.monthly_build import Builder, build_due, keep_built
from bot.schedule import JumpingClock, ScheduledWakes
from bot.snapshots_proof import verify
from bot.snapshots_publication import RELEASES
from config.settings import checked
from tests.bot.floor import Floor
from tests.bot.months import AT, CALENDAR, LAST, RUSSELL, STOCKS, prices, recipe, universe, written
from tests.bot.test_daemon import VOO, a_seat, kinds, messages

CLOSED = CALENDAR.on(LAST).closes


@pytest.fixture
def floor():
    return Floor(VOO, 10_000)


def a_builder(folder, at=AT, **different):
    return Builder(recipe(folder, **different), CALENDAR, JumpingClock(at))


def releases(folder):
    return sorted(path.name[:10] for path in (folder / "out" / RELEASES).glob("*"))


async def test_the_snapshot_of_a_month_that_ended_is_built_once(tmp_path, floor):
    builder = a_builder(tmp_path)

    await build_due(builder, a_seat(floor))
    await build_due(builder, a_seat(floor))

    assert releases(tmp_path) == [str(LAST)]
    snapshot = tmp_path / "out" / f"{RUSSELL}_feature_snapshot_latest.csv"
    assert verify(snapshot).as_of == LAST
    assert kinds(floor) == []


@pytest.mark.parametrize(
    ("at", "due"),
    [
        (CLOSED - timedelta(seconds=1), None),
        (CLOSED, LAST),
        (datetime(2024, 8, 1, 3, tzinfo=UTC), LAST),
        (datetime(2024, 8, 30, 19, tzinfo=UTC), None),
        (datetime(2024, 8, 31, 12, tzinfo=UTC), date(2024, 8, 30)),
        (datetime(2024, 9, 1, 12, tzinfo=UTC), date(2024, 8, 30)),
    ],
)
def test_what_is_due_is_the_last_month_end_that_has_closed(tmp_path, at, due):
    assert a_builder(tmp_path, at).due() == due


def test_a_month_that_was_slept_through_is_due_at_the_next_start(tmp_path):
    late = a_builder(tmp_path, datetime(2024, 8, 15, 12, tzinfo=UTC))

    assert late.due() == LAST


async def test_prices_that_have_not_come_yet_are_waited_for_until_the_next_morning(tmp_path, floor):
    lives = {n: replace(life, last=date(2024, 7, 30)) for n, life in STOCKS.items()}
    behind = written(prices(lives), tmp_path / "p.csv")
    builder = a_builder(tmp_path, CLOSED, prices=behind)

    await build_due(builder, a_seat(floor))
    assert kinds(floor) == []
    builder.clock.jump(CLOSED + timedelta(hours=13))
    for _ in range(3):
        await build_due(builder, a_seat(floor))
    assert kinds(floor) == ["error"]
    assert "snapshot" in messages(floor)[0].text

    written(prices(), behind)
    await build_due(builder, a_seat(floor))
    assert releases(tmp_path) == [str(LAST)]


async def test_a_store_nobody_has_filled_is_told(tmp_path, floor):
    builder = a_builder(tmp_path, CLOSED + timedelta(days=1))
    builder.recipe.prices.unlink()

    await build_due(builder, a_seat(floor))

    assert kinds(floor) == ["error"]
    assert "data update" in messages(floor)[0].text


async def test_stocks_nobody_can_read_are_told_at_once(tmp_path, floor):
    builder = a_builder(tmp_path, CLOSED)
    builder.recipe.universe.write_text("nonsense", "utf-8")

    await build_due(builder, a_seat(floor))
    await build_due(builder, a_seat(floor))

    assert kinds(floor) == ["error"]


async def test_a_folder_that_can_not_be_written_is_told(tmp_path, floor):
    (tmp_path / "out").write_text("in the way", "utf-8")
    builder = a_builder(tmp_path)

    await build_due(builder, a_seat(floor))

    assert kinds(floor) == ["error"]
    assert str(tmp_path / "out") in messages(floor)[0].text


async def test_it_goes_on_from_month_to_month(tmp_path, floor):
    builder = a_builder(tmp_path, datetime(2024, 6, 28, 12, tzinfo=UTC))
    async with asyncio.TaskGroup() as group:
        going = group.create_task(keep_built(builder, a_seat(floor)))
        while builder.clock.now() < AT + timedelta(hours=1):  # noqa: ASYNC110 - no event there
            await asyncio.sleep(0)
        going.cancel()

    assert releases(tmp_path) == [str(date(2024, 6, 28)), str(LAST)]


def settings_of(folder, *books, params=None):
    told = written(universe(), folder / "universe.csv")
    return checked(
        {
            "state_dir": folder / "state",
            "markets": {"store": {"kind": "tables"}},
            "brokers": {"practice": {"kind": "paper", "market": "store"}},
            "feeds": {"monthly": {"snapshot": "build", "profile": RUSSELL, "universe": told}},
            "books": {
                name: {"profile": RUSSELL, "broker": "practice", "account": name, "feed": "monthly"}
                | {"params": (params or {}).get(name, {})}
                for name in books
            },
        }
    )


async def test_what_the_daemon_builds_is_what_its_books_read(tmp_path):
    settings, ledger = settings_of(tmp_path, "one", "two"), SqlLedger.open(None)
    clock = JumpingClock(AT)
    house = app.house(settings, ledger, lambda _: app.Time(clock, ScheduledWakes()))
    store = sources.price_store(settings)
    store.update(written(prices(), tmp_path / "prices.csv"))

    [(builder, seat)] = app.builders(house)
    await build_due(builder, seat)

    for each in house.seats:
        issue = await each.desk.feeds[RUSSELL].prove(date(2024, 8, 1))
        assert issue.as_of == LAST
    ledger.close()


def test_one_snapshot_is_not_built_in_two_ways(tmp_path):
    settings = settings_of(tmp_path, "one", "two", params={"two": {"holdings_count": 30}})
    ledger, clock = SqlLedger.open(None), JumpingClock(AT)
    house = app.house(settings, ledger, lambda _: app.Time(clock, ScheduledWakes()))

    with pytest.raises(SettingsError, match=r"built_two_ways.*one, two"):
        list(app.builders(house))
    ledger.close()
