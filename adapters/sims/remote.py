"""A simulator in another process: started from here, and its control called over HTTP."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeAlias

TREE = Path(__file__).parents[2]
PATIENCE = 30.0  # seconds, at most: nothing waits for it to pass
Process: TypeAlias = "subprocess.Popen[bytes]"


class Remote:
    """The far end of a control; blocks until it is answered."""

    def __init__(self, url: str, patience: float = PATIENCE) -> None:
        self._url = url.rstrip("/")
        self._patience = patience
        # A proxy of the environment has no business on loopback.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def post(self, verb: str, told: Mapping[str, Any], longer: float = 0.0) -> Any:
        """Call a verb with plain values by name; return its plain result.

        It may take so many seconds `longer` than usual. Raises ValueError for what the
        control refuses, TimeoutError where it waited in vain itself.
        """
        request = urllib.request.Request(  # noqa: S310 - the address of our own process
            f"{self._url}/control/{verb}",
            json.dumps(told).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with self._opener.open(request, timeout=self._patience + longer) as answer:
                return json.load(answer)["result"]
        except urllib.error.HTTPError as refused:
            with refused:
                remark = str(json.load(refused)["error"])
            late = refused.code == HTTPStatus.GATEWAY_TIMEOUT
            raise (TimeoutError if late else ValueError)(remark) from None


@contextmanager
def running(
    name: str, options: Sequence[str] = (), patience: float = PATIENCE
) -> Iterator[tuple[dict[str, Any], Process]]:
    """Run a simulator with options of its command line in its own process until the block ends.

    Gives what it said of itself, and the process. It ends by itself when this process
    dies. Raises ChildProcessError if it does not begin.
    """
    command = [sys.executable, "-m", f"adapters.sims.{name}", "--attached", *options]
    with subprocess.Popen(  # noqa: S603 - our own module, our own options
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=TREE
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            line = process.stdout.readline()
            if not line:
                remark = f"options are {' '.join(options)}: its standard error says what is odd"
                raise ChildProcessError(remark)
            yield json.loads(line), process
        finally:
            process.stdin.close()
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                process.kill()
