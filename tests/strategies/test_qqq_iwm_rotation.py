from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bot.domain.errors import BellwetherError, Blocked, SettingsError
from bot.domain.features import Features
from bot.domain.received import Received, table
from bot.domain.strategy import Facts, Rebalance
from strategies.qqq_iwm_rotation import QqqIwmRotation
from tests.strategies.builders import CALENDAR, a_table, facts_of, holdings, random_closes, sessions

TOLD = QqqIwmRotation()
EXTERNAL = QqqIwmRotation(signals="external")
FORECAST = QqqIwmRotation(signals="external", mode="forecast")
DAYS = [day.date() for day in sessions(400)]


def a_world(*ratios: float) -> Facts:
    """IWM at 100 and QQQ at so many times that, the last sessions being told, those before 1."""
    qqq = np.full(400, 1.0)
    qqq[400 - len(ratios) :] = ratios
    return facts_of(a_table({"QQQ": 100.0 * qqq, "IWM": [100.0] * 400}))


def said(*signals: tuple[int, int, str]) -> pd.DataFrame:
    """A feed: of which session, known from which on, both counted back from the last, its word."""
    return table([Received(DAYS[-1 - of], DAYS[-1 - on], word) for of, on, word in signals])


def heard(rotation: pd.DataFrame, forecast: pd.DataFrame | None = None) -> Facts:
    feeds = {"rotation": rotation, **({} if forecast is None else {"forecast": forecast})}
    return replace(a_world(), feeds=feeds)


def wanted(facts: Facts, told: QqqIwmRotation = TOLD, back: int = 0, **held: float):
    return Features(told, facts).decide(DAYS[-1 - back], holdings(**held))


def weights(facts: Facts, told: QqqIwmRotation = TOLD, **held: float) -> dict[str, float]:
    return dict(wanted(facts, told, **held).targets)


@pytest.mark.parametrize(("ratio", "expected"), [(1.05, "QQQ"), (0.95, "IWM"), (1.0, "IWM")])
def test_the_stronger_is_held_alone(ratio, expected):
    assert weights(a_world(ratio)) == {expected: 1.0}


def test_the_weaker_is_left():
    assert weights(a_world(1.05), IWM=3.0) == {"QQQ": 1.0, "IWM": 0.0}


def test_within_the_band_the_state_stays():
    up_and_back = a_world(1.05, 0.995)
    down_and_back = a_world(0.95, 1.005)

    assert weights(up_and_back) == {"QQQ": 1.0}
    assert weights(down_and_back) == {"IWM": 1.0}


def test_beyond_the_band_the_state_changes():
    assert weights(a_world(1.05, 0.98)) == {"IWM": 1.0}


@pytest.mark.parametrize(("within", "expected"), [(9, "QQQ"), (10, "IWM")])
def test_the_band_remembers_so_many_sessions_and_no_more(within, expected):
    told = QqqIwmRotation(memory=10)

    assert weights(a_world(1.05, *[0.999] * within), told) == {expected: 1.0}


def test_a_decision_needs_no_more_history_than_it_says():
    assert TOLD.needs.sessions == 252 + 63 - 1


def test_a_hedge_is_short_the_weaker_and_says_so_first():
    told = QqqIwmRotation(mode="hedged", leg=0.4)

    assert list(weights(a_world(1.05), told).items()) == [("IWM", -0.4), ("QQQ", 0.4)]
    assert list(weights(a_world(0.95), told).items()) == [("QQQ", -0.4), ("IWM", 0.4)]
    assert (told.needs.shorts, told.needs.gross) == (("QQQ", "IWM"), 0.8)


@pytest.mark.parametrize(
    ("rotation", "forecast", "expected"),
    [
        ("LONG", "Buy", {"QQQ": 1.0}),
        ("LONG", "Sell", {"IWM": -0.5}),
        ("SHORT", "Buy", {"IWM": 1.0}),
        ("SHORT", "Sell", {"QQQ": -0.5}),
    ],
)
def test_a_forecast_is_long_the_stronger_or_short_the_weaker(rotation, forecast, expected):
    facts = heard(said((0, 0, rotation)), said((0, 0, forecast)))

    assert weights(facts, FORECAST) == expected


@pytest.mark.parametrize(("ratio", "expected"), [(1.05, {"QQQ": 1.0}), (0.95, {"QQQ": -0.5})])
def test_the_models_of_the_house_forecast_too(ratio, expected):
    assert weights(a_world(ratio), QqqIwmRotation(mode="forecast")) == expected


def test_only_what_is_short_at_times_needs_a_book_that_may():
    assert TOLD.needs.shorts == ()
    assert QqqIwmRotation(mode="forecast").needs.shorts == ("QQQ", "IWM")
    assert QqqIwmRotation(mode="forecast", short_exposure=0.3).needs.gross == 1.0


def test_every_decision_says_whose_signals_these_are():
    assert "builtin_signals" in wanted(a_world()).flags
    assert "external_signals" in wanted(heard(said((0, 0, "LONG"))), EXTERNAL).flags
    assert TOLD.remarks == ("builtin_signals",)


def test_received_signals_are_feeds_and_need_no_history():
    assert [(need.name, need.max_age) for need in FORECAST.needs.feeds] == [
        ("rotation", 3),
        ("forecast", 3),
    ]
    assert [need.name for need in EXTERNAL.needs.feeds] == ["rotation"]
    assert EXTERNAL.needs.vital == ()
    assert TOLD.needs.feeds == ()


def test_the_signal_in_force_is_the_one_of_the_latest_day_that_is_known():
    facts = heard(said((3, 3, "LONG"), (1, 1, "SHORT"), (0, 0, "LONG")))

    assert weights(facts, EXTERNAL) == {"QQQ": 1.0}
    assert dict(wanted(facts, EXTERNAL, back=1).targets) == {"IWM": 1.0}
    assert dict(wanted(facts, EXTERNAL, back=2).targets) == {"QQQ": 1.0}


def test_a_correction_counts_from_when_it_was_known():
    facts = heard(said((2, 2, "LONG"), (2, 0, "SHORT")))

    assert dict(wanted(facts, EXTERNAL, back=1).targets) == {"QQQ": 1.0}
    assert weights(facts, EXTERNAL) == {"IWM": 1.0}


def test_an_older_signal_that_comes_late_changes_nothing():
    facts = heard(said((1, 1, "LONG"), (3, 0, "SHORT")))

    assert weights(facts, EXTERNAL) == {"QQQ": 1.0}


def test_a_signal_of_three_sessions_is_acted_on_and_an_older_one_blocks():
    facts = heard(said((3, 3, "LONG")))
    older = heard(said((4, 4, "LONG")))

    assert weights(facts, EXTERNAL) == {"QQQ": 1.0}
    with pytest.raises(Blocked, match=r"signal_stale .*rotation.*age=4, max_age=3"):
        wanted(older, EXTERNAL)


def test_before_the_first_signal_nothing_is_decided():
    with pytest.raises(Blocked, match="signal_missing"):
        wanted(heard(said((0, 0, "LONG"))), EXTERNAL, back=1)


@pytest.mark.parametrize("word", ["LNOG", "", "short!", None, float("nan")])
def test_an_unknown_word_is_refused_by_name_and_never_read_as_short(word):
    with pytest.raises(Blocked, match="signal_unknown") as refused:
        wanted(heard(said((0, 0, word))), EXTERNAL)

    told = str(refused.value)
    assert f"word={word}" in told
    assert "known=LONG, SHORT" in told


@pytest.mark.parametrize("word", ["long", " Long "])
def test_case_and_blanks_do_not_matter(word):
    assert weights(heard(said((0, 0, word))), EXTERNAL) == {"QQQ": 1.0}


def test_a_forecast_of_another_feeds_words_is_refused():
    with pytest.raises(Blocked, match=r"signal_unknown .*forecast"):
        wanted(heard(said((0, 0, "LONG")), said((0, 0, "LONG"))), FORECAST)


def test_without_its_feed_nothing_is_computed():
    with pytest.raises(Blocked, match=r"feed_missing .*rotation"):
        Features(EXTERNAL, a_world())


def test_a_feed_without_its_columns_is_refused():
    with pytest.raises(BellwetherError, match=r"feed_columns_missing .*signal"):
        Features(EXTERNAL, heard(said((0, 0, "LONG")).drop(columns="signal")))


def test_a_feed_without_rows_is_no_signal():
    with pytest.raises(Blocked, match="signal_missing"):
        wanted(heard(said()), EXTERNAL)


def test_without_closes_the_models_say_nothing():
    facts = a_world()
    facts.closes.loc[str(DAYS[-3]), "IWM"] = np.nan

    with pytest.raises(BellwetherError, match="too_few_bars"):
        wanted(facts)


def test_two_funds_are_two():
    with pytest.raises(SettingsError, match="bad_parameter"):
        QqqIwmRotation(second="qqq")


def random_signals(words: tuple[str, ...], seed: int) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    about = np.sort(chance.choice(len(DAYS) - 5, 90))
    late = chance.integers(0, 4, 90)
    told = [
        Received(DAYS[of], DAYS[of + wait], str(chance.choice(words)))
        for of, wait in zip(about, late, strict=True)
    ]
    return table(told)


def random_world(seed: int) -> Facts:
    feeds = {
        "rotation": random_signals(("LONG", "SHORT", "?"), seed),
        "forecast": random_signals(("BUY", "SELL"), seed + 1),
    }
    return replace(facts_of(random_closes(["QQQ", "IWM"], 400, seed)), feeds=feeds)


def answer(features: Features, day, held):
    try:
        return features.decide(day, held)
    except BellwetherError as refusal:
        return refusal.code


EVERY = pytest.mark.parametrize(
    "told",
    [
        QqqIwmRotation(mode=mode, signals=signals, memory=40)
        for mode in ("long_only", "hedged", "forecast")
        for signals in ("builtin", "external")
    ],
    ids=lambda told: f"{told.mode}-{told.signals}",
)


@EVERY
def test_later_facts_change_no_earlier_row_in_any_mode(told):
    facts = random_world(seed=1)
    whole = told.features(facts)

    for at in range(120, 400, 31):
        then = facts.closes.index[at]
        pd.testing.assert_frame_equal(
            told.features(facts.until(then.date())), whole.loc[:then], check_exact=True
        )


@EVERY
def test_the_needed_sessions_alone_give_the_same_row_in_any_mode(told):
    facts = random_world(seed=2)
    whole = told.features(facts)
    needed = told.needs.sessions

    for at in range(needed, 400, 13):
        closes = facts.closes.iloc[at - needed + 1 : at + 1]
        first, last = closes.index[0].date(), closes.index[-1].date()
        window = replace(facts, closes=closes, sessions=CALENDAR.index(first, last))
        pd.testing.assert_frame_equal(
            told.features(window).iloc[[-1]], whole.iloc[[at]], check_exact=True
        )


@EVERY
def test_weights_stay_within_what_each_mode_declares(told):
    features = Features(told, random_world(seed=3))
    moves = [
        move
        for day in features
        for move in [answer(features, day, holdings(QQQ=3.0, ZZZ=1.0))]
        if isinstance(move, Rebalance)
    ]

    assert len({tuple(move.targets.items()) for move in moves}) > 1
    assert all(move.targets["ZZZ"] == 0.0 for move in moves)
