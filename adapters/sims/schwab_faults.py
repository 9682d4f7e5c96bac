"""Faults on demand: what the next calls of an operation meet on the wire."""

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from adapters.sims.faults import Counted, Waiting
from adapters.sims.schwab_answers import Form


class Operation(StrEnum):
    """What is asked for; `*` is any of them."""

    ANY = "*"
    AUTHORIZE = "authorize"
    ALLOW = "allow"
    TOKEN = "token"  # noqa: S105 - the name of an operation
    ACCOUNT_NUMBERS = "account_numbers"
    ACCOUNTS = "accounts"
    ACCOUNT = "account"
    ORDERS = "orders"
    ALL_ORDERS = "all_orders"
    ORDER = "order"
    PLACE = "place"
    REPLACE = "replace"
    CANCEL = "cancel"
    QUOTES = "quotes"
    QUOTE = "quote"
    HISTORY = "history"
    HOURS = "hours"
    UNKNOWN = "unknown"


LOGIN = frozenset({Operation.AUTHORIZE, Operation.ALLOW, Operation.TOKEN})
ORDERING = frozenset({Operation.PLACE, Operation.REPLACE, Operation.CANCEL})


class FaultKind(StrEnum):
    """What goes wrong.

    Not carried out: `refuse` (answered with a status), `reset` (the connection ends),
    `hang` (nothing for some seconds, then the connection ends). Carried out: `mask`
    (answered with a status as if it were not), `lose` (the connection ends without an
    answer), `delay` (answered some seconds later), `truncate` (half of the answer's body,
    announced as all of it), `cut_off` (half of what was announced, then the end). `late`:
    carried out some seconds later, whether or not anybody still waits for the answer.
    """

    REFUSE = "refuse"
    RESET = "reset"
    HANG = "hang"
    MASK = "mask"
    LOSE = "lose"
    DELAY = "delay"
    LATE = "late"
    TRUNCATE = "truncate"
    CUT_OFF = "cut_off"


class Ending(StrEnum):
    """How a connection ends: by TCP reset, or closed as at the end of a conversation."""

    RESET = "reset"
    CLOSE = "close"


class Outage(StrEnum):
    """How a whole outage looks.

    `refused`: no connection. `no_tunnel`: the proxy reaches nobody. `bad_gateway`: every
    request is answered with 502. `silent`: nothing is ever answered.
    """

    REFUSED = "refused"
    NO_TUNNEL = "no_tunnel"
    BAD_GATEWAY = "bad_gateway"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Fault(Counted):
    """What the next `times` calls of an operation meet, after `spared` calls that do not.

    `status`, `form` and `message` are of the answer of `refuse` and `mask`; the status
    may be 200 with a page. `seconds` are real ones, `ending` is how a connection ends.
    """

    kind: FaultKind
    operation: Operation = Operation.ANY
    status: int = HTTPStatus.BAD_GATEWAY
    form: Form = Form.HTML
    message: str = ""
    seconds: float = 0.0
    ending: Ending = Ending.RESET

    def __post_init__(self) -> None:
        Counted.__post_init__(self)
        if self.seconds < 0:
            raise ValueError(f"seconds is {self.seconds}: give 0 or more")
        HTTPStatus(self.status)


class Faults(Waiting[Fault]):
    """Those to come, the oldest first."""

    def meet(self, operation: Operation) -> Fault | None:
        """Use up one meeting of the first fault this operation has before it."""
        return self.first(lambda fault: fault.operation in {Operation.ANY, operation})
