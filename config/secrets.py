"""Secrets: looked for where services keep them, never shown."""

import os
import stat
from collections.abc import Mapping
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
    """A secret and where it came from; printing one shows the place only."""

    name: str
    value: str = field(repr=False)
    source: str


def secret(name: str, environ: Mapping[str, str] = os.environ, docker: Path = DOCKER) -> Secret:
    """The first that is found: variable, file a variable names, systemd's, Docker's.

    `telegram_token` is BELLWETHER_TELEGRAM_TOKEN, or the contents of the file that
    BELLWETHER_TELEGRAM_TOKEN_FILE names, or the file telegram_token among the
    credentials of the unit or the secrets of the container. Raises SettingsProblem
    `secret_missing`, `secret_empty`, `secret_unreadable` or, for a file of ours that
    others may read, `secret_open`.
    """
    variable = PREFIX + name.upper()
    if variable in environ:
        return _filled(name, environ[variable], variable)
    if told := environ.get(variable + FILE_SUFFIX):
        return _read(name, Path(told), own=True)
    folders = [Path(environ[CREDENTIALS])] if CREDENTIALS in environ else []
    for folder in (*folders, docker):
        if (folder / name).exists():
            return _read(name, folder / name, own=False)
    raise SettingsProblem(Problem("secret_missing", name, {"variable": variable}))


def _read(name: str, path: Path, *, own: bool) -> Secret:
    """The contents of a file; the service's own folders are guarded by the service."""
    try:
        if own and path.stat().st_mode & OTHERS:
            raise SettingsProblem(Problem("secret_open", name, {"path": path}))
        return _filled(name, path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no text"
        raise SettingsProblem(
            Problem("secret_unreadable", name, {"path": path, "what": reason})
        ) from None


def _filled(name: str, value: str, source: str) -> Secret:
    if not value.strip():
        raise SettingsProblem(Problem("secret_empty", name, {"source": source}))
    return Secret(name, value.strip(), source)
