"""What several suites share: an exchange in another process, a panel with its snapshots."""

import pytest

from tests.bot.exchange_process import exchange
from tests.bot.panels import a_panel


@pytest.fixture(scope="session")
def exchange_socket(tmp_path_factory):
    with exchange(tmp_path_factory.mktemp("x")) as socket:
        yield socket


@pytest.fixture(scope="session")
def panel(tmp_path_factory):
    return a_panel(tmp_path_factory.mktemp("panel"), months=3, seed=5)
