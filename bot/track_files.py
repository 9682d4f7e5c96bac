"""A track record as files: what anybody may check or draw for themselves."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
import pandas as pd

from bot.domain.performance import Performance
from bot.track_record import Traded
from bot.trial import Scorecard, Trial

DIGITS = 12  # of a number that is no Decimal: a cent of ten billions
SHORT = f"%.{DIGITS}g"


def write(trial: Trial, folder: Path) -> list[Path]:
    """Write summary, trades, equity, weights and turnover as CSV, each whole or not at all.

    Files of these names are replaced.
    """
    return put(_tables(trial), folder, SHORT)


def put(
    tables: Iterable[tuple[str, pd.DataFrame]], folder: Path, floats: str | None = None
) -> list[Path]:
    """Write tables as CSV by their names, each whole or not at all; floats exact by default."""
    folder.mkdir(parents=True, exist_ok=True)
    return [keep(table, folder / f"{name}.csv", floats) for name, table in tables]


def keep(table: pd.DataFrame, path: Path, floats: str | None = SHORT) -> Path:
    """Write a table as CSV, whole or not at all; floats in so many digits, or exact."""
    beside = path.with_suffix(".csv.part")
    if floats is None and (text := _by_day(table)) is not None:
        beside.write_text(text, "ascii")
    else:
        table.to_csv(beside, index=False, float_format=floats, lineterminator="\n")
    beside.replace(path)
    return path


def _by_day(table: pd.DataFrame) -> str | None:
    """A table of a day and known floats as CSV, a row that repeats the last one written once.

    None of any other table. Weights stand still for a month: most of their rows repeat.
    """
    days, *columns = (table[name] for name in table)
    numbers = np.column_stack(columns) if columns else np.empty(0)
    dated = pd.api.types.is_datetime64_dtype(days.dtype)
    if not dated or numbers.dtype != np.float64 or not np.isfinite(numbers).all():
        return None
    changed = np.ones(len(table), dtype=bool)
    changed[1:] = (numbers[1:] != numbers[:-1]).any(axis=1)
    lines, told = [",".join(map(str, table.columns))], ""
    texts = np.datetime_as_string(days.to_numpy(), unit="D").tolist()
    for day, row, new in zip(texts, numbers, changed.tolist(), strict=True):
        told = ",".join(map(repr, row.tolist())) if new else told
        lines.append(f"{day},{told}")
    return "\n".join([*lines, ""])


def _tables(trial: Trial) -> Iterator[tuple[str, pd.DataFrame]]:
    record = trial.record
    yield "summary", _summary(trial.scorecard)
    rows = [asdict(trade) for trade in record.trades]
    yield "trades", pd.DataFrame(rows, columns=[each.name for each in fields(Traded)])
    money = {"equity": record.equity, "cash": record.cash, "benchmark": trial.held}
    yield "equity", pd.DataFrame(money).rename_axis("session").reset_index()
    yield "weights", record.weights.reset_index()
    moved = {"traded": record.traded, "turnover": record.turnover}
    yield "turnover", pd.DataFrame(moved).reset_index()


def _summary(card: Scorecard) -> pd.DataFrame:
    """A row for the strategy, a row for its benchmark held."""
    names = [each.name for each in fields(Performance)]
    tried = {"name": card.profile, **asdict(card.performance)}
    tried |= {"orders": card.orders, "commission": card.commission, "slippage": card.slippage}
    held = {"name": card.benchmark, **asdict(card.held)}
    return pd.DataFrame([tried, held], columns=["name", *names, "orders", "commission", "slippage"])
