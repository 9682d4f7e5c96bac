"""The monthly snapshot of a profile: rows, ranking and remarks from prices and a universe."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from functools import partial

import pandas as pd

from bot.domain.calendar import Calendar
from bot.domain.errors import SettingsError
from bot.domain.model import Note, Symbol
from bot.domain.strategy import Strategy
from bot.snapshots_panel import Priced, Reading
from bot.snapshots_preview import Preview, preview
from strategies.families import BENCHMARK, FAMILIES, Family, snapshot
from strategies.leveraged_pullback import LeveragedPullback
from strategies.mega_cap_leaders import MegaCapLeaders
from strategies.multi_factor_defensive import MultiFactorDefensive
from strategies.panel import Panel
from strategies.products import Product, product_ranking, product_snapshot
from strategies.pullback_enhancement import PullbackEnhancement
from strategies.universe import Universe

_TREND = "sma200_gap"
_DEFENSE = "defense"


class Status(StrEnum):
    """Whether a snapshot is what its readers wait for, or the first reason why it is not."""

    READY = "ready"
    NO_CANDIDATES = "no_candidates"
    BENCHMARK_UNKNOWN = "benchmark_unknown"
    PRICES_STALE = "prices_stale"
    OFF_SCHEDULE = "off_schedule"


@dataclass(frozen=True, slots=True, eq=False)
class Maker:
    """Who makes the snapshots of a profile: its rule, and what is held, for the ranking."""

    profile: str
    strategy: Strategy
    held: tuple[Symbol, ...] = ()

    @property
    def family(self) -> Family | None:
        """What the snapshots look like as the rule's parameters want them; None of products."""
        return _family(self.profile, self.strategy)

    @property
    def benchmark(self) -> Symbol | None:
        """Whose trend a snapshot tells, None where it tells none."""
        return None if self.family is None else _benchmark(self.strategy)

    @property
    def reading(self) -> Reading:
        """How the prices are read. The benchmarks' must be right."""
        family = self.family
        if family is None:
            return Reading(partial(Panel.of_rows, wants_volume=False))
        references = family.references.items()
        return Reading(family.panel, tuple(name for name, of in references if of == BENCHMARK))


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """A snapshot of a day: its rows, the ranking, and what the profile makes of them.

    `preview` is None for a profile that decides daily, by more than its snapshot.
    `notes` say by name what is left out and what is to be known of the rest.
    """

    profile: str
    day: date
    rows: pd.DataFrame
    ranking: pd.DataFrame
    eligible: int
    status: Status
    notes: tuple[Note, ...]
    preview: Preview | None = None


def month_end(day: date, calendar: Calendar) -> date:
    """The last session of the month of a day."""
    first = day.replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return calendar.before(following).date


def build(maker: Maker, priced: Priced, universe: Universe, calendar: Calendar) -> Built:
    """The snapshot of a monthly rule. Raises what `snapshot` and `preview` raise."""
    family, day = maker.family, priced.day
    assert family is not None, "what trades products is built from a map of them"
    made = snapshot(family, priced.panel, universe, day)
    told = preview(_monthly(maker.strategy), made.rows, day, maker.held, calendar)
    benchmark = made.rows.loc[made.rows["symbol"] == maker.benchmark, _TREND]
    return Built(
        profile=maker.profile,
        day=day,
        rows=made.rows,
        ranking=told.ranking,
        eligible=int(made.rows[family.flag].sum()),
        status=_status(
            maker,
            priced,
            calendar,
            none=not told.selections[0].candidates,
            unknown=bool(benchmark.isna().all()),
        ),
        notes=(*priced.notes, *_unsaid(made.notes, priced)),
        preview=told,
    )


def build_products(
    maker: Maker,
    priced: Priced,
    universe: Universe,
    products: dict[Symbol, Product],
    calendar: Calendar,
) -> Built:
    """The snapshot of a pool that is traded by products. Raises what `product_snapshot` does."""
    size = _pool(maker.strategy).candidate_universe_size
    rows, notes = product_snapshot(universe, products, priced.day, size)
    eligible = int(rows["eligible"].sum())
    status = _status(maker, priced, calendar, none=not eligible)
    return Built(maker.profile, priced.day, rows, product_ranking(rows), eligible, status, notes)


def _status(
    maker: Maker, priced: Priced, calendar: Calendar, *, none: bool, unknown: bool = False
) -> Status:
    if none:
        return Status.NO_CANDIDATES
    if unknown:
        return Status.BENCHMARK_UNKNOWN
    if priced.lags(maker.benchmark, calendar):
        return Status.PRICES_STALE
    if priced.day != month_end(priced.day, calendar):
        return Status.OFF_SCHEDULE
    return Status.READY


def _unsaid(notes: tuple[Note, ...], priced: Priced) -> Iterator[Note]:
    """The remarks but those that a stock set apart has no prices."""
    for note in notes:
        if not (note.code == "unpriced_until" and note.symbol in priced.apart):
            yield note


def _family(profile: str, strategy: Strategy) -> Family | None:
    family = FAMILIES.get(profile)
    match strategy:
        case MultiFactorDefensive() if family:
            return family.referring({"SPY": strategy.benchmark_symbol})
        case MegaCapLeaders() if family:
            referred = family.referring(
                {
                    "QQQ": strategy.benchmark_symbol,
                    "SPY": strategy.broad_benchmark_symbol,
                    "BOXX": strategy.safe_haven,
                }
            )
            return replace(referred, min_adv=strategy.min_adv20_usd)
        case PullbackEnhancement() if family:
            # Momentum stays measured against the usual benchmark, whatever trend is looked at.
            own = {strategy.benchmark_symbol: BENCHMARK, strategy.safe_haven: _DEFENSE}
            return replace(
                family,
                references={**family.references, **own},
                sectors=strategy.sector_whitelist,
                min_adv=strategy.min_adv20_usd,
            )
        case LeveragedPullback():
            return None
    raise SettingsError("profile_without_snapshot", profile=profile)


def _benchmark(strategy: Strategy) -> Symbol:
    return _monthly(strategy).benchmark_symbol


def _monthly(strategy: Strategy) -> MultiFactorDefensive | PullbackEnhancement | MegaCapLeaders:
    assert isinstance(strategy, MultiFactorDefensive | PullbackEnhancement | MegaCapLeaders)
    return strategy


def _pool(strategy: Strategy) -> LeveragedPullback:
    assert isinstance(strategy, LeveragedPullback)
    return strategy
