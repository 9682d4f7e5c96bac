from dataclasses import replace

import pandas as pd
import pytest

from strategies.multi_factor_defensive import FEED, MultiFactorDefensive
from tests.strategies.builders import CALENDAR, a_snapshot, a_stock, a_view, facts_of, sessions

TOLD = MultiFactorDefensive()
SPY = a_stock("SPY", eligible=False)


def ladder(count, sector="Energy", prefix="S"):
    """Stocks of one sector, the first the best."""
    return [
        a_stock(f"{prefix}{place:02}", sector=sector, mom_6_1=1.0 - place / 100)
        for place in range(count)
    ]


def chosen(stocks, *held, **params):
    told = MultiFactorDefensive(**params)
    return told.select(a_view(told, [*stocks, SPY], *held)).chosen


def test_a_sector_has_as_many_names_as_its_cap_pays_for():
    names = chosen([*ladder(9), *ladder(9, "Utilities", "U")])

    assert names == ("S00", "U00", "S01", "U01", "S02", "U02", "S03", "U03")


def test_the_best_of_a_sector_are_compared_within_it():
    moms = (-5.0, -7.0, -7.0)
    weak = [{**stock, "mom_6_1": mom} for mom, stock in zip(moms, ladder(3), strict=True)]

    assert chosen([*weak, *ladder(2, "Utilities", "U")], holdings_count=1) == ("S00",)


def test_what_is_held_is_worth_a_bonus():
    two = [a_stock("A", mom_6_1=0.12), a_stock("B", mom_6_1=0.10)]

    assert chosen(two, "B", hold_bonus=0.5, holdings_count=1) == ("A",)
    assert chosen(two, "B", hold_bonus=0.8, holdings_count=1) == ("B",)


def test_in_a_bad_market_a_tenth_is_left_in_stocks():
    falling = [{**stock, "sma200_gap": -0.1} for stock in [*ladder(24), SPY]]

    decision = TOLD.decide(a_view(TOLD, falling))

    assert (decision.reason, decision.flags) == ("hard_defense", ("hard_defense",))
    assert decision.targets["BOXX"] == pytest.approx(0.9)
    assert decision.targets["S00"] == pytest.approx(0.1 / 24)


@pytest.mark.parametrize("equity", [None, -5.0, 100.0, 1e9])
def test_equity_changes_nothing(equity):
    stocks = [*ladder(9), SPY]

    assert TOLD.decide(a_view(TOLD, stocks, equity=equity)) == TOLD.decide(a_view(TOLD, stocks))


@pytest.mark.parametrize("factor", ["mom_6_1", "mom_12_1", "sma200_gap", "vol_63", "maxdd_126"])
def test_a_stock_of_which_a_factor_is_unknown_is_no_candidate(factor):
    assert chosen([a_stock("A"), a_stock("B", **{factor: None})]) == ("A",)


@pytest.mark.parametrize(("eligible", "names"), [(None, ("A",)), ("no", ()), (True, ("A",))])
def test_what_is_not_said_to_be_ineligible_is_eligible(eligible, names):
    assert chosen([a_stock("A", eligible=eligible)]) == names


def test_the_safe_haven_and_the_benchmark_are_no_stocks():
    assert chosen([a_stock("BOXX"), a_stock("A")]) == ("A",)


def test_a_snapshot_is_acted_on_for_three_sessions():
    known_on = pd.Timestamp(CALENDAR.after(sessions(30)[20].date()).date)
    feed = a_snapshot(("A", "SPY"), known_on, seed=1)
    facts = replace(facts_of(pd.DataFrame(index=sessions(30))), feeds={FEED: feed})

    days = TOLD.features(facts).index.get_level_values("session").unique()

    assert list(days) == list(sessions(30)[21:24])
