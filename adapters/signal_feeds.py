"""Signals of others: asked for, understood or refused, and kept with the day each was known."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from datetime import date
from pathlib import Path
from typing import Final, Protocol

import pandas as pd
from pydantic import TypeAdapter, ValidationError

from adapters.journal import Journal
from bot.domain.admission import Issue
from bot.domain.calendar import Calendar, exchange_date
from bot.domain.errors import Blocked, LedgerError
from bot.domain.received import Received, news, table
from bot.domain.strategy import FeedNeed
from bot.ports import Clock

KEPT: Final = TypeAdapter(Received)


class Unreachable(Blocked):
    """A source that could not be asked: what it said last still stands, and grows older."""


class Source(Protocol):
    """Where signals come from: a file, an address."""

    @property
    def place(self) -> str:
        """Its name for people."""
        ...

    async def told(self, session: date) -> Sequence[Received]:
        """Return all it says now, though it said so before.

        What comes without a date of its own is known from `session` on. Raises
        Unreachable where it could not be asked, else Blocked for what can not be
        understood.
        """
        ...


class SignalFeed:
    """What a source has said, as it was first known, on disk; asked again at every question.

    A source that can not be reached changes nothing but the age of what it said; one that
    says what nobody understands blocks until it is understood. Nothing that was kept is
    ever changed, so the past looks the same tomorrow.
    """

    def __init__(
        self,
        source: Source,
        need: FeedNeed,
        journal: Path,
        calendar: Calendar,
        clock: Clock,
        every: float,
    ) -> None:
        self._source, self._need, self._every = source, need, every
        self._journal = Journal(journal, KEPT)
        self._calendar, self._clock = calendar, clock

    async def table(self, session: date) -> pd.DataFrame:
        """Return the signals known on a session: `as_of`, `known_on` and `signal`.

        Raises Blocked `signal_missing` where there is none, `signal_stale` where the newest
        is older than the need allows, and what is wrong with what the source says.
        """
        try:
            await self._ask()
        except Unreachable:
            if not self._kept():
                raise
        return table(self._in_force(session))

    async def prove(self, session: date) -> Issue:
        """Return what a session would be decided on; raises as `table`, and Unreachable."""
        await self._ask()
        return self._issue(self._in_force(session))

    async def arrivals(self) -> AsyncIterator[Issue | Blocked]:
        """Tell of every signal that comes from now on, and once of each trouble; never ends."""
        known = before = self._told()
        while True:
            await self._clock.sleep(self._every)
            came = await self._looked()
            if isinstance(came, Blocked):
                if not isinstance(before, Blocked) or came.code != before.code:
                    yield came
            elif came is not None and came != known:
                known = came
                yield came
            before = came

    def _in_force(self, session: date) -> list[Received]:
        return in_force(self._kept(), self._need, self._calendar, session)

    async def _ask(self) -> None:
        """Keep what the source says that is not known yet."""
        now = self._clock.now()
        session = self._calendar.on(exchange_date(now))
        if session is None or now >= session.closes:
            session = self._calendar.after(exchange_date(now))
        told = await self._source.told(session.date)
        try:
            self._keep(told, session.date)
        except LedgerError:
            # Another process of this host asked as well: what it kept is known now.
            self._keep(told, session.date)

    def _keep(self, told: Sequence[Received], session: date) -> None:
        new = news(self._kept(), told, session)
        try:
            if new:
                self._journal.append(new)
        except OSError as error:
            path, reason = self._journal.path, error.strerror
            raise Blocked("signals_not_kept", path=path, reason=reason) from error

    def _kept(self) -> list[Received]:
        return kept_in(self._journal)

    async def _looked(self) -> Issue | Blocked | None:
        try:
            await self._ask()
        except Blocked as trouble:
            return trouble
        return self._told()

    def _told(self) -> Issue | Blocked | None:
        """What was said last, None where nothing was yet, or why nobody knows."""
        try:
            kept = self._kept()
        except Blocked as trouble:
            return trouble
        return self._issue(kept) if kept else None

    def _issue(self, known: Sequence[Received]) -> Issue:
        newest = max(reversed(known), key=lambda each: each.as_of)
        said = f"{self._need.name} {newest.as_of} {newest.word}"
        return Issue(
            profile=self._need.name,
            path=self._source.place,
            as_of=newest.as_of,
            known_on=newest.known_on,
            rows=len(known),
            sha256=hashlib.sha256(said.encode()).hexdigest(),
            config_sha256="",
        )


class SignalHistory:
    """What a source had said by each session of the past, as it was first known."""

    def __init__(self, kept: Sequence[Received], need: FeedNeed, calendar: Calendar) -> None:
        self._kept, self._need, self._calendar = kept, need, calendar

    @property
    def rows(self) -> pd.DataFrame:
        """Every signal: `as_of`, `known_on` and `signal`."""
        return table(self._kept)

    def refuse(self, session: date) -> None:
        """Raise Blocked where `SignalFeed.table` would have for want of a signal."""
        in_force(self._kept, self._need, self._calendar, session)


def in_force(
    kept: Sequence[Received], need: FeedNeed, calendar: Calendar, session: date
) -> list[Received]:
    """The signals known on a session. Raises Blocked `signal_missing` and `signal_stale`."""
    known = [each for each in kept if each.known_on <= session]
    if not known:
        raise Blocked("signal_missing", feed=need.name, day=session)
    age = calendar.distance(max(each.as_of for each in known), session)
    if age > need.max_age:
        raise Blocked("signal_stale", feed=need.name, age=age, max_age=need.max_age)
    return known


def kept_in(journal: Journal[Received]) -> list[Received]:
    """What was received, in the order it came. Raises Blocked `signals_lost`."""
    try:
        lines = [*journal.read()]
    except OSError as error:
        raise Blocked("signals_lost", path=journal.path, reason=error.strerror) from error
    kept = []
    for number, line in enumerate(lines, start=1):
        try:
            kept.append(KEPT.validate_json(line))
        except ValidationError as error:
            raise Blocked("signals_lost", path=journal.path, line=number) from error
    return kept
