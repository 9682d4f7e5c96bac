"""Books that read dated tables, run by the daemon on paper."""

import asyncio
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import pandas as pd
import pytest

from adapters.patterns import write_table
from adapters.synthetic import synthetic_prices
from bot import app
from bot.app import Time
from bot.daemon import serve
from bot.demo import MORNING
from bot.domain.errors import SettingsError
from bot.domain.memory import Outcome, Switch
from bot.ports import Ledger
from bot.schedule import UTC, JumpingClock, JumpingWakes
from config.settings import Settings, checked
from strategies import PROFILES
from tests.bot.parity import CALENDAR, written
from tests.fakes import Phone
from tests.strategies.builders import TABLES

LAST = date(2026, 3, 6)
FIRST = CALENDAR.before(LAST, 28).date
DAYS = CALENDAR.index(CALENDAR.before(LAST, 420).date, LAST, 0)
NAMES = ("fuguo_etf_rotation", "pattern_etf_rotation")

every_profile = pytest.mark.parametrize("name", NAMES)


def settings_of(name: str, folder: Path, **params: object) -> Settings:
    """A book on paper with invented prices and tables, the latter known until the last session."""
    needs = PROFILES[name].strategy().needs
    pool = [symbol for symbol in needs.holds if symbol != "BIL"]
    feeds = {}
    for feed in (need.name for need in needs.feeds):
        path = folder / f"{feed}.parquet"
        write_table(TABLES[feed](pool, DAYS, 5), path)
        feeds[feed] = {"kind": "table", "path": path}
    symbols = [*dict.fromkeys((*needs.symbols, PROFILES[name].benchmark))]
    prices = written(synthetic_prices(symbols, DAYS, 3), folder / "prices.csv")
    book = {"profile": name, "broker": "paper", "tables": {feed: feed for feed in feeds}}
    return checked(
        {
            "mode": "paper",
            "state_dir": folder / "state",
            "markets": {"prices": {"kind": "tables", "path": prices}},
            "feeds": feeds,
            "brokers": {"paper": {"kind": "paper", "market": "prices", "cash": 50_000}},
            "books": {"main": {**book, "params": params}},
        }
    )


@dataclass
class Lived:
    """What a daemon left behind: how each session ended, what is held, what was told."""

    outcomes: dict[date, Outcome | None]
    held: set[str]
    texts: str


def live(settings: Settings, first: date = FIRST, last: date = LAST) -> Lived:
    clock = JumpingClock(datetime.combine(first, MORNING, UTC))
    wakes, phone = JumpingWakes(clock), Phone()
    with app.keeping(settings) as ledger:
        house = app.house(settings, ledger, lambda _: Time(clock, wakes, last), phone)
        ledger.set_switch("main", Switch.ACTIVE, "", clock.now())
        asyncio.run(serve(house.seats, asyncio.Event(), [wakes.run]))
        return told_by(ledger)


def told_by(ledger: Ledger) -> Lived:
    ended = {run.session: ledger.outcome(run) for run in ledger.runs("main", 100)}
    baseline = ledger.baseline("main")
    held = set(baseline.portfolio.shares) if baseline else set()
    texts = "\n".join(message.text for message in ledger.undelivered())
    return Lived(ended, held, texts)


def completed(lived: Lived) -> list[date]:
    return sorted(day for day, outcome in lived.outcomes.items() if outcome is Outcome.COMPLETE)


def test_the_factor_book_rotates_on_the_months_last_sessions(tmp_path):
    lived = live(settings_of("fuguo_etf_rotation", tmp_path))

    assert completed(lived) == [date(2026, 1, 30), date(2026, 2, 27)]
    assert len(lived.held) == 5


def test_the_pattern_book_rotates_on_the_exchanges_fixed_dates(tmp_path):
    lived = live(settings_of("pattern_etf_rotation", tmp_path, every=7))

    days = [s.date for s in CALENDAR.between(FIRST, LAST) if CALENDAR.number(s.date) % 7 == 0]
    assert completed(lived) == days
    assert len(days) == 4
    assert len(lived.held) == 3


@pytest.mark.parametrize("mode", ["daily", "signal_exit"])
def test_the_pattern_book_decides_every_session_in_its_other_modes(mode, tmp_path):
    lived = live(settings_of("pattern_etf_rotation", tmp_path, mode=mode))

    ended = set(lived.outcomes.values())
    assert ended <= {Outcome.COMPLETE, Outcome.HELD}
    assert len(lived.outcomes) == len(CALENDAR.between(FIRST, LAST))
    assert lived.held


@every_profile
def test_a_table_that_grew_too_old_blocks_the_book(name, tmp_path):
    settings = settings_of(name, tmp_path, max_age=3)
    feed = "fundamentals" if name == "fuguo_etf_rotation" else "patterns"
    path = settings.feeds[feed].path
    table = pd.read_parquet(path)
    write_table(table[table["known_on"] <= "2026-02-20"], path)

    lived = live(settings, date(2026, 2, 23))

    blocked = sorted(d for d, ended in lived.outcomes.items() if ended is Outcome.BLOCKED)
    assert blocked[0] <= date(2026, 2, 27)
    assert blocked[-1] == LAST
    assert lived.held == set()


@every_profile
def test_a_table_that_is_not_there_blocks_the_book(name, tmp_path):
    settings = settings_of(name, tmp_path)
    settings.feeds["constituents"].path.unlink()

    lived = live(settings, LAST)

    assert lived.outcomes == {LAST: Outcome.BLOCKED}


def refused(settings: Settings) -> str:
    clock = JumpingClock(datetime.combine(FIRST, MORNING, UTC))
    with app.keeping(settings) as ledger, pytest.raises(SettingsError) as refusal:
        app.house(settings, ledger, lambda _: Time(clock, JumpingWakes(clock), LAST), Phone())
    return refusal.value.code


def changed(settings: Settings, **book: object) -> Settings:
    plain = settings.model_dump()
    plain["books"]["main"] |= book
    return checked(plain)


def test_a_table_the_profile_does_not_read_is_refused(tmp_path):
    settings = settings_of("pattern_etf_rotation", tmp_path)

    assert refused(changed(settings, tables={"reports": "patterns"})) == "feed_unread"


def test_a_table_is_no_snapshot_and_a_snapshot_no_table(tmp_path):
    settings = settings_of("pattern_etf_rotation", tmp_path)
    plain = settings.model_dump()
    plain["feeds"]["made"] = {"snapshot": "file", "profile": NAMES[1], "path": tmp_path / "x.csv"}
    wrong = checked(plain)

    assert refused(changed(settings, tables={}, feed="patterns")) == "feed_is_no_snapshot"
    assert refused(changed(wrong, tables={"patterns": "made"})) == "feed_is_no_table"
