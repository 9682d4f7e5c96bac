"""The command line of experiments: what would have been."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from bot.asking import AsJson, Book, Config, day_of, show_answer, speaking
from bot.backtest import FillAt
from bot.signal_chart import draw_signals
from bot.tearsheet import show
from bot.terminal import display, progress, scorecard_sheet
from bot.track_files import write
from bot.trial import Wish, attempt
from bot.words import Language, Words

Profile = Annotated[
    str | None, typer.Argument(help="A profile by its defaults, instead of --book.")
]
Prices = Annotated[
    Path | None, typer.Option(help="A price file instead of the book's market or the store.")
]
First = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%d"],
        help="The first session; by default the earliest with history and every price.",
    ),
]
Last = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last; by default the newest.")
]
Fill = Annotated[FillAt, typer.Option(help="Whose prices a decision is traded at.")]
Cash = Annotated[str | None, typer.Option(help="USD to begin with.")]
Slippage = Annotated[
    str | None, typer.Option(help="How far a fill is worse than the price: 0.001 is a thousandth.")
]
Commission = Annotated[str | None, typer.Option(help="USD for each order.")]
Splice = Annotated[
    list[str] | None,
    typer.Option(help="BOXX=BIL: before its own first price BOXX returns what BIL did."),
]
Out = Annotated[
    Path | None,
    typer.Option(help="A folder for summary, trades, equity, weights and turnover as CSV."),
]
Html = Annotated[
    Path | None, typer.Option(help="A page of everything: charts, tables, trades, what to know.")
]
Png = Annotated[Path | None, typer.Option(help="A picture of it for a phone.")]
Signals = Annotated[
    Path | None,
    typer.Option(help="A picture of what the profile's signals said, beside its equity."),
]


def backtest(
    profile: Profile = None,
    book: Book = None,
    prices: Prices = None,
    first: First = None,
    last: Last = None,
    fill: Fill = FillAt.CLOSE,
    cash: Cash = None,
    slippage: Slippage = None,
    commission: Commission = None,
    splice: Splice = None,
    out: Out = None,
    html: Html = None,
    png: Png = None,
    signals: Signals = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Play a profile or a book over past prices: the daemon's own decisions, plans and fills."""
    if (profile is None) == (book is None):
        raise typer.BadParameter("name a profile, or a book of the settings with --book")
    wish = Wish(
        profile=profile,
        book=book,
        prices=prices,
        first=day_of(first),
        last=day_of(last),
        fill=fill,
        account=account_of(cash, slippage, commission),
        splice=stand_ins(splice),
    )
    with speaking(config, optional=book is None) as settings:
        words = Words(Language(settings.language))
        with progress(words.phrase("progress_sessions")) as watch:
            trial = attempt(wish, settings, watch)
        written = write(trial, out) if out else []
        written += [draw_signals(trial, signals, words)] if signals else []
        card = trial.scorecard
        show_answer(scorecard_sheet(card, written, words), card, as_json=as_json)
        for path in show(trial, html, png, words):
            if not as_json:
                display(words.phrase("page_written", {"path": path}))


def account_of(cash: str | None, slippage: str | None, commission: str | None) -> dict[str, object]:
    """What is to be different of a paper account, as the settings name it."""
    told = {"cash": cash, "slippage": slippage, "commission_per_order": commission}
    return {key: value for key, value in told.items() if value is not None}


def stand_ins(told: Sequence[str] | None) -> dict[str, str]:
    """Which symbols return what another did. Raises BadParameter for what names no pair."""
    return dict(_pair(each) for each in told or ())


def _pair(told: str) -> tuple[str, str]:
    symbol, sign, by = told.partition("=")
    if not (symbol and sign and by):
        raise typer.BadParameter(f"{told} is not SYMBOL=STAND-IN, for example BOXX=BIL")
    return symbol.strip().upper(), by.strip().upper()
