"""The lines to real brokers; a library is imported where somebody trades by it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.domain.calendar import Calendar
from bot.domain.errors import SettingsError
from bot.domain.model import Note
from bot.ports import BrokerLine, Clock
from config.secrets import secret, strangers
from config.settings import Settings
from config.sources import IbkrBroker, LongPortBroker, SchwabBroker

if TYPE_CHECKING:
    from adapters.schwab import Access

# Variables a vendor's own library reads, which ours never gets to see.
VENDORS = {"longport": ("LONGPORT_", "LONGBRIDGE_")}


def broker_line(name: str, settings: Settings, clock: Clock, calendar: Calendar) -> BrokerLine:
    """The line of a [brokers] entry, not connected yet.

    Raises SettingsError `extra_missing` where its library is not installed, and
    SettingsProblem for its secrets.
    """
    entry = settings.brokers[name]
    with _library(entry.kind):
        match entry:
            case IbkrBroker():
                return _ibkr(entry, clock, calendar)
            case SchwabBroker():
                return _schwab(entry, clock, calendar)
            case LongPortBroker():
                return _longport(entry, clock, calendar)
            case _:
                raise AssertionError(entry)  # the built-in broker has no line


@contextmanager
def _library(extra: str) -> Iterator[None]:
    """What is done with a broker's library, where it is installed."""
    try:
        yield
    except ModuleNotFoundError as missing:
        raise SettingsError("extra_missing", extra=extra, module=missing.name) from None


def _ibkr(entry: IbkrBroker, clock: Clock, calendar: Calendar) -> BrokerLine:
    from adapters.ibkr import Ibkr
    from adapters.ibkr_gateway import Gateway, Pace, Window

    answer = float(entry.answer_seconds)
    gateway = Gateway(
        host=entry.host,
        port=entry.port,
        client_id=entry.client_id,
        allow_delayed=entry.delayed_quotes,
        restart=Window(entry.restart_begins, entry.restart_ends),
        listings=entry.listings,
        indices=entry.indices,
        pace=Pace(connect=2 * answer, answer=answer, order=answer),
    )
    return Ibkr(gateway, calendar, clock)


def begin_login(entry: SchwabBroker) -> str:
    """Return the address at which the owner allows the app. Raises SettingsError."""
    with _library("schwab"):
        from adapters.schwab import begin

        return begin(_access(entry))


async def finish_login(entry: SchwabBroker, pasted: str, now: datetime) -> datetime:
    """Keep the login whose browser ended there; returns when it ends. Raises BellwetherError."""
    with _library("schwab"):
        from adapters.schwab import finish

        return (await finish(_access(entry), pasted, now)).ends


@dataclass(frozen=True, slots=True)
class SchwabLogin:
    """The login of an entry, renewed with the address of an owner's browser."""

    entry: SchwabBroker
    clock: Clock

    def begin(self) -> str:
        """Return the address at which the owner allows the app. Raises SettingsError."""
        return begin_login(self.entry)

    def takes(self, text: str) -> bool:
        """Whether a text is where a browser ended that was sent back to the app."""
        return text.startswith(self.entry.callback)

    async def finish(self, pasted: str) -> datetime:
        """Keep the login; returns when it ends. Raises BellwetherError."""
        return await finish_login(self.entry, pasted, self.clock.now())


def logins(settings: Settings, clock: Clock) -> Mapping[str, SchwabLogin]:
    """What an owner may renew, by the books that trade with it."""
    found: dict[str, SchwabLogin] = {}
    for name, book in settings.enabled().items():
        entry = settings.brokers[book.broker]
        if isinstance(entry, SchwabBroker):
            found[name] = SchwabLogin(entry, clock)
    return found


def keys(name: str, settings: Settings) -> Sequence[Note]:
    """Where the token of a [brokers] entry lies, and what lies about that nobody reads."""
    told, entry = [], settings.brokers[name]
    if isinstance(entry, SchwabBroker | LongPortBroker) and entry.token_file.exists():
        written = datetime.fromtimestamp(entry.token_file.stat().st_mtime, UTC)
        told.append(Note("token_from", "", {"path": entry.token_file, "written": written}))
    ignored = strangers(VENDORS.get(entry.kind, ()))
    if ignored:
        told.append(Note("variables_unread", "", {"names": ", ".join(ignored)}))
    return told


def standing(name: str, settings: Settings, clock: Clock) -> Sequence[Note]:
    """How the login or the token of a [brokers] entry stands by its file; nobody is asked."""
    match settings.brokers[name]:
        case SchwabBroker(token_file=path):
            from adapters.schwab_tokens import standing as login

            return [login(path, clock.now())]
        case LongPortBroker(token_file=path):
            from adapters.longport_token import standing as token

            return [token(path, clock.now())]
        case _:
            return ()


def _schwab(entry: SchwabBroker, clock: Clock, calendar: Calendar) -> BrokerLine:
    from adapters.schwab import Schwab

    return Schwab(_access(entry), calendar, clock)


def _access(entry: SchwabBroker) -> "Access":
    from adapters.schwab import Access, Pace

    return Access(
        key=secret("schwab_app_key").value,
        secret=secret("schwab_app_secret").value,
        token_file=entry.token_file,
        callback=entry.callback,
        delayed_quotes=entry.delayed_quotes,
        proxy=entry.proxy or "",
        ca_file=entry.ca_file,
        pace=Pace(
            answer=entry.answer_seconds,
            requests=entry.requests_a_minute,
            orders=entry.orders_a_minute,
        ),
    )


def _longport(entry: LongPortBroker, clock: Clock, calendar: Calendar) -> BrokerLine:
    from adapters.longport import LongPort
    from adapters.longport_told import Region, Told

    told = Told(
        app_key=secret("longport_app_key").value,
        app_secret=secret("longport_app_secret").value,
        token_file=entry.token_file,
        region=Region(entry.region),
        refresh_days=entry.refresh_days,
        delayed_quotes=entry.delayed_quotes,
        http_url=entry.http or "",
        quote_url=entry.quotes or "",
        trade_url=entry.trades or "",
    )
    return LongPort(told, calendar, clock)
