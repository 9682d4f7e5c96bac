"""The daemon and a gateway in processes of their own: what only a gateway does to a day."""

import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from adapters.sims.tws_faults import Fault, FaultKind
from bot.domain.memory import Outcome
from tests.bot.broker_houses import DAY, NEXT, new_york, span
from tests.bot.daemon_process import Daemon
from tests.bot.ibkr_house import IbkrHouse, at_ibkr
from tests.bot.test_broker_daemons import COMPLETE, TRADED

pytestmark = pytest.mark.slow

LOOK_AGAIN = 0.01
PATIENCE = 60.0
DURING_THE_RUN = 'restart_begins = "15:40:00"\nrestart_ends = "16:05:00"'


@pytest.fixture
def folder():
    """A folder whose path is short enough for a socket in it."""
    with tempfile.TemporaryDirectory(prefix="bw-") as short:
        yield Path(short)


@pytest.fixture
def house(folder) -> Iterator[IbkrHouse]:
    with at_ibkr(folder, lambda _, __: None) as there:
        yield there


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(LOOK_AGAIN)


def test_a_gateway_that_restarts_with_an_order_on_the_way_changes_nothing_of_the_day(house):
    house.control.fail(Fault(FaultKind.DELAY, symbol="BOXX", seconds=0.3))
    with house.daemon(*span(DAY)) as running:
        wait_until(house.asked)
        house.control.restart(seconds=0.2)
        running.wait_for(COMPLETE)

    assert house.booked() == TRADED


def test_a_line_that_is_dead_and_looks_alive_is_given_up_and_the_day_completes(house):
    house.control.fail(Fault(FaultKind.DELAY, symbol="TQQQ", seconds=0.3))
    with house.daemon(*span(DAY)) as running:
        wait_until(lambda: house.asked() == 2)
        house.control.silence()
        wait_until(lambda: "not as it should be: ibkr_no_answer" in running.log.read_text())
        house.control.speak()
        running.wait_for(COMPLETE)

    assert house.booked() == TRADED


def test_nothing_is_sent_in_the_window_of_the_restart_and_the_rebalance_is_owed(folder):
    with (
        at_ibkr(folder, lambda _, __: None, DURING_THE_RUN) as house,
        house.daemon(*span(DAY)) as running,
    ):
        told = running.wait_for(f"{DAY}: not complete")

        assert house.asked() == 0
        assert "nothing is sent while the gateway restarts, 15:40:00 to 16:05:00" in told
        assert house.report(DAY).outcome is Outcome.OWED


def heard_of(running: Daemon, day: date) -> None:
    """Let the owner hear of a line: time goes on once the daemon has something to say."""
    wait_until(lambda: "needs a person" in running.log.read_text())
    running.go_on(new_york(day, 17), new_york(day, 17, 10))


def test_an_outage_is_told_with_its_beginning_and_when_it_is_over(house):
    house.cut()
    with house.daemon(*span(DAY)) as running:
        running.wait_for(f"{DAY}: BLOCKED")
        heard_of(running, DAY)
        running.wait_for(f"since Wed {DAY}")
        house.restore()
        house.open_on(NEXT)
        running.go_on(*span(NEXT))
        running.wait_for(f"{NEXT}: complete")
        told = running.wait_for("over: no IB Gateway answers at").splitlines()

    begun = [line for line in told if line.startswith("no IB Gateway answers") and "since" in line]
    assert (len(begun), len([line for line in told if line.startswith("over: ")])) == (1, 1)
    assert house.traded(NEXT)
