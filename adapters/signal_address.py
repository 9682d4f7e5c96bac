"""Signals of others at an address: JSON that is fetched with a token, whole or not at all."""

import json
import logging
from collections.abc import Callable, Sequence
from datetime import date
from http import HTTPStatus
from urllib.parse import urlsplit

import httpx

from adapters.signal_feeds import Unreachable
from bot.domain.errors import Blocked
from bot.domain.received import Received, received

# A signal is a line; what is longer than this is none.
MOST_BYTES = 65_536


class SignalAddress:
    """An address that answers GET with `{"signal": …, "updated": …}`; its token is asked for last.

    The answer's ETag is shown with the next question; where nothing has changed, the
    answer is what it was, for nobody says that it was kept. A redirection is not
    followed: the token is meant for this address.
    """

    def __init__(
        self, address: str, feed: str, token: Callable[[], str | None], answer_seconds: float
    ) -> None:
        self._address, self._feed = address, feed
        self._token, self._wait = token, answer_seconds
        self._etag: str | None = None
        self._said: list[Received] = []
        # They log addresses with all that is in them, and a query may be a secret.
        for chatty in ("httpx", "httpcore"):
            logging.getLogger(chatty).setLevel(logging.WARNING)

    @property
    def place(self) -> str:
        """The address without what may be secret in it."""
        parts = urlsplit(self._address)
        return f"{parts.scheme}://{parts.hostname}{parts.path}"

    async def told(self, session: date) -> Sequence[Received]:
        """Return what it answers; raises as `Source` says."""
        headers = {"Accept": "application/json"}
        if (token := self._token()) is not None:
            headers["Authorization"] = f"Bearer {token}"
        if self._etag is not None:
            headers["If-None-Match"] = self._etag
        try:
            async with (
                httpx.AsyncClient(timeout=self._wait, trust_env=False) as client,
                client.stream("GET", self._address, headers=headers) as answer,
            ):
                return await self._understood(answer, session)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._unreachable(str(error) or type(error).__name__) from error

    async def _understood(self, answer: httpx.Response, session: date) -> Sequence[Received]:
        if answer.status_code == HTTPStatus.NOT_MODIFIED and self._etag:
            return self._said
        if answer.status_code != HTTPStatus.OK:
            raise self._unreachable(f"HTTP {answer.status_code}")
        content = bytearray()
        async for part in answer.aiter_bytes():
            content += part
            if len(content) > MOST_BYTES:
                raise self._unreadable(f"more than {MOST_BYTES} bytes")
        self._said = [received(self._feed, self._object(bytes(content)), session, self.place)]
        # Only what was understood need not be told again.
        self._etag = answer.headers.get("ETag")
        return self._said

    def _object(self, content: bytes) -> dict[str, object]:
        try:
            told = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise self._unreadable(f"no JSON: {error}") from error
        if not isinstance(told, dict):
            raise self._unreadable("no object")
        # When it was first known is what we know ourselves, not what an answer says.
        return {name: cell for name, cell in told.items() if name != "known_on"}

    def _unreachable(self, reason: str) -> Unreachable:
        return Unreachable("signal_unreachable", feed=self._feed, place=self.place, reason=reason)

    def _unreadable(self, what: str) -> Blocked:
        return Blocked("signal_unreadable", feed=self._feed, place=self.place, what=what)
