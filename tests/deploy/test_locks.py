"""What a host installs is what the tests ran with: each lock is a part of the development's."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
A_PACKAGE = re.compile(r"^([\w.-]+)==.*(?:\n +--hash.*)+\n", re.MULTILINE)
A_NAME = re.compile(r"^[\w.-]+")


def packages(lock: str) -> dict[str, set[str]]:
    """Each package's lines: one where all platforms have the same."""
    kept: dict[str, set[str]] = {}
    for found in A_PACKAGE.finditer((ROOT / lock).read_text("utf-8")):
        kept.setdefault(found[1], set()).add(found[0])
    return kept


def named(*groups: str) -> set[str]:
    """What pyproject.toml asks for by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    extras = project["project"]["optional-dependencies"]
    asked = [
        *project["project"]["dependencies"],
        *(name for group in groups for name in extras[group]),
    ]
    return {A_NAME.match(name)[0] for name in asked}


@pytest.mark.parametrize("lock", ["requirements-brokers.txt", "requirements-build.txt"])
def test_a_host_installs_what_the_tests_ran_with(lock):
    ours, tested = packages(lock), packages("requirements-dev.txt")

    assert {name for name in ours if ours[name] != tested.get(name)} == set()


def test_a_host_has_everything_of_the_daemon_and_of_each_broker():
    assert named("ibkr", "schwab", "longport") <= set(packages("requirements-brokers.txt"))
    assert set(packages("requirements.txt")) <= set(packages("requirements-brokers.txt"))


def test_a_host_has_no_compiler_of_packages_for_longer_than_it_needs_one():
    assert "hatchling" in packages("requirements-build.txt")
    assert "hatchling" not in packages("requirements-brokers.txt")
