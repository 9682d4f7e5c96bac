"""Faults on demand: what the next requests of a kind meet, and how their news is told."""

from dataclasses import dataclass
from enum import StrEnum

from adapters.sims.faults import Counted, Waiting
from adapters.sims.tws_codes import Code, Request

ANY = ""


class FaultKind(StrEnum):
    """What goes wrong.

    With a request: `drop`, the connection ends before anything is done; `drop_after`, it
    is done and the connection ends before any word of it; `drop_partial`, an order is
    taken, some of it fills and is told, then the connection ends; `ignore`, nothing is
    done or said; `unanswered`, it is done and nothing is said; `empty`, a list ends before
    it begins; `refuse`, a code is the answer; `delay`, it is done some seconds later;
    `garbage`, the answer is no message.

    With the news of an order: `lose_executions` and `lose_statuses` never arrive, with
    `lose_filled` the status that comes with an execution does not;
    `reverse` tells Filled before the execution; `repeat` tells every status twice;
    `late_commission` tells commissions after everything else.
    """

    DROP = "drop"
    DROP_AFTER = "drop_after"
    DROP_PARTIAL = "drop_partial"
    IGNORE = "ignore"
    UNANSWERED = "unanswered"
    EMPTY = "empty"
    REFUSE = "refuse"
    DELAY = "delay"
    GARBAGE = "garbage"
    LOSE_EXECUTIONS = "lose_executions"
    LOSE_STATUSES = "lose_statuses"
    LOSE_FILLED = "lose_filled"
    REVERSE = "reverse"
    REPEAT = "repeat"
    LATE_COMMISSION = "late_commission"


OF_NEWS = frozenset(
    {
        FaultKind.LOSE_EXECUTIONS,
        FaultKind.LOSE_STATUSES,
        FaultKind.LOSE_FILLED,
        FaultKind.REVERSE,
        FaultKind.REPEAT,
        FaultKind.LATE_COMMISSION,
    }
)


class Lost(StrEnum):
    """What becomes of orders placed while the gateway has no link to the broker.

    `queue`: taken in when it is back. `silent`: gone without a word. `refuse`: refused.
    """

    QUEUE = "queue"
    SILENT = "silent"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Fault(Counted):
    """What the next `times` requests of a kind meet, of one symbol or of any.

    Faults of news are met by orders placed. `code` and `text` are for refusals, `seconds`
    for delays, `shares` for what fills before a partial drop.
    """

    kind: FaultKind
    request: Request = Request.PLACE_ORDER
    symbol: str = ANY
    code: int = int(Code.VALIDATING)
    text: str = ""
    seconds: float = 0
    shares: int = 1

    def __post_init__(self) -> None:
        Counted.__post_init__(self)
        if self.shares < 1 or self.seconds < 0:
            raise ValueError("shares is at least 1, seconds at least 0")
        order_only = self.kind in OF_NEWS or self.kind is FaultKind.DROP_PARTIAL
        if order_only and self.request is not Request.PLACE_ORDER:
            raise ValueError(f"request is {self.request}: only place_order meets {self.kind}")


class Faults(Waiting[Fault]):
    """Those to come, the oldest first."""

    def meet(self, request: Request, symbol: str) -> Fault | None:
        """Use up one meeting of the first fault a request has before it."""
        return self.first(
            lambda fault: fault.kind not in OF_NEWS and _meets(fault, request, symbol)
        )

    def meet_news(self, symbol: str) -> frozenset[FaultKind]:
        """Use up one meeting of every fault the news of an order has before it."""
        met = self.every(
            lambda fault: fault.kind in OF_NEWS and _meets(fault, Request.PLACE_ORDER, symbol)
        )
        return frozenset(fault.kind for fault in met)


def _meets(fault: Fault, request: Request, symbol: str) -> bool:
    return fault.request is request and fault.symbol in {ANY, symbol}
