"""A daemon that kills itself at a call: nothing is left of it but its ledger and the exchange."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from bot.ledger import SqlLedger
from bot.ledger_file import LedgerLock
from bot.schedule import JumpingClock
from tests.bot.exchange_process import Line
from tests.bot.five_symbols import MORNING, RESTART, a_desk, life
from tests.fakes import Fuse, Phone, When


def kill() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("the dead do not go on")


async def main(socket: Path, account: str, path: Path, at: int, when: When) -> None:
    """One life with the ledger of `path`, up to the call number `at`; 0 lets it live."""
    clock = JumpingClock(MORNING)
    line = Line(socket, account, clock)
    clock.jump(await line.heard() + RESTART)
    fuse = Fuse(lambda number, _: number == at, when, kill)
    with LedgerLock(path):
        ledger = SqlLedger.open(path)
        await life(fuse.wire(a_desk(line, ledger, clock)), Phone())
        ledger.close()


if __name__ == "__main__":
    asyncio.run(
        main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), When(sys.argv[5]))
    )
