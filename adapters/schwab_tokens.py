"""The file that holds a login: read and written whole, by us alone, never with half a token."""

import fcntl
import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import isfinite
from pathlib import Path

from bot.domain.errors import BrokerUnavailable
from bot.domain.model import Note

LASTS = timedelta(days=7)  # a login, however often it is refreshed
WARNED_HOURS = (48, 24, 6)  # before a login ends
HOUR, DAY_HOURS = timedelta(hours=1), 24
PRIVATE = 0o600
OTHERS = stat.S_IRWXG | stat.S_IRWXO
MODE = 3  # its place in a signature
# What a token can not do without: a gateway's own JSON has neither.
VITAL = ("access_token", "refresh_token")
TIMES = ("expires_in", "expires_at")


@dataclass(frozen=True, slots=True)
class Login:
    """What its owner allowed at `begun`, and the tokens that came of it last."""

    begun: datetime
    token: Mapping[str, object] = field(repr=False)

    @property
    def ends(self) -> datetime:
        """When its owner has to log in again."""
        return self.begun + LASTS

    @property
    def refresh(self) -> str:
        """What it is renewed with, and known by."""
        return str(self.token["refresh_token"])

    def renewed(self, token: Mapping[str, object]) -> "Login":
        """The same login with newer tokens: its week does not begin again."""
        return replace(self, token=dict(token))


def whole(token: object) -> bool:
    """Whether something is a token that can be used and renewed."""
    return (
        isinstance(token, Mapping)
        and all(isinstance(token.get(name), str) and token[name] for name in VITAL)
        and all(_is_time(token.get(name)) for name in TIMES)
    )


def _is_time(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and isfinite(value))


def appointment(login: Login, now: datetime) -> Note | None:
    """What the owner of a login should hear at a time: that it ends soon, or has ended.

    Equal notes are one warning: each threshold of a login makes another.
    """
    left = login.ends - now
    if left <= timedelta():
        return Note("schwab_login_expired", "", {"ended": login.ends})
    near = [hours for hours in WARNED_HOURS if left <= timedelta(hours=hours)]
    if not near:
        return None
    return Note("schwab_login_ends", "", {"ends": login.ends, "hours": min(near)})


def standing(path: Path, now: datetime) -> Note:
    """How old the login of a file is and when it ends, or why there is none."""
    try:
        login = TokenFile(path).read()
    except BrokerUnavailable as error:
        return Note(error.code, "", error.values)
    if login.ends <= now:
        return Note("schwab_login_expired", "", {"ended": login.ends})
    hours = int((now - login.begun) / HOUR)
    values = {"days": hours // DAY_HOURS, "hours": hours % DAY_HOURS, "ends": login.ends}
    return Note("schwab_login_holds", "", values)


class TokenFile:
    """Where a login is kept, as the library writes it; a newer login of others is noticed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, ...] | None = None

    def changed(self) -> bool:
        """Whether there is something else than what was read or written last."""
        return self._seen is None or self._signature() != self._seen

    def read(self) -> Login:
        """The login. Raises BrokerUnavailable: missing, damaged, or open to others."""
        seen = self._signature()
        if seen is None:
            raise BrokerUnavailable("schwab_login_missing", path=self.path)
        if seen[MODE] & OTHERS:
            raise BrokerUnavailable("schwab_token_open", path=self.path)
        login = self._stored()
        if login is None:
            raise BrokerUnavailable("schwab_token_damaged", path=self.path)
        self._seen = seen
        return login

    def write(self, login: Login) -> None:
        """Keep a login its owner just made, whatever there was.

        Raises ValueError for what is no token, and OSError.
        """
        with self._alone():
            self._replace(login)

    def renew(self, login: Login) -> bool:
        """Keep the newer tokens of a login; False where another one took its place.

        Raises as `write`.
        """
        with self._alone():
            there = self._stored()
            # By its time none is the newer one: a clock may have been wrong at one of them.
            if there is not None and int(there.begun.timestamp()) != int(login.begun.timestamp()):
                return False
            self._replace(login)
        return True

    def _replace(self, login: Login) -> None:
        if not whole(login.token):
            raise ValueError("a token without its parts is not kept")
        kept = {"creation_timestamp": int(login.begun.timestamp()), "token": dict(login.token)}
        replace_file(self.path, json.dumps(kept))
        self._seen = self._signature()

    def _stored(self) -> Login | None:
        try:
            kept = json.loads(self.path.read_text("utf-8"))
            begun = datetime.fromtimestamp(kept["creation_timestamp"], UTC)
            token = kept["token"]
        except (OSError, ValueError, LookupError, TypeError, OverflowError):
            return None
        return Login(begun, token) if whole(token) else None

    def _signature(self) -> tuple[int, ...] | None:
        try:
            there = self.path.stat()
        except OSError:
            return None
        return there.st_ino, there.st_mtime_ns, there.st_size, there.st_mode

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep out whoever else would write: a login made while another is renewed must stay."""
        lock = os.open(beside(self.path, "lock"), os.O_RDWR | os.O_CREAT, PRIVATE)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def beside(path: Path, suffix: str) -> Path:
    """A file that belongs to another one."""
    return path.with_name(f"{path.name}.{suffix}")


def replace_file(path: Path, content: str) -> None:
    """Write a file that only its owner may read: the whole of it, or the old one stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = beside(path, "new")
    draft.unlink(missing_ok=True)
    with open(draft, "x", encoding="utf-8", opener=_private) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the name is kept by its folder
    finally:
        os.close(folder)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, PRIVATE)
