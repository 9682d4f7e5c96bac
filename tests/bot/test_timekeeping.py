import asyncio
import os
import time
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.errors import BellwetherError, BrokerUnavailable
from bot.ports import Reading
from bot.timekeeping import Witnessed, heard, kernel, of_kernel, time_service

NOON = datetime(2026, 9, 30, 16, tzinfo=UTC)


def saying(*readings: Reading, silent: str = "") -> Witnessed:
    return Witnessed(dict(enumerate(readings)), {"kernel": silent} if silent else {})


def refused(testimony: Witnessed) -> str:
    with pytest.raises(BellwetherError) as error:
        testimony.verdict()
    return error.value.code


def test_the_narrowest_proof_is_the_verdict():
    wide, narrow = Reading(0.2, 1.5), Reading(-0.1, 0.5)

    assert saying(wide, narrow).verdict() == narrow


@pytest.mark.parametrize("ahead", [3.0, -3.0])
def test_one_proof_of_the_contrary_counts_more_than_many_proofs(ahead):
    assert refused(saying(Reading(0.0, 0.1), Reading(ahead, 0.5))) == "clock_wrong"


@pytest.mark.parametrize("vague", [Reading(0.0, 2.5), Reading(1.8, 0.5)])
def test_a_reading_too_wide_to_prove_anything_proves_nothing(vague):
    assert refused(saying(vague)) == "clock_unproven"


def test_nobody_knowing_is_not_being_right():
    assert refused(saying(silent="clock_unknown")) == "clock_unproven"


def test_a_time_told_in_whole_seconds_was_cut_and_took_its_way():
    theirs, asked = NOON, NOON + timedelta(seconds=0.4)

    reading = Reading.of(theirs, asked, asked + timedelta(seconds=0.2))

    assert (reading.ahead, reading.give) == (pytest.approx(0.0), pytest.approx(0.6))
    assert reading.most == pytest.approx(0.6)


async def test_whoever_is_silent_is_heard_with_the_reason_and_keeps_nobody_waiting():
    async def reads():
        await asyncio.sleep(0)
        return Reading(0.1, 0.1)

    async def down():
        raise BrokerUnavailable("broker_unavailable", reason="gone")

    async def slow():
        await asyncio.sleep(3600)

    told = await heard({"one": reads, "two": down, "three": slow}, 0.05)

    assert dict(told.readings) == {"one": Reading(0.1, 0.1)}
    assert told.silent == {"two": "broker_unavailable (reason=gone)", "three": "TimeoutError"}


def test_a_kernel_that_is_set_says_how_wrong_it_may_be():
    assert of_kernel(status=0x2001, most_wrong=250_000) == Reading(0.0, 0.25)


def test_a_kernel_nobody_sets_says_so():
    with pytest.raises(BellwetherError, match="clock_unsynchronised"):
        of_kernel(status=0x40, most_wrong=16_000_000)


async def test_the_kernel_of_this_host_can_be_asked_without_any_right():
    try:
        told = (await kernel()).give >= 0
    except BellwetherError as error:
        told = error.code in {"clock_unsynchronised", "clock_unknown"}

    assert told


async def test_the_time_service_proves_the_clock_for_a_while(tmp_path):
    mark = tmp_path / "synchronized"
    mark.touch()

    fresh = await time_service(mark)
    os.utime(mark, (0, time.time() - 7200))

    assert fresh.most < 2
    with pytest.raises(BellwetherError, match="clock_unsynchronised"):
        await time_service(mark)


async def test_where_there_is_no_time_service_nothing_is_known(tmp_path):
    with pytest.raises(BellwetherError, match="clock_unknown"):
        await time_service(tmp_path / "nothing")
