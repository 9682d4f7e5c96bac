"""The Unix socket of a running daemon: commands of this host in, answers out, one a connection."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError

from bot.commands import Answer, Command, obey
from bot.daemon import Seat
from bot.domain.errors import (
    BellwetherError,
    Blocked,
    BrokerUnavailable,
    DataError,
    Halted,
    LedgerError,
    SettingsError,
)
from bot.execution import LINE_ERRORS
from bot.proofs import Checkup, render_checkup
from bot.words import Language, Words

PATIENCE_SECONDS = 120.0  # with a daemon that plans
LONGEST_LINE = 4 * 1024 * 1024  # bytes of an answer
OWNER_ONLY = 0o177
LONGEST_ADDRESS = 100  # bytes: what every Unix has room for in the name of a socket

log = logging.getLogger(__name__)

# An error crosses the socket by its name, so that the asker ends with the same exit code.
_KINDS = {
    kind.__name__: kind
    for kind in (Blocked, BrokerUnavailable, DataError, Halted, LedgerError, SettingsError)
}


@dataclass(frozen=True, slots=True)
class HealthNow:
    """Whether everything a run needs is proven: a question to the daemon, not to its books."""

    do: Literal["health"] = "health"


Asked: TypeAlias = Command | HealthNow
Look: TypeAlias = Callable[[], Awaitable[Checkup]]

_COMMAND: TypeAdapter[Asked] = TypeAdapter(Annotated[Asked, Field(discriminator="do")])


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a command was not obeyed: the kind of an error, its code, and its values as text."""

    kind: str
    code: str
    values: dict[str, str]

    @classmethod
    def of(cls, error: BellwetherError) -> "Refusal":
        """An error as it crosses the socket."""
        values = {name: str(value) for name, value in error.values.items() if value is not None}
        return cls(type(error).__name__, error.code, values)

    def error(self) -> BellwetherError:
        """The error as it was on the other side."""
        return _KINDS.get(self.kind, BellwetherError)(self.code, **self.values)


_ANSWER: TypeAdapter[Answer | Refusal] = TypeAdapter(Answer | Refusal)


@asynccontextmanager
async def listening(
    path: Path, seats: Sequence[Seat], language: Language, look: Look
) -> AsyncIterator[None]:
    """Answer commands meanwhile. Only the owner of the process may connect.

    `look` says whether everything a run needs is proven.

    Raises SettingsError `state_dir_long` where no socket can have the address.
    """
    if len(os.fsencode(path)) > LONGEST_ADDRESS:
        raise SettingsError("state_dir_long", path=path.parent, most=LONGEST_ADDRESS)
    # Whoever holds the ledger's lock owns the address: what lies there is a dead daemon's.
    _remove(path)
    mask = os.umask(OWNER_ONLY)
    try:
        server = await asyncio.start_unix_server(partial(_hear, seats, language, look), path)
    finally:
        os.umask(mask)
    try:
        yield
    finally:
        server.close()
        _remove(path)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


async def ask(path: Path, command: Asked, patience: float = PATIENCE_SECONDS) -> Answer:
    """Have a running daemon obey a command.

    Raises BellwetherError `no_daemon` where none listens, `daemon_silent` where it
    does not answer within `patience` seconds, or the error it answered with.
    """
    try:
        reader, writer = await asyncio.open_unix_connection(path, limit=LONGEST_LINE)
    except OSError as error:
        raise BellwetherError("no_daemon", path=path) from error
    try:
        async with asyncio.timeout(patience):
            writer.write(_COMMAND.dump_json(command) + b"\n")
            await writer.drain()
            answer = _ANSWER.validate_json(await reader.readline())
    except (OSError, ValueError) as error:
        raise BrokerUnavailable("daemon_silent", path=path) from error
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    if isinstance(answer, Refusal):
        raise answer.error()
    return answer


async def _hear(
    seats: Sequence[Seat],
    language: Language,
    look: Look,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    try:
        answer = await _answered(await reader.readline(), seats, language, look)
        writer.write(_ANSWER.dump_json(answer) + b"\n")
        await writer.drain()
    except (OSError, ValueError) as error:
        log.warning("a command was not answered: %s", type(error).__name__)
    finally:
        writer.close()


async def _answered(
    line: bytes, seats: Sequence[Seat], language: Language, look: Look
) -> Answer | Refusal:
    try:
        command = _COMMAND.validate_json(line)
    except ValidationError:
        told = line.decode(errors="replace").strip()
        return Refusal.of(BellwetherError("unknown_command", line=told))
    try:
        if isinstance(command, HealthNow):
            found = await look()
            return Answer(render_checkup(found, Words(language)), found)
        return await obey(command, seats, language)
    except BellwetherError as error:
        return Refusal.of(error)
    except LINE_ERRORS as error:
        return Refusal.of(BrokerUnavailable("broker_unavailable", reason=str(error)))
