"""What the daemon takes, how soon it comes and how soon it goes: memory, start, end.

`python -m tests.benchmarks.footprint` prints it as a table.
"""

import os
import re
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.brokers import (
    BROKERS,
    Play,
    Played,
    paper,
    processes,
    resting,
    telegram,
)
from tests.benchmarks.table import Measured, tell
from tests.supervised import READY, Supervised, supervised

RUNS = 7
SETTLING_SECONDS = 10.0  # from being armed to being idle: lines have connected by then
MOST_MIB, MOST_IMPORTS, MOST_SECONDS = 160.0, 3.0, 5.0
KIB = 1024.0
USER, SYSTEM = 11, 12  # of the fields of /proc/PID/stat behind the name
A_MAPPING = re.compile(r"[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+ *(.*)")
SERVE = ("bot", "serve", "--config")
QUARTER_END = "2026-09-30T19:46:00+00:00"  # fourteen minutes before a close of the bundled prices
PATIENCE = 60.0
LOOK_AGAIN = 0.05


@dataclass(frozen=True, slots=True)
class Lodged:
    """A daemon that is armed, and its folder."""

    daemon: Supervised
    folder: Path

    def goes(self) -> float:
        """Tell it to end; the seconds until it has."""
        begun = time.monotonic()
        assert self.daemon.end() == 0
        return time.monotonic() - begun


@contextmanager
def lodged(
    play: Play, *more: str, before: Callable[[Played], None] | None = None
) -> Iterator[Lodged]:
    """A daemon that has just been armed; its other side is as `before` left it.

    With `more` it is a daemon at another time.
    """
    with tempfile.TemporaryDirectory() as name, play(Path(name)) as played:
        folder = Path(name)
        config = str(played.written(folder / "bot.toml"))
        if before:
            before(played)
        program = ("tests.benchmarks.elsewhen", config, *more) if more else (*SERVE, config)
        with supervised(folder, *program, environment=played.secrets) as daemon:
            assert READY in daemon.hear()
            yield Lodged(daemon, folder)


def resident(number: int) -> float:
    """The MiB a process and its children hold; a page of a file that several map counts once."""
    own, shared = 0.0, defaultdict[str, float](float)
    for process in processes(number):
        files = defaultdict[str, float](float)
        name = ""
        for line in Path(f"/proc/{process}/smaps").read_text("utf-8").splitlines():
            if mapping := A_MAPPING.fullmatch(line):
                name = mapping[1]
            kind, _, size = line.partition(":")
            if kind == "Rss":
                files[name] += float(size.split()[0])
            elif kind == "Anonymous":
                files[name] -= float(size.split()[0])
                own += float(size.split()[0])
        shared |= {name: max(shared[name], files[name]) for name in files}
    return (own + sum(shared.values())) / KIB


def memory(name: str, play: Play) -> Measured:
    """What an idle daemon with one broker holds."""
    with lodged(play) as there:
        time.sleep(SETTLING_SECONDS)
        held = resident(there.daemon.process.pid)
    return Measured(f"resident memory, armed and idle, {name}", held, "MiB", MOST_MIB)


def imports_pandas() -> float:
    """The CPU seconds of a Python that does nothing but import pandas."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", "import pandas"], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def arms(play: Play) -> float:
    """The CPU seconds of a daemon and its children until it is armed."""
    with lodged(play) as there:
        return sum(map(_spent, processes(there.daemon.process.pid)))


def _spent(process: int) -> float:
    """User and system time of a process, as the kernel counts it."""
    told = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(told[USER]) + int(told[SYSTEM])) / os.sysconf("SC_CLK_TCK")


def start(name: str, play: Play) -> Measured:
    """What a daemon takes to be armed, beside an import of pandas, measured in turns.

    In CPU time: what else the machine does adds least to it, and the least of each is the truest.
    """
    turns = [(arms(play), imports_pandas()) for _ in range(RUNS)]
    ours, theirs = (min(times) for times in zip(*turns, strict=True))
    beside = 'python -c "import pandas"'
    return Measured(f"start to armed, {name}", ours, "CPU s", MOST_IMPORTS, beside, theirs)


def _sent(ledger: Path) -> int:
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as kept:
        return int(kept.execute("SELECT count(*) FROM sent").fetchone()[0])


def ends() -> Iterator[Measured]:
    """How long a daemon takes to end, whatever it is at."""

    def figure(what: str, seconds: float) -> Measured:
        return Measured(f"SIGTERM to exit, {what}", seconds, "s", MOST_SECONDS)

    for name, play in BROKERS.items():
        with lodged(play) as there:
            time.sleep(SETTLING_SECONDS)
            yield figure(f"idle, {name}", there.goes())
    with lodged(resting, QUARTER_END) as there:
        until = time.monotonic() + PATIENCE
        while not _sent(there.folder / "state" / "ledger-paper.sqlite"):
            assert time.monotonic() < until, "no order was sent"
            time.sleep(LOOK_AGAIN)
        yield figure("in a run that waits for its orders", there.goes())
    others = {name: play for name, play in BROKERS.items() if play is not paper}
    for name, play in {**others, "telegram": telegram}.items():
        for how, before in (("silent", Played.fall_silent), ("gone", Played.be_gone)):
            with lodged(play, before=before) as there:
                time.sleep(SETTLING_SECONDS / 4)
                yield figure(f"{name} {how} from the start", there.goes())


def measure() -> Iterator[Measured]:
    """Measure everything once."""
    yield from (memory(name, play) for name, play in BROKERS.items())
    yield from (start(name, play) for name, play in BROKERS.items())
    yield from ends()


if __name__ == "__main__":
    tell(measure(), sys.argv)
