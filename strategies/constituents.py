"""What funds consist of: lists of stocks with weights, each in force until the next is known."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Annotated, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot.domain.dated_tables import AS_OF, KNOWN_ON, Layout
from bot.domain.errors import Blocked, SettingsError
from bot.domain.model import Symbol
from bot.domain.strategy import Facts
from strategies.indicators import LONGEST_WINDOW
from strategies.parameters import Allowed
from strategies.tables import Floats

Names: TypeAlias = npt.NDArray[np.object_]

FEED = "constituents"
LAYOUT = Layout(("etf", "symbol"), numbers=("weight",), least=0.0)

# The funds of the eleven sectors of the S&P 500, a pool to begin with: our choice.
SECTORS: tuple[Symbol, ...] = (
    *("XLB", "XLC", "XLE", "XLF", "XLI", "XLK"),
    *("XLP", "XLRE", "XLU", "XLV", "XLY"),
)
Age: TypeAlias = Annotated[int, Allowed(0, LONGEST_WINDOW)]

_LIST = ["etf", KNOWN_ON, AS_OF]


@dataclass(frozen=True, slots=True, eq=False)
class Spell:
    """A fund's list while it is in force: on the days from place `start` up to `end`.

    `symbols` are the constituents, the largest weight first; `weights` need not add
    up to one.
    """

    etf: Symbol
    start: int
    end: int
    symbols: Names
    weights: Floats


def refuse_in_pool(safe_haven: Symbol, pool: Collection[Symbol]) -> None:
    """Raise SettingsError `bad_parameter` for a safe haven that is ranked itself."""
    if safe_haven in pool:
        bounds = "a symbol that is not in the pool"
        raise SettingsError("bad_parameter", name="safe_haven", value=safe_haven, bounds=bounds)


def table_of(facts: Facts, feed: str) -> pd.DataFrame:
    """The rows of a dated table. Raises Blocked `feed_missing` where there is none."""
    if feed not in facts.feeds:
        raise Blocked("feed_missing", feed=feed)
    return facts.feeds[feed]


def spells(facts: Facts, days: pd.DatetimeIndex, pool: Collection[Symbol]) -> Iterator[Spell]:
    """The lists of the pool that are in force on any of some ascending days.

    The list known last counts; of those known from the same day on, the one about
    the later day. A stock of no weight is none of a fund's.
    """
    rows = table_of(facts, FEED)
    rows = rows[rows["etf"].isin(list(pool)) & (rows["weight"] > 0.0)]
    rows = rows.sort_values([*_LIST, "weight", "symbol"], ascending=[True] * 3 + [False, True])
    heads = np.flatnonzero((rows[_LIST] != rows[_LIST].shift()).any(axis=1))
    bounds = [*heads.tolist(), len(rows)]
    etfs = rows["etf"].to_numpy()[heads]
    starts = days.searchsorted(pd.DatetimeIndex(rows[KNOWN_ON])[heads])
    symbols, weights = rows["symbol"].to_numpy(), rows["weight"].to_numpy()
    for at, (etf, start) in enumerate(zip(etfs, starts.tolist(), strict=True)):
        last = at + 1 == len(etfs) or etfs[at + 1] != etf
        end = len(days) if last else int(starts[at + 1])
        if start < end:
            listed = slice(bounds[at], bounds[at + 1])
            yield Spell(etf, start, end, symbols[listed], weights[listed])
