"""Who started the process and wants to hear that it lives: systemd says so in the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from config.problems import Problem, SettingsProblem

NOTIFY, WATCHDOG, WATCHED = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"
MICROSECONDS = 1e6
BEATS = 2  # in the time it waits for one, so that one may be late
SELDOM_SECONDS = 30.0  # where nobody counts, and at most where somebody does


@dataclass(frozen=True, slots=True)
class Supervision:
    """The socket a supervisor listens on, and every how many seconds it is told."""

    address: str
    every: float


def supervision(
    environ: Mapping[str, str] = os.environ, process: int | None = None
) -> Supervision | None:
    """Whom to tell, None where nobody listens. `process` is the number of this process.

    Raises SettingsProblem `watchdog_unreadable` for a time that is no number of microseconds.
    """
    address = environ.get(NOTIFY)
    if not address:
        return None
    told, watched = environ.get(WATCHDOG), environ.get(WATCHED)
    if told is None or watched not in {None, str(process or os.getpid())}:
        return Supervision(address, SELDOM_SECONDS)
    if not told.isascii() or not told.isdigit() or not int(told):
        raise SettingsProblem(Problem("watchdog_unreadable", WATCHDOG, {"given": told}))
    return Supervision(address, min(int(told) / MICROSECONDS / BEATS, SELDOM_SECONDS))
