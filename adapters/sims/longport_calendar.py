"""When the markets are open: weekdays but holidays, half days, hours."""

from dataclasses import dataclass, field
from datetime import date, timedelta

from adapters.sims.longport_refusals import bad_quote_request
from adapters.sims.longport_securities import TradeSession

SATURDAY = 5
LONGEST_SPAN = timedelta(days=31)
OLDEST = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Hours:
    """A part of a market's day as HHMM."""

    begins: int
    ends: int
    session: TradeSession = TradeSession.REGULAR


HOURS = {
    "US": (
        Hours(400, 930, TradeSession.PRE_MARKET),
        Hours(930, 1600),
        Hours(1600, 2000, TradeSession.POST_MARKET),
    ),
    "HK": (Hours(930, 1200), Hours(1300, 1600)),
    "CN": (Hours(930, 1130), Hours(1300, 1457)),
    "SG": (Hours(900, 1200), Hours(1300, 1700)),
}


@dataclass(frozen=True, slots=True)
class Calendar:
    """Days on which a market is closed, or open for half the time, by market."""

    closed: dict[str, tuple[date, ...]] = field(default_factory=dict)
    half: dict[str, tuple[date, ...]] = field(default_factory=dict)

    def days(self, market: str, first: date, last: date, today: date) -> tuple[list[date], ...]:
        """Whole days and half days between two dates. Raises Refusal."""
        if market not in HOURS:
            raise bad_quote_request(f"market is {market}")
        if last < first or last - first > LONGEST_SPAN:
            raise bad_quote_request("the interval is at most one month")
        if first < today - OLDEST:
            raise bad_quote_request("only the most recent year")
        half = self.half.get(market, ())
        span = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        open_days = [day for day in span if self._is_open(market, day)]
        return [d for d in open_days if d not in half], [d for d in open_days if d in half]

    def _is_open(self, market: str, day: date) -> bool:
        return day.weekday() < SATURDAY and day not in self.closed.get(market, ())
