"""Every setting of the daemon once: its type, its bounds, its default and one sentence."""

import os
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, TypeVar, get_args

from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from config.messages import TelegramSettings
from config.problems import Problem, SettingsProblem, as_line, as_problem, read_toml
from config.secrets import of_feed
from config.sources import BrokerSettings, FeedSettings, MarketSettings, SignalAddress
from config.values import (
    Account,
    Close,
    Distance,
    Fee,
    Flag,
    Money,
    Name,
    Rate,
    Ratio,
    Shares,
    Symbol,
    Table,
)
from config.watching import BackupSettings, HealthSettings, LogSettings

CONFIG_VARIABLE = "BELLWETHER_CONFIG"
CONFIG_FILE = Path("bot.toml")
ALIAS_LENGTH = 4

Entry = TypeVar("Entry", bound=Table)


class CalendarSettings(Table):
    """What the exchange announced after the calendar was published."""

    extra_closures: tuple[date, ...] = Field(
        default=(),
        description="Days on which the exchange is closed although the calendar has a session.",
    )
    early_closes: Mapping[date, Close] = Field(
        default={}, description="Days on which the exchange closes early, with the New York time."
    )

    @model_validator(mode="after")
    def _once_each(self) -> "CalendarSettings":
        for day in self.extra_closures:
            if day in self.early_closes:
                raise PydanticCustomError("closed_and_early", "closed", {"day": day.isoformat()})
        return self


class RulesSettings(Table):
    """From target weights to shares; fractions of equity, distances as fractions of a price."""

    band: Annotated[Decimal, Field(ge=0, le=Decimal("0.5"))] = Field(
        default=Decimal("0.01"),
        description="The gap, as a fraction of equity, below which nothing trades.",
    )
    reserve: Ratio = Field(default=Decimal(0), description="The fraction of equity kept in cash.")
    reserve_floor: Money = Field(default=Decimal(0), description="The least USD kept in cash.")
    min_notional: Money = Field(
        default=Decimal(50), description="Orders below this many USD are not sent."
    )
    buy_premium: Distance = Field(
        default=Decimal("0.003"), description="How far above the ask the limit of a buy lies."
    )
    sell_discount: Distance = Field(
        default=Decimal("0.003"), description="How far below the bid the limit of a sell lies."
    )
    premiums: Mapping[Symbol, Distance] = Field(
        default={}, description="Other distances for single symbols, for buys and sells alike."
    )
    retain: Ratio = Field(
        default=Decimal("0.85"),
        description="One share is kept while its target is this part of its price.",
    )
    bootstrap: Ratio = Field(
        default=Decimal("0.90"),
        description="A first share is bought from this part of its limit upward.",
    )
    dwell: Annotated[Shares, Field(le=60)] = Field(
        default=5, description="Sessions one share rests before rounding may turn it back."
    )
    safe_haven_minimum: Money = Field(
        default=Decimal(1000),
        description="Safe-haven targets below this many USD stay cash in a small account.",
    )
    idle_cash: Ratio = Field(
        default=Decimal("0.02"),
        description="Cash above the reserve and this fraction of equity fills the largest gaps.",
    )
    fee_allowance: Fee = Field(
        default=Decimal(0),
        description="USD set aside for the fees of each order when buys are sized.",
    )
    max_orders: Annotated[Shares, Field(ge=1, le=500)] = Field(
        default=60, description="The most orders one run may send."
    )
    max_turnover: Annotated[Decimal, Field(gt=0, le=10)] = Field(
        default=Decimal("2.5"), description="The most one run may trade, as a multiple of equity."
    )
    max_notional: Annotated[Decimal, Field(gt=0, le=1_000_000_000)] | None = Field(
        default=None, description="The most USD of one order; larger exits are sent in slices."
    )
    shorting: Flag = Field(
        default=False, description="Whether the book may hold less than nothing of a symbol."
    )
    requirements: Mapping[Symbol, Rate] = Field(
        default={},
        description="Your broker's initial margin rates where above half, for books that short.",
    )
    short_requirements: Mapping[Symbol, Rate] = Field(
        default={}, description="The same rates for symbols that are sold short."
    )
    keep: Mapping[Symbol, Shares] = Field(
        default={}, description="Shares of a managed symbol that are yours and never traded."
    )


class BookSettings(Table):
    """One profile trading one account by its rules."""

    profile: Name = Field(
        description="The strategy by its name; `bellwether decide NAME` says what it wants."
    )
    broker: Name = Field(description="The [brokers] entry that trades the book.")
    account: Account | None = Field(
        default=None,
        description="The account id the broker must report; without it the broker entry's.",
    )
    market: Name | None = Field(
        default=None, description="The [markets] entry with the history; without it the broker's."
    )
    feed: Name | None = Field(
        default=None, description="The [feeds] entry with the snapshots its profile reads."
    )
    tables: Mapping[Name, Name] = Field(
        default={},
        description="The [feeds] entries with the tables its profile reads, by their names there.",
    )
    signals: Mapping[Name, Name] = Field(
        default={},
        description="The [feeds] entries with the signals its profile reads, by their names there.",
    )
    lead_minutes: Annotated[Shares, Field(ge=10, le=60)] = Field(
        default=15, description="Minutes before the close at which the book decides."
    )
    enabled: Flag = Field(default=True, description="Whether the daemon runs the book.")
    confirm: Account | None = Field(
        default=None, description="For live trading: the account id, written a second time."
    )
    rules: RulesSettings = Field(
        default=RulesSettings(), description="How target weights become orders of this book."
    )
    params: Mapping[str, object] = Field(
        default={}, description="Parameters of the strategy; it refuses those it does not know."
    )


class Settings(BaseSettings):
    """The whole settings file, valid as far as one can see without a broker."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    mode: Literal["dry", "paper", "live"] = Field(
        default="dry",
        description="What an order means: dry previews, paper plays, live spends money.",
    )
    language: Literal["en", "zh"] = Field(
        default="en", description="The language of every message."
    )
    state_dir: Path = Field(
        default=Path("state"), description="Where the ledger and the price store live."
    )
    log: LogSettings = Field(default=LogSettings(), description="What is written on stderr.")
    calendar: CalendarSettings = Field(
        default=CalendarSettings(), description="Corrections of the exchange calendar."
    )
    health: HealthSettings = Field(
        default=HealthSettings(), description="How others learn whether everything is proven."
    )
    backup: BackupSettings = Field(default=BackupSettings(), description="Backups of the ledger.")
    telegram: TelegramSettings | None = Field(
        default=None, description="A Telegram chat; without it messages go to standard output."
    )
    markets: Mapping[Name, MarketSettings] = Field(
        default={}, description="Sources of prices, by name."
    )
    feeds: Mapping[Name, FeedSettings] = Field(
        default={},
        description="Snapshots, tables and signals that profiles read beside prices, by name.",
    )
    brokers: Mapping[Name, BrokerSettings] = Field(default={}, description="Brokers, by name.")
    books: Mapping[Name, BookSettings] = Field(default={}, description="Books, by name.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the same
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the same
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the same
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only the file: a stray LANGUAGE or MODE of the host must not change a book."""
        return (init_settings,)

    @model_validator(mode="after")
    def _agree(self) -> "Settings":
        found = [*_loose_ends(self), *_unserved(self), *_short_problems(self)]
        found += _live_problems(self) if self.mode == "live" else ()
        found += _paper_problems(self) if self.mode == "paper" else ()
        if found:
            raise ValidationError.from_exception_data("Settings", [as_line(p) for p in found])
        return self

    def account_of(self, book: str) -> str:
        """The account id the broker of a book must report."""
        entry = self.books[book]
        return entry.account or self.brokers[entry.broker].account or entry.broker

    def market_of(self, book: str) -> str | None:
        """The name of the market a book reads its history from, None for its broker's own."""
        entry = self.books[book]
        return entry.market or self.brokers[entry.broker].market

    def enabled(self) -> Mapping[str, BookSettings]:
        """The books the daemon runs."""
        return {name: book for name, book in self.books.items() if book.enabled}

    def secrets(self) -> Iterator[str]:
        """The names of the secrets it can not do without."""
        if self.telegram is not None:
            yield "telegram_token"
        if self.health.deadman:
            yield "deadman_address"
        if self.health.signals:
            yield "signals_token"
        read = {feed for book in self.enabled().values() for feed in book.signals.values()}
        for feed in sorted(read):
            entry = self.feeds[feed]
            if isinstance(entry, SignalAddress) and entry.token:
                yield of_feed(feed)
        kinds = {self.brokers[book.broker].kind for book in self.enabled().values()}
        for kind in ("schwab", "longport"):
            if kind in kinds:
                yield f"{kind}_app_key"
                yield f"{kind}_app_secret"


def load(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings file and check it.

    Without `path` it is the file BELLWETHER_CONFIG names, else ./bot.toml. Paths
    in it count from its folder, so a command reads the same state wherever it is
    started. Raises SettingsProblem.
    """
    file = path or Path(environ.get(CONFIG_VARIABLE) or CONFIG_FILE)
    return _rooted(checked(read_toml(file)), file.absolute().parent)


def checked(plain: Mapping[str, object]) -> Settings:
    """The settings of some tables by name. Raises SettingsProblem with all that is wrong."""
    try:
        return Settings.model_validate(plain)
    except ValidationError as error:
        found = (as_problem(details, KEYS) for details in error.errors())
        raise SettingsProblem(*found) from None


def show(settings: Settings) -> dict[str, object]:
    """Return the settings for printing: plain JSON values, account ids cut to their last four."""
    return {key: _redacted(key, value) for key, value in settings.model_dump(mode="json").items()}


def _redacted(key: str, value: object) -> object:
    if key in {"account", "confirm"} and isinstance(value, str):
        return f"…{value[-ALIAS_LENGTH:]}" if len(value) > ALIAS_LENGTH else value
    if isinstance(value, dict):
        return {inner: _redacted(inner, held) for inner, held in value.items()}
    return value


def _rooted(settings: Settings, folder: Path) -> Settings:
    markets = {name: _files_rooted(each, folder) for name, each in settings.markets.items()}
    state = folder / settings.state_dir.expanduser()
    brokers = {name: _files_rooted(each, folder) for name, each in settings.brokers.items()}
    feeds = {name: _files_rooted(each, folder) for name, each in settings.feeds.items()}
    update = {"state_dir": state, "markets": markets, "brokers": brokers, "feeds": feeds}
    return settings.model_copy(update=update)


def _files_rooted(entry: Entry, folder: Path) -> Entry:
    """An entry whose files count from the settings file's folder, too."""
    files = {
        key: folder / value.expanduser()
        for key in type(entry).model_fields
        if isinstance(value := getattr(entry, key), Path)
    }
    return entry.model_copy(update=files) if files else entry


def _loose_ends(settings: Settings) -> Iterator[Problem]:
    """Names that lead nowhere."""
    brokers, markets = settings.brokers, settings.markets
    for name, broker in brokers.items():
        if broker.market is not None and broker.market not in markets:
            yield _unknown("unknown_market", f"brokers.{name}.market", broker.market, markets)
    for name, book in settings.books.items():
        if book.broker not in brokers:
            yield _unknown("unknown_broker", f"books.{name}.broker", book.broker, brokers)
        if book.market is not None and book.market not in markets:
            yield _unknown("unknown_market", f"books.{name}.market", book.market, markets)
        yield from _unfed(name, book, settings)


def _unfed(name: str, book: BookSettings, settings: Settings) -> Iterator[Problem]:
    """Feeds of a book that are none."""
    read = {"feed": book.feed} if book.feed is not None else {}
    read |= {f"tables.{known_as}": feed for known_as, feed in book.tables.items()}
    read |= {f"signals.{known_as}": feed for known_as, feed in book.signals.items()}
    for key, feed in read.items():
        if feed not in settings.feeds:
            yield _unknown("unknown_feed", f"books.{name}.{key}", feed, settings.feeds)


def _unserved(settings: Settings) -> Iterator[Problem]:
    """Signals that nobody could read."""
    if settings.health.signals and settings.health.port is None:
        yield Problem("signals_unserved", "health.signals")


def _short_problems(settings: Settings) -> Iterator[Problem]:
    """Only a margin account is lent shares."""
    for name, book in settings.books.items():
        broker = settings.brokers.get(book.broker)
        if book.rules.shorting and broker is not None and broker.account_kind == "cash":
            where = f"books.{name}.rules.shorting"
            yield Problem("short_needs_margin", where, {"broker": book.broker})


def _unknown(code: str, where: str, name: str, known: Mapping[str, Table]) -> Problem:
    return Problem(code, where, {"name": name, "known": ", ".join(known) or "–"})


def _live_problems(settings: Settings) -> Iterator[Problem]:
    """What keeps money out of reach of a mistake: a real broker, a confirmation, one book each."""
    traders: dict[str, str] = {}
    for name, book in settings.enabled().items():
        broker = settings.brokers.get(book.broker)
        if broker is None:
            continue
        account = settings.account_of(name)
        if broker.kind == "paper":
            yield Problem("live_on_paper", f"books.{name}.broker", {"broker": book.broker})
        if book.confirm != account:
            yield Problem("live_unconfirmed", f"books.{name}.confirm", {"book": name})
        if account in traders:
            shared = {"other": traders[account], "book": name}
            yield Problem("account_shared", f"books.{name}.account", shared)
        traders[account] = name


def _paper_problems(settings: Settings) -> Iterator[Problem]:
    """A real broker plays nothing: its own paper account is live as far as the daemon knows."""
    for name, book in settings.enabled().items():
        broker = settings.brokers.get(book.broker)
        if broker is not None and broker.kind != "paper":
            values = {"broker": book.broker, "kind": broker.kind}
            yield Problem("paper_on_real", f"books.{name}.broker", values)


def tables(annotation: object = Settings) -> Iterator[type[BaseModel]]:
    """Every table of the schema, the root first."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        inner = [info.annotation for info in annotation.model_fields.values()]
    else:
        inner = list(get_args(annotation))
    for kind in inner:
        yield from tables(kind)


KEYS = sorted({key for table in tables() for key in table.model_fields})
