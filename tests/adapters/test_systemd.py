import logging
import os
import socket
from collections.abc import Callable, Iterator

import pytest

from adapters.systemd import Systemd

LONGEST = 4096
IN_NO_FOLDER = f"@bellwether-test-{os.getpid()}"


@pytest.fixture
def heard() -> Iterator[Callable[[str], socket.socket]]:
    """A service manager: it listens where it is told to."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:

        def listening(address: str) -> socket.socket:
            manager.bind(address.replace("@", "\0", 1))
            manager.settimeout(0)
            return manager

        yield listening


@pytest.fixture(params=["in a folder", "in no folder"])
def place(request, tmp_path) -> str:
    return str(tmp_path / "notify") if request.param == "in a folder" else IN_NO_FOLDER


def test_a_beat_says_that_the_daemon_is_armed_alive_and_what_it_waits_for(heard, place):
    manager = heard(place)

    Systemd(place, every=1).beat("next: Friday\n15:45")

    assert manager.recv(LONGEST) == b"READY=1\nWATCHDOG=1\nSTATUS=next: Friday 15:45"


def test_a_doubt_is_no_sign_of_life(heard, place):
    manager = heard(place)

    Systemd(place, every=1).doubt("the ledger is damaged")

    assert manager.recv(LONGEST) == b"STATUS=the ledger is damaged"


def test_an_end_is_announced(heard, place):
    manager = heard(place)

    Systemd(place, every=1).ending()

    assert manager.recv(LONGEST) == b"STOPPING=1"


def test_a_manager_that_is_gone_stops_nobody(tmp_path, caplog):
    Systemd(str(tmp_path / "gone"), every=1).beat("next: Friday")

    assert "the service manager was not told READY=1" in caplog.text
    assert caplog.records[0].levelno == logging.WARNING


def test_a_manager_that_does_not_read_is_not_waited_for(heard, place, caplog):
    heard(place)
    systemd = Systemd(place, every=1)

    while not caplog.records:
        systemd.beat("next: Friday")

    assert "the service manager was not told" in caplog.text
