"""The command line of factors: what they are worth, and the tables they are made of."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from bot import factor_charts, sources
from bot.asking import AsJson, Book, Config, day_of, show_answer, speaking
from bot.dated_sources import make_patterns
from bot.factor_sheets import patterns_sheet, verdict_sheet, write_series
from bot.factor_study import Inquiry, study
from bot.words import Language, Words

patterns = typer.Typer(no_args_is_help=True, help="Candlestick patterns as a dated table.")

Profile = Annotated[
    str | None, typer.Argument(help="A profile that ranks, by its defaults, instead of --book.")
]
Prices = Annotated[
    Path | None, typer.Option(help="A price file instead of the book's market or the store.")
]
Tables = Annotated[
    list[str] | None,
    typer.Option("--feed", help="NAME=FILE: a table it reads, as `profiles show` names it."),
]
First = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The first day; by default any.")
]
Last = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last; by default any.")
]
Out = Annotated[
    Path | None, typer.Option(help="A folder for two pictures, and for the series as CSV.")
]
Bars = Annotated[
    Path, typer.Option(help="A long CSV or Parquet file: symbol, date, open, high, low, close.")
]
Table = Annotated[Path, typer.Option(help="The table: CSV, or Parquet where its name ends so.")]


def evaluate(
    profile: Profile = None,
    book: Book = None,
    prices: Prices = None,
    feed: Tables = None,
    first: First = None,
    last: Last = None,
    out: Out = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """How a profile's factor ranked what followed, and how following it fared."""
    if (profile is None) == (book is None):
        raise typer.BadParameter("name a profile, or a book of the settings with --book")
    inquiry = Inquiry(
        profile=profile,
        book=book,
        prices=prices,
        tables=dict(_pair(each) for each in feed or ()),
        first=day_of(first),
        last=day_of(last),
    )
    with speaking(config, optional=book is None) as settings:
        told = study(inquiry, settings)
        written = []
        if out is not None:
            written = write_series(told, out)
            written += factor_charts.draw(told.evaluation, told.verdict.profile, out)
        sheet = verdict_sheet(told.verdict, written, Words(Language(settings.language)))
        show_answer(sheet, told.verdict, as_json=as_json)


@patterns.command()
def build(bars: Bars, out: Table, as_json: AsJson = False, config: Config = None) -> None:
    """Recognise the candlestick patterns of many stocks and keep them as a dated table."""
    with speaking(config, optional=True) as settings:
        made = make_patterns(bars, out, sources.exchange(settings))
        words = Words(Language(settings.language))
        show_answer(patterns_sheet(made, words), made, as_json=as_json)


@patterns.callback()
def _only() -> None:
    """Keep `build` a word of its own though it is the only one."""


def _pair(told: str) -> tuple[str, Path]:
    name, sign, file = told.partition("=")
    if not (name and sign and file):
        raise typer.BadParameter(f"{told} is not NAME=FILE, for example constituents=lists.csv")
    return name.strip().lower(), Path(file.strip()).expanduser()
