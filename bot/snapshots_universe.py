"""Who belonged to a universe when, from the holdings of an index on some days."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pandas as pd

from bot.snapshots_artifacts import csv_of
from bot.snapshots_publication import write_whole
from bot.snapshots_tables import holdings_of
from strategies.universe import largest_over_time, membership


def universe_of(
    holdings: Sequence[Path], size: int | None, by: str, backfill: date | None
) -> pd.DataFrame:
    """The largest of each table over time, or without a size everybody in it.

    Ranked by the column `by`. `backfill` is the day from which those of the first
    table are taken to have belonged to it; of the largest nobody says that. Raises
    DataError for tables without a day or of one day, and what `membership` and
    `largest_over_time` raise.
    """
    tables = holdings_of(holdings)
    if size is None:
        return membership(tables, backfill)
    return largest_over_time(tables, size, by)


def text_of(universe: pd.DataFrame) -> str:
    """A universe as CSV."""
    return csv_of(universe).decode()


def keep(universe: pd.DataFrame, out: Path) -> None:
    """Write a universe as CSV, whole or not at all."""
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, csv_of(universe))
