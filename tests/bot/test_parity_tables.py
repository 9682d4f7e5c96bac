"""Backtest and live make the same trades of dated tables, order for order."""

from datetime import date

import pytest

from tests.bot.parity import CALENDAR, live, replayed
from tests.bot.test_table_books import LAST, NAMES, settings_of

FIRST = CALENDAR.before(LAST, 120).date


# Long replays measure trades, not lines: tracing them would double their time.
def long(test):
    return pytest.mark.slow(pytest.mark.no_cover(test))


@long
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("proceeds", ["same_day", "settled"])
def test_half_a_year_of_tables(name, proceeds, tmp_path):
    settings = settings_of(name, tmp_path)
    broker = settings.brokers["paper"].model_copy(update={"proceeds": proceeds})
    settings = settings.model_copy(update={"brokers": {"paper": broker}})

    traded = live(settings, FIRST, LAST)

    assert len({session for session, *_ in traded}) >= 4
    assert replayed(settings, FIRST, LAST) == traded


@long
def test_every_way_of_patterns(tmp_path):
    daily = settings_of("pattern_etf_rotation", tmp_path, mode="daily")
    first = date(2026, 1, 2)

    traded = live(daily, first, LAST)

    assert traded
    assert replayed(daily, first, LAST) == traded
