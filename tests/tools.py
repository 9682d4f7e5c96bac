"""The tools of a Debian that a test may need: skipped by name where one is missing."""

import shutil

import pytest

from tests.conftest import WANTS_A_TOOL

# What is mounted is mounted for one process and those it starts, and gone with them.
MOUNTING = ["unshare", "--mount", "--propagation", "private"]


def tool(name: str) -> str:
    """Where a tool lies; the test is skipped where it is not installed."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{WANTS_A_TOOL} {name}")
    return found
