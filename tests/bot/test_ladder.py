"""The fifteen minutes before the close: what rests is repriced once, exits go market, then stop."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.domain.calendar import Calendar
from bot.domain.errors import Halted
from bot.domain.fills import FillAtMost, FillRules, Refuse
from bot.domain.memory import Outcome, Switch
from bot.domain.model import Action, OrderIntent, OrderReport, OrderStatus
from tests.bot.exchange_process import record
from tests.bot.five_symbols import (
    BOOK,
    CALENDAR,
    DAY,
    ORDERED,
    RESTART,
    RUN,
    WEIGHTS,
    before_close,
)
from tests.bot.ladder import Ladder
from tests.fakes import Died, Fuse, Wants, When

# The exit needs three orders here, one of the buys two.
STEEP = {"EFA": 48.0, "SPY": 201.0}
LATE = timedelta(minutes=7, seconds=30)  # time for one rung before exits go market
NOON = datetime(2026, 3, 31, 17, tzinfo=UTC)
HALF_DAY = Calendar(
    [replace(s, closes=NOON) if s.date == DAY else s for s in CALENDAR.sessions],
    CALENDAR.first,
    CALENDAR.last,
)


async def test_what_fills_at_once_is_sent_once_and_read_again_after_the_close(tmp_path):
    ladder = Ladder(tmp_path)

    report = await ladder.run()

    assert report.outcome is Outcome.COMPLETE
    assert [ladder.sent(symbol) for symbol in ("EFA", "SPY")] == [
        [(14.0, "49.85", 400)],
        [(14.0, "200.60", 150)],
    ]
    assert ladder.minutes(report.at) == -5


async def test_a_sell_that_rests_is_cancelled_after_45_seconds_and_sent_three_times_as_far(
    tmp_path,
):
    ladder = Ladder(tmp_path, {"EFA": 49.70})

    report = await ladder.run()

    first, second = ladder.orders("EFA")
    assert ladder.sent("EFA") == [(14.0, "49.85", 0), (13.17, "49.55", 400)]
    assert (first.cancel_asked_at - first.sent_at).total_seconds() == 45
    assert (second.intent.attempt, second.again) == (2, True)
    assert report.outcome is Outcome.COMPLETE


async def test_buys_wait_for_the_sells_and_climb_the_same_ladder_once(tmp_path):
    ladder = Ladder(tmp_path, {"EFA": 49.70, "SPY": 201.0})

    report = await ladder.run()

    assert ladder.sent("SPY") == [(13.17, "200.60", 0), (12.33, "201.80", 150)]
    assert ladder.sent("TLT") == [(13.17, "80.24", 250)]
    assert report.outcome is Outcome.COMPLETE


async def test_a_steeper_limit_buys_no_more_than_the_money_set_aside(tmp_path):
    all_in = replace(BOOK, strategy=Wants({**WEIGHTS, "GLD": 0.3}, {DAY}))
    ladder = Ladder(tmp_path, {"SPY": 201.0}, book=all_in)

    report = await ladder.run()

    assert [filled for *_, filled in ladder.sent("SPY")] == [0, 149]
    assert report.portfolio.cash >= 0


async def test_a_buy_that_had_to_wait_for_the_exits_climbs_all_the_same(tmp_path):
    ladder = Ladder(tmp_path, STEEP)

    report = await ladder.run()

    first, second = ladder.sent("SPY")
    assert 5.5 <= first[0] <= 6
    assert (first[1:], second[1:]) == (("200.60", 0), ("201.80", 150))
    assert 0.75 <= first[0] - second[0] <= 1
    assert report.outcome is Outcome.COMPLETE


async def test_an_exit_still_open_six_minutes_before_the_close_goes_market(tmp_path):
    ladder = Ladder(tmp_path, {"EFA": 48.0})

    report = await ladder.run()

    first, second, third = ladder.sent("EFA")
    assert (first[1:], second[1:]) == (("49.85", 0), ("49.55", 0))
    assert third[1:] == ("None", 400)
    assert 5.8 <= third[0] <= 6
    assert report.outcome is Outcome.COMPLETE


SLICED = replace(BOOK, rules=replace(BOOK.rules, max_notional=Decimal(8_000)))


async def test_an_exit_above_the_cap_goes_slice_by_slice(tmp_path):
    ladder = Ladder(tmp_path, book=SLICED)

    report = await ladder.run()

    assert [(s.intent.shares, s.filled) for s in ladder.orders("EFA")] == [
        (160, 160),
        (160, 160),
        (80, 80),
    ]
    assert report.portfolio.held("EFA") == 0


async def test_slices_nobody_buys_climb_and_leave_at_market_in_slices(tmp_path):
    ladder = Ladder(tmp_path, {"EFA": 48.0}, book=SLICED)

    report = await ladder.run()

    sent = [(s.intent.limit, s.intent.shares, s.filled) for s in ladder.orders("EFA")]
    assert [shares for limit, shares, _ in sent if limit is None] == [160, 160, 80]
    assert max(shares for _, shares, _ in sent) == 160
    assert report.portfolio.held("EFA") == 0


async def test_a_reduction_is_left_and_cancelled_two_minutes_before_the_close(tmp_path):
    ladder = Ladder(tmp_path, {"IWM": 95.0})

    report = await ladder.run()

    last = ladder.orders("IWM")[-1]
    assert [limit for _, limit, _ in ladder.sent("IWM")] == ["99.70", "99.10"]
    assert last.report.status is OrderStatus.CANCELLED
    assert 1.8 <= ladder.minutes(last.cancel_asked_at) <= 2
    assert report.owed.unfinished["IWM"] == -500


async def test_buys_do_not_wait_for_a_reduction_beyond_the_exits_time(tmp_path):
    ladder = Ladder(tmp_path, {"IWM": 95.0})

    await ladder.run()

    [(minutes, _, filled)] = ladder.sent("SPY")
    assert 5 <= minutes <= 6
    assert filled == 149  # of the cash there is and the exit's money


async def test_a_buy_nobody_sells_is_cancelled_and_owed(tmp_path):
    ladder = Ladder(tmp_path, {"GLD": 42.0})

    report = await ladder.run()

    assert [(limit, filled) for _, limit, filled in ladder.sent("GLD")] == [
        ("40.12", 0),
        ("40.36", 0),
    ]
    assert {s.report.status for s in ladder.orders("GLD")} == {OrderStatus.CANCELLED}
    assert report.owed.unfinished == {"GLD": 500}


async def test_a_partial_fill_keeps_its_shares_and_only_the_rest_goes_on(tmp_path):
    ladder = Ladder(tmp_path, drills=FillRules(drills={"IWM": FillAtMost(120)}))

    report = await ladder.run()

    asked = [s.intent.shares for s in ladder.orders("IWM")]
    assert (asked, [filled for *_, filled in ladder.sent("IWM")]) == ([500, 380], [120, 120])
    assert report.owed.unfinished["IWM"] == -260
    assert report.portfolio.shares["IWM"] == 460


async def test_an_exit_in_parts_leaves_whole_at_market(tmp_path):
    ladder = Ladder(tmp_path, drills=FillRules(drills={"EFA": FillAtMost(150)}))

    report = await ladder.run()

    assert [(s.intent.shares, s.filled) for s in ladder.orders("EFA")] == [
        (400, 150),
        (250, 150),
        (100, 100),
    ]
    assert "EFA" not in report.portfolio.shares


async def test_a_refused_order_is_not_tried_again(tmp_path):
    ladder = Ladder(tmp_path, drills=FillRules(drills={"TLT": Refuse("not_tradable")}))

    report = await ladder.run()

    [tlt] = ladder.orders("TLT")
    assert tlt.report.status is OrderStatus.REFUSED
    assert report.owed.unfinished == {"TLT": 250}
    assert [n.code for n in report.notes if n.symbol == "TLT"] == ["order_refused"]


async def test_an_order_the_owner_cancelled_by_hand_is_not_tried_again(tmp_path):
    ladder = Ladder(tmp_path, {"EFA": 48.0})
    by_hand = OrderIntent(RUN, "EFA", Action.SELL, 400, Decimal("49.85"))
    ladder.clock.at(before_close(13.5), lambda: ladder.broker().cancel(by_hand))

    report = await ladder.run()

    [efa] = ladder.orders("EFA")
    assert (efa.report.status, efa.cancel_asked_at) == (OrderStatus.CANCELLED, None)
    # What its money would have bought is owed with it.
    assert report.owed.unfinished == {"EFA": -400, "GLD": 255}


async def test_a_halt_stops_before_the_next_order_and_cancels_what_rests(tmp_path):
    ladder = Ladder(tmp_path, {"EFA": 48.0, "IWM": 95.0})
    ladder.turn(Switch.HALTED, minutes=13.5)

    with pytest.raises(Halted, match="halt_switch"):
        await ladder.run()

    booked = record(ladder.journal)
    assert [(o.symbol, o.status) for o in booked] == [
        ("EFA", OrderStatus.CANCELLED),
        ("IWM", OrderStatus.CANCELLED),
    ]
    assert 13 <= ladder.minutes(ladder.clock.now()) <= 13.5


async def test_a_halt_is_seen_though_there_is_nothing_left_to_send(tmp_path):
    ladder = Ladder(tmp_path, {"IWM": 95.0})
    ladder.turn(Switch.HALTED, minutes=12)

    with pytest.raises(Halted, match="halt_switch"):
        await ladder.run()

    assert 11.5 <= ladder.minutes(ladder.clock.now()) <= 12
    assert [s.report.status for s in ladder.orders("IWM")] == [OrderStatus.CANCELLED] * 2


async def test_a_pause_sends_nothing_more_and_the_rest_is_owed(tmp_path):
    ladder = Ladder(tmp_path, {"EFA": 48.0})
    ladder.turn(Switch.PAUSED, minutes=13.5)

    report = await ladder.run()

    assert [o.symbol for o in record(ladder.journal)] == ["EFA", "IWM"]
    assert ladder.sent("EFA") == [(14.0, "49.85", 0)]
    assert (report.outcome, ladder.minutes(report.at)) == (Outcome.OWED, -5)


async def test_a_pause_that_ends_in_time_goes_on(tmp_path):
    ladder = Ladder(tmp_path, {"EFA": 48.0})
    ladder.turn(Switch.PAUSED, minutes=13.5)
    ladder.turn(Switch.ACTIVE, minutes=5.8)

    report = await ladder.run()

    assert "EFA" not in report.portfolio.shares
    assert ladder.sent("SPY")


async def test_exits_only_lets_exits_go_on_and_nothing_else(tmp_path):
    ladder = Ladder(tmp_path, {"EFA": 48.0, "IWM": 95.0})
    ladder.turn(Switch.EXITS_ONLY, minutes=13.5)

    report = await ladder.run()

    assert [limit for _, limit, _ in ladder.sent("EFA")] == ["49.85", "49.55", "None"]
    assert [limit for _, limit, _ in ladder.sent("IWM")] == ["99.70"]
    assert {o.symbol for o in record(ladder.journal)} == {"EFA", "IWM"}
    assert report.outcome is Outcome.OWED


async def test_a_half_day_has_the_same_times_before_its_own_close(tmp_path):
    ladder = Ladder(tmp_path, {"EFA": 48.0}, calendar=HALF_DAY)

    report = await ladder.run()

    assert ladder.session.closes == NOON
    assert [minutes for minutes, *_ in ladder.sent("EFA")][:2] == [14.0, 13.17]
    assert 5.8 <= ladder.sent("EFA")[2][0] <= 6
    assert report.outcome is Outcome.COMPLETE


async def test_a_run_begun_after_the_exits_time_still_leaves_at_market(tmp_path):
    ladder = Ladder(tmp_path, {"EFA": 48.0}, begins=timedelta(minutes=5))

    report = await ladder.run()

    assert [limit for _, limit, _ in ladder.sent("EFA")] == ["49.85", "None"]
    assert "EFA" not in report.portfolio.shares


async def test_nothing_new_is_sent_after_the_last_call(tmp_path):
    ladder = Ladder(tmp_path, begins=timedelta(minutes=2, seconds=1))
    await dies(ladder, Fuse(lambda _, call: call == "intend", When.AFTER))
    ladder.clock.jump(before_close(2))

    report = await ladder.run()

    assert record(ladder.journal) == []
    assert report.outcome is Outcome.OWED


async def dies(ladder: Ladder, fuse: Fuse) -> None:
    with pytest.raises(Died):
        await ladder.run(fuse)


TOUCHING = {"intend_again", "mark_sent", "submit", "record", "mark_cancelled", "cancel"}
UNHEARD = {("mark_sent", When.AFTER), ("submit", When.BEFORE)}


def rungs() -> list[tuple[int, str]]:
    """The calls of a run by which it climbs, from its first change of mind on, numbered."""
    fuse = Fuse()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(Ladder(Path(folder), STEEP, begins=LATE).run(fuse))
    calls = list(enumerate(fuse.calls, start=1))[fuse.calls.index("mark_cancelled EFA") :]
    return [(n, call) for n, call in calls if call.split(maxsplit=1)[0] in TOUCHING]


RUNGS = [(n, call) for n, call in rungs() if call.endswith(("EFA", "SPY"))]


@pytest.mark.parametrize("when", When)
@pytest.mark.parametrize(("number", "call"), RUNGS, ids=lambda it: str(it).replace(" ", "-"))
async def test_no_death_on_the_ladder_trades_a_share_twice(tmp_path, number, call, when):
    ladder = Ladder(tmp_path, STEEP, begins=LATE)
    fuse = Fuse(lambda count, _: count == number, when)

    await dies(ladder, fuse)
    ladder.clock.jump(ladder.clock.now() + RESTART)
    report = await ladder.run()

    booked = record(ladder.journal)
    unheard = (call.split(maxsplit=1)[0], when) in UNHEARD
    assert fuse.calls[-1] == call
    assert max(Counter(o.client_id for o in booked).values()) == 1
    assert filled(booked) <= Counter(ORDERED)
    assert report.outcome is (Outcome.OWED if unheard else Outcome.COMPLETE)
    assert unheard or filled(booked) == ORDERED


def filled(booked: Sequence[OrderReport]) -> Counter[tuple[str, str]]:
    shares: Counter[tuple[str, str]] = Counter()
    for order in booked:
        shares[order.symbol, order.action] += order.filled
    return shares


def test_a_run_that_climbs_has_many_places_to_die_at():
    assert Counter(call.split(maxsplit=1)[0] for _, call in RUNGS) == {
        "mark_cancelled": 3,
        "cancel": 3,
        "intend_again": 3,
        "mark_sent": 4,
        "submit": 4,
        "record": 7,
    }
