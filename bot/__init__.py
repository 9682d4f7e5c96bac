"""The daemon."""

import gc
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


# A start makes some hundred thousand things that stay: every look for garbage meanwhile is in vain.
THINGS_BETWEEN_LOOKS = (50_000, 20, 20)

gc.set_threshold(*THINGS_BETWEEN_LOOKS)
_spare()
__version__ = version("bellwether")
