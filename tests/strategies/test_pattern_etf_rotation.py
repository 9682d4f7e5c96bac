from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from bot.domain.errors import Blocked
from bot.domain.features import Features
from bot.domain.model import Role
from bot.domain.strategy import Facts, Hold, Holding, Rows, View
from strategies import constituents
from strategies.indicators import hull_average, own_bars
from strategies.pattern_etf_rotation import FEED, PatternEtfRotation, balances
from tests.strategies.builders import (
    CALENDAR,
    between,
    facts_for,
    facts_of,
    gappy_closes,
    holdings,
    random_closes,
)

NAN = float("nan")
FUNDS = tuple("ABCDEF")
MODES = ("fixed", "daily", "signal_exit")
SIX = PatternEtfRotation(pool=FUNDS)

every_mode = pytest.mark.parametrize("mode", MODES)


def mode_of(mode: str) -> PatternEtfRotation:
    return replace(SIX, mode=mode)


# The balance.


def some_facts(weights: dict[str, float], patterns: dict[str, list[float]]) -> Facts:
    length = max(map(len, patterns.values()))
    facts = facts_of(random_closes(["X"], length, 0))
    days = facts.closes.index
    listed = [{"etf": "X", "symbol": s, "weight": w} for s, w in weights.items()]
    lists = pd.DataFrame(listed).assign(known_on=days[0], as_of=days[0])
    rows = [
        {"known_on": day, "as_of": day, "symbol": symbol, "patterns": value}
        for symbol, values in patterns.items()
        for day, value in zip(days, values, strict=True)
        if not np.isnan(value)
    ]
    return replace(facts, feeds={constituents.FEED: lists, FEED: pd.DataFrame(rows)})


def net_of(facts: Facts) -> list[float]:
    return balances(facts, pd.DatetimeIndex(facts.closes.index), ["X"])[:, 0].tolist()


def test_a_balance_is_bulls_less_bears_by_the_number_of_stocks():
    facts = some_facts(
        {"P": 0.7, "Q": 0.2, "R": 0.1},
        {"P": [100, 0, -100], "Q": [300, 0, -100], "R": [-200, 100, -100]},
    )

    assert net_of(facts) == pytest.approx([1 / 3, 1 / 3, -1.0])


def test_a_stock_without_data_is_not_counted():
    facts = some_facts(
        {"P": 0.5, "Q": 0.4, "NEVER": 0.1}, {"P": [100, NAN, NAN], "Q": [0, -100, NAN]}
    )

    assert net_of(facts) == pytest.approx([0.5, -1.0, NAN], nan_ok=True)


def test_what_was_known_on_a_closed_day_counts_on_the_next_session():
    facts = some_facts({"P": 1.0}, {"P": [NAN] * 6 + [100.0]})
    days = facts.closes.index
    [monday] = [at for at in range(1, 6) if days[at].weekday() == 0][:1]
    rows = facts.feeds[FEED].assign(known_on=days[monday] - pd.Timedelta(days=1))

    net = net_of(replace(facts, feeds={**facts.feeds, FEED: rows}))

    assert np.flatnonzero(~np.isnan(net)).tolist() == [monday]


def test_what_was_known_before_the_first_session_is_about_another():
    facts = some_facts({"P": 1.0}, {"P": [100.0, -100.0, -100.0]})
    window = replace(facts, closes=facts.closes.iloc[1:], sessions=facts.sessions[1:])

    assert net_of(window) == [-1.0, -1.0]


# The score and the sessions.


def test_a_score_is_the_hull_average_of_the_balance_and_beside_it_stands_the_one_before():
    facts = facts_for(SIX, random_closes, 200, 1)

    frame = mode_of("daily").features(facts).xs("C", level="symbol")

    hull = hull_average(own_bars(frame[["net"]], 44), 30)["net"]
    pd.testing.assert_series_equal(frame["score"], hull, check_names=False, check_exact=True)
    pd.testing.assert_series_equal(frame["before"], hull.shift(1), check_names=False)


def test_fixed_dates_are_those_of_the_exchange_whatever_window_is_looked_at():
    facts = facts_for(SIX, random_closes, 400, 1)

    whole = [*Features(SIX, facts)]

    gaps = [CALENDAR.distance(one, other) for one, other in pairwise(whole)]
    assert set(gaps) == {21}
    assert {CALENDAR.number(day) % 21 for day in whole} == {0}
    for first in range(1, 40):
        window = between(facts, facts.closes.index[first], facts.closes.index[-1])
        assert [*Features(SIX, window)] == [d for d in whole if d >= window.closes.index[0].date()]


@every_mode
@pytest.mark.parametrize("lives", [random_closes, gappy_closes])
def test_every_mode_sees_the_same_through_the_window_it_needs(mode, lives):
    told = mode_of(mode)
    facts = facts_for(told, lives, 400, 2)
    whole, days = told.features(facts), facts.closes.index

    for last in range(told.needs.sessions, 400, 7):
        first, today = days[last - told.needs.sessions + 1], days[last]
        row = told.features(between(facts, first, today)).loc[today:]
        pd.testing.assert_frame_equal(row, whole.loc[today:today], check_exact=True)


@every_mode
def test_no_mode_sees_ahead(mode):
    told = mode_of(mode)
    facts = facts_for(told, gappy_closes, 300, 5)
    whole = told.features(facts)

    for day in facts.closes.index[60::31]:
        then = told.features(facts.until(day.date()))
        pd.testing.assert_frame_equal(then, whole.loc[:day], check_exact=True)


# The decision.


def a_view(held: dict[str, Holding] | None = None, **scores: float | tuple[float, float]) -> View:
    """A view of scores, each alone or with the score before it."""
    day = pd.Timestamp("2026-03-31")
    names = sorted(scores)
    told = [scores[name] for name in names]
    pairs = [pair if isinstance(pair, tuple) else (pair, pair) for pair in told]
    index = pd.MultiIndex.from_product([[day], names], names=["session", "symbol"])
    rows = pd.DataFrame([(now, before) for before, now in pairs], index, ["score", "before"])
    return View(day.date(), Rows(rows), held or {})


@pytest.mark.parametrize("mode", ["fixed", "daily"])
def test_the_best_scores_are_held_in_equal_parts_be_they_below_zero(mode):
    said = mode_of(mode).decide(a_view(holdings(A=1.0, OLD=1.0), A=-0.4, B=-0.1, C=0.2, D=-0.2))

    assert said.targets == {"C": 1 / 3, "B": 1 / 3, "D": 1 / 3, "A": 0.0, "OLD": 0.0}
    assert said.reason == "rotation"
    assert said.lapses is (mode == "daily")


def test_what_is_not_placed_is_safe():
    said = SIX.decide(a_view(A=0.4, B=NAN))

    assert said.targets == pytest.approx({"A": 1 / 3, "BIL": 2 / 3})
    assert said.roles == {"BIL": Role.SAFE_HAVEN}
    assert said.reason == "slots_unfilled"


@every_mode
def test_data_that_is_not_there_sells_nothing(mode):
    with pytest.raises(Blocked, match="nothing_ranked"):
        mode_of(mode).decide(a_view(holdings(A=1.0), A=NAN, B=NAN))


def wanted(
    held: dict[str, Holding] | None = None, **scores: float | tuple[float, float]
) -> set[str]:
    said = mode_of("signal_exit").decide(a_view(held, **scores))
    assert not isinstance(said, Hold)
    return {symbol for symbol, weight in said.targets.items() if weight}


UP, DOWN = (-0.1, 0.2), (0.1, -0.2)


def test_the_signal_lets_in_what_crosses_above_zero_among_the_best():
    assert wanted(A=UP, B=(0.0, 0.3), C=0.1) == {"A", "B", "BIL"}
    assert wanted(A=(-0.1, 0.01), B=0.3, C=0.3, D=0.3) == {"BIL"}


def test_above_zero_without_crossing_it_is_no_entry():
    assert wanted(A=0.4, B=(NAN, 0.3)) == {"BIL"}


def test_what_is_held_is_kept_whatever_its_rank_until_its_score_is_zero_or_less():
    held = holdings(A=1.0, BIL=1.0)

    assert wanted(held, A=0.01, B=UP, C=0.3, D=0.3) == {"A", "B", "BIL"}
    assert wanted(held, A=0.0, B=0.3) == {"BIL"}
    assert wanted(held, A=DOWN, B=UP) == {"B", "BIL"}


def test_what_is_held_and_unknown_is_kept():
    assert wanted(holdings(A=1.0), A=NAN, B=UP, C=0.1) == {"A", "B", "BIL"}


def test_nothing_enters_where_no_place_is_free():
    held = holdings(A=1.0, B=1.0, C=1.0)

    said = mode_of("signal_exit").decide(a_view(held, A=0.1, B=0.1, C=0.1, D=UP))

    assert said == Hold("signal_unchanged")


def test_more_than_there_are_places_for_are_cut_to_the_best():
    held = holdings(A=1.0, B=1.0, C=1.0, D=1.0)

    assert wanted(held, A=0.1, B=0.2, C=0.3, D=0.4) == {"B", "C", "D"}


def test_a_book_that_begins_without_a_signal_is_safe_and_stays():
    signalled = mode_of("signal_exit")

    assert wanted(A=0.4) == {"BIL"}
    assert signalled.decide(a_view(holdings(BIL=10.0), A=0.4)) == Hold("signal_unchanged")


def test_shares_that_are_gone_are_not_held():
    gone = {"A": Holding(Decimal(0), 0.0)}

    assert wanted(gone, A=0.4) == {"BIL"}
