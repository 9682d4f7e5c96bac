"""A user's folder: a settings file, prices, a state directory, and the command line on them."""

import gzip
import io
from collections.abc import Mapping
from contextlib import chdir
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
from typer.testing import CliRunner, Result

from adapters.synthetic import BUNDLED
from bot import app
from bot.__main__ import cli
from bot.app import House, Time
from bot.domain.model import Symbol
from bot.ledger import SqlLedger
from bot.schedule import JumpingClock, JumpingWakes
from bot.words import Language
from config.settings import Settings, load
from tests.fakes import Phone

BOOK = "rotation"
QUARTER_END = date(2026, 9, 30)
ORDINARY = date(2026, 10, 1)
SUNDAY = date(2026, 10, 4)


@dataclass(frozen=True)
class Scratch:
    """A folder with bot.toml in it, and what a user does there."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "bot.toml"

    def write(
        self,
        *,
        mode: str = "paper",
        language: Language = Language.EN,
        prices: Path | None = BUNDLED,
        books: Mapping[str, str] | None = None,
        shares: Mapping[Symbol, int] | None = None,
        more: str = "",
    ) -> "Scratch":
        """The settings of books, each with its paper account, all on one price file."""
        held = ", ".join(f"{symbol} = {n}" for symbol, n in (shares or {}).items())
        lines = [f'mode = "{mode}"', f'language = "{language}"', "[markets.prices]"]
        lines += ['kind = "tables"', f'path = "{prices}"' if prices else ""]
        for book, account in (books or {BOOK: "practice"}).items():
            lines += [f"[brokers.{book}]", 'kind = "paper"', 'market = "prices"', "cash = 25_000"]
            lines += [f'account = "{account}"', f"shares = {{ {held} }}"]
            lines += [f"[books.{book}]", f'broker = "{book}"', 'profile = "global_etf_rotation"']
        self.config.write_text("\n".join([*lines, more]), encoding="utf-8")
        return self

    def settings(self) -> Settings:
        return load(self.config)

    def call(self, *arguments: str) -> Result:
        """The command line in this folder, as a shell would start it."""
        with chdir(self.folder):
            return CliRunner().invoke(cli, arguments, env={"BELLWETHER_CONFIG": ""})

    def house(
        self, at: datetime, ledger: SqlLedger | None = None, phone: Phone | None = None
    ) -> House:
        """Everything in its place at a moment of a clock that jumps."""
        clock = JumpingClock(at)
        time = Time(clock, JumpingWakes(clock))
        memory = ledger or SqlLedger.open(None)
        return app.house(self.settings(), memory, lambda _: time, phone or Phone())


def near_close(day: date) -> datetime:
    """Ten minutes before four in New York, in summer time."""
    return datetime(day.year, day.month, day.day, 19, 50, tzinfo=UTC)


def closes() -> pd.DataFrame:
    """The bundled prices: a column of dates, then one for each symbol."""
    return pd.read_csv(io.BytesIO(gzip.decompress(BUNDLED.read_bytes())))


def written(table: pd.DataFrame, path: Path) -> Path:
    """A table as a CSV file."""
    table.to_csv(path, index=False)
    return path
