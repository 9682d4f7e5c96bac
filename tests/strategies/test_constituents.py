import pandas as pd
import pytest

from bot.domain.errors import Blocked, SettingsError
from bot.domain.strategy import Facts
from strategies.constituents import FEED, refuse_in_pool, spells

DAYS = pd.bdate_range("2026-03-02", periods=10)


def listed(known_on: str, etf: str, as_of: str | None = None, **weights: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "known_on": pd.Timestamp(known_on),
            "as_of": pd.Timestamp(as_of or known_on),
            "etf": etf,
            "symbol": list(weights),
            "weight": list(weights.values()),
        }
    )


def found(*lists: pd.DataFrame, pool=("XLK", "XLF"), days=DAYS):
    facts = Facts(pd.DataFrame(index=DAYS), DAYS, {FEED: pd.concat(lists)})
    return [(s.etf, s.start, s.end, s.symbols.tolist()) for s in spells(facts, days, pool)]


def test_a_list_is_in_force_from_the_day_it_is_known_until_the_next():
    march, later = listed("2026-03-04", "XLK", A=1.0), listed("2026-03-09", "XLK", B=1.0)

    assert found(later, march) == [("XLK", 2, 5, ["A"]), ("XLK", 5, 10, ["B"])]


def test_a_list_known_before_the_days_is_in_force_on_the_first():
    assert found(listed("2025-01-02", "XLK", A=1.0)) == [("XLK", 0, 10, ["A"])]


def test_a_list_known_on_a_closed_day_is_in_force_from_the_next_on():
    assert found(listed("2026-03-07", "XLK", A=1.0)) == [("XLK", 5, 10, ["A"])]


def test_a_list_known_after_the_days_is_not():
    assert found(listed("2026-06-01", "XLK", A=1.0)) == []


def test_of_lists_known_together_that_about_the_later_day_counts():
    older = listed("2026-03-04", "XLK", "2026-02-27", A=1.0)
    newer = listed("2026-03-04", "XLK", "2026-03-02", B=1.0)

    assert found(newer, older) == [("XLK", 2, 10, ["B"])]


def test_every_fund_of_the_pool_has_its_own():
    lists = [listed("2026-03-02", etf, A=1.0) for etf in ("XLK", "XLF", "XLE")]

    assert [etf for etf, *_ in found(*lists)] == ["XLF", "XLK"]


def test_the_largest_come_first_and_what_weighs_nothing_is_left_out():
    [spell] = found(listed("2026-03-02", "XLK", C=0.1, A=0.3, D=0.0, B=0.3))

    assert spell[3] == ["A", "B", "C"]


def test_without_the_feed_nothing_is_known():
    with pytest.raises(Blocked, match="feed_missing"):
        list(spells(Facts(pd.DataFrame(index=DAYS), DAYS), DAYS, ["XLK"]))


def test_a_safe_haven_is_not_ranked_itself():
    refuse_in_pool("BIL", ("XLK",))

    with pytest.raises(SettingsError, match="safe_haven"):
        refuse_in_pool("XLK", ("XLK",))
