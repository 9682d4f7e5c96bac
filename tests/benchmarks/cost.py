"""What work costs: the CPU time of it, the most memory a process held."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import process_time

RUNS = 7
KIB = 1024.0  # in a MiB


def cpu(*works: Callable[[], object]) -> list[float]:
    """The least CPU seconds of each piece of work, measured in turns after one warm-up.

    What else the machine does only adds to a time, and so meets all of them alike.
    """
    times: list[list[float]] = [[] for _ in works]
    for _ in range(RUNS + 1):
        for work, taken in zip(works, times, strict=True):
            begun = process_time()
            work()
            taken.append(process_time() - begun)
    return [min(taken[1:]) for taken in times]


def peak(code: str, *arguments: str) -> float:
    """The peak memory of a whole process from its first line on, in MiB."""
    told = f"{code}; from tests.benchmarks.cost import peak_memory; print(peak_memory())"
    return float(subprocess.check_output([sys.executable, "-c", told, *arguments]))


def peak_memory() -> float:
    """The MiB this process held at most; `getrusage` would tell its parent's, were they more."""
    status = Path("/proc/self/status").read_text("ascii")
    most = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return float(most.split()[1]) / KIB
