"""A watcher outside hears after each session handled how it went; its silence is an alarm."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from bot.daemon import Seat
from bot.domain.calendar import exchange_date
from bot.domain.errors import BellwetherError
from bot.domain.memory import Outcome, Ping, RunReport
from bot.domain.model import RunKey
from bot.lines import ended
from bot.ports import NotDelivered, Sign, Watcher
from bot.schedule import last_over
from bot.words import Words

LOOK_SECONDS = 20.0
LONGEST_WAIT = 300.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Handled:
    """A session that came to something in every book, and how, in words."""

    session: date
    well: bool
    text: str


async def keep_watched(seats: Sequence[Seat], watcher: Watcher) -> None:
    """Tell a watcher of every session: that it began, and once it is handled, how it went.

    It looks at the ledger only, so no run waits for it and it waits for no run. What
    can not be told is tried again until the next session is handled.
    """
    clock, began, wait = seats[0].desk.clock, None, LOOK_SECONDS
    while True:
        try:
            began = await _tell_start(seats, watcher, began)
            await _tell_end(seats, watcher)
            wait = LOOK_SECONDS
        except (NotDelivered, BellwetherError) as trouble:
            log.warning("the watcher outside could not be told: %s", trouble)
            wait = min(2 * wait, LONGEST_WAIT)
        await clock.sleep(wait)


async def _tell_start(seats: Sequence[Seat], watcher: Watcher, told: date | None) -> date | None:
    """Tell that today's session began, once; returns the last session that was told of."""
    today = exchange_date(seats[0].desk.clock.now())
    if today == told or handled(seats) or not any(_begun(seat, today) for seat in seats):
        return told
    last = seats[0].desk.ledger.last_ping()
    if last is None or last.session < today:
        await watcher.tell(Sign.BEGUN, "")
    return today


def _begun(seat: Seat, day: date) -> bool:
    return seat.desk.ledger.decision(RunKey(seat.book.name, day)) is not None


async def _tell_end(seats: Sequence[Seat], watcher: Watcher) -> None:
    done = handled(seats)
    if done is not None:
        await watcher.tell(Sign.WELL if done.well else Sign.ILL, done.text)
        desk = seats[0].desk
        desk.ledger.ping(Ping(done.session, desk.clock.now(), done.well))


def handled(seats: Sequence[Seat]) -> Handled | None:
    """The last session that is over, where every book brought it to an end nobody heard of yet.

    A book that did not is no failure to be told: that nothing is told is the alarm.
    """
    desk = seats[0].desk
    day = last_over(desk.sessions, desk.clock.now()).date
    last = desk.ledger.last_ping()
    if last is not None and last.session >= day:
        return None
    reports = [seat.desk.ledger.report(RunKey(seat.book.name, day)) for seat in seats]
    if None in reports:
        return None
    words = Words(seats[0].language)
    told = [report for report in reports if report is not None]
    lines = [
        words.phrase("run_ended", {"book": report.run.book, "line": ended(report, words)})
        for report in told
    ]
    return Handled(day, all(map(_well, told)), "\n".join(lines))


def _well(report: RunReport) -> bool:
    """Whether nobody has to look: what was held or is owed is ordinary, and a pause is meant."""
    paused = any(note.code == "paused" for note in report.notes)
    ordinary = {Outcome.HELD, Outcome.COMPLETE, Outcome.OWED}
    return report.outcome in ordinary or (report.outcome is Outcome.BLOCKED and paused)
