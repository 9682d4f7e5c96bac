"""The house put together from its settings: the only file that names concrete classes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache, partial
from pathlib import Path

from adapters.console import Console
from adapters.joined import Joined
from adapters.unreached import Unreached
from bot import sources
from bot.brokers import broker_line, standing
from bot.daemon import Seat
from bot.domain.account import Opening
from bot.domain.calendar import Calendar
from bot.domain.errors import BellwetherError, LedgerError, SettingsError
from bot.domain.fills import FillAtMost, FillRules, Refuse
from bot.domain.memory import Switch
from bot.domain.model import Mode, Note, Portfolio, Proceeds, TradingRules
from bot.domain.strategy import Book
from bot.events import Wakes
from bot.ledger import SqlLedger
from bot.ledger_backup import Backup, Restored, back_up, folder_of
from bot.ledger_backup import restore as put_back
from bot.ledger_file import LedgerLock
from bot.monthly_build import Builder
from bot.outbox import Outbox
from bot.ports import (
    Broker,
    BrokerLine,
    Clock,
    Desk,
    MarketData,
    Notifier,
)
from bot.snapshots_release import Recipe
from bot.words import Language, Words
from config.settings import BookSettings, Settings
from config.sources import PaperBroker as PaperSettings
from strategies import profile, strategy

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class House:
    """What one process works with: ledger, outbox, a seat for each enabled book, brokers' lines."""

    settings: Settings
    ledger: SqlLedger
    outbox: Outbox
    seats: tuple[Seat, ...]
    lines: Mapping[str, BrokerLine] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Time:
    """Whose time a house keeps: a clock, and who wakes a book by it.

    Each seat gets its own, because a jumping clock waits for the book it woke.
    """

    clock: Clock
    wakes: Wakes
    last: date | None = None


def ledger_path(settings: Settings) -> Path:
    """The ledger of the mode: dry, paper and live never share one."""
    return settings.state_dir / f"ledger-{settings.mode}.sqlite"


def socket_path(settings: Settings) -> Path:
    """Where a running daemon of the mode listens for commands of this host."""
    return settings.state_dir / f"control-{settings.mode}.sock"


@contextmanager
def keeping(settings: Settings) -> Iterator[SqlLedger]:
    """The ledger to write to, with every other process kept out."""
    _make(settings.state_dir)
    path = ledger_path(settings)
    with ExitStack() as stack:
        stack.enter_context(LedgerLock(path))
        ledger = SqlLedger.open(path)
        stack.callback(ledger.close)
        yield ledger


def backup(settings: Settings, target: Path | None, at: datetime) -> Backup:
    """Copy the ledger, beside a daemon too, to a file or a folder, its own by default."""
    path = ledger_path(settings)
    to = target or folder_of(path)
    if to.resolve() == path.resolve():
        raise LedgerError("backup_onto_itself", path=path)
    return back_up(path, to, at, settings.backup.keep)


def restore(settings: Settings, source: Path, at: datetime) -> Restored:
    """Put a backup in the ledger's place; its books trade when their owner says so again.

    What traded since is not in it: the account has to be looked at by a person.
    """
    path = ledger_path(settings)
    of_mode = next((m for m in Mode if source.name.startswith(f"ledger-{m}")), settings.mode)
    if of_mode != settings.mode:
        raise SettingsError("backup_of_another_mode", path=source, found=of_mode, is_=settings.mode)
    words = Words(Language(settings.language))
    reason = words.phrase("restored_reason", {"file": source.name})

    def settle(draft: Path) -> None:
        with closing(SqlLedger.open(draft)) as ledger:
            for name in settings.books:
                if ledger.switch(name).switch is not Switch.HALTED:
                    ledger.set_switch(name, Switch.PAUSED, reason, at)

    _make(settings.state_dir)
    return put_back(path, source, at, settle)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except PermissionError as error:
        raise BellwetherError("no_permission", path=folder) from error
    except OSError as error:
        raise SettingsError("state_dir_unusable", path=folder, reason=error.strerror) from error


@contextmanager
def reading(settings: Settings) -> Iterator[SqlLedger]:
    """The ledger to read, beside a daemon that writes; an empty one before the first run."""
    path = ledger_path(settings)
    ledger = SqlLedger.open(path, read_only=True) if path.exists() else SqlLedger.open(None)
    try:
        yield ledger
    finally:
        ledger.close()


def house(
    settings: Settings,
    ledger: SqlLedger,
    time_of: Callable[[str], Time],
    notifier: Notifier | None = None,
    *,
    looking: bool = False,
) -> House:
    """Put everything in its place; where one is only `looking` no broker is reached.

    Raises SettingsError for what the schema can not see.
    """
    if not settings.enabled():
        raise SettingsError("no_books")
    times = {name: time_of(name) for name in settings.enabled()}
    clock = next(iter(times.values())).clock
    outbox = Outbox(ledger, notifier or Console(partial(print, flush=True)), clock)
    calendar = sources.exchange(settings)
    lines: dict[str, BrokerLine] = {}

    def line_of(name: str) -> BrokerLine:
        if name not in lines:
            there = Unreached(name) if looking else broker_line(name, settings, clock, calendar)
            lines[name] = there
        return lines[name]

    ground = _Ground(settings, ledger, outbox, calendar, line_of)
    seats = tuple(_seat(name, ground, times[name]) for name in settings.enabled())
    return House(settings, ledger, outbox, seats, lines)


def trading_on(broker: str, house: House) -> Sequence[Seat]:
    """The seats whose books trade on a [brokers] entry."""
    books = house.settings.books
    return [seat for seat in house.seats if books[seat.book.name].broker == broker]


def owners(house: House) -> Iterator[tuple[BrokerLine, Seat]]:
    """Each broker's line with the first seat that trades on it."""
    for name, each in house.lines.items():
        yield each, trading_on(name, house)[0]


def builders(house: House) -> Iterator[tuple[Builder, Seat]]:
    """Who builds which snapshot, each once, and the first seat that reads it.

    Raises SettingsError `built_two_ways` where two books want it made differently.
    """
    built: dict[Path, tuple[Recipe, str]] = {}
    for seat in house.seats:
        name = seat.book.name
        recipe = sources.recipe(name, house.settings)
        if recipe is None:
            continue
        known, first = built.setdefault(recipe.out, (recipe, name))
        if known != recipe:
            raise SettingsError("built_two_ways", profile=recipe.profile, books=f"{first}, {name}")
        if first == name:
            yield Builder(recipe, seat.desk.sessions, seat.desk.clock), seat


@dataclass(frozen=True, slots=True)
class _Ground:
    """What every seat of a house stands on."""

    settings: Settings
    ledger: SqlLedger
    outbox: Outbox
    calendar: Calendar
    line_of: Callable[[str], BrokerLine]


def least_free(settings: Settings) -> int:
    """How many bytes of the disk must be free."""
    return settings.health.disk_free_mib * MEBIBYTE


def simulate(name: str, arguments: Sequence[str]) -> None:
    """Run a simulator of somebody else's system until it is told to stop.

    Raises SettingsError `extra_missing` where what it stands on is not installed.
    """
    try:
        simulator = _simulator(name)
    except ModuleNotFoundError as missing:
        raise SettingsError("extra_missing", extra="sims", module=missing.name) from None
    simulator(arguments)


def _simulator(name: str) -> Callable[[Sequence[str]], None]:
    match name:
        case "telegram":
            from adapters.sims import telegram

            return telegram.main
        case "ibkr":
            from adapters.sims import tws

            return tws.main
        case "schwab":
            from adapters.sims import schwab

            return schwab.main
        case "longport":
            from adapters.sims import longport

            return longport.main
        case _:
            raise AssertionError(name)  # the command line names those there are


def book(name: str, settings: Settings) -> Book:
    """One book with its strategy and rules."""
    entry = settings.books[name]
    about = profile(entry.profile)
    chosen = strategy(entry.profile, entry.params)
    if chosen.needs.shorts and not entry.rules.shorting:
        raise SettingsError("shorting_not_allowed", book=name)
    return Book(
        name=name,
        profile=about.name,
        account=settings.account_of(name),
        strategy=chosen,
        rules=_rules(entry, settings),
        lead=timedelta(minutes=entry.lead_minutes),
        minimum_equity=about.minimum_equity,
    )


def refuse_unknown_book(name: str, settings: Settings) -> None:
    """Raise SettingsError `unknown_book` for a book the settings do not have."""
    if name not in settings.books:
        raise SettingsError("unknown_book", name=name, known=", ".join(settings.books) or "–")


def _seat(name: str, ground: _Ground, time: Time) -> Seat:
    settings = ground.settings
    broker, market = _traded_by(name, ground, time.clock)
    desk = Desk(
        broker=broker,
        market=market,
        sessions=ground.calendar,
        ledger=ground.ledger,
        clock=time.clock,
        feeds=sources.feeds(name, settings, time.clock, ground.calendar),
    )
    return Seat(
        book=book(name, settings),
        desk=desk,
        wakes=time.wakes,
        outbox=ground.outbox,
        mode=Mode(settings.mode),
        language=Language(settings.language),
        last=time.last,
        standing=partial(_standing, name, ground, time.clock),
    )


def _standing(name: str, ground: _Ground, clock: Clock) -> Sequence[Note]:
    """How the login at a book's broker stands by its file, and what its line makes known."""
    broker = ground.settings.books[name].broker
    if isinstance(ground.settings.brokers[broker], PaperSettings):
        return ()
    kept = standing(broker, ground.settings, clock)
    return [*kept, *(note for note in ground.line_of(broker).notes() if note not in kept)]


def _traded_by(name: str, ground: _Ground, clock: Clock) -> tuple[Broker, MarketData]:
    """The broker and the market of a book: what they are decides what an order means."""
    settings, calendar = ground.settings, ground.calendar
    told = settings.books[name].broker
    entry, account = settings.brokers[told], settings.account_of(name)
    folder = settings.state_dir / settings.mode
    rules = costs(name, settings)
    wanted = settings.market_of(name)

    def paper(journal: str, opened: Opening, quotes: MarketData) -> Broker:
        # Who trades by a real broker plays none before a run.
        from adapters.paper import PaperBroker

        return PaperBroker(opened, folder / f"{journal}.jsonl", quotes, calendar, clock, rules)

    if isinstance(entry, PaperSettings):
        source = cache(partial(sources.market, settings=settings, clock=clock, calendar=calendar))
        quotes = source(entry.market)
        market = source(wanted or entry.market)
        real: Broker = paper(account, opening_of(name, settings), quotes)
    else:
        line = ground.line_of(told)
        quotes = market = line
        if wanted is not None:
            market = Joined(sources.history(wanted, settings, clock, calendar), line)
        real = line.account(account)

    def simulated(day: date, portfolio: Portfolio) -> Broker:
        return paper(f"{account}-{day}", Opening.of(portfolio), quotes)

    if settings.mode == "dry":
        from adapters.dry_run import DryRun

        return DryRun(real, simulated, clock), market
    return real, market


def costs(name: str, settings: Settings) -> FillRules:
    """What trading costs a book on paper, and what goes wrong on purpose."""
    entry = settings.brokers[settings.books[name].broker]
    if not isinstance(entry, PaperSettings):
        # A preview shorts where the book may: what the account allows its broker says.
        return FillRules(shorting=settings.books[name].rules.shorting)
    drills = entry.drills.items()
    return FillRules(
        slippage=entry.slippage,
        commission_per_order=entry.commission_per_order,
        commission_per_share=entry.commission_per_share,
        minimum_commission=entry.minimum_commission,
        shorting=entry.shorting,
        drills={s: Refuse("drill_refusal") if d == "refuse" else FillAtMost(d) for s, d in drills},
    )


def opening_of(name: str, settings: Settings) -> Opening:
    """What a book's account begins with on paper."""
    entry = settings.brokers[settings.books[name].broker]
    assert isinstance(entry, PaperSettings)  # a real account is what its broker says it is
    shares = {symbol: Decimal(n) for symbol, n in entry.shares.items()}
    return Opening(settings.account_of(name), entry.cash, shares)


def _rules(entry: BookSettings, settings: Settings) -> TradingRules:
    kept = {field.name for field in fields(TradingRules)} - {"proceeds"}
    broker = settings.brokers[entry.broker]
    money = broker.proceeds if broker.account_kind == "cash" else "margin"
    values = {name: getattr(entry.rules, name) for name in kept}
    return TradingRules(**values, proceeds=Proceeds(money))
