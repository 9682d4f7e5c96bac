"""One exchange for all who need a broker in another process."""

import pytest

from tests.bot.exchange_process import exchange


@pytest.fixture(scope="session")
def exchange_socket(tmp_path_factory):
    with exchange(tmp_path_factory.mktemp("x")) as socket:
        yield socket
