"""Real prices, which lie beside a checkout of the maintainers and nowhere else."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "shared" / "data"


def real_prices(name: str) -> Path:
    """A file of real prices; the test that asks for one that is not there is skipped."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"real prices are not beside this checkout: {name}")
    return path
