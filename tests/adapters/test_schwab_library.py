"""The library as it is imported: in silence, and leaving nothing behind."""

import logging
import subprocess
import sys
from pathlib import Path

import httpx

from adapters import schwab_library

TREE = Path(__file__).parents[2]
IMPORTS = """
import warnings
before = list(warnings.filters)
import adapters.schwab_library
assert warnings.filters == before, warnings.filters
"""


def test_importing_it_warns_nobody_and_leaves_no_filter():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORTS], cwd=TREE, capture_output=True, check=False
    )

    assert (done.returncode, done.stderr.decode(), done.stdout.decode()) == (0, "", "")


def test_its_errors_are_those_we_catch():
    session = schwab_library.new_session("key", "secret", "https://127.0.0.1", {})

    assert isinstance(session, httpx.AsyncClient)


def test_what_it_would_log_of_tokens_and_balances_is_not_logged():
    schwab_library.new_session("key", "secret", "https://127.0.0.1", {})

    for name in ("httpx", "schwab.client.base"):
        assert logging.getLogger(name).getEffectiveLevel() == logging.WARNING


def test_without_a_proxy_the_hosts_own_way_is_taken():
    assert set(schwab_library.transport("", None, 4)) == {"limits"}
