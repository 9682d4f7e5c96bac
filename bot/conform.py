"""Cases of conformance vectors, decided from their inputs alone."""

import csv
import gzip
import io
import json
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pandas as pd

from bot.domain.calendar import Calendar
from bot.domain.errors import BellwetherError, Blocked, DataError
from bot.domain.model import Symbol
from bot.domain.strategy import Decision, Facts, Features, Hold, Holding, Strategy
from bot.sessions import nyse
from strategies import as_specified, profile

_FIRST, _LAST = date(1990, 1, 1), date(2040, 12, 31)

# No amount of money or shares; infinity, and whole numbers no float can hold, are beyond it.
_ABSURD = 1e18

# What the originals were handed beside their parameters and dropped unread, and the threshold
# below which they did not trade: that is a rule of the book here, and no target depends on it.
_RUN_CONTEXT: Mapping[str, frozenset[str]] = {
    "global_etf_rotation": frozenset({"translator", "pacing_sec"}),
    "tqqq_growth_income": frozenset(
        {
            *("managed_symbols", "benchmark_symbol", "translator", "signal_text_fn"),
            *("rebalance_threshold_ratio", "execution_cash_reserve_ratio"),
        }
    ),
    "soxl_soxx_trend_income": frozenset(
        {"managed_symbols", "translator", "signal_text_fn", "rebalance_threshold_ratio"}
    ),
}


@dataclass(frozen=True, slots=True)
class DailyCase:
    """One question to a daily profile: who decides, what was known, and what was held."""

    strategy: Strategy
    as_of: date
    facts: Facts
    holdings: Mapping[Symbol, Holding]
    equity: float | None

    def features(self) -> Features:
        """The strategy's numbers over everything known on the day."""
        return Features(self.strategy, self.facts)

    def decide(self) -> Decision:
        """What the strategy says of the day."""
        return self.features().decide(self.as_of, self.holdings, self.equity)


def conform(paths: Iterable[Path], out: TextIO) -> int:
    """Write one line of JSON per case of the files, and return how many there were."""
    count = 0
    for path in paths:
        for answer in evaluate(path):
            out.write(json.dumps(answer, allow_nan=False) + "\n")
            count += 1
    return count


def evaluate(path: Path) -> Iterator[dict[str, object]]:
    """Answer the cases of a file in order: id, kind and, of a rebalance, the weights.

    `kind` is `rebalance`, `hold`, `blocked` or `error`; a case whose parameters
    or input are refused is an `error`. Raises DataError `unreadable_vectors` or
    `unknown_vectors` where the file itself can not be asked, and SettingsError
    where nobody knows its profile.
    """
    vectors = _read(path)
    if not _is_daily(vectors):
        remedy = "give a file with a profile, frames, and cases that name their closes"
        raise DataError("unknown_vectors", path=path, remedy=remedy)
    name = profile(vectors["profile"]).name
    frames = vectors["frames"]
    for index, case in enumerate(vectors["cases"]):
        yield {"id": case.get("id", f"{path.name}#{index}"), **_answer(name, frames, case)}


def daily_case(name: str, frames: Mapping[str, str], case: Mapping[str, Any]) -> DailyCase:
    """Read a case of a daily profile.

    Raises DataError `bad_case` naming the field that can not be believed, and
    SettingsError for its parameters.
    """
    params = _mapping("params", case.get("params"))
    dropped = _RUN_CONTEXT.get(name, frozenset())
    as_of = _day("as_of", case.get("as_of"))
    text = frames.get(str(case.get("closes")))
    if not isinstance(text, str):
        raise DataError("bad_case", field="closes", value=case.get("closes"))
    equity = case.get("equity")
    return DailyCase(
        strategy=as_specified(name, {key: params[key] for key in params if key not in dropped}),
        as_of=as_of,
        facts=_known_on(as_of, _closes(text)),
        holdings=_holdings(_mapping("holdings", case.get("holdings"))),
        equity=None if equity is None else _number("equity", equity),
    )


def _read(path: Path) -> Any:
    try:
        content = path.read_bytes()
        return json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        remedy = "give a file of JSON, or of JSON compressed by gzip and named .gz"
        raise DataError("unreadable_vectors", path=path, reason=error, remedy=remedy) from error


def _is_daily(vectors: Any) -> bool:
    match vectors:
        case {"profile": str(), "frames": dict(), "cases": list(cases)}:
            return all(isinstance(case, dict) and "closes" in case for case in cases)
    return False


def _answer(name: str, frames: Mapping[str, str], case: Mapping[str, Any]) -> dict[str, object]:
    try:
        decision = daily_case(name, frames, case).decide()
    except Blocked:
        return {"kind": "blocked", "weights": {}}
    except BellwetherError:
        return {"kind": "error", "weights": {}}
    if isinstance(decision, Hold):
        return {"kind": "hold", "weights": {}}
    return {"kind": "rebalance", "weights": dict(decision.targets)}


def _known_on(as_of: date, closes: pd.DataFrame) -> Facts:
    """What was known when `as_of` ended; a day without a row has one on which nothing traded."""
    today = pd.Timestamp(as_of)
    known = closes.loc[:today]
    if today not in known.index:
        known = known.reindex(known.index.append(pd.DatetimeIndex([today])))
    return Facts(known, _exchange().index(known.index[0].date(), as_of))


@cache
def _exchange() -> Calendar:
    return nyse(_FIRST, _LAST)


def _closes(text: str) -> pd.DataFrame:
    """Read `date,SYM,SYM,…` with a row per day, an empty field where there is no bar."""
    header, *rows = [row for row in csv.reader(io.StringIO(text)) if row] or [[]]
    symbols = header[1:]
    if header[:1] != ["date"] or len(set(symbols)) < len(symbols):
        raise DataError("bad_case", field="closes", value=",".join(header))
    days = [_day("date", row[0]) for row in rows]
    values = [_prices(row[1:], len(symbols)) for row in rows]
    index = pd.DatetimeIndex(days, name="date")
    if not (index.is_monotonic_increasing and index.is_unique):
        raise DataError("bad_case", field="closes", value="dates that do not increase")
    table = np.array(values, dtype=np.float64).reshape(len(rows), len(symbols))
    return pd.DataFrame(table, index, symbols)


def _prices(fields: list[str], count: int) -> list[float]:
    try:
        prices = [float(field) if field.strip() else math.nan for field in fields]
    except ValueError as error:
        raise DataError("bad_case", field="closes", value=str(error)) from error
    if len(prices) != count or any(map(math.isinf, prices)):
        raise DataError("bad_case", field="closes", value=",".join(fields))
    return prices


def _holdings(told: Mapping[Symbol, Any]) -> Mapping[Symbol, Holding]:
    held = {}
    for symbol, lot in told.items():
        position = _mapping(f"holdings.{symbol}", lot)
        shares = _number(f"holdings.{symbol}.shares", position.get("shares"))
        price = _number(f"holdings.{symbol}.price", position.get("price"))
        held[symbol] = Holding(Decimal(repr(shares)), shares * price)
    return held


def _mapping(field: str, value: Any) -> Mapping[str, Any]:
    """What a field says by name; nothing where it is null or left out."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise DataError("bad_case", field=field, value=value)
    return value


def _number(field: str, value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _ABSURD:
        return float(value)
    raise DataError("bad_case", field=field, value=value)


def _day(field: str, value: Any) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise DataError("bad_case", field=field, value=value) from error
