"""The leveraged products a snapshot offers: one for each company, the largest companies first."""

import pandas as pd

from bot.domain.model import Symbol
from bot.domain.strategy import Facts
from strategies.snapshots import numbers, snapshots_of, symbols, truths

# What stands in for a column that is not there.
_ALIASES = {
    "symbol": "trade_symbol",
    "underlying_symbol": "symbol",
    "candidate_rank": "mega_rank",
}
_ISSUE = ["known_on", "as_of"]


def product_pool(facts: Facts, feed: str, benchmark: Symbol, size: int) -> pd.DataFrame:
    """Of every snapshot the first `size` companies with a product that is available.

    Columns are `symbol` (the product), `underlying`, `place` (from 1, by rank and
    company, unranked last), `known_on` and `as_of`. The benchmark is a row of every
    snapshot, also of one without products, at place 0. Errors are those of
    `snapshots_of`.
    """
    rows = _products(facts, feed)
    head = rows[_ISSUE].drop_duplicates()
    head = head.assign(symbol=benchmark, underlying=benchmark, place=0)
    named = (rows["symbol"] != "") & (rows["underlying"] != "")
    pool = rows[rows["available"] & named]
    pool = pool.sort_values([*_ISSUE, "rank", "underlying"], kind="stable")
    pool = pool.drop_duplicates([*_ISSUE, "underlying"])
    pool = pool.assign(place=pool.groupby(_ISSUE).cumcount() + 1)
    largest = pool.loc[pool["place"] <= size, [*head.columns]]
    return pd.concat([head, largest], ignore_index=True)


def _products(facts: Facts, feed: str) -> pd.DataFrame:
    rows = snapshots_of(facts, feed, ("underlying_symbol", "sector", "candidate_rank"), _ALIASES)
    available = truths(rows, ("product_available",), missing=False)
    return pd.DataFrame(
        {
            **{column: rows[column] for column in ("symbol", *_ISSUE)},
            "underlying": symbols(rows["underlying_symbol"]),
            "rank": numbers(rows["candidate_rank"]),
            "available": available & truths(rows, ("eligible",), missing=False),
        }
    )
