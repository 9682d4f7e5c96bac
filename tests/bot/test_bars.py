from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.bars import Bars
from bot.domain.errors import Blocked, DataError
from bot.domain.gates import Finding, split_ratio, volatility
from bot.domain.memory import Mark
from bot.domain.strategy import Facts, Needs
from bot.gather import look_at, marks, refuse_history
from bot.sessions import nyse
from tests.builders import a_quote

CALENDAR = nyse(date(2025, 11, 3), date(2026, 12, 31))
DAYS = CALENDAR.index(date(2026, 1, 2), date(2026, 3, 31), 0)
NONE = float("nan")
NEEDED = 5


def day(row):
    return DAYS[row].date()


def session(row):
    found = CALENDAR.on(day(row))
    assert found
    return found


def closes(*, days=None, **columns):
    """Closes of the first sessions of the year; a symbol's list may end before the longest."""
    length = max(map(len, columns.values()))
    index = DAYS[:length] if days is None else days
    rows = {s: [*values, *[NONE] * (length - len(values))] for s, values in columns.items()}
    return pd.DataFrame(rows, index, dtype=float)


def needs(table, vital=("VOO",), sessions=NEEDED):
    return Needs(tuple(table.columns), tuple(table.columns), vital, sessions)


def bars(table, opens=None, *, vital=("VOO",), sessions=NEEDED):
    return Bars(table, opens, needs(table, vital, sessions), CALENDAR)


def steady(length, price=100.0):
    return [price] * length


def test_the_close_is_quoted_without_a_spread_at_the_time_of_the_close():
    at_close = bars(closes(VOO=[100.0, 101.25])).quotes(["VOO"], session(1), opening=False)

    assert at_close == {"VOO": a_quote("VOO", "101.25", session(1).closes)}


def test_the_opening_is_quoted_at_the_time_of_the_opening():
    table = bars(closes(VOO=[100.0, 101.0]), closes(VOO=[99.0, 100.5]))

    assert table.quotes(["VOO"], session(1), opening=True) == {
        "VOO": a_quote("VOO", "100.5", session(1).opens)
    }


def test_a_half_day_is_quoted_at_its_own_close():
    half = CALENDAR.on(date(2026, 11, 27))
    table = bars(closes(VOO=[100.0], days=pd.DatetimeIndex(["2026-11-27"])))

    assert table.quotes(["VOO"], half, opening=False)["VOO"].at == half.closes
    assert half.closes - half.opens == timedelta(hours=3, minutes=30)


@pytest.mark.parametrize("opening", [False, True])
def test_what_did_not_trade_is_quoted_at_its_last_close_with_the_time_of_that(opening):
    table = closes(VOO=[100.0, 101.0, 102.0, 103.0], BIL=[90.0, 91.0, NONE, NONE])
    opens = table - 0.5

    quoted = bars(table, opens).quotes(["VOO", "BIL"], session(3), opening=opening)

    assert quoted["BIL"] == a_quote("BIL", "91.0", session(1).closes)
    assert quoted["VOO"].at > session(2).closes


def test_an_opening_nobody_saw_is_the_close_before_though_the_day_has_a_close():
    table = bars(closes(VOO=[100.0, 101.0]), closes(VOO=[99.0, NONE]))

    assert table.quotes(["VOO"], session(1), opening=True) == {
        "VOO": a_quote("VOO", "100.0", session(0).closes)
    }


def test_what_never_had_a_bar_is_left_out_until_it_has_one():
    table = bars(closes(VOO=steady(4), BOXX=[NONE, NONE, 50.0, 51.0]))

    seen = [set(table.quotes(["VOO", "BOXX"], session(r), opening=False)) for r in range(3)]

    assert seen == [{"VOO"}, {"VOO"}, {"VOO", "BOXX"}]


def test_a_session_the_prices_lack_is_quoted_at_the_session_before():
    table = bars(closes(VOO=[100.0, 101.0, 103.0], days=DAYS[[0, 1, 3]]))

    assert table.quotes(["VOO"], session(2), opening=False) == {
        "VOO": a_quote("VOO", "101.0", session(1).closes)
    }


@pytest.mark.parametrize("opening", [False, True])
def test_before_the_first_row_there_are_no_quotes(opening):
    table = closes(VOO=steady(2), days=DAYS[5:7])

    assert bars(table, table).quotes(["VOO"], session(1), opening=opening) == {}


def test_prices_without_openings_can_not_be_filled_at_them():
    table = bars(closes(VOO=steady(2), BIL=steady(2)))

    with pytest.raises(DataError, match=r"missing_opens \(symbols=VOO, BIL\)"):
        table.quotes(["VOO", "BIL"], session(1), opening=True)


def test_a_symbol_without_any_opening_is_named_though_others_have_theirs():
    table = bars(closes(VOO=steady(2), BIL=steady(2)), closes(VOO=steady(2), BIL=[]))

    with pytest.raises(DataError, match=r"missing_opens \(symbols=BIL\)"):
        table.quotes(["VOO", "BIL"], session(1), opening=True)
    assert set(table.quotes(["VOO"], session(1), opening=True)) == {"VOO"}


def test_a_symbol_without_any_bar_needs_no_openings():
    table = bars(closes(VOO=steady(2), NEW=[]), closes(VOO=steady(2), NEW=[]))

    assert set(table.quotes(["VOO", "NEW"], session(1), opening=True)) == {"VOO"}


def test_openings_are_found_by_their_days():
    later = closes(VOO=[97.0, 98.0, 99.0])

    table = bars(closes(VOO=[100.0, 101.0], days=DAYS[1:3]), later)

    assert table.quotes(["VOO"], session(2), opening=True)["VOO"].last == 99


MARKS = {
    "the bar before": ([100.0, 101.0, 102.0], 2, Mark(101.0, 0.0, fresh=True)),
    "an older bar": ([100.0, NONE, 102.0], 2, Mark(100.0, 0.0, fresh=False)),
    "no bar yet": ([NONE, NONE, 102.0], 2, None),
    "the first row": ([100.0, 101.0, 102.0], 0, None),
}


@pytest.mark.parametrize(("prices", "row", "mark"), MARKS.values(), ids=MARKS)
def test_a_price_is_measured_against_the_last_bar_before_its_session(prices, row, mark):
    table = bars(closes(VOO=steady(3), BIL=prices))

    assert table.mark("BIL", day(row), Decimal(102)) == mark


def test_a_session_nobody_has_a_bar_of_makes_every_mark_stale():
    table = bars(closes(VOO=[100.0, NONE, 101.0], BIL=[50.0, NONE, 51.0]))

    mark = table.mark("VOO", day(2), Decimal(101))

    assert mark == Mark(100.0, 0.0, fresh=False)


def moved(*moves):
    """Prices from 100 on, each so many times the one before; None is a session without a bar."""
    steps = np.array([1.0 if move is None else move for move in moves])
    prices = (100 * np.cumprod(steps)).tolist()
    return [NONE if move is None else price for price, move in zip(prices, moves, strict=True)]


def zigzag(length, step):
    return moved(*(1 + step * (-1.0) ** np.arange(length)))


@pytest.mark.parametrize(("times", "looked"), [(1.19, False), (1.21, True), (0.79, True)])
def test_sigma_is_looked_at_only_where_a_price_moved_far(times, looked):
    table = closes(VOO=zigzag(40, 0.02))
    close = table["VOO"].iloc[29]

    mark = bars(table, sessions=25).mark("VOO", day(30), Decimal(close * times))

    expected = volatility(table["VOO"].iloc[:30]) if looked else 0.0
    assert mark == Mark(close, expected)


def test_sigma_skips_the_sessions_without_a_bar():
    gaps = zigzag(40, 0.02)
    gaps[25] = gaps[27] = NONE
    table = closes(VOO=steady(40), BIL=gaps)

    mark = bars(table, sessions=30).mark("BIL", day(35), Decimal(200))

    assert mark.sigma == volatility(table["BIL"].iloc[:35]) > 0


@settings(max_examples=60)
@given(
    st.lists(st.sampled_from([0.95, 1.0, 1.05, 1.25, None]), min_size=24, max_size=40),
    st.floats(0.05, 20.0),
)
def test_a_price_is_judged_as_a_live_run_would(moves, times):
    row = len(moves)
    table = closes(VOO=steady(row + 1), BIL=moved(*moves))
    before = table.iloc[:row]
    base = before["BIL"].dropna().iloc[-1] if before["BIL"].notna().any() else 100.0
    quote = a_quote("BIL", Decimal(base * times), session(row).closes)
    known = marks(Facts(before, DAYS), day(row - 1)).get("BIL")

    mark = bars(table, sessions=row).mark("BIL", day(row), quote.last)

    assert look_at(quote, quote.at, mark) == look_at(quote, quote.at, known)


def blocked(check):
    try:
        check()
    except Blocked as reason:
        return reason.code, reason.values
    return None


HISTORIES = {
    "whole": (closes(VOO=steady(8)), None),
    "too short": (closes(VOO=[NONE, NONE, NONE, NONE, *steady(4)]), "vital_history_short"),
    "a hole": (closes(VOO=[100.0, 100.0, 100.0, NONE, *steady(4)]), "vital_history_short"),
    "an old hole": (closes(VOO=[NONE, *steady(7)]), None),
    "ends yesterday": (closes(VOO=[*steady(6), NONE, 100.0]), "vital_history_stale"),
    "no row yesterday": (closes(VOO=steady(8), days=DAYS[[*range(7), 8]]), "vital_history_stale"),
    "too few rows": (closes(VOO=steady(3)), "vital_history_short"),
    "another's holes": (closes(VOO=steady(8), BIL=[NONE] * 7), None),
}


@pytest.mark.parametrize(("table", "code"), HISTORIES.values(), ids=HISTORIES)
def test_history_blocks_as_it_would_live(table, code):
    newest = table.index[-1].date()
    before = table.loc[: pd.Timestamp(newest) - timedelta(days=1)]
    yesterday = CALENDAR.before(newest).date

    found = blocked(lambda: bars(table).refuse_history(newest))

    assert found == blocked(lambda: refuse_history(before, needs(table), yesterday))
    assert (found and found[0]) == code


def test_a_session_after_the_last_row_still_has_its_history():
    table = bars(closes(VOO=steady(6)))

    assert blocked(lambda: table.refuse_history(day(6))) is None
    assert blocked(lambda: table.refuse_history(day(7)))[0] == "vital_history_stale"


def test_without_a_vital_symbol_no_history_blocks():
    table = bars(closes(VOO=[NONE, 100.0, NONE]), vital=())

    assert blocked(lambda: table.refuse_history(day(2))) is None


def test_the_first_session_comes_when_every_vital_symbol_has_its_bars():
    late = [NONE, NONE, *steady(8)]

    assert bars(closes(VOO=steady(10))).earliest() == day(NEEDED)
    assert bars(closes(VOO=late, BIL=steady(10)), vital=("VOO", "BIL")).earliest() == day(7)
    assert bars(closes(VOO=steady(10), BIL=late)).earliest() == day(NEEDED)


@pytest.mark.parametrize("length", [1, 3, 4, 5])
def test_without_enough_history_there_is_no_first_session(length):
    assert bars(closes(VOO=steady(length))).earliest() is None


def test_exactly_one_session_can_be_played_when_one_row_follows_the_needed():
    table = bars(closes(VOO=steady(NEEDED + 1)))

    assert table.earliest() == day(NEEDED) == table.newest


def test_a_backtest_waits_until_everything_that_ever_has_a_price_has_one():
    table = bars(closes(VOO=steady(9), BOXX=[NONE] * 6 + [50.0, 50.0, 50.0], NEVER=[]))

    assert table.all_priced(day(5)) == day(7)
    assert table.all_priced(day(8)) == day(8)


def test_a_holding_is_worth_its_close_or_the_last_one_before():
    table = bars(closes(VOO=[100.0, 101.0, NONE, 103.0], days=DAYS[[0, 1, 2, 4]]))

    worth = table.last_closes("VOO", [day(row) for row in range(6)])

    assert worth.tolist() == [100.0, 101.0, 101.0, 101.0, 103.0, 103.0]


@pytest.mark.parametrize("row", [0, 1])
def test_a_holding_is_never_worth_a_price_of_the_future(row):
    table = bars(closes(VOO=steady(4), BOXX=[NONE, NONE, 50.0, 60.0]))

    with pytest.raises(DataError, match=rf"never_priced \(symbol=BOXX, day={day(row)}\)"):
        table.last_closes("BOXX", [day(row), day(3)])


def test_nothing_is_worth_anything_before_the_first_row():
    with pytest.raises(DataError, match="never_priced"):
        bars(closes(VOO=steady(2), days=DAYS[3:5])).last_closes("VOO", [day(1)])


def test_a_close_that_may_be_a_split_is_suspect_on_its_day_only():
    table = bars(closes(VOO=[100.0, 51.0, 52.0, 104.0], BIL=[90.0, NONE, 45.0, 45.0]))

    assert {row: table.suspects(day(row)) for row in range(4)} == {
        0: (),
        1: ["VOO"],
        2: ["BIL"],
        3: ["VOO"],
    }


@given(st.floats(0.02, 50.0))
def test_whatever_looks_like_a_split_is_a_suspect(ratio):
    table = bars(closes(VOO=[100.0, 100.0 * ratio]))

    if split_ratio(ratio) is not None:
        assert table.suspects(day(1)) == ["VOO"]


def test_a_far_move_that_is_no_split_is_judged_by_its_sigma():
    calm, wild = (closes(VOO=zigzag(31, step)) for step in (0.005, 0.05))
    found = {}
    for table in (calm, wild):
        quote = a_quote("VOO", Decimal(table["VOO"].iloc[29] * 1.3), session(30).closes)
        mark = bars(table, sessions=25).mark("VOO", day(30), quote.last)
        found[round(mark.sigma, 2)] = look_at(quote, quote.at, mark)

    assert list(found.values()) == [(Finding.PRICE_LIMIT,), ()]


def test_what_comes_later_changes_no_answer():
    table = closes(VOO=zigzag(30, 0.02), BIL=[NONE, *zigzag(29, 0.1)])
    whole, early = bars(table, table), bars(table.iloc[:20], table.iloc[:20])

    def answers(asked, row):
        at = session(row)
        price = Decimal(500)
        return (
            *(asked.quotes(["VOO", "BIL"], at, opening=opening) for opening in (False, True)),
            *(asked.mark(symbol, at.date, price) for symbol in ("VOO", "BIL")),
            blocked(lambda: asked.refuse_history(at.date)),
            asked.suspects(at.date),
        )

    assert [answers(whole, row) for row in range(20)] == [answers(early, row) for row in range(20)]


def test_a_mark_does_not_change_with_the_price_it_is_asked_for():
    table = bars(closes(VOO=zigzag(31, 0.02)), sessions=25)

    near, far = (table.mark("VOO", day(30), Decimal(price)) for price in (100, 400))

    assert far == replace(near, sigma=far.sigma)


ODD = {
    "a far move": ([100.0] * 4 + [130.0, 130.0], 4),
    "a hole": ([100.0] * 3 + [NONE, 100.0, 100.0], 3),
    "the session after a hole": ([100.0] * 3 + [NONE, 100.0, 100.0], 4),
    "a short history": ([100.0] * 6, 1),
    "what looks like a split": ([100.0] * 4 + [50.0, 50.0], 4),
}


@pytest.mark.parametrize(("prices", "row"), ODD.values(), ids=list(ODD))
def test_a_session_with_something_odd_about_a_vital_price_is_not_ordinary(prices, row):
    table = bars(closes(VOO=prices), sessions=2, vital=("VOO",))

    assert not table.ordinary(day(row))
    assert table.ordinary(day(2))


def test_a_day_nobody_has_prices_of_is_not_ordinary():
    assert not bars(closes(VOO=steady(3))).ordinary(day(7))
