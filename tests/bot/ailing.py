"""A real daemon that falls ill soon after its start, as a program: SETTINGS AILMENT."""

import asyncio
import sys
import time
from enum import StrEnum
from pathlib import Path

from bot import app
from bot.process import run_daemon
from bot.schedule import ScheduledWakes
from config.settings import Settings, load

WELL_FOR = 0.5  # seconds
FOR_EVER = 3600.0


class Ailment(StrEnum):
    """What a daemon may suffer from while its process lives."""

    BLOCKED_LOOP = "blocked loop"
    DEAD_SCHEDULER = "dead scheduler"
    DAMAGED_LEDGER = "damaged ledger"


def damage(ledger: Path) -> None:
    """Overwrite a ledger, and the log in which what is new still may be whole."""
    for file in (ledger, ledger.with_name(f"{ledger.name}-wal")):
        file.write_bytes(b"no ledger" * 1000)


class Ailing(ScheduledWakes):
    """Wakes of a daemon that says `ill` when it is."""

    def __init__(self, settings: Settings, ailment: Ailment) -> None:
        super().__init__()
        self._ledger, self._ailment = app.ledger_path(settings), ailment

    def start(self) -> None:
        super().start()
        asyncio.get_running_loop().call_later(WELL_FOR, self._fall_ill)

    def _fall_ill(self) -> None:
        if self._ailment is Ailment.DEAD_SCHEDULER:
            self._scheduler.shutdown(wait=False)
        if self._ailment is Ailment.DAMAGED_LEDGER:
            damage(self._ledger)
        print("ill", flush=True)  # noqa: T201 - a test waits for it
        if self._ailment is Ailment.BLOCKED_LOOP:
            time.sleep(FOR_EVER)


if __name__ == "__main__":
    told = load(Path(sys.argv[1]))
    run_daemon(told, Ailing(told, Ailment(sys.argv[2])))
