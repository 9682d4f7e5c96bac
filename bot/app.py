"""The house put together from its settings: the only file that names concrete classes."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from datetime import date, timedelta
from decimal import Decimal
from functools import cache, partial
from pathlib import Path

import pandas as pd

from adapters.console import Console
from adapters.dry_run import DryRun
from adapters.paper import PaperBroker
from adapters.price_files import load
from adapters.prices import PriceTable
from adapters.store import PriceStore
from adapters.synthetic import BUNDLED
from adapters.tables import TableMarket
from adapters.watched import WatchedTables
from bot.daemon import Seat
from bot.domain.account import Opening
from bot.domain.calendar import Calendar, exchange_date
from bot.domain.errors import BellwetherError, SettingsError
from bot.domain.fills import FillAtMost, FillRules, Refuse
from bot.domain.model import Mode, Note, Portfolio, Proceeds, Symbol, TradingRules
from bot.domain.strategy import Book, Facts, Features, Needs, Rebalance
from bot.ledger import SqlLedger
from bot.ledger_file import LedgerLock
from bot.outbox import Outbox
from bot.ports import Adjustment, Broker, Clock, Desk, MarketData, Notifier, Wakes
from bot.schedule import JumpingClock
from bot.sessions import EARLIEST, LATEST, Overrides, nyse
from bot.signals import Signal, signal_of
from bot.words import Language
from config.settings import BookSettings, Settings
from strategies import Profile, profile, strategy

BUNDLED_PRICES = BUNDLED


@dataclass(frozen=True, slots=True)
class House:
    """What one process works with: its ledger, its outbox and a seat for each enabled book."""

    settings: Settings
    ledger: SqlLedger
    outbox: Outbox
    seats: tuple[Seat, ...]


@dataclass(frozen=True, slots=True)
class Time:
    """Whose time a house keeps: a clock, and who wakes a book by it.

    Each seat gets its own, because a jumping clock waits for the book it woke.
    """

    clock: Clock
    wakes: Wakes
    last: date | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """What taking prices did to a symbol: days added and dropped, its span afterwards."""

    symbol: Symbol
    added: int
    replaced: bool
    dropped: int
    first: date | None
    last: date | None


@dataclass(frozen=True, slots=True)
class Updated:
    """What taking a file of prices did, and what is suspicious in it."""

    source: Path
    symbols: tuple[Stored, ...]
    odd: tuple[Note, ...]


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
) -> House:
    """Put everything in its place. Raises SettingsError for what the schema can not see."""
    if not settings.enabled():
        raise SettingsError("no_books")
    times = {name: time_of(name) for name in settings.enabled()}
    clock = next(iter(times.values())).clock
    outbox = Outbox(ledger, notifier or Console(partial(print, flush=True)), clock)
    calendar = exchange(settings)
    seats = tuple(
        _seat(name, settings, ledger, outbox, times[name], calendar) for name in settings.enabled()
    )
    return House(settings, ledger, outbox, seats)


def exchange(settings: Settings) -> Calendar:
    """The calendar with the operator's overrides, as far as it is known."""
    overrides = Overrides(
        frozenset(settings.calendar.extra_closures), dict(settings.calendar.early_closes)
    )
    return nyse(EARLIEST, LATEST, overrides)


def book(name: str, settings: Settings) -> Book:
    """One book with its strategy and rules."""
    entry = settings.books[name]
    about = profile(entry.profile)
    return Book(
        name=name,
        profile=about.name,
        account=settings.account_of(name),
        strategy=strategy(entry.profile, entry.params),
        rules=_rules(entry, settings),
        lead=timedelta(minutes=entry.lead_minutes),
        minimum_equity=about.minimum_equity,
    )


def market(name: str, settings: Settings, clock: Clock, calendar: Calendar) -> MarketData:
    """A source of prices, adjusted throughout: a paper account gets its dividends that way."""
    entry = settings.markets[name]
    store = price_store(settings)
    path = entry.path or store.path

    def read() -> PriceTable:
        return (load(path) if entry.path else store.table()).adjusted()

    return WatchedTables(path, read, clock, calendar, Adjustment(entry.adjustment))


def signal(profile_name: str, settings: Settings, prices: Path | None, day: date | None) -> Signal:
    """A profile's signal from a price file, or the price store; of its last session by default."""
    about = profile(profile_name)
    table = load(prices) if prices else price_store(settings).table()
    calendar = exchange(settings)
    asked = day or table.closes.index[-1].date()
    session = calendar.on(asked)
    if session is None:
        raise BellwetherError("no_session", day=asked)
    clock = JumpingClock(session.closes)
    needs = about.strategy().needs
    market = TableMarket(table.adjusted(), clock, calendar)
    return asyncio.run(_signal(about, market, needs, session.date))


async def _signal(about: Profile, market: MarketData, needs: Needs, day: date) -> Signal:
    facts = await market.facts(needs, day)
    quotes = await market.quotes(needs.symbols)
    fresh = {s: quote for s, quote in quotes.items() if exchange_date(quote.at) == day}
    return signal_of(about, facts.with_today(day, fresh), day)


def closes_of(prices: Path, profile_name: str) -> pd.DataFrame:
    """The closes a profile needs from a price file, sessions × symbols.

    Raises DataError naming the symbol that is missing or can not be believed.
    """
    needs = profile(profile_name).strategy().needs
    return load(prices).adjusted().require(needs.symbols).closes


def needed_sessions(profile_name: str) -> int:
    """How much history a profile needs before it may act."""
    return profile(profile_name).strategy().needs.sessions


def wanted_at_the_end(profile_name: str, closes: pd.DataFrame) -> Mapping[Symbol, float]:
    """What a profile wants on the last session of some closes; nothing where it holds still."""
    day = closes.index[-1].date()
    known = exchange(Settings()).index(closes.index[0].date(), day)
    decision = Features(profile(profile_name).strategy(), Facts(closes, known)).decide(day, {})
    return decision.targets if isinstance(decision, Rebalance) else {}


def update_prices(settings: Settings, source: Path) -> Updated:
    """Take a file of prices into the store, looked at with the exchange calendar."""
    calendar = exchange(settings)
    sessions = calendar.index(calendar.first, calendar.last, 0)
    told = price_store(settings).update(source, sessions)
    return Updated(
        source,
        tuple(
            Stored(s.symbol, s.added, s.replaced, s.dropped, s.first, s.last) for s in told.symbols
        ),
        tuple(
            Note(odd.code, odd.symbol, {"date": odd.date, "value": odd.value})
            for symbol in told.symbols
            for odd in symbol.suspicions
        ),
    )


def price_store(settings: Settings) -> PriceStore:
    """The prices a bot keeps, written by `data update` only."""
    return PriceStore(settings.state_dir / "prices")


def _seat(
    name: str,
    settings: Settings,
    ledger: SqlLedger,
    outbox: Outbox,
    time: Time,
    calendar: Calendar,
) -> Seat:
    source = cache(partial(market, settings=settings, clock=time.clock, calendar=calendar))
    desk = Desk(
        broker=_broker(name, settings, time.clock, calendar, source),
        market=source(settings.market_of(name)),
        sessions=calendar,
        ledger=ledger,
        clock=time.clock,
    )
    return Seat(
        book=book(name, settings),
        desk=desk,
        wakes=time.wakes,
        outbox=outbox,
        mode=Mode(settings.mode),
        language=Language(settings.language),
        last=time.last,
    )


def _broker(
    name: str,
    settings: Settings,
    clock: Clock,
    calendar: Calendar,
    source: Callable[[str], MarketData],
) -> Broker:
    """The broker of a book: what it is decides what an order means."""
    entry = settings.brokers[settings.books[name].broker]
    prices = source(entry.market)
    account = settings.account_of(name)
    folder = settings.state_dir / settings.mode
    drills = entry.drills.items()
    rules = FillRules(
        slippage=entry.slippage,
        commission_per_order=entry.commission_per_order,
        commission_per_share=entry.commission_per_share,
        minimum_commission=entry.minimum_commission,
        drills={s: Refuse("drill_refusal") if d == "refuse" else FillAtMost(d) for s, d in drills},
    )
    shares = {symbol: Decimal(n) for symbol, n in entry.shares.items()}
    opening = Opening(account, entry.cash, shares)

    def paper(journal: str, opened: Opening) -> PaperBroker:
        return PaperBroker(opened, folder / f"{journal}.jsonl", prices, calendar, clock, rules)

    def simulated(day: date, real: Portfolio) -> Broker:
        return paper(f"{account}-{day}", Opening.of(real))

    match settings.mode:
        case "dry":
            real = paper(account, opening)
            return DryRun(real, simulated, clock)
        case "paper" | "live":
            return paper(account, opening)


def _rules(entry: BookSettings, settings: Settings) -> TradingRules:
    kept = {field.name for field in fields(TradingRules)} - {"proceeds"}
    broker = settings.brokers[entry.broker]
    money = broker.proceeds if broker.account_kind == "cash" else "margin"
    values = {name: getattr(entry.rules, name) for name in kept}
    return TradingRules(**values, proceeds=Proceeds(money))
