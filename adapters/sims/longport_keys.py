"""Who may come in: the app's key, its access tokens, one-time passwords and sessions."""

import base64
import hmac
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count

from adapters.sims.longport_clock import Clock
from adapters.sims.longport_refusals import (
    bad_parameter,
    duplicate_request,
    signature_invalid,
    token_expired,
    token_invalid,
)
from adapters.sims.longport_signature import Signed, signature

PASSWORD_LIFE = timedelta(minutes=1)
SESSION_LIFE = timedelta(days=1)
PREFIX = "m_"  # of a token the app's key was exchanged for
CHANNEL = "lb"


@dataclass(frozen=True, slots=True)
class Session:
    """What a socket was opened with and may be reopened with."""

    id: str
    ends: datetime


class Keys:
    """One app of one account, with the tokens issued to it."""

    def __init__(
        self, app_key: str, app_secret: str, clock: Clock, life: timedelta, account: int
    ) -> None:
        self.app_key = app_key
        self.app_secret = app_secret
        self.refuses_repeats = False
        self._clock, self._account, self._life = clock, account, life
        self._numbers = count(1)
        self._seen: set[str] = set()
        self._tokens: dict[str, datetime] = {}
        self._passwords: dict[str, datetime] = {}
        self._sessions: dict[str, Session] = {}
        self.token = self._issue(clock.now() + life)

    def admit(self, request: Signed, given: str) -> None:
        """Raise Refusal for what is not signed with the secret, a token that holds, and new."""
        if not request.timestamp.isdigit() or not hmac.compare_digest(
            signature(request, self.app_secret), given
        ):
            raise signature_invalid()
        if request.authorization not in self._tokens:
            raise token_invalid()
        if self._tokens[request.authorization] <= self._clock.now():
            raise token_expired()
        if self.refuses_repeats and given in self._seen:
            raise duplicate_request()
        self._seen.add(given)

    def expires(self, token: str) -> datetime:
        """When a token ends."""
        return self._tokens[token]

    def refresh(self, until: datetime) -> str:
        """A new token, which from now on is the only one."""
        if until <= self._clock.now():
            raise bad_parameter("expired_at is over")
        self._tokens.clear()
        self.token = self._issue(until)
        return self.token

    def issue(self) -> str:
        """A new token, as its owner makes one on the broker's site; others go on holding."""
        self.token = self._issue(self._clock.now() + self._life)
        return self.token

    def expire(self) -> None:
        """Let the token have ended a moment ago."""
        self._tokens[self.token] = self._clock.now()

    def revoke(self) -> None:
        """Let the token be known no more."""
        self._tokens.pop(self.token, None)

    def one_time_password(self) -> str:
        """What opens one socket once, soon."""
        password = f"otp-{next(self._numbers)}"
        self._passwords[password] = self._clock.now() + PASSWORD_LIFE
        return password

    def open_session(self, password: str) -> Session:
        """The session a password opens. Raises Refusal."""
        if self._passwords.pop(password, self._clock.now()) <= self._clock.now():
            raise token_invalid()
        return self._begin()

    def resume(self, session_id: str) -> Session:
        """The session that goes on from another. Raises Refusal."""
        session = self._sessions.pop(session_id, None)
        if session is None or session.ends <= self._clock.now():
            raise token_expired()
        return self._begin()

    def forget_sessions(self) -> None:
        """Let no session be resumed."""
        self._sessions.clear()

    def _begin(self) -> Session:
        session = Session(f"session-{next(self._numbers)}", self._clock.now() + SESSION_LIFE)
        self._sessions[session.id] = session
        return session

    def _issue(self, until: datetime) -> str:
        claims = {
            "iss": "longbridge",
            "sub": "access_token",
            "iat": int(self._clock.now().timestamp()),
            "exp": int(until.timestamp()),
            "ak": self.app_key,
            "aaid": self._account,
            "ac": CHANNEL,
            "jti": next(self._numbers),
        }
        parts = [_part({"alg": "HS256", "typ": "JWT"}), _part(claims)]
        seal = hmac.digest(self.app_secret.encode(), ".".join(parts).encode(), "sha256")
        token = PREFIX + ".".join([*parts, _base64(seal)])
        self._tokens[token] = until
        return token


def _part(claims: dict[str, object]) -> str:
    return _base64(json.dumps(claims).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
