"""Backtest and live make the same trades of snapshots, order for order."""

import shutil

import pandas as pd
import pytest

from bot.snapshots_publication import RELEASES
from tests.bot.panels import CALENDAR, LAST, PRODUCTS, STOCKS, WITH_SNAPSHOTS, Panel, a_panel
from tests.bot.parity import dirty, live, replayed, written

RUSSELL, TOP20 = "russell_1000_multi_factor_defensive", "mega_cap_leader_rotation_dynamic_top20"
SPARED = ("QQQ",)


# Long replays measure trades, not lines: tracing them would double their time.
def long(test):
    return pytest.mark.slow(pytest.mark.no_cover(test))


@pytest.fixture(scope="module")
def panel(tmp_path_factory):
    return a_panel(tmp_path_factory.mktemp("panel"), months=5, seed=7)


def begins(panel, ahead=2):
    return CALENDAR.before(panel.ends[0], ahead).date


def both(settings, first):
    return live(settings, first, LAST), replayed(settings, first, LAST)


@long
@pytest.mark.parametrize("name", WITH_SNAPSHOTS)
def test_half_a_year_of_snapshots(panel, name):
    traded, tested = both(panel.book(name), begins(panel))

    assert len({session for session, *_ in traded}) >= 4
    assert {symbol for _, symbol, *_ in traded} - {"BOXX"}
    assert tested == traded


WAYS = {
    "slippage beyond the first limit": {"broker": {"slippage": "0.005"}},
    "money that buys when it is settled": {"broker": {"proceeds": "settled"}},
    "a small account": {"broker": {"cash": 4_000}, "rules": {"min_notional": 10}},
    "shares of the owner": {
        "broker": {"shares": {STOCKS[0]: 30, STOCKS[1]: 7, "BOXX": 12}},
        "rules": {"keep": {STOCKS[0]: 5}},
    },
    "drills": {"broker": {"drills": dict.fromkeys(STOCKS[::2], 3)}},
}


@long
@pytest.mark.parametrize("name", [RUSSELL, TOP20, PRODUCTS])
@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_trading(panel, name, way):
    settings = panel.book(name, **WAYS[way])

    traded, tested = both(settings, CALENDAR.before(panel.ends[2], 1).date)

    assert traded
    assert tested == traded


@long
@pytest.mark.parametrize("name", [RUSSELL, TOP20, PRODUCTS])
def test_prices_with_holes_and_leaps(panel, name, tmp_path):
    clean = pd.read_csv(panel.prices, index_col=0, parse_dates=True)
    prices = written(dirty(clean, 5, SPARED), tmp_path / "dirty.csv")
    settings = panel.book(name, prices=prices)

    traded, tested = both(settings, begins(panel))

    assert traded
    assert tested == traded


@long
@pytest.mark.parametrize("name", [RUSSELL, PRODUCTS])
def test_a_release_nobody_vouches_for_and_a_month_without_one(panel, name, tmp_path):
    panel.releases(name)
    own = Panel(tmp_path / "own", panel.ends)
    shutil.copytree(panel.folder, own.folder, symlinks=True)
    folders = sorted((own.folder / name / RELEASES).iterdir())
    snapshot = folders[1] / f"{name}_feature_snapshot_latest.csv"
    snapshot.write_bytes(snapshot.read_bytes() + b"\n")
    shutil.rmtree(folders[3])

    traded, tested = both(own.book(name), begins(own))

    assert traded
    assert tested == traded
