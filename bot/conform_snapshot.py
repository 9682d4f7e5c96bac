"""Cases of conformance vectors about profiles that read snapshots."""

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from bot.domain.calendar import exchange_date
from bot.domain.errors import DataError
from bot.domain.model import Symbol
from bot.domain.strategy import Facts, Holding, Strategy
from bot.vectors import Question, day, exchange, mapping, number, perhaps_number
from strategies import as_specified

_RUSSELL = "russell_1000_multi_factor_defensive"
_TECH = "tech_communication_pullback_enhancement"
_DYNAMIC = "dynamic_mega_leveraged_pullback"
_BENCHMARK = "QQQ"

_RUN_AS_OF, _EQUITY = "run_as_of", "portfolio_total_equity"
_WINDOW = "runtime_execution_window_trading_days"
# What the originals were handed beside their parameters, or read for a report only; whatever
# else they were handed they refused.
_HANDED = frozenset(
    {
        *(_EQUITY, "translator", "signal_text_fn", "managed_symbols"),
        *("runtime_config_name", "runtime_config_path", "runtime_config_source"),
    }
)
_LEADERS_CONTEXT = _HANDED | {_RUN_AS_OF, "dynamic_universe_size"}
_RUN_CONTEXT: Mapping[str, frozenset[str]] = {
    _RUSSELL: frozenset(),
    _TECH: _HANDED | {_RUN_AS_OF, "residual_proxy"},
    _DYNAMIC: _HANDED | {"leverage_multiple", "min_adv20_usd", "history_duration", "bar_size"},
}

# A weekend and a holiday before a snapshot's date: sessions enough to count from it.
_BEFORE = timedelta(days=10)


@dataclass(frozen=True, slots=True)
class _Timing:
    """The day asked, the snapshot's date, and whether sessions count from one to the other."""

    today: date
    made: date
    counted: bool

    @property
    def known_on(self) -> date:
        return exchange().after(self.made).date if self.counted else self.today


def snapshot_case(name: str, frames: Mapping[str, str], case: Mapping[str, Any]) -> Question:
    """Read a case of kind `signal` of a profile that reads snapshots.

    The sessions on which a snapshot may be acted on are counted where the original
    counted them: always for the leaders, for the pullback where `params` say when
    it runs, never where the snapshot has no date. Elsewhere it is known on the day
    itself. Raises DataError `bad_case` naming the field that can not be believed,
    and SettingsError for its parameters.
    """
    given = mapping("input", case.get("input"))
    params = mapping("params", case.get("params"))
    table = _table(name, mapping("input.snapshot", given.get("snapshot")))
    timing = _timing(name, table, params.get(_RUN_AS_OF), case.get("as_of"))
    told = params.get(_EQUITY)
    facts = _quoted(frames, given, timing) if name == _DYNAMIC else _unquoted(timing)
    dated = table.assign(
        as_of=pd.Timestamp(timing.made if timing.counted else timing.today),
        known_on=pd.Timestamp(timing.known_on),
    )
    return Question(
        strategy=_strategy(name, params, timing),
        as_of=timing.today,
        facts=replace(facts, feeds={name: dated}),
        holdings=_holdings(case.get("holdings")),
        equity=perhaps_number("equity", case.get("equity") if told is None else told),
    )


def _timing(name: str, table: pd.DataFrame, run_as_of: Any, as_of: Any) -> _Timing:
    told = run_as_of if run_as_of is not None else as_of
    run = None if told is None else _run_day(told)
    made = _made(table)
    window = name not in {_RUSSELL, _DYNAMIC} and (name != _TECH or run_as_of is not None)
    today = run or exchange().after(made or exchange().first).date
    return _Timing(today, made or today, window and run is not None and made is not None)


def _strategy(name: str, params: Mapping[str, Any], timing: _Timing) -> Strategy:
    dropped = _RUN_CONTEXT.get(name, _LEADERS_CONTEXT)
    if dropped and not timing.counted:
        dropped |= {_WINDOW}
    kept = {key: value for key, value in params.items() if key not in dropped}
    if kept.get("blend_sleeves") is not None:
        kept["blend_sleeves"] = [_sleeve(told) for told in _list("params", kept["blend_sleeves"])]
    return as_specified(name, kept)


def _sleeve(told: Any) -> str:
    sleeve = mapping("blend_sleeves", told)
    weight, names, cap = (
        number(f"blend_sleeves.{key}", sleeve.get(key))
        for key in ("weight", "holdings_count", "single_name_cap")
    )
    return f"{weight!r} top{names:g} cap{cap!r}"


def _table(name: str, told: Mapping[str, Any]) -> pd.DataFrame:
    """The snapshot as a table. A missing symbol was a stock of the name NAN for two profiles."""
    columns = [str(column) for column in _list("input.snapshot", told.get("columns"))]
    rows = [_list("input.snapshot", row) for row in _list("input.snapshot", told.get("rows"))]
    if not rows or any(len(row) != len(columns) for row in rows):
        raise DataError("bad_case", field="input.snapshot", value=f"{len(rows)} rows")
    for cell in (cell for row in rows for cell in row):
        if isinstance(cell, list | dict):
            raise DataError("bad_case", field="input.snapshot", value=cell)
    table = pd.DataFrame(rows, columns=columns)
    if len(set(columns)) < len(columns):
        raise DataError("bad_case", field="input.snapshot", value=", ".join(columns))
    if name in {_RUSSELL, _TECH} and "symbol" in table:
        table["symbol"] = table["symbol"].fillna("NAN")
    return table


def _made(table: pd.DataFrame) -> date | None:
    """The latest date of a snapshot, None where no row has one."""
    days = []
    for told in table.get("as_of", pd.Series(dtype=object)).tolist():
        try:
            days.append(datetime.fromisoformat(str(told)).date())
        except ValueError:
            continue
    return max(days, default=None)


def _run_day(told: Any) -> date:
    """The date of a run: at the exchange where its time has a zone."""
    try:
        moment = datetime.fromisoformat(told)
    except (TypeError, ValueError) as error:
        raise DataError("bad_case", field="as_of", value=told) from error
    return exchange_date(moment) if moment.tzinfo else moment.date()


def _unquoted(timing: _Timing) -> Facts:
    """The sessions up to the day, and no prices: these profiles read none."""
    first = min(timing.made, timing.today) - _BEFORE
    days = exchange().index(first, timing.today)
    if not timing.counted:
        days = days.union([pd.Timestamp(timing.today)])
    known = days[days <= pd.Timestamp(timing.today)]
    return Facts(pd.DataFrame(index=known), days)


def _quoted(frames: Mapping[str, str], given: Mapping[str, Any], timing: _Timing) -> Facts:
    """The prices up to the day, which has a row though nothing was traded on it."""
    text = frames.get(str(given.get("prices")))
    if not isinstance(text, str):
        raise DataError("bad_case", field="input.prices", value=given.get("prices"))
    prices = _transformed(_long(text), mapping("input", given.get("benchmark_transform")))
    today = pd.Timestamp(timing.today)
    bars = {symbol: rows.set_index("as_of") for symbol, rows in prices.groupby("symbol")}
    closes, highs, lows = (
        pd.DataFrame({symbol: rows[value] for symbol, rows in bars.items()}).loc[:today]
        for value in ("close", "high", "low")
    )
    days = closes.index.union([today])
    sessions = exchange().index(days[0].date(), timing.today).union([today])
    return Facts(closes.reindex(days), sessions, highs=highs.reindex(days), lows=lows.reindex(days))


def _long(text: str) -> pd.DataFrame:
    """Read `symbol,as_of,open,high,low,close,volume` with a row for each bar, oldest first."""
    rows = []
    for row in csv.DictReader(io.StringIO(text)):
        try:
            bar = {key: float(row[key] or "nan") for key in ("high", "low", "close")}
            rows.append(
                {"symbol": row["symbol"], "as_of": pd.Timestamp(day("as_of", row["as_of"])), **bar}
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataError("bad_case", field="input.prices", value=str(error)) from error
    table = pd.DataFrame(rows, columns=["symbol", "as_of", "high", "low", "close"])
    if table.empty or table.duplicated(["symbol", "as_of"]).any() or np.isinf(table["close"]).any():
        raise DataError("bad_case", field="input.prices", value="no bars, or two of a day")
    return table.sort_values(["symbol", "as_of"], ignore_index=True)


def _transformed(prices: pd.DataFrame, told: Mapping[str, Any]) -> pd.DataFrame:
    """The prices with the benchmark's rows edited; the order they are handed over in is ours."""
    bars = prices.index[prices["symbol"] == _BENCHMARK]
    edited = prices.copy()
    for back in _list("benchmark_transform", told.get("nan_close_rows", [])):
        # Rows count from the newest.
        place = len(bars) - 1 - int(number("benchmark_transform", back))
        if not 0 <= place < len(bars):
            raise DataError("bad_case", field="benchmark_transform", value=back)
        edited.loc[bars[place], "close"] = math.nan
    if "tail" in told:
        kept = int(number("benchmark_transform", told["tail"]))
        edited = edited.drop(bars[: max(len(bars) - kept, 0)])
    return edited


def _holdings(told: Any) -> dict[Symbol, Holding]:
    """What is held, by name: how much of it never mattered."""
    names = [str(name).strip().upper() for name in _list("holdings", [] if told is None else told)]
    return {name: Holding(Decimal(1), 0.0) for name in names if name}


def _list(field: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise DataError("bad_case", field=field, value=value)
    return value
