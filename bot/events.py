"""What comes into a book's inbox, and who puts it there at its time."""

from asyncio import Queue
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol, TypeAlias

from bot.domain.admission import Issue


@dataclass(frozen=True, slots=True)
class RunDue:
    """A session's decision time has come."""

    session: date


@dataclass(frozen=True, slots=True)
class FeedArrived:
    """A feed has something new."""

    issue: Issue


@dataclass(frozen=True, slots=True)
class SessionClosed:
    """A session is over: open questions can be asked with the account as witness."""

    session: date


@dataclass(frozen=True, slots=True)
class Stopped:
    """Nothing more will come; the consumer of the inbox may go home."""


Event: TypeAlias = RunDue | FeedArrived | SessionClosed | Stopped


@dataclass(frozen=True, slots=True, order=True)
class Wake:
    """An event and the moment it is due."""

    at: datetime
    event: RunDue | SessionClosed


class Wakes(Protocol):
    """Who puts events into an inbox at their time: APScheduler, or a clock that jumps."""

    def arm(self, wakes: Iterable[Wake], inbox: "Queue[Event]") -> None:
        """Have these events arrive."""
        ...
