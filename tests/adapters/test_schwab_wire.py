"""The wire to a simulated Schwab: what is renewed, what is asked again, how much is asked."""

import asyncio
import json
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.schwab_access import Pace
from adapters.schwab_wire import Budget
from adapters.sims.schwab_answers import Form
from adapters.sims.schwab_faults import Fault, FaultKind, Operation, Outage
from adapters.sims.schwab_limits import Limits
from adapters.sims.schwab_tokens import LoginError
from bot.domain.errors import BrokerUnavailable
from bot.schedule import JumpingClock
from tests.adapters.schwab_world import PACE, Bench, drilling, log_in
from tests.builders import NOW

DAY = timedelta(days=1)


@pytest.fixture
def bench(tmp_path):
    with drilling(tmp_path) as drill:
        yield Bench(tmp_path, drill)


async def quoted(bench):
    return await bench.line.quotes(["VOO"])


def asked(bench, operation=Operation.QUOTES):
    return len(bench.control.calls(operation))


async def test_a_token_that_is_over_is_renewed_once_and_stored_privately(bench):
    bench.age_token()
    before = bench.token()

    await asyncio.gather(*(quoted(bench) for _ in range(10)))

    after = bench.token()
    assert asked(bench, Operation.TOKEN) == 1
    assert after["token"]["access_token"] != before["token"]["access_token"]
    assert after["creation_timestamp"] == before["creation_timestamp"]
    assert bench.access.token_file.stat().st_mode & 0o777 == 0o600


async def test_an_early_401_renews_once_and_asks_once_more(bench):
    bench.control.expire_access()

    await asyncio.gather(*(quoted(bench) for _ in range(5)))

    assert asked(bench, Operation.TOKEN) == 1
    assert asked(bench) == 10


async def test_an_app_that_is_not_let_in_is_told_after_one_more_try(bench):
    refusal = Fault(FaultKind.REFUSE, Operation.QUOTES, times=9, status=401, form=Form.MARKET_DATA)
    bench.control.fail(refusal)

    with pytest.raises(BrokerUnavailable, match="schwab_unauthorized"):
        await quoted(bench)
    assert (asked(bench), asked(bench, Operation.TOKEN)) == (2, 1)


PASSING = [
    Fault(FaultKind.REFUSE, status=503),
    Fault(FaultKind.REFUSE, status=500, form=Form.GATEWAY),
    Fault(FaultKind.MASK, status=200),
    Fault(FaultKind.REFUSE, status=429, form=Form.MARKET_DATA),
    Fault(FaultKind.RESET),
    Fault(FaultKind.TRUNCATE),
    Fault(FaultKind.CUT_OFF),
    Fault(FaultKind.HANG, seconds=0.4),
]


@pytest.mark.parametrize("fault", PASSING, ids=lambda f: f"{f.kind} {f.status}")
async def test_a_read_is_repeated_until_the_trouble_is_over(bench, fault):
    bench.restart(pace=replace(PACE, answer=0.2))
    bench.control.fail(replace(fault, operation=Operation.QUOTES, times=2))

    assert "VOO" in await quoted(bench)
    assert asked(bench) == 3


@pytest.mark.parametrize(
    ("status", "waited"), [(503, 1 + 2 + 4), (429, 3 * 20)], ids=["down", "asked too often"]
)
async def test_repetitions_back_off_and_end(bench, status, waited):
    bench.control.fail(Fault(FaultKind.REFUSE, Operation.QUOTES, times=9, status=status))

    with pytest.raises(BrokerUnavailable):
        await quoted(bench)

    assert asked(bench) == PACE.tries
    assert bench.clock.now() - NOW == timedelta(seconds=waited)


async def test_what_schwab_refuses_is_not_asked_again(bench):
    refusal = Fault(
        FaultKind.REFUSE, Operation.QUOTES, status=400, form=Form.TRADER, message="Too long"
    )
    bench.control.fail(refusal)

    with pytest.raises(BrokerUnavailable, match="Too long"):
        await quoted(bench)
    assert asked(bench) == 1


SERVERS = [
    Fault(FaultKind.REFUSE, Operation.TOKEN, status=503),
    Fault(FaultKind.REFUSE, Operation.TOKEN, status=429, form=Form.GATEWAY),
    Fault(FaultKind.MASK, Operation.TOKEN, status=200, form=Form.GATEWAY),
    Fault(FaultKind.MASK, Operation.TOKEN, status=200),
    Fault(FaultKind.LOSE, Operation.TOKEN),
    Fault(FaultKind.TRUNCATE, Operation.TOKEN),
]


@pytest.mark.parametrize("fault", SERVERS, ids=lambda f: f"{f.kind} {f.status} {f.form}")
async def test_a_renewal_that_fails_at_the_server_is_no_expiry(bench, fault):
    bench.age_token()
    bench.control.fail(fault)

    assert "VOO" in await quoted(bench)
    assert asked(bench, Operation.TOKEN) == 2


@pytest.mark.parametrize("fault", SERVERS[:4], ids=lambda f: f"{f.kind} {f.status} {f.form}")
async def test_no_answer_but_a_token_becomes_the_token(bench, fault):
    bench.age_token()
    before = bench.token()
    bench.control.fail(replace(fault, times=9))

    with pytest.raises(BrokerUnavailable, match="schwab_refresh_failed"):
        await quoted(bench)

    assert bench.token() == before


@pytest.mark.parametrize("error", LoginError)
async def test_an_expired_login_is_asked_about_once(bench, error):
    bench.age_token()
    before = bench.token()
    bench.control.expire_login(error)

    for _ in range(3):
        with pytest.raises(BrokerUnavailable, match="schwab_login_expired"):
            await quoted(bench)

    assert (asked(bench, Operation.TOKEN), asked(bench)) == (1, 0)
    assert bench.token() == before


async def test_a_new_login_is_taken_up_without_a_restart(bench):
    bench.age_token()
    bench.control.expire_login()
    with pytest.raises(BrokerUnavailable):
        await quoted(bench)

    log_in(bench.access.token_file, bench.control, NOW + timedelta(hours=1))

    assert "VOO" in await quoted(bench)


async def test_a_login_that_comes_back_after_it_was_missing_is_taken_up(bench):
    kept = bench.access.token_file.read_text()
    bench.access.token_file.unlink()
    with pytest.raises(BrokerUnavailable, match="schwab_login_missing"):
        await quoted(bench)

    bench.access.token_file.touch(0o600)
    bench.access.token_file.write_text(kept)

    assert "VOO" in await quoted(bench)


@pytest.mark.parametrize("seen", [False, True], ids=["unseen", "seen"])
async def test_a_login_made_while_the_old_one_is_renewed_is_not_overwritten(bench, seen):
    bench.age_token()
    bench.control.fail(Fault(FaultKind.DELAY, Operation.TOKEN, seconds=0.2))
    renewing = asyncio.create_task(quoted(bench))
    while not asked(bench, Operation.TOKEN):  # noqa: ASYNC110 - a call has no event
        await asyncio.sleep(0.005)
    log_in(bench.access.token_file, bench.control, NOW + timedelta(hours=1))
    newer = bench.token()
    if seen:
        bench.line.notes()

    await renewing

    assert bench.token() == newer
    assert bench.line._wire.login().token == newer["token"]


async def test_a_token_that_can_not_be_stored_is_used_all_the_same(bench, caplog):
    bench.age_token()
    (bench.folder / "token.json.new").mkdir()

    assert "VOO" in await quoted(bench)
    assert "can not be stored" in caplog.text


async def test_a_token_of_an_unknown_type_is_no_use(bench):
    kept = bench.token()
    kept["token"]["token_type"] = "mac"  # noqa: S105 - the name of a type
    bench.access.token_file.write_text(json.dumps(kept))

    with pytest.raises(BrokerUnavailable, match="UnsupportedTokenType"):
        await quoted(bench)


async def test_an_outage_is_named(bench):
    bench.control.cut(Outage.REFUSED)

    with pytest.raises(BrokerUnavailable, match=r"schwab_unreachable .*ConnectError"):
        await quoted(bench)


async def test_silence_ends_in_time(bench):
    bench.restart(pace=replace(PACE, answer=0.05, tries=2))
    bench.control.cut(Outage.SILENT)
    begun = time.monotonic()

    with pytest.raises(BrokerUnavailable, match="schwab_unreachable"):
        await quoted(bench)

    assert time.monotonic() - begun < 1


async def test_the_documented_limits_are_never_met(bench):
    bench.control.limit(Limits())

    for _ in range(130):
        await quoted(bench)

    assert {call.status for call in bench.control.calls(Operation.QUOTES)} == {200}
    assert bench.clock.now() - NOW >= timedelta(seconds=60)


async def test_reads_leave_some_requests_to_orders():
    clock = JumpingClock(NOW)
    budget = Budget(Pace(requests=10, kept=3), clock)

    for _ in range(7):
        await budget.admit(ordering=False)
    for _ in range(3):
        await budget.admit(ordering=True)
    before = clock.now()
    await budget.admit(ordering=True)

    assert (before - NOW, clock.now() - NOW) == (timedelta(), timedelta(minutes=1))


async def test_orders_have_a_limit_of_their_own():
    clock = JumpingClock(NOW)
    budget = Budget(Pace(orders=2), clock)

    for _ in range(3):
        await budget.admit(ordering=True)

    assert clock.now() - NOW == timedelta(minutes=1)


async def test_a_clock_that_is_set_back_holds_nobody_up():
    clock = JumpingClock(NOW)
    budget = Budget(Pace(requests=2, kept=0), clock)
    for _ in range(2):
        await budget.admit(ordering=True)
    clock._now -= timedelta(hours=1)

    await budget.admit(ordering=True)

    assert clock.now() == NOW - timedelta(hours=1)
