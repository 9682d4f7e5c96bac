"""The daemon."""

import sys
from importlib.metadata import version


def _spare() -> None:
    """Keep libraries from loading others that nobody here uses; Python spells "there is none" so.

    pandas loads Arrow wherever it is installed, 35 MiB in as long as the rest of it takes:
    who reads one of its files imports it by its own name. httpx loads its command line.
    """
    if "pandas" not in sys.modules:
        sys.modules["pyarrow"] = None  # type: ignore[assignment]
        import pandas  # noqa: F401, ICN001

        del sys.modules["pyarrow"]
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]


_spare()
__version__ = version("bellwether")
