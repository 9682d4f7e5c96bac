import pytest

from bot.domain.errors import SettingsError
from strategies.mega_cap_leaders import (
    AggressiveLeaders,
    BalancedLeaders,
    MegaCapLeaders,
    Sleeve,
)
from tests.strategies.builders import a_stock, a_view

TOLD = MegaCapLeaders()
REFERENCES = [a_stock("QQQ", eligible=False), a_stock("SPY", eligible=False)]
FALLING = [{**stock, "sma200_gap": -0.1} for stock in REFERENCES]


def ladder(count):
    return [a_stock(f"S{place:02}", mom_6m=1.0 - place / 10) for place in range(count)]


def targets(told, *held, stocks=(), references=REFERENCES, equity=None):
    world = [*(stocks or ladder(9)), *references]
    decided = told.decide(a_view(told, world, *held, equity=equity)).targets
    return {symbol: pytest.approx(weight) for symbol, weight in decided.items() if weight}


def test_the_four_best_are_held_in_equal_weights():
    assert targets(TOLD) == dict.fromkeys(("S00", "S01", "S02", "S03"), 0.25)


def test_below_the_trend_half_of_it_is_held():
    assert targets(TOLD, references=FALLING)["BOXX"] == 0.5
    assert targets(TOLD, references=FALLING)["S00"] == 0.125


@pytest.mark.parametrize("gap", [0.0, None])
def test_a_trend_that_is_flat_or_unknown_is_none(gap):
    references = [a_stock("QQQ", eligible=False, sma200_gap=gap), REFERENCES[1]]

    assert targets(TOLD, references=references)["BOXX"] == 0.5


def test_the_aggressive_profile_stays_invested_and_says_so():
    told = AggressiveLeaders()

    decision = told.decide(a_view(told, [*ladder(9), *FALLING]))

    assert decision.reason == "stays_invested"
    assert list(decision.targets) == ["S00", "S01", "S02"]
    assert sum(decision.targets.values()) == pytest.approx(1.0)


def test_a_held_name_within_the_buffer_keeps_its_place():
    kept = targets(TOLD, "S05", "S04")

    assert list(kept) == ["S04", "S05", "S00", "S01"]


def test_a_held_name_beyond_the_buffer_does_not():
    assert "S06" not in targets(MegaCapLeaders(hold_bonus=0.0), "S06")


@pytest.mark.parametrize(
    ("equity", "names"), [(None, 4), (5_000.0, 1), (6_000.0, 2), (12_000.0, 4), (1e9, 4)]
)
def test_a_small_account_holds_fewer_names_and_no_more_of_each(equity, names):
    held = targets(TOLD, equity=equity)

    assert len(held) - ("BOXX" in held) == names
    assert held["S00"] == 0.25


@pytest.mark.parametrize("equity", [0.0, -1.0])
def test_an_account_without_equity_buys_nothing_and_says_so(equity):
    decision = TOLD.decide(a_view(TOLD, [*ladder(9), *REFERENCES], equity=equity))

    assert (decision.reason, decision.targets) == ("none_affordable", {"BOXX": 1.0})


def test_without_exposure_the_market_is_the_reason():
    told = MegaCapLeaders(soft_defense_exposure=0.0)

    decision = told.decide(a_view(told, [*ladder(9), *FALLING]))

    assert (decision.reason, decision.targets) == ("soft_defense", {"BOXX": 1.0})


@pytest.mark.parametrize("factor", ["mom_12_1", "mom_3m", "high_252_gap", "maxdd_126"])
def test_a_stock_of_which_a_factor_is_unknown_is_no_candidate(factor):
    stocks = [a_stock("A"), a_stock("B", **{factor: None})]

    assert targets(TOLD, stocks=stocks) == {"A": 0.25, "BOXX": 0.75}


@pytest.mark.parametrize("never", ["QQQ", "SPY", "BOXX"])
def test_references_are_never_bought(never):
    others = [stock for stock in REFERENCES if stock["symbol"] != never]

    held = targets(TOLD, stocks=[a_stock("A"), a_stock(never)], references=others)

    assert held["A"] == 0.25
    assert set(held) == {"A", "BOXX"}


def test_two_sleeves_hold_the_best_more_than_once():
    assert targets(BalancedLeaders()) == {"S00": 0.375, "S01": 0.375, "S02": 0.125, "S03": 0.125}


def test_each_sleeve_has_its_part_of_the_equity():
    assert targets(BalancedLeaders(), equity=10_000.0) == {"S00": 0.375, "BOXX": 0.625}
    assert len(targets(BalancedLeaders(), equity=24_000.0)) == 4


def test_each_sleeve_has_its_own_buffer():
    held = targets(BalancedLeaders(hold_bonus=0.0), "S03", "S05")

    assert held == {"S03": 0.375, "S00": 0.375, "S05": 0.125, "S01": 0.125}


def test_the_weights_of_sleeves_are_shares_of_their_sum():
    told = MegaCapLeaders(blend_sleeves=("3.0 top1 cap0.4", "1.0 top5 cap0.2"))

    assert [sleeve.weight for sleeve in told.sleeves] == [0.75, 0.25]
    assert targets(told)["S00"] == 0.75 * 0.4 + 0.25 * 0.2


def test_without_sleeves_there_is_one():
    assert BalancedLeaders(blend_sleeves=()).sleeves == (Sleeve(1.0, 4, 0.25),)


@pytest.mark.parametrize("sleeve", [Sleeve(0.5, 2, 0.5), Sleeve(1 / 3, 10, 0.123456789)])
def test_a_sleeve_is_read_as_it_is_written(sleeve):
    assert Sleeve.read(str(sleeve)) == sleeve


@pytest.mark.parametrize(
    "text",
    [
        *("", "0.5", "0.5 top2", "0.5 top2 cap0.5 more", "0 top2 cap0.5", "-1 top2 cap0.5"),
        *("nan top2 cap0.5", "inf top2 cap0.5", "0.5 top0 cap0.5", "0.5 top2.5 cap0.5"),
        *("0.5 top1001 cap0.5", "0.5 top2 cap0", "0.5 top2 cap1.5", "0.5 top2 capnan"),
    ],
)
def test_a_sleeve_that_makes_no_sense_is_refused_by_the_parameter(text):
    with pytest.raises(SettingsError, match=r"bad_parameter .*name=blend_sleeves"):
        MegaCapLeaders(blend_sleeves=(text,))


def test_the_three_profiles_read_a_feed_each():
    feeds = {told().needs.universe for told in (MegaCapLeaders, AggressiveLeaders, BalancedLeaders)}

    assert len(feeds) == 3
