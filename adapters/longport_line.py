"""The library's two halves with one set of keys: a read is asked again, an order never."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from adapters.longport_pace import Pace
from adapters.longport_process import LibraryRefused, NotAnswered, NotAsked, Process
from adapters.longport_token import Token, TokenFile
from adapters.longport_told import Told
from adapters.longport_wire import (
    Accepted,
    Cancel,
    Candles,
    Depth,
    Describe,
    Fresh,
    Half,
    Open,
    Opened,
    Question,
    Quote,
    Refresh,
    Submit,
)
from bot.domain.errors import BellwetherError, BrokerUnavailable, OrderRefused
from bot.domain.model import Symbol
from bot.ports import Clock

READS = 3  # a question that changes nothing is asked so often
NO_CODE = 0
TOKEN_CODES = range(401000, 402000)
KEY_CODES = range(403000, 404000)
DUPLICATE = 403202  # the same request in the same second: it says nothing of the request
TOO_OFTEN = frozenset({301606, 429001, 429002, DUPLICATE})
INTERNAL = range(500000, 600000)
OF_QUOTES = (Describe, Quote, Depth, Candles)

# What came of a question instead of an answer.
Trouble = LibraryRefused | NotAsked | NotAnswered
TROUBLES = (LibraryRefused, NotAsked, NotAnswered)

A = TypeVar("A")


class Line:
    """Asks the library, with the token of the file as it now is."""

    def __init__(self, told: Told, clock: Clock) -> None:
        self.told = told
        self.file = TokenFile(told.token_file)
        # The least one may trade of a symbol, as far as it was asked for.
        self.lots: dict[Symbol, int] = {}
        self._clock = clock
        self._pace = Pace(told.limits, clock)
        self._halves = {
            half: Process(partial(self._keys, half), told.waits.open, told.python) for half in Half
        }
        # The token the broker refused last, since when, and whether that still is its word.
        self._refused, self._since, self._dead = "", clock.now(), False

    def token(self) -> Token:
        """The token to use.

        Raises BrokerUnavailable `longport_token_expired` by the time it carries,
        `longport_token_ended` where the broker no longer knows it, and as the file does.
        """
        token = self.file.read()
        if token.ends <= self._clock.now():
            raise BrokerUnavailable(
                "longport_token_expired", path=self.told.token_file, ended=token.ends
            )
        if self._dead and token.value == self._refused:
            raise self._ended()
        return token

    async def open(self) -> tuple[Opened, Opened]:
        """Connect both halves where they are not; the quotes' start takes a second."""
        trade, quote = self._halves[Half.TRADE], self._halves[Half.QUOTE]
        return await self._again(trade.open), await self._again(quote.open)

    async def read(self, question: Question, kind: type[A]) -> A:
        """Return the answer to a question that changes nothing, asked up to three times.

        Raises BellwetherError.
        """
        return await self._again(partial(self._ask, question, kind))

    def reconsider(self) -> None:
        """Let a token that was refused be tried again, from the first step on.

        No is said to other things, too: to the password of a socket that came too late.
        """
        if self._dead:
            self.drop()
            self._dead = False

    def acquit(self) -> None:
        """Forget that a token was refused: it was not since."""
        self._refused = ""

    async def once(self, question: Question, kind: type[A]) -> A:
        """Ask once. Raises LibraryRefused, NotAsked, NotAnswered, and what `token` raises."""
        return await self._ask(question, kind)

    async def order(self, order: Submit) -> Accepted:
        """Place an order, asked once whatever happens; raises as `once`.

        Connecting before is no order, and is tried as often as for a read. Raises
        OrderRefused `longport_sent_late` where it would leave too long after it was wished for.
        """
        wished = self._clock.now()
        await self._again(self._halves[Half.TRADE].open)
        async with self._pace.turn(order, order=True):
            waited = (self._clock.now() - wished).total_seconds()
            if waited > self.told.waits.sending:
                raise OrderRefused("longport_sent_late", seconds=round(waited))
            return await self._halves[Half.TRADE].ask(order, Accepted, self.told.waits.order)

    async def refresh(self, refresh: Refresh) -> Fresh:
        """Exchange the token, asked once whatever happens; raises as `once`."""
        async with self._pace.turn(refresh):
            return await self._halves[Half.TRADE].ask(refresh, Fresh, self.told.waits.order)

    def trouble(self, error: Trouble) -> BellwetherError:
        """What came instead of an answer as an error of ours."""
        refusal = _refusal(error)
        code = refusal.code
        if code in TOKEN_CODES:
            return self._ended()
        if code in TOO_OFTEN:
            return BrokerUnavailable("longport_too_often", number=code)
        if code in KEY_CODES:
            return BrokerUnavailable("longport_keys", number=code, reason=refusal.message)
        if code == NO_CODE:
            return BrokerUnavailable("broker_unavailable", reason=refusal.message)
        return BrokerUnavailable("longport_refused", number=code, reason=refusal.message)

    def drop(self) -> None:
        """End both processes, whatever they are doing; the next question starts them anew."""
        for process in self._halves.values():
            process.drop()

    def numbers(self) -> list[int]:
        """The numbers of the processes there are."""
        return [p.number for p in self._halves.values() if p.number is not None]

    async def _ask(self, question: Question, kind: type[A]) -> A:
        seconds = self.told.waits.read
        if isinstance(question, OF_QUOTES):
            return await self._halves[Half.QUOTE].ask(question, kind, seconds)
        async with self._pace.turn(question, order=isinstance(question, Cancel)):
            return await self._halves[Half.TRADE].ask(question, kind, seconds)

    async def _again(self, ask: Callable[[], Awaitable[A]]) -> A:
        left = READS
        while True:
            left -= 1
            try:
                return await ask()
            except TROUBLES as error:
                if not left or not self._worth_it(error, first=left == READS - 1):
                    raise self.trouble(error) from None
            await self._clock.sleep(self.told.waits.again)

    def _worth_it(self, error: Trouble, *, first: bool) -> bool:
        """Whether another try may fare better: a broken line, a limit, a token just replaced."""
        code = _refusal(error).code
        if code not in TOKEN_CODES:
            return code == NO_CODE or code in TOO_OFTEN or code in INTERNAL
        # Those that failed just now: the owner may have written another meanwhile.
        used = {process.tried for process in self._halves.values()} - {""}
        newest = self.file.read().value
        if used and newest not in used:
            return True
        # Who connects is asked for a password of the moment: it may be that which was refused.
        if first and isinstance(error, NotAsked):
            return True
        if self._refused != newest:
            self._refused, self._since = newest, self._clock.now()
        self._dead = True
        return False

    def _ended(self) -> BrokerUnavailable:
        path = self.told.token_file
        return BrokerUnavailable("longport_token_ended", path=path, ended=self._since)

    def _keys(self, half: Half) -> Open:
        told, at = self.told, self.told.addresses
        token = self.token().value
        return Open(half, told.app_key, told.app_secret, token, at.http, at.quote, at.trade)


def _refusal(error: Trouble) -> LibraryRefused:
    match error:
        case LibraryRefused():
            return error
        case NotAsked():
            return error.refusal
        case NotAnswered():
            return LibraryRefused(NO_CODE, str(error))
