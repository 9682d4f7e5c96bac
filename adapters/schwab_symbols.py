"""What Schwab calls a symbol: classes of shares have a slash, indices a dollar sign."""

from collections.abc import Mapping

from bot.domain.model import Symbol

INDICES: Mapping[Symbol, str] = {"VIX": "$VIX"}
_OURS = {theirs: ours for ours, theirs in INDICES.items()}


def theirs(symbol: Symbol) -> str:
    """Schwab's name of a symbol."""
    return INDICES.get(symbol, symbol.replace(".", "/"))


def ours(name: str) -> Symbol:
    """Our name of what Schwab calls so."""
    return _OURS.get(name, name.replace("/", "."))
