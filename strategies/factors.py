"""What a stock's newest rows of prices say of it: one formula for each feature."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from strategies.tables import Days, Floats

MONTH, QUARTER, HALF_YEAR, YEAR = 21, 63, 126, 252
ADV_ROWS, LONG_AVERAGE = 20, 200
# The year before the skipped month, and the row it is measured from: nothing looks back further.
LONGEST = YEAR + MONTH + 1


@dataclass(frozen=True, slots=True)
class Windows:
    """The newest `LONGEST` rows of each stock: stocks × rows, the newest last.

    Rows before a stock's first are NaN, and so is every feature they enter.
    `rows` is how many rows a stock has in all, `newest` the day of the last of them,
    NaT of none. `volumes` has the newest `ADV_ROWS` only.
    """

    closes: Floats
    volumes: Floats
    rows: Floats
    newest: Days

    @property
    def close(self) -> Floats:
        """The newest close of each stock."""
        return self.closes[:, -1]


Factor: TypeAlias = Callable[[Windows], Floats]


def close(of: Windows) -> Floats:
    """The newest close."""
    return of.close


def volume(of: Windows) -> Floats:
    """The volume of the newest row, in shares."""
    return of.volumes[:, -1]


def rows(of: Windows) -> Floats:
    """How many rows of prices there are."""
    return of.rows


def change(length: int, skip: int = 0) -> Factor:
    """The return over `length` rows that ended `skip` rows ago."""

    def factor(of: Windows) -> Floats:
        return of.closes[:, -1 - skip] / of.closes[:, -1 - skip - length] - 1.0

    return factor


def _average(of: Windows, length: int) -> Floats:
    # Measured from the newest close, an unmoved price is its own average to the last digit.
    distance = of.closes[:, -length:] - of.closes[:, -1:]
    return np.asarray(of.close + distance.mean(axis=1))


def gap_to_average(length: int) -> Factor:
    """How far the close is above the mean of the last `length` closes."""
    return lambda of: of.close / _average(of, length) - 1.0


def average_over_average(short: int, long: int) -> Factor:
    """How far the mean of the last `short` closes is above that of the last `long`."""
    return lambda of: _average(of, short) / _average(of, long) - 1.0


def gap_to_high(length: int) -> Factor:
    """How far the close is below the highest of the last `length` closes: zero or negative."""
    return lambda of: of.close / of.closes[:, -length:].max(axis=1) - 1.0


def volatility(length: int) -> Factor:
    """The population deviation of the last `length` daily returns, a year's."""

    def factor(of: Windows) -> Floats:
        closes = of.closes[:, -length - 1 :]
        returns = closes[:, 1:] / closes[:, :-1] - 1.0
        return np.asarray(returns.std(axis=1) * math.sqrt(YEAR))

    return factor


def deepest_fall(length: int) -> Factor:
    """The deepest fall from a peak, both within the last `length` rows: zero or negative."""

    def factor(of: Windows) -> Floats:
        # Row after row over all stocks at once, which then lie side by side in memory.
        closes = np.ascontiguousarray(of.closes[:, -length:].T)
        peak, deepest = closes[0].copy(), closes[0] / closes[0]
        for row in closes[1:]:
            np.maximum(peak, row, out=peak)
            np.minimum(deepest, row / peak, out=deepest)
        return np.asarray(deepest - 1.0)

    return factor


def deepest_gap(length: int) -> Factor:
    """The deepest gap of the last `length` rows, each below its own last `length` closes.

    It so looks back almost twice as far as `deepest_fall` of the same length.
    """

    def factor(of: Windows) -> Floats:
        closes = of.closes[:, 1 - 2 * length :]
        peaks, width = closes, 1
        while width < length:
            # The peak of a longer window is the higher of two shorter ones that cover it.
            shift = min(width, length - width)
            peaks = np.maximum(peaks[:, shift:], peaks[:, :-shift])
            width += shift
        return np.asarray((closes[:, -length:] / peaks).min(axis=1) - 1.0)

    return factor


def turnover(length: int) -> Factor:
    """The mean USD traded a row over the last `length` rows, NaN if a volume is unknown."""
    return lambda of: np.asarray(_traded(of, length).mean(axis=1))


def known_turnover(length: int) -> Factor:
    """The mean USD traded over those of the last `length` rows whose volume is known."""

    def factor(of: Windows) -> Floats:
        traded = _traded(of, length)
        known = ~np.isnan(traded)
        with np.errstate(invalid="ignore"):
            mean = np.where(known, traded, 0.0).sum(axis=1) / known.sum(axis=1)
        return np.where(of.rows >= length, mean, np.nan)

    return factor


def _traded(of: Windows, length: int) -> Floats:
    return of.closes[:, -length:] * of.volumes[:, -length:]
