from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bot.domain.errors import Blocked, SettingsError
from bot.domain.features import Features
from bot.domain.strategy import Facts, Rebalance, Rows, View
from strategies import constituents, fundamentals
from strategies.fuguo_etf_rotation import FuguoEtfRotation
from strategies.fundamentals import FACTORS
from tests.strategies.builders import facts_for, facts_of, holdings, random_closes, sessions

NAN = float("nan")
FUNDS = tuple("ABCDEFGH")
EIGHT = FuguoEtfRotation(pool=FUNDS, holdings=3)


def known_facts(seed: int = 3) -> Facts:
    return facts_for(EIGHT, random_closes, 400, seed)


def with_reports(facts: Facts, reports: pd.DataFrame) -> Facts:
    return replace(facts, feeds={**facts.feeds, fundamentals.FEED: reports})


def a_view(**composites: float) -> View:
    day = pd.Timestamp("2026-03-31")
    index = pd.MultiIndex.from_product([[day], sorted(composites)], names=["session", "symbol"])
    rows = pd.DataFrame({"composite": [composites[name] for name in sorted(composites)]}, index)
    return View(day.date(), Rows(rows), holdings(A=1.0, OLD=2.0))


def test_the_sessions_are_the_months_last():
    facts = known_facts()

    days = Features(EIGHT, facts).frame.index.get_level_values("session").unique()

    assert set(days) == set(EIGHT.due(facts)) & set(facts.closes.index)
    assert all(day.month != facts.sessions[facts.sessions.get_loc(day) + 1].month for day in days)


def test_the_composite_is_the_mean_of_the_cut_scores_that_are_known():
    frame = EIGHT.features(known_facts())
    day = frame.index.get_level_values("session")[-1]

    rows = frame.loc[day]

    scores = (rows[list(FACTORS)] - rows[list(FACTORS)].mean()) / rows[list(FACTORS)].std(ddof=0)
    np.testing.assert_allclose(rows["composite"], scores.clip(-3, 3).mean(axis=1), rtol=1e-9)
    assert (rows["known"] == len(FACTORS)).all()


def test_a_score_is_cut_at_so_many_deviations():
    facts = known_facts()

    cut = replace(EIGHT, winsor=0.5).features(facts)["composite"]

    assert cut.abs().max() <= 0.5
    assert EIGHT.features(facts)["composite"].abs().max() > 0.5


def test_a_factor_that_is_missing_is_not_counted_and_too_few_make_no_composite():
    facts = known_facts()
    reports = facts.feeds[fundamentals.FEED]
    four = with_reports(facts, reports.assign(pe=NAN, eps_forecast=NAN))
    three = with_reports(facts, reports.assign(pe=NAN, eps_forecast=NAN, net_profit=NAN))

    whole, thin = EIGHT.features(four), EIGHT.features(three)

    assert (whole["known"].iloc[-8:] == 4).all()
    assert whole["composite"].iloc[-8:].notna().all()
    assert thin["composite"].isna().all()
    assert replace(EIGHT, min_factors=3).features(three)["composite"].iloc[-8:].notna().all()


def test_a_report_published_later_changes_nothing_before():
    facts = known_facts()
    days = EIGHT.due(replace(facts, sessions=facts.sessions[:400]))
    published = days[9] + pd.Timedelta(days=1)
    stocks = facts.feeds[constituents.FEED]["symbol"].unique()
    planted = pd.DataFrame({"symbol": stocks, "as_of": days[9], "known_on": published}).assign(
        **dict.fromkeys(fundamentals.LAYOUT.readings, 1e6)
    )
    reports = pd.concat([facts.feeds[fundamentals.FEED], planted], ignore_index=True)

    before, after = Features(EIGHT, facts), Features(EIGHT, with_reports(facts, reports))

    told = [(before.decide(day.date(), {}), after.decide(day.date(), {})) for day in days[4:]]
    assert [one == other for one, other in told[:6]] == [True] * 6
    assert told[6][0] != told[6][1]
    pd.testing.assert_frame_equal(
        before.frame.loc[: days[9]], after.frame.loc[: days[9]], check_exact=True
    )


def test_the_best_composites_are_held_in_equal_parts_and_all_else_is_left():
    said = EIGHT.decide(a_view(A=0.1, B=0.4, C=NAN, D=0.3, E=0.2))

    assert said.targets == {"B": 1 / 3, "D": 1 / 3, "E": 1 / 3, "A": 0.0, "OLD": 0.0}
    assert (said.reason, said.lapses) == ("rotation", False)


def test_of_equal_composites_the_first_by_name_is_held():
    said = EIGHT.decide(a_view(E=0.1, D=0.1, C=0.1, B=0.1))

    assert [symbol for symbol, weight in said.targets.items() if weight] == ["B", "C", "D"]


def test_what_is_not_placed_is_safe():
    said = EIGHT.decide(a_view(A=0.1, B=NAN, C=-0.4))

    assert isinstance(said, Rebalance)
    assert said.targets == pytest.approx({"A": 1 / 3, "C": 1 / 3, "BIL": 1 / 3, "OLD": 0.0})
    assert said.reason == "slots_unfilled"


def test_data_that_is_not_there_sells_nothing():
    with pytest.raises(Blocked, match="nothing_ranked"):
        EIGHT.decide(a_view(A=NAN, B=NAN))


def test_a_safe_haven_in_the_pool_is_refused():
    with pytest.raises(SettingsError, match="bad_parameter"):
        FuguoEtfRotation(pool=("XLK", "BIL"))


def test_a_month_of_which_the_end_is_not_known_is_not_due():
    days = sessions(15)
    facts = replace(facts_of(pd.DataFrame(index=days)), sessions=days)

    assert EIGHT.due(facts).empty
