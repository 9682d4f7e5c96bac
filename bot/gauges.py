"""What is measured of a daemon, in the terms of Prometheus: base units, one meaning a name."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, time

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from bot import __version__
from bot.commands import status_of
from bot.daemon import Seat
from bot.domain.errors import BrokerUnavailable, LedgerError
from bot.domain.memory import Switch
from bot.health import Health
from bot.proofs import Checkup
from bot.remembering import Ledger
from bot.report import Status

PREFIX = "bellwether_"


def exposition(health: Health, checkup: Checkup) -> str:
    """Everything that is measured, as Prometheus reads it."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_House(health, checkup))
    return generate_latest(registry).decode()


class _House(Collector):
    """The measures of one moment."""

    def __init__(self, health: Health, checkup: Checkup) -> None:
        self._health, self._checkup = health, checkup

    def collect(self) -> Iterator[Metric]:
        """Every measure with its values."""
        seats = self._health.seats
        yield _build(seats[0])
        yield from _proofs(self._checkup)
        yield from _host(self._health)
        yield from _brokers(self._health, self._checkup)
        # What can not be read is not measured; that it can not is one of the proofs.
        with suppress(LedgerError):
            yield from [*_runs(seats), *_counted(seats), *_told(seats[0].desk.ledger)]


def _build(seat: Seat) -> Metric:
    info = InfoMetricFamily(f"{PREFIX}build", "What runs here.")
    info.add_metric([], {"version": __version__, "mode": seat.mode.value})
    return info


def _proofs(checkup: Checkup) -> Iterator[Metric]:
    well = _gauge("healthy", "Whether everything a run needs is proven.")
    well.add_metric([], checkup.well)
    yield well
    parts = _gauge("proven", "Whether one part is proven.", "of", "part")
    for part in checkup.parts:
        parts.add_metric([part.book, part.part], part.ok)
    yield parts


def _host(health: Health) -> Iterator[Metric]:
    measured = health.measured
    disk = _gauge("disk_free_bytes", "Room on the disk of the state directory.")
    if measured.disk_free is not None:
        disk.add_metric([], measured.disk_free)
    yield disk
    clock = _gauge("clock_offset_seconds", "How far the clock is ahead of a witness.", "witness")
    for who, reading in measured.clock.readings.items() if measured.clock else ():
        clock.add_metric([who], reading.ahead)
    yield clock
    data = _gauge("data_timestamp_seconds", "The day of the newest close a book knows.", "book")
    for book, day in measured.newest.items():
        data.add_metric([book], datetime.combine(day, time(), UTC).timestamp())
    yield data


def _brokers(health: Health, checkup: Checkup) -> Iterator[Metric]:
    up = _gauge("broker_up", "Whether the login to a broker is proven.", "broker")
    for part in checkup.parts:
        if part.part == "line":
            up.add_metric([part.book], part.ok)
    yield up
    ends = _gauge("login_expiry_timestamp_seconds", "When a login or token ends.", "broker")
    for name, line in health.lines.items():
        try:
            at = line.ends()
        except BrokerUnavailable:
            continue  # there is none: `broker_up` says so
        if at is not None:
            ends.add_metric([name], at.timestamp())
    yield ends


def _runs(seats: Sequence[Seat]) -> Iterator[Metric]:
    last = _gauge("last_run_timestamp_seconds", "When the last run ended.", "book")
    took = _gauge("run_duration_seconds", "From the decision of the last run to its end.", "book")
    coming = _gauge("next_run_timestamp_seconds", "When a book wakes next.", "book")
    equity = _gauge("equity_usd", "Equity at the last decision.", "book")
    paused = _gauge("paused", "Whether a person stopped a book, wholly or in part.", "book")
    asked = _gauge("open_questions", "Orders asked for that nobody answered.", "book")
    for seat in seats:
        status, book = status_of(seat), [seat.book.name]
        if status.next_wake is not None:
            coming.add_metric(book, status.next_wake.timestamp())
        paused.add_metric(book, status.switch.switch is not Switch.ACTIVE)
        asked.add_metric(book, len(status.questions))
        if status.last is not None:
            last.add_metric(book, status.last.at.timestamp())
        for family, value in ((took, _duration(status)), (equity, _equity(status))):
            if value is not None:
                family.add_metric(book, value)
    yield from (last, took, coming, equity, paused, asked)


def _told(ledger: Ledger) -> Iterator[Metric]:
    outbox = _gauge("outbox_depth", "Messages nobody received yet.")
    outbox.add_metric([], len(ledger.undelivered()))
    yield outbox
    ping = _gauge("last_ping_timestamp_seconds", "When the watcher outside was told last.")
    if (pinged := ledger.last_ping()) is not None:
        ping.add_metric([], pinged.at.timestamp())
    yield ping


def _duration(status: Status) -> float | None:
    last = status.last
    decided = last.decided if last else None
    return (last.at - decided.at).total_seconds() if last and decided else None


def _equity(status: Status) -> float | None:
    decided = status.last.decided if status.last else None
    return float(decided.equity) if decided else None


def _counted(seats: Sequence[Seat]) -> Iterator[Metric]:
    """Counts over the whole life of the ledger: a restart begins none of them anew."""
    runs = CounterMetricFamily(
        f"{PREFIX}runs", "Ends of runs, by what came of them.", labels=["book", "result"]
    )
    orders = CounterMetricFamily(
        f"{PREFIX}orders", "Orders that are final.", labels=["book", "side", "status"]
    )
    for seat in seats:
        tally = seat.desk.ledger.tally(seat.book.name)
        for outcome, count in tally.runs.items():
            runs.add_metric([seat.book.name, outcome.value], count)
        for (side, status), count in tally.orders.items():
            orders.add_metric([seat.book.name, side.value, status.value], count)
    yield from (runs, orders)


def _gauge(name: str, about: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{PREFIX}{name}", about, labels=labels)
