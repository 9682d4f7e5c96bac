"""The daemon at another time, which goes on from there, as a program: SETTINGS MOMENT."""

import sys
from datetime import datetime
from pathlib import Path

from bot.process import run_daemon
from bot.schedule import SystemClock
from config.settings import load


class Elsewhen(SystemClock):
    """A clock that goes as the host's does, from another moment on."""

    def __init__(self, moment: datetime) -> None:
        self._ahead = moment - super().now()

    def now(self) -> datetime:
        return super().now() + self._ahead


if __name__ == "__main__":
    run_daemon(load(Path(sys.argv[1])), clock=Elsewhen(datetime.fromisoformat(sys.argv[2])))
