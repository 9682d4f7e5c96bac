"""Cases of conformance vectors about rows: the features of a day, and universes over time."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any, TypeAlias

import pandas as pd

from bot.domain.errors import DataError
from bot.domain.model import Symbol
from bot.vectors import day, frame_prices, frame_table, mapping, number
from strategies import profile
from strategies.families import FAMILIES, Family, snapshot
from strategies.panel import Panel
from strategies.products import POOL_SIZE, product_snapshot, products_of
from strategies.universe import Universe, largest_over_time, membership

Rows: TypeAlias = Callable[[Mapping[str, Any]], pd.DataFrame]

_POOL = "dynamic_mega_leveraged_pullback"
_POOL_SIZE = "candidate_universe_size"
# What the originals called the limits of a family, and its references.
_LIMITS: Mapping[str, str] = {
    "min_price_usd": "min_price",
    "min_adv20_usd": "min_adv",
    "min_history_days": "min_rows",
    "dynamic_universe_size": "size",
}
_WHOLE = ("min_history_days", "dynamic_universe_size", _POOL_SIZE)
_REFERENCES: Mapping[str, Mapping[str, Symbol]] = {
    "russell_1000_multi_factor_defensive": {"benchmark_symbol": "SPY"},
    "tech_communication_pullback_enhancement": {"benchmark_symbol": "QQQ", "safe_haven": "BOXX"},
}
_LEADERS: Mapping[str, Symbol] = {
    "benchmark_symbol": "QQQ",
    "broad_benchmark_symbol": "SPY",
    "safe_haven": "BOXX",
}


def rows_of(vectors: Any) -> Rows | None:
    """Who computes the rows of a case of such a file; nobody where it asks for something else.

    Cases of features name a profile and a frame of prices, those of universes a
    function and tables of holdings, or the tables of another case of the file.
    What is computed raises DataError for whatever can not be believed.
    """
    match vectors:
        case {"frames": dict(frames), "cases": list(cases)} if _all(cases, "profile", "input"):
            return partial(_features, frames)
        case {"cases": list(cases)} if _all(cases, "fn"):
            tables = next((case["snapshots"] for case in cases if "snapshots" in case), None)
            return partial(_history, tables)
    return None


def plain(rows: pd.DataFrame) -> dict[str, object]:
    """Rows as vectors have them: dates in ISO, null where a value is missing."""
    told = rows.to_dict("split", index=False)
    cells = [[_cell(cell) for cell in row] for row in told["data"]]
    return {"columns": [str(column) for column in told["columns"]], "rows": cells}


def _all(cases: Sequence[Any], *fields: str) -> bool:
    told = [isinstance(case, dict) and all(field in case for field in fields) for case in cases]
    return bool(told) and all(told)


def _cell(cell: Any) -> object:
    if cell is None or cell is pd.NaT or cell is pd.NA:
        return None
    if isinstance(cell, date):
        return cell.strftime("%Y-%m-%d")
    plain_cell = cell.item() if hasattr(cell, "item") else cell
    if isinstance(plain_cell, float) and not math.isfinite(plain_cell):
        return None
    return plain_cell


def _features(frames: Mapping[str, str], case: Mapping[str, Any]) -> pd.DataFrame:
    name = profile(str(case["profile"])).name
    given = mapping("input", case["input"])
    kwargs = mapping("kwargs", given.get("kwargs"))
    prices = frame_prices(frames, given.get("prices"))
    universe = Universe.of(frame_table("universe", given.get("universe")))
    if name == _POOL:
        _refuse_unknown(kwargs, (_POOL_SIZE, *_LEADERS))
        panel = Panel.of_rows(prices, wants_volume=False)
        products = products_of(frame_table("product_map", given.get("product_map")))
        size = _number(_POOL_SIZE, kwargs.get(_POOL_SIZE, POOL_SIZE))
        return product_snapshot(universe, products, _day(case, panel), int(size))[0]
    family = _family(name, kwargs)
    panel = family.panel(prices)
    return snapshot(family, panel, universe, _day(case, panel)).rows


def _family(name: str, kwargs: Mapping[str, Any]) -> Family:
    if name not in FAMILIES:
        raise DataError("bad_case", field="profile", value=name)
    references = _REFERENCES.get(name, _LEADERS)
    _refuse_unknown(kwargs, (*_LIMITS, *references))
    limits = {_LIMITS[key]: _number(key, kwargs[key]) for key in _LIMITS if key in kwargs}
    other = {
        symbol: str(kwargs[key]).strip().upper()
        for key, symbol in references.items()
        if key in kwargs
    }
    return replace(FAMILIES[name], **limits).referring(other)


def _refuse_unknown(kwargs: Mapping[str, Any], known: Sequence[str]) -> None:
    for key in kwargs:
        if key not in known:
            raise DataError("bad_case", field=f"kwargs.{key}", value=kwargs[key])


def _number(key: str, value: Any) -> Any:
    told = number(key, value)
    if key not in _WHOLE:
        return told
    if told != int(told) or told < 1:
        raise DataError("bad_case", field=key, value=value)
    return int(told)


def _day(case: Mapping[str, Any], panel: Panel) -> date:
    told = case.get("as_of")
    found = panel.newest if told is None else day("as_of", told)
    if found is None:
        raise DataError("bad_case", field="prices", value="no rows")
    return found


def _history(others: Any, case: Mapping[str, Any]) -> pd.DataFrame:
    tables = _holdings(case.get("snapshots", others))
    start = case.get("backfill_start_date")
    match case["fn"]:
        case "dynamic_mega_universe_history":
            size = number("universe_size", case.get("universe_size"))
            return largest_over_time(tables, int(size), str(case.get("ranking_column", "weight")))
        case "backfill_start":
            return membership(tables, None if start is None else day("backfill_start_date", start))
        case "active_universe":
            asked = day("as_of", case.get("as_of"))
            return Universe.of(membership(tables)).on(asked).rows[["symbol", "sector"]]
    raise DataError("bad_case", field="fn", value=case["fn"])


def _holdings(told: Any) -> dict[date, pd.DataFrame]:
    if not isinstance(told, list):
        raise DataError("bad_case", field="snapshots", value=told)
    tables = {}
    for pair in told:
        if not isinstance(pair, list) or len(pair) != len(("day", "rows")):
            raise DataError("bad_case", field="snapshots", value=pair)
        named, rows = pair
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise DataError("bad_case", field="snapshots", value=rows)
        tables[day("snapshots", named)] = pd.DataFrame(rows)
    return tables
