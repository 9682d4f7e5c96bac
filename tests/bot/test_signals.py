from dataclasses import replace
from datetime import date
from decimal import Decimal

import pandas as pd
import pytest

from bot.domain.errors import BellwetherError, Blocked
from bot.domain.memory import Decided
from bot.domain.model import RunKey, TradingRules
from bot.domain.strategy import Book, Facts, Hold, Rebalance
from bot.ledger import SqlLedger
from bot.sessions import EARLIEST, LATEST, nyse
from bot.signals import (
    LOOK_BACK,
    Period,
    Signal,
    Statistics,
    next_rebalance,
    signal_of,
    signal_of_book,
    statistics_of,
)
from bot.words import Language, Words
from strategies import profile
from strategies.global_etf_rotation import GlobalEtfRotation
from tests.bot.scratch import ORDINARY, QUARTER_END, closes
from tests.builders import NOW, a_portfolio

PROFILE = profile("global_etf_rotation")
CALENDAR = nyse(EARLIEST, LATEST)
NEEDED = PROFILE.strategy().needs.sessions


def known_on(day: date, *, rows: int = NEEDED) -> Facts:
    table = closes()
    table.index = pd.DatetimeIndex(table.pop("date"))
    known = table.loc[: str(day)].tail(rows)
    return Facts(known, CALENDAR.index(known.index[0].date(), day))


def asked(day: date, *, rows: int = NEEDED) -> Signal:
    return signal_of(PROFILE, known_on(day, rows=rows), day, CALENDAR)


def test_a_due_session_has_an_allocation_with_its_numbers():
    signal = asked(QUARTER_END)

    assert (signal.signal, signal.reason) == ("rebalance", "rotation")
    assert signal.allocation == {"SMH": 0.5, "INDA": 0.5}
    assert signal.indicators["session.due"] == 1.0


def test_it_tells_programs_how_it_came_about_in_english():
    signal = asked(ORDINARY)

    assert signal.methodology == Words(Language.EN).phrase("profile_global_etf_rotation")
    assert "T-bills" in signal.methodology


def test_another_session_holds():
    signal = asked(ORDINARY)

    assert (signal.signal, signal.reason, signal.allocation) == ("hold", "not_due", {})


def test_what_is_held_on_to_is_what_the_model_wanted_last():
    signal = asked(ORDINARY, rows=NEEDED + LOOK_BACK)

    assert (signal.signal, signal.updated, signal.since) == ("hold", ORDINARY, QUARTER_END)
    assert signal.allocation == {"SMH": 0.5, "INDA": 0.5}


def test_a_session_of_the_past_that_could_not_be_decided_is_passed_over():
    facts = known_on(ORDINARY, rows=NEEDED + LOOK_BACK)

    signal = signal_of(replace(PROFILE, strategy=RefusesQuarterEnds), facts, ORDINARY, CALENDAR)

    assert (signal.reason, signal.since, signal.allocation) == ("not_due", None, {})


class RefusesQuarterEnds(GlobalEtfRotation):
    def decide(self, view):
        said = super().decide(view)
        if isinstance(said, Rebalance):
            raise BellwetherError("too_few_bars", symbol="SMH", needed=1)
        return said


@pytest.mark.parametrize(
    ("name", "day", "expected"),
    [
        ("global_etf_rotation", QUARTER_END, date(2026, 12, 31)),
        ("global_etf_rotation", date(2026, 9, 29), QUARTER_END),
        ("tqqq_growth_income", date(2026, 11, 25), date(2026, 11, 27)),
        ("russell_1000_multi_factor_defensive", date(2026, 10, 30), date(2026, 11, 2)),
        ("mega_cap_leader_rotation_aggressive", date(2026, 11, 2), date(2026, 12, 1)),
        ("fuguo_etf_rotation", date(2026, 10, 30), date(2026, 11, 30)),
        ("tech_communication_pullback_enhancement", date(2026, 12, 30), date(2027, 1, 4)),
    ],
)
def test_the_calendar_says_when_a_profile_rebalances_next(name, day, expected):
    assert next_rebalance(profile(name).strategy(), day, CALENDAR) == expected


def test_a_rebalance_beyond_the_calendar_is_not_known():
    ends = nyse(date(2026, 1, 1), date(2026, 12, 1))

    with pytest.raises(Blocked, match="calendar_unknown"):
        next_rebalance(PROFILE.strategy(), QUARTER_END, ends)


def test_the_statistics_are_those_of_the_equity():
    days = pd.DatetimeIndex(["2025-12-31", "2026-01-30", "2026-02-27", "2026-03-31"])

    told = statistics_of(pd.Series([100.0, 110.0, 99.0, 132.0], days), 4)

    assert told.period == Period(date(2026, 1, 30), date(2026, 3, 31))
    assert (told.win_rate, told.trades) == (pytest.approx(2 / 3), 4)
    assert told.max_drawdown == pytest.approx(-0.1)
    assert told.cagr == pytest.approx(1.32 ** (365.25 / 90) - 1)


BOOK = Book("main", PROFILE.name, "practice", PROFILE.strategy(), TradingRules())


def a_decision(day: date, following: Rebalance | None) -> Decided:
    decision = following or Hold("not_due")
    return Decided(
        run=RunKey("main", day),
        at=NOW,
        decision=decision,
        following=following,
        since=day,
        late=False,
        equity=Decimal(1000),
        prices={},
        portfolio=a_portfolio(1000),
        numbers={"canary.bad": 1.0},
    )


def a_ledger(*decided: Decided) -> SqlLedger:
    ledger = SqlLedger.open(None)
    for each in decided:
        ledger.decide(each)
    return ledger


def test_a_books_signal_is_its_latest_decision_and_what_it_follows():
    wanted = Rebalance({"SMH": 1.0}, "rotation")
    ledger = a_ledger(a_decision(QUARTER_END, wanted), a_decision(ORDINARY, None))

    signal = signal_of_book(BOOK, ledger, CALENDAR)

    assert (signal.profile, signal.signal, signal.reason) == (PROFILE.name, "hold", "not_due")
    assert (signal.updated, signal.since) == (ORDINARY, QUARTER_END)
    assert (signal.allocation, signal.indicators) == ({"SMH": 1.0}, {"canary.bad": 1.0})


def test_a_book_that_never_wanted_anything_has_no_allocation():
    signal = signal_of_book(BOOK, a_ledger(a_decision(ORDINARY, None)), CALENDAR)

    assert (signal.allocation, signal.since, signal.statistics) == ({}, None, None)


def test_a_book_that_decided_nothing_has_no_signal():
    with pytest.raises(BellwetherError, match="no_run_yet"):
        signal_of_book(BOOK, a_ledger(), CALENDAR)


def test_its_text_shows_what_is_wanted_and_the_numbers_of_that():
    told = asked(QUARTER_END).text(Words(Language.EN)).splitlines()

    assert told[0].startswith("global_etf_rotation, Wed 2026-09-30: rebalance – rotation")
    assert told[1:3] == ["SMH 50.0 %", "INDA 50.0 %"]
    assert "signal canary.bad: 0" in told
    assert not any("momentum.VOO" in line for line in told)
    assert told[-2:] == [
        "next rebalance by the calendar: Thu 2026-12-31",
        "A computed signal, not advice.",
    ]


def test_its_text_says_since_when_something_is_wanted_and_how_it_fared():
    fared = Statistics(Period(ORDINARY, ORDINARY), 0.61, 0.152, -0.168, 180)
    signal = replace(asked(ORDINARY, rows=NEEDED + LOOK_BACK), statistics=fared)

    told = signal.text(Words(Language.EN))

    assert "wanted since Wed 2026-09-30:\nSMH 50.0 %" in told
    assert "15.2 % a year, drawdown -16.8 %, 61.0 % of months gained, 180 orders" in told


def test_its_text_is_chinese_in_chinese():
    told = asked(ORDINARY).text(Words(Language.ZH))

    assert told.startswith("global_etf_rotation，周四 2026-10-01：持有——今天不是该策略的调仓日")


@pytest.mark.parametrize("symbol", PROFILE.strategy().needs.vital)
def test_nothing_is_signalled_on_a_session_a_canary_has_no_close_of(symbol):
    facts = known_on(QUARTER_END)
    facts.closes.loc[str(QUARTER_END), symbol] = float("nan")

    with pytest.raises(Blocked, match=f"vital_history_stale .*{symbol}"):
        signal_of(PROFILE, facts, QUARTER_END, CALENDAR)


def test_nothing_is_signalled_on_too_little_history():
    with pytest.raises(Blocked, match="vital_history_short"):
        asked(QUARTER_END, rows=NEEDED - 1)


def test_a_symbol_of_the_pool_may_be_young():
    facts = known_on(QUARTER_END)
    facts.closes.loc[:"2026-06-30", "SMH"] = float("nan")

    assert "SMH" not in signal_of(PROFILE, facts, QUARTER_END, CALENDAR).allocation


def test_what_is_traded_every_so_many_sessions_is_told_by_their_numbers():
    day = next_rebalance(profile("pattern_etf_rotation").strategy(), QUARTER_END, CALENDAR)

    assert CALENDAR.number(day) % 21 == 0
    assert 0 < CALENDAR.distance(QUARTER_END, day) <= 21
