"""A daemon in a process of its own, and the supervisor that hears it on a real socket."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
READY, BEAT, STOPPING = b"READY=1", b"WATCHDOG=1", b"STOPPING=1"
WAITS = 60.0  # seconds, for whatever has to come
ENDS_WITHIN = 60.0
LONGEST = 4096
MICROSECONDS = 1e6


@dataclass
class Supervised:
    """A daemon and the socket on which its supervisor hears it."""

    process: "subprocess.Popen[str]"
    line: socket.socket

    def hear(self) -> bytes:
        """The next thing it says."""
        self.line.settimeout(WAITS)
        return self.line.recv(LONGEST)

    def hear_for(self, seconds: float) -> set[bytes]:
        """Everything it says in some seconds."""
        heard = set()
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.line.settimeout(left)
            with suppress(TimeoutError):
                heard.add(self.line.recv(LONGEST))
        return heard

    def forget(self) -> None:
        """Leave unheard what it has said."""
        self.line.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                self.line.recv(LONGEST)

    def prints(self, words: str) -> str:
        """The line of its output with `words` in it, as soon as there is one."""
        assert self.process.stdout
        for line in self.process.stdout:
            if words in line:
                return line
        raise AssertionError(f"it ended and never printed {words}")

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to end; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(ENDS_WITHIN)


@contextmanager
def supervised(
    folder: Path, *program: str, waits: float = WAITS, environment: Mapping[str, str] | None = None
) -> Iterator[Supervised]:
    """Run a module of ours, whose supervisor listens in a folder and `waits` seconds for a beat."""
    address = folder / "notify"
    address.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(address))
        told = {"NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": f"{waits * MICROSECONDS:.0f}"}
        child = subprocess.Popen(
            [sys.executable, "-m", *program],
            cwd=ROOT,
            env={**os.environ, **told, **(environment or {})},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            yield Supervised(child, line)
        finally:
            child.kill()
            child.communicate()
