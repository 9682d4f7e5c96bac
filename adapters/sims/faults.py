"""Faults on demand, as every simulator keeps them: what the next calls meet."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Something the next `times` calls meet, after `spared` of them passed unharmed."""

    times: int = 1
    spared: int = 0

    def __post_init__(self) -> None:
        if self.times < 1 or self.spared < 0:
            raise ValueError(f"times is {self.times}, spared {self.spared}: give at least 1 and 0")


FaultT = TypeVar("FaultT", bound=Counted)


class Waiting(Generic[FaultT]):
    """Those to come, the oldest first."""

    def __init__(self) -> None:
        self._waiting: list[FaultT] = []

    def add(self, fault: FaultT) -> None:
        """Let the next calls that may meet it do so."""
        self._waiting.append(fault)

    def clear(self) -> None:
        """Forget those not met."""
        self._waiting.clear()

    def first(self, meets: Callable[[FaultT], bool]) -> FaultT | None:
        """Use up one meeting of the first fault a call has before it."""
        for fault in self._waiting:
            if meets(fault):
                return fault if self._use(fault) else None
        return None

    def every(self, meets: Callable[[FaultT], bool]) -> list[FaultT]:
        """Use up one meeting of each fault a call has before it."""
        met = [fault for fault in self._waiting if meets(fault)]
        return [fault for fault in met if self._use(fault)]

    def _use(self, fault: FaultT) -> bool:
        """Count a call; whether it is harmed."""
        place = self._waiting.index(fault)
        if fault.spared:
            self._waiting[place] = replace(fault, spared=fault.spared - 1)
            return False
        if fault.times > 1:
            self._waiting[place] = replace(fault, times=fault.times - 1)
        else:
            del self._waiting[place]
        return True
