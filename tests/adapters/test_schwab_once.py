"""An order breaks off and the process dies: Schwab's own record is the verdict."""

import asyncio
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.sims.schwab_answers import Form
from adapters.sims.schwab_fates import Address, Fate, FateKind
from adapters.sims.schwab_faults import Fault, FaultKind, Operation, Outage
from bot.domain.memory import Outcome
from bot.domain.model import OrderIntent, OrderReport
from bot.ports import Broker, Desk
from tests.adapters.schwab_lives import (
    PACE,
    SETUP,
    Lodging,
    assert_ended_well,
    assert_nothing_twice,
)
from tests.adapters.schwab_world import drilling
from tests.bot.five_symbols import ORDERED, RESTART, TOMORROW
from tests.fakes import Fuse, Otherwise, When

TREE = Path(__file__).parents[2]
SYMBOLS = [symbol for symbol, _ in ORDERED]
# The first sale and the first purchase: others of their side follow both.
MOMENTS = {"first sale": 0, "first purchase": 2}
DONE = (Outcome.COMPLETE, Outcome.HELD)
CAUGHT_UP = (Outcome.OWED, Outcome.COMPLETE)


@pytest.fixture
def lodging(tmp_path):
    with drilling(tmp_path, SETUP) as drill:
        yield Lodging(tmp_path, drill.proxy_url, drill.ca_file, drill.control)


def placing(kind, **more):
    return Fault(kind, Operation.PLACE, **more)


UNHEARD = {
    "the line ends before the order is heard": placing(FaultKind.RESET),
    "nobody says anything": placing(FaultKind.HANG, seconds=0.7),
    "a gateway turns it away": placing(FaultKind.REFUSE, status=503),
    "a gateway turns it away in JSON": placing(FaultKind.REFUSE, status=429, form=Form.GATEWAY),
}
HEARD = {
    "the answer is lost": placing(FaultKind.LOSE),
    "the answer is a gateway's": placing(FaultKind.MASK, status=502),
    "the answer is a page that says all is well": placing(FaultKind.MASK, status=200),
    "the answer is that we ask too often": placing(FaultKind.MASK, status=429),
    "the answer is slow": placing(FaultKind.DELAY, seconds=0.05),
    "the answer is too slow": placing(FaultKind.DELAY, seconds=0.7),
}


class Hour:
    """When a process dies: at the call after the answer to an order, or its silence."""

    def __init__(self, symbol: str) -> None:
        self._order, self._seen = f"submit {symbol}", False

    def __call__(self, _: int, call: str) -> bool:
        over, self._seen = self._seen, self._seen or call == self._order
        return over


def dying(symbol: str) -> Fuse:
    return Fuse(Hour(symbol))


async def die_and_live_again(lodging, number, *, restored=True):
    fuse = dying(SYMBOLS[number])
    await lodging.live(fuse)
    assert fuse.dead
    if restored:
        lodging.control.restore()
    await lodging.live()


async def test_an_undisturbed_run_completes(lodging):
    await lodging.live()

    assert_ended_well(lodging)
    assert (lodging.outcomes(), lodging.asked) == (DONE, 5)


@pytest.mark.parametrize("number", MOMENTS.values(), ids=MOMENTS)
@pytest.mark.parametrize("fault", HEARD.values(), ids=HEARD)
async def test_an_order_that_was_heard_is_adopted(lodging, fault, number):
    lodging.control.fail(replace(fault, spared=number))

    await lodging.live()

    assert_ended_well(lodging)
    assert (lodging.outcomes(), lodging.asked) == (DONE, 5)


@pytest.mark.parametrize("number", MOMENTS.values(), ids=MOMENTS)
@pytest.mark.parametrize("fault", HEARD.values(), ids=HEARD)
async def test_an_order_that_was_heard_is_adopted_after_a_death(lodging, fault, number):
    lodging.control.fail(replace(fault, spared=number))

    await die_and_live_again(lodging, number)

    assert_ended_well(lodging)
    assert (lodging.outcomes(), lodging.asked) == (DONE, 5)


@pytest.mark.parametrize("fault", UNHEARD.values(), ids=UNHEARD)
async def test_an_order_nobody_heard_is_owed_and_not_repeated(lodging, fault):
    lodging.control.fail(fault)

    await lodging.live()

    assert_ended_well(lodging)
    assert lodging.outcomes() == CAUGHT_UP


@pytest.mark.parametrize("number", MOMENTS.values(), ids=MOMENTS)
@pytest.mark.parametrize("kind", [FaultKind.RESET, FaultKind.REFUSE])
async def test_an_order_nobody_heard_is_owed_after_a_death(lodging, kind, number):
    lodging.control.fail(placing(kind, spared=number))

    await die_and_live_again(lodging, number)

    assert_ended_well(lodging)
    assert lodging.outcomes() == CAUGHT_UP


@pytest.mark.parametrize("address", [Address.MISSING, Address.FOREIGN])
async def test_an_order_the_answer_does_not_name_is_adopted(lodging, address):
    lodging.control.destine(Fate(address=address, times=5))

    await die_and_live_again(lodging, 2)

    assert_ended_well(lodging)
    assert (lodging.outcomes(), lodging.asked) == (DONE, 5)


@pytest.mark.parametrize("lag", [30, 80], ids=["late", "after we stopped looking"])
async def test_an_order_that_is_listed_late_is_adopted(lodging, lag):
    lodging.control.lag(orders=lag)
    lodging.control.fail(placing(FaultKind.LOSE))

    await die_and_live_again(lodging, 0, restored=False)

    assert_ended_well(lodging)
    assert (lodging.outcomes(), lodging.asked) == (DONE, 5)


async def test_what_is_left_of_a_partial_fill_is_not_more_than_was_wanted(lodging):
    lodging.control.destine(Fate(FateKind.PARTIAL, "EFA", shares=150))
    lodging.control.fail(placing(FaultKind.LOSE))

    await die_and_live_again(lodging, 0)

    assert_ended_well(lodging)
    first, *others = [o for o in lodging.booked if o.ticket.symbol == "EFA"]
    assert (first.status, first.filled) == ("CANCELED", 150)
    assert sum(order.filled for order in others) == 250


@pytest.mark.parametrize("outage", Outage)
async def test_a_line_that_is_down_when_the_process_is_back_repeats_nothing(lodging, outage):
    lodging.control.fail(placing(FaultKind.LOSE))
    await lodging.live(dying("EFA"))
    lodging.control.cut(outage)
    lodging.access = replace(lodging.access, pace=replace(PACE, answer=0.01, tries=1))
    # It finds nobody to ask, and the day ends before the line is back.
    await lodging.live()
    lodging.access = replace(lodging.access, pace=PACE)
    lodging.control.restore()

    await lodging.live(at=TOMORROW)

    assert_nothing_twice(lodging)
    assert lodging.asked <= 5


async def test_two_answers_lost_and_two_deaths_repeat_nothing(lodging):
    lodging.control.fail(placing(FaultKind.LOSE, times=2))

    for symbol in ("EFA", "IWM"):
        await lodging.live(dying(symbol))
    await lodging.live()

    assert_ended_well(lodging)
    assert (lodging.outcomes(), lodging.asked) == (DONE, 5)


VERBS = ("mark_sent", "submit", "record")
CALLS = [f"{verb} {SYMBOLS[number]}" for number in MOMENTS.values() for verb in VERBS]


@pytest.mark.parametrize("when", When)
@pytest.mark.parametrize("call", CALLS)
async def test_no_death_at_an_order_repeats_it(lodging, call, when):
    fuse = Fuse(lambda _, made: made == call, when)

    await lodging.live(fuse)
    await lodging.live()

    unheard = (call.split()[0], when) in {("mark_sent", When.AFTER), ("submit", When.BEFORE)}
    assert fuse.calls[-1] == call
    assert_ended_well(lodging)
    assert lodging.outcomes() == (CAUGHT_UP if unheard else DONE)


async def test_a_login_that_is_gone_between_two_orders_repeats_nothing(lodging):
    kept = lodging.access.token_file.read_text()
    await lodging.live(dying("EFA"))
    lodging.access.token_file.unlink()
    await lodging.live()
    lodging.access.token_file.touch(0o600)
    lodging.access.token_file.write_text(kept)

    await lodging.live(at=TOMORROW)

    assert_nothing_twice(lodging)


class AskedAgain(Otherwise):
    """A broker on a line that asks again when it has no answer, or one it does not like."""

    _thing: Broker

    async def submit(self, order: OrderIntent) -> OrderReport:
        await self._thing.submit(order)
        return await self._thing.submit(order)


async def test_a_build_that_sends_again_does_not_pass(lodging):
    def asked_again(desk: Desk) -> Desk:
        return replace(desk, broker=AskedAgain(desk.broker))

    await lodging.live(build=asked_again)

    with pytest.raises(AssertionError):
        assert_nothing_twice(lodging)


# The request is on the wire and nobody answers: the process is killed in the middle of it.
IN_THE_MIDDLE = {
    "heard": (placing(FaultKind.DELAY, seconds=60), DONE),
    "not heard": (placing(FaultKind.HANG, seconds=60), CAUGHT_UP),
}


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "outcomes"), IN_THE_MIDDLE.values(), ids=IN_THE_MIDDLE)
async def test_a_process_killed_while_it_waits_for_an_answer_repeats_nothing(
    lodging, fault, outcomes
):
    lodging.control.fail(fault)
    child = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "tests.adapters.schwab_lives", str(lodging.folder)],
        *[lodging.access.proxy, str(lodging.access.ca_file), lodging.control._url],
        cwd=TREE,
    )
    while not lodging.asked:  # noqa: ASYNC110 - a call has no event
        await asyncio.sleep(0.02)
    child.kill()

    assert await child.wait() == -signal.SIGKILL
    await lodging.live(at=lodging.control.now() + RESTART)

    assert_ended_well(lodging)
    assert lodging.outcomes() == outcomes
