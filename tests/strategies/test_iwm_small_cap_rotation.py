from datetime import date

import numpy as np
import pandas as pd
import pytest

from bot.domain.errors import BellwetherError, SettingsError
from bot.domain.features import Features
from bot.domain.model import Role
from bot.domain.strategy import Hold, Rebalance
from strategies.iwm_small_cap_rotation import IwmSmallCapRotation
from tests.strategies.builders import a_table, facts_of, holdings, random_closes

TOLD = IwmSmallCapRotation()
# From 2015-01-02 on the fifth month begins with row 82; the sixth with row 102.
APRIL, MAY, JUNE, JULY = date(2015, 4, 1), date(2015, 5, 1), date(2015, 6, 1), date(2015, 7, 1)
IN_MAY = date(2015, 5, 13)
CALM, STORM = 20.0, 31.0


def a_world(small=0.001, large=0.0005, vix=CALM, sessions=130) -> pd.DataFrame:
    """Two funds that grow steadily, T-bills that stand still, an index that is what it is."""
    steps = np.arange(sessions)
    return a_table(
        {
            "IWM": 100 * (1 + small) ** steps,
            "SPY": 200 * (1 + large) ** steps,
            "SGOV": [100.0] * sessions,
            "VIX": [vix] * sessions,
        }
    )


def decided(world: pd.DataFrame, day: date, told=TOLD, last: date | None = None, **held: float):
    return Features(told, facts_of(world)).decide(day, holdings(**held), last_rebalance=last)


def wanted(world: pd.DataFrame, day: date, told=TOLD, **view: object) -> dict[str, float]:
    move = decided(world, day, told, **view)
    assert isinstance(move, Rebalance)
    return {symbol: weight for symbol, weight in move.targets.items() if weight}


def moves(world: pd.DataFrame, told=TOLD) -> dict[date, Rebalance]:
    """What a book that completes what it sees decides from May on."""
    features = Features(told, facts_of(world))
    said: dict[date, Rebalance] = {}
    last = APRIL
    for day in features:
        move = features.decide(day, {}, last_rebalance=last) if day >= MAY else None
        if isinstance(move, Rebalance):
            said[day] = move
            last = last if move.blind else day
    return said


def targets(world: pd.DataFrame, told=TOLD) -> dict[date, dict[str, float]]:
    return {day: dict(move.targets) for day, move in moves(world, told).items()}


def set_from(world: pd.DataFrame, symbol: str, day: date, value: float, until: date = JUNE):
    rows = (world.index >= pd.Timestamp(day)) & (world.index < pd.Timestamp(until))
    world.loc[rows, symbol] = value


@pytest.mark.parametrize(
    ("small", "large", "expected"),
    [
        (0.001, 0.0005, {"IWM": 1.0}),
        (0.0005, 0.001, {"SPY": 1.0}),
        (-0.0005, 0.001, {"SPY": 1.0}),
        (-0.0005, -0.001, {"SGOV": 1.0}),
        (0.0, -0.001, {"IWM": 1.0}),
    ],
)
def test_the_stronger_of_the_quarter_is_held_and_bills_where_both_fell(small, large, expected):
    assert wanted(a_world(small, large), MAY) == expected


@pytest.mark.parametrize(
    ("held", "expected"),
    [({}, "SPY"), ({"IWM": 3.0}, "IWM"), ({"SPY": 3.0}, "SPY"), ({"SGOV": 3.0}, "SPY")],
)
def test_an_exact_tie_keeps_what_is_held_else_the_large_companies(held, expected):
    assert wanted(a_world(0.0, 0.0), MAY, **held) == {expected: 1.0}


def test_only_a_months_first_session_is_due():
    assert set(moves(a_world())) == {MAY, JUNE, JULY}
    assert decided(a_world(), IN_MAY, last=MAY) == Hold("not_due")


def test_a_book_that_never_rebalanced_begins_with_a_month():
    world = a_world()
    set_from(world, "VIX", IN_MAY, STORM)

    assert decided(world, IN_MAY) == Hold("not_due")
    assert isinstance(decided(world, JUNE), Rebalance)


def test_the_return_is_of_sixty_three_sessions():
    features = Features(TOLD, facts_of(a_world()))

    assert features.numbers(MAY)["return_small"] == pytest.approx(1.001**63 - 1)


def test_a_high_index_halves_the_position_until_the_next_rebalance_with_a_calm_one():
    world = a_world()
    set_from(world, "VIX", IN_MAY, STORM, until=date(2015, 5, 14))

    assert targets(world) == {
        MAY: {"IWM": 1.0},
        IN_MAY: {"IWM": 0.5, "SGOV": 0.5},
        JUNE: {"IWM": 1.0},
        JULY: {"IWM": 1.0},
    }


def test_a_level_at_the_limit_is_calm():
    assert wanted(a_world(vix=30.0), MAY) == {"IWM": 1.0}


def test_a_rebalance_in_a_storm_is_reduced_from_the_beginning():
    world = a_world(vix=STORM)

    assert set(moves(world)) == {MAY, JUNE, JULY}
    assert wanted(world, MAY) == {"IWM": 0.5, "SGOV": 0.5}


def test_where_it_is_chosen_the_next_calm_session_restores():
    world = a_world()
    set_from(world, "VIX", IN_MAY, STORM, until=date(2015, 5, 15))

    told = IwmSmallCapRotation(restore="next_session")

    assert targets(world, told)[date(2015, 5, 15)] == {"IWM": 1.0}
    assert date(2015, 5, 14) not in moves(world, told)


def test_a_fall_of_more_than_a_tenth_since_the_rebalance_trips_the_breaker_once():
    world = a_world()
    base = world.loc[str(MAY), "IWM"]
    set_from(world, "IWM", IN_MAY, base * 0.899, until=date(2015, 5, 15))

    found = moves(world)

    assert found[IN_MAY].targets == {"IWM": 0.5, "SGOV": 0.5}
    assert found[IN_MAY].flags == ("drawdown_breaker",)
    assert set(found) == {MAY, IN_MAY, JUNE, JULY}


def test_a_fall_of_exactly_the_limit_trips_nothing():
    world = a_world(small=0.0, large=-0.001)
    set_from(world, "IWM", IN_MAY, 75.0)

    assert IN_MAY not in moves(world, IwmSmallCapRotation(drawdown_limit=0.25))
    assert IN_MAY in moves(world, IwmSmallCapRotation(drawdown_limit=0.2499))


def test_a_position_that_is_half_loses_half_as_much():
    world = a_world(vix=STORM)
    base = world.loc[str(MAY), "IWM"]
    set_from(world, "IWM", IN_MAY, base * 0.85)

    numbers = Features(TOLD, facts_of(world)).numbers(IN_MAY)

    assert numbers["since_small"] == pytest.approx(-0.075)
    assert numbers["fell_small"] == 0


def test_the_breaker_trips_though_the_safe_haven_has_no_price():
    world = a_world()
    set_from(world, "IWM", IN_MAY, world.loc[str(MAY), "IWM"] * 0.85)
    world["SGOV"] = np.nan

    assert IN_MAY in moves(world)


def test_both_overlays_together_leave_a_half():
    world = a_world(vix=STORM)
    set_from(world, "IWM", IN_MAY, world.loc[str(MAY), "IWM"] * 0.5)

    assert IN_MAY not in moves(world)
    assert wanted(world, MAY) == {"IWM": 0.5, "SGOV": 0.5}


def test_no_overlay_touches_the_safe_haven():
    assert wanted(a_world(-0.01, -0.01, vix=STORM), MAY) == {"SGOV": 1.0}


def test_an_unknown_index_blocks_purchases_with_a_reason_and_no_decision():
    move = decided(a_world(vix=np.nan), MAY, SPY=4.0)

    assert (move.targets, move.blind) == ({"IWM": 1.0, "SPY": 0.0}, True)
    assert "index_unknown" in move.flags


def test_an_unknown_index_keeps_no_breaker_from_tripping():
    world = a_world()
    set_from(world, "IWM", IN_MAY, world.loc[str(MAY), "IWM"] * 0.85)
    set_from(world, "VIX", IN_MAY, np.nan)

    move = decided(world, IN_MAY, last=MAY)

    assert (move.targets["IWM"], move.blind) == (0.5, True)


def test_what_was_not_bought_for_want_of_the_index_is_bought_when_it_is_back():
    world = a_world()
    set_from(world, "VIX", date(2015, 4, 30), np.nan, until=IN_MAY)

    found = moves(world)

    assert [day for day, move in found.items() if not move.blind] == [IN_MAY, JUNE, JULY]
    assert found[IN_MAY].targets == {"IWM": 1.0}
    assert all(move.blind for day, move in found.items() if day < IN_MAY)


def test_an_index_that_comes_back_in_a_storm_reduces():
    world = a_world()
    set_from(world, "VIX", date(2015, 4, 30), np.nan, until=IN_MAY)
    set_from(world, "VIX", IN_MAY, STORM)

    assert targets(world)[IN_MAY] == {"IWM": 0.5, "SGOV": 0.5}


def test_what_the_last_close_changed_is_acted_on_though_its_quote_had_not():
    world = a_world()
    set_from(world, "VIX", IN_MAY, STORM)

    the_day_after = wanted(world, date(2015, 5, 14), last=MAY)

    assert the_day_after == {"IWM": 0.5, "SGOV": 0.5}


def test_what_was_missed_for_days_is_done_when_somebody_is_there():
    world = a_world()
    set_from(world, "IWM", IN_MAY, world.loc[str(MAY), "IWM"] * 0.85)

    assert wanted(world, date(2015, 5, 28), last=MAY) == {"IWM": 0.5, "SGOV": 0.5}
    assert wanted(a_world(), IN_MAY, last=APRIL) == {"IWM": 1.0}


def test_what_is_done_is_not_done_again():
    world = a_world()
    set_from(world, "VIX", IN_MAY, STORM)

    assert decided(world, date(2015, 5, 28), last=IN_MAY) == Hold("not_due")


def test_an_index_missing_where_nothing_happens_changes_nothing():
    world = a_world()
    set_from(world, "VIX", IN_MAY, np.nan, until=date(2015, 5, 20))

    assert set(moves(world)) == {MAY, JUNE, JULY}


def test_the_allocation_multiplies_what_is_wanted():
    told = IwmSmallCapRotation(allocation=0.4)

    assert wanted(a_world(vix=STORM), MAY, told) == {"IWM": 0.2, "SGOV": 0.2}


def test_reduced_to_nothing_is_all_bills():
    told = IwmSmallCapRotation(reduced_to=0.0)

    assert wanted(a_world(vix=STORM), MAY, told) == {"SGOV": 1.0}


def test_without_closes_of_the_quarter_nothing_is_decided():
    world = a_world()
    world.loc[: str(date(2015, 3, 1)), "IWM"] = np.nan

    with pytest.raises(BellwetherError, match=r"too_few_bars.*IWM"):
        decided(world, MAY)


def test_bills_are_sold_last_and_a_missed_session_is_made_up_for():
    move = decided(a_world(), MAY)

    assert (move.roles, move.lapses) == ({"SGOV": Role.SAFE_HAVEN}, False)


def test_its_index_is_read_and_never_held():
    needs = TOLD.needs

    assert (needs.indices, needs.vital) == (("VIX",), ("IWM", "SPY"))
    assert "VIX" in needs.symbols
    assert "VIX" not in needs.holds


@pytest.mark.parametrize("name", ["large_cap", "safe_haven", "volatility_index"])
def test_a_symbol_has_one_part_only(name):
    with pytest.raises(SettingsError, match="bad_parameter"):
        IwmSmallCapRotation(**{name: "iwm"})


class Ledger:
    """The rule once more, told day by day, as a person would keep it on paper."""

    def __init__(self, restore: str) -> None:
        self.restore = restore
        self.fund = ""
        self.start: dict[str, float] = {}
        self.stormy = self.fell = False

    def day(self, closes: pd.DataFrame, at: int) -> dict[str, float] | None:
        now = closes.iloc[at]
        month = closes.index[at].month != closes.index[at - 1].month
        before = (self.stormy, self.fell)
        if month:
            past = closes.iloc[at - 63]
            small, large = now["IWM"] / past["IWM"] - 1, now["SPY"] / past["SPY"] - 1
            both = small < 0 and large < 0
            self.fund = "SGOV" if both else "IWM" if small > large else "SPY"
            self.start, self.stormy, self.fell = dict(now), False, False
        if not self.fund:
            return None
        share = 0.5 if before[0] and not month else 1.0
        gone = {s: now[s] / self.start[s] - 1 for s in ("IWM", "SPY", "SGOV")}
        lost = share * gone[self.fund] + (1 - share) * gone["SGOV"]
        self.fell |= self.fund != "SGOV" and lost < -0.10
        storm = self.fund != "SGOV" and now["VIX"] > 30
        self.stormy = storm or (self.stormy and self.restore == "next_rebalance")
        changed = (self.stormy or self.fell) != any(before)
        if not (month or changed):
            return None
        if self.fund == "SGOV" or not (self.stormy or self.fell):
            return {self.fund: 1.0}
        return {self.fund: 0.5, "SGOV": 0.5}


@pytest.mark.parametrize("restore", ["next_rebalance", "next_session"])
@pytest.mark.parametrize("seed", range(6))
def test_years_of_it_are_what_the_rule_says_told_day_by_day(seed, restore):
    closes = random_closes(["IWM", "SPY", "SGOV", "VIX"], 700, seed)
    closes["VIX"] = 30 * (closes["VIX"] / closes["VIX"].rolling(40, min_periods=1).mean()) ** 2
    closes["SGOV"] = np.linspace(100, 110, len(closes))
    told, ledger = IwmSmallCapRotation(restore=restore), Ledger(restore)

    found = Features(told, facts_of(closes))

    expected = {
        day.date(): ledger.day(closes, at) for at, day in enumerate(closes.index) if at >= 63
    }
    last = None
    for day in [day for day in found if day > closes.index[90].date()]:
        said = found.decide(day, {}, last_rebalance=last)
        last = day if isinstance(said, Rebalance) else last
        if last and expected.get(day) is not None:
            assert dict(said.targets) == expected[day], day
        else:
            assert said == Hold("not_due"), day
    assert last
