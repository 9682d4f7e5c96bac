"""Clients of the real library, whichever is installed, and a gateway they meet."""

import asyncio
import warnings
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

from adapters.sims.tws import TwsSim
from adapters.sims.tws_account import AccountSetup, Holding
from adapters.sims.tws_record import Booked
from adapters.sims.tws_wire import frame, read_frame
from adapters.sims.tws_world import Setup

with warnings.catch_warnings():
    # Newer Pythons tell at import that the libraries ask for the event loop in an old way.
    warnings.simplefilter("ignore", DeprecationWarning)
    try:
        import ib_async as ib
    except ImportError:
        import ib_insync as ib  # type: ignore[no-redef]  # one of the two is installed

BY_IB_ASYNC = ib.__name__ == "ib_async"
SOON = 30.0  # at the latest; nothing waits for it to pass
CLIENT = 7
OTHER = 8
ACCOUNT = "DU1000001"
VOO = Decimal(500)


def either(ib_insync: Any, ib_async: Any) -> Any:
    """What is true with one library, and with the other."""
    return ib_async if BY_IB_ASYNC else ib_insync


def an_account(cash: float = 100_000, **different: Any) -> AccountSetup:
    return AccountSetup(**{"name": ACCOUNT, "cash": {"USD": Decimal(str(cash))}} | different)


def holding(shares: float, cost: float = 400) -> Holding:
    return Holding(Decimal(str(shares)), Decimal(str(cost)))


def a_setup(
    *accounts: AccountSetup, prices: Mapping[str, Decimal] | None = None, **more: Any
) -> Setup:
    priced = {"VOO": VOO, "BIL": Decimal(91)} if prices is None else prices
    return Setup(accounts=accounts or (an_account(),), prices=priced, **more)


@asynccontextmanager
async def a_sim(*accounts: AccountSetup, **more: Any) -> AsyncIterator[TwsSim]:
    async with TwsSim(a_setup(*accounts, **more)) as sim:
        yield sim


class Heard:
    """What a client was told by codes: the numbers of requests, and what it was told of them."""

    def __init__(self, client: Any) -> None:
        self.errors: list[tuple[int, int, str]] = []
        client.errorEvent += self._hear

    def _hear(self, request_id: int, code: int, text: str, _contract: Any) -> None:
        self.errors.append((request_id, code, text))

    @property
    def codes(self) -> list[int]:
        return [code for _, code, _ in self.errors if code not in {2104, 2106, 2158}]


@asynccontextmanager
async def a_client(
    sim: Any, client_id: int = CLIENT, patience: float = SOON, **more: Any
) -> AsyncIterator[Any]:
    client = ib.IB()
    client.heard = Heard(client)
    await client.connectAsync(sim.host, sim.port, clientId=client_id, timeout=patience, **more)
    try:
        yield client
    finally:
        await leave(client)


async def leave(client: Any) -> None:
    client.disconnect()
    # The socket of the library closes in the next turns of the loop.
    await asyncio.sleep(0.001)


@asynccontextmanager
async def trading(*accounts: AccountSetup, **more: Any) -> AsyncIterator[tuple[TwsSim, Any]]:
    async with a_sim(*accounts, **more) as sim, a_client(sim) as client:
        yield sim, client


def stock(symbol: str = "VOO", **different: Any) -> Any:
    return ib.Stock(symbol, "SMART", "USD", **different)


async def qualified(client: Any, symbol: str = "VOO") -> Any:
    (contract,) = await client.qualifyContractsAsync(stock(symbol))
    return contract


def an_order(
    action: str = "BUY", shares: float = 10, limit: float | None = None, **different: Any
) -> Any:
    """A market order, or one with a limit, with everything our adapter would set."""
    told = {"tif": "DAY", "account": ACCOUNT, "orderRef": "ref-1"} | different
    if limit is None:
        return ib.MarketOrder(action, shares, **told)
    return ib.LimitOrder(action, shares, limit, **told)


async def placed(client: Any, order: Any, symbol: str = "VOO") -> Any:
    """Place an order and let it arrive."""
    trade = client.placeOrder(stock(symbol), order)
    await arrived(client)
    return trade


async def arrived(client: Any) -> None:
    """Wait until everything said before has been answered."""
    await asyncio.wait_for(client.reqCurrentTimeAsync(), SOON)


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.001)


async def reopened(sim: TwsSim) -> None:
    """Wait until clients are let in again."""
    await eventually(lambda: sim._line._accepting is not None)


async def in_vain(awaited: Any, seconds: float = 0.03) -> bool:
    """Whether something is not answered."""
    try:
        await asyncio.wait_for(awaited, seconds)
    except TimeoutError:
        return True
    return False


def the_order(sim: TwsSim, place: int = -1) -> Booked:
    return sim.control.orders()[place]


class Raw:
    """A client without a library, for what a library never writes or never shows."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    def write(self, *fields: Any) -> None:
        self.writer.write(frame(fields))

    async def next(self) -> list[str]:
        async with asyncio.timeout(SOON):
            return (await read_frame(self._reader)).split("\0")[:-1]

    async def read(self, number: int) -> list[str]:
        """The next message of a number, the others passed over."""
        while True:
            fields = await self.next()
            if fields[0] == str(number):
                return fields


@asynccontextmanager
async def a_raw_client(sim: Any, client_id: int = CLIENT) -> AsyncIterator[Raw]:
    reader, writer = await asyncio.open_connection(sim.host, sim.port)
    raw = Raw(reader, writer)
    writer.write(b"API\0")
    raw.write("v157..176")
    await raw.read(176)
    raw.write(71, 2, client_id, "")
    try:
        yield raw
    finally:
        writer.close()
        await asyncio.sleep(0.001)
