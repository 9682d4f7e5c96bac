"""Factors of funds from the reports of their constituents, as they were known at the time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot.domain.dated_tables import AS_OF, KNOWN_ON, Layout
from bot.domain.model import Symbol
from bot.domain.strategy import Facts
from strategies.constituents import spells, table_of
from strategies.tables import Floats, Places

FEED = "fundamentals"
# What a report may say of a stock, in one currency; a ratio is made of one report's numbers.
LAYOUT = Layout(
    ("symbol",),
    readings=(
        *("net_profit_recurring", "net_profit", "operating_capital", "operating_revenue"),
        *("total_assets", "pe", "eps_forecast"),
    ),
)

Numbers: TypeAlias = npt.NDArray[np.int64]
Measure: TypeAlias = Callable[[pd.DataFrame], pd.Series]

_DAYS_A_MONTH = 30.4375
# Reports a quarter apart are told from each other by half of it.
_NEAREST_DAYS = 45
# What rounding may take from a sum of weights.
_ROUNDING = 1e-12


class Across(StrEnum):
    """How the numbers of a fund's constituents become one."""

    MEDIAN = "median"
    LEADERS = "leaders"
    WEIGHTED = "weighted"


@dataclass(frozen=True, slots=True)
class Factor:
    """A number of a stock that is followed over `months`, and how a fund sums its stocks up.

    The change is growth, measured against the size of the base, or the difference.
    """

    measure: Measure
    months: int
    grows: bool
    across: Across


def _reading(name: str) -> Measure:
    return lambda rows: rows[name]


def _ratio(above: str, below: str) -> Measure:
    return lambda rows: rows[above] / rows[below].where(rows[below] != 0.0)


def _inverse(name: str) -> Measure:
    return lambda rows: 1.0 / rows[name].where(rows[name] != 0.0)


# The source names the factors, their time operations and all aggregations but that of the inverse
# P/E, which is our choice. So is what a change means: the growth of money, be it of a company or of
# a share, and the difference of what is a ratio already, whose base may lie near zero.
FACTORS: Final[Mapping[str, Factor]] = {
    "profit_growth": Factor(_reading("net_profit_recurring"), 3, True, Across.MEDIAN),
    "net_profit_growth": Factor(_reading("net_profit"), 12, True, Across.MEDIAN),
    "capital_turnover": Factor(
        _ratio("operating_capital", "operating_revenue"), 6, False, Across.LEADERS
    ),
    "capital_proportion": Factor(
        _ratio("operating_capital", "total_assets"), 12, False, Across.LEADERS
    ),
    "inverse_pe": Factor(_inverse("pe"), 6, False, Across.WEIGHTED),
    "expectations": Factor(_reading("eps_forecast"), 3, True, Across.LEADERS),
}


@dataclass(frozen=True, slots=True)
class Summing:
    """How funds are summed up: from so many leaders, a share of the weight, reports not older."""

    leaders: int
    min_coverage: float
    report_months: int


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """What was ever said of a measure, ordered by stock, the day it is about, and when known.

    `stocks` are places in `symbols`; days are numbers of days.
    """

    symbols: pd.Index
    stocks: Places
    about: Numbers
    known: Numbers
    values: Floats

    @classmethod
    def of(cls, rows: pd.DataFrame, measure: Measure) -> "Readings":
        """The readings of a measure in the rows of reports; a row that lacks it says nothing."""
        values = measure(rows).to_numpy(dtype=np.float64)
        said = np.isfinite(values)
        stocks, symbols = pd.factorize(rows["symbol"][said], sort=True)
        about, known = _days(rows[AS_OF][said]), _days(rows[KNOWN_ON][said])
        order = np.lexsort([known, about, stocks])
        return cls(
            pd.Index(symbols), stocks[order], about[order], known[order], values[said][order]
        )

    def changes(self, day: int, factor: Factor, report_months: int) -> Floats:
        """Of every symbol the change as it was known on a day, NaN where it was not.

        It leads to the newest reading, about one of the last `report_months`, from that
        whose day lies nearest to so many months before, half a quarter away at most.
        What was said again of the same day counts as said last.
        """
        reach = (report_months + factor.months) * _DAYS_A_MONTH + _NEAREST_DAYS
        seen = np.flatnonzero((self.known <= day) & (self.about >= day - reach))
        seen = seen[_lasts(self.stocks[seen], self.about[seen])]
        stocks, about, values = self.stocks[seen], self.about[seen], self.values[seen]
        newest = np.flatnonzero(_lasts(stocks))
        place = np.zeros(len(self.symbols), dtype=np.intp)
        place[stocks[newest]] = newest
        away = np.abs(about - (about[place[stocks]] - factor.months * _DAYS_A_MONTH))
        # The nearest comes last, of two as near the earlier: one for each stock, as in `newest`.
        order = np.lexsort([-about, -away, stocks])
        base = order[_lasts(stocks[order])]
        told = (away[base] <= _NEAREST_DAYS) & (
            about[newest] >= day - report_months * _DAYS_A_MONTH
        )
        moved = values[newest] - values[base]
        if factor.grows:
            moved /= np.where(values[base] == 0.0, np.nan, np.abs(values[base]))
        changes = np.full(len(self.symbols), np.nan)
        changes[stocks[newest][told]] = moved[told]
        return changes


def fund_factors(
    facts: Facts, days: pd.DatetimeIndex, pool: Sequence[Symbol], how: Summing
) -> dict[str, Floats]:
    """Each factor of the pool's funds as it was known on some days: days × funds.

    NaN where a fund had no list, or too little of its weight was covered.
    """
    reports = table_of(facts, FEED)
    lists = list(spells(facts, days, pool))
    column = {etf: at for at, etf in enumerate(pool)}
    tables = {}
    for name, factor in FACTORS.items():
        readings = Readings.of(reports, factor.measure)
        changes = [readings.changes(day, factor, how.report_months) for day in _numbers(days)]
        table = np.full((len(days), len(pool)), np.nan)
        for spell in lists:
            places = readings.symbols.get_indexer(pd.Index(spell.symbols))
            for at in range(spell.start, spell.end):
                told = np.where(places >= 0, np.append(changes[at], np.nan)[places], np.nan)
                table[at, column[spell.etf]] = summed(told, spell.weights, factor.across, how)
        tables[name] = table
    return tables


def summed(values: Floats, weights: Floats, across: Across, how: Summing) -> float:
    """What a fund's stocks come to, the largest first; NaN where too little of it is covered.

    Covered is the share of the weight of those that are looked at: of the leaders
    where it is theirs that counts.
    """
    if across is Across.LEADERS:
        values, weights = values[: how.leaders], weights[: how.leaders]
    known = ~np.isnan(values)
    covered = weights[known].sum()
    if not covered or covered < how.min_coverage * weights.sum() - _ROUNDING:
        return np.nan
    if across is Across.MEDIAN:
        return float(np.median(values[known]))
    return float((values[known] * weights[known]).sum() / covered)


def _numbers(days: pd.DatetimeIndex) -> list[int]:
    return [int(day) for day in days.to_numpy().astype("datetime64[D]").astype(np.int64)]


def _days(column: pd.Series) -> Numbers:
    return column.to_numpy().astype("datetime64[D]").astype(np.int64)


def _lasts(*columns: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    """Which rows are followed by another value in any of the columns, or by nothing."""
    differs = np.ones(len(columns[0]), dtype=bool)
    differs[:-1] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    return differs
