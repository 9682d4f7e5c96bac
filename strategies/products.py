"""The leveraged products an operator allows, and the snapshot of a pool that is traded by them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from bot.domain.errors import DataError
from bot.domain.model import Note, Symbol
from strategies.tables import require, strict_numbers_of, symbols_of, truth
from strategies.universe import Universe, largest

PRODUCT_MAP = "product_map"
POOL_SIZE = 15
LEVERAGE, EXPENSE_RATIO = 2.0, 0.01
# How far a product's leverage may be from twofold: funds state it rounded.
_TOLERANCE = 0.05
SNAPSHOT_COLUMNS = (
    *("as_of", "symbol", "trade_symbol", "underlying_symbol", "sector", "candidate_rank"),
    *("mega_rank", "product_leverage", "product_expense_ratio", "product_available", "eligible"),
)
# What a column may be called, the first that is there.
_ALIASES: Mapping[str, tuple[str, ...]] = {
    "underlying_symbol": (
        *("underlying_symbol", "underlying", "source_symbol", "stock_symbol", "stock", "symbol"),
    ),
    "trade_symbol": (
        *("trade_symbol", "product_symbol", "leveraged_symbol", "etf_symbol", "target_symbol"),
    ),
    "product_leverage": ("product_leverage", "leverage", "leverage_multiple"),
    "product_expense_ratio": ("product_expense_ratio", "expense_ratio", "expense_rate"),
    "product_available": ("product_available", "available", "enabled", "tradable"),
}


@dataclass(frozen=True, slots=True)
class Product:
    """A fund that moves twice as a stock does: its symbol may be empty where there is none."""

    symbol: Symbol = ""
    leverage: float = LEVERAGE
    expense_ratio: float = EXPENSE_RATIO
    available: bool = False


def products_of(table: pd.DataFrame) -> dict[Symbol, Product]:
    """The product of each stock: of several rows of a stock the first.

    Columns go by any of their names, in any case. Raises DataError `table_columns`
    or `table_empty`, `bad_number` where leverage or expense is no number, and of
    what is available `product_without_symbol` or `product_leverage`, naming stocks.
    """
    rows = _named(table)
    require(rows, ("underlying_symbol", "trade_symbol"), PRODUCT_MAP)
    stocks, funds = _symbols(rows["underlying_symbol"]), _symbols(rows["trade_symbol"])
    leverage = _numbers(rows, "product_leverage", LEVERAGE)
    expense = _numbers(rows, "product_expense_ratio", EXPENSE_RATIO)
    available = [True] * len(rows)
    if "product_available" in rows:
        available = [truth(cell, missing=True) for cell in rows["product_available"]]
    products: dict[Symbol, Product] = {}
    for stock, fund, times, cost, may in zip(
        stocks, funds, leverage, expense, available, strict=True
    ):
        if stock:
            products.setdefault(stock, Product(fund, times, cost, may))
    _check(products)
    return products


def product_snapshot(
    universe: Universe, products: Mapping[Symbol, Product], day: date, size: int = POOL_SIZE
) -> tuple[pd.DataFrame, tuple[Note, ...]]:
    """The `size` largest stocks of a day and what trades them, SNAPSHOT_COLUMNS, best first.

    A stock without a product keeps its rank with an empty symbol and is never
    traded itself. Raises DataError `universe_inactive` or `universe_unranked`.
    """
    members = universe.on(day)
    if members.rows.empty:
        raise DataError("universe_inactive", day=day)
    pool = largest(members, size)
    stocks = pool.rows["symbol"].tolist()
    traded = [products.get(stock, Product()) for stock in stocks]
    tradable = [product.available and bool(product.symbol) for product in traded]
    ranks = np.arange(1, len(stocks) + 1)
    columns = (
        *([pd.Timestamp(day)] * len(stocks), [product.symbol for product in traded]),
        *([product.symbol for product in traded], stocks, pool.rows["sector"].tolist()),
        *(ranks, ranks, [product.leverage for product in traded]),
        *([product.expense_ratio for product in traded], tradable, tradable),
    )
    rows = pd.DataFrame(dict(zip(SNAPSHOT_COLUMNS, columns, strict=True)))
    lacking = [
        Note("product_missing" if not product.symbol else "product_unavailable", stock)
        for stock, product, whole in zip(stocks, traded, tradable, strict=True)
        if not whole
    ]
    return rows, (*pool.notes, *lacking)


def product_ranking(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of a product snapshot by rank, then stock."""
    return rows.sort_values(["candidate_rank", "underlying_symbol"]).reset_index(drop=True)


def _named(table: pd.DataFrame) -> pd.DataFrame:
    given = {str(column).strip().lower(): column for column in table.columns}
    found = {
        name: next((given[alias] for alias in aliases if alias in given), None)
        for name, aliases in _ALIASES.items()
    }
    return pd.DataFrame(
        {name: table[column] for name, column in found.items() if column is not None}
    )


def _symbols(column: pd.Series) -> list[Symbol]:
    codes, symbols = symbols_of(column)
    return [symbols[code] if code >= 0 else "" for code in codes.tolist()]


def _numbers(rows: pd.DataFrame, column: str, missing: float) -> list[float]:
    if column not in rows:
        return [missing] * len(rows)
    numbers = strict_numbers_of(rows[column], PRODUCT_MAP)
    return [missing if math.isnan(number) else number for number in numbers.tolist()]


def _check(products: Mapping[Symbol, Product]) -> None:
    available = {stock: product for stock, product in products.items() if product.available}
    nameless = [stock for stock, product in available.items() if not product.symbol]
    if nameless:
        raise DataError("product_without_symbol", symbols=", ".join(nameless))
    for stock, product in available.items():
        if not abs(product.leverage - LEVERAGE) <= _TOLERANCE:
            raise DataError("product_leverage", symbol=stock, value=product.leverage)
