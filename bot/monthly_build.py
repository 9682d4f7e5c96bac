"""A month's snapshot, built by the daemon from its own price store once the month has ended."""

import asyncio
from dataclasses import dataclass, replace
from datetime import date, timedelta

from bot.daemon import Seat, tell_trouble
from bot.domain.calendar import Calendar, exchange_date
from bot.domain.errors import BellwetherError, DataError
from bot.ports import Clock
from bot.snapshots import month_end
from bot.snapshots_publication import released
from bot.snapshots_release import Recipe, build_and_publish

LOOK_EVERY_SECONDS = 300.0
# Prices of a month's last session come when they come; missing the next morning is trouble.
PATIENCE = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds one recipe's snapshot of every month that ends, once."""

    recipe: Recipe
    calendar: Calendar
    clock: Clock

    def due(self) -> date | None:
        """The month end whose snapshot there should be and is not, None where nothing is due."""
        now = self.clock.now()
        last = _month_ended(self.calendar, exchange_date(now))
        session = self.calendar.on(last)
        if session is None or now < session.closes or released(self.recipe.out, last):
            return None
        return last

    def overdue(self, day: date) -> bool:
        """Whether prices of a month end should have come by now."""
        session = self.calendar.on(day)
        return session is not None and self.clock.now() >= session.closes + PATIENCE

    async def build(self, day: date) -> None:
        """Build and publish a month end's snapshot, beside the loop. Raises as the release does."""
        if not self.recipe.prices.exists():
            raise DataError("store_empty", path=self.recipe.prices)
        recipe = replace(self.recipe, day=day)
        await asyncio.to_thread(build_and_publish, recipe, self.calendar, self.clock.now())


async def keep_built(builder: Builder, seat: Seat) -> None:
    """Build what is due until cancelled; that it was published is told by who watches its files."""
    while True:
        await build_due(builder, seat)
        await builder.clock.sleep(LOOK_EVERY_SECONDS)


async def build_due(builder: Builder, seat: Seat) -> None:
    """Build the snapshot that is due, if one is; tell a cause that is in its way once."""
    day = builder.due()
    if day is None:
        return
    try:
        await builder.build(day)
    except BellwetherError as error:
        if not _may_come(error) or builder.overdue(day):
            tell_trouble(seat, day, error, during="build/")
    except OSError as error:
        values = {"path": error.filename or builder.recipe.out, "reason": error.strerror or "–"}
        tell_trouble(seat, day, BellwetherError("file_trouble", **values), during="build/")


def _may_come(error: BellwetherError) -> bool:
    """Whether what is missing is prices that `data update` brings."""
    return isinstance(error, DataError) and error.code in {"snapshot_prices_stale", "store_empty"}


def _month_ended(calendar: Calendar, today: date) -> date:
    """The newest month end that is today or was before."""
    this_month = month_end(today, calendar)
    if this_month <= today:
        return this_month
    return calendar.before(today.replace(day=1)).date
