"""Symbols at the border: ours are those of the exchange, theirs name the market too."""

import re

from bot.domain.model import Symbol

US = ".US"
# Options and warrants have digits in them, stocks and funds of the US have none.
_STOCK = re.compile(r"[A-Z]+(?:[.-][A-Z]+)*\.US")


def theirs(symbol: Symbol) -> str:
    """QQQ as QQQ.US."""
    return f"{symbol}{US}"


def is_stock(symbol: str) -> bool:
    """Whether a symbol of theirs is a stock or a fund of the US."""
    return _STOCK.fullmatch(symbol) is not None


def ours(symbol: str) -> Symbol:
    """QQQ.US as QQQ; what is no stock of the US stays as it is."""
    return symbol.removesuffix(US) if is_stock(symbol) else symbol
