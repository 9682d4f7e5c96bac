"""The families of monthly snapshots: which columns, which stocks, which of them are eligible."""

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot.domain.errors import DataError
from bot.domain.model import Note, Symbol
from strategies import factors as f
from strategies.factors import LONGEST, Factor
from strategies.panel import Panel
from strategies.tables import Days, Places
from strategies.universe import Universe, largest

BENCHMARK = "benchmark"
MOMENTUM, HISTORY, ADV = "mom_6m", "history_days", "adv20_usd"


@dataclass(frozen=True, slots=True)
class Family:
    """What a snapshot of one family looks like.

    `measures` are its columns between the sector and the `flag`, in order; the
    flag is true where the close is above `min_price` USD, the mean daily turnover
    at least `min_adv` USD, there are `min_rows` rows of prices and all of `known`
    is known. `references` are rows added with the sector given here where the
    universe has no such symbol; none of them is ever eligible. `relatives` are
    columns behind the flag: the six months' momentum less that of a reference.
    With `sectors` only stocks of those are in, with `size` only so many of the
    largest. A family that `keeps_doubles` counts each of two rows of one day.
    One that `wants_members` is refused where the universe is empty, one that
    `wants_prices` where there is no row of prices.
    """

    measures: Mapping[str, Factor]
    flag: str
    known: tuple[str, ...]
    min_rows: int
    min_price: float
    min_adv: float
    references: Mapping[Symbol, str]
    relatives: Mapping[str, Symbol] = field(default_factory=dict)
    sectors: tuple[str, ...] = ()
    size: int | None = None
    keeps_doubles: bool = False
    wants_members: bool = True
    wants_prices: bool = False
    wants_volume: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a snapshot, in order."""
        return ("as_of", "symbol", "sector", *self.measures, self.flag, *self.relatives)

    def panel(self, table: pd.DataFrame) -> Panel:
        """The prices of a long table as this family reads them; errors are those of the panel."""
        return Panel.of_rows(
            table, keeps_doubles=self.keeps_doubles, wants_volume=self.wants_volume
        )

    def referring(self, instead: Mapping[Symbol, Symbol]) -> "Family":
        """The same family with other references in the place of those named."""
        return replace(
            self,
            references={instead.get(name, name): of for name, of in self.references.items()},
            relatives={column: instead.get(name, name) for column, name in self.relatives.items()},
        )


_ALWAYS: Mapping[str, Factor] = {
    "close": f.close,
    "volume": f.volume,
    ADV: f.turnover(f.ADV_ROWS),
    HISTORY: f.rows,
}
_LONG_MOMENTUM = f.change(f.YEAR, skip=f.MONTH)
_TREND = f.gap_to_average(f.LONG_AVERAGE)
_VOLATILITY = f.volatility(f.QUARTER)

RUSSELL = Family(
    measures={
        **_ALWAYS,
        ADV: f.known_turnover(f.ADV_ROWS),
        "mom_6_1": f.change(f.HALF_YEAR, skip=f.MONTH),
        "mom_12_1": _LONG_MOMENTUM,
        "sma200_gap": _TREND,
        "vol_63": _VOLATILITY,
        "maxdd_126": f.deepest_fall(f.HALF_YEAR),
    },
    flag="eligible",
    known=("mom_6_1", "mom_12_1", "sma200_gap", "vol_63", "maxdd_126"),
    min_rows=252,
    min_price=10.0,
    min_adv=20_000_000.0,
    references={"SPY": BENCHMARK},
    keeps_doubles=True,
    wants_prices=True,
)

TECH = Family(
    measures={
        **_ALWAYS,
        "mom_6_1": f.change(f.HALF_YEAR, skip=f.MONTH),
        "mom_12_1": _LONG_MOMENTUM,
        "sma20_gap": f.gap_to_average(20),
        "sma50_gap": f.gap_to_average(50),
        "sma200_gap": _TREND,
        "ma50_over_ma200": f.average_over_average(50, f.LONG_AVERAGE),
        "vol_63": _VOLATILITY,
        "maxdd_126": f.deepest_gap(f.HALF_YEAR),
        "breakout_252": f.gap_to_high(f.YEAR),
        "dist_63_high": f.gap_to_high(f.QUARTER),
        "dist_126_high": f.gap_to_high(f.HALF_YEAR),
        "rebound_20": f.change(20),
    },
    flag="base_eligible",
    known=(
        *("mom_6_1", "mom_12_1", "sma20_gap", "sma50_gap", "sma200_gap", "ma50_over_ma200"),
        *("vol_63", "maxdd_126", "breakout_252", "dist_63_high", "dist_126_high", "rebound_20"),
    ),
    min_rows=252,
    min_price=10.0,
    min_adv=50_000_000.0,
    references={"QQQ": BENCHMARK, "SPY": BENCHMARK, "BOXX": "defense"},
    sectors=("Information Technology", "Communication"),
    keeps_doubles=True,
    wants_members=False,
)

MEGA = Family(
    measures={
        **_ALWAYS,
        "mom_3m": f.change(f.QUARTER),
        MOMENTUM: f.change(f.HALF_YEAR),
        "mom_12_1": _LONG_MOMENTUM,
        "sma200_gap": _TREND,
        "high_252_gap": f.gap_to_high(f.YEAR),
        "vol_63": _VOLATILITY,
        "maxdd_126": f.deepest_fall(f.HALF_YEAR),
    },
    flag="eligible",
    known=(*("mom_3m", MOMENTUM, "mom_12_1", "sma200_gap", "high_252_gap", "vol_63", "maxdd_126"),),
    min_rows=273,
    min_price=10.0,
    min_adv=20_000_000.0,
    references={"QQQ": BENCHMARK, "SPY": BENCHMARK, "BOXX": "cash"},
    relatives={"rel_mom_6m_vs_benchmark": "QQQ", "rel_mom_6m_vs_broad_benchmark": "SPY"},
    size=50,
    wants_volume=False,
)

FAMILIES: Mapping[str, Family] = {
    "russell_1000_multi_factor_defensive": RUSSELL,
    "tech_communication_pullback_enhancement": TECH,
    "mega_cap_leader_rotation_dynamic_top20": replace(MEGA, size=20),
    "mega_cap_leader_rotation_aggressive": MEGA,
    "mega_cap_leader_rotation_top50_balanced": MEGA,
}


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The rows of a family on a day, by symbol, and a remark on each that is not eligible."""

    rows: pd.DataFrame
    notes: tuple[Note, ...]


def snapshot(family: Family, panel: Panel, universe: Universe, day: date) -> Snapshot:
    """The family's rows on a day, made of prices and memberships up to it.

    Raises DataError `universe_inactive`, `universe_unranked` or `no_rows_until`.
    """
    members = _members(family, universe, day)
    columns, last = _rows(family, panel, _Listing.of(family, panel, members), day)
    rows = pd.DataFrame(columns)
    unlisted = [
        Note("sector_unlisted", symbol, {"sector": sector})
        for symbol, sector in members.sectors.items()
        if not _lists(family, sector)
    ]
    shown = {"", *rows["symbol"]}
    told = (note for note in panel.notes if note.symbol in shown)
    notes = (*members.notes, *told, *unlisted, *_remarks(family, rows, last))
    return Snapshot(rows, notes)


def snapshots(
    family: Family, panel: Panel, universe: Universe, days: Sequence[date]
) -> pd.DataFrame:
    """The rows of `snapshot` on each of the days, one after the other; errors are the same."""
    listings: dict[int, _Listing] = {}
    parts: dict[str, list[Any]] = {name: [] for name in family.columns}
    for day in days:
        spell = universe.spell(day)
        if spell not in listings:
            listings[spell] = _Listing.of(family, panel, _members(family, universe, day))
        for name, column in _rows(family, panel, listings[spell], day)[0].items():
            parts[name].append(column)
    return pd.DataFrame({name: _joined(columns) for name, columns in parts.items()})


def _joined(columns: Sequence[Any]) -> Any:
    """Columns of the same name one after the other."""
    if columns and isinstance(columns[0], np.ndarray):
        return np.concatenate(columns)
    return [cell for column in columns for cell in column]


def _members(family: Family, universe: Universe, day: date) -> Universe:
    members = universe.on(day)
    if members.rows.empty and family.wants_members:
        raise DataError("universe_inactive", day=day)
    return members if family.size is None else largest(members, family.size)


def _lists(family: Family, sector: str) -> bool:
    return not family.sectors or sector in family.sectors


@dataclass(frozen=True, slots=True, eq=False)
class _Listing:
    """Who is in a snapshot: symbols, their sectors, where their prices stand, who is a stock."""

    symbols: list[Symbol]
    sectors: list[str]
    places: Places
    stocks: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, family: Family, panel: Panel, members: Universe) -> "_Listing":
        """The members the family lists, and its references, by symbol."""
        listed = {s: of for s, of in members.sectors.items() if _lists(family, of)}
        listed = dict(sorted({**family.references, **listed}.items()))
        symbols = list(listed)
        stocks = np.array([symbol not in family.references for symbol in symbols])
        return cls(symbols, list(listed.values()), panel.places(symbols), stocks)


def _rows(
    family: Family, panel: Panel, listing: _Listing, day: date
) -> tuple[dict[str, Any], Days]:
    """The columns of the snapshot, and the day of each symbol's newest price, NaT of none."""
    symbols = listing.symbols
    windows = panel.windows(listing.places, day)
    if family.wants_prices and np.isnat(windows.newest).all():
        raise DataError("no_rows_until", day=day)
    measured = {name: factor(windows) for name, factor in family.measures.items()}
    eligible = (
        listing.stocks
        & (measured[HISTORY] >= family.min_rows)
        & (measured["close"] > family.min_price)
        & (measured[ADV] >= family.min_adv)
    )
    for name in family.known:
        eligible &= ~np.isnan(measured[name])
    relative = {
        column: measured[MOMENTUM] - measured[MOMENTUM][symbols.index(reference)]
        for column, reference in family.relatives.items()
    }
    columns = {
        "as_of": np.full(len(symbols), np.datetime64(day, "s")),
        "symbol": symbols,
        "sector": listing.sectors,
        **measured,
        HISTORY: measured[HISTORY].astype(np.int64),
        family.flag: eligible,
        **relative,
    }
    return columns, windows.newest


def _remarks(family: Family, rows: pd.DataFrame, newest: Days) -> Iterator[Note]:
    """Why each stock is not eligible, and whose prices end before those of the others."""
    last = np.fmax.reduce(newest)
    # NaT is not the last day either.
    told = (newest != last) | ~rows[family.flag].to_numpy()
    for row, seen in zip(rows[told].to_dict("records"), newest[told], strict=True):
        symbol = row["symbol"]
        if np.isnat(seen):
            yield Note("unpriced_until", symbol, {"day": row["as_of"].date()})
            continue
        if seen < last:
            yield Note("prices_end", symbol, {"day": seen.item()})
        if not row[family.flag] and symbol not in family.references:
            yield _reason(family, row)


def _reason(family: Family, row: Mapping[Hashable, Any]) -> Note:
    """The first thing that keeps a stock from being eligible."""
    symbol, unknown = row["symbol"], [name for name in family.known if math.isnan(row[name])]
    if row[HISTORY] < family.min_rows or unknown:
        known = {"rows": row[HISTORY], "needed": max(family.min_rows, LONGEST)}
        return Note("history_short", symbol, known)
    if not row["close"] > family.min_price:
        return Note("price_low", symbol, {"close": row["close"], "least": family.min_price})
    if math.isnan(row[ADV]):
        return Note("volume_unknown", symbol)
    return Note("turnover_low", symbol, {"amount": row[ADV], "least": family.min_adv})
