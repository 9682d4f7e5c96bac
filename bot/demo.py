"""The main job in a minute: the real daemon on paper, with a clock that jumps."""

import asyncio
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path

import pandas as pd

from bot import app
from bot.app import BUNDLED_PRICES, House, Time
from bot.commands import status_of
from bot.daemon import Seat, serve
from bot.domain.errors import DataError
from bot.domain.memory import Message, RunReport, Switch
from bot.domain.model import Symbol
from bot.ports import Notifier
from bot.report import render_positions, render_why
from bot.schedule import JumpingClock, JumpingWakes
from bot.words import Language, Words
from config.settings import Settings

PROFILE = "global_etf_rotation"
CASH = Decimal(25_000)
MORNING = time(12)  # UTC: before the opening in New York, on the same date there
SESSIONS = 10
ALL_RUNS = 10_000
AFTER_REBALANCE = 4  # of them


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


class Phone:
    """A notifier that shows each message as a phone would: its time, then its bubble."""

    def __init__(self, write: Callable[[str], None], words: Words) -> None:
        self._write, self._words = write, words

    async def tell(self, message: Message, *, again: bool = False) -> None:
        """Show a message; in a show nothing is told twice."""
        del again
        lines = "\n".join(f"│ {line}" for line in message.text.splitlines())
        at = self._words.phrase("wake", {"at": message.at})
        self._write(f"┌─ {at}\n{lines}\n└─")


def demonstrate(
    prices: Path | None,
    span: tuple[date | None, date | None],
    language: Language,
    write: Callable[[str], None],
) -> None:
    """Play ten sessions around the last quarter end, then show where the book stands.

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

    def after(house: House) -> None:
        seat = house.seats[0]
        write(f"\n{words.phrase('demo_stands')}\n{render_positions(status_of(seat), language)}")
        if (run := _most_telling(seat)) is not None:
            write(f"\n{words.phrase('demo_why')}\n{render_why(run, None, language)}")
        write(f"\n{words.phrase('demo_ends')}")

    with tempfile.TemporaryDirectory(prefix="bellwether-demo-") as state:
        play(show, Path(state), Phone(write, words), after)


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
    days = pd.DatetimeIndex(app.closes_of(prices, PROFILE).index)
    needed = app.needed_sessions(PROFILE)
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
    closes = app.closes_of(show.prices, show.profile)
    before = closes.loc[: pd.Timestamp(show.first)]
    ends = _quarter_ends(before.index)
    if not ends or ends[-1] + 1 < app.needed_sessions(show.profile):
        return show
    known = closes.iloc[: ends[-1] + 1]
    wanted = app.wanted_at_the_end(show.profile, known)
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
