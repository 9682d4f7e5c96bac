"""The file of the access token: read, judged by what it says of itself, replaced without a gap."""

import base64
import json
import os
import stat
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bot.domain.errors import BrokerUnavailable
from bot.domain.model import Note

OWNER_ONLY = stat.S_IRUSR | stat.S_IWUSR
OTHERS = stat.S_IRWXG | stat.S_IRWXO
PARTS = 3  # of a token: what it is sealed with, what it says, the seal
QUOTES = "'\""


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and what the broker wrote into it: whose it is and when it ends."""

    value: str = field(repr=False)
    account: str
    channel: str
    ends: datetime

    def days(self, now: datetime) -> int:
        """How many whole days are left, less than none where it has ended."""
        return (self.ends - now).days


def standing(path: Path, now: datetime) -> Note:
    """How long the token of a file holds, or why there is none."""
    try:
        token = TokenFile(path).read()
    except BrokerUnavailable as error:
        return Note(error.code, "", error.values)
    if token.ends <= now:
        return Note("longport_token_expired", "", {"path": path, "ended": token.ends})
    return Note("longport_token_holds", "", {"days": token.days(now), "ends": token.ends})


class TokenFile:
    """The token in use; beside it, while it is not proven, the one to come."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.coming = path.with_name(f"{path.name}.new")

    @property
    def unproven(self) -> bool:
        """Whether the token to use is one that was not proven yet."""
        return self._newest() == self.coming

    def read(self) -> Token:
        """The token to use: the one to come, unless the owner wrote another since.

        Raises BrokerUnavailable `longport_token_missing`, `longport_token_open` where
        others may read it, `longport_token_unreadable`.
        """
        path = self._newest()
        try:
            if path.stat().st_mode & OTHERS:
                raise BrokerUnavailable("longport_token_open", path=path)
            return _token(path, path.read_text(encoding="ascii"))
        except FileNotFoundError:
            raise BrokerUnavailable("longport_token_missing", path=path) from None
        except (OSError, UnicodeDecodeError):
            raise BrokerUnavailable("longport_token_unreadable", path=path) from None

    def keep(self, value: str) -> None:
        """Have a token on disk before anybody relies on it; the old one stays where it is.

        Raises OSError.
        """
        self._draft(value).replace(self.coming)
        self._sync()

    def rehearse(self) -> None:
        """Write as `keep` will, to be sure that it can. Raises OSError."""
        self._draft(self._newest().read_text(encoding="ascii"))

    def accept(self) -> None:
        """Let the token to come take the place of the old one."""
        self.coming.replace(self.path)
        self._sync()

    def reject(self) -> None:
        """Put the token to come aside; it is kept for a person to look at."""
        self.coming.replace(self.path.with_name(f"{self.path.name}.refused"))

    def _draft(self, value: str) -> Path:
        draft = self.path.with_name(f"{self.path.name}.draft")
        draft.unlink(missing_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "w") as file:  # noqa: PTH123 - a path has no mode to be made with
            file.write(value)
            file.flush()
            os.fsync(file.fileno())
        return draft

    def _newest(self) -> Path:
        if not self.coming.exists():
            return self.path
        if self.path.exists() and self.path.stat().st_mtime_ns > self.coming.stat().st_mtime_ns:
            return self.path
        return self.coming

    def _sync(self) -> None:
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the name of a new file is kept by its folder
        finally:
            os.close(folder)


def _token(path: Path, text: str) -> Token:
    """Read what a token says of itself: it is sealed, not hidden."""
    value = text.strip().strip(QUOTES)
    try:
        _, body, _ = value.split(".", PARTS - 1)
        padded = body + "=" * (-len(body) % 4)
        claims = json.loads(base64.urlsafe_b64decode(padded))
        return Token(
            value,
            account=str(claims["aaid"]),
            channel=str(claims.get("ac", "")),
            ends=datetime.fromtimestamp(claims["exp"], UTC),
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        raise BrokerUnavailable("longport_token_unreadable", path=path) from None
