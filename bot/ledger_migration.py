"""From each version of the ledger's schema to the next: steps that are never changed again."""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from sqlalchemy import Connection

from bot.ledger_schema import VERSION, metadata, refusals

_PINGS = """
CREATE TABLE pings (
    session DATE NOT NULL,
    at VARCHAR NOT NULL,
    well BOOLEAN NOT NULL,
    PRIMARY KEY (session)
)
"""

# What makes a ledger of the version before one of this version.
STEPS: Mapping[int, Sequence[str]] = MappingProxyType({2: (_PINGS, *refusals("pings"))})

# The version that brought a table, where it was not the first.
_SINCE: Mapping[str, int] = MappingProxyType({"pings": 2})


def create(connection: Connection) -> None:
    """Make every table of the present version, guarded, in an empty database."""
    metadata.create_all(connection)
    for table in metadata.tables:
        for refusal in refusals(table):
            connection.exec_driver_sql(refusal)
    _numbered(connection, VERSION)


def migrate(connection: Connection, found: int) -> None:
    """Bring a ledger of an earlier version to the present one; part of one transaction."""
    for version in range(found + 1, VERSION + 1):
        for step in STEPS[version]:
            connection.exec_driver_sql(step)
        _numbered(connection, version)


def lacking(tables: Collection[str], version: int) -> Collection[str]:
    """The tables that a ledger of a version has and a database does not."""
    return {t for t in metadata.tables if _SINCE.get(t, 1) <= version} - set(tables)


def _numbered(connection: Connection, version: int) -> None:
    connection.exec_driver_sql(f"PRAGMA user_version = {version}")
