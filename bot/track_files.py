"""A track record as files: what anybody may check or draw for themselves."""

from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path

import pandas as pd

from bot.domain.performance import Performance
from bot.track_record import Traded
from bot.trial import Scorecard, Trial

DIGITS = 12  # of a number that is no Decimal: a cent of ten billions


def write(trial: Trial, folder: Path) -> list[Path]:
    """Write summary, trades, equity, weights and turnover as CSV, each whole or not at all.

    Files of these names are replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return [keep(table, folder / f"{name}.csv") for name, table in _tables(trial)]


def keep(table: pd.DataFrame, path: Path) -> Path:
    """Write a table as CSV, whole or not at all."""
    beside = path.with_suffix(".csv.part")
    table.to_csv(beside, index=False, float_format=f"%.{DIGITS}g", lineterminator="\n")
    beside.replace(path)
    return path


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
