"""Synthetic prices: invented from a seed, for demonstration and tests, no market's history."""

import gzip
import sys
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from adapters.price_files import load
from adapters.prices import Floats, PriceTable
from bot.domain.model import Symbol

BUNDLED: Final = Path(__file__).with_name("synthetic_prices.csv.gz")
_ROTATION: Final = (
    "EWY EWT INDA FXI EWJ VGK VOO XLK SMH GLD SLV USO DBA XLE XLF ITA XLP XLU XLV IHI VNQ KRE"
    " SPY EFA EEM AGG BIL"
)
_TECHNOLOGY_AND_INCOME: Final = "QQQ TQQQ SOXX SOXL BOXX SPYI QQQI"
_SMALL_COMPANIES: Final = "IWM SGOV VIX"
SYMBOLS: Final[tuple[Symbol, ...]] = (
    *_ROTATION.split(),
    *_TECHNOLOGY_AND_INCOME.split(),
    *_SMALL_COMPANIES.split(),
)
SESSIONS: Final = pd.bdate_range(
    "2024-06-03",
    "2026-10-15",
    freq="C",
    holidays=[
        "2024-06-19",
        "2024-07-04",
        "2024-09-02",
        "2024-11-28",
        "2024-12-25",
        "2025-01-01",
        "2025-01-09",
        "2025-01-20",
        "2025-02-17",
        "2025-04-18",
        "2025-05-26",
        "2025-06-19",
        "2025-07-04",
        "2025-09-01",
        "2025-11-27",
        "2025-12-25",
        "2026-01-01",
        "2026-01-19",
        "2026-02-16",
        "2026-04-03",
        "2026-05-25",
        "2026-06-19",
        "2026-07-03",
        "2026-09-07",
    ],
)
# Chosen so that the quarters ending 2026-06-30 and 2026-09-30 are ordinary rotations into
# funds of which one stays and one changes.
SEED: Final = 23

_CENTS = 2
_LEAST = 5.0
_REVERSE_SPLIT = 10
_DAILY_LEVERAGE = 3.0
# An index of the market's own volatility in percent a year, moved by fear besides.
_VOLATILITY_INDEX: Final = "VIX"
_CALM, _FADES, _FEAR, _SESSIONS_A_YEAR = 0.01, 0.94, 0.08, 252


@dataclass(frozen=True, slots=True)
class _Spells:
    """Two alternating states: mean return and deviation per session, mean length in sessions."""

    drifts: tuple[float, float]
    deviations: tuple[float, float]
    lengths: tuple[float, float]

    def returns(self, rng: np.random.Generator, count: int) -> Floats:
        """Draw `count` returns; a longer draw begins with the shorter one."""
        leaving, noise = rng.spawn(2)
        leaves = leaving.random(count)
        state = np.empty(count, dtype=np.intp)
        now = 0
        for at in range(count):
            now ^= int(leaves[at] * self.lengths[now] < 1)
            state[at] = now
        drawn: Floats = np.take(self.drifts, state) + np.take(
            self.deviations, state
        ) * noise.standard_normal(count)
        return drawn


@dataclass(frozen=True, slots=True)
class _Character:
    """How a symbol moves: with the market, by spells of its own, from a first price in USD."""

    beta: float
    own: _Spells
    start: float


def _own(drift: float, deviation: float, length: float = 130.0) -> _Spells:
    return _Spells((drift, -drift), (deviation, deviation), (length, length))


def _steady(drift: float) -> _Spells:
    return _Spells((drift, drift), (1e-5, 1e-5), (1e9, 1e9))


# A bull market of about a year and a half, then a bear market of half a year with twice the noise.
_MARKET = _Spells((0.0009, -0.0016), (0.0075, 0.0150), (380.0, 120.0))
_CHARACTERS: Mapping[Symbol, _Character] = {
    "SPY": _Character(1.0, _own(0.0, 0.0005), 600.0),
    "VOO": _Character(1.0, _own(0.0, 0.0005), 550.0),
    "QQQ": _Character(1.2, _own(0.0003, 0.0050), 520.0),
    "XLK": _Character(1.2, _own(0.0004, 0.0060), 240.0),
    "SOXX": _Character(1.5, _own(0.0006, 0.0110), 230.0),
    "SMH": _Character(1.5, _own(0.0006, 0.0110), 260.0),
    "EFA": _Character(0.9, _own(0.0003, 0.0040), 88.0),
    "EEM": _Character(1.0, _own(0.0004, 0.0060), 47.0),
    "GLD": _Character(0.1, _own(0.0006, 0.0085), 300.0),
    "SLV": _Character(0.3, _own(0.0008, 0.0150), 33.0),
    "USO": _Character(0.4, _own(0.0009, 0.0180), 75.0),
    "DBA": _Character(0.1, _own(0.0004, 0.0070), 26.0),
    "XLP": _Character(0.5, _own(0.0002, 0.0050), 81.0),
    "XLU": _Character(0.5, _own(0.0003, 0.0070), 80.0),
    "SPYI": _Character(0.7, _own(0.0, 0.0020), 49.0),
    "QQQI": _Character(0.8, _own(0.0, 0.0030), 51.0),
    "AGG": _Character(0.05, _Spells((0.00025, -0.0003), (0.0022, 0.0026), (260.0, 140.0)), 97.0),
    "BIL": _Character(0.0, _steady(0.00016), 91.0),
    "BOXX": _Character(0.0, _steady(0.00017), 112.0),
    "IWM": _Character(1.15, _own(0.0005, 0.0070), 210.0),
    "SGOV": _Character(0.0, _steady(0.00016), 100.0),
}
# The underlying fund, and a first price of its own.
_LEVERAGED: Mapping[Symbol, tuple[Symbol, float]] = {"TQQQ": ("QQQ", 60.0), "SOXL": ("SOXX", 40.0)}


def synthetic_prices(
    symbols: Sequence[Symbol], sessions: pd.DatetimeIndex, seed: int
) -> pd.DataFrame:
    """Invent closes in USD, sessions × symbols, above one and rounded to cents.

    A symbol's prices depend on the seed, its name and the number of the session
    only: neither the other symbols nor later sessions change them. TQQQ and SOXL
    return three times the day of QQQ and SOXX.
    """
    market = _MARKET.returns(np.random.default_rng(seed), len(sessions))
    closes = {symbol: _closes(symbol, market, seed) for symbol in symbols}
    return pd.DataFrame(closes, index=sessions)


def _closes(symbol: Symbol, market: Floats, seed: int) -> Floats:
    if symbol == _VOLATILITY_INDEX:
        return _levels(market, seed)
    if symbol in _LEVERAGED:
        underlying, start = _LEVERAGED[symbol]
        returns = _DAILY_LEVERAGE * _returns(underlying, market, seed)[1]
    else:
        start, returns = _returns(symbol, market, seed)
    prices = start * np.cumprod(1 + returns)
    # What falls too far is shown as an adjusted history shows it after a reverse split.
    while prices.min(initial=np.inf) < _LEAST:
        prices = prices * _REVERSE_SPLIT
    return np.round(prices, _CENTS)


def _returns(symbol: Symbol, market: Floats, seed: int) -> tuple[float, Floats]:
    rng = np.random.default_rng([seed, zlib.crc32(symbol.encode())])
    character = _CHARACTERS.get(symbol) or _Character(
        beta=rng.uniform(0.7, 1.2),
        own=_own(rng.uniform(0.0002, 0.0007), rng.uniform(0.005, 0.010)),
        start=rng.uniform(25.0, 180.0),
    )
    return character.start, character.beta * market + character.own.returns(rng, len(market))


def _levels(market: Floats, seed: int) -> Floats:
    """How wild the market has been of late, in percent a year, as somebody fears it goes on."""
    rng = np.random.default_rng([seed, zlib.crc32(_VOLATILITY_INDEX.encode())])
    fear = np.exp(_FEAR * rng.standard_normal(len(market)))
    variance, levels = _CALM**2, np.empty(len(market))
    for at, change in enumerate(market):
        variance = _FADES * variance + (1 - _FADES) * change**2
        levels[at] = 100 * np.sqrt(variance * _SESSIONS_A_YEAR)
    return np.round(levels * fear, _CENTS)


def bundled() -> PriceTable:
    """The synthetic prices that come with the program."""
    return load(BUNDLED)


def as_csv(closes: pd.DataFrame) -> bytes:
    """Closes as a wide CSV file."""
    return closes.to_csv(
        index_label="date", date_format="%Y-%m-%d", float_format=f"%.{_CENTS}f", lineterminator="\n"
    ).encode("ascii")


def write(path: Path, closes: pd.DataFrame) -> None:
    """Write closes as a gzipped wide CSV file, the same bytes every time."""
    path.write_bytes(gzip.compress(as_csv(closes), mtime=0))


def main(arguments: Iterable[str]) -> None:
    """Write the bundled file anew: `python -m adapters.synthetic OUT`."""
    (out,) = arguments
    write(Path(out), synthetic_prices(SYMBOLS, SESSIONS, SEED))


if __name__ == "__main__":
    main(sys.argv[1:])
