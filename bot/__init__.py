"""The daemon."""

import sys
from importlib.metadata import version


def _spare_arrow() -> None:
    """Import pandas without Arrow, which it loads wherever it is installed.

    That takes 35 MiB and as long as the rest of pandas, for files that an idle daemon
    does not read; who reads one imports Arrow by its own name.
    """
    if "pandas" not in sys.modules:
        sys.modules["pyarrow"] = None  # type: ignore[assignment]  # so Python spells "there is none"
        import pandas  # noqa: F401, ICN001

        del sys.modules["pyarrow"]


_spare_arrow()
__version__ = version("bellwether")
