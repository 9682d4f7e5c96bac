"""Cases of conformance vectors, decided from their inputs alone."""

import csv
import gzip
import io
import json
import math
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, TextIO, TypeAlias

import numpy as np
import pandas as pd

from bot.conform_backtests import plain as plain_summary
from bot.conform_backtests import summaries_of
from bot.conform_guarded import guarded_case
from bot.conform_rows import plain, rows_of
from bot.conform_snapshot import snapshot_case
from bot.domain.errors import BellwetherError, Blocked, DataError
from bot.domain.model import Symbol
from bot.domain.strategy import Facts, Hold, Holding
from bot.vectors import Question, day, exchange, mapping, number, perhaps_number
from strategies import as_specified, profile

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


Computed: TypeAlias = Callable[[Mapping[str, Any]], dict[str, object]]
Reader: TypeAlias = Callable[[str, Mapping[str, str], Mapping[str, Any]], Question]
_GUARDED = "guarded"


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
    or input are refused is an `error`. Cases that ask for rows are answered with
    these, as `kind` `rows`, those about backtests with their `summary`. Raises
    DataError `unreadable_vectors` or `unknown_vectors` where the file itself can
    not be asked, and SettingsError where nobody knows its profile.
    """
    vectors = _read(path)
    computed = _computed(vectors)
    if computed is not None:
        for index, case in enumerate(vectors["cases"]):
            yield {"id": case.get("id", f"{path.name}#{index}"), **_told(computed, case)}
        return
    asked = _kind(vectors)
    if asked is None:
        remedy = "give a file with a profile, frames, and cases that name their closes or a kind"
        raise DataError("unknown_vectors", path=path, remedy=remedy)
    name = profile(vectors["profile"]).name
    frames = vectors["frames"]
    for index, case in enumerate(vectors["cases"]):
        reader = guarded_case if case.get("kind") == _GUARDED else asked
        answer = _answer(partial(reader, name, frames, case))
        yield {"id": case.get("id", f"{path.name}#{index}"), **answer}


def daily_case(name: str, frames: Mapping[str, str], case: Mapping[str, Any]) -> Question:
    """Read a case of a daily profile.

    Raises DataError `bad_case` naming the field that can not be believed, and
    SettingsError for its parameters.
    """
    params = mapping("params", case.get("params"))
    dropped = _RUN_CONTEXT.get(name, frozenset())
    as_of = day("as_of", case.get("as_of"))
    text = frames.get(str(case.get("closes")))
    if not isinstance(text, str):
        raise DataError("bad_case", field="closes", value=case.get("closes"))
    return Question(
        strategy=as_specified(name, {key: params[key] for key in params if key not in dropped}),
        as_of=as_of,
        facts=_known_on(as_of, _closes(text)),
        holdings=_holdings(mapping("holdings", case.get("holdings"))),
        equity=perhaps_number("equity", case.get("equity")),
    )


def _read(path: Path) -> Any:
    try:
        content = path.read_bytes()
        return json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        remedy = "give a file of JSON, or of JSON compressed by gzip and named .gz"
        raise DataError("unreadable_vectors", path=path, reason=error, remedy=remedy) from error


def _kind(vectors: Any) -> Reader | None:
    """Who reads the cases of a file of this shape; nobody where it is unknown."""
    match vectors:
        case {"profile": str() as told, "frames": dict(), "cases": list(cases)}:
            snapshots = bool(profile(told).strategy().needs.feeds)
            field, reader = ("kind", snapshot_case) if snapshots else ("closes", daily_case)
            if all(isinstance(case, dict) and field in case for case in cases):
                return reader
    return None


def _answer(read: Callable[[], Question]) -> dict[str, object]:
    try:
        decision = read().decide()
    except Blocked:
        return {"kind": "blocked", "weights": {}}
    except BellwetherError:
        return {"kind": "error", "weights": {}}
    if isinstance(decision, Hold):
        return {"kind": "hold", "weights": {}}
    return {"kind": "rebalance", "weights": dict(decision.targets)}


def _computed(vectors: Any) -> Computed | None:
    """Who computes the cases of a file that asks for no decision; nobody of another."""
    rows, summary = rows_of(vectors), summaries_of(vectors)
    if rows is not None:
        return lambda case: {"kind": "rows", "rows": plain(rows(case))}
    if summary is not None:
        return lambda case: {"summary": plain_summary(summary(case))}
    return None


def _told(computed: Computed, case: Mapping[str, Any]) -> dict[str, object]:
    try:
        return computed(case)
    except BellwetherError:
        return {"kind": "error"}


def _known_on(as_of: date, closes: pd.DataFrame) -> Facts:
    """What was known when `as_of` ended; a day without a row has one on which nothing traded."""
    today = pd.Timestamp(as_of)
    known = closes.loc[:today]
    if today not in known.index:
        known = known.reindex(known.index.append(pd.DatetimeIndex([today])))
    return Facts(known, exchange().index(known.index[0].date(), as_of))


def _closes(text: str) -> pd.DataFrame:
    """Read `date,SYM,SYM,…` with a row per day, an empty field where there is no bar."""
    header, *rows = [row for row in csv.reader(io.StringIO(text)) if row] or [[]]
    symbols = header[1:]
    if header[:1] != ["date"] or len(set(symbols)) < len(symbols):
        raise DataError("bad_case", field="closes", value=",".join(header))
    days = [day("date", row[0]) for row in rows]
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
        position = mapping(f"holdings.{symbol}", lot)
        shares = number(f"holdings.{symbol}.shares", position.get("shares"))
        price = number(f"holdings.{symbol}.price", position.get("price"))
        held[symbol] = Holding(Decimal(repr(shares)), shares * price)
    return held
