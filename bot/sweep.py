"""Many trials of one profile: over the processes of this machine or over a cluster's."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent import futures
from dataclasses import dataclass, replace
from datetime import date
from typing import Protocol, TypeAlias

from bot.domain.errors import BellwetherError, SettingsError
from bot.domain.model import Note
from bot.domain.performance import Performance
from bot.domain.selection import Deflated, Sample, deflated, sample
from bot.domain.strategy import Needs
from bot.trial import Wish, attempt, first_session, staged
from config.settings import Settings
from strategies import strategy

PATIENCE = 10.0  # seconds for a scheduler to answer


@dataclass(frozen=True, slots=True)
class Point:
    """A trial of a sweep before it is played: its place in the grid and what is wished for."""

    at: int
    wish: Wish
    settings: Settings


@dataclass(frozen=True, slots=True)
class Row:
    """A trial of a sweep after it was played, or why it could not be.

    `params` are the values that differ from row to row. `sample` is None where
    returns did not vary; `failed` is None where nothing went wrong, and then
    `performance` is there.
    """

    at: int
    params: Mapping[str, object]
    performance: Performance | None = None
    sample: Sample | None = None
    orders: int = 0
    failed: Note | None = None


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep in the order of its grid, all rows over the same sessions.

    `best` is the row with the highest Sharpe ratio, the first of equals, and
    `deflated` what is left of that ratio once it is known to be the best of so
    many; None where no row has one. So many of its points are `missing`: somebody
    stopped it.
    """

    profile: str
    first: date | None
    rows: tuple[Row, ...]
    best: Row | None
    deflated: Deflated | None
    missing: int


Runner: TypeAlias = Callable[[Sequence[Point]], Iterator[Row]]


def points(wish: Wish, grid: Sequence[Mapping[str, object]], settings: Settings) -> list[Point]:
    """A point for each combination, all over the same sessions: the latest first one decides.

    Raises what a trial that everybody would fail raises: settings, prices.
    """
    staged(wish, settings)
    rooted = settings.model_copy(update={"state_dir": settings.state_dir.absolute()})
    prices = wish.prices.absolute() if wish.prices else None
    wishes = [replace(wish, prices=prices, params=params) for params in grid]
    first = _first(wishes, rooted)
    return [Point(at, replace(each, first=first), rooted) for at, each in enumerate(wishes)]


def _first(wishes: Iterable[Wish], settings: Settings) -> date | None:
    """The first session on which all may begin that may begin at all."""
    alike: dict[Needs, Wish] = {}
    for wish in wishes:
        try:
            alike.setdefault(strategy(wish.profile or "", wish.params).needs, wish)
        except SettingsError:
            continue  # its row will say what is wrong with the combination
    begun = [day for wish in alike.values() for day in _begins(wish, settings)]
    return max(begun, default=None)


def _begins(wish: Wish, settings: Settings) -> Iterator[date]:
    try:
        yield first_session(wish, staged(wish, settings))
    except BellwetherError:
        return  # the same


def play(point: Point) -> Row:
    """Play one point: what processes and clusters are given to do."""
    params = point.wish.params
    try:
        trial = attempt(point.wish, point.settings, lambda _done, _of: None)
    except BellwetherError as error:
        told = {name: str(value) for name, value in error.values.items()}
        return Row(point.at, params, failed=Note(error.code, "", told))
    card = trial.scorecard
    return Row(point.at, params, card.performance, sample(trial.equity), card.orders)


def processes(workers: int | None) -> Runner:
    """Run points on so many processes of this machine, on as many as it has cores by default."""

    def run(asked: Sequence[Point]) -> Iterator[Row]:
        count = min(workers or len(os.sched_getaffinity(0)), len(asked))
        # A fresh interpreter each: a copy of this one may hold another thread's lock.
        fresh = multiprocessing.get_context("spawn")
        with futures.ProcessPoolExecutor(count, fresh, _end_at_once) as pool:
            given = {pool.submit(play, point): point for point in asked}
            try:
                for done in futures.as_completed(given):
                    yield _row(given[done], done)
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    return run


def _end_at_once() -> None:
    """Whoever stops a sweep from the keyboard stops all its processes, none with a last word."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def cluster(address: str, patience: float = PATIENCE) -> Runner:
    """Run points on the workers of a Dask scheduler that answers within so many seconds.

    They need this program and, under the same paths, the same prices. Raises
    SettingsError `extra_missing`, BellwetherError `cluster_unreached`.
    """
    try:
        import distributed
    except ModuleNotFoundError as missing:
        raise SettingsError("extra_missing", extra="cluster", module=missing.name) from None

    def run(asked: Sequence[Point]) -> Iterator[Row]:
        try:
            client = distributed.Client(address, timeout=patience, set_as_default=False)
        except (OSError, ValueError) as error:
            raise BellwetherError("cluster_unreached", address=address, reason=str(error)) from None
        with client:
            # Each is played, whatever the cluster remembers of another sweep.
            given = {client.submit(play, point, pure=False): point for point in asked}
            try:
                for done in distributed.as_completed([*given], loop=client.loop):
                    yield _row(given[done], done)
            finally:
                client.cancel([*given])

    return run


class Done(Protocol):
    """A point that was played somewhere, by a process or by a cluster."""

    def exception(self) -> BaseException | None:
        """What went wrong that nobody foresaw."""

    def result(self) -> Row:
        """What came of it."""


def _row(point: Point, done: Done) -> Row:
    error = done.exception()
    if error is None:
        return done.result()
    told = {"error": f"{type(error).__name__}: {error}"}
    return Row(point.at, point.wish.params, failed=Note("point_failed", "", told))


def swept(asked: Sequence[Point], rows: Iterable[Row], profile: str) -> Sweep:
    """What came of the points so far, in the order of the grid."""
    ordered = tuple(sorted(rows, key=lambda row: row.at))
    known = [(row.sample, row) for row in ordered if row.sample is not None]
    best, luck = None, None
    if known:
        chosen, best = max(known, key=lambda pair: pair[0].sharpe)
        luck = deflated(chosen, [each.sharpe for each, _ in known])
    first = asked[0].wish.first if asked else None
    return Sweep(profile, first, ordered, best, luck, len(asked) - len(ordered))
