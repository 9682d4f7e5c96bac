"""Faults on demand: what the next calls meet."""

from dataclasses import dataclass, replace
from enum import StrEnum

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
class Fault:
    """What the next `times` calls meet, after `spared` of them passed unharmed.

    A call is `POST /v1/trade/order` over HTTP, `quote/depth` or `trade/auth` on a
    socket; `*` is every one. With `after` it is carried out first: an order is booked,
    and its answer harmed. `seconds` is for slowness, `code` and `message` for a refusal,
    `body` for an answer, `status` for the HTTP status of both.
    """

    kind: FaultKind
    call: str = EVERY_CALL
    after: bool = False
    times: int = 1
    spared: int = 0
    seconds: float = 0
    status: int = 500
    code: int = 500000
    message: str = "internal error"
    body: str = ""

    def __post_init__(self) -> None:
        if self.times < 1 or self.spared < 0 or self.seconds < 0:
            raise ValueError("times is at least 1, spared and seconds at least 0")


def plain_429(call: str, *, after: bool = False, times: int = 1) -> Fault:
    """A gateway's 429 that is no JSON: the library then asks again by itself."""
    return Fault(FaultKind.ANSWER, call, after=after, times=times, status=429, body=PLAIN_429)


class Faults:
    """Those to come, the oldest first."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Let the next calls meet it."""
        self._waiting.append(fault)

    def clear(self) -> None:
        """Forget those not met."""
        self._waiting.clear()

    def meet(self, call: str) -> Fault | None:
        """Use up one meeting of the first fault this call has before it."""
        for place, fault in enumerate(self._waiting):
            if fault.call not in (EVERY_CALL, call):
                continue
            if fault.spared:
                self._waiting[place] = replace(fault, spared=fault.spared - 1)
                return None
            if fault.times > 1:
                self._waiting[place] = replace(fault, times=fault.times - 1)
            else:
                del self._waiting[place]
            return fault
        return None
