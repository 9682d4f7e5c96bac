"""What every command has in common: its settings, its errors, how it shows an answer."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer
from pydantic import TypeAdapter

from bot import logs
from bot.domain.errors import BellwetherError, BrokerUnavailable, SettingsError
from bot.exits import FAULT, exit_code
from bot.logs import Redaction
from bot.words import Language, Words
from config.problems import SettingsProblem
from config.secrets import known
from config.settings import Settings, load

if TYPE_CHECKING:
    from bot.terminal import Sheet

Config = Annotated[Path | None, typer.Option("--config", "-c", help="The settings file.")]
Book = Annotated[str | None, typer.Option("--book", "-b", help="Which book, if there are more.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print a value for programs.")]
Reason = Annotated[str, typer.Option(help="Why; shown for as long as it lasts.")]
AsOf = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="As if this session were about to close."),
]


@contextmanager
def speaking(config: Path | None, *, optional: bool = False) -> Iterator[Settings]:
    """The settings, and every error of what is done with them told on stderr with its code.

    Where the settings are `optional`, the defaults serve if no file was named and
    none is there.
    """
    language, redacted = Language.EN, Redaction()
    try:
        settings = _settings(config, optional=optional)
        language, redacted = Language(settings.language), redaction(settings)
        logs.begin(settings.log.level, settings.log.format, redacted)
        yield settings
    except SettingsProblem as problem:
        errors = [SettingsError(p.code, where=p.where, **p.values) for p in problem.problems]
        raise typer.Exit(_complain(errors, language, redacted)) from None
    except BellwetherError as error:
        raise typer.Exit(_complain([error], language, redacted)) from None
    except BrokenPipeError:
        raise  # whoever read our output has gone: nobody is left to complain to
    except OSError as error:
        raise typer.Exit(_complain([_named(error)], language, redacted)) from None


def redaction(settings: Settings) -> Redaction:
    """What takes out of a text what nobody may read of these settings and their secrets."""
    values = set(known())
    # Of an address it is the part behind the host that opens something.
    values |= {urlsplit(value).path.strip("/") for value in values if "://" in value}
    files = [
        path
        for broker in settings.brokers.values()
        if (path := getattr(broker, "token_file", None)) is not None
    ]
    accounts = [broker.account for broker in settings.brokers.values() if broker.account]
    accounts += [book.account for book in settings.books.values() if book.account]
    return Redaction(values, files, accounts)


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


def _complain(errors: Sequence[BellwetherError], language: Language, redacted: Redaction) -> int:
    words = Words(language)
    for error in errors:
        said, advice = words.say(error.code, error.values), words.remedy(error.code, error.values)
        typer.echo(redacted(f"bellwether: {said}\n→ {advice}"), err=True)
    return exit_code(errors[0]) if errors else FAULT


def show_answer(told: "Sheet", value: object, *, as_json: bool) -> None:
    """Print an answer for whoever reads, or its value for a program."""
    if as_json:
        typer.echo(TypeAdapter(type(value)).dump_json(value, indent=2).decode())
    elif isinstance(told, str):
        typer.echo(told)
    else:
        # What draws tables is no business of a daemon's.
        from bot.terminal import display

        display(told)


def day_of(moment: datetime | None) -> date | None:
    """The day somebody named."""
    return moment.date() if moment else None
