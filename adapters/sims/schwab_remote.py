"""A broker in another process: started, moved and broken from here, without asyncio."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from adapters.sims.bars import Bar
from adapters.sims.remote import PATIENCE, Process, Remote, running
from adapters.sims.schwab_accounts import Account
from adapters.sims.schwab_answers import Json
from adapters.sims.schwab_control import Control
from adapters.sims.schwab_fates import Fate
from adapters.sims.schwab_faults import Fault, Operation, Outage
from adapters.sims.schwab_limits import Limits
from adapters.sims.schwab_market import Hours, Quote, Session
from adapters.sims.schwab_orders import Order, Ticket
from adapters.sims.schwab_tokens import App, LoginError
from adapters.sims.schwab_values import fitted, plain
from adapters.sims.schwab_world import Call

NO_ARGUMENTS: Json = {}
Result = TypeVar("Result")


class RemoteControl(Remote):
    """The verbs of a Control, each a call to its address; blocks until it is answered.

    Where the simulator runs in the caller's own event loop, use its `control` instead.
    Raises ValueError for what the Control refuses, TimeoutError where it does.
    """

    def now(self) -> datetime:
        """Return the simulator's time."""
        return self._ask(Control.now)

    def move(self, seconds: float) -> None:
        """Let time go on at once; what falls due happens."""
        self._ask(Control.move, {"seconds": seconds})

    def set_time(self, at: datetime, *, running: bool = True) -> None:
        """Let it be `at`, and time run on or stand; logins age with it."""
        self._ask(Control.set_time, {"at": at, "running": running})

    def quote(self, quote: Quote) -> None:
        """Let a symbol be quoted so; orders whose price is there fill."""
        self._ask(Control.quote, {"quote": quote})

    def unquote(self, symbol: str) -> None:
        """Let a symbol be unknown."""
        self._ask(Control.unquote, {"symbol": symbol})

    def bars(self, symbol: str, bars: list[Bar]) -> None:
        """Let these be a symbol's daily bars."""
        self._ask(Control.bars, {"symbol": symbol, "bars": bars})

    def show_today(self, *, shown: bool = True) -> None:
        """Let histories contain today's unfinished bar, made from the quote, or not."""
        self._ask(Control.show_today, {"shown": shown})

    def hours(self, hours: Hours) -> None:
        """Let a day be shorter than the others, or closed."""
        self._ask(Control.hours, {"hours": hours})

    def session(self, session: Session) -> None:
        """Let the market take orders always, never, or by the hours of the day."""
        self._ask(Control.session, {"session": session})

    def end_session(self) -> None:
        """Let the market close: orders at the close trade, other orders of the day expire."""
        self._ask(Control.end_session)

    def account(self, number: str | None = None) -> Account:
        """Return an account as it is, whatever the broker shows."""
        return self._ask(Control.account, {"number": number})

    def set_account(self, account: Account) -> None:
        """Let an account be this: deposits, dividends, splits and transfers are all this."""
        self._ask(Control.set_account, {"account": account})

    def settle(self, account: str | None = None) -> None:
        """Let all trades of an account be settled."""
        self._ask(Control.settle, {"account": account})

    def tell_balance(
        self, name: str, value: Decimal | None = None, account: str | None = None
    ) -> None:
        """Let a current balance be told as this, or, without a value, left out."""
        self._ask(Control.tell_balance, {"name": name, "value": value, "account": account})

    def lag(self, orders: float = 0.0, accounts: float = 0.0) -> None:
        """Let orders be listed, and accounts be up to date, only so many seconds later."""
        self._ask(Control.lag, {"orders": orders, "accounts": accounts})

    def destine(self, fate: Fate) -> None:
        """Let the next orders of a symbol have this fate; several queue up."""
        self._ask(Control.destine, {"fate": fate})

    def by_hand(
        self, ticket: Ticket, account: str | None = None, fate: Fate | None = None
    ) -> Order:
        """Let the owner enter an order in the broker's own application."""
        return self._ask(Control.by_hand, {"ticket": ticket, "account": account, "fate": fate})

    def fill(self, order_id: int, shares: Decimal, price: Decimal | None = None) -> Order:
        """Let shares of an order trade, at the market's price if not given."""
        return self._ask(Control.fill, {"order_id": order_id, "shares": shares, "price": price})

    def put_status(self, order_id: int, status: str, reason: str = "") -> Order:
        """Let an order have a status, of those documented or another."""
        return self._ask(
            Control.put_status, {"order_id": order_id, "status": status, "reason": reason}
        )

    def show_order(self, order: Json, account: str | None = None) -> None:
        """Let a list of orders begin with this, whatever it is, of the owner's other trades."""
        self._ask(Control.show_order, {"order": order, "account": account})

    def orders(self, account: str | None = None) -> list[Order]:
        """Return every order ever booked as it stands, of one account if named."""
        return self._ask(Control.orders, {"account": account})

    def calls(self, operation: Operation = Operation.ANY, after: int = 0) -> list[Call]:
        """Return the requests after the one of that number, of one operation or all."""
        return self._ask(Control.calls, {"operation": operation, "after": after})

    def wait(self, orders: int = 1, seconds: float = PATIENCE) -> list[Order]:
        """Return all orders as soon as so many are booked. Raises TimeoutError."""
        told = {"orders": orders, "seconds": seconds}
        return [fitted("orders", Order, o) for o in self._call("wait", told, seconds)]

    def log_in(self, age: float = 0.0) -> Json:
        """Return a token file as the library keeps it, of a login `age` seconds ago."""
        return self._ask(Control.log_in, {"age": age})

    def allow(self, link: str) -> str:
        """Follow a login link as its owner would; return the address the browser ends at."""
        return self._ask(Control.allow, {"link": link})

    def expire_access(self) -> None:
        """Let every access token be refused from now on, before its time."""
        self._ask(Control.expire_access)

    def expire_login(self, error: LoginError = LoginError.UNSUPPORTED_TOKEN_TYPE) -> None:
        """Let every refresh token be expired; expired ones are answered with `error`."""
        self._ask(Control.expire_login, {"error": error})

    def limit(self, limits: Limits | None = None) -> None:
        """Limit what may be asked from now on; no limits, none."""
        self._ask(Control.limit, {"limits": limits})

    def fail(self, fault: Fault) -> None:
        """Let the next calls of an operation meet a fault; several queue up."""
        self._ask(Control.fail, {"fault": fault})

    def cut(self, outage: Outage = Outage.REFUSED) -> None:
        """Begin an outage; it lasts until restored."""
        self._call("cut", {"outage": outage})

    def restore(self) -> None:
        """End the outage; forget faults and fates not met, lags, and told balances."""
        self._call("restore", NO_ARGUMENTS)

    def _ask(self, verb: Callable[..., Result], told: Json = NO_ARGUMENTS) -> Result:
        result = self._call(verb.__name__, told)
        read: Result = fitted(verb.__name__, get_type_hints(verb)["return"], result)
        return read

    def _call(self, verb: str, told: Json, longer: float = 0.0) -> Any:
        return self.post(verb, plain(told), longer)


@dataclass(frozen=True, slots=True)
class Started:
    """A broker in its own process: how a client is sent there, and the hand that moves it."""

    proxy_url: str
    ca_file: Path
    app: App
    account: str
    account_hash: str
    control: RemoteControl
    process: Process

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which the unmodified library is sent to it."""
        return environment(self.proxy_url, self.ca_file)


def environment(proxy_url: str, ca_file: Path) -> dict[str, str]:
    """Return the variables by which the unmodified library is sent to a simulator."""
    return {"HTTPS_PROXY": proxy_url, "SSL_CERT_FILE": str(ca_file), "NO_PROXY": ""}


@contextmanager
def started(ca_file: Path, *options: str, patience: float = PATIENCE) -> Iterator[Started]:
    """Run a broker in its own process, with options of its command line, until the block ends.

    Its authority's certificate is then in `ca_file`. It ends by itself when this process
    dies. Raises ChildProcessError if it does not begin.
    """
    certificate = ["--ca-file", str(ca_file.resolve())]
    with running("schwab", [*options, *certificate], patience) as (told, process):
        yield Started(
            told["proxy_url"],
            Path(told["ca_file"]),
            App(told["key"], told["secret"], told["callback"]),
            told["account"],
            told["account_hash"],
            RemoteControl(told["control_url"], patience),
            process,
        )
