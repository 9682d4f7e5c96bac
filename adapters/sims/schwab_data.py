"""The market data side: quotes, daily history and hours, as JSON."""

from datetime import date
from http import HTTPStatus

from adapters.sims.schwab_answers import Answer, Form, Refused, error, told
from adapters.sims.schwab_clock import milliseconds
from adapters.sims.schwab_faults import Operation
from adapters.sims.schwab_market import NEW_YORK
from adapters.sims.schwab_requests import Request
from adapters.sims.schwab_world import World

DAILY = ("daily", "1")


class MarketData:
    """Answers what is asked of prices. Refuses with Refused."""

    def __init__(self, world: World) -> None:
        self._world = world

    def answer(self, request: Request) -> Answer:
        """Return the answer to one request."""
        match request.operation:
            case Operation.QUOTES:
                return self._quotes(request)
            case Operation.QUOTE:
                return self._quote(request)
            case Operation.HISTORY:
                return self._history(request)
        return self._hours(request)

    def _quotes(self, request: Request) -> Answer:
        symbols = request.names("symbols")
        if not symbols:
            raise _wrong("Search must have at least one symbol.")
        return told(self._world.market.quotes_json(symbols, request.names("fields")))

    def _quote(self, request: Request) -> Answer:
        symbol = request.path["symbol"]
        if self._world.market.quote(symbol) is None:
            status = HTTPStatus.NOT_FOUND
            raise Refused(error(status, f"{symbol} not found", Form.MARKET_DATA))
        return told(self._world.market.quotes_json([symbol], request.names("fields")))

    def _history(self, request: Request) -> Answer:
        asked = (request.query.get("frequencyType"), request.query.get("frequency", "1"))
        if asked != DAILY:
            raise _wrong(f"The simulator knows daily bars only, not {asked[1]} {asked[0]}.")
        symbol = request.query.get("symbol", "")
        since = request.number("startDate", 0)
        until = request.number("endDate", milliseconds(self._world.clock.now()))
        extended = request.query.get("needExtendedHoursData", "true") != "false"
        candles = self._world.market.candles(symbol, since, until, extended=extended)
        return told({"candles": candles, "symbol": symbol, "empty": not candles})

    def _hours(self, request: Request) -> Answer:
        if request.names("markets") != ["equity"]:
            raise _wrong("The simulator knows the hours of the market equity only.")
        today = self._world.clock.now().astimezone(NEW_YORK).date()
        text = request.query.get("date", today.isoformat())
        try:
            return told(self._world.market.hours_json(date.fromisoformat(text)))
        except ValueError:
            raise _wrong(f"date is {text!r}: give it as YYYY-MM-DD.") from None


def _wrong(message: str) -> Refused:
    return Refused(error(HTTPStatus.BAD_REQUEST, message, Form.MARKET_DATA))
