"""The command line of monthly snapshots: made, proven, and the universes they are made of."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from bot import sources
from bot.asking import AsJson, Config, day_of, show_answer, speaking
from bot.domain.errors import DataError
from bot.domain.model import Symbol
from bot.monthly_sheets import proof_sheet, release_sheet, release_value, universe_sheet
from bot.schedule import SystemClock
from bot.snapshots_proof import verify as prove
from bot.snapshots_release import Recipe, build_and_publish
from bot.snapshots_universe import keep, text_of, universe_of
from bot.words import Language, Words
from config.settings import Settings
from strategies import profile

snapshot = typer.Typer(
    no_args_is_help=True, help="The monthly snapshots of stocks some profiles decide by."
)

STORE = "store"

Profile = Annotated[str, typer.Argument(help="A profile that reads snapshots.")]
Prices = Annotated[
    str, typer.Option(help="A long file of prices (symbol, as_of, close, volume), or `store`.")
]
Members = Annotated[
    Path, typer.Option(help="Who may be in it: symbol, sector; perhaps dates, ranks, weights.")
]
ProductMap = Annotated[
    Path | None, typer.Option(help="The twofold product of each stock, for a profile of products.")
]
Day = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="The day; by default that of the newest price."),
]
Held = Annotated[
    list[str] | None,
    typer.Option(help="What is held, A,B,C: it scores a bonus in the ranking and the preview."),
]
Out = Annotated[
    Path | None, typer.Option(help="The folder; by default one in the state directory.")
]
Force = Annotated[
    bool, typer.Option("--force", help="Publish though it is not a month's last session.")
]
ConfigFile = Annotated[
    Path | None, typer.Option(help="Parameters of the rule as JSON; the manifest names the file.")
]
Snapshot = Annotated[Path, typer.Argument(help="The snapshot.")]
Manifest = Annotated[Path | None, typer.Option(help="Its manifest; by default the one beside it.")]
Holdings = Annotated[
    list[Path], typer.Option(help="Holdings of an index on a day, which they or their name tell.")
]
Size = Annotated[
    int | None, typer.Option(min=1, max=5000, help="How many of the largest, instead of all.")
]
By = Annotated[str, typer.Option(help="The column by which they are the largest.")]
Backfill = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="Since when those of the first table belonged to it."),
]
Into = Annotated[Path | None, typer.Option(help="A CSV file instead of the terminal.")]


@snapshot.command()
def build(
    name: Profile,
    prices: Prices,
    universe: Members,
    product_map: ProductMap = None,
    as_of: Day = None,
    current_holdings: Held = None,
    out: Out = None,
    force: Force = False,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Make a month's snapshot and publish it with its manifest, ranking and summary."""
    with speaking(config, optional=True) as settings:
        canonical = profile(name).name
        recipe = Recipe(
            profile=canonical,
            prices=_prices(prices, settings),
            universe=universe,
            out=out or settings.state_dir / "snapshots" / canonical,
            product_map=product_map,
            day=day_of(as_of),
            held=_symbols(current_holdings or ()),
            forced=force,
            config_file=config_file,
        )
        made = build_and_publish(recipe, sources.exchange(settings), SystemClock().now())
        words = Words(Language(settings.language))
        show_answer(release_sheet(made, words), release_value(made), as_json=as_json)


@snapshot.command()
def verify(
    file: Snapshot, manifest: Manifest = None, as_json: AsJson = False, config: Config = None
) -> None:
    """Look whether a snapshot is what its manifest says; nothing is written."""
    with speaking(config, optional=True) as settings:
        proof = prove(file, manifest)
        words = Words(Language(settings.language))
        show_answer(proof_sheet(proof, words), proof, as_json=as_json)


@snapshot.command()
def universe(
    holdings: Holdings,
    size: Size = None,
    by: By = "weight",
    backfill: Backfill = None,
    out: Into = None,
    config: Config = None,
) -> None:
    """Tell who belonged to an index when, or who were the largest in it, from dated holdings."""
    if size is not None and backfill is not None:
        raise typer.BadParameter("--backfill is for a whole index, without --size")
    with speaking(config, optional=True) as settings:
        members = universe_of(holdings, size, by, day_of(backfill))
        if out is None:
            typer.echo(text_of(members), nl=False)
            return
        keep(members, out)
        typer.echo(universe_sheet(members, out, Words(Language(settings.language))))


def _prices(told: str, settings: Settings) -> Path:
    if told != STORE:
        return Path(told)
    path = sources.price_store(settings).path
    if not path.exists():
        raise DataError("store_empty", path=path)
    return path


def _symbols(told: Sequence[str]) -> tuple[Symbol, ...]:
    named = [symbol.strip().upper() for part in told for symbol in part.split(",")]
    return tuple(dict.fromkeys(symbol for symbol in named if symbol))
