"""An owner logs in at a simulated Schwab: an address out, an address back, tokens kept."""

import json
from dataclasses import replace

import pytest

from adapters.schwab import Schwab, begin, finish
from adapters.sims.schwab_answers import Form
from adapters.sims.schwab_faults import Fault, FaultKind, Operation, Outage
from bot.domain.errors import BellwetherError, BrokerUnavailable
from tests.adapters.schwab_world import CALENDAR, NUMBER, Bench, drilling
from tests.builders import NOW


@pytest.fixture
def bench(tmp_path):
    with drilling(tmp_path) as drill:
        made = Bench(tmp_path, drill)
        made.access.token_file.unlink()
        yield made


def pasted(bench):
    """What a browser shows in the end, when the owner opened the address and allowed the app."""
    return bench.control.allow(begin(bench.access))


async def test_a_login_in_one_step_is_stored_and_used(bench):
    login = await finish(bench.access, pasted(bench), NOW)

    assert login.begun == NOW
    assert bench.access.token_file.stat().st_mode & 0o777 == 0o600
    assert (await bench.broker.portfolio()).account == NUMBER


async def test_a_login_in_two_steps_is_finished_by_another_process(bench):
    address = begin(bench.access)
    again = replace(bench.access)

    await finish(again, bench.control.allow(address), NOW)

    line = Schwab(again, CALENDAR, bench.clock)
    assert (await line.account(NUMBER).portfolio()).account == NUMBER


async def test_a_login_under_way_is_nobody_elses_business(bench):
    begin(bench.access)

    [kept] = bench.folder.glob("*.begun")
    assert kept.stat().st_mode & 0o777 == 0o600


async def test_a_pasted_address_may_have_been_broken_into_lines(bench):
    address = pasted(bench)

    await finish(bench.access, f" {address[:40]}\n{address[40:]}\n", NOW)

    assert bench.token()["token"]["access_token"]


async def test_the_address_must_answer_the_login_that_was_begun(bench):
    old = pasted(bench)
    begin(bench.access)

    with pytest.raises(BellwetherError, match="schwab_paste_wrong"):
        await finish(bench.access, old, NOW)


@pytest.mark.parametrize("text", ["", "C0.abc@", "https://127.0.0.1:8182/?error=access_denied"])
async def test_what_is_no_answer_is_not_sent(bench, text):
    begin(bench.access)

    with pytest.raises(BellwetherError, match="schwab_paste_wrong"):
        await finish(bench.access, text, NOW)
    assert bench.control.calls(Operation.TOKEN) == []


async def test_nothing_is_finished_that_was_not_begun(bench):
    with pytest.raises(BellwetherError, match="schwab_login_not_begun"):
        await finish(bench.access, "https://127.0.0.1:8182/?code=x&state=y", NOW)


async def test_an_address_is_good_once(bench):
    address = pasted(bench)
    await finish(bench.access, address, NOW)

    with pytest.raises(BellwetherError, match="schwab_login_not_begun"):
        await finish(bench.access, address, NOW)


async def test_an_address_is_good_for_half_a_minute(bench):
    address = pasted(bench)
    bench.control.move(31)

    with pytest.raises(BellwetherError) as caught:
        await finish(bench.access, address, NOW)

    assert caught.value.code == "schwab_code_spent"
    assert address not in str(caught.value)
    assert not bench.access.token_file.exists()


async def test_a_wrong_secret_is_told(bench):
    address = pasted(bench)

    with pytest.raises(BellwetherError, match="schwab_app_refused"):
        await finish(replace(bench.access, secret="wrong"), address, NOW)  # noqa: S106 - it is meant to open nothing


TROUBLES = [
    Fault(FaultKind.REFUSE, Operation.TOKEN, status=429, form=Form.GATEWAY),
    Fault(FaultKind.MASK, Operation.TOKEN, status=200, form=Form.GATEWAY),
    Fault(FaultKind.REFUSE, Operation.TOKEN, status=503),
    Fault(FaultKind.REFUSE, Operation.TOKEN, status=400),
    Fault(FaultKind.MASK, Operation.TOKEN, status=200),
    Fault(FaultKind.TRUNCATE, Operation.TOKEN),
    Fault(FaultKind.LOSE, Operation.TOKEN),
]


@pytest.mark.parametrize("fault", TROUBLES, ids=lambda f: f"{f.kind} {f.status} {f.form}")
async def test_what_is_no_token_does_not_become_one(bench, fault):
    address = pasted(bench)
    bench.control.fail(fault)

    with pytest.raises(BrokerUnavailable):
        await finish(bench.access, address, NOW)

    assert not bench.access.token_file.exists()


async def test_a_login_that_failed_leaves_the_one_there_is(bench):
    await finish(bench.access, pasted(bench), NOW)
    before = bench.token()
    address = pasted(bench)
    bench.control.cut(Outage.REFUSED)

    with pytest.raises(BrokerUnavailable, match="schwab_unreachable"):
        await finish(bench.access, address, NOW)

    assert bench.token() == before


async def test_printing_what_a_line_is_told_shows_no_secret(bench):
    assert bench.access.secret not in repr(bench.access)
    assert bench.access.key not in repr(bench.access)


async def test_the_file_is_one_the_library_itself_would_read(bench):
    await finish(bench.access, pasted(bench), NOW)

    kept = json.loads(bench.access.token_file.read_text())
    assert set(kept) == {"creation_timestamp", "token"}
    assert {"access_token", "refresh_token", "expires_at", "token_type"} <= set(kept["token"])
