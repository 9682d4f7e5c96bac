"""Faults on demand: what the next calls meet."""

from dataclasses import dataclass
from enum import StrEnum

from adapters.sims.faults import Counted, Waiting

EVERY_CALL = "*"
PLAIN_429 = "Too Many Requests"


class FaultKind(StrEnum):
    """What goes wrong.

    `slow`: it takes some seconds. `hang`: no answer ever. `reset`: the connection is
    reset. `refuse`: the API says no, with a code. `answer`: something else is answered,
    word for word.
    """

    SLOW = "slow"
    HANG = "hang"
    RESET = "reset"
    REFUSE = "refuse"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Fault(Counted):
    """What the next `times` calls meet, after `spared` of them passed unharmed.

    A call is `POST /v1/trade/order` over HTTP, `quote/depth` or `trade/auth` on a
    socket; `*` is every one. With `after` it is carried out first: an order is booked,
    and its answer harmed. `seconds` is for slowness, `code` and `message` for a refusal,
    `body` for an answer, `status` for the HTTP status of both.
    """

    kind: FaultKind
    call: str = EVERY_CALL
    after: bool = False
    seconds: float = 0
    status: int = 500
    code: int = 500000
    message: str = "internal error"
    body: str = ""

    def __post_init__(self) -> None:
        Counted.__post_init__(self)
        if self.seconds < 0:
            raise ValueError("seconds is at least 0")


def plain_429(call: str, *, after: bool = False, times: int = 1) -> Fault:
    """A gateway's 429 that is no JSON: the library then asks again by itself."""
    return Fault(FaultKind.ANSWER, call, after=after, times=times, status=429, body=PLAIN_429)


class Faults(Waiting[Fault]):
    """Those to come, the oldest first."""

    def meet(self, call: str) -> Fault | None:
        """Use up one meeting of the first fault this call has before it."""
        return self.first(lambda fault: fault.call in {EVERY_CALL, call})
