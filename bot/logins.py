"""The command line of logins: an owner allows the bot at a broker, in a browser of their own."""

import asyncio
import sys
from typing import Annotated

import typer

from bot.asking import Config, speaking
from bot.brokers import begin_login, finish_login
from bot.domain.errors import SettingsError
from bot.schedule import SystemClock
from bot.words import Language, Words
from config.settings import Settings
from config.sources import SchwabBroker

auth = typer.Typer(no_args_is_help=True, help="Logins that a broker asks its owner for.")

Entry = Annotated[
    str | None, typer.Argument(help="The [brokers] entry, where the settings have several.")
]
Begin = Annotated[bool, typer.Option("--begin", help="Print the address and end.")]
Finish = Annotated[
    bool, typer.Option("--finish", help="Only take the address of a login begun before.")
]


@auth.callback()
def _logins() -> None:
    """Logins that a broker asks its owner for."""


@auth.command()
def schwab(
    name: Entry = None, *, begin: Begin = False, finish: Finish = False, config: Config = None
) -> None:
    """Log in at Charles Schwab: open what is printed, then paste where the browser ended.

    Schwab ends a login after seven days. What is pasted is not shown and is good for
    half a minute; a running daemon takes the new login up by itself.
    """
    with speaking(config) as settings:
        words = Words(Language(settings.language))
        entry = _entry(name, settings)
        if not finish:
            typer.echo(words.phrase("login_open", {"address": begin_login(entry)}))
        if begin:
            return
        ends = asyncio.run(finish_login(entry, _pasted(words), SystemClock().now()))
        typer.echo(words.phrase("login_done", {"until": ends}))


def _entry(name: str | None, settings: Settings) -> SchwabBroker:
    """The entry meant. Raises SettingsError `which_broker` where it is not clear."""
    known = {key: b for key, b in settings.brokers.items() if isinstance(b, SchwabBroker)}
    chosen = name if name is not None else next(iter(known), "")
    if chosen not in known or (name is None and len(known) > 1):
        raise SettingsError("which_broker", kind="schwab", known=", ".join(known) or "–")
    return known[chosen]


def _pasted(words: Words) -> str:
    """The address, from a terminal that does not show it or from a pipe."""
    if not sys.stdin.isatty():
        return sys.stdin.readline()
    return str(typer.prompt(words.phrase("login_paste"), hide_input=True, prompt_suffix=" "))
