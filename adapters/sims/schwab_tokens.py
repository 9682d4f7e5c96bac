"""Logins: codes for seconds, refresh tokens for a week, access tokens for half an hour."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from urllib.parse import parse_qs, urlencode, urlsplit

from adapters.sims.schwab_answers import Json, Refused, told, unauthorized
from adapters.sims.schwab_clock import Clock

CODE_LIFETIME = timedelta(seconds=30)
ACCESS_LIFETIME = timedelta(minutes=30)
LOGIN_LIFETIME = timedelta(days=7)
BEARER = "Bearer "
EXPIRED_NESTED = (
    '400 Bad Request: "{"error_description":"Exception while authenticating refresh token '
    '[tokenDigest=drill, Exception=Failed refresh token authentication]",'
    '"error":"refresh_token_authentication_error"}"'
)


class LoginError(StrEnum):
    """What an expired refresh token is answered with; more than one has been seen."""

    UNSUPPORTED_TOKEN_TYPE = "unsupported_token_type"  # noqa: S105 - the name of an error
    INVALID_CLIENT = "invalid_client"
    INVALID_GRANT = "invalid_grant"


@dataclass(frozen=True, slots=True)
class App:
    """A program registered with the broker: its key, its secret, where logins come back to."""

    key: str = "drill-app-key-0000000000000000000"
    secret: str = "drill-app-secret"  # noqa: S105 - it opens nothing
    callback: str = "https://127.0.0.1:8182"


class Tokens:
    """What this app holds, by the simulator's clock."""

    def __init__(self, app: App, clock: Clock) -> None:
        self.app = app
        self.expiry_error = LoginError.UNSUPPORTED_TOKEN_TYPE
        self._clock = clock
        self._codes: dict[str, datetime] = {}
        self._logins: dict[str, datetime] = {}
        self._accesses: dict[str, datetime] = {}

    def allow(self, asked: Mapping[str, str]) -> str:
        """Return the address a browser ends at once the owner allowed what a link asks for.

        Raises ValueError naming what is wrong with the link.
        """
        if asked.get("client_id") != self.app.key:
            raise ValueError(f"client_id is {asked.get('client_id')}: no app has this key")
        if asked.get("redirect_uri") != self.app.callback:
            remark = f"give the registered {self.app.callback}, to the letter"
            raise ValueError(f"redirect_uri is {asked.get('redirect_uri')}: {remark}")
        if asked.get("response_type") != "code":
            raise ValueError(f"response_type is {asked.get('response_type')}: give code")
        code = f"C0.{secrets.token_urlsafe(24)}@"
        self._codes[code] = self._clock.now() + CODE_LIFETIME
        state = {"state": asked["state"]} if "state" in asked else {}
        return f"{self.app.callback}/?" + urlencode({"code": code, "session": "drill"} | state)

    def allow_link(self, link: str) -> str:
        """Return the same for the whole link."""
        return self.allow(
            {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
        )

    def grant(self, asked: Mapping[str, str]) -> Json:
        """Return new tokens for a code or a refresh token. Raises Refused."""
        match asked.get("grant_type"):
            case "authorization_code":
                return self._login(asked)
            case "refresh_token":
                return self._refresh(asked.get("refresh_token", ""))
        raise _oauth_error("unsupported_grant_type", f"grant_type is {asked.get('grant_type')}")

    def admit(self, authorization: str) -> None:
        """Let a request pass that bears a valid access token. Raises Refused, with 401."""
        token = authorization.removeprefix(BEARER)
        ends = self._accesses.get(token)
        if not authorization.startswith(BEARER) or ends is None or ends <= self._clock.now():
            raise unauthorized()

    def log_in(self, age: float = 0.0) -> Json:
        """Return a token file, as the library keeps it, of a login `age` seconds ago.

        Its times are the system's, which is what the library believes.
        """
        begun = self._clock.now() - timedelta(seconds=age)
        seconds = int(time.time() - age)
        tokens = self._tokens(self._begin(begun), begun)
        expires = seconds + int(ACCESS_LIFETIME.total_seconds())
        return {"creation_timestamp": seconds, "token": tokens | {"expires_at": expires}}

    def expire_access(self) -> None:
        """Let no access token given so far be valid any more."""
        self._accesses.clear()

    def expire_login(self) -> None:
        """Let no login so far be valid any more; access tokens live on."""
        self._logins.clear()

    def _login(self, asked: Mapping[str, str]) -> Json:
        ends = self._codes.pop(asked.get("code", ""), None)
        if ends is None or ends <= self._clock.now():
            raise _oauth_error("invalid_grant", "The code is unknown, used or too old.")
        if asked.get("redirect_uri") != self.app.callback:
            raise _oauth_error("invalid_grant", "redirect_uri differs from the registered one.")
        now = self._clock.now()
        return self._tokens(self._begin(now), now)

    def _refresh(self, refresh: str) -> Json:
        ends = self._logins.get(refresh)
        if ends is None or ends <= self._clock.now():
            raise self._expired()
        return self._tokens(refresh, self._clock.now())

    def _expired(self) -> Refused:
        match self.expiry_error:
            case LoginError.UNSUPPORTED_TOKEN_TYPE:
                return _oauth_error(self.expiry_error, EXPIRED_NESTED)
            case LoginError.INVALID_CLIENT:
                remark = "Unauthorized"
                return _oauth_error(self.expiry_error, remark, HTTPStatus.UNAUTHORIZED)
            case LoginError.INVALID_GRANT:
                return _oauth_error(self.expiry_error, "The refresh token is expired.")

    def _begin(self, begun: datetime) -> str:
        refresh = f"r-{secrets.token_urlsafe(32)}@"
        self._logins[refresh] = begun + LOGIN_LIFETIME
        return refresh

    def _tokens(self, refresh: str, begun: datetime) -> Json:
        access = f"I0.{secrets.token_urlsafe(32)}@"
        self._accesses[access] = begun + ACCESS_LIFETIME
        return {
            "expires_in": int(ACCESS_LIFETIME.total_seconds()),
            "token_type": "Bearer",
            "scope": "api",
            "refresh_token": refresh,
            "access_token": access,
            "id_token": f"e30.e30.{secrets.token_urlsafe(16)}",
        }


def _oauth_error(error: str, description: str, status: int = HTTPStatus.BAD_REQUEST) -> Refused:
    return Refused(told({"error": error, "error_description": description}, status))


def wrong_client() -> Refused:
    """Return what a wrong key or secret is answered with."""
    return _oauth_error("invalid_client", "Unauthorized", HTTPStatus.UNAUTHORIZED)
