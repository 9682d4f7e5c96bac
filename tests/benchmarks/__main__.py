"""Everything that is measured, in one table: `make bench`.

With the Python of an environment that has the extra `bench`, other people's backtests too.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence

from tests.benchmarks.table import LINES, Measured, show

OURS = ("overhead", "backtests", "snapshots", "gateway", "footprint")
PEERS = "peers"


def measured(python: str, module: str) -> Iterator[Measured]:
    """What a module measures, in a process of its own."""
    sys.stderr.write(f"measuring {module}\n")
    command = [python, "-W", "ignore", "-m", f"tests.benchmarks.{module}", LINES]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return (Measured(**json.loads(line)) for line in told.splitlines())


def main(pythons: Sequence[str]) -> None:
    """Measure everything, then print."""
    rows = [row for module in OURS for row in measured(sys.executable, module)]
    rows += [row for python in pythons for row in measured(python, PEERS)]
    show(rows)


if __name__ == "__main__":
    main(sys.argv[1:])
