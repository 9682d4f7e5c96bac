"""The pulse of a daemon: its supervisor feels it while loop, ledger and scheduler are proven."""

import logging
from collections.abc import Sequence

from bot.daemon import Seat
from bot.domain.errors import BellwetherError
from bot.lines import marked, wakes
from bot.ports import Supervisor
from bot.schedule import ScheduledWakes
from bot.vitals import armed
from bot.words import Words

log = logging.getLogger(__name__)


async def keep_pulse(
    supervisor: Supervisor, seats: Sequence[Seat], scheduler: ScheduledWakes
) -> None:
    """Tell a supervisor that the daemon lives, until cancelled; what is in doubt is told instead.

    The loop is proven by this being executed. To be begun when the seats are armed.
    """
    first = seats[0]
    words = Words(first.language)
    while True:
        try:
            # Read, not written: a disk that is full is mended by no new start.
            first.desk.ledger.read_anew()
            coming = min(armed(seat, scheduler) for seat in seats)
        except BellwetherError as error:
            log.error("no sign of life is given: %s", error)  # noqa: TRY400 - it says itself where
            supervisor.doubt(words.say(error.code, error.values))
        else:
            supervisor.beat(f"{marked(first.mode)} {wakes(coming, words)}")
        await first.desk.clock.sleep(supervisor.every)
