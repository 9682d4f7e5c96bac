"""Symbols at the border: ours are those of the exchange, theirs name the market too."""

import re
from collections.abc import Mapping

from bot.domain.model import Symbol

US = ".US"
# An index has a full stop before its name, and no order book.
INDICES: Mapping[Symbol, str] = {"VIX": ".VIX.US"}
_OURS = {theirs: ours for ours, theirs in INDICES.items()}
# Options and warrants have digits in them, stocks and funds of the US have none.
_STOCK = re.compile(r"[A-Z]+(?:[.-][A-Z]+)*\.US")


def theirs(symbol: Symbol) -> str:
    """QQQ as QQQ.US."""
    return INDICES.get(symbol, f"{symbol}{US}")


def is_stock(symbol: str) -> bool:
    """Whether a symbol of theirs is a stock or a fund of the US."""
    return _STOCK.fullmatch(symbol) is not None


def ours(symbol: str) -> Symbol:
    """QQQ.US as QQQ; what is neither a stock of the US nor a known index stays as it is."""
    return symbol.removesuffix(US) if is_stock(symbol) else _OURS.get(symbol, symbol)
