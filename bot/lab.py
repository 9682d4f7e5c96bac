"""The command line of experiments: what would have been."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bot.asking import AsJson, Book, Config, day_of, show_answer, speaking
from bot.backtest import FillAt
from bot.exits import FAULT
from bot.hindsight import SEED
from bot.original_trial import Members, attempt_original
from bot.signal_chart import draw_signals
from bot.tearsheet import show
from bot.terminal import display, hindsight_sheet, original_sheet, progress, scorecard_sheet
from bot.track_files import put, write
from bot.trial import Wish, attempt, looked_into
from bot.words import Language, Words
from config.settings import Settings

Profile = Annotated[
    str | None, typer.Argument(help="A profile by its defaults, instead of --book.")
]
Prices = Annotated[
    Path | None, typer.Option(help="A price file instead of the book's market or the store.")
]


class Accounting(StrEnum):
    """By whose conventions a backtest is reckoned."""

    OURS = "ours"
    ORIGINAL = "original"


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
Feed = Annotated[
    list[str] | None,
    typer.Option(
        help="NAME=PATH: a feed the profile reads: a folder of releases, a snapshot, a dated table."
    ),
]
Survivors = Annotated[
    bool,
    typer.Option("--survivors", help="Say on the sheet that who went under is missing."),
]
Check = Annotated[
    bool,
    typer.Option(
        "--check",
        help="Play nothing: cut the history at random and see whether any decision changes.",
    ),
]
Seed = Annotated[int, typer.Option(help="Where --check cuts: the same number, the same cuts.")]
Accounts = Annotated[
    Accounting, typer.Option(help="Whose conventions: the account's, or those of the originals.")
]
Universe = Annotated[
    Path | None,
    typer.Option(
        help="With --accounting original: who belonged to the stocks of --prices, and when.",
    ),
]
CostBps = Annotated[
    float | None,
    typer.Option(min=0.0, help="With --accounting original: basis points of the turnover."),
]
RawPrices = Annotated[
    Path | None,
    typer.Option("--raw", help="Unadjusted closes: shares are counted at these, dividends paid."),
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
    feed: Feed = None,
    survivors: Survivors = False,
    raw: RawPrices = None,
    out: Out = None,
    html: Html = None,
    png: Png = None,
    signals: Signals = None,
    accounting: Accounts = Accounting.OURS,
    universe: Universe = None,
    cost_bps: CostBps = None,
    check: Check = False,
    seed: Seed = SEED,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Play a profile or a book over past prices: the daemon's own decisions, plans and fills."""
    if (profile is None) == (book is None):
        raise typer.BadParameter("name a profile, or a book of the settings with --book")
    original = accounting is Accounting.ORIGINAL
    if not original and (universe is not None or cost_bps is not None):
        raise typer.BadParameter("--universe and --cost-bps go with --accounting original")
    wish = Wish(
        profile=profile,
        book=book,
        prices=prices,
        first=day_of(first),
        last=day_of(last),
        fill=fill,
        account=account_of(cash, slippage, commission),
        splice=stand_ins(splice),
        feeds=feeds_of(feed),
        survivors=survivors,
        raw=raw,
    )
    pages = _Pages(out, html, png, signals, as_json)
    with speaking(config, optional=book is None) as settings:
        if check:
            _check(wish, seed, settings, pages)
        elif original:
            _reckon(wish, Members(universe, cost_bps), settings, pages)
        else:
            _play(wish, settings, pages)


@dataclass(frozen=True, slots=True)
class _Pages:
    """Where what came of it is to be seen beside the terminal."""

    out: Path | None
    html: Path | None
    png: Path | None
    signals: Path | None
    as_json: bool


def _play(wish: Wish, settings: Settings, pages: _Pages) -> None:
    """Play a wish, and show how it fared."""
    words = Words(Language(settings.language))
    with progress(words.phrase("progress_sessions")) as watch:
        trial = attempt(wish, settings, watch)
    written = write(trial, pages.out) if pages.out else []
    written += [draw_signals(trial, pages.signals, words)] if pages.signals else []
    card = trial.scorecard
    show_answer(scorecard_sheet(card, written, words), card, as_json=pages.as_json)
    for path in show(trial, pages.html, pages.png, words):
        if not pages.as_json:
            display(words.phrase("page_written", {"path": path}))


def _reckon(wish: Wish, members: Members, settings: Settings, pages: _Pages) -> None:
    """Reckon a wish by the accounting of the originals, and show their summary."""
    words = Words(Language(settings.language))
    reckoned = attempt_original(wish, settings, members)
    written = put(reckoned.tables.items(), pages.out) if pages.out else []
    sheet = original_sheet(reckoned, written, words)
    show_answer(sheet, list(reckoned.summary), as_json=pages.as_json)


def _check(wish: Wish, seed: int, settings: Settings, pages: _Pages) -> None:
    """Whether the profile looks ahead or reaches back too far; the exit code says it, too."""
    words = Words(Language(settings.language))
    with progress(words.phrase("progress_cuts")) as watch:
        found = looked_into(wish, seed, settings, watch)
    show_answer(hindsight_sheet(found, words), found, as_json=pages.as_json)
    if found.differences:
        raise typer.Exit(FAULT)


def account_of(cash: str | None, slippage: str | None, commission: str | None) -> dict[str, object]:
    """What is to be different of a paper account, as the settings name it."""
    told = {"cash": cash, "slippage": slippage, "commission_per_order": commission}
    return {key: value for key, value in told.items() if value is not None}


def stand_ins(told: Sequence[str] | None) -> dict[str, str]:
    """Which symbols return what another did. Raises BadParameter for what names no pair."""
    return dict(_pair(each) for each in told or ())


def feeds_of(told: Sequence[str] | None) -> dict[str, Path]:
    """Where feeds lie, by name. Raises BadParameter for what names none."""
    return dict(_named(each) for each in told or ())


def _named(told: str) -> tuple[str, Path]:
    """The name of a feed, and where it lies."""
    name, sign, path = told.partition("=")
    if not (name and sign and path):
        raise typer.BadParameter(f"{told} is not NAME=PATH, the name being the profile's feed")
    return name.strip().lower(), Path(path.strip()).expanduser()


def _pair(told: str) -> tuple[str, str]:
    symbol, sign, by = told.partition("=")
    if not (symbol and sign and by):
        raise typer.BadParameter(f"{told} is not SYMBOL=STAND-IN, for example BOXX=BIL")
    return symbol.strip().upper(), by.strip().upper()
