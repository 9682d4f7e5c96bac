from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest

from bot.domain.errors import DataError
from bot.domain.strategy import Facts, Hold, Needs, Rebalance, rotate
from bot.hindsight import CUTS, look_into
from strategies import PROFILES
from tests.bot.panels import CALENDAR, LAST
from tests.strategies.builders import facts_for, gappy_closes

NEEDED, ROWS = 20, 300
DAYS = CALENDAR.index(CALENDAR.before(LAST, ROWS - 1).date, LAST, 0)


def prices():
    steps = np.random.default_rng(3).normal(0.0, 0.01, (ROWS, 2))
    return pd.DataFrame(100 * np.exp(np.cumsum(steps, axis=0)), DAYS, ["ALFA", "BETA"])


FACTS = Facts(prices(), CALENDAR.index(DAYS[0].date(), LAST))


@dataclass(frozen=True)
class Trend:
    """In ALFA while it is above its average."""

    needs = Needs(("ALFA", "BETA"), ("ALFA", "BETA"), ("ALFA",), NEEDED)

    def features(self, facts):
        closes = facts.closes["ALFA"]
        return pd.DataFrame({"gap": closes / self.average(closes) - 1.0}).dropna()

    def average(self, closes):
        # Windows of their own: a rolling mean remembers where it began.
        means = np.lib.stride_tricks.sliding_window_view(closes.to_numpy(), NEEDED).mean(axis=1)
        return pd.Series(means, closes.index[NEEDED - 1 :])

    def decide(self, view):
        risen = view.features.numbers["gap"] > 0.0
        return rotate(out_of=view.holdings, into={"ALFA" if risen else "BETA": 1.0}, reason="trend")


class SeesTomorrow(Trend):
    def average(self, closes):
        return super().average(closes).shift(-1)


class MeasuredByTheWhole(Trend):
    def average(self, closes):
        return pd.Series(closes.mean(), closes.index)


class RemembersTheBeginning(Trend):
    def average(self, closes):
        return closes.expanding(NEEDED).mean()


class ForgetsSlowly(Trend):
    def average(self, closes):
        return closes.rolling(NEEDED * 2).mean().dropna()


@dataclass(frozen=True)
class KeepsTheFuture(Trend):
    """Its numbers are clean, and it looks elsewhere when it decides."""

    seen: list = field(default_factory=list)

    def features(self, facts):
        self.seen.append(facts.closes["ALFA"])
        return super().features(facts)

    def decide(self, view):
        coming = self.seen[-1].loc[pd.Timestamp(view.session) :]
        rises = len(coming) > 1 and coming.iloc[1] > coming.iloc[0]
        return Rebalance({"ALFA": float(rises), "BETA": 0.0}, "luck")


def codes(strategy):
    return {each.code for each in look_into(strategy, FACTS).differences}


def test_a_strategy_that_knows_what_it_may_is_clean():
    told = look_into(Trend(), FACTS)

    assert told.differences == ()
    assert (told.declared, told.measured) == (NEEDED, NEEDED)
    assert told.acts_from == DAYS[NEEDED - 1].date()
    assert told.compared == ROWS - NEEDED + 1


@pytest.mark.parametrize("strategy", [SeesTomorrow, MeasuredByTheWhole, KeepsTheFuture])
def test_a_look_ahead_is_found(strategy):
    assert "looks_ahead" in codes(strategy())


def test_what_is_seen_is_said_of_a_session_before_the_cut():
    first = look_into(SeesTomorrow(), FACTS).differences[0]

    assert first.code == "looks_ahead"
    assert first.session <= first.cut
    assert first.whole != first.part


@pytest.mark.parametrize("strategy", [MeasuredByTheWhole, RemembersTheBeginning, ForgetsSlowly])
def test_what_reaches_back_further_than_it_says_is_found(strategy):
    assert "reaches_back" in codes(strategy())


def test_how_far_it_reaches_is_measured():
    assert look_into(ForgetsSlowly(), FACTS).measured >= 2 * NEEDED
    assert look_into(RemembersTheBeginning(), FACTS).measured > 100


def test_the_same_seed_cuts_at_the_same_sessions():
    one, other = look_into(Trend(), FACTS, seed=4), look_into(Trend(), FACTS, seed=4)

    assert one == other
    assert len(one.cuts) == 2 * CUTS
    assert look_into(Trend(), FACTS, seed=5).cuts != one.cuts


def test_somebody_may_watch():
    seen = []

    look_into(Trend(), FACTS, cuts=3, watch=lambda done, of: seen.append((done, of)))

    assert seen == [(done, 6) for done in range(1, 7)]


def test_a_strategy_that_never_acts_has_nothing_to_hide():
    class Never(Trend):
        def features(self, facts):
            return super().features(facts).iloc[:0]

    told = look_into(Never(), FACTS)

    assert (told.compared, told.acts_from, told.differences) == (0, None, ())


def test_a_refusal_and_holding_still_are_answers():
    class Moody(Trend):
        def decide(self, view):
            if view.session.day % 2:
                return Hold("odd")
            return Rebalance({"ALFA": 5.0}, "too much")

    assert look_into(Moody(), FACTS).differences == ()


def test_a_history_too_short_to_cut_is_refused():
    short = FACTS.until(DAYS[NEEDED].date())

    with pytest.raises(DataError, match="too_few_sessions"):
        look_into(Trend(), short)


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_is_clean(name):
    told = PROFILES[name].strategy()
    facts = facts_for(told, gappy_closes, told.needs.sessions + 300, seed=2)

    found = look_into(told, facts, cuts=3)

    assert found.differences == ()
    assert found.measured <= found.declared
