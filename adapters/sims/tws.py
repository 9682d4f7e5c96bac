"""An IB Gateway on loopback: the real libraries trade against it by host and port alone."""

import argparse
import asyncio
import csv
import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from types import TracebackType
from typing import Self

from adapters.sims.program import show, stop_signal, until_stopped
from adapters.sims.sockets import ANY_PORT, LOOPBACK
from adapters.sims.tws_account import AccountKind, AccountSetup, Proceeds
from adapters.sims.tws_control import Control
from adapters.sims.tws_gateway import Gateway
from adapters.sims.tws_http import Switchboard
from adapters.sims.tws_line import Line
from adapters.sims.tws_record import Entry, Kind
from adapters.sims.tws_session import Session
from adapters.sims.tws_world import Setup, World

PATIENCE = 30.0
DEFAULT_CASH = Decimal(100_000)
DEFAULT_ACCOUNT = "DU1000001"


class TwsSim:
    """A gateway with a broker behind it, listening while the `async with` block lasts.

    Two ports: one for clients, one for the control, which stays reachable while the first
    is closed. `control` is the same control for callers in this process.
    """

    def __init__(
        self,
        setup: Setup | None = None,
        host: str = LOOPBACK,
        port: int = ANY_PORT,
        control_port: int = ANY_PORT,
    ) -> None:
        self.world = World(setup or Setup())
        self._gateway = Gateway(self.world)
        self._line = Line(host, port, self._converse)
        self.control = Control(self._gateway, self._line)
        self._control_line = Line(LOOPBACK, control_port, Switchboard(self.control).take)

    async def __aenter__(self) -> Self:
        """Listen on both ports. Raises OSError when one is taken."""
        self._line.open()
        try:
            self._control_line.open()
        except OSError:
            await self._line.end()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop at once, whoever is connected."""
        self.world.courses.stop()
        self._gateway.drop()
        await self._line.end()
        await self._control_line.end()

    @property
    def host(self) -> str:
        """Where clients connect."""
        return self._line.host

    @property
    def port(self) -> int:
        """Where clients connect."""
        return self._line.port

    @property
    def control_url(self) -> str:
        """Where a RemoteControl finds it."""
        return f"http://{self._control_line.host}:{self._control_line.port}"

    async def until(self, holds: Callable[[Control], bool], seconds: float = PATIENCE) -> None:
        """Wait until something holds, looking after each entry. Raises TimeoutError."""
        await self.world.record.until(lambda: holds(self.control), seconds)

    def listen(self, listener: Callable[[Entry], None]) -> None:
        """Call `listener` with each further thing that happens."""
        self.world.record.listen(listener)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(self._gateway, reader, writer)
        self._gateway.came(session)
        await session.converse()


async def serve(sim: TwsSim, *, attached: bool = False) -> None:
    """Run until told to stop: by SIGINT or SIGTERM, attached also by the end of standard input.

    Attached to another program: write the addresses as one line of JSON. Else show them,
    and then what happens to orders.
    """
    async with sim:
        stop = stop_signal()
        if attached:
            show(json.dumps(_addresses(sim)))
        else:
            show(_welcome(sim))
            sim.listen(_tell)
        await until_stopped(stop, attached=attached)


def _addresses(sim: TwsSim) -> dict[str, str | int | list[str]]:
    return {
        "host": sim.host,
        "port": sim.port,
        "control_url": sim.control_url,
        "accounts": list(sim.world.accounts),
    }


def _welcome(sim: TwsSim) -> str:
    listed = "\n".join(f"  {name:<12} {value}" for name, value in _addresses(sim).items())
    return f"""A gateway for drills. Point the bot at it:
{listed}

From another terminal, for example:
  curl {sim.control_url}/control/orders
  curl -d '{{"symbol": "VOO", "price": 512.25}}' {sim.control_url}/control/price
  curl -d '{{"fault": {{"kind": "drop_after"}}}}' {sim.control_url}/control/fail
  curl -d '{{"seconds": 5}}' {sim.control_url}/control/restart
"""


def _tell(entry: Entry) -> None:
    if entry.kind is not Kind.ASKED:
        who = f"client {entry.client_id}" if entry.client_id >= 0 else ""
        said = " ".join(part for part in (entry.kind, who, entry.what, entry.text) if part)
        show(f"{entry.at:%H:%M:%S} {said}")


def read_prices(path: Path) -> Mapping[str, Decimal]:
    """Read a table of two columns, symbol and price. Raises ValueError naming the line."""
    prices = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            try:
                prices[row["symbol"]] = Decimal(row["price"])
            except (KeyError, TypeError, InvalidOperation):
                raise ValueError(f"{path}: give columns symbol and price, not {row}") from None
    return prices


def _price(text: str) -> tuple[str, Decimal]:
    symbol, _, price = text.partition("=")
    try:
        return symbol, Decimal(price)
    except InvalidOperation:
        raise argparse.ArgumentTypeError(f"{text}: give SYMBOL=PRICE") from None


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("tws", description=__doc__)
    parser.add_argument("--host", default=LOOPBACK)
    parser.add_argument("--port", type=int, default=ANY_PORT)
    parser.add_argument("--control-port", type=int, default=ANY_PORT)
    parser.add_argument("--account", action="append", help="a name; several give several accounts")
    parser.add_argument("--kind", type=AccountKind, default=AccountKind.CASH, choices=AccountKind)
    parser.add_argument("--proceeds", type=Proceeds, default=Proceeds.SETTLED, choices=Proceeds)
    parser.add_argument("--cash", type=Decimal, default=DEFAULT_CASH)
    parser.add_argument("--price", type=_price, action="append", default=[], help="SYMBOL=PRICE")
    parser.add_argument("--prices", type=Path, help="a CSV file with the columns symbol and price")
    parser.add_argument("--seed", type=int, default=1, help="draws what no price was given for")
    parser.add_argument("--strict", action="store_true", help="know only symbols with a price")
    parser.add_argument("--read-only", action="store_true", help="refuse orders, as a new gateway")
    parser.add_argument("--no-rates", action="store_true", help="let clients ask without limit")
    parser.add_argument("--master-client-id", type=int, help="who hears of every order")
    parser.add_argument("--attached", action="store_true", help="for programs: addresses as JSON")
    return parser


def _setup(given: argparse.Namespace) -> Setup:
    prices = dict(read_prices(given.prices)) if given.prices else {}
    accounts = tuple(
        AccountSetup(name, given.kind, {"USD": given.cash}, proceeds=given.proceeds)
        for name in given.account or [DEFAULT_ACCOUNT]
    )
    return Setup(
        accounts=accounts,
        prices=prices | dict(given.price),
        seed=given.seed,
        seeds_unknown=not given.strict,
        read_only=given.read_only,
        master_client_id=given.master_client_id,
        rates=not given.no_rates,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run it as a program."""
    parser = _options()
    given = parser.parse_args(arguments)
    try:
        sim = TwsSim(_setup(given), given.host, given.port, given.control_port)
        asyncio.run(serve(sim, attached=given.attached))
    except (ValueError, OSError) as wrong:
        parser.error(str(wrong))


if __name__ == "__main__":
    main()
