"""The command line: words to commands, errors to exit codes."""

import logging
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter

from bot import __version__, app, demo, process
from bot.check import Examined, render_check
from bot.commands import Command, Look, PlanNow, Resolve, RunNow, Turn, Why
from bot.conform import conform as conform_files
from bot.domain.errors import BellwetherError, BrokerUnavailable, SettingsError
from bot.domain.memory import Switch
from bot.exits import FAULT, OK, exit_code
from bot.terminal import show_update
from bot.words import Language, Words
from config.problems import SettingsProblem
from config.settings import Settings, load
from strategies import PROFILES

cli = typer.Typer(
    name="bellwether",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 ok, 1 fault, 2 usage, 69 broker unavailable, 75 temporary, "
    "77 not authorised, 78 configuration.",
)
data = typer.Typer(no_args_is_help=True, help="The price store.")
cli.add_typer(data, name="data")

Config = Annotated[Path | None, typer.Option("--config", "-c", help="The settings file.")]
Book = Annotated[str | None, typer.Option("--book", "-b", help="Which book, if there are more.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print a value for programs.")]
Reason = Annotated[str, typer.Option(help="Why; shown for as long as it lasts.")]
AsOf = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="As if this session were about to close."),
]

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
    with _speaking(config) as settings:
        process.run_daemon(settings)


@cli.command()
def run(book: Book = None, config: Config = None) -> None:
    """Take up today's run; a running daemon does it, otherwise this process."""
    with _speaking(config) as settings:
        ended = process.run_today(settings, RunNow(book))
        typer.echo(ended.text)
        raise typer.Exit(ended.code)


@cli.command()
def decide(
    profile: Annotated[str, typer.Argument(help="Its name, as `profiles` lists it.")],
    prices: Annotated[Path | None, typer.Option(help="A price file instead of the store.")] = None,
    as_of: AsOf = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """What a profile wants, from prices alone: no account is read, nothing is kept."""
    with _speaking(config, optional=True) as settings:
        signal = app.signal(profile, settings, prices, _day(as_of))
        _show(signal.text(Language(settings.language)), signal, as_json=as_json)


@cli.command()
def profiles(as_json: AsJson = False, config: Config = None) -> None:
    """The strategies there are, by name."""
    with _speaking(config, optional=True) as settings:
        words = Words(Language(settings.language))
        told = [
            {"name": p.name, "about": p.about, "cadence": p.cadence, "minimum": p.minimum_equity}
            for p in PROFILES.values()
        ]
        _show("\n".join(words.phrase("profile", each) for each in told), told, as_json=as_json)


@cli.command()
def plan(
    as_of: AsOf = None, as_json: AsJson = False, book: Book = None, config: Config = None
) -> None:
    """What a run would do if it were due now; nothing is sent."""
    _answer(config, PlanNow(book), as_json=as_json, as_of=_day(as_of))


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
    count: Annotated[int, typer.Argument(min=1, max=250, help="How many wakes.")] = 5,
    as_json: AsJson = False,
    book: Book = None,
    config: Config = None,
) -> None:
    """When a book wakes next."""
    with _speaking(config) as settings:
        wakes = process.coming(settings, book, count)
        words = Words(Language(settings.language))
        told = [words.phrase("wake", {"at": at}) for at in wakes] or [words.phrase("no_next")]
        _show("\n".join(told), wakes, as_json=as_json)


@cli.command()
def check(as_json: AsJson = False, config: Config = None) -> None:
    """Ask every part of every book whether it could trade; nothing is sent."""
    with _speaking(config) as settings:
        examined = process.check(settings)
        words = Words(Language(settings.language))
        found = [_found(each, words) for each in examined]
        _show(render_check(examined, words), found, as_json=as_json)
        failed = next((e.error for e in examined if e.error), None)
        raise typer.Exit(exit_code(failed) if failed else OK)


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


@data.command()
def update(
    source: Annotated[Path, typer.Option("--from", help="A CSV or Parquet file of prices.")],
    config: Config = None,
) -> None:
    """Take prices into the store: everything that can be believed, or nothing."""
    with _speaking(config, optional=True) as settings:
        show_update(app.update_prices(settings, source), Words(Language(settings.language)))


@cli.command()
def conform(
    files: Annotated[list[Path], typer.Argument(help="Vector files.")],
    out: Annotated[Path, typer.Option(help="Where the results go, one JSON object a line.")],
) -> None:
    """Evaluate the cases of conformance vectors, reading their inputs only."""
    with _speaking(None, optional=True), out.open("w", encoding="utf-8") as results:
        typer.echo(f"{conform_files(files, results)} cases")


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
    with _speaking(None, optional=True):
        demo.demonstrate(prices, (_day(first), _day(last)), language, typer.echo)


def main() -> None:
    """Run the command line."""
    cli()


@contextmanager
def _speaking(config: Path | None, *, optional: bool = False) -> Iterator[Settings]:
    """The settings, and every error of what is done with them told on stderr with its code.

    Where the settings are `optional`, the defaults serve if no file was named and
    none is there.
    """
    language = Language.EN
    try:
        settings = _settings(config, optional=optional)
        language = Language(settings.language)
        logging.basicConfig(level=settings.log_level.upper(), stream=sys.stderr)
        for chatty in ("apscheduler", "asyncio"):
            logging.getLogger(chatty).setLevel(logging.WARNING)
        yield settings
    except SettingsProblem as problem:
        errors = [SettingsError(p.code, where=p.where, **p.values) for p in problem.problems]
        raise typer.Exit(_complain(errors, language)) from None
    except BellwetherError as error:
        raise typer.Exit(_complain([error], language)) from None
    except BrokenPipeError:
        raise  # whoever read our output has gone: nobody is left to complain to
    except OSError as error:
        raise typer.Exit(_complain([_named(error)], language)) from None


def _named(error: OSError) -> BellwetherError:
    """What the system refused: a file, or, where it names none, a line to a broker."""
    if error.filename is None:
        return BrokerUnavailable("broker_unavailable", reason=str(error))
    if isinstance(error, PermissionError):
        return BellwetherError("no_permission", path=error.filename)
    return BellwetherError("file_trouble", path=error.filename, reason=error.strerror)


def _settings(config: Path | None, *, optional: bool) -> Settings:
    try:
        return load(config)
    except SettingsProblem as problem:
        missing = all(p.code == "settings_missing" for p in problem.problems)
        if optional and missing and config is None:
            return Settings()
        raise


def _complain(errors: Sequence[BellwetherError], language: Language) -> int:
    words = Words(language)
    for error in errors:
        typer.echo(f"bellwether: {words.say(error.code, error.values)}", err=True)
        typer.echo(f"→ {words.remedy(error.code, error.values)}", err=True)
    return exit_code(errors[0]) if errors else FAULT


def _answer(
    config: Path | None, command: Command, *, as_json: bool = False, as_of: date | None = None
) -> None:
    with _speaking(config) as settings:
        answer = process.answer(settings, command, as_of)
        _show(answer.text, answer.data, as_json=as_json)


def _show(text: str, value: object, *, as_json: bool) -> None:
    if as_json:
        typer.echo(TypeAdapter(type(value)).dump_json(value, indent=2).decode())
    else:
        typer.echo(text)


def _found(examined: Examined, words: Words) -> dict[str, object]:
    """One part as a value for programs; `error` is for people, `code` for what reads it."""
    error = examined.error
    return {
        "book": examined.book,
        "part": examined.part,
        "ok": error is None,
        "seen": examined.seen,
        "code": error.code if error else None,
        "error": words.say(error.code, error.values) if error else None,
    }


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


def _fill(told: str) -> tuple[int, Decimal | None]:
    if not told:
        return 0, None
    fill = _A_FILL.fullmatch(told)
    if fill is None:
        raise typer.BadParameter(f"{told} is not SHARES@PRICE, for example 12@101.25")
    return int(fill[1]), Decimal(fill[2])


if __name__ == "__main__":
    main()
