"""A line to LongPort, kept up: connected, its token exchanged in time, its troubles told once."""

import asyncio
import logging
import stat
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.longport import LongPort, Told
from adapters.longport_token import standing
from adapters.longport_told import HOMES, Region
from adapters.sims.longport_faults import Fault, FaultKind
from bot.domain.errors import BellwetherError, BrokerUnavailable
from bot.schedule import JumpingClock
from tests.adapters.longport_world import NUMBER, ORDINARY, LongPortWorld, renew
from tests.builders import NOW, an_intent

REFRESH, TODAY = "GET /v1/token/refresh", "GET /v1/trade/order/today"
NIGHT = NOW + timedelta(hours=6)
DAY = timedelta(days=1)
LOGGER = "adapters.longport"


@pytest.fixture
def world(tmp_path):
    return LongPortWorld(tmp_path)


@pytest.fixture
def late(tmp_path):
    """A world whose token has twenty days left, at night."""
    world = LongPortWorld(tmp_path, replace(ORDINARY, start=NIGHT, token_days=20))
    world.clock.jump(NIGHT)
    return world


@pytest.fixture
def alarms(caplog):
    caplog.set_level(logging.WARNING, LOGGER)
    return lambda: [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]


async def test_an_access_that_answers_is_proven(world):
    proof = await world.line.prove()

    library = proof.split(" · ")[1]
    assert proof == f"…{NUMBER[-4:]} (lb) · {library} · Simulated · 90 d"
    assert world.control.orders() == ()


async def test_the_end_of_the_token_is_known_and_the_brokers_time_is_not(world):
    assert world.line.ends() == NOW + 90 * DAY

    with pytest.raises(BrokerUnavailable, match="no_server_time"):
        await world.line.clock()


async def test_an_access_that_does_not_answer_is_not_proven(world):
    world.control.revoke_token()

    with pytest.raises(BrokerUnavailable, match="longport_token_ended"):
        await world.line.prove()


@pytest.mark.parametrize(("days", "told"), [(82, None), (84, 7), (88, 3), (89, 1)])
def test_the_end_of_a_token_is_told_in_time(world, days, told):
    world.clock.jump(NOW + days * DAY + timedelta(hours=1))

    assert [note.values["days"] for note in world.line.notes()] == ([told] if told else [])


def test_a_token_that_has_ended_is_told_as_one(world):
    world.clock.jump(NOW + 91 * DAY)

    assert [note.code for note in world.line.notes()] == ["longport_token_expired"]


async def test_a_token_the_broker_refuses_is_told_with_the_time_that_was_noticed(world):
    world.control.revoke_token()
    await world.line._looked()
    noticed = world.clock.now()

    notes = world.line.notes()
    world.clock.jump(NOW + DAY)
    await world.line._looked()

    assert [(n.code, n.values["ended"]) for n in notes] == [("longport_token_ended", noticed)]
    assert world.line.notes() == notes


async def test_a_line_that_stays_down_is_told_until_it_is_up(world):
    world.control.cut()
    for _ in range(4):
        assert world.line.notes() == []
        await world.line._looked()
    down = [note.code for note in world.line.notes()]
    world.control.restore()
    await world.line._looked()

    assert (down, world.line.notes()) == (["broker_unavailable"], [])


def test_how_a_token_stands_is_read_from_its_file_alone(world):
    path = world.told.token_file

    told = [standing(path, NOW + days * DAY) for days in (0, 30, 91)]
    path.unlink()
    told.append(standing(path, NOW))

    assert [note.code for note in told] == [
        *("longport_token_holds", "longport_token_holds"),
        *("longport_token_expired", "longport_token_missing"),
    ]
    assert [note.values["days"] for note in told[:2]] == [90, 60]


def test_a_token_nobody_can_read_is_told(world):
    world.told.token_file.unlink()

    assert [note.code for note in world.line.notes()] == ["longport_token_missing"]


def test_the_days_a_token_holds_are_read_from_it(world):
    world.clock.jump(NOW + 30 * DAY)

    assert world.line.days_left() == 60


async def test_looking_connects_both_halves_before_anybody_needs_them(world):
    again = await world.line._looked()

    assert again == world.told.waits.look
    assert {s.channel.value for s in world.control.sockets()} >= {"quote"}
    before = len(world.control.calls("GET /v1/socket/token"))
    await world.line.quotes(["VOO"])
    assert len(world.control.calls("GET /v1/socket/token")) == before


async def test_keeping_ends_at_once_when_it_is_cancelled_and_leaves_no_process(world):
    world.control.fail(Fault(FaultKind.HANG, times=99))
    keeping = asyncio.create_task(world.line.keep())
    await asyncio.sleep(0.3)
    begun = time.monotonic()

    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)

    assert time.monotonic() - begun < 1
    assert world.line._line.numbers() == []


async def test_keeping_goes_on_whatever_is_in_the_way(world, alarms):
    world.control.cut()
    keeping = asyncio.create_task(world.line.keep())
    while not alarms():  # noqa: ASYNC110 - told by another task
        await asyncio.sleep(0.01)
    world.control.restore()
    while world.line._misses:  # noqa: ASYNC110 - the same
        await asyncio.sleep(0.01)

    assert not keeping.done()
    assert len(alarms()) == 1
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)


async def test_a_line_that_is_down_is_looked_at_ever_more_seldom(world):
    world.control.cut()

    waits = [await world.line._looked() for _ in range(5)]

    assert waits == [60, 120, 240, 300, 300]


async def test_a_line_that_was_down_for_a_moment_is_not_told_of(world, alarms):
    world.control.cut()
    await world.line._looked()
    world.control.restore()
    await world.line._looked()

    assert alarms() == []


async def test_a_token_that_ended_is_told_once_and_trading_goes_on_with_a_new_one(world, alarms):
    world.control.revoke_token()
    for _ in range(3):
        await world.line._looked()
    with pytest.raises(BrokerUnavailable, match="longport_token_ended"):
        await world.broker.portfolio()
    renew(world.control, world.told.token_file.parent)
    await world.line._looked()

    assert len(alarms()) == 1
    assert (await world.broker.portfolio()).account == NUMBER


async def test_a_token_refused_by_mistake_is_told_and_taken_up_again_by_itself(world, alarms):
    world.control.fail(Fault(FaultKind.REFUSE, TODAY, code=401003, status=401))
    await world.line._looked()
    refused = [note.code for note in world.line.notes()]

    await world.line._looked()

    assert (len(alarms()), refused) == (1, ["longport_token_ended"])
    assert world.line.notes() == []
    assert (await world.broker.portfolio()).account == NUMBER


async def test_a_token_that_is_over_by_its_own_word_is_told_once(world, alarms):
    world.clock.jump(NOW + 91 * DAY)
    for _ in range(3):
        await world.line._looked()

    assert len(alarms()) == 1
    assert "longport_token_expired" in alarms()[0]


async def test_a_missing_file_ends_nothing_and_is_told_once(world, alarms):
    token = world.told.token_file.read_text()
    world.told.token_file.unlink()
    for _ in range(2):
        await world.line._looked()
    world.told.token_file.write_text(token)
    world.told.token_file.chmod(0o600)
    await world.line._looked()

    assert len(alarms()) == 1
    assert (await world.broker.portfolio()).cash == 1000


async def test_a_token_about_to_end_is_exchanged_at_night(late):
    old = late.told.token_file.read_text()

    await late.line._looked()

    new = late.told.token_file
    assert new.read_text() == late.control.access().access_token != old
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    assert [each.name for each in new.parent.iterdir()] == ["token"]
    assert late.line.days_left() == 90
    assert (await late.broker.portfolio()).cash == 1000


async def test_no_token_is_exchanged_that_could_not_be_written(late):
    late.told.token_file.with_name("token.draft").mkdir()

    await late.line._looked()

    assert late.control.calls(REFRESH) == ()
    assert (await late.broker.portfolio()).cash == 1000


async def test_no_token_is_exchanged_while_the_exchange_is_open(tmp_path):
    world = LongPortWorld(tmp_path, replace(ORDINARY, token_days=20))

    await world.line._looked()

    assert world.control.calls(REFRESH) == ()


async def test_a_token_with_time_left_is_not_exchanged(world):
    world.clock.jump(NIGHT)

    await world.line._looked()

    assert world.control.calls(REFRESH) == ()


@pytest.mark.parametrize("kind", [FaultKind.RESET, FaultKind.HANG])
async def test_an_exchange_nobody_heard_of_leaves_the_old_token(late, alarms, kind):
    late.control.fail(Fault(kind, REFRESH))
    late.line = LongPort(
        replace(late.told, waits=replace(late.told.waits, order=0.2)),
        late.line._calendar,
        late.clock,
    )

    await late.line._looked()

    assert alarms() == []
    assert (await late.line.account(NUMBER).portfolio()).cash == 1000


@pytest.mark.parametrize("kind", [FaultKind.RESET, FaultKind.HANG])
async def test_an_exchange_whose_answer_is_lost_is_told_once_and_a_new_token_helps(
    late, alarms, kind
):
    late.control.fail(Fault(kind, REFRESH, after=True))
    told = replace(late.told, waits=replace(late.told.waits, order=0.2))
    late.line = LongPort(told, late.line._calendar, late.clock)
    for _ in range(3):
        await late.line._looked()
    with pytest.raises(BellwetherError):
        await late.line.account(NUMBER).portfolio()
    told_it = alarms()
    renew(late.control, late.told.token_file.parent)
    await late.line._looked()

    assert len(told_it) == len(alarms()) == 1
    assert "longport_refresh_lost" in told_it[0]
    assert (await late.line.account(NUMBER).portfolio()).cash == 1000


async def test_a_token_the_broker_does_not_exchange_is_told_with_its_days(late, alarms):
    late.control.fail(Fault(FaultKind.REFUSE, REFRESH, code=403301, message="not allowed", times=9))
    for _ in range(2):
        await late.line._looked()

    assert len(alarms()) == 1
    assert "days=20" in alarms()[0]
    assert (await late.broker.portfolio()).cash == 1000


async def test_a_new_token_that_was_not_proven_is_used_and_proven_after_a_restart(late):
    late.control.fail(Fault(FaultKind.RESET, TODAY, spared=1, times=9))
    await late.line._looked()
    before = sorted(each.name for each in late.told.token_file.parent.iterdir())
    late.control.restore()
    late.restart()
    await late.line._looked()

    assert before == ["token", "token.new"]
    assert late.told.token_file.read_text() == late.control.access().access_token
    assert (await late.broker.portfolio()).cash == 1000


async def test_a_new_token_the_broker_does_not_know_makes_way_for_the_old_one(world):
    world.line._line.file.keep(world.told.token_file.read_text().replace("m_", "n_"))

    for _ in range(2):
        await world.line._looked()

    assert (await world.broker.portfolio()).cash == 1000
    assert world.told.token_file.with_name("token.refused").exists()


async def test_closing_twice_is_no_error(world):
    await world.broker.submit(an_intent("VOO", limit=90))

    await world.line.close()
    await world.line.close()

    assert world.line._line.numbers() == []


def test_what_is_told_is_not_printed_with_its_secrets(world):
    printed = repr(world.told)

    assert world.told.app_secret not in printed
    assert world.told.app_key not in printed


@pytest.mark.parametrize("region", list(Region))
def test_an_address_that_is_not_told_is_the_regions(tmp_path, region):
    told = Told("key", "secret", tmp_path / "token", region, http_url="http://127.0.0.1:1")

    assert told.addresses == replace(HOMES[region], http="http://127.0.0.1:1")


def test_a_line_connects_nothing_by_being_made(world):
    LongPort(world.told, world.line._calendar, JumpingClock(NOW))

    assert world.control.calls() == ()
