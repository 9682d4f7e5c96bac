"""Faults on demand: what the next calls of a method meet."""

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from adapters.sims.faults import Counted, Waiting

EVERY_METHOD = "*"
STATUSES = frozenset(status for status in HTTPStatus if status >= HTTPStatus.BAD_REQUEST)


class FaultKind(StrEnum):
    """What goes wrong.

    `refuse`: answered with an HTTP status, not carried out. `reset`: the connection
    is reset, not carried out. `hang`: nothing happens for some seconds, then it is
    carried out if the client still waits. `lose`: carried out, then the connection is
    reset. `delay`: carried out, answered some seconds later.
    """

    REFUSE = "refuse"
    RESET = "reset"
    HANG = "hang"
    LOSE = "lose"
    DELAY = "delay"


class OutageKind(StrEnum):
    """How a whole outage looks: connections are refused, or a proxy answers 502."""

    REFUSED = "refused"
    BAD_GATEWAY = "bad_gateway"


@dataclass(frozen=True, slots=True)
class Fault(Counted):
    """What the next `times` calls of a method meet; `*` is every method, polls included.

    `status`, `description` and `retry_after` (seconds) are for refusals, `seconds`
    is for what takes time.
    """

    kind: FaultKind
    method: str = EVERY_METHOD
    status: int = 502
    description: str = ""
    retry_after: int = 1
    seconds: float = 0

    def __post_init__(self) -> None:
        Counted.__post_init__(self)
        if self.status not in STATUSES:
            raise ValueError(f"status is {self.status}: give one that HTTP names an error")
        if self.seconds < 0 or self.retry_after < 1:
            raise ValueError("seconds are at least 0, retry_after is at least 1")


class Faults(Waiting[Fault]):
    """Those to come, the oldest first."""

    def meet(self, method: str) -> Fault | None:
        """Use up one meeting of the first fault this method has before it."""
        return self.first(lambda fault: fault.method.lower() in {EVERY_METHOD, method.lower()})
