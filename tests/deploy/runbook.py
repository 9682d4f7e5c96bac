"""The commands of the runbook, as a person would copy them."""

import re
import textwrap
from pathlib import Path

PAGE = Path(__file__).parents[2] / "deploy" / "RUNBOOK.md"
A_BLOCK = re.compile(r"^( *)```sh\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
SECTION = re.compile(r"^## (.+)$", re.MULTILINE)


def sections() -> dict[str, str]:
    """The text under each heading."""
    _, *parts = SECTION.split(PAGE.read_text("utf-8"))
    return dict(zip(parts[::2], parts[1::2], strict=True))


def blocks(heading: str) -> list[str]:
    """The blocks of commands under a heading."""
    found = A_BLOCK.findall(sections()[heading])
    return [textwrap.dedent(block) for _, block in found]


def without_pip(block: str) -> str:
    """The commands of a block but those that bring the program itself to a host."""
    brings = re.compile(r"-m venv|/pip install|ln -sfn")
    return "".join(line for line in block.splitlines(keepends=True) if not brings.search(line))
