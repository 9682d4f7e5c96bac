"""What a gateway says of the market: contracts, daily bars, quotes as they now are."""

import asyncio
import logging
import math
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

from adapters import ibkr_sdk as sdk
from adapters.ibkr_values import Bar, Denied, Ticks, Told
from adapters.ibkr_wire import Wire
from bot.domain.errors import Blocked, BrokerUnavailable
from bot.domain.model import Symbol

AT_ONCE = 5  # requests for history
STREAMS = 50  # quotes at once; a plain account may have a hundred
LONGEST_IN_DAYS = 365
DAYS_PER_SESSION = 1.5  # weekends and holidays
DAYS_TO_SPARE = 10
DAILY = "1 day"
DIVIDENDS = "456"  # the kind of tick that tells the next dividend
NOTICES = frozenset({10090, 10167, *range(2100, 2200)})  # told beside a quote, not in its place

log = logging.getLogger(__name__)


class Tape:
    """The market as one connection shows it."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._quoting = asyncio.Lock()
        self._at_once = asyncio.Semaphore(AT_ONCE)
        # A quote belongs to the very object it was asked for with.
        self._contracts: dict[Symbol, Any] = {}

    async def number(self, symbol: Symbol) -> int:
        """The number of the instrument a symbol is traded as, 0 where it means none, or several.

        Raises BrokerUnavailable.
        """
        try:
            return int((await self.contract(symbol)).conId)
        except BrokerUnavailable:
            raise
        except Blocked:
            return 0

    async def bars(self, symbol: Symbol, what: str, sessions: int) -> Sequence[Bar]:
        """At least so many daily bars up to now, the unfinished one included. Raises Denied."""
        contract = await self.contract(symbol)
        longest = self._wire.pace.history
        asking = partial(
            self._wire.sdk.reqHistoricalDataAsync,
            *(contract, "", _duration(sessions), DAILY, what, True),
            timeout=longest,
        )
        async with self._at_once:
            told = await self._wire.ask(f"history of {symbol}", asking, 2 * longest)
        if not told:
            # The library withdrew the request when its time was over.
            what = f"history of {symbol}"
            raise BrokerUnavailable("ibkr_no_answer", what=what, seconds=longest)
        return [sdk.bar(each) for each in told]

    async def ticks(self, symbols: Collection[Symbol], kinds: str = "") -> dict[Symbol, Ticks]:
        """What is said of symbols now; nothing of those nobody knows.

        Waits until there is a bid, an ask, a last price and a word about a halt; where
        other `kinds` are asked for, until there is a word about those.
        """
        told: dict[Symbol, Ticks] = {}
        async with self._quoting:
            contracts = await self._found(symbols)
            names = list(contracts)
            for first in range(0, len(names), STREAMS):
                batch = {symbol: contracts[symbol] for symbol in names[first : first + STREAMS]}
                told |= await self._stream(batch, kinds)
        return told

    async def contract(self, symbol: Symbol) -> Any:
        """The library's name for a symbol: the same object for as long as the line holds."""
        if symbol not in self._contracts:
            self._contracts.setdefault(symbol, await self._looked_up(symbol))
        return self._contracts[symbol]

    async def _looked_up(self, symbol: Symbol) -> Any:
        wire, gateway = self._wire, self._wire.gateway
        index = gateway.indices.get(symbol, "")
        asked = sdk.wanted(symbol, gateway.listings.get(symbol, ""), index)
        wire.require()
        try:
            details = await wire.ask(
                symbol, partial(wire.sdk.reqContractDetailsAsync, asked), wire.pace.answer
            )
        except Denied as denied:
            raise Blocked("ibkr_unknown_symbol", symbol=symbol, reason=denied.reason) from denied
        found = [each.contract for each in details]
        if len(found) != 1:
            listings = ", ".join(each.primaryExchange for each in found)
            raise Blocked("ibkr_ambiguous_symbol", symbol=symbol, listings=listings)
        found[0].exchange = index or sdk.SMART
        return found[0]

    async def _found(self, symbols: Collection[Symbol]) -> Mapping[Symbol, Any]:
        asked = await asyncio.gather(*map(self.contract, symbols), return_exceptions=True)
        found: dict[Symbol, Any] = {}
        for symbol, contract in zip(symbols, asked, strict=True):
            if isinstance(contract, Blocked) and not isinstance(contract, BrokerUnavailable):
                log.warning("no quote: %s", contract)
            elif isinstance(contract, BaseException):
                raise contract
            else:
                found[symbol] = contract
        return found

    async def _stream(self, contracts: Mapping[Symbol, Any], kinds: str) -> dict[Symbol, Ticks]:
        wire, refused = self._wire, self._wire.of_contracts
        wire.require()
        refused.clear()
        tickers = {s: _asked_anew(wire, contract, kinds) for s, contract in contracts.items()}

        def denied(symbol: Symbol) -> Told | None:
            told = refused.get(contracts[symbol].conId)
            return None if told is None or told.number in NOTICES else told

        def is_whole(symbol: Symbol) -> bool:
            ticker = tickers[symbol]
            return ticker.dividends is not None if kinds else _ticks(ticker).whole

        def is_settled() -> bool:
            return not wire.linked or all(denied(s) or is_whole(s) for s in tickers)

        try:
            await wire.until(is_settled, wire.pace.quote)
        finally:
            for contract in contracts.values():
                wire.say(partial(wire.sdk.cancelMktData, contract))
        wire.require()
        for told in {told for symbol in tickers if (told := denied(symbol))}:
            log.warning("no quotes: %d %s", told.number, told.reason)
        return {s: _ticks(ticker, denied(s)) for s, ticker in tickers.items()}


def _asked_anew(wire: Wire, contract: Any, kinds: str) -> Any:
    """Ask for quotes; what the library remembers of an earlier time is forgotten."""
    try:
        ticker = wire.sdk.reqMktData(contract, kinds, False, False)
    except ConnectionError as lost:
        raise BrokerUnavailable("ibkr_line_lost", what="quotes") from lost
    ticker.bid = ticker.ask = ticker.last = ticker.halted = math.nan
    ticker.dividends, ticker.marketDataType = None, 1
    return ticker


def _ticks(ticker: Any, denied: Told | None = None) -> Ticks:
    delayed = ticker.marketDataType in sdk.DELAYED_KINDS
    coming = sdk.coming(ticker.dividends)
    return Ticks(ticker.bid, ticker.ask, ticker.last, ticker.halted, delayed, coming, denied)


def _duration(sessions: int) -> str:
    """How far back to ask, the long way round: too many bars cost nothing, too few a decision."""
    days = math.ceil(sessions * DAYS_PER_SESSION) + DAYS_TO_SPARE
    if days <= LONGEST_IN_DAYS:
        return f"{days} D"
    return f"{math.ceil(days / LONGEST_IN_DAYS)} Y"
