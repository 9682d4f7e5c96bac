from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bot.domain.errors import BellwetherError, Blocked
from bot.domain.strategy import Facts
from strategies.snapshots import (
    numbers,
    on_first_sessions,
    snapshots_of,
    symbols,
    truths,
    while_in_force,
    words,
)
from tests.strategies.builders import sessions

DAYS = sessions(60)  # 2015-01-02 to 2015-03-30


def known(days=DAYS, **feeds):
    return Facts(pd.DataFrame(index=days), sessions(100), feeds)


def rows(*issues):
    """Rows of snapshots, each told as known_on, as_of and its symbols."""
    told = [(known_on, as_of, symbol) for known_on, as_of, *names in issues for symbol in names]
    frame = pd.DataFrame(told, columns=["known_on", "as_of", "symbol"])
    return frame.astype({"known_on": "datetime64[us]", "as_of": "datetime64[us]"})


def acted_on(frame):
    return [(f"{day:%m-%d}", symbol) for day, symbol in frame.index]


def test_a_snapshot_may_be_acted_on_from_the_session_it_is_known_on():
    feed = rows(("2015-02-02", "2015-01-30", "B", "A"))

    frame = on_first_sessions(known(), feed, 2)

    assert acted_on(frame) == [("02-02", "A"), ("02-02", "B"), ("02-03", "A"), ("02-03", "B")]


@pytest.mark.parametrize(
    ("count", "days"), [(0, []), (1, ["02-13"]), (3, ["02-13", "02-17", "02-18"])]
)
def test_sessions_are_counted_and_not_days(count, days):
    frame = on_first_sessions(known(), rows(("2015-02-13", "2015-02-12", "A")), count)

    assert [day for day, _ in acted_on(frame)] == days


def test_what_is_known_on_a_closed_day_is_acted_on_after_it():
    frame = on_first_sessions(known(), rows(("2015-02-14", "2015-02-13", "A")), 1)

    assert acted_on(frame) == [("02-17", "A")]


def test_the_newest_known_snapshot_wins():
    feed = rows(("2015-02-02", "2015-01-30", "A"), ("2015-02-03", "2015-02-02", "B"))

    frame = on_first_sessions(known(), feed, 3)

    assert acted_on(frame) == [("02-02", "A"), ("02-03", "B"), ("02-04", "B"), ("02-05", "B")]


def test_of_two_known_alike_the_later_made_counts():
    feed = rows(("2015-02-02", "2015-01-30", "A"), ("2015-02-02", "2015-01-29", "B"))

    assert acted_on(on_first_sessions(known(), feed, 1)) == [("02-02", "A")]


def test_a_snapshot_from_before_the_first_session_is_not_acted_on():
    feed = rows(("2014-12-31", "2014-12-30", "A"))

    assert acted_on(on_first_sessions(known(), feed, 20)) == []


def test_a_day_that_is_no_session_is_no_day_to_act_on():
    days = DAYS.union([pd.Timestamp("2015-02-14")])
    feed = rows(("2015-02-13", "2015-02-12", "A"))

    assert acted_on(on_first_sessions(known(days), feed, 2)) == [("02-13", "A"), ("02-17", "A")]


def test_a_snapshot_is_in_force_to_the_end_of_the_month_after_its_own():
    feed = rows(("2015-01-06", "2015-01-05", "A"))

    frame = while_in_force(known(), feed)

    assert acted_on(frame)[0] == ("01-06", "A")
    assert acted_on(frame)[-1] == ("02-27", "A")


def test_an_old_snapshot_does_not_come_back_when_the_newest_has_ended():
    feed = rows(("2015-02-03", "2015-02-02", "A"), ("2015-02-10", "2014-12-31", "B"))

    assert acted_on(while_in_force(known(), feed))[-1] == ("02-09", "A")


@pytest.mark.parametrize("spread", [while_in_force, lambda f, r: on_first_sessions(f, r, 3)])
def test_without_a_snapshot_there_is_nothing_to_act_on(spread):
    frame = spread(known(), rows())

    assert len(frame) == 0
    assert frame.index.names == ["session", "symbol"]


@pytest.mark.parametrize(
    ("names", "code"), [(("A", ""), "snapshot_symbol_blank"), (("A", "A"), "snapshot_symbol_twice")]
)
def test_a_row_that_names_nobody_or_somebody_again_is_refused(names, code):
    with pytest.raises(BellwetherError, match=code):
        on_first_sessions(known(), rows(("2015-02-02", "2015-01-30", *names)), 3)


def test_a_feed_that_is_not_there_blocks():
    with pytest.raises(Blocked, match="feed_missing"):
        snapshots_of(known(), "stocks", ())


def test_a_feed_without_a_column_that_is_read_is_refused_by_the_column():
    facts = known(stocks=rows(("2015-02-02", "2015-01-30", "A")).drop(columns="as_of"))

    with pytest.raises(BellwetherError, match=r"feed_columns_missing .*columns=as_of, close"):
        snapshots_of(facts, "stocks", ("close",))


def test_a_column_may_stand_in_for_one_that_is_not_there():
    table = rows(("2015-02-02", "2015-01-30", " a ")).rename(columns={"symbol": "ticker"})
    facts = known(stocks=table.assign(rank=1))

    told = snapshots_of(facts, "stocks", ("rank",), {"symbol": "ticker", "rank": "ticker"})

    assert told["symbol"].tolist() == ["A"]
    assert told["rank"].tolist() == [1]


def test_a_feed_is_never_changed():
    table = rows(("2015-02-02", "2015-01-30", " a "))
    before = table.copy()

    on_first_sessions(known(), snapshots_of(known(stocks=table), "stocks", ()), 3)

    pd.testing.assert_frame_equal(table, before)


def test_text_is_read_without_the_blanks_around_it():
    column = pd.Series([" Energy ", "", None, float("nan"), "energy"])

    assert words(column).tolist() == ["Energy", "unknown", "unknown", "unknown", "energy"]
    assert symbols(column).tolist() == ["ENERGY", "", "", "", "ENERGY"]


def test_what_is_no_finite_number_is_missing():
    column = pd.Series(["1.5", "n/a", None, float("inf"), 2], dtype=object)

    np.testing.assert_array_equal(numbers(column), [1.5, np.nan, np.nan, np.nan, 2.0])


@pytest.mark.parametrize("missing", [True, False])
def test_yes_and_no_are_read_as_people_write_them(missing):
    yes, no = [True, "yes", "maybe", "TRUE", 1.0, "0.0"], [False, " No ", "0", "", " ", 0]
    table = pd.DataFrame({"eligible": pd.Series([*yes, *no, None, float("nan")], dtype=object)})

    said = truths(table, ("eligible",), missing=missing).tolist()

    assert said == [True] * len(yes) + [False] * len(no) + [missing] * 2


def test_the_first_column_that_is_there_is_read_and_without_any_all_are():
    table = pd.DataFrame({"eligible": [True, False], "other": [False, True]})

    assert truths(table, ("base", "eligible"), missing=False).tolist() == [True, False]
    assert truths(table, ("base",), missing=False).tolist() == [True, True]


def test_later_snapshots_change_no_earlier_session():
    feed = rows(("2015-02-02", "2015-01-30", "A"), ("2015-02-04", "2015-02-03", "B"))
    facts = known(stocks=feed)
    then = facts.until(DAYS[21].date())

    whole = on_first_sessions(facts, facts.feeds["stocks"], 3)
    part = on_first_sessions(replace(then), then.feeds["stocks"], 3)

    pd.testing.assert_frame_equal(part, whole.loc[: DAYS[21]])
