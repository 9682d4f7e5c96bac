"""How far what is held lies from what was wanted: in weights, and in the returns to expect."""

from math import sqrt
from typing import Final

import numpy as np
import pandas as pd

from bot.domain.performance import SESSIONS_PER_YEAR, Floats

# Fewer returns say too little of how symbols move together.
FEWEST_RETURNS: Final = 20


def active_share(held: Floats, wanted: Floats) -> Floats:
    """The part of equity that lies elsewhere than wanted: ½·Σ|h − w|, the last axis being symbols.

    What weights leave of one is cash, and cash is a position like the others: two
    weights that are each short by a tenth are a fifth of cash too much. A measure
    of K. J. M. Cremers and A. Petajisto, "How Active Is Your Fund Manager?",
    Review of Financial Studies 22 (9), 2009.
    """
    apart = held - wanted
    share: Floats = (np.abs(apart).sum(axis=-1) + np.abs(apart.sum(axis=-1))) / 2
    return share


def tracking_error(held: pd.Series, wanted: pd.Series, closes: pd.DataFrame) -> float | None:
    """The expected deviation in a year between the returns of what is held and what was wanted.

    TE = √(dᵀ·Σ·d · 252) with active weights d = h − w by symbol and Σ the sample
    covariance of the daily returns of `closes`, sessions × symbols; cash has no
    returns. Only sessions count on which every symbol with an active weight has
    a return; None where these are fewer than 20. Source: R. C. Grinold and R. N.
    Kahn, "Active Portfolio Management", 2nd edition 2000, chapter 3.
    """
    active = (held - wanted).loc[lambda apart: apart != 0]
    if active.empty:
        return 0.0
    returns = closes[[*active.index]].pct_change(fill_method=None).dropna()
    if len(returns) < FEWEST_RETURNS:
        return None
    weights = active.to_numpy()
    covariance = np.atleast_2d(np.cov(returns.to_numpy(), rowvar=False))
    daily = float(weights @ covariance @ weights)
    return sqrt(max(daily, 0.0) * SESSIONS_PER_YEAR)
