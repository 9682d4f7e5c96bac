"""A backtest by the first authors' accounting as somebody asks for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from bot import app
from bot.domain.errors import SettingsError
from bot.domain.strategy import Strategy
from bot.original import Study, Terms
from bot.original_products import ProductRule, study_products
from bot.original_sessions import study_sessions
from bot.original_stocks import StockRule, defensive, study_stocks, unpooled
from bot.original_tables import (
    Labels,
    Row,
    further_tables,
    leaders_summary,
    products_summary,
    stocks_summary,
    tables,
)
from bot.snapshots import Maker
from bot.snapshots_panel import as_they_stand
from bot.snapshots_prices import rows_of
from bot.snapshots_tables import table_of
from bot.trial import Wish, staged
from config.settings import Settings
from strategies import profile
from strategies.leveraged_pullback import LeveragedPullback
from strategies.mega_cap_leaders import MegaCapLeaders
from strategies.multi_factor_defensive import MultiFactorDefensive
from strategies.panel import Panel
from strategies.pullback_enhancement import PullbackEnhancement
from strategies.universe import Universe

# What their tools took of a turnover where nobody said anything else.
_COST_BPS: Mapping[type[Strategy], float] = {MultiFactorDefensive: 0.0}
_USUAL_COST_BPS = 5.0
_LEADERS, _PRODUCT_MODE = "mega_cap_leader_rotation", "leveraged_product"


@dataclass(frozen=True, slots=True, eq=False)
class Reckoned:
    """What came of it: the rows of the summary, and the tables behind them by name."""

    profile: str
    source: Path
    summary: tuple[Row, ...]
    tables: Mapping[str, pd.DataFrame]


@dataclass(frozen=True, slots=True)
class Members:
    """What monthly rules are studied on beside prices, and what a turnover costs.

    `universe` is a table of who belonged to the stocks and when. `cost_bps` are basis
    points, those of the originals' own tools by default.
    """

    universe: Path | None = None
    cost_bps: float | None = None


def attempt_original(wish: Wish, settings: Settings, members: Members) -> Reckoned:
    """Reckon a wish by the first authors' accounting.

    With a universe a rule that reads snapshots is studied as they did it: its features
    are computed of the prices at each month's end, or week's. Without, any profile is
    asked session by session, of its feeds where it reads some. Raises what prices,
    tables and settings raise, and SettingsError `table_unused` for a universe nobody reads.
    """
    if wish.book is not None:
        app.refuse_unknown_book(wish.book, settings)
    about = profile(wish.profile or settings.books[wish.book or ""].profile)
    usual = _COST_BPS.get(about.strategy, _USUAL_COST_BPS)
    cost = usual if members.cost_bps is None else members.cost_bps
    terms = Terms(wish.first, wish.last, cost)
    if members.universe is None:
        return _by_session(wish, settings, terms)
    if wish.prices is None or not about.strategy().needs.universe:
        raise SettingsError("table_unused", profile=about.name, path=members.universe)
    universe = Universe.of(table_of(members.universe))
    study, summary = _studied(about.name, wish.prices, universe, terms)
    more = dict(further_tables(study)) if "Strategy" in summary[0] else {}
    kept = {**dict(tables(summary, study)), **more}
    return Reckoned(about.name, wish.prices, tuple(summary), kept)


def _by_session(wish: Wish, settings: Settings, terms: Terms) -> Reckoned:
    stage = staged(wish, settings)
    benchmark = stage.past.closes[stage.benchmark].ffill()
    terms = replace(terms, first=terms.first or stage.reach.begins)
    study = study_sessions(stage.book.strategy, stage.facts, benchmark, terms)
    summary = stocks_summary(study, stage.benchmark)
    kept = dict(tables(summary, study))
    return Reckoned(stage.book.profile, stage.past.source, tuple(summary), kept)


def _studied(name: str, prices: Path, universe: Universe, terms: Terms) -> tuple[Study, list[Row]]:
    def stocks(rule: StockRule, terms: Terms) -> Study:
        return study_stocks(rule, _panel(prices, rule.family.panel), universe, terms)

    match profile(name).strategy():
        case LeveragedPullback() as strategy:
            products = ProductRule(strategy)
            panel = _panel(prices, products.panel)
            study = study_products(products, panel, universe, terms)
            return study, products_summary(study, name, _PRODUCT_MODE, products.leverage)
        case MultiFactorDefensive() as strategy:
            study = stocks(defensive(strategy), replace(terms, warmed=False))
            return study, stocks_summary(study, strategy.benchmark_symbol)
        case PullbackEnhancement() as strategy:
            study = stocks(_rule(name, strategy), terms)
            return study, stocks_summary(study, strategy.benchmark_symbol)
        case MegaCapLeaders() as strategy:
            study = stocks(_rule(name, strategy), terms)
            pool = name.removeprefix(f"{_LEADERS}_")
            broad = strategy.broad_benchmark_symbol
            labels = Labels(_LEADERS, pool, strategy.benchmark_symbol, broad)
            return study, leaders_summary(study, labels)
    raise SettingsError("profile_without_snapshot", profile=name)


def _panel(path: Path, read: Callable[[pd.DataFrame], Panel]) -> Panel:
    """The prices of a file; its rows are let go, they are as large as all that is made of them."""
    rows = rows_of(path)
    return as_they_stand(rows) or read(rows)


def _rule(name: str, strategy: PullbackEnhancement | MegaCapLeaders) -> StockRule:
    family = Maker(name, strategy).family
    assert family is not None, "both rank stocks"
    return StockRule(strategy, unpooled(family))
