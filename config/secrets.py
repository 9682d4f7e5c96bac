"""Secrets: looked for where services keep them, never shown."""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from config.problems import Problem, SettingsProblem

# Every secret there is; which of them are needed is said by the settings.
NAMES = (
    "telegram_token",
    "schwab_app_key",
    "schwab_app_secret",
    "longport_app_key",
    "longport_app_secret",
    "signals_token",
    "deadman_address",
)

# Beside these each feed of signals from an address may have one of its own.
OF_FEEDS = "signal_token_"

PREFIX = "BELLWETHER_"
FILE_SUFFIX = "_FILE"
CREDENTIALS = "CREDENTIALS_DIRECTORY"  # where systemd puts LoadCredential
DOCKER = Path("/run/secrets")
OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret and where it came from; printing one shows the places only.

    `ignored` are further places that hold another value: one of them is out of date.
    """

    name: str
    value: str = field(repr=False)
    source: str
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a secret may be: the text of a variable, or a file, guarded by us or by a service."""

    source: str
    text: str | None = field(default=None, repr=False)
    own: bool = True

    def value(self, name: str) -> str:
        """What is there. Raises SettingsProblem."""
        found = _read(name, Path(self.source), own=self.own) if self.text is None else self.text
        if not found.strip():
            raise SettingsProblem(Problem("secret_empty", name, {"source": self.source}))
        return found.strip()


def secret(name: str, environ: Mapping[str, str] = os.environ, docker: Path = DOCKER) -> Secret:
    """The first that is found: variable, file a variable names, systemd's, Docker's.

    `telegram_token` is BELLWETHER_TELEGRAM_TOKEN, or the contents of the file that
    BELLWETHER_TELEGRAM_TOKEN_FILE names, or the file telegram_token among the
    credentials of the unit or the secrets of the container. Raises SettingsProblem
    `secret_missing`, `secret_empty`, `secret_unreadable` or, for a file that others
    may read, `secret_open`.
    """
    places = list(_places(name, environ, docker))
    if not places:
        variable = PREFIX + name.upper()
        raise SettingsProblem(Problem("secret_missing", name, {"variable": variable}))
    value = places[0].value(name)
    others = tuple(place.source for place in places[1:] if _differs(place, name, value))
    return Secret(name, value, places[0].source, others)


def of_feed(feed: str) -> str:
    """The name of the secret that a feed is fetched with."""
    return OF_FEEDS + feed.replace("-", "_")


def known(environ: Mapping[str, str] = os.environ, docker: Path = DOCKER) -> Iterator[str]:
    """The value of every secret that can be read anywhere, used or ignored: none may be shown."""
    for name in (*NAMES, *_of_feeds(environ, docker)):
        for place in _places(name, environ, docker):
            with suppress(SettingsProblem):
                yield place.value(name)


def strangers(prefixes: Sequence[str], environ: Mapping[str, str] = os.environ) -> list[str]:
    """Variables of the environment with other programs' secrets: they are not read."""
    return sorted(name for name in environ if name.startswith(tuple(prefixes)))


def _of_feeds(environ: Mapping[str, str], docker: Path) -> set[str]:
    """The names of the secrets of feeds that are somewhere."""
    variables = (name.removeprefix(PREFIX).removesuffix(FILE_SUFFIX).lower() for name in environ)
    folders = [Path(environ[CREDENTIALS]), docker] if CREDENTIALS in environ else [docker]
    files = (file.name for folder in folders if folder.is_dir() for file in folder.iterdir())
    return {name for name in (*variables, *files) if name.startswith(OF_FEEDS)}


def _places(name: str, environ: Mapping[str, str], docker: Path) -> Iterator[_Place]:
    """Where there is something under the name of a secret, in the order it counts."""
    variable = PREFIX + name.upper()
    folders = [Path(environ[CREDENTIALS])] if CREDENTIALS in environ else []
    folders.append(docker)
    if variable in environ:
        yield _Place(variable, environ[variable])
    if told := environ.get(variable + FILE_SUFFIX):
        # A service's folders are guarded by the service, which sets modes of its own in them.
        yield _Place(told, own=Path(told).absolute().parent not in folders)
    for folder in folders:
        if (folder / name).exists():
            yield _Place(str(folder / name), own=False)


def _differs(place: _Place, name: str, value: str) -> bool:
    with suppress(SettingsProblem):
        return place.value(name) != value
    return False


def _read(name: str, path: Path, *, own: bool) -> str:
    try:
        if own and path.stat().st_mode & OTHERS:
            raise SettingsProblem(Problem("secret_open", name, {"path": path}))
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no text"
        raise SettingsProblem(
            Problem("secret_unreadable", name, {"path": path, "what": reason})
        ) from None
