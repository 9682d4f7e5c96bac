"""How far stocks are below their high within a trend, and how much of a position that is worth."""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from bot.domain.model import Symbol
from strategies.indicators import (
    average_slope,
    latest_close,
    moving_average,
    own_bars,
    trailing_low,
    volatility,
)
from strategies.tables import Floats

# Bars: a month, a quarter, half a year, a year; and those of the two averages.
_MONTH, _QUARTER, _HALF, _YEAR = 20, 63, 126, 252
_SHORT, _LONG = 50, 200
_SESSIONS_A_YEAR = 252
# The best depth below the quarter's high; so much further away nothing is left of its quality.
_BEST_DEPTH = 0.10
# The part of an equal position up to each depth, the last beyond all: deeper, a trend is broken.
_DEPTHS = (0.02, 0.06, 0.16, 0.28)
_PARTS = (0.45, 0.85, 1.25, 0.75, 0.0)
_LARGEST = 1.30
# What makes a position smaller: a burst upwards, a trend just begun, falling behind the market.
_BURST_GAIN, _BURST_GAP, _AFTER_BURST = 0.18, 0.16, 0.5
_YOUNG_GAP, _WHILE_YOUNG = 0.03, 0.6
_BEHIND, _WHILE_BEHIND = -0.08, 0.5


def pullback_numbers(
    closes: pd.DataFrame, benchmark: Symbol, lookback: int
) -> dict[str, pd.DataFrame]:
    """Momentum, gaps to averages, depth and quality of the pullback: each sessions × symbols.

    `closes` has the benchmark among its symbols. All are missing for a symbol with
    fewer than 253 bars within the lookback, `relative_126` also where the benchmark
    has fewer than 127. `vol_63` is a year's deviation, of the population.
    """
    bars = own_bars(closes, lookback)
    price = latest_close(bars)

    def gained(length: int) -> pd.DataFrame:
        # What the price moved in so many bars is the slope of their average times their number.
        moved = average_slope(bars, length) * length
        return moved / (price - moved)

    half, year = gained(_HALF), gained(_YEAR)
    high = -trailing_low(own_bars(-closes, lookback), _QUARTER)
    depth = (price / high - 1.0).clip(upper=0.0).abs()
    of_population = math.sqrt((_QUARTER - 1) / _QUARTER * _SESSIONS_A_YEAR)
    told = {
        "mom_20": gained(_MONTH),
        "mom_126": half,
        "mom_252": year,
        "gap_50": price / moving_average(bars, _SHORT) - 1.0,
        "gap_200": price / moving_average(bars, _LONG) - 1.0,
        "vol_63": volatility(bars, _QUARTER) * of_population,
        "relative_126": half.sub(half[benchmark], axis=0),
        "depth": depth,
        "quality": (1.0 - (depth - _BEST_DEPTH).abs() / _BEST_DEPTH).clip(-1.0, 1.0),
    }
    return {name: table.where(year.notna()) for name, table in told.items()}


def position_sizes(of: Mapping[str, Floats]) -> Floats:
    """The part of an equal position each stock's numbers are worth, 0 to 1.3.

    The numbers are those of `pullback_numbers`, an entry per stock. Nothing without an uptrend over
    half a year and above the long average, and nothing where these are unknown.
    """
    size = np.array(_PARTS)[np.searchsorted(_DEPTHS, of["depth"], side="right")]
    burst = (of["mom_20"] > _BURST_GAIN) | (of["gap_50"] > _BURST_GAP)
    size = size * np.where(burst, _AFTER_BURST, 1.0)
    size = size * np.where(of["gap_200"] < _YOUNG_GAP, _WHILE_YOUNG, 1.0)
    size = size * np.where(of["relative_126"] < _BEHIND, _WHILE_BEHIND, 1.0)
    rises = (of["gap_200"] > 0.0) & (of["mom_126"] > 0.0)
    return np.where(rises, size.clip(0.0, _LARGEST), 0.0)
