"""The command line: words to commands, errors to exit codes."""

import re
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from bot import __version__, app, demo, process, sources, trial
from bot.arena import compare, plan, sweep
from bot.asking import AsJson, AsOf, Book, Config, Reason, day_of, show_answer, speaking
from bot.commands import (
    MOST_TOLD,
    Coming,
    Command,
    Look,
    Orders,
    Resolve,
    RunNow,
    Runs,
    Turn,
    Why,
)
from bot.conform import conform as conform_files
from bot.domain.errors import DataError
from bot.domain.memory import Switch
from bot.exits import FAULT, OK, exit_code
from bot.factor_lab import evaluate, patterns
from bot.lab import Feed, backtest, named
from bot.logins import auth
from bot.monthly_lab import snapshot
from bot.profiles import prospectus, prospectuses
from bot.proofs import Checkup, render_check, told
from bot.schedule import SystemClock
from bot.terminal import profile_sheet, profiles_sheet, show_update
from bot.words import Language, Words

cli = typer.Typer(
    name="bellwether",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 ok, 1 fault, 2 usage, 69 broker unavailable, 75 temporary, "
    "77 not authorised, 78 configuration, 130 stopped from the keyboard.",
)
data = typer.Typer(no_args_is_help=True, help="The price store.")
cli.add_typer(data, name="data")
profiles = typer.Typer()
cli.add_typer(profiles, name="profiles")
cli.command()(plan)
cli.command()(backtest)
cli.command()(compare)
cli.command()(sweep)
cli.command()(evaluate)
cli.add_typer(patterns, name="patterns")
cli.add_typer(snapshot, name="snapshot")
cli.add_typer(auth, name="auth")
sims = typer.Typer(no_args_is_help=True, help="Simulators to try and to drill with.")
cli.add_typer(sims, name="sim")

# What stands behind the simulator's name is for itself.
FOR_ITSELF = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}

_A_FILL = re.compile(r"([1-9][0-9]{0,8})@([0-9]+(?:\.[0-9]+)?)")


def _version(asked: bool) -> None:  # noqa: FBT001 - typer calls it with the switch's value
    if asked:
        typer.echo(f"bellwether {__version__}")
        raise typer.Exit


@cli.callback()
def bellwether(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Trades target-weight portfolios of US stocks and ETFs."""


@cli.command()
def serve(config: Config = None) -> None:
    """Run the daemon until it is told to stop."""
    with speaking(config) as settings:
        process.run_daemon(settings)


@cli.command()
def run(book: Book = None, config: Config = None) -> None:
    """Take up today's run; a running daemon does it, otherwise this process."""
    with speaking(config) as settings:
        ended = process.run_today(settings, RunNow(book))
        typer.echo(ended.text)
        raise typer.Exit(ended.code)


@cli.command()
def decide(
    profile: Annotated[str, typer.Argument(help="Its name, as `profiles` lists it.")],
    prices: Annotated[Path | None, typer.Option(help="A price file instead of the store.")] = None,
    as_of: AsOf = None,
    feed: Feed = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """What a profile wants, from prices and feeds alone: no account is read, nothing is kept."""
    feeds = dict(named(each) for each in feed or ())
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


@cli.command()
def why(
    symbol: Annotated[str | None, typer.Argument(help="One symbol instead of all.")] = None,
    as_json: AsJson = False,
    book: Book = None,
    config: Config = None,
) -> None:
    """Why the last run did what it did."""
    _answer(config, Why(book, symbol.upper() if symbol else None), as_json=as_json)


@cli.command()
def status(as_json: AsJson = False, book: Book = None, config: Config = None) -> None:
    """How a book stands: what is allowed, what came last, what comes next."""
    _answer(config, Look(book), as_json=as_json)


@cli.command()
def positions(as_json: AsJson = False, book: Book = None, config: Config = None) -> None:
    """What a book holds, as its last run left it."""
    _answer(config, Look(book, "positions"), as_json=as_json)


@cli.command(name="next")
def coming(
    count: Annotated[int, typer.Argument(min=1, max=MOST_TOLD, help="How many wakes.")] = 5,
    as_json: AsJson = False,
    book: Book = None,
    config: Config = None,
) -> None:
    """When a book wakes next."""
    _answer(config, Coming(book, count), as_json=as_json)


@cli.command()
def runs(
    count: Annotated[int, typer.Argument(min=1, max=MOST_TOLD, help="How many runs.")] = 10,
    as_json: AsJson = False,
    book: Book = None,
    config: Config = None,
) -> None:
    """The latest runs: how each ended, its orders, what it owes."""
    _answer(config, Runs(book, count), as_json=as_json)


@cli.command()
def orders(
    day: Annotated[
        datetime | None,
        typer.Argument(formats=["%Y-%m-%d"], help="A session, instead of the last run's."),
    ] = None,
    as_json: AsJson = False,
    book: Book = None,
    config: Config = None,
) -> None:
    """What became of the orders of a run: sent, filled, not confirmed."""
    _answer(config, Orders(book, day_of(day)), as_json=as_json)


@cli.command()
def check(as_json: AsJson = False, config: Config = None) -> None:
    """Ask every part of every book whether it could trade; nothing is sent."""
    with speaking(config) as settings:
        examined = process.check(settings)
        words = Words(Language(settings.language))
        show_answer(render_check(examined, words), told(examined, words), as_json=as_json)
        failed = next((e.error for e in examined if e.error), None)
        raise typer.Exit(exit_code(failed) if failed else OK)


@cli.command()
def health(as_json: AsJson = False, config: Config = None) -> None:
    """Whether the running daemon has everything a run needs; ends with 1 unless it is proven."""
    with speaking(config) as settings:
        answer = process.health(settings)
        show_answer(answer.text, answer.data, as_json=as_json)
        raise typer.Exit(OK if isinstance(answer.data, Checkup) and answer.data.well else FAULT)


@cli.command()
def resolve(
    order: Annotated[str, typer.Argument(help="The order's name, as the message gives it.")],
    filled: Annotated[
        str, typer.Option(help="What the broker shows: SHARES@PRICE, for example 12@101.25.")
    ] = "",
    never_sent: Annotated[bool, typer.Option("--never-sent", help="It never was booked.")] = False,
    config: Config = None,
) -> None:
    """End an open question with what you found out at the broker."""
    if bool(filled) == never_sent:
        raise typer.BadParameter("say either --filled SHARES@PRICE or --never-sent")
    _answer(config, Resolve(order, *_fill(filled)))


@cli.command()
def pause(
    reason: Reason = "",
    exits_allowed: Annotated[
        bool, typer.Option("--exits-allowed", help="Positions may still be left.")
    ] = False,
    book: Book = None,
    config: Config = None,
) -> None:
    """Stop trading until `resume`."""
    to = Switch.EXITS_ONLY if exits_allowed else Switch.PAUSED
    _answer(config, Turn(to, book, reason))


@cli.command()
def resume(reason: Reason = "", book: Book = None, config: Config = None) -> None:
    """Go on after a pause or a halt, or confirm what an account holds before its first run."""
    _answer(config, Turn(Switch.ACTIVE, book, reason))


@cli.command()
def halt(reason: Reason = "", book: Book = None, config: Config = None) -> None:
    """Stop at once, in the middle of a run too; what rests at the broker is cancelled."""
    _answer(config, Turn(Switch.HALTED, book, reason))


@cli.command()
def backup(
    target: Annotated[
        Path | None, typer.Argument(help="A folder or a file, not the folder of the settings.")
    ] = None,
    config: Config = None,
) -> None:
    """Copy the ledger to a file of its own and prove the copy, beside a running daemon too."""
    with speaking(config) as settings:
        made = app.backup(settings, target, SystemClock().now())
        values = {"path": made.path, "kilobytes": -(-made.size // 1024)}
        typer.echo(Words(Language(settings.language)).phrase("backed_up", values))


@cli.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A backup.")],
    config: Config = None,
) -> None:
    """Put a backup in the ledger's place while no daemon runs; every book is paused then."""
    with speaking(config) as settings:
        done = app.restore(settings, file, SystemClock().now())
        values = {"path": done.source, "replaced": done.replaced}
        typer.echo(Words(Language(settings.language)).phrase("restored", values))


@data.command()
def update(
    source: Annotated[Path, typer.Option("--from", help="A CSV or Parquet file of prices.")],
    config: Config = None,
) -> None:
    """Take prices into the store: everything that can be believed, or nothing."""
    with speaking(config, optional=True) as settings:
        show_update(sources.update_prices(settings, source), Words(Language(settings.language)))


@cli.command()
def conform(
    files: Annotated[list[Path], typer.Argument(help="Vector files.")],
    out: Annotated[Path, typer.Option(help="Where the results go, one JSON object a line.")],
) -> None:
    """Evaluate the cases of conformance vectors, reading their inputs only."""
    with speaking(None, optional=True), out.open("w", encoding="utf-8") as results:
        typer.echo(f"{conform_files(files, results)} cases")


@sims.command(context_settings=FOR_ITSELF)
def telegram(context: typer.Context) -> None:
    """A Telegram of your own on this host: type what the owner types, see what the bot says."""
    _simulate("telegram", context)


@sims.command(context_settings=FOR_ITSELF)
def ibkr(context: typer.Context) -> None:
    """An IB Gateway on this host, with accounts and prices of its own."""
    _simulate("ibkr", context)


@sims.command(context_settings=FOR_ITSELF)
def schwab(context: typer.Context) -> None:
    """A Charles Schwab on this host, its login included."""
    _simulate("schwab", context)


@sims.command(context_settings=FOR_ITSELF)
def longport(context: typer.Context) -> None:
    """A LongBridge on this host: its API, its quotes and its trades."""
    _simulate("longport", context)


def _simulate(name: str, context: typer.Context) -> None:
    with speaking(None, optional=True):
        app.simulate(name, context.args)


@cli.command(name="demo")
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


def main() -> None:
    """Run the command line."""
    cli()


def _answer(
    config: Path | None, command: Command, *, as_json: bool = False, as_of: date | None = None
) -> None:
    with speaking(config) as settings:
        answer = process.answer(settings, command, as_of)
        show_answer(answer.text, answer.data, as_json=as_json)


def _fill(told: str) -> tuple[int, Decimal | None]:
    if not told:
        return 0, None
    fill = _A_FILL.fullmatch(told)
    if fill is None:
        raise typer.BadParameter(f"{told} is not SHARES@PRICE, for example 12@101.25")
    return int(fill[1]), Decimal(fill[2])


if __name__ == "__main__":
    main()
