from datetime import date

import pandas as pd
import pytest

from bot.domain.errors import Blocked
from bot.domain.strategy import Facts
from bot.sessions import EARLIEST, LATEST, nyse
from bot.signals import signal_of
from bot.words import Language, Words
from strategies import profile
from tests.bot.scratch import ORDINARY, QUARTER_END, closes

PROFILE = profile("global_etf_rotation")
NEEDED = PROFILE.strategy().needs.sessions


def known_on(day: date, *, rows: int = NEEDED) -> Facts:
    table = closes()
    table.index = pd.DatetimeIndex(table.pop("date"))
    known = table.loc[: str(day)].tail(rows)
    return Facts(known, nyse(EARLIEST, LATEST).index(known.index[0].date(), day))


def test_a_due_session_has_an_allocation_with_its_numbers():
    signal = signal_of(PROFILE, known_on(QUARTER_END), QUARTER_END)

    assert (signal.signal, signal.reason) == ("rebalance", "rotation")
    assert signal.allocation == {"SMH": 0.5, "INDA": 0.5}
    assert signal.indicators["session.due"] == 1.0


def test_it_tells_programs_how_it_came_about_in_english():
    signal = signal_of(PROFILE, known_on(ORDINARY), ORDINARY)

    assert signal.methodology == Words(Language.EN).phrase("profile_global_etf_rotation")
    assert "T-bills" in signal.methodology


def test_another_session_holds():
    signal = signal_of(PROFILE, known_on(ORDINARY), ORDINARY)

    assert (signal.signal, signal.reason, signal.allocation) == ("hold", "not_due", {})


def test_its_text_shows_what_is_wanted_and_the_numbers_of_that():
    told = signal_of(PROFILE, known_on(QUARTER_END), QUARTER_END).text(Language.EN).splitlines()

    assert told[0].startswith("global_etf_rotation, Wed 2026-09-30: rebalance – rotation")
    assert told[1:3] == ["SMH 50.0 %", "INDA 50.0 %"]
    assert "signal canary.bad: 0" in told
    assert not any("momentum.VOO" in line for line in told)
    assert told[-1] == "A computed signal, not advice."


def test_its_text_is_chinese_in_chinese():
    told = signal_of(PROFILE, known_on(ORDINARY), ORDINARY).text(Language.ZH)

    assert told.startswith("global_etf_rotation，周四 2026-10-01：持有——今天不是该策略的调仓日")


@pytest.mark.parametrize("symbol", PROFILE.strategy().needs.vital)
def test_nothing_is_signalled_on_a_session_a_canary_has_no_close_of(symbol):
    facts = known_on(QUARTER_END)
    facts.closes.loc[str(QUARTER_END), symbol] = float("nan")

    with pytest.raises(Blocked, match=f"vital_history_stale .*{symbol}"):
        signal_of(PROFILE, facts, QUARTER_END)


def test_nothing_is_signalled_on_too_little_history():
    with pytest.raises(Blocked, match="vital_history_short"):
        signal_of(PROFILE, known_on(QUARTER_END, rows=NEEDED - 1), QUARTER_END)


def test_a_symbol_of_the_pool_may_be_young():
    facts = known_on(QUARTER_END)
    facts.closes.loc[:"2026-06-30", "SMH"] = float("nan")

    assert "SMH" not in signal_of(PROFILE, facts, QUARTER_END).allocation
