"""The daemon and a broker in processes of their own: a day, an outage, deaths, a stop."""

import re
import signal
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.memory import Outcome
from tests.bot.broker_houses import (
    DAY,
    NEXT,
    RealHouse,
    at_longport,
    at_schwab,
    on_paper,
    span,
)
from tests.bot.ibkr_house import at_ibkr

pytestmark = pytest.mark.slow

TRADED = {("BOXX", "sell"): 142, ("TQQQ", "buy"): 378, ("QQQ", "buy"): 23}
COMPLETE = f"{DAY}: complete"
STOPS_WITHIN = 5.0  # seconds
RESTART = timedelta(seconds=20)
LOOK_AGAIN = 0.01


@pytest.fixture
def folder():
    """A folder whose path is short enough for a socket in it."""
    with tempfile.TemporaryDirectory(prefix="bw-") as short:
        yield Path(short)


@pytest.fixture(params=[at_schwab, at_longport, at_ibkr], ids=lambda opened: opened.__name__)
def house(request, folder, monkeypatch) -> Iterator[RealHouse]:
    with request.param(folder, monkeypatch.setenv) as there:
        yield there


def test_a_day_from_wake_to_report_trades_what_paper_trades(house, folder):
    with house.daemon(*span(DAY)) as running:
        said = running.wait_for(COMPLETE)
        ended = running.end()

    with on_paper(folder / "paper") as paper, paper.daemon(*span(DAY)) as running:
        running.wait_for(COMPLETE)
    assert house.traded() == paper.traded()
    assert house.booked() == TRADED
    assert (house.asked(), ended) == (3, 0)
    assert said.count(f"{DAY}: ") == 1


def test_an_outage_of_a_whole_day_blocks_the_book_and_the_next_day_is_fine(house):
    house.cut()
    with house.daemon(*span(DAY)) as running:
        blocked = running.wait_for(f"{DAY}: BLOCKED")
        house.restore()
        house.open_on(NEXT)
        running.go_on(*span(NEXT))
        running.wait_for(f"{NEXT}: complete")

    # At first, and at last.
    assert blocked.count("BLOCKED") == 2
    assert re.search(house.unreached, blocked)
    assert house.report(DAY).outcome is Outcome.BLOCKED
    assert house.traded(NEXT)
    assert house.asked() == 3


IN_THE_MIDDLE = {
    "first sale, heard": (0, True, None),
    "first sale, not heard": (0, False, "BOXX"),
    "first purchase, heard": (1, True, None),
    "first purchase, not heard": (1, False, "TQQQ"),
}


@pytest.mark.parametrize(("number", "heard", "lost"), IN_THE_MIDDLE.values(), ids=IN_THE_MIDDLE)
def test_a_daemon_killed_in_the_middle_of_an_order_repeats_nothing(house, number, heard, lost):
    house.hang(number, heard=heard)
    with house.daemon(*span(DAY)) as running:
        while house.asked() <= number:
            time.sleep(LOOK_AGAIN)
        running.end(signal.SIGKILL)

    with house.daemon(house.now() + RESTART, span(DAY)[1]) as running:
        running.wait_for(f"{DAY}: {'not complete' if lost else 'complete'}")
        booked = house.booked()
        house.settle()
        house.open_on(NEXT)
        running.go_on(*span(NEXT))
        running.wait_for(f"{NEXT}: ")

    assert all(shares <= TRADED[what] for what, shares in booked.items())
    assert lost not in {symbol for symbol, _ in booked}
    assert booked == TRADED if lost is None else lost in {t[0] for t in house.traded(NEXT)}


def test_a_daemon_told_to_stop_in_an_order_nobody_answers_ends_at_once_and_leaves_nobody(house):
    house.hang(0, heard=True)
    with house.daemon(*span(DAY)) as running:
        while not house.asked():
            time.sleep(LOOK_AGAIN)
        children = running.children()
        began = time.monotonic()
        code = running.end()
        took = time.monotonic() - began

    assert (code, took < STOPS_WITHIN) == (0, True)
    assert len(children) == house.processes
    assert [child for child in children if Path(f"/proc/{child}").exists()] == []
    with house.daemon(house.now() + RESTART, span(DAY)[1]) as running:
        running.wait_for(COMPLETE)
    assert house.booked() == TRADED
