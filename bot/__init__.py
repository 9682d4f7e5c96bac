"""The daemon."""

from importlib.metadata import version

__version__ = version("bellwether")
