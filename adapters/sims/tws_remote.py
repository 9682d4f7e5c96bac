"""A broker in another process: started, moved and broken from here, without asyncio."""

import inspect
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

from adapters.sims.tws_control import VERBS, Control
from adapters.sims.tws_json import from_json, to_json

TREE = Path(__file__).parents[2]
PATIENCE = 5.0


class RemoteControl(Control):
    """The verbs of a Control, each a call to its address; blocks until it is answered.

    Where the simulator runs in the caller's own event loop, use its `control` instead.
    Raises ValueError for what the Control refuses.
    """

    def __init__(self, url: str, patience: float = PATIENCE) -> None:
        self._url = url.rstrip("/")
        self._patience = patience
        # A proxy of the environment has no business on loopback.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ask(self, verb: str, given: dict[str, Any], kind: Any) -> Any:
        """Call a verb with arguments by name; return its result as that type."""
        request = urllib.request.Request(  # noqa: S310 - the address of our own process
            f"{self._url}/control/{verb}",
            json.dumps(to_json(given)).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with self._opener.open(request, timeout=self._patience) as answer:
                told = json.load(answer)["result"]
        except urllib.error.HTTPError as refused:
            with refused:
                raise ValueError(str(json.load(refused)["error"])) from None
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
    process: "subprocess.Popen[bytes]"


@contextmanager
def started(*options: str, patience: float = PATIENCE) -> Iterator[Started]:
    """Run a broker in its own process, with options of its command line, until the block ends.

    It ends by itself when this process dies. Raises ChildProcessError if it does not begin.
    """
    command = [sys.executable, "-m", "adapters.sims.tws", "--attached", *options]
    with subprocess.Popen(  # noqa: S603 - our own module, our own options
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=TREE
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield _begun(process, process.stdout.readline(), options, patience)
        finally:
            process.stdin.close()
            _end(process, patience)


def _begun(
    process: "subprocess.Popen[bytes]", line: bytes, options: Sequence[str], patience: float
) -> Started:
    if not line:
        remark = f"options are {' '.join(options)}: its standard error says what is odd"
        raise ChildProcessError(remark)
    told = json.loads(line)
    control = RemoteControl(told["control_url"], patience)
    return Started(told["host"], told["port"], tuple(told["accounts"]), control, process)


def _end(process: "subprocess.Popen[bytes]", patience: float) -> None:
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
