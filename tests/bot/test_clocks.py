"""The host's time zone has no say in when the exchange opens, closes and wakes a book."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.calendar import exchange_date
from bot.domain.model import Session
from bot.schedule import JumpingClock, SystemClock, wakes
from bot.sessions import nyse

ROOT = Path(__file__).parents[2]
FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)
# Late evening in New York is already tomorrow in UTC and in Singapore.
EVENING = datetime(2026, 3, 8, 2, 30, tzinfo=UTC)


def told() -> str:
    """A year as the calendar, the clocks and the wakes tell it, in one text."""
    calendar = nyse(FIRST, LAST)
    year: list[Session] = list(calendar.sessions)
    clock = JumpingClock(EVENING)
    lines = [
        *(f"{s.date} {s.opens.isoformat()} {s.closes.isoformat()}" for s in year),
        *(f"{s.date} settles {calendar.settles(s.date)}" for s in year[:-1]),
        *(f"{w.at.isoformat()} {w.event}" for w in wakes(calendar, FIRST, LAST, timedelta(0))),
        f"{exchange_date(EVENING)} {clock.now().isoformat()} {SystemClock().now().tzinfo}",
        str(calendar.index(FIRST, date(2026, 6, 30)).tolist()),
    ]
    return "\n".join(lines)


@pytest.mark.parametrize("zone", ["Asia/Singapore", "America/New_York", "UTC"])
def test_a_year_is_the_same_wherever_the_host_stands(zone):
    telling = (
        "import time; from tests.bot.test_clocks import told; print(told()); print(time.timezone)"
    )
    offset = {"Asia/Singapore": -28800, "America/New_York": 18000, "UTC": 0}[zone]

    child = subprocess.run(
        [sys.executable, "-c", telling], cwd=ROOT, env={"TZ": zone}, capture_output=True, check=True
    )

    assert child.stdout.decode() == f"{told()}\n{offset}\n"
