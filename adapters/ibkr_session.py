"""What a gateway can be asked of accounts and orders over one connection."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any

from adapters import ibkr_sdk as sdk
from adapters.ibkr_gateway import Gateway
from adapters.ibkr_tape import Tape
from adapters.ibkr_values import Held, Listed, Lists, Placed, Statement, Ticket
from adapters.ibkr_wire import NOT_ALLOWED, Asking, Wire
from bot.domain.errors import BrokerUnavailable
from bot.domain.model import Symbol


class Session:
    """A connection that is ready: handshake done, the open orders read once."""

    def __init__(self, gateway: Gateway) -> None:
        self.wire = Wire(gateway)
        self.tape = Tape(self.wire)
        self.read_only = False
        self._sdk = self.wire.sdk

    async def open(self) -> None:
        """Connect, and read the open orders. Raises BrokerUnavailable.

        That tells whether clients may only read, and makes the library number its
        orders above all there are.
        """
        await self.wire.open()
        try:
            async with self.wire.turn:
                await self._list("open orders", self._sdk.reqAllOpenOrdersAsync)
        except BrokerUnavailable as trouble:
            if trouble.code != "ibkr_read_only":
                raise
            self.read_only = True

    async def time(self) -> datetime:
        """The gateway's clock. Whatever it told before has arrived when this returns."""
        async with self.wire.turn:
            told: datetime = await self.wire.named("time", self._sdk.reqCurrentTimeAsync)
        return told

    async def lists(self) -> Lists:
        """Every order of the day: open, then completed, then executions, as orders move."""
        wire, library = self.wire, self._sdk
        async with wire.turn:
            wire.require()
            opened = await self._list("open orders", library.reqAllOpenOrdersAsync)
            completed = await self._list(
                "completed orders", partial(library.reqCompletedOrdersAsync, False)
            )
            fills = await wire.named("executions", library.reqExecutionsAsync)
            # Commissions may come after the end of the list.
            await wire.until(lambda: not sdk.unpaid(fills, library.fills()), wire.pace.commission)
            wire.require()
        return Lists(
            [sdk.open_order(trade) for trade in opened],
            [sdk.completed_order(trade) for trade in completed],
            sdk.executed(fills, library.fills()),
        )

    async def positions(self) -> Sequence[Held]:
        """The positions of all accounts."""
        async with self.wire.turn:
            self.wire.require()
            told = await self.wire.named("positions", self._sdk.reqPositionsAsync)
        return [sdk.held(position) for position in told]

    async def statement(self, account: str) -> Statement:
        """What the gateway tells of one account in one download, nothing of an earlier one."""
        wire, library = self.wire, self._sdk
        values: dict[tuple[str, str], str] = {}
        items: dict[int, Held] = {}

        def value(told: Any) -> None:
            if told.account == account:
                values[told.tag, told.currency] = told.value

        def item(told: Any) -> None:
            if told.account == account:
                items[told.contract.conId] = sdk.held(told)

        async with wire.turn:
            wire.require()
            library.accountValueEvent += value
            library.updatePortfolioEvent += item
            try:
                await wire.named("account", partial(library.reqAccountUpdatesAsync, account))
            finally:
                library.accountValueEvent -= value
                library.updatePortfolioEvent -= item
                # One account at a time: the next download may be of another.
                wire.say(partial(library.client.reqAccountUpdates, False, account))
        return Statement(account, values, list(items.values()))

    async def place(self, symbol: Symbol, ticket: Ticket) -> Placed:
        """Write an order, once, and wait for the first word about it.

        Raises Blocked, as BrokerUnavailable, only while nothing has been written.
        """
        wire = self.wire
        contract = await self.tape.contract(symbol)
        written = sdk.order(ticket)
        wire.require()
        try:
            trade = self._sdk.placeOrder(contract, written)
        except ConnectionError as lost:
            raise BrokerUnavailable("ibkr_line_lost") from lost
        told = wire.of_orders.setdefault(written.orderId, [])
        await wire.until(lambda: bool(told) or _booked(trade), wire.pace.order)
        if told or _booked(trade):
            with suppress(BrokerUnavailable):
                await self.time()
        done = sdk.executed(trade.fills)
        numbers = (trade.order.permId, trade.orderStatus.permId, *(d.permanent_id for d in done))
        number = next(filter(None, numbers), 0)
        return Placed(number, trade.orderStatus.status, told, done)

    async def cancel(self, listed: Listed) -> None:
        """Ask for the end of an order of this client."""
        self.wire.require()
        self._sdk.cancelOrder(sdk.named(listed))
        await self.time()

    async def what_if(self, symbol: Symbol, ticket: Ticket) -> None:
        """Ask whether an order would be taken; nothing is placed. Raises Denied where not.

        What is no statement about an order is no answer: Raises BrokerUnavailable.
        """
        contract = await self.tape.contract(symbol)
        asking = partial(self._sdk.whatIfOrderAsync, contract, sdk.order(ticket))
        if not await self.wire.ask("what-if", asking, self.wire.pace.answer):
            seconds = self.wire.pace.answer
            raise BrokerUnavailable("ibkr_no_answer", what="what-if", seconds=seconds)

    async def _list(self, what: str, asking: Asking) -> Any:
        if self.read_only:
            raise BrokerUnavailable("ibkr_read_only")
        try:
            return await self.wire.named(what, asking)
        except BrokerUnavailable as denied:
            if denied.values.get("number") != NOT_ALLOWED:
                raise
            raise BrokerUnavailable("ibkr_read_only") from denied


def _booked(trade: Any) -> bool:
    """Whether the gateway spoke of an order as one of its book, in messages about orders."""
    return bool(trade.order.permId or trade.orderStatus.permId or trade.fills)
