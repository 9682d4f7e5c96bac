"""A line to Schwab: one login, its accounts, its prices, and what its owner must hear of it."""

import asyncio
import logging
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from adapters.schwab_access import Access, Pace
from adapters.schwab_broker import SHOWN, Hashes, SchwabAccount
from adapters.schwab_json import odd
from adapters.schwab_login import begin, finish
from adapters.schwab_prices import Prices
from adapters.schwab_tokens import appointment
from adapters.schwab_wire import Wire
from bot.domain.calendar import Calendar
from bot.domain.errors import BellwetherError, BrokerUnavailable
from bot.domain.model import Note, Quotes, Symbol
from bot.domain.strategy import Facts, Needs
from bot.ports import Adjustment, Broker, Clock, Reading

__all__ = ["Access", "Pace", "Schwab", "begin", "finish"]

# An order is known as ours by its time, which is Schwab's and cut to whole seconds: it must not
# be before our own by more than `matching` forgives.
BEHIND, AHEAD = 1.0, 30.0  # seconds Schwab's clock may be behind ours, and ahead of it
UNTIL_TOLD = 3  # troubles in a row: the line comes back by itself more often than not
OF_THE_LOGIN = frozenset(
    {"schwab_login_missing", "schwab_login_expired", "schwab_token_open", "schwab_token_damaged"}
)

log = logging.getLogger(__name__)


class Schwab:
    """The line of one app and its owner's login, shared by every book on it.

    It is the MarketData of its books. A login that has expired stops trading and
    nothing else: a new one is taken up as soon as it is stored.
    """

    def __init__(self, access: Access, calendar: Calendar, clock: Clock) -> None:
        self._pace, self._clock = access.pace, clock
        self._live = not access.delayed_quotes
        self._wire = Wire(access, clock)
        self._hashes = Hashes(self._wire)
        self._prices = Prices(self._wire, calendar, clock, delayed=access.delayed_quotes)
        self._accounts: dict[str, SchwabAccount] = {}
        self._trouble: Note | None = None

    def account(self, number: str) -> Broker:
        """The account of a number, as the broker prints it: digits alone."""
        if number not in self._accounts:
            self._accounts[number] = SchwabAccount(
                number, self._wire, self._hashes, self._clock, live=self._live
            )
        return self._accounts[number]

    async def proceeds(self, account: str, symbol: Symbol) -> None:
        """There is nobody to ask: what an order would be refused for is told by the order."""
        del account, symbol

    @property
    def adjustment(self) -> Adjustment:
        """Its history knows of splits, not of dividends."""
        return Adjustment.SPLITS

    async def facts(self, needs: Needs, session: date) -> Facts:
        """Return the rows before `session`. Raises Blocked and BrokerUnavailable."""
        return await self._prices.facts(needs, session)

    async def quotes(self, symbols: Collection[Symbol]) -> Quotes:
        """Return the present quotes. Raises Blocked and BrokerUnavailable."""
        return await self._prices.quotes(symbols)

    def notes(self) -> Sequence[Note]:
        """What the owner should hear of the login and the line now; equal notes are one news."""
        try:
            note = appointment(self._wire.login(), self._clock.now())
        except BrokerUnavailable as error:
            return [Note(error.code, "", error.values)]
        trouble = self._trouble
        if trouble is not None and trouble.code in OF_THE_LOGIN:
            trouble = None  # it is there again: the line was not looked at since
        return [each for each in (note, trouble) if each]

    async def prove(self) -> str:
        """Return the accounts of the login, Schwab's time, and when the login ends.

        Raises BrokerUnavailable, and BellwetherError `schwab_clock_skew` where our
        clock differs so much that orders could not be told from others.
        """
        accounts = await self._hashes.all()
        reading = await self.clock()
        if not -AHEAD - reading.give <= reading.ahead <= BEHIND + reading.give:
            raise BellwetherError("schwab_clock_skew", seconds=round(reading.ahead))
        theirs = self._clock.now() - timedelta(seconds=reading.ahead)
        known = ", ".join(f"…{number[-SHOWN:]}" for number in sorted(accounts))
        return f"{known} · {theirs:%Y-%m-%d %H:%M:%S}Z · {self._wire.login().ends:%Y-%m-%d %H:%M}Z"

    async def clock(self) -> Reading:
        """Compare our clock with Schwab's. Raises BrokerUnavailable."""
        asked = self._clock.now()
        answer = await self._wire.answer(lambda client: client.get_account_numbers())
        return Reading.of(_date_of(answer), asked, self._clock.now())

    def ends(self) -> datetime | None:
        """When its owner has to log in again. Raises BrokerUnavailable."""
        return self._wire.login().ends

    async def keep(self) -> None:
        """Keep the login fresh until cancelled, and say once that it can not be.

        Whatever happens meanwhile, a new login or a line that comes back is noticed.
        """
        troubles, wait = 0, self._pace.look
        while True:
            try:
                await self._wire.freshen()
            except BrokerUnavailable as error:
                troubles += 1
                at_once = error.code in OF_THE_LOGIN
                if at_once or troubles >= UNTIL_TOLD:
                    self._alarm(error)
                wait = self._pace.look if at_once else min(2 * wait, self._pace.longest)
            else:
                if self._trouble:
                    log.warning("Schwab can be used again")
                self._trouble, troubles, wait = None, 0, self._pace.look
            await self._clock.sleep(wait)

    def _alarm(self, error: BrokerUnavailable) -> None:
        if self._trouble is None or self._trouble.code != error.code:
            log.error("Schwab can not be used, nothing is traded there: %s", error)
            self._trouble = Note(error.code, "", error.values)

    async def close(self) -> None:
        """Let go of the connections, within its time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pace.stop):
                await self._wire.close()


def _date_of(answer: httpx.Response) -> datetime:
    try:
        return parsedate_to_datetime(answer.headers.get("Date", "")).astimezone(UTC)
    except ValueError:
        raise odd("Date", answer.headers.get("Date")) from None
