"""A line to LongPort: one account's broker and its market, kept up while anybody needs it."""

import logging
from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta

from adapters.longport_account import Account
from adapters.longport_line import TOKEN_CODES, TROUBLES, Line
from adapters.longport_market import WITNESS, Market
from adapters.longport_process import LibraryRefused, NotAsked
from adapters.longport_symbols import theirs
from adapters.longport_told import Addresses, Limits, Region, Told, Waits
from adapters.longport_wire import Describe, Orders, Refresh, Securities, Today
from bot.domain.calendar import Calendar, exchange_date
from bot.domain.errors import BellwetherError, BrokerUnavailable
from bot.domain.model import Note, Quotes, Symbol
from bot.domain.strategy import Facts, Needs
from bot.ports import Adjustment, Broker, Clock, Reading

__all__ = ["Addresses", "Limits", "LongPort", "Region", "Told", "Waits"]

# A line that is down so many looks in a row is told of; before that it may come back by itself.
PATIENCE = 4
MOST_DOUBLINGS = 10
SHOWN = 4  # last characters of an account number
# Fewer days than these are left: each is told once.
WARNED_DAYS = (7, 3, 1)
# The exchange is this far from open when the token is exchanged: for a moment there is none.
QUIET = timedelta(hours=1)

# What comes and goes by itself.
PASSING = frozenset({"broker_unavailable", "longport_too_often", "longport_refused"})
# What a new token in the file ends, whatever it began as.
TOKEN_TROUBLE = frozenset({
    "longport_refresh_lost", "longport_token_ended", "longport_token_expired",
    "longport_token_missing", "longport_token_open", "longport_token_unreadable",
})  # fmt: skip

log = logging.getLogger(__name__)


class LongPort:
    """The line of one access token; its account is the one the token was issued for.

    Nothing is connected before `keep`, or whoever asks first. It stands on the
    vendor's library in processes of its own, which end with `close`.
    """

    def __init__(self, told: Told, calendar: Calendar, clock: Clock) -> None:
        self._told, self._calendar, self._clock = told, calendar, clock
        self._line = Line(told, clock)
        self._market = Market(self._line, calendar, clock)
        self._misses = 0
        self._alarmed = ""
        self._trouble: Note | None = None

    def account(self, number: str) -> Broker:
        """The account of a number, by which the broker must know the token."""
        return Account(number, self._line, self._clock)

    async def proceeds(self, account: str, symbol: Symbol) -> None:
        """There is nobody to ask: what an order would be refused for is told by the order."""
        del account, symbol

    @property
    def adjustment(self) -> Adjustment:
        """Its history includes dividends."""
        return self._market.adjustment

    async def facts(self, needs: Needs, session: date) -> Facts:
        """Return the bars before a session. Raises Blocked."""
        return await self._market.facts(needs, session)

    async def quotes(self, symbols: Collection[str]) -> Quotes:
        """Return the present quotes. Raises Blocked."""
        return await self._market.quotes(symbols)

    def days_left(self) -> int:
        """How many days the token still holds. Raises BrokerUnavailable where none can be read."""
        return self._line.file.read().days(self._clock.now())

    def notes(self) -> Sequence[Note]:
        """What the owner should hear of the token and the line now; equal notes are one news."""
        try:
            token = self._line.token()
        except BrokerUnavailable as error:
            if self._trouble is not None and self._trouble.code in TOKEN_TROUBLE:
                return [self._trouble]
            return [Note(error.code, "", error.values)]
        left = token.days(self._clock.now())
        near = [limit for limit in WARNED_DAYS if left < limit]
        values = {"ends": token.ends, "days": min(near, default=0)}
        warning = Note("longport_token_ends", "", values) if near else None
        trouble = self._trouble
        if trouble is not None and trouble.code in TOKEN_TROUBLE:
            trouble = None  # it is there again: the line was not looked at since
        return [each for each in (warning, trouble) if each]

    async def keep(self) -> None:
        """Stay connected, and have a token that holds, until cancelled.

        What stands in the way is told once through the log, and that it is gone; it
        is looked at again for as long as it takes.
        """
        try:
            while True:
                await self._clock.sleep(await self._looked())
        finally:
            self._line.drop()

    async def prove(self) -> str:
        """Return what answers: account, library, what quotes it pays for, days of the token.

        Raises BellwetherError.
        """
        token = self._line.token()
        trade, quote = await self._line.open()
        await self._heard()
        days = token.days(self._clock.now())
        account = f"…{token.account[-SHOWN:]} ({token.channel})"
        return f"{account} · {trade.library} · {quote.level} · {days} d"

    async def clock(self) -> Reading:
        """Nothing the broker tells is its time. Raises BrokerUnavailable."""
        raise BrokerUnavailable("no_server_time", broker="LongPort")

    def ends(self) -> datetime | None:
        """When the token ends, unless it is exchanged before. Raises BrokerUnavailable."""
        return self._line.file.read().ends

    async def close(self) -> None:
        """End the library's processes, whatever they are doing."""
        self._line.drop()

    async def _looked(self) -> float:
        """Look at the line once; returns in how many seconds to look again."""
        waits = self._told.waits
        try:
            await self._look()
        except (BellwetherError, OSError) as error:
            self._misses += 1
            self._alarm(error)
            return min(waits.look * (1 << min(self._misses - 1, MOST_DOUBLINGS)), waits.longest)
        if self._alarmed:
            log.warning("LongPort answers again")
        self._misses, self._alarmed, self._trouble = 0, "", None
        return waits.look

    async def _look(self) -> None:
        """Connect what is not, hear both halves, and exchange a token that is about to end."""
        self._line.reconsider()
        try:
            await self._line.open()
            await self._heard()
        except BrokerUnavailable as error:
            if error.code == "longport_token_ended" and self._line.file.unproven:
                self._line.file.reject()
            raise
        self._line.acquit()
        if self._line.file.unproven:
            self._line.file.accept()
        left = self._line.token().days(self._clock.now())
        if left < self._told.refresh_days and self._quiet():
            await self._exchange()

    async def _heard(self) -> None:
        await self._line.read(Today(), Orders)
        await self._line.read(Describe((theirs(WITNESS),)), Securities)

    async def _exchange(self) -> None:
        """Have a new token: on disk at once, in the old one's place when it is proven.

        Raises BrokerUnavailable `longport_refresh_lost` where the old token ended
        and the answer with the new one never came, `longport_refresh_refused` where
        the broker gives none, and OSError where none could be kept.
        """
        until = self._clock.now() + timedelta(days=self._told.token_days)
        # A new token that could not be written would be lost, and the old one with it.
        self._line.file.rehearse()
        try:
            fresh = await self._line.refresh(Refresh(until))
        except TROUBLES as error:
            # A question that never left, or was refused for its keys, ended nothing.
            if isinstance(error, LibraryRefused) and error.code and error.code not in TOKEN_CODES:
                raise BrokerUnavailable(
                    "longport_refresh_refused",
                    number=error.code,
                    reason=error.message,
                    days=self.days_left(),
                ) from None
            await self._refresh_lost(error)
            return
        self._line.file.keep(fresh.token)
        await self._line.open()
        await self._heard()
        self._line.file.accept()
        log.warning("LongPort's token was exchanged; it holds %d days", self.days_left())

    async def _refresh_lost(self, error: Exception) -> None:
        """Find out whether the old token still holds after an exchange nobody answered."""
        if isinstance(error, NotAsked):
            raise self._line.trouble(error)
        self._line.drop()
        try:
            await self._heard()
        except BrokerUnavailable as gone:
            if gone.code == "longport_token_ended":
                path = self._told.token_file
                raise BrokerUnavailable("longport_refresh_lost", path=path) from None
            raise
        log.warning("LongPort did not answer the exchange of its token; the old one still holds")

    def _quiet(self) -> bool:
        now = self._clock.now()
        session = self._calendar.on(exchange_date(now))
        return session is None or not session.opens - QUIET <= now < session.closes + QUIET

    def _alarm(self, error: BellwetherError | OSError) -> None:
        """Tell once what only a person can mend; what may pass, when it has not for a while."""
        code = error.code if isinstance(error, BellwetherError) else type(error).__name__
        what = "token" if code in TOKEN_TROUBLE else code
        passing = code in PASSING or isinstance(error, OSError)
        if what == self._alarmed or (passing and self._misses != PATIENCE):
            return
        log.error("the line to LongPort needs a person: %s", error)
        self._alarmed = what
        if isinstance(error, OSError):
            self._trouble = Note("broker_unavailable", "", {"reason": str(error)})
        else:
            self._trouble = Note(error.code, "", error.values)
