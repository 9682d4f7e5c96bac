"""The main job in a minute: the real daemon on paper, with a clock that jumps."""

import asyncio
import logging
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import partial
from pathlib import Path

import pandas as pd

from bot import app, sources
from bot.app import House, Time
from bot.chat import Conversation
from bot.daemon import Seat, serve
from bot.domain.errors import DataError
from bot.domain.memory import RunReport, Switch
from bot.domain.model import Symbol
from bot.phone import Phone
from bot.ports import Notifier
from bot.report import render_why
from bot.schedule import JumpingClock, JumpingWakes
from bot.sources import BUNDLED_PRICES
from bot.words import Language, Words
from config.settings import Settings

PROFILE = "global_etf_rotation"
CASH = Decimal(25_000)
MORNING = time(12)  # UTC: before the opening in New York, on the same date there
SESSIONS = 10
ALL_RUNS = 10_000
AFTER_REBALANCE = 4  # of them
NONCE_BYTES = 16


@dataclass(frozen=True, slots=True)
class Show:
    """What to play: a profile on the prices of a file, over a span of sessions.

    The account begins with `cash` in USD and `shares`.
    """

    prices: Path
    first: date
    last: date
    language: Language = Language.EN
    profile: str = PROFILE
    cash: Decimal = CASH
    shares: Mapping[Symbol, int] = field(default_factory=dict)

    def settings(self, state: Path) -> Settings:
        """The settings a user would write for it."""
        broker = {"kind": "paper", "market": "prices", "cash": self.cash, "shares": self.shares}
        return Settings.model_validate(
            {
                "mode": "paper",
                "language": self.language.value,
                "state_dir": state,
                "markets": {"prices": {"kind": "tables", "path": self.prices}},
                "brokers": {"paper": broker},
                "books": {"demo": {"profile": self.profile, "broker": "paper"}},
            }
        )


def demonstrate(
    prices: Path | None,
    span: tuple[date | None, date | None],
    language: Language,
    write: Callable[[str], None],
) -> None:
    """Play ten sessions around the last quarter end, then ask about them as their owner would.

    The account holds what the profile wanted a quarter before. Without `prices`
    the bundled synthetic ones are played; `span` replaces the sessions. Raises
    DataError where the file can not be used.
    """
    words = Words(language)
    show = _begun(_show(prices or BUNDLED_PRICES, span, language))
    write(words.phrase("demo_user" if prices else "demo_synthetic", {"path": show.prices}))
    held = [f"{symbol} {shares}" for symbol, shares in show.shares.items()]
    values = {"first": show.first, "last": show.last, "cash": show.cash, "held": held or None}
    write(words.phrase("demo_begins", values))

    phone = Phone(write, words)

    def after(house: House) -> None:
        write(f"\n{words.phrase('demo_talks')}")
        asyncio.run(_talk(house, phone))
        if (run := _most_telling(house.seats[0])) is not None:
            write(f"\n{words.phrase('demo_why')}\n{render_why(run, None, language)}")
        write(f"\n{words.phrase('demo_ends')}")

    with tempfile.TemporaryDirectory(prefix="bellwether-demo-") as state, _quiet():
        play(show, Path(state), phone, after)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what a daemon would log out of a show."""
    ours = logging.getLogger("bot")
    before = ours.level
    ours.setLevel(logging.WARNING)
    try:
        yield
    finally:
        ours.setLevel(before)


async def _talk(house: House, phone: Phone) -> None:
    """What an owner asks of an evening, and a change that is asked back about."""
    seat = house.seats[0]
    nonce = partial(secrets.token_urlsafe, NONCE_BYTES)
    chat = Conversation(house.seats, seat.language, seat.desk.clock, nonce)
    run = _most_telling(seat)
    await phone.ask(chat, "/positions")
    await phone.ask(chat, f"/orders {run.run.session}" if run else "/orders")
    for change in ("/pause", "/resume"):
        question = await phone.ask(chat, change)
        await phone.press(chat, question.choices[0])
    await phone.ask(chat, "/next 3")


def play(show: Show, state: Path, notifier: Notifier, after: Callable[[House], None]) -> None:
    """Run `serve` through the sessions of a show, then look at the house `after` it."""
    settings = show.settings(state)
    clock = JumpingClock(datetime.combine(show.first, MORNING, UTC))
    wakes = JumpingWakes(clock)
    with app.keeping(settings) as ledger:
        built = app.house(settings, ledger, lambda _: Time(clock, wakes, show.last), notifier)
        # The show's own account is handed over as its owner would: with a word.
        ledger.set_switch("demo", Switch.ACTIVE, "", clock.now())
        asyncio.run(_play(built, wakes))
        after(built)


async def _play(built: House, wakes: JumpingWakes) -> None:
    await serve(built.seats, asyncio.Event(), [built.outbox.deliver, wakes.run])
    await built.outbox.flush()


def _show(prices: Path, span: tuple[date | None, date | None], language: Language) -> Show:
    """The sessions asked for, else ten around the last quarter end of the prices."""
    days = pd.DatetimeIndex(sources.closes_of(prices, PROFILE).index)
    needed = sources.needed_sessions(PROFILE)
    first, last = _span(days, *span)
    before = int(days.searchsorted(pd.Timestamp(first)))
    if before < needed:
        raise DataError("too_few_sessions", path=prices, found=before, needed=needed)
    if not len(days[before:][: _after(days, last) - before]):
        raise DataError("no_sessions_played", path=prices, first=first, last=last)
    return Show(prices, first, last, language)


def _span(days: pd.DatetimeIndex, first: date | None, last: date | None) -> tuple[date, date]:
    """The first and the last day, those not given so that there are ten sessions."""
    if last is not None:
        start = max(_after(days, last) - SESSIONS, 0)
        return first or days[start].date(), last
    if first is not None:
        end = int(days.searchsorted(pd.Timestamp(first))) + SESSIONS - 1
    else:
        ends = _quarter_ends(days)
        end = (ends[-1] if ends else 0) + AFTER_REBALANCE
    end = min(end, len(days) - 1)
    return first or days[max(end - SESSIONS + 1, 0)].date(), days[end].date()


def _after(days: pd.DatetimeIndex, day: date) -> int:
    return int(days.searchsorted(pd.Timestamp(day), side="right"))


def _quarter_ends(sessions: pd.Index) -> list[int]:
    """The positions of the last sessions of quarters, the unfinished one left out."""
    days = pd.DatetimeIndex(sessions)
    quarter = days.quarter.to_numpy()
    return [at for at in range(len(days) - 1) if quarter[at] != quarter[at + 1]]


def _begun(show: Show) -> Show:
    """The show with the account a quarter of the profile's trading would have left."""
    closes = sources.closes_of(show.prices, show.profile)
    before = closes.loc[: pd.Timestamp(show.first)]
    ends = _quarter_ends(before.index)
    if not ends or ends[-1] + 1 < sources.needed_sessions(show.profile):
        return show
    known = closes.iloc[: ends[-1] + 1]
    wanted = sources.wanted_at_the_end(show.profile, known)
    shares, cash = {}, show.cash
    for symbol, weight in wanted.items():
        price = Decimal(repr(float(known[symbol].iloc[-1])))
        shares[symbol] = int(Decimal(repr(weight)) * show.cash / price)
        cash -= shares[symbol] * price
    return replace(show, shares={s: n for s, n in shares.items() if n}, cash=cash)


def _most_telling(seat: Seat) -> RunReport | None:
    """The last run that sent orders; where none did, the last one."""
    ledger = seat.desk.ledger
    runs = ledger.runs(seat.book.name, ALL_RUNS)
    reports = [report for run in runs[:1] if (report := ledger.report(run))]
    traded = (report for run in runs if (report := ledger.report(run)) and report.orders)
    return next(traded, next(iter(reports), None))
