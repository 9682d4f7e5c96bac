"""The hand that moves the market, trades by hand, breaks the line: as calls and over HTTP."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, get_type_hints

from aiohttp import web

from adapters.sims.longport_account import Holding, Statement
from adapters.sims.longport_faults import EVERY_CALL, Fault
from adapters.sims.longport_line import Line
from adapters.sims.longport_orders import Execution, Order, OrderStatus, Origin, Side, Ticket
from adapters.sims.longport_rates import Rates
from adapters.sims.longport_refusals import Refusal
from adapters.sims.longport_rules import EVERY_SYMBOL, Delays, Rule
from adapters.sims.longport_securities import Quote, Security
from adapters.sims.longport_sockets import Channel, SocketState
from adapters.sims.longport_stage import LARGEST_REQUEST, Stage
from adapters.sims.longport_values import Json, read_arguments, told
from adapters.sims.longport_world import Call, Setup


@dataclass(frozen=True, slots=True)
class Access:
    """All the library needs: addresses and keys."""

    http_url: str
    quote_ws_url: str
    trade_ws_url: str
    app_key: str
    app_secret: str
    access_token: str


class Control:
    """What a test or a person may do to a simulated broker.

    Wrong arguments raise ValueError, what does not exist raises LookupError, what the
    broker says no to raises Refusal.
    """

    def __init__(self, stage: Stage, line: Line) -> None:
        self._stage = stage
        self._line = line

    def begin(self, setup: Setup) -> None:
        """Begin anew with another world; every connection is cut."""
        self._stage.begin(setup)
        self._line.hang_up()

    def access(self) -> Access:
        """Where the library finds it, and with what keys; the newest token."""
        keys = self._stage.world.keys
        return Access(
            http_url=f"http://{self._line.address}",
            quote_ws_url=f"ws://{self._line.address}/{Channel.QUOTE}",
            trade_ws_url=f"ws://{self._line.address}/{Channel.TRADE}",
            app_key=keys.app_key,
            app_secret=keys.app_secret,
            access_token=keys.token,
        )

    def now(self) -> datetime:
        """What its clock says."""
        return self._stage.world.clock.now()

    def move_clock(self, seconds: float) -> datetime:
        """Move its clock."""
        self._stage.world.clock.move(seconds)
        return self.now()

    def quote(self, quote: Quote) -> Quote:
        """Change what the market says of a symbol; resting orders may trade."""
        return self._stage.world.market.put(quote)

    def list_security(self, security: Security) -> None:
        """Let there be a security, or change the one of that symbol."""
        self._stage.world.market.add(security)

    def rule(self, rule: Rule, symbol: str = EVERY_SYMBOL) -> None:
        """Say what becomes of orders in a symbol from now on."""
        self._stage.world.exchange.rules.put(symbol, rule)

    def delay(self, delays: Delays) -> None:
        """Say how late orders and trades show from now on."""
        self._stage.world.exchange.delays = delays

    def book(self, ticket: Ticket) -> Order:
        """Place an order by a hand elsewhere."""
        return self._stage.world.exchange.book(ticket, Origin.ELSEWHERE)

    def fill(
        self, order_id: str, quantity: Decimal | None = None, price: Decimal | None = None
    ) -> Order:
        """Trade a waiting order, whole and at the quote unless told otherwise."""
        return self._stage.world.exchange.fill(order_id, quantity, price)

    def end(
        self, order_id: str, status: OrderStatus = OrderStatus.CANCELED, message: str = ""
    ) -> Order:
        """Let a waiting order be cancelled, rejected or expired."""
        return self._stage.world.exchange.end(order_id, status, message)

    def show(self, order_id: str, status: OrderStatus) -> Order:
        """Let a waiting order have another status that is not final."""
        return self._stage.world.exchange.show(order_id, status)

    def close_day(self) -> tuple[Order, ...]:
        """Let the day's waiting orders expire."""
        return tuple(self._stage.world.exchange.close_day())

    def trade(self, symbol: str, side: Side, quantity: Decimal, price: Decimal) -> Execution:
        """Trade by hand, in no list of the account."""
        return self._stage.world.exchange.trade(symbol, side, quantity, price)

    def deposit(self, currency: str, amount: Decimal) -> None:
        """Bring money to the account, or take it."""
        if currency not in self._stage.world.setup.worth:
            raise LookupError(f"currency is {currency}: the world has no worth of it")
        self._stage.world.account.deposit(currency, amount)

    def hold(self, holding: Holding) -> None:
        """Let the account have opened with a holding."""
        self._stage.world.market.security(holding.symbol)
        self._stage.world.account.hold(holding)

    def fail(self, fault: Fault) -> None:
        """Let the next calls meet a fault; several queue up."""
        self._stage.world.faults.add(fault)

    def limit(self, rates: Rates | None = None) -> None:
        """Limit how often may be asked from now on; no rates, no limits."""
        self._stage.world.meter.rates = rates

    def refuse_repeats(self, yes: bool = True) -> None:  # noqa: FBT001, FBT002 - so over HTTP
        """Refuse a request whose signature came before, or take it."""
        self._stage.world.keys.refuses_repeats = yes

    def issue_token(self) -> str:
        """Let the owner make a new access token; it is the newest from now on."""
        return self._stage.world.keys.issue()

    def expire_token(self) -> None:
        """Let the access token have ended."""
        self._stage.world.keys.expire()

    def revoke_token(self) -> None:
        """Let the access token be known no more."""
        self._stage.world.keys.revoke()

    def forget_sessions(self) -> None:
        """Let no socket come back with the session it had."""
        self._stage.world.keys.forget_sessions()

    def hang_up(self, channel: Channel | None = None) -> None:
        """Cut the sockets of a channel, or all; they may come back at once."""
        self._stage.sockets.hang_up(channel)

    async def cut(self) -> None:
        """Refuse connections and cut those there are, until restored."""
        await self._line.cut()

    async def restore(self) -> None:
        """Take connections again and forget faults not met yet."""
        self._stage.world.faults.clear()
        await self._line.join()

    def orders(self) -> tuple[Order, ...]:
        """Every order ever booked, the oldest first: the broker's own record."""
        return tuple(self._stage.world.exchange.orders)

    def executions(self) -> tuple[Execution, ...]:
        """Every trade, the oldest first."""
        return tuple(self._stage.world.exchange.executions)

    def statement(self) -> Statement:
        """The account as it shows by now."""
        return self._stage.world.exchange.statement()

    def calls(self, call: str = EVERY_CALL) -> tuple[Call, ...]:
        """Every request of the app's over HTTP, the oldest first, or those of one call."""
        return tuple(c for c in self._stage.world.calls if call in (EVERY_CALL, c.call))

    def sockets(self) -> tuple[SocketState, ...]:
        """Every open socket."""
        return tuple(self._stage.sockets.states())


VERBS = tuple(name for name in vars(Control) if not name.startswith("_"))


def routes(control: Control) -> web.Application:
    """The verbs as `POST /control/VERB` with a JSON object of arguments; GET without any."""

    async def answer(request: web.Request) -> web.Response:
        verb = request.match_info["verb"]
        try:
            result = await _act(_verb(control, verb), await _body(request))
        except (LookupError, ValueError, Refusal) as wrong:
            return web.json_response({"error": str(wrong.args[0])}, status=400)
        return web.json_response({"result": told(result)})

    app = web.Application(client_max_size=LARGEST_REQUEST)
    app.router.add_route("*", "/control/{verb}", answer)
    return app


def _verb(control: Control, verb: str) -> Callable[..., Any]:
    if verb not in VERBS:
        raise LookupError(f"there is no {verb}: give one of {', '.join(VERBS)}")
    act: Callable[..., Any] = getattr(control, verb)
    return act


async def _body(request: web.Request) -> Json:
    body = await request.json() if request.body_exists else {}
    if not isinstance(body, dict):
        raise ValueError("the body is no JSON object: give one")  # noqa: TRY004 - told in one way
    return body


async def _act(act: Callable[..., Any], body: Json) -> Any:
    hints = get_type_hints(act)
    hints.pop("return", None)
    arguments = read_arguments(getattr(act, "__name__", ""), hints, body)
    try:
        result = act(**arguments)
    except TypeError as wrong:
        raise ValueError(str(wrong)) from None
    return await result if inspect.isawaitable(result) else result
