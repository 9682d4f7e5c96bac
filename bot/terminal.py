"""Tables for a terminal."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from bot.app import Updated
from bot.lines import notes
from bot.words import Words

WIDEST = 110  # columns, where the output is no terminal that could say


def show_update(told: Updated, words: Words) -> None:
    """What taking a file of prices did, symbol by symbol, and what is worth a look."""
    values = {"source": told.source, "symbols": sum(1 for s in told.symbols if s.added)}
    headings = [
        words.phrase("update_symbol"),
        words.phrase("update_added"),
        words.phrase("update_replaced"),
        words.phrase("update_dropped"),
        words.phrase("update_first"),
        words.phrase("update_last"),
    ]
    rows = [
        (
            each.symbol,
            str(each.added),
            words.phrase("update_anew") if each.replaced else "–",
            str(each.dropped),
            *(str(day or "–") for day in (each.first, each.last)),
        )
        for each in told.symbols
    ]
    _print(words.phrase("updated", values))
    _print(_table(headings, rows))
    if told.odd:
        _print("\n".join([words.phrase("update_suspicious"), *notes(told.odd, words)]))


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(*headings, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    return table


def _print(what: str | Table) -> None:
    terminal = Console()
    if not terminal.is_terminal:
        terminal = Console(width=WIDEST)
    terminal.print(what, markup=False, highlight=False, soft_wrap=isinstance(what, str))
