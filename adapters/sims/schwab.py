"""A Schwab on loopback: the real library reaches it through HTTPS_PROXY and SSL_CERT_FILE."""

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from adapters.sims.program import show, stop_signal, until_stopped
from adapters.sims.schwab_accounts import AccountKind, account_hash
from adapters.sims.schwab_answers import Json
from adapters.sims.schwab_certificates import new_authority
from adapters.sims.schwab_control import Control, routes
from adapters.sims.schwab_limits import Limits
from adapters.sims.schwab_line import SHUTDOWN_SECONDS, Line
from adapters.sims.schwab_market import Quote
from adapters.sims.schwab_orders import Order
from adapters.sims.schwab_tokens import App
from adapters.sims.schwab_wires import Wires
from adapters.sims.schwab_world import MAIN, OTHER, Setup, World
from adapters.sims.sockets import ANY_PORT, LOOPBACK

PRIVATE = 0o600
HALF_SPREAD = Decimal("0.01")
WELCOME = """A Schwab for drills. Send the library there, and nothing else changes:
  export HTTPS_PROXY={proxy_url} SSL_CERT_FILE={ca_file} NO_PROXY=127.0.0.1
  app key {key}, secret {secret}, callback {callback}
  account {account}, in paths {account_hash}
Move it by {control_url}/control/VERB, with a JSON object; orders are shown here.
"""


class SchwabSim:
    """A broker with one login, listening while the `async with` block lasts.

    Two ports: the proxy for the library, and the control, which stays reachable while
    the first is cut. `control` is the same control for callers in this process. The
    certificate of its authority is written to `ca_file` at the start.
    """

    def __init__(
        self,
        ca_file: Path,
        setup: Setup | None = None,
        host: str = LOOPBACK,
        port: int = ANY_PORT,
        control_port: int = ANY_PORT,
    ) -> None:
        self.ca_file = ca_file
        self.app = (setup or Setup()).app
        self._world = World(setup or Setup())
        self._authority = new_authority()
        wires = Wires(self._world, lambda: self._line.outage)
        self._line = Line(wires.application(), self._authority.server_context(), host, port)
        self.control = Control(self._world, self._line)
        self._control_port = control_port
        self._control_runner = web.AppRunner(
            routes(self.control), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS
        )

    async def __aenter__(self) -> Self:
        """Listen on both ports. Raises OSError when one is taken or `ca_file` not writable."""
        self.ca_file.write_bytes(self._authority.pem())
        await self._line.open()
        try:
            await self._control_runner.setup()
            await web.TCPSite(self._control_runner, LOOPBACK, self._control_port).start()
        except OSError:
            await self.__aexit__(None, None, None)
            raise
        self._control_port = self._control_runner.addresses[0][1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop at once, whoever still waits for an answer."""
        self._world.close()
        await self._line.close()
        await self._control_runner.cleanup()

    @property
    def proxy_url(self) -> str:
        """What the library is given as its proxy."""
        return self._line.url

    @property
    def control_url(self) -> str:
        """Where a RemoteControl finds it."""
        return f"http://{LOOPBACK}:{self._control_port}"

    @property
    def account(self) -> str:
        """The number of the account meant where none is named: the last one listed."""
        return self._world.main

    @property
    def account_hash(self) -> str:
        """What stands for that account in paths."""
        return account_hash(self.account)


async def serve(sim: SchwabSim, *, attached: bool = False, token_file: Path | None = None) -> None:
    """Run until told to stop by SIGINT or SIGTERM.

    Attached to another program: write the addresses as one line of JSON, end when
    standard input does. Else say how to be reached, and show orders as they change.
    A login made on the spot is kept in `token_file`, as the library keeps it.
    """
    async with sim:
        stop = stop_signal()
        if token_file:
            _keep(token_file, sim.control.log_in())
        if attached:
            show(json.dumps(_addresses(sim)))
        else:
            show(WELCOME.format(**_addresses(sim)))
            sim.control.listen(lambda order: show(_line_of(order)))
        await until_stopped(stop, attached=attached)


def _keep(file: Path, login: Json) -> None:
    file.touch(PRIVATE)
    file.write_text(json.dumps(login), "utf-8")


def _addresses(sim: SchwabSim) -> dict[str, str]:
    return {
        "proxy_url": sim.proxy_url,
        "ca_file": str(sim.ca_file),
        "control_url": sim.control_url,
        "key": sim.app.key,
        "secret": sim.app.secret,
        "callback": sim.app.callback,
        "account": sim.account,
        "account_hash": sim.account_hash,
    }


def _line_of(order: Order) -> str:
    ticket = order.ticket
    price = f" at {ticket.price}" if ticket.price else ""
    asked = f"{ticket.instruction} {ticket.shares} {ticket.symbol} {ticket.order_type}{price}"
    return f"{order.order_id} {order.who}: {asked}: {order.status}, {order.filled} filled"


def _quoted(text: str) -> Quote:
    symbol, _, price = text.partition("=")
    last = Decimal(price)
    return Quote(symbol, last, last - HALF_SPREAD, last + HALF_SPREAD, last)


def _setup(given: argparse.Namespace) -> Setup:
    main = replace(MAIN, cash=given.cash, kind=AccountKind(given.kind))
    return Setup(
        App(given.key, given.secret, given.callback),
        (OTHER, main),
        tuple(_quoted(text) for text in given.quote),
        None if given.no_limits else Limits(),
        given.at,
        not given.frozen,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run it as a program."""
    app = App()
    parser = argparse.ArgumentParser("schwab", description=__doc__)
    parser.add_argument("--ca-file", type=Path, required=True, help="the certificate to trust")
    parser.add_argument("--token-file", type=Path, help="write a login there")
    parser.add_argument("--host", default=LOOPBACK)
    parser.add_argument("--port", type=int, default=ANY_PORT)
    parser.add_argument("--control-port", type=int, default=ANY_PORT)
    parser.add_argument("--key", default=app.key)
    parser.add_argument("--secret", default=app.secret)
    parser.add_argument("--callback", default=app.callback)
    parser.add_argument("--kind", choices=list(AccountKind), default=AccountKind.CASH)
    parser.add_argument("--cash", type=Decimal, default=MAIN.cash)
    parser.add_argument("--quote", action="append", default=[], metavar="SYMBOL=PRICE")
    parser.add_argument("--at", type=datetime.fromisoformat, help="begin at this time")
    parser.add_argument("--frozen", action="store_true", help="let time stand")
    parser.add_argument("--no-limits", action="store_true", help="answer without limits")
    parser.add_argument("--attached", action="store_true", help="for programs: addresses as JSON")
    given = parser.parse_args(arguments)
    try:
        sim = SchwabSim(given.ca_file, _setup(given), given.host, given.port, given.control_port)
        asyncio.run(serve(sim, attached=given.attached, token_file=given.token_file))
    except (ArithmeticError, ValueError, OSError) as wrong:
        parser.error(str(wrong))


if __name__ == "__main__":
    main()
