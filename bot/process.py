"""One process of the bot: a daemon that stays, a single run, a question and its answer."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from secrets import token_urlsafe

from bot import app, brokers, lines, outside, sources
from bot.app import House, Time
from bot.check import examine, examine_broker, examine_keys, examine_line
from bot.commands import (
    Answer,
    Command,
    Glance,
    PlanNow,
    RunNow,
    idle_today,
    obey,
    status_of,
    which,
)
from bot.control import HealthNow, ask, listening
from bot.daemon import Seat, heed, serve, trade, watch
from bot.deadman import keep_watched
from bot.domain.calendar import exchange_date
from bot.domain.errors import BellwetherError, SettingsError
from bot.domain.model import RunKey
from bot.exits import OK, outcome_code
from bot.health import Health
from bot.monthly_build import keep_built
from bot.ports import ChatLine, Clock, Supervisor
from bot.proofs import HOUSE, Examined
from bot.pulse import keep_pulse
from bot.report import render_error, render_start
from bot.schedule import JumpingClock, ScheduledWakes, SystemClock
from bot.words import Language, Words
from config.problems import SettingsProblem
from config.secrets import secret
from config.settings import Settings

NONCE_BYTES = 16
HEALTH_SECONDS = 25.0  # with a daemon that asks its brokers
MOMENT = "%Y%m%dT%H%M%S.%f"  # two starts of one second are told both
LAST_WORDS_SECONDS = 1.5  # for messages still to be delivered when the process is to end

log = logging.getLogger(__name__)


def run_daemon(
    settings: Settings, scheduler: ScheduledWakes | None = None, clock: Clock | None = None
) -> None:
    """Serve every enabled book until SIGTERM or SIGINT."""
    with app.keeping(settings) as ledger:
        wakes, line = scheduler or ScheduledWakes(), outside.line(settings)
        time = Time(clock or SystemClock(), wakes)
        house = app.house(settings, ledger, lambda _: time, line)
        asyncio.run(_serve(house, wakes, app.socket_path(settings), line, outside.supervisor()))


async def _serve(
    house: House,
    wakes: ScheduledWakes,
    socket: Path,
    line: ChatLine | None = None,
    supervisor: Supervisor | None = None,
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    wakes.start()
    beside: list[Callable[[], Awaitable[None]]] = [house.outbox.deliver]
    beside += [each.keep for each in house.lines.values()]
    beside += [partial(heed, each, seat) for each, seat in app.owners(house)]
    beside += [partial(watch, seat) for seat in house.seats if seat.desk.feeds]
    beside += [partial(keep_built, each, seat) for each, seat in app.builders(house)]
    beside += [_listening(house, line)] if line else []
    watcher = outside.watcher(house.settings)
    beside += [partial(keep_watched, house.seats, watcher)] if watcher else []
    beside += [partial(keep_pulse, supervisor, house.seats, wakes)] if supervisor else []
    try:
        # Whoever reads that it has started may talk to it.
        async with _open(house, wakes, socket):
            for seat in house.seats:
                _tell_start(seat)
            await serve(house.seats, stop, beside)
    except ExceptionGroup as died:
        raise _died(died, house.seats) from died
    finally:
        if supervisor:
            supervisor.ending()
        wakes.stop()
        await _last_words(house, line)
        if watcher:
            await watcher.close()


@asynccontextmanager
async def _open(house: House, wakes: ScheduledWakes, socket: Path) -> AsyncIterator[None]:
    """Whatever one may ask a daemon by: its socket, and HTTP where the settings have a port."""
    health = Health(
        house.seats, house.lines, wakes, house.settings.state_dir, app.least_free(house.settings)
    )
    async with AsyncExitStack() as stack:
        language = house.seats[0].language
        await stack.enter_async_context(listening(socket, house.seats, language, health.checkup))
        if (port := house.settings.health.port) is not None:
            # Who does not ask over HTTP does not wait for its libraries.
            from bot.beacon import Signals, shining

            token = outside.signals_token(house.settings)
            find = partial(sources.latest_signal, settings=house.settings)
            signals = None if token is None else Signals(token, find)
            await stack.enter_async_context(shining(port, health, signals))
        yield


def _listening(house: House, line: ChatLine) -> Callable[[], Awaitable[None]]:
    """Have a chat answered by a house, in the language of its settings."""
    # Who has no chat does not wait for what is said in one.
    from bot.chat import Conversation, menu

    first = house.seats[0]
    nonce = partial(token_urlsafe, NONCE_BYTES)
    logins = brokers.logins(house.settings, first.desk.clock)
    chat = Conversation(house.seats, first.language, first.desk.clock, nonce, logins)
    menus = {"": menu(Language.EN), Language.ZH.value: menu(Language.ZH)}
    return partial(line.listen, chat, menus)


async def _last_words(house: House, line: ChatLine | None) -> None:
    """What is still to be told, as far as it can be told at once; it is kept for the next start."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LAST_WORDS_SECONDS):
            await house.outbox.flush()
            if line is not None:
                await line.close()
    # Each line has a time-out of its own for every step of its end.
    for each in house.lines.values():
        await each.close()


def _tell_start(seat: Seat) -> None:
    key = f"started/{seat.desk.clock.now():{MOMENT}}"
    seat.tell("startup", key, render_start(status_of(seat), seat.language))


def _died(group: ExceptionGroup[Exception], seats: Sequence[Seat]) -> BellwetherError:
    """What ended the daemon, told to every book's owner, for the exit code to say the rest."""
    error: Exception = group
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    log.critical("the daemon ends", exc_info=error)
    named = error
    if not isinstance(named, BellwetherError):
        named = BellwetherError("daemon_died", error=f"{type(error).__name__}: {error}")
    for seat in seats:
        key = f"died/{seat.desk.clock.now():{MOMENT}}"
        seat.tell("error", key, render_error(named, seat.title, seat.language))
    return named


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a run that was asked for, in words and as an exit code."""

    text: str
    code: int = OK


def run_today(settings: Settings, command: RunNow, clock: Clock | None = None) -> Ended:
    """Take up today's run: a daemon does where one runs, else this process, to its end.

    Raises Blocked `window_ahead` before its time.
    """
    try:
        return Ended(asyncio.run(ask(app.socket_path(settings), command)).text)
    except BellwetherError as error:
        if error.code != "no_daemon":
            raise
    now = clock or SystemClock()
    with app.keeping(settings) as ledger:
        line = outside.line(settings)
        house = app.house(settings, ledger, lambda _: Time(now, ScheduledWakes()), line)
        seat = which(house.seats, command.book)
        if (why_not := idle_today(seat, seat.language)) is not None:
            return Ended(why_not)
        return asyncio.run(_once(house, seat, line))


async def _once(house: House, seat: Seat, line: ChatLine | None) -> Ended:
    today = exchange_date(seat.desk.clock.now())
    async with _connected(house):
        await trade(seat, today)
    await _last_words(house, line)
    report = house.ledger.report(RunKey(seat.book.name, today))
    words = Words(seat.language)
    told = lines.ended(report, words) if report else words.phrase("run_kept_nothing")
    text = words.phrase("run_ended", {"book": seat.book.name, "line": told})
    return Ended(text, outcome_code(report.outcome if report else None))


def answer(settings: Settings, command: Command, as_of: date | None = None) -> Answer:
    """Have a command obeyed: by the daemon where it needs one, else here.

    Looking needs the ledger only and disturbs nobody. With `as_of` the command is
    obeyed as if that session were about to close.
    """
    if isinstance(command, Glance) or as_of is not None:
        return _apart(settings, command, as_of)
    try:
        return asyncio.run(ask(app.socket_path(settings), command))
    except BellwetherError as error:
        if error.code != "no_daemon":
            raise
    if isinstance(command, PlanNow):
        return _apart(settings, command, None)
    with app.keeping(settings) as ledger:
        house = app.house(settings, ledger, lambda _: Time(SystemClock(), ScheduledWakes()))
        return asyncio.run(_obeyed(command, house))


def health(settings: Settings) -> Answer:
    """Ask the running daemon whether everything a run needs is proven.

    Raises BellwetherError `health_unasked` where none runs, or none that answers.
    """
    path = app.socket_path(settings)
    try:
        return asyncio.run(ask(path, HealthNow(), HEALTH_SECONDS))
    except BellwetherError as error:
        if error.code not in {"no_daemon", "daemon_silent"}:
            raise
        raise BellwetherError("health_unasked", path=path) from None


async def _obeyed(command: Command, house: House) -> Answer:
    """Obey a command; a plan asks the brokers, what looks at the ledger only does not."""
    if not isinstance(command, PlanNow):
        return await obey(command, house.seats, house.seats[0].language)
    async with _connected(house):
        return await obey(command, house.seats, house.seats[0].language)


def check(settings: Settings, clock: Clock | None = None) -> list[Examined]:
    """Ask every part of every book whether it could trade.

    Without its secrets there is nobody to be asked: then it is they that are told of.
    """
    now, secrets = clock or SystemClock(), [*_secrets(settings)]
    if any(each.error and not each.seen for each in secrets):
        return secrets
    with app.reading(settings) as ledger:
        house = app.house(settings, ledger, lambda _: Time(now, ScheduledWakes()))
        examined = asyncio.run(_examined(house, outside.line(settings)))
        return [*secrets, *_known(house, now), *examined]


def _secrets(settings: Settings) -> Iterator[Examined]:
    """Where each secret comes from, and what is wrong with it; never what it is."""
    words = Words(Language(settings.language))
    for name in settings.secrets():
        try:
            found = secret(name)
        except SettingsProblem as problem:
            told = problem.problems[0]
            error = SettingsError(told.code, where=told.where, **told.values)
            yield Examined(HOUSE, "secret", "", error)
            continue
        seen = words.phrase("seen_secret", {"name": name, "source": found.source})
        values = {"where": name, "source": found.source, "ignored": ", ".join(found.ignored)}
        shadowed = SettingsError("secret_shadowed", **values) if found.ignored else None
        yield Examined(HOUSE, "secret", seen, shadowed)


def _known(house: House, clock: Clock) -> list[Examined]:
    """What of each broker is known before it is asked."""
    settings, words = house.settings, Words(house.seats[0].language)
    return [
        part
        for name in house.lines
        for part in examine_keys(
            name,
            brokers.keys(name, settings),
            brokers.standing(name, settings, clock),
            words,
        )
    ]


async def _examined(house: House, line: ChatLine | None) -> list[Examined]:
    async with _connected(house):
        found = [
            part
            for name, each in house.lines.items()
            for part in await examine_broker(name, each, app.trading_on(name, house))
        ]
        found += await examine(house.seats)
    return found if line is None else [*found, await examine_line(line, house.seats[0].language)]


@asynccontextmanager
async def _connected(house: House) -> AsyncIterator[None]:
    """The lines to real brokers, kept meanwhile as the daemon keeps them."""
    kept = [asyncio.ensure_future(each.keep()) for each in house.lines.values()]
    try:
        yield
    finally:
        for task in kept:
            task.cancel()
        await asyncio.gather(*kept, return_exceptions=True)
        for each in house.lines.values():
            await each.close()


def _apart(settings: Settings, command: Command, as_of: date | None) -> Answer:
    """Obey beside a daemon: the ledger is only read."""
    with app.reading(settings) as ledger:

        def time_of(name: str) -> Time:
            clock = SystemClock() if as_of is None else JumpingClock(_moment(settings, name, as_of))
            return Time(clock, ScheduledWakes())

        looking = isinstance(command, Glance)
        house = app.house(settings, ledger, time_of, looking=looking)
        return asyncio.run(_obeyed(command, house))


def _moment(settings: Settings, name: str, day: date) -> datetime:
    session = sources.exchange(settings).on(day)
    if session is None:
        raise BellwetherError("no_session", day=day)
    return session.decides_at(app.book(name, settings).lead)
