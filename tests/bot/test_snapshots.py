from datetime import date

import pytest

from bot.domain.errors import SettingsError
from bot.snapshots import Maker, month_end
from strategies import strategy
from tests.bot.months import CALENDAR, POOL, RUSSELL, TECH, TOP20

ENDS = [
    (date(2024, 7, 1), date(2024, 7, 31)),
    (date(2024, 7, 31), date(2024, 7, 31)),
    (date(2024, 3, 15), date(2024, 3, 28)),
    (date(2024, 8, 31), date(2024, 8, 30)),
    (date(2024, 2, 29), date(2024, 2, 29)),
    (date(2024, 12, 31), date(2024, 12, 31)),
    (date(2022, 12, 31), date(2022, 12, 30)),
]


@pytest.mark.parametrize(("day", "last"), ENDS)
def test_a_month_ends_with_its_last_session(day, last):
    assert month_end(day, CALENDAR) == last


def maker(name, **params):
    return Maker(name, strategy(name, params))


BENCHMARKS = [
    (RUSSELL, {}, "SPY", ("SPY",)),
    (RUSSELL, {"benchmark_symbol": "iwb"}, "IWB", ("IWB",)),
    (TECH, {}, "QQQ", ("QQQ", "SPY")),
    (TECH, {"benchmark_symbol": "XLK"}, "XLK", ("QQQ", "SPY", "XLK")),
    (TOP20, {"broad_benchmark_symbol": "VTI"}, "QQQ", ("QQQ", "VTI")),
    (POOL, {}, None, ()),
]


@pytest.mark.parametrize(("name", "params", "benchmark", "vital"), BENCHMARKS)
def test_the_benchmarks_of_the_rule_must_be_right(name, params, benchmark, vital):
    told = maker(name, **params)

    assert (told.benchmark, told.reading.vital) == (benchmark, vital)


def test_the_limits_of_a_family_are_those_of_the_rule():
    family = maker(TECH, sector_whitelist=("Energy",), min_adv20_usd=1e6, safe_haven="BIL").family

    assert (family.sectors, family.min_adv) == (("Energy",), 1e6)
    assert family.references["BIL"] == "defense"
    assert maker(TOP20, min_adv20_usd=5.0).family.min_adv == 5.0


def test_a_rule_without_snapshots_has_no_family():
    with pytest.raises(SettingsError, match="profile_without_snapshot"):
        _ = maker("global_etf_rotation").family
