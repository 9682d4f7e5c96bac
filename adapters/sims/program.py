"""What every simulator does as a program: begins, says so, ends when it is told to."""

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Coroutine

STANDARD_INPUT = 0
CHUNK = 4096


def show(text: str) -> None:
    """Write to standard output at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def stop_signal() -> asyncio.Event:
    """Return what is set by SIGINT and SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(each, stop.set)
    return stop


async def until_left() -> None:
    """Wait for the end of standard input: whoever started this program is gone."""
    async for _ in typed_lines():
        pass


async def until_stopped(
    stop: asyncio.Event,
    *,
    attached: bool = False,
    unless: Coroutine[None, None, None] | None = None,
) -> None:
    """Wait for a stop, or for the end of something else before.

    Attached to another program, for its end; `unless` is anything that may end it.
    """
    others = [until_left()] if attached else [unless] if unless else []
    ends: list[Coroutine[None, None, object]] = [stop.wait(), *others]
    tasks = [asyncio.ensure_future(end) for end in ends]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    for task in done:
        task.result()


async def typed_lines() -> AsyncIterator[str]:
    """Yield the lines of standard input as they come, until it ends."""
    loop = asyncio.get_running_loop()
    chunks: asyncio.Queue[bytes] = asyncio.Queue()
    # A thread of its own: a file, a pipe and a terminal can all be waited for in this way,
    # and it reads without the buffer whose lock would have to be free when the process ends.
    threading.Thread(target=_read, args=(loop, chunks), daemon=True).start()
    rest = b""
    while chunk := await chunks.get():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.decode("utf-8", "replace")
    if rest:
        yield rest.decode("utf-8", "replace")


def _read(loop: asyncio.AbstractEventLoop, chunks: "asyncio.Queue[bytes]") -> None:
    chunk = b"begin"
    while chunk:
        chunk = os.read(STANDARD_INPUT, CHUNK)
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(chunks.put_nowait, chunk)
