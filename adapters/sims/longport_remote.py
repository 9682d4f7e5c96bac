"""A broker in another process: started, moved and broken from here, without asyncio."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from adapters.sims.longport_account import Holding, Statement
from adapters.sims.longport_control import Access
from adapters.sims.longport_faults import EVERY_CALL, Fault
from adapters.sims.longport_orders import Execution, Order, OrderStatus, Side, Ticket
from adapters.sims.longport_rates import Rates
from adapters.sims.longport_rules import EVERY_SYMBOL, Delays, Rule
from adapters.sims.longport_securities import Quote, Security
from adapters.sims.longport_sockets import Channel, SocketState
from adapters.sims.longport_values import Json, read, told
from adapters.sims.longport_world import Call, Setup
from adapters.sims.remote import PATIENCE, Process, Remote, running

NO_ARGUMENTS: Json = {}

T = TypeVar("T")


class RemoteControl(Remote):
    """The verbs of a Control, each a call to its address; blocks until it is answered.

    Where the simulator runs in the caller's own event loop, use its `control` instead.
    Raises ValueError for what the Control refuses.
    """

    def begin(self, setup: Setup) -> None:
        """Begin anew with another world; every connection is cut."""
        self._call("begin", {"setup": setup})

    def access(self) -> Access:
        """Where the library finds it, and with what keys; the newest token."""
        return self._ask("access", Access)

    def now(self) -> datetime:
        """What its clock says."""
        return self._ask("now", datetime)

    def move_clock(self, seconds: float) -> datetime:
        """Move its clock."""
        return self._ask("move_clock", datetime, {"seconds": seconds})

    def quote(self, quote: Quote) -> Quote:
        """Change what the market says of a symbol; resting orders may trade."""
        return self._ask("quote", Quote, {"quote": quote})

    def list_security(self, security: Security) -> None:
        """Let there be a security, or change the one of that symbol."""
        self._call("list_security", {"security": security})

    def rule(self, rule: Rule, symbol: str = EVERY_SYMBOL) -> None:
        """Say what becomes of orders in a symbol from now on."""
        self._call("rule", {"rule": rule, "symbol": symbol})

    def delay(self, delays: Delays) -> None:
        """Say how late orders and trades show from now on."""
        self._call("delay", {"delays": delays})

    def book(self, ticket: Ticket) -> Order:
        """Place an order by a hand elsewhere."""
        return self._ask("book", Order, {"ticket": ticket})

    def fill(
        self, order_id: str, quantity: Decimal | None = None, price: Decimal | None = None
    ) -> Order:
        """Trade a waiting order, whole and at the quote unless told otherwise."""
        return self._ask(
            "fill", Order, {"order_id": order_id, "quantity": quantity, "price": price}
        )

    def end(
        self, order_id: str, status: OrderStatus = OrderStatus.CANCELED, message: str = ""
    ) -> Order:
        """Let a waiting order be cancelled, rejected or expired."""
        return self._ask("end", Order, {"order_id": order_id, "status": status, "message": message})

    def show(self, order_id: str, status: OrderStatus) -> Order:
        """Let a waiting order have another status that is not final."""
        return self._ask("show", Order, {"order_id": order_id, "status": status})

    def close_day(self) -> tuple[Order, ...]:
        """Let the day's waiting orders expire."""
        return self._ask("close_day", tuple[Order, ...])

    def trade(self, symbol: str, side: Side, quantity: Decimal, price: Decimal) -> Execution:
        """Trade by hand, in no list of the account."""
        said = {"symbol": symbol, "side": side, "quantity": quantity, "price": price}
        return self._ask("trade", Execution, said)

    def deposit(self, currency: str, amount: Decimal) -> None:
        """Bring money to the account, or take it."""
        self._call("deposit", {"currency": currency, "amount": amount})

    def hold(self, holding: Holding) -> None:
        """Let the account have opened with a holding."""
        self._call("hold", {"holding": holding})

    def fail(self, fault: Fault) -> None:
        """Let the next calls meet a fault; several queue up."""
        self._call("fail", {"fault": fault})

    def limit(self, rates: Rates | None = None) -> None:
        """Limit how often may be asked from now on; no rates, no limits."""
        self._call("limit", {"rates": rates})

    def refuse_repeats(self, *, yes: bool = True) -> None:
        """Refuse a request whose signature came before, or take it."""
        self._call("refuse_repeats", {"yes": yes})

    def issue_token(self) -> str:
        """Let the owner make a new access token; it is the newest from now on."""
        return self._ask("issue_token", str)

    def expire_token(self) -> None:
        """Let the access token have ended."""
        self._call("expire_token")

    def revoke_token(self) -> None:
        """Let the access token be known no more."""
        self._call("revoke_token")

    def forget_sessions(self) -> None:
        """Let no socket come back with the session it had."""
        self._call("forget_sessions")

    def hang_up(self, channel: Channel | None = None) -> None:
        """Cut the sockets of a channel, or all; they may come back at once."""
        self._call("hang_up", {"channel": channel})

    def cut(self) -> None:
        """Refuse connections and cut those there are, until restored."""
        self._call("cut")

    def restore(self) -> None:
        """Take connections again and forget faults not met yet."""
        self._call("restore")

    def orders(self) -> tuple[Order, ...]:
        """Every order ever booked, the oldest first: the broker's own record."""
        return self._ask("orders", tuple[Order, ...])

    def executions(self) -> tuple[Execution, ...]:
        """Every trade, the oldest first."""
        return self._ask("executions", tuple[Execution, ...])

    def statement(self) -> Statement:
        """The account as it shows by now."""
        return self._ask("statement", Statement)

    def calls(self, call: str = EVERY_CALL) -> tuple[Call, ...]:
        """Every request of the app's over HTTP, the oldest first, or those of one call."""
        return self._ask("calls", tuple[Call, ...], {"call": call})

    def sockets(self) -> tuple[SocketState, ...]:
        """Every open socket."""
        return self._ask("sockets", tuple[SocketState, ...])

    def _ask(self, verb: str, kind: type[T], arguments: Json = NO_ARGUMENTS) -> T:
        result: T = read(verb, kind, self._call(verb, arguments))
        return result

    def _call(self, verb: str, arguments: Json = NO_ARGUMENTS) -> Any:
        return self.post(verb, told(arguments))


@dataclass(frozen=True, slots=True)
class Started:
    """A broker in its own process: what the library needs, and the hand that plays it.

    After another world began, `control.access()` has its keys.
    """

    access: Access
    control: RemoteControl
    process: Process


@contextmanager
def started(setup: Setup | None = None, patience: float = PATIENCE) -> Iterator[Started]:
    """Run a broker in its own process until the block ends.

    It ends by itself when this process dies. Raises ChildProcessError if it does not begin.
    """
    with running("longport", patience=patience) as (said, process):
        control = RemoteControl(said["control_url"], patience)
        if setup:
            control.begin(setup)
        yield Started(control.access(), control, process)
