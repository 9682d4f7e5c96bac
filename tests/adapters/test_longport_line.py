"""The line: reads are asked again, orders never, and no limit of the broker's is met."""

import asyncio
from dataclasses import replace

import pytest

from adapters.longport_line import READS, Line
from adapters.longport_told import Limits
from adapters.longport_wire import (
    Balance,
    Holdings,
    Money,
    Orders,
    Past,
    Positions,
    Prices,
    Quote,
    Submit,
    Today,
)
from adapters.sims.longport_faults import Fault, FaultKind, plain_429
from adapters.sims.longport_rates import Rates
from bot.domain.errors import BrokerUnavailable, OrderRefused
from bot.ports import Clock
from bot.schedule import JumpingClock
from tests.adapters.longport_world import ORDINARY, QUICK, RunningClock, begun, renew, told_of
from tests.builders import NOW

ACCOUNT, TODAY = "GET /v1/asset/account", "GET /v1/trade/order/today"
SUBMIT = "POST /v1/trade/order"
BALANCE = Balance("USD")
AN_ORDER = Submit("VOO.US", "Buy", 1, None, "NAME")


@pytest.fixture
def control():
    return begun(ORDINARY, VOO=100, BIL=50)


@pytest.fixture
def a_line(control, tmp_path):
    lines = []

    def made(clock: Clock | None = None, **differing) -> Line:
        told = told_of(control, tmp_path, **differing)
        lines.append(Line(told, clock or JumpingClock(NOW)))
        return lines[-1]

    yield made
    for line in lines:
        line.drop()


@pytest.fixture
def line(a_line):
    return a_line()


PASSING = {
    "reset": Fault(FaultKind.RESET, ACCOUNT, times=READS - 1),
    "bad gateway": Fault(FaultKind.ANSWER, ACCOUNT, status=502, body="<html>", times=READS - 1),
    "internal error": Fault(FaultKind.REFUSE, ACCOUNT, times=READS - 1),
    "too often": Fault(FaultKind.REFUSE, ACCOUNT, code=429002, times=READS - 1),
    "duplicate": Fault(FaultKind.REFUSE, ACCOUNT, code=403202, times=READS - 1),
    "plain 429": plain_429(ACCOUNT, times=2),
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
async def test_a_read_that_failed_is_asked_again(line, control, fault):
    control.fail(fault)

    assert (await line.read(BALANCE, Money)).lines
    assert len(control.calls(ACCOUNT)) == READS


LASTING = [(500000, "longport_refused"), (429001, "longport_too_often"), (403202, "longport_too_")]


@pytest.mark.parametrize(("code", "named"), LASTING)
async def test_a_read_is_asked_so_often_and_no_more(line, control, code, named):
    control.fail(Fault(FaultKind.REFUSE, ACCOUNT, code=code, times=9))

    with pytest.raises(BrokerUnavailable, match=named):
        await line.read(BALANCE, Money)

    assert len(control.calls(ACCOUNT)) == READS


POINTLESS = [(403201, "longport_keys"), (403203, "longport_keys"), (602001, "longport_refused")]


@pytest.mark.parametrize(("code", "named"), POINTLESS)
async def test_a_no_that_will_stay_one_is_not_asked_again(line, control, code, named):
    control.fail(Fault(FaultKind.REFUSE, ACCOUNT, code=code))

    with pytest.raises(BrokerUnavailable, match=named):
        await line.read(BALANCE, Money)

    assert len(control.calls(ACCOUNT)) == 1


@pytest.mark.parametrize("end", ["expire_token", "revoke_token"])
async def test_a_token_that_ended_is_not_tried_again(line, control, end):
    await line.read(BALANCE, Money)
    getattr(control, end)()
    for _ in range(2):
        with pytest.raises(BrokerUnavailable, match="longport_token_ended"):
            await line.read(BALANCE, Money)

    assert [each.answer for each in control.calls(ACCOUNT)][1:] in ([401003], [401004])


CONNECTS = "GET /v1/socket/token"


async def test_a_token_that_was_refused_is_good_again_once_it_is_answered(line, control):
    control.fail(Fault(FaultKind.REFUSE, ACCOUNT, code=401003, status=401))
    with pytest.raises(BrokerUnavailable, match="longport_token_ended"):
        await line.read(BALANCE, Money)

    line.reconsider()

    assert (await line.read(BALANCE, Money)).lines
    assert line.numbers()


async def test_a_token_is_not_over_because_a_password_of_the_moment_came_too_late(line, control):
    control.fail(Fault(FaultKind.REFUSE, "quote/auth", code=401004))

    assert (await line.open())[1].level == "Simulated"


async def test_an_order_connects_as_often_as_a_read_and_is_sent_once(line, control):
    control.fail(Fault(FaultKind.REFUSE, CONNECTS, code=403202, status=403, times=READS - 1))

    accepted = await line.order(AN_ORDER)

    assert [order.id for order in control.orders()] == [accepted.order_id]
    assert len(control.calls(SUBMIT)) == 1


async def test_an_order_that_would_leave_too_late_does_not_leave(a_line, control):
    limits = Limits(calls=1, seconds=30, gap=0, apart=0, kept=0)
    line = a_line(waits=replace(QUICK, sending=20), limits=limits)
    await line.order(AN_ORDER)

    with pytest.raises(OrderRefused, match="longport_sent_late") as refused:
        await line.order(replace(AN_ORDER, name="NEXT"))

    assert refused.value.values == {"seconds": 30}
    assert len(control.calls(SUBMIT)) == 1


async def test_a_new_token_in_the_file_is_taken_up(line, control, tmp_path):
    control.revoke_token()
    with pytest.raises(BrokerUnavailable):
        await line.read(BALANCE, Money)
    renew(control, tmp_path)

    assert (await line.read(BALANCE, Money)).lines


async def test_a_token_replaced_under_a_running_line_is_taken_up(line, control, tmp_path):
    await line.read(BALANCE, Money)
    renew(control, tmp_path)

    assert (await line.read(BALANCE, Money)).lines


async def test_a_token_written_while_the_old_one_is_refused_is_not_taken_for_a_dead_one(
    line, control, tmp_path
):
    control.revoke_token()
    control.fail(Fault(FaultKind.SLOW, times=9, seconds=0.3))
    asked = asyncio.create_task(line.read(BALANCE, Money))
    while not control.calls():  # noqa: ASYNC110 - the broker is another process
        await asyncio.sleep(0.01)

    control.issue_token()
    told_of(control, tmp_path)

    assert (await asked).lines


async def test_a_token_that_is_over_by_its_own_word_is_not_sent(line, control):
    line._clock.jump(line.file.read().ends)

    with pytest.raises(BrokerUnavailable, match="longport_token_expired"):
        await line.read(BALANCE, Money)

    assert control.calls() == ()


async def test_no_limit_of_the_broker_is_met(a_line, control):
    rates = Rates(calls=6, seconds=0.4, gap=0.02)
    control.limit(rates)
    line = a_line(
        RunningClock(NOW), limits=Limits(rates.calls, rates.seconds, rates.gap, apart=0, kept=2)
    )
    questions = [(BALANCE, Money), (Holdings(), Positions), (Today(), Orders), (Past(NOW), Orders)]

    await asyncio.gather(*(line.read(*each) for _ in range(3) for each in questions))

    answers = [each.answer for each in control.calls() if "token" not in each.call]
    assert answers == [0] * 12


@pytest.mark.slow
async def test_no_request_has_the_signature_of_another(a_line, control):
    control.refuse_repeats()
    line = a_line(RunningClock(NOW), limits=Limits(calls=1000, seconds=1, gap=0, apart=1, kept=0))

    for _ in range(3):
        await line.read(Today(), Orders)

    answers = [each.answer for each in control.calls(TODAY)]
    assert len(answers) >= 3  # a slow host is asked again
    assert set(answers) == {0}


async def test_a_plain_429_makes_the_library_ask_again_and_books_one_order(line, control):
    control.fail(plain_429(SUBMIT, after=True, times=2))

    accepted = await line.order(AN_ORDER)

    assert len(control.calls(SUBMIT)) == 3
    assert [order.id for order in control.orders()] == [accepted.order_id]


async def test_both_halves_are_connected_once(line):
    first = await line.open()
    numbers = line.numbers()

    assert await line.open() == first
    assert line.numbers() == numbers
    assert len(numbers) == 2
    assert first[0].library in {"longport", "longbridge"}
    assert first[1].level == "Simulated"


async def test_quotes_that_hang_do_not_hold_up_the_account(line, control):
    await line.open()
    control.fail(Fault(FaultKind.HANG, "quote/quote"))
    asked = asyncio.create_task(line.read(Quote(("VOO.US",)), Prices))

    assert (await line.read(BALANCE, Money)).lines
    assert not asked.done()
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
