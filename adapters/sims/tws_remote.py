"""A broker in another process: started, moved and broken from here, without asyncio."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, get_type_hints

from adapters.sims.remote import PATIENCE, Process, Remote, running
from adapters.sims.tws_control import VERBS, Control
from adapters.sims.tws_json import from_json, to_json


class RemoteControl(Remote, Control):
    """The verbs of a Control, each a call to its address; blocks until it is answered.

    Where the simulator runs in the caller's own event loop, use its `control` instead.
    Raises ValueError for what the Control refuses.
    """

    def ask(self, verb: str, given: dict[str, Any], kind: Any) -> Any:
        """Call a verb with arguments by name; return its result as that type."""
        told = self.post(verb, to_json(given))
        return None if kind in {None, type(None)} else from_json(verb, kind, told)


def _asking(verb: str) -> Callable[..., Any]:
    """Make a verb of the control a call over the wire, taking and giving the same."""
    act = getattr(Control, verb)
    shape, kind = inspect.signature(act), get_type_hints(act)["return"]

    # The one place where arguments are only handed on.
    def asked(self: RemoteControl, *given: Any, **named: Any) -> Any:
        arguments = shape.bind(self, *given, **named).arguments
        del arguments["self"]
        return self.ask(verb, arguments, kind)

    asked.__doc__ = act.__doc__
    return asked


for _verb in VERBS:
    setattr(RemoteControl, _verb, _asking(_verb))


@dataclass(frozen=True, slots=True)
class Started:
    """A broker in its own process: where clients find it, and the hand that moves it."""

    host: str
    port: int
    accounts: tuple[str, ...]
    control: RemoteControl
    process: Process


@contextmanager
def started(*options: str, patience: float = PATIENCE) -> Iterator[Started]:
    """Run a broker in its own process, with options of its command line, until the block ends.

    It ends by itself when this process dies. Raises ChildProcessError if it does not begin.
    """
    with running("tws", options, patience) as (told, process):
        control = RemoteControl(told["control_url"], patience)
        yield Started(told["host"], told["port"], tuple(told["accounts"]), control, process)
