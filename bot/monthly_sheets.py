"""What a person is shown of a snapshot: who leads, what is wanted, who is out and why."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd
from rich.console import Group
from rich.table import Table
from rich.text import Text

from bot.domain.model import Note, Symbol
from bot.profiles import phrase_of
from bot.snapshots import Built
from bot.snapshots_proof import Proof
from bot.snapshots_release import Published, Skipped
from bot.terminal import Sheet
from bot.words import Words

# How many of a ranking are shown beside those that are wanted.
SHOWN = 10
# The columns shown of a ranking, of stocks and of products.
STOCKS = ("rank", "symbol", "sector", "score")
PRODUCTS = ("candidate_rank", "underlying_symbol", "symbol")
FINGERPRINT = 12


@dataclass(frozen=True, slots=True)
class Release:
    """A snapshot for programs: `status` is that of its summary, or `skipped`."""

    profile: str
    day: date
    status: str
    rows: int
    eligible: int
    targets: Mapping[Symbol, float]
    notes: tuple[Note, ...]
    written: tuple[Path, ...]


def release_value(made: Published | Skipped) -> Release:
    """What became of a build, as a value."""
    if isinstance(made, Skipped):
        return Release(made.profile, made.day, "skipped", 0, 0, {}, (), (made.written,))
    built = made.built
    return Release(
        profile=built.profile,
        day=built.day,
        status=built.status.value,
        rows=len(built.rows),
        eligible=built.eligible,
        targets=built.preview.targets if built.preview else {},
        notes=built.notes,
        written=made.written,
    )


def release_sheet(made: Published | Skipped, words: Words) -> Sheet:
    """What became of a build: the snapshot, its leaders, what is wanted, every remark."""
    if isinstance(made, Skipped):
        values = {"profile": made.profile, "day": made.day, "last": made.month_end}
        return words.phrase("snapshot_skipped", {**values, "path": made.written})
    built = made.built
    values = {"profile": built.profile, "day": built.day, "rows": len(built.rows)}
    parts: list[Sheet] = [
        Text(words.phrase("snapshot_title", {**values, "eligible": built.eligible})),
        Text(words.phrase(phrase_of("release", built.status.value))),
        *_wanted(built, words),
        *(Text(line) for line in _remarks(built.notes, words)),
        Text("\n" + words.phrase("snapshot_written", {"folder": made.written[0].parent})),
        *(Text(f"  {path.name}") for path in made.written),
    ]
    return Group(*parts)


def _wanted(built: Built, words: Words) -> Iterator[Sheet]:
    told = built.preview
    if told is None:
        yield Text(words.phrase("snapshot_decides_daily") + "\n")
        yield _leaders(built.ranking, PRODUCTS, {}, words)
        return
    decision = told.decision
    for code in (decision.reason, *decision.flags):
        yield Text(words.say(code))
    yield Text("")
    yield _leaders(built.ranking, STOCKS, told.targets, words)
    safe = {
        symbol: weight
        for symbol, weight in told.targets.items()
        if symbol not in set(built.ranking["symbol"])
    }
    for symbol, weight in safe.items():
        yield Text(words.phrase("signal_weight", {"symbol": symbol, "weight": weight}))
    yield Text(words.phrase("no_advice"))


def _leaders(
    ranking: pd.DataFrame, columns: tuple[str, ...], targets: Mapping[Symbol, float], words: Words
) -> Table:
    """The first of a ranking, and whoever of the rest is wanted."""
    table = Table(box=None, pad_edge=False, padding=(0, 1))
    for column in columns:
        table.add_column(words.phrase(phrase_of("ranked", column)))
    if targets:
        table.add_column(words.phrase("weight"), justify="right")
    wanted = ranking["symbol"].isin(list(targets))
    shown = ranking[(ranking.index < SHOWN) | wanted]
    for row in shown.to_dict("records"):
        cells = [f"{row[c]:.3f}" if isinstance(row[c], float) else str(row[c]) for c in columns]
        weight = targets.get(row["symbol"])
        told = [words.written(weight, "percent") if weight else "–"] if targets else []
        table.add_row(*(cell or "–" for cell in cells), *told)
    return table


def _remarks(notes: Iterable[Note], words: Words) -> Iterator[str]:
    """Every remark, all of whom it is about behind it: nobody is out without being named."""
    alike: dict[str, list[Symbol]] = {}
    for note in notes:
        alike.setdefault(words.say(note.code, note.values), []).append(note.symbol)
    if alike:
        yield "\n" + words.phrase("snapshot_remarks")
    for sentence, symbols in alike.items():
        # A value of the catalogue is cut where it gets long; names must not be.
        named = ", ".join(dict.fromkeys(symbol for symbol in symbols if symbol))
        yield f"{sentence} — {named}" if named else sentence


def proof_sheet(proof: Proof, words: Words) -> str:
    """What a snapshot was proven to be."""
    values = {
        "path": proof.snapshot,
        "profile": proof.profile,
        "day": proof.as_of,
        "rows": proof.rows,
        "sha256": proof.sha256[:FINGERPRINT],
        "config": proof.config_path,
    }
    lines = [words.phrase("snapshot_proven", values)]
    if not proof.config_proven:
        lines.append(words.phrase("snapshot_config_elsewhere", values))
    return "\n".join(lines)


def universe_sheet(members: pd.DataFrame, out: Path, words: Words) -> str:
    """What was written of a universe."""
    values = {
        "path": out,
        "rows": len(members),
        "symbols": members["symbol"].nunique(),
        "first": members["start_date"].min().date(),
        "last": members["start_date"].max().date(),
    }
    return words.phrase("universe_written", values)
