"""A clock that can be moved: what it says decides about tokens, sessions and today."""

from datetime import UTC, datetime, timedelta


class Clock:
    """Runs with the system's clock, from where it was put."""

    def __init__(self, start: datetime | None = None) -> None:
        self._ahead = (start - datetime.now(UTC)) if start else timedelta()

    def now(self) -> datetime:
        """This moment, in UTC."""
        return datetime.now(UTC) + self._ahead

    def move(self, seconds: float) -> None:
        """Go forward, or back."""
        self._ahead += timedelta(seconds=seconds)
