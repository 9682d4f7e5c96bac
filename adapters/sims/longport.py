"""The LongPort OpenAPI on loopback: the real libraries talk to it by their URL settings alone."""

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from adapters.sims.longport_control import Access, Control, routes
from adapters.sims.longport_line import Line
from adapters.sims.longport_seed import seeded
from adapters.sims.longport_stage import Stage
from adapters.sims.longport_values import read, told
from adapters.sims.longport_world import Setup
from adapters.sims.program import show, stop_signal, until_stopped
from adapters.sims.sockets import ANY_PORT, open_both

SEED = 7


class LongPortSim:
    """A broker with one account, listening while the `async with` block lasts.

    Two ports: one for the API and its two sockets, one for the control, which stays
    reachable while the first is cut. `control` is the same control for callers in this
    process. The library itself belongs into another process: it stops every thread of
    its own while it waits for an answer.
    """

    def __init__(
        self, setup: Setup | None = None, port: int = ANY_PORT, control_port: int = ANY_PORT
    ) -> None:
        stage = Stage(setup or a_little_world())
        self._line = Line(stage.routes(), port)
        self.control = Control(stage, self._line)
        self._control_line = Line(routes(self.control), control_port)

    async def __aenter__(self) -> Self:
        """Listen on both ports. Raises OSError when one is taken."""
        await open_both(self._line, self._control_line)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop at once, open connections or not."""
        await self._line.close()
        await self._control_line.close()

    @property
    def access(self) -> Access:
        """Where the library finds it, and with what keys."""
        return self.control.access()

    @property
    def control_url(self) -> str:
        """Where a RemoteControl finds it."""
        return f"http://{self._control_line.address}"


async def serve(sim: LongPortSim, *, attached: bool = False) -> None:
    """Run until told to stop by SIGINT or SIGTERM.

    Write the addresses and keys as one line of JSON first. Attached to another program,
    end when standard input does.
    """
    async with sim:
        stop = stop_signal()
        show(json.dumps(told(sim.access) | {"control_url": sim.control_url}))
        await until_stopped(stop, attached=attached)


def a_little_world(seed: int = SEED) -> Setup:
    """A world with a seeded market whose last bar is today's."""
    return Setup(securities=seeded(seed, datetime.now(UTC).date()))


def _setup(path: Path | None, seed: int, *, limited: bool) -> Setup:
    setup = a_little_world(seed)
    if path:
        setup = read("setup", Setup, json.loads(path.read_text("utf-8")))
    return setup if limited else replace(setup, rates=None)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run it as a program."""
    parser = argparse.ArgumentParser("longport", description=__doc__)
    parser.add_argument("--port", type=int, default=ANY_PORT)
    parser.add_argument("--control-port", type=int, default=ANY_PORT)
    parser.add_argument("--setup", type=Path, help="a world as JSON, in place of the seeded one")
    parser.add_argument("--seed", type=int, default=SEED, help="of the little market")
    parser.add_argument("--no-rates", action="store_true", help="answer without limits")
    parser.add_argument("--attached", action="store_true", help="for programs: end with stdin")
    given = parser.parse_args(arguments)
    try:
        setup = _setup(given.setup, given.seed, limited=not given.no_rates)
        sim = LongPortSim(setup, given.port, given.control_port)
        asyncio.run(serve(sim, attached=given.attached))
    except (ValueError, OSError) as wrong:
        parser.error(str(wrong))


if __name__ == "__main__":
    main()
