from dataclasses import replace
from datetime import date
from functools import cache

import pytest

from bot.comparison import Comparison, compare, headed
from bot.domain.errors import DataError, SettingsError
from bot.domain.model import Note
from bot.trial import Wish
from bot.words import Language, Words
from config.settings import Settings
from tests.bot.trials import BUNDLED, ROTATION, TQQQ, tried

EN = Words(Language.EN)
SOXL = "soxl_soxx_trend_income"


def compared(*names, **wished) -> Comparison:
    return compare(names, Wish(prices=BUNDLED, **wished), Settings(), lambda _done, _of: None)


@cache
def two() -> Comparison:
    return compared(TQQQ, ROTATION)


def test_all_play_the_same_sessions():
    trials = two().trials

    assert [trial.scorecard.profile for trial in trials] == [TQQQ, ROTATION]
    assert trials[0].record.equity.index.equals(trials[1].record.equity.index)


def test_who_can_begin_last_decides_and_is_named():
    standings = two().standings

    alone = tried(Wish(ROTATION, prices=BUNDLED)).scorecard
    assert (standings.first, standings.decider) == (alone.first, ROTATION)
    assert f"all begin on {alone.first}: {ROTATION} can not begin earlier" in headed(standings, EN)


def test_each_fares_as_it_does_alone_over_those_sessions():
    told = two()

    span = {"first": told.standings.first, "last": told.standings.last}
    alone = tried(Wish(TQQQ, prices=BUNDLED, **span)).scorecard
    assert told.standings.scorecards[0] == alone


def test_a_session_on_which_all_can_begin_is_nobodys_decision():
    told = compared(TQQQ, SOXL, first=date(2026, 6, 8), last=date(2026, 8, 31)).standings

    assert (told.first, told.last, told.decider) == (date(2026, 6, 8), date(2026, 8, 31), None)
    assert "can not begin" not in headed(told, EN)


def test_a_session_named_too_early_is_moved_for_all():
    told = compared(TQQQ, ROTATION, first=date(2026, 1, 5)).standings

    assert (told.first, told.decider) == (two().standings.first, ROTATION)


def test_a_profile_named_twice_is_played_once():
    told = compared(ROTATION, "global_macro_etf_rotation", TQQQ).standings

    assert [card.profile for card in told.scorecards] == [ROTATION, TQQQ]


@pytest.mark.parametrize("names", [(), (TQQQ,), (TQQQ, TQQQ.upper())])
def test_one_is_no_comparison(names):
    with pytest.raises(SettingsError, match="too_few_profiles"):
        compared(*names)


def test_an_unknown_profile_is_named():
    with pytest.raises(SettingsError, match="unknown_profile"):
        compared(TQQQ, "momentum")


def test_prices_that_are_not_there_are_named():
    with pytest.raises(DataError):
        compare(
            (TQQQ, SOXL),
            Wish(prices=BUNDLED.with_name("absent.csv")),
            Settings(),
            lambda _done, _of: None,
        )


def test_a_benchmark_of_several_is_held_once():
    told = two()

    assert [*told.benchmarks()] == ["QQQ", "VOO"]
    assert [*told.profiles()] == [TQQQ, ROTATION]


def test_notes_are_told_once_those_about_no_symbol_with_their_profile():
    standings = two().standings
    late, owed = Note("begins_late", "QQQI"), Note("sessions_owed")
    cards = [replace(card, notes=(late, owed)) for card in standings.scorecards]

    told = replace(standings, scorecards=tuple(cards)).notes

    assert told == [late, replace(owed, symbol=TQQQ), replace(owed, symbol=ROTATION)]
