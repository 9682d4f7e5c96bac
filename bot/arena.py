"""The command line of contests: profiles side by side, parameters against each other."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from bot import process
from bot.arena_sheets import sizing_sheet, standings_sheet, sweep_sheet
from bot.asking import AsJson, AsOf, Book, Config, day_of, show_answer, speaking
from bot.backtest import FillAt
from bot.commands import PlanNow
from bot.comparison import compare as play_all
from bot.comparison_page import comparison_page
from bot.exits import STOPPED
from bot.grid import grid as combinations
from bot.lab import (
    Cash,
    Commission,
    Feed,
    Fill,
    First,
    Last,
    Prices,
    Slippage,
    Splice,
    account_of,
    feeds_of,
    stand_ins,
)
from bot.page import save
from bot.sizing import size_up
from bot.sweep import Point, Row, Runner, cluster, points, processes, swept
from bot.sweep_files import keeping, put_in_order
from bot.terminal import display, progress
from bot.trial import Wish, staged
from bot.words import Language, Words

Page = Annotated[Path | None, typer.Option("--html", help="A page with all curves in one chart.")]
Grid = Annotated[
    list[str],
    typer.Option(help="NAME=VALUE,VALUE: a parameter and what to try; again for another one."),
]
Csv = Annotated[Path | None, typer.Option("--out", help="A CSV file, written row by row.")]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Processes at work; by default one for each core.")
]
Equity = Annotated[str | None, typer.Option(help="USD in cash; with a profile only.")]


def plan(
    profile: Annotated[
        str | None, typer.Argument(help="A profile: what whole shares make of its weights.")
    ] = None,
    equity: Equity = None,
    prices: Prices = None,
    feed: Feed = None,
    as_of: AsOf = None,
    as_json: AsJson = False,
    book: Book = None,
    config: Config = None,
) -> None:
    """What a run would do if it were due now; nothing is sent.

    With a profile, and then no account is read: whole shares against its weights.
    """
    if profile is None:
        if equity is not None or prices is not None:
            raise typer.BadParameter("--equity and --prices are for a profile: name one")
        with speaking(config) as settings:
            answer = process.answer(settings, PlanNow(book), day_of(as_of))
            show_answer(answer.text, answer.data, as_json=as_json)
        return
    if book is not None:
        raise typer.BadParameter("name a profile, or a book of the settings with --book")
    account = {} if equity is None else {"cash": equity}
    feeds = feeds_of(feed)
    wish = Wish(profile, prices=prices, last=day_of(as_of), account=account, feeds=feeds)
    with speaking(config, optional=True) as settings:
        stage = staged(wish, settings)
        sizing = size_up(stage, stage.opening.cash)
        words = Words(Language(settings.language))
        show_answer(sizing_sheet(sizing, words), sizing, as_json=as_json)


def compare(
    profiles: Annotated[list[str], typer.Argument(help="Two or more, by their names.")],
    prices: Prices = None,
    first: First = None,
    last: Last = None,
    fill: Fill = FillAt.CLOSE,
    cash: Cash = None,
    slippage: Slippage = None,
    commission: Commission = None,
    splice: Splice = None,
    feed: Feed = None,
    html: Page = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Play profiles over the same past sessions, with as much money, side by side.

    The one that can begin last decides when all begin.
    """
    wish = Wish(
        prices=prices,
        first=day_of(first),
        last=day_of(last),
        fill=fill,
        account=account_of(cash, slippage, commission),
        splice=stand_ins(splice),
        feeds=feeds_of(feed),
    )
    with speaking(config, optional=True) as settings:
        words = Words(Language(settings.language))
        with progress(words.phrase("progress_sessions")) as watch:
            comparison = play_all(profiles, wish, settings, watch)
        standings = comparison.standings
        if html is not None:
            save(comparison_page(comparison, words).encode(), html)
        show_answer(standings_sheet(standings, words), standings, as_json=as_json)
        if html is not None and not as_json:
            display(words.phrase("page_written", {"path": html}))


def sweep(
    profile: Annotated[str, typer.Argument(help="A profile.")],
    grid: Grid,
    prices: Prices = None,
    first: First = None,
    last: Last = None,
    fill: Fill = FillAt.CLOSE,
    cash: Cash = None,
    slippage: Slippage = None,
    commission: Commission = None,
    splice: Splice = None,
    feed: Feed = None,
    out: Csv = None,
    workers: Workers = None,
    cluster_at: Annotated[
        str | None,
        typer.Option(
            "--cluster", help="A Dask scheduler, tcp://HOST:8786, whose workers play instead."
        ),
    ] = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Play a profile with every combination of some parameters; say what the best is worth.

    On this machine, or on a Dask cluster: start `dask scheduler`, and on each
    host with this program, its extra `cluster` and, under the same path, the
    prices `dask worker tcp://HOST:8786`. Ctrl-C keeps what is done.
    """
    wish = Wish(
        profile,
        prices=prices,
        first=day_of(first),
        last=day_of(last),
        fill=fill,
        account=account_of(cash, slippage, commission),
        splice=stand_ins(splice),
        feeds=feeds_of(feed),
    )
    with speaking(config, optional=True) as settings:
        words = Words(Language(settings.language))
        asked = points(wish, combinations(profile, grid), settings)
        runner = processes(workers) if cluster_at is None else cluster(cluster_at)
        rows = _played(asked, runner, out, words)
        came = swept(asked, rows, staged(wish, settings).book.profile)
        show_answer(sweep_sheet(came, words), came, as_json=as_json)
        if came.missing:
            raise typer.Exit(STOPPED)


def _played(asked: Sequence[Point], runner: Runner, out: Path | None, words: Words) -> list[Row]:
    """The rows there are when all are done, or when somebody has had enough."""
    rows: list[Row] = []
    names = [*asked[0].wish.params]
    with ExitStack() as stack:
        watch = stack.enter_context(progress(words.phrase("progress_trials")))
        keep = stack.enter_context(keeping(out, names, words)) if out else None
        try:
            for row in runner(asked):
                rows.append(row)
                if keep is not None:
                    keep(row)
                watch(len(rows), len(asked))
        except KeyboardInterrupt:
            pass  # what is missing is told, and the exit code says who ended it
    if out is not None:
        put_in_order(out, names, sorted(rows, key=lambda row: row.at), words)
    return rows
