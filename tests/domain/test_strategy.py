from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from bot.domain.errors import BellwetherError, UnnamedHoldings
from bot.domain.features import Features
from bot.domain.model import Role
from bot.domain.strategy import Decision, Facts, Hold, Holding, Needs, Rebalance, View, rotate
from tests.builders import quotes

DAYS = pd.DatetimeIndex(["2026-05-25", "2026-05-26", "2026-05-27"])
LAST, NEXT = date(2026, 5, 27), date(2026, 5, 28)
CLOSES = pd.DataFrame({"VOO": [98.0, 99.0, 100.0], "QQQ": [49.0, 49.5, np.nan]}, DAYS)
ONE_SHARE = {"VOO": Holding(Decimal(1), 100.0)}


def some_facts(**differing: object) -> Facts:
    return Facts(CLOSES, DAYS, **differing)


def today(facts: Facts, **prices: float) -> dict[str, float]:
    row = facts.with_today(NEXT, quotes(**prices)).closes.loc[pd.Timestamp(NEXT)]
    return row.dropna().to_dict()


# Facts.


def test_until_a_session_later_rows_are_unknown():
    feed = pd.DataFrame({"known_on": DAYS, "score": [1, 2, 3]})

    then = some_facts(feeds={"scores": feed}).until(date(2026, 5, 26))

    assert list(then.closes.index) == list(DAYS[:2])
    assert list(then.feeds["scores"]["score"]) == [1, 2]
    assert list(then.sessions) == list(DAYS)


def test_a_session_keeps_its_number_in_every_window():
    window = Facts(CLOSES.iloc[1:], DAYS[1:], earlier=101)

    assert some_facts(earlier=100).numbers(DAYS).tolist() == [100, 101, 102]
    assert window.numbers(DAYS[1:]).tolist() == [101, 102]


def test_highs_and_lows_end_with_the_closes_and_go_on_with_today():
    facts = some_facts(highs=CLOSES[["VOO"]] + 1, lows=CLOSES[["VOO"]] - 1)

    then = facts.until(date(2026, 5, 26)).with_today(date(2026, 5, 27), quotes(VOO=101))

    assert then.highs["VOO"].tolist() == [99.0, 100.0, 101.0]
    assert then.lows["VOO"].tolist() == [97.0, 98.0, 101.0]
    assert list(then.highs.index) == list(then.lows.index) == list(then.closes.index)


def test_until_a_closed_day_is_until_the_session_before():
    weekend = pd.DatetimeIndex(["2026-05-22", "2026-05-26"])
    facts = Facts(pd.DataFrame({"VOO": [1.0, 2.0]}, weekend), weekend)

    assert list(facts.until(date(2026, 5, 24)).closes["VOO"]) == [1.0]


def test_on_raw_prices_the_quote_is_the_close():
    assert today(some_facts(), VOO=101, QQQ=50) == {"VOO": 101.0, "QQQ": 50.0}


def test_a_symbol_without_a_quote_gets_no_bar():
    assert today(some_facts(), VOO=101) == {"VOO": 101.0}


def test_on_an_adjusted_history_the_quote_is_put_on_its_scale():
    facts = some_facts(raw_closes={"VOO": 200.0})

    assert today(facts, VOO=210) == {"VOO": 105.0}


def test_a_dividend_of_today_is_part_of_the_return():
    adjusted = some_facts(raw_closes={"VOO": 200.0}, dividends={"VOO": 2.0})
    raw = some_facts(dividends={"VOO": 2.0})
    same = some_facts(raw_closes={"VOO": 100.0}, dividends={"VOO": 2.0})

    assert today(adjusted, VOO=208) == {"VOO": 105.0}
    assert today(raw, VOO=103) == today(same, VOO=103) == {"VOO": 105.0}


def test_the_sources_own_bar_of_today_stands():
    facts = some_facts()

    assert facts.with_today(LAST, quotes(VOO=500)) is facts


def test_a_history_that_begins_today_has_one_row():
    empty = Facts(pd.DataFrame({"VOO": pd.Series(dtype=float)}, DAYS[:0]), DAYS)

    assert today(empty, VOO=101) == {"VOO": 101.0}


def test_today_changes_no_earlier_row():
    facts = some_facts(raw_closes={"VOO": 200.0})

    later = facts.with_today(NEXT, quotes(VOO=210, QQQ=50))

    pd.testing.assert_frame_equal(later.until(LAST).closes, CLOSES)


# Rotation.


def test_a_rotation_writes_a_zero_for_what_it_leaves():
    decision = rotate(out_of=["SPY", "BIL"], into={"BIL": 1.0}, reason="risk_off")

    assert decision == Rebalance({"BIL": 1.0, "SPY": 0.0}, "risk_off")


def test_a_rotation_names_what_it_wants_first_and_carries_the_rest():
    decision = rotate(
        out_of=["SPY"],
        into={"QQQ": 0.5, "BIL": 0.5},
        reason="test",
        flags=("late",),
        roles={"BIL": Role.SAFE_HAVEN},
        lapses=True,
    )

    assert list(decision.targets) == ["QQQ", "BIL", "SPY"]
    assert (decision.flags, decision.roles, decision.lapses) == (
        ("late",),
        {"BIL": Role.SAFE_HAVEN},
        True,
    )


# Features.


VOO_ONLY = Needs(("VOO",), ("VOO",), (), sessions=1)


@dataclass(frozen=True)
class Scripted:
    """A strategy that returns a frame it was given and answers as it was told."""

    frame: pd.DataFrame
    answer: Callable[[View], Decision] = lambda _: Hold("quiet")
    needs: Needs = VOO_ONLY

    def features(self, facts: Facts) -> pd.DataFrame:
        assert facts.closes is CLOSES
        return self.frame

    def decide(self, view: View) -> Decision:
        return self.answer(view)


BY_SESSION = pd.DataFrame({"trend": [1.5, np.nan], "name": ["up", "down"]}, DAYS[[0, 2]])
BY_SYMBOL = pd.DataFrame(
    {("score", "raw"): [1.0, 2.0, 3.0], ("score", "ok"): [True, False, True]},
    pd.MultiIndex.from_tuples([(DAYS[0], "VOO"), (DAYS[0], "QQQ"), (DAYS[2], "VOO")]),
)


def features(frame: pd.DataFrame = BY_SESSION, **differing: object) -> Features:
    return Features(Scripted(frame, **differing), some_facts())


def answering(**targets: float) -> Features:
    return features(answer=lambda _: Rebalance(targets, "test"))


def test_the_rows_of_the_frame_are_the_sessions_a_strategy_may_act_on():
    found = features()

    assert list(found) == [date(2026, 5, 25), LAST]
    assert LAST in found
    assert date(2026, 5, 26) not in found


def test_an_empty_frame_never_acts():
    found = features(BY_SESSION.iloc[:0])

    assert list(found) == []
    assert found.decide(LAST, {}) == Hold("not_due")


def test_a_session_has_its_own_rows():
    found = features(BY_SYMBOL)

    assert list(found.rows(date(2026, 5, 25)).table.index.get_level_values(1)) == ["VOO", "QQQ"]
    assert list(found.rows(LAST).table.index.get_level_values(1)) == ["VOO"]
    assert found.rows(date(2026, 5, 26)).table.empty


def test_the_numbers_of_a_session_are_its_finite_ones_under_flat_names():
    assert features().numbers(date(2026, 5, 25)) == {"trend": 1.5}
    assert features().numbers(LAST) == {}
    assert features(BY_SYMBOL).numbers(date(2026, 5, 25)) == {
        "VOO.score.raw": 1.0,
        "VOO.score.ok": 1.0,
        "QQQ.score.raw": 2.0,
        "QQQ.score.ok": 0.0,
    }


def test_a_strategy_is_shown_its_rows_and_the_account():
    seen: list[View] = []
    found = features(answer=lambda view: seen.append(view) or Hold("quiet"))

    decision = found.decide(LAST, ONE_SHARE, 1000.0, date(2026, 4, 30))

    (view,) = seen
    assert decision == Hold("quiet")
    assert (view.session, view.holdings, view.equity) == (LAST, ONE_SHARE, 1000.0)
    assert view.last_rebalance == date(2026, 4, 30)
    assert list(view.features.table.index) == [DAYS[2]]


def test_a_session_without_rows_is_not_asked_about():
    def refuse(_: View) -> Decision:
        raise AssertionError

    assert features(answer=refuse).decide(NEXT, {}) == Hold("not_due")


def test_an_answer_that_names_every_holding_stands():
    assert answering(VOO=0.0, QQQ=1.0).decide(LAST, ONE_SHARE) == Rebalance(
        {"VOO": 0.0, "QQQ": 1.0}, "test"
    )


def test_an_answer_that_leaves_a_holding_out_is_refused():
    with pytest.raises(UnnamedHoldings, match="VOO"):
        answering(QQQ=1.0).decide(LAST, ONE_SHARE)


@pytest.mark.parametrize(
    "weights",
    [{"VOO": 1.00001}, {"VOO": 0.6, "QQQ": 0.6}, {"VOO": 0.6, "QQQ": -0.6}, {"VOO": np.nan}],
)
def test_weights_beyond_the_declared_gross_exposure_are_refused(weights):
    with pytest.raises(BellwetherError, match="bad_weights"):
        answering(**weights).decide(LAST, {})


def test_weights_may_be_off_by_a_rounding():
    weights = {"VOO": 1.0 + 5e-7}

    assert answering(**weights).decide(LAST, {}) == Rebalance(weights, "test")


def test_a_strategy_that_declares_more_gross_exposure_may_use_it():
    found = features(
        needs=replace(VOO_ONLY, gross=1.5), answer=lambda _: Rebalance({"VOO": 1.5}, "test")
    )

    assert found.decide(LAST, {}) == Rebalance({"VOO": 1.5}, "test")


# Needs of a universe.


def a_snapshot(as_of: str, *symbols: str, **columns: list[str]) -> pd.DataFrame:
    day = pd.Timestamp(as_of)
    table = pd.DataFrame({"symbol": symbols, **columns})
    return table.assign(as_of=day, known_on=day + pd.Timedelta(days=1))


def test_the_newest_snapshot_known_says_what_may_be_owned_and_what_is_read():
    needs = Needs(("BOXX",), ("BOXX",), (), 5, universe="pool", watches=("SPY",))
    rows = pd.concat(
        [
            a_snapshot("2026-05-24", "OLD", underlying_symbol=["OLD"]),
            a_snapshot("2026-05-26", "NVDL", "SPY", "", underlying_symbol=["NVDA", "SPY", "X"]),
            a_snapshot("2026-05-27", "NEW", underlying_symbol=["NEW"]),
        ]
    )

    wide = needs.widened({"pool": rows}, date(2026, 5, 27))

    assert wide.holds == ("BOXX", "NVDL")
    assert wide.symbols == ("BOXX", "NVDL", "NVDA", "SPY", "X")


def test_without_a_universe_needs_are_what_they_are():
    needs = Needs(("VOO",), ("VOO",), (), 5)

    assert needs.widened({}, LAST) is needs


def test_a_short_of_an_undeclared_symbol_is_refused_by_name():
    with pytest.raises(BellwetherError, match=r"undeclared_short.*QQQ"):
        answering(QQQ=-0.5).decide(LAST, {})


def test_a_declared_short_may_be_wanted():
    hedge = {"VOO": 0.5, "QQQ": -0.5}
    found = features(
        needs=replace(VOO_ONLY, shorts=("QQQ",)), answer=lambda _: Rebalance(hedge, "test")
    )

    assert found.decide(LAST, {}) == Rebalance(hedge, "test")
