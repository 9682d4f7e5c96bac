"""Cases of conformance vectors about backtests by the first authors' accounting."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any, TypeAlias

import pandas as pd

from bot.domain.errors import DataError
from bot.original import Terms
from bot.original_products import ProductRule, study_products
from bot.original_stocks import StockRule, defensive, study_stocks, unpooled
from bot.original_tables import Labels, Row, leaders_summary, products_summary, stocks_summary
from bot.vectors import day, frame_prices, frame_table, mapping, number
from strategies import as_specified
from strategies.families import FAMILIES
from strategies.leveraged_pullback import FEED as PRODUCTS
from strategies.leveraged_pullback import LeveragedPullback
from strategies.mega_cap_leaders import MegaCapLeaders
from strategies.multi_factor_defensive import FEED as RUSSELL
from strategies.multi_factor_defensive import MultiFactorDefensive
from strategies.universe import Universe

Summaries: TypeAlias = Callable[[Mapping[str, Any]], list[Row]]
_Given: TypeAlias = Mapping[str, Any]

_LEADERS, _LEADERS_NAME = "mega_cap_leader_rotation_dynamic_top20", "mega_cap_leader_rotation"
_PRODUCT_MODE = "leveraged_product"
_TERMS = ("start_date", "end_date", "turnover_cost_bps")
# The tools of the first authors began here where nobody said when.
_BEGINS = "2016-01-01"
_COST_BPS = 5.0
_RUSSELL_PARAMS = (
    *("benchmark_symbol", "safe_haven", "holdings_count", "single_name_cap", "sector_cap"),
    "hold_bonus",
)
# What their tool for leaders took where nobody chose: not what their live rule takes.
_LEADERS_PARAMS: Mapping[str, object] = {
    "benchmark_symbol": "QQQ",
    "broad_benchmark_symbol": "SPY",
    "safe_haven": "BOXX",
    "top_n": 3,
    "single_name_cap": 0.35,
    "hold_buffer": 2,
    "hold_bonus": 0.10,
    "risk_on_exposure": 1.0,
    "soft_defense_exposure": 0.5,
    "hard_defense_exposure": 0.2,
    "soft_breadth_threshold": 0.5,
    "hard_breadth_threshold": 0.3,
}
_LEADERS_LIMITS: Mapping[str, str] = {
    "min_price_usd": "min_price",
    "min_adv20_usd": "min_adv",
    "min_history_days": "min_rows",
}
_PRODUCT_PARAMS = (
    *("benchmark_symbol", "safe_haven", "candidate_universe_size", "top_n", "single_name_cap"),
    *("hold_buffer", "max_product_exposure", "atr_period", "atr_entry_scale", "atr_exit_scale"),
    *("entry_line_floor", "entry_line_cap", "exit_line_floor", "exit_line_cap"),
)
_PRODUCT_TERMS: Mapping[str, str] = {
    "leverage_multiple": "leverage",
    "leveraged_expense_rate": "expense",
    "soft_product_exposure": "soft",
    "hard_product_exposure": "hard",
}
# What was only ever tried out: left as it was, it changes nothing, and else it is refused.
_UNTRIED: Mapping[str, tuple[object, ...]] = {
    "symbols": (None,),
    "market_trend_symbol": (None, "QQQ"),
    "return_mode": (_PRODUCT_MODE,),
    "rebound_budget_signals": (None,),
    "bear_candidate_mode": ("off",),
}
_UNREAD = (
    *("margin_borrow_rate", "rebound_budget_column", "rebound_budget_signal_active_days"),
    *("rebound_budget_cap", "allow_rebound_budget_in_hard_defense"),
    "bear_candidate_max_size_multiplier",
)


def summaries_of(vectors: Any) -> Summaries | None:
    """Who reckons the cases of such a file; nobody where it asks for something else.

    Their `kind` says whose backtest it is. What is reckoned raises DataError for
    whatever can not be believed, and SettingsError for parameters.
    """
    match vectors:
        case {"frames": dict(frames), "cases": [_, *_] as cases} if "profile" not in vectors:
            if all(isinstance(case, dict) and case.get("kind") in _STUDIES for case in cases):
                return partial(_summary, frames)
    return None


def plain(summary: Sequence[Row]) -> list[Row]:
    """A summary as vectors have it: null where a number is not known."""
    return [{name: _cell(value) for name, value in row.items()} for row in summary]


def _cell(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _summary(frames: Mapping[str, str], case: _Given) -> list[Row]:
    given = mapping("input", case.get("input"))
    prices = frame_prices(frames, given.get("prices"))
    universe = Universe.of(frame_table("universe", given.get("universe")))
    kwargs = mapping("kwargs", given.get("kwargs"))
    return _STUDIES[case["kind"]](prices, universe, kwargs)


def _russell(prices: pd.DataFrame, universe: Universe, kwargs: _Given) -> list[Row]:
    _refuse_unknown(kwargs, (*_TERMS, *_RUSSELL_PARAMS))
    strategy = as_specified(RUSSELL, _named(kwargs, _RUSSELL_PARAMS))
    assert isinstance(strategy, MultiFactorDefensive)
    rule = defensive(strategy)
    terms = replace(_terms(kwargs, None, 0.0), warmed=False)
    study = study_stocks(rule, rule.family.panel(prices), universe, terms)
    return stocks_summary(study, strategy.benchmark_symbol)


def _leaders(prices: pd.DataFrame, universe: Universe, kwargs: _Given) -> list[Row]:
    extra = ("pool_name", "max_names_per_sector")
    _refuse_unknown(kwargs, (*_TERMS, *_LEADERS_PARAMS, *_LEADERS_LIMITS, *extra))
    params = _named({**_LEADERS_PARAMS, **kwargs}, _LEADERS_PARAMS)
    # Whoever is eligible trades enough already, and the size of the account is not known.
    strategy = as_specified(
        _LEADERS, {**params, "min_adv20_usd": 0.0, "min_position_value_usd": 0.0}
    )
    assert isinstance(strategy, MegaCapLeaders)
    family = unpooled(FAMILIES[_LEADERS]).referring(
        {
            "QQQ": strategy.benchmark_symbol,
            "SPY": strategy.broad_benchmark_symbol,
            "BOXX": strategy.safe_haven,
        }
    )
    limits: dict[str, Any] = {
        ours: number(name, kwargs[name]) for name, ours in _LEADERS_LIMITS.items() if name in kwargs
    }
    most = kwargs.get("max_names_per_sector")
    rule = StockRule(
        strategy,
        replace(family, **limits),
        None if most is None else int(number("max_names_per_sector", most)),
    )
    terms = _terms(kwargs, _BEGINS, _COST_BPS)
    study = study_stocks(rule, rule.family.panel(prices), universe, terms)
    labels = Labels(
        strategy=_LEADERS_NAME,
        pool=str(kwargs.get("pool_name", "expanded")),
        benchmark=strategy.benchmark_symbol,
        broad=strategy.broad_benchmark_symbol,
    )
    return leaders_summary(study, labels)


def _products(prices: pd.DataFrame, universe: Universe, kwargs: _Given) -> list[Row]:
    other = ("frequency", "broad_benchmark_symbol", *_UNTRIED, *_UNREAD)
    _refuse_unknown(kwargs, (*_TERMS, *_PRODUCT_PARAMS, *_PRODUCT_TERMS, *other))
    for name, neutral in _UNTRIED.items():
        if name in kwargs and kwargs[name] not in neutral:
            raise DataError("bad_case", field=f"kwargs.{name}", value=kwargs[name])
    frequency = kwargs.get("frequency", "weekly")
    if frequency not in {"weekly", "monthly"}:
        raise DataError("bad_case", field="kwargs.frequency", value=frequency)
    strategy = as_specified(PRODUCTS, _named(kwargs, _PRODUCT_PARAMS))
    assert isinstance(strategy, LeveragedPullback)
    told: dict[str, Any] = {
        ours: number(name, kwargs[name]) for name, ours in _PRODUCT_TERMS.items() if name in kwargs
    }
    rule = ProductRule(strategy, weekly=frequency == "weekly", **told)
    if "broad_benchmark_symbol" in kwargs:
        rule = replace(rule, broad=str(kwargs["broad_benchmark_symbol"]).strip().upper())
    terms = _terms(kwargs, _BEGINS, _COST_BPS)
    study = study_products(rule, rule.panel(prices), universe, terms)
    return products_summary(study, PRODUCTS, _PRODUCT_MODE, rule.leverage)


_STUDIES: Mapping[str, Callable[[pd.DataFrame, Universe, _Given], list[Row]]] = {
    "russell": _russell,
    "mega": _leaders,
    "leveraged": _products,
}


def _refuse_unknown(kwargs: _Given, known: Sequence[str]) -> None:
    for key in kwargs:
        if key not in known:
            raise DataError("bad_case", field=f"kwargs.{key}", value=kwargs[key])


def _named(kwargs: _Given, known: Sequence[str] | Mapping[str, object]) -> dict[str, object]:
    """The parameters somebody chose, under the names our rules have for them."""
    ours = {"top_n": "holdings_count"}
    return {ours.get(key, key): kwargs[key] for key in known if kwargs.get(key) is not None}


def _terms(kwargs: _Given, begins: str | None, cost_bps: float) -> Terms:
    cost = kwargs.get("turnover_cost_bps", cost_bps)
    return Terms(
        first=_day("start_date", kwargs.get("start_date", begins)),
        last=_day("end_date", kwargs.get("end_date")),
        cost_bps=number("turnover_cost_bps", cost),
    )


def _day(field: str, told: Any) -> date | None:
    return None if told is None else day(field, told)
