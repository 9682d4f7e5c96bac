"""The pulse of a daemon: its supervisor feels it while loop, ledger and scheduler are proven."""

import logging
from collections.abc import Sequence

from bot.daemon import Seat, next_wake
from bot.domain.errors import BellwetherError
from bot.lines import marked, wakes
from bot.ports import Supervisor
from bot.schedule import ScheduledWakes
from bot.words import Words

log = logging.getLogger(__name__)


async def keep_pulse(
    supervisor: Supervisor, seats: Sequence[Seat], scheduler: ScheduledWakes
) -> None:
    """Tell a supervisor that the daemon lives, until cancelled; what is in doubt is told instead.

    The loop is proven by this being executed. To be begun when the seats are armed.
    """
    first = seats[0]
    while True:
        try:
            first.desk.ledger.read_anew()
            scheduler.prove(first.desk.clock.now())
        except BellwetherError as error:
            log.error("no sign of life is given: %s", error)  # noqa: TRY400 - it says itself where
            supervisor.doubt(Words(first.language).say(error.code, error.values))
        else:
            supervisor.beat(_armed(seats))
        await first.desk.clock.sleep(supervisor.every)


def _armed(seats: Sequence[Seat]) -> str:
    """The mode of a daemon, and when it wakes next."""
    coming = min((at for seat in seats if (at := next_wake(seat))), default=None)
    return f"{marked(seats[0].mode)} {wakes(coming, Words(seats[0].language))}"
