"""The wire to Schwab: a login that is watched and renewed, a budget of requests, reads repeated."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from urllib.parse import parse_qs

import httpx

from adapters.schwab_access import Access, Pace
from adapters.schwab_json import decoded, remark
from adapters.schwab_library import Client, OAuthTrouble, new_client, new_session, transport
from adapters.schwab_login import failure, is_token, oauth_error
from adapters.schwab_tokens import Login, TokenFile
from bot.domain.errors import BrokerUnavailable, OrderRefused, OrderUnanswered
from bot.ports import Clock

MINUTE = timedelta(minutes=1)
# Seen for a refresh token whose week is over; for a person all mean: log in again.
EXPIRED = frozenset({"unsupported_token_type", "invalid_client", "invalid_grant"})
# Raised before a request leaves: whatever was to be asked certainly was not.
NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
PASSING = frozenset({httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS})

Ask: TypeAlias = Callable[[Client], Awaitable[httpx.Response]]

log = logging.getLogger(__name__)


class _Passing(Exception):  # noqa: N818 - what happened, not what it is
    """A trouble that may be over when asked again, not before `wait` seconds."""

    def __init__(self, error: BrokerUnavailable, wait: float = 0.0) -> None:
        super().__init__(error)
        self.error, self.wait = error, wait


class Budget:
    """Requests of the last minute: reads leave some of them to orders."""

    def __init__(self, pace: Pace, clock: Clock) -> None:
        self._pace, self._clock = pace, clock
        self._requests: deque[datetime] = deque()
        self._orders: deque[datetime] = deque()

    async def admit(self, *, ordering: bool) -> None:
        """Wait until one more request is within the limits, and count it."""
        while (wait := self._wait(self._clock.now(), ordering=ordering)) > timedelta():
            await self._clock.sleep(wait.total_seconds())
        self._requests.append(self._clock.now())
        if ordering:
            self._orders.append(self._clock.now())

    def _wait(self, now: datetime, *, ordering: bool) -> timedelta:
        pace = self._pace
        allowed = pace.requests if ordering else max(pace.requests - pace.kept, 1)
        wait = _until_free(self._requests, allowed, now)
        return max(wait, _until_free(self._orders, pace.orders, now)) if ordering else wait


def _until_free(times: deque[datetime], allowed: int, now: datetime) -> timedelta:
    # What lies ahead is of a clock that was set back since: nobody waits an hour for it.
    while times and not now - MINUTE < times[0] <= now:
        times.popleft()
    return times[-allowed] + MINUTE - now if len(times) >= allowed else timedelta()


class Wire:
    """Asks Schwab with the login of a file; a new login is taken up when it is there."""

    def __init__(self, access: Access, clock: Clock) -> None:
        self.pace = access.pace
        self._clock = clock
        self._file = TokenFile(access.token_file)
        self._budget = Budget(access.pace, clock)
        made = transport(access.proxy, access.ca_file, access.pace.idle)
        session = new_session(access.key, access.secret, access.callback, made, self._keep)
        session.register_compliance_hook("refresh_token_response", self._checked)
        self._client = new_client(access.key, session, access.pace.answer)
        self._login: Login | None = None
        self._expired = ""  # the refresh token that was refused
        self._refused_at = clock.now()
        self._renewing = asyncio.Lock()

    def login(self) -> Login:
        """The login there now is. Raises BrokerUnavailable: none, unreadable, or expired.

        An expired one is not asked about again: a new one is, as soon as it is stored.
        """
        if self._login is None or self._file.changed():
            self._login = self._file.read()
            self._client.session.token = dict(self._login.token)
        if self._expired == self._login.refresh:
            raise self._over(self._login)
        return self._login

    async def freshen(self) -> None:
        """Have an access token that lasts a few minutes. Raises BrokerUnavailable."""
        try:
            await self._fresh()
        except _Passing as trouble:
            raise trouble.error from None

    async def read(self, ask: Ask) -> Any:
        """Ask something that changes nothing, several times if need be; return its JSON.

        Raises BrokerUnavailable.
        """
        return decoded(await self.answer(ask))

    async def answer(self, ask: Ask) -> httpx.Response:
        """The same, with all that came beside the JSON."""
        wait = self.pace.wait
        for left in reversed(range(self.pace.tries)):
            try:
                return await self._read(ask)
            except _Passing as trouble:
                if not left:
                    raise trouble.error from None
                await self._clock.sleep(max(wait, trouble.wait))
                wait *= 2
        raise AssertionError(self.pace)  # tries is one at least

    async def send(self, ask: Ask, wished: datetime) -> httpx.Response:
        """Ask once for something that changes the account; what was answered is the caller's.

        Raises OrderRefused `schwab_not_sent` where it certainly did not leave,
        `schwab_sent_late` where it would too long after it was `wished` for, and
        OrderUnanswered where nobody knows.
        """
        try:
            await self._budget.admit(ordering=True)
            await self._fresh()
            waited = (self._clock.now() - wished).total_seconds()
            if waited > self.pace.sending:
                raise OrderRefused("schwab_sent_late", seconds=round(waited))
            return await self._sent(ask)
        except _Passing as trouble:
            raise _not_sent(trouble.error) from None
        except BrokerUnavailable as error:
            raise _not_sent(error) from None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.session.aclose()

    async def _read(self, ask: Ask) -> httpx.Response:
        response = await self._asked(ask)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            # Schwab ended the access token before its time, which the library does not notice.
            await self._renew(response.request.headers.get("Authorization", ""))
            response = await self._asked(ask)
        status = response.status_code
        if status in PASSING or status >= httpx.codes.INTERNAL_SERVER_ERROR:
            crowded = status == httpx.codes.TOO_MANY_REQUESTS
            raise _Passing(_refused(response), self.pace.crowded if crowded else 0.0)
        if not response.is_success:
            raise _refused(response)
        try:
            decoded(response)
        except BrokerUnavailable as unreadable:
            raise _Passing(unreadable) from None
        return response

    async def _asked(self, ask: Ask) -> httpx.Response:
        await self._budget.admit(ordering=False)
        await self._fresh()
        response: httpx.Response = await self._in_time(ask(self._client))
        return response

    async def _sent(self, ask: Ask) -> httpx.Response:
        try:
            async with asyncio.timeout(self.pace.answer):
                return await ask(self._client)
        except (OAuthTrouble, *NEVER_LEFT) as error:
            # The library looks at the token first: without one nothing leaves.
            raise _not_sent(_unreachable(error)) from None
        except (TimeoutError, httpx.RequestError) as error:
            raise OrderUnanswered("schwab_no_answer", reason=type(error).__name__) from None

    async def _fresh(self) -> None:
        self.login()
        session = self._client.session
        await self._in_time(session.ensure_active_token(session.token))
        self.login()  # the one it was renewed for may not be the one there is by now

    async def _renew(self, refused: str) -> None:
        """Renew the access token that was refused; of several who ask only the first does."""
        async with self._renewing:
            if refused.endswith(self._client.session.token["access_token"]):
                await self._in_time(self._client.session.refresh_token())

    async def _in_time(self, asked: Awaitable[Any]) -> Any:
        try:
            async with asyncio.timeout(self.pace.answer):
                return await asked
        except (TimeoutError, httpx.RequestError) as error:
            raise _Passing(_unreachable(error)) from None
        except OAuthTrouble as error:
            reason = type(error).__name__
            raise _Passing(BrokerUnavailable("schwab_refresh_failed", reason=reason)) from None

    def _checked(self, response: httpx.Response) -> httpx.Response:
        """Let a renewal pass that is a token; whatever else comes must not become one."""
        if oauth_error(response) in EXPIRED:
            form = parse_qs(response.request.content.decode())
            self._expired = form.get("refresh_token", [""])[0]
            self._refused_at = self._clock.now()
            assert self._login is not None  # it was this one's token
            raise self._over(self._login)
        if not is_token(response):
            raise _Passing(BrokerUnavailable("schwab_refresh_failed", reason=failure(response)))
        return response

    async def _keep(
        self,
        token: Mapping[str, object],
        refresh_token: str = "",
        access_token: str = "",  # noqa: ARG002 - the library names either
    ) -> None:
        """Store a renewed token, unless its login was replaced by a newer one meanwhile."""
        login = self._login
        assert login is not None  # nothing is renewed before it is read
        if refresh_token != login.refresh:
            self._login = None
            return
        self._login = login.renewed(token)
        try:
            if not self._file.renew(self._login):
                self._login = None
        except OSError as error:
            log.error("the renewed token can not be stored, it is used all the same: %s", error)  # noqa: TRY400 - where it happened says nothing more

    def _over(self, login: Login) -> BrokerUnavailable:
        return BrokerUnavailable("schwab_login_expired", ended=min(login.ends, self._refused_at))


def _unreachable(error: Exception) -> BrokerUnavailable:
    return BrokerUnavailable("schwab_unreachable", reason=type(error).__name__)


def _not_sent(error: BrokerUnavailable) -> OrderRefused:
    return OrderRefused("schwab_not_sent", reason=str(error))


def _refused(response: httpx.Response) -> BrokerUnavailable:
    told = remark(response)
    if response.status_code == httpx.codes.UNAUTHORIZED:
        return BrokerUnavailable("schwab_unauthorized", told=told)
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        return BrokerUnavailable("schwab_too_many")
    return BrokerUnavailable("schwab_read_refused", status=response.status_code, told=told)
