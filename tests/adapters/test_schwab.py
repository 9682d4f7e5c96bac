"""A line to a simulated Schwab: kept, proven, warned of, closed."""

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta

import httpx
import pytest

from adapters.schwab import _date_of
from adapters.sims.schwab_faults import Fault, FaultKind, Operation, Outage
from adapters.sims.schwab_limits import Limits
from adapters.sims.schwab_world import OTHER
from bot.domain.errors import BellwetherError, BrokerUnavailable
from tests.adapters.schwab_world import NUMBER, Bench, drilling, log_in
from tests.builders import NOW

DAY = timedelta(days=1)
WEEK = 7 * DAY


@pytest.fixture
def bench(tmp_path):
    with drilling(tmp_path) as drill:
        yield Bench(tmp_path, drill)


class Steps:
    """A clock for a supervisor: it lets a world happen at each sleep, and ends with the last."""

    def __init__(self, bench, *steps):
        self._bench, self._steps = bench, list(steps)
        self.now = bench.clock.now
        self.slept = []

    async def sleep(self, seconds):
        self.slept.append(seconds)
        if not self._steps:
            raise asyncio.CancelledError
        self._steps.pop(0)()
        await self._bench.clock.sleep(seconds)


async def kept(bench, *steps):
    """Keep the line while the steps happen, one at each sleep; returns how long it slept."""
    clock = Steps(bench, *steps)
    bench.line._clock = clock
    with suppress(asyncio.CancelledError):
        await bench.line.keep()
    return clock.slept


class Hours:
    """A clock that says these, one after the other."""

    def __init__(self, *times):
        self.now = iter(times).__next__


def nothing():
    """Let time pass."""


async def test_a_line_in_order_is_kept_in_silence(bench, caplog):
    slept = await kept(bench, nothing, nothing)

    assert caplog.records == []
    assert set(slept) == {bench.access.pace.look}


async def test_a_line_is_kept_fresh(bench):
    await kept(bench, bench.age_token, nothing)

    assert len(bench.control.calls(Operation.TOKEN)) == 1


async def test_a_login_that_expires_is_told_once_and_a_new_one_ends_it(bench, caplog):
    bench.age_token()
    bench.control.expire_login()

    def anew():
        log_in(bench.access.token_file, bench.control, NOW + timedelta(hours=1))

    await kept(bench, nothing, nothing, nothing, anew)

    told = [(record.levelno, record.message) for record in caplog.records]
    assert [level for level, _ in told] == [logging.ERROR, logging.WARNING]
    assert "schwab_login_expired" in told[0][1]
    assert "again" in told[1][1]
    assert "VOO" in await bench.line.quotes(["VOO"])


async def test_a_login_that_is_not_there_at_the_start_does_not_end_a_line(bench, caplog):
    bench.access.token_file.unlink()

    await kept(bench, *[nothing] * 5)

    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert [note.code for note in bench.line.notes()] == ["schwab_login_missing"]


async def test_a_short_trouble_is_not_worth_a_word(bench, caplog):
    bench.age_token()
    bench.control.fail(Fault(FaultKind.REFUSE, Operation.TOKEN, times=2, status=503))

    await kept(bench, nothing, nothing)

    assert caplog.records == []


async def test_a_long_outage_is_told_once_and_asked_about_less_and_less(bench, caplog):
    bench.age_token()
    bench.control.cut(Outage.REFUSED)

    slept = await kept(bench, *[nothing] * 7, bench.control.restore)

    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING]
    assert bench.line.notes() == []
    assert slept == [60, 120, 240, 480, 600, 600, 600, 600, 30]


async def test_a_line_that_stays_down_is_told(bench):
    bench.age_token()
    bench.control.cut(Outage.REFUSED)

    await kept(bench, *[nothing] * 4)

    assert [note.code for note in bench.line.notes()] == ["schwab_unreachable"]


ENDS = [(5 * DAY, 48), (6 * DAY, 24), (WEEK - timedelta(hours=6), 6)]


async def test_a_fresh_login_is_no_news(bench):
    assert bench.line.notes() == []


@pytest.mark.parametrize(("age", "hours"), ENDS)
async def test_the_end_of_a_login_is_announced(bench, age, hours):
    log_in(bench.access.token_file, bench.control, NOW, age.total_seconds())

    [note] = bench.line.notes()

    assert (note.code, note.values["hours"]) == ("schwab_login_ends", hours)
    assert note.values["ends"] == NOW - age + WEEK


async def test_an_old_login_is_over_whatever_schwab_thinks(bench):
    log_in(bench.access.token_file, bench.control, NOW, WEEK.total_seconds())

    assert [note.code for note in bench.line.notes()] == ["schwab_login_expired"]


async def test_a_login_schwab_refuses_is_over_before_its_time(bench):
    bench.age_token()
    bench.control.expire_login()
    with pytest.raises(BrokerUnavailable):
        await bench.line.quotes(["VOO"])

    assert [note.code for note in bench.line.notes()] == ["schwab_login_expired"]


async def test_a_proof_names_accounts_the_time_and_the_end_of_the_login(bench):
    proof = await bench.line.prove()

    assert proof == "…1000, …2000 · 2026-03-31 19:45:00Z · 2026-04-07 19:45Z"


async def test_an_answer_that_takes_long_is_no_wrong_clock(bench):
    asked, answered = NOW - timedelta(seconds=4), NOW + timedelta(seconds=4)
    bench.line._clock = Hours(asked, answered, answered)

    assert "2026-03-31 19:45:0" in await bench.line.prove()


@pytest.mark.parametrize("seconds", [-60, 3, 60])
async def test_a_clock_that_is_wrong_is_no_proof(bench, seconds):
    bench.control.set_time(NOW - timedelta(seconds=seconds), running=False)

    with pytest.raises(BellwetherError, match="schwab_clock_skew") as caught:
        await bench.line.prove()
    assert abs(caught.value.values["seconds"] - seconds) <= 1


def test_an_answer_without_a_date_proves_nothing():
    with pytest.raises(BrokerUnavailable, match="Date"):
        _date_of(httpx.Response(200))


@pytest.mark.parametrize("seconds", [-3, 0, 60])
async def test_our_clock_is_compared_with_schwabs(bench, seconds):
    bench.control.set_time(NOW - timedelta(seconds=seconds), running=False)

    reading = await bench.line.clock()

    assert abs(reading.ahead - seconds) <= reading.give < 1


async def test_the_end_of_the_login_is_known(bench):
    assert bench.line.ends() == NOW + WEEK


async def test_a_line_without_a_login_proves_nothing(bench):
    bench.access.token_file.unlink()

    with pytest.raises(BrokerUnavailable, match="schwab_login_missing"):
        await bench.line.prove()


async def test_an_account_is_one_object_however_often_it_is_asked_for(bench):
    assert bench.line.account("7") is bench.line.account("7")


async def test_all_accounts_of_a_login_share_one_budget(bench):
    bench.control.limit(Limits())
    accounts = [bench.line.account(number) for number in (NUMBER, OTHER.number)]

    for account in accounts * 35:
        await account.portfolio()

    asked = bench.control.calls()
    assert len(asked) > Limits().requests_a_minute
    assert {call.status for call in asked} == {200}
    assert bench.clock.now() - NOW >= timedelta(minutes=1)


async def test_closing_ends_at_once_even_with_a_call_under_way(bench):
    bench.control.cut(Outage.SILENT)
    waiting = asyncio.create_task(bench.line.quotes(["VOO"]))
    await asyncio.sleep(0.02)

    async with asyncio.timeout(1):
        waiting.cancel()
        await bench.line.close()

    assert waiting.cancelled() or waiting.cancelling()


async def test_what_an_account_can_not_do_is_said(bench):
    able = bench.broker.capabilities

    assert (able.echoes_client_id, able.shorting, able.market_on_close) == (False, False, False)
    assert able.live_quotes


async def test_quotes_that_may_be_delayed_are_not_called_live(bench):
    bench.restart(delayed_quotes=True)

    assert not bench.broker.capabilities.live_quotes
