"""Clients of the real library, sent to a simulated broker, and what they trade."""

import ssl
import time
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

with warnings.catch_warnings():
    # The library's OAuth part announces at import that it will follow httpx's successor.
    from authlib.deprecate import AuthlibDeprecationWarning

    warnings.filterwarnings("ignore", category=AuthlibDeprecationWarning)
    # Its streaming part, which nobody here uses, imports a module websockets will drop.
    warnings.filterwarnings("ignore", "websockets.legacy is deprecated", DeprecationWarning)
    from authlib.integrations.httpx_client import AsyncOAuth2Client
    from schwab.auth import TOKEN_ENDPOINT, TokenMetadata
    from schwab.client import AsyncClient
    from schwab.orders.equities import (
        equity_buy_limit,
        equity_buy_market,
        equity_sell_limit,
        equity_sell_market,
    )
    from schwab.utils import Utils

from adapters.sims.bars import Bar
from adapters.sims.schwab import SchwabSim
from adapters.sims.schwab_accounts import Account, AccountKind, Asset, Position
from adapters.sims.schwab_market import Listing, Quote
from adapters.sims.schwab_world import OTHER, Setup

NOON = datetime(2026, 3, 3, 17, tzinfo=UTC)
LEEWAY = 300
PATIENCE = 3.0
SHORT = 0.04
POSITIONS = [AsyncClient.Account.Fields.POSITIONS]
EQUITY_HOURS = [AsyncClient.MarketHours.Market.EQUITY]
VOO = Quote("VOO", Decimal(500), Decimal("499.90"), Decimal("500.10"), Decimal(498))
VIX = Quote("$VIX", Decimal("17.25"), listing=Listing.INDEX)
MAIN = "20002000"

__all__ = [
    "TOKEN_ENDPOINT",
    "Utils",
    "equity_buy_limit",
    "equity_buy_market",
    "equity_sell_limit",
    "equity_sell_market",
]


def an_account(cash=10_000, kind=AccountKind.CASH, positions=(), **shares) -> Account:
    held = tuple(Position(s, Decimal(n), Decimal(400)) for s, n in shares.items())
    return Account(MAIN, kind, Decimal(cash), positions=(*held, *positions))


def a_setup(account: Account | None = None, **changes: Any) -> Setup:
    accounts = (OTHER, account or an_account())
    ordinary = {"accounts": accounts, "quotes": (VOO, VIX), "at": NOON, "running": False}
    return Setup(**(ordinary | changes))


def an_option(shares: int) -> Position:
    return Position("QQQ   260620P00500000", Decimal(shares), Decimal(4), Asset.OPTION)


def a_bar(day, close: int) -> Bar:
    return Bar(day, *(Decimal(close) for _ in range(4)), volume=1000)


@dataclass
class TokenFile:
    """What a client of the library keeps of its login."""

    kept: dict[str, Any]
    writes: list[dict[str, Any]] = field(default_factory=list)

    def write(self, token: dict[str, Any], *_args: Any, **_more: Any) -> None:
        self.writes.append(token)

    def age(self, seconds: float) -> None:
        """Let the library think that its access token is so much older."""
        self.kept["token"]["expires_at"] = int(time.time() + 1800 - seconds)


@asynccontextmanager
async def a_client(broker: SchwabSim, file: TokenFile | None = None) -> AsyncIterator[AsyncClient]:
    """Build it as the library does, with httpx's own proxy and certificate settings."""
    kept = file or TokenFile(broker.control.log_in())
    metadata = TokenMetadata.from_loaded_token(kept.kept, kept.write)
    wrapped = metadata.wrapped_token_write_func()

    async def update(token: dict[str, Any], *args: Any, **more: Any) -> None:
        wrapped(token, *args, **more)

    session = AsyncOAuth2Client(
        broker.app.key,
        client_secret=broker.app.secret,
        token=metadata.token,
        token_endpoint=TOKEN_ENDPOINT,
        update_token=update,
        leeway=LEEWAY,
        proxy=broker.proxy_url,
        verify=ssl.create_default_context(cafile=broker.ca_file),
    )
    client = AsyncClient(broker.app.key, session, token_metadata=metadata)
    client.set_timeout(PATIENCE)
    try:
        yield client
    finally:
        await client.close_async_session()


async def listed(client: AsyncClient, broker: SchwabSim, minutes: float = 60) -> list[Any]:
    """Return the orders of the simulator's last hour, newest first."""
    now = broker.control.now()
    since = now - timedelta(minutes=minutes)
    answer = await client.get_orders_for_account(
        broker.account_hash,
        from_entered_datetime=since,
        to_entered_datetime=now + timedelta(minutes=1),
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def placed(client: AsyncClient, broker: SchwabSim, order: Any) -> int:
    """Place an order and return its number."""
    answer = await client.place_order(broker.account_hash, order)
    assert answer.status_code == 201, answer.text
    return Utils(client, broker.account_hash).extract_order_id(answer)


async def told(client: AsyncClient, broker: SchwabSim, order_id: int) -> dict[str, Any]:
    """Return an order as the broker tells it."""
    return (await client.get_order(order_id, broker.account_hash)).json()


async def securities(client: AsyncClient, broker: SchwabSim) -> dict[str, Any]:
    """Return the account with its positions."""
    answer = await client.get_account(broker.account_hash, fields=POSITIONS)
    return answer.json()["securitiesAccount"]
