"""What is wrong with a line, since when, and whether its owner should hear of it by now."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from adapters.ibkr_gateway import Gateway
from adapters.ibkr_values import Ticks
from bot.domain.calendar import EXCHANGE
from bot.domain.errors import BrokerUnavailable
from bot.domain.model import Note, Symbol
from bot.ports import Clock

# However it shows itself, nobody is there: one trouble that changes its face during a restart.
NOBODY_THERE = frozenset({
    "ibkr_denied", "ibkr_gateway_down", "ibkr_gateway_silent", "ibkr_line_lost", "ibkr_login_due",
    "ibkr_no_answer",
})  # fmt: skip
# What does not pass by itself is told at once.
FOR_A_PERSON = frozenset({"ibkr_read_only"})
# On Sundays in New York a login ends: whoever restarts after it waits for a second factor.
LOGIN_ENDS, WEEK = time(1), timedelta(days=7)

COMPETING = 10197
NOT_SUBSCRIBED = frozenset({354, 10089, 10168, 10186, 10190})

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Trouble:
    error: BrokerUnavailable
    since: datetime
    told: bool = False

    @property
    def kind(self) -> str:
        """What two troubles have in common that are the same."""
        return "" if self.error.code in NOBODY_THERE else self.error.code


class Troubles:
    """What stands between a line and its use: one thing of the connection, one of the quotes."""

    def __init__(self, gateway: Gateway, clock: Clock) -> None:
        self._gateway, self._clock = gateway, clock
        self._of_line: _Trouble | None = None
        self._of_quotes: Note | None = None
        self._well_at: datetime | None = None

    def notes(self) -> Sequence[Note]:
        """What its owner should hear of now."""
        line, notes = self._of_line, []
        if line is not None and line.told:
            notes.append(Note(line.error.code, "", {**line.error.values, "since": line.since}))
        if self._of_quotes is not None:
            notes.append(self._of_quotes)
        return notes

    def meet(self, error: BrokerUnavailable) -> None:
        """Something is wrong with the connection, or still is.

        It is told when it has lasted as long as the pace allows; a restart at night is
        nobody's news, as long as it ends with its window.
        """
        now = self._clock.now()
        met = _Trouble(error, now)
        if self._of_line is None or self._of_line.kind != met.kind:
            self._of_line = met
            log.warning("the gateway is not as it should be: %s", error)
        if self._of_line.told or self._gateway.restart.covers(now):
            return
        lasted = (now - self._of_line.since).total_seconds()
        if lasted >= self._gateway.pace.alert or error.code in FOR_A_PERSON:
            cause = self._login_ended(now) if error.code in NOBODY_THERE else None
            self._of_line = replace(self._of_line, error=cause or error, told=True)
            log.error("the gateway needs a person, it is tried on and on: %s", self._of_line.error)

    def overcome(self) -> None:
        """Nothing is wrong with the connection."""
        if self._of_line is not None:
            log.warning("the gateway is as it should be again")
        self._of_line, self._well_at = None, self._clock.now()

    def look_at(self, told: Mapping[Symbol, Ticks]) -> None:
        """Take note of what quotes were refused with, or how late they are."""
        refused = {symbol: t.denied.number for symbol, t in told.items() if t.denied}
        unseen = sorted(symbol for symbol, number in refused.items() if number in NOT_SUBSCRIBED)
        if COMPETING in refused.values():
            self._of_quotes = Note("ibkr_competing_session")
        elif unseen:
            self._of_quotes = Note("ibkr_no_live_quotes", "", {"symbols": unseen})
        elif any(ticks.delayed for ticks in told.values()):
            self._of_quotes = Note("ibkr_delayed_quotes")
        else:
            self._of_quotes = None

    def _login_ended(self, now: datetime) -> BrokerUnavailable | None:
        """The weekly end of the login, where that lies between the last good look and now."""
        local = now.astimezone(EXCHANGE)
        sunday = local.date() - timedelta(days=(local.weekday() + 1) % 7)
        ended = datetime.combine(sunday, LOGIN_ENDS, EXCHANGE)
        if ended > local:
            ended -= WEEK
        if self._well_at is None or self._well_at >= ended:
            return None
        gateway = self._gateway
        return BrokerUnavailable(
            "ibkr_login_due", host=gateway.host, port=gateway.port, ended=ended
        )
