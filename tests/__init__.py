"""The tests, which see pandas as the daemon does."""

import bot  # noqa: F401 - it decides how pandas is imported, so it comes first
