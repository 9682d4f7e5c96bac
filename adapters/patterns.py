"""Candlestick patterns of many stocks as a dated table, recognised by TA-Lib."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import talib

from bot.domain.calendar import Calendar
from bot.domain.dated_tables import AS_OF, KNOWN_ON, Layout
from bot.domain.errors import Blocked

PRICES = ("open", "high", "low", "close")
# The least price anybody quotes; a stock of no price has no candle.
BARS = Layout(("symbol",), numbers=PRICES, least=1e-6, day="date")
FUNCTIONS = tuple(name for name in dir(talib) if name.startswith("CDL"))
# So many bars a stock must have before every pattern could have been recognised.
WARM_UP = 14

# What rounding may have done to prices that were adjusted.
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Recognised:
    """The patterns of some bars as a dated table, and how many bars lay on closed days."""

    table: pd.DataFrame
    left_out: int


def recognise(bars: pd.DataFrame, calendar: Calendar, path: str) -> Recognised:
    """What the patterns of every stock add up to on each day, known the session after.

    `bars` are as `believed` gives a table of BARS, adjusted for splits. A function says
    100 for a bullish pattern, -100 for a bearish one, and twice as much of some; the
    sum of all 61 is the column `patterns`. Bars on days that are no session are left
    out, and each stock's first `WARM_UP` say nothing yet. Raises Blocked
    `bar_impossible` for a high or a low that is none.
    """
    _refuse_impossible(bars, path)
    first, last = bars[KNOWN_ON].min().date(), bars[KNOWN_ON].max().date()
    sessions = calendar.index(first, last, 1)
    traded = bars[bars[KNOWN_ON].isin(sessions)].sort_values(["symbol", KNOWN_ON])
    rows = [_sums(stock) for _, stock in traded.groupby("symbol")]
    table = pd.concat(rows, ignore_index=True) if rows else _sums(traded)
    after = sessions[sessions.searchsorted(table[AS_OF], side="right")]
    table = table.assign(known_on=after)[[KNOWN_ON, AS_OF, "symbol", "patterns"]]
    ordered = table.sort_values([KNOWN_ON, "symbol"], ignore_index=True)
    return Recognised(ordered, len(bars) - len(traded))


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a dated table as CSV, or Parquet where its name ends so: whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.part")
    if path.suffix.lower() == ".parquet":
        table.to_parquet(beside, index=False)
    else:
        table.to_csv(beside, index=False, date_format="%Y-%m-%d", lineterminator="\n")
    beside.replace(path)


def _sums(stock: pd.DataFrame) -> pd.DataFrame:
    """One stock's sums by day, in order; nothing for the days too early to say."""
    candles = [stock[name].to_numpy(dtype=np.float64) for name in PRICES]
    total: npt.NDArray[np.int64] = np.zeros(len(stock), dtype=np.int64)
    if len(stock) > WARM_UP:
        for name in FUNCTIONS:
            total += getattr(talib, name)(*candles)
    days, symbols = stock[KNOWN_ON].to_numpy(), stock["symbol"].to_numpy()
    told = pd.DataFrame({AS_OF: days, "symbol": symbols, "patterns": total})
    return told.iloc[WARM_UP:]


def _refuse_impossible(bars: pd.DataFrame, path: str) -> None:
    opens, highs, lows, closes = (bars[name].to_numpy() for name in PRICES)
    too_low = highs < np.maximum(opens, closes) * (1.0 - _ROUNDING)
    too_high = lows > np.minimum(opens, closes) * (1.0 + _ROUNDING)
    wrong = np.flatnonzero(too_low | too_high)
    if len(wrong):
        bar = bars.iloc[wrong[0]]
        day, row = bar[KNOWN_ON].date(), int(wrong[0]) + 1
        raise Blocked("bar_impossible", path=path, row=row, symbol=bar["symbol"], date=day)
