"""The command line: words to commands, errors to exit codes."""

import re
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from bot import __version__, app, process
from bot.asking import AsJson, Book, Config, Reason, day_of, show_answer, speaking
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
from bot.domain.memory import Switch
from bot.exits import FAULT, OK, exit_code
from bot.logins import auth
from bot.proofs import Checkup, render_check, told
from bot.schedule import SystemClock
from bot.words import Language, Words


class Doors(TyperGroup):
    """The commands; those no daemon needs are loaded when somebody asks for one of them."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Find a command by its name."""
        if cmd_name not in self.commands:
            self._open()
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: Any) -> list[str]:
        """Every name there is."""
        self._open()
        return super().list_commands(ctx)

    def _open(self) -> None:
        from bot.studies import studies

        self.commands = {**self.commands, **get_group(studies).commands}


cli = typer.Typer(
    name="bellwether",
    cls=Doors,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 ok, 1 fault, 2 usage, 69 broker unavailable, 75 temporary, "
    "77 not authorised, 78 configuration, 130 stopped from the keyboard.",
)
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
