"""The process dies at every call; the verdict is the broker's own record, kept elsewhere."""

import asyncio
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import NoReturn

import pytest

from adapters.paper import PaperBroker
from bot.domain.fills import FillRules
from bot.domain.memory import Outcome, Standing
from bot.domain.model import OrderIntent, OrderReport, OrderStatus, RunKey
from bot.ports import Broker, Desk
from bot.remembering import Ledger
from bot.schedule import JumpingClock
from tests.bot.exchange_process import ROOT
from tests.bot.five_symbols import (
    CALENDAR,
    DAY,
    MORNING,
    OPENING,
    ORDERED,
    TOMORROW,
    a_desk,
    a_ledger,
    a_market,
    life,
)
from tests.bot.lives import House, assert_ended_well, assert_nothing_twice
from tests.fakes import Fuse, Otherwise, Phone, When


def calls_of_an_undisturbed_show() -> list[str]:
    """Every call by which two sessions touch the world, in order: the places to die at."""
    clock, fuse, ledger = JumpingClock(MORNING), Fuse(), a_ledger()
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "paper.jsonl"
        broker = PaperBroker(OPENING, journal, a_market(clock), CALENDAR, clock, FillRules())
        asyncio.run(life(fuse.wire(a_desk(broker, ledger, clock)), Phone()))
    ledger.close()
    return fuse.calls


CALLS = calls_of_an_undisturbed_show()
OF_THE_RUN = CALLS[: CALLS.index("finish") + 2]  # the message is posted last
ALL = {symbol for symbol, _ in ORDERED}
SUBMITS = [f"submit {symbol}" for symbol, _ in ORDERED]


class Fate(StrEnum):
    """What becomes of a run whose process died at a call and was started again at once."""

    COMPLETED = "completed"  # to the same orders on the same day
    OWED = "owed"  # an order was asked for and never booked: the next session makes up for it


# What lies between the promise to ask and the broker's having heard it.
UNHEARD = {("mark_sent", When.AFTER), ("submit", When.BEFORE)}


def fate_of(call: str, when: When) -> Fate:
    return Fate.OWED if (call.split(maxsplit=1)[0], when) in UNHEARD else Fate.COMPLETED


def deaths(calls: Sequence[str]) -> list[object]:
    return [
        pytest.param(number, call, when, id=f"{number:02}-{call.replace(' ', '-')}-{when}")
        for number, call in enumerate(calls, start=1)
        for when in When
    ]


def at_call(number: int, when: When) -> Fuse:
    return Fuse(lambda count, _: count == number, when)


def at_any(*verbs: str, when: When) -> Fuse:
    return Fuse(lambda _, call: call.split(maxsplit=1)[0] in verbs, when)


@pytest.fixture
def house(exchange_socket, tmp_path):
    return House(exchange_socket, tmp_path)


def test_a_run_of_two_sells_and_three_buys_makes_many_calls():
    assert len(OF_THE_RUN) >= 26
    assert [call for call in CALLS if call.startswith("submit")] == SUBMITS


async def test_an_undisturbed_run_completes_at_the_exchange_with_the_same_calls(house):
    fuse = Fuse()

    await house.live(fuse)

    assert len(await assert_ended_well(house)) == 5
    assert fuse.calls == CALLS
    assert house.outcomes() == (Outcome.COMPLETE, Outcome.HELD)


@pytest.mark.parametrize(("number", "call", "when"), deaths(CALLS))
async def test_no_death_repeats_an_order(house, number, call, when):
    fuse = at_call(number, when)

    await house.live(fuse)
    await house.live()

    booked = await assert_ended_well(house)
    assert (fuse.dead, fuse.calls[-1]) == (True, call)
    if fate_of(call, when) is Fate.COMPLETED:
        assert house.outcomes() == (Outcome.COMPLETE, Outcome.HELD)
        assert len(booked) == 5
        assert house.never_booked() == []
    else:
        lost = call.split()[1]
        assert house.outcomes() == (Outcome.OWED, Outcome.COMPLETE)
        assert house.never_booked() == [lost]
        assert f"{lost}: the unanswered order never reached the account" in house.told(DAY)[0].text
        # GLD comes last: without the money of a lost sale there is none left for it.
        assert {o.symbol for o in booked if o.entered_at.date() == DAY} >= ALL - {lost, "GLD"}
    assert len(house.told(DAY)) == 1


def test_most_deaths_complete_and_only_what_nobody_heard_is_owed():
    fates = Counter(fate_of(call, when) for call in OF_THE_RUN for when in When)

    assert fates == {Fate.COMPLETED: 54, Fate.OWED: 10}


@pytest.mark.parametrize(("number", "call", "when"), deaths(OF_THE_RUN))
async def test_no_death_repeats_an_order_when_nobody_restarts_before_morning(
    house, number, call, when
):
    fuse = at_call(number, when)

    await house.live(fuse)
    await house.live(at=TOMORROW)

    await assert_ended_well(house)
    assert (fuse.dead, fuse.calls[-1]) == (True, call)
    begun, ended = house.outcomes()
    assert begun in {Outcome.COMPLETE, Outcome.OWED, Outcome.MISSED}
    assert ended is (Outcome.HELD if begun is Outcome.COMPLETE else Outcome.COMPLETE)
    assert {m.kind for m in house.phone.told if f"/{DAY}/" in m.key} == {
        "missed" if begun is Outcome.MISSED else "run"
    }


async def test_a_process_that_dies_with_every_answer_completes(house):
    for _ in SUBMITS:
        await house.live(at_any("submit", when=When.AFTER))
    await house.live()

    assert len(await assert_ended_well(house)) == 5
    assert house.outcomes() == (Outcome.COMPLETE, Outcome.HELD)


async def test_a_process_that_dies_after_every_sentence_it_keeps_completes(house):
    lives = 0
    dead = True
    while dead:
        fuse = at_any("decide", "intend", "record", "finish", when=When.AFTER)
        await house.live(fuse)
        lives, dead = lives + 1, fuse.dead

    # Two decisions, two plans, five answers and two ends, and the one that lived.
    assert lives == 12
    assert len(await assert_ended_well(house)) == 5


def stopped() -> NoReturn:
    raise asyncio.CancelledError


@pytest.mark.parametrize("when", When)
@pytest.mark.parametrize("call", SUBMITS)
async def test_a_process_told_to_stop_in_the_middle_repeats_nothing(house, call, when):
    fuse = Fuse(lambda _, made: made == call, when, stopped)

    await house.live(fuse)
    await house.live()

    assert fuse.calls[-1] == call
    await assert_ended_well(house)


async def test_a_missed_session_is_told_though_the_process_dies_when_it_is_kept(house):
    await house.live(at_any("decide", when=When.BEFORE))
    await house.live(at_any("finish", when=When.AFTER), at=TOMORROW)
    await house.live()

    await assert_ended_well(house)
    assert house.outcomes() == (Outcome.MISSED, Outcome.COMPLETE)
    assert len({m.key for m in house.phone.told if m.kind == "missed"}) == 1


async def test_two_orders_nobody_heard_halt_the_book_until_the_account_bears_witness(house):
    for _ in range(2):
        await house.live(at_any("submit", when=When.BEFORE))
    await house.live()

    await assert_ended_well(house)
    assert house.never_booked() == ["EFA", "IWM"]
    assert [m.kind for m in house.phone.told if f"/{DAY}/" in m.key] == ["halted", "run"]
    assert house.outcomes() == (Outcome.OWED, Outcome.COMPLETE)


async def test_two_orders_nobody_heard_are_cleared_up_the_next_morning_too(house):
    for _ in range(2):
        await house.live(at_any("submit", when=When.BEFORE))
    await house.live(at_any("finish", when=When.AFTER))
    await house.live(at=TOMORROW)

    await assert_ended_well(house)
    assert house.outcomes() == (Outcome.OWED, Outcome.COMPLETE)


# Before and after each of the four onces, on both sides of the run.
POINTS = [
    ("decide", When.AFTER),
    ("intend", When.AFTER),
    ("mark_sent EFA", When.BEFORE),
    ("submit EFA", When.AFTER),
    ("mark_sent SPY", When.AFTER),
    ("submit TLT", When.BEFORE),
    ("record GLD", When.BEFORE),
    ("finish", When.AFTER),
]


async def a_child(house: House, number: int, when: When) -> int:
    """A daemon in a process of its own; returns how it ended."""
    order = (str(house.socket), house.account, str(house.path), str(number), when.value)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bot.doomed", *order, cwd=ROOT
    )
    return await child.wait()


@pytest.mark.slow
@pytest.mark.parametrize(("call", "when"), POINTS)
async def test_no_killed_process_repeats_an_order(house, call, when):
    died = await a_child(house, CALLS.index(call) + 1, when)
    survived = await a_child(house, 0, when)

    booked = await assert_ended_well(house)
    assert (died, survived) == (-signal.SIGKILL, 0)
    if fate_of(call, when) is Fate.COMPLETED:
        assert house.outcomes() == (Outcome.COMPLETE, Outcome.HELD)
        assert len(booked) == 5
    else:
        assert house.outcomes() == (Outcome.OWED, Outcome.COMPLETE)
        assert house.never_booked() == [call.split()[1]]


class MarkedWhenAnswered(Otherwise):
    """A ledger that keeps that an order was asked for when the answer is there."""

    _thing: Ledger

    def mark_sent(self, intent: OrderIntent, at: datetime) -> None:
        self._asked = intent, at

    def record(self, order_id: str, report: OrderReport, at: datetime) -> None:
        self._thing.mark_sent(*self._asked)
        self._thing.record(order_id, report, at)


class PresumedDead(Otherwise):
    """A ledger that takes an order nobody answered for one that was cancelled."""

    _thing: Ledger

    def standings(self, run: RunKey) -> Sequence[Standing]:
        return [self._presumed(s) if s.unanswered else s for s in self._thing.standings(run)]

    def _presumed(self, standing: Standing) -> Standing:
        ended = OrderReport.of(standing.intent, OrderStatus.CANCELLED)
        return replace(standing, report=ended, cancel_asked_at=standing.sent_at)


class AskedAgain(Otherwise):
    """A broker whose answers get lost, on a line that asks again."""

    _thing: Broker

    async def submit(self, order: OrderIntent) -> OrderReport:
        await self._thing.submit(order)
        return await self._thing.submit(order)


def marked_when_answered(desk: Desk) -> Desk:
    return replace(desk, ledger=MarkedWhenAnswered(desk.ledger))


def presumed_dead(desk: Desk) -> Desk:
    return replace(desk, ledger=PresumedDead(desk.ledger))


def asked_again(desk: Desk) -> Desk:
    return replace(desk, broker=AskedAgain(desk.broker))


@pytest.mark.parametrize("build", [marked_when_answered, presumed_dead, asked_again])
async def test_a_build_that_sends_again_does_not_pass(house, build):
    await house.live(Fuse(lambda _, call: call == "submit GLD", When.AFTER), build=build)
    await house.live(build=build)

    booked = await house.line.record()
    with pytest.raises(AssertionError):
        assert_nothing_twice(booked)


@pytest.mark.parametrize("build", [marked_when_answered, presumed_dead])
async def test_the_same_build_passes_while_nobody_dies(house, build):
    await house.live(build=build)

    await assert_ended_well(house)
