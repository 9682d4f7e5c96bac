"""What is to become of orders: whether they fill, rest, are refused, or vanish from view."""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from adapters.sims.schwab_accounts import NOTHING
from adapters.sims.schwab_orders import FINAL

EVERY_SYMBOL = "*"


class FateKind(StrEnum):
    """What becomes of an order.

    `fill`: it fills whole as soon as its price is there. `rest`: it waits for `fill` by
    the control. `partial`: some shares fill, the others rest. `reject`: taken, and rejected
    afterwards. `refuse`: not taken, answered with 400. `stick`: it stays in a status.
    """

    FILL = "fill"
    REST = "rest"
    PARTIAL = "partial"
    REJECT = "reject"
    REFUSE = "refuse"
    STICK = "stick"


class Address(StrEnum):
    """What the answer's Location says: the order's own address, nothing, or another order's."""

    OWN = "own"
    MISSING = "missing"
    FOREIGN = "foreign"


class CancelKind(StrEnum):
    """What becomes of a cancel: done at once, pending, refused, or overtaken by a fill."""

    AT_ONCE = "at_once"
    PENDING = "pending"
    REFUSED = "refused"
    FILLED = "filled"


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of the next `times` orders in a symbol; `*` is every symbol.

    It comes `seconds` of the simulator's clock after the order was entered. `shares` are
    those of a partial fill, `reason` is of a rejection or refusal, `status` is the one it
    sticks in, or shows until its fate comes: one of those documented, or another.
    """

    kind: FateKind = FateKind.FILL
    symbol: str = EVERY_SYMBOL
    times: int = 1
    seconds: float = 0.0
    shares: Decimal = NOTHING
    reason: str = ""
    status: str = ""
    address: Address = Address.OWN
    cancel: CancelKind = CancelKind.AT_ONCE

    def __post_init__(self) -> None:
        if self.times < 1 or self.seconds < 0:
            raise ValueError(f"times is {self.times}, seconds {self.seconds}: give 1, 0 or more")
        if (self.kind is FateKind.PARTIAL) != (self.shares > 0):
            raise ValueError(f"shares is {self.shares}: a partial fill has some, nothing else does")
        if self.kind is FateKind.STICK and (not self.status or self.status in FINAL):
            raise ValueError(f"status is {self.status!r}: give one that is not final")


class Fates:
    """Those to come, the oldest first, and the ordinary one after them."""

    def __init__(self) -> None:
        self.ordinary = Fate()
        self._waiting: list[Fate] = []

    def add(self, fate: Fate) -> None:
        """Let the next orders of its symbol have it."""
        self._waiting.append(fate)

    def clear(self) -> None:
        """Let all orders to come be ordinary, and fill."""
        self._waiting.clear()
        self.ordinary = Fate()

    def next(self, symbol: str) -> Fate:
        """Use up one of the first fate for this symbol."""
        for place, fate in enumerate(self._waiting):
            if fate.symbol in {EVERY_SYMBOL, symbol}:
                if fate.times > 1:
                    self._waiting[place] = replace(fate, times=fate.times - 1)
                else:
                    del self._waiting[place]
                return fate
        return self.ordinary
