"""Whether the daemon is alive: its loop turns, its ledger is written, its wakes are armed."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from bot.daemon import Seat, next_wake
from bot.domain.errors import BellwetherError, Blocked
from bot.events import RunDue
from bot.proofs import HOUSE, Examined
from bot.schedule import ScheduledWakes
from bot.words import Words

SLOWEST_TURN = timedelta(seconds=5)  # of the loop, where whoever waits for a broker waits too
MISSED_LOOKS = 3  # of the scheduler, before it is believed to stand still
OVERDUE = timedelta(minutes=2)  # a wake that has not been delivered by then never will be


@dataclass(frozen=True, slots=True)
class Vitals:
    """What loop, ledger and scheduler gave for an answer at a moment."""

    at: datetime
    parts: tuple[Examined, ...]

    @property
    def alive(self) -> bool:
        """Whether all three are proven; what is not has its error in `parts`."""
        return all(part.error is None for part in self.parts)


async def vitals(
    seats: Sequence[Seat], wakes: ScheduledWakes, slowest: timedelta = SLOWEST_TURN
) -> Vitals:
    """Prove that a daemon lives: turn its loop, write its ledger, ask its scheduler.

    Writing takes a commit that changes no row. Where the loop stands still nothing
    is returned either, so whoever waits for the next answer learns that, too.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.sleep(0)
    turn = timedelta(seconds=loop.time() - began)
    words = Words(seats[0].language)
    parts = [
        _proven(HOUSE, "loop", partial(_turned, turn, slowest, words)),
        _proven(HOUSE, "ledger", partial(_written, seats[0], words)),
        *(_proven(s.book.name, "scheduler", partial(_woken, s, wakes, words)) for s in seats),
    ]
    return Vitals(seats[0].desk.clock.now(), tuple(parts))


def _proven(whose: str, part: str, look: Callable[[], str]) -> Examined:
    try:
        return Examined(whose, part, look())
    except BellwetherError as error:
        return Examined(whose, part, "", error)


def _turned(turn: timedelta, slowest: timedelta, words: Words) -> str:
    if turn > slowest:
        raise BellwetherError("loop_slow", seconds=turn, most=slowest)
    return words.phrase("seen_loop", {"milliseconds": turn / timedelta(milliseconds=1)})


def _written(seat: Seat, words: Words) -> str:
    seat.desk.ledger.prove()
    return words.phrase("seen_written")


def armed(seat: Seat, wakes: ScheduledWakes) -> datetime:
    """When a book wakes next, by a scheduler that works and has the wake the calendar names.

    Raises BellwetherError `scheduler_silent`, `wake_overdue` or `wake_not_armed`, and
    Blocked `calendar_ends`.
    """
    silent = wakes.silent_for()
    if silent is None or silent > MISSED_LOOKS * wakes.look_every:
        raise BellwetherError("scheduler_silent", seconds=silent)
    now, due = seat.desk.clock.now(), wakes.next_at(seat.inbox)
    if due is not None and due < now - OVERDUE:
        raise BellwetherError("wake_overdue", book=seat.book.name, at=due)
    wanted = next_wake(seat)
    if wanted is None:
        raise Blocked("calendar_ends", last=seat.desk.sessions.last)
    if wanted not in {at for at, event in wakes.armed(seat.inbox) if isinstance(event, RunDue)}:
        raise BellwetherError("wake_not_armed", book=seat.book.name, at=wanted)
    return wanted


def _woken(seat: Seat, wakes: ScheduledWakes, words: Words) -> str:
    return words.phrase("seen_wake", {"at": armed(seat, wakes)})
