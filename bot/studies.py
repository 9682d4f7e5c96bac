"""The commands that concern no running daemon: profiles, prices, experiments, a show."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from bot import demo, sources, trial
from bot.arena import compare, plan, sweep
from bot.asking import AsJson, AsOf, Config, day_of, show_answer, speaking
from bot.conform import conform as conform_files
from bot.domain.errors import DataError
from bot.factor_lab import evaluate, patterns
from bot.lab import Feed, backtest, feeds_of
from bot.monthly_lab import snapshot
from bot.profiles import prospectus, prospectuses
from bot.terminal import profile_sheet, profiles_sheet, show_update
from bot.words import Language, Words

studies = typer.Typer()
data = typer.Typer(no_args_is_help=True, help="The price store.")
studies.add_typer(data, name="data")
profiles = typer.Typer()
studies.add_typer(profiles, name="profiles")
studies.command()(plan)
studies.command()(backtest)
studies.command()(compare)
studies.command()(sweep)
studies.command()(evaluate)
studies.add_typer(patterns, name="patterns")
studies.add_typer(snapshot, name="snapshot")


@studies.command()
def decide(
    profile: Annotated[str, typer.Argument(help="Its name, as `profiles` lists it.")],
    prices: Annotated[Path | None, typer.Option(help="A price file instead of the store.")] = None,
    as_of: AsOf = None,
    feed: Feed = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """What a profile wants, from prices and feeds alone: no account is read, nothing is kept."""
    feeds = feeds_of(feed)
    with speaking(config, optional=True) as settings:
        words = Words(Language(settings.language))
        signal = sources.signal(profile, settings, prices, day_of(as_of), feeds)
        try:
            fared = trial.statistics(signal, prices, settings, feeds)
            signal = replace(signal, statistics=fared)
        except DataError as error:
            reason = words.say(error.code, error.values)
            typer.echo(words.phrase("signal_unproven", {"reason": reason}), err=True)
        show_answer(signal.text(words), signal, as_json=as_json)


@profiles.callback(invoke_without_command=True)
def all_profiles(context: typer.Context, as_json: AsJson = False, config: Config = None) -> None:
    """The strategies there are: `list`, if nothing else is asked."""
    # What stands before the command is meant for it as well as what stands behind.
    context.default_map = {
        name: {"as_json": as_json, "config": config} for name in ("list", "show")
    }
    if context.invoked_subcommand is None:
        list_profiles(as_json, config)


@profiles.command(name="list")
def list_profiles(as_json: AsJson = False, config: Config = None) -> None:
    """A table of them, and what each does in a sentence."""
    with speaking(config, optional=True) as settings:
        words = Words(Language(settings.language))
        told = prospectuses(words)
        show_answer(profiles_sheet(told, words), told, as_json=as_json)


@profiles.command()
def show(
    name: Annotated[str, typer.Argument(help="Its name or an alias.")],
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """What one does, what it needs, and the parameters it takes."""
    with speaking(config, optional=True) as settings:
        words = Words(Language(settings.language))
        told = prospectus(name, words)
        show_answer(profile_sheet(told, words), told, as_json=as_json)


@data.command()
def update(
    source: Annotated[Path, typer.Option("--from", help="A CSV or Parquet file of prices.")],
    config: Config = None,
) -> None:
    """Take prices into the store: everything that can be believed, or nothing."""
    with speaking(config, optional=True) as settings:
        show_update(sources.update_prices(settings, source), Words(Language(settings.language)))


@studies.command()
def conform(
    files: Annotated[list[Path], typer.Argument(help="Vector files.")],
    out: Annotated[Path, typer.Option(help="Where the results go, one JSON object a line.")],
) -> None:
    """Evaluate the cases of conformance vectors, reading their inputs only."""
    with speaking(None, optional=True), out.open("w", encoding="utf-8") as results:
        typer.echo(f"{conform_files(files, results)} cases")


@studies.command(name="demo")
def demonstrate(
    prices: Annotated[
        Path | None, typer.Option(help="Your price file, not the bundled one.")
    ] = None,
    first: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The first day to play.")
    ] = None,
    last: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last day to play.")
    ] = None,
    language: Annotated[Language, typer.Option(help="The language of the messages.")] = Language.EN,
) -> None:
    """Run the daemon on paper through ten sessions, with a clock that jumps."""
    with speaking(None, optional=True):
        demo.demonstrate(prices, (day_of(first), day_of(last)), language, typer.echo)
