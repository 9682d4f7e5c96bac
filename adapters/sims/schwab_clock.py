"""The simulator's clock: the system's until somebody moves it."""

from datetime import UTC, datetime, timedelta


class Clock:
    """Tells the time, aware, in UTC; it can be moved, set and stopped."""

    def __init__(self, at: datetime | None = None, *, running: bool = True) -> None:
        self._shift = timedelta()
        self._stopped: datetime | None = None
        if at is not None or not running:
            self.set(at or datetime.now(UTC), running=running)

    def now(self) -> datetime:
        """Return the time."""
        return self._stopped or datetime.now(UTC) + self._shift

    def move(self, seconds: float) -> None:
        """Go on by `seconds` at once, running or stopped; never back."""
        if seconds < 0:
            raise ValueError(
                f"seconds is {seconds}: give 0 or more, what was booked is in the past"
            )
        step = timedelta(seconds=seconds)
        self._shift += step
        if self._stopped:
            self._stopped += step

    def set(self, at: datetime, *, running: bool = True) -> None:
        """Let it be `at`, and from then on run or stand."""
        if at.tzinfo is None:
            raise ValueError(f"at is {at.isoformat()}: give a time with its zone")
        self._shift = at.astimezone(UTC) - datetime.now(UTC)
        self._stopped = None if running else at.astimezone(UTC)


def stamped(moment: datetime) -> str:
    """Return a time as orders carry it: whole seconds and a numeric zone."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


def milliseconds(moment: datetime) -> int:
    """Return a time as market data carries it: milliseconds since 1970 in UTC."""
    return round(moment.timestamp() * 1000)
