"""What a line to LongPort must be told: keys, addresses, how long to wait, how often to ask."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

CURRENCY = "USD"


class Region(StrEnum):
    """Which of the vendor's houses answers."""

    GLOBAL = "global"
    CN = "cn"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the API and its two sockets are."""

    http: str
    quote: str
    trade: str


HOMES: Mapping[Region, Addresses] = {
    Region.GLOBAL: Addresses(
        "https://openapi.longportapp.com",
        "wss://openapi-quote.longportapp.com/v2",
        "wss://openapi-trade.longportapp.com/v2",
    ),
    Region.CN: Addresses(
        "https://openapi.longportapp.cn",
        "wss://openapi-quote.longportapp.cn/v2",
        "wss://openapi-trade.longportapp.cn/v2",
    ),
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How often the account may be asked.

    `calls` in `seconds`, `gap` seconds from one to the next, the same again after
    `apart` seconds: its signature is of the second. So many calls are `kept` for orders.
    """

    calls: int = 30
    seconds: float = 30.0
    gap: float = 0.02
    apart: float = 1.0
    kept: int = 6


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds: for a connection, an answer, the answer to an order, before a read again.

    `sending`: from the wish to send an order until it leaves, above what a limit keeps it
    waiting. `look` is from one look at the line to the next, `longest` the same while it is down.
    """

    open: float = 20.0
    read: float = 10.0
    order: float = 15.0
    sending: float = 45.0
    again: float = 1.0
    look: float = 60.0
    longest: float = 300.0


@dataclass(frozen=True, slots=True)
class Told:
    """All of it. The file of the token is read and, when its time comes, written.

    An address that is empty is the region's. `refresh_days` before its end a token
    is exchanged for one of `token_days`; no `refresh_days`, no exchange. `delayed_quotes`
    are refused unless they are allowed. `python` is the interpreter that has
    the library.
    """

    app_key: str = field(repr=False)
    app_secret: str = field(repr=False)
    token_file: Path
    region: Region = Region.GLOBAL
    http_url: str = ""
    quote_url: str = ""
    trade_url: str = ""
    refresh_days: int = 30
    token_days: int = 90
    delayed_quotes: bool = False
    waits: Waits = Waits()
    limits: Limits = Limits()
    python: str = sys.executable

    @property
    def addresses(self) -> Addresses:
        """Where it is asked."""
        home = HOMES[self.region]
        return Addresses(
            self.http_url or home.http, self.quote_url or home.quote, self.trade_url or home.trade
        )
