"""The settings of brokers and of sources of prices."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import Field

from config.values import Account, Distance, Fee, Money, Name, Shares, Symbol, Table


class PaperBroker(Table):
    """The built-in broker that fills at the quote and remembers its account."""

    kind: Literal["paper"] = Field(description="What broker it is; paper is built in.")
    market: Name = Field(description="The [markets] entry whose quotes the paper broker fills at.")
    account: Account | None = Field(
        default=None,
        description="The account id the broker reports; without it the name of the entry.",
    )
    account_kind: Literal["cash", "margin"] = Field(
        default="cash", description="Whether the account is a cash account or a margin account."
    )
    proceeds: Literal["settled", "same_day"] = Field(
        default="same_day", description="When the money of a sale may buy, in a cash account."
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
    drills: Mapping[Symbol, Literal["refuse"] | Shares] = Field(
        default={},
        description="To practise trouble: symbols whose orders are refused or fill that far only.",
    )


# A second kind of broker makes this Annotated[PaperBroker | Other, Field(discriminator="kind")].
BrokerSettings: TypeAlias = PaperBroker


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


MarketSettings: TypeAlias = TablesMarket
