"""What becomes of an order, by symbol: filled at once, partly, later, never, or said no to."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from adapters.sims.longport_orders import OrderStatus
from adapters.sims.longport_refusals import BAD_PARAMETER

EVERY_SYMBOL = "*"


class Fills(StrEnum):
    """How an order is filled.

    `at_once`: as far as its limit allows at the quote, else when the quote comes to it.
    `partly`: some of it at once, the rest rests. `later`: after some seconds. `never`:
    it rests. `rejected`: it is booked and then rejected. `refused`: it is not booked.
    """

    AT_ONCE = "at_once"
    PARTLY = "partly"
    LATER = "later"
    NEVER = "never"
    REJECTED = "rejected"
    REFUSED = "refused"


class Cancels(StrEnum):
    """How a cancel ends: at once, pending until told, or refused."""

    AT_ONCE = "at_once"
    PENDING = "pending"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Rule:
    """What becomes of the orders in a symbol from now on.

    `shares` is how much of a partly filled order trades at once, `seconds` how long a
    later fill takes. `resting` is the status of an order that waits. `message` is what
    a rejected or refused order is told, `code` the refusal's.
    """

    fills: Fills = Fills.AT_ONCE
    shares: Decimal = Decimal(1)
    seconds: float = 0
    resting: OrderStatus = OrderStatus.NEW
    message: str = "Rejected by the exchange"
    code: int = BAD_PARAMETER
    cancels: Cancels = Cancels.AT_ONCE

    def __post_init__(self) -> None:
        if self.shares <= 0 or self.seconds < 0:
            raise ValueError("shares are above 0, seconds at least 0")
        if self.resting.final:
            raise ValueError(f"resting is {self.resting}: give a status that is not final")


@dataclass(frozen=True, slots=True)
class Delays:
    """How many seconds of the clock what is true needs to show.

    `listing`: a booked order in the lists and in its detail. `account`: a trade in
    balances and positions.
    """

    listing: float = 0
    account: float = 0


class Rules:
    """The rule of each symbol, else the one of every symbol."""

    def __init__(self) -> None:
        self._rules: dict[str, Rule] = {EVERY_SYMBOL: Rule()}

    def put(self, symbol: str, rule: Rule) -> None:
        """Let a rule hold from now on."""
        self._rules[symbol] = rule

    def of(self, symbol: str) -> Rule:
        """The rule that holds for a symbol."""
        return self._rules.get(symbol, self._rules[EVERY_SYMBOL])
