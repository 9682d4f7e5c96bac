"""Tables for a terminal."""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from bot.hindsight import LOOKS_AHEAD, Hindsight
from bot.lines import notes
from bot.original_trial import Reckoned
from bot.profiles import Explained, Prospectus, phrase_of
from bot.scores import SCORES, scores
from bot.sources import Updated
from bot.trial import Scorecard
from bot.words import Words

Sheet: TypeAlias = RenderableType

WIDEST = 110  # columns, where the output is no terminal that could say
INDENT = 4


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
    display(words.phrase("updated", values))
    display(_table(headings, rows))
    if told.odd:
        display("\n".join([words.phrase("update_suspicious"), *notes(told.odd, words)]))


def profiles_sheet(told: Iterable[Prospectus], words: Words) -> Sheet:
    """What there is to choose from; cadence and minimum stand under what they go with."""
    headings = [
        f"{words.phrase('prospectus_name')}\n{words.phrase('prospectus_cadence')}",
        f"{words.phrase('prospectus_benchmark')}\n{words.phrase('prospectus_minimum')}",
        words.phrase("prospectus_about"),
    ]
    rows = [
        (
            f"{each.name}\n{words.phrase(phrase_of('cadence', each.cadence))}",
            f"{each.benchmark}\n{words.phrase('usd', {'amount': each.minimum_equity})}",
            each.about,
        )
        for each in told
    ]
    return _table(headings, rows, gap=1)


def profile_sheet(told: Prospectus, words: Words) -> Sheet:
    """All there is to know of a profile, its parameters as the settings write them."""
    facts = Table.grid(padding=(0, INDENT // 2))
    facts.add_column(no_wrap=True)
    facts.add_column(overflow="fold")
    for label, text in _facts(told, words):
        facts.add_row(label, text)
    parameters = [
        part
        for each in told.parameters
        for part in (
            Text(f"{each.name} = {_literal(each.default)}"),
            Padding(Text(_explanation(each, words)), (0, 0, 0, INDENT)),
        )
    ]
    return Group(
        Text(told.name),
        Text(told.about + "\n"),
        facts,
        Text("\n" + words.phrase("prospectus_parameters")),
        *parameters,
    )


def _facts(told: Prospectus, words: Words) -> Iterator[tuple[str, str]]:
    needs = told.needs
    total = needs.total_return
    prices = words.phrase("prospectus_total_return" if total else "prospectus_any_return")
    yield words.phrase("prospectus_cadence"), words.phrase(phrase_of("cadence", told.cadence))
    yield words.phrase("prospectus_role"), words.phrase(phrase_of("role", told.role))
    yield words.phrase("prospectus_benchmark"), told.benchmark
    minimum = words.phrase("usd", {"amount": told.minimum_equity})
    yield words.phrase("prospectus_minimum"), minimum
    yield words.phrase("prospectus_reads"), ", ".join(needs.symbols)
    yield words.phrase("prospectus_vital"), ", ".join(needs.vital) or "–"
    yield words.phrase("prospectus_holds"), ", ".join(needs.holds)
    history = words.phrase("prospectus_sessions", {"count": needs.sessions})
    yield words.phrase("prospectus_history"), history
    yield words.phrase("prospectus_prices"), prices
    if needs.feeds:
        ages = [{"name": feed.name, "age": feed.max_age} for feed in needs.feeds]
        feeds = "; ".join(words.phrase("prospectus_feed", values) for values in ages)
        yield words.phrase("prospectus_feeds"), feeds
    yield words.phrase("prospectus_source"), told.source
    if told.measured:
        yield words.phrase("prospectus_measured"), told.measured
    if told.aliases:
        yield words.phrase("prospectus_aliases"), ", ".join(told.aliases)


def _explanation(parameter: Explained, words: Words) -> str:
    """What a parameter does, its kind, and its bounds where it has any."""
    kind = words.phrase(phrase_of("kind", parameter.kind), {"choices": parameter.choices})
    low, high = (None if end is None else _bound(end) for end in (parameter.low, parameter.high))
    match low, high:
        case None, None:
            bounds = None
        case str(), None:
            bounds = words.phrase("at_least", {"low": low})
        case None, str():
            bounds = words.phrase("at_most", {"high": high})
        case _:
            bounds = words.phrase("between", {"low": low, "high": high})
    allowed = words.phrase("allowed", {"kind": kind, "bounds": bounds})
    return parameter.about + allowed


def _bound(end: float) -> str:
    return _literal(int(end) if end == int(end) else end)


def _literal(value: object) -> str:
    """A value as TOML writes it."""
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return f"{value:_}"
        case tuple() | list():
            return f"[{', '.join(map(_literal, value))}]"
        case _:
            return json.dumps(str(value))


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]], gap: int = 0) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, gap, 1))
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def display(what: Sheet) -> None:
    """Print for whoever reads: as wide as the terminal is."""
    terminal = Console()
    if not terminal.is_terminal:
        terminal = Console(width=WIDEST)
    terminal.print(what, markup=False, highlight=False, soft_wrap=isinstance(what, str))


@contextmanager
def progress(counted: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on the terminal's error stream for as long as something is counted; none elsewhere."""
    bar = Progress(
        TextColumn(counted),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    if not bar.console.is_terminal:
        yield lambda _done, _of: None
        return
    with bar:
        task = bar.add_task("")

        def watch(done: int, of: int) -> None:
            bar.update(task, completed=done, total=of)

        yield watch


def hindsight_sheet(found: Hindsight, words: Words) -> Sheet:
    """What cutting a history showed: what differs, and from when on a profile may act."""
    values = {"count": found.compared, "cuts": len(found.cuts), "seed": found.seed}
    needs = {"declared": found.declared, "measured": found.measured, "first": found.acts_from}
    lines = [
        words.phrase("check_compared", values),
        words.phrase("check_cuts", {"days": found.cuts}),
        words.phrase("check_acts" if found.acts_from else "check_never_acts", needs),
    ]
    for each in found.differences:
        ahead = each.code == LOOKS_AHEAD
        said = {"part": each.part, "whole": each.whole}
        what = words.phrase("check_decided", said) if each.part else words.phrase("check_numbers")
        told = {"cut": each.cut, "session": each.session, "what": what}
        lines.append(words.phrase("check_looks_ahead" if ahead else "check_reaches_back", told))
    if not found.differences:
        lines.append(words.phrase("check_clean"))
    return "\n".join(lines)


def original_sheet(reckoned: Reckoned, written: Sequence[Path], words: Words) -> Sheet:
    """A summary as the first authors wrote it, its rows as columns; its names are theirs."""
    table = _table(["" for _ in range(len(reckoned.summary) + 1)], ())
    for name in reckoned.summary[0]:
        table.add_row(name, *(_figure(row[name]) for row in reckoned.summary))
    lines = [words.phrase("score_past")]
    if written:
        told = {"folder": written[0].parent, "names": [path.name for path in written]}
        lines.insert(0, words.phrase("score_written", told))
    return Group(
        Text(words.phrase("original_title", {"profile": reckoned.profile})),
        Text(words.phrase("score_source", {"path": reckoned.source})),
        table,
        Text("\n".join(lines)),
    )


def _figure(value: object) -> str:
    if isinstance(value, float):
        return "–" if math.isnan(value) else f"{value:.6f}"
    return str(value)


def scorecard_sheet(card: Scorecard, written: Sequence[Path], words: Words) -> Sheet:
    """How a trial fared beside its benchmark, and what to know before believing it."""
    fared, held = card.performance, card.held
    span = {"first": card.first, "last": fared.last, "sessions": card.sessions}
    values = {"profile": card.profile, "cash": fared.start, **span}
    table = _table(["", card.profile, words.phrase("score_held", {"symbol": card.benchmark})], ())
    for column in table.columns[1:]:
        column.justify = "right"
    for name, one, other in zip(SCORES, scores(fared, words), scores(held, words), strict=True):
        table.add_row(words.phrase(name), one, other)
    spent = {"orders": card.orders, "commission": card.commission, "slippage": card.slippage}
    lines = [words.phrase("score_spent", spent), *notes(card.notes, words)]
    if written:
        told = {"folder": written[0].parent, "names": [path.name for path in written]}
        lines.append(words.phrase("score_written", told))
    return Group(
        Text(words.phrase("score_title", values)),
        Text(words.phrase(phrase_of("fill", card.fill))),
        Text(words.phrase("score_source", {"path": card.source}) + "\n"),
        table,
        Text("\n" + "\n".join(lines)),
        Text(words.phrase("score_past")),
    )
