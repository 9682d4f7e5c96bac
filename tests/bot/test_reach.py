from dataclasses import dataclass
from datetime import date

import pandas as pd
import pytest

from bot.domain.errors import Blocked
from bot.domain.strategy import FeedNeed, Needs
from bot.reach import Reach

PLAIN = Needs(symbols=("QQQ", "BIL"), holds=("BIL",), vital=(), sessions=5)
FED = Needs(
    symbols=("BIL",),
    holds=("BIL",),
    vital=(),
    sessions=5,
    feeds=(FeedNeed("pool", 40),),
    universe="pool",
    watches=("SPY",),
)
MAY, JUNE = date(2026, 5, 1), date(2026, 6, 1)


@dataclass
class Told:
    """Two snapshots; of some sessions nothing is told."""

    silent: tuple[date, ...] = ()

    @property
    def rows(self):
        names = [("ALFA", MAY), ("BETA", MAY), ("SPY", MAY), ("BETA", JUNE), ("GAMA", JUNE)]
        days = pd.DatetimeIndex([day for _, day in names])
        symbols = [symbol for symbol, _ in names]
        return pd.DataFrame({"symbol": symbols, "as_of": days, "known_on": days})

    def refuse(self, session):
        if session in self.silent:
            raise Blocked("feature_snapshot_stale")


def reach(priced=("BIL", "ALFA", "BETA", "GAMA"), **silent):
    return Reach(FED, {"pool": Told(**silent)}, priced)


def test_without_feeds_every_session_reaches_the_same():
    told = Reach(PLAIN)

    assert told.on(MAY) is told.every is PLAIN
    assert told.begins is None
    assert told.tables == {}


def test_a_session_reaches_what_the_newest_snapshot_names():
    told = reach()

    assert told.on(MAY).holds == ("BIL", "ALFA", "BETA")
    assert told.on(date(2026, 5, 29)) is told.on(MAY)
    assert told.on(JUNE).holds == ("BIL", "BETA", "GAMA")


def test_everything_any_snapshot_ever_named_is_reached_at_some_time():
    assert reach().every.holds == ("BIL", "ALFA", "BETA", "GAMA")


def test_it_begins_when_the_first_is_known():
    assert reach().begins == MAY


def test_a_session_a_feed_is_refused_on_is_refused():
    with pytest.raises(Blocked, match="feature_snapshot_stale"):
        reach(silent=(JUNE,)).on(JUNE)


def test_a_symbol_without_prices_blocks_the_sessions_it_is_named_on():
    told = reach(priced=("BIL", "BETA", "GAMA"))

    with pytest.raises(Blocked, match=r"symbols_missing.*ALFA"):
        told.on(MAY)
    assert told.on(JUNE)


def test_a_feed_that_is_not_there_is_missed_at_once():
    with pytest.raises(Blocked, match=r"feed_missing.*pool"):
        Reach(FED, {})
