"""The settings of brokers and of sources of prices."""

from collections.abc import Mapping
from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import Discriminator, Field, Tag, field_validator
from pydantic_core import PydanticCustomError

from config.values import (
    Account,
    Address,
    Clock,
    Distance,
    Exchange,
    Fee,
    Flag,
    Host,
    Money,
    Name,
    Port,
    Shares,
    Symbol,
    Table,
)

# What is said within this host is heard by nobody else.
_OPEN = {("http", host) for host in ("127.0.0.1", "localhost", "::1")}


class _Broker(Table):
    """What the entries of all brokers say."""

    account_kind: Literal["cash", "margin"] = Field(
        default="cash", description="Whether the account is a cash account or a margin account."
    )
    proceeds: Literal["settled", "same_day"] = Field(
        default="same_day", description="When the money of a sale may buy, in a cash account."
    )


class PaperBroker(_Broker):
    """The built-in broker that fills at the quote and remembers its account."""

    kind: Literal["paper"] = Field(description="What broker it is; paper is built in.")
    market: Name = Field(description="The [markets] entry whose quotes the paper broker fills at.")
    account: Account | None = Field(
        default=None,
        description="The account id the broker reports; without it the name of the entry.",
    )
    cash: Money = Field(
        default=Decimal(100_000), description="Cash in USD the account begins with."
    )
    shares: Mapping[Symbol, Shares] = Field(
        default={}, description="Shares the account begins with, by symbol."
    )
    commission_per_order: Fee = Field(
        default=Decimal(0), description="Commission in USD for each order."
    )
    commission_per_share: Fee = Field(
        default=Decimal(0), description="Commission in USD for each share."
    )
    minimum_commission: Fee = Field(
        default=Decimal(0), description="The least commission in USD an order with a fill costs."
    )
    slippage: Distance = Field(
        default=Decimal(0),
        description="How far a fill is worse than the quote, as a fraction of it.",
    )
    shorting: Flag = Field(
        default=False, description="Whether the account may sell what it does not hold."
    )
    drills: Mapping[Symbol, Literal["refuse"] | Shares] = Field(
        default={},
        description="To practise trouble: symbols whose orders are refused or fill that far only.",
    )


class _RealBroker(_Broker):
    """What the entries of all real brokers say."""

    market: Name | None = Field(
        default=None, description="The [markets] entry with the history; without it the broker's."
    )


class IbkrBroker(_RealBroker):
    """Interactive Brokers, through a TWS or IB Gateway that somebody keeps logged in."""

    kind: Literal["ibkr"] = Field(description="What broker it is; ibkr is Interactive Brokers.")
    account: Account = Field(description="The account id, one of those the gateway manages.")
    proceeds: Literal["settled", "same_day"] = Field(
        default="settled", description="When the money of a sale may buy, in a cash account."
    )
    host: Host = Field(default="127.0.0.1", description="Where the gateway listens.")
    port: Port = Field(
        default=4002, description="Its socket port: 4001 live and 4002 paper by default."
    )
    client_id: Annotated[int, Field(strict=True, ge=1, le=999_999)] = Field(
        default=17, description="Our number at the gateway; only its owner may cancel an order."
    )
    delayed_quotes: Flag = Field(
        default=False, description="Whether delayed quotes are read; no order is priced from them."
    )
    restart_begins: Clock = Field(
        default=time(23, 40), description="From when in New York the gateway restarts every day."
    )
    restart_ends: Clock = Field(
        default=time(1, 45), description="Until when it does; nothing is sent meanwhile."
    )
    answer_seconds: Annotated[int, Field(strict=True, ge=1, le=60)] = Field(
        default=10, description="Seconds to wait for one answer; twice that for a connection."
    )
    listings: Mapping[Symbol, Exchange] = Field(
        default={}, description="The exchange a symbol is listed at where several share it."
    )
    indices: Mapping[Symbol, Exchange] = Field(
        default={"VIX": "CBOE"},
        description="Symbols that are no stock but an index, with the exchange that computes it.",
    )


class SchwabBroker(_RealBroker):
    """Charles Schwab, through its Trader API."""

    kind: Literal["schwab"] = Field(description="What broker it is; schwab is Charles Schwab.")
    account: Account = Field(description="The account number; its hash is looked up.")
    token_file: Path = Field(
        default=Path("schwab-token.json"),
        description="Where the login is kept, for its owner only.",
    )
    callback: Address = Field(
        default="https://127.0.0.1:8182",
        description="The callback address as it is registered, to the letter.",
    )
    delayed_quotes: Flag = Field(
        default=False, description="Whether quotes may be delayed; orders are priced from them."
    )
    requests_a_minute: Annotated[int, Field(strict=True, ge=30, le=120)] = Field(
        default=110, description="How many requests of all kinds a minute may have."
    )
    orders_a_minute: Annotated[int, Field(strict=True, ge=1, le=120)] = Field(
        default=60, description="How many orders a minute may have: as the app is registered."
    )
    answer_seconds: Annotated[int, Field(strict=True, ge=5, le=60)] = Field(
        default=15, description="Seconds to wait for one answer."
    )
    proxy: Address | None = Field(
        default=None, description="A proxy to reach it by: of a company, or the simulator."
    )
    ca_file: Path | None = Field(
        default=None, description="The certificates that proxy is trusted by."
    )


class LongPortBroker(_RealBroker):
    """LongBridge, through the LongPort OpenAPI."""

    kind: Literal["longport"] = Field(description="What broker it is; longport is LongBridge.")
    account: Account = Field(description="The account number the API must report.")
    token_file: Path = Field(
        default=Path("longport-token"),
        description="Where the access token is kept, for its owner only; it is replaced there.",
    )
    region: Literal["global", "cn"] = Field(
        default="global", description="Which of the vendor's houses answers."
    )
    refresh_days: Annotated[int, Field(strict=True, ge=0, le=89)] = Field(
        default=30,
        description="Days before its end the token is exchanged for one of 90; 0 means never.",
    )
    delayed_quotes: Flag = Field(
        default=False, description="Whether quotes may be delayed; orders are priced from them."
    )
    http: Address | None = Field(
        default=None, description="Another address of the API: of the simulator."
    )
    quotes: Address | None = Field(
        default=None, description="Another address of the quotes: of the simulator."
    )
    trades: Address | None = Field(
        default=None, description="Another address of the trades: of the simulator."
    )


BrokerSettings: TypeAlias = Annotated[
    PaperBroker | IbkrBroker | SchwabBroker | LongPortBroker, Field(discriminator="kind")
]


class TablesMarket(Table):
    """Prices read from a file."""

    kind: Literal["tables"] = Field(description="What source it is; tables reads price files.")
    path: Path | None = Field(
        default=None,
        description="The price file; without it the price store in the state directory.",
    )
    adjustment: Literal["total_return", "splits"] = Field(
        default="total_return", description="Whether the closes include dividends or only splits."
    )
    splice: Mapping[Symbol, Symbol] = Field(
        default={},
        description="Whose returns a symbol has before its own first bar, in the order given.",
    )
    late: tuple[Symbol, ...] = Field(
        default=("VIX",),
        description="Indices computed beyond the close: a session knows the close before its own.",
    )


MarketSettings: TypeAlias = TablesMarket


class _Feed(Table):
    """What the entries of all feeds say."""

    profile: Name = Field(description="Whose snapshots these are.")
    config: Path | None = Field(
        default=None, description="The configuration it must be made with, to the byte."
    )
    config_name: Annotated[str, Field(max_length=100)] = Field(
        default="", description="What the manifest calls that configuration; else the profile."
    )
    look_every: Annotated[int, Field(strict=True, ge=1, le=3600)] = Field(
        default=30, description="Seconds between two looks at the files."
    )


class FileFeed(_Feed):
    """The monthly snapshots of a profile, as files that somebody replaces whole."""

    snapshot: Literal["file"] = Field(description="Who makes them; file waits for somebody's.")
    path: Path = Field(
        description="The snapshot (CSV, JSON or Parquet, replaced whole) or a folder of releases."
    )
    manifest: Path | None = Field(
        default=None, description="Its manifest; without it the one beside the snapshot."
    )


class BuiltFeed(_Feed):
    """The monthly snapshots of a profile, made by the daemon of its price store at month end."""

    snapshot: Literal["build"] = Field(description="Who makes them; build has the daemon do it.")
    universe: Path = Field(description="The table of members: symbols, sectors, dates.")
    product_map: Path | None = Field(
        default=None, description="The leveraged product of each stock, where the profile asks."
    )


class TableFeed(Table):
    """A dated table that a profile reads: constituents, reports, patterns."""

    kind: Literal["table"] = Field(description="What feed it is; table reads a dated table.")
    path: Path = Field(description="The table: CSV, JSON, JSON lines or Parquet, replaced whole.")
    look_every: Annotated[int, Field(strict=True, ge=1, le=3600)] = Field(
        default=30, description="Seconds between two looks at the file."
    )


class SignalFile(Table):
    """Signals of somebody else in a file that grows or is replaced."""

    kind: Literal["signal_file"] = Field(
        description="What feed it is; signal_file reads signals from a file."
    )
    path: Path = Field(
        description="The signals: CSV, JSON or JSON lines with known_on and signal in every row."
    )
    look_every: Annotated[int, Field(strict=True, ge=1, le=3600)] = Field(
        default=30, description="Seconds between two looks at the file."
    )


class SignalAddress(Table):
    """Signals of somebody else at an address, fetched with a token that is a secret."""

    kind: Literal["signal_address"] = Field(
        description="What feed it is; signal_address fetches JSON."
    )
    address: Address = Field(
        description="Where GET answers a signal and the day it was updated; https, or this host."
    )
    token: Flag = Field(
        default=True,
        description="Whether it wants a bearer token, the secret signal_token_ and its name.",
    )
    look_every: Annotated[int, Field(strict=True, ge=10, le=86_400)] = Field(
        default=300, description="Seconds between two questions."
    )
    answer_seconds: Annotated[int, Field(strict=True, ge=1, le=60)] = Field(
        default=10, description="Seconds to wait for an answer."
    )

    @field_validator("address")
    @classmethod
    def _not_in_the_open(cls, address: str) -> str:
        parts = urlsplit(address)
        if parts.port == 0 or not parts.hostname:
            raise ValueError("an address has a host")
        if parts.scheme != "https" and (parts.scheme, parts.hostname) not in _OPEN:
            raise PydanticCustomError("address_in_the_open", "a token needs https")
        return address


def _which(entry: object) -> object:
    """What tells the feeds apart: a kind, or who makes the snapshots."""
    told = entry if isinstance(entry, dict) else vars(entry)
    return told.get("kind", told.get("snapshot"))


SnapshotFeedSettings: TypeAlias = FileFeed | BuiltFeed
FeedSettings: TypeAlias = Annotated[
    Annotated[FileFeed, Tag("file")]
    | Annotated[BuiltFeed, Tag("build")]
    | Annotated[TableFeed, Tag("table")]
    | Annotated[SignalFile, Tag("signal_file")]
    | Annotated[SignalAddress, Tag("signal_address")],
    Discriminator(_which),
]
