"""What an idle daemon has not loaded: it is loaded by whoever needs it."""

import subprocess
import sys

import pandas as pd
from pandas.compat import HAS_PYARROW

from adapters.price_files import load
from adapters.store import PriceStore
from adapters.synthetic import BUNDLED

NOT_YET = {"httpx", "ib_insync", "longport", "matplotlib", "pyarrow", "schwab", "telegram"}
LOADED = "import bot.__main__, sys; print(*sys.modules)"


def test_an_idle_daemon_has_loaded_no_broker_no_chat_no_pictures_and_no_arrow():
    loaded = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True
    ).stdout.split()

    assert {"pandas", "bot.process"} <= set(loaded)
    assert NOT_YET & set(loaded) == set()


def test_the_tests_see_pandas_as_the_daemon_does():
    assert not HAS_PYARROW


def test_prices_are_stored_and_read_by_a_pandas_that_knows_no_arrow(tmp_path):
    prices = load(BUNDLED).closes
    store = PriceStore(tmp_path)

    store.update(BUNDLED)

    pd.testing.assert_frame_equal(
        store.table().closes[prices.columns], prices, check_names=False, check_freq=False
    )
