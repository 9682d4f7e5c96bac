"""Secrets: looked for where services keep them, never shown."""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from config.problems import Problem, SettingsProblem

PREFIX = "BELLWETHER_"
FILE_SUFFIX = "_FILE"
CREDENTIALS = "CREDENTIALS_DIRECTORY"  # where systemd puts LoadCredential
DOCKER = Path("/run/secrets")
OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret and where it came from; printing one shows the place only.

    `unread` are the further places where one lies that nobody reads: a variable that was
    forgotten may hide a newer file.
    """

    name: str
    value: str = field(repr=False)
    source: str
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a secret may lie: a variable, or a file, of ours or of the service's own."""

    source: str
    path: Path | None = None
    own: bool = False


def secret(name: str, environ: Mapping[str, str] = os.environ, docker: Path = DOCKER) -> Secret:
    """The first that is found: variable, file a variable names, systemd's, Docker's.

    `telegram_token` is BELLWETHER_TELEGRAM_TOKEN, or the contents of the file that
    BELLWETHER_TELEGRAM_TOKEN_FILE names, or the file telegram_token among the
    credentials of the unit or the secrets of the container. Raises SettingsProblem
    `secret_missing`, `secret_empty`, `secret_unreadable` or, for a file of ours that
    others may read, `secret_open`.
    """
    variable = PREFIX + name.upper()
    places = list(_places(name, variable, environ, docker))
    if not places:
        raise SettingsProblem(Problem("secret_missing", name, {"variable": variable}))
    first, *others = places
    value = environ[variable] if first.path is None else _read(name, first.path, own=first.own)
    if not value.strip():
        raise SettingsProblem(Problem("secret_empty", name, {"source": first.source}))
    return Secret(name, value.strip(), first.source, tuple(each.source for each in others))


def strangers(prefixes: Sequence[str], environ: Mapping[str, str] = os.environ) -> list[str]:
    """Variables of the environment with other programs' secrets: they are not read."""
    return sorted(name for name in environ if name.startswith(tuple(prefixes)))


def _places(name: str, variable: str, environ: Mapping[str, str], docker: Path) -> Iterator[_Place]:
    """Where there is one, the place that counts first."""
    if variable in environ:
        yield _Place(variable)
    if told := environ.get(variable + FILE_SUFFIX):
        yield _Place(told, Path(told), own=True)
    folders = [Path(environ[CREDENTIALS])] if CREDENTIALS in environ else []
    for folder in (*folders, docker):
        if (folder / name).exists():
            yield _Place(str(folder / name), folder / name)


def _read(name: str, path: Path, *, own: bool) -> str:
    """The contents of a file; the service's own folders are guarded by the service."""
    try:
        if own and path.stat().st_mode & OTHERS:
            raise SettingsProblem(Problem("secret_open", name, {"path": path}))
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no text"
        raise SettingsProblem(
            Problem("secret_unreadable", name, {"path": path, "what": reason})
        ) from None
