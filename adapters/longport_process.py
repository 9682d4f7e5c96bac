"""The process with the vendor's library in it: asked one thing at a time, killed when late."""

import asyncio
import socket
import subprocess
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from adapters.longport_wire import (
    Absent,
    Answer,
    Open,
    Opened,
    Question,
    Refusal,
    question_line,
    read_answer,
)
from bot.domain.errors import SettingsError

MODULE = "adapters.longport_child"
TREE = Path(__file__).parents[1]
CHUNK = 64 * 1024
# The library reads a file .env of the folder it is started in: there is none in this one.
NOWHERE = "/"
# By the time the process ends itself nobody waits for it any more.
BELATED = 2.0
FAREWELL = 1.0  # what a killed process may need to be gone
ENVIRONMENT = {
    "PYTHONPATH": str(TREE),
    "TZ": "UTC",
    # With a region the library does not ask the vendor for it; the addresses are given anyway.
    "LONGPORT_REGION": "hk",
    "LONGBRIDGE_REGION": "hk",
}

A = TypeVar("A")


class LibraryRefused(Exception):  # noqa: N818 - an answer, not a fault of ours
    """The broker said no with a code; no code is a line that broke, before or after it heard."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code} {message}" if code else message)
        self.code = code
        self.message = message


class NotAsked(Exception):  # noqa: N818 - what happened, not what it is
    """It could not even be asked; `refusal` is why the library could not connect."""

    def __init__(self, refusal: LibraryRefused) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


class NotAnswered(Exception):  # noqa: N818 - what happened, not what it is
    """It was asked, and there is no answer."""


class Process:
    """One half of the library. Who is cancelled while it is asked takes the process with him.

    `keys` says what to connect with. The process is started by the first question,
    and anew by the one that finds it gone, or connected with other keys.
    """

    def __init__(self, keys: Callable[[], Open], connect: float, python: str) -> None:
        self._keys, self._connect, self._python = keys, connect, python
        self._turn = asyncio.Lock()
        self._child: _Child | None = None
        self._used: Open | None = None
        self._opened: Opened | None = None
        self.tried = ""  # the token it connected with last, or could not

    @property
    def number(self) -> int | None:
        """The number of the process, None where there is none."""
        return self._child.number if self._child else None

    async def open(self) -> Opened:
        """Connect where it is not. Raises NotAsked, SettingsError `extra_missing`, as `keys`."""
        async with self._turn:
            return await self._ready()

    async def ask(self, question: Question, kind: type[A], seconds: float) -> A:
        """Return the answer to a question.

        Raises LibraryRefused, NotAsked where the question never left, NotAnswered
        where it did and no answer came in time; and what `keys` raises.
        """
        async with self._turn:
            await self._ready()
            return _expected(await self._say(question, seconds), kind)

    def drop(self) -> None:
        """End the process, whatever it is doing; the next question starts another."""
        if self._child:
            self._child.end()
        self._child = self._used = self._opened = None

    async def _ready(self) -> Opened:
        keys = self._keys()
        if self._child and not (self._child.alive and self._used == keys):
            self.drop()
        if self._opened:
            return self._opened
        self.tried = keys.token
        self._child = _Child(self._python)
        try:
            self._opened = _expected(await self._say(keys, self._connect), Opened)
        except LibraryRefused as refusal:
            self.drop()
            raise NotAsked(refusal) from None
        except NotAnswered as silence:
            raise NotAsked(LibraryRefused(0, str(silence))) from None
        self._used = keys
        return self._opened

    async def _say(self, question: Question, seconds: float) -> Answer:
        """Ask the process there is. One that owes an answer is never asked again: it is ended."""
        child = self._child
        assert child is not None  # made ready before
        answered = False
        try:
            async with asyncio.timeout(seconds):
                line = await child.ask(question_line(question, seconds + BELATED))
            answer = read_answer(line)
            answered = True
        except TimeoutError:
            raise NotAnswered(f"no answer in {seconds:g} s") from None
        except (OSError, ValueError, KeyError, TypeError) as broken:
            raise NotAnswered(f"the library's process ended: {broken}") from None
        finally:
            if not answered:
                self.drop()
        return answer


def _expected(answer: Answer, kind: type[A]) -> A:
    if isinstance(answer, Refusal):
        raise LibraryRefused(answer.code, answer.message)
    if isinstance(answer, Absent):
        raise SettingsError("extra_missing", extra="longport", module="longport")
    assert isinstance(answer, kind)  # our own process answers what it is asked
    return answer


class _Child:
    """A process and the socket to it; both end with this object."""

    def __init__(self, python: str) -> None:
        self._socket, theirs = socket.socketpair()
        self._socket.setblocking(False)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [python, "-P", "-m", MODULE],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                cwd=NOWHERE,
                # Nothing of our environment is its business, least of all keys of its own.
                env=ENVIRONMENT,
                # Who stops the daemon by the keyboard does not stop its library in an order.
                start_new_session=True,
            )
        self._rest = b""
        self._asking = self._ended = False
        self._gone = weakref.finalize(self, _release, self._process, self._socket)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def number(self) -> int:
        return self._process.pid

    async def ask(self, line: bytes) -> bytes:
        """Send a line and return the one that comes back. Raises OSError where none does."""
        loop = asyncio.get_running_loop()
        self._asking = True
        try:
            await loop.sock_sendall(self._socket, line)
            while b"\n" not in self._rest:
                chunk = await loop.sock_recv(self._socket, CHUNK)
                if not chunk:
                    raise ConnectionError("no answer")
                self._rest += chunk
        finally:
            self._asking = False
            self._let_go()
        answer, _, self._rest = self._rest.partition(b"\n")
        return answer

    def end(self) -> None:
        """Kill the process; who still waits for its answer is told so by the socket."""
        self._ended = True
        _kill(self._process)
        self._let_go()

    def _let_go(self) -> None:
        # The loop still looks at a socket somebody waits on: it is his to close.
        if self._ended and not self._asking:
            self._gone()


def _release(process: "subprocess.Popen[bytes]", line: socket.socket) -> None:
    _kill(process)
    line.close()


def _kill(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    with suppress(subprocess.TimeoutExpired):
        process.wait(FAREWELL)
