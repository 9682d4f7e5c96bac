"""The library, imported in one place: without its warnings, and without the filter it leaves."""

import logging
import ssl
import warnings
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import httpx

with warnings.catch_warnings():
    # Its OAuth part announces at import that it will follow httpx's successor. The module that
    # defines the warning puts a filter "always" first, so it has to be there before ours.
    from authlib.deprecate import (  # type: ignore[import-untyped]  # it ships no types
        AuthlibDeprecationWarning,
    )

    warnings.simplefilter("ignore", AuthlibDeprecationWarning)
    # Its streaming part, which nobody here uses, imports a module that websockets will drop.
    warnings.filterwarnings("ignore", "websockets.legacy is deprecated", DeprecationWarning)
    from authlib.common.errors import (  # type: ignore[import-untyped]  # it ships no types
        AuthlibBaseError,
    )
    from authlib.integrations.httpx_client import (  # type: ignore[import-untyped]  # no types
        AsyncOAuth2Client,
    )
    from schwab.auth import (  # type: ignore[import-untyped]  # it ships no types
        TOKEN_ENDPOINT,
        get_auth_context,
    )
    from schwab.client import AsyncClient  # type: ignore[import-untyped]  # it ships no types
    from schwab.orders import equities  # type: ignore[import-untyped]  # it ships no types

if not issubclass(AsyncOAuth2Client, httpx.AsyncClient):
    # Its errors would be another package's, and none of ours would catch them.
    raise ImportError("authlib speaks through another package: remove httpx2")  # noqa: TRY004 - what can be done about it is done where packages are installed

LEEWAY_SECONDS = 300  # of an access token's end; it is renewed before
# At these levels they print account hashes, balances and the requests that carry tokens.
QUIET = {"httpx": logging.WARNING, "httpcore": logging.WARNING, "schwab": logging.WARNING}

OAuthTrouble: type[Exception] = AuthlibBaseError
Check = Callable[[httpx.Response], httpx.Response]
Keep = Callable[..., Awaitable[None]]
Ticket = Mapping[str, object]


class Session(Protocol):
    """The part that carries tokens."""

    token: Any

    async def ensure_active_token(self, token: Any) -> None:
        """Renew the access token where it is about to end."""
        ...

    async def refresh_token(self) -> object:
        """Renew the access token now."""
        ...

    async def fetch_token(
        self, *, authorization_response: str, state: str, client_id: str
    ) -> Mapping[str, object]:
        """Exchange the code of an address for tokens."""
        ...

    async def aclose(self) -> None:
        """Close its connections."""
        ...


class Client(Protocol):
    """The calls we make; each answers whatever came, and raises what httpx and authlib raise."""

    session: Session

    async def get_account_numbers(self) -> httpx.Response:
        """The accounts of the login, and what stands for each in every path."""
        ...

    async def get_account(self, account: str, *, fields: Sequence[str]) -> httpx.Response:
        """One account's balances, and its positions where the fields say so."""
        ...

    async def get_order(self, order: str, account: str) -> httpx.Response:
        """One order."""
        ...

    async def get_orders_for_account(
        self,
        account: str,
        *,
        max_results: int,
        from_entered_datetime: datetime,
        to_entered_datetime: datetime,
    ) -> httpx.Response:
        """Orders entered within a span; its ends are read as UTC whatever their zone."""
        ...

    async def place_order(self, account: str, ticket: Ticket) -> httpx.Response:
        """Place an order."""
        ...

    async def cancel_order(self, order: str, account: str) -> httpx.Response:
        """Ask for the end of an order."""
        ...

    async def get_quotes(self, symbols: Sequence[str]) -> httpx.Response:
        """Quotes of many symbols."""
        ...

    async def get_price_history_every_day(
        self,
        symbol: str,
        *,
        start_datetime: datetime,
        end_datetime: datetime,
        need_extended_hours_data: bool,
    ) -> httpx.Response:
        """The daily bars of a span."""
        ...


def new_session(
    key: str,
    secret: str,
    callback: str,
    transport: Mapping[str, object],
    keep: Keep | None = None,
) -> Any:
    """A session without a token yet; `keep` is told every renewed one."""
    for name, level in QUIET.items():
        logging.getLogger(name).setLevel(level)
    return AsyncOAuth2Client(
        key,
        client_secret=secret,
        redirect_uri=callback,
        token_endpoint=TOKEN_ENDPOINT,
        update_token=keep,
        leeway=LEEWAY_SECONDS,
        **transport,
    )


def new_client(key: str, session: Any, seconds: float) -> Client:
    """The library's client over a session; its own checks of enumerations are switched off."""
    client: Client = AsyncClient(key, session, enforce_enums=False)
    # Who could not even connect in half the time knows that nothing was asked.
    session.timeout = httpx.Timeout(seconds, connect=seconds / 2)
    return client


def authorization(key: str, callback: str) -> tuple[str, str]:
    """The address at which the owner allows the app, and the state that must come back."""
    context = get_auth_context(key, callback)
    return str(context.authorization_url), str(context.state)


def transport(proxy: str, ca_file: Path | None, idle: int) -> dict[str, object]:
    """How connections are made: through a proxy, trusting an authority, some kept open."""
    made: dict[str, object] = {"limits": httpx.Limits(max_keepalive_connections=idle)}
    if proxy:
        made["proxy"] = proxy
    if ca_file is not None:
        made["verify"] = ssl.create_default_context(cafile=ca_file)
    return made


def market_ticket(instruction: str, symbol: str, shares: int) -> Ticket:
    """An order of the day at the market: `buy`, `sell`, `sell_short` or `buy_to_cover`."""
    built: Ticket = getattr(equities, f"equity_{instruction}_market")(symbol, shares).build()
    return built


def limit_ticket(instruction: str, symbol: str, shares: int, price: str) -> Ticket:
    """An order of the day with a limit; as text, because the library cuts the digits of floats."""
    build = getattr(equities, f"equity_{instruction}_limit")
    built: Ticket = build(symbol, shares, price).build()
    return built
