"""What a person is shown of a factor, and its series as files."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd
from rich.console import Group
from rich.table import Table
from rich.text import Text

from bot.dated_sources import Made
from bot.factor_study import Study, Verdict
from bot.lines import notes
from bot.profiles import phrase_of
from bot.terminal import Sheet
from bot.track_files import keep
from bot.words import Words

RATIO, PERCENT, COUNT = "ratio", "percent", "count"
# As many digits as the source gives.
WAYS: Mapping[str, str] = {RATIO: "{:.2f}", PERCENT: "{:.2%}"}
# The figures shown, in the order of the source's own table, and how each is written.
CORRELATIONS: Mapping[str, str] = {
    "periods": COUNT,
    "mean": PERCENT,
    "deviation": PERCENT,
    "lowest": PERCENT,
    "highest": PERCENT,
    "risk_adjusted": RATIO,
    "t": RATIO,
    "latest": PERCENT,
    "long_short": PERCENT,
}
FOLLOWING: Mapping[str, str] = {
    "annual_return": PERCENT,
    "volatility": PERCENT,
    "sharpe": RATIO,
    "max_drawdown": PERCENT,
    "turnover": PERCENT,
    "excess": PERCENT,
    "tracking_error": PERCENT,
    "information_ratio": RATIO,
    "excess_drawdown": PERCENT,
}


def verdict_sheet(told: Verdict, written: Sequence[Path], words: Words) -> Sheet:
    """A factor's figures beside those its source gives, and what to know before believing them."""
    span = {"first": told.following.first, "last": told.following.last}
    values = {"profile": told.profile, "factor": told.factor, "funds": told.funds, **span}
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 1))
    for heading in ("", words.phrase("factor_ours"), words.phrase("factor_claimed")):
        table.add_column(heading, justify="right" if heading else "left")
    for title, figures, ways in (
        ("factor_coefficient", asdict(told.correlations), CORRELATIONS),
        ("factor_followed", asdict(told.following), FOLLOWING),
    ):
        table.add_row(Text(words.phrase(title), style="bold"), "", "")
        for name, way in ways.items():
            ours, theirs = figures[name], told.claims.get(name)
            label = words.phrase(phrase_of("figure", name))
            table.add_row(f"  {label}", _written(ours, way), _written(theirs, way))
    lines = [*notes(told.notes, words)]
    if written:
        there = {"folder": written[0].parent, "names": [path.name for path in written]}
        lines.append(words.phrase("score_written", there))
    return Group(
        Text(words.phrase("factor_title", values)),
        Text(words.phrase("score_source", {"path": told.source})),
        Text(words.phrase("factor_terms") + "\n"),
        table,
        Text("\n" + "\n".join([*lines, words.phrase("score_past")])),
    )


def _written(value: object, way: str) -> str:
    if value is None:
        return "–"
    return f"{value}" if way == COUNT else WAYS[way].format(value)


def write_series(told: Study, folder: Path) -> list[Path]:
    """Write summary, periods and curves as CSV, each whole or not at all; they are replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    return [keep(table, folder / f"{name}.csv") for name, table in _tables(told)]


def _tables(told: Study) -> Iterator[tuple[str, pd.DataFrame]]:
    verdict, series = told.verdict, told.evaluation
    figures = {**asdict(verdict.correlations), **asdict(verdict.following)}
    shown = {name: figures[name] for name in (*CORRELATIONS, *FOLLOWING)}
    rows = [(name, ours, verdict.claims.get(name)) for name, ours in shown.items()]
    yield "summary", pd.DataFrame(rows, columns=["figure", "ours", "source"])
    yield "periods", series.periods.reset_index()
    yield "curves", series.curves.reset_index()


def patterns_sheet(made: Made, words: Words) -> str:
    """What a table of patterns was made of."""
    return words.phrase("patterns_made", asdict(made))
