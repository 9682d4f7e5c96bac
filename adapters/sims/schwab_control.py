"""The hand that moves the world and breaks the line: as calls, and as JSON over HTTP."""

import inspect
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from aiohttp import web

from adapters.sims.bars import Bar
from adapters.sims.schwab_accounts import Account
from adapters.sims.schwab_answers import Json, Refused
from adapters.sims.schwab_fates import Fate
from adapters.sims.schwab_faults import Fault, Operation, Outage
from adapters.sims.schwab_limits import Limits
from adapters.sims.schwab_line import Line
from adapters.sims.schwab_market import Hours, Quote, Session
from adapters.sims.schwab_orders import Order, Ticket, Who
from adapters.sims.schwab_tokens import LoginError
from adapters.sims.schwab_values import arguments, plain
from adapters.sims.schwab_world import Call, World

TIMED_OUT = 504
BAD_REQUEST = 400


class Control:
    """What a test or a person may do to a simulated broker.

    What account is not named is the main one. Wrong arguments raise ValueError, what
    does not exist raises LookupError.
    """

    def __init__(self, world: World, line: Line) -> None:
        self._world = world
        self._line = line

    def now(self) -> datetime:
        """Return the simulator's time."""
        return self._world.clock.now()

    def move(self, seconds: float) -> None:
        """Let time go on at once; what falls due happens."""
        self._world.clock.move(seconds)
        self._world.book.advance()

    def set_time(self, at: datetime, running: bool = True) -> None:  # noqa: FBT001, FBT002 - the same over HTTP, by name
        """Let it be `at`, and time run on or stand; logins age with it."""
        self._world.clock.set(at, running=running)
        self._world.book.advance()

    def quote(self, quote: Quote) -> None:
        """Let a symbol be quoted so; orders whose price is there fill."""
        self._world.market.put(quote)
        self._world.book.advance()

    def unquote(self, symbol: str) -> None:
        """Let a symbol be unknown."""
        self._world.market.drop(symbol)

    def bars(self, symbol: str, bars: list[Bar]) -> None:
        """Let these be a symbol's daily bars."""
        self._world.market.put_bars(symbol, bars)

    def show_today(self, shown: bool = True) -> None:  # noqa: FBT001, FBT002 - the same over HTTP, by name
        """Let histories contain today's unfinished bar, made from the quote, or not."""
        self._world.market.shows_today = shown

    def hours(self, hours: Hours) -> None:
        """Let a day be shorter than the others, or closed."""
        self._world.market.put_hours(hours)

    def session(self, session: Session) -> None:
        """Let the market take orders always, never, or by the hours of the day."""
        self._world.market.session = session
        self._world.book.advance()

    def end_session(self) -> None:
        """Let the market close: orders at the close trade, other orders of the day expire."""
        self._world.book.end_session()

    def account(self, number: str | None = None) -> Account:
        """Return an account as it is, whatever the broker shows."""
        return self._world.accounts.now(self._world.account(number))

    def set_account(self, account: Account) -> None:
        """Let an account be this: deposits, dividends, splits and transfers are all this."""
        self._world.accounts.put(account)

    def settle(self, account: str | None = None) -> None:
        """Let all trades of an account be settled."""
        settled = self.account(account).after_settlement()
        self._world.accounts.put(settled)

    def tell_balance(
        self, name: str, value: Decimal | None = None, account: str | None = None
    ) -> None:
        """Let a current balance be told as this, or, without a value, left out."""
        self._world.accounts.told[self._world.account(account)][name] = value

    def lag(self, orders: float = 0.0, accounts: float = 0.0) -> None:
        """Let orders be listed, and accounts be up to date, only so many seconds later."""
        self._world.list_lag = orders
        self._world.accounts.lag = accounts

    def destine(self, fate: Fate) -> None:
        """Let the next orders of a symbol have this fate; several queue up."""
        self._world.book.fates.add(fate)

    def by_hand(
        self, ticket: Ticket, account: str | None = None, fate: Fate | None = None
    ) -> Order:
        """Let the owner enter an order in the broker's own application."""
        number = self._world.account(account)
        return self._world.book.enter(ticket, number, Who.HAND, fate or Fate()).order

    def fill(self, order_id: int, shares: Decimal, price: Decimal | None = None) -> Order:
        """Let shares of an order trade, at the market's price if not given."""
        return self._world.book.fill(order_id, shares, price)

    def put_status(self, order_id: int, status: str, reason: str = "") -> Order:
        """Let an order have a status, of those documented or another."""
        return self._world.book.put(order_id, status, reason)

    def show_order(self, order: Json, account: str | None = None) -> None:
        """Let a list of orders begin with this, whatever it is, of the owner's other trades."""
        self._world.strange[self._world.account(account)].append(order)

    def orders(self, account: str | None = None) -> list[Order]:
        """Return every order ever booked as it stands, of one account if named."""
        return self._world.book.orders(account or "")

    def calls(self, operation: Operation = Operation.ANY, after: int = 0) -> list[Call]:
        """Return the requests after the one of that number, of one operation or all."""
        later = self._world.calls[after:]
        return [call for call in later if operation in {Operation.ANY, call.operation}]

    async def wait(self, orders: int = 1, seconds: float = 5.0) -> list[Order]:
        """Return all orders as soon as so many are booked. Raises TimeoutError."""
        return await self._world.book.wait(orders, seconds)

    def log_in(self, age: float = 0.0) -> Json:
        """Return a token file as the library keeps it, of a login `age` seconds ago."""
        return self._world.tokens.log_in(age)

    def allow(self, link: str) -> str:
        """Follow a login link as its owner would; return the address the browser ends at."""
        return self._world.tokens.allow_link(link)

    def expire_access(self) -> None:
        """Let every access token be refused from now on, before its time."""
        self._world.tokens.expire_access()

    def expire_login(self, error: LoginError = LoginError.UNSUPPORTED_TOKEN_TYPE) -> None:
        """Let every refresh token be expired; expired ones are answered with `error`."""
        self._world.tokens.expiry_error = error
        self._world.tokens.expire_login()

    def limit(self, limits: Limits | None = None) -> None:
        """Limit what may be asked from now on; no limits, none."""
        self._world.meter.limits = limits

    def fail(self, fault: Fault) -> None:
        """Let the next calls of an operation meet a fault; several queue up."""
        self._world.faults.add(fault)

    async def cut(self, outage: Outage = Outage.REFUSED) -> None:
        """Begin an outage; it lasts until restored."""
        await self._line.cut(outage)

    async def restore(self) -> None:
        """End the outage; forget faults and fates not met, lags, and told balances."""
        self._world.faults.clear()
        self._world.book.fates.clear()
        self.lag()
        for told in self._world.accounts.told.values():
            told.clear()
        await self._line.restore()

    def listen(self, listener: Callable[[Order], None]) -> None:
        """Call `listener` with an order whenever something became of it, in this process."""
        self._world.book.listen(listener)


VERBS = frozenset(name for name in vars(Control) if not name.startswith("_") and name != "listen")


def routes(control: Control) -> web.Application:
    """The verbs as `POST /control/VERB` with a JSON object of arguments; GET without any."""

    async def answer(request: web.Request) -> web.Response:
        verb = request.match_info["verb"]
        try:
            result = await _act(control, verb, await request.text() and await request.json())
        except (LookupError, ValueError) as wrong:
            return web.json_response({"error": str(wrong.args[0])}, status=BAD_REQUEST)
        except Refused as refused:
            return web.json_response({"error": refused.answer.body.decode()}, status=BAD_REQUEST)
        except TimeoutError:
            remark = "nobody did that in time"
            return web.json_response({"error": remark}, status=TIMED_OUT)
        return web.json_response({"result": plain(result)})

    app = web.Application()
    app.router.add_route("*", "/control/{verb}", answer)
    return app


async def _act(control: Control, verb: str, told: object) -> object:
    if verb not in VERBS:
        raise LookupError(f"there is no {verb}: give one of {', '.join(sorted(VERBS))}")
    if told and not isinstance(told, dict):
        raise ValueError("the body is no JSON object: give one with the arguments by name")
    act = getattr(control, verb)
    result = act(**arguments(act, told if isinstance(told, dict) else {}))
    return await result if inspect.isawaitable(result) else result
