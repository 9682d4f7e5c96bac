"""Whether the host's clock can be believed: what the kernel, its time service and brokers say."""

import asyncio
import ctypes
import errno
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.domain.errors import BellwetherError
from bot.execution import LINE_ERRORS
from bot.ports import Reading

MOST_SECONDS = 2.0  # a clock may be wrong

# Touched by systemd-timesyncd whenever it set the clock; it asks at least every 34 minutes.
SYNCHRONISED = Path("/run/systemd/timesync/synchronized")
OLDEST_SECONDS = 70 * 60.0

_UNSYNCHRONISED = 0x40  # STA_UNSYNC of linux/timex.h
_MICRO = 1e-6

Witness = Callable[[], Awaitable[Reading]]


@dataclass(frozen=True, slots=True)
class Witnessed:
    """What witnesses said of the clock: readings, and the silent ones with their reason."""

    readings: Mapping[str, Reading]
    silent: Mapping[str, str]

    def verdict(self) -> Reading:
        """The narrowest reading that proves the clock.

        Raises BellwetherError `clock_wrong` where one proves the contrary, whatever
        others say, and `clock_unproven` where none proves anything: not knowing is
        not being right.
        """
        proving = []
        for who, reading in self.readings.items():
            if reading.least >= MOST_SECONDS:
                seconds = round(reading.ahead, 1)
                raise BellwetherError("clock_wrong", seconds=seconds, most=MOST_SECONDS, who=who)
            if reading.most < MOST_SECONDS:
                proving.append(reading)
        if not proving:
            said = [f"{who}: {why}" for who, why in self.silent.items()]
            said += [f"{who}: ±{reading.most:.1f} s" for who, reading in self.readings.items()]
            raise BellwetherError("clock_unproven", said="; ".join(said) or "–")
        return min(proving, key=lambda reading: reading.most)


async def heard(witnesses: Mapping[str, Witness], seconds: float) -> Witnessed:
    """Ask everybody at once, each no longer than so many seconds."""
    answers = await asyncio.gather(*(_asked(each, seconds) for each in witnesses.values()))
    readings: dict[str, Reading] = {}
    silent: dict[str, str] = {}
    for who, answer in zip(witnesses, answers, strict=True):
        if isinstance(answer, Reading):
            readings[who] = answer
        else:
            silent[who] = answer
    return Witnessed(readings, silent)


async def _asked(witness: Witness, seconds: float) -> Reading | str:
    try:
        async with asyncio.timeout(seconds):
            return await witness()
    except (BellwetherError, *LINE_ERRORS) as error:
        return str(error) or type(error).__name__


class _Timex(ctypes.Structure):
    """What adjtimex(2) fills in, as far as it is read here."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("_rest", ctypes.c_long * 32),
    )


async def kernel() -> Reading:
    """What the kernel knows of its clock; whoever asks only needs no privilege.

    Raises BellwetherError `clock_unsynchronised` where nobody sets it, and
    `clock_unknown` where one may not ask: a sandbox may forbid it.
    """
    told = _Timex()
    try:
        call = ctypes.CDLL(None, use_errno=True).adjtimex
    except (AttributeError, OSError) as error:
        raise BellwetherError("clock_unknown", reason="no adjtimex") from error
    if call(ctypes.byref(told)) < 0:
        number = ctypes.get_errno() or errno.EPERM
        raise BellwetherError("clock_unknown", reason=os.strerror(number))
    return of_kernel(told.status, told.maxerror)


def of_kernel(status: int, most_wrong: int) -> Reading:
    """A reading of what adjtimex said: its status, and microseconds it may be wrong at most."""
    if status & _UNSYNCHRONISED:
        raise BellwetherError("clock_unsynchronised")
    return Reading(0.0, most_wrong * _MICRO)


async def time_service(path: Path = SYNCHRONISED) -> Reading:
    """What systemd-timesyncd left where everybody may look, also where the kernel may not be asked.

    It set the clock within its own bounds, some tenths of a second, not long ago.
    Raises BellwetherError `clock_unsynchronised` or `clock_unknown`.
    """
    if _touched_ago(path) > OLDEST_SECONDS:
        raise BellwetherError("clock_unsynchronised")
    return Reading(0.0, MOST_SECONDS / 2)


def _touched_ago(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError as error:
        raise BellwetherError("clock_unknown", reason=f"no {path.name}") from error
