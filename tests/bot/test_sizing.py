from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.errors import Blocked, DataError
from bot.sizing import LEAST, MOST, MOST_ERROR, Sizing, size_up
from bot.trial import Wish, staged
from config.settings import Settings
from tests.bot.trials import BUNDLED, ROTATION, TQQQ


def a_stage(name=ROTATION, **wished):
    return staged(Wish(name, prices=BUNDLED, **wished), Settings())


STAGE = a_stage()


def sized(equity, stage=STAGE) -> Sizing:
    return size_up(stage, Decimal(equity))


def test_a_sizing_says_whose_targets_at_which_prices():
    told = sized(3000)

    assert (told.profile, told.equity) == (ROTATION, 3000)
    # The profile rests between quarter ends; the prices are the newest there are.
    assert told.decided.isoformat() == "2026-09-30"
    assert told.priced.isoformat() == "2026-10-15"


def test_shares_are_whole_and_fit_into_the_money():
    told = sized(3000)

    spent = sum(fit.shares * fit.price for fit in told.fits)
    assert all(type(fit.shares) is int for fit in told.fits)
    assert 0 < spent <= 3000
    assert sum(fit.held for fit in told.fits) == pytest.approx(float(spent) / 3000)


def test_the_weight_error_is_the_part_of_equity_that_lies_elsewhere():
    told = sized(3000)

    apart = [fit.held - fit.wanted for fit in told.fits]
    by_hand = (sum(map(abs, apart)) + abs(sum(apart))) / 2
    assert told.weight_error == pytest.approx(by_hand)
    assert told.weight_error > MOST_ERROR


def test_a_large_account_follows_its_weights():
    told = sized(500_000)

    assert told.weight_error < MOST_ERROR
    assert told.tracking_error < sized(3000).tracking_error
    assert told.untradable == ()


def test_what_not_one_share_fits_into_is_untradable_and_the_planner_says_why():
    told = sized(150)

    wanted = {fit.symbol for fit in told.fits if fit.wanted}
    held = {fit.symbol for fit in told.fits if fit.shares}
    assert set(told.untradable) == wanted - held != set()
    assert {note.symbol for note in told.notes} >= set(told.untradable)


def test_an_account_below_the_profiles_minimum_is_called_small():
    assert sized(1000).notes[0].code == "small_account"
    assert "small_account" not in {note.code for note in sized(50_000).notes}


@settings(max_examples=15)
@given(st.floats(1.0, 12.0))
def test_from_the_smallest_equity_on_every_account_looked_at_fits(times):
    scan = sized(3000).scan
    larger = (scan.smallest * Decimal(repr(times))).to_integral_value()

    assert sized(scan.smallest).weight_error <= MOST_ERROR
    # Between two accounts looked at lies two percent of equity, and so hardly any error.
    assert sized(larger).weight_error <= MOST_ERROR * 1.1


def test_below_the_smallest_equity_an_account_does_not_fit():
    scan = sized(3000).scan

    below = (scan.smallest / Decimal("1.02")).to_integral_value()
    assert sized(below).weight_error > MOST_ERROR


def test_a_scan_says_what_it_looked_at():
    scan = sized(3000).scan

    assert (scan.first, scan.most_error) == (LEAST, MOST_ERROR)
    assert MOST / Decimal("1.02") < scan.last <= MOST
    assert scan.count > 400


def test_where_not_even_the_largest_account_fits_none_is_named():
    stage = a_stage()
    idle = replace(stage, book=replace(stage.book, rules=replace(stage.book.rules, max_orders=1)))

    assert sized(3000, idle).scan.smallest is None


def test_the_reserve_is_wanted_in_cash():
    stage = a_stage()
    rules = replace(stage.book.rules, reserve=Decimal("0.2"))

    told = sized(100_000, replace(stage, book=replace(stage.book, rules=rules)))

    assert sum(fit.wanted for fit in told.fits) == pytest.approx(0.8)


def test_targets_are_asked_for_the_equity_in_question():
    rich = a_stage(TQQQ, params={"income_threshold_usd": 100_000.0})
    income = ("SPYI", "QQQI")

    poor, wealthy = (sized(money, rich) for money in (50_000, 400_000))

    assert not any(fit.wanted for fit in poor.fits if fit.symbol in income)
    assert any(fit.wanted for fit in wealthy.fits if fit.symbol in income)


@pytest.mark.parametrize("equity", [0, -5])
def test_without_equity_nothing_can_be_fitted(equity):
    with pytest.raises(Blocked, match="no_equity"):
        sized(equity)


def test_too_short_a_history_is_refused():
    past = replace(STAGE.past, closes=STAGE.past.closes.iloc[:100])

    with pytest.raises(DataError, match="too_few_sessions"):
        sized(3000, replace(STAGE, past=past))


def test_a_profile_that_wanted_nothing_lately_is_named():
    needed = STAGE.book.strategy.needs.sessions
    # Four sessions have all the history they need, and no quarter ends in them.
    closes = STAGE.past.closes.loc[:"2026-06-20"].iloc[-needed - 3 :]
    assert len(closes) > needed

    with pytest.raises(DataError, match="no_targets"):
        sized(3000, replace(STAGE, past=replace(STAGE.past, closes=closes)))


def test_a_hedge_is_sized_with_both_its_sides():
    stage = a_stage("qqq_iwm_rotation", params={"mode": "hedged"})

    shares = {fit.symbol: fit.shares for fit in sized(100_000, stage).fits}

    assert sorted(count > 0 for count in shares.values()) == [False, True]
    assert all(shares.values())
